"""Consumer groups and positions through confluent-kafka."""
import os
import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, TopicPartition

from checks import Skip, equal, eventually, failure, holds, note, unique
from client import (
    Member, admin, assigned_consumer, code_of, new_producer, new_topic, numbers, poll_messages, result, send_numbered,
)


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
    eventually("every record", lambda: len(first.messages) + len(second.messages) >= 250)
    second.stop()
    first.joined(4)
    for partition in range(4):
        send_numbered(topic, 25, partition, first=250 + partition * 25)
    eventually("the last records", lambda: len(first.messages) + len(second.messages) >= 350)
    time.sleep(0.1)
    equal(sorted(numbers(first.messages + second.messages)), list(range(350)))
    first.stop()


def rebalances_with_range_assignor():
    rebalance(partition_assignment_strategy="range")


def rebalances_with_roundrobin_assignor():
    rebalance(partition_assignment_strategy="roundrobin")


def rebalances_with_cooperative_sticky_assignor():
    rebalance(partition_assignment_strategy="cooperative-sticky")


def rebalances_with_consumer_group_protocol():
    """KIP-848, on request only: with Kafka's heartbeat interval of 5 s it takes 10 s."""
    if not os.environ.get("CONSUMER_PROTOCOL"):
        raise Skip("CONSUMER_PROTOCOL is not set")
    rebalance(group_protocol="consumer")


def static_member_returns_without_rebalance():
    topic = new_topic(partitions=2)
    group = unique("group")
    stays = Member(group, topic, group_instance_id="stays").joined(2)
    leaves = Member(group, topic, group_instance_id="leaves").joined(1)
    stays.joined(1)
    before, owned = stays.assignments, leaves.assigned
    leaves.stop()
    found = result(admin().describe_consumer_groups([group]))
    equal(sorted(member.group_instance_id for member in found.members), ["leaves", "stays"])
    back = Member(group, topic, group_instance_id="leaves").joined(1)
    time.sleep(0.5)
    equal((back.assigned, stays.assignments), (owned, before))
    back.stop()
    stays.stop()


def second_holder_of_an_instance_id_fences_the_first():
    topic = new_topic()
    group = unique("group")
    first = Member(group, topic, group_instance_id="same").joined(1)
    second = Member(group, topic, group_instance_id="same").joined(1)
    fenced = eventually("the fencing", lambda: [error.error().code() for error in first.errors])
    equal(fenced[0], KafkaError._FATAL)
    second.stop()
    first.stop()


def commits_with_metadata_and_resumes():
    topic = new_topic()
    group = unique("group")
    send_numbered(topic, 10)
    member = Member(group, topic).joined(1)
    committed = [TopicPartition(topic, 0, 4, metadata="by hand")]
    member.call(lambda: member.consumer.commit(offsets=committed, asynchronous=False))
    found = member.call(lambda: member.consumer.committed([TopicPartition(topic, 0)], timeout=10))[0]
    equal((found.offset, found.metadata), (4, "by hand"))
    member.stop()
    second = Member(group, topic)
    second.read(6)
    second.stop()
    equal(numbers(second.messages), [4, 5, 6, 7, 8, 9])


def never_committed_is_invalid():
    topic = new_topic()
    consumer = assigned_consumer(topic)
    equal(consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset, -1001)
    consumer.close()


def auto_commits_what_was_read():
    topic = new_topic()
    group = unique("group")
    send_numbered(topic, 10)
    member = Member(group, topic, enable_auto_commit=True)
    member.read(10)
    member.stop()
    equal(offsets_of(group)[(topic, 0)], 10)


def starts_at_the_end_unless_told_otherwise():
    topic = new_topic()
    send_numbered(topic, 5)
    consumer = assigned_consumer(topic, enable_partition_eof=True, auto_offset_reset="latest")
    eof = eventually("the end", lambda: consumer.poll(0.1))
    equal((eof.error().code(), eof.offset()), (KafkaError._PARTITION_EOF, 5))
    send_numbered(topic, 2, first=5)
    found = [eventually("a record", lambda: consumer.poll(0.1)) for _ in range(2)]
    equal(numbers(found), [5, 6])
    consumer.close()


def sees_each_end_of_partition_once():
    topic = new_topic(partitions=2)
    send_numbered(topic, 3)
    consumer = assigned_consumer(topic, 2, enable_partition_eof=True)
    seen = [message for message in consumer.consume(20, 1.5)]
    ends = sorted((message.partition(), message.offset()) for message in seen if message.error())
    equal(ends, [(0, 3), (1, 0)])
    consumer.close()


def seeks_to_offset_beginning_and_end():
    topic = new_topic()
    send_numbered(topic, 20)
    consumer = assigned_consumer(topic)
    poll_messages(consumer, 20)
    consumer.seek(TopicPartition(topic, 0, 15))
    equal(numbers(poll_messages(consumer, 5)), [15, 16, 17, 18, 19])
    consumer.seek(TopicPartition(topic, 0, OFFSET_BEGINNING))
    equal(numbers(poll_messages(consumer, 20)), list(range(20)))
    consumer.seek(TopicPartition(topic, 0, OFFSET_END))
    eventually("nothing more", lambda: consumer.poll(0.2) is None)
    equal(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10), (0, 20))
    consumer.close()


def finds_offsets_by_timestamp_inside_compressed_batches():
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = new_topic()
        send_numbered(topic, 10, stamped=True, sender=new_producer(compression_type=codec, linger_ms=20))
        consumer = assigned_consumer(topic)
        for at, offset in ((1, 0), (1000, 0), (4500, 4), (5000, 4), (10_000, 9), (10_001, -1)):
            found = consumer.offsets_for_times([TopicPartition(topic, 0, at)], timeout=10)[0]
            equal(found.offset, offset, f"{codec} at {at}")
        consumer.close()


def pauses_and_resumes_partitions():
    topic = new_topic(partitions=2)
    send_numbered(topic, 5)
    send_numbered(topic, 5, partition=1, first=100)
    consumer = assigned_consumer(topic, 2)
    consumer.pause([TopicPartition(topic, 1)])
    found = numbers(poll_messages(consumer, 5))
    equal(found, [0, 1, 2, 3, 4])
    equal(consumer.consume(10, 0.3), [])
    consumer.resume([TopicPartition(topic, 1)])
    equal(numbers(poll_messages(consumer, 5)), [100, 101, 102, 103, 104])
    consumer.close()


def out_of_range_offset_is_reset_or_told():
    topic = new_topic()
    send_numbered(topic, 10)
    consumer = assigned_consumer(topic, offset=500)
    equal(numbers(poll_messages(consumer, 10)), list(range(10)))
    consumer.close()
    consumer = assigned_consumer(topic, offset=500, auto_offset_reset="error")
    equal(eventually("an error", lambda: consumer.poll(0.1)).error().code(), KafkaError._AUTO_OFFSET_RESET)
    consumer.close()


def long_poll_ends_when_data_arrives():
    topic = new_topic()
    consumer = assigned_consumer(topic, fetch_wait_max_ms=3000)
    consumer.poll(0.4)
    begun = time.monotonic()
    send_numbered(topic, 1)
    equal(numbers(poll_messages(consumer, 1)), [0])
    holds(time.monotonic() - begun < 1.5, "the fetch waited although there was data")
    consumer.close()


def subscribes_to_a_pattern():
    stem = unique("pattern")
    for name in ("a", "b"):
        send_numbered(f"{stem}-{name}", 3)
    member = Member(unique("group"), f"^{stem}-.*")
    member.read(6)
    equal(sorted({message.topic() for message in member.messages}), [f"{stem}-a", f"{stem}-b"])
    member.stop()


def offsets_of(group):
    found = result(admin().list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]))
    return {(part.topic, part.partition): part.offset for part in found.topic_partitions}


def alter_offset(group, topic, offset):
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, offset)])
    return result(admin().alter_consumer_group_offsets([wanted])).topic_partitions[0].error


def describes_lists_and_deletes_groups():
    topic = new_topic(partitions=2)
    group = unique("group")
    member = Member(group, topic, partition_assignment_strategy="range").joined(2)
    found = result(admin().describe_consumer_groups([group], include_authorized_operations=True))
    equal((found.state, found.partition_assignor, found.is_simple_consumer_group), (ConsumerGroupState.STABLE, "range", False))
    equal([part.topic for part in found.members[0].assignment.topic_partitions], [topic, topic])
    equal(found.members[0].client_id, "acceptance-confluent")
    holds(group in listed_groups(ConsumerGroupState.STABLE), "not listed as stable")
    holds(group not in listed_groups(ConsumerGroupState.EMPTY), "listed as empty")
    equal(code_of(failure(lambda: result(admin().delete_consumer_groups([group])))), KafkaError.NON_EMPTY_GROUP)
    equal(code_of(alter_offset(group, topic, 1)), KafkaError.UNKNOWN_MEMBER_ID)
    member.call(lambda: member.consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False))
    member.stop()
    equal(result(admin().describe_consumer_groups([group])).state, ConsumerGroupState.EMPTY)
    holds(group in listed_groups(ConsumerGroupState.EMPTY), "not listed as empty")
    equal(result(admin().delete_consumer_groups([group])), None)
    holds(group not in listed_groups(), "still listed")


def listed_groups(*states):
    found = admin().list_consumer_groups(**({"states": set(states)} if states else {})).result(10)
    equal(found.errors, [])
    return {group.group_id for group in found.valid}


def deleting_a_missing_group_is_an_error():
    equal(code_of(failure(lambda: result(admin().delete_consumer_groups([unique("missing")])))), KafkaError.GROUP_ID_NOT_FOUND)


def alters_group_offsets():
    topic = new_topic()
    group = unique("group")
    send_numbered(topic, 10)
    equal(alter_offset(group, topic, 7), None)
    equal(offsets_of(group), {(topic, 0): 7})
    member = Member(group, topic)
    member.read(3)
    member.stop()
    equal(numbers(member.messages), [7, 8, 9])


CHECKS = [
    reads_first_record_in_new_group, rebalances_with_range_assignor, rebalances_with_roundrobin_assignor,
    rebalances_with_cooperative_sticky_assignor, rebalances_with_consumer_group_protocol, static_member_returns_without_rebalance,
    second_holder_of_an_instance_id_fences_the_first, commits_with_metadata_and_resumes, never_committed_is_invalid,
    auto_commits_what_was_read, starts_at_the_end_unless_told_otherwise, sees_each_end_of_partition_once,
    seeks_to_offset_beginning_and_end, finds_offsets_by_timestamp_inside_compressed_batches, pauses_and_resumes_partitions,
    out_of_range_offset_is_reset_or_told, long_poll_ends_when_data_arrives, subscribes_to_a_pattern,
    describes_lists_and_deletes_groups, deleting_a_missing_group_is_an_error, alters_group_offsets,
]
