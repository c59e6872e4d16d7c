//! Ranges of files for sending, compared with what reading brings, on real files.

use std::sync::Arc;

use barnabas_common::vfs::{FileRange, OsVfs};
use barnabas_log::{Log, LogConfig, OpenOptions, ReadError};
use barnabas_protocol::records::split_batches;
use bytes::Bytes;

use crate::support::*;

fn open_at(dir: &tempfile::TempDir, config: &LogConfig, options: OpenOptions) -> Log {
    try_open_at(Arc::new(OsVfs), &dir.path().join("t-0"), config, options).unwrap()
}

fn content(mut range: FileRange) -> Bytes {
    range.read_front(range.len()).unwrap()
}

/// What a fetch brings as a range from `least` bytes on, and what reading the same brings.
fn both(log: &Log, asked: (i64, usize, i64, bool), least: usize) -> (Option<Bytes>, Bytes) {
    let (offset, max_bytes, max_offset, min_one) = asked;
    let model = log.plan_read(offset, max_bytes, max_offset, min_one).unwrap().read().unwrap();
    let mut plan = log.plan_fetch(offset, max_bytes, max_offset, min_one, least).unwrap();
    let range = plan.find_range(least).unwrap().map(content);
    // Reading goes on where the search has come to.
    assert_eq!(plan.read().unwrap(), model, "{asked:?}");
    (range, model)
}

/// Batches in several segments; some follow a gap, as after compaction, and some were cut off again.
fn random_log(random: &mut Random, dir: &tempfile::TempDir) -> Log {
    let config = LogConfig {
        segment_bytes: 3000 + random.below(20_000) as i32,
        index_interval_bytes: random.below(2000) as i32,
        ..LogConfig::default()
    };
    let mut log = open_at(dir, &config, OpenOptions::default());
    for _ in 0..60 {
        let (count, size) = (1 + random.below(5) as usize, random.below(400) as usize);
        if random.below(4) == 0 {
            let mut builder = builder();
            builder.add(NOW_MS, None, Some(&vec![1; size]), &[]);
            let base_offset = log.log_end_offset() + 1 + random.below(20) as i64;
            log.append_as_follower(&builder.build(base_offset, 0).unwrap(), NOW_MS).unwrap();
        } else {
            append(&mut log, sized_batch(count, NOW_MS, size)).unwrap();
        }
        match random.below(30) {
            0 => log.roll(NOW_MS).unwrap(),
            1 => {
                log.truncate_to((log.log_end_offset() - random.below(8) as i64).max(0), NOW_MS).unwrap();
            }
            _ => {}
        }
    }
    log
}

#[test]
fn a_range_is_what_reading_brings() {
    let mut found = 0;
    for seed in 0..40 {
        let mut random = Random(seed);
        let dir = tempfile::tempdir().unwrap();
        let log = random_log(&mut random, &dir);
        let end = log.log_end_offset();
        for _ in 0..150 {
            let offset = random.below(end as u64) as i64;
            let max_offset = if random.below(2) == 0 { end } else { random.below(end as u64 + 1) as i64 };
            let max_bytes = random.below(12_000) as usize;
            let asked = (offset, max_bytes, max_offset, random.below(2) == 0);
            let least = 1 + random.below(300) as usize;
            let (range, model) = both(&log, asked, least);
            match range {
                Some(range) => assert_eq!(range, model, "seed {seed}, {asked:?}"),
                None => assert!(model.len() < least || max_bytes < least, "seed {seed}, {asked:?}: {}", model.len()),
            }
            found += usize::from(model.len() >= least);
        }
    }
    assert!(found > 2000, "{found} answers were large enough");
}

fn append_batches(log: &mut Log, count: usize) {
    for _ in 0..count {
        append(log, sized_batch(3, NOW_MS, 70_000)).unwrap();
    }
}

#[test]
fn what_was_not_checked_yet_is_read() {
    let dir = tempfile::tempdir().unwrap();
    // A log that is smaller is checked when it is opened.
    let config = LogConfig { segment_bytes: 64 << 20, ..LogConfig::default() };
    let mut log = open_at(&dir, &config, OpenOptions::default());
    append_batches(&mut log, 50);
    let end = log.log_end_offset();
    assert!(both(&log, (0, 1 << 20, end, true), 100).0.is_some(), "written by this process");
    log.close().unwrap();
    let options = OpenOptions { clean_shutdown: true, recovery_point: end, ..OpenOptions::default() };
    let mut log = open_at(&dir, &config, options);
    append_batches(&mut log, 5);
    let end = log.log_end_offset();
    let range = |offset: i64| {
        let mut plan = log.plan_fetch(offset, 1 << 20, end, true, 100).unwrap();
        plan.find_range(100).unwrap()
    };
    assert!(range(0).is_none(), "found on disk and not checked");
    assert!(range(150).is_some(), "written by this process");
    assert!(!log.plan_read(0, 1 << 20, end, true).unwrap().read().unwrap().is_empty());
    assert!(range(0).is_some(), "checked by reading");
}

#[test]
fn a_file_that_is_shorter_than_it_was_is_damage_and_not_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open_at(&dir, &LogConfig::default(), OpenOptions::default());
    append_batches(&mut log, 5);
    let end = log.log_end_offset();
    let path = dir.path().join("t-0/00000000000000000000.log");
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(log.size_bytes() - 5000).unwrap();
    let read = |offset, max_bytes| {
        let mut plan = log.plan_fetch(offset, max_bytes, end, true, 100).unwrap();
        assert_eq!(plan.find_range(100).unwrap(), None, "at {offset}");
        plan.read()
    };
    let whole = split_batches(&read(0, 2 << 20).unwrap()).count();
    assert_eq!(whole, 4);
    for max_bytes in [100, 2 << 20] {
        assert!(matches!(read(12, max_bytes), Err(ReadError::Corrupt(_))), "{max_bytes} bytes");
    }
    assert!(log.plan_fetch(0, 1 << 19, end, true, 100).unwrap().find_range(100).unwrap().is_some(), "what is there");
}

#[test]
fn a_file_in_memory_has_no_ranges() {
    let vfs = barnabas_common::vfs::MemVfs::new();
    let mut log = open(&vfs, &LogConfig::default());
    append_batches(&mut log, 50);
    assert_eq!(log.plan_fetch(0, 1 << 20, 150, true, 1).unwrap().find_range(1).unwrap(), None);
}
