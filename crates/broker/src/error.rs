//! Why a broker does not start: what is wrong, why, and how to mend it, in one line each.

use std::io;
use std::path::{Path, PathBuf};

use barnabas_quorum::QuorumError;
use thiserror::Error;

/// A broker that cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("cannot listen on {address} for listener {listener}: {error}; {hint}")]
    Bind { listener: String, address: String, error: io::Error, hint: String },
    #[error("cannot use the data folder {}: {error}; {hint}", dir.display())]
    DataDir { dir: PathBuf, error: io::Error, hint: &'static str },
    #[error(
        "the data folder {} is in use by another running broker; stop that one, or give this one its own 'log.dirs'",
        dir.display()
    )]
    Locked { dir: PathBuf },
    /// Too many log dirs have failed.
    #[error("{0}")]
    LogDirs(String),
    #[error("{0}")]
    WrongIdentity(String),
    #[error("{0}")]
    Unsupported(String),
    #[error("cannot start the network threads: {0}; raise the limit of threads or processes (ulimit -u)")]
    Threads(io::Error),
    #[error("the metadata log cannot be opened: {0}")]
    Quorum(String),
    #[error(
        "there is no room on the disk of {} for what a start writes to the metadata log: make room there, some MiB, and start \
         again; nothing is lost",
        dir.display()
    )]
    NoRoomForMetadata { dir: PathBuf },
    #[error("loading the logs failed, which is a fault of this program: {0}; start again, and report it if it stays")]
    Loading(String),
    #[error("the metadata refuses this broker: {0}")]
    Registration(String),
}

impl StartError {
    /// What the quorum says at a start, in the words of `otherwise` unless it is that its disk is full.
    pub(crate) fn of_quorum(
        metadata_dir: &Path,
        error: &QuorumError,
        otherwise: impl FnOnce(String) -> StartError,
    ) -> StartError {
        match error {
            QuorumError::NoRoom { .. } => Self::NoRoomForMetadata { dir: metadata_dir.to_owned() },
            error => otherwise(error.to_string()),
        }
    }
}
