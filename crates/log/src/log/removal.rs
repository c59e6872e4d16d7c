//! The files of segments that are out of the log: renamed first, removed after a delay, so that readers that still hold
//! them get to their end. Planned under the lock on the log and done outside of it: appends shall not wait while many or
//! large files go.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::vfs::{Vfs, VfsDir};
use barnabas_common::{Offset, TimestampMs};

use super::Log;
use crate::error::LogError;
use crate::segment::file::SegmentFile;
use crate::segment::files::Folder;
use crate::segment::names;

/// Files that have been renamed and wait to be removed.
pub(super) struct Removal {
    pub due_ms: TimestampMs,
    pub paths: Vec<PathBuf>,
}

/// What is to be done with files, for a caller that does it without the lock. When the log is given up, what is left of it
/// is not done.
pub struct RemovalPlan {
    folder: Arc<Folder>,
    /// Segments that are out of the log and whose files have their names still, oldest first.
    retired: Vec<Arc<SegmentFile>>,
    due: Vec<Removal>,
}

/// What a [`RemovalPlan`] has done. To be told to [`Log::removed`].
#[must_use]
pub struct Removed {
    renamed: Vec<PathBuf>,
    /// Segments whose turn is the next time.
    left: Vec<Arc<SegmentFile>>,
    trouble: Option<io::Error>,
    has_failed_sync: bool,
}

impl RemovalPlan {
    /// Renames and removes.
    pub fn run(self) -> Removed {
        let (vfs, dir) = (&*self.folder.vfs, &*self.folder.path);
        for path in self.due.iter().flat_map(|removal| &removal.paths) {
            let _ = self.folder.in_place().map(|_in_place| remove(vfs, path));
        }
        let mut done = Removed { renamed: Vec::new(), left: Vec::new(), trouble: None, has_failed_sync: false };
        if self.retired.is_empty() {
            return done;
        }
        // Before names are changed: without a file handle to sync them nothing happens.
        let in_hand = match self.folder.in_place().map(|_in_place| vfs.open_dir(dir)) {
            Some(Ok(in_hand)) => in_hand,
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                done.trouble = Some(error);
                done.left = self.retired;
                return done;
            }
            // The folder goes with its topic.
            _ => return done,
        };
        let mut retired = self.retired.iter();
        // Oldest first and never past one that stays, so that no crash leaves a hole.
        while let Some(segment) = retired.next() {
            segment.files.removed(Arc::strong_count(segment) > 1);
            let Some(_in_place) = self.folder.in_place() else { break };
            match set_aside(vfs, dir, segment.base_offset) {
                Ok(paths) => done.renamed.extend(paths),
                Err(error) => {
                    done.trouble = Some(error);
                    done.left = std::iter::once(segment).chain(retired).cloned().collect();
                    break;
                }
            }
        }
        if !done.renamed.is_empty()
            && let Err(error) = in_hand.sync()
            && error.kind() != io::ErrorKind::NotFound
        {
            done.trouble = Some(error);
            done.has_failed_sync = true;
        }
        done
    }
}

impl Log {
    /// What there is to do with files of segments that are out of the log; with `at_once` without waiting for the delay.
    pub fn plan_removal(&mut self, now_ms: TimestampMs, at_once: bool) -> Option<RemovalPlan> {
        let due: Vec<_> = self.removals.extract_if(.., |removal| at_once || removal.due_ms <= now_ms).collect();
        let retired = std::mem::take(&mut self.retired);
        let plan = RemovalPlan { folder: self.folder.clone(), retired, due };
        let is_needed = !plan.retired.is_empty() || !plan.due.is_empty();
        self.is_removing |= is_needed;
        is_needed.then_some(plan)
    }

    /// Takes note of how a [`RemovalPlan`] ended. What could not be done is tried again with the next one.
    pub fn removed(&mut self, done: Removed, now_ms: TimestampMs) -> Result<(), LogError> {
        self.is_removing = false;
        if !done.renamed.is_empty() {
            let due_ms = now_ms.saturating_add(self.config.file_delete_delay_ms);
            self.removals.push(Removal { due_ms, paths: done.renamed });
        }
        self.retired.splice(0..0, done.left);
        match done.trouble {
            None => Ok(()),
            Some(error) if done.has_failed_sync => Err(self.fail(format!("could not sync a deletion: {error}"))),
            Some(error) => Err(LogError::io("could not set deleted segments aside")(error)),
        }
    }

    /// The folder, to be taken in hand before names in it are changed: that there is no file handle to sync them must be
    /// known before.
    pub(crate) fn folder_in_hand(&self) -> Result<Box<dyn VfsDir>, LogError> {
        let failed = || LogError::io(format!("could not open the folder {} to sync it", self.dir.display()));
        self.vfs.open_dir(&self.dir).map_err(failed())
    }

    /// Renames the files of segments that are out of the log, here and now.
    pub(super) fn set_retired_aside(&mut self, now_ms: TimestampMs) -> Result<(), LogError> {
        let retired = std::mem::take(&mut self.retired);
        let plan = RemovalPlan { folder: self.folder.clone(), retired, due: Vec::new() };
        let done = plan.run();
        self.removed(done, now_ms)
    }

    /// Removes files whose delay is over.
    pub(super) fn remove_due_files(&mut self, now_ms: TimestampMs) {
        for removal in self.removals.extract_if(.., |removal| removal.due_ms <= now_ms) {
            removal.paths.iter().for_each(|path| remove(&*self.vfs, path));
        }
    }
}

/// Renames the files of a segment, so that the next start does not take them for a part of the log.
pub(super) fn set_aside(vfs: &dyn Vfs, dir: &Path, base_offset: Offset) -> io::Result<Vec<PathBuf>> {
    let mut renamed = Vec::new();
    // The log file last: an index without its log means that a log file was lost.
    for extension in [names::SNAPSHOT, names::INDEX, names::TIME_INDEX, names::TXN_INDEX, names::LOG] {
        let path = names::file_path(dir, base_offset, extension);
        let target = names::file_path(dir, base_offset, &format!("{extension}{}", names::DELETED_SUFFIX));
        match vfs.rename(&path, &target) {
            Ok(()) => renamed.push(target),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(renamed)
}

fn remove(vfs: &dyn Vfs, path: &Path) {
    if let Err(error) = vfs.remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("could not remove {}: {error}", path.display());
    }
}
