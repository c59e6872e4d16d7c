"""Consumer groups and positions through kafka-python."""
import time

from kafka import TopicPartition, errors

from checks import Skip, equal, eventually, failure, holds, note, unique
from client import (
    NEW, Member, create_topic, delete_group, describe_group, group_names, group_offsets, lagging, new_consumer, new_producer,
    new_topic, offset_and_metadata, send_numbered,
)


def assigned_consumer(topic, partitions=1, **settings):
    consumer = new_consumer(**settings)
    consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    return consumer


def poll_values(consumer, count):
    found = []

    def poll():
        for records in consumer.poll(100).values():
            found.extend(int(record.value) for record in records)
        return len(found) >= count

    eventually(f"{count} records", poll)
    return found


def reads_first_record_in_new_group():
    topic = new_topic()
    send_numbered(topic, 1)
    begun = time.monotonic()
    member = Member(unique("group"), topic)
    member.read(1)
    note(f"first record in a new group after {1000 * (time.monotonic() - begun):.0f} ms")
    member.stop()


def rebalance(**settings):
    """Two members, one of which joins late and leaves early; every record is read exactly once."""
    topic = new_topic(partitions=4)
    group = unique("group")
    settings = {"enable_auto_commit": True, **settings}
    first = Member(group, topic, **settings).joined(4)
    send_numbered(topic, 50)
    first.read(50)
    second = Member(group, topic, **settings).joined(2)
    first.joined(2)
    for partition in range(4):
        send_numbered(topic, 50, partition, first=50 + partition * 50)
    eventually("every record", lambda: len(first.records) + len(second.records) >= 250)
    second.stop()
    first.joined(4)
    for partition in range(4):
        send_numbered(topic, 25, partition, first=250 + partition * 25)
    eventually("the last records", lambda: len(first.records) + len(second.records) >= 350)
    time.sleep(0.1)
    equal(sorted(first.values() + second.values()), list(range(350)))
    first.stop()


def rebalances_as_members_come_and_go():
    rebalance()


def rebalances_with_cooperative_sticky_assignor():
    if not NEW:
        raise Skip("2.0 has no cooperative assignor")
    from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
    rebalance(partition_assignment_strategy=[CooperativeStickyAssignor])


def static_member_returns_without_rebalance():
    if not NEW:
        raise Skip("2.0 has no static membership")
    topic = new_topic(partitions=2)
    group = unique("group")
    settings = {"session_timeout_ms": 10_000}
    stays = Member(group, topic, group_instance_id="stays", **settings).joined(2)
    leaves = Member(group, topic, group_instance_id="leaves", **settings).joined(1)
    stays.joined(1)
    generation = lambda: stays.consumer._coordinator.generation().generation_id
    before, owned = generation(), leaves.assigned
    leaves._background.stop()
    leaves.consumer.close(autocommit=False)
    equal(describe_group(group)[3], 2, "members while the static one is away")
    back = Member(group, topic, group_instance_id="leaves", **settings).joined(1)
    time.sleep(0.5)
    equal((back.assigned, generation()), (owned, before))
    back.stop()
    stays.stop()


def commits_with_metadata_and_resumes():
    topic = new_topic()
    group = unique("group")
    partition = TopicPartition(topic, 0)
    send_numbered(topic, 10)
    member = Member(group, topic).joined(1)
    member.call(lambda: member.consumer.commit({partition: offset_and_metadata(4, "by hand")}))
    equal(member.call(lambda: member.consumer.committed(partition)), 4)
    found = member.call(lambda: member.consumer.committed(partition, metadata=True))
    equal((found.offset, found.metadata), (4, "by hand"))
    member.stop()
    stored = group_offsets(group)[partition]
    equal((stored.offset, stored.metadata), (4, "by hand"))
    second = Member(group, topic)
    second.read(6)
    second.stop()
    equal(second.values(), [4, 5, 6, 7, 8, 9])


def never_committed_is_none():
    topic = new_topic()
    member = Member(unique("group"), topic).joined(1)
    equal(member.call(lambda: member.consumer.committed(TopicPartition(topic, 0))), None)
    member.stop()


def auto_commits_what_was_read():
    topic = new_topic()
    group = unique("group")
    send_numbered(topic, 10)
    member = Member(group, topic, enable_auto_commit=True)
    member.read(10)
    member.stop()
    equal(group_offsets(group)[TopicPartition(topic, 0)].offset, 10)


def starts_at_the_end_unless_told_otherwise():
    topic = new_topic()
    send_numbered(topic, 5)
    consumer = assigned_consumer(topic, auto_offset_reset="latest")
    consumer.poll(200)
    equal(consumer.position(TopicPartition(topic, 0)), 5)
    send_numbered(topic, 2, first=5)
    equal(poll_values(consumer, 2), [5, 6])
    consumer.close()


def seeks_to_offset_beginning_and_end():
    topic = new_topic()
    partition = TopicPartition(topic, 0)
    send_numbered(topic, 20)
    consumer = assigned_consumer(topic)
    consumer.seek(partition, 15)
    equal(poll_values(consumer, 5), [15, 16, 17, 18, 19])
    consumer.seek_to_beginning(partition)
    equal(poll_values(consumer, 20), list(range(20)))
    consumer.seek_to_end(partition)
    equal(consumer.position(partition), 20)
    equal((consumer.beginning_offsets([partition]), consumer.end_offsets([partition])), ({partition: 0}, {partition: 20}))
    consumer.close()


def finds_offsets_by_timestamp_inside_compressed_batches():
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = new_topic()
        partition = TopicPartition(topic, 0)
        sender = new_producer(compression_type=codec, linger_ms=50)
        lagging(lambda: sender.partitions_for(topic))
        for i in range(10):
            sender.send(topic, b"%d" % i, partition=0, timestamp_ms=1000 * (i + 1))
        sender.flush(10)
        sender.close(2)
        consumer = assigned_consumer(topic)
        for time_ms, offset in ((1, 0), (1000, 0), (4500, 4), (5000, 4), (10_000, 9)):
            found = consumer.offsets_for_times({partition: time_ms})[partition]
            equal((found.offset, found.timestamp), (offset, 1000 * (offset + 1)), f"{codec} at {time_ms}")
        equal(consumer.offsets_for_times({partition: 10_001}), {partition: None}, f"{codec} beyond the end")
        consumer.close()


def pauses_and_resumes_partitions():
    topic = new_topic(partitions=2)
    consumer = assigned_consumer(topic, 2)
    paused = TopicPartition(topic, 1)
    send_numbered(topic, 5, partition=1, first=100)
    send_numbered(topic, 5, partition=0)
    consumer.pause(paused)
    equal(consumer.paused(), {paused})
    equal(poll_values(consumer, 5), [0, 1, 2, 3, 4])
    equal(consumer.poll(300), {})
    consumer.resume(paused)
    equal(poll_values(consumer, 5), [100, 101, 102, 103, 104])
    consumer.close()


def out_of_range_offset_is_reset_or_told():
    topic = new_topic()
    send_numbered(topic, 10)
    consumer = assigned_consumer(topic, auto_offset_reset="earliest")
    consumer.seek(TopicPartition(topic, 0), 500)
    equal(poll_values(consumer, 10), list(range(10)))
    consumer.close()
    consumer = assigned_consumer(topic, auto_offset_reset="none")
    consumer.seek(TopicPartition(topic, 0), 500)

    def poll_until_error():
        eventually("an error", lambda: consumer.poll(100) and None, 5)

    equal(type(failure(poll_until_error)), errors.OffsetOutOfRangeError)
    consumer.close()


def long_poll_ends_when_data_arrives():
    topic = new_topic()
    consumer = assigned_consumer(topic, fetch_max_wait_ms=3000)
    consumer.poll(200)
    begun = time.monotonic()
    send_numbered(topic, 1)
    equal(poll_values(consumer, 1), [0])
    holds(time.monotonic() - begun < 1.5, "the fetch waited although there was data")
    consumer.close()


def subscribes_to_a_pattern():
    stem = unique("pattern")
    for name in ("a", "b"):
        create_topic(f"{stem}-{name}")
        send_numbered(f"{stem}-{name}", 3)
    member = Member(unique("group"), pattern=f"^{stem}-.*")
    member.read(6)
    equal(sorted({record.topic for record in member.records}), [f"{stem}-a", f"{stem}-b"])
    member.stop()


def describes_lists_and_deletes_groups():
    topic = new_topic(partitions=2)
    group = unique("group")
    member = Member(group, topic).joined(2)
    equal(describe_group(group), ("Stable", "consumer", "range", 1))
    holds(group in group_names(), "not listed")
    equal(delete_group(group), "NonEmptyGroupError")
    member.call(lambda: member.consumer.commit({TopicPartition(topic, 0): offset_and_metadata(0)}))
    member.stop()
    state, _, _, members = describe_group(group)
    equal((state, members), ("Empty", 0))
    equal(delete_group(group), "OK")
    holds(group not in group_names(), "still listed")


def deleting_a_missing_group_is_an_error():
    equal(delete_group(unique("missing")), "GroupIdNotFoundError")


CHECKS = [
    reads_first_record_in_new_group, rebalances_as_members_come_and_go, rebalances_with_cooperative_sticky_assignor,
    static_member_returns_without_rebalance, commits_with_metadata_and_resumes, never_committed_is_none,
    auto_commits_what_was_read, starts_at_the_end_unless_told_otherwise, seeks_to_offset_beginning_and_end,
    finds_offsets_by_timestamp_inside_compressed_batches, pauses_and_resumes_partitions, out_of_range_offset_is_reset_or_told,
    long_poll_ends_when_data_arrives, subscribes_to_a_pattern, describes_lists_and_deletes_groups,
    deleting_a_missing_group_is_an_error,
]
