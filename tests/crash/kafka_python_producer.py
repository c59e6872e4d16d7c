"""An idempotent kafka-python producer that sends until SIGTERM; one client per compression."""
import os
import sys
import time

from kafka import KafkaProducer, errors

from common import BOOTSTRAP, RATE, TOPICS, AckLog, event, places, stop_on_signals, stopping

FOR_EVER_MS = 2**31 - 1
FLUSH_S = 60


def new_producer(compression):
    while True:
        try:
            return KafkaProducer(
                bootstrap_servers=BOOTSTRAP, enable_idempotence=True, acks="all", compression_type=None if compression == "none" else compression,
                linger_ms=5, delivery_timeout_ms=FOR_EVER_MS, request_timeout_ms=5000, max_block_ms=FOR_EVER_MS, retry_backoff_ms=20,
                reconnect_backoff_ms=10, reconnect_backoff_max_ms=50,
            )
        except errors.KafkaError as error:
            print(f"again after: {error!r}", file=sys.stderr)


def send_all(producers, log):
    begun = time.monotonic()
    for sent, (topic, partition, number) in enumerate(places()):
        while not log.wait_for_room():
            if stopping.is_set():
                return
        if stopping.is_set() or log.refusal:
            return
        place = (topic["name"], partition, number)
        future = producers[topic["compression"]].send(topic["name"], event(number), partition=partition)
        future.add_callback(lambda metadata, place=place: log.acknowledged(*place, metadata.offset))
        future.add_errback(lambda error, place=place: log.refused(*place, repr(error)))
        if sent % 20 == 0:
            time.sleep(max(0.0, min(0.1, begun + sent / RATE - time.monotonic())))


def main():
    stop_on_signals()
    log = AckLog()
    producers = {topic["compression"]: new_producer(topic["compression"]) for topic in TOPICS}
    send_all(producers, log)
    for producer in producers.values():
        producer.flush(FLUSH_S)
    if log.refusal:
        print(log.refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
