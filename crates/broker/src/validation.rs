//! What is done to a produced batch before it is given to the log, outside of the log's lock: its records are looked at
//! where its header alone does not do. What the header must be is the log's to check.

mod few;

use barnabas_common::{ErrorCode, TimestampMs};
use barnabas_log::{AppendError, LogConfig, RecordRules, RecordTimes, survey_records, times_are_present};
use barnabas_protocol::records::{
    BATCH_HEADER_SIZE, BatchHeader, Compression, DecompressionLimit, TimestampType, set_create_time, split_batches,
};

/// How far one produced batch may expand where it must be looked into.
const LIMIT: DecompressionLimit = DecompressionLimit { max_bytes: 32 << 20, max_ratio: usize::MAX };

/// Uncompressed batches with at most this many records are always looked into: it costs next to nothing.
const FEW_RECORDS: i32 = 16;
/// A record may have many headers.
const FEW_BYTES: usize = 64 << 10;

const COMPRESSION_AT: usize = 22;
const COMPRESSION_BITS: u8 = 0x07;

/// Whether these records would be decompressed for the times in them.
pub(crate) fn must_be_decompressed(
    records: &[u8],
    now_ms: impl FnOnce() -> TimestampMs,
    config: impl FnOnce() -> Option<LogConfig>,
) -> bool {
    if records.get(COMPRESSION_AT).is_none_or(|attributes| attributes & COMPRESSION_BITS == 0) {
        return false;
    }
    let Some(Ok((header, bytes))) = split_batches(records).next() else { return false };
    let now_ms = now_ms();
    !is_believed(&header, now_ms)
        && config().is_some_and(|config| fits(bytes, &config) && doubts(&config, &header, now_ms))
}

/// Looks at the records of the batch as far as that is needed, and corrects what its header says of their times. Broken
/// batches and those that are too large pass, the log refuses them with the right error.
pub(crate) fn look_into(
    records: &mut [u8],
    needs_keys: bool,
    now_ms: TimestampMs,
    config: impl FnOnce() -> Option<LogConfig>,
) -> Result<(), AppendError> {
    let Some(Ok((header, bytes))) = split_batches(records).next() else { return Ok(()) };
    if header.is_transactional() {
        return Err(not_served());
    }
    let has_few = is_uncompressed(&header) && header.record_count <= FEW_RECORDS && bytes.len() <= FEW_BYTES;
    let declared = if has_few { declared_times(&header, bytes) } else { None };
    let is_present = !has_few || declared.is_some_and(|times| times.are_present(now_ms));
    if is_present && !needs_keys && is_believed(&header, now_ms) {
        return Ok(());
    }
    let Some(config) = config().filter(|config| fits(bytes, config)) else { return Ok(()) };
    let allowed = config.times_allowed(now_ms);
    let is_allowed = |t: RecordTimes| allowed.as_ref().is_none_or(|a| a.contains(&t.earliest) && a.contains(&t.latest));
    let is_fine = match has_few {
        true => declared.is_some_and(is_allowed) && !wrongly_marks_append_time(&config, &header),
        false => !doubts(&config, &header, now_ms),
    };
    if (is_fine && !needs_keys) || !header.crc_matches(bytes) {
        return Ok(());
    }
    let rules = RecordRules { needs_keys, times: allowed };
    let size_bytes = bytes.len();
    let batch = records.get_mut(..size_bytes).unwrap_or_default();
    if wrongly_marks_append_time(&config, &header) {
        set_create_time(batch, header.max_timestamp);
    }
    let latest = survey_records(batch, &rules, LIMIT)?.latest;
    if latest != header.max_timestamp {
        set_create_time(batch, latest);
    }
    Ok(())
}

/// When few records are from, if they are what their header says. CRCs are for the log to check.
fn declared_times(header: &BatchHeader, batch: &[u8]) -> Option<RecordTimes> {
    let deltas = few::timestamp_deltas(batch.get(BATCH_HEADER_SIZE..)?, header.record_count)?;
    let earliest = header.base_timestamp.checked_add(*deltas.start())?;
    let latest = header.base_timestamp.checked_add(*deltas.end())?;
    (latest == header.max_timestamp).then_some(RecordTimes { earliest, latest })
}

fn doubts(config: &LogConfig, header: &BatchHeader, now_ms: TimestampMs) -> bool {
    wrongly_marks_append_time(config, header) || !config.trusts_times(header, now_ms)
}

/// Kafka takes such a batch as one with times of its producer, unless the log stamps its records itself.
fn wrongly_marks_append_time(config: &LogConfig, header: &BatchHeader) -> bool {
    marks_append_time(header) && config.message_timestamp_type == TimestampType::CreateTime
}

fn is_believed(header: &BatchHeader, now_ms: TimestampMs) -> bool {
    times_are_present(header, now_ms) && !marks_append_time(header)
}

fn marks_append_time(header: &BatchHeader) -> bool {
    header.timestamp_type() == TimestampType::LogAppendTime
}

fn is_uncompressed(header: &BatchHeader) -> bool {
    header.compression() == Ok(Compression::None)
}

fn fits(batch: &[u8], config: &LogConfig) -> bool {
    usize::try_from(config.max_message_bytes).is_ok_and(|limit| batch.len() <= limit)
}

/// Transactions are not served yet: nothing transactional may get into a log, where it would look committed.
fn not_served() -> AppendError {
    AppendError::Rejected {
        code: ErrorCode::TransactionalIdAuthorizationFailed,
        message: "transactional records are not served yet".to_owned(),
        record_errors: Vec::new(),
    }
}
