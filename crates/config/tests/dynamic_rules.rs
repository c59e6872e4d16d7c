//! Which dynamic changes of brokers are accepted, compared with what Apache Kafka 4.3.1 does.

use barnabas_config::{
    AlterOp, Alteration, BrokerConfig, ConfigMap, LoadInput, ResourceKind, plan_incremental, plan_replace,
};

/// Refused by Kafka, accepted here on purpose: classes are not loaded.
const LENIENT: &[&str] = &["cluster metric.reporters=x.Y"];

fn alteration(text: &str) -> Alteration {
    let (name, value) = text.split_once('=').expect("key=value");
    Alteration { name: name.into(), op: AlterOp::Set, value: Some(value.into()) }
}

#[test]
fn changes_are_accepted_and_refused_as_kafka_does() {
    let broker = BrokerConfig::load(LoadInput::default()).expect("defaults").config;
    let mut differences = Vec::new();
    for line in include_str!("fixtures/dynamic_rules.txt").lines().filter(|line| !line.starts_with('#')) {
        let (verdict, change) = line.split_once(' ').expect("a verdict and a change");
        let (level, settings) = change.split_once(' ').expect("a level and settings");
        let kind = if level == "cluster" { ResourceKind::ClusterDefault } else { ResourceKind::Broker };
        let alterations: Vec<_> = settings.split(';').map(alteration).collect();
        let values: Vec<_> = alterations.iter().map(|asked| (asked.name.clone(), asked.value.clone())).collect();
        let expected = verdict == "accepted" || LENIENT.contains(&change);
        let answers = [
            plan_incremental(kind, &broker, &ConfigMap::new(), &alterations),
            plan_replace(kind, &broker, &ConfigMap::new(), &values),
        ];
        for answer in answers.into_iter().filter(|answer| answer.is_ok() != expected) {
            differences.push(format!("{line}: {answer:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn what_is_wrong_already_can_be_left_and_corrected() {
    let broker = BrokerConfig::load(LoadInput::default()).expect("defaults").config;
    let plan = |current: &ConfigMap, text| {
        plan_incremental(ResourceKind::ClusterDefault, &broker, current, &[alteration(text)]).map(drop)
    };
    let wrong = ConfigMap::from([("log.retention.ms".to_owned(), "0".to_owned())]);
    plan(&wrong, "message.max.bytes=5").expect("something else");
    plan(&wrong, "log.retention.ms=5").expect("the correction");
    let message = plan(&ConfigMap::new(), "log.retention.ms=0").expect_err("wipes data").message;
    assert!(message.contains("log.retention.ms is 0"), "{message}");
    let threads = ConfigMap::from([("num.io.threads".to_owned(), "16".to_owned())]);
    plan(&threads, "num.io.threads=32").expect("double of what it is now");
    plan(&threads, "num.io.threads=7").expect_err("less than half");
}
