package ui;

import static ui.Check.done;
import static ui.Check.equal;
import static ui.Check.eventually;
import static ui.Check.fails;
import static ui.Check.holds;
import static ui.Kit.ADMIN;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.SecurityDisabledException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;

/** What makes the UI show a cluster as online, its brokers page, and what it finds out about features. */
final class ClusterPages {
    private ClusterPages() {}

    static void register(List<Check> checks) {
        checks.add(new Check("cluster_is_online", ClusterPages::online));
        checks.add(new Check("cluster_authorized_operations", ClusterPages::authorizedOperations));
        checks.add(new Check("cluster_version_of_the_controller", ClusterPages::version));
        checks.add(new Check("cluster_topics_may_be_deleted", ClusterPages::topicDeletion));
        checks.add(new Check("cluster_acl_page_is_off", ClusterPages::acls));
        checks.add(new Check("cluster_finalized_features", ClusterPages::features));
        checks.add(new Check("cluster_metadata_quorum", ClusterPages::quorum));
        checks.add(new Check("brokers_configs_of_every_node", ClusterPages::brokerConfigs));
        checks.add(new Check("brokers_log_dirs", ClusterPages::logDirs));
        checks.add(new Check("brokers_change_a_setting", ClusterPages::changeBrokerSetting));
        checks.add(new Check("brokers_move_a_replica_to_its_own_folder", ClusterPages::moveReplica));
        checks.add(new Check("quotas_list", ClusterPages::quotas));
        checks.add(new Check("quotas_change", ClusterPages::changeQuota));
    }

    private static void online() throws Exception {
        var cluster = ADMIN.describeCluster();
        holds(!done(cluster.clusterId()).isBlank(), "cluster id");
        Collection<Node> nodes = done(cluster.nodes());
        holds(nodes.contains(done(cluster.controller())), "the controller is one of " + nodes);
        holds(nodes.stream().allMatch(n -> n.port() > 0 && !n.host().isBlank() && n.id() >= 0), "nodes " + nodes);
    }

    private static void authorizedOperations() throws Exception {
        var options = new DescribeClusterOptions().includeAuthorizedOperations(true);
        var operations = done(ADMIN.describeCluster(options).authorizedOperations());
        holds(operations.contains(AclOperation.ALTER) && operations.contains(AclOperation.DESCRIBE), "operations " + operations);
    }

    /**
     * Consoles read inter.broker.protocol.version; 2.6 opens every page. Kafka 4 has it no more, so that they fall back to the
     * abilities of Kafka 1.0; the broker under test tells them.
     */
    private static void version() throws Exception {
        Collection<ConfigEntry> entries = Kit.configs(ConfigResource.Type.BROKER, Kit.controller().idString()).entries();
        String version = entries.stream().filter(e -> e.name().contains("inter.broker.protocol.version"))
            .map(ConfigEntry::value).findFirst().orElse("absent");
        if (Kit.PEER_IS_KAFKA) {
            equal("absent", version, "inter.broker.protocol.version of Apache Kafka");
            return;
        }
        String[] parts = version.split("[.-]");
        holds(parts.length >= 2 && parts[0].matches("\\d+") && parts[1].matches("\\d+"), "inter.broker.protocol.version is " + version);
        double number = Double.parseDouble(parts[0] + "." + parts[1]);
        holds(number >= 2.6, "inter.broker.protocol.version is " + version);
    }

    private static void topicDeletion() throws Exception {
        equal("true", Kit.value(Kit.configs(ConfigResource.Type.BROKER, Kit.controller().idString()).entries(), "delete.topic.enable"),
            "delete.topic.enable");
    }

    private static void acls() throws Exception {
        fails(SecurityDisabledException.class, ADMIN.describeAcls(AclBindingFilter.ANY).values());
    }

    private static void features() throws Exception {
        var features = done(ADMIN.describeFeatures().featureMetadata());
        equal((short) 30, features.finalizedFeatures().get("metadata.version").maxVersionLevel(), "metadata.version");
        holds(features.supportedFeatures().get("metadata.version").maxVersion() >= 30, "supported metadata.version");
    }

    private static void quorum() throws Exception {
        var quorum = done(ADMIN.describeMetadataQuorum().quorumInfo());
        holds(quorum.voters().stream().anyMatch(v -> v.replicaId() == quorum.leaderId()), "the leader is a voter");
        equal(Kit.controller().id(), quorum.leaderId(), "leader of the quorum, on one node");
    }

    private static void brokerConfigs() throws Exception {
        for (Node node : done(ADMIN.describeCluster().nodes())) {
            var entries = Kit.configs(ConfigResource.Type.BROKER, node.idString()).entries();
            holds(entries.size() > 100, "entries of broker " + node.id() + ": " + entries.size());
            for (String key : List.of("log.retention.hours", "advertised.listeners", "num.partitions", "log.dirs")) {
                holds(entries.stream().anyMatch(e -> e.name().equals(key)), key + " is among the entries");
            }
            ConfigEntry partitions = entries.stream().filter(e -> e.name().equals("num.partitions")).findFirst().orElseThrow();
            equal(ConfigEntry.ConfigType.INT, partitions.type(), "type of num.partitions");
            holds(!partitions.isSensitive() && partitions.source() != null, "source of num.partitions");
        }
    }

    private static void logDirs() throws Exception {
        String topic = Kit.topic(1, Map.of());
        Kit.fill(topic, 0, 10);
        List<Integer> ids = done(ADMIN.describeCluster().nodes()).stream().map(Node::id).toList();
        var all = done(ADMIN.describeLogDirs(ids).allDescriptions());
        equal(ids.size(), all.size(), "brokers that answered");
        var sizes = all.values().stream().flatMap(dirs -> dirs.values().stream()).peek(dir -> equal(null, dir.error(), "error"))
            .flatMap(dir -> dir.replicaInfos().entrySet().stream())
            .filter(e -> e.getKey().equals(new TopicPartition(topic, 0))).map(e -> e.getValue().size()).toList();
        equal(1, sizes.size(), "folders that hold the partition");
        holds(sizes.get(0) > 0, "size of the partition");
    }

    private static void changeBrokerSetting() throws Exception {
        String id = Kit.controller().idString();
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, id);
        alter(broker, "log.cleaner.backoff.ms", "16000", AlterConfigOp.OpType.SET);
        eventually(() -> {
            ConfigEntry entry = Kit.configs(ConfigResource.Type.BROKER, id).get("log.cleaner.backoff.ms");
            equal("16000", entry.value(), "value");
            equal(ConfigEntry.ConfigSource.DYNAMIC_BROKER_CONFIG, entry.source(), "source");
        });
        alter(broker, "log.cleaner.backoff.ms", null, AlterConfigOp.OpType.DELETE);
        eventually(() -> equal("15000", Kit.configs(ConfigResource.Type.BROKER, id).get("log.cleaner.backoff.ms").value(), "default again"));
    }

    private static void alter(ConfigResource resource, String key, String value, AlterConfigOp.OpType how) throws Exception {
        done(ADMIN.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry(key, value), how)))).all());
    }

    private static void moveReplica() throws Exception {
        String topic = Kit.topic(1, Map.of());
        TopicPartitionReplica replica = new TopicPartitionReplica(topic, 0, Kit.describe(topic).partitions().get(0).leader().id());
        String dir = done(ADMIN.describeReplicaLogDirs(List.of(replica)).all()).get(replica).getCurrentReplicaLogDir();
        done(ADMIN.alterReplicaLogDirs(Map.of(replica, dir)).all());
    }

    private static void quotas() throws Exception {
        equal(Map.of(), done(ADMIN.describeClientQuotas(ClientQuotaFilter.all()).entities()), "quotas");
    }

    /** Quotas are not served yet: the page must hear so, and not that all is well. */
    private static void changeQuota() throws Exception {
        ClientQuotaEntity entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, Kit.unique("client")));
        if (!Kit.PEER_IS_KAFKA) {
            fails(UnsupportedVersionException.class, alteration(entity, 1048576.0));
            return;
        }
        quota(entity, 1048576.0);
        eventually(() -> equal(Map.of(entity, Map.of("producer_byte_rate", 1048576.0)),
            done(ADMIN.describeClientQuotas(ClientQuotaFilter.all()).entities()), "quotas"));
        quota(entity, null);
        eventually(ClusterPages::quotas);
    }

    private static void quota(ClientQuotaEntity entity, Double rate) throws Exception {
        done(alteration(entity, rate));
    }

    private static Future<Void> alteration(ClientQuotaEntity entity, Double rate) {
        var alteration = new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op("producer_byte_rate", rate)));
        return ADMIN.alterClientQuotas(List.of(alteration)).all();
    }
}
