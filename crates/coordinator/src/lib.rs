//! Coordinators as replicated state machines: requests and time go in, log records and replies come out.
//! Here live consumer groups over `__consumer_offsets`; appending, waiting for durability and answering
//! sockets do not, they are the caller's.

mod config;
mod effects;
mod group;
mod ids;
mod partitioning;

pub use config::{GroupCoordinatorConfig, InitialRebalanceDelay};
pub use effects::{CoordinatorRecord, Effects, GroupReply, Now, ReplyToken, RequestContext};
pub use group::offset_fetch;
pub use group::{CommittedOffset, GroupMetrics, GroupShard, OffsetEntry, ReplayError};
pub use ids::IdSource;
pub use partitioning::partition_for;
