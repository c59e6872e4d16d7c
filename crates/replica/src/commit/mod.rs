//! Group commit: one thread per log directory makes durable what has been appended to all partitions in it, in groups that
//! grow with the load. There is no timer: a group is what was appended while the one before was on its way to the disk.
//!
//! Small appends go to the journal of the directory; large ones sync their own segment instead, so that bytes are not
//! written twice. While no journal file is free, everything syncs its segment.
//!
//! **Invariant:** a synced segment counts only if the name of its folder is on disk, too (`folders.rs`).
//!
//! **Invariant:** the high watermark of a partition, and with it everything readers see, covers durable records only.
//!
//! **Invariant:** a failed write or sync is never tried again. The directory is given up; nothing that waits is acknowledged.

mod committer;
mod counters;
mod folders;
mod keeper;
mod recover;
mod ticket;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod test_broker;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use barnabas_common::Offset;
use barnabas_log::{FlushPlan, JournalEntry, JournalFiles, JournalWriter};
use parking_lot::{Condvar, Mutex};

use crate::partition::Partition;
pub use committer::Committer;
use counters::Counters;
pub use counters::JournalFigures;
pub use folders::NewFolders;
pub use keeper::Keeper;
pub use recover::{Holder, recover};
use ticket::Progress;
pub use ticket::{NotDurable, Ticket, Tickets};

/// Appends of this size and more sync their segment. Below, writing the bytes twice is cheaper than a sync of a growing file.
pub(crate) const SYNC_SEGMENT_FROM_BYTES: usize = 256 << 10;
/// More than this on its way to the disk, and producers wait even if they did not ask to.
const BEHIND_BYTES: usize = 32 << 20;

/// Figures that are not to be had sooner are left out.
const LONGEST_LOOK: Duration = Duration::from_millis(50);

/// The way to the disk for all partitions of one log directory.
pub struct GroupCommit {
    queue: Mutex<Queue>,
    not_empty: Condvar,
    queued_bytes: AtomicUsize,
    has_synced_closed: AtomicBool,
    progress: Arc<Progress>,
    files: Mutex<JournalFiles>,
    folders: Arc<NewFolders>,
    /// What full files hold, oldest first.
    full: Mutex<VecDeque<FullFile>>,
    chores: Mutex<Chores>,
    has_chores: Condvar,
    counters: Counters,
    on_failure: OnFailure,
    sync_timer: SyncTimer,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Submitted>,
    last_number: u64,
    is_stopping: bool,
}

/// Something appended that is not durable yet.
struct Submitted {
    partition: Arc<Partition>,
    entry: JournalEntry,
    end: Offset,
    /// Of a large append.
    flush: Option<FlushPlan>,
}

/// Up to where partitions are in a journal file.
type Coverage = HashMap<usize, (Arc<Partition>, Offset)>;

struct FullFile {
    generation: u64,
    coverage: Coverage,
}

#[derive(Default)]
struct Chores {
    are_due: bool,
    is_stopping: bool,
}

/// What a failed directory is told to.
pub type OnFailure = Box<dyn Fn(&str) + Send + Sync>;

/// Runs each sync of the journal, and may look at a clock before and after.
pub type SyncTimer = Box<dyn Fn(&mut dyn FnMut() -> io::Result<()>) -> io::Result<()> + Send + Sync>;

impl GroupCommit {
    /// The handle for partitions, and the two loops that work for it: each belongs on a thread of its own.
    pub fn new(
        files: JournalFiles,
        folders: Arc<NewFolders>,
        on_failure: OnFailure,
        sync_timer: SyncTimer,
    ) -> (Arc<GroupCommit>, Committer, Keeper) {
        let commit = Arc::new(GroupCommit {
            queue: Mutex::default(),
            not_empty: Condvar::new(),
            queued_bytes: AtomicUsize::new(0),
            has_synced_closed: AtomicBool::new(false),
            progress: Arc::default(),
            files: Mutex::new(files),
            folders,
            full: Mutex::default(),
            chores: Mutex::default(),
            has_chores: Condvar::new(),
            counters: Counters::default(),
            on_failure,
            sync_timer,
        });
        let committer = Committer::new(Arc::clone(&commit), JournalWriter::default());
        let keeper = Keeper::new(Arc::clone(&commit));
        (commit, committer, keeper)
    }

    /// Queues what was appended; to be called under the partition's lock, so that the queue has the order of the log.
    pub(crate) fn submit(
        &self,
        partition: &Arc<Partition>,
        entry: JournalEntry,
        end: Offset,
        flush: Option<FlushPlan>,
    ) -> Ticket {
        let bytes = entry.batches.len();
        let partition = Arc::clone(partition);
        let mut queue = self.queue.lock();
        queue.last_number += 1;
        let number = queue.last_number;
        queue.waiting.push(Submitted { partition, entry, end, flush });
        let was_empty = queue.waiting.len() == 1;
        drop(queue);
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if was_empty {
            self.not_empty.notify_one();
        }
        Ticket::new(Arc::clone(&self.progress), number)
    }

    /// Waits for everything that has been submitted so far.
    pub fn ticket_of_last(&self) -> Ticket {
        let number = self.queue.lock().last_number;
        Ticket::new(Arc::clone(&self.progress), number)
    }

    /// Whether the disk is so far behind that nobody should append without waiting.
    pub fn is_behind(&self) -> bool {
        self.queued_bytes.load(Ordering::Relaxed) > BEHIND_BYTES && self.failure().is_none()
    }

    pub(crate) fn closed_segment_synced(&self) {
        self.has_synced_closed.store(true, Ordering::Relaxed);
    }

    /// Whether closed segments have come to disk since this was asked last: worth a checkpoint, so that damage to them is
    /// not taken for what a power loss leaves.
    pub fn take_synced_closed(&self) -> bool {
        self.has_synced_closed.swap(false, Ordering::Relaxed)
    }

    /// Whether there is room for a journal at all; else every append syncs its segment.
    pub fn has_journal(&self) -> bool {
        self.files.lock().max_files() > 0
    }

    /// For metrics.
    pub fn figures(&self) -> JournalFigures {
        // Held while the next file is begun: a scrape does not wait for a disk that hangs.
        let files = self.files.try_lock_for(LONGEST_LOOK);
        self.counters.figures(files.map(|files| (files.free_count(), files.used_count())))
    }

    /// Why nothing can be made durable any more.
    pub fn failure(&self) -> Option<&str> {
        self.progress.failure()
    }

    /// Lets both loops end: the committer when everything submitted is durable.
    pub fn stop(&self) {
        self.queue.lock().is_stopping = true;
        self.not_empty.notify_all();
        self.chores.lock().is_stopping = true;
        self.has_chores.notify_all();
    }

    fn is_stopping(&self) -> bool {
        self.queue.lock().is_stopping
    }

    /// Gives the directory up.
    fn fail(&self, reason: &str) {
        if self.progress.fail(reason) {
            self.queue.lock().waiting.clear();
            (self.on_failure)(reason);
        }
    }

    fn ask_keeper(&self) {
        self.chores.lock().are_due = true;
        self.has_chores.notify_one();
    }

    /// Waits for something to do; none when it is time to end.
    fn take(&self, into: &mut Vec<Submitted>) -> Option<u64> {
        let mut queue = self.queue.lock();
        while queue.waiting.is_empty() {
            if queue.is_stopping {
                return None;
            }
            self.not_empty.wait(&mut queue);
        }
        std::mem::swap(&mut queue.waiting, into);
        Some(queue.last_number)
    }
}
