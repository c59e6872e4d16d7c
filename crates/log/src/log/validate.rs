//! What a batch must be to be appended, as far as its header and CRC tell. Producer state is checked elsewhere, and
//! records are looked at in `survey.rs`.

use barnabas_common::{ErrorCode, TimestampMs};
use barnabas_protocol::records::{
    BATCH_HEADER_SIZE, BatchError, BatchHeader, Compression, TimestampType, UnknownCompression, split_batches,
};

use super::append::AppendOrigin;
use crate::config::LogConfig;
use crate::error::AppendError;

/// Attributes to the end of the batch: what the CRC covers.
const CRC_STARTS_AT: usize = 21;

/// The smallest record: its length, attributes, two deltas, the lengths of key and value, and a count of headers, in one
/// byte each.
const MIN_RECORD_BYTES: usize = 7;

/// Records that one byte of a compressed batch can hold: gzip makes at most 1,032 bytes of one, and records differ in
/// their offsets, so that no codec comes near this.
const MAX_RECORDS_PER_COMPRESSED_BYTE: usize = 1032 / MIN_RECORD_BYTES;

/// The headers of all batches and the bytes they take; what follows the last whole batch is not part of the append.
pub(super) fn check_batches(
    bytes: &[u8],
    config: &LogConfig,
    origin: AppendOrigin,
    now_ms: TimestampMs,
) -> Result<(Vec<BatchHeader>, usize), AppendError> {
    let mut batches = split_batches(bytes);
    let mut headers = Vec::with_capacity(1);
    while let Some(next) = batches.next() {
        let (header, batch) = next.map_err(|error| malformed(error, batches.remaining()))?;
        check_batch(&header, batch, config, origin, now_ms)?;
        headers.push(header);
    }
    if headers.is_empty() || (origin == AppendOrigin::Client && headers.len() > 1) {
        let message = format!("an append must have exactly one record batch, this one has {}", headers.len());
        return Err(AppendError::NotOneBatch(message));
    }
    Ok((headers, batches.whole_bytes()))
}

fn check_batch(
    header: &BatchHeader,
    batch: &[u8],
    config: &LogConfig,
    origin: AppendOrigin,
    now_ms: TimestampMs,
) -> Result<(), AppendError> {
    let from_client = origin == AppendOrigin::Client;
    if from_client && header.base_offset != 0 {
        return Err(invalid(format!("the base offset of a batch to append must be 0, it is {}", header.base_offset)));
    }
    // A coordinator's records are as large as what clients were allowed to send it.
    if from_client && batch.len() > usize::try_from(config.max_message_bytes).unwrap_or(0) {
        let message = format!(
            "the record batch has {} bytes, max.message.bytes allows {}",
            batch.len(),
            config.max_message_bytes
        );
        return Err(AppendError::rejected(ErrorCode::MessageTooLarge, message));
    }
    if !header.crc_matches(batch) {
        return Err(AppendError::rejected(
            ErrorCode::CorruptMessage,
            "the CRC of the record batch does not match its content",
        ));
    }
    if from_client {
        check_client_batch(header, batch.len())?;
        check_timestamps(header, config, now_ms)?;
    }
    Ok(())
}

fn check_client_batch(header: &BatchHeader, size_bytes: usize) -> Result<(), AppendError> {
    if header.is_control() {
        return Err(invalid("clients are not allowed to write control records"));
    }
    if header.record_count <= 0 || header.record_count - 1 != header.last_offset_delta {
        let message = format!(
            "{} records do not go with a last offset delta of {}",
            header.record_count, header.last_offset_delta
        );
        return Err(invalid(message));
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return Err(invalid(format!("sequence number {} of producer {}", header.base_sequence, header.producer_id)));
    }
    let unknown =
        |unknown: UnknownCompression| AppendError::rejected(ErrorCode::UnknownServerError, unknown.to_string());
    check_record_count(header, header.compression().map_err(unknown)?, size_bytes)
}

/// Offsets that no record has would fill up segments with nothing in them.
fn check_record_count(header: &BatchHeader, compression: Compression, size_bytes: usize) -> Result<(), AppendError> {
    let records_bytes = size_bytes.saturating_sub(BATCH_HEADER_SIZE);
    let most = match compression {
        Compression::None => records_bytes / MIN_RECORD_BYTES,
        _ => records_bytes.saturating_mul(MAX_RECORDS_PER_COMPRESSED_BYTE),
    };
    if usize::try_from(header.record_count).is_ok_and(|count| count <= most) {
        return Ok(());
    }
    Err(invalid(format!("{} records cannot be in {records_bytes} bytes ({compression})", header.record_count)))
}

/// Goes by the header: the largest timestamp, and for the lower bound the first.
fn check_timestamps(header: &BatchHeader, config: &LogConfig, now_ms: TimestampMs) -> Result<(), AppendError> {
    if header.timestamp_type() == TimestampType::LogAppendTime {
        return Err(invalid_timestamp("producers must not send batches marked as LogAppendTime".into()));
    }
    if config.message_timestamp_type == TimestampType::LogAppendTime {
        return Ok(());
    }
    let latest = now_ms.saturating_add(config.message_timestamp_after_max_ms);
    let earliest = now_ms.saturating_sub(config.message_timestamp_before_max_ms);
    let is_too_early = config.message_timestamp_before_max_ms != i64::MAX
        && [header.base_timestamp, header.max_timestamp].iter().any(|t| *t != -1 && *t < earliest);
    if is_too_early || header.max_timestamp > latest {
        let message =
            format!("timestamp {} is out of range: it must be within {earliest} to {latest}", header.max_timestamp);
        return Err(invalid_timestamp(message));
    }
    Ok(())
}

/// The error of bytes that are no batch. A header whose counts make no sense is a corrupt message if the CRC is wrong
/// too, and a producer's fault otherwise.
fn malformed(error: BatchError, bytes: &[u8]) -> AppendError {
    let code = match &error {
        BatchError::BadMagic(0 | 1) => return AppendError::NotOneBatch(error.to_string()),
        BatchError::BadCount(_) | BatchError::BadLastOffsetDelta(_) | BatchError::OffsetOverflow { .. } => {
            if raw_crc_matches(bytes) {
                ErrorCode::InvalidRecord
            } else {
                ErrorCode::CorruptMessage
            }
        }
        _ => ErrorCode::CorruptMessage,
    };
    AppendError::rejected(code, error.to_string())
}

fn raw_crc_matches(bytes: &[u8]) -> bool {
    let field = |at: usize| bytes.get(at..).and_then(|b| b.first_chunk::<4>()).map(|b| u32::from_be_bytes(*b));
    let (Some(length), Some(crc)) = (field(8), field(17)) else { return false };
    let end = usize::try_from(length).ok().and_then(|l| l.checked_add(12));
    end.and_then(|end| bytes.get(CRC_STARTS_AT..end)).is_some_and(|content| crc32c::crc32c(content) == crc)
}

fn invalid(message: impl Into<String>) -> AppendError {
    AppendError::rejected(ErrorCode::InvalidRecord, message)
}

fn invalid_timestamp(message: String) -> AppendError {
    AppendError::rejected(ErrorCode::InvalidTimestamp, message)
}
