//! When a start may go on, and what people are told about other brokers of their file. Pure.

use std::time::Duration;

use barnabas_config::BrokerConfig;
use barnabas_zookeeper::HostPort;
use barnabas_zookeeper::client::View;
use barnabas_zookeeper::registration::{Registration, Sibling, Verdict};

/// How long a start waits for names and connections: a removed ZooKeeper must not be noticed.
const REACH_LIMIT: Duration = Duration::from_millis(200);
/// How long it waits for a server that is there: real ones write to disk before they answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// What a start does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    Serve,
    /// Look again when something changes, or at this time since the begin.
    Look(Option<Duration>),
    Refuse(Vec<Sibling>),
}

pub(super) fn decide(views: &[View], waited: Duration) -> Start {
    if let Some(siblings) = siblings(views) {
        return Start::Refuse(siblings);
    }
    let mut until = Some(Duration::ZERO);
    for view in views {
        let limit = match view {
            View::Resolving => Some(REACH_LIMIT),
            View::Connected => Some(ANSWER_LIMIT),
            View::Registered { verdict: Verdict::Wait(_), .. } => None,
            View::Unreachable(_) | View::Registered { .. } => Some(Duration::ZERO),
        };
        until = until.zip(limit).map(|(longest, limit)| longest.max(limit));
    }
    match until {
        Some(until) if until <= waited => Start::Serve,
        until => Start::Look(until),
    }
}

/// Brokers that are alive beside this one, at any of the servers.
pub(super) fn siblings(views: &[View]) -> Option<Vec<Sibling>> {
    let mut siblings: Vec<_> = views.iter().filter_map(View::siblings).flatten().cloned().collect();
    siblings.sort();
    siblings.dedup();
    (!siblings.is_empty()).then_some(siblings)
}

const WHY: &str = "This version of Barnabas serves single brokers: each of them would be a cluster of its own, and clients of \
                   one would not see the topics of the others, so none of them serves";
const HOW: &str = "Keep one broker in the file and set the replication factors and min.insync.replicas in it to 1";

/// What is said when other brokers are registered.
pub(super) fn refusal(zookeeper: &str, own: &Registration, siblings: &[Sibling]) -> String {
    let others: Vec<_> = siblings.iter().map(shown).collect();
    let has_twin = siblings.iter().any(|sibling| sibling.node_id == Some(own.node_id));
    let twin = if has_twin { "; brokers also need different ids (KAFKA_BROKER_ID)" } else { "" };
    format!(
        "{} brokers share ZooKeeper {zookeeper}: {} ({}, this one), {}. {WHY}. {HOW}{twin}; or, if they are meant to be separate \
         clusters, give each its own folder, as in zookeeper.connect={zookeeper}/name",
        siblings.len() + 1,
        own.node_id,
        own.host,
        others.join(", ")
    )
}

fn shown(sibling: &Sibling) -> String {
    let id = sibling.node_id.map_or_else(|| "unknown id".to_owned(), |id| id.to_string());
    if sibling.host.is_empty() { id } else { format!("{id} ({})", sibling.host) }
}

/// What is said when ZooKeeper is gone and a neighbour exists.
pub(super) fn refusal_for_neighbour(zookeeper: &str, own: &Registration, neighbour: &HostPort) -> String {
    format!(
        "this broker ({}, {}) has a neighbour at {neighbour}, and ZooKeeper {zookeeper}, where brokers of one file find each \
         other, is not there. {WHY}. {HOW}; or, if they are meant to be separate clusters, remove KAFKA_ZOOKEEPER_CONNECT",
        own.node_id,
        own.listeners.first().map_or(own.host.as_str(), String::as_str)
    )
}

/// What is said when Apache Kafka's brokers are there.
pub(super) fn kafka_brokers(zookeeper: &str, ids: &str) -> String {
    format!(
        "ZooKeeper {zookeeper} is also used by brokers of Apache Kafka (ids {ids}). They and this broker are different clusters: \
         data is not shared. Stop them, or move it with their own tools, such as MirrorMaker"
    )
}

/// A file that asks for more than one broker can give, in so many words. This alone is no reason to refuse: files with
/// one broker copy such values from examples, and topics that need only one replica work. It is the only sign of siblings
/// where ZooKeeper is gone and names have no numbers, so it is said loudly.
pub(super) fn asks_for_several(config: &BrokerConfig) -> Option<String> {
    let wanted = |keys: &[&'static str]| {
        let written = |key: &&&str| config.origin(key).is_some() && config.number(key) > 1;
        keys.iter().find(written).map(|key| format!("{key}={}", config.number(key)))
    };
    let replicas = wanted(&[
        "default.replication.factor",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
    ])?;
    let in_sync = wanted(&["min.insync.replicas", "transaction.state.log.min.isr"])?;
    Some(format!(
        "{replicas} and {in_sync} ask for several brokers, and this one is alone: it found no ZooKeeper at which to meet others. \
         If the file has more brokers, each of them is now a cluster of its own: stop them and keep one. If it has one, set \
         these to 1; with min.insync.replicas above 1, producers with acks=all are refused"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use barnabas_config::LoadInput;

    fn registered(verdict: Verdict) -> View {
        View::Registered { verdict, kafka_brokers: Vec::new() }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn two() -> Vec<Sibling> {
        vec![Sibling { node_id: Some(2), host: "kafka2".into() }]
    }

    #[test]
    fn a_start_waits_only_for_what_may_come() {
        let gone = || View::Unreachable("no such name".into());
        let alone = || registered(Verdict::Alone);
        let wait = || registered(Verdict::Wait(two()));
        let several = || registered(Verdict::Several(two()));
        assert_eq!(decide(&[alone()], ms(0)), Start::Serve);
        assert_eq!(decide(&[gone()], ms(0)), Start::Serve);
        assert_eq!(decide(&[View::Resolving], ms(0)), Start::Look(Some(REACH_LIMIT)));
        assert_eq!(decide(&[View::Resolving], REACH_LIMIT), Start::Serve);
        assert_eq!(decide(&[View::Connected, View::Resolving], ms(500)), Start::Look(Some(ANSWER_LIMIT)));
        assert_eq!(decide(&[View::Connected], ANSWER_LIMIT), Start::Serve);
        assert_eq!(decide(&[wait(), gone()], ms(60_000)), Start::Look(None));
        assert_eq!(decide(&[View::Resolving, several()], ms(0)), Start::Refuse(two()));
        assert_eq!(decide(&[alone(), gone(), View::Resolving], ms(300)), Start::Serve);
    }

    #[test]
    fn a_refusal_says_what_why_and_how() {
        let own = Registration { node_id: 1, host: "kafka1".into(), start_id: "a".into(), listeners: Vec::new() };
        let line = refusal("zookeeper:2181", &own, &two());
        for part in ["2 brokers share ZooKeeper zookeeper:2181: 1 (kafka1, this one), 2 (kafka2).", WHY, HOW] {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains('\n') && !line.contains("different ids"));
        let twin = [Sibling { node_id: Some(1), host: "kafka2".into() }];
        assert!(refusal("zookeeper:2181", &own, &twin).contains("different ids"));
    }

    #[test]
    fn only_written_settings_ask_for_several_brokers() {
        let asks = |lines: &str| {
            let file = Some(("server.properties".into(), lines.to_owned()));
            let loaded = BrokerConfig::load(LoadInput { file, ..LoadInput::default() }).unwrap();
            asks_for_several(&loaded.config).is_some()
        };
        assert!(!asks(""));
        assert!(!asks("offsets.topic.replication.factor=3"));
        assert!(!asks("offsets.topic.replication.factor=1\nmin.insync.replicas=2"));
        assert!(asks("default.replication.factor=3\nmin.insync.replicas=2"));
        assert!(asks("transaction.state.log.replication.factor=3\ntransaction.state.log.min.isr=2"));
    }
}
