//! The thread that writes the quorum's log, so that no async worker ever waits for a disk. One lane for votes,
//! entries and all else, in the order in which they were handed in; what waits is written and synced together.
//!
//! For openraft an error of the log is the end. A full disk passes, so it is told none: the thread waits for room, and who
//! proposes looks at [`WalWriter::lacks_room`] first.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use barnabas_common::vfs::{is_of_room, is_passing};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::wal::{Record, Wal};

/// A group is written when it has this many bytes even if more waits.
const GROUP_BYTES: usize = 8 << 20;
/// How often a full disk is tried again.
const LOOK_FOR_ROOM_EVERY: Duration = Duration::from_millis(200);

type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

struct Job {
    records: Vec<Record>,
    done: Done,
}

/// Why the log stopped for good, once it did; wakes who waits for it.
pub(crate) type FailureCell = Arc<Failure>;

#[derive(Default)]
pub(crate) struct Failure {
    reason: OnceLock<String>,
    pub(crate) told: Notify,
}

impl Failure {
    pub(crate) fn get(&self) -> Option<&String> {
        self.reason.get()
    }

    fn set(&self, reason: String) {
        let _ = self.reason.set(reason);
        self.told.notify_waiters();
    }
}

/// The way to the writing thread, which ends by itself when this is dropped.
pub(crate) struct WalWriter {
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failure: FailureCell,
    lacks_room: watch::Receiver<bool>,
    is_stopping: Arc<AtomicBool>,
}

/// What the thread works with.
struct Writing {
    wal: Wal,
    failure: FailureCell,
    lacks_room: watch::Sender<bool>,
    is_stopping: Arc<AtomicBool>,
}

impl WalWriter {
    /// Starts the thread.
    pub(crate) fn spawn(wal: Wal, failure: FailureCell) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let (tell_room, lacks_room) = watch::channel(false);
        let is_stopping = Arc::new(AtomicBool::new(false));
        let writing =
            Writing { wal, failure: failure.clone(), lacks_room: tell_room, is_stopping: is_stopping.clone() };
        let thread =
            std::thread::Builder::new().name("metadata-wal".to_owned()).spawn(move || writing.run(&receiver))?;
        let (jobs, thread) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { jobs, thread, failure, lacks_room, is_stopping })
    }

    /// Whether records wait for room on the disk.
    pub(crate) fn lacks_room(&self) -> watch::Receiver<bool> {
        self.lacks_room.clone()
    }

    /// Hands records in; `done` is called once they are on disk, or never will be.
    pub(crate) fn submit(&self, records: Vec<Record>, done: impl FnOnce(io::Result<()>) + Send + 'static) {
        let job = Job { records, done: Box::new(done) };
        let unsent = match &*self.jobs.lock() {
            Some(jobs) => jobs.send(job).err().map(|e| e.0),
            None => Some(job),
        };
        if let Some(job) = unsent {
            (job.done)(Err(stopped(&self.failure)));
        }
    }

    /// From now on nothing waits for room any more: who ends must not wait for a disk that stays full.
    pub(crate) fn begin_stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Writes what was handed in, if there is room for it, and ends the thread. Blocks.
    pub(crate) fn stop(&self) {
        self.begin_stop();
        drop(self.jobs.lock().take());
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            self.failure.set("the thread that writes the metadata log panicked".to_owned());
        }
    }
}

fn stopped(failure: &FailureCell) -> io::Error {
    io::Error::other(failure.get().cloned().unwrap_or_else(|| "the metadata log is closed".to_owned()))
}

impl Writing {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let (records, waiting) = group(first, jobs);
            if self.failure.get().is_some() {
                // What a failed sync left on disk is unknown: nothing may be written after it, and it is not retried.
                waiting.into_iter().for_each(|done| done(Err(stopped(&self.failure))));
                continue;
            }
            if let Err(e) = self.append(&records) {
                self.fail(&e);
                waiting.into_iter().for_each(|done| done(Err(stopped(&self.failure))));
                continue;
            }
            waiting.into_iter().for_each(|done| done(Ok(())));
            let purged = records.iter().any(|record| matches!(record, Record::Purged(..)));
            if purged && let Err(e) = self.wal.compact_if_worthwhile() {
                self.fail(&e);
            }
        }
    }

    /// Appends when there is room for it.
    fn append(&mut self, records: &[Record]) -> io::Result<()> {
        loop {
            match self.wal.append(records) {
                Err(e) if (is_of_room(&e) || is_passing(&e)) && !self.is_stopping.load(Ordering::Relaxed) => {
                    if !self.lacks_room.send_replace(true) {
                        tracing::error!(error = %e, "the metadata cannot be changed until there is room on its disk");
                    }
                    std::thread::sleep(LOOK_FOR_ROOM_EVERY);
                }
                written => {
                    if written.is_ok() && self.lacks_room.send_replace(false) {
                        tracing::info!("there is room for metadata again");
                    }
                    return written;
                }
            }
        }
    }

    fn fail(&self, error: &io::Error) {
        tracing::error!(%error, "the metadata log cannot be written, and takes no more commands until a restart");
        self.failure.set(format!("the metadata log cannot be written: {error}"));
    }
}

fn group(first: Job, jobs: &Receiver<Job>) -> (Vec<Record>, Vec<Done>) {
    let mut bytes = size(&first.records);
    let (mut records, mut waiting) = (first.records, vec![first.done]);
    while bytes < GROUP_BYTES
        && let Ok(job) = jobs.try_recv()
    {
        bytes += size(&job.records);
        records.extend(job.records);
        waiting.push(job.done);
    }
    (records, waiting)
}

fn size(records: &[Record]) -> usize {
    let body = |record: &Record| match record {
        Record::Vote(body) | Record::Committed(body) | Record::Purged(_, body) | Record::Entry(_, body) => body.len(),
        Record::Truncated(_) => 0,
    };
    records.iter().map(body).sum()
}
