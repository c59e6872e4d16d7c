//! Reading by offset and by time.

use barnabas_common::vfs::MemVfs;
use barnabas_log::{Log, LogConfig, OpenOptions, TimestampOffset};
use barnabas_protocol::records::{BatchHeader, split_batches};

use crate::support::*;

fn offsets(log: &Log, offset: i64, max_bytes: usize, max_offset: i64, min_one: bool) -> Vec<i64> {
    let bytes = log.plan_read(offset, max_bytes, max_offset, min_one).unwrap().read().unwrap();
    let headers: Vec<BatchHeader> = split_batches(&bytes).map(|b| b.unwrap().0).collect();
    assert_eq!(headers.iter().map(BatchHeader::size_bytes).sum::<usize>(), bytes.len(), "only whole batches");
    headers.iter().map(|h| h.base_offset).collect()
}

/// Twenty batches of two records, in several segments.
fn filled(config: &LogConfig) -> (MemVfs, Log) {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, config);
    for i in 0..20 {
        append(&mut log, sized_batch(2, NOW_MS + i * 10, 20)).unwrap();
    }
    (vfs, log)
}

#[test]
fn every_offset_gives_the_batch_that_holds_it() {
    for interval in [0, 200, 4096] {
        let config = LogConfig { index_interval_bytes: interval, ..small_segments() };
        let (_, log) = filled(&config);
        assert!(log.segments_info().len() > 2);
        for offset in 0..40 {
            assert_eq!(offsets(&log, offset, 1, 40, true), [offset / 2 * 2], "interval {interval}");
        }
    }
}

#[test]
fn limits_of_bytes_and_offsets_hold() {
    let (_, log) = filled(&LogConfig::default());
    let size = batch(2).len();
    assert_eq!(offsets(&log, 4, size * 3 / 2, 40, true), [4], "one and a half batches give one");
    assert_eq!(offsets(&log, 4, size * 2, 40, true), [4, 6]);
    assert_eq!(offsets(&log, 4, size - 1, 40, false), [0; 0]);
    assert_eq!(offsets(&log, 4, size - 1, 40, true), [4]);
    assert_eq!(offsets(&log, 4, 1 << 20, 8, true), [4, 6], "below the bound");
    assert_eq!(offsets(&log, 4, 1 << 20, 7, true), [4], "a batch that crosses the bound is not visible");
    assert_eq!(offsets(&log, 8, 1 << 20, 8, true), [0; 0]);
    assert_eq!(offsets(&log, 40, 1 << 20, 40, true), [0; 0]);
    assert!(log.plan_read(41, 1, 41, true).is_err());
    assert!(log.plan_read(-1, 1, 40, true).is_err());
}

#[test]
fn a_log_start_inside_a_batch_gives_the_whole_batch() {
    let (_, mut log) = filled(&LogConfig::default());
    assert!(log.increment_log_start_offset(5).unwrap());
    assert!(!log.increment_log_start_offset(3).unwrap());
    assert!(log.increment_log_start_offset(41).is_err());
    assert_eq!(offsets(&log, 5, 1, 40, true), [4]);
    assert!(log.plan_read(4, 1, 40, true).is_err());
}

#[test]
fn a_plan_outlives_the_deletion_of_its_segment() {
    let (vfs, mut log) = filled(&small_segments());
    let plan = log.plan_read(0, 1 << 20, 40, true).unwrap();
    log.increment_log_start_offset(40).unwrap();
    log.apply_retention(NOW_MS, 40).unwrap();
    log.tick(NOW_MS + 60_000).unwrap();
    assert!(!vfs.kill_clone().read_names().iter().any(|n| n.ends_with(".deleted")));
    let bytes = plan.read().unwrap();
    assert_eq!(BatchHeader::parse(&bytes).unwrap().base_offset, 0);
}

trait Names {
    fn read_names(&self) -> Vec<String>;
}

impl Names for MemVfs {
    fn read_names(&self) -> Vec<String> {
        barnabas_common::vfs::Vfs::read_dir(self, &dir()).unwrap().into_iter().map(|e| e.name).collect()
    }
}

fn find(log: &Log, timestamp: i64) -> Option<(i64, i64)> {
    log.offset_for_timestamp(timestamp).find().unwrap().map(|f| (f.offset, f.timestamp))
}

#[test]
fn the_first_record_at_or_after_a_time_is_found() {
    for config in [LogConfig::default(), small_segments(), LogConfig { index_interval_bytes: 0, ..small_segments() }] {
        let (_, mut log) = filled(&config);
        for i in 0..20 {
            let timestamp = NOW_MS + i * 10;
            assert_eq!(find(&log, timestamp), Some((i * 2, timestamp)));
            assert_eq!(find(&log, timestamp - 5), Some((i * 2, timestamp)));
        }
        assert_eq!(find(&log, NOW_MS + 191), None);
        let latest = log.max_timestamp().find().unwrap();
        assert_eq!(latest, Some(TimestampOffset { offset: 38, timestamp: NOW_MS + 190, leader_epoch: 0 }));
        log.increment_log_start_offset(3).unwrap();
        assert_eq!(find(&log, 0), Some((3, NOW_MS + 10)));
    }
    assert_eq!(open(&MemVfs::new(), &LogConfig::default()).max_timestamp().find().unwrap(), None);
}

#[test]
fn a_record_inside_a_batch_is_found_and_times_may_go_back() {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &small_segments());
    let mut builder = builder();
    for timestamp in [50, 10, 70, 60] {
        builder.add(timestamp, None, Some(b"v"), &[]);
    }
    append(&mut log, builder.build(0, 0).unwrap()).unwrap();
    for i in 0..30 {
        append(&mut log, sized_batch(1, 30 + i % 3, 20)).unwrap();
    }
    append(&mut log, sized_batch(1, 100, 20)).unwrap();
    for _ in 0..2 {
        assert_eq!([find(&log, 0), find(&log, 51), find(&log, 71)], [Some((0, 50)), Some((2, 70)), Some((34, 100))]);
        assert_eq!(log.max_timestamp().find().unwrap().map(|f| f.offset), Some(34));
        log.close().unwrap();
        let options =
            OpenOptions { clean_shutdown: true, recovery_point: 35, log_start_offset: 0, trusts_small_logs: false };
        log = try_open(&vfs, &small_segments(), options).unwrap();
    }
}

/// Answers wait until they are sent, and a consumer of many partitions asks each for a megabyte.
#[test]
fn a_small_read_keeps_no_large_buffer() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    append(&mut log, batch(1)).unwrap();
    append(&mut log, sized_batch(1, NOW_MS, 1_030_000)).unwrap();
    let bytes = log.plan_read(0, 1_000_000, log.log_end_offset(), true).unwrap().read().unwrap();
    let len = bytes.len();
    assert_eq!(BatchHeader::parse(&bytes).unwrap().size_bytes(), len);
    let held = bytes.try_into_mut().unwrap().capacity();
    assert!(held < 2 * len, "{held} bytes are held for {len}");
}

#[test]
fn the_latest_record_is_one_that_can_be_read() {
    let latest = |log: &Log| log.max_timestamp().find().unwrap().map(|found| (found.offset, found.timestamp));
    // In one segment, and in several of which the first is beyond reach as a whole.
    for config in [LogConfig::default(), small_segments()] {
        let vfs = MemVfs::new();
        let mut log = open(&vfs, &config);
        let mut mixed = builder();
        for timestamp in [500, 10, 70, 60] {
            mixed.add(timestamp, None, Some(b"v"), &[]);
        }
        append(&mut log, mixed.build(0, 0).unwrap()).unwrap();
        for i in 0..30 {
            append(&mut log, sized_batch(1, 30 - i, 20)).unwrap();
        }
        append(&mut log, sized_batch(1, 20, 20)).unwrap();
        let expected =
            [(0, (0, 500)), (1, (2, 70)), (2, (2, 70)), (3, (3, 60)), (4, (4, 30)), (8, (8, 26)), (15, (34, 20))];
        for (log_start_offset, expected) in expected {
            log.increment_log_start_offset(log_start_offset).unwrap();
            assert_eq!(latest(&log), Some(expected), "from {log_start_offset}");
        }
        log.increment_log_start_offset(log.log_end_offset()).unwrap();
        assert_eq!(latest(&log), None);
    }
}

/// Headers may claim times that no record has: what was stored before they were looked into, or by another broker.
#[test]
fn the_latest_record_is_found_where_headers_claim_later_times() {
    let latest = |log: &Log| log.max_timestamp().find().unwrap().map(|found| (found.offset, found.timestamp));
    let claiming = |claimed: i64, timestamp: i64| fill(builder().max_timestamp(claimed), 1, timestamp, 20);
    for config in [LogConfig::default(), small_segments()] {
        let mut log = open(&MemVfs::new(), &config);
        append(&mut log, claiming(NOW_MS + 500, NOW_MS)).unwrap();
        assert_eq!(latest(&log), Some((0, NOW_MS)), "one that claims too much");
        for index in 0..200 {
            append(&mut log, claiming(NOW_MS + 1000 - index, NOW_MS + index)).unwrap();
        }
        assert_eq!(latest(&log), Some((200, NOW_MS + 199)), "more than are tried");
        append(&mut log, claiming(NOW_MS + 800, NOW_MS + 300)).unwrap();
        append(&mut log, claiming(NOW_MS + 300, NOW_MS + 300)).unwrap();
        append(&mut log, claiming(NOW_MS + 250, NOW_MS + 290)).unwrap();
        assert_eq!(latest(&log), Some((201, NOW_MS + 300)), "the first of them");
        log.increment_log_start_offset(202).unwrap();
        assert_eq!(latest(&log), Some((202, NOW_MS + 300)));
        log.increment_log_start_offset(203).unwrap();
        assert_eq!(latest(&log), Some((203, NOW_MS + 290)), "one that claims too little");
        log.increment_log_start_offset(204).unwrap();
        assert_eq!(latest(&log), None);
    }
}
