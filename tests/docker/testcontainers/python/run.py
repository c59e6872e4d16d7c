"""Starts the broker's image through the unmodified Kafka module of Testcontainers for Python, produces and consumes."""
import os
import sys
import traceback

from confluent_kafka import Consumer, Producer
from testcontainers.community.kafka import KafkaContainer

RECORDS = 20
# The module reads the version of Confluent's image from the tag.
IMAGE = os.environ.get("IMAGE", "barnabas/cp-kafka:8.0.0")
PLAIN_IMAGE = os.environ.get("PLAIN_IMAGE", "barnabas:dev")


def round_trip(container):
    with container as kafka:
        server = kafka.get_bootstrap_server()
        undelivered = []
        producer = Producer({"bootstrap.servers": server, "message.timeout.ms": 20000})
        for i in range(RECORDS):
            producer.produce("words", f"word {i}", on_delivery=lambda error, _: undelivered.append(error) if error else None)
        assert producer.flush(25) == 0 and not undelivered, f"not delivered: {undelivered[:1]}"
        read = consume(server)
    assert read == [f"word {i}" for i in range(RECORDS)], f"read {read}"


def consume(server):
    consumer = Consumer({"bootstrap.servers": server, "group.id": "readers", "auto.offset.reset": "earliest"})
    consumer.subscribe(["words"])
    read = []
    for _ in range(300):
        message = consumer.poll(0.1)
        if message is not None:
            assert message.error() is None, message.error()
            read.append(message.value().decode())
        if len(read) >= RECORDS:
            break
    consumer.commit(asynchronous=False)
    consumer.close()
    return read


CHECKS = {
    "python_with_zookeeper": lambda: KafkaContainer(PLAIN_IMAGE),
    "python_with_kraft": lambda: KafkaContainer(IMAGE).with_kraft(),
    "python_with_kraft_and_cluster_id": lambda: KafkaContainer(IMAGE).with_kraft().with_cluster_id("any-text-of-mine"),
}


def main():
    failed = 0
    for name, container in CHECKS.items():
        try:
            round_trip(container())
            print(f"ok - {name}", flush=True)
        except Exception as error:  # noqa: BLE001: whatever went wrong is the result
            failed += 1
            traceback.print_exc()
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"not ok - {name}: {reason[:400]}", flush=True)
    print(f"1..{len(CHECKS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
