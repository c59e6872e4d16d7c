"""Joins a new group with librdkafka and reports as JSON how long the first record took.

python first_record.py BOOTSTRAP TOPIC GROUP
"""
import json
import sys
import time

from confluent_kafka import Consumer

GIVE_UP_SECONDS = 60


def main():
    bootstrap, topic, group = sys.argv[1:]
    started = time.monotonic()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    while time.monotonic() - started < GIVE_UP_SECONDS:
        message = consumer.poll(0.1)
        if message is not None and not message.error():
            print(json.dumps({"ms": (time.monotonic() - started) * 1000}), flush=True)
            consumer.close()
            return
    sys.exit("no record arrived")


main()
