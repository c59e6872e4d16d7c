//! Making the log durable, closing it, and what has to be done from time to time. A failed sync is never tried again:
//! the kernel may have dropped the pages, so the log takes no more writes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use barnabas_common::vfs::{Vfs, is_passing};
use barnabas_common::{Offset, TimestampMs};
use parking_lot::Mutex;

use super::Log;
use crate::error::LogError;
use crate::segment::Segment;
use crate::segment::file::SegmentFile;
use crate::segment::files::Part;
use crate::segment::load::Load;

/// A sync that can run without the lock on the log.
pub struct FlushPlan {
    files: Vec<Arc<SegmentFile>>,
    vfs: Arc<dyn Vfs>,
    dir: Arc<Path>,
    /// How many names there were in the folder.
    names_created: u64,
    synced: Arc<Mutex<Synced>>,
    done: Flushed,
}

/// What all flushes of a log share, with and without the lock on the log. They take turns: the kernel tells a failure once,
/// to whoever syncs first, and what one of them promises may rest on what another one has begun.
#[derive(Default)]
pub(crate) struct Synced {
    names: u64,
    has_failed: bool,
}

impl Synced {
    /// Makes the names of files durable, unless others have been there first.
    fn sync_names(&mut self, vfs: &dyn Vfs, dir: &Path, names_created: u64) -> io::Result<()> {
        self.check()?;
        if self.names < names_created {
            self.noted(vfs.sync_dir(dir))?;
            self.names = names_created;
        }
        Ok(())
    }

    /// Syncs, unless that has failed before in a way that must not be tried again.
    pub(super) fn unless_failed(
        &mut self,
        sync: impl FnOnce() -> io::Result<()>,
        may_be_repeated: impl Fn(&io::Error) -> bool,
    ) -> io::Result<()> {
        self.check()?;
        sync().inspect_err(|error| self.has_failed |= !may_be_repeated(error))
    }

    fn check(&self) -> io::Result<()> {
        if self.has_failed { Err(io::Error::other(FailedBefore)) } else { Ok(()) }
    }

    fn noted(&mut self, result: io::Result<()>) -> io::Result<()> {
        self.has_failed |= result.as_ref().is_err_and(|error| !is_passing(error));
        result
    }
}

#[derive(Debug, thiserror::Error)]
#[error("an earlier sync of this log failed")]
struct FailedBefore;

/// Whether the error says nothing new: an earlier sync of the log has failed, and whoever ran it has said so.
pub fn has_failed_before(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<FailedBefore>())
}

/// What a [`FlushPlan`] has made durable.
#[derive(Clone, Copy, Debug)]
pub struct Flushed {
    up_to: Offset,
    /// Of the log when the plan was made; a truncation since then makes the offset meaningless.
    truncations: u64,
}

impl FlushPlan {
    /// Syncs. The result is to be told to [`Log::flushed`].
    pub fn run(&self) -> io::Result<Flushed> {
        let mut synced = self.synced.lock();
        synced.sync_names(&*self.vfs, &self.dir, self.names_created)?;
        for segment in &self.files {
            synced.noted(segment.files.sync())?;
        }
        Ok(self.done)
    }
}

impl Log {
    /// Makes everything appended so far survive a power loss.
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.check_writable()?;
        let end = self.log_end_offset();
        if self.recovery_point >= end {
            return Ok(());
        }
        let result = self.flush_plan(end).run();
        self.flushed(result)
    }

    /// How to bring closed segments to disk that are not there yet, for a caller that does it without the lock: appends
    /// shall not wait for it. `None` if all of them are.
    pub fn plan_flush_of_closed(&self) -> Option<FlushPlan> {
        let closed_end = self.closed_end();
        let is_due = self.failure.is_none() && self.recovery_point < closed_end;
        is_due.then(|| self.flush_plan(closed_end))
    }

    /// The same for everything that has been appended. Also for a log that takes no more writes: what it took before, others
    /// may rely on.
    pub fn plan_flush(&self) -> Option<FlushPlan> {
        let end = self.log_end_offset();
        (self.recovery_point < end).then(|| self.flush_plan(end))
    }

    /// From now on somebody else makes appends durable, before they are acknowledged: `flush.messages` and `flush.ms` have
    /// nothing left to do.
    pub fn leave_syncs_to_journal(&mut self) {
        self.is_journaled = true;
    }

    /// Takes note of how a [`FlushPlan`] ended.
    pub fn flushed(&mut self, result: io::Result<Flushed>) -> Result<(), LogError> {
        match result {
            Ok(done) if done.truncations == self.truncations => {
                self.recovery_point = self.recovery_point.max(done.up_to);
                Ok(())
            }
            Ok(_) => Ok(()),
            // Nothing was synced, and so nothing has failed: it may be tried again.
            Err(error) if is_passing(&error) => Err(LogError::io("could not open a file to sync it")(error)),
            Err(error) => Err(self.fail(format!("could not sync the log: {error}"))),
        }
    }

    /// Work for a timer: removes files whose time has come, forgets idle producers, flushes by `flush.ms`, and repairs
    /// what could not be written before.
    pub fn tick(&mut self, now_ms: TimestampMs) -> Result<(), LogError> {
        self.remove_due_files(now_ms);
        if !self.config.preallocate {
            self.active_mut().trim_if_quiet(now_ms);
        }
        self.producers.expire(now_ms, self.config.producer_id_expiration_ms);
        self.epochs.save();
        self.rebuild_suspect_indexes(now_ms)?;
        let flushes = self.failure.is_none() && !self.is_journaled;
        if flushes && now_ms.saturating_sub(self.last_flush_ms) >= self.config.flush_ms {
            self.last_flush_ms = now_ms;
            self.flush()?;
        }
        Ok(())
    }

    /// Flushes and completes all files, so that the next open need not look closely. The log is not to be used after.
    pub fn close(&mut self) -> Result<(), LogError> {
        self.flush()?;
        self.cut_off_now()?;
        if !self.is_touched || self.is_blank() {
            return Ok(());
        }
        self.active().trim_file().map_err(LogError::io("could not close the log"))?;
        let active = self.active_mut();
        active.finish_indexes();
        let _ = active.index.sync();
        let _ = active.time_index.sync();
        self.epochs.save();
        let end = self.log_end_offset();
        self.take_producer_snapshot(end);
        self.sync_names()
    }

    /// Whether nothing was ever in the log: what is missing of its files the next open makes again.
    fn is_blank(&self) -> bool {
        self.log_end_offset() == 0 && self.segments.len() == 1 && !self.config.preallocate
    }

    pub(super) fn flush_if_due(&mut self, now_ms: TimestampMs) -> Result<(), LogError> {
        let unflushed = self.log_end_offset() - self.recovery_point;
        if unflushed >= self.config.flush_messages && !self.is_journaled {
            self.last_flush_ms = now_ms;
            self.flush()?;
        }
        Ok(())
    }

    /// The way to have everything before `end` on disk: in the order of the log, so that what is there has no hole.
    fn flush_plan(&self, end: Offset) -> FlushPlan {
        let is_needed = |s: &&Segment| s.next_offset() > self.recovery_point && s.base_offset() < end;
        let files = self.segments.iter().filter(is_needed).map(|s| s.file.clone()).collect();
        let (vfs, dir, synced) = (self.vfs.clone(), self.dir.clone(), self.synced.clone());
        let done = Flushed { up_to: end, truncations: self.truncations };
        FlushPlan { files, vfs, dir, names_created: self.names_created, synced, done }
    }

    fn sync_names(&mut self) -> Result<(), LogError> {
        let result = self.synced.lock().sync_names(&*self.vfs, &self.dir, self.names_created);
        result.map_err(|error| self.fail(format!("could not sync the folder: {error}")))
    }

    fn rebuild_suspect_indexes(&mut self, now_ms: TimestampMs) -> Result<(), LogError> {
        for segment in self.segments.iter_mut().filter(|s| s.file.take_index_suspicion()) {
            let path = segment.file.files.path(Part::Log);
            tracing::warn!("{}: an index does not fit the log; rebuilding it", path.display());
            let base_offset = segment.base_offset();
            let load = Load { folder: &self.folder, base_offset, config: &self.config, now_ms };
            let loaded = load.fully().map_err(LogError::io("could not rebuild an index"))?;
            if loaded.segment.size == segment.size {
                *segment = loaded.segment;
            }
        }
        Ok(())
    }
}
