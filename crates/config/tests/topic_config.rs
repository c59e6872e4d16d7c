//! The effective configuration of topics: which layer and which synonym wins.

use barnabas_config::{
    BrokerConfig, CleanupPolicy, Compression, ConfigMap, LoadInput, TimestampType, TopicConfig, effective_topic_config,
};

fn map(pairs: &[(&str, &str)]) -> ConfigMap {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn topic(file: &str, cluster: &[(&str, &str)], broker: &[(&str, &str)], overrides: &[(&str, &str)]) -> TopicConfig {
    let file = Some(("server.properties".into(), file.into()));
    let config = BrokerConfig::load(LoadInput { file, ..LoadInput::default() }).expect("the settings are fine").config;
    effective_topic_config(&config, &map(cluster), &map(broker), &map(overrides))
}

#[test]
fn defaults_are_kafkas() {
    let topic = topic("", &[], &[], &[]);
    assert_eq!((topic.segment_bytes, topic.segment_ms, topic.segment_jitter_ms), (1_073_741_824, 604_800_000, 0));
    assert_eq!((topic.retention_ms, topic.retention_bytes), (604_800_000, -1));
    assert_eq!(
        (topic.max_message_bytes, topic.index_interval_bytes, topic.segment_index_bytes),
        (1_048_588, 4096, 10_485_760)
    );
    assert_eq!((topic.flush_messages, topic.flush_ms), (i64::MAX, i64::MAX));
    assert_eq!(topic.cleanup_policy, CleanupPolicy { delete: true, compact: false });
    assert_eq!(topic.message_timestamp_type, TimestampType::CreateTime);
    assert_eq!((topic.message_timestamp_before_max_ms, topic.message_timestamp_after_max_ms), (i64::MAX, 3_600_000));
    assert_eq!((topic.min_compaction_lag_ms, topic.max_compaction_lag_ms), (0, i64::MAX));
    assert_eq!((topic.delete_retention_ms, topic.file_delete_delay_ms), (86_400_000, 60_000));
    assert_eq!((topic.min_insync_replicas, topic.compression_type), (1, Compression::Producer));
    assert!(!topic.preallocate && !topic.unclean_leader_election_enable);
    assert!((topic.min_cleanable_dirty_ratio - 0.5).abs() < f64::EPSILON);
}

#[test]
fn hours_minutes_and_milliseconds() {
    let retention = |file: &str| topic(file, &[], &[], &[]).retention_ms;
    assert_eq!(retention("log.retention.hours=24"), 86_400_000);
    assert_eq!(retention("log.retention.hours=24\nlog.retention.minutes=5"), 300_000);
    assert_eq!(retention("log.retention.hours=24\nlog.retention.minutes=5\nlog.retention.ms=7"), 7);
    assert_eq!(retention("log.retention.hours=-1"), -1);
    assert_eq!(topic("log.roll.hours=1\nlog.roll.jitter.hours=2", &[], &[], &[]).segment_ms, 3_600_000);
    assert_eq!(topic("log.roll.jitter.hours=2\nlog.roll.ms=5", &[], &[], &[]).segment_jitter_ms, 7_200_000);
    assert_eq!(topic("log.flush.scheduler.interval.ms=9", &[], &[], &[]).flush_ms, 9);
    assert_eq!(topic("log.flush.scheduler.interval.ms=9\nlog.flush.interval.ms=8", &[], &[], &[]).flush_ms, 8);
}

#[test]
fn topic_over_broker_over_cluster_over_file() {
    let file = "log.retention.hours=24\nmessage.max.bytes=1";
    let cluster = [("log.retention.ms", "2"), ("message.max.bytes", "2")];
    let broker = [("log.retention.ms", "3")];
    assert_eq!(topic(file, &cluster, &[], &[]).retention_ms, 2);
    let with_broker = topic(file, &cluster, &broker, &[]);
    assert_eq!((with_broker.retention_ms, with_broker.max_message_bytes), (3, 2));
    assert_eq!(topic(file, &cluster, &broker, &[("retention.ms", "4")]).retention_ms, 4);
}

#[test]
fn words_and_lists() {
    let overrides = [
        ("cleanup.policy", "compact, delete"),
        ("compression.type", "zstd"),
        ("message.timestamp.type", "LogAppendTime"),
        ("leader.replication.throttled.replicas", "0:1,1:2"),
        ("internal.segment.bytes", "1000"),
    ];
    let topic = topic("", &[], &[], &overrides);
    assert_eq!(topic.cleanup_policy, CleanupPolicy { delete: true, compact: true });
    assert_eq!(topic.compression_type, Compression::Zstd);
    assert_eq!(topic.message_timestamp_type, TimestampType::LogAppendTime);
    assert_eq!(topic.leader_replication_throttled_replicas, ["0:1", "1:2"]);
    assert_eq!(topic.segment_bytes, 1000);
}
