"""Records through confluent-kafka: what was written comes back byte for byte, and what must be refused is."""
import time

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError

from checks import equal, failure, holds
from client import assigned_consumer, code_of, new_producer, new_topic, numbers, poll_messages, read_all, send, send_all, send_numbered

BINARY = bytes(range(256))


def keeps_keys_headers_and_timestamps():
    topic = new_topic()
    headers = [("trace", b"abc"), ("twice", b"one"), ("twice", b"two"), ("empty", b""), ("none", None), ("bytes", BINARY)]
    equal(send(topic, BINARY, key=b"k", headers=headers, timestamp=1700000000123).offset(), 0)
    message = read_all(topic, 1)[0]
    equal((message.key(), message.value(), message.offset(), message.partition()), (b"k", BINARY, 0, 0))
    equal((message.timestamp(), message.headers()), ((TIMESTAMP_CREATE_TIME, 1700000000123), headers))
    equal(message.leader_epoch(), 0)


def keeps_null_and_empty_keys_and_values():
    topic = new_topic()
    sent = [(None, b"v"), (b"k", None), (b"", b""), (None, None)]
    send_all(topic, [{"key": key, "value": value} for key, value in sent])
    equal([(message.key(), message.value()) for message in read_all(topic, len(sent))], sent)


def round_trips(codec):
    topic = new_topic()
    sent = [(b"k%d" % i, BINARY + b"compressible " * i, 1000 + i) for i in range(50)]
    sender = new_producer(compression_type=codec, linger_ms=20)
    delivered = send_all(topic, [{"key": key, "value": value, "timestamp": at, "headers": [("n", b"x")]} for key, value, at in sent], sender)
    equal([message.offset() for message in delivered], list(range(50)))
    read = read_all(topic, len(sent))
    equal([(message.key(), message.value(), message.timestamp()[1]) for message in read], sent)
    equal([message.offset() for message in read], list(range(50)))


def round_trips_gzip():
    round_trips("gzip")


def round_trips_snappy():
    round_trips("snappy")


def round_trips_lz4():
    round_trips("lz4")


def round_trips_zstd():
    round_trips("zstd")


def keeps_mixed_codecs_in_order():
    topic = new_topic()
    for i, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd", "none")):
        send_numbered(topic, 5, first=i * 5, sender=new_producer(compression_type=codec))
    equal(numbers(read_all(topic, 30)), list(range(30)))


def topic_compression_overrides_the_producer():
    for wanted in ("gzip", "zstd", "uncompressed"):
        topic = new_topic(configs={"compression.type": wanted})
        send_numbered(topic, 20, sender=new_producer(compression_type="lz4", linger_ms=20))
        equal(numbers(read_all(topic, 20)), list(range(20)))


def keeps_batches_of_1000_in_order():
    topic = new_topic(partitions=3)
    sender = new_producer(linger_ms=20, batch_num_messages=1000)
    records = [{"value": b"%d" % i, "partition": i % 3} for i in range(30_000)]
    equal(len(send_all(topic, records, sender)), 30_000)
    read = read_all(topic, 30_000)
    equal(len(read), 30_000)
    for partition in range(3):
        own = [message for message in read if message.partition() == partition]
        equal(numbers(own), list(range(partition, 30_000, 3)), f"partition {partition}")
        equal([message.offset() for message in own], list(range(10_000)), f"offsets of {partition}")


def idempotent_producer_writes_once_in_order():
    topic = new_topic()
    sender = new_producer(enable_idempotence=True, batch_num_messages=50, max_in_flight_requests_per_connection=5)
    send_numbered(topic, 5000, sender=sender)
    equal(numbers(read_all(topic, 5000)), list(range(5000)))


def honours_all_acks():
    topic = new_topic()
    for value, acks in ((b"0", 1), (b"1", 0), (b"2", "all")):
        send(topic, value, new_producer(acks=acks))
    equal([message.value() for message in read_all(topic, 3)], [b"0", b"1", b"2"])


def log_append_time_overrides_client_time():
    topic = new_topic(configs={"message.timestamp.type": "LogAppendTime"})
    before = int(time.time() * 1000) - 1000
    delivered = send(topic, b"x", timestamp=1)
    kind, at = read_all(topic, 1)[0].timestamp()
    equal(kind, TIMESTAMP_LOG_APPEND_TIME)
    holds(at > before, at)
    equal(delivered.timestamp(), (kind, at))


def refuses_record_above_the_topic_limit():
    topic = new_topic(configs={"max.message.bytes": "2000"})
    equal(code_of(failure(send, topic, b"x" * 3000)), KafkaError.MSG_SIZE_TOO_LARGE)
    equal(send(topic, b"small").offset(), 0)


def keeps_record_just_under_the_default_limit():
    topic = new_topic()
    value = b"\x07" * 999_000
    send(topic, value)
    holds(read_all(topic, 1)[0].value() == value, "the value changed")


def reads_record_larger_than_the_fetch_limits():
    topic = new_topic()
    send(topic, b"a" * 300_000)
    send(topic, b"b" * 300_000)
    consumer = assigned_consumer(topic, offset=-2, fetch_message_max_bytes=1000, fetch_max_bytes=1000, message_max_bytes=1000)
    equal([len(message.value()) for message in poll_messages(consumer, 2)], [300_000, 300_000])
    consumer.close()


def refuses_keyless_record_on_compacted_topic():
    topic = new_topic(configs={"cleanup.policy": "compact"})
    equal(code_of(failure(send, topic, b"x")), KafkaError.INVALID_RECORD)
    equal(send(topic, b"x", key=b"k").offset(), 0)


def refuses_timestamps_too_far_ahead():
    topic = new_topic()
    ahead = int((time.time() + 2 * 3600) * 1000)
    equal(code_of(failure(send, topic, b"x", timestamp=ahead)), KafkaError.INVALID_TIMESTAMP)


CHECKS = [
    keeps_keys_headers_and_timestamps, keeps_null_and_empty_keys_and_values, round_trips_gzip, round_trips_snappy,
    round_trips_lz4, round_trips_zstd, keeps_mixed_codecs_in_order, topic_compression_overrides_the_producer,
    keeps_batches_of_1000_in_order, idempotent_producer_writes_once_in_order, honours_all_acks,
    log_append_time_overrides_client_time, refuses_record_above_the_topic_limit, keeps_record_just_under_the_default_limit,
    reads_record_larger_than_the_fetch_limits, refuses_keyless_record_on_compacted_topic, refuses_timestamps_too_far_ahead,
]
