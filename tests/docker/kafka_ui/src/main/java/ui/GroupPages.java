package ui;

import static ui.Check.done;
import static ui.Check.equal;
import static ui.Check.eventually;
import static ui.Check.fails;
import static ui.Check.holds;
import static ui.Kit.ADMIN;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;

/** Consumer groups: the list, members and lag, resetting and forgetting offsets, deletion. */
final class GroupPages {
    private GroupPages() {}

    static void register(List<Check> checks) {
        checks.add(new Check("groups_list", GroupPages::list));
        checks.add(new Check("groups_describe_with_members", GroupPages::members));
        checks.add(new Check("groups_describe_an_empty_and_an_unknown_one", GroupPages::emptyAndUnknown));
        checks.add(new Check("groups_offsets_of_several", GroupPages::offsets));
        checks.add(new Check("groups_reset_offsets", GroupPages::reset));
        checks.add(new Check("groups_forget_offsets_of_a_topic", GroupPages::forget));
        checks.add(new Check("groups_delete", GroupPages::delete));
    }

    private static void list() throws Exception {
        String topic = filled();
        String group = emptyGroup(topic);
        eventually(() -> {
            ConsumerGroupListing listing = done(ADMIN.listConsumerGroups().all()).stream()
                .filter(g -> g.groupId().equals(group)).findFirst().orElseThrow(() -> new AssertionError("the group is not listed"));
            equal(Optional.of(GroupState.EMPTY), listing.groupState(), "state");
            equal(false, listing.isSimpleConsumerGroup(), "simple");
        });
    }

    private static void members() throws Exception {
        String topic = filled();
        String group = Kit.unique("group");
        try (var consumer = joined(group, topic)) {
            var described = done(ADMIN.describeConsumerGroups(List.of(group)).all()).get(group);
            equal(GroupState.STABLE, described.groupState(), "state");
            equal(1, described.members().size(), "members");
            var member = described.members().iterator().next();
            equal(Set.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1)), member.assignment().topicPartitions(), "assignment");
            holds(!member.consumerId().isBlank() && member.host().startsWith("/"), "member " + member);
            equal("range", described.partitionAssignor(), "assignor");
            holds(described.coordinator() != null && described.coordinator().port() > 0, "coordinator " + described.coordinator());
            fails(GroupNotEmptyException.class, ADMIN.deleteConsumerGroups(List.of(group)).all());
        }
    }

    private static void emptyAndUnknown() throws Exception {
        String group = emptyGroup(filled());
        var described = done(ADMIN.describeConsumerGroups(List.of(group)).all()).get(group);
        equal(GroupState.EMPTY, described.groupState(), "state");
        equal(0, described.members().size(), "members");
        fails(GroupIdNotFoundException.class, ADMIN.describeConsumerGroups(List.of(Kit.unique("none"))).all());
    }

    private static void offsets() throws Exception {
        String topic = filled();
        String one = emptyGroup(topic);
        String two = emptyGroup(topic);
        var all = done(ADMIN.listConsumerGroupOffsets(Map.of(
            one, new ListConsumerGroupOffsetsSpec().topicPartitions(null),
            two, new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(new TopicPartition(topic, 0))))).all());
        equal(Set.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1)), all.get(one).keySet(), "partitions of all");
        equal(10L, all.get(one).get(new TopicPartition(topic, 0)).offset(), "offset");
        equal(Set.of(new TopicPartition(topic, 0)), all.get(two).keySet(), "partitions asked for");
        equal(10L, all.get(two).get(new TopicPartition(topic, 0)).offset(), "offset");
    }

    private static void reset() throws Exception {
        String topic = filled();
        String group = emptyGroup(topic);
        TopicPartition partition = new TopicPartition(topic, 0);
        done(ADMIN.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(3))).all());
        equal(3L, committed(group).get(partition).offset(), "offset after the reset");
        try (var consumer = joined(group, topic)) {
            equal(3L, Kit.poll(consumer, 1).get(0).offset(), "where the group goes on");
        }
    }

    private static void forget() throws Exception {
        String topic = filled();
        String group = Kit.unique("group");
        try (var consumer = joined(group, topic)) {
            Kit.poll(consumer, 10);
            consumer.commitSync();
            fails(GroupSubscribedToTopicException.class,
                ADMIN.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 0))).all());
        }
        eventually(() -> done(ADMIN.deleteConsumerGroupOffsets(group, committed(group).keySet()).all()));
        equal(Map.of(), committed(group), "offsets after they were forgotten");
    }

    private static void delete() throws Exception {
        String group = emptyGroup(filled());
        done(ADMIN.deleteConsumerGroups(List.of(group)).all());
        holds(done(ADMIN.listConsumerGroups().all()).stream().noneMatch(g -> g.groupId().equals(group)), "the group is gone");
        fails(GroupIdNotFoundException.class, ADMIN.deleteConsumerGroups(List.of(Kit.unique("none"))).all());
    }

    private static Map<TopicPartition, OffsetAndMetadata> committed(String group) throws Exception {
        return done(ADMIN.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
    }

    /** Two partitions, ten messages in the first one. */
    private static String filled() throws Exception {
        String topic = Kit.topic(2, Map.of());
        Kit.fill(topic, 0, 10);
        return topic;
    }

    /** A group that has read everything and left. */
    private static String emptyGroup(String topic) throws Exception {
        String group = Kit.unique("group");
        try (var consumer = joined(group, topic)) {
            Kit.poll(consumer, 10);
            consumer.commitSync();
        }
        return group;
    }

    private static KafkaConsumer<String, String> joined(String group, String topic) throws Exception {
        var consumer = Kit.consumer(Optional.of(group));
        consumer.subscribe(List.of(topic));
        long deadline = System.currentTimeMillis() + 15_000;
        while (consumer.assignment().isEmpty() && System.currentTimeMillis() < deadline) consumer.poll(java.time.Duration.ZERO);
        consumer.assignment().forEach(p -> consumer.committed(Set.of(p)));
        holds(consumer.assignment().size() == 2, "the group gave both partitions to its only member, got " + consumer.assignment());
        rewind(consumer, group, topic);
        return consumer;
    }

    /** What poll returned while joining must not be lost to the checks. */
    private static void rewind(KafkaConsumer<String, String> consumer, String group, String topic) throws Exception {
        var offsets = committed(group);
        for (TopicPartition partition : consumer.assignment()) {
            consumer.seek(partition, offsets.containsKey(partition) ? offsets.get(partition).offset() : 0);
        }
    }
}
