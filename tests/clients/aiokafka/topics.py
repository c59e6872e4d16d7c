"""Topics, configs and the cluster through aiokafka's admin client."""
from aiokafka import TopicPartition, errors
from aiokafka.admin import RecordsToDelete

from checks import equal, holds, unique
from client import (
    admin, alter_configs, configs_of, create_partitions, create_topic, described, eventually, failure, lagging, new_producer, new_topic,
    numbers, producer, read_all, send, send_numbered,
)


async def refusal(action):
    return type(await failure(action))


async def partition_count(topic):
    return len((await described(topic))["partitions"])


async def creates_topic_with_partitions_and_configs():
    topic = await new_topic(partitions=7, configs={"retention.ms": "604800000", "cleanup.policy": "compact"})
    equal(await partition_count(topic), 7)
    holds(topic in await admin().list_topics(), "not listed")
    configs = await configs_of("TOPIC", topic)
    equal((configs["retention.ms"], configs["cleanup.policy"]), ("604800000", "compact"))


async def refuses_existing_topic():
    equal(await refusal(create_topic(await new_topic())), errors.TopicAlreadyExistsError)


async def refuses_illegal_names():
    for name in ("no spaces", "x" * 250, ".."):
        equal(await refusal(create_topic(name)), errors.InvalidTopicError, name)


async def refuses_too_high_replication_factor_and_zero_partitions():
    equal(await refusal(create_topic(unique("refused"), replicas=99)), errors.InvalidReplicationFactorError)
    equal(await refusal(create_topic(unique("refused"), partitions=0)), errors.InvalidPartitionsError)


async def refuses_unknown_and_invalid_configs():
    for configs in ({"no.such.config": "1"}, {"retention.ms": "soon"}, {"segment.bytes": "1024"}, {"cleanup.policy": "burn"}):
        equal(await refusal(create_topic(unique("refused"), configs=configs)), errors.InvalidConfigurationError, str(configs))


async def validate_only_creates_nothing():
    topic = unique("validated")
    await create_topic(topic, validate_only=True)
    holds(topic not in await admin().list_topics(), "created")


async def auto_creates_topic_on_produce():
    topic = unique("auto")
    equal((await send(topic, b"first")).offset, 0)
    equal([record.value for record in await read_all(topic, 1)], [b"first"])


async def auto_creates_topic_of_idempotent_producer():
    sender = await new_producer(enable_idempotence=True)
    equal((await send(unique("auto"), b"x", sender)).offset, 0)
    await sender.stop()


async def adds_partitions():
    topic = await new_topic(partitions=2)
    await create_partitions(topic, 5)

    async def grown():
        return await partition_count(topic) == 5

    await eventually("five partitions", grown)


async def refuses_partition_counts():
    topic = await new_topic(partitions=3)
    for count in (3, 2):
        equal(await refusal(create_partitions(topic, count)), errors.InvalidPartitionsError, str(count))
    equal(await refusal(create_partitions(unique("missing"), 2)), errors.UnknownTopicOrPartitionError)


async def deletes_and_recreates_topic_without_old_data():
    topic = await new_topic(partitions=3)
    sender = await new_producer()
    await send_numbered(topic, 10, sender=sender)
    await sender.stop()
    answer = await admin().delete_topics([topic])
    equal(answer.topic_error_codes[0][1], 0)

    async def gone():
        return topic not in await admin().list_topics()

    await eventually("the topic to go", gone)
    await create_topic(topic)
    sender = await new_producer()
    equal((await send(topic, b"100", sender)).offset, 0)
    await sender.stop()
    equal(numbers(await read_all(topic, 1)), [100])


async def missing_topics_are_unknown():
    answer = await admin().delete_topics([unique("missing")])
    equal(errors.for_code(answer.topic_error_codes[0][1]), errors.UnknownTopicOrPartitionError)


async def describes_topic_configs():
    configs = await configs_of("TOPIC", await new_topic())
    expected = {"cleanup.policy": "delete", "max.message.bytes": "1048588", "retention.bytes": "-1", "retention.ms": "604800000"}
    equal({key: configs.get(key) for key in expected}, expected)
    equal(await refusal(configs_of("TOPIC", unique("missing"))), errors.UnknownTopicOrPartitionError)


async def describes_broker_configs():
    cluster = await admin().describe_cluster()
    configs = await configs_of("BROKER", str(cluster["controller_id"]))
    for name in ("num.partitions", "default.replication.factor", "message.max.bytes", "log.retention.hours"):
        holds(name in configs, name)


async def alters_topic_configs():
    topic = await new_topic()
    await alter_configs(topic, {"retention.ms": "12345", "cleanup.policy": "compact,delete"})

    async def changed():
        configs = await configs_of("TOPIC", topic)
        return (configs["retention.ms"], configs["cleanup.policy"]) == ("12345", "compact,delete")

    await eventually("the new values", changed)
    equal(await refusal(alter_configs(topic, {"no.such.config": "1"})), errors.InvalidConfigurationError)
    equal(await refusal(alter_configs(topic, {"retention.ms": "soon"})), errors.InvalidConfigurationError)


async def describes_cluster():
    cluster = await admin().describe_cluster()
    equal(len(cluster["cluster_id"]), 22)
    holds(cluster["controller_id"] in [broker["node_id"] for broker in cluster["brokers"]], cluster)


async def deletes_records():
    topic = await new_topic(partitions=2)
    await send_numbered(topic, 10)
    await send_numbered(topic, 10, partition=1, first=10)
    await lagging(lambda: producer().partitions_for(topic))
    parts = {TopicPartition(topic, 0): RecordsToDelete(4), TopicPartition(topic, 1): RecordsToDelete(-1)}
    equal(await admin().delete_records(parts), {TopicPartition(topic, 0): 4, TopicPartition(topic, 1): 10})
    equal(sorted(numbers(await read_all(topic, 6))), [4, 5, 6, 7, 8, 9])
    beyond = {TopicPartition(topic, 0): RecordsToDelete(11)}
    equal(await refusal(admin().delete_records(beyond)), errors.OffsetOutOfRangeError)


CHECKS = [
    creates_topic_with_partitions_and_configs, refuses_existing_topic, refuses_illegal_names,
    refuses_too_high_replication_factor_and_zero_partitions, refuses_unknown_and_invalid_configs, validate_only_creates_nothing,
    auto_creates_topic_on_produce, auto_creates_topic_of_idempotent_producer, adds_partitions, refuses_partition_counts,
    deletes_and_recreates_topic_without_old_data, missing_topics_are_unknown, describes_topic_configs, describes_broker_configs,
    alters_topic_configs, describes_cluster, deletes_records,
]
