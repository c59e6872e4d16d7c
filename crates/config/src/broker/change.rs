//! What a dynamic change may make of a running broker: the rules of the start, and those that Kafka has only for changes.
//! Rules of single keys are in `alter.rs`.

use super::{BrokerConfig, rules};
use crate::ConfigMap;
use crate::alter::{AlterError, invalid_request};
use crate::topic::effective_topic_config;

/// Thread pools: not to be more than doubled or halved at once.
const THREAD_POOLS: &[&str] = &[
    "background.threads",
    "log.cleaner.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.follower.thread.pool.size",
    "remote.log.reader.threads",
];

/// Checks the configuration that a change would give. What is wrong already does not hinder a change of something else.
pub fn check_broker_change(now: &BrokerConfig, then: &BrokerConfig) -> Result<(), AlterError> {
    let before = problems(now);
    let new = problems(then).into_iter().find(|problem| !before.contains(problem));
    new.or_else(|| thread_pools(now, then)).map_or(Ok(()), |problem| Err(invalid_request(problem)))
}

fn problems(config: &BrokerConfig) -> Vec<String> {
    let mut problems = rules::check(config);
    local_retention(config, &mut problems);
    problems
}

/// Tiered logs keep no more locally than in all.
fn local_retention(config: &BrokerConfig, problems: &mut Vec<String>) {
    let none = ConfigMap::new();
    let topic = effective_topic_config(config, &none, &none, &none);
    let pairs = [
        ("log.local.retention.ms", topic.local_retention_ms, "log.retention.ms", topic.retention_ms),
        ("log.local.retention.bytes", topic.local_retention_bytes, "log.retention.bytes", topic.retention_bytes),
    ];
    for (key, local, total_key, total) in pairs {
        if total != -1 && (local == -1 || local > total) {
            problems.push(format!("{key} ({local}) must not be above {total_key} ({total}); -2 makes it follow that"));
        }
    }
}

fn thread_pools(now: &BrokerConfig, then: &BrokerConfig) -> Option<String> {
    THREAD_POOLS.iter().find_map(|key| {
        let (current, wanted) = (now.number(key), then.number(key));
        let limit = if wanted < current / 2 {
            format!("at least half the current value {current}")
        } else if wanted > current.saturating_mul(2) {
            format!("not greater than double the current value {current}")
        } else {
            return None;
        };
        Some(format!("{key} = {wanted}: it must be {limit}; change it in several steps"))
    })
}
