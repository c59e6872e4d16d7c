//! Bitnami's own names for Kafka's settings. Its other aliases, `KAFKA_X` for `KAFKA_CFG_X`, need no table: both are
//! read here, and the plain one wins, as it does there.

use super::Variable;

const ALIASES: &[(&str, &str)] = &[
    ("KAFKA_LOGS_DIRS", "KAFKA_LOG_DIRS"),
    ("KAFKA_SEGMENT_BYTES", "KAFKA_LOG_SEGMENT_BYTES"),
    ("KAFKA_MAX_MESSAGE_BYTES", "KAFKA_MESSAGE_MAX_BYTES"),
    ("KAFKA_LOG_RETENTION_CHECK_INTERVALS_MS", "KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS"),
    ("KAFKA_CFG_LOG_RETENTION_CHECK_INTERVALS_MS", "KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS"),
    ("KAFKA_ZOOKEEPER_CONNECT_TIMEOUT_MS", "KAFKA_ZOOKEEPER_CONNECTION_TIMEOUT_MS"),
    ("KAFKA_CLIENT_LISTENER", "KAFKA_CLIENT_LISTENER_NAME"),
    ("KAFKA_BROKER_USER", "KAFKA_CLIENT_USERS"),
    ("KAFKA_BROKER_PASSWORD", "KAFKA_CLIENT_PASSWORDS"),
];

pub(super) fn apply(variables: &mut [Variable]) {
    for variable in variables.iter_mut() {
        if let Some((_, meaning)) = ALIASES.iter().find(|(alias, _)| *alias == variable.meaning) {
            variable.meaning = (*meaning).to_owned();
        }
    }
    // What comes later wins: first Bitnami's prefixed names, then the plain ones.
    variables.sort_by_key(|variable| !variable.meaning.starts_with("KAFKA_CFG_"));
}
