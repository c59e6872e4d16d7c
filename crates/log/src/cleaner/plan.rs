//! When a log is worth cleaning, and what of it may be cleaned. Decided under the lock; the work is done outside.

use std::collections::HashSet;
use std::sync::Arc;

use barnabas_common::{Offset, TimestampMs};

use crate::config::LogConfig;
use crate::log::Log;
use crate::segment::Segment;
use crate::segment::file::SegmentReader;
use crate::segment::files::Folder;

/// How much of a log is clean, dirty, or overdue.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cleanable {
    pub clean_bytes: u64,
    pub dirty_bytes: u64,
    /// For how long a record of a closed segment has waited beyond `max.compaction.lag.ms`; 0 if none has.
    pub delay_ms: i64,
    /// A record has waited for longer than that, and something can be done about it.
    pub is_overdue: bool,
}

impl Cleanable {
    /// Share of bytes that have not been cleaned, of those that can be.
    pub fn dirty_ratio(&self) -> f64 {
        let total = self.clean_bytes + self.dirty_bytes;
        if total == 0 { 0.0 } else { self.dirty_bytes as f64 / total as f64 }
    }
}

/// A segment that is to be cleaned, as it was when the plan was made. Closed segments do not change.
pub(super) struct Source {
    pub(super) reader: SegmentReader,
    pub(super) base_offset: Offset,
    pub(super) next_offset: Offset,
    pub(super) size: u64,
    pub(super) index_entries: u32,
    pub(super) time_entries: u32,
}

/// Everything that a cleaning needs to know of its log.
pub struct CleaningPlan {
    pub(super) folder: Arc<Folder>,
    pub(super) config: Arc<LogConfig>,
    pub(super) sources: Vec<Source>,
    /// Where the part begins that has not been cleaned yet.
    pub(super) first_dirty: Offset,
    /// Nothing at or above this offset is touched.
    pub(super) end: Offset,
    /// Ids of the producers that the log remembers.
    pub(super) producers: HashSet<i64>,
    pub(super) now_ms: TimestampMs,
}

impl Log {
    /// How much there is to clean, if everything before `first_dirty` was cleaned before.
    pub fn cleanable(&self, first_dirty: Offset, now_ms: TimestampMs) -> Cleanable {
        let first_dirty = self.first_dirty_offset(first_dirty);
        let mut found = Cleanable::default();
        for segment in self.cleanable_segments(now_ms) {
            match segment.next_offset() <= first_dirty {
                true => found.clean_bytes += segment.size,
                false => found.dirty_bytes += segment.size,
            }
        }
        let closed = &self.segments[..self.segments.len() - 1];
        let oldest_dirty = closed.iter().find(|s| s.next_offset() > first_dirty && s.size > 0);
        let waits_since = oldest_dirty.and_then(|s| s.stats.first_timestamp).filter(|timestamp| *timestamp > 0);
        let waited_ms = waits_since.map_or(0, |since| now_ms.saturating_sub(since));
        found.delay_ms = waited_ms.saturating_sub(self.config.max_compaction_lag_ms).max(0);
        found.is_overdue = found.delay_ms > 0 && found.dirty_bytes > 0;
        found
    }

    /// What a cleaning would do now; `None` if there is nothing to clean.
    pub fn plan_cleaning(&self, first_dirty: Offset, now_ms: TimestampMs) -> Option<CleaningPlan> {
        let first_dirty = self.first_dirty_offset(first_dirty);
        let sources: Vec<Source> = self.cleanable_segments(now_ms).map(Source::of).collect();
        let end = sources.last().map(|source| source.next_offset).filter(|end| *end > first_dirty)?;
        let producers = self.producers.entries();
        Some(CleaningPlan {
            folder: self.folder.clone(),
            config: self.config.clone(),
            sources,
            first_dirty,
            end,
            producers: producers.map(|producer| producer.producer_id).collect(),
            now_ms,
        })
    }

    /// Up to where the log is clean, by a checkpoint. One that does not fit the log (any more) means that nothing is known to
    /// be clean; it is to be forgotten, or it will seem to fit again when the log has grown.
    pub fn first_dirty_offset(&self, checkpoint: Offset) -> Offset {
        let start = self.segments[0].base_offset();
        if (start..=self.log_end_offset()).contains(&checkpoint) { checkpoint } else { start }
    }

    /// Closed segments from the first on: on disk, without open transactions, and older than `min.compaction.lag.ms`.
    fn cleanable_segments(&self, now_ms: TimestampMs) -> impl Iterator<Item = &Segment> {
        let limit = self.recovery_point.min(self.first_unstable_offset().unwrap_or(Offset::MAX));
        let lag_ms = self.config.min_compaction_lag_ms;
        let is_old_enough =
            move |segment: &Segment| lag_ms <= 0 || now_ms.saturating_sub(segment.largest_timestamp()) > lag_ms;
        let closed = &self.segments[..self.segments.len() - 1];
        closed.iter().take_while(move |segment| segment.next_offset() <= limit && is_old_enough(segment))
    }
}

impl Source {
    fn of(segment: &Segment) -> Self {
        Self {
            reader: segment.reader_from_start(),
            base_offset: segment.base_offset(),
            next_offset: segment.next_offset(),
            size: segment.size,
            index_entries: segment.index.len(),
            time_entries: segment.time_index.len(),
        }
    }
}
