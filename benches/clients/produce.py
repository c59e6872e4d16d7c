"""Sends records with librdkafka. Says "ready" after a small warm-up, waits for a line, sends, and reports as JSON.

python produce.py BOOTSTRAP TOPIC COUNT SIZE RECORDS_PER_BATCH   (0 records per batch: as many as linger and size allow)
"""
import json
import sys
import time

from confluent_kafka import Producer

WARM_UP_RECORDS = 1000
LINGER_MS = 5


def connect(bootstrap, records_per_batch, failures):
    settings = {
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "linger.ms": LINGER_MS,
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 400_000,
        "delivery.report.only.error": True,
        "on_delivery": lambda error, _: failures.append(str(error)) if error else None,
    }
    if records_per_batch:
        settings["batch.num.messages"] = records_per_batch
    return Producer(settings)


def send(producer, topic, value, count):
    produce = producer.produce
    for _ in range(count):
        while True:
            try:
                produce(topic, value, partition=0)
                break
            except BufferError:
                producer.poll(0.01)
    if producer.flush(120):
        sys.exit("records are still waiting after 120 s")


def main():
    bootstrap, topic, count, size, records_per_batch = sys.argv[1:]
    failures = []
    producer = connect(bootstrap, int(records_per_batch), failures)
    value = bytes(range(256)) * (int(size) // 256 + 1)
    value = value[: int(size)]
    send(producer, topic, value, WARM_UP_RECORDS)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.monotonic()
    send(producer, topic, value, int(count))
    print(json.dumps({"seconds": time.monotonic() - started, "failed": len(failures), "first": failures[:1]}), flush=True)


main()
