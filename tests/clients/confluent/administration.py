"""The cluster, offsets, record deletion, elections and ACLs through confluent-kafka's admin client."""
from confluent_kafka import ElectionType, KafkaError, TopicPartition
from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, OffsetSpec, ResourcePatternType, ResourceType

from checks import equal, failure, holds
from client import admin, code_of, new_topic, numbers, read_all, result, send, send_numbered


def describes_cluster():
    cluster = admin().describe_cluster(include_authorized_operations=True).result(10)
    equal(len(cluster.cluster_id), 22)
    holds(cluster.controller.id in [node.id for node in cluster.nodes], cluster.nodes)
    holds(len(cluster.authorized_operations) >= 5, cluster.authorized_operations)


def lists_offsets_of_all_kinds():
    topic = new_topic()
    for value, at in ((b"a", 1000), (b"b", 9000), (b"c", 5000)):
        send(topic, value, timestamp=at)

    def offset(spec):
        return result(admin().list_offsets({TopicPartition(topic, 0): spec})).offset

    equal([offset(OffsetSpec.earliest()), offset(OffsetSpec.latest()), offset(OffsetSpec.max_timestamp())], [0, 3, 1])
    equal([offset(OffsetSpec.for_timestamp(at)) for at in (1000, 1001, 9001)], [0, 1, -1])


def deletes_records():
    topic = new_topic(partitions=2)
    send_numbered(topic, 10)
    send_numbered(topic, 10, partition=1, first=10)
    parts = [TopicPartition(topic, 0, 4), TopicPartition(topic, 1, -1)]
    answers = admin().delete_records(parts)
    equal(sorted(future.result(10).low_watermark for future in answers.values()), [4, 10])
    equal(numbers(read_all(topic, 6)), [4, 5, 6, 7, 8, 9])


def refuses_to_delete_records_beyond_the_end():
    topic = new_topic()
    send_numbered(topic, 3)
    error = failure(lambda: result(admin().delete_records([TopicPartition(topic, 0, 4)])))
    equal(code_of(error), KafkaError.OFFSET_OUT_OF_RANGE)


def electing_the_present_leader_is_not_needed():
    part = TopicPartition(new_topic(), 0)
    answer = admin().elect_leaders(ElectionType.PREFERRED, [part]).result(10)
    equal([error.code() for error in answer.values()], [KafkaError.ELECTION_NOT_NEEDED])


def acl_calls_answer_security_disabled():
    shape = (ResourceType.TOPIC, "any", ResourcePatternType.LITERAL, "User:someone", "*", AclOperation.READ, AclPermissionType.ALLOW)
    refused = [
        failure(lambda: result(admin().create_acls([AclBinding(*shape)]))),
        failure(lambda: result(admin().delete_acls([AclBindingFilter(*shape)]))),
    ]
    equal([code_of(error) for error in refused], [KafkaError.SECURITY_DISABLED] * 2)
    equal(admin().describe_acls(AclBindingFilter(*shape)).result(10), [], "this client drops the error of describe_acls")


CHECKS = [
    describes_cluster, lists_offsets_of_all_kinds, deletes_records, refuses_to_delete_records_beyond_the_end,
    electing_the_present_leader_is_not_needed, acl_calls_answer_security_disabled,
]
