//! After a kill only what lies behind the recovery point is read, in logs too large to be checked in full: what is damaged
//! before it is found when it is read, what is damaged behind it is cut off, and the indexes are right again.

use std::path::PathBuf;

use barnabas_common::vfs::{MemVfs, Vfs};
use barnabas_log::{AppendOrigin, Log, LogConfig, LogError, OpenOptions, ReadError};

use crate::support::*;

const RECORD_BYTES: usize = 2000;
/// A log that is a segment with so many batches.
const BATCHES: i64 = 400;
/// Of which so many had been synced.
const SYNCED: i64 = 250;

fn config() -> LogConfig {
    LogConfig { index_interval_bytes: 300, ..LogConfig::default() }
}

/// Small logs are treated as large ones.
fn options(recovery_point: i64) -> OpenOptions {
    OpenOptions { recovery_point, trusts_small_logs: true, ..OpenOptions::default() }
}

fn file(extension: &str) -> PathBuf {
    dir().join(format!("{:020}.{extension}", 0))
}

/// One segment with batches of one record each, of three producers and ever later epochs. Times go back and forth.
fn killed() -> (MemVfs, Log) {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &config());
    for i in 0..BATCHES {
        let builder = builder().producer(i % 3, 0, (i / 3) as i32);
        let time = NOW_MS + i * 10 - (i % 4) * 100;
        let mut batch = fill(builder, 1, time, RECORD_BYTES);
        log.append_as_leader(&mut batch, (i / 90) as i32, NOW_MS, AppendOrigin::Client).unwrap();
        if i + 1 == SYNCED {
            log.flush().unwrap();
        }
    }
    assert_eq!((log.recovery_point(), log.segments_info().len()), (SYNCED, 1));
    (vfs, log)
}

/// Where the batch at `offset` starts. All are of one size.
fn position(vfs: &MemVfs, offset: i64) -> usize {
    vfs.read(&file("log")).unwrap().len() / BATCHES as usize * offset as usize
}

fn flip(vfs: &MemVfs, offset: i64) {
    let at = position(vfs, offset) + 100;
    vfs.damage(&file("log"), |bytes| bytes[at] ^= 4).unwrap();
}

fn assert_same(left: &Log, right: &Log) {
    assert_eq!(read_all(left).unwrap(), read_all(right).unwrap());
    assert_eq!(left.epochs(), right.epochs());
    assert_eq!(left.active_producers(), right.active_producers());
    assert_eq!(left.segments_info(), right.segments_info());
    let found = |log: &Log, time| log.offset_for_timestamp(time).find().unwrap();
    for time in (0..BATCHES * 10 + 50).step_by(35) {
        assert_eq!(found(left, NOW_MS + time), found(right, NOW_MS + time), "{time}");
    }
    assert_eq!(left.max_timestamp().find().unwrap(), right.max_timestamp().find().unwrap());
}

fn read_one(log: &Log, offset: i64) -> Result<bytes::Bytes, ReadError> {
    log.plan_read(offset, 1, log.log_end_offset(), true).unwrap().read()
}

#[test]
fn a_killed_log_is_as_it_was() {
    let (vfs, log) = killed();
    for recovery_point in [0, 1, 100, SYNCED, BATCHES - 1, BATCHES] {
        let left = vfs.kill_clone();
        let again = try_open(&left, &config(), options(recovery_point)).unwrap();
        assert_same(&again, &log);
        drop(again);
        let clean_after_all = try_open(&left, &config(), options(recovery_point)).unwrap();
        assert_same(&clean_after_all, &log);
    }
}

#[test]
fn damage_before_the_recovery_point_is_found_when_it_is_read() {
    let (vfs, _) = killed();
    flip(&vfs, 20);
    let log = try_open(&vfs, &config(), options(SYNCED)).unwrap();
    assert_eq!(log.log_end_offset(), BATCHES);
    assert!(matches!(read_one(&log, 20), Err(ReadError::Corrupt(_))));
    for offset in [0, 19, 21, SYNCED, BATCHES - 1] {
        assert!(!read_one(&log, offset).unwrap().is_empty(), "{offset}");
    }
}

#[test]
fn damage_behind_the_recovery_point_is_cut_off() {
    let (vfs, _) = killed();
    flip(&vfs, SYNCED + 30);
    let mut log = try_open(&vfs, &config(), options(SYNCED)).unwrap();
    assert_eq!(log.log_end_offset(), SYNCED + 30);
    assert_eq!(vfs.read(&file("log")).unwrap().len() as u64, log.size_bytes());
    assert_eq!(read_all(&log).unwrap().len() as i64, SYNCED + 30);
    assert_eq!(append(&mut log, batch(1)).unwrap().first_offset, SYNCED + 30);
    assert_eq!(log.max_timestamp().find().unwrap().unwrap().offset, SYNCED + 29 - (SYNCED + 29) % 4);
}

#[test]
fn damage_of_the_last_synced_record_keeps_the_log_from_opening() {
    let (vfs, _) = killed();
    flip(&vfs, SYNCED - 1);
    let Err(LogError::Corrupt(corruption)) = try_open(&vfs, &config(), options(SYNCED)) else {
        panic!("must not open")
    };
    assert!(corruption.what.contains("had been stored"), "{corruption}");
}

#[test]
fn indexes_that_a_power_loss_left_in_any_state_are_not_followed() {
    let (vfs, log) = killed();
    for extension in ["index", "timeindex"] {
        let len = vfs.read(&file(extension)).unwrap().len();
        assert!(len > 1000, "the index is on disk: {len}");
        for seed in 0..150 {
            let left = vfs.kill_clone();
            let mut random = Random(seed);
            left.damage(&file(extension), |bytes| {
                let mut below = |n: usize| random.below(n as u64) as usize;
                let (from, to) = (below(len), below(len));
                match seed % 5 {
                    0 => bytes[from.min(to)..from.max(to)].fill(0),
                    1 => bytes[from.min(to)..from.max(to)].iter_mut().for_each(|b| *b = below(256) as u8),
                    2 => bytes.truncate(from),
                    3 => bytes.truncate(from / 24 * 24),
                    _ => bytes.extend(std::iter::repeat_n(0, to / 24 * 24)),
                }
            })
            .unwrap();
            let again = try_open(&left, &config(), options(SYNCED)).unwrap();
            assert_eq!(read_all(&again).unwrap(), read_all(&log).unwrap(), "{extension}, seed {seed}");
            assert_eq!(again.active_producers(), log.active_producers(), "{extension}, seed {seed}");
            assert_eq!(again.segments_info(), log.segments_info(), "{extension}, seed {seed}");
        }
    }
}

#[test]
fn after_a_power_loss_what_was_synced_is_there_and_the_rest_ends_at_its_first_hole() {
    let (vfs, log) = killed();
    let written = read_all(&log).unwrap();
    for seed in 0..100 {
        let left = vfs.crash_clone(seed);
        let mut again = try_open(&left, &config(), options(SYNCED)).unwrap();
        let found = read_all(&again).unwrap();
        assert!(found.len() as i64 >= SYNCED && written.starts_with(&found), "seed {seed}");
        // Others get the offsets of what was lost; nothing old may come back by an old index.
        let end = again.log_end_offset();
        for i in 0..40 {
            append(&mut again, sized_batch(1, NOW_MS + 9_000 + i, 1200)).unwrap();
        }
        let expected = read_all(&again).unwrap();
        let last = try_open(&left.kill_clone(), &config(), options(SYNCED)).unwrap();
        assert_eq!(read_all(&last).unwrap(), expected, "seed {seed}");
        assert_eq!(last.offset_for_timestamp(NOW_MS + 9_000).find().unwrap().unwrap().offset, end, "seed {seed}");
    }
}

/// Snapshots are taken within a segment, so that not all of it need be read.
#[test]
fn producers_of_a_large_segment_are_known_again() {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &LogConfig::default());
    for i in 0..300 {
        append(&mut log, fill(builder().producer(i64::from(i % 7), 0, i / 7), 1, NOW_MS, 100_000)).unwrap();
    }
    let snapshots = || vfs.read_dir(&dir()).unwrap().into_iter().filter(|e| e.name.ends_with(".snapshot"));
    let newest: Vec<String> = snapshots().map(|entry| entry.name).collect();
    assert_eq!(newest.len(), 1, "older ones of the segment are removed: {newest:?}");
    assert!(newest[0].as_str() > "00000000000000000200");
    // Not even the headers before are read again: one that is broken is not noticed.
    vfs.damage(&file("log"), |bytes| bytes[5_000_000..5_200_000].fill(0)).unwrap();
    let mut again = try_open(&vfs.kill_clone(), &LogConfig::default(), options(290)).unwrap();
    assert_eq!(again.active_producers(), log.active_producers());
    for i in 265..300 {
        let repeated = fill(builder().producer(i64::from(i % 7), 0, i / 7), 1, NOW_MS, 100_000);
        let info = append(&mut again, repeated).unwrap();
        assert!(info.duplicate && info.first_offset == i64::from(i), "{i}");
    }
}

/// However large they are, and wherever among them the last snapshot was taken.
#[test]
fn all_batches_that_were_in_flight_are_known_after_a_kill() {
    for batches in 8..14 {
        let vfs = MemVfs::new();
        let mut log = open(&vfs, &LogConfig::default());
        let batch = |sequence| fill(builder().producer(7, 0, sequence), 1, NOW_MS, 1_000_000);
        for sequence in 0..batches {
            append(&mut log, batch(sequence)).unwrap();
        }
        let mut again = try_open(&vfs.kill_clone(), &LogConfig::default(), options(0)).unwrap();
        for sequence in batches - 5..batches {
            let info = append(&mut again, batch(sequence)).unwrap();
            assert!(info.duplicate && info.first_offset == i64::from(sequence), "{sequence} of {batches}");
        }
        append(&mut again, batch(batches)).unwrap();
    }
}
