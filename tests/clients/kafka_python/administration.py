"""The cluster, ACLs, and what only 3.x can ask: records, offsets, incremental configs, log dirs, quorum."""
from kafka import TopicPartition, errors
from kafka.admin import (
    ACL, ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourcePatternFilter, ResourceType,
)

from checks import Skip, equal, eventually, failure, holds, unique
from client import (
    NEW, Member, admin, alter_configs, configs_of, group_offsets, new_topic, offset_and_metadata, producer, read_all,
    send_numbered,
)


def needs_3():
    if not NEW:
        raise Skip("only in 3.x")


def describes_cluster():
    cluster = admin().describe_cluster()
    brokers = [broker["broker_id"] if NEW else broker["node_id"] for broker in cluster["brokers"]]
    holds(cluster["controller_id"] in brokers, cluster)
    equal(len(cluster["cluster_id"]), 22)


def describes_broker_configs():
    configs = configs_of("BROKER", str(admin().describe_cluster()["controller_id"]))
    for name in ("num.partitions", "default.replication.factor", "message.max.bytes", "log.retention.hours", "advertised.listeners"):
        holds(name in configs, name)


def acl_calls_answer_security_disabled():
    pattern = ResourcePattern(ResourceType.TOPIC, "any", ACLResourcePatternType.LITERAL)
    acl = ACL("User:someone", "*", ACLOperation.READ, ACLPermissionType.ALLOW, pattern)
    everything = ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY))
    refused = admin().create_acls([acl])["failed"][0]
    answers = [
        refused if NEW else refused[1],
        failure(admin().describe_acls, everything),
        admin().delete_acls([everything])[0][2],
    ]
    for error in answers:
        kind = error if isinstance(error, type) else type(error)
        equal(kind, errors.SecurityDisabledError)


def alters_configs_incrementally():
    needs_3()
    from kafka.admin import AlterConfigOp
    topic = new_topic(configs={"retention.ms": "1000"})

    def policy_after(configs, expected):
        alter_configs(topic, configs)
        eventually(f"{expected}", lambda: (lambda found: all(found[key] == value for key, value in expected.items()))(configs_of("TOPIC", topic)))

    policy_after({"cleanup.policy": (AlterConfigOp.APPEND, "compact")}, {"cleanup.policy": "delete,compact", "retention.ms": "1000"})
    policy_after({"cleanup.policy": (AlterConfigOp.SUBTRACT, "delete")}, {"cleanup.policy": "compact"})
    policy_after({"retention.ms": (AlterConfigOp.DELETE, None)}, {"retention.ms": "604800000"})


def deletes_records():
    needs_3()
    topic = new_topic(partitions=2)
    send_numbered(topic, 10)
    send_numbered(topic, 10, partition=1, first=10)
    answer = admin().delete_records({TopicPartition(topic, 0): 4, TopicPartition(topic, 1): -1})
    equal([answer[TopicPartition(topic, partition)]["low_watermark"] for partition in (0, 1)], [4, 10])
    equal(sorted(int(record.value) for record in read_all(topic, 6)), [4, 5, 6, 7, 8, 9])
    error = failure(admin().delete_records, {TopicPartition(topic, 0): 11})
    equal(type(error), errors.OffsetOutOfRangeError)


def lists_offsets_of_all_kinds():
    needs_3()
    from kafka.admin import OffsetSpec
    topic = new_topic()
    partition = TopicPartition(topic, 0)
    for value, at in ((b"a", 1000), (b"b", 9000), (b"c", 5000)):
        producer().send(topic, value, timestamp_ms=at).get(10)

    def offset(spec):
        return admin().list_partition_offsets({partition: spec})[partition].offset

    equal([offset(OffsetSpec.EARLIEST), offset(OffsetSpec.LATEST), offset(OffsetSpec.MAX_TIMESTAMP)], [0, 3, 1])
    equal([offset(1000), offset(1001), offset(9001)], [0, 1, -1])


def alters_resets_and_deletes_group_offsets():
    needs_3()
    from kafka.admin import OffsetSpec
    topic = new_topic()
    partition = TopicPartition(topic, 0)
    group = unique("group")
    send_numbered(topic, 10)
    equal(admin().alter_group_offsets(group, {partition: offset_and_metadata(7, "moved")}), {partition: errors.NoError})
    stored = group_offsets(group)[partition]
    equal((stored.offset, stored.metadata), (7, "moved"))
    for target, offset in ((OffsetSpec.EARLIEST, 0), (OffsetSpec.LATEST, 10), (3, 3)):
        equal(admin().reset_group_offsets(group, {partition: target})[partition]["error"], errors.NoError)
        equal(group_offsets(group)[partition].offset, offset)
    equal(admin().delete_group_offsets(group, [partition]), {partition: errors.NoError})
    equal(group_offsets(group), {})


def refuses_to_move_offsets_of_live_group():
    needs_3()
    topic = new_topic()
    partition = TopicPartition(topic, 0)
    group = unique("group")
    member = Member(group, topic).joined(1)
    equal(admin().alter_group_offsets(group, {partition: offset_and_metadata(1)}), {partition: errors.UnknownMemberIdError})
    member.call(lambda: member.consumer.commit({partition: offset_and_metadata(0)}))
    equal(admin().delete_group_offsets(group, [partition]), {partition: errors.GroupSubscribedToTopicError})
    member.stop()


def removes_static_members():
    needs_3()
    from kafka.admin import MemberToRemove
    topic = new_topic()
    group = unique("group")
    member = Member(group, topic, group_instance_id="fixed").joined(1)
    answer = admin().remove_group_members(group, [MemberToRemove(group_instance_id="fixed")])
    equal(list(answer.values()), [errors.NoError])
    answer = admin().remove_group_members(group, [MemberToRemove(group_instance_id="nobody")])
    equal(list(answer.values()), [errors.UnknownMemberIdError])
    member._background.stop()


def describes_log_dirs():
    needs_3()
    topic = new_topic(partitions=2)
    for partition in (0, 1):
        send_numbered(topic, 10, partition)
    dirs = [log_dir for broker in admin().describe_log_dirs([topic]) for log_dir in broker["log_dirs"]]
    equal([log_dir["error_code"] for log_dir in dirs], [0] * len(dirs))
    sizes = [part["partition_size"] for log_dir in dirs for found in log_dir["topics"] for part in found["partitions"]]
    equal(len(sizes), 2)
    holds(min(sizes) > 0, sizes)


def describes_quorum_and_features():
    needs_3()
    quorum = admin().describe_metadata_quorum()
    holds("__cluster_metadata" in str(quorum), quorum)
    holds("metadata.version" in str(admin().describe_features()), "no metadata.version")


def describes_topic_partitions():
    needs_3()
    topic = new_topic(partitions=3)
    found = admin().describe_topic_partitions([topic])
    holds(topic in str(found), found)


def reassigns_to_the_same_replicas():
    needs_3()
    topic = new_topic()
    partition = TopicPartition(topic, 0)
    broker = admin().describe_cluster()["controller_id"]
    answer = admin().alter_partition_reassignments({partition: [broker]})
    holds("Error" not in str(answer).replace("NoError", ""), answer)
    equal(list(admin().list_partition_reassignments([partition])), [])


CHECKS = [
    describes_cluster, describes_broker_configs, acl_calls_answer_security_disabled, alters_configs_incrementally, deletes_records,
    lists_offsets_of_all_kinds, alters_resets_and_deletes_group_offsets, refuses_to_move_offsets_of_live_group,
    removes_static_members, describes_log_dirs, describes_quorum_and_features, describes_topic_partitions,
    reassigns_to_the_same_replicas,
]
