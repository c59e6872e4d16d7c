"""Topics and their configs through confluent-kafka."""
from confluent_kafka import KafkaError, TopicCollection
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource, NewPartitions, ResourceType

from checks import equal, eventually, failure, holds, unique
from client import (
    admin, code_of, configs_of, controller, create_topic, lagging, new_producer, new_topic, partitions_of, read_all, result, send,
    send_numbered,
)


def refusal(action, *arguments, **named):
    return code_of(failure(action, *arguments, **named))


def creates_topic_with_partitions_and_configs():
    topic = new_topic(partitions=7, configs={"retention.ms": "604800000", "cleanup.policy": "compact"})
    equal(len(partitions_of(topic)), 7)
    configs = configs_of("TOPIC", topic)
    equal((configs["retention.ms"].value, configs["cleanup.policy"].value), ("604800000", "compact"))
    equal(configs["cleanup.policy"].source, ConfigSource.DYNAMIC_TOPIC_CONFIG.value)


def creates_topic_with_default_counts():
    equal(len(partitions_of(new_topic(partitions=-1, replicas=-1))), 1)


def creates_topic_with_assignment():
    equal(len(partitions_of(new_topic(partitions=2, assignment=[[controller()], [controller()]]))), 2)


def creates_twenty_topics_at_once():
    from confluent_kafka.admin import NewTopic
    names = [unique("many") for _ in range(20)]
    futures = admin().create_topics([NewTopic(name, 3, 1) for name in names])
    equal([futures[name].result(10) for name in names], [None] * 20)
    equal([len(lagging(lambda name=name: partitions_of(name))) for name in names], [3] * 20)


def refuses_existing_topic():
    equal(refusal(create_topic, new_topic()), KafkaError.TOPIC_ALREADY_EXISTS)


def refuses_illegal_names():
    for name in ("no spaces", "x" * 250, ".."):
        equal(refusal(create_topic, name), KafkaError.TOPIC_EXCEPTION, name)


def refuses_too_high_replication_factor():
    equal(refusal(create_topic, unique("refused"), replicas=99), KafkaError.INVALID_REPLICATION_FACTOR)


def refuses_assignment_to_unknown_broker():
    equal(refusal(create_topic, unique("refused"), assignment=[[4711]]), KafkaError.INVALID_REPLICA_ASSIGNMENT)


def refuses_unknown_and_invalid_configs():
    for configs in ({"no.such.config": "1"}, {"retention.ms": "soon"}, {"segment.bytes": "1024"}, {"cleanup.policy": "burn"}):
        equal(refusal(create_topic, unique("refused"), configs=configs), KafkaError.INVALID_CONFIG, str(configs))


def validate_only_creates_nothing():
    topic = unique("validated")
    create_topic(topic, validate_only=True)
    holds(topic not in admin().list_topics(timeout=10).topics, "created")


def auto_creates_topic_on_produce():
    topic = unique("auto")
    equal(send(topic, b"first").offset(), 0)
    equal([message.value() for message in read_all(topic, 1)], [b"first"])


def auto_creates_topic_of_idempotent_producer():
    equal(send(unique("auto"), b"x", new_producer(enable_idempotence=True)).offset(), 0)


def adds_partitions():
    topic = new_topic(partitions=2)
    result(admin().create_partitions([NewPartitions(topic, 5)]))
    eventually("five partitions", lambda: len(partitions_of(topic)) == 5)


def refuses_partition_counts():
    topic = new_topic(partitions=3)

    def grow(name, count, **settings):
        return result(admin().create_partitions([NewPartitions(name, count, **settings)]))

    equal(refusal(grow, topic, 3), KafkaError.INVALID_PARTITIONS)
    equal(refusal(grow, topic, 2), KafkaError.INVALID_PARTITIONS)
    equal(refusal(grow, unique("missing"), 2), KafkaError.UNKNOWN_TOPIC_OR_PART)
    equal(refusal(grow, topic, 4, replica_assignment=[[4711]]), KafkaError.INVALID_REPLICA_ASSIGNMENT)


def deletes_and_recreates_topic_without_old_data():
    topic = new_topic(partitions=3)
    before = result(admin().describe_topics(TopicCollection([topic])), topic).topic_id
    send_numbered(topic, 10, sender=new_producer())
    result(admin().delete_topics([topic]))
    eventually("the topic to go", lambda: topic not in admin().list_topics(timeout=10).topics)
    create_topic(topic)
    equal(lagging(lambda: send_numbered(topic, 1, first=100, sender=new_producer()))[0].offset(), 0)
    equal([message.value() for message in read_all(topic, 1)], [b"100"])
    holds(str(result(admin().describe_topics(TopicCollection([topic])), topic).topic_id) != str(before), "the topic id stayed")


def refuses_to_delete_missing_topic():
    equal(refusal(lambda: result(admin().delete_topics([unique("missing")]))), KafkaError.UNKNOWN_TOPIC_OR_PART)


def describes_topics():
    topic = new_topic(partitions=2)
    found = result(admin().describe_topics(TopicCollection([topic]), include_authorized_operations=True), topic)
    equal((found.name, len(found.partitions), found.is_internal), (topic, 2, False))
    equal([partition.leader.id for partition in found.partitions], [controller()] * 2)
    holds(len(found.authorized_operations) >= 7, found.authorized_operations)
    missing = unique("missing")
    equal(refusal(lambda: result(admin().describe_topics(TopicCollection([missing])), missing)), KafkaError.UNKNOWN_TOPIC_OR_PART)


def describes_topic_configs():
    configs = configs_of("TOPIC", new_topic())
    expected = {"cleanup.policy": "delete", "max.message.bytes": "1048588", "retention.bytes": "-1", "retention.ms": "604800000"}
    equal({key: configs[key].value for key in expected}, expected)
    equal({configs[key].source for key in expected}, {ConfigSource.DEFAULT_CONFIG.value})
    holds(len(configs) >= 25, f"{len(configs)} configs")
    equal(refusal(configs_of, "TOPIC", unique("missing")), KafkaError.UNKNOWN_TOPIC_OR_PART)


def describes_broker_configs():
    configs = configs_of("BROKER", str(controller()))
    for name in ("num.partitions", "default.replication.factor", "message.max.bytes", "log.retention.hours"):
        holds(name in configs, name)
    holds(configs["advertised.listeners"].is_read_only, "advertised.listeners can be written")


def incremental(topic, *changes):
    entries = [ConfigEntry(name, value, incremental_operation=operation) for name, value, operation in changes]
    return result(admin().incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)]))


def alters_configs_incrementally():
    topic = new_topic(configs={"retention.ms": "1000"})

    def becomes(policy, retention):
        def same():
            configs = configs_of("TOPIC", topic)
            return (configs["cleanup.policy"].value, configs["retention.ms"].value) == (policy, retention)
        eventually(f"{policy} and {retention}", same)

    incremental(topic, ("cleanup.policy", "compact", AlterConfigOpType.APPEND))
    becomes("delete,compact", "1000")
    incremental(topic, ("cleanup.policy", "delete", AlterConfigOpType.SUBTRACT), ("retention.ms", "2000", AlterConfigOpType.SET))
    becomes("compact", "2000")
    incremental(topic, ("retention.ms", None, AlterConfigOpType.DELETE))
    becomes("compact", "604800000")


def refuses_invalid_config_changes():
    topic = new_topic()
    for change in (("no.such.config", "1", AlterConfigOpType.SET), ("retention.ms", "soon", AlterConfigOpType.SET), ("retention.ms", "1", AlterConfigOpType.APPEND)):
        equal(refusal(incremental, topic, change), KafkaError.INVALID_CONFIG, str(change))
    equal(refusal(incremental, unique("missing"), ("retention.ms", "1", AlterConfigOpType.SET)), KafkaError.UNKNOWN_TOPIC_OR_PART)


def old_form_of_alter_resets_what_it_does_not_name():
    topic = new_topic(configs={"retention.ms": "1000", "cleanup.policy": "compact"})
    result(admin().alter_configs([ConfigResource(ResourceType.TOPIC, topic, set_config={"retention.ms": "3000"})]))
    eventually("the new value", lambda: configs_of("TOPIC", topic)["retention.ms"].value == "3000")
    equal(configs_of("TOPIC", topic)["cleanup.policy"].value, "delete")


CHECKS = [
    creates_topic_with_partitions_and_configs, creates_topic_with_default_counts, creates_topic_with_assignment,
    creates_twenty_topics_at_once, refuses_existing_topic, refuses_illegal_names, refuses_too_high_replication_factor,
    refuses_assignment_to_unknown_broker, refuses_unknown_and_invalid_configs, validate_only_creates_nothing,
    auto_creates_topic_on_produce, auto_creates_topic_of_idempotent_producer, adds_partitions, refuses_partition_counts,
    deletes_and_recreates_topic_without_old_data, refuses_to_delete_missing_topic, describes_topics, describes_topic_configs,
    describes_broker_configs, alters_configs_incrementally, refuses_invalid_config_changes,
    old_form_of_alter_resets_what_it_does_not_name,
]
