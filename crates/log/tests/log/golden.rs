//! A log directory written by Kafka itself opens here, reads the same, and what we rebuild of it is byte for byte what
//! Kafka wrote, apart from what follows the producers in a snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::TopicPartition;
use barnabas_common::vfs::OsVfs;
use barnabas_log::{AppendOrigin, Checkpoint, CleanShutdown, Log, LogConfig, LogDir, OpenOptions, ProducerStateView};
use barnabas_protocol::records::{BatchHeader, Compression, split_batches};

use crate::support::*;

/// Record times of the fixture; the broker's clock stands just after.
const FIRST_MS: i64 = 1_795_269_290_000;

fn copy_of_fixture() -> tempfile::TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kafka-4.3.1");
    let target = tempfile::tempdir().unwrap();
    copy_tree(&source, target.path());
    target
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn config() -> LogConfig {
    LogConfig { index_interval_bytes: 600, segment_ms: 1500, ..LogConfig::default() }
}

fn open(dir: &Path, options: OpenOptions) -> Log {
    let partition = TopicPartition::new("golden", 0);
    Log::open(Arc::new(OsVfs), dir.join("golden-0"), partition, None, config(), options, FIRST_MS + 60_000).unwrap()
}

fn files(dir: &Path, extension: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(dir.join("golden-0")).unwrap().map(|e| e.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    paths.sort();
    paths.into_iter().map(|p| (p.clone(), fs::read(p).unwrap())).collect()
}

/// What Kafka reads of the snapshots: producers of 46 bytes each behind version, CRC and count.
fn snapshots(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = files(dir, "snapshot");
    for (_, content) in &mut files {
        assert_eq!(content[2..6], crc32c::crc32c(&content[6..]).to_be_bytes(), "the CRC is that of all the file");
        let producers = u32::from_be_bytes(*content[6..].first_chunk().unwrap()) as usize;
        content.truncate(10 + 46 * producers);
        content.drain(2..6);
    }
    files
}

const CLEAN: OpenOptions =
    OpenOptions { clean_shutdown: true, recovery_point: 302, log_start_offset: 0, trusts_small_logs: false };

fn check(log: &Log, dir: &Path) {
    assert_eq!((log.log_start_offset(), log.log_end_offset(), log.latest_epoch()), (0, 302, Some(0)));
    assert_eq!(log.topic_id().unwrap().to_string(), "6YDpj_IVRtqSze4SJKXmYQ");
    let stored: Vec<u8> = files(dir, "log").into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert_eq!(read_all(log).unwrap().concat(), stored);
    let codecs: Vec<Compression> = split_batches(&stored).map(|b| b.unwrap().0.compression().unwrap()).collect();
    assert!(Compression::ALL.iter().all(|codec| codecs.contains(codec)));
    let expected: Vec<ProducerStateView> = [
        (0, 1_795_269_295_576),
        (1, 1_795_269_296_783),
        (2, 1_795_269_297_952),
        (3, 1_795_269_299_176),
        (4, 1_795_269_300_872),
    ]
    .map(|(producer_id, last_timestamp)| ProducerStateView {
        producer_id,
        producer_epoch: 0,
        last_sequence: 59,
        last_timestamp,
        coordinator_epoch: -1,
        current_txn_start_offset: -1,
    })
    .into();
    assert_eq!(log.active_producers(), expected);
    let found = log.offset_for_timestamp(1_795_269_300_947).find().unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (300, 1_795_269_300_947));
}

#[test]
fn a_directory_of_kafka_is_understood() {
    let dir = copy_of_fixture();
    let log_dir = LogDir::open(Arc::new(OsVfs), dir.path().to_owned()).unwrap();
    let meta = log_dir.read_meta_properties().unwrap().unwrap();
    assert_eq!((meta.node_id, meta.cluster_id.as_str()), (1, "MkU3OEVBNTcwNTJENDM2Qk"));
    let partitions = [TopicPartition::new("golden", 0), TopicPartition::new("golden-compact", 0)];
    assert_eq!(log_dir.partitions().unwrap(), partitions);
    assert_eq!(log_dir.read_checkpoint(Checkpoint::RecoveryPoint)[&partitions[0]], 302);
    assert_eq!(log_dir.read_checkpoint(Checkpoint::Replication)[&partitions[1]], 3);
    assert_eq!(log_dir.take_clean_shutdown().unwrap(), Some(CleanShutdown { broker_epoch: Some(11) }));
    log_dir.write_clean_shutdown(11).unwrap();
    for which in [Checkpoint::RecoveryPoint, Checkpoint::Replication, Checkpoint::LogStartOffset] {
        let before = fs::read(dir.path().join(which.file_name())).unwrap();
        let mut offsets: Vec<_> = log_dir.read_checkpoint(which).into_iter().collect();
        offsets.sort();
        log_dir.write_checkpoint(which, &offsets.into_iter().collect()).unwrap();
        let after = fs::read(dir.path().join(which.file_name())).unwrap();
        assert_eq!(after.len(), before.len(), "{which:?}: the same lines, perhaps in another order");
    }
}

#[test]
fn a_log_of_kafka_reads_the_same_and_opening_changes_no_file() {
    let dir = copy_of_fixture();
    let before: Vec<_> = ["log", "index", "timeindex"].map(|e| files(dir.path(), e)).into();
    let producers = snapshots(dir.path());
    let mut log = open(dir.path(), CLEAN);
    check(&log, dir.path());
    log.close().unwrap();
    let after: Vec<_> = ["log", "index", "timeindex"].map(|e| files(dir.path(), e)).into();
    assert_eq!(before, after);
    assert_eq!(producers, snapshots(dir.path()));
    assert_eq!(fs::read(dir.path().join("golden-0/leader-epoch-checkpoint")).unwrap(), b"0\n1\n0 0\n");
}

#[test]
fn what_is_rebuilt_is_what_kafka_wrote() {
    let dir = copy_of_fixture();
    let (indexes, times) = (files(dir.path(), "index"), files(dir.path(), "timeindex"));
    let snapshot = snapshots(dir.path()).pop().unwrap();
    for (path, _) in indexes.iter().chain(&times).chain(&files(dir.path(), "snapshot")) {
        fs::remove_file(path).unwrap();
    }
    fs::remove_file(dir.path().join("golden-0/leader-epoch-checkpoint")).unwrap();
    let mut log = open(dir.path(), OpenOptions::default());
    check(&log, dir.path());
    log.close().unwrap();
    assert_eq!((files(dir.path(), "index"), files(dir.path(), "timeindex")), (indexes, times));
    assert_eq!(snapshots(dir.path()), [snapshot]);
    assert_eq!(fs::read(dir.path().join("golden-0/leader-epoch-checkpoint")).unwrap(), b"0\n1\n0 0\n");
}

#[test]
fn a_killed_kafka_leaves_preallocated_indexes_which_are_rebuilt() {
    let dir = copy_of_fixture();
    for extension in ["index", "timeindex"] {
        let (path, _) = files(dir.path(), extension).pop().unwrap();
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(120_000).unwrap();
    }
    let mut log = open(dir.path(), OpenOptions::default());
    check(&log, dir.path());
    log.close().unwrap();
    let original = copy_of_fixture();
    for extension in ["index", "timeindex"] {
        let (ours, kafkas) =
            (files(dir.path(), extension).pop().unwrap(), files(original.path(), extension).pop().unwrap());
        assert_eq!(ours.1, kafkas.1);
    }
}

#[test]
fn appending_goes_on_where_kafka_stopped() {
    let dir = copy_of_fixture();
    let mut log = open(dir.path(), CLEAN);
    let mut again = fill(builder().producer(4, 0, 59), 1, FIRST_MS, 10);
    let info = log.append_as_leader(&mut again, 0, FIRST_MS + 60_000, AppendOrigin::Client).unwrap();
    assert!(info.duplicate && info.first_offset == 299);
    let mut next = fill(builder().producer(4, 0, 60), 2, FIRST_MS + 11_000, 10);
    let info = log.append_as_leader(&mut next, 1, FIRST_MS + 60_000, AppendOrigin::Client).unwrap();
    assert_eq!((info.first_offset, info.last_offset), (302, 303));
    assert_eq!(log.end_offset_for_epoch(0), (0, 302));
    let header = log.batch_header_at(302).unwrap().unwrap();
    assert_eq!(BatchHeader { partition_leader_epoch: 1, ..header }, header);
}

/// Writes a log for Kafka's tools to look at: `BARNABAS_LOG_OUT=/some/dir cargo test -p barnabas-log -- --ignored`.
#[test]
#[ignore = "for looking at the result with kafka-dump-log"]
fn write_a_log_for_other_tools() {
    let out = PathBuf::from(std::env::var("BARNABAS_LOG_OUT").unwrap()).join("golden-0");
    let vfs = Arc::new(OsVfs);
    let config = LogConfig { segment_bytes: 6000, index_interval_bytes: 600, ..LogConfig::default() };
    let partition = TopicPartition::new("golden", 0);
    let id = "6YDpj_IVRtqSze4SJKXmYQ".parse().ok();
    let mut log = Log::open(vfs, out, partition, id, config, OpenOptions::default(), NOW_MS).unwrap();
    for i in 0..100i64 {
        let codec = Compression::ALL[(i % 5) as usize];
        let builder = barnabas_protocol::records::BatchBuilder::new(codec, Default::default());
        let mut batch = fill(builder.producer(i % 3, 0, (i / 3 * 4) as i32), 4, NOW_MS + i * 7 % 300, 50);
        log.append_as_leader(&mut batch, (i / 40) as i32, NOW_MS, AppendOrigin::Client).unwrap();
    }
    log.close().unwrap();
}
