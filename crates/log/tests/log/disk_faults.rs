//! A disk that is full or fails: the log stays valid, refuses with an error that producers retry, and goes on when it can.

use barnabas_common::vfs::{Fault, FaultOp, MemVfs, Vfs};
use barnabas_log::{Log, LogConfig, has_failed_before};

use crate::support::*;

#[test]
fn a_full_disk_refuses_appends_and_nothing_else_breaks() {
    for room in 0..400 {
        let vfs = MemVfs::new();
        let mut log = open(&vfs, &small_segments());
        while log.log_end_offset() < 30 {
            append(&mut log, batch(2)).unwrap();
        }
        vfs.set_capacity(Some(vfs.used_bytes() + room));
        let mut end = log.log_end_offset();
        let code = loop {
            match append_code(&mut log, producer_batch(3, 0, (end - 30) as i32, 1)) {
                0 => end += 1,
                code => break code,
            }
        };
        assert_eq!((code, log.log_end_offset()), (56, end), "room {room}");
        assert_eq!(append_code(&mut log, producer_batch(3, 0, (end - 30) as i32, 1)), 56, "and again");
        assert!(log.failure().is_none());
        let batches = read_all(&log).unwrap();
        let full = vfs.kill_clone();
        full.set_capacity(Some(full.used_bytes()));
        assert_eq!(read_all(&open(&full, &small_segments())).unwrap(), batches, "a full disk can be opened");
        log.increment_log_start_offset(20).unwrap();
        assert!(!log.apply_retention(NOW_MS, end).unwrap().is_empty());
        log.tick(NOW_MS + 60_000).unwrap();
        vfs.set_capacity(Some(vfs.used_bytes() + 2000));
        cut_off(&mut log).unwrap();
        let info = append(&mut log, producer_batch(3, 0, (end - 30) as i32, 1)).unwrap();
        assert!(!info.duplicate && info.first_offset == end);
        assert_eq!(open(&vfs.kill_clone(), &small_segments()).log_end_offset(), end + 1);
    }
}

#[test]
fn a_segment_that_finds_no_room_leaves_no_file() {
    let vfs = MemVfs::new();
    let config = LogConfig { preallocate: true, ..small_segments() };
    let mut log = open(&vfs, &config);
    append(&mut log, sized_batch(1, NOW_MS, 600)).unwrap();
    vfs.set_capacity(Some(vfs.used_bytes() + 100));
    assert!(log.plan_cut().is_none());
    assert_eq!(append_code(&mut log, sized_batch(1, NOW_MS, 600)), 56, "the next segment is made ready in vain");
    append(&mut log, batch(1)).unwrap();
    vfs.set_capacity(None);
    append(&mut log, sized_batch(1, NOW_MS, 600)).unwrap();
    assert_eq!(open(&vfs.kill_clone(), &config).log_end_offset(), 3);
}

#[test]
fn any_single_failed_call_leaves_a_log_that_holds_what_was_acknowledged() {
    for skip in 0..150 {
        let vfs = MemVfs::new();
        let config = LogConfig { flush_messages: 7, ..small_segments() };
        let mut log = open(&vfs, &config);
        vfs.inject(Fault { op: FaultOp::Any, skip, times: 1, errno: 5 });
        let mut acknowledged = Vec::new();
        for i in 0..40 {
            if let Ok(info) = append(&mut log, sized_batch(1, NOW_MS + i, 40)) {
                acknowledged.push(info.first_offset);
            }
            let _ = cut_off(&mut log);
        }
        vfs.clear_faults();
        let again = open(&vfs.kill_clone(), &config);
        read_all(&again).unwrap();
        for offset in acknowledged {
            let header = again.batch_header_at(offset).unwrap().unwrap();
            assert_eq!(header.base_offset, offset, "skip {skip}");
        }
    }
}

/// A log with `records` records whose next append finds no room, and leaves something behind.
fn full(config: &LogConfig, records: i64) -> (MemVfs, Log) {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, config);
    while log.log_end_offset() < records {
        append(&mut log, batch(1)).unwrap();
    }
    vfs.set_capacity(Some(vfs.used_bytes() + 30));
    assert_eq!(append_code(&mut log, batch(1)), 56);
    (vfs, log)
}

fn fail_syncs(vfs: &MemVfs, times: u64, errno: i32) {
    vfs.inject(Fault { op: FaultOp::Sync, skip: 0, times, errno });
}

#[test]
fn refused_appends_cost_no_sync_and_what_they_left_is_cut_off_once() {
    let (vfs, mut log) = full(&LogConfig::default(), 3);
    fail_syncs(&vfs, 1, 5);
    for _ in 0..100 {
        assert_eq!(append_code(&mut log, batch(1)), 56);
    }
    assert!(log.roll(NOW_MS).is_err(), "nothing is left before another segment");
    assert_eq!(vfs.faults_left(), 1, "nobody has synced anything");
    vfs.clear_faults();
    vfs.set_capacity(None);
    assert_eq!(append_code(&mut log, batch(1)), 56, "it may come back as long as it was not cut off on disk");
    cut_off(&mut log).unwrap();
    assert!(log.plan_cut().is_none(), "once");
    assert_eq!(append(&mut log, batch(1)).unwrap().first_offset, 3);
    log.roll(NOW_MS).unwrap();
}

#[test]
fn a_lack_of_room_that_the_sync_tells_refuses_appends_until_there_is_some() {
    for errno in [28, 122] {
        let (vfs, mut log) = full(&LogConfig { flush_messages: 1, ..LogConfig::default() }, 3);
        fail_syncs(&vfs, 3, errno);
        for _ in 0..3 {
            assert!(cut_off(&mut log).is_err());
            assert_eq!(append_code(&mut log, batch(1)), 56);
        }
        assert_eq!((vfs.faults_left(), log.failure()), (0, None));
        vfs.set_capacity(None);
        cut_off(&mut log).unwrap();
        assert_eq!(append(&mut log, batch(1)).unwrap().first_offset, 3);
        assert_eq!(log.recovery_point(), 4);
        assert_eq!(open(&vfs.crash_clone(1), &LogConfig::default()).log_end_offset(), 4);
    }
}

/// The kernel may have dropped them, and the next sync would not say so.
#[test]
fn records_that_were_not_on_disk_when_the_cut_found_no_room_are_never_taken_to_be_there() {
    for (synced, errno) in [(false, 28), (false, 122), (true, 5), (false, 5)] {
        let flush_messages = if synced { 1 } else { i64::MAX };
        let (vfs, mut log) = full(&LogConfig { flush_messages, ..LogConfig::default() }, 3);
        fail_syncs(&vfs, 1, errno);
        let flush = log.plan_flush();
        assert!(cut_off(&mut log).is_err());
        vfs.set_capacity(None);
        assert!(log.failure().is_some() && log.plan_cut().is_none());
        assert_eq!(append_code(&mut log, batch(1)), 56);
        if let Some(plan) = flush {
            assert!(has_failed_before(&plan.run().unwrap_err()));
            assert_eq!(log.recovery_point(), 0);
        }
        assert_eq!(read_all(&log).unwrap().len(), 3, "what is there can be read");
    }
}

#[test]
fn a_log_is_not_closed_well_before_what_is_left_is_off_the_disk() {
    let config = LogConfig { flush_messages: 1, ..LogConfig::default() };
    for (errno, is_closed) in [(None, true), (Some(28), false)] {
        let (vfs, mut log) = full(&config, 3);
        errno.into_iter().for_each(|errno| fail_syncs(&vfs, 1, errno));
        assert_eq!(log.close().is_ok(), is_closed);
        if is_closed {
            let lengths =
                (0..20).map(|seed| vfs.crash_clone(seed).stat(&dir().join("00000000000000000000.log")).unwrap().len);
            assert!(lengths.collect::<std::collections::BTreeSet<_>>().len() == 1, "no power loss brings it back");
        }
    }
}
