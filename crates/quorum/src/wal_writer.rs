//! The thread that writes the quorum's log, so that no async worker ever waits for a disk. One lane for votes,
//! entries and all else, in the order in which they were handed in; what waits is written and synced together.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::wal::{Record, Wal};

/// A group is written when it has this many bytes even if more waits.
const GROUP_BYTES: usize = 8 << 20;

type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

struct Job {
    records: Vec<Record>,
    done: Done,
}

/// Why the log stopped for good, once it did.
pub(crate) type FailureCell = Arc<OnceLock<String>>;

/// The way to the writing thread, which ends by itself when this is dropped.
pub(crate) struct WalWriter {
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failure: FailureCell,
}

impl WalWriter {
    /// Starts the thread.
    pub(crate) fn spawn(wal: Wal, failure: FailureCell) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let cell = failure.clone();
        let thread =
            std::thread::Builder::new().name("metadata-wal".to_owned()).spawn(move || run(wal, &receiver, &cell))?;
        Ok(Self { jobs: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), failure })
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

    /// Writes what was handed in and ends the thread. Blocks.
    pub(crate) fn stop(&self) {
        drop(self.jobs.lock().take());
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            let _ = self.failure.set("the thread that writes the metadata log panicked".to_owned());
        }
    }
}

fn stopped(failure: &FailureCell) -> io::Error {
    io::Error::other(failure.get().cloned().unwrap_or_else(|| "the metadata log is closed".to_owned()))
}

fn run(mut wal: Wal, jobs: &Receiver<Job>, failure: &FailureCell) {
    while let Ok(first) = jobs.recv() {
        let (records, waiting) = group(first, jobs);
        if failure.get().is_some() {
            // What a failed sync left on disk is unknown: nothing may be written after it, and it is not retried.
            waiting.into_iter().for_each(|done| done(Err(stopped(failure))));
            continue;
        }
        let purged = records.iter().any(|record| matches!(record, Record::Purged(..)));
        if let Err(e) = wal.append(records) {
            fail(failure, &e);
            waiting.into_iter().for_each(|done| done(Err(stopped(failure))));
            continue;
        }
        waiting.into_iter().for_each(|done| done(Ok(())));
        if purged && let Err(e) = wal.compact_if_worthwhile() {
            fail(failure, &e);
        }
    }
}

fn fail(failure: &FailureCell, error: &io::Error) {
    tracing::error!(%error, "the metadata log cannot be written, and takes no more commands until a restart");
    let _ = failure.set(format!("the metadata log cannot be written: {error}"));
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
