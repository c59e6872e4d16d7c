//! Every API that Apache Kafka 4.3.1 knows by number. Data only; what this broker serves is in `api.rs`.

/// Who is told of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Clients, by a broker with default settings.
    Always,
    /// Clients, by a broker that has a receiver of client metrics.
    WithTelemetry,
    /// Other nodes only, or nobody any more (no version left).
    ToNodes,
}

/// One API and the versions that Kafka offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KafkaApi {
    /// Its number on the wire.
    pub key: i16,
    /// Its name, as Kafka spells it.
    pub name: &'static str,
    /// The oldest version.
    pub first: i16,
    /// The newest version; below `first` when there is none any more.
    pub last: i16,
    /// Who is told of it.
    pub offered: Offered,
}

use Offered::{Always, ToNodes, WithTelemetry};

const fn api(key: i16, name: &'static str, first: i16, last: i16, offered: Offered) -> KafkaApi {
    KafkaApi { key, name, first, last, offered }
}

/// Every API, in the order of its key.
pub const KAFKA_APIS: &[KafkaApi] = &[
    api(0, "Produce", 0, 13, Always),
    api(1, "Fetch", 4, 18, Always),
    api(2, "ListOffsets", 1, 11, Always),
    api(3, "Metadata", 0, 13, Always),
    api(4, "LeaderAndIsr", 0, -1, ToNodes),
    api(5, "StopReplica", 0, -1, ToNodes),
    api(6, "UpdateMetadata", 0, -1, ToNodes),
    api(7, "ControlledShutdown", 0, -1, ToNodes),
    api(8, "OffsetCommit", 2, 10, Always),
    api(9, "OffsetFetch", 1, 10, Always),
    api(10, "FindCoordinator", 0, 6, Always),
    api(11, "JoinGroup", 0, 9, Always),
    api(12, "Heartbeat", 0, 4, Always),
    api(13, "LeaveGroup", 0, 5, Always),
    api(14, "SyncGroup", 0, 5, Always),
    api(15, "DescribeGroups", 0, 6, Always),
    api(16, "ListGroups", 0, 5, Always),
    api(17, "SaslHandshake", 0, 1, Always),
    api(18, "ApiVersions", 0, 4, Always),
    api(19, "CreateTopics", 2, 7, Always),
    api(20, "DeleteTopics", 1, 6, Always),
    api(21, "DeleteRecords", 0, 2, Always),
    api(22, "InitProducerId", 0, 5, Always),
    api(23, "OffsetForLeaderEpoch", 2, 4, Always),
    api(24, "AddPartitionsToTxn", 0, 5, Always),
    api(25, "AddOffsetsToTxn", 0, 4, Always),
    api(26, "EndTxn", 0, 5, Always),
    api(27, "WriteTxnMarkers", 1, 2, Always),
    api(28, "TxnOffsetCommit", 0, 5, Always),
    api(29, "DescribeAcls", 1, 3, Always),
    api(30, "CreateAcls", 1, 3, Always),
    api(31, "DeleteAcls", 1, 3, Always),
    api(32, "DescribeConfigs", 1, 4, Always),
    api(33, "AlterConfigs", 0, 2, Always),
    api(34, "AlterReplicaLogDirs", 1, 2, Always),
    api(35, "DescribeLogDirs", 1, 5, Always),
    api(36, "SaslAuthenticate", 0, 2, Always),
    api(37, "CreatePartitions", 0, 3, Always),
    api(38, "CreateDelegationToken", 1, 3, Always),
    api(39, "RenewDelegationToken", 1, 2, Always),
    api(40, "ExpireDelegationToken", 1, 2, Always),
    api(41, "DescribeDelegationToken", 1, 3, Always),
    api(42, "DeleteGroups", 0, 2, Always),
    api(43, "ElectLeaders", 0, 2, Always),
    api(44, "IncrementalAlterConfigs", 0, 1, Always),
    api(45, "AlterPartitionReassignments", 0, 1, Always),
    api(46, "ListPartitionReassignments", 0, 0, Always),
    api(47, "OffsetDelete", 0, 0, Always),
    api(48, "DescribeClientQuotas", 0, 1, Always),
    api(49, "AlterClientQuotas", 0, 1, Always),
    api(50, "DescribeUserScramCredentials", 0, 0, Always),
    api(51, "AlterUserScramCredentials", 0, 0, Always),
    api(52, "Vote", 0, 2, ToNodes),
    api(53, "BeginQuorumEpoch", 0, 1, ToNodes),
    api(54, "EndQuorumEpoch", 0, 1, ToNodes),
    api(55, "DescribeQuorum", 0, 2, Always),
    api(56, "AlterPartition", 2, 3, ToNodes),
    api(57, "UpdateFeatures", 0, 2, Always),
    api(58, "Envelope", 0, 0, ToNodes),
    api(59, "FetchSnapshot", 0, 1, ToNodes),
    api(60, "DescribeCluster", 0, 2, Always),
    api(61, "DescribeProducers", 0, 0, Always),
    api(62, "BrokerRegistration", 0, 4, ToNodes),
    api(63, "BrokerHeartbeat", 0, 2, ToNodes),
    api(64, "UnregisterBroker", 0, 0, Always),
    api(65, "DescribeTransactions", 0, 0, Always),
    api(66, "ListTransactions", 0, 2, Always),
    api(67, "AllocateProducerIds", 0, 0, ToNodes),
    api(68, "ConsumerGroupHeartbeat", 0, 1, Always),
    api(69, "ConsumerGroupDescribe", 0, 1, Always),
    api(70, "ControllerRegistration", 0, 0, ToNodes),
    api(71, "GetTelemetrySubscriptions", 0, 0, WithTelemetry),
    api(72, "PushTelemetry", 0, 0, WithTelemetry),
    api(73, "AssignReplicasToDirs", 0, 0, ToNodes),
    api(74, "ListConfigResources", 0, 1, Always),
    api(75, "DescribeTopicPartitions", 0, 0, Always),
    api(76, "ShareGroupHeartbeat", 1, 1, Always),
    api(77, "ShareGroupDescribe", 1, 1, Always),
    api(78, "ShareFetch", 1, 2, Always),
    api(79, "ShareAcknowledge", 1, 2, Always),
    api(80, "AddRaftVoter", 0, 1, Always),
    api(81, "RemoveRaftVoter", 0, 0, Always),
    api(82, "UpdateRaftVoter", 0, 0, ToNodes),
    api(83, "InitializeShareGroupState", 0, 0, Always),
    api(84, "ReadShareGroupState", 0, 0, Always),
    api(85, "WriteShareGroupState", 0, 1, Always),
    api(86, "DeleteShareGroupState", 0, 0, Always),
    api(87, "ReadShareGroupStateSummary", 0, 1, Always),
    api(88, "StreamsGroupHeartbeat", 0, 0, Always),
    api(89, "StreamsGroupDescribe", 0, 0, Always),
    api(90, "DescribeShareGroupOffsets", 0, 1, Always),
    api(91, "AlterShareGroupOffsets", 0, 0, Always),
    api(92, "DeleteShareGroupOffsets", 0, 0, Always),
];
