//! The effective configuration of a topic: its overrides over the broker's dynamic, cluster-wide and static values.

use crate::ConfigMap;
use crate::broker::BrokerConfig;
use crate::keys::{broker_key, topic_key};
use crate::synonyms::{broker_keys_of_topic_key, millis_per_unit};
use crate::value::Value;

/// What happens to old segments. Both may be off: then nothing is ever removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Remove whole segments by age and size.
    pub delete: bool,
    /// Keep only the newest record per key.
    pub compact: bool,
}

/// Which time records carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The time of arrival.
    LogAppendTime,
}

/// `compression.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Keep what arrived.
    Producer,
    /// Store without compression.
    Uncompressed,
    /// Store as gzip.
    Gzip,
    /// Store as snappy.
    Snappy,
    /// Store as lz4.
    Lz4,
    /// Store as zstd.
    Zstd,
}

/// Effective configuration of one topic. Fields are named after their keys.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    pub segment_bytes: i32,
    pub segment_ms: i64,
    pub segment_jitter_ms: i64,
    pub segment_index_bytes: i32,
    pub index_interval_bytes: i32,
    pub retention_ms: i64,
    pub retention_bytes: i64,
    pub max_message_bytes: i32,
    pub message_timestamp_type: TimestampType,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub cleanup_policy: CleanupPolicy,
    pub delete_retention_ms: i64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub min_insync_replicas: i32,
    pub compression_type: Compression,
    pub compression_gzip_level: i32,
    pub compression_lz4_level: i32,
    pub compression_zstd_level: i32,
    pub unclean_leader_election_enable: bool,
    pub preallocate: bool,
    pub local_retention_ms: i64,
    pub local_retention_bytes: i64,
    pub remote_storage_enable: bool,
    pub remote_log_copy_disable: bool,
    pub remote_log_delete_on_disable: bool,
    pub leader_replication_throttled_replicas: Vec<String>,
    pub follower_replication_throttled_replicas: Vec<String>,
}

/// Works out what applies to a topic. Texts that do not parse are passed over, as they were never accepted.
pub fn effective_topic_config(
    broker: &BrokerConfig,
    cluster_dynamic: &ConfigMap,
    broker_dynamic: &ConfigMap,
    topic_overrides: &ConfigMap,
) -> TopicConfig {
    let source = Layers { broker, cluster_dynamic, broker_dynamic, topic_overrides };
    // For tests there is a segment size without lower limit.
    let segment_bytes = source.override_of("internal.segment.bytes").unwrap_or_else(|| source.value("segment.bytes"));
    TopicConfig {
        segment_bytes: to_int(&segment_bytes),
        segment_ms: source.long("segment.ms"),
        segment_jitter_ms: source.long("segment.jitter.ms"),
        segment_index_bytes: source.int("segment.index.bytes"),
        index_interval_bytes: source.int("index.interval.bytes"),
        retention_ms: source.long("retention.ms"),
        retention_bytes: source.long("retention.bytes"),
        max_message_bytes: source.int("max.message.bytes"),
        message_timestamp_type: timestamp_type(&source.value("message.timestamp.type")),
        message_timestamp_before_max_ms: source.long("message.timestamp.before.max.ms"),
        message_timestamp_after_max_ms: source.long("message.timestamp.after.max.ms"),
        cleanup_policy: cleanup_policy(&source.list("cleanup.policy")),
        delete_retention_ms: source.long("delete.retention.ms"),
        min_compaction_lag_ms: source.long("min.compaction.lag.ms"),
        max_compaction_lag_ms: source.long("max.compaction.lag.ms"),
        min_cleanable_dirty_ratio: source.double("min.cleanable.dirty.ratio"),
        file_delete_delay_ms: source.long("file.delete.delay.ms"),
        flush_messages: source.long("flush.messages"),
        flush_ms: source.long("flush.ms"),
        min_insync_replicas: source.int("min.insync.replicas"),
        compression_type: compression(&source.value("compression.type")),
        compression_gzip_level: source.int("compression.gzip.level"),
        compression_lz4_level: source.int("compression.lz4.level"),
        compression_zstd_level: source.int("compression.zstd.level"),
        unclean_leader_election_enable: source.boolean("unclean.leader.election.enable"),
        preallocate: source.boolean("preallocate"),
        local_retention_ms: source.long("local.retention.ms"),
        local_retention_bytes: source.long("local.retention.bytes"),
        remote_storage_enable: source.boolean("remote.storage.enable"),
        remote_log_copy_disable: source.boolean("remote.log.copy.disable"),
        remote_log_delete_on_disable: source.boolean("remote.log.delete.on.disable"),
        leader_replication_throttled_replicas: source.list("leader.replication.throttled.replicas"),
        follower_replication_throttled_replicas: source.list("follower.replication.throttled.replicas"),
    }
}

/// The layers a topic's value may come from, weakest first.
pub(crate) struct Layers<'a> {
    pub(crate) broker: &'a BrokerConfig,
    pub(crate) cluster_dynamic: &'a ConfigMap,
    pub(crate) broker_dynamic: &'a ConfigMap,
    pub(crate) topic_overrides: &'a ConfigMap,
}

impl Layers<'_> {
    /// The effective value of a topic key.
    pub(crate) fn value(&self, key: &str) -> Value {
        self.override_of(key).unwrap_or_else(|| self.inherited(key))
    }

    fn override_of(&self, key: &str) -> Option<Value> {
        let text = self.topic_overrides.get(key)?;
        Value::parse(topic_key(key)?, text).ok()
    }

    /// What the topic gets without an override: the first broker synonym that has a value, in milliseconds.
    fn inherited(&self, key: &str) -> Value {
        let synonyms = broker_keys_of_topic_key(key);
        let found = synonyms.iter().map(|name| (*name, self.broker_value(name))).find(|(_, value)| !value.is_null());
        match found {
            Some((name, value)) if synonyms.len() > 1 => in_millis(&value, name),
            Some((_, value)) => value,
            None => topic_key(key).map_or(Value::Null, Value::default_of),
        }
    }

    /// The value of a broker key with dynamic configs on top.
    pub(crate) fn broker_value(&self, name: &str) -> Value {
        let dynamic = self.broker_dynamic.get(name).or_else(|| self.cluster_dynamic.get(name));
        let parsed = dynamic.zip(broker_key(name)).and_then(|(text, row)| Value::parse(row, text).ok());
        parsed.unwrap_or_else(|| self.broker.get(name).clone())
    }

    fn long(&self, key: &str) -> i64 {
        self.value(key).as_number().unwrap_or(0)
    }
    fn int(&self, key: &str) -> i32 {
        to_int(&self.value(key))
    }
    fn boolean(&self, key: &str) -> bool {
        self.value(key) == Value::Boolean(true)
    }
    fn double(&self, key: &str) -> f64 {
        if let Value::Double(value) = self.value(key) { value } else { 0.0 }
    }
    fn list(&self, key: &str) -> Vec<String> {
        if let Value::List(items) = self.value(key) { items } else { Vec::new() }
    }
}

/// A time in the unit of its broker key, as milliseconds; negative retention means for ever.
fn in_millis(value: &Value, broker_key: &str) -> Value {
    let millis = value.as_number().unwrap_or(0).saturating_mul(millis_per_unit(broker_key));
    Value::Long(if millis < 0 { -1 } else { millis })
}

fn to_int(value: &Value) -> i32 {
    i32::try_from(value.as_number().unwrap_or(0)).unwrap_or(i32::MAX)
}

fn cleanup_policy(items: &[String]) -> CleanupPolicy {
    let has = |word: &str| items.iter().any(|item| item == word);
    CleanupPolicy { delete: has("delete"), compact: has("compact") }
}

fn timestamp_type(value: &Value) -> TimestampType {
    match value {
        Value::Text(text) if text == "LogAppendTime" => TimestampType::LogAppendTime,
        _ => TimestampType::CreateTime,
    }
}

fn compression(value: &Value) -> Compression {
    let Value::Text(text) = value else { return Compression::Producer };
    match text.as_str() {
        "uncompressed" => Compression::Uncompressed,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => Compression::Producer,
    }
}
