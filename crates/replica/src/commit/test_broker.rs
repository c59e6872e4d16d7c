//! Partitions on a file system in memory with all that works on them, step by step instead of by threads, for tests: what
//! producers, the journal, retention, DeleteRecords and the cleaner do to them, and what is read back. No tests are here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use barnabas_common::vfs::{Fault, FaultOp, MemVfs, Vfs};
use barnabas_common::{TopicPartition, Uuid};
use barnabas_log::{
    AppendOrigin, CleanerLimits, CleaningError, CleanupPolicy, JournalFiles, Log, LogConfig, OpenOptions, ReplaySummary,
};
use barnabas_protocol::records::{
    BatchBuilder, Compression, DecompressionLimit, TimestampType, scan_records, split_batches,
};

use super::*;

/// One from which retention deletes, one with large appends, one that is compacted.
pub(super) const PARTITIONS: i32 = 3;
pub(super) const EXPIRING: i32 = 0;
pub(super) const LARGE: i32 = 1;
pub(super) const COMPACTED: i32 = 2;

const DIR: &str = "/data";
const RECOVERY_POINTS: &str = "/data/recovery-points";
const LOG_STARTS: &str = "/data/log-starts";
const JOURNAL_BYTES: u64 = 4 * 6144;
const JOURNAL_FILES: u32 = 4;
const KEYS: i64 = 7;

/// What a partition holds at an offset follows from both, so that all lives write the same; unless the disk is full.
fn record(partition: i32, offset: Offset, is_in_need: bool) -> (Vec<u8>, Option<Vec<u8>>) {
    let key = key(offset);
    if partition == COMPACTED && offset % 13 == 12 && !is_in_need {
        return (key, None);
    }
    let size = 20 + (partition as usize * 131 + offset as usize * 67) % 700;
    // Now and then one that syncs its own segment.
    let size = if partition == LARGE && offset % 41 == 39 { SYNC_SEGMENT_FROM_BYTES } else { size };
    let text = if is_in_need { format!("in need {offset}/") } else { format!("{partition}/{offset}/") };
    let mut value = text.repeat(size / text.len() + 1).into_bytes();
    value.truncate(size);
    (key, Some(value))
}

fn key(offset: Offset) -> Vec<u8> {
    format!("key {}", (offset * 5 + offset / 3) % KEYS).into_bytes()
}

fn config(partition: i32) -> LogConfig {
    let segment_bytes = if partition == LARGE { 300 << 10 } else { 2500 };
    let (compact, delete) = (partition == COMPACTED, partition != COMPACTED);
    LogConfig {
        segment_bytes,
        index_interval_bytes: 256,
        retention_bytes: if partition == EXPIRING { 3000 } else { -1 },
        cleanup_policy: CleanupPolicy { compact, delete },
        ..LogConfig::default()
    }
}

/// What must be there after a crash, per partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Promise {
    /// The end of what was acknowledged or seen.
    pub(super) end: Offset,
    /// Records before were deleted, and the client was told so.
    pub(super) least_start: Offset,
    /// Records before may have been deleted.
    pub(super) largest_start: Offset,
    /// Records before may have been compacted away.
    pub(super) cleaned_until: Offset,
    /// Where an append succeeded although the disk was full.
    pub(super) in_need: BTreeSet<Offset>,
}

pub(super) type Promised = BTreeMap<i32, Promise>;

pub(super) struct Broker {
    pub(super) vfs: Arc<dyn Vfs>,
    pub(super) partitions: Vec<Arc<Partition>>,
    pub(super) commit: Arc<GroupCommit>,
    pub(super) committer: Committer,
    pub(super) keeper: Keeper,
    pub(super) unacknowledged: Vec<(i32, Offset, Ticket)>,
    disk: MemVfs,
    first_dirty: Offset,
}

fn topic_id(partition: i32) -> Uuid {
    Uuid::from_bytes([partition as u8 + 1; 16])
}

fn read_checkpoint(vfs: &dyn Vfs, file: &str) -> BTreeMap<i32, Offset> {
    let text = vfs.read(Path::new(file)).map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default();
    let parse =
        |line: &str| line.split_once(' ').map(|(index, offset)| (index.parse().unwrap(), offset.parse().unwrap()));
    text.lines().filter_map(parse).collect()
}

/// In two files, like a broker's.
pub(super) fn write_checkpoints(vfs: &dyn Vfs, partitions: &[Arc<Partition>]) -> std::io::Result<()> {
    let write = |file: &str, of: fn(&mut Log) -> Offset| {
        let line = |partition: &Arc<Partition>| {
            let offset = partition.with_log(of).unwrap_or(0);
            format!("{} {offset}\n", partition.topic_partition.partition)
        };
        let text: String = partitions.iter().map(line).collect();
        vfs.write_atomically(Path::new(file), text.as_bytes())
    };
    write(RECOVERY_POINTS, |log| log.recovery_point())?;
    write(LOG_STARTS, |log| log.log_start_offset())
}

fn open_partitions(vfs: &Arc<dyn Vfs>) -> Result<Vec<Arc<Partition>>, String> {
    let points = read_checkpoint(&**vfs, RECOVERY_POINTS);
    let starts = read_checkpoint(&**vfs, LOG_STARTS);
    let open = |index: i32| {
        let name = TopicPartition::new("t", index);
        let of = |known: &BTreeMap<i32, Offset>| known.get(&index).copied().unwrap_or(0);
        let options =
            OpenOptions { recovery_point: of(&points), log_start_offset: of(&starts), ..OpenOptions::default() };
        let dir = PathBuf::from(format!("{DIR}/t-{index}"));
        let log = Log::open(Arc::clone(vfs), dir, name.clone(), None, config(index), options, 0);
        Ok(Arc::new(Partition::online(name, topic_id(index), log.map_err(|error| error.to_string())?, 0)))
    };
    (0..PARTITIONS).map(open).collect()
}

impl Broker {
    pub(super) fn start(disk: &MemVfs) -> Result<Broker, String> {
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        vfs.create_dir_all(Path::new(DIR)).map_err(|error| error.to_string())?;
        let partitions = open_partitions(&vfs)?;
        let find = |id: Uuid, index: i32| match partitions.get(index as usize) {
            Some(partition) if partition.topic_id == id => Holder::Here(Arc::clone(partition)),
            _ => Holder::Gone,
        };
        let (summary, _) = recover(&vfs, Path::new(DIR), 0, find).map_err(|error| error.to_string())?;
        let offline: Vec<_> = partitions.iter().filter_map(|partition| partition.offsets().err()).collect();
        assert_eq!((&summary.damage, summary.keep.len()), (&Vec::new(), 0), "a crash is no damage: {offline:?}");
        for partition in &partitions {
            partition.with_log(|log| log.flush()).unwrap().map_err(|error| error.to_string())?;
        }
        write_checkpoints(&*vfs, &partitions).map_err(|error| error.to_string())?;
        Self::go_live(disk, partitions, &summary)
    }

    fn go_live(disk: &MemVfs, partitions: Vec<Arc<Partition>>, found: &ReplaySummary) -> Result<Broker, String> {
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        let files = JournalFiles::open(
            Arc::clone(&vfs),
            PathBuf::from(DIR),
            (JOURNAL_BYTES, JOURNAL_FILES),
            Uuid::random(),
            found,
        );
        let mut files = files.map_err(|error| error.to_string())?;
        files.begin_anew().map_err(|error| error.to_string())?;
        let folders = NewFolders::new(Arc::clone(&vfs), PathBuf::from(DIR));
        folders.added();
        let (commit, committer, keeper) = GroupCommit::new(files, folders, Box::new(|_| {}), Box::new(|sync| sync()));
        for partition in &partitions {
            partition.commit_through(Arc::clone(&commit));
        }
        Ok(Broker {
            vfs,
            partitions,
            commit,
            committer,
            keeper,
            unacknowledged: Vec::new(),
            disk: disk.clone(),
            first_dirty: 0,
        })
    }

    pub(super) fn partition(&self, index: i32) -> &Arc<Partition> {
        &self.partitions[index as usize]
    }

    pub(super) fn append(&mut self, index: i32) {
        self.append_batch(index, 1);
    }

    pub(super) fn append_batch(&mut self, index: i32, records: i64) {
        self.append_what(index, records, false);
    }

    /// An append that finds as much room, and when it cannot be undone as often as that.
    pub(super) fn append_in_need(
        &mut self,
        index: i32,
        records: i64,
        room: u64,
        failures: u64,
        promised: &mut Promised,
    ) {
        self.disk.set_capacity(Some(self.disk.used_bytes() + room));
        self.disk.inject(Fault { op: FaultOp::Write, skip: 1, times: failures, errno: 28 });
        if let Some(offsets) = self.append_what(index, records, true) {
            promised.entry(index).or_default().in_need.extend(offsets);
        }
        self.disk.set_capacity(None);
    }

    /// The offsets, if it is not refused.
    fn append_what(&mut self, index: i32, records: i64, is_in_need: bool) -> Option<Range<Offset>> {
        let partition = self.partition(index);
        let offsets = partition.offsets().ok()?;
        let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
        for offset in offsets.log_end_offset..offsets.log_end_offset + records {
            let (key, value) = record(index, offset, is_in_need);
            batch.add(0, Some(&key), value.as_deref(), &[]);
        }
        let appended = partition.append(batch.build(0, 0).unwrap(), 0, AppendOrigin::Client).ok()?;
        let ticket = appended.ticket.expect("a fresh append waits");
        self.unacknowledged.push((index, appended.info.last_offset + 1, ticket));
        Some(appended.info.first_offset..appended.info.last_offset + 1)
    }

    pub(super) fn keep(&mut self) -> bool {
        let (vfs, partitions) = (Arc::clone(&self.vfs), self.partitions.clone());
        self.keeper.step(&move || write_checkpoints(&*vfs, &partitions))
    }

    /// What a broker does from time to time: closed segments come to disk.
    pub(super) fn maintain(&mut self) {
        for partition in &self.partitions {
            let plan = partition.with_log(|log| (log.tick(0), log.plan_flush_of_closed()));
            if let Ok((_, Some(plan))) = plan {
                let done = plan.run();
                let _ = partition.with_log(|log| log.flushed(done));
            }
            self.cut_off(partition);
        }
        let _ = write_checkpoints(&*self.vfs, &self.partitions);
    }

    /// Takes off the disk what a failed write has left.
    pub(super) fn cut_off(&self, partition: &Partition) {
        if let Ok(Some(plan)) = partition.with_log(|log| log.plan_cut()) {
            let done = plan.run();
            let _ = partition.with_log(|log| log.cut_off(done));
        }
    }

    pub(super) fn roll(&mut self, index: i32) {
        let _ = self.partition(index).with_log(|log| log.roll(0));
    }

    /// A round of retention, with or without the delay before files go.
    pub(super) fn retain(&mut self, index: i32, at_once: bool) {
        let partition = self.partition(index);
        let Ok(offsets) = partition.offsets() else { return };
        let _ = partition.with_log(|log| log.retire_expired(0, offsets.high_watermark));
        for _ in 0..=usize::from(at_once) {
            let Ok(Some(plan)) = partition.with_log(|log| log.plan_removal(0, at_once)) else { return };
            let done = plan.run();
            let _ = partition.with_log(|log| log.removed(done, 0));
        }
    }

    /// DeleteRecords, answered when the checkpoint is written.
    pub(super) fn delete_records(&mut self, index: i32, before: Offset, promised: &mut Promised) {
        let moved = self.partition(index).with_log(|log| log.increment_log_start_offset(before).is_ok());
        if moved.is_ok_and(|moved| moved) && write_checkpoints(&*self.vfs, &self.partitions).is_ok() {
            let promise = promised.entry(index).or_default();
            promise.least_start = promise.least_start.max(before);
        }
    }

    /// A round of the cleaner.
    pub(super) fn compact(&mut self, promised: &mut Promised) {
        let limits = CleanerLimits {
            dedupe_buffer_bytes: 4096,
            load_factor: 0.9,
            io_buffer_bytes: 4096,
            expanded_batch_bytes: 1 << 20,
            keep_free_bytes: 0,
        };
        let partition = Arc::clone(self.partition(COMPACTED));
        let first_dirty = self.first_dirty;
        let Ok(Some(plan)) = partition.with_log(|log| log.plan_cleaning(first_dirty, 0)) else { return };
        let mut unhurried = |_| ControlFlow::Continue(());
        let Ok(mut cleaning) = plan.start(limits, &mut unhurried) else { return };
        let promise = promised.entry(COMPACTED).or_default();
        promise.cleaned_until = promise.cleaned_until.max(cleaning.clean_until());
        loop {
            let group = match cleaning.clean_next(&mut unhurried) {
                Ok(None) => break,
                Ok(Some(group)) => group,
                Err(CleaningError::Log(_) | CleaningError::NoRoom { .. } | CleaningError::Interrupted) => return,
            };
            if !matches!(partition.with_log(|log| log.install(group, 0)), Ok(Ok(true))) {
                return;
            }
        }
        self.first_dirty = cleaning.clean_until();
    }

    /// Takes down what clients know by now.
    pub(super) fn note(&mut self, promised: &mut Promised) {
        self.unacknowledged.retain(|(index, end, ticket)| {
            let outcome = ticket.outcome();
            if outcome == Some(Ok(())) {
                let promise = promised.entry(*index).or_default();
                promise.end = promise.end.max(*end);
            }
            outcome.is_none()
        });
        for partition in &self.partitions {
            let Ok(seen) = partition.offsets() else { continue };
            let promise = promised.entry(partition.topic_partition.partition).or_default();
            promise.end = promise.end.max(seen.high_watermark);
            promise.largest_start = promise.largest_start.max(seen.log_start_offset);
        }
    }

    /// Whether everything is there that was promised, and nothing else. From then on that is what there is.
    pub(super) fn check_and_note(&self, promised: &mut Promised) {
        for (index, promise) in promised {
            let partition = self.partition(*index);
            let offsets = partition.offsets().unwrap_or_else(|error| panic!("partition {index}: {error}"));
            let (start, end) = (offsets.log_start_offset, offsets.log_end_offset);
            assert!(end >= promise.end, "partition {index} ends at {end}, promised was {promise:?}");
            assert!(
                (promise.least_start..=promise.largest_start).contains(&start),
                "partition {index} starts at {start}, promised was {promise:?}"
            );
            let found = read_all(partition, *index, start, end);
            let is_wrong = |(offset, in_need): (&Offset, &bool)| {
                *offset < promise.end && *in_need != promise.in_need.contains(offset)
            };
            let wrong = found.iter().find(|read| is_wrong(*read));
            assert_eq!(wrong, None, "partition {index} has what was refused, promised was {promise:?}");
            promise.in_need = found.iter().filter(|(_, in_need)| **in_need).map(|(offset, _)| *offset).collect();
            for offset in (start..end).filter(|offset| !found.contains_key(offset)) {
                let is_superseded = |later: Offset| key(later) == key(offset);
                let may_be_gone = (offset + 1..promise.cleaned_until.min(end)).any(is_superseded);
                assert!(may_be_gone, "partition {index}, offset {offset} is missing, promised was {promise:?}");
            }
        }
    }
}

impl Broker {
    pub(super) fn check(&self, promised: &Promised) {
        self.check_and_note(&mut promised.clone());
    }
}

/// Partitions and journal know each other: nothing of a life would ever be freed.
impl Drop for Broker {
    fn drop(&mut self) {
        self.commit.full.lock().clear();
        self.commit.queue.lock().waiting.clear();
    }
}

/// All records, which must be what was written there, and whether in need. Only a compacted log may have gaps.
fn read_all(partition: &Partition, index: i32, start: Offset, end: Offset) -> BTreeMap<Offset, bool> {
    let mut found = BTreeMap::new();
    let mut at = start;
    while at < end {
        let plan = partition.with_log(|log| log.plan_read(at, 1 << 20, end, true)).unwrap().unwrap();
        let before = at;
        for batch in split_batches(&plan.read().unwrap()) {
            let (header, batch) = batch.unwrap();
            let joins = if at == start { header.base_offset <= at } else { header.base_offset == at };
            assert!(joins || index == COMPACTED, "partition {index} has a hole at {at}");
            let flow = scan_records(batch, DecompressionLimit::bytes(1 << 20), |read| {
                let is_in_need = read.value.is_some_and(|value| value.starts_with(b"in need"));
                let (key, value) = record(index, read.offset, is_in_need);
                assert_eq!((read.key, read.value), (Some(&*key), value.as_deref()), "partition {index}");
                assert!(found.insert(read.offset, is_in_need).is_none(), "partition {index}: {} twice", read.offset);
                ControlFlow::<()>::Continue(())
            });
            assert!(flow.is_ok());
            at = header.next_offset();
        }
        assert!(at > before, "partition {index} ends at {end} and cannot be read from {at} on");
    }
    found
}
