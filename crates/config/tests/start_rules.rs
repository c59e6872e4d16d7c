//! Which settings let a broker start, compared with what Apache Kafka 4.3.1 does.

use barnabas_config::{BrokerConfig, LoadInput};

const BASE: &str = "\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@h:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
controller.listener.names=CONTROLLER
advertised.listeners=PLAINTEXT://h:9092
";

/// Refused by Kafka, accepted here on purpose.
const LENIENT: &[&str] = &[
    // A protocol's own name needs no entry in the map.
    "listener.security.protocol.map=CONTROLLER:PLAINTEXT",
    // The first advertised listener serves between brokers.
    "security.inter.broker.protocol=SSL",
    // A node alone is its own quorum.
    "controller.quorum.voters=",
    // Means that it is not set.
    "broker.id=-5",
    // Classes are not loaded; the server says what it does not know.
    "group.consumer.assignors=uniform,my.Class",
];

/// Started by Kafka, refused here on purpose.
const STRICT: &[&str] = &[
    // Kafka's start never ends: nobody can connect, itself included.
    "max.connections=0",
];

#[test]
fn settings_are_accepted_and_refused_as_kafka_does() {
    let mut differences = Vec::new();
    for line in include_str!("fixtures/start_rules.txt").lines().filter(|line| !line.starts_with('#')) {
        let (verdict, settings) = line.split_once(' ').expect("a verdict and settings");
        let input = LoadInput {
            file: Some(("server.properties".into(), BASE.into())),
            env: Vec::new(),
            overrides: settings.split(';').map(str::to_owned).collect(),
            container: None,
        };
        let accepted = BrokerConfig::load(input);
        let is_fine = LENIENT.contains(&settings) || verdict == "accepted" && !STRICT.contains(&settings);
        if accepted.is_ok() != is_fine {
            differences.push(format!("{line}: {:?}", accepted.err()));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
