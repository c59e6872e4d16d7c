//! What `IncrementalAlterConfigs` and `AlterConfigs` accept, and what they change. Plans only: the caller stores the
//! changes.

use std::collections::{BTreeMap, BTreeSet};

use barnabas_common::ErrorCode;

use crate::ConfigMap;
use crate::broker::{BrokerConfig, check_broker_change};
use crate::key::{ConfigKey, ConfigType, Scope};
use crate::keys::{broker_key, client_metrics_key, group_key, topic_key};
use crate::load::base_key;
use crate::value::Value;

/// Kinds of resources that carry configs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// A topic.
    Topic,
    /// One broker.
    Broker,
    /// The default of all brokers (a BROKER resource without a name).
    ClusterDefault,
    /// A group.
    Group,
    /// A client metrics subscription.
    ClientMetrics,
}

/// What to do with a key, as the protocol numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum AlterOp {
    /// Give it this value.
    Set = 0,
    /// Return to the default.
    Delete = 1,
    /// Add items to a list.
    Append = 2,
    /// Take items out of a list.
    Subtract = 3,
}

impl AlterOp {
    /// The operation of a number.
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Delete => "DELETE",
            Self::Append => "APPEND",
            Self::Subtract => "SUBTRACT",
        }
    }
}

/// One operation on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// The key.
    pub name: String,
    /// What to do.
    pub op: AlterOp,
    /// With what; ignored by `Delete`.
    pub value: Option<String>,
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AlterError {
    /// Error of the answer.
    pub code: ErrorCode,
    /// Text of the answer.
    pub message: String,
}

/// New text per changed key; `None` removes the key.
pub type ConfigChanges = BTreeMap<String, Option<String>>;

fn invalid_config(message: impl Into<String>) -> AlterError {
    AlterError { code: ErrorCode::InvalidConfig, message: message.into() }
}

pub(crate) fn invalid_request(message: impl Into<String>) -> AlterError {
    AlterError { code: ErrorCode::InvalidRequest, message: message.into() }
}

/// Checks operations against what a resource has now, and returns what changes.
pub fn plan_incremental(
    kind: ResourceKind,
    broker: &BrokerConfig,
    current: &ConfigMap,
    alterations: &[Alteration],
) -> Result<ConfigChanges, AlterError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = alterations.iter().find(|alteration| !seen.insert(alteration.name.as_str())) {
        return Err(invalid_request(format!("{} is named twice in one request", twice.name)));
    }
    let mut changes = ConfigChanges::new();
    for alteration in alterations {
        let Alteration { name, op, value } = alteration;
        let now = current.get(name).map(String::as_str);
        let next = apply_incremental(kind, now, name, *op, value.as_deref())?;
        if next.as_deref() != now {
            changes.insert(name.clone(), next);
        }
    }
    let changed: BTreeSet<&str> = alterations.iter().map(|alteration| alteration.name.as_str()).collect();
    check_outcome(kind, broker, current, &changes, &changed)?;
    Ok(changes)
}

/// Checks a full replacement: keys that are not named return to their defaults.
pub fn plan_replace(
    kind: ResourceKind,
    broker: &BrokerConfig,
    current: &ConfigMap,
    replacement: &[(String, Option<String>)],
) -> Result<ConfigChanges, AlterError> {
    let mut changes: ConfigChanges = current.keys().map(|name| (name.clone(), None)).collect();
    // The cluster's minimum in-sync replicas are never without a value.
    if kind == ResourceKind::ClusterDefault {
        changes.remove("min.insync.replicas");
    }
    let mut seen = BTreeSet::new();
    for (name, value) in replacement {
        if !seen.insert(name.as_str()) {
            return Err(invalid_request(format!("{name} is named twice in one request")));
        }
        let next = apply_incremental(kind, None, name, AlterOp::Set, value.as_deref())?;
        if next.as_ref() == current.get(name) {
            changes.remove(name)
        } else {
            changes.insert(name.clone(), next)
        };
    }
    check_outcome(kind, broker, current, &changes, &seen)?;
    Ok(changes)
}

/// The new text of one key after one operation; `None` means that it is no longer set. Checks the operation, not the
/// value.
pub fn apply_incremental(
    kind: ResourceKind,
    current: Option<&str>,
    name: &str,
    op: AlterOp,
    value: Option<&str>,
) -> Result<Option<String>, AlterError> {
    let given = || value.ok_or_else(|| invalid_request(format!("{name} is given no value; to reset it, delete it")));
    match op {
        AlterOp::Set => Ok(Some(given()?.to_owned())),
        AlterOp::Delete => Ok(None),
        AlterOp::Append | AlterOp::Subtract => {
            let row = row_of(kind, name).filter(|row| row.config_type == ConfigType::List);
            let Some(row) = row.filter(|_| kind != ResourceKind::ClientMetrics) else {
                return Err(invalid_config(format!("{} needs a key of type LIST, and {name} is none", op.name())));
            };
            let mut items: Vec<&str> = split(current.or(row.default).unwrap_or_default()).collect();
            for item in split(given()?) {
                if op == AlterOp::Subtract {
                    items.retain(|known| *known != item);
                } else if !items.contains(&item) {
                    items.push(item);
                }
            }
            Ok(Some(items.join(",")))
        }
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn row_of(kind: ResourceKind, name: &str) -> Option<&'static ConfigKey> {
    match kind {
        ResourceKind::Topic => topic_key(name),
        ResourceKind::Broker | ResourceKind::ClusterDefault => {
            broker_key(name).or_else(|| base_key(name).and_then(broker_key))
        }
        ResourceKind::Group => group_key(name),
        ResourceKind::ClientMetrics => client_metrics_key(name),
    }
}

/// Checks what a resource would have after the changes: every key that was named, and the rules between keys.
fn check_outcome(
    kind: ResourceKind,
    broker: &BrokerConfig,
    current: &ConfigMap,
    changes: &ConfigChanges,
    named: &BTreeSet<&str>,
) -> Result<(), AlterError> {
    let mut outcome = current.clone();
    for (name, text) in changes {
        match text {
            Some(text) => outcome.insert(name.clone(), text.clone()),
            None => outcome.remove(name),
        };
    }
    if kind == ResourceKind::ClusterDefault && changes.get("min.insync.replicas") == Some(&None) {
        return Err(invalid_config("min.insync.replicas of the cluster can be changed but not removed"));
    }
    for (name, text) in outcome.iter().filter(|(name, _)| named.contains(name.as_str())) {
        match kind {
            ResourceKind::Topic => validate_topic_config(name, text).map_err(invalid_config)?,
            ResourceKind::Broker => validate_broker_dynamic(name, text, true)?,
            ResourceKind::ClusterDefault => validate_broker_dynamic(name, text, false)?,
            ResourceKind::Group => validate_group_config(broker, name, text).map_err(invalid_config)?,
            ResourceKind::ClientMetrics => validate_client_metrics_config(name, text)?,
        }
    }
    let none = ConfigMap::new();
    match kind {
        ResourceKind::Topic => check_topic_rules(broker, &outcome).map_err(invalid_config),
        ResourceKind::Broker => {
            check_broker_change(&broker.with_dynamic(&none, current), &broker.with_dynamic(&none, &outcome))
        }
        ResourceKind::ClusterDefault => {
            check_broker_change(&broker.with_dynamic(current, &none), &broker.with_dynamic(&outcome, &none))
        }
        ResourceKind::Group | ResourceKind::ClientMetrics => Ok(()),
    }
}

/// Checks one key of a topic.
pub fn validate_topic_config(name: &str, text: &str) -> Result<(), String> {
    let row = topic_key(name).ok_or_else(|| format!("there is no topic config called {name}"))?;
    parse(row, text).map(drop)
}

/// Checks all overrides of a topic and the rules between them, as for a topic that is to be created.
pub fn validate_topic_configs(broker: &BrokerConfig, overrides: &ConfigMap) -> Result<(), AlterError> {
    for (name, text) in overrides {
        validate_topic_config(name, text).map_err(invalid_config)?;
    }
    check_topic_rules(broker, overrides).map_err(invalid_config)
}

fn check_topic_rules(broker: &BrokerConfig, overrides: &ConfigMap) -> Result<(), String> {
    let none = ConfigMap::new();
    let topic = crate::topic::effective_topic_config(broker, &none, &none, overrides);
    if topic.min_compaction_lag_ms > topic.max_compaction_lag_ms {
        return Err(format!(
            "min.compaction.lag.ms ({}) is above max.compaction.lag.ms ({})",
            topic.min_compaction_lag_ms, topic.max_compaction_lag_ms
        ));
    }
    if topic.remote_storage_enable {
        return check_tiered(broker, &topic);
    }
    Ok(())
}

fn check_tiered(broker: &BrokerConfig, topic: &crate::TopicConfig) -> Result<(), String> {
    if !broker.boolean("remote.log.storage.system.enable") {
        return Err("remote.storage.enable needs tiered storage, which this broker does not have".into());
    }
    if topic.cleanup_policy.compact {
        return Err("remote.storage.enable and compaction exclude each other".into());
    }
    let above = |local: i64, total: i64| local != -2 && total != -1 && (local == -1 || local > total);
    if above(topic.local_retention_ms, topic.retention_ms) {
        return Err("local.retention.ms is above retention.ms".into());
    }
    if above(topic.local_retention_bytes, topic.retention_bytes) {
        return Err("local.retention.bytes is above retention.bytes".into());
    }
    Ok(())
}

fn parse(row: &ConfigKey, text: &str) -> Result<Value, String> {
    let shown = if row.is_sensitive() { "[hidden]" } else { text };
    Value::parse(row, text).map_err(|problem| format!("{} = {shown:?}: {problem}", row.name))
}

/// Keys that carry keys and certificates: they change only for one listener.
const LISTENER_SECURITY_KEYS: &[&str] = &[
    "ssl.keystore.type",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.key.password",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
    "ssl.truststore.type",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.certificates",
];

/// Checks one dynamic key of a broker, or of all brokers. Names outside the table are accepted, as plugins may want
/// them.
pub fn validate_broker_dynamic(name: &str, text: &str, per_broker: bool) -> Result<(), AlterError> {
    let base = base_key(name);
    let Some(row) = broker_key(base.unwrap_or(name)) else {
        return Ok(());
    };
    // Kafka 4 refuses this key, Kafka 3 did not, and tests with containers depend on it.
    let is_advertised = name == "advertised.listeners";
    if base.is_none() && row.scope == Scope::ReadOnly && !is_advertised {
        return Err(invalid_request(format!(
            "{name} cannot change while the broker runs; set it in the file and restart"
        )));
    }
    if base.is_none() && LISTENER_SECURITY_KEYS.contains(&name) {
        return Err(invalid_request(format!(
            "{name} can change only for a listener: use listener.name.<listener>.{name}"
        )));
    }
    let is_for_all = row.scope == Scope::ClusterWide && !is_advertised;
    if !per_broker && !is_for_all {
        return Err(invalid_request(format!("{name} can change only for a single broker; give its id")));
    }
    if per_broker && name == "min.insync.replicas" {
        return Err(invalid_config(
            "min.insync.replicas can change for a topic or for the whole cluster, not for one broker",
        ));
    }
    parse(row, text).map(drop).map_err(invalid_request)
}

/// Checks one key of a group, also against the limits that the broker sets.
pub fn validate_group_config(broker: &BrokerConfig, name: &str, text: &str) -> Result<(), String> {
    let row = group_key(name).ok_or_else(|| format!("there is no group config called {name}"))?;
    let value = parse(row, text)?;
    let Some(number) = value.as_number() else {
        return Ok(());
    };
    let limit = |which: &str| {
        let (protocol, rest) = name.split_once('.')?;
        let key = format!("group.{protocol}.{which}.{}", rest.strip_prefix("num.").unwrap_or(rest));
        broker_key(&key).map(|row| (row.name, broker.number(row.name)))
    };
    if let Some((key, lowest)) = limit("min").filter(|(_, lowest)| number < *lowest) {
        return Err(format!("{name} = {number}: it is below {key} ({lowest})"));
    }
    if let Some((key, highest)) = limit("max").filter(|(_, highest)| number > *highest) {
        return Err(format!("{name} = {number}: it is above {key} ({highest})"));
    }
    Ok(())
}

/// What a client metrics subscription can match clients by.
const MATCH_NAMES: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Checks one key of a client metrics subscription.
pub fn validate_client_metrics_config(name: &str, text: &str) -> Result<(), AlterError> {
    let unknown = || invalid_request(format!("there is no client metrics config called {name}"));
    let row = client_metrics_key(name).ok_or_else(unknown)?;
    let value = parse(row, text).map_err(invalid_request)?;
    match (name, &value) {
        ("interval.ms", Value::Int(interval)) if !(100..=3_600_000).contains(interval) => {
            Err(invalid_request(format!("interval.ms = {interval}: it must be 100 to 3600000")))
        }
        ("match", Value::List(patterns)) => {
            let fits = |pattern: &&String| {
                pattern
                    .split_once('=')
                    .is_some_and(|(key, regex)| MATCH_NAMES.contains(&key.trim()) && !regex.is_empty())
            };
            match patterns.iter().find(|pattern| !fits(pattern)) {
                Some(odd) => Err(invalid_config(format!(
                    "match: {odd:?} is not name=pattern with a name of {}",
                    MATCH_NAMES.join(", ")
                ))),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
