//! Logs that are opened by what was written down when they were closed, instead of by looking at their folders.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::vfs::{MemVfs, OpenMode, Vfs};
use barnabas_common::{TopicPartition, Uuid};
use barnabas_log::{AppendOrigin, Handles, Log, LogConfig, OpenOptions, ReadError};
use bytes::Bytes;

use crate::support::*;

const ID: Uuid = Uuid::from_bytes([7; 16]);

fn open_first(vfs: &MemVfs, config: &LogConfig) -> Log {
    let name = TopicPartition::new("t", 0);
    Log::open(Arc::new(vfs.clone()), dir(), name, Some(ID), config.clone(), OpenOptions::default(), NOW_MS).unwrap()
}

fn reopen_as(vfs: &MemVfs, config: &LogConfig, described: &Bytes, id: Uuid) -> Option<Log> {
    let (vfs, handles) = (Arc::new(vfs.clone()), Handles::with_limit(10));
    let (path, name) = (dir().as_path().into(), TopicPartition::new("t", 0));
    Log::reopen(vfs, handles, path, name, id, config.clone(), described.clone(), NOW_MS)
}

fn reopen(vfs: &MemVfs, config: &LogConfig, described: &Bytes) -> Option<Log> {
    reopen_as(vfs, config, described, ID)
}

/// A log with several segments, epochs and producers, closed.
fn closed() -> (MemVfs, Log, Bytes) {
    let vfs = MemVfs::new();
    vfs.set_now_ms(NOW_MS);
    let mut log = open_first(&vfs, &small_segments());
    for i in 0..40 {
        let mut batch = fill(builder().producer(i % 3, 0, (i / 3 * 2) as i32), 2, NOW_MS + i * 10, 30);
        log.append_as_leader(&mut batch, (i / 8) as i32, NOW_MS, AppendOrigin::Client).unwrap();
    }
    log.increment_log_start_offset(5).unwrap();
    log.close().unwrap();
    let described = log.describe_closed().unwrap();
    (vfs, log, described)
}

fn assert_same(left: &Log, right: &Log) {
    assert_eq!(read_all(left).unwrap(), read_all(right).unwrap());
    assert_eq!(left.log_start_offset(), right.log_start_offset());
    assert_eq!(left.recovery_point(), right.recovery_point());
    assert_eq!(left.epochs(), right.epochs());
    assert_eq!(left.active_producers(), right.active_producers());
    assert_eq!(left.segments_info(), right.segments_info());
    assert_eq!(left.topic_id(), right.topic_id());
    for time in (0..420).step_by(7) {
        let find = |log: &Log| log.offset_for_timestamp(NOW_MS + time).find().unwrap();
        assert_eq!(find(left), find(right), "{time}");
    }
}

#[test]
fn a_log_is_as_it_was_and_goes_on_as_if_it_had_not_been_closed() {
    let (vfs, log, described) = closed();
    let before = vfs.op_count();
    let mut again = reopen(&vfs, &small_segments(), &described).unwrap();
    assert_eq!(vfs.op_count() - before, 2, "two looks, nothing is opened or read");
    assert_same(&again, &log);
    for i in 25..40 {
        let info = append(&mut again, fill(builder().producer(i % 3, 0, (i / 3 * 2) as i32), 2, NOW_MS, 30)).unwrap();
        assert!(info.duplicate && info.first_offset == i * 2, "{i}");
    }
    // What is appended from here on is indexed and found again like everything else, by a look at the folder, too.
    for i in 0..30 {
        append(&mut again, sized_batch(2, NOW_MS + 1000 + i, 40)).unwrap();
    }
    again.close().unwrap();
    let described = again.describe_closed().unwrap();
    assert_same(&reopen(&vfs, &small_segments(), &described).unwrap(), &again);
    let options =
        OpenOptions { clean_shutdown: true, recovery_point: 140, log_start_offset: 5, trusts_small_logs: true };
    let name = TopicPartition::new("t", 0);
    let by_folder = Log::open(Arc::new(vfs.clone()), dir(), name, Some(ID), small_segments(), options, NOW_MS).unwrap();
    assert_same(&by_folder, &again);
}

#[test]
fn a_log_that_is_not_used_is_closed_without_touching_anything() {
    let (vfs, log, described) = closed();
    let mut again = reopen(&vfs, &small_segments(), &described).unwrap();
    let before = vfs.op_count();
    again.tick(NOW_MS + 1).unwrap();
    again.close().unwrap();
    assert_eq!(vfs.op_count(), before);
    let described_again = again.describe_closed().unwrap();
    assert_same(&reopen(&vfs, &small_segments(), &described_again).unwrap(), &log);
}

#[test]
fn a_new_log_that_is_not_used_is_described_as_well() {
    let vfs = MemVfs::new();
    let mut log = open_first(&vfs, &LogConfig::default());
    log.assign_leader_epoch(0);
    log.close().unwrap();
    let described = log.describe_closed().unwrap();
    let mut again = reopen(&vfs, &LogConfig::default(), &described).unwrap();
    assert_same(&again, &log);
    for _ in 0..3 {
        append(&mut again, batch(1)).unwrap();
    }
    again.flush().unwrap();
    let left = vfs.crash_clone(1);
    let options = OpenOptions { recovery_point: 3, ..OpenOptions::default() };
    assert_eq!(try_open(&left, &LogConfig::default(), options).unwrap().log_end_offset(), 3);
}

/// Somebody else had the volume in between, or it was restored from somewhere.
#[test]
fn a_folder_that_was_changed_is_looked_at() {
    type Change = (&'static str, fn(&MemVfs));
    let changes: [Change; 7] = [
        ("a segment is gone", |vfs| vfs.remove_file(&dir().join("00000000000000000000.log")).unwrap()),
        ("a file was added", |vfs| drop(vfs.open(&dir().join("new"), OpenMode::CREATE).unwrap())),
        ("a file was renamed", |vfs| vfs.rename(&dir().join("leader-epoch-checkpoint"), &dir().join("x")).unwrap()),
        ("records were appended", |vfs| {
            let file = active(vfs);
            file.write_all_at(b"more", file.len().unwrap()).unwrap();
        }),
        ("records were replaced", |vfs| {
            vfs.set_now_ms(NOW_MS + 5);
            active(vfs).write_all_at(b"else", 0).unwrap();
        }),
        ("the log file was cut", |vfs| active(vfs).set_len(10).unwrap()),
        ("the folder is gone", |vfs| vfs.remove_dir_all(&dir()).unwrap()),
    ];
    let (vfs, _, described) = closed();
    for (what, change) in changes {
        let vfs = vfs.kill_clone();
        assert!(reopen(&vfs, &small_segments(), &described).is_some());
        change(&vfs);
        assert!(reopen(&vfs, &small_segments(), &described).is_none(), "{what}");
    }
    assert!(reopen_as(&vfs, &small_segments(), &described, Uuid::from_bytes([8; 16])).is_none(), "another topic");
}

fn active(vfs: &MemVfs) -> Arc<dyn barnabas_common::vfs::VfsFile> {
    let names = vfs.read_dir(&dir()).unwrap().into_iter().map(|entry| entry.name);
    let last: PathBuf = dir().join(names.filter(|name| name.ends_with(".log")).max().unwrap());
    vfs.open(&last, OpenMode::WRITE).unwrap()
}

#[test]
fn a_description_that_makes_no_sense_is_not_followed() {
    let (vfs, log, described) = closed();
    for len in 0..described.len() {
        assert!(reopen(&vfs, &small_segments(), &described.slice(..len)).is_none(), "cut at {len}");
    }
    let expected = read_all(&log).unwrap();
    for byte in 0..described.len() {
        let mut bad = described.to_vec();
        bad[byte] ^= 0x81;
        // The file around it has a CRC; here it must only do no harm.
        if let Some(again) = reopen(&vfs, &small_segments(), &bad.into()) {
            let _ = again.offset_for_timestamp(NOW_MS + 100).find();
            let _ =
                again.plan_read(again.log_start_offset(), 5000, again.log_end_offset(), true).map(|plan| plan.read());
        }
    }
    assert_eq!(read_all(&log).unwrap(), expected);
}

#[test]
fn damage_inside_is_found_when_it_is_read() {
    let (vfs, _, described) = closed();
    vfs.damage(&dir().join("00000000000000000000.log"), |bytes| bytes[600] ^= 1).unwrap();
    let log = reopen(&vfs, &small_segments(), &described).unwrap();
    assert!(matches!(read_all(&log), Err(ReadError::Corrupt(_))));
}

#[test]
fn files_that_wait_to_be_removed_are_not_forgotten() {
    let (_, mut log, _) = closed();
    log.increment_log_start_offset(60).unwrap();
    assert!(!log.apply_retention(NOW_MS, 80).unwrap().is_empty());
    log.close().unwrap();
    assert_eq!(log.describe_closed(), None);
    log.tick(NOW_MS + 100_000).unwrap();
    assert!(log.describe_closed().is_some());
}

/// Its close syncs nothing: there is nothing in it.
#[test]
fn the_first_flush_of_a_log_that_was_closed_empty_makes_the_names_of_its_files_durable() {
    for rounds in 1..3 {
        let vfs = MemVfs::new();
        vfs.create_dir_all(&dir()).unwrap();
        vfs.sync_dir(Path::new("/data")).unwrap();
        let mut log = open_first(&vfs, &small_segments());
        for _ in 0..rounds {
            log.close().unwrap();
            let described = log.describe_closed().unwrap();
            drop(log);
            log = reopen(&vfs, &small_segments(), &described).unwrap();
        }
        append(&mut log, batch(1)).unwrap();
        log.flush().unwrap();
        for seed in 0..20 {
            assert_eq!(open(&vfs.crash_clone(seed), &small_segments()).log_end_offset(), 1);
        }
    }
}
