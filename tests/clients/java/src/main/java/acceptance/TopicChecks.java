package acceptance;

import static acceptance.Expect.done;
import static acceptance.Expect.equal;
import static acceptance.Expect.fails;
import static acceptance.Expect.holds;
import static acceptance.Expect.visible;
import static acceptance.Kit.ADMIN;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicaAssignmentException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Creating, describing, growing, and deleting topics. */
final class TopicChecks {
    private TopicChecks() {}

    static void register(List<Check> checks) {
        checks.add(new Check("topic_create_with_partitions_and_configs", TopicChecks::createWithConfigs));
        checks.add(new Check("topic_create_with_broker_defaults", TopicChecks::createWithDefaults));
        checks.add(new Check("topic_create_with_assignment", TopicChecks::createWithAssignment));
        checks.add(new Check("topic_create_validate_only", TopicChecks::validateOnly));
        checks.add(new Check("topic_create_existing", TopicChecks::createExisting));
        checks.add(new Check("topic_create_illegal_names", TopicChecks::createIllegalNames));
        checks.add(new Check("topic_create_colliding_name", TopicChecks::createColliding));
        checks.add(new Check("topic_create_bad_replication_factor", TopicChecks::createBadReplicationFactor));
        checks.add(new Check("topic_create_bad_partitions", TopicChecks::createBadPartitions));
        checks.add(new Check("topic_create_bad_configs", TopicChecks::createBadConfigs));
        checks.add(new Check("topic_create_mixed_results", TopicChecks::createMixed));
        checks.add(new Check("topic_auto_create_by_produce", TopicChecks::autoCreate));
        checks.add(new Check("topic_describe_pages_of_partitions", TopicChecks::describeInPages));
        checks.add(new Check("topic_describe_by_id", TopicChecks::describeById));
        checks.add(new Check("topic_describe_unknown", TopicChecks::describeUnknown));
        checks.add(new Check("topic_list_hides_internal", TopicChecks::listInternal));
        checks.add(new Check("topic_create_partitions", TopicChecks::createPartitions));
        checks.add(new Check("topic_create_partitions_errors", TopicChecks::createPartitionsErrors));
        checks.add(new Check("topic_delete", TopicChecks::delete));
        checks.add(new Check("topic_delete_by_id", TopicChecks::deleteById));
        checks.add(new Check("topic_recreate_has_new_id_and_no_data", TopicChecks::recreate));
    }

    static TopicDescription describe(String name) throws Exception {
        return done(ADMIN.describeTopics(List.of(name)).allTopicNames()).get(name);
    }

    private static KafkaFuture<Void> create(NewTopic topic) {
        return ADMIN.createTopics(List.of(topic)).all();
    }

    private static NewTopic plain(String name) {
        return new NewTopic(name, 1, (short) 1);
    }

    private static void createWithConfigs() throws Exception {
        String name = Kit.unique("configs");
        NewTopic topic = plain(name).configs(Map.of("cleanup.policy", "compact", "retention.ms", "12345"));
        topic = new NewTopic(name, 3, (short) 1).configs(topic.configs());
        CreateTopicsResult result = ADMIN.createTopics(List.of(topic));
        equal(3, done(result.numPartitions(name)), "partitions in the answer");
        equal(1, done(result.replicationFactor(name)), "replication factor in the answer");
        equal("compact", done(result.config(name)).get("cleanup.policy").value(), "cleanup.policy in the answer");
        equal("12345", done(result.config(name)).get("retention.ms").value(), "retention.ms in the answer");
        Uuid id = done(result.topicId(name));
        visible(() -> {
            TopicDescription seen = describe(name);
            equal(id, seen.topicId(), "topic id");
            equal(3, seen.partitions().size(), "partitions");
            equal(false, seen.isInternal(), "internal");
            seen.partitions().forEach(p -> equal(p.replicas(), p.isr(), "isr of partition " + p.partition()));
            seen.partitions().forEach(p -> holds(p.leader() != null && p.leader().port() > 0, "leader of " + p.partition()));
        });
    }

    private static void createWithDefaults() throws Exception {
        String name = Kit.unique("defaults");
        CreateTopicsResult result = ADMIN.createTopics(List.of(new NewTopic(name, Optional.empty(), Optional.empty())));
        int broker = Kit.brokerId();
        equal(ConfigChecks.broker(broker, "num.partitions").value(), "" + done(result.numPartitions(name)), "partitions");
        equal(ConfigChecks.broker(broker, "default.replication.factor").value(), "" + done(result.replicationFactor(name)),
            "replication factor");
    }

    private static void createWithAssignment() throws Exception {
        int broker = Kit.brokerId();
        String name = Kit.unique("assigned");
        done(create(new NewTopic(name, Map.of(0, List.of(broker), 1, List.of(broker)))));
        visible(() -> equal(2, describe(name).partitions().size(), "partitions"));
        fails(InvalidReplicaAssignmentException.class, create(new NewTopic(Kit.unique("assigned"), Map.of(0, List.of(9999)))));
        fails(InvalidReplicaAssignmentException.class,
            create(new NewTopic(Kit.unique("assigned"), Map.of(0, List.of(broker, broker)))));
    }

    private static void validateOnly() throws Exception {
        String name = Kit.unique("validated");
        done(ADMIN.createTopics(List.of(plain(name)), new CreateTopicsOptions().validateOnly(true)).all());
        fails(UnknownTopicOrPartitionException.class, ADMIN.describeTopics(List.of(name)).allTopicNames());
    }

    private static void createExisting() throws Exception {
        String name = Kit.topic(1);
        fails(TopicExistsException.class, create(plain(name)));
        fails(TopicExistsException.class,
            ADMIN.createTopics(List.of(plain(name)), new CreateTopicsOptions().validateOnly(true)).all());
    }

    private static void createIllegalNames() throws Exception {
        for (String name : List.of("with space", ".", "..", "slash/ed", "ümlaut", "x".repeat(250))) {
            fails(InvalidTopicException.class, create(plain(name)));
        }
        String longest = (Kit.unique("longest") + "x".repeat(249)).substring(0, 249);
        done(create(plain(longest)));
        done(ADMIN.deleteTopics(List.of(longest)).all());
    }

    private static void createColliding() throws Exception {
        String name = Kit.unique("col") + ".a_b";
        done(create(plain(name)));
        fails(InvalidTopicException.class, create(plain(name.replace('.', '_'))));
    }

    private static void createBadReplicationFactor() throws Exception {
        for (short factor : new short[] {0, -2, 100}) {
            fails(InvalidReplicationFactorException.class, create(new NewTopic(Kit.unique("rf"), 1, factor)));
        }
    }

    private static void createBadPartitions() throws Exception {
        for (int partitions : new int[] {0, -2}) {
            fails(InvalidPartitionsException.class, create(new NewTopic(Kit.unique("np"), partitions, (short) 1)));
        }
    }

    private static void createBadConfigs() throws Exception {
        for (Map<String, String> configs : List.of(Map.of("no.such.config", "1"), Map.of("segment.bytes", "100"),
                Map.of("retention.ms", "soon"), Map.of("cleanup.policy", "burn"),
                Map.of("message.timestamp.difference.max.ms", "1000"))) {
            fails(InvalidConfigurationException.class, create(plain(Kit.unique("bad")).configs(configs)));
        }
    }

    private static void createMixed() throws Exception {
        String old = Kit.topic(1);
        String fresh = Kit.unique("fresh");
        CreateTopicsResult result = ADMIN.createTopics(List.of(plain(old), plain(fresh)));
        fails(TopicExistsException.class, result.values().get(old));
        done(result.values().get(fresh));
    }

    private static void autoCreate() throws Exception {
        String name = Kit.unique("auto");
        long start = System.nanoTime();
        try (KafkaProducer<byte[], byte[]> producer = Kit.producer()) {
            equal(0L, done(producer.send(Kit.record(name, 0, "first"))).offset(), "first offset");
        }
        long ms = (System.nanoTime() - start) / 1_000_000;
        System.out.println("# first acknowledged record in a topic created by it: " + ms + " ms");
        holds(Expect.PEER_IS_KAFKA || ms < 3000, "auto-creation took " + ms + " ms");
        equal("first", Kit.values(Kit.read(new TopicPartition(name, 0), 1)).get(0), "value");
    }

    private static void describeInPages() throws Exception {
        String name = Kit.topic(7);
        String other = Kit.topic(1);
        DescribeTopicsOptions two = new DescribeTopicsOptions().partitionSizeLimitPerResponse(2);
        Map<String, TopicDescription> seen = done(ADMIN.describeTopics(List.of(name, other), two).allTopicNames());
        equal(List.of(0, 1, 2, 3, 4, 5, 6), seen.get(name).partitions().stream().map(p -> p.partition()).toList(), "partitions");
        equal(1, seen.get(other).partitions().size(), "partitions of the second topic");
    }

    private static void describeById() throws Exception {
        String name = Kit.topic(2);
        Uuid id = describe(name).topicId();
        equal(name, done(ADMIN.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds()).get(id).name(), "name");
        Uuid unknown = Uuid.randomUuid();
        fails(UnknownTopicIdException.class, ADMIN.describeTopics(TopicCollection.ofTopicIds(List.of(unknown))).allTopicIds());
    }

    private static void describeUnknown() throws Exception {
        fails(UnknownTopicOrPartitionException.class, ADMIN.describeTopics(List.of(Kit.unique("none"))).allTopicNames());
        fails(InvalidTopicException.class, ADMIN.describeTopics(List.of("no good")).allTopicNames());
    }

    private static void listInternal() throws Exception {
        String topic = Kit.topic(1);
        GroupChecks.commitFor(Kit.unique("group"), topic, 0);
        holds(done(ADMIN.listTopics().names()).contains(topic), "the new topic is listed");
        holds(!done(ADMIN.listTopics().names()).contains("__consumer_offsets"), "internal topics are not listed unasked");
        var all = done(ADMIN.listTopics(new ListTopicsOptions().listInternal(true)).namesToListings());
        holds(all.get("__consumer_offsets").isInternal(), "__consumer_offsets is internal");
        equal(describe(topic).topicId(), all.get(topic).topicId(), "topic id");
    }

    private static void createPartitions() throws Exception {
        String name = Kit.topic(1);
        done(ADMIN.createPartitions(Map.of(name, NewPartitions.increaseTo(4))).all());
        visible(() -> equal(4, describe(name).partitions().size(), "partitions"));
        visible(() -> Kit.fill(name, 3, 5));
        equal(Kit.numbers(0, 5), Kit.values(Kit.read(new TopicPartition(name, 3), 5)), "values");
    }

    private static void createPartitionsErrors() throws Exception {
        String name = Kit.topic(3);
        int broker = Kit.brokerId();
        for (int count : new int[] {3, 2, 0, -1}) {
            fails(InvalidPartitionsException.class, ADMIN.createPartitions(Map.of(name, NewPartitions.increaseTo(count))).all());
        }
        List<List<Integer>> tooMany = List.of(List.of(broker), List.of(broker));
        fails(InvalidReplicaAssignmentException.class,
            ADMIN.createPartitions(Map.of(name, NewPartitions.increaseTo(4, tooMany))).all());
        fails(InvalidReplicaAssignmentException.class,
            ADMIN.createPartitions(Map.of(name, NewPartitions.increaseTo(4, List.of(List.of(9999))))).all());
        fails(UnknownTopicOrPartitionException.class,
            ADMIN.createPartitions(Map.of(Kit.unique("none"), NewPartitions.increaseTo(4))).all());
    }

    private static void delete() throws Exception {
        String name = Kit.topic(2);
        done(ADMIN.deleteTopics(List.of(name)).all());
        visible(() -> fails(UnknownTopicOrPartitionException.class, ADMIN.describeTopics(List.of(name)).allTopicNames()));
        Set<String> names = new HashSet<>(done(ADMIN.listTopics().names()));
        holds(!names.contains(name), "a deleted topic is not listed");
        fails(UnknownTopicOrPartitionException.class, ADMIN.deleteTopics(List.of(name)).all());
    }

    private static void deleteById() throws Exception {
        String name = Kit.topic(1);
        Uuid id = describe(name).topicId();
        done(ADMIN.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
        visible(() -> fails(UnknownTopicOrPartitionException.class, ADMIN.describeTopics(List.of(name)).allTopicNames()));
        fails(UnknownTopicIdException.class, ADMIN.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
    }

    private static void recreate() throws Exception {
        String name = Kit.topic(1);
        Kit.fill(name, 0, 10);
        Uuid old = describe(name).topicId();
        done(ADMIN.deleteTopics(List.of(name)).all());
        done(create(plain(name)));
        visible(() -> holds(!describe(name).topicId().equals(old), "a new topic id"));
        TopicPartition partition = new TopicPartition(name, 0);
        visible(() -> equal(0L, Kit.offset(partition, OffsetSpec.latest()), "end offset"));
        equal(0L, Kit.fill(name, 0, 1).get(0).offset(), "offset of the first record");
        equal(List.of("0"), Kit.values(Kit.read(partition, 1)), "values");
    }
}
