//! Operations and refusals as Kafka 4.3.1 answers them.

use super::*;
use crate::load::LoadInput;

fn broker() -> BrokerConfig {
    BrokerConfig::load(LoadInput::default()).unwrap().config
}

fn alter(name: &str, op: AlterOp, value: &str) -> Alteration {
    Alteration { name: name.into(), op, value: Some(value.into()) }
}

fn topic(current: Option<&str>, op: AlterOp, value: &str) -> Option<String> {
    apply_incremental(ResourceKind::Topic, current, "cleanup.policy", op, Some(value)).unwrap()
}

#[test]
fn lists_grow_and_shrink_from_the_default() {
    assert_eq!(topic(None, AlterOp::Append, "compact").as_deref(), Some("delete,compact"));
    assert_eq!(topic(Some("delete,compact"), AlterOp::Append, "compact").as_deref(), Some("delete,compact"));
    assert_eq!(topic(Some("delete,compact"), AlterOp::Subtract, "delete").as_deref(), Some("compact"));
    assert_eq!(topic(None, AlterOp::Subtract, "delete").as_deref(), Some(""));
    assert_eq!(topic(None, AlterOp::Subtract, "nope").as_deref(), Some("delete"));
    assert_eq!(topic(Some("compact"), AlterOp::Delete, ""), None);
}

#[test]
fn operations_that_cannot_be() {
    let refused = |kind, name, op, value| apply_incremental(kind, None, name, op, value).unwrap_err().code;
    assert_eq!(refused(ResourceKind::Topic, "retention.ms", AlterOp::Append, Some("5")), ErrorCode::InvalidConfig);
    assert_eq!(refused(ResourceKind::Topic, "retention.ms", AlterOp::Set, None), ErrorCode::InvalidRequest);
    assert_eq!(refused(ResourceKind::ClientMetrics, "metrics", AlterOp::Append, Some("x")), ErrorCode::InvalidConfig);
    let twice = [alter("retention.ms", AlterOp::Set, "5"), alter("retention.ms", AlterOp::Set, "6")];
    let error = plan_incremental(ResourceKind::Topic, &broker(), &ConfigMap::new(), &twice).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
}

#[test]
fn topic_values() {
    let accepted = [
        ("cleanup.policy", ""),
        ("cleanup.policy", "delete,delete"),
        ("retention.ms", " +77 "),
        ("preallocate", "TRUE"),
        ("min.cleanable.dirty.ratio", "1e-5"),
        ("internal.segment.bytes", "1000"),
        ("leader.replication.throttled.replicas", "*"),
    ];
    for (name, value) in accepted {
        validate_topic_config(name, value).unwrap();
    }
    let refused = [
        ("cleanup.policy", "bogus"),
        ("retention.ms", "-2"),
        ("retention.ms", ""),
        ("segment.bytes", "1000"),
        ("compression.type", "GZIP"),
        ("compression.gzip.level", "0"),
        ("min.cleanable.dirty.ratio", "1.01"),
        ("min.insync.replicas", "0"),
        ("max.message.bytes", "3000000000"),
        ("message.timestamp.difference.max.ms", "1"),
    ];
    for (name, value) in refused {
        assert!(validate_topic_config(name, value).is_err(), "{name}={value}");
    }
}

#[test]
fn rules_between_topic_keys() {
    let lags =
        [alter("min.compaction.lag.ms", AlterOp::Set, "100"), alter("max.compaction.lag.ms", AlterOp::Set, "50")];
    let error = plan_incremental(ResourceKind::Topic, &broker(), &ConfigMap::new(), &lags).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidConfig);
    let tiered = ConfigMap::from([("remote.storage.enable".into(), "true".into())]);
    assert_eq!(validate_topic_configs(&broker(), &tiered).unwrap_err().code, ErrorCode::InvalidConfig);
}

#[test]
fn only_what_changes_is_planned() {
    let current = ConfigMap::from([("retention.ms".into(), "5".into()), ("preallocate".into(), "true".into())]);
    let ops = [
        alter("retention.ms", AlterOp::Set, "5"),
        alter("preallocate", AlterOp::Delete, ""),
        alter("nope", AlterOp::Delete, ""),
    ];
    let changes = plan_incremental(ResourceKind::Topic, &broker(), &current, &ops).unwrap();
    assert_eq!(changes, ConfigChanges::from([("preallocate".into(), None)]));
}

#[test]
fn replacing_resets_what_is_not_named() {
    let current = ConfigMap::from([("retention.ms".into(), "5".into()), ("preallocate".into(), "true".into())]);
    let new = [("flush.ms".to_owned(), Some("7".to_owned())), ("retention.ms".to_owned(), Some("5".to_owned()))];
    let changes = plan_replace(ResourceKind::Topic, &broker(), &current, &new).unwrap();
    assert_eq!(changes, ConfigChanges::from([("flush.ms".into(), Some("7".into())), ("preallocate".into(), None)]));
    let default = ConfigMap::from([("min.insync.replicas".into(), "1".into())]);
    assert!(plan_replace(ResourceKind::ClusterDefault, &broker(), &default, &[]).unwrap().is_empty());
}

#[test]
fn broker_values() {
    let code = |name, value, per_broker| validate_broker_dynamic(name, value, per_broker).err().map(|error| error.code);
    assert_eq!(code("num.partitions", "5", true), Some(ErrorCode::InvalidRequest));
    assert_eq!(code("advertised.listeners", "PLAINTEXT://x:1", true), None);
    assert_eq!(code("advertised.listeners", "PLAINTEXT://x:1", false), Some(ErrorCode::InvalidRequest));
    assert_eq!(code("num.io.threads", "0", true), Some(ErrorCode::InvalidRequest));
    assert_eq!(code("listeners", "PLAINTEXT://:1", false), Some(ErrorCode::InvalidRequest));
    assert_eq!(code("ssl.keystore.type", "PKCS12", true), Some(ErrorCode::InvalidRequest));
    assert_eq!(code("listener.name.plaintext.ssl.keystore.type", "PKCS12", true), None);
    assert_eq!(code("listener.name.plaintext.ssl.keystore.type", "PKCS12", false), Some(ErrorCode::InvalidRequest));
    assert_eq!(code("listener.name.plaintext.max.connections", "55", true), None);
    assert_eq!(code("min.insync.replicas", "1", true), Some(ErrorCode::InvalidConfig));
    assert_eq!(code("min.insync.replicas", "2", false), None);
    assert_eq!(code("leader.replication.throttled.rate", "-1", true), Some(ErrorCode::InvalidRequest));
    assert_eq!(code("leader.replication.throttled.rate", "0", true), None);
    assert_eq!(code("quite.unheard.of", "5", true), None);
    assert_eq!(code("log.retention.ms", "5", false), None);
}

#[test]
fn rules_between_broker_keys_hold_for_dynamic_values_too() {
    let zero = [alter("log.retention.ms", AlterOp::Set, "0")];
    let error = plan_incremental(ResourceKind::Broker, &broker(), &ConfigMap::new(), &zero).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
}

#[test]
fn the_clusters_minimum_in_sync_replicas_stay() {
    let current = ConfigMap::from([("min.insync.replicas".into(), "1".into())]);
    let delete = [alter("min.insync.replicas", AlterOp::Delete, "")];
    let error = plan_incremental(ResourceKind::ClusterDefault, &broker(), &current, &delete).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidConfig);
}

#[test]
fn group_values_stay_within_the_brokers_limits() {
    let broker = broker();
    let check = |name, value| validate_group_config(&broker, name, value);
    for (name, value) in [
        ("consumer.session.timeout.ms", "50000"),
        ("share.auto.offset.reset", "by_duration:PT1H"),
        ("streams.num.standby.replicas", "2"),
    ] {
        check(name, value).unwrap();
    }
    let refused = [
        ("consumer.session.timeout.ms", "5"),
        ("consumer.heartbeat.interval.ms", "60000"),
        ("nope", "5"),
        ("share.auto.offset.reset", "none"),
        ("share.record.lock.duration.ms", "70000"),
        ("share.delivery.count.limit", "50"),
        ("streams.num.standby.replicas", "3"),
        ("consumer.assignment.interval.ms", "20000"),
        ("share.partition.max.record.locks", "50000"),
        ("share.isolation.level", "x"),
    ];
    for (name, value) in refused {
        assert!(check(name, value).is_err(), "{name}={value}");
    }
}

#[test]
fn client_metrics_values() {
    let code = |name, value| validate_client_metrics_config(name, value).err().map(|error| error.code);
    assert_eq!(code("interval.ms", "100"), None);
    assert_eq!(code("interval.ms", "99"), Some(ErrorCode::InvalidRequest));
    assert_eq!(code("match", "client_id=a"), None);
    assert_eq!(code("match", "foo=a"), Some(ErrorCode::InvalidConfig));
    assert_eq!(code("nope", "1"), Some(ErrorCode::InvalidRequest));
}
