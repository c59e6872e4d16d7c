//! What can go wrong with a log, and which of Kafka's error codes a client is told.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use barnabas_common::vfs::explained;
use barnabas_common::{ErrorCode, Offset};
use thiserror::Error;

/// Damage that the log cannot repair without losing records it promised to keep.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}: file {} at byte {position}; {how_to_fix}", file.display())]
pub struct Corruption {
    pub what: String,
    pub file: PathBuf,
    pub position: u64,
    pub how_to_fix: String,
}

/// A log cannot be opened or maintained. Only its partition is affected.
#[derive(Debug, Error)]
pub enum LogError {
    #[error("{context}: {source}")]
    Io { context: String, source: io::Error },
    #[error("corrupt log: {0}")]
    Corrupt(Corruption),
    #[error("{0}")]
    Offline(String),
    #[error(transparent)]
    OffsetOutOfRange(#[from] OffsetOutOfRange),
}

impl LogError {
    pub(crate) fn io(context: impl Into<String>) -> impl FnOnce(io::Error) -> LogError {
        let context = context.into();
        move |source| LogError::Io { context, source: explained(source) }
    }

    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::OffsetOutOfRange(_) => ErrorCode::OffsetOutOfRange,
            _ => ErrorCode::KafkaStorageError,
        }
    }
}

/// An offset that the log does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("offset {offset} is out of range: the log has {log_start_offset} to {log_end_offset}")]
pub struct OffsetOutOfRange {
    pub offset: Offset,
    pub log_start_offset: Offset,
    pub log_end_offset: Offset,
}

/// One record that made its batch invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    pub batch_index: i32,
    pub message: Option<Cow<'static, str>>,
}

/// Why records were not appended. Nothing of them is in the log.
#[derive(Debug, Error)]
pub enum AppendError {
    #[error("{message}")]
    Rejected { code: ErrorCode, message: String, record_errors: Vec<RejectedRecord> },
    /// Not what a produce request must have: one whole batch of the present format.
    #[error("{0}")]
    NotOneBatch(String),
    #[error("could not write the log: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Offline(String),
}

impl AppendError {
    pub(crate) fn rejected(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Rejected { code, message: message.into(), record_errors: Vec::new() }
    }

    /// What the producer is told; a full disk is an error that it retries.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Rejected { code, .. } => *code,
            Self::NotOneBatch(_) => ErrorCode::InvalidRecord,
            Self::Io(_) | Self::Offline(_) => ErrorCode::KafkaStorageError,
        }
    }

    pub fn record_errors(&self) -> &[RejectedRecord] {
        match self {
            Self::Rejected { record_errors, .. } => record_errors,
            _ => &[],
        }
    }

    pub fn into_record_errors(self) -> Vec<RejectedRecord> {
        match self {
            Self::Rejected { record_errors, .. } => record_errors,
            _ => Vec::new(),
        }
    }

    /// Whether the producer is told where the log starts: Kafka tells that when it has looked into the batch.
    pub fn tells_log_start(&self) -> bool {
        use ErrorCode::{CorruptMessage, MessageTooLarge, RecordListTooLarge, TransactionalIdAuthorizationFailed};
        match self {
            Self::Rejected { code, .. } => !matches!(
                code,
                CorruptMessage | MessageTooLarge | RecordListTooLarge | TransactionalIdAuthorizationFailed
            ),
            _ => false,
        }
    }
}

impl From<LogError> for AppendError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Io { source, .. } => Self::Io(source),
            other => Self::Offline(other.to_string()),
        }
    }
}

/// Why nothing was read.
#[derive(Debug, Error)]
pub enum ReadError {
    #[error(transparent)]
    OffsetOutOfRange(#[from] OffsetOutOfRange),
    #[error("could not read the log: {0}")]
    Io(#[from] io::Error),
    /// The file does not hold what was written. The partition should go offline.
    #[error("corrupt log: {0}")]
    Corrupt(Corruption),
}

impl ReadError {
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::OffsetOutOfRange(_) => ErrorCode::OffsetOutOfRange,
            _ => ErrorCode::KafkaStorageError,
        }
    }
}
