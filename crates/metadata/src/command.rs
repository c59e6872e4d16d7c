//! Everything that may change the metadata. A command carries all that its outcome depends on (ids, defaults,
//! epochs): applying it twice to equal states gives equal states. Whether it is allowed is decided in `apply`.

use std::collections::BTreeMap;
use std::fmt;

use barnabas_common::{LeaderEpoch, NodeId, Uuid};
use serde::{Deserialize, Serialize};

use crate::image::{BrokerListener, ConfigMap, ConfigResource, FeatureRange};

/// One change of the metadata, as it is written to the quorum's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetadataCommand {
    /// Gives a new cluster its id, features and default configuration; a no-op when repeated with the same id.
    Bootstrap {
        cluster_id: String,
        features: BTreeMap<String, i16>,
        broker_defaults: ConfigMap,
    },
    RegisterBroker(BrokerRegistrationCommand),
    FenceBroker {
        node_id: NodeId,
        broker_epoch: i64,
    },
    UnfenceBroker {
        node_id: NodeId,
        broker_epoch: i64,
    },
    UnregisterBroker {
        node_id: NodeId,
    },
    CreateTopics {
        topics: Vec<CreateTopicsItem>,
        defaults: TopicDefaults,
        validate_only: bool,
    },
    DeleteTopics {
        topics: Vec<TopicSelector>,
    },
    CreatePartitions {
        topics: Vec<CreatePartitionsItem>,
        validate_only: bool,
    },
    /// The old form: what is not named goes back to its default.
    AlterConfigs {
        resources: Vec<AlterConfigsResource>,
        validate_only: bool,
    },
    IncrementalAlterConfigs {
        resources: Vec<IncrementalAlterConfigsResource>,
        validate_only: bool,
    },
    /// A leader's new in-sync replica sets.
    AlterPartition {
        broker_id: NodeId,
        broker_epoch: i64,
        partitions: Vec<AlterPartitionItem>,
    },
    /// `None` looks at every partition and reports only those that it changed or could not change.
    ElectLeaders {
        election_type: ElectionType,
        partitions: Option<Vec<(String, i32)>>,
    },
    /// The next block of producer ids for a broker.
    AllocateProducerIds {
        broker_id: NodeId,
        broker_epoch: i64,
    },
    /// All or nothing.
    UpdateFeatures {
        updates: Vec<FeatureUpdate>,
        validate_only: bool,
    },
}

impl MetadataCommand {
    /// The command's name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bootstrap { .. } => "Bootstrap",
            Self::RegisterBroker(_) => "RegisterBroker",
            Self::FenceBroker { .. } => "FenceBroker",
            Self::UnfenceBroker { .. } => "UnfenceBroker",
            Self::UnregisterBroker { .. } => "UnregisterBroker",
            Self::CreateTopics { .. } => "CreateTopics",
            Self::DeleteTopics { .. } => "DeleteTopics",
            Self::CreatePartitions { .. } => "CreatePartitions",
            Self::AlterConfigs { .. } => "AlterConfigs",
            Self::IncrementalAlterConfigs { .. } => "IncrementalAlterConfigs",
            Self::AlterPartition { .. } => "AlterPartition",
            Self::ElectLeaders { .. } => "ElectLeaders",
            Self::AllocateProducerIds { .. } => "AllocateProducerIds",
            Self::UpdateFeatures { .. } => "UpdateFeatures",
        }
    }

    /// Whether only the answer is wanted, not the change.
    pub fn is_validate_only(&self) -> bool {
        match self {
            Self::CreateTopics { validate_only, .. }
            | Self::CreatePartitions { validate_only, .. }
            | Self::AlterConfigs { validate_only, .. }
            | Self::IncrementalAlterConfigs { validate_only, .. }
            | Self::UpdateFeatures { validate_only, .. } => *validate_only,
            _ => false,
        }
    }
}

/// Only the name: values may be secrets.
impl fmt::Display for MetadataCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A broker that starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerRegistrationCommand {
    pub cluster_id: String,
    pub node_id: NodeId,
    pub incarnation_id: Uuid,
    pub directory_ids: Vec<Uuid>,
    pub listeners: Vec<BrokerListener>,
    pub rack: Option<String>,
    pub supported_features: BTreeMap<String, FeatureRange>,
    /// Broker epoch found in the clean-shutdown file; -1 after an unclean stop.
    pub previous_broker_epoch: i64,
    /// Start fenced and unfence once caught up (cluster), or be alive at once (single node).
    pub fenced: bool,
}

/// What a topic gets when the request leaves it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicDefaults {
    pub partitions: i32,
    pub replication_factor: i16,
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateTopicsItem {
    pub name: String,
    /// Chosen by whoever proposes, so that every replica of the state machine uses the same.
    pub id: Uuid,
    /// -1 takes the default; must be -1 with `assignments`.
    pub partitions: i32,
    /// -1 takes the default; must be -1 with `assignments`.
    pub replication_factor: i16,
    /// Replicas of each partition, as the request numbers them; empty lets the controller choose.
    pub assignments: Vec<(i32, Vec<NodeId>)>,
    pub configs: Vec<(String, Option<String>)>,
}

/// A topic named the way the client named it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopicSelector {
    Name(String),
    Id(Uuid),
}

/// A topic that gets more partitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreatePartitionsItem {
    pub name: String,
    /// The number of partitions afterwards.
    pub count: i32,
    /// Replicas of each new partition; `None` lets the controller choose.
    pub assignments: Option<Vec<Vec<NodeId>>>,
}

/// The whole new configuration of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlterConfigsResource {
    pub resource: ConfigResource,
    pub configs: Vec<(String, Option<String>)>,
}

/// Changes of single keys of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncrementalAlterConfigsResource {
    pub resource: ConfigResource,
    pub ops: Vec<ConfigOp>,
}

/// The change of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigOp {
    pub name: String,
    pub kind: ConfigOpKind,
    pub value: Option<String>,
}

/// What happens to a key, with Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigOpKind {
    Set = 0,
    Delete = 1,
    Append = 2,
    Subtract = 3,
}

impl ConfigOpKind {
    /// The operation of this wire number.
    pub const fn from_id(id: i8) -> Option<Self> {
        match id {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }
}

/// A leader's wish for the in-sync replicas of one partition, with the epochs it knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlterPartitionItem {
    pub topic_id: Uuid,
    pub partition: i32,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: i32,
    /// Broker id and broker epoch (-1 when not known) of each member.
    pub new_isr: Vec<(NodeId, i64)>,
}

/// Which replica may be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ElectionType {
    /// The first replica, if it is in sync.
    Preferred = 0,
    /// Any alive replica, if there is no leader. May lose data.
    Unclean = 1,
}

/// A new level of a feature; 0 switches it off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureUpdate {
    pub name: String,
    pub level: i16,
    pub kind: FeatureUpdateKind,
}

/// How far a feature update may go, with Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeatureUpdateKind {
    Upgrade = 1,
    SafeDowngrade = 2,
    UnsafeDowngrade = 3,
}

impl FeatureUpdateKind {
    /// The kind of this wire number.
    pub const fn from_id(id: i8) -> Option<Self> {
        match id {
            1 => Some(Self::Upgrade),
            2 => Some(Self::SafeDowngrade),
            3 => Some(Self::UnsafeDowngrade),
            _ => None,
        }
    }
}
