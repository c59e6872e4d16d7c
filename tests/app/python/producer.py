"""Sends COUNT events to TOPIC with an idempotent kafka-python producer and logs each acknowledged one."""
import json
import os
import sys
import threading
import time

from kafka import KafkaProducer

from common import BOOTSTRAP, FOR_EVER_MS, RECONNECT, TOPIC, LineLog, complain, create_topic, patiently

COUNT = int(os.environ.get("COUNT", "1000"))
KEYS = int(os.environ.get("KEYS", "1000"))
RATE = float(os.environ.get("RATE", "0"))
PREFIX = os.environ.get("PREFIX", "customer")
UNACKNOWLEDGED_AT_MOST = 20_000
SLICE = 500


class Acknowledgements:
    """Counts and logs what came back, and holds the sender back when too much is under way."""

    def __init__(self, log):
        self._log = log
        self._free = threading.Semaphore(UNACKNOWLEDGED_AT_MOST)
        self._done = 0
        self._all = threading.Event()
        self.refusal = None

    def expect(self, future, key, seq):
        future.add_callback(self._acknowledged, key, seq)
        future.add_errback(self._refused, key, seq)

    def wait_for_room(self):
        while not self._free.acquire(timeout=1):
            self.check()

    def check(self):
        if self.refusal:
            raise self.refusal

    def _acknowledged(self, key, seq, metadata):
        self._log.write({"topic": TOPIC, "key": key, "seq": seq, "partition": metadata.partition, "offset": metadata.offset})
        self._free.release()
        self._done += 1
        if self._done == COUNT:
            self._all.set()

    def _refused(self, key, seq, error):
        complain(f"{key} {seq} refused: {error!r}")
        self.refusal = error
        self._free.release()

    def wait_for_all(self):
        while not self._all.wait(1):
            self.check()


def event(i):
    key, seq = f"{PREFIX}-{i % KEYS}", i // KEYS
    return key, seq, json.dumps({"seq": seq, "amount": i * 7919 % 100_000 / 100, "currency": "EUR"}).encode()


def new_producer():
    return KafkaProducer(
        bootstrap_servers=BOOTSTRAP, enable_idempotence=True, acks="all", linger_ms=20, batch_size=128 * 1024,
        delivery_timeout_ms=FOR_EVER_MS, request_timeout_ms=10_000, max_block_ms=FOR_EVER_MS, **RECONNECT,
    )


def send_all(producer, acknowledgements, begun):
    for i in range(COUNT):
        key, seq, value = event(i)
        acknowledgements.wait_for_room()
        acknowledgements.expect(producer.send(TOPIC, value, key=key.encode()), key, seq)
        if RATE and i % SLICE == 0:
            time.sleep(max(0.0, begun + i / RATE - time.monotonic()))
    producer.flush()
    acknowledgements.wait_for_all()


def main():
    log = LineLog(os.environ.get("OUT", f"acks-{TOPIC}.jsonl"))
    create_topic()
    producer = patiently(new_producer)
    begun = time.monotonic()
    try:
        send_all(producer, Acknowledgements(log), begun)
    except Exception as error:
        complain(f"refused for good: {error!r}")
        return 1
    finally:
        log.flush()
    print(f"{COUNT} events acknowledged in {1000 * (time.monotonic() - begun):.0f} ms", flush=True)
    producer.close(5)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
