//! The table of every configuration key, by area, and look-ups in it. Rows live in the files beside this one;
//! what a row can say is in `key.rs`.

mod authorizer;
mod barnabas;
mod broker;
mod client_metrics;
mod group;
mod group_resource;
mod log;
mod metrics;
mod network;
mod oauth;
mod quorum;
mod quota;
mod remote;
mod replication;
mod sasl;
mod security;
mod share;
mod ssl;
mod topic;
mod transaction;

use crate::key::ConfigKey;

/// A group of keys that belong together, as the documentation shows them.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Heading of the area.
    pub title: &'static str,
    /// Its rows.
    pub keys: &'static [ConfigKey],
}

/// Broker keys by area. Those of `DescribeConfigs` come first, then what the authorizer reads.
pub const BROKER_AREAS: &[Area] = &[
    Area { title: "Broker", keys: broker::KEYS },
    Area { title: "Network", keys: network::KEYS },
    Area { title: "Log", keys: log::KEYS },
    Area { title: "Quorum", keys: quorum::KEYS },
    Area { title: "Replication", keys: replication::KEYS },
    Area { title: "Groups and offsets", keys: group::KEYS },
    Area { title: "Share groups", keys: share::KEYS },
    Area { title: "Transactions", keys: transaction::KEYS },
    Area { title: "Quotas", keys: quota::KEYS },
    Area { title: "Metrics", keys: metrics::KEYS },
    Area { title: "Tiered storage", keys: remote::KEYS },
    Area { title: "Security", keys: security::KEYS },
    Area { title: "TLS", keys: ssl::KEYS },
    Area { title: "SASL", keys: sasl::KEYS },
    Area { title: "OAuth", keys: oauth::KEYS },
    Area { title: "Barnabas", keys: barnabas::KEYS },
];

/// Keys of a broker's file that Kafka's authorizer reads and that its own table does not list.
pub const AUTHORIZER_KEYS: &[ConfigKey] = authorizer::KEYS;
/// Keys of topics.
pub const TOPIC_KEYS: &[ConfigKey] = topic::KEYS;
/// Keys of GROUP resources.
pub const GROUP_KEYS: &[ConfigKey] = group_resource::KEYS;
/// Keys of CLIENT_METRICS resources.
pub const CLIENT_METRICS_KEYS: &[ConfigKey] = client_metrics::KEYS;

/// Every broker key, those that exist only dynamically included.
pub fn broker_keys() -> impl Iterator<Item = &'static ConfigKey> {
    BROKER_AREAS.iter().flat_map(|area| area.keys.iter())
}

/// The row of a broker key, authorizer keys included.
pub fn broker_key(name: &str) -> Option<&'static ConfigKey> {
    broker_keys().chain(AUTHORIZER_KEYS).find(|key| key.name == name)
}

/// The row of a topic key.
pub fn topic_key(name: &str) -> Option<&'static ConfigKey> {
    TOPIC_KEYS.iter().find(|key| key.name == name)
}

/// The row of a GROUP key.
pub fn group_key(name: &str) -> Option<&'static ConfigKey> {
    GROUP_KEYS.iter().find(|key| key.name == name)
}

/// The row of a CLIENT_METRICS key.
pub fn client_metrics_key(name: &str) -> Option<&'static ConfigKey> {
    CLIENT_METRICS_KEYS.iter().find(|key| key.name == name)
}
