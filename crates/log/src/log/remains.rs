//! What a failed write has left behind the batches. A power loss could bring it back, in the place of what was acknowledged
//! with the same offsets or before another segment: nothing is appended before it is off the disk. That is seen to from time
//! to time and without the lock on the log, so that a refused append costs no sync.

use std::io;
use std::sync::Arc;

use barnabas_common::Offset;
use barnabas_common::vfs::{is_of_room, is_passing};
use parking_lot::Mutex;

use super::Log;
use super::flush::Synced;
use crate::error::LogError;
use crate::segment::file::SegmentFile;

/// A cut that is to come to disk; can be run without the lock on the log.
pub struct CutPlan {
    segment: Arc<SegmentFile>,
    synced: Arc<Mutex<Synced>>,
    /// Whether the cut is all that is not on disk.
    is_all: bool,
    truncations: u64,
}

/// How a [`CutPlan`] ended.
pub struct Cut {
    outcome: io::Result<()>,
    is_all: bool,
    base_offset: Offset,
    truncations: u64,
}

impl CutPlan {
    /// Syncs. The result is to be told to [`Log::cut_off`].
    pub fn run(&self) -> Cut {
        // A cut can be made again, records that the kernel has dropped cannot.
        let may_be_repeated = |error: &io::Error| is_passing(error) || (self.is_all && is_of_room(error));
        let files = &self.segment.files;
        let outcome = self.synced.lock().unless_failed(|| files.sync_cut(may_be_repeated), may_be_repeated);
        Cut { outcome, is_all: self.is_all, base_offset: self.segment.base_offset, truncations: self.truncations }
    }
}

impl Log {
    /// Refuses while something is left of a failed write.
    pub(super) fn check_no_remains(&self) -> Result<(), LogError> {
        if !self.active().has_remains {
            return Ok(());
        }
        let what = "a write failed, for lack of room or another reason, and what it left is not off the disk yet; that is tried \
                    again all the time: make room, and appends go on by themselves";
        Err(LogError::Io {
            context: "could not append".into(),
            source: io::Error::new(io::ErrorKind::StorageFull, what),
        })
    }

    /// Cuts off what a failed write has left, if it did; how to bring that to disk. Until then appends are refused.
    pub fn plan_cut(&self) -> Option<CutPlan> {
        let active = self.active();
        if !active.has_remains || self.failure.is_some() {
            return None;
        }
        // Longer first: to be brought to disk it must be a change, even if it was made before.
        let files = &active.file.files;
        let _ = files.set_log_len(active.size + 1);
        files.set_log_len(active.size).ok()?;
        Some(CutPlan {
            segment: active.file.clone(),
            synced: self.synced.clone(),
            is_all: self.recovery_point >= self.log_end_offset(),
            truncations: self.truncations,
        })
    }

    /// Takes note of how a [`CutPlan`] ended. After a lack of room it is planned anew, if nothing but the cut was at stake; else
    /// the log takes no more writes: what of its records is not on disk the kernel may have dropped.
    pub fn cut_off(&mut self, cut: Cut) -> Result<(), LogError> {
        let is_of_now = cut.truncations == self.truncations && cut.base_offset == self.active().base_offset();
        match cut.outcome {
            Ok(()) => {
                self.active_mut().has_remains &= !is_of_now;
                Ok(())
            }
            Err(error) if is_passing(&error) || (cut.is_all && is_of_room(&error)) => {
                Err(LogError::io("could not bring to disk that a failed write was cut off")(error))
            }
            Err(error) => Err(self.fail(format!("could not sync the log: {error}"))),
        }
    }

    /// For those who stop using the log.
    pub(super) fn cut_off_now(&mut self) -> Result<(), LogError> {
        if let Some(plan) = self.plan_cut() {
            self.cut_off(plan.run())?;
        }
        self.check_no_remains()
    }
}
