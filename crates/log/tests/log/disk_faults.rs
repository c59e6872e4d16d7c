//! A disk that is full or fails: the log stays valid, refuses with an error that producers retry, and goes on when it can.

use barnabas_common::vfs::{Fault, FaultOp, MemVfs};
use barnabas_log::LogConfig;

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
