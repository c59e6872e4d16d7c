//! What the records of a produced batch say: whether they are records at all, have keys, and when they are from. This
//! takes time, so appending goes by the header alone; callers decide which batches are worth a look, outside of locks.

use std::ops::{ControlFlow, RangeInclusive};

use barnabas_common::{ErrorCode, TimestampMs};
use barnabas_protocol::records::{
    BatchHeader, DecompressError, DecompressionLimit, RecordError, RecordFault, RecordRef, TimestampType, scan_records,
};

use crate::config::LogConfig;
use crate::error::{AppendError, RejectedRecord};

/// How many records of a batch are named as its fault. An answer shall not be larger than what was asked.
pub const MAX_NAMED_RECORDS: usize = 256;

/// What a record has when nobody knows its time.
const NO_TIMESTAMP: TimestampMs = -1;
const HOUR_MS: i64 = 3_600_000;
/// Batches are on their way, and clocks differ.
const LEAST_DOUBT_MS: i64 = 1000;
/// What part of the retention time a header may be wrong by without being looked into.
const RETENTION_SHARE: i64 = 64;

/// What is asked of each record.
#[derive(Clone, Debug, Default)]
pub struct RecordRules {
    /// Compaction keeps records by their key.
    pub needs_keys: bool,
    /// When they may be from; without it, any time is right.
    pub times: Option<RangeInclusive<TimestampMs>>,
}

impl LogConfig {
    /// Whether the times that a header claims are taken on trust. A largest time that is too early would have the records
    /// deleted too early, so only one that is near the present is; the difference it can make is small then.
    pub fn trusts_times(&self, header: &BatchHeader, now_ms: TimestampMs) -> bool {
        if self.message_timestamp_type == TimestampType::LogAppendTime {
            return true;
        }
        let by_retention = match self.retention_ms {
            0.. if self.cleanup_policy.delete => (self.retention_ms / RETENTION_SHARE).max(LEAST_DOUBT_MS),
            _ => HOUR_MS,
        };
        let doubt = by_retention.min(HOUR_MS);
        let before = doubt.min(self.message_timestamp_before_max_ms);
        let after = doubt.min(self.message_timestamp_after_max_ms);
        times_are_within(header, now_ms.saturating_sub(before)..=now_ms.saturating_add(after))
    }

    /// When records may be from; any time will do where the log stamps them.
    pub fn times_allowed(&self, now_ms: TimestampMs) -> Option<RangeInclusive<TimestampMs>> {
        let earliest = now_ms.saturating_sub(self.message_timestamp_before_max_ms);
        let latest = now_ms.saturating_add(self.message_timestamp_after_max_ms);
        let earliest = if self.message_timestamp_before_max_ms == i64::MAX { i64::MIN } else { earliest };
        (self.message_timestamp_type == TimestampType::CreateTime).then_some(earliest..=latest)
    }
}

/// Whether a header's times are what any log would take on trust: nothing needs to be known of the log then.
pub fn times_are_present(header: &BatchHeader, now_ms: TimestampMs) -> bool {
    times_are_within(header, present(now_ms))
}

fn present(now_ms: TimestampMs) -> RangeInclusive<TimestampMs> {
    now_ms.saturating_sub(LEAST_DOUBT_MS)..=now_ms.saturating_add(LEAST_DOUBT_MS)
}

fn times_are_within(header: &BatchHeader, range: RangeInclusive<TimestampMs>) -> bool {
    header.base_timestamp <= header.max_timestamp
        && range.contains(&header.base_timestamp)
        && range.contains(&header.max_timestamp)
}

/// When the records of a batch are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordTimes {
    pub earliest: TimestampMs,
    /// -1 if none has a time.
    pub latest: TimestampMs,
}

impl RecordTimes {
    /// Whether all are from now, as far as anybody can tell.
    pub fn are_present(&self, now_ms: TimestampMs) -> bool {
        let present = present(now_ms);
        present.contains(&self.earliest) && present.contains(&self.latest)
    }

    fn and(self, timestamp: TimestampMs) -> Self {
        Self { earliest: self.earliest.min(timestamp), latest: self.latest.max(timestamp) }
    }
}

/// Looks at each record of a whole batch: when they are from, or why they are refused. This may have to decompress.
pub fn survey_records(
    batch: &[u8],
    rules: &RecordRules,
    limit: DecompressionLimit,
) -> Result<RecordTimes, AppendError> {
    let times = RecordTimes { earliest: TimestampMs::MAX, latest: NO_TIMESTAMP };
    let mut survey = Survey { rules, times, index: 0, wrong: Vec::new(), has_wrong_time: false };
    let scanned = scan_records(batch, limit, |record| survey.observe(&record));
    if !survey.wrong.is_empty() {
        return Err(survey.refusal());
    }
    match scanned {
        Ok(_) => Ok(survey.times),
        Err(error) if !rules.needs_keys && is_stored_by_kafka(&error) => Ok(survey.times.and(claimed(batch))),
        Err(error) => Err(record_error(error)),
    }
}

struct Survey<'a> {
    rules: &'a RecordRules,
    times: RecordTimes,
    index: i32,
    wrong: Vec<RejectedRecord>,
    has_wrong_time: bool,
}

impl Survey<'_> {
    fn observe(&mut self, record: &RecordRef<'_>) -> ControlFlow<()> {
        self.times = self.times.and(record.timestamp);
        if self.rules.needs_keys && record.key.is_none() {
            let message = Some("Compacted topic cannot accept message without key".into());
            self.wrong.push(RejectedRecord { batch_index: self.index, message });
        } else if let Some(times) = &self.rules.times
            && !times.contains(&record.timestamp)
            && record.timestamp != NO_TIMESTAMP
        {
            let (earliest, latest) = (times.start(), times.end());
            let message = format!("timestamp {} is out of range: {earliest} to {latest}", record.timestamp);
            self.wrong.push(RejectedRecord { batch_index: self.index, message: Some(message.into()) });
            self.has_wrong_time = true;
        }
        self.index += 1;
        if self.wrong.len() < MAX_NAMED_RECORDS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn refusal(self) -> AppendError {
        let (code, message) = if self.has_wrong_time {
            (ErrorCode::InvalidTimestamp, "the timestamps of one or more records are out of range")
        } else {
            (ErrorCode::InvalidRecord, "One or more records have been rejected")
        };
        AppendError::Rejected { code, message: message.into(), record_errors: self.wrong }
    }
}

/// Faults that Kafka does not look for: offsets out of order, times beyond all bounds, and data that expand too far for us.
fn is_stored_by_kafka(error: &RecordError) -> bool {
    use RecordFault::{BadOffsetDelta, TimestampOverflow};
    matches!(
        error,
        RecordError::Malformed { fault: BadOffsetDelta { .. } | TimestampOverflow, .. }
            | RecordError::Decompress(DecompressError::TooLarge { .. })
    )
}

fn claimed(batch: &[u8]) -> TimestampMs {
    BatchHeader::parse(batch).map_or(NO_TIMESTAMP, |header| header.max_timestamp.max(header.base_timestamp))
}

pub(super) fn record_error(error: RecordError) -> AppendError {
    let code = match &error {
        RecordError::Decompress(DecompressError::Corrupt { .. }) | RecordError::Compression(_) => {
            ErrorCode::UnknownServerError
        }
        _ => ErrorCode::InvalidRecord,
    };
    AppendError::rejected(code, error.to_string())
}
