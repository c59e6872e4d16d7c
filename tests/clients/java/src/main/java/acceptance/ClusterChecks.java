package acceptance;

import static acceptance.Expect.done;
import static acceptance.Expect.equal;
import static acceptance.Expect.fails;
import static acceptance.Expect.holds;
import static acceptance.Kit.ADMIN;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.FeatureMetadata;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.NoReassignmentInProgressException;
import org.apache.kafka.common.errors.SecurityDisabledException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** What the cluster says of itself, and the administration that has nothing to do on a fresh node. */
final class ClusterChecks {
    private ClusterChecks() {}

    static void register(List<Check> checks) {
        checks.add(new Check("cluster_describe", ClusterChecks::describe));
        checks.add(new Check("cluster_authorized_operations", ClusterChecks::authorizedOperations));
        checks.add(new Check("cluster_describe_log_dirs", ClusterChecks::logDirs));
        checks.add(new Check("cluster_describe_features", ClusterChecks::features));
        checks.add(new Check("cluster_describe_quorum", ClusterChecks::quorum));
        checks.add(new Check("cluster_describe_producers", ClusterChecks::producers));
        checks.add(new Check("cluster_elect_leaders", ClusterChecks::electLeaders));
        checks.add(new Check("cluster_reassignments", ClusterChecks::reassignments));
        checks.add(new Check("cluster_acls_are_disabled", ClusterChecks::acls));
        checks.add(new Check("cluster_client_quotas_are_empty", ClusterChecks::quotas));
    }

    private static void describe() throws Exception {
        var cluster = ADMIN.describeCluster();
        String id = done(cluster.clusterId());
        holds(id != null && id.length() == 22, "cluster id, got " + id);
        equal(id, done(ADMIN.describeCluster().clusterId()), "the same cluster id again");
        var nodes = done(cluster.nodes());
        holds(nodes.stream().anyMatch(n -> n.port() > 0 && !n.host().isEmpty()), "nodes, got " + nodes);
        holds(nodes.stream().noneMatch(n -> n.isFenced()), "no node is fenced");
        holds(nodes.contains(done(cluster.controller())), "the controller is one of the nodes");
        equal(null, done(cluster.authorizedOperations()), "operations when not asked for");
    }

    private static void authorizedOperations() throws Exception {
        var cluster = done(ADMIN.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true)).authorizedOperations());
        holds(cluster.containsAll(Set.of(AclOperation.CREATE, AclOperation.ALTER, AclOperation.DESCRIBE_CONFIGS)), "cluster: " + cluster);
        String name = Kit.topic(1);
        var topic = done(ADMIN.describeTopics(List.of(name), new DescribeTopicsOptions().includeAuthorizedOperations(true))
            .allTopicNames()).get(name).authorizedOperations();
        holds(topic.containsAll(Set.of(AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE)), "topic: " + topic);
    }

    private static void logDirs() throws Exception {
        String topic = Kit.topic(1);
        Kit.fill(topic, 0, 100);
        int broker = Kit.brokerId();
        TopicPartition partition = new TopicPartition(topic, 0);
        Map<String, LogDirDescription> dirs = done(ADMIN.describeLogDirs(List.of(broker)).allDescriptions()).get(broker);
        LogDirDescription dir = dirs.values().stream().filter(d -> d.replicaInfos().containsKey(partition)).findFirst().orElseThrow();
        equal(null, dir.error(), "error");
        holds(dir.replicaInfos().get(partition).size() > 100, "size of the partition");
        equal(0L, dir.replicaInfos().get(partition).offsetLag(), "lag");
        equal(false, dir.replicaInfos().get(partition).isFuture(), "future");
        holds(dir.totalBytes().getAsLong() >= dir.usableBytes().getAsLong() && dir.usableBytes().getAsLong() > 0, "bytes of the volume");
        TopicPartitionReplica replica = new TopicPartitionReplica(topic, 0, broker);
        var info = done(ADMIN.describeReplicaLogDirs(List.of(replica)).all()).get(replica);
        holds(dirs.containsKey(info.getCurrentReplicaLogDir()), "log dir of the replica, got " + info.getCurrentReplicaLogDir());
    }

    private static void features() throws Exception {
        FeatureMetadata features = done(ADMIN.describeFeatures().featureMetadata());
        // Features of transactions, KIP-848 groups and share groups join the list when the broker serves them.
        for (String name : List.of("metadata.version", "eligible.leader.replicas.version")) {
            holds(features.supportedFeatures().containsKey(name), "supported " + name);
            holds(features.finalizedFeatures().containsKey(name), "finalized " + name);
        }
        equal((short) 30, features.finalizedFeatures().get("metadata.version").maxVersionLevel(), "metadata.version");
        holds(features.finalizedFeaturesEpoch().isPresent(), "epoch");
    }

    private static void quorum() throws Exception {
        QuorumInfo quorum = done(ADMIN.describeMetadataQuorum().quorumInfo());
        holds(quorum.leaderId() >= 0 && quorum.leaderEpoch() >= 0, "leader " + quorum.leaderId());
        holds(quorum.highWatermark() > 0, "high watermark " + quorum.highWatermark());
        holds(quorum.voters().stream().anyMatch(v -> v.replicaId() == quorum.leaderId()), "the leader is a voter");
        quorum.voters().forEach(v -> holds(v.logEndOffset() > 0, "log end offset of voter " + v.replicaId()));
    }

    private static void producers() throws Exception {
        String topic = Kit.topic(1);
        TopicPartition partition = new TopicPartition(topic, 0);
        Kit.fill(topic, 0, 10, "enable.idempotence", false);
        equal(0, done(ADMIN.describeProducers(List.of(partition)).partitionResult(partition)).activeProducers().size(), "producers");
        Kit.fill(topic, 0, 10);
        List<ProducerState> all = done(ADMIN.describeProducers(List.of(partition)).partitionResult(partition)).activeProducers();
        equal(1, all.size(), "producers after an idempotent one");
        equal(9, all.get(0).lastSequence(), "last sequence");
        equal(0, all.get(0).producerEpoch(), "epoch");
        holds(all.get(0).producerId() >= 0, "producer id");
        holds(all.get(0).currentTransactionStartOffset().isEmpty(), "no transaction");
    }

    private static void electLeaders() throws Exception {
        TopicPartition partition = new TopicPartition(Kit.topic(1), 0);
        TopicPartition unknown = new TopicPartition(Kit.unique("none"), 0);
        Map<TopicPartition, Optional<Throwable>> result =
            done(ADMIN.electLeaders(ElectionType.PREFERRED, Set.of(partition, unknown)).partitions());
        equal(ElectionNotNeededException.class, result.get(partition).orElseThrow().getClass(), "preferred");
        equal(UnknownTopicOrPartitionException.class, result.get(unknown).orElseThrow().getClass(), "unknown partition");
        result = done(ADMIN.electLeaders(ElectionType.UNCLEAN, Set.of(partition)).partitions());
        equal(ElectionNotNeededException.class, result.get(partition).orElseThrow().getClass(), "unclean");
    }

    private static void reassignments() throws Exception {
        TopicPartition partition = new TopicPartition(Kit.topic(1), 0);
        TopicPartition unknown = new TopicPartition(Kit.unique("none"), 0);
        int broker = Kit.brokerId();
        equal(Map.of(), done(ADMIN.listPartitionReassignments().reassignments()), "reassignments");
        equal(Map.of(), done(ADMIN.listPartitionReassignments(Set.of(partition)).reassignments()), "reassignments of a partition");
        done(ADMIN.alterPartitionReassignments(Map.of(partition, Optional.of(new NewPartitionReassignment(List.of(broker))))).all());
        fails(NoReassignmentInProgressException.class, ADMIN.alterPartitionReassignments(Map.of(partition, Optional.empty())).all());
        fails(UnknownTopicOrPartitionException.class, ADMIN.alterPartitionReassignments(
            Map.of(unknown, Optional.of(new NewPartitionReassignment(List.of(broker))))).all());
        fails(org.apache.kafka.common.errors.InvalidReplicaAssignmentException.class, ADMIN.alterPartitionReassignments(
            Map.of(partition, Optional.of(new NewPartitionReassignment(List.of(9999))))).all());
    }

    private static void acls() throws Exception {
        AclBinding binding = new AclBinding(new ResourcePattern(ResourceType.TOPIC, "any", PatternType.LITERAL),
            new AccessControlEntry("User:any", "*", AclOperation.READ, AclPermissionType.ALLOW));
        fails(SecurityDisabledException.class, ADMIN.describeAcls(AclBindingFilter.ANY).values());
        fails(SecurityDisabledException.class, ADMIN.createAcls(List.of(binding)).all());
        fails(SecurityDisabledException.class, ADMIN.deleteAcls(List.of(binding.toFilter())).all());
    }

    private static void quotas() throws Exception {
        equal(Map.of(), done(ADMIN.describeClientQuotas(ClientQuotaFilter.all()).entities()), "quotas");
    }
}
