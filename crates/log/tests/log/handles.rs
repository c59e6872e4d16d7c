//! Logs share what there is of file handles: files are closed and opened again behind everybody's back, and nothing is
//! lost, mixed up or forgotten by it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::TopicPartition;
use barnabas_common::vfs::{Fault, FaultOp, MemVfs, Vfs};
use barnabas_log::{Handles, Log, OpenOptions, ReadError, is_passing};

use crate::support::*;

const EMFILE: i32 = 24;

fn dir_of(index: usize) -> PathBuf {
    PathBuf::from(format!("/data/t-{index}"))
}

fn open_one(vfs: &MemVfs, handles: &Arc<Handles>, index: usize) -> Log {
    let name = TopicPartition::new("t", index as i32);
    let (vfs, handles) = (Arc::new(vfs.clone()), handles.clone());
    Log::open_with(vfs, handles, dir_of(index), name, None, small_segments(), OpenOptions::default(), NOW_MS).unwrap()
}

fn open_many(vfs: &MemVfs, handles: &Arc<Handles>, count: usize) -> Vec<Log> {
    (0..count).map(|index| open_one(vfs, handles, index)).collect()
}

#[test]
fn many_logs_do_with_few_handles() {
    let (vfs, handles) = (MemVfs::new(), Handles::with_limit(8));
    let mut logs = open_many(&vfs, &handles, 60);
    for round in 0..12 {
        for (index, log) in logs.iter_mut().enumerate() {
            let info = append(log, sized_batch(1, NOW_MS + index as i64, 150)).unwrap();
            assert_eq!(info.first_offset, round);
            assert!(handles.open_count() <= 8 + 2, "{} are open", handles.open_count());
        }
    }
    for (index, log) in logs.iter().enumerate() {
        assert!(log.segments_info().len() > 1);
        assert_eq!(read_all(log).unwrap().len(), 12);
        assert_eq!(log.max_timestamp().find().unwrap().unwrap().timestamp, NOW_MS + index as i64);
        assert!(handles.open_count() <= 8 + 2, "{} are open", handles.open_count());
    }
    let expected: Vec<_> = logs.iter().map(|log| read_all(log).unwrap()).collect();
    drop(logs);
    assert_eq!(handles.open_count(), 0);
    let logs = open_many(&vfs.kill_clone(), &handles, 60);
    assert_eq!(handles.open_count(), 0, "looking at logs keeps nothing open");
    assert_eq!(logs.iter().map(|log| read_all(log).unwrap()).collect::<Vec<_>>(), expected);
}

/// The kernel tells of a failed write once, to those who have the file open: a log must hear of it.
#[test]
fn a_file_is_not_closed_before_its_writes_are_on_disk_and_a_failure_is_told() {
    let (vfs, handles) = (MemVfs::new(), Handles::with_limit(1));
    let mut logs = open_many(&vfs, &handles, 3);
    append(&mut logs[0], batch(1)).unwrap();
    vfs.inject(Fault { op: FaultOp::Sync, skip: 0, times: 1, errno: 5 });
    for _ in 0..3 {
        append(&mut logs[1], batch(1)).unwrap();
        append(&mut logs[2], batch(1)).unwrap();
    }
    let failed: Vec<bool> = logs.iter_mut().map(|log| log.flush().is_err()).collect();
    assert_eq!(failed.iter().filter(|failed| **failed).count(), 1, "one sync has failed: {failed:?}");
    let left = vfs.crash_clone(3);
    for (index, log) in logs.iter().enumerate().filter(|(index, _)| !failed[*index]) {
        assert_eq!(open_one(&left, &handles, index).log_end_offset(), log.log_end_offset());
    }
}

#[test]
fn a_reader_of_a_deleted_log_never_reads_another_one_of_its_name() {
    let (vfs, handles) = (MemVfs::new(), Handles::with_limit(1));
    let mut log = open_one(&vfs, &handles, 0);
    append(&mut log, sized_batch(1, NOW_MS, 111)).unwrap();
    log.flush().unwrap();
    let expected = read_all(&log).unwrap();
    let plan = log.plan_read(0, 1 << 20, 1, true).unwrap();
    // Takes the only handle.
    let mut other = open_one(&vfs, &handles, 1);
    append(&mut other, batch(1)).unwrap();
    append(&mut other, batch(1)).unwrap();
    drop(log);
    vfs.rename(&dir_of(0), Path::new("/data/t-0.x-delete")).unwrap();
    let mut new = open_one(&vfs, &handles, 0);
    append(&mut new, sized_batch(1, NOW_MS + 5, 222)).unwrap();
    assert_eq!(plan.read().unwrap(), expected[0]);
}

#[test]
fn a_plan_stays_good_while_its_segment_is_deleted_without_an_open_file() {
    let (vfs, handles) = (MemVfs::new(), Handles::with_limit(1));
    let mut log = open_one(&vfs, &handles, 0);
    for _ in 0..40 {
        append(&mut log, batch(1)).unwrap();
    }
    log.flush().unwrap();
    let expected = read_all(&log).unwrap();
    let plans: Vec<_> = (0..10).map(|offset| log.plan_read(offset, 1, 40, true).unwrap()).collect();
    log.increment_log_start_offset(40).unwrap();
    assert!(log.apply_retention(NOW_MS, 40).unwrap().len() > 1);
    log.tick(NOW_MS + 1_000_000).unwrap();
    for (plan, expected) in plans.into_iter().zip(&expected) {
        assert_eq!(plan.read().unwrap(), expected);
    }
}

#[test]
fn a_process_out_of_handles_closes_what_it_can_and_takes_no_log_offline() {
    let (vfs, handles) = (MemVfs::new(), Handles::with_limit(100));
    let mut logs = open_many(&vfs, &handles, 10);
    for log in &mut logs {
        append(log, batch(1)).unwrap();
        log.flush().unwrap();
    }
    let before = handles.open_count();
    let mut new = open_many(&vfs.kill_clone(), &handles, 1).remove(0);
    drop(new);
    new = open_one(&vfs, &handles, 0);
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: 1, errno: EMFILE });
    append(&mut new, batch(1)).unwrap();
    assert!(handles.open_count() < before, "others were closed");
    drop(new);
    let mut new = open_one(&vfs, &handles, 1);
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: 4, errno: EMFILE });
    assert_eq!(append_code(&mut new, batch(1)), 56);
    let plan = new.plan_read(0, 1, 1, true).unwrap();
    assert!(
        matches!(plan.read(), Err(ReadError::Io(error)) if is_passing(&error) && error.to_string().contains("ulimit"))
    );
    assert!(new.failure().is_none());
    vfs.clear_faults();
    append(&mut new, batch(1)).unwrap();
    assert_eq!(read_all(&new).unwrap().len(), 2);
}

/// Its file was closed, after a sync, because others needed the handle.
#[test]
fn a_flush_without_a_handle_is_no_failed_sync() {
    let (vfs, handles) = (MemVfs::new(), Handles::with_limit(1));
    let mut logs = open_many(&vfs, &handles, 2);
    append(&mut logs[0], batch(1)).unwrap();
    append(&mut logs[1], batch(1)).unwrap();
    append(&mut logs[1], batch(1)).unwrap();
    // The folder is opened, the file is not.
    vfs.inject(Fault { op: FaultOp::Open, skip: 1, times: 2, errno: EMFILE });
    let log = &mut logs[0];
    let refused = log.plan_flush().unwrap().run();
    assert!(refused.as_ref().is_err_and(is_passing), "{refused:?}");
    assert!(log.flushed(refused).is_err());
    assert_eq!((log.failure(), log.recovery_point(), vfs.faults_left()), (None, 0, 0));
    let done = log.plan_flush().unwrap().run();
    log.flushed(done).unwrap();
    assert_eq!(log.recovery_point(), 1);
}

/// Deletes a topic and creates it again.
fn replaced(vfs: &MemVfs, handles: &Arc<Handles>, log: Log) -> Log {
    drop(log);
    vfs.rename(&dir_of(0), Path::new("/data/t-0.x-delete")).unwrap();
    let mut new = open_one(vfs, handles, 0);
    for _ in 0..20 {
        append(&mut new, sized_batch(1, NOW_MS + 5, 111)).unwrap();
    }
    new
}

fn rolled(vfs: &MemVfs, handles: &Arc<Handles>) -> Log {
    let mut log = open_one(vfs, handles, 0);
    for _ in 0..20 {
        append(&mut log, sized_batch(1, NOW_MS, 111)).unwrap();
    }
    log.flush().unwrap();
    log
}

#[test]
fn a_removal_that_comes_late_touches_no_file_of_a_new_log_of_the_name() {
    for at_once in [false, true] {
        let (vfs, handles) = (MemVfs::new(), Handles::with_limit(10));
        let mut log = rolled(&vfs, &handles);
        if at_once {
            log.increment_log_start_offset(5).unwrap();
            assert!(!log.apply_retention(NOW_MS, 20).unwrap().is_empty());
        }
        log.increment_log_start_offset(15).unwrap();
        assert!(!log.retire_expired(NOW_MS, 20).unwrap().is_empty());
        let plan = log.plan_removal(NOW_MS, at_once).unwrap();
        let mut new = replaced(&vfs, &handles, log);
        new.increment_log_start_offset(5).unwrap();
        new.apply_retention(NOW_MS, 20).unwrap();
        let names = |vfs: &MemVfs| vfs.read_dir(&dir_of(0)).unwrap().into_iter().map(|e| e.name).collect::<Vec<_>>();
        let before = names(&vfs);
        let _ = plan.run();
        assert_eq!(names(&vfs), before);
    }
}

#[test]
fn a_reader_of_a_segment_that_was_retired_never_reads_another_log_of_its_name() {
    let (vfs, handles) = (MemVfs::new(), Handles::with_limit(1));
    let mut log = rolled(&vfs, &handles);
    let expected = read_all(&log).unwrap();
    let read = log.plan_read(0, 1, 20, true).unwrap();
    // Takes the only handle.
    let mut other = open_one(&vfs, &handles, 1);
    append(&mut other, batch(1)).unwrap();
    append(&mut other, batch(1)).unwrap();
    log.increment_log_start_offset(15).unwrap();
    assert!(!log.retire_expired(NOW_MS, 20).unwrap().is_empty());
    let removal = log.plan_removal(NOW_MS, false).unwrap();
    let _new = replaced(&vfs, &handles, log);
    let _ = removal.run();
    match read.read() {
        Ok(found) => assert_eq!(found, expected[0]),
        Err(error) => assert!(matches!(&error, ReadError::Io(error) if is_passing(error)), "{error}"),
    }
}
