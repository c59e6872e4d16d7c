"""Records through aiokafka: what was written comes back byte for byte, and what must be refused is."""
import time

from aiokafka import errors

from checks import equal, holds
from client import failure, lagging, new_producer, new_topic, numbers, producer, read_all, send, send_numbered

BINARY = bytes(range(256))


async def keeps_keys_headers_and_timestamps():
    topic = await new_topic()
    headers = [("trace", b"abc"), ("twice", b"one"), ("twice", b"two"), ("empty", b""), ("bytes", BINARY)]
    metadata = await send(topic, BINARY, key=b"k", headers=headers, timestamp_ms=1700000000123)
    equal((metadata.partition, metadata.offset, metadata.timestamp), (0, 0, 1700000000123))
    record = (await read_all(topic, 1))[0]
    equal((record.key, record.value, record.offset, record.timestamp, record.timestamp_type), (b"k", BINARY, 0, 1700000000123, 0))
    equal([tuple(header) for header in record.headers], headers)


async def keeps_null_and_empty_keys_and_values():
    topic = await new_topic()
    sent = [(None, b"v"), (b"k", None), (b"", b""), (b"e", b"")]
    for key, value in sent:
        await send(topic, value, key=key)
    equal([(record.key, record.value) for record in await read_all(topic, len(sent))], sent)


async def round_trips(codec):
    topic = await new_topic()
    sender = await new_producer(compression_type=codec, linger_ms=20)
    await lagging(lambda: sender.partitions_for(topic))
    sent = [(b"k%d" % i, BINARY + b"compressible " * i, 1000 + i) for i in range(50)]
    futures = [await sender.send(topic, value, key=key, headers=[("n", b"x")], timestamp_ms=at) for key, value, at in sent]
    equal([(await future).offset for future in futures], list(range(50)))
    await sender.stop()
    read = await read_all(topic, len(sent), check_crcs=True)
    equal([(record.key, record.value, record.timestamp) for record in read], sent)
    equal([record.offset for record in read], list(range(50)))


async def round_trips_gzip():
    await round_trips("gzip")


async def round_trips_snappy():
    await round_trips("snappy")


async def round_trips_lz4():
    await round_trips("lz4")


async def round_trips_zstd():
    await round_trips("zstd")


async def keeps_batches_of_1000_in_order():
    """Batches built by hand, as aiokafka allows."""
    topic = await new_topic(partitions=3)
    await lagging(lambda: producer().partitions_for(topic))
    for n in range(6):
        batch = producer().create_batch()
        for i in range(1000):
            holds(batch.append(key=None, value=b"%d" % (n // 3 * 1000 + i), timestamp=None), "the batch is full")
        metadata = await (await producer().send_batch(batch, topic, partition=n % 3))
        equal(metadata.offset, n // 3 * 1000)
    read = await read_all(topic, 6000)
    equal(len(read), 6000)
    for partition in range(3):
        own = [record for record in read if record.partition == partition]
        equal(numbers(own), list(range(2000)), f"partition {partition}")
        equal([record.offset for record in own], list(range(2000)), f"offsets of {partition}")


async def idempotent_producer_writes_once_in_order():
    topic = await new_topic()
    sender = await new_producer(enable_idempotence=True, linger_ms=2)
    await send_numbered(topic, 3000, sender=sender)
    await sender.stop()
    equal(numbers(await read_all(topic, 3000)), list(range(3000)))


async def honours_all_acks():
    topic = await new_topic()
    for value, acks in ((b"0", 1), (b"1", 0), (b"2", "all")):
        sender = await new_producer(acks=acks)
        await send(topic, value, sender)
        await sender.stop()
    equal([record.value for record in await read_all(topic, 3)], [b"0", b"1", b"2"])


async def log_append_time_overrides_client_time():
    topic = await new_topic(configs={"message.timestamp.type": "LogAppendTime"})
    before = int(time.time() * 1000) - 1000
    metadata = await send(topic, b"x", timestamp_ms=1)
    record = (await read_all(topic, 1))[0]
    holds(record.timestamp > before, record.timestamp)
    equal((record.timestamp_type, metadata.timestamp), (1, record.timestamp))


async def refuses_record_above_the_topic_limit():
    topic = await new_topic(configs={"max.message.bytes": "2000"})
    equal(type(await failure(send(topic, b"x" * 3000))), errors.MessageSizeTooLargeError)
    equal((await send(topic, b"small")).offset, 0)


async def keeps_record_just_under_the_default_limit():
    topic = await new_topic()
    value = b"\x07" * 1_000_000
    await send(topic, value)
    holds((await read_all(topic, 1))[0].value == value, "the value changed")


async def reads_record_larger_than_the_fetch_limits():
    topic = await new_topic()
    await send(topic, b"a" * 300_000)
    await send(topic, b"b" * 300_000)
    read = await read_all(topic, 2, max_partition_fetch_bytes=1000, fetch_max_bytes=1000)
    equal([len(record.value) for record in read], [300_000, 300_000])


async def refuses_keyless_record_on_compacted_topic():
    topic = await new_topic(configs={"cleanup.policy": "compact"})
    error = await failure(send(topic, b"x"))
    equal(type(error), errors.UnknownError, "what aiokafka makes of INVALID_RECORD, which it does not know")
    equal((await send(topic, b"x", key=b"k")).offset, 0)


CHECKS = [
    keeps_keys_headers_and_timestamps, keeps_null_and_empty_keys_and_values, round_trips_gzip, round_trips_snappy,
    round_trips_lz4, round_trips_zstd, keeps_batches_of_1000_in_order, idempotent_producer_writes_once_in_order,
    honours_all_acks, log_append_time_overrides_client_time, refuses_record_above_the_topic_limit,
    keeps_record_just_under_the_default_limit, reads_record_larger_than_the_fetch_limits,
    refuses_keyless_record_on_compacted_topic,
]
