//! Our `DescribeConfigs` against what Apache Kafka 4.3.1 answered for the same settings: every key, value, source,
//! flag, type and synonym.

use std::collections::BTreeMap;

use barnabas_config::{
    BrokerConfig, ConfigEntry, ConfigMap, ConfigSource, LoadInput, describe_broker, describe_client_metrics,
    describe_cluster_default, describe_group, describe_topic,
};

/// Keys whose default or existence differs on purpose, besides those that begin with `barnabas.`.
const OURS: &[&str] = &["log.dir", "inter.broker.protocol.version"];

fn map(pairs: &[(&str, &str)]) -> ConfigMap {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn broker(properties: &str) -> BrokerConfig {
    let file = Some(("server.properties".into(), properties.into()));
    BrokerConfig::load(LoadInput { file, ..LoadInput::default() }).expect("the fixture loads").config
}

fn source_name(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::DynamicTopicConfig => "DYNAMIC_TOPIC_CONFIG",
        ConfigSource::DynamicBrokerConfig => "DYNAMIC_BROKER_CONFIG",
        ConfigSource::DynamicDefaultBrokerConfig => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        ConfigSource::StaticBrokerConfig => "STATIC_BROKER_CONFIG",
        ConfigSource::DefaultConfig => "DEFAULT_CONFIG",
        ConfigSource::ClientMetricsConfig => "DYNAMIC_CLIENT_METRICS_CONFIG",
        ConfigSource::GroupConfig => "DYNAMIC_GROUP_CONFIG",
    }
}

fn type_name(code: i8) -> &'static str {
    let names = ["UNKNOWN", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"];
    names[usize::try_from(code).expect("types are positive")]
}

fn line(resource: &str, entry: &ConfigEntry) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "<null>".into());
    let synonyms: String = entry
        .synonyms
        .iter()
        .map(|synonym| format!("{}={}@{};", synonym.name, text(&synonym.value), source_name(synonym.source)))
        .collect();
    let source = source_name(entry.source);
    let kind = type_name(entry.config_type);
    let (name, value) = (&entry.name, text(&entry.value));
    format!("{resource}\t{name}\t{value}\t{source}\t{}\t{}\t{kind}\t{synonyms}", entry.read_only, entry.sensitive)
}

fn key_of(line: &str) -> String {
    line.split('\t').take(2).collect::<Vec<_>>().join(" ")
}

fn compare(golden: &str, resources: &[(&str, Vec<ConfigEntry>)]) {
    let theirs: BTreeMap<String, &str> =
        golden.lines().filter(|line| !line.starts_with('#')).map(|line| (key_of(line), line)).collect();
    let lines = resources.iter().flat_map(|(resource, entries)| entries.iter().map(|entry| line(resource, entry)));
    let ours: BTreeMap<String, String> = lines.map(|line| (key_of(&line), line)).collect();
    let mut differences = Vec::new();
    for key in theirs.keys().chain(ours.keys().filter(|key| !theirs.contains_key(*key))) {
        let name = key.rsplit(' ').next().unwrap_or_default();
        let (left, right) = (theirs.get(key).copied(), ours.get(key).map(String::as_str));
        if left != right && !OURS.contains(&name) && !name.starts_with("barnabas.") {
            differences.push(format!("Kafka: {left:?}\n ours: {right:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_fresh_node_with_one_topic_setting() {
    let broker = broker(include_str!("fixtures/plain.properties"));
    let (cluster, none) = (map(&[("min.insync.replicas", "1")]), ConfigMap::new());
    let resources = [
        ("BROKER", describe_broker(&broker, &cluster, &none)),
        ("BROKER_DEFAULT", describe_cluster_default(&cluster)),
        ("TOPIC", describe_topic(&broker, &cluster, &none, &map(&[("retention.ms", "5000")]))),
        ("GROUP", describe_group(&broker, &cluster, &none, &none)),
        ("CLIENT_METRICS", describe_client_metrics(&none)),
    ];
    compare(include_str!("fixtures/plain.tsv"), &resources);
}

#[test]
fn consoles_learn_the_level_whatever_an_old_file_says() {
    let none = ConfigMap::new();
    for properties in ["node.id=1", "node.id=1\ninter.broker.protocol.version=2.0"] {
        let entries = describe_broker(&broker(properties), &none, &none);
        let found: Vec<_> = entries.iter().filter(|entry| entry.name == "inter.broker.protocol.version").collect();
        assert_eq!(1, found.len());
        assert_eq!((Some("4.3-IV0"), true), (found[0].value.as_deref(), found[0].read_only));
    }
}

#[test]
fn a_node_with_settings_on_every_level() {
    let broker = broker(include_str!("fixtures/altered.properties"));
    let cluster = map(&[
        ("min.insync.replicas", "1"),
        ("log.retention.ms", "654321"),
        ("log.cleaner.threads", "2"),
        ("message.max.bytes", "2000000"),
        ("log.cleanup.policy", "compact,compact,delete"),
        ("follower.replication.throttled.rate", "5"),
        ("nope.default", "7"),
    ]);
    let dynamic = map(&[
        ("log.retention.ms", "123456"),
        ("num.io.threads", "5"),
        ("listener.name.plaintext.max.connections", "55"),
        ("listener.name.plaintext.num.io.threads", "5"),
        ("leader.replication.throttled.rate", "1000"),
        ("nope.key", "5"),
        ("message.max.bytes", "2000001"),
    ]);
    let topic =
        map(&[("retention.ms", " 5000"), ("min.cleanable.dirty.ratio", "0.750"), ("internal.segment.bytes", "1000")]);
    let group = map(&[("consumer.session.timeout.ms", "50000"), ("share.isolation.level", "read_committed")]);
    let resources = [
        ("BROKER", describe_broker(&broker, &cluster, &dynamic)),
        ("BROKER_DEFAULT", describe_cluster_default(&cluster)),
        ("TOPIC", describe_topic(&broker, &cluster, &dynamic, &topic)),
        ("GROUP", describe_group(&broker, &cluster, &dynamic, &group)),
        ("CLIENT_METRICS", describe_client_metrics(&map(&[("interval.ms", "100"), ("metrics", "a.b, c")]))),
    ];
    compare(include_str!("fixtures/altered.tsv"), &resources);
}

#[test]
fn the_table_and_the_answers_hold_the_same_keys() {
    let is_kafkas = |name: &str| !name.starts_with("barnabas.");
    let visible = barnabas_config::keys::broker_keys().filter(|row| !row.internal && !row.dynamic_only);
    assert_eq!(visible.filter(|row| is_kafkas(row.name)).count(), 340);
    assert_eq!(barnabas_config::keys::TOPIC_KEYS.iter().filter(|row| !row.internal).count(), 33);
    assert_eq!(barnabas_config::keys::GROUP_KEYS.len(), 17);
}
