//! Which batches of a produce request must be looked into before they are appended, and the look: keys for compaction,
//! times within limits, another codec than the producer's. When and on which thread is decided in the parent.

use std::ops::RangeInclusive;

use barnabas_common::TimestampMs;
use barnabas_log::{AppendError, LogConfig, RecordRules, recompress_records, survey_records};
use barnabas_protocol::messages::ProduceRequest;
use barnabas_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use barnabas_protocol::records::{BatchHeader, Codec, Compression, DecompressionLimit, TimestampType, split_batches};
use barnabas_replica::Partition;
use bytes::BytesMut;

use super::{topic_by_id, topic_name};
use crate::dispatch::RequestContext;

/// Bytes to which one produced batch may expand where it must be looked into.
const MAX_EXPANDED_BYTES: usize = 32 << 20;

/// The topics of a request, by their place in it, whose batches may have to be looked into. Mostly there is none, and then
/// this takes no memory.
pub(super) struct LookedInto(Vec<(usize, Rules)>);

impl LookedInto {
    pub(super) fn of(ctx: &RequestContext, request: &ProduceRequest) -> Self {
        let rules = |topic: &TopicProduceData| {
            let by_id = topic_by_id(ctx, topic);
            let name = topic_name(ctx, topic, by_id.as_deref())?;
            let partition = |data: &PartitionProduceData| ctx.broker.replicas.get(name, data.index);
            // Any partition knows that is not offline.
            topic.partition_data.iter().find_map(|data| rules_of(&*partition(data)?)).flatten()
        };
        let topics = request.topic_data.iter().enumerate();
        Self(topics.filter_map(|(place, topic)| Some((place, rules(topic)?))).collect())
    }

    pub(super) fn rules_of(&self, topic: usize) -> Option<&Rules> {
        self.0.binary_search_by_key(&topic, |(place, _)| *place).ok().map(|at| &self.0[at].1)
    }

    /// Whether any batch is looked into, which takes time and memory.
    pub(super) fn takes_time(&self, request: &ProduceRequest) -> bool {
        self.0.iter().any(|(place, rules)| {
            let mut records = request.topic_data[*place].partition_data.iter().flat_map(|data| &data.records);
            records.any(|records| rules.concern(records))
        })
    }
}

/// Nothing at all if the log cannot be asked.
fn rules_of(partition: &Partition) -> Option<Option<Rules>> {
    partition.with_log(|log| Rules::of(log.config())).ok()
}

/// What a topic demands that only the records can tell.
pub(super) struct Rules {
    max_message_bytes: usize,
    pub(super) needs_keys: bool,
    /// How far records may be from now, back and ahead.
    time_limits: Option<(TimestampMs, TimestampMs)>,
    codec: Option<Codec>,
}

impl Rules {
    /// Nothing for ordinary topics. Without a limit back, the largest time of a batch tells enough, and the log sees it.
    fn of(config: &LogConfig) -> Option<Self> {
        let (back, ahead) = (config.message_timestamp_before_max_ms, config.message_timestamp_after_max_ms);
        let has_time_limits = back != i64::MAX && config.message_timestamp_type == TimestampType::CreateTime;
        let rules = Self {
            max_message_bytes: usize::try_from(config.max_message_bytes).unwrap_or(0),
            needs_keys: config.cleanup_policy.compact,
            time_limits: has_time_limits.then_some((back, ahead)),
            codec: config.compression_type,
        };
        let has_any = rules.needs_keys || rules.time_limits.is_some() || rules.codec.is_some();
        has_any.then_some(rules)
    }

    /// Whether these records, as they arrived, must be looked into.
    fn concern(&self, records: &[u8]) -> bool {
        let first = split_batches(records).next();
        first.is_some_and(|first| first.is_ok_and(|(header, batch)| self.concern_batch(&header, batch)))
    }

    /// Batches that are too large or in an unknown codec do not, the log refuses them with the right error.
    fn concern_batch(&self, header: &BatchHeader, batch: &[u8]) -> bool {
        let Ok(compression) = header.compression() else { return false };
        let is_looked_into = self.needs_keys || self.time_limits.is_some() || self.other_codec(compression).is_some();
        is_looked_into && batch.len() <= self.max_message_bytes
    }

    /// The codec to store a batch in that is not stored as it came.
    fn other_codec(&self, compression: Compression) -> Option<Codec> {
        self.codec.filter(|codec| codec.compression != compression)
    }

    /// What to append in place of these records; keys have been looked at. Those that the log refuses anyway come back as
    /// they are.
    pub(super) fn apply(&self, records: BytesMut, now_ms: TimestampMs) -> Result<BytesMut, AppendError> {
        let mut batches = split_batches(&records);
        let Some(Ok((header, batch))) = batches.next() else { return Ok(records) };
        let is_alone = batches.next().is_none();
        let Ok(compression) = header.compression() else { return Ok(records) };
        let codec = self.other_codec(compression);
        let has_work = codec.is_some() || self.time_limits.is_some();
        if !has_work || !is_alone || batch.len() > self.max_message_bytes || !header.crc_matches(batch) {
            return Ok(records);
        }
        let limit = DecompressionLimit::bytes(MAX_EXPANDED_BYTES);
        if let Some(times) = self.allowed_times(now_ms) {
            let rules = RecordRules { needs_keys: false, times: Some(times) };
            survey_records(batch, &rules, limit)?;
        }
        match codec {
            Some(codec) => recompress_records(batch, codec, limit),
            None => Ok(records),
        }
    }

    fn allowed_times(&self, now_ms: TimestampMs) -> Option<RangeInclusive<TimestampMs>> {
        self.time_limits.map(|(back, ahead)| now_ms.saturating_sub(back)..=now_ms.saturating_add(ahead))
    }
}
