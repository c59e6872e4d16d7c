//! Crash states: a workload on a file system in memory that stops at every call, and what the disk may then hold, opened
//! again. Nothing acknowledged, and nothing a reader has seen, may be missing.
//!
//! `CRASH_STATES=100000` asks for more states than the few thousand of every run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use barnabas_common::vfs::{MemVfs, Vfs};
use barnabas_common::{TopicPartition, Uuid};
use barnabas_log::{AppendOrigin, JournalFiles, Log, LogConfig, OpenOptions, ReplaySummary};
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType, split_batches};

use super::*;

const PARTITIONS: i32 = 3;
const DIR: &str = "/data";
const CHECKPOINT: &str = "/data/recovery-points";
const JOURNAL_BYTES: u64 = 4 * 6144;
const JOURNAL_FILES: u32 = 4;
const STATES: u64 = 3_000;
const OPERATIONS: u64 = 60;

/// A value that tells its partition and offset, of a size that follows from them.
fn value(partition: i32, offset: Offset) -> Vec<u8> {
    let size = 20 + (partition as usize * 131 + offset as usize * 67) % 700;
    // Now and then one that syncs its own segment.
    let size = if (partition as i64 + offset) % 41 == 40 { SYNC_SEGMENT_FROM_BYTES } else { size };
    format!("{partition}/{offset}/").into_bytes().into_iter().cycle().take(size).collect()
}

fn config() -> LogConfig {
    LogConfig { segment_bytes: 300 << 10, index_interval_bytes: 256, ..LogConfig::default() }
}

struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// What must be there after a crash: the end of what was acknowledged or seen, per partition.
type Promised = BTreeMap<i32, Offset>;

struct Broker {
    vfs: Arc<dyn Vfs>,
    partitions: Vec<Arc<Partition>>,
    commit: Arc<GroupCommit>,
    committer: Committer,
    keeper: Keeper,
    unacknowledged: Vec<(i32, Offset, Ticket)>,
}

fn topic_id(partition: i32) -> Uuid {
    Uuid::from_bytes([partition as u8 + 1; 16])
}

fn read_checkpoint(vfs: &dyn Vfs) -> BTreeMap<i32, Offset> {
    let text = vfs.read(Path::new(CHECKPOINT)).map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default();
    let parse =
        |line: &str| line.split_once(' ').map(|(index, offset)| (index.parse().unwrap(), offset.parse().unwrap()));
    text.lines().filter_map(parse).collect()
}

impl Broker {
    fn start(disk: &MemVfs) -> Result<Broker, String> {
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        vfs.create_dir_all(Path::new(DIR)).map_err(|error| error.to_string())?;
        let points = read_checkpoint(&*vfs);
        let mut partitions = Vec::new();
        for index in 0..PARTITIONS {
            let name = TopicPartition::new("t", index);
            let options =
                OpenOptions { recovery_point: points.get(&index).copied().unwrap_or(0), ..Default::default() };
            let dir = PathBuf::from(format!("{DIR}/t-{index}"));
            let log = Log::open(Arc::clone(&vfs), dir, name.clone(), None, config(), options, 0);
            let log = log.map_err(|error| error.to_string())?;
            partitions.push(Arc::new(Partition::online(name, topic_id(index), log, 0)));
        }
        let find = |id: Uuid, index: i32| match partitions.get(index as usize) {
            Some(partition) if partition.topic_id == id => Holder::Here(Arc::clone(partition)),
            _ => Holder::Gone,
        };
        let (summary, _) = recover(&vfs, Path::new(DIR), 0, find).map_err(|error| error.to_string())?;
        assert_eq!((&summary.damage, summary.keep.len()), (&Vec::new(), 0), "a crash is no damage");
        for partition in &partitions {
            partition.with_log(|log| log.flush()).unwrap().map_err(|error| error.to_string())?;
        }
        write_checkpoint(&*vfs, &partitions).map_err(|error| error.to_string())?;
        Self::go_live(vfs, partitions, &summary)
    }

    fn go_live(vfs: Arc<dyn Vfs>, partitions: Vec<Arc<Partition>>, found: &ReplaySummary) -> Result<Broker, String> {
        let files = JournalFiles::open(Arc::clone(&vfs), PathBuf::from(DIR), JOURNAL_BYTES, JOURNAL_FILES, found);
        let files = files.map_err(|error| error.to_string())?;
        let (commit, committer, keeper) = GroupCommit::new(files, Box::new(|_| {}));
        for partition in &partitions {
            partition.commit_through(Arc::clone(&commit));
        }
        Ok(Broker { vfs, partitions, commit, committer, keeper, unacknowledged: Vec::new() })
    }

    fn append(&mut self, index: i32) {
        let partition = &self.partitions[index as usize];
        let Ok(offsets) = partition.offsets() else { return };
        let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
        batch.add(0, None, Some(&value(index, offsets.log_end_offset)), &[]);
        if let Ok(appended) = partition.append(batch.build(0, 0).unwrap(), 0, AppendOrigin::Client) {
            let ticket = appended.ticket.expect("a fresh append waits");
            self.unacknowledged.push((index, appended.info.last_offset + 1, ticket));
        }
    }

    /// One operation of the workload.
    fn operate(&mut self, random: &mut SplitMix, promised: &mut Promised) {
        match random.below(10) {
            0..6 => (0..=random.below(4)).for_each(|_| self.append(random.below(PARTITIONS as u64) as i32)),
            6..9 if !self.unacknowledged.is_empty() => {
                self.committer.step(&mut Vec::new());
            }
            _ => {
                let (vfs, partitions) = (Arc::clone(&self.vfs), self.partitions.clone());
                self.keeper.step(&move || write_checkpoint(&*vfs, &partitions));
            }
        }
        self.note(promised);
    }

    fn note(&mut self, promised: &mut Promised) {
        self.unacknowledged.retain(|(index, end, ticket)| {
            let outcome = ticket.outcome();
            if outcome == Some(Ok(())) {
                let promise = promised.entry(*index).or_default();
                *promise = (*end).max(*promise);
            }
            outcome.is_none()
        });
        for partition in &self.partitions {
            let seen = partition.offsets().map_or(0, |offsets| offsets.high_watermark);
            let promise = promised.entry(partition.topic_partition.partition).or_default();
            *promise = seen.max(*promise);
        }
    }

    fn check(&self, promised: &Promised) {
        for (index, promised) in promised {
            let partition = &self.partitions[*index as usize];
            let offsets = partition.offsets().unwrap_or_else(|error| panic!("partition {index}: {error}"));
            let (mut at, end) = (offsets.log_start_offset, offsets.log_end_offset);
            assert!(end >= *promised, "partition {index} ends at {end}, promised was {promised}");
            while at < end {
                let plan = partition.with_log(|log| log.plan_read(at, 1 << 20, end, true)).unwrap().unwrap();
                let bytes = plan.read().unwrap();
                for batch in split_batches(&bytes) {
                    let (header, batch) = batch.unwrap();
                    assert_eq!(header.base_offset, at, "partition {index} has a hole");
                    let value = value(*index, at);
                    assert!(batch.windows(value.len()).any(|part| part == value), "partition {index}, offset {at}");
                    at = header.next_offset();
                }
            }
        }
    }
}

fn write_checkpoint(vfs: &dyn Vfs, partitions: &[Arc<Partition>]) -> std::io::Result<()> {
    let line = |partition: &Arc<Partition>| {
        let point = partition.with_log(|log| log.recovery_point()).unwrap_or(0);
        format!("{} {point}\n", partition.topic_partition.partition)
    };
    let text: String = partitions.iter().map(line).collect();
    vfs.write_atomically(Path::new(CHECKPOINT), text.as_bytes())
}

/// Lives until the disk stops, and tells what it has promised.
fn live(disk: &MemVfs, seed: u64, promised: &mut Promised) {
    let mut random = SplitMix(seed);
    let Ok(mut broker) = Broker::start(disk) else { return };
    for _ in 0..OPERATIONS {
        broker.operate(&mut random, promised);
        if broker.commit.failure().is_some() {
            return;
        }
    }
}

fn calls_of_a_life(seed: u64) -> u64 {
    let disk = MemVfs::new();
    live(&disk, seed, &mut Promised::new());
    disk.op_count()
}

#[test]
fn no_crash_loses_what_was_acknowledged() {
    let wanted = std::env::var("CRASH_STATES").ok().and_then(|count| count.parse().ok()).unwrap_or(STATES);
    let (mut states, mut seed) = (0, 0);
    while states < wanted {
        seed += 1;
        let calls = calls_of_a_life(seed);
        // All calls of a few lives would leave no time for many lives.
        for nth in (seed % 7..calls).step_by(7) {
            let disk = MemVfs::new();
            disk.halt_after(nth);
            let mut promised = Promised::new();
            live(&disk, seed, &mut promised);
            for image in 0..4 {
                let crashed = if image == 0 { disk.kill_clone() } else { disk.crash_clone(seed * 31 + image) };
                states += 1;
                second_life(&crashed, seed + image, promised.clone());
            }
        }
    }
    eprintln!("{states} crash states of {seed} lives");
}

/// Opens what a crash left, checks it, goes on, and crashes again.
fn second_life(disk: &MemVfs, seed: u64, mut promised: Promised) {
    let broker = Broker::start(disk).unwrap_or_else(|error| panic!("does not start: {error}"));
    broker.check(&promised);
    drop(broker);
    if seed.is_multiple_of(3) {
        disk.halt_after(seed % 90);
        live(disk, seed + 1000, &mut promised);
        let crashed = disk.crash_clone(seed);
        let broker = Broker::start(&crashed).unwrap_or_else(|error| panic!("does not start again: {error}"));
        broker.check(&promised);
    }
}

#[test]
fn a_topic_that_is_deleted_meanwhile_is_no_failure_of_the_disk() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    for _ in 0..40 {
        (0..PARTITIONS).for_each(|index| broker.append(index));
    }
    // Enough for partitions to sync their segments, and a moment too late.
    let gone = broker.partitions[0].take_log(barnabas_common::ErrorCode::UnknownTopicOrPartition, "deleted").unwrap();
    drop(gone);
    broker.vfs.rename(Path::new("/data/t-0"), Path::new("/data/t-0.deleted")).unwrap();
    assert!(broker.committer.step(&mut Vec::new()));
    assert_eq!(broker.commit.failure(), None);
    let mut promised = Promised::new();
    broker.note(&mut promised);
    assert_eq!((promised[&1], promised[&2]), (40, 40));
}

#[test]
fn a_full_disk_under_the_journal_syncs_the_segments() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    let (vfs, partitions) = (Arc::clone(&broker.vfs), broker.partitions.clone());
    broker.keeper.step(&move || write_checkpoint(&*vfs, &partitions));
    for full in [false, true, false] {
        broker.append(0);
        if full {
            let op = barnabas_common::vfs::FaultOp::Write;
            disk.inject(barnabas_common::vfs::Fault { op, skip: 0, times: 1, errno: 28 });
        }
        assert!(broker.committer.step(&mut Vec::new()));
    }
    let promised = Promised::from([(0, 3)]);
    for image in 0..20 {
        Broker::start(&disk.crash_clone(image)).unwrap().check(&promised);
    }
}

#[test]
fn what_cannot_be_synced_is_never_acknowledged() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    disk.inject(barnabas_common::vfs::Fault { op: barnabas_common::vfs::FaultOp::Sync, skip: 0, times: 1, errno: 5 });
    assert!(!broker.committer.step(&mut Vec::new()), "the committer ends");
    let (_, _, ticket) = &broker.unacknowledged[0];
    assert!(matches!(ticket.outcome(), Some(Err(NotDurable(_)))));
    assert_eq!(broker.partitions[0].offsets().unwrap().high_watermark, 0, "and nobody sees it");
    // The disk works again; the directory is given up all the same.
    let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    batch.add(0, None, Some(b"v"), &[]);
    assert!(broker.partitions[1].append(batch.build(0, 0).unwrap(), 0, AppendOrigin::Client).is_err());
}

#[test]
fn a_sync_without_a_file_handle_is_tried_again_and_fails_nothing() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    // Without a journal file the segment is synced, and with it the names in its folder.
    disk.inject(barnabas_common::vfs::Fault { op: barnabas_common::vfs::FaultOp::Sync, skip: 0, times: 2, errno: 24 });
    assert!(broker.committer.step(&mut Vec::new()));
    let mut promised = Promised::new();
    broker.note(&mut promised);
    assert_eq!((promised[&0], broker.commit.failure()), (1, None));
}

#[test]
fn what_was_appended_before_a_partition_went_offline_is_on_disk_when_it_is_acknowledged() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    broker.partitions[0].take_offline("a reader found damage");
    let mut promised = Promised::new();
    assert!(broker.committer.step(&mut Vec::new()));
    broker.note(&mut promised);
    for image in 0..20 {
        Broker::start(&disk.crash_clone(image)).unwrap().check(&Promised::from([(0, 1)]));
    }
}

fn fault(disk: &MemVfs, op: barnabas_common::vfs::FaultOp, skip: u64, times: u64, errno: i32) {
    disk.inject(barnabas_common::vfs::Fault { op, skip, times, errno });
}

/// Appends to all partitions until the journal has files to empty, and has the keeper empty them.
fn fill_and_empty_the_journal(broker: &mut Broker) {
    let (vfs, partitions) = (Arc::clone(&broker.vfs), broker.partitions.clone());
    let checkpoint = move || write_checkpoint(&*vfs, &partitions);
    for _ in 0..60 {
        broker.keeper.step(&checkpoint);
        (0..PARTITIONS).for_each(|index| broker.append(index));
        assert!(broker.committer.step(&mut Vec::new()), "{:?}", broker.commit.failure());
    }
    assert!(broker.keeper.step(&checkpoint));
}

#[test]
fn a_write_that_is_left_half_done_costs_that_write_alone() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    let op = barnabas_common::vfs::FaultOp::Write;
    // Neither the write nor cutting it off finds room, for a while.
    fault(&disk, op, 0, 3, 28);
    broker.append(0);
    broker.append(0);
    assert_eq!((broker.unacknowledged.len(), disk.faults_left()), (1, 0), "both were refused");
    fill_and_empty_the_journal(&mut broker);
    let mut promised = Promised::new();
    broker.note(&mut promised);
    assert_eq!((promised[&0], promised[&1], broker.commit.failure()), (61, 60, None));
    for image in 0..20 {
        Broker::start(&disk.crash_clone(image)).unwrap().check(&promised);
    }
}

/// Both tell the log that something is wrong, and take place outside of the journal's threads.
fn fail_a_sync(log: &mut Log) {
    assert!(log.flush().is_err());
}

fn fail_a_deletion(log: &mut Log) {
    log.roll(0).unwrap();
    log.increment_log_start_offset(log.log_end_offset()).unwrap();
    assert!(log.apply_retention(0, Offset::MAX).is_err());
}

#[test]
fn a_log_that_takes_no_more_writes_keeps_its_records_and_harms_no_other() {
    for fail in [fail_a_sync, fail_a_deletion] {
        let disk = MemVfs::new();
        let mut broker = Broker::start(&disk).unwrap();
        broker.append(0);
        fill_and_empty_the_journal(&mut broker);
        (0..2).for_each(|index| broker.append(index));
        assert!(broker.committer.step(&mut Vec::new()));
        let mut promised = Promised::new();
        broker.note(&mut promised);
        fault(&disk, barnabas_common::vfs::FaultOp::Sync, 0, 1, 5);
        broker.partitions[0].with_log(fail).unwrap();
        assert!(broker.partitions[0].with_log(|log| log.failure().is_some()).unwrap());
        let before = broker.unacknowledged.len();
        broker.append(0);
        assert_eq!(broker.unacknowledged.len(), before, "it takes no more writes");
        fill_and_empty_the_journal(&mut broker);
        assert_eq!(broker.commit.failure(), None);
        broker.note(&mut promised);
        assert!(promised[&1] > 100);
        for image in 0..20 {
            Broker::start(&disk.crash_clone(image)).unwrap().check(&promised);
        }
    }
}
