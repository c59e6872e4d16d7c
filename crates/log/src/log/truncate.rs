//! Cutting off the end of a log, as a follower does that diverged from its leader.

use barnabas_common::vfs::{VfsDir, is_passing};
use barnabas_common::{Offset, TimestampMs};

use super::Log;
use crate::error::LogError;
use crate::producer::ProducerStates;
use crate::segment::{Segment, names};

impl Log {
    /// Removes the batches that end at or after `offset`; whether there were any. The caller lowers the checkpoint of
    /// the recovery point first, or a crash in between looks like lost data.
    pub fn truncate_to(&mut self, offset: Offset, now_ms: TimestampMs) -> Result<bool, LogError> {
        self.check_writable()?;
        if offset >= self.log_end_offset() {
            return Ok(false);
        }
        if offset < self.segments[0].base_offset() {
            self.truncate_fully_and_start_at(offset, now_ms)?;
            return Ok(true);
        }
        let folder = self.folder_in_hand()?;
        self.is_touched = true;
        while self.active().base_offset() > offset {
            let last = self.segments.len() - 1;
            self.schedule_removal(last, &*folder, now_ms)?;
        }
        self.truncations += 1;
        let config = self.config.clone();
        self.active_mut().truncate_to(offset, &config)?;
        let end = self.log_end_offset();
        self.recovery_point = self.recovery_point.min(end);
        self.log_start_offset = self.log_start_offset.min(end);
        self.epochs.truncate_from_end(end);
        self.remove_snapshots_after(end);
        self.sync_truncation(&*folder)?;
        self.load_producers(now_ms)?;
        Ok(true)
    }

    /// Removes everything; the log goes on at `offset`.
    pub fn truncate_fully_and_start_at(&mut self, offset: Offset, now_ms: TimestampMs) -> Result<(), LogError> {
        self.check_writable()?;
        let folder = self.folder_in_hand()?;
        self.is_touched = true;
        // The new segment may get the name of one of them.
        self.set_retired_aside(now_ms)?;
        self.truncations += 1;
        let mut oldest = None;
        for last in (0..self.segments.len()).rev() {
            oldest = Some(self.schedule_removal(last, &*folder, now_ms)?);
        }
        match Segment::create(&self.folder, offset, &self.config, now_ms) {
            Ok(segment) => self.segments.push(segment),
            Err(error) => {
                self.segments.extend(oldest);
                return Err(self.fail(format!("could not start a new segment: {error}")));
            }
        }
        self.names_created += 1;
        self.log_start_offset = offset;
        self.recovery_point = offset;
        self.epochs.clear();
        self.remove_snapshots_after(-1);
        self.producers = ProducerStates::default();
        Ok(())
    }

    /// What was cut off must not come back after a power loss, mixed with what replaces it.
    fn sync_truncation(&mut self, folder: &dyn VfsDir) -> Result<(), LogError> {
        let synced = match self.active().file.files.sync() {
            // Made good for before the next append.
            Err(error) if is_passing(&error) => {
                self.active_mut().has_remains = true;
                Ok(())
            }
            synced => synced,
        };
        let synced = synced.and_then(|()| folder.sync());
        synced.map_err(|error| self.fail(format!("could not sync a truncation: {error}")))
    }

    fn remove_snapshots_after(&mut self, offset: Offset) {
        for snapshot in self.snapshots.split_off(&offset.saturating_add(1)) {
            let _ = self.vfs.remove_file(&names::file_path(&self.dir, snapshot, names::SNAPSHOT));
        }
    }
}
