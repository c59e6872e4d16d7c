//! Which keys of a file are known, which belong to others, which are gone, and which are probably misspelt.

use super::suggest::nearest;
use crate::keys::{self, broker_key};

pub(super) enum Verdict {
    /// A key of the table, or one under `listener.name.`.
    Known,
    /// Fine, but without effect here.
    Note(String),
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
];

/// Keys that Kafka once had, and what to do now.
const RETIRED: &[(&str, &str)] = &[
    ("advertised.host.name", "use advertised.listeners"),
    ("advertised.port", "use advertised.listeners"),
    ("host.name", "use listeners"),
    ("port", "use listeners"),
    ("inter.broker.protocol.version", "the format is always the newest; remove it"),
    ("log.message.format.version", "the format is always the newest; remove it"),
    ("log.message.downconversion.enable", "old formats are not served; remove it"),
    (
        "log.message.timestamp.difference.max.ms",
        "use log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms",
    ),
    ("broker.id.generation.enable", "give node.id"),
    ("reserved.broker.max.id", "give node.id"),
    ("control.plane.listener.name", "use controller.listener.names"),
    ("controlled.shutdown.max.retries", "remove it"),
    ("controlled.shutdown.retry.backoff.ms", "remove it"),
    ("leader.imbalance.per.broker.percentage", "remove it"),
    ("offsets.commit.required.acks", "commits always wait for all replicas; remove it"),
    ("delegation.token.master.key", "use delegation.token.secret.key"),
    ("metadata.max.snapshot.interval.ms", "use metadata.log.max.snapshot.interval.ms"),
    ("group.coordinator.new.enable", "the new coordinator is always used; remove it"),
];
const RETIRED_PREFIXES: &[(&str, &str)] =
    &[("zookeeper.", "there is no ZooKeeper; remove it"), ("password.encoder.", "remove it")];

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
    let prefixed = RETIRED_PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix));
    if let Some((_, advice)) = RETIRED.iter().find(|(key, _)| *key == name).or(prefixed) {
        return Verdict::Warn(format!("Kafka 4 no longer has it, so it has no effect; {advice}"));
    }
    if FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Verdict::Note(format!("{name} belongs to a plugin that is not loaded here; skipped"));
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
