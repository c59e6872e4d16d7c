"""Records through kafka-python: what was written comes back byte for byte, and what must be refused is."""
import time

from kafka import TopicPartition, errors

from checks import Skip, equal, failure, holds
from client import NEW, lagging, new_consumer, new_producer, new_topic, read_all, send, send_numbered

BINARY = bytes(range(256))


def failed_send(topic, value):
    """How sending ends, on a producer of its own: an idempotent one of 3.x is of no more use after a refusal."""
    sender = new_producer()
    error = failure(send, topic, value, sender)
    sender.close(1)
    return error


def keeps_keys_headers_and_timestamps():
    topic = new_topic()
    headers = [("trace", b"abc"), ("twice", b"one"), ("twice", b"two"), ("empty", b""), ("bytes", BINARY)]
    metadata = send(topic, BINARY, key=b"k", headers=headers, timestamp_ms=1700000000123)
    equal((metadata.partition, metadata.offset, metadata.timestamp), (0, 0, 1700000000123))
    record = read_all(topic, 1)[0]
    equal((record.key, record.value, record.offset, record.timestamp, record.timestamp_type), (b"k", BINARY, 0, 1700000000123, 0))
    equal([tuple(header) for header in record.headers], headers)


def keeps_null_and_empty_keys_and_values():
    topic = new_topic()
    sent = [(None, b"v"), (b"k", None), (b"", b""), (b"e", b"")]
    for key, value in sent:
        send(topic, value, key=key)
    equal([(record.key, record.value) for record in read_all(topic, len(sent))], sent)


def round_trips(codec):
    topic = new_topic()
    sender = new_producer(compression_type=codec, linger_ms=20)
    sent = [(b"k%d" % i, BINARY + b"compressible " * i, 1000 + i) for i in range(50)]
    lagging(lambda: sender.partitions_for(topic))
    futures = [sender.send(topic, value, key=key, headers=[("n", b"x")], timestamp_ms=at) for key, value, at in sent]
    sender.flush(10)
    equal([future.get(10).offset for future in futures], list(range(50)))
    sender.close(2)
    read = read_all(topic, len(sent), check_crcs=True)
    equal([(record.key, record.value, record.timestamp) for record in read], sent)
    equal([record.offset for record in read], list(range(50)))


def round_trips_gzip():
    round_trips("gzip")


def round_trips_snappy():
    round_trips("snappy")


def round_trips_lz4():
    round_trips("lz4")


def round_trips_zstd():
    round_trips("zstd")


def keeps_batches_of_1000_in_order():
    topic = new_topic(partitions=3)
    sender = new_producer(linger_ms=20, batch_size=65536)
    futures = [(i, sender.send(topic, b"%d" % i, partition=i % 3)) for i in range(6000)]
    sender.flush(10)
    for i, future in futures:
        equal((future.get(10).partition, future.get(10).offset), (i % 3, i // 3))
    sender.close(2)
    read = read_all(topic, 6000)
    equal(len(read), 6000)
    for partition in range(3):
        own = [int(record.value) for record in read if record.partition == partition]
        equal(own, list(range(partition, 6000, 3)), f"partition {partition}")


def idempotent_producer_writes_once_in_order():
    if not NEW:
        raise Skip("2.0 has no idempotent producer")
    topic = new_topic()
    sender = new_producer(enable_idempotence=True, linger_ms=2, max_in_flight_requests_per_connection=5)
    send_numbered(topic, 2000, sender=sender)
    sender.close(2)
    equal([int(record.value) for record in read_all(topic, 2000)], list(range(2000)))


def honours_all_acks():
    if not NEW:
        raise Skip("2.0 loses its own acks=0 records, on Kafka too")
    topic = new_topic()
    for value, acks in ((b"0", 1), (b"1", 0), (b"2", "all")):
        sender = new_producer(acks=acks, enable_idempotence=False)
        send(topic, value, sender)
        time.sleep(0.1)  # without acknowledgement there is nothing to wait for before closing
        sender.close(2)
    equal([record.value for record in read_all(topic, 3)], [b"0", b"1", b"2"])


def log_append_time_overrides_client_time():
    topic = new_topic(configs={"message.timestamp.type": "LogAppendTime"})
    before = int(time.time() * 1000) - 1000
    metadata = send(topic, b"x", timestamp_ms=1)
    record = read_all(topic, 1)[0]
    holds(record.timestamp > before, record.timestamp)
    equal((record.timestamp_type, metadata.timestamp), (1, record.timestamp))


def refuses_record_above_the_topic_limit():
    topic = new_topic(configs={"max.message.bytes": "2000"})
    equal(type(failed_send(topic, b"x" * 3000)), errors.MessageSizeTooLargeError)
    equal(send(topic, b"small").offset, 0)


def keeps_record_just_under_the_default_limit():
    topic = new_topic()
    value = b"\x07" * 1_000_000
    send(topic, value)
    equal(read_all(topic, 1)[0].value == value, True)


def reads_record_larger_than_the_fetch_limits():
    topic = new_topic()
    send(topic, b"a" * 300_000)
    send(topic, b"b" * 300_000)
    read = read_all(topic, 2, max_partition_fetch_bytes=1000, fetch_max_bytes=1000)
    equal([len(record.value) for record in read], [300_000, 300_000])


def refuses_keyless_record_on_compacted_topic():
    topic = new_topic(configs={"cleanup.policy": "compact"})
    error = failed_send(topic, b"x")
    equal(type(error), errors.InvalidRecordError)
    consumer = new_consumer()
    equal(consumer.end_offsets([TopicPartition(topic, 0)])[TopicPartition(topic, 0)], 0)
    consumer.close()


CHECKS = [
    keeps_keys_headers_and_timestamps, keeps_null_and_empty_keys_and_values, round_trips_gzip, round_trips_snappy,
    round_trips_lz4, round_trips_zstd, keeps_batches_of_1000_in_order, idempotent_producer_writes_once_in_order,
    honours_all_acks, log_append_time_overrides_client_time, refuses_record_above_the_topic_limit,
    keeps_record_just_under_the_default_limit, reads_record_larger_than_the_fetch_limits,
    refuses_keyless_record_on_compacted_topic,
]
