"""Topics through kafka-python: creation, refusal, automatic creation, growth, deletion."""
from kafka import errors

from checks import Skip, equal, eventually, failure, holds, unique
from client import (
    NEW, admin, alter_configs, configs_of, create_partitions, create_topic, described, new_producer, new_topic,
    partition_count, producer, read_all, send, send_numbered,
)


def creates_topic_with_partitions_and_configs():
    topic = new_topic(partitions=7, configs={"retention.ms": "604800000", "cleanup.policy": "compact"})
    equal(partition_count(topic), 7)
    holds(topic in admin().list_topics(), "not listed")
    configs = configs_of("TOPIC", topic)
    equal((configs["retention.ms"], configs["cleanup.policy"]), ("604800000", "compact"))


def creates_topic_with_default_counts():
    if not NEW:
        raise Skip("2.0 refuses to ask for the defaults")
    equal(partition_count(new_topic(partitions=-1, replicas=-1)), 1)


def creates_topic_with_assignment():
    broker = described(new_topic())["partitions"][0]
    leader = broker["leader_id"] if NEW else broker["leader"]
    equal(partition_count(new_topic(assignments={0: [leader], 1: [leader]})), 2)


def refuses_existing_topic():
    topic = new_topic()
    equal(type(failure(create_topic, topic)), errors.TopicAlreadyExistsError)


def refuses_illegal_names():
    for name in ("no spaces", "x" * 250, ".."):
        equal(type(failure(create_topic, name)), errors.InvalidTopicError, name)


def refuses_too_high_replication_factor():
    equal(type(failure(create_topic, unique("refused"), replicas=99)), errors.InvalidReplicationFactorError)


def refuses_zero_partitions():
    equal(type(failure(create_topic, unique("refused"), partitions=0)), errors.InvalidPartitionsError)


def refuses_unknown_and_invalid_configs():
    for configs in ({"no.such.config": "1"}, {"retention.ms": "soon"}, {"segment.bytes": "1024"}, {"cleanup.policy": "burn"}):
        equal(type(failure(create_topic, unique("refused"), configs=configs)), errors.InvalidConfigurationError, str(configs))


def validate_only_creates_nothing():
    topic = unique("validated")
    create_topic(topic, validate_only=True)
    holds(topic not in admin().list_topics(), "created")


def auto_creates_topic_on_produce():
    topic = unique("auto")
    equal(send(topic, b"first").offset, 0)
    equal([record.value for record in read_all(topic, 1)], [b"first"])


def auto_creates_six_topics_at_once():
    topics = [unique("auto") for _ in range(6)]
    sent = [producer().send(topic, topic.encode()) for topic in topics]
    equal([future.get(10).offset for future in sent], [0] * 6)


def auto_creates_topic_of_idempotent_producer():
    if not NEW:
        raise Skip("2.0 has no idempotent producer")
    sender = new_producer(enable_idempotence=True)
    equal(send(unique("auto"), b"x", sender).offset, 0)
    sender.close(2)


def adds_partitions():
    topic = new_topic(partitions=2)
    create_partitions(topic, 5)
    eventually("five partitions", lambda: partition_count(topic) == 5)


def refuses_partition_counts():
    topic = new_topic(partitions=3)
    for count in (3, 2):
        equal(type(failure(create_partitions, topic, count)), errors.InvalidPartitionsError, str(count))
    equal(type(failure(create_partitions, unique("missing"), 2)), errors.UnknownTopicOrPartitionError)


def deletes_and_recreates_topic_without_old_data():
    topic = new_topic(partitions=3)
    sender = new_producer()
    send_numbered(topic, 10, sender=sender)
    sender.close(2)  # or its metadata refresh would create the topic anew
    admin().delete_topics([topic])
    eventually("the topic to go", lambda: topic not in admin().list_topics())
    create_topic(topic)
    sender = new_producer()
    equal([record.offset for record in send_numbered(topic, 1, first=100, sender=sender)], [0])
    sender.close(2)
    equal([record.value for record in read_all(topic, 1)], [b"100"])


def refuses_to_delete_missing_topic():
    equal(type(failure(admin().delete_topics, [unique("missing")])), errors.UnknownTopicOrPartitionError)


def describes_missing_topic_as_unknown():
    equal(described(unique("missing"))["error_code"], errors.UnknownTopicOrPartitionError.errno)


def alters_topic_configs():
    topic = new_topic()
    answer = alter_configs(topic, {"retention.ms": "12345", "cleanup.policy": "compact,delete"})
    holds("Error" not in str(answer), answer)
    configs = eventually("the new value", lambda: configs_of("TOPIC", topic) if configs_of("TOPIC", topic)["retention.ms"] == "12345" else None)
    equal(configs["cleanup.policy"], "compact,delete")


def refuses_invalid_topic_configs():
    topic = new_topic()
    for configs in ({"no.such.config": "1"}, {"retention.ms": "soon"}):
        holds("InvalidConfigurationError" in str(alter_configs(topic, configs)), str(configs))


def describes_topic_configs():
    configs = configs_of("TOPIC", new_topic())
    expected = {"cleanup.policy": "delete", "max.message.bytes": "1048588", "retention.bytes": "-1", "retention.ms": "604800000"}
    equal({key: configs.get(key) for key in expected}, expected)
    holds(len(configs) >= 25, f"{len(configs)} configs")


CHECKS = [
    creates_topic_with_partitions_and_configs, creates_topic_with_default_counts, creates_topic_with_assignment,
    refuses_existing_topic, refuses_illegal_names, refuses_too_high_replication_factor, refuses_zero_partitions,
    refuses_unknown_and_invalid_configs, validate_only_creates_nothing, auto_creates_topic_on_produce,
    auto_creates_six_topics_at_once, auto_creates_topic_of_idempotent_producer, adds_partitions, refuses_partition_counts,
    deletes_and_recreates_topic_without_old_data, refuses_to_delete_missing_topic, describes_missing_topic_as_unknown,
    alters_topic_configs, refuses_invalid_topic_configs, describes_topic_configs,
]
