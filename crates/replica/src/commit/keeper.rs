//! What a journal needs besides being written: the next file made ready, and full ones made free by bringing the segments
//! to disk. Both take long and hold up nobody.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use barnabas_common::vfs::{explained, is_passing};
use tracing::{info, warn};

use super::GroupCommit;

/// How long to wait after a failure that may pass, such as a full disk.
const PAUSE: Duration = Duration::from_secs(5);

/// Works beside the committer.
pub struct Keeper {
    commit: Arc<GroupCommit>,
    /// Whether the last file could not be made: that is told once.
    lacks_file: bool,
}

impl Keeper {
    pub(super) fn new(commit: Arc<GroupCommit>) -> Self {
        Self { commit, lacks_file: false }
    }

    /// Works until [`GroupCommit::stop`] or a failure. `checkpoint` makes the recovery points durable.
    pub fn run(mut self, checkpoint: &dyn Fn() -> io::Result<()>) {
        loop {
            let is_done = self.step(checkpoint);
            if self.commit.failure().is_some() || !self.wait(is_done) {
                return;
            }
        }
    }

    /// Does what there is to do; false if some of it has to be tried again.
    pub(super) fn step(&mut self, checkpoint: &dyn Fn() -> io::Result<()>) -> bool {
        let has_file = self.make_file();
        let (full, max) = {
            let files = self.commit.files.lock();
            (self.commit.full.lock().len(), files.max_files() as usize)
        };
        // Half of the files at a time: one sync of a segment is worth as many records as possible.
        let is_clear = full < (max / 2).max(1) || self.empty_full_files(checkpoint);
        has_file && is_clear
    }

    fn make_file(&mut self) -> bool {
        let another = {
            let files = self.commit.files.lock();
            if files.free_count() > 0 {
                return true;
            }
            files.plan_another()
        };
        let Some(another) = another else { return true };
        match another.make() {
            Ok(file) => {
                self.commit.files.lock().add(file);
                if std::mem::take(&mut self.lacks_file) {
                    info!("there is room for the journal again");
                }
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.lacks_file, true) {
                    warn!(
                        "cannot make a file for the journal: {error}; until there is room (barnabas.journal.bytes says how \
                         much it takes) every acknowledgement syncs its own segment, which is slower"
                    );
                }
                false
            }
        }
    }

    /// Brings to disk what full files hold, and frees them.
    fn empty_full_files(&self, checkpoint: &dyn Fn() -> io::Result<()>) -> bool {
        let coverages: Vec<(u64, Vec<_>)> = self
            .commit
            .full
            .lock()
            .iter()
            .map(|file| (file.generation, file.coverage.values().cloned().collect()))
            .collect();
        let mut generations = Vec::new();
        for (generation, coverage) in coverages {
            let mut is_on_disk = true;
            for (partition, end) in coverage {
                match partition.sync_segments_up_to(end) {
                    // What a log that is gone has not brought to disk, the journal keeps.
                    Ok(synced) => is_on_disk &= synced,
                    // Nothing was synced, and so nothing has failed.
                    Err(error) if is_passing(&error) => {
                        warn!("the journal cannot be emptied for now: {}", explained(error));
                        return false;
                    }
                    Err(error) => {
                        self.commit.fail(&format!("could not sync the log of {}: {error}", partition.topic_partition));
                        return false;
                    }
                }
            }
            generations.extend(is_on_disk.then_some(generation));
        }
        if let Err(error) = self.commit.folders.sync() {
            warn!("the journal cannot be emptied, because new partition folders cannot be made durable: {error}");
            return false;
        }
        if let Err(error) = checkpoint() {
            warn!("the journal cannot be emptied, because the checkpoints cannot be written: {error}");
            return false;
        }
        self.commit.full.lock().retain(|file| !generations.contains(&file.generation));
        let mut files = self.commit.files.lock();
        generations.into_iter().for_each(|generation| files.release(generation));
        true
    }

    /// False when it is time to end.
    fn wait(&self, is_done: bool) -> bool {
        let mut chores = self.commit.chores.lock();
        while !chores.is_stopping && !chores.are_due {
            if is_done {
                self.commit.has_chores.wait(&mut chores);
            } else if self.commit.has_chores.wait_for(&mut chores, PAUSE).timed_out() {
                break;
            }
        }
        chores.are_due = false;
        !chores.is_stopping
    }
}
