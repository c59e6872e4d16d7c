//! The journals of the log directories: read after a crash, written while the broker serves, closed when it stops. What they
//! are is known in the `log` crate, who waits for them in `replica`.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use barnabas_common::Uuid;
use barnabas_log::{JournalFiles, ReplaySummary, journal_exists, skip_journal};
use barnabas_replica::{Committer, GroupCommit, Holder, Keeper, Partition, SyncTimer, Tickets, recover};
use parking_lot::Mutex;
use tracing::{error, info};

use crate::broker::Broker;
use crate::error::StartError;
use crate::journal_damage;
use crate::log_dirs::DataDir;
use crate::metrics::Histogram;
use crate::side_by_side::for_all;

/// So many files share the space of a journal. Small ones: a broker that has little to do takes no more than it needs.
const FILES: u32 = 32;

/// A journal takes at most this part of its volume.
const SHARE_OF_VOLUME: u64 = 16;
/// Smaller files are full too soon to be worth it.
const LEAST_BYTES: u64 = (FILES as u64) << 20;

/// The threads that write and empty the journals.
#[derive(Default)]
pub(crate) struct Journals {
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Whether acknowledgements wait for the disk.
pub(crate) fn is_durable(broker: &Broker) -> bool {
    broker.configs.broker_config().text("barnabas.durability") != Some("page-cache")
}

/// Gives the opened logs what the journals have of them, then starts to journal. Blocks. A dir whose journal cannot be read
/// or written is out of use: the journal stays as it is, and none of its partitions is served without it.
pub(crate) fn start(broker: &Arc<Broker>) -> Result<(), StartError> {
    let durable = is_durable(broker);
    let mut found = Vec::new();
    let mut is_needed = durable;
    let anew = Anew::find(broker);
    for dir in in_use(broker) {
        match journal_exists(&*broker.vfs, &dir.path).and_then(|exists| Ok((exists, read(broker, dir, &anew)?))) {
            Ok((exists, read)) => {
                is_needed |= exists;
                found.push((dir, read));
            }
            Err(error) => unusable(dir, &error),
        }
    }
    if !is_needed {
        return Ok(());
    }
    // What is in the logs now may be in the page cache alone.
    for_all(&broker.replicas.all(), |partition| flush(broker, partition));
    // Said by the writer; the logs are looked at more closely the next time.
    let _ = broker.checkpoints.write(broker);
    for (dir, found) in found {
        if dir.watched.has_failed() {
            continue;
        }
        if durable {
            start_one(broker, dir, found)?;
        } else if found.keep.is_empty()
            && let Err(error) = JournalFiles::remove_all(&*broker.vfs, &dir.path)
        {
            unusable(dir, &error);
        }
    }
    Ok(())
}

fn in_use(broker: &Broker) -> impl Iterator<Item = &DataDir> {
    broker.log_dirs.iter().filter(|dir| !dir.watched.has_failed())
}

fn unusable(dir: &DataDir, error: &io::Error) {
    dir.watched.fail(&format!(
        "its journal (the files barnabas-journal-*), which may hold acknowledged records, cannot be used: {error}; nothing of \
         it was removed: let this user read and write the files, and check the disk"
    ));
}

fn read(broker: &Broker, dir: &DataDir, anew: &Anew) -> io::Result<ReplaySummary> {
    if dir.clean_shutdown {
        return skip_journal(&broker.vfs, &dir.path);
    }
    let find = |id, index| holder(broker, dir, anew, id, index);
    let (mut found, mut refused) = recover(&broker.vfs, &dir.path, broker.clock.wall_ms(), find)?;
    journal_damage::judge(&dir.path, &mut found, &mut refused, find)?;
    if found.entries > 0 {
        info!(dir = %dir.path.display(), entries = found.entries, bytes = found.bytes, "read the journal after an unclean stop");
    }
    if !refused.is_empty() {
        let _ = dir.unreplayed.set(refused);
    }
    Ok(found)
}

/// Logs that had nothing before the journals were read. A folder whose name was lost in a power loss has been made anew, maybe in
/// another dir: such a log takes what any journal has of it.
struct Anew(BTreeSet<(Uuid, i32)>);

impl Anew {
    fn find(broker: &Broker) -> Self {
        if broker.log_dirs.len() < 2 {
            return Self(BTreeSet::new());
        }
        let all = broker.replicas.all();
        let is_empty =
            |partition: &&Arc<Partition>| partition.with_log(|log| log.log_end_offset() == 0).unwrap_or(false);
        Self(all.iter().filter(is_empty).map(|one| (one.topic_id, one.topic_partition.partition)).collect())
    }
}

fn holder(broker: &Broker, dir: &DataDir, anew: &Anew, topic_id: Uuid, index: i32) -> Holder {
    let name = broker.replicas.topic_name(topic_id);
    let Some(partition) = name.and_then(|name| broker.replicas.get(&name, index)) else { return Holder::Gone };
    let is_elsewhere = partition.with_log(|log| !log.dir().starts_with(&dir.path)).unwrap_or(false);
    if is_elsewhere && !anew.0.contains(&(topic_id, index)) {
        return Holder::Elsewhere(partition);
    }
    Holder::Here(partition)
}

/// Syncs a log. If that fails, its folder is given up.
fn flush(broker: &Broker, partition: &Partition) {
    let Ok(path) = partition.with_log(|log| log.dir().to_owned()) else { return };
    let Some(dir) = broker.dirs.of(&path).filter(|dir| !dir.has_failed()) else { return };
    if let Err(error) = partition.sync_segments() {
        dir.fail(&format!("cannot bring the log of {} to disk: {error}", partition.topic_partition));
    }
}

fn start_one(broker: &Arc<Broker>, dir: &DataDir, found: ReplaySummary) -> Result<(), StartError> {
    let total_bytes = journal_bytes(broker, dir);
    let max_files = if total_bytes < LEAST_BYTES { 0 } else { FILES };
    let vfs = Arc::clone(&broker.vfs);
    let files = JournalFiles::open(vfs, dir.path.clone(), (total_bytes, max_files), Uuid::random(), &found);
    // The journal is all there is of a folder whose name may not be on disk.
    let are_named = dir.sync_new_folders().is_ok();
    let files = match files.and_then(|files| if are_named { begin_anew(files) } else { Ok(files) }) {
        Ok(files) => files,
        Err(error) => {
            unusable(dir, &error);
            return Ok(());
        }
    };
    let (weak, path) = (Arc::downgrade(broker), dir.path.clone());
    let (commit, committer, keeper) = GroupCommit::new(
        files,
        Arc::clone(&dir.new_folders),
        Box::new(move |reason| failed(&weak, &path, reason)),
        sync_timer(Arc::clone(&dir.journal_syncs)),
    );
    for partition in broker.replicas.all().iter() {
        if partition.with_log(|log| log.dir().starts_with(&dir.path)).unwrap_or(false) {
            partition.commit_through(Arc::clone(&commit));
        }
    }
    let _ = dir.commit.set(commit);
    let threads = spawn(committer, keeper, Arc::downgrade(broker)).map_err(StartError::Threads)?;
    broker.journals.threads.lock().extend(threads);
    Ok(())
}

/// Which dirs have no journal though acknowledgements wait for the disk.
pub(crate) fn missing(broker: &Broker) -> Vec<String> {
    let is_missing = |dir: &&DataDir| dir.commit.get().is_some_and(|commit| !commit.has_journal());
    let note = |dir: &DataDir| {
        format!(
            "{}: the volume is too small for a journal, which takes at most 1/{SHARE_OF_VOLUME} of it and at least {} MiB; every \
             acknowledgement syncs its own segment, which is as safe and slower",
            dir.path.display(),
            LEAST_BYTES >> 20
        )
    };
    broker.log_dirs.iter().filter(is_missing).map(note).collect()
}

fn begin_anew(mut files: JournalFiles) -> io::Result<JournalFiles> {
    match files.begin_anew() {
        // Where overwriting takes room: then what was read stays until there is some.
        Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error),
        _ => Ok(files),
    }
}

fn sync_timer(times: Arc<Histogram>) -> SyncTimer {
    Box::new(move |sync| {
        let began = Instant::now();
        let done = sync();
        times.record(began.elapsed());
        done
    })
}

/// What is configured, and no more than a fair share of a small volume.
fn journal_bytes(broker: &Broker, dir: &DataDir) -> u64 {
    let wanted = u64::try_from(broker.configs.broker_config().number("barnabas.journal.bytes")).unwrap_or(0);
    let volume = broker.vfs.disk_space(&dir.path).map_or(u64::MAX, |space| space.total_bytes);
    let fair = (volume / SHARE_OF_VOLUME).next_multiple_of(u64::from(FILES) << 12);
    wanted.min(fair)
}

fn spawn(committer: Committer, keeper: Keeper, broker: Weak<Broker>) -> io::Result<[JoinHandle<()>; 2]> {
    let checkpoint = move || broker.upgrade().map_or(Ok(()), |broker| broker.checkpoints.write(&broker));
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    Ok([
        named("journal").spawn(move || committer.run())?,
        named("journal-keeper").spawn(move || keeper.run(&checkpoint))?,
    ])
}

fn failed(broker: &Weak<Broker>, dir: &Path, reason: &str) {
    if let Some(broker) = broker.upgrade() {
        broker.fail_log_dir(dir, reason);
    }
}

/// The folders of new partitions must not vanish with a power loss: records in them are acknowledged as durable. What cannot
/// be synced, for lack of file handles, is left to the next round of maintenance; until then the journal has the records, and
/// who does without a journal tries it before anything is acknowledged.
pub(crate) fn sync_new_folders(broker: &Broker) {
    for dir in broker.log_dirs.iter().filter(|_| is_durable(broker)) {
        if let Err(error) = dir.sync_new_folders() {
            error!(dir = %dir.path.display(), %error, "cannot make new partition folders durable; trying again");
        }
    }
}

/// Ends the journals when everything appended is durable. Blocks.
pub(crate) fn stop(broker: &Broker) {
    for commit in commits(broker) {
        commit.stop();
    }
    for thread in broker.journals.threads.lock().drain(..) {
        if thread.join().is_err() {
            error!("a journal thread has panicked; the next start will check the logs");
        }
    }
}

fn commits(broker: &Broker) -> impl Iterator<Item = &Arc<GroupCommit>> {
    broker.log_dirs.iter().filter_map(|dir| dir.commit.get())
}

/// What is to be waited for until everything appended so far is durable.
pub(crate) fn all_so_far(broker: &Broker) -> Tickets {
    let mut tickets = Tickets::default();
    commits(broker).for_each(|commit| tickets.add(commit.ticket_of_last()));
    tickets
}

/// Whether closed segments have come to disk since this was asked last.
pub(crate) fn take_synced_closed(broker: &Broker) -> bool {
    commits(broker).fold(false, |any, commit| commit.take_synced_closed() | any)
}

/// Whether a disk is so far behind that no more requests should be taken on.
pub(crate) fn are_behind(broker: &Broker) -> bool {
    commits(broker).any(|commit| commit.is_behind())
}
