"""Clients on the host: librdkafka produces, kafka-python consumes."""
import uuid

from confluent_kafka import Producer
from kafka import KafkaConsumer

RECORDS = 25


class NotDelivered(Exception):
    """At least one record was not acknowledged."""


def produce(address, topic, limit_s=20):
    """How many records were acknowledged; less than all raises."""
    errors = []
    producer = Producer({"bootstrap.servers": address, "message.timeout.ms": int(limit_s * 1000), "log_level": 0, "client.id": "host"})
    for i in range(RECORDS):
        producer.produce(topic, f"host {i}", on_delivery=lambda error, _: errors.append(error) if error else None)
    left = producer.flush(limit_s + 2)
    if left or errors:
        raise NotDelivered(f"{left} records without an answer, {len(errors)} refused: {errors[:1]}")
    return RECORDS


def consume(address, topic, count):
    """How many records a new group reads from the beginning; it stops at `count`, or when nothing comes any more."""
    consumer = KafkaConsumer(topic, bootstrap_servers=address, group_id=f"host-{uuid.uuid4().hex[:8]}", auto_offset_reset="earliest",
                             consumer_timeout_ms=15000)
    read = 0
    for _ in consumer:
        read += 1
        if read == count:
            break
    consumer.close()
    return read
