package acceptance;

import static acceptance.Expect.done;
import static acceptance.Expect.equal;
import static acceptance.Expect.eventually;
import static acceptance.Expect.fails;
import static acceptance.Expect.holds;
import static acceptance.Kit.ADMIN;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.ClassicGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.ClassicGroupState;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Groups as an administrator sees and changes them. */
final class GroupAdminChecks {
    private GroupAdminChecks() {}

    static void register(List<Check> checks) {
        checks.add(new Check("groupadmin_list_with_filters", GroupAdminChecks::list));
        checks.add(new Check("groupadmin_describe_members", GroupAdminChecks::describe));
        checks.add(new Check("groupadmin_describe_empty_and_unknown", GroupAdminChecks::describeOthers));
        checks.add(new Check("groupadmin_offsets_of_several_groups", GroupAdminChecks::offsets));
        checks.add(new Check("groupadmin_alter_offsets", GroupAdminChecks::alterOffsets));
        checks.add(new Check("groupadmin_alter_offsets_errors", GroupAdminChecks::alterOffsetsErrors));
        checks.add(new Check("groupadmin_delete_offsets", GroupAdminChecks::deleteOffsets));
        checks.add(new Check("groupadmin_delete_groups", GroupAdminChecks::deleteGroups));
        checks.add(new Check("groupadmin_remove_members", GroupAdminChecks::removeMembers));
        checks.add(new Check("groupadmin_topic_delete_drops_offsets", GroupAdminChecks::topicDelete));
    }

    private interface WithMember {
        void run(String topic, String group, Member member) throws Exception;
    }

    private static void live(WithMember body) throws Exception {
        String topic = Kit.topic(2);
        String group = Kit.unique("group");
        try (Member member = new Member(topic, "group.id", group, "client.id", "my-client", "group.instance.id", "my-instance")) {
            eventually(() -> equal(2, member.partitions(), "partitions"));
            body.run(topic, group, member);
        }
    }

    private static Map<String, GroupListing> listed(ListGroupsOptions options) throws Exception {
        return done(ADMIN.listGroups(options).all()).stream().collect(Collectors.toMap(GroupListing::groupId, g -> g));
    }

    private static void list() throws Exception {
        live((topic, group, member) -> {
            String empty = Kit.unique("empty");
            GroupChecks.commitFor(empty, topic, 0);
            Map<String, GroupListing> all = listed(new ListGroupsOptions());
            equal(Optional.of(GroupState.STABLE), all.get(group).groupState(), "state");
            equal(Optional.of(GroupType.CLASSIC), all.get(group).type(), "type");
            equal("consumer", all.get(group).protocol(), "protocol");
            equal(Optional.of(GroupState.EMPTY), all.get(empty).groupState(), "state of a group without members");
            equal("", all.get(empty).protocol(), "protocol of a group without members");
            Map<String, GroupListing> stable = listed(new ListGroupsOptions().inGroupStates(Set.of(GroupState.STABLE)));
            holds(stable.containsKey(group) && !stable.containsKey(empty), "filter by state");
            Map<String, GroupListing> classic = listed(new ListGroupsOptions().withTypes(Set.of(GroupType.CLASSIC)));
            holds(classic.containsKey(group) && classic.containsKey(empty), "filter by type");
            holds(!listed(new ListGroupsOptions().withTypes(Set.of(GroupType.SHARE))).containsKey(group), "filter by another type");
            holds(listed(ListGroupsOptions.forConsumerGroups()).containsKey(group), "consumer groups");
        });
    }

    private static void describe() throws Exception {
        live((topic, group, member) -> {
            ConsumerGroupDescription seen = done(ADMIN.describeConsumerGroups(List.of(group)).all()).get(group);
            equal(GroupState.STABLE, seen.groupState(), "state");
            equal("range", seen.partitionAssignor(), "assignor");
            equal(false, seen.isSimpleConsumerGroup(), "simple");
            holds(seen.coordinator().port() > 0, "coordinator");
            equal(1, seen.members().size(), "members");
            MemberDescription only = seen.members().iterator().next();
            equal("my-client", only.clientId(), "client id");
            equal(Optional.of("my-instance"), only.groupInstanceId(), "instance id");
            holds(only.host().startsWith("/"), "host, got " + only.host());
            holds(only.consumerId().startsWith("my-instance-"), "member id, got " + only.consumerId());
            equal(Set.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1)), only.assignment().topicPartitions(), "assignment");
            ClassicGroupDescription classic = done(ADMIN.describeClassicGroups(List.of(group)).all()).get(group);
            equal(ClassicGroupState.STABLE, classic.state(), "classic state");
            equal("consumer", classic.protocol(), "protocol");
            equal("range", classic.protocolData(), "protocol data");
        });
    }

    private static void describeOthers() throws Exception {
        String empty = Kit.unique("empty");
        GroupChecks.commitFor(empty, Kit.topic(1), 0);
        ConsumerGroupDescription seen = done(ADMIN.describeConsumerGroups(List.of(empty)).all()).get(empty);
        equal(GroupState.EMPTY, seen.groupState(), "state");
        equal(0, seen.members().size(), "members");
        fails(GroupIdNotFoundException.class, ADMIN.describeConsumerGroups(List.of(Kit.unique("none"))).all());
        fails(GroupIdNotFoundException.class, ADMIN.describeClassicGroups(List.of(Kit.unique("none"))).all());
    }

    private static Map<TopicPartition, OffsetAndMetadata> offsetsOf(String group) throws Exception {
        return done(ADMIN.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
    }

    private static void offsets() throws Exception {
        String topic = Kit.topic(1);
        TopicPartition partition = new TopicPartition(topic, 0);
        List<String> groups = List.of(Kit.unique("one"), Kit.unique("two"), Kit.unique("none"));
        GroupChecks.commitFor(groups.get(0), topic, 1);
        GroupChecks.commitFor(groups.get(1), topic, 2);
        var all = done(ADMIN.listConsumerGroupOffsets(groups.stream()
            .collect(Collectors.toMap(g -> g, g -> new ListConsumerGroupOffsetsSpec()))).all());
        equal(1L, all.get(groups.get(0)).get(partition).offset(), "offset of the first group");
        equal(2L, all.get(groups.get(1)).get(partition).offset(), "offset of the second group");
        equal(Map.of(), all.get(groups.get(2)), "offsets of an unknown group");
        var asked = new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(partition, new TopicPartition(topic, 7)));
        var some = done(ADMIN.listConsumerGroupOffsets(Map.of(groups.get(0), asked)).all()).get(groups.get(0));
        equal(1L, some.get(partition).offset(), "offset when asked by name");
        equal(null, some.get(new TopicPartition(topic, 7)), "offset never committed");
    }

    private static void alterOffsets() throws Exception {
        String topic = Kit.topic(1);
        String group = Kit.unique("group");
        TopicPartition partition = new TopicPartition(topic, 0);
        Kit.fill(topic, 0, 10);
        GroupChecks.commitFor(group, topic, 10);
        done(ADMIN.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(3, "by admin"))).all());
        equal(new OffsetAndMetadata(3, "by admin"), offsetsOf(group).get(partition), "offset");
        try (KafkaConsumer<byte[], byte[]> consumer = Kit.consumer("group.id", group)) {
            consumer.subscribe(List.of(topic));
            equal(Kit.numbers(3, 10), Kit.values(Kit.poll(consumer, 7)), "values");
        }
        String fresh = Kit.unique("fresh");
        done(ADMIN.alterConsumerGroupOffsets(fresh, Map.of(partition, new OffsetAndMetadata(1))).all());
        equal(1L, offsetsOf(fresh).get(partition).offset(), "offset of a group that did not exist");
    }

    private static void alterOffsetsErrors() throws Exception {
        live((topic, group, member) -> fails(UnknownMemberIdException.class, ADMIN.alterConsumerGroupOffsets(group,
            Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1))).all()));
        fails(UnknownTopicOrPartitionException.class, ADMIN.alterConsumerGroupOffsets(Kit.unique("group"),
            Map.of(new TopicPartition(Kit.unique("none"), 0), new OffsetAndMetadata(1))).all());
    }

    private static void deleteOffsets() throws Exception {
        live((topic, group, member) -> {
            TopicPartition partition = new TopicPartition(topic, 0);
            fails(GroupSubscribedToTopicException.class,
                ADMIN.deleteConsumerGroupOffsets(group, Set.of(partition)).partitionResult(partition));
        });
        String topic = Kit.topic(2);
        TopicPartition partition = new TopicPartition(topic, 0);
        TopicPartition kept = new TopicPartition(topic, 1);
        String group = Kit.unique("group");
        done(ADMIN.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(1), kept, new OffsetAndMetadata(2))).all());
        done(ADMIN.deleteConsumerGroupOffsets(group, Set.of(partition)).all());
        equal(Set.of(kept), offsetsOf(group).keySet(), "offsets left");
        fails(GroupIdNotFoundException.class, ADMIN.deleteConsumerGroupOffsets(Kit.unique("none"), Set.of(partition)).all());
    }

    private static void deleteGroups() throws Exception {
        live((topic, group, member) -> {
            String empty = Kit.unique("empty");
            String unknown = Kit.unique("none");
            GroupChecks.commitFor(empty, topic, 0);
            var results = ADMIN.deleteConsumerGroups(List.of(empty, group, unknown)).deletedGroups();
            done(results.get(empty));
            fails(GroupNotEmptyException.class, results.get(group));
            fails(GroupIdNotFoundException.class, results.get(unknown));
            holds(!listed(new ListGroupsOptions()).containsKey(empty), "a deleted group is not listed");
            equal(Map.of(), offsetsOf(empty), "offsets of a deleted group");
        });
    }

    private static void removeMembers() throws Exception {
        live((topic, group, member) -> {
            var only = new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("my-instance")));
            done(ADMIN.removeMembersFromConsumerGroup(group, only).all());
            var unknown = new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("no-instance")));
            fails(UnknownMemberIdException.class, ADMIN.removeMembersFromConsumerGroup(group, unknown).all());
        });
    }

    private static void topicDelete() throws Exception {
        String topic = Kit.topic(1);
        String group = Kit.unique("group");
        GroupChecks.commitFor(group, topic, 5);
        done(ADMIN.deleteTopics(List.of(topic)).all());
        eventually(() -> equal(Map.of(), offsetsOf(group), "offsets of a deleted topic"));
    }
}
