//! All groups of one partition of `__consumer_offsets`: replay, time, and finding the group that a call is about.
//! The calls themselves are in the sibling files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use barnabas_common::{ErrorCode, TimestampMs};
use barnabas_protocol::messages::GroupMetadataValue;
use bytes::Bytes;

use super::Turn;
use super::classic::ClassicGroup;
use super::offsets::{CommittedOffset, OffsetStore};
use super::records::{self, Record, ReplayError};
use crate::config::GroupCoordinatorConfig;
use crate::effects::{Effects, GroupReply, Now, ReplyToken};
use crate::ids::IdSource;

/// The coordinator of all groups whose records are in one partition of `__consumer_offsets`.
///
/// Its life: [`new`](Self::new), [`replay`](Self::replay) of the whole partition,
/// [`finish_loading`](Self::finish_loading), then requests and [`tick`](Self::tick)s, and
/// [`unload`](Self::unload) when the partition moves away or an append fails. See [`Effects`] for what a caller
/// owes it.
pub struct GroupShard {
    pub(super) config: Arc<GroupCoordinatorConfig>,
    pub(super) ids: Box<dyn IdSource>,
    pub(super) groups: BTreeMap<Arc<str>, ClassicGroup>,
    pub(super) offsets: OffsetStore,
    /// When to look at which group. Each group is in here at most once.
    wake_ups: BTreeSet<(i64, Arc<str>)>,
    /// When to look for expired offsets; None until loading has finished.
    pub(super) next_expiration_ms: Option<i64>,
}

impl GroupShard {
    pub fn new(config: Arc<GroupCoordinatorConfig>, ids: impl IdSource + 'static) -> Self {
        Self {
            config,
            ids: Box::new(ids),
            groups: BTreeMap::new(),
            offsets: OffsetStore::default(),
            wake_ups: BTreeSet::new(),
            next_expiration_ms: None,
        }
    }

    /// Takes in one record of the log, in the order of the log. A record that cannot be read changes nothing; the
    /// caller reports it and goes on. The names and offsets are copied out of the buffers.
    pub fn replay(
        &mut self,
        key: &Bytes,
        value: Option<&Bytes>,
        record_timestamp_ms: TimestampMs,
    ) -> Result<(), ReplayError> {
        match records::decode(key, value)? {
            Record::Offset { group, topic, partition, value: Some(offset) } => {
                self.put_offset(&group, &topic, partition, offset, record_timestamp_ms);
            }
            Record::Offset { group, topic, partition, value: None } => {
                self.offsets.remove(&group, &topic, partition);
            }
            Record::Group { group, value: Some(value) } => self.replay_group(&group, &value),
            // The offsets stay: a group that changes its protocol deletes its classic metadata and keeps them.
            Record::Group { group, value: None } => self.forget_group(&group),
        }
        Ok(())
    }

    fn replay_group(&mut self, group_id: &str, value: &GroupMetadataValue) {
        self.forget_group(group_id);
        let id: Arc<str> = Arc::from(group_id);
        self.groups.insert(id.clone(), ClassicGroup::from_record(id, value));
    }

    /// Stores an offset. A group that only ever commits exists from its first commit on.
    pub(super) fn put_offset(
        &mut self,
        group_id: &str,
        topic: &str,
        partition: i32,
        offset: CommittedOffset,
        now_wall_ms: TimestampMs,
    ) {
        self.create_if_absent(group_id, now_wall_ms);
        self.offsets.put(group_id, topic, partition, offset);
    }

    /// Makes the group exist. True if it did not.
    pub(super) fn create_if_absent(&mut self, group_id: &str, now_wall_ms: TimestampMs) -> bool {
        if self.groups.contains_key(group_id) {
            return false;
        }
        let id: Arc<str> = Arc::from(group_id);
        self.groups.insert(id.clone(), ClassicGroup::new(id, now_wall_ms));
        true
    }

    pub(super) fn forget_group(&mut self, group_id: &str) {
        let Some(group) = self.groups.remove(group_id) else { return };
        if let Some(at) = group.wake_at_ms {
            self.wake_ups.remove(&(at, group.id));
        }
    }

    /// The log has been read to its end: sessions of loaded members start, and groups that grew too large for the
    /// present settings rebalance.
    pub fn finish_loading(&mut self, now: Now) -> Effects {
        let orphans: Vec<String> = self
            .offsets
            .groups()
            .filter(|(group, _)| !self.groups.contains_key(*group))
            .map(|(group, _)| group.to_owned())
            .collect();
        for group_id in orphans {
            self.create_if_absent(&group_id, now.wall_ms);
        }
        self.next_expiration_ms = Some(self.expiration_after(now));
        let mut effects = Effects::default();
        let group_ids: Vec<Arc<str>> = self.groups.keys().cloned().collect();
        for group_id in group_ids {
            self.with_group(&group_id, now, &mut effects, |group, turn| {
                group.restart_all_sessions(turn);
                if group.member_count() > turn.config.max_size {
                    group.prepare_rebalance(turn, "larger than group.max.size");
                }
            });
        }
        effects
    }

    /// Ends the shard's life: everybody who waits is answered with `error`, and nothing may be called any more.
    pub fn unload(mut self, error: ErrorCode, now: Now) -> Vec<(ReplyToken, GroupReply)> {
        let mut effects = Effects::default();
        let mut turn = Turn { now, config: &self.config, effects: &mut effects };
        for group in self.groups.values_mut() {
            group.refuse_all_parked(&mut turn, error);
        }
        effects.replies
    }

    /// When [`tick`](Self::tick) has something to do next, in monotonic milliseconds. It may turn out to be nothing.
    pub fn next_deadline(&self) -> Option<i64> {
        let wake_up = self.wake_ups.first().map(|(at, _)| *at);
        [wake_up, self.next_expiration_ms].into_iter().flatten().min()
    }

    /// Carries out what is due. What a deadline brings forth is due in a later tick at the earliest.
    pub fn tick(&mut self, now: Now) -> Effects {
        let mut effects = Effects::default();
        let mut due = Vec::new();
        while self.wake_ups.first().is_some_and(|(at, _)| *at <= now.monotonic_ms) {
            due.extend(self.wake_ups.pop_first().map(|(_, group_id)| group_id));
        }
        for group_id in due {
            if let Some(group) = self.groups.get_mut(&group_id) {
                group.wake_at_ms = None;
            }
            self.with_group(&group_id, now, &mut effects, |group, turn| {
                group.on_time(turn);
                group.recompute_earliest_deadline();
            });
        }
        if self.next_expiration_ms.is_some_and(|at| at <= now.monotonic_ms) {
            self.next_expiration_ms = Some(self.expiration_after(now));
            self.expire(now, &mut effects);
        }
        effects
    }

    fn expiration_after(&self, now: Now) -> i64 {
        now.monotonic_ms.saturating_add(self.config.offsets_retention_check_interval_ms.max(1))
    }

    /// Lets `step` work on a group and sees to it that the group is woken in time. None if there is no such group.
    pub(super) fn with_group<T>(
        &mut self,
        group_id: &str,
        now: Now,
        effects: &mut Effects,
        step: impl FnOnce(&mut ClassicGroup, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let group = self.groups.get_mut(group_id)?;
        let mut turn = Turn { now, config: &self.config, effects };
        let result = step(group, &mut turn);
        // Never at once: a group with a timeout of zero must not keep the caller from everything else.
        let wanted = group.earliest_deadline_ms.max(now.monotonic_ms.saturating_add(1));
        if group.earliest_deadline_ms < i64::MAX && group.wake_at_ms.is_none_or(|at| wanted < at) {
            if let Some(at) = group.wake_at_ms.replace(wanted) {
                self.wake_ups.remove(&(at, group.id.clone()));
            }
            self.wake_ups.insert((wanted, group.id.clone()));
        }
        Some(result)
    }
}
