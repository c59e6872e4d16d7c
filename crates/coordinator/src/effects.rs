//! What goes into a shard besides requests, and what comes out of it. Nothing here decides anything.

use barnabas_common::TimestampMs;
use barnabas_protocol::messages::{
    DeleteGroupsResponse, HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, OffsetCommitResponse,
    OffsetDeleteResponse, SyncGroupResponse,
};
use bytes::Bytes;

/// The two clocks at the moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For timestamps in records and for retention.
    pub wall_ms: TimestampMs,
    /// For sessions and time-outs.
    pub monotonic_ms: i64,
}

/// Names a request that waits for its answer; the caller keeps the socket that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyToken(pub u64);

/// Who asks, and in which version of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    pub client_id: String,
    /// The address as Kafka shows it, with a leading slash: `/127.0.0.1`.
    pub client_host: String,
    pub version: i16,
    /// Whether this kind of client joins before it knows its topics, so that it could not assign their partitions.
    pub joins_unprepared: bool,
}

/// A record for `__consumer_offsets`. No value is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoordinatorRecord {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// An answer to a parked request.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupReply {
    Join(JoinGroupResponse),
    Sync(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    Leave(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetDelete(OffsetDeleteResponse),
    /// Results for the groups that were asked of this shard, in the order of the request.
    DeleteGroups(DeleteGroupsResponse),
}

/// What a call wants done: append `records` in one batch, and once they are durable deliver `replies`.
///
/// **Invariant:** state changes when the call is made, before the append. Effects of one shard are therefore to be
/// carried out in the order in which they came out: replies that follow an append wait for it. If an append fails,
/// the shard no longer agrees with the log and must be dropped (see [`crate::GroupShard::unload`]) and replayed.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Effects {
    pub records: Vec<CoordinatorRecord>,
    pub replies: Vec<(ReplyToken, GroupReply)>,
}

impl Effects {
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.replies.is_empty()
    }

    /// Only an answer.
    pub(crate) fn reply(token: ReplyToken, reply: GroupReply) -> Self {
        Self { records: Vec::new(), replies: vec![(token, reply)] }
    }
}
