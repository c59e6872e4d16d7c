//! Groups of one partition of `__consumer_offsets`: membership, committed offsets, and the records of both.
//! The classic protocol is in [`classic`].

mod classic;
mod deletion;
mod describe;
mod expiration;
mod membership;
mod offset_commit;
mod offset_delete;
pub mod offset_fetch;
mod offsets;
mod records;
mod shard;

#[cfg(test)]
mod tests;

pub use describe::{GroupMetrics, OffsetEntry};
pub use offsets::CommittedOffset;
pub use records::ReplayError;
pub use shard::GroupShard;

use crate::config::GroupCoordinatorConfig;
use crate::effects::{Effects, GroupReply, Now, ReplyToken};

/// What every step of a group needs: the time, the settings, and a place for what is to be done.
struct Turn<'a> {
    now: Now,
    config: &'a GroupCoordinatorConfig,
    effects: &'a mut Effects,
}

impl Turn<'_> {
    fn reply(&mut self, token: ReplyToken, reply: GroupReply) {
        self.effects.replies.push((token, reply));
    }

    /// The monotonic time `timeout_ms` from now.
    fn after(&self, timeout_ms: i32) -> i64 {
        self.now.monotonic_ms.saturating_add(i64::from(timeout_ms.max(0)))
    }
}
