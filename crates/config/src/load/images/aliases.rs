//! Other names for Kafka's settings: Bitnami's, and those without a prefix of Debezium's image, which counts only if it shows
//! itself. Bitnami's other aliases, `KAFKA_X` for `KAFKA_CFG_X`, need no table: both are read here, and the plain one
//! wins, as it does there.

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

/// Debezium's image has no prefix; these names mean nothing unless one of the first two is there.
const WITHOUT_PREFIX: &[(&str, &str)] = &[
    ("ZOOKEEPER_CONNECT", "KAFKA_ZOOKEEPER_CONNECT"),
    ("NODE_ROLE", "KAFKA_PROCESS_ROLES"),
    ("BROKER_ID", "KAFKA_BROKER_ID"),
    ("NODE_ID", "KAFKA_NODE_ID"),
    ("HOST_NAME", "KAFKA_HOST_NAME"),
    ("ADVERTISED_HOST_NAME", "KAFKA_ADVERTISED_HOST_NAME"),
    ("ADVERTISED_PORT", "KAFKA_ADVERTISED_PORT"),
    ("CREATE_TOPICS", "KAFKA_CREATE_TOPICS"),
];

fn without_prefix(variables: &mut [Variable]) {
    let shown = |name: &str| WITHOUT_PREFIX[..2].iter().any(|(sign, _)| *sign == name);
    if !variables.iter().any(|variable| shown(&variable.name)) {
        return;
    }
    for variable in variables.iter_mut() {
        let Some((_, meaning)) = WITHOUT_PREFIX.iter().find(|(bare, _)| *bare == variable.meaning) else { continue };
        variable.meaning = (*meaning).to_owned();
        if variable.name == "NODE_ROLE" && variable.value == "combined" {
            variable.value = "broker,controller".to_owned();
        }
    }
}

pub(super) fn apply(variables: &mut [Variable]) {
    without_prefix(variables);
    for variable in variables.iter_mut() {
        if let Some((_, meaning)) = ALIASES.iter().find(|(alias, _)| *alias == variable.meaning) {
            variable.meaning = (*meaning).to_owned();
        }
    }
    // What comes later wins: names without a prefix, then Bitnami's prefixed names, then the plain ones.
    variables.sort_by_key(|variable| match &variable.name {
        name if !name.starts_with("KAFKA_") => 0,
        name if name.starts_with("KAFKA_CFG_") => 1,
        _ => 2,
    });
}
