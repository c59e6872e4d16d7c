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
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The list of topics, the form for a new one, its settings, partitions and replication factor, deletion and recreation. */
final class TopicPages {
    private TopicPages() {}

    static void register(List<Check> checks) {
        checks.add(new Check("topics_list_with_internal_ones", TopicPages::list));
        checks.add(new Check("topics_describe_many", TopicPages::describeMany));
        checks.add(new Check("topics_create_with_settings", TopicPages::create));
        checks.add(new Check("topics_create_wrongly", TopicPages::createWrongly));
        checks.add(new Check("topics_settings_with_documentation", TopicPages::documentation));
        checks.add(new Check("topics_change_settings", TopicPages::change));
        checks.add(new Check("topics_more_partitions", TopicPages::grow));
        checks.add(new Check("topics_change_replication_factor", TopicPages::reassign));
        checks.add(new Check("topics_active_producers", TopicPages::producers));
        checks.add(new Check("topics_delete_and_recreate", TopicPages::recreate));
    }

    private static void list() throws Exception {
        String topic = Kit.topic(1, Map.of());
        Kit.fill(topic, 0, 1);
        try (var consumer = Kit.consumer(Optional.of(Kit.unique("group")))) {
            consumer.subscribe(List.of(topic));
            Kit.poll(consumer, 1);
            consumer.commitSync();
        }
        Set<String> all = done(ADMIN.listTopics(new ListTopicsOptions().listInternal(true)).names());
        holds(all.containsAll(Set.of(topic, "__consumer_offsets")), "topics " + all);
        holds(!done(ADMIN.listTopics().names()).contains("__consumer_offsets"), "internal topics stay out unless asked for");
        var offsets = Kit.describe("__consumer_offsets");
        holds(offsets.isInternal(), "__consumer_offsets is internal");
        equal(50, offsets.partitions().size(), "partitions of __consumer_offsets");
        equal(1, offsets.partitions().get(0).replicas().size(), "replicas of __consumer_offsets on one node");
        equal("compact", Kit.configs(ConfigResource.Type.TOPIC, "__consumer_offsets").get("cleanup.policy").value(), "its policy");
    }

    private static void describeMany() throws Exception {
        String topic = Kit.topic(3, Map.of());
        String gone = Kit.unique("none");
        var values = ADMIN.describeTopics(List.of(topic, gone)).topicNameValues();
        var partitions = done(values.get(topic)).partitions();
        equal(3, partitions.size(), "partitions");
        partitions.forEach(p -> holds(p.leader() != null && p.isr().equals(p.replicas()), "partition " + p));
        fails(UnknownTopicOrPartitionException.class, values.get(gone));
    }

    private static void create() throws Exception {
        String topic = Kit.unique("topic");
        var configs = Map.of("cleanup.policy", "delete", "retention.ms", "43200000", "max.message.bytes", "1000012", "min.insync.replicas", "1");
        done(ADMIN.createTopics(List.of(new NewTopic(topic, Optional.of(2), Optional.of((short) 1)).configs(configs))).all());
        eventually(() -> configs.forEach((key, value) -> equal(value, config(topic, key).value(), key)));
        equal(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config(topic, "retention.ms").source(), "source");
    }

    private static void createWrongly() throws Exception {
        String topic = Kit.topic(1, Map.of());
        fails(TopicExistsException.class, ADMIN.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all());
        fails(InvalidReplicationFactorException.class, ADMIN.createTopics(List.of(new NewTopic(Kit.unique("topic"), 1, (short) 9))).all());
    }

    private static void documentation() throws Exception {
        String topic = Kit.topic(1, Map.of("retention.ms", "1000000"));
        ConfigEntry retention = config(topic, "retention.ms");
        holds(retention.documentation() != null && !retention.documentation().isBlank(), "documentation");
        equal(ConfigEntry.ConfigType.LONG, retention.type(), "type");
        equal(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, retention.synonyms().get(0).source(), "first synonym");
        ConfigEntry size = config(topic, "max.message.bytes");
        equal("message.max.bytes", size.synonyms().get(size.synonyms().size() - 1).name(), "last synonym of max.message.bytes");
        equal(true, size.isDefault(), "max.message.bytes is the default");
    }

    /** The form sends everything it shows: what was removed there goes back to the default. */
    private static void change() throws Exception {
        String topic = Kit.topic(1, Map.of("retention.ms", "1000000", "segment.bytes", "2097152"));
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        done(ADMIN.incrementalAlterConfigs(Map.of(resource, List.of(
            new AlterConfigOp(new ConfigEntry("retention.ms", "2000000"), OpType.SET),
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact,delete"), OpType.SET),
            new AlterConfigOp(new ConfigEntry("segment.bytes", "2097152"), OpType.DELETE)))).all());
        eventually(() -> {
            equal("2000000", config(topic, "retention.ms").value(), "retention.ms");
            equal("compact,delete", config(topic, "cleanup.policy").value(), "cleanup.policy");
            equal("1073741824", config(topic, "segment.bytes").value(), "segment.bytes");
        });
    }

    private static ConfigEntry config(String topic, String key) throws RuntimeException {
        try {
            return Kit.configs(ConfigResource.Type.TOPIC, topic).get(key);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static void grow() throws Exception {
        String topic = Kit.topic(1, Map.of());
        done(ADMIN.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all());
        eventually(() -> equal(4, Kit.describe(topic).partitions().size(), "partitions"));
        fails(InvalidPartitionsException.class, ADMIN.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all());
    }

    /** On one node the page can only ask for what is already there. */
    private static void reassign() throws Exception {
        String topic = Kit.topic(2, Map.of());
        int broker = Kit.controller().id();
        var target = Optional.of(new NewPartitionReassignment(List.of(broker)));
        done(ADMIN.alterPartitionReassignments(Map.of(new TopicPartition(topic, 0), target, new TopicPartition(topic, 1), target)).all());
        equal(Map.of(), done(ADMIN.listPartitionReassignments().reassignments()), "reassignments under way");
        equal(1, Kit.describe(topic).partitions().get(0).replicas().size(), "replicas");
    }

    private static void producers() throws Exception {
        String topic = Kit.topic(2, Map.of());
        Kit.fill(topic, 1, 5);
        var all = done(ADMIN.describeProducers(List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1))).all());
        equal(0, all.get(new TopicPartition(topic, 0)).activeProducers().size(), "producers of the empty partition");
        equal(4, all.get(new TopicPartition(topic, 1)).activeProducers().get(0).lastSequence(), "last sequence");
    }

    private static void recreate() throws Exception {
        String topic = Kit.topic(2, Map.of("retention.ms", "1000000"));
        Kit.fill(topic, 0, 5);
        done(ADMIN.deleteTopics(List.of(topic)).all());
        eventually(() -> holds(!done(ADMIN.listTopics().names()).contains(topic), "the topic is gone"));
        eventually(() -> done(ADMIN.createTopics(List.of(new NewTopic(topic, 2, (short) 1))).all()));
        eventually(() -> equal(2, Kit.describe(topic).partitions().size(), "partitions"));
        TopicPartition first = new TopicPartition(topic, 0);
        equal(0L, done(ADMIN.listOffsets(Map.of(first, org.apache.kafka.clients.admin.OffsetSpec.latest())).partitionResult(first)).offset(),
            "end offset of the new topic");
    }
}
