"""Consumer groups and positions through aiokafka."""
import asyncio
import time

from aiokafka import TopicPartition, errors
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.structs import OffsetAndMetadata

from checks import equal, holds, note, unique
from client import (
    Member, admin, assigned_consumer, eventually, failure, new_producer, new_topic, numbers, poll_records, send_numbered,
)


async def reads_first_record_in_new_group():
    topic = await new_topic()
    await send_numbered(topic, 1)
    begun = time.monotonic()
    member = await Member.join(unique("group"), topic)
    await member.read(1)
    note(f"first record in a new group after {1000 * (time.monotonic() - begun):.0f} ms")
    await member.stop()


async def rebalance(**settings):
    """Two members, one of which joins late and leaves early; every record is read exactly once."""
    topic = await new_topic(partitions=4)
    group = unique("group")
    settings = {"enable_auto_commit": True, **settings}
    first = await Member.join(group, topic, partitions=4, **settings)
    await send_numbered(topic, 50)
    await first.read(50)
    second = await Member.join(group, topic, partitions=2, **settings)
    await first.holds(2)
    for partition in range(4):
        await send_numbered(topic, 50, partition, first=50 + partition * 50)
    await eventually("every record", lambda: len(first.records) + len(second.records) >= 250)
    await second.stop()
    await first.holds(4)
    for partition in range(4):
        await send_numbered(topic, 25, partition, first=250 + partition * 25)
    await eventually("the last records", lambda: len(first.records) + len(second.records) >= 350)
    await asyncio.sleep(0.1)
    equal(sorted(numbers(first.records + second.records)), list(range(350)))
    await first.stop()


async def rebalances_as_members_come_and_go():
    await rebalance()


async def rebalances_with_sticky_assignor():
    await rebalance(partition_assignment_strategy=[StickyPartitionAssignor])


async def static_member_returns_without_rebalance():
    topic = await new_topic(partitions=2)
    group = unique("group")
    stays = await Member.join(group, topic, partitions=2, group_instance_id="stays")
    leaves = await Member.join(group, topic, partitions=1, group_instance_id="leaves")
    await stays.holds(1)
    owned, before = leaves.consumer.assignment(), stays.consumer._coordinator.generation
    await leaves.stop()
    back = await Member.join(group, topic, partitions=1, group_instance_id="leaves")
    await asyncio.sleep(0.5)
    equal((back.consumer.assignment(), stays.consumer._coordinator.generation), (owned, before))
    await back.stop()
    await stays.stop()


async def commits_with_metadata_and_resumes():
    topic = await new_topic()
    group = unique("group")
    partition = TopicPartition(topic, 0)
    await send_numbered(topic, 10)
    member = await Member.join(group, topic, partitions=1)
    await member.consumer.commit({partition: (4, "by hand")})
    equal(await member.consumer.committed(partition), 4)
    await member.stop()
    equal(await admin().list_consumer_group_offsets(group), {partition: OffsetAndMetadata(4, "by hand")})
    second = await Member.join(group, topic)
    await second.read(6)
    await second.stop()
    equal(numbers(second.records), [4, 5, 6, 7, 8, 9])


async def never_committed_is_none():
    topic = await new_topic()
    member = await Member.join(unique("group"), topic, partitions=1)
    equal(await member.consumer.committed(TopicPartition(topic, 0)), None)
    await member.stop()


async def auto_commits_what_was_read():
    topic = await new_topic()
    group = unique("group")
    await send_numbered(topic, 10)
    member = await Member.join(group, topic, enable_auto_commit=True)
    await member.read(10)
    await member.stop()
    equal((await admin().list_consumer_group_offsets(group))[TopicPartition(topic, 0)].offset, 10)


async def seeks_to_offset_beginning_and_end():
    topic = await new_topic()
    partition = TopicPartition(topic, 0)
    await send_numbered(topic, 20)
    consumer = await assigned_consumer(topic)
    consumer.seek(partition, 15)
    equal(numbers(await poll_records(consumer, 5)), [15, 16, 17, 18, 19])
    await consumer.seek_to_beginning(partition)
    equal(numbers(await poll_records(consumer, 20)), list(range(20)))
    await consumer.seek_to_end(partition)
    equal(await consumer.position(partition), 20)
    equal((await consumer.beginning_offsets([partition]), await consumer.end_offsets([partition])), ({partition: 0}, {partition: 20}))
    await consumer.stop()


async def finds_offsets_by_timestamp_inside_compressed_batches():
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = await new_topic()
        partition = TopicPartition(topic, 0)
        sender = await new_producer(compression_type=codec, linger_ms=20)
        await send_numbered(topic, 10, stamped=True, sender=sender)
        await sender.stop()
        consumer = await assigned_consumer(topic)
        for at, offset in ((1, 0), (1000, 0), (4500, 4), (5000, 4), (10_000, 9)):
            found = (await consumer.offsets_for_times({partition: at}))[partition]
            equal((found.offset, found.timestamp), (offset, 1000 * (offset + 1)), f"{codec} at {at}")
        equal(await consumer.offsets_for_times({partition: 10_001}), {partition: None}, f"{codec} beyond the end")
        await consumer.stop()


async def pauses_and_resumes_partitions():
    topic = await new_topic(partitions=2)
    consumer = await assigned_consumer(topic, 2)
    paused = TopicPartition(topic, 1)
    consumer.pause(paused)
    await send_numbered(topic, 5, partition=1, first=100)
    await send_numbered(topic, 5)
    equal(numbers(await poll_records(consumer, 5)), [0, 1, 2, 3, 4])
    equal(await consumer.getmany(timeout_ms=300), {})
    consumer.resume(paused)
    equal(numbers(await poll_records(consumer, 5)), [100, 101, 102, 103, 104])
    await consumer.stop()


async def out_of_range_offset_is_reset_or_told():
    topic = await new_topic()
    partition = TopicPartition(topic, 0)
    await send_numbered(topic, 10)
    consumer = await assigned_consumer(topic)
    consumer.seek(partition, 500)
    equal(numbers(await poll_records(consumer, 10)), list(range(10)))
    await consumer.stop()
    consumer = await assigned_consumer(topic, auto_offset_reset="none")
    consumer.seek(partition, 500)
    equal(type(await failure(poll_records(consumer, 1, 5))), errors.OffsetOutOfRangeError)
    await consumer.stop()


async def long_poll_ends_when_data_arrives():
    topic = await new_topic()
    consumer = await assigned_consumer(topic, fetch_max_wait_ms=3000)
    await consumer.getmany(timeout_ms=300)
    begun = time.monotonic()
    await send_numbered(topic, 1)
    equal(numbers(await poll_records(consumer, 1)), [0])
    holds(time.monotonic() - begun < 1.5, "the fetch waited although there was data")
    await consumer.stop()


async def describes_and_lists_groups():
    topic = await new_topic(partitions=2)
    group = unique("group")
    member = await Member.join(group, topic, partitions=2)
    answer = (await admin().describe_consumer_groups([group]))[0]
    code, group_id, state, kind, protocol, members = answer.groups[0][:6]
    equal((code, group_id, state, kind, protocol, len(members)), (0, group, "Stable", "consumer", "roundrobin", 1))
    holds((group, "consumer") in [tuple(found[:2]) for found in await admin().list_consumer_groups()], "not listed")
    await member.stop()
    answer = (await admin().describe_consumer_groups([group]))[0]
    equal(answer.groups[0][2], "Empty")


CHECKS = [
    reads_first_record_in_new_group, rebalances_as_members_come_and_go, rebalances_with_sticky_assignor,
    static_member_returns_without_rebalance, commits_with_metadata_and_resumes, never_committed_is_none, auto_commits_what_was_read,
    seeks_to_offset_beginning_and_end, finds_offsets_by_timestamp_inside_compressed_batches, pauses_and_resumes_partitions,
    out_of_range_offset_is_reset_or_told, long_poll_ends_when_data_arrives, describes_and_lists_groups,
]
