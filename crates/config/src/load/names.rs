//! Which keys of a file are known, which belong to others, which are gone, and which are probably misspelt.

use super::suggest::nearest;
use crate::keys::{self, broker_key};

pub(super) enum Verdict {
    /// A key of the table, or one under `listener.name.`.
    Known,
    /// Of a plugin or of another vendor: without effect here.
    Foreign,
    /// Kafka 4 no longer has it; what to do instead, where there is something.
    Retired(&'static str),
    /// About ZooKeeper.
    ZooKeeper,
    /// Probably a mistake.
    Warn(String),
}

/// Keys of plugins and of other vendors' parts.
const FOREIGN_PREFIXES: &[&str] = &[
    "confluent.",
    "rsm.config.",
    "rlmm.config.",
    "config.providers.",
    "metrics.jmx.",
    "metrics.context.",
    "client.quota.callback.",
    "kafka.metrics.",
    "rest.",
    "schema.registry.",
];

/// Keys that Kafka once had, and what to use now; empty if nothing.
const RETIRED: &[(&str, &str)] = &[
    ("inter.broker.protocol.version", ""),
    ("log.message.format.version", ""),
    ("log.message.downconversion.enable", ""),
    (
        "log.message.timestamp.difference.max.ms",
        "log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms",
    ),
    ("broker.id.generation.enable", ""),
    ("reserved.broker.max.id", ""),
    ("control.plane.listener.name", "controller.listener.names"),
    ("controlled.shutdown.max.retries", ""),
    ("controlled.shutdown.retry.backoff.ms", ""),
    ("leader.imbalance.per.broker.percentage", ""),
    ("offsets.commit.required.acks", ""),
    ("delegation.token.master.key", "delegation.token.secret.key"),
    ("metadata.max.snapshot.interval.ms", "metadata.log.max.snapshot.interval.ms"),
    ("group.coordinator.new.enable", ""),
];
const RETIRED_PREFIXES: &[&str] = &["password.encoder."];

/// The key that a `listener.name.<listener>.` prefix, with or without a SASL mechanism, applies to.
pub fn base_key(name: &str) -> Option<&str> {
    let (listener, rest) = name.strip_prefix("listener.name.")?.split_once('.')?;
    if listener.is_empty() || rest.is_empty() {
        return None;
    }
    let of_mechanism = MECHANISM_KEYS.iter().find(|key| rest.ends_with(*key));
    Some(of_mechanism.map_or(rest, |key| *key))
}

/// Keys that may carry a mechanism after the listener: `listener.name.l.plain.sasl.jaas.config`.
const MECHANISM_KEYS: &[&str] = &[
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "sasl.server.callback.handler.class",
    "connections.max.reauth.ms",
];

pub(super) fn judge(name: &str) -> Verdict {
    if let Some(row) = broker_key(name) {
        return match row.dynamic_only {
            true => Verdict::Warn("it can only be set dynamically, with kafka-configs; ignored".into()),
            false => Verdict::Known,
        };
    }
    if let Some((_, instead)) = RETIRED.iter().find(|(key, _)| *key == name) {
        return Verdict::Retired(instead);
    }
    if RETIRED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Verdict::Retired("");
    }
    if name.starts_with("zookeeper.") {
        return Verdict::ZooKeeper;
    }
    if FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Verdict::Foreign;
    }
    match base_key(name) {
        Some(base) if broker_key(base).is_some() => Verdict::Known,
        Some(base) => Verdict::Warn(unknown(base)),
        None => Verdict::Warn(unknown(name)),
    }
}

fn unknown(name: &str) -> String {
    let known = keys::broker_keys().chain(keys::AUTHORIZER_KEYS).filter(|key| !key.internal).map(|key| key.name);
    match nearest(name, known) {
        Some(other) => format!("there is no such key, so it has no effect; did you mean {other}?"),
        None => "there is no such key, so it has no effect".into(),
    }
}
