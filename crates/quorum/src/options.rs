//! What a quorum needs to start.

use std::path::PathBuf;
use std::sync::Arc;

use barnabas_common::vfs::Vfs;
use barnabas_common::{Clock, NodeId, Uuid};
use barnabas_metadata::ConfigRules;

/// Where the quorum lives and by which rules commands are judged.
#[derive(Clone)]
pub struct QuorumOptions {
    /// The quorum's own folder, `<log.dir>/__cluster_metadata-0`; made if missing.
    pub dir: PathBuf,
    pub node_id: NodeId,
    /// `directory.id` of the log directory: the voter's identity, never used again after a wipe.
    pub directory_id: Uuid,
    /// The log directory that gave the quorum its identity cannot be read: a quorum that is there keeps the one it has.
    pub keeps_identity: bool,
    pub vfs: Arc<dyn Vfs>,
    pub clock: Arc<dyn Clock>,
    pub config_rules: Arc<dyn ConfigRules>,
    /// A snapshot is taken after this many log entries,
    pub snapshot_entries: u64,
    /// or after this many bytes of them, whichever comes first.
    pub snapshot_bytes: u64,
}

impl QuorumOptions {
    /// Options with the usual snapshot distance.
    pub fn new(
        dir: impl Into<PathBuf>,
        node_id: NodeId,
        directory_id: Uuid,
        vfs: Arc<dyn Vfs>,
        clock: Arc<dyn Clock>,
        config_rules: Arc<dyn ConfigRules>,
    ) -> Self {
        Self {
            dir: dir.into(),
            node_id,
            directory_id,
            keeps_identity: false,
            vfs,
            clock,
            config_rules,
            snapshot_entries: 1000,
            snapshot_bytes: 4 << 20,
        }
    }
}
