//! Configuration as it holds now: the file's, with what the metadata sets on top. Answers questions of handlers
//! and logs; the rules themselves are in the `config` crate.

use std::sync::Arc;

use barnabas_common::NodeId;
use barnabas_config::{
    BrokerConfig, Compression as WantedCodec, ConfigEntry, ConfigMap, TopicConfig, describe_broker,
    describe_client_metrics, describe_cluster_default, describe_group, describe_topic, effective_topic_config,
};
use barnabas_coordinator::{GroupCoordinatorConfig, InitialRebalanceDelay};
use barnabas_log::{CleanupPolicy, LogConfig};
use barnabas_metadata::{ConfigResource, CreateTopicsItem, MetadataImage, TopicDefaults};
use barnabas_protocol::records::{Codec, Compression, TimestampType};

use crate::topics::CONSUMER_OFFSETS_TOPIC;

const INITIAL_DELAY_KEY: &str = "group.initial.rebalance.delay.ms";
const MINUTE_MS: i64 = 60_000;

/// The configuration of this broker.
#[derive(Clone)]
pub(crate) struct Configs {
    node_id: NodeId,
    broker: Arc<BrokerConfig>,
}

impl Configs {
    pub(crate) fn new(broker: BrokerConfig) -> Self {
        Self { node_id: broker.node_id(), broker: Arc::new(broker) }
    }

    /// The static part.
    pub(crate) fn broker_config(&self) -> &Arc<BrokerConfig> {
        &self.broker
    }

    fn set_for(image: &MetadataImage, resource: &ConfigResource) -> ConfigMap {
        image.config(resource).map(|map| (**map).clone()).unwrap_or_default()
    }

    /// What is set now for all brokers and for this one.
    pub(crate) fn dynamic(&self, image: &MetadataImage) -> (ConfigMap, ConfigMap) {
        let broker = ConfigResource::Broker(self.node_id);
        (Self::set_for(image, &ConfigResource::BrokerDefault), Self::set_for(image, &broker))
    }

    /// The whole configuration of this broker as it holds now.
    pub(crate) fn with_dynamic(&self, image: &MetadataImage) -> BrokerConfig {
        let (cluster, broker) = self.dynamic(image);
        self.broker.with_dynamic(&cluster, &broker)
    }

    fn topic_config(&self, image: &MetadataImage, topic: &str) -> TopicConfig {
        let (cluster, broker) = self.dynamic(image);
        let overrides = Self::set_for(image, &ConfigResource::Topic(topic.to_owned()));
        effective_topic_config(&self.broker, &cluster, &broker, &overrides)
    }

    /// Settings of the logs of a topic.
    pub(crate) fn log_config(&self, image: &MetadataImage, topic: &str) -> LogConfig {
        let topic = self.topic_config(image, topic);
        LogConfig {
            segment_bytes: topic.segment_bytes,
            segment_ms: topic.segment_ms,
            segment_jitter_ms: topic.segment_jitter_ms,
            index_interval_bytes: topic.index_interval_bytes,
            segment_index_bytes: topic.segment_index_bytes,
            retention_ms: topic.retention_ms,
            retention_bytes: topic.retention_bytes,
            max_message_bytes: topic.max_message_bytes,
            message_timestamp_type: match topic.message_timestamp_type {
                barnabas_config::TimestampType::CreateTime => TimestampType::CreateTime,
                barnabas_config::TimestampType::LogAppendTime => TimestampType::LogAppendTime,
            },
            message_timestamp_before_max_ms: topic.message_timestamp_before_max_ms,
            message_timestamp_after_max_ms: topic.message_timestamp_after_max_ms,
            cleanup_policy: CleanupPolicy {
                compact: topic.cleanup_policy.compact,
                delete: topic.cleanup_policy.delete,
            },
            compression_type: stored_codec(&topic),
            file_delete_delay_ms: topic.file_delete_delay_ms,
            flush_messages: topic.flush_messages,
            flush_ms: topic.flush_ms,
            producer_id_expiration_ms: self.broker.number("producer.id.expiration.ms"),
            preallocate: topic.preallocate,
            delete_retention_ms: topic.delete_retention_ms,
            min_compaction_lag_ms: topic.min_compaction_lag_ms,
            max_compaction_lag_ms: topic.max_compaction_lag_ms,
            min_cleanable_dirty_ratio: topic.min_cleanable_dirty_ratio,
        }
    }

    /// Whether DeleteRecords is allowed: not where only compaction may remove records.
    pub(crate) fn may_delete_records(&self, image: &MetadataImage, topic: &str) -> bool {
        let policy = self.topic_config(image, topic).cleanup_policy;
        policy.delete || !policy.compact
    }

    pub(crate) fn min_insync_replicas(&self, image: &MetadataImage, topic: &str) -> usize {
        usize::try_from(self.topic_config(image, topic).min_insync_replicas).unwrap_or(1)
    }

    pub(crate) fn auto_create_topics(&self) -> bool {
        self.broker.boolean("auto.create.topics.enable")
    }

    pub(crate) fn delete_topic_enabled(&self) -> bool {
        self.broker.boolean("delete.topic.enable")
    }

    /// What a topic gets whose creator left it open.
    pub(crate) fn topic_defaults(&self) -> TopicDefaults {
        TopicDefaults {
            partitions: self.broker.int("num.partitions"),
            replication_factor: i16::try_from(self.broker.int("default.replication.factor")).unwrap_or(1),
        }
    }

    /// A topic about to be created, with what internal topics need.
    pub(crate) fn complete_new_topic(&self, image: &MetadataImage, mut topic: CreateTopicsItem) -> CreateTopicsItem {
        if topic.name == CONSUMER_OFFSETS_TOPIC && topic.partitions == -1 {
            topic = self.offsets_topic(image, topic);
        }
        topic
    }

    fn offsets_topic(&self, image: &MetadataImage, mut topic: CreateTopicsItem) -> CreateTopicsItem {
        let alive = i64::try_from(image.alive_brokers().count()).unwrap_or(1).max(1);
        let wanted = self.broker.number("offsets.topic.replication.factor");
        topic.partitions = self.broker.int("offsets.topic.num.partitions");
        // People start one broker without setting this to 1, and add brokers later.
        topic.replication_factor = i16::try_from(wanted.min(alive)).unwrap_or(1);
        let config = |name: &str, value: String| (name.to_owned(), Some(value));
        topic.configs = vec![
            config("cleanup.policy", "compact".to_owned()),
            config("compression.type", "producer".to_owned()),
            config("segment.bytes", self.broker.number("offsets.topic.segment.bytes").to_string()),
        ];
        topic
    }

    pub(crate) fn group_coordinator(&self) -> GroupCoordinatorConfig {
        let size = |key: &str| usize::try_from(self.broker.number(key)).unwrap_or(usize::MAX);
        GroupCoordinatorConfig {
            min_session_timeout_ms: self.broker.int("group.min.session.timeout.ms"),
            max_session_timeout_ms: self.broker.int("group.max.session.timeout.ms"),
            max_size: size("group.max.size"),
            initial_rebalance_delay: match self.broker.origin(INITIAL_DELAY_KEY) {
                Some(_) => InitialRebalanceDelay::Fixed { delay_ms: self.broker.int(INITIAL_DELAY_KEY) },
                None => InitialRebalanceDelay::ADAPTIVE,
            },
            offset_metadata_max_bytes: size("offset.metadata.max.bytes"),
            offsets_retention_ms: self.broker.number("offsets.retention.minutes").saturating_mul(MINUTE_MS),
            offsets_retention_check_interval_ms: self.broker.number("offsets.retention.check.interval.ms"),
            ..GroupCoordinatorConfig::default()
        }
    }

    /// Every key of a topic with these overrides.
    pub(crate) fn describe_topic_overrides(&self, image: &MetadataImage, overrides: &ConfigMap) -> Vec<ConfigEntry> {
        let (cluster, broker) = self.dynamic(image);
        describe_topic(&self.broker, &cluster, &broker, overrides)
    }

    /// Every key of a resource.
    pub(crate) fn describe(&self, image: &MetadataImage, resource: &ConfigResource) -> Vec<ConfigEntry> {
        let (cluster, broker) = self.dynamic(image);
        let own = Self::set_for(image, resource);
        match resource {
            ConfigResource::Topic(_) => describe_topic(&self.broker, &cluster, &broker, &own),
            ConfigResource::Broker(_) => describe_broker(&self.broker, &cluster, &broker),
            ConfigResource::BrokerDefault => describe_cluster_default(&cluster),
            ConfigResource::Group(_) => describe_group(&self.broker, &cluster, &broker, &own),
            ConfigResource::ClientMetrics(_) => describe_client_metrics(&own),
        }
    }
}

/// `compression.type` with the level that belongs to it; nothing for `producer`.
fn stored_codec(topic: &TopicConfig) -> Option<Codec> {
    let codec = |compression, level| Some(Codec { compression, level });
    match topic.compression_type {
        WantedCodec::Producer => None,
        WantedCodec::Uncompressed => codec(Compression::None, None),
        // -1 is the codec's own default.
        WantedCodec::Gzip => codec(Compression::Gzip, Some(topic.compression_gzip_level).filter(|level| *level >= 0)),
        WantedCodec::Snappy => codec(Compression::Snappy, None),
        WantedCodec::Lz4 => codec(Compression::Lz4, Some(topic.compression_lz4_level)),
        WantedCodec::Zstd => codec(Compression::Zstd, Some(topic.compression_zstd_level)),
    }
}
