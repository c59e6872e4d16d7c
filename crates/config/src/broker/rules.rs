//! Rules between broker keys that Kafka checks at start. Ranges of single keys are in the table, addresses in
//! `listeners.rs`.

use super::{BrokerConfig, ProcessRole};
use crate::load::Warning;

const MIB: i64 = 1 << 20;

/// The first key must not be above the second.
const ORDERED: &[(&str, &str)] = &[
    ("replica.fetch.wait.max.ms", "replica.socket.timeout.ms"),
    ("replica.fetch.wait.max.ms", "replica.lag.time.max.ms"),
    ("group.consumer.min.heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms"),
    ("group.consumer.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"),
    ("group.consumer.min.session.timeout.ms", "group.consumer.session.timeout.ms"),
    ("group.consumer.session.timeout.ms", "group.consumer.max.session.timeout.ms"),
    ("group.consumer.min.assignment.interval.ms", "group.consumer.assignment.interval.ms"),
    ("group.consumer.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"),
    ("group.share.min.heartbeat.interval.ms", "group.share.heartbeat.interval.ms"),
    ("group.share.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"),
    ("group.share.min.session.timeout.ms", "group.share.session.timeout.ms"),
    ("group.share.session.timeout.ms", "group.share.max.session.timeout.ms"),
    ("group.share.min.assignment.interval.ms", "group.share.assignment.interval.ms"),
    ("group.share.assignment.interval.ms", "group.share.max.assignment.interval.ms"),
    ("group.share.min.record.lock.duration.ms", "group.share.record.lock.duration.ms"),
    ("group.share.record.lock.duration.ms", "group.share.max.record.lock.duration.ms"),
    ("group.share.min.delivery.count.limit", "group.share.delivery.count.limit"),
    ("group.share.delivery.count.limit", "group.share.max.delivery.count.limit"),
    ("group.share.min.partition.max.record.locks", "group.share.partition.max.record.locks"),
    ("group.share.partition.max.record.locks", "group.share.max.partition.max.record.locks"),
    ("group.streams.min.heartbeat.interval.ms", "group.streams.heartbeat.interval.ms"),
    ("group.streams.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"),
    ("group.streams.min.session.timeout.ms", "group.streams.session.timeout.ms"),
    ("group.streams.session.timeout.ms", "group.streams.max.session.timeout.ms"),
    ("group.streams.min.assignment.interval.ms", "group.streams.assignment.interval.ms"),
    ("group.streams.assignment.interval.ms", "group.streams.max.assignment.interval.ms"),
    ("group.streams.num.standby.replicas", "group.streams.max.standby.replicas"),
];

/// The first key must be below the second.
const STRICTLY_ORDERED: &[(&str, &str)] = &[
    ("group.consumer.heartbeat.interval.ms", "group.consumer.session.timeout.ms"),
    ("group.share.heartbeat.interval.ms", "group.share.session.timeout.ms"),
    ("group.streams.heartbeat.interval.ms", "group.streams.session.timeout.ms"),
];

/// Everything that is wrong between keys; empty if nothing is.
pub(super) fn check(config: &BrokerConfig) -> Vec<String> {
    let mut problems = Vec::new();
    for (low, high) in ORDERED {
        compare(config, low, high, |left, right| left <= right, "must not be above", &mut problems);
    }
    for (low, high) in STRICTLY_ORDERED {
        compare(config, low, high, |left, right| left < right, "must be below", &mut problems);
    }
    check_numbers(config, &mut problems);
    check_connections(config, &mut problems);
    check_connection_limits(config, &mut problems);
    check_cordoned(config, &mut problems);
    if !config.list("group.coordinator.rebalance.protocols").iter().any(|protocol| protocol == "classic") {
        problems.push("group.coordinator.rebalance.protocols must contain classic".into());
    }
    check_inter_broker(config, &mut problems);
    check_quorum(config, &mut problems);
    problems
}

/// What Kafka lets pass although it will hardly work.
pub(super) fn doubts(config: &BrokerConfig) -> Vec<Warning> {
    let mut doubts = alone(config);
    let (beat, session) = (config.number("broker.heartbeat.interval.ms"), config.number("broker.session.timeout.ms"));
    if beat.saturating_mul(2) > session {
        doubts.push(Warning {
            key: "broker.heartbeat.interval.ms".into(),
            message: format!(
                "broker.heartbeat.interval.ms ({beat}) is above half of broker.session.timeout.ms ({session}): one late heartbeat fences a broker"
            ),
        });
    }
    doubts
}

/// Numbers of replicas that a file asks for and one broker alone does not have.
const REPLICAS: &[(&str, &str)] = &[
    ("default.replication.factor", "topics that leave it open cannot be created here; set it to 1"),
    ("min.insync.replicas", "no record with acks=all can be written here; set it to 1"),
    ("offsets.topic.replication.factor", "__consumer_offsets gets one replica as long as there is one broker"),
];

fn alone(config: &BrokerConfig) -> Vec<Warning> {
    let in_cluster = config.quorum_voters().len() > 1
        || config.quorum_bootstrap_servers().len() > 1
        || !(config.has_role(ProcessRole::Broker) && config.has_role(ProcessRole::Controller));
    let too_many = |(key, _): &&(&str, &str)| config.origin(key).is_some() && config.number(key) > 1;
    let warning = |(key, effect): &(&str, &str)| Warning {
        key: (*key).into(),
        message: format!("{key} is {}, and this broker is alone: {effect}", config.number(key)),
    };
    if in_cluster { Vec::new() } else { REPLICAS.iter().filter(too_many).map(warning).collect() }
}

fn compare(
    config: &BrokerConfig,
    low: &str,
    high: &str,
    fits: fn(i64, i64) -> bool,
    words: &str,
    problems: &mut Vec<String>,
) {
    let (left, right) = (config.number(low), config.number(high));
    if !fits(left, right) {
        problems.push(format!("{low} ({left}) {words} {high} ({right}); change one of them"));
    }
}

fn check_numbers(config: &BrokerConfig, problems: &mut Vec<String>) {
    for key in ["log.retention.ms", "log.retention.minutes", "log.retention.hours"] {
        if config.optional_number(key) == Some(0) {
            problems.push(format!("{key} is 0; it must be at least 1, or -1 to keep records for ever"));
        }
    }
    check_cleaner(config, problems);
    let queued = config.number("queued.max.request.bytes");
    if queued > 0 && queued < config.number("socket.request.max.bytes") {
        problems.push("queued.max.request.bytes must be -1 or at least socket.request.max.bytes".into());
    }
    for key in ["offsets.topic.compression.codec", "share.coordinator.state.topic.compression.codec"] {
        if !(0..=4).contains(&config.number(key)) {
            problems.push(format!("{key} must be 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd)"));
        }
    }
}

fn check_cleaner(config: &BrokerConfig, problems: &mut Vec<String>) {
    let (threads, buffer) = (config.number("log.cleaner.threads"), config.number("log.cleaner.dedupe.buffer.size"));
    if threads < 1 {
        problems.push(
            "log.cleaner.threads must be at least 1; to switch compaction off set log.cleaner.enable=false".into(),
        );
    } else if buffer / threads <= MIB {
        problems.push(format!(
            "log.cleaner.dedupe.buffer.size ({buffer}) must be more than 1 MB (1048576) per cleaner thread, of which there are \
             {threads} (log.cleaner.threads)"
        ));
    }
}

/// Dirs that take no new partitions must be dirs of this broker.
fn check_cordoned(config: &BrokerConfig, problems: &mut Vec<String>) {
    let dirs = config.log_dirs();
    let is_unknown = |name: &&String| *name != "*" && !dirs.iter().any(|dir| dir.as_os_str() == name.as_str());
    if let Some(odd) = config.list("cordoned.log.dirs").iter().find(is_unknown) {
        problems.push(format!(
            "cordoned.log.dirs names {odd}, which is not in log.dirs (or log.dir); correct or remove it"
        ));
    }
}

fn check_connections(config: &BrokerConfig, problems: &mut Vec<String>) {
    let overrides = config.text("max.connections.per.ip.overrides").unwrap_or_default();
    let pairs: Vec<&str> = overrides.split(',').map(str::trim).filter(|pair| !pair.is_empty()).collect();
    let is_pair = |pair: &str| pair.rsplit_once(':').is_some_and(|(_, count)| count.trim().parse::<u32>().is_ok());
    if let Some(odd) = pairs.iter().find(|pair| !is_pair(pair)) {
        problems.push(format!("max.connections.per.ip.overrides: {odd:?} is not of the form host:count"));
    }
    if config.number("max.connections.per.ip") == 0 && pairs.is_empty() {
        problems.push(
            "max.connections.per.ip is 0, so nobody could connect; raise it or set max.connections.per.ip.overrides"
                .into(),
        );
    }
}

/// 0 would shut everybody out.
fn check_connection_limits(config: &BrokerConfig, problems: &mut Vec<String>) {
    for key in ["max.connections", "max.connection.creation.rate"] {
        if config.number(key) < 1 {
            problems.push(format!("{key} is 0, so nobody could connect; it must be at least 1"));
        }
    }
}

fn check_inter_broker(config: &BrokerConfig, problems: &mut Vec<String>) {
    let statics = config.statics();
    if statics.contains_key("inter.broker.listener.name") && statics.contains_key("security.inter.broker.protocol") {
        problems.push(
            "inter.broker.listener.name and security.inter.broker.protocol exclude each other; remove one".into(),
        );
    }
}

fn check_quorum(config: &BrokerConfig, problems: &mut Vec<String>) {
    let voters = config.quorum_voters();
    let id = config.node_id();
    let is_voter = voters.iter().any(|voter| voter.id == id);
    let fixed = !voters.is_empty();
    if config.has_role(ProcessRole::Controller) {
        if fixed && !is_voter {
            problems.push(format!(
                "controller.quorum.voters does not name this controller; add {id}@host:port or change node.id"
            ));
        }
        if voters.len() > 1 && config.controller_listeners().is_empty() {
            problems.push(
                "controller.listener.names must name a listener of this node when there are several controllers".into(),
            );
        }
    } else {
        if is_voter {
            problems.push(format!(
                "node {id} is only a broker, but controller.quorum.voters names it; give it another node.id"
            ));
        }
        if !fixed && config.quorum_bootstrap_servers().is_empty() {
            problems.push(
                "a node that is only a broker needs controller.quorum.bootstrap.servers or controller.quorum.voters"
                    .into(),
            );
        }
    }
    let mut ids: Vec<i32> = voters.iter().map(|voter| voter.id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        problems.push("controller.quorum.voters names one id twice".into());
    }
}
