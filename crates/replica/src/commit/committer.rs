//! The loop that makes appends durable, one group after the other.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use barnabas_common::vfs::{is_of_room, is_passing};
use barnabas_log::JournalWriter;
use tracing::{error, info};

use super::{Coverage, FullFile, GroupCommit, SYNC_SEGMENT_FROM_BYTES, Submitted};
use crate::partition::{HANDLE_PAUSE, Partition};

/// A group is written in parts of this size, so that its buffer stays small.
const MAX_GROUP_BYTES: u64 = 4 << 20;

/// The only writer of a journal.
pub struct Committer {
    commit: Arc<GroupCommit>,
    writer: JournalWriter,
    /// Of the file that is being written.
    coverage: Coverage,
    /// Of the keeper, since the present file was begun.
    asked_for_file: bool,
}

/// Nobody may wait for ever for a thread that is gone.
struct FailOnPanic(Arc<GroupCommit>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("the journal's thread has panicked");
        }
    }
}

fn key(partition: &Arc<Partition>) -> usize {
    Arc::as_ptr(partition) as usize
}

impl Committer {
    pub(super) fn new(commit: Arc<GroupCommit>, writer: JournalWriter) -> Self {
        Self { commit, writer, coverage: Coverage::new(), asked_for_file: false }
    }

    /// Works until [`GroupCommit::stop`] or a failure.
    pub fn run(mut self) {
        let _guard = FailOnPanic(Arc::clone(&self.commit));
        let mut batch = Vec::new();
        while self.step(&mut batch) {}
    }

    /// Waits for appends and makes them durable. False when it is time to end.
    pub(super) fn step(&mut self, batch: &mut Vec<Submitted>) -> bool {
        let Some(last) = self.commit.take(batch) else { return false };
        let outcome = self.make_durable(batch);
        let bytes = batch.iter().map(|submitted| submitted.entry.batches.len()).sum();
        self.commit.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let Err(error) = outcome {
            self.commit.fail(&format!("could not make records durable: {error}"));
            return false;
        }
        for submitted in batch.drain(..) {
            submitted.partition.durable_up_to(submitted.end);
        }
        self.commit.progress.advance(last);
        true
    }

    fn make_durable(&mut self, batch: &[Submitted]) -> io::Result<()> {
        let synced = self.sync_large(batch)?;
        let is_small = |submitted: &&Submitted| !synced.contains(&key(&submitted.partition));
        let small: Vec<&Submitted> = batch.iter().filter(is_small).collect();
        self.commit.counters.bypassed(batch.len() - small.len());
        let mut rest = &small[..];
        while !rest.is_empty() {
            let group = first_group(rest, self.commit.files.lock().room_bytes().min(MAX_GROUP_BYTES));
            self.write(&rest[..group])?;
            rest = &rest[group..];
        }
        Ok(())
    }

    fn write(&mut self, group: &[&Submitted]) -> io::Result<()> {
        let bytes = group.iter().map(|submitted| submitted.entry.size_bytes()).sum();
        if !self.has_room(bytes)? {
            self.commit.ask_keeper();
            return self.bypass(group);
        }
        match self.writer.write_group(group.iter().map(|submitted| &submitted.entry)) {
            Ok(()) => (self.commit.sync_timer)(&mut || self.writer.sync())?,
            // Where overwriting takes room, as on copy-on-write file systems.
            Err(error) if is_of_room(&error) => return self.bypass(group),
            Err(error) => return Err(error),
        }
        self.commit.counters.wrote(group.len(), bytes);
        for submitted in group {
            let end = submitted.end;
            let of = self.coverage.entry(key(&submitted.partition));
            of.or_insert_with(|| (Arc::clone(&submitted.partition), end)).1 = end;
        }
        Ok(())
    }

    /// Syncs the segments of partitions with much to write; says which those are. None as long as folders have names that
    /// are not on disk: then the journal takes what it can.
    fn sync_large(&self, batch: &[Submitted]) -> io::Result<HashSet<usize>> {
        let large = find_large(batch);
        let mut synced = HashSet::new();
        if large.is_empty() || self.commit.folders.sync().is_err() {
            return Ok(synced);
        }
        for (partition, submitted) in large {
            if self.patiently(|| sync_all_of(submitted))? {
                synced.insert(partition);
            }
        }
        Ok(synced)
    }

    /// What is done without a journal.
    fn bypass(&self, group: &[&Submitted]) -> io::Result<()> {
        self.name_folders()?;
        self.commit.counters.bypassed(group.len());
        self.sync_segments(group)
    }

    /// Nothing is acknowledged in a folder whose name is not on disk. Waits for a file handle if there is none.
    fn name_folders(&self) -> io::Result<()> {
        self.patiently(|| self.commit.folders.sync())
    }

    /// Waits for a file handle if there is none, and after a stop no longer than `act` does by itself: who appended may time out
    /// meanwhile, and nothing is lost.
    fn patiently<T>(&self, act: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let mut is_told = false;
        loop {
            match act() {
                Err(error) if is_passing(&error) && !self.commit.is_stopping() => {
                    if !std::mem::replace(&mut is_told, true) {
                        error!(
                            "records cannot be brought to disk, because all file handles of the process are in use; producers wait, \
                             nothing is lost: raise the limit (ulimit -n, LimitNOFILE of systemd, ulimits in a compose file) or \
                             let fewer clients connect: {error}"
                        );
                    }
                    std::thread::sleep(HANDLE_PAUSE);
                }
                outcome => {
                    if is_told {
                        info!("there are file handles again");
                    }
                    return outcome;
                }
            }
        }
    }

    /// Syncs the segments of all partitions in a group.
    fn sync_segments(&self, group: &[&Submitted]) -> io::Result<()> {
        let mut done = HashSet::new();
        for submitted in group {
            if done.insert(key(&submitted.partition)) && !self.patiently(|| sync_all_of(submitted))? {
                let name = &submitted.partition.topic_partition;
                return Err(io::Error::other(format!(
                    "the log of {name} was taken away before its records were on disk"
                )));
            }
        }
        Ok(())
    }

    /// Goes on in the next file if need be. False if there is none.
    fn has_room(&mut self, bytes: u64) -> io::Result<bool> {
        let mut files = self.commit.files.lock();
        if self.writer.has_room(&files, bytes) {
            if files.free_count() == 0 && !self.asked_for_file && self.writer.is_half_full(&files) {
                self.asked_for_file = true;
                self.commit.ask_keeper();
            }
            return Ok(true);
        }
        if bytes > files.room_bytes() {
            return Ok(false);
        }
        let Some(file) = files.take_free() else { return Ok(false) };
        let closed = match self.writer.next_file(&mut files, file) {
            Err(error) if is_of_room(&error) => return Ok(false),
            closed => closed?,
        };
        drop(files);
        self.asked_for_file = false;
        if let Some(closed) = closed {
            let coverage = std::mem::take(&mut self.coverage);
            self.commit.full.lock().push_back(FullFile { generation: closed.generation, coverage });
            self.commit.ask_keeper();
        }
        Ok(true)
    }
}

/// How many of the first can be written as one group.
fn first_group(submitted: &[&Submitted], max_bytes: u64) -> usize {
    let mut bytes = 0;
    let fits = |submitted: &&&Submitted| {
        bytes += submitted.entry.size_bytes();
        bytes <= max_bytes
    };
    submitted.iter().take_while(fits).count().max(1)
}

/// Partitions with much to write, each with something that was appended there.
fn find_large(batch: &[Submitted]) -> Vec<(usize, &Submitted)> {
    let total: usize = batch.iter().map(|submitted| submitted.entry.batches.len()).sum();
    if total < SYNC_SEGMENT_FROM_BYTES {
        return Vec::new();
    }
    let mut sizes: HashMap<usize, (usize, &Submitted)> = HashMap::new();
    for submitted in batch {
        let of = sizes.entry(key(&submitted.partition)).or_insert((0, submitted));
        of.0 += submitted.entry.batches.len();
        if submitted.flush.is_some() {
            of.1 = submitted;
        }
    }
    let is_large = |bytes: usize| bytes >= SYNC_SEGMENT_FROM_BYTES;
    sizes.into_iter().filter(|(_, (bytes, _))| is_large(*bytes)).map(|(key, (_, submitted))| (key, submitted)).collect()
}

/// Syncs everything that the partition has by now. False if its log is gone.
fn sync_all_of(submitted: &Submitted) -> io::Result<bool> {
    if submitted.partition.sync_segments()? {
        return Ok(true);
    }
    // The log was taken away meanwhile, perhaps for good; if its files are there, so are its records.
    Ok(submitted.flush.as_ref().is_some_and(|plan| plan.run().is_ok()))
}
