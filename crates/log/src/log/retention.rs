//! Deleting old segments, by age, size and log start offset. Files are renamed first and removed after a delay.

use std::io;
use std::path::PathBuf;

use barnabas_common::{Offset, TimestampMs};

use super::Log;
use crate::error::{LogError, OffsetOutOfRange};
use crate::segment::{Segment, names};

/// Files that have been renamed and wait to be removed.
pub(super) struct Removal {
    due_ms: TimestampMs,
    paths: Vec<PathBuf>,
}

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
    /// Deletes segments that retention does not keep, never above the high watermark. Moves the log start offset.
    pub fn apply_retention(
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
        for _ in 0..count {
            let segment = &self.segments[0];
            let info = DeletedSegment {
                base_offset: segment.base_offset(),
                next_offset: segment.next_offset(),
                size_bytes: segment.size,
                reason,
            };
            self.schedule_removal(0, now_ms)?;
            deleted.push(info);
            self.raise_log_start(self.segments[0].base_offset());
        }
        Ok(())
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
    pub(super) fn schedule_removal(&mut self, index: usize, now_ms: TimestampMs) -> Result<Segment, LogError> {
        let base_offset = self.segments[index].base_offset();
        let removed = self.remove_files_of(base_offset, now_ms).and_then(|()| self.vfs.sync_dir(&self.dir));
        match removed {
            Ok(()) => Ok(self.segments.remove(index)),
            Err(error) => Err(self.fail(format!("could not delete segment {base_offset}: {error}"))),
        }
    }

    /// Renames the files of a segment; they are removed after the delay. The caller syncs the folder.
    pub(crate) fn remove_files_of(&mut self, base_offset: Offset, now_ms: TimestampMs) -> io::Result<()> {
        let paths = self.rename_segment(base_offset)?;
        self.is_touched = true;
        let due_ms = now_ms.saturating_add(self.config.file_delete_delay_ms);
        self.removals.push(Removal { due_ms, paths });
        Ok(())
    }

    fn rename_segment(&mut self, base_offset: Offset) -> io::Result<Vec<PathBuf>> {
        if let Ok(at) = self.segments.binary_search_by_key(&base_offset, Segment::base_offset) {
            self.segments[at].file.files.removed(true);
        }
        let mut renamed = Vec::new();
        // The log file last: an index without its log means that a log file was lost.
        for extension in [names::SNAPSHOT, names::INDEX, names::TIME_INDEX, names::TXN_INDEX, names::LOG] {
            let path = names::file_path(&self.dir, base_offset, extension);
            let target = names::file_path(&self.dir, base_offset, &format!("{extension}{}", names::DELETED_SUFFIX));
            match self.vfs.rename(&path, &target) {
                Ok(()) => renamed.push(target),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        self.snapshots.remove(&base_offset);
        Ok(renamed)
    }

    /// Removes files whose delay is over.
    pub(super) fn remove_due_files(&mut self, now_ms: TimestampMs) {
        for removal in self.removals.extract_if(.., |r| r.due_ms <= now_ms) {
            for path in removal.paths {
                if let Err(error) = self.vfs.remove_file(&path)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!("could not remove {}: {error}", path.display());
                }
            }
        }
    }
}
