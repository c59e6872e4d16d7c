//! Forgetting offsets that nobody needs any more, and groups that have none left.

use std::sync::Arc;

use barnabas_common::TimestampMs;

use super::classic::{ClassicGroup, GroupState};
use super::offsets::CommittedOffset;
use super::shard::GroupShard;
use crate::effects::{Effects, Now};

/// From which moment on the retention of an offset runs.
#[derive(Clone, Copy)]
enum RetainedSince {
    Commit,
    /// All offsets of a group that lost its last member age together.
    Moment(TimestampMs),
    /// The group is at work; its offsets are needed.
    Forever,
}

impl RetainedSince {
    fn of(group: &ClassicGroup) -> Self {
        match group.state {
            _ if group.protocol_type.is_none() => Self::Commit,
            GroupState::Empty => group.state_since_ms.map_or(Self::Commit, Self::Moment),
            // Offsets of topics that no member reads any more may go; which these are, only consumers say.
            GroupState::Stable if group.uses_consumer_protocol() && group.knows_subscriptions() => Self::Commit,
            _ => Self::Forever,
        }
    }

    fn is_over(self, offset: &CommittedOffset, now_ms: TimestampMs, retention_ms: i64) -> bool {
        let since_ms = match self {
            Self::Forever => return false,
            Self::Commit => offset.commit_timestamp_ms,
            Self::Moment(moment) => moment,
        };
        match offset.expire_timestamp_ms {
            Some(expire_ms) => now_ms >= expire_ms,
            None => now_ms.saturating_sub(since_ms) >= retention_ms,
        }
    }
}

impl GroupShard {
    pub(super) fn expire(&mut self, now: Now, effects: &mut Effects) {
        let group_ids: Vec<Arc<str>> = self.groups.keys().cloned().collect();
        for group_id in group_ids {
            for (topic, partition) in self.expired_offsets(&group_id, now) {
                self.drop_offset(&group_id, &topic, partition, effects);
            }
            let is_idle =
                self.groups.get(&group_id).is_some_and(|group| group.is_empty() && !group.has_pending_joins());
            if is_idle && self.offsets.of_group(&group_id).is_none() {
                self.drop_group(&group_id, effects);
            }
        }
    }

    fn expired_offsets(&self, group_id: &str, now: Now) -> Vec<(String, i32)> {
        let mut expired = Vec::new();
        let Some(group) = self.groups.get(group_id) else { return expired };
        let since = RetainedSince::of(group);
        for (topic, partitions) in self.offsets.of_group(group_id).into_iter().flatten() {
            if group.is_subscribed_to(topic) {
                continue;
            }
            let over = |offset: &CommittedOffset| since.is_over(offset, now.wall_ms, self.config.offsets_retention_ms);
            let of_topic = partitions.iter().filter(|(_, offset)| over(offset));
            expired.extend(of_topic.map(|(partition, _)| (topic.clone(), *partition)));
        }
        expired
    }
}
