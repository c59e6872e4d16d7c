//! Rolling, retention, truncation, flushing and closing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::vfs::{Fault, FaultOp, MemVfs, OsVfs, Vfs};
use barnabas_log::{CleanupPolicy, DeletionReason, Log, LogConfig, LogError, OpenOptions};

use crate::support::*;

fn filled(config: &LogConfig) -> (MemVfs, Log) {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, config);
    for i in 0..20 {
        append(&mut log, sized_batch(2, NOW_MS + i * 10, 100)).unwrap();
    }
    (vfs, log)
}

fn bases(log: &Log) -> Vec<i64> {
    log.segments_info().iter().map(|s| s.base_offset).collect()
}

#[test]
fn segments_roll_by_size_by_time_and_when_an_index_is_full() {
    let (_, log) = filled(&small_segments());
    assert!(log.segments_info().iter().all(|s| s.size_bytes <= 1000));
    let mut log = open(&MemVfs::new(), &LogConfig { segment_ms: 100, ..LogConfig::default() });
    for timestamp in [0, 50, 100, 101, 102] {
        append(&mut log, sized_batch(1, timestamp, 1)).unwrap();
    }
    assert_eq!(bases(&log), [0, 3]);
    let config = LogConfig { index_interval_bytes: 0, segment_index_bytes: 24, ..LogConfig::default() };
    let mut log = open(&MemVfs::new(), &config);
    for _ in 0..9 {
        append(&mut log, batch(1)).unwrap();
    }
    assert_eq!(bases(&log), [0, 4, 8], "the first batch of a segment has no entry, then come three");
    log.roll(NOW_MS).unwrap();
    log.roll(NOW_MS).unwrap();
    assert_eq!(bases(&log), [0, 4, 8, 9], "an empty segment is not rolled");
}

#[test]
fn an_offset_too_far_for_the_segment_starts_a_new_one() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    append(&mut log, batch(1)).unwrap();
    let far = i64::from(i32::MAX) + 1;
    let mut builder = builder();
    builder.add(NOW_MS, None, None, &[]);
    log.append_as_follower(&builder.build(far, 0).unwrap(), NOW_MS).unwrap();
    assert_eq!(bases(&log), [0, far]);
    assert_eq!(read_all(&log).unwrap().len(), 2);
}

#[test]
fn retention_by_size_keeps_at_least_the_limit() {
    let (_, mut log) = filled(&LogConfig { retention_bytes: 2500, ..small_segments() });
    let before = log.size_bytes();
    let deleted = log.apply_retention(NOW_MS, 40).unwrap();
    assert!(deleted.iter().all(|d| d.reason == DeletionReason::RetentionBytes));
    assert_eq!(before - log.size_bytes(), deleted.iter().map(|d| d.size_bytes).sum::<u64>());
    let oldest = log.segments_info()[0].size_bytes;
    assert!(log.size_bytes() >= 2500 && log.size_bytes() - oldest < 2500);
    assert_eq!(log.log_start_offset(), bases(&log)[0]);
}

#[test]
fn retention_by_time_may_delete_everything_but_nothing_above_the_high_watermark() {
    let (vfs, mut log) = filled(&LogConfig { retention_ms: 1000, ..small_segments() });
    assert!(log.apply_retention(NOW_MS + 1000, 40).unwrap().is_empty());
    let second = bases(&log)[1];
    assert_eq!(log.apply_retention(NOW_MS + 10_000, second).unwrap().len(), 1);
    assert_eq!(log.log_start_offset(), second);
    log.apply_retention(NOW_MS + 10_000, 40).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset(), bases(&log)), (40, 40, vec![40]));
    append(&mut log, batch(1)).unwrap();
    assert_eq!(open(&vfs.kill_clone(), &small_segments()).log_end_offset(), 41);
}

#[test]
fn without_the_delete_policy_only_deleted_records_go() {
    let policy = CleanupPolicy { compact: true, delete: false };
    let (_, mut log) = filled(&LogConfig { retention_ms: 1, cleanup_policy: policy, ..small_segments() });
    assert!(log.apply_retention(NOW_MS * 2, 40).unwrap().is_empty());
    log.increment_log_start_offset(20).unwrap();
    let deleted = log.apply_retention(NOW_MS * 2, 40).unwrap();
    assert!(!deleted.is_empty() && deleted.iter().all(|d| d.reason == DeletionReason::LogStartOffset));
    assert_eq!(log.log_start_offset(), 20);
}

#[test]
fn deleted_files_are_renamed_at_once_and_removed_later() {
    let (vfs, mut log) = filled(&LogConfig { file_delete_delay_ms: 500, ..small_segments() });
    log.increment_log_start_offset(40).unwrap();
    log.apply_retention(NOW_MS, 40).unwrap();
    let deleted = || vfs.read_dir(&dir()).unwrap().iter().filter(|e| e.name.ends_with(".deleted")).count();
    assert!(deleted() >= 3);
    log.tick(NOW_MS + 499).unwrap();
    assert!(deleted() >= 3);
    log.tick(NOW_MS + 500).unwrap();
    assert_eq!(deleted(), 0);
}

/// What a retention round does under the lock on the log touches no file: appends wait for the lock, not for the disk.
#[test]
fn segments_leave_the_log_without_touching_a_file() {
    let (vfs, mut log) = filled(&LogConfig { file_delete_delay_ms: 500, ..small_segments() });
    log.increment_log_start_offset(20).unwrap();
    let before = vfs.op_count();
    let retired = log.retire_expired(NOW_MS, 40).unwrap();
    let plan = log.plan_removal(NOW_MS, false).unwrap();
    assert_eq!((vfs.op_count(), retired.is_empty()), (before, false));
    let done = plan.run();
    let renamed = vfs.op_count();
    assert!(renamed > before);
    log.removed(done, NOW_MS).unwrap();
    assert!(log.plan_removal(NOW_MS + 499, false).is_none());
    let plan = log.plan_removal(NOW_MS + 500, false).unwrap();
    assert_eq!(vfs.op_count(), renamed);
    log.removed(plan.run(), NOW_MS).unwrap();
    assert!(!vfs.read_dir(&dir()).unwrap().iter().any(|e| e.name.ends_with(".deleted")));
    append(&mut log, batch(1)).unwrap();
    let end = log.log_end_offset();
    drop(log);
    assert_eq!(open(&vfs, &small_segments()).log_end_offset(), end);
}

#[test]
fn a_segment_that_cannot_be_renamed_waits_with_all_after_it() {
    let (vfs, mut log) = filled(&LogConfig { file_delete_delay_ms: 0, ..small_segments() });
    log.increment_log_start_offset(40).unwrap();
    let retired = log.retire_expired(NOW_MS, 40).unwrap().len();
    assert!(retired >= 3);
    let oldest = || vfs.read_dir(&dir()).unwrap().into_iter().filter(|e| e.name.ends_with(".log")).count();
    let before = oldest();
    // The second segment's first rename.
    vfs.inject(Fault { op: FaultOp::Rename, skip: 5, times: 1, errno: 28 });
    let plan = log.plan_removal(NOW_MS, false).unwrap();
    assert!(matches!(log.removed(plan.run(), NOW_MS), Err(LogError::Io { .. })));
    assert_eq!(oldest(), before - 1, "nothing after it was touched");
    assert_eq!(log.failure(), None);
    append(&mut log, batch(1)).unwrap();
    let plan = log.plan_removal(NOW_MS, false).unwrap();
    log.removed(plan.run(), NOW_MS).unwrap();
    assert_eq!(oldest(), before - retired);
}

#[test]
fn retention_without_a_file_handle_waits_for_the_next_round() {
    const EMFILE: i32 = 24;
    let (vfs, mut log) = filled(&LogConfig { file_delete_delay_ms: 0, ..small_segments() });
    log.flush().unwrap();
    log.increment_log_start_offset(40).unwrap();
    assert!(!log.retire_expired(NOW_MS, 40).unwrap().is_empty());
    // Every one that would be needed.
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: u64::MAX, errno: EMFILE });
    let plan = log.plan_removal(NOW_MS, false).unwrap();
    let refused = log.removed(plan.run(), NOW_MS);
    vfs.clear_faults();
    assert!(refused.is_err_and(|error| error.to_string().contains("ulimit")));
    assert_eq!(log.failure(), None);
    append(&mut log, batch(1)).unwrap();
    let plan = log.plan_removal(NOW_MS, false).unwrap();
    log.removed(plan.run(), NOW_MS).unwrap();
    assert_eq!(bases(&log).len(), vfs.read_dir(&dir()).unwrap().iter().filter(|e| e.name.ends_with(".log")).count());
}

#[test]
fn a_new_log_without_a_file_handle_says_what_was_tried_and_what_to_do() {
    const EMFILE: i32 = 24;
    let vfs = MemVfs::new();
    vfs.create_dir_all(&dir()).unwrap();
    let tell = |op| {
        vfs.inject(Fault { op, skip: 0, times: 2, errno: EMFILE });
        let opened = try_open(&vfs, &small_segments(), OpenOptions::default());
        vfs.clear_faults();
        opened.err().unwrap().to_string()
    };
    let (listing, creating) = (tell(FaultOp::Read), tell(FaultOp::Open));
    assert!(listing.starts_with("could not look into the folder") && listing.contains("ulimit"), "{listing}");
    assert!(creating.contains("ulimit"), "{creating}");
}

#[test]
fn a_cut_without_a_file_handle_changes_nothing_and_is_made_later() {
    const EMFILE: i32 = 24;
    let (vfs, mut log) = filled(&small_segments());
    log.flush().unwrap();
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: 1, errno: EMFILE });
    assert!(log.truncate_to(5, NOW_MS).is_err());
    assert_eq!((log.failure(), log.log_end_offset()), (None, 40));
    log.truncate_to(5, NOW_MS).unwrap();
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: 1, errno: EMFILE });
    assert!(log.truncate_fully_and_start_at(100, NOW_MS).is_err());
    log.truncate_fully_and_start_at(100, NOW_MS).unwrap();
    assert_eq!(log.log_end_offset(), 100);
}

#[test]
fn what_is_deleted_to_the_end_can_give_its_room_back_at_once() {
    let (_, mut log) = filled(&LogConfig::default());
    let size = log.size_bytes();
    log.roll_if_all_is_deleted(NOW_MS).unwrap();
    assert_eq!((log.size_bytes(), log.segments_info().len()), (size, 1), "there is something to read");
    log.increment_log_start_offset(40).unwrap();
    log.roll_if_all_is_deleted(NOW_MS).unwrap();
    assert_eq!(log.retire_expired(NOW_MS, 40).unwrap().len(), 1);
    assert_eq!((log.size_bytes(), log.log_start_offset(), log.log_end_offset()), (0, 40, 40));
}

#[test]
fn truncation_cuts_whole_batches_and_the_log_goes_on() {
    for target in 0..41 {
        let (vfs, mut log) = filled(&small_segments());
        log.assign_leader_epoch(5);
        append(&mut log, batch(1)).unwrap();
        assert!(log.truncate_to(target, NOW_MS).unwrap());
        let end = target / 2 * 2;
        assert_eq!(log.log_end_offset(), end);
        assert!(!log.truncate_to(end, NOW_MS).unwrap());
        assert_eq!(log.latest_epoch(), if end > 0 { Some(0) } else { None }.filter(|_| target < 41));
        assert_eq!(append(&mut log, sized_batch(3, NOW_MS + 1000, 10)).unwrap().first_offset, end);
        let again = open(&vfs.kill_clone(), &small_segments());
        assert_eq!(read_all(&again).unwrap(), read_all(&log).unwrap());
        let found = log.offset_for_timestamp(NOW_MS + 500).find().unwrap();
        assert_eq!(found.map(|f| f.offset), Some(end));
    }
}

#[test]
fn a_log_can_start_anew_at_any_offset() {
    let (vfs, mut log) = filled(&small_segments());
    for start in [1000, 0, 14] {
        log.truncate_fully_and_start_at(start, NOW_MS).unwrap();
        assert_eq!((log.log_start_offset(), log.log_end_offset(), log.latest_epoch()), (start, start, None));
        assert_eq!(append(&mut log, batch(1)).unwrap().first_offset, start);
    }
    let options = OpenOptions { log_start_offset: 14, ..OpenOptions::default() };
    assert_eq!(try_open(&vfs.kill_clone(), &small_segments(), options).unwrap().log_end_offset(), 15);
}

#[test]
fn a_start_beyond_the_end_starts_anew_there() {
    let (vfs, _) = filled(&small_segments());
    let options = OpenOptions { log_start_offset: 77, ..OpenOptions::default() };
    let log = try_open(&vfs, &small_segments(), options).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (77, 77));
}

#[test]
fn flushing_follows_flush_messages_and_flush_ms() {
    let mut log = open(&MemVfs::new(), &LogConfig { flush_messages: 4, flush_ms: 100, ..LogConfig::default() });
    append(&mut log, batch(3)).unwrap();
    assert_eq!(log.recovery_point(), 0);
    append(&mut log, batch(1)).unwrap();
    assert_eq!(log.recovery_point(), 4);
    append(&mut log, batch(1)).unwrap();
    log.tick(NOW_MS + 99).unwrap();
    assert_eq!(log.recovery_point(), 4);
    log.tick(NOW_MS + 100).unwrap();
    assert_eq!(log.recovery_point(), 5);
}

#[test]
fn a_flush_can_run_without_the_log() {
    let (vfs, mut log) = filled(&LogConfig::default());
    assert!(log.plan_flush_of_closed().is_none(), "there is only the active segment");
    log.roll(NOW_MS).unwrap();
    assert_eq!(log.recovery_point(), 0, "closing a segment waits for no disk");
    let plan = log.plan_flush_of_closed().unwrap();
    append(&mut log, batch(2)).unwrap();
    let result = plan.run();
    log.flushed(result).unwrap();
    assert_eq!(log.recovery_point(), 40);
    for seed in 0..50 {
        let options = OpenOptions { recovery_point: 40, ..OpenOptions::default() };
        assert!(try_open(&vfs.crash_clone(seed), &LogConfig::default(), options).unwrap().log_end_offset() >= 40);
    }
}

/// Two flushes at once: what one of them has promised does not hang on the other.
#[test]
fn a_flush_beside_one_that_has_only_been_planned_promises_nothing_untrue() {
    let (vfs, mut log) = filled(&LogConfig::default());
    log.roll(NOW_MS).unwrap();
    append(&mut log, batch(2)).unwrap();
    let plan = log.plan_flush_of_closed().unwrap();
    log.flush().unwrap();
    assert_eq!(log.recovery_point(), 42);
    for seed in 0..50 {
        let options = OpenOptions { recovery_point: 42, ..OpenOptions::default() };
        let opened = try_open(&vfs.crash_clone(seed), &LogConfig::default(), options);
        assert_eq!(opened.unwrap().log_end_offset(), 42, "seed {seed}");
    }
    let result = plan.run();
    log.flushed(result).unwrap();
    assert_eq!(log.recovery_point(), 42);
}

/// The kernel tells a failed sync once: of two who sync, the other one must not take it for good.
#[test]
fn a_sync_that_failed_outside_of_the_log_fails_the_next_one_too() {
    let (vfs, mut log) = filled(&LogConfig::default());
    log.roll(NOW_MS).unwrap();
    let plan = log.plan_flush_of_closed().unwrap();
    vfs.inject(Fault { op: FaultOp::Sync, skip: 0, times: 1, errno: 5 });
    let result = plan.run();
    assert!(result.is_err());
    assert!(log.flush().is_err());
    assert_eq!(log.recovery_point(), 0);
    assert!(log.flushed(result).is_err());
}

#[test]
fn a_failed_sync_ends_writing_for_good() {
    let (vfs, mut log) = filled(&LogConfig::default());
    vfs.inject(Fault { op: FaultOp::Sync, skip: 0, times: 1, errno: 5 });
    assert!(log.flush().is_err());
    assert!(log.flush().is_err(), "it is not tried again");
    assert_eq!(append_code(&mut log, batch(1)), 56);
    assert!(log.failure().is_some() && log.close().is_err());
    assert_eq!(read_all(&log).unwrap().len(), 20);
}

#[test]
fn preallocated_files_are_cut_when_closed() {
    let config = LogConfig { preallocate: true, ..small_segments() };
    let (vfs, mut log) = filled(&config);
    assert_eq!(read_all(&open(&vfs.kill_clone(), &config)).unwrap(), read_all(&log).unwrap());
    log.close().unwrap();
    assert_eq!(vfs.used_bytes().min(log.size_bytes()), log.size_bytes());
    let last = format!("{:020}.log", bases(&log).last().unwrap());
    assert_eq!(vfs.read(&dir().join(last)).unwrap().len() as u64, log.segments_info().last().unwrap().size_bytes);
}

/// A log on a real disk that so much is written to that room is made in front of it.
fn busy(dir: &Path) -> (Log, PathBuf) {
    let config = LogConfig::default();
    let mut log = try_open_at(Arc::new(OsVfs), dir, &config, OpenOptions::default()).unwrap();
    for _ in 0..70 {
        append(&mut log, sized_batch(1, NOW_MS, 5_000)).unwrap();
    }
    let file = dir.join(format!("{:020}.log", 0));
    assert!(file.metadata().unwrap().len() > log.size_bytes(), "there are zeros behind the batches");
    (log, file)
}

#[test]
fn what_a_kill_leaves_of_a_busy_log_opens_with_every_batch() {
    let dir = tempfile::tempdir().unwrap();
    let (log, file) = busy(dir.path());
    let (size_bytes, batches) = (log.size_bytes(), read_all(&log).unwrap());
    drop(log);
    let opened = try_open_at(Arc::new(OsVfs), dir.path(), &LogConfig::default(), OpenOptions::default()).unwrap();
    assert_eq!(read_all(&opened).unwrap(), batches);
    assert_eq!(file.metadata().unwrap().len(), size_bytes);
}

#[test]
fn busy_files_are_cut_when_appends_stop_and_when_a_segment_is_closed() {
    for closes in [|log: &mut Log| log.tick(NOW_MS + 10_000), |log: &mut Log| log.roll(NOW_MS), Log::close] {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, file) = busy(dir.path());
        let batches = read_all(&log).unwrap();
        closes(&mut log).unwrap();
        assert_eq!(file.metadata().unwrap().len(), log.size_bytes());
        assert_eq!(read_all(&log).unwrap(), batches);
    }
}
