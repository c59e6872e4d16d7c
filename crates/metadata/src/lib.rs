//! The cluster's metadata as a replicated state machine: commands go in, an immutable image comes out, and the
//! difference of two images tells a broker what to do. Pure: no clock, no randomness, no file, no network; how
//! commands are ordered and made durable is the quorum's business.

mod apply;
mod command;
mod config_rules;
mod delta;
mod image;
mod result;
mod snapshot;
mod state;
mod topic_name;

pub use command::{
    AlterConfigsResource, AlterPartitionItem, BrokerRegistrationCommand, ConfigOp, ConfigOpKind, CreatePartitionsItem,
    CreateTopicsItem, ElectionType, FeatureUpdate, FeatureUpdateKind, IncrementalAlterConfigsResource, MetadataCommand,
    TopicDefaults, TopicSelector,
};
pub use config_rules::{AcceptAllConfigs, ConfigRules};
pub use delta::{MetadataDelta, TopicChange};
pub use image::{
    BrokerListener, BrokerRegistration, ConfigMap, ConfigResource, FeatureRange, FeaturesImage, MetadataImage,
    NO_LEADER, PartitionImage, SecurityProtocol, TopicImage,
};
pub use result::{ApiError, CommandResult, CreatedTopic, DeletedTopic, ElectionResult, ItemResult, ProducerIdBlock};
pub use snapshot::{SnapshotError, decode_image, encode_image};
pub use state::MetadataState;
pub use topic_name::validate_topic_name;

/// Producer ids are handed to brokers in blocks of this many.
pub const PRODUCER_ID_BLOCK_SIZE: i32 = 1000;

/// The most partitions one request may create, as in Apache Kafka.
pub const MAX_PARTITIONS_PER_REQUEST: usize = 10_000;

/// What a new cluster finalizes. A feature stands here only when this broker serves it: `transaction.version`,
/// `group.version`, `share.version` and `streams.version` join the list with the code behind them.
pub const DEFAULT_FEATURES: &[(&str, i16)] =
    &[("metadata.version", 30), ("kraft.version", 0), ("eligible.leader.replicas.version", 1)];

/// The cluster-wide broker configuration that a new cluster starts with.
pub const DEFAULT_BROKER_CONFIGS: &[(&str, &str)] = &[("min.insync.replicas", "1")];
