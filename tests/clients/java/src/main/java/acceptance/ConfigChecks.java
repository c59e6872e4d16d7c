package acceptance;

import static acceptance.Expect.done;
import static acceptance.Expect.equal;
import static acceptance.Expect.fails;
import static acceptance.Expect.holds;
import static acceptance.Expect.visible;
import static acceptance.Kit.ADMIN;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.AlterConfigsOptions;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSource;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigType;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.ListConfigResourcesOptions;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidRequestException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Configs of topics, brokers, and groups. */
final class ConfigChecks {
    /** Dynamic on brokers and without effect on the other checks. */
    private static final String BROKER_KEY = "log.segment.delete.delay.ms";

    private ConfigChecks() {}

    static void register(List<Check> checks) {
        checks.add(new Check("config_describe_topic", ConfigChecks::describeTopic));
        checks.add(new Check("config_describe_synonyms_and_docs", ConfigChecks::synonyms));
        checks.add(new Check("config_describe_unknown_topic", ConfigChecks::describeUnknown));
        checks.add(new Check("config_describe_broker", ConfigChecks::describeBroker));
        checks.add(new Check("config_alter_topic_set_and_delete", ConfigChecks::setAndDelete));
        checks.add(new Check("config_alter_topic_append_and_subtract", ConfigChecks::appendAndSubtract));
        checks.add(new Check("config_alter_topic_errors", ConfigChecks::alterErrors));
        checks.add(new Check("config_alter_validate_only", ConfigChecks::validateOnly));
        checks.add(new Check("config_alter_takes_effect", ConfigChecks::takesEffect));
        checks.add(new Check("config_alter_broker", ConfigChecks::alterBroker));
        checks.add(new Check("config_alter_broker_errors", ConfigChecks::alterBrokerErrors));
        checks.add(new Check("config_alter_group", ConfigChecks::alterGroup));
        checks.add(new Check("config_list_resources", ConfigChecks::listResources));
    }

    private static ConfigResource topicResource(String name) {
        return new ConfigResource(ConfigResource.Type.TOPIC, name);
    }

    private static ConfigResource brokerResource(String name) {
        return new ConfigResource(ConfigResource.Type.BROKER, name);
    }

    private static ConfigEntry entry(ConfigResource resource, String key) throws Exception {
        return done(ADMIN.describeConfigs(List.of(resource)).all()).get(resource).get(key);
    }

    static ConfigEntry broker(int id, String key) throws Exception {
        return entry(brokerResource("" + id), key);
    }

    private static KafkaFuture<Void> alter(ConfigResource resource, AlterConfigOp... operations) {
        return ADMIN.incrementalAlterConfigs(Map.of(resource, Arrays.asList(operations))).all();
    }

    private static AlterConfigOp op(OpType type, String key, String value) {
        return new AlterConfigOp(new ConfigEntry(key, value), type);
    }

    private static void is(ConfigResource resource, String key, String value, ConfigSource source) throws Exception {
        visible(() -> {
            ConfigEntry seen = entry(resource, key);
            equal(value, seen == null ? null : seen.value(), key);
            equal(source, seen == null ? null : seen.source(), "source of " + key);
        });
    }

    private static void describeTopic() throws Exception {
        ConfigResource resource = topicResource(Kit.topic(1, Map.of("retention.ms", "1000000")));
        var all = done(ADMIN.describeConfigs(List.of(resource)).all()).get(resource);
        for (String key : List.of("cleanup.policy", "compression.type", "delete.retention.ms", "file.delete.delay.ms",
                "flush.messages", "flush.ms", "follower.replication.throttled.replicas", "index.interval.bytes",
                "leader.replication.throttled.replicas", "local.retention.bytes", "local.retention.ms", "max.compaction.lag.ms",
                "max.message.bytes", "message.timestamp.after.max.ms", "message.timestamp.before.max.ms",
                "message.timestamp.type", "min.cleanable.dirty.ratio", "min.compaction.lag.ms", "min.insync.replicas",
                "preallocate", "remote.storage.enable", "retention.bytes", "retention.ms", "segment.bytes",
                "segment.index.bytes", "segment.jitter.ms", "segment.ms", "unclean.leader.election.enable")) {
            holds(all.get(key) != null, "config " + key);
            holds(all.get(key).type() != ConfigType.UNKNOWN, "type of " + key);
            equal(false, all.get(key).isReadOnly(), "read-only " + key);
            equal(false, all.get(key).isSensitive(), "sensitive " + key);
            equal(List.of(), all.get(key).synonyms(), "synonyms of " + key + " when not asked for");
            equal(null, all.get(key).documentation(), "doc of " + key + " when not asked for");
        }
        equal("1000000", all.get("retention.ms").value(), "retention.ms");
        equal(ConfigSource.DYNAMIC_TOPIC_CONFIG, all.get("retention.ms").source(), "source of retention.ms");
        ConfigEntry bytes = all.get("retention.bytes");
        equal("-1", bytes.value(), "retention.bytes");
        equal(ConfigSource.DEFAULT_CONFIG, bytes.source(), "source of retention.bytes");
        equal(ConfigType.LONG, bytes.type(), "type of retention.bytes");
        equal("1048588", all.get("max.message.bytes").value(), "max.message.bytes");
        equal(ConfigType.LIST, all.get("cleanup.policy").type(), "type of cleanup.policy");
    }

    private static void synonyms() throws Exception {
        ConfigResource resource = topicResource(Kit.topic(1, Map.of("cleanup.policy", "compact")));
        var options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
        var all = done(ADMIN.describeConfigs(List.of(resource), options).all()).get(resource);
        ConfigEntry policy = all.get("cleanup.policy");
        equal(List.of("cleanup.policy", "log.cleanup.policy"), policy.synonyms().stream().map(s -> s.name()).toList(), "names");
        equal(List.of("compact", "delete"), policy.synonyms().stream().map(s -> s.value()).toList(), "values");
        equal(List.of(ConfigSource.DYNAMIC_TOPIC_CONFIG, ConfigSource.DEFAULT_CONFIG),
            policy.synonyms().stream().map(s -> s.source()).toList(), "sources");
        all.entries().forEach(e -> holds(e.documentation() != null && !e.documentation().isEmpty(), "doc of " + e.name()));
    }

    private static void describeUnknown() throws Exception {
        fails(UnknownTopicOrPartitionException.class, ADMIN.describeConfigs(List.of(topicResource(Kit.unique("none")))).all());
    }

    private static void describeBroker() throws Exception {
        ConfigResource resource = brokerResource("" + Kit.brokerId());
        var all = done(ADMIN.describeConfigs(List.of(resource)).all()).get(resource);
        for (String key : List.of("num.partitions", "default.replication.factor", "auto.create.topics.enable", "log.dirs",
                "message.max.bytes", "log.retention.hours", "offsets.topic.num.partitions", "min.insync.replicas",
                "group.initial.rebalance.delay.ms", "advertised.listeners", "listeners", "node.id", "log.cleanup.policy",
                "delete.topic.enable", "num.io.threads")) {
            holds(all.get(key) != null, key + " is there");
        }
        // Apache Kafka 4 has it no more; where it is told, it is for consoles that ask for it, and tells the level.
        ConfigEntry protocol = all.get("inter.broker.protocol.version");
        holds(protocol == null || protocol.isReadOnly() && protocol.value().startsWith("4."), "inter.broker.protocol.version");
        ConfigEntry advertised = all.get("advertised.listeners");
        equal(ConfigSource.STATIC_BROKER_CONFIG, advertised.source(), "source of advertised.listeners");
        holds(advertised.isReadOnly(), "advertised.listeners is read-only");
        holds(!all.get("message.max.bytes").isReadOnly(), "message.max.bytes can be changed");
        ConfigEntry password = all.get("ssl.keystore.password");
        holds(password != null && password.isSensitive() && password.value() == null, "ssl.keystore.password is sensitive");
    }

    private static void setAndDelete() throws Exception {
        ConfigResource resource = topicResource(Kit.topic(1));
        done(alter(resource, op(OpType.SET, "retention.ms", "5000"), op(OpType.SET, "segment.ms", "60000")));
        is(resource, "retention.ms", "5000", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        is(resource, "segment.ms", "60000", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        done(alter(resource, op(OpType.DELETE, "retention.ms", "")));
        is(resource, "retention.ms", "604800000", ConfigSource.DEFAULT_CONFIG);
        is(resource, "segment.ms", "60000", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        done(alter(resource, op(OpType.DELETE, "retention.bytes", "")));
    }

    private static void appendAndSubtract() throws Exception {
        ConfigResource resource = topicResource(Kit.topic(1));
        done(alter(resource, op(OpType.APPEND, "cleanup.policy", "compact")));
        is(resource, "cleanup.policy", "delete,compact", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        done(alter(resource, op(OpType.APPEND, "cleanup.policy", "compact")));
        is(resource, "cleanup.policy", "delete,compact", ConfigSource.DYNAMIC_TOPIC_CONFIG);
        done(alter(resource, op(OpType.SUBTRACT, "cleanup.policy", "delete")));
        is(resource, "cleanup.policy", "compact", ConfigSource.DYNAMIC_TOPIC_CONFIG);
    }

    private static void alterErrors() throws Exception {
        ConfigResource resource = topicResource(Kit.topic(1));
        fails(InvalidConfigurationException.class, alter(resource, op(OpType.SET, "no.such.config", "1")));
        fails(InvalidConfigurationException.class, alter(resource, op(OpType.SET, "retention.ms", "soon")));
        fails(InvalidConfigurationException.class, alter(resource, op(OpType.SET, "segment.bytes", "1000")));
        fails(InvalidConfigurationException.class, alter(resource, op(OpType.APPEND, "retention.ms", "1")));
        fails(InvalidRequestException.class,
            alter(resource, op(OpType.SET, "retention.ms", "1"), op(OpType.SET, "retention.ms", "2")));
        fails(UnknownTopicOrPartitionException.class,
            alter(topicResource(Kit.unique("none")), op(OpType.SET, "retention.ms", "1")));
        is(resource, "retention.ms", "604800000", ConfigSource.DEFAULT_CONFIG);
    }

    private static void validateOnly() throws Exception {
        ConfigResource resource = topicResource(Kit.topic(1));
        var options = new AlterConfigsOptions().validateOnly(true);
        done(ADMIN.incrementalAlterConfigs(Map.of(resource, List.of(op(OpType.SET, "retention.ms", "1"))), options).all());
        fails(InvalidConfigurationException.class,
            ADMIN.incrementalAlterConfigs(Map.of(resource, List.of(op(OpType.SET, "retention.ms", "x"))), options).all());
        is(resource, "retention.ms", "604800000", ConfigSource.DEFAULT_CONFIG);
    }

    private static void takesEffect() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 1);
        done(alter(topicResource(topic), op(OpType.SET, "max.message.bytes", "500")));
        visible(() -> {
            try (var producer = Kit.producer()) {
                fails(org.apache.kafka.common.errors.RecordTooLargeException.class,
                    producer.send(Kit.record(topic, 0, "x".repeat(1000))));
            }
        });
        done(alter(topicResource(topic), op(OpType.DELETE, "max.message.bytes", "")));
        visible(() -> {
            try (var producer = Kit.producer()) {
                done(producer.send(Kit.record(topic, 0, "x".repeat(1000))));
            }
        });
    }

    private static void alterBroker() throws Exception {
        ConfigResource one = brokerResource("" + Kit.brokerId());
        ConfigResource everyone = brokerResource("");
        done(alter(everyone, op(OpType.SET, BROKER_KEY, "61000")));
        is(one, BROKER_KEY, "61000", ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG);
        is(everyone, BROKER_KEY, "61000", ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG);
        is(topicResource(Kit.topic(1)), "file.delete.delay.ms", "61000", ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG);
        done(alter(one, op(OpType.SET, BROKER_KEY, "62000")));
        is(one, BROKER_KEY, "62000", ConfigSource.DYNAMIC_BROKER_CONFIG);
        var options = new DescribeConfigsOptions().includeSynonyms(true);
        var synonyms = done(ADMIN.describeConfigs(List.of(one), options).all()).get(one).get(BROKER_KEY).synonyms();
        equal(List.of(ConfigSource.DYNAMIC_BROKER_CONFIG, ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG, ConfigSource.DEFAULT_CONFIG),
            synonyms.stream().map(s -> s.source()).toList(), "sources of the synonyms");
        done(alter(one, op(OpType.DELETE, BROKER_KEY, "")));
        done(alter(everyone, op(OpType.DELETE, BROKER_KEY, "")));
        is(one, BROKER_KEY, "60000", ConfigSource.DEFAULT_CONFIG);
    }

    private static void alterBrokerErrors() throws Exception {
        ConfigResource one = brokerResource("" + Kit.brokerId());
        fails(InvalidRequestException.class, alter(one, op(OpType.SET, "node.id", "77")));
        fails(InvalidRequestException.class, alter(one, op(OpType.SET, "log.dirs", "/nowhere")));
        fails(InvalidRequestException.class, alter(one, op(OpType.SET, BROKER_KEY, "soon")));
    }

    private static void alterGroup() throws Exception {
        ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, Kit.unique("group"));
        done(alter(group, op(OpType.SET, "consumer.session.timeout.ms", "46000")));
        is(group, "consumer.session.timeout.ms", "46000", ConfigSource.DYNAMIC_GROUP_CONFIG);
        fails(InvalidConfigurationException.class, alter(group, op(OpType.SET, "no.such.config", "1")));
        done(alter(group, op(OpType.DELETE, "consumer.session.timeout.ms", "")));
        is(group, "consumer.session.timeout.ms", "45000", ConfigSource.DEFAULT_CONFIG);
    }

    private static void listResources() throws Exception {
        String topic = Kit.topic(1);
        Set<ConfigResource> all = Set.copyOf(done(ADMIN.listConfigResources().all()));
        holds(all.contains(topicResource(topic)), "the topic is listed");
        holds(all.contains(brokerResource("" + Kit.brokerId())), "the broker is listed");
        Set<ConfigResource.Type> types = done(ADMIN.listConfigResources(Set.of(ConfigResource.Type.TOPIC),
            new ListConfigResourcesOptions()).all()).stream().map(ConfigResource::type).collect(Collectors.toSet());
        equal(Set.of(ConfigResource.Type.TOPIC), types, "types when only topics are asked for");
    }
}
