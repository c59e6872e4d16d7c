//! Deleting old segments, by age, size and log start offset: which ones, and taking them out of the log. What happens to
//! their files is in `removal.rs`.

use std::io;

use barnabas_common::vfs::VfsDir;
use barnabas_common::{Offset, TimestampMs};

use super::Log;
use super::removal::{self, Removal};
use crate::error::{LogError, OffsetOutOfRange};
use crate::segment::Segment;

/// Why a segment was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionReason {
    /// Below the log start offset, as DeleteRecords left it.
    LogStartOffset,
    RetentionBytes,
    RetentionMs,
}

/// A segment that was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedSegment {
    pub base_offset: Offset,
    pub next_offset: Offset,
    pub size_bytes: u64,
    pub reason: DeletionReason,
}

impl Log {
    /// Deletes segments that retention does not keep, with their files: for callers that hold up nobody.
    pub fn apply_retention(
        &mut self,
        now_ms: TimestampMs,
        high_watermark: Offset,
    ) -> Result<Vec<DeletedSegment>, LogError> {
        let retired = self.retire_expired(now_ms, high_watermark)?;
        self.set_retired_aside(now_ms)?;
        Ok(retired)
    }

    /// Takes segments out of the log that retention does not keep, never above the high watermark. Moves the log start
    /// offset. Their files are left to [`Log::plan_removal`]: appends shall not wait for them.
    pub fn retire_expired(
        &mut self,
        now_ms: TimestampMs,
        high_watermark: Offset,
    ) -> Result<Vec<DeletedSegment>, LogError> {
        self.check_writable()?;
        let mut deleted = Vec::new();
        let start = self.log_start_offset;
        self.delete_while(now_ms, high_watermark, DeletionReason::LogStartOffset, &mut deleted, |_, next_base| {
            next_base.is_some_and(|base| base <= start)
        })?;
        if !self.config.cleanup_policy.delete {
            return Ok(deleted);
        }
        if let Ok(limit) = u64::try_from(self.config.retention_bytes) {
            let mut excess = self.size_bytes().saturating_sub(limit);
            self.delete_while(now_ms, high_watermark, DeletionReason::RetentionBytes, &mut deleted, |segment, _| {
                let fits = segment.size <= excess && excess > 0;
                excess = excess.saturating_sub(segment.size);
                fits
            })?;
        }
        if self.config.retention_ms >= 0 {
            let limit = self.config.retention_ms;
            self.delete_while(now_ms, high_watermark, DeletionReason::RetentionMs, &mut deleted, |segment, _| {
                now_ms.saturating_sub(segment.largest_timestamp()) > limit
            })?;
        }
        Ok(deleted)
    }

    /// Deletes the oldest segments for which `is_due` holds, up to the first for which it does not.
    fn delete_while(
        &mut self,
        now_ms: TimestampMs,
        high_watermark: Offset,
        reason: DeletionReason,
        deleted: &mut Vec<DeletedSegment>,
        mut is_due: impl FnMut(&Segment, Option<Offset>) -> bool,
    ) -> Result<(), LogError> {
        let is_deletable = |i: &usize| {
            let segment = &self.segments[*i];
            let next_base = self.segments.get(i + 1).map(Segment::base_offset);
            let is_empty_active = next_base.is_none() && segment.size == 0;
            !is_empty_active
                && next_base.unwrap_or(segment.next_offset()) <= high_watermark
                && is_due(segment, next_base)
        };
        let mut count = (0..self.segments.len()).take_while(is_deletable).count();
        if count > 0 && count == self.segments.len() {
            match self.roll(now_ms) {
                Ok(()) => {}
                // No room for a new segment: delete what can be without one.
                Err(LogError::Io { .. }) => count -= 1,
                Err(other) => return Err(other),
            }
        }
        self.is_touched |= count > 0;
        for segment in self.segments.drain(..count) {
            self.snapshots.remove(&segment.base_offset());
            self.retired.push(segment.file.clone());
            deleted.push(DeletedSegment {
                base_offset: segment.base_offset(),
                next_offset: segment.next_offset(),
                size_bytes: segment.size,
                reason,
            });
        }
        self.raise_log_start(self.segments[0].base_offset());
        Ok(())
    }

    /// Starts a new segment if nothing of the present one can be read any more, so that its room can be given back at
    /// once. Otherwise that waits until it is full.
    pub fn roll_if_all_is_deleted(&mut self, now_ms: TimestampMs) -> Result<(), LogError> {
        let is_all_deleted = self.log_start_offset >= self.log_end_offset() && self.active().size > 0;
        if is_all_deleted { self.roll(now_ms) } else { Ok(()) }
    }

    /// Makes records before `offset` unreadable (DeleteRecords); whether it moved. The caller writes the checkpoint.
    pub fn increment_log_start_offset(&mut self, offset: Offset) -> Result<bool, OffsetOutOfRange> {
        if offset > self.log_end_offset() {
            return Err(self.out_of_range(offset));
        }
        let moves = offset > self.log_start_offset;
        self.raise_log_start(offset);
        Ok(moves)
    }

    fn raise_log_start(&mut self, offset: Offset) {
        if offset > self.log_start_offset {
            self.log_start_offset = offset;
            self.epochs.truncate_from_start(offset);
        }
    }

    /// Takes a segment out of the log. This is made durable at once, so that a power loss leaves no hole.
    pub(super) fn schedule_removal(
        &mut self,
        index: usize,
        folder: &dyn VfsDir,
        now_ms: TimestampMs,
    ) -> Result<Segment, LogError> {
        let base_offset = self.segments[index].base_offset();
        let removed = self.remove_files_of(base_offset, now_ms).and_then(|()| folder.sync());
        match removed {
            Ok(()) => Ok(self.segments.remove(index)),
            Err(error) => Err(self.fail(format!("could not delete segment {base_offset}: {error}"))),
        }
    }

    /// Renames the files of a segment; they are removed after the delay. The caller syncs the folder.
    pub(crate) fn remove_files_of(&mut self, base_offset: Offset, now_ms: TimestampMs) -> io::Result<()> {
        self.is_touched = true;
        if let Ok(at) = self.segments.binary_search_by_key(&base_offset, Segment::base_offset) {
            self.segments[at].file.files.removed(true);
        }
        self.snapshots.remove(&base_offset);
        let paths = removal::set_aside(&*self.vfs, &self.dir, base_offset)?;
        let due_ms = now_ms.saturating_add(self.config.file_delete_delay_ms);
        self.removals.push(Removal { due_ms, paths });
        Ok(())
    }
}
