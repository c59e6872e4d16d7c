//! What `DescribeConfigs` answers: every key of a resource with value, source and synonyms, as Kafka 4.3.1 does it.
//! Which of the entries a client asked for, and whether it wants synonyms and documentation, is for the caller.

use crate::ConfigMap;
use crate::broker::BrokerConfig;
use crate::key::{ConfigKey, ConfigType, Scope};
use crate::keys::{CLIENT_METRICS_KEYS, GROUP_KEYS, TOPIC_KEYS, broker_key, broker_keys};
use crate::synonyms::{broker_key_of_group_key, broker_keys_of_topic_key, broker_synonyms};
use crate::topic::Layers;
use crate::value::Value;

const PROTOCOL_VERSION_KEY: &str = "inter.broker.protocol.version";
/// The name of the finalized `metadata.version`, 30.
const PROTOCOL_VERSION: &str = "4.3-IV0";

/// Where a value comes from, as the protocol numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    /// Set on the topic.
    DynamicTopicConfig = 1,
    /// Set on the broker while it ran.
    DynamicBrokerConfig = 2,
    /// Set for all brokers while they ran.
    DynamicDefaultBrokerConfig = 3,
    /// From file, environment or command line.
    StaticBrokerConfig = 4,
    /// Nobody set it.
    DefaultConfig = 5,
    /// Set on a client metrics subscription.
    ClientMetricsConfig = 7,
    /// Set on the group.
    GroupConfig = 8,
}

impl ConfigSource {
    /// The number sent in `DescribeConfigs`.
    pub const fn code(self) -> i8 {
        self as i8
    }
}

/// One place a value was or could be taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key there.
    pub name: String,
    /// The text there; `None` for secrets.
    pub value: Option<String>,
    /// The place.
    pub source: ConfigSource,
}

/// One key of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The key.
    pub name: String,
    /// Its effective value; `None` for null and for secrets.
    pub value: Option<String>,
    /// Where that value comes from.
    pub source: ConfigSource,
    /// Whether it cannot be changed while the broker runs.
    pub read_only: bool,
    /// Whether the value is hidden.
    pub sensitive: bool,
    /// All places with a value, the one that counts first.
    pub synonyms: Vec<ConfigSynonym>,
    /// Number of the type, 0 for unknown keys.
    pub config_type: i8,
    /// One line about the key; `None` for unknown keys.
    pub documentation: Option<&'static str>,
}

impl ConfigEntry {
    /// Whether nobody set it.
    pub fn is_default(&self) -> bool {
        self.source == ConfigSource::DefaultConfig
    }
}

/// Every key of a topic, by name.
pub fn describe_topic(
    broker: &BrokerConfig,
    cluster_dynamic: &ConfigMap,
    broker_dynamic: &ConfigMap,
    topic_overrides: &ConfigMap,
) -> Vec<ConfigEntry> {
    let layers = Layers { broker, cluster_dynamic, broker_dynamic, topic_overrides };
    let visible = |row: &&ConfigKey| !row.internal || topic_overrides.contains_key(row.name);
    let describe = |row: &'static ConfigKey| {
        let value = layers.value(row.name).to_text();
        let inherited = broker_keys_of_topic_key(row.name).first();
        let synonyms = inherited.map_or_else(Vec::new, |name| layers.synonyms(name, false));
        let set = topic_overrides.contains_key(row.name);
        entry(row, value, synonyms, set.then_some(ConfigSource::DynamicTopicConfig))
    };
    TOPIC_KEYS.iter().filter(visible).map(describe).collect()
}

/// Every key of a broker, by name; then whatever else was set for it.
pub fn describe_broker(
    broker: &BrokerConfig,
    cluster_dynamic: &ConfigMap,
    broker_dynamic: &ConfigMap,
) -> Vec<ConfigEntry> {
    let layers = Layers { broker, cluster_dynamic, broker_dynamic, topic_overrides: &ConfigMap::new() };
    let effective = broker.with_dynamic(cluster_dynamic, broker_dynamic);
    let is_set =
        |name: &str| [broker_dynamic, cluster_dynamic, broker.statics()].iter().any(|map| map.contains_key(name));
    let mut entries: Vec<ConfigEntry> = broker_keys()
        .filter(|row| if row.internal || row.dynamic_only { is_set(row.name) } else { true })
        .map(|row| layers.broker_entry(row.name, effective.get(row.name).to_text()))
        .collect();
    let in_table = |name: &str| broker_keys().any(|row| row.name == name);
    let all_set = [broker.statics(), cluster_dynamic, broker_dynamic].into_iter().flat_map(ConfigMap::keys);
    let mut others: Vec<&String> = all_set.filter(|name| !in_table(name)).collect();
    others.sort_unstable();
    others.dedup();
    entries.extend(others.into_iter().map(|name| layers.broker_entry(name, layers.text_of(name))));
    entries.retain(|entry| entry.name != PROTOCOL_VERSION_KEY);
    entries.push(protocol_version());
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    entries
}

/// Kafka 4 dropped this key; web consoles still ask it for the level of the cluster, and without it take the broker for
/// Kafka 1.0 and close half of their pages. What a file of old says there does not count.
fn protocol_version() -> ConfigEntry {
    let value = Some(PROTOCOL_VERSION.to_owned());
    let source = ConfigSource::DefaultConfig;
    ConfigEntry {
        name: PROTOCOL_VERSION_KEY.into(),
        value: value.clone(),
        source,
        read_only: true,
        sensitive: false,
        synonyms: vec![ConfigSynonym { name: PROTOCOL_VERSION_KEY.into(), value, source }],
        config_type: ConfigType::String.code(),
        documentation: Some("The level of Apache Kafka that the broker speaks. It cannot be set."),
    }
}

/// The dynamic defaults of all brokers: only what was set.
pub fn describe_cluster_default(cluster_dynamic: &ConfigMap) -> Vec<ConfigEntry> {
    let describe = |(name, text): (&String, &String)| {
        let (sensitive, config_type) = sensitivity(name);
        let value = (!sensitive).then(|| text.clone());
        let source = ConfigSource::DynamicDefaultBrokerConfig;
        ConfigEntry {
            name: name.clone(),
            value: value.clone(),
            source,
            read_only: is_read_only(name),
            sensitive,
            synonyms: vec![ConfigSynonym { name: name.clone(), value, source }],
            config_type,
            documentation: broker_key(name).map(|row| row.documentation),
        }
    };
    cluster_dynamic.iter().map(describe).collect()
}

/// Every key of a group, by name.
pub fn describe_group(
    broker: &BrokerConfig,
    cluster_dynamic: &ConfigMap,
    broker_dynamic: &ConfigMap,
    group_overrides: &ConfigMap,
) -> Vec<ConfigEntry> {
    let layers = Layers { broker, cluster_dynamic, broker_dynamic, topic_overrides: &ConfigMap::new() };
    let describe = |row: &'static ConfigKey| {
        let own = group_overrides.get(row.name).and_then(|text| Value::parse(row, text).ok());
        let set = own.is_some();
        let (inherited, synonyms) = match broker_key_of_group_key(row.name) {
            Some(name) => (layers.broker_value(&name), layers.synonyms(&name, false)),
            None => (Value::default_of(row), vec![default_synonym(row)]),
        };
        let value = own.unwrap_or(inherited).to_text();
        entry(row, value, synonyms, set.then_some(ConfigSource::GroupConfig))
    };
    GROUP_KEYS.iter().map(describe).collect()
}

/// Every key of a client metrics subscription, by name.
pub fn describe_client_metrics(overrides: &ConfigMap) -> Vec<ConfigEntry> {
    let describe = |row: &'static ConfigKey| {
        let own = overrides.get(row.name).and_then(|text| Value::parse(row, text).ok());
        let source = own.is_some().then_some(ConfigSource::ClientMetricsConfig);
        entry(row, own.unwrap_or_else(|| Value::default_of(row)).to_text(), Vec::new(), source)
    };
    CLIENT_METRICS_KEYS.iter().map(describe).collect()
}

/// An entry of a resource other than a broker. `own` is the source when the resource itself sets the key.
fn entry(
    row: &'static ConfigKey,
    value: Option<String>,
    inherited: Vec<ConfigSynonym>,
    own: Option<ConfigSource>,
) -> ConfigEntry {
    let own = own.map(|source| ConfigSynonym { name: row.name.into(), value: value.clone(), source });
    let synonyms: Vec<ConfigSynonym> = own.into_iter().chain(inherited).collect();
    ConfigEntry {
        name: row.name.into(),
        value,
        source: synonyms.first().map_or(ConfigSource::DefaultConfig, |synonym| synonym.source),
        read_only: false,
        sensitive: row.is_sensitive(),
        synonyms,
        config_type: row.config_type.code(),
        documentation: Some(row.documentation),
    }
}

fn default_synonym(row: &ConfigKey) -> ConfigSynonym {
    let value = Value::default_of(row).to_text();
    ConfigSynonym { name: row.name.into(), value, source: ConfigSource::DefaultConfig }
}

impl Layers<'_> {
    fn broker_entry(&self, name: &str, value: Option<String>) -> ConfigEntry {
        let (sensitive, config_type) = sensitivity(name);
        let synonyms = self.synonyms(name, sensitive);
        ConfigEntry {
            name: name.to_owned(),
            value: value.filter(|_| !sensitive),
            source: synonyms.first().map_or(ConfigSource::DefaultConfig, |synonym| synonym.source),
            read_only: is_read_only(name),
            sensitive,
            synonyms,
            config_type,
            documentation: described_row(name).map(|row| row.documentation),
        }
    }

    /// The text that counts for a key outside the table.
    fn text_of(&self, name: &str) -> Option<String> {
        [self.broker_dynamic, self.cluster_dynamic, self.broker.statics()].iter().find_map(|map| map.get(name)).cloned()
    }

    /// Places with a value for a broker key, by strength of the layer first and of the name second. What comes before
    /// the key itself is left out, so a key whose own name nobody set has none, as in Kafka.
    fn synonyms(&self, name: &str, sensitive: bool) -> Vec<ConfigSynonym> {
        let names = broker_synonyms(name);
        let layers = [
            (ConfigSource::DynamicBrokerConfig, self.broker_dynamic),
            (ConfigSource::DynamicDefaultBrokerConfig, self.cluster_dynamic),
            (ConfigSource::StaticBrokerConfig, self.broker.statics()),
        ];
        let mut found = Vec::new();
        let mut push = |name: &String, text: &str, source| {
            let value = (!sensitive).then(|| text.to_owned());
            found.push(ConfigSynonym { name: name.clone(), value, source });
        };
        for (source, map) in layers {
            names.iter().for_each(|name| map.get(name).into_iter().for_each(|text| push(name, text, source)));
        }
        for name in &names {
            if let Some(default) = described_row(name).filter(|row| !row.dynamic_only).and_then(|row| row.default) {
                push(name, default, ConfigSource::DefaultConfig);
            }
        }
        found.into_iter().skip_while(|synonym| synonym.name != name).collect()
    }
}

/// The row of a broker key as `DescribeConfigs` knows it: the authorizer's keys are strangers.
fn described_row(name: &str) -> Option<&'static ConfigKey> {
    broker_keys().find(|row| row.name == name)
}

/// Whether a broker key is hidden, and the number of its type. Unknown keys are hidden: they could hold anything.
fn sensitivity(name: &str) -> (bool, i8) {
    let of_listener = || name.strip_prefix("listener.name.")?.split_once('.').and_then(|(_, rest)| described_row(rest));
    match described_row(name).or_else(of_listener) {
        Some(row) => (row.is_sensitive(), row.config_type.code()),
        None => (true, ConfigType::UNKNOWN_CODE),
    }
}

fn is_read_only(name: &str) -> bool {
    broker_key(name).is_none_or(|row| row.scope == Scope::ReadOnly)
}
