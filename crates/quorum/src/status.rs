//! What DescribeQuorum shows.

use barnabas_common::{NodeId, TimestampMs, Uuid};

/// The quorum as this node sees it. Offsets are log indexes, and as in Kafka name the entry that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumStatus {
    /// -1 while there is no leader.
    pub leader_id: NodeId,
    pub leader_epoch: i32,
    pub high_watermark: i64,
    pub voters: Vec<VoterStatus>,
}

/// A voter's progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterStatus {
    pub node_id: NodeId,
    pub directory_id: Uuid,
    /// -1 when not known.
    pub log_end_offset: i64,
    /// When the voter last had all that the leader had; -1 when not known.
    pub last_caught_up_ms: TimestampMs,
}
