//! The classic group protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. One group at a time; finding the group,
//! creating and deleting it is the shard's work.

mod heartbeat;
mod initial_delay;
mod join;
mod leave;
mod member;
mod protocols;
mod rebalance;
mod snapshot;
mod state;
mod static_member;
mod sync;
mod timers;

pub(super) use join::{Joining, join_error};
pub(super) use leave::refused_leave;
pub(super) use snapshot::GROUP_TYPE;
pub(super) use state::{ClassicGroup, GroupState};
