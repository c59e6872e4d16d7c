//! The settings of one log, already resolved from topic and broker configuration. Where they come from is not
//! known here.

use barnabas_protocol::records::{Codec, TimestampType};

/// `cleanup.policy`. With neither set, nothing is ever cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub compact: bool,
    pub delete: bool,
}

/// Settings of one partition's log; names are the topic configs with dots turned into underscores.
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    pub segment_bytes: i32,
    pub segment_ms: i64,
    pub segment_jitter_ms: i64,
    pub index_interval_bytes: i32,
    pub segment_index_bytes: i32,
    pub retention_ms: i64,
    pub retention_bytes: i64,
    pub max_message_bytes: i32,
    pub message_timestamp_type: TimestampType,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub cleanup_policy: CleanupPolicy,
    /// In which codec batches are stored; without one as their producers sent them.
    pub compression_type: Option<Codec>,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub producer_id_expiration_ms: i64,
    pub preallocate: bool,
    pub delete_retention_ms: i64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
}

const HOUR_MS: i64 = 3_600_000;

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * HOUR_MS,
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            retention_ms: 7 * 24 * HOUR_MS,
            retention_bytes: -1,
            max_message_bytes: 1_048_588,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: HOUR_MS,
            cleanup_policy: CleanupPolicy { compact: false, delete: true },
            compression_type: None,
            file_delete_delay_ms: 60_000,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            producer_id_expiration_ms: 24 * HOUR_MS,
            preallocate: false,
            delete_retention_ms: 24 * HOUR_MS,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            min_cleanable_dirty_ratio: 0.5,
        }
    }
}

impl LogConfig {
    pub(crate) fn segment_bytes_u64(&self) -> u64 {
        u64::try_from(self.segment_bytes).unwrap_or(0)
    }

    /// After this time a segment is closed, counted from its first record. What waits for compaction must be in a closed one.
    pub(crate) fn longest_segment_ms(&self) -> i64 {
        let by_time = self.segment_ms.saturating_sub(self.segment_jitter_ms);
        if self.cleanup_policy.compact { by_time.min(self.max_compaction_lag_ms) } else { by_time }
    }

    pub(crate) fn index_interval(&self) -> u64 {
        u64::try_from(self.index_interval_bytes).unwrap_or(0)
    }
}
