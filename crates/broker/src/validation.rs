//! Checks of produced records that the log does not make, because they depend on what the broker serves.

use barnabas_common::ErrorCode;
use barnabas_log::AppendError;
use barnabas_protocol::records::{DecompressionLimit, crc_is_valid, split_batches};

/// Bytes to which one produced batch may expand where it must be looked into.
const MAX_EXPANDED_BYTES: usize = 32 << 20;

/// Whether [`check_keys`] would look into these records, which takes time and memory.
pub(crate) fn are_looked_into(records: &[u8], max_message_bytes: usize) -> bool {
    split_batches(records).next().is_some_and(|first| first.is_ok_and(|(_, bytes)| bytes.len() <= max_message_bytes))
}

/// A compacted topic keeps records by key: records without one are named and refused (KIP-467). Broken batches and
/// those that are too large pass, the log refuses them with the right error.
pub(crate) fn check_keys(records: &[u8], max_message_bytes: usize) -> Result<(), AppendError> {
    for batch in split_batches(records) {
        let Ok((_, bytes)) = batch else { return Ok(()) };
        if bytes.len() > max_message_bytes || !crc_is_valid(bytes) {
            return Ok(());
        }
        barnabas_log::validate_compacted(bytes, DecompressionLimit::bytes(MAX_EXPANDED_BYTES))?;
    }
    Ok(())
}

/// Transactions are not served yet: nothing transactional may get into a log, where it would look committed.
pub(crate) fn check_not_transactional(records: &[u8]) -> Result<(), AppendError> {
    let transactional = split_batches(records).flatten().any(|(header, _)| header.is_transactional());
    if transactional {
        return Err(AppendError::Rejected {
            code: ErrorCode::TransactionalIdAuthorizationFailed,
            message: "transactional records are not served yet".to_owned(),
            record_errors: Vec::new(),
        });
    }
    Ok(())
}
