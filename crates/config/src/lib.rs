//! Configuration: one row per key, the loaders for files and the environment, the typed broker and topic
//! configuration, and what `DescribeConfigs` and `AlterConfigs` say about them. Pure: the caller reads files and
//! keeps the dynamic configs; nothing here stores or applies anything.

mod alter;
mod broker;
mod describe;
mod duration;
mod key;
pub mod keys;
mod load;
mod markdown;
mod synonyms;
mod topic;
mod value;

use std::collections::BTreeMap;

pub use alter::{
    AlterError, AlterOp, Alteration, ConfigChanges, ResourceKind, apply_incremental, plan_incremental, plan_replace,
    validate_broker_dynamic, validate_client_metrics_config, validate_group_config, validate_topic_config,
    validate_topic_configs,
};
pub use broker::{
    AdvertisedListener, BrokerConfig, HostPort, Listener, Loaded, ProcessRole, QuorumVoter, SecurityProtocol,
    check_broker_change,
};
pub use describe::{
    ConfigEntry, ConfigSource, ConfigSynonym, describe_broker, describe_client_metrics, describe_cluster_default,
    describe_group, describe_topic,
};
pub use duration::parse_iso_millis;
pub use key::{Allowed, ConfigKey, ConfigType, Importance, Scope};
pub use load::{
    ConfigError, ContainerFacts, DATA_FOLDERS, DEFAULT_CLUSTER_ID, DataFolder, FolderFact, LoadInput, Origin,
    PropertiesError, StartActions, TopicToCreate, Warning, base_key, choose_data_folder, commands_wanted, files_wanted,
    nearest, parse_properties, parse_toml,
};
pub use markdown::render_markdown;
pub use topic::{CleanupPolicy, Compression, TimestampType, TopicConfig, effective_topic_config};
pub use value::{Password, Value};

/// Keys and texts as they are stored: overrides of a topic, dynamic configs of a broker, of the cluster, of a group.
pub type ConfigMap = BTreeMap<String, String>;
