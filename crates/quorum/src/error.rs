//! Why the quorum could not start or could not take a command.

use std::io;
use std::path::PathBuf;

use barnabas_common::NodeId;

/// A failure of the quorum itself; what is wrong with a command is in its `CommandResult`.
#[derive(Debug, thiserror::Error)]
pub enum QuorumError {
    /// The disk refused.
    #[error("metadata log in {}: {source}", dir.display())]
    Io { dir: PathBuf, source: io::Error },
    /// What the disk holds is not what was written. Starting would forget metadata, so nothing starts.
    #[error("{}: {reason}. Restore the folder from a copy; it is not repaired automatically", path.display())]
    Corrupt { path: PathBuf, reason: String },
    /// The folder belongs to another node, or to something else.
    #[error("{}: {reason}", dir.display())]
    WrongDirectory { dir: PathBuf, reason: String },
    /// Another controller leads.
    #[error("this node does not lead the metadata quorum{}", leader.map(|id| format!(", node {id} does")).unwrap_or_default())]
    NotLeader { leader: Option<NodeId> },
    /// The disk has no room for more metadata. Goes on by itself when there is.
    #[error(
        "the disk of the metadata log is full; make room on it (kafka-delete-records works still), and it goes on by \
         itself{}", if *is_under_way { "; this change is carried out then" } else { "" }
    )]
    NoRoom { is_under_way: bool },
    /// The metadata log failed earlier; only a restart helps.
    #[error("the metadata quorum has stopped for good: {reason}")]
    Failed { reason: String },
    /// The quorum was shut down.
    #[error("the metadata quorum is shut down")]
    ShutDown,
}
