//! Compaction against a model: a list of records by offset. Whatever is cleaned when, and wherever it is killed, the last
//! record of every key is there, nothing is invented or moved, and readers get to the end.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use barnabas_common::vfs::{Fault, FaultOp, MemVfs, Vfs};
use barnabas_log::{
    AppendOrigin, CleanerLimits, CleaningError, CleaningFigures, CleanupPolicy, Log, LogConfig, LogError, OpenOptions,
};
use barnabas_protocol::records::{
    BatchBuilder, BatchHeader, Compression, DecompressionLimit, TimestampType, read_records, split_batches,
};

use crate::support::*;

const DELETE_RETENTION_MS: i64 = 1000;

fn compacted() -> LogConfig {
    LogConfig {
        cleanup_policy: CleanupPolicy { compact: true, delete: false },
        delete_retention_ms: DELETE_RETENTION_MS,
        file_delete_delay_ms: 0,
        ..small_segments()
    }
}

fn limits() -> CleanerLimits {
    CleanerLimits {
        dedupe_buffer_bytes: 1 << 20,
        load_factor: 0.9,
        io_buffer_bytes: 512,
        expanded_batch_bytes: 8 << 20,
        keep_free_bytes: 0,
    }
}

/// Only what is on disk is cleaned.
fn flush_closed(log: &mut Log) -> Result<(), LogError> {
    let plan = log.plan_flush_of_closed();
    plan.map_or(Ok(()), |plan| log.flushed(plan.run()))
}

/// Cleans everything that can be cleaned; returns up to where the log is clean.
fn clean(log: &mut Log, first_dirty: i64, now_ms: i64, limits: CleanerLimits) -> Result<i64, CleaningError> {
    flush_closed(log)?;
    let Some(plan) = log.plan_cleaning(first_dirty, now_ms) else { return Ok(first_dirty) };
    let mut throttle = |_| ControlFlow::Continue(());
    let mut cleaning = plan.start(limits, &mut throttle)?;
    while let Some(group) = cleaning.clean_next(&mut throttle)? {
        assert!(log.install(group, now_ms)?, "nothing else changes the log");
    }
    Ok(cleaning.clean_until())
}

#[derive(Clone, Debug, PartialEq)]
struct Kept {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: i64,
    sequence: i32,
}

/// Every record of the log by its offset.
fn records(log: &Log) -> BTreeMap<i64, Kept> {
    let mut found = BTreeMap::new();
    for batch in read_all(log).unwrap() {
        for record in read_records(&batch, DecompressionLimit::default()).unwrap() {
            let record = record.unwrap();
            let kept = Kept {
                key: record.key.map(|key| key.to_vec()),
                value: record.value.map(|value| value.to_vec()),
                timestamp: record.timestamp,
                sequence: record.sequence,
            };
            assert!(found.insert(record.offset, kept).is_none(), "offset {} is served twice", record.offset);
        }
    }
    found
}

fn keyed(records: &[(&str, Option<&str>)]) -> bytes::BytesMut {
    let mut builder = builder();
    for (key, value) in records {
        builder.add(NOW_MS, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    }
    builder.build(0, -1).unwrap()
}

fn values(log: &Log) -> Vec<(i64, String, Option<String>)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let rows = records(log).into_iter();
    rows.map(|(offset, kept)| (offset, kept.key.map(text).unwrap_or_default(), kept.value.map(text))).collect()
}

#[test]
fn the_last_record_of_each_key_is_kept_where_it_was() {
    let mut log = open(&MemVfs::new(), &compacted());
    append(&mut log, keyed(&[("a", Some("1")), ("b", Some("1")), ("a", Some("2"))])).unwrap();
    append(&mut log, keyed(&[("c", Some("1")), ("b", Some("2"))])).unwrap();
    log.roll(NOW_MS).unwrap();
    append(&mut log, keyed(&[("a", Some("active"))])).unwrap();
    assert_eq!(clean(&mut log, 0, NOW_MS, limits()).unwrap(), 5);
    let row = |offset, key: &str, value: &str| (offset, key.to_owned(), Some(value.to_owned()));
    assert_eq!(values(&log), [row(2, "a", "2"), row(3, "c", "1"), row(4, "b", "2"), row(5, "a", "active")]);
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (0, 6));
}

#[test]
fn tombstones_stay_for_their_time_and_then_go() {
    let mut log = open(&MemVfs::new(), &compacted());
    append(&mut log, keyed(&[("a", Some("1")), ("b", Some("1")), ("a", None)])).unwrap();
    log.roll(NOW_MS).unwrap();
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    assert_eq!(values(&log), [(1, "b".into(), Some("1".into())), (2, "a".into(), None)]);
    let cleaned = |log: &mut Log, now_ms| {
        append(log, keyed(&[("c", Some("x"))])).unwrap();
        log.roll(now_ms).unwrap();
        clean(log, 0, now_ms, limits()).unwrap();
        values(log).iter().any(|(_, key, _)| key == "a")
    };
    assert!(cleaned(&mut log, NOW_MS + DELETE_RETENTION_MS - 1));
    assert!(!cleaned(&mut log, NOW_MS + DELETE_RETENTION_MS));
    assert_eq!(log.offset_for_timestamp(NOW_MS).find().unwrap().map(|found| found.offset), Some(1));
}

#[test]
fn readers_reach_the_end_when_the_last_records_are_gone() {
    let mut log = open(&MemVfs::new(), &compacted());
    append(&mut log, keyed(&[("a", Some("1"))])).unwrap();
    append(&mut log, keyed(&[("a", None)])).unwrap();
    log.roll(NOW_MS).unwrap();
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    clean(&mut log, 0, NOW_MS + DELETE_RETENTION_MS, limits()).unwrap();
    // read_all fails if it gets nothing before the end.
    assert_eq!(values(&log), []);
    assert_eq!(log.log_end_offset(), 2);
}

#[test]
fn an_idempotent_producer_goes_on_after_its_records_are_gone() {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &compacted());
    for sequence in 0..3 {
        append(&mut log, producer_batch(7, 0, sequence, 1)).unwrap();
    }
    append(&mut log, batch(1)).unwrap();
    log.roll(NOW_MS).unwrap();
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    assert_eq!(records(&log).len(), 1);
    // Without snapshots the state comes from the batches that are left.
    let left = vfs.kill_clone();
    for entry in barnabas_common::vfs::Vfs::read_dir(&left, &dir()).unwrap() {
        if entry.name.ends_with(".snapshot") {
            barnabas_common::vfs::Vfs::remove_file(&left, &dir().join(entry.name)).unwrap();
        }
    }
    let mut log = open(&left, &compacted());
    assert!(append(&mut log, producer_batch(7, 0, 2, 1)).unwrap().duplicate);
    assert!(!append(&mut log, producer_batch(7, 0, 3, 1)).unwrap().duplicate);
}

#[test]
fn many_small_segments_become_few() {
    let mut log = open(&MemVfs::new(), &compacted());
    for round in 0..40 {
        append(&mut log, keyed(&[("a", Some("1")), ("b", Some(&round.to_string()))])).unwrap();
        log.roll(NOW_MS).unwrap();
    }
    let before = log.segments_info().len();
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    assert!(before == 41 && log.segments_info().len() <= 6, "{} of {before}", log.segments_info().len());
    assert_eq!(records(&log).len(), 2);
}

/// What a cleaning of everything says of itself.
fn figures_of_cleaning(log: &mut Log) -> CleaningFigures {
    flush_closed(log).unwrap();
    let mut throttle = |_| ControlFlow::Continue(());
    let mut cleaning = log.plan_cleaning(0, NOW_MS).unwrap().start(limits(), &mut throttle).unwrap();
    while let Some(group) = cleaning.clean_next(&mut throttle).unwrap() {
        assert!(log.install(group, NOW_MS).unwrap());
    }
    cleaning.figures()
}

#[test]
fn a_cleaning_tells_what_it_read_and_what_was_left() {
    let mut log = open(&MemVfs::new(), &compacted());
    for round in 0..10 {
        append(&mut log, keyed(&[("a", Some("1")), ("b", Some(&round.to_string()))])).unwrap();
        log.roll(NOW_MS).unwrap();
    }
    let before = log.size_bytes();
    let figures = figures_of_cleaning(&mut log);
    assert_eq!((figures.bytes_read, figures.bytes_written), (before, log.size_bytes()));
    assert!(figures.bytes_written < figures.bytes_read);
    assert!(figures.buffer_utilization > 0.0 && figures.buffer_utilization < 0.01, "two keys");
    let again = figures_of_cleaning(&mut log);
    assert_eq!((again.bytes_read, again.bytes_written), (log.size_bytes(), log.size_bytes()), "nothing is superseded");
}

#[test]
fn a_record_is_late_once_it_has_waited_beyond_the_lag_in_a_closed_segment() {
    let config = LogConfig { max_compaction_lag_ms: 10_000, ..compacted() };
    let mut log = open(&MemVfs::new(), &config);
    append(&mut log, keyed(&[("a", Some("1"))])).unwrap();
    let delay = |log: &Log, first_dirty, waited_ms| {
        let found = log.cleanable(first_dirty, NOW_MS + waited_ms);
        (found.delay_ms, found.is_overdue)
    };
    assert_eq!(delay(&log, 0, 15_000), (0, false), "it is not closed");
    log.roll(NOW_MS).unwrap();
    assert_eq!(delay(&log, 0, 15_000), (5_000, false), "late, but not on disk yet");
    flush_closed(&mut log).unwrap();
    assert_eq!(delay(&log, 0, 10_000), (0, false));
    assert_eq!(delay(&log, 0, 10_001), (1, true));
    assert_eq!(delay(&log, 1, 15_000), (0, false), "it is clean");
    assert_eq!(delay(&log, 0, -1), (0, false), "a clock that went back");
}

#[test]
fn what_is_young_open_or_not_synced_is_not_touched() {
    let config = LogConfig { min_compaction_lag_ms: 10_000, ..compacted() };
    let mut log = open(&MemVfs::new(), &config);
    append(&mut log, keyed(&[("a", Some("1")), ("a", Some("2"))])).unwrap();
    log.roll(NOW_MS).unwrap();
    assert!(log.plan_cleaning(0, NOW_MS + 10_001).is_none());
    flush_closed(&mut log).unwrap();
    assert!(log.plan_cleaning(0, NOW_MS + 10_000).is_none());
    assert!(log.plan_cleaning(0, NOW_MS + 10_001).is_some());
    assert!(log.plan_cleaning(2, NOW_MS + 10_001).is_none(), "what is clean is not cleaned again");
}

#[test]
fn a_cleaning_that_was_overtaken_changes_nothing() {
    let mut log = open(&MemVfs::new(), &compacted());
    append(&mut log, keyed(&[("a", Some("1")), ("a", Some("2"))])).unwrap();
    log.roll(NOW_MS).unwrap();
    append(&mut log, keyed(&[("b", Some("1"))])).unwrap();
    flush_closed(&mut log).unwrap();
    let mut throttle = |_| ControlFlow::Continue(());
    let plan = log.plan_cleaning(0, NOW_MS).unwrap();
    let mut cleaning = plan.start(limits(), &mut throttle).unwrap();
    let group = cleaning.clean_next(&mut throttle).unwrap().unwrap();
    log.truncate_to(1, NOW_MS).unwrap();
    assert!(!log.install(group, NOW_MS).unwrap());
    assert_eq!(log.log_end_offset(), 0);
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &compacted());
    for _ in 0..10 {
        append(&mut log, keyed(&[("a", Some("1")), ("b", Some("2"))])).unwrap();
    }
    log.roll(NOW_MS).unwrap();
    let before = records(&log);
    vfs.set_capacity(Some(vfs.used_bytes()));
    assert!(clean(&mut log, 0, NOW_MS, limits()).is_err());
    vfs.set_capacity(None);
    assert_eq!(records(&log), before);
    assert!(log.failure().is_none());
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    assert_eq!(records(&log).len(), 2);
}

#[test]
fn a_compaction_without_a_file_handle_changes_nothing_and_is_made_later() {
    const EMFILE: i32 = 24;
    let mut skip = 0;
    loop {
        let vfs = MemVfs::new();
        let mut log = open(&vfs, &compacted());
        for _ in 0..10 {
            append(&mut log, keyed(&[("a", Some("1")), ("b", Some("2"))])).unwrap();
        }
        log.roll(NOW_MS).unwrap();
        let before = records(&log);
        vfs.inject(Fault { op: FaultOp::Open, skip, times: 1, errno: EMFILE });
        let outcome = clean(&mut log, 0, NOW_MS, limits());
        let was_hit = vfs.faults_left() == 0;
        vfs.clear_faults();
        assert_eq!(log.failure(), None, "{skip}");
        let is_done = outcome.is_ok();
        assert_eq!(records(&log).len(), if is_done { 2 } else { before.len() }, "{skip}");
        append(&mut log, keyed(&[("c", Some("3"))])).unwrap();
        log.flush().unwrap();
        for seed in 0..5 {
            assert_eq!(records(&open(&vfs.crash_clone(seed), &compacted())), records(&log), "{skip}, {seed}");
        }
        clean(&mut log, 0, NOW_MS, limits()).unwrap();
        assert_eq!(records(&log).len(), 3);
        if !was_hit {
            break;
        }
        skip += 1;
    }
    assert!(skip > 2, "{skip}");
}

/// What the log was given, and what it owes.
struct World {
    random: Random,
    vfs: MemVfs,
    config: LogConfig,
    log: Log,
    written: BTreeMap<i64, Kept>,
    sequence: i32,
    first_dirty: i64,
    saved: OpenOptions,
    now_ms: i64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let vfs = MemVfs::new();
        let config = LogConfig { segment_bytes: 600 + random.below(2000) as i32, ..compacted() };
        let log = open(&vfs, &config);
        let (written, saved) = (BTreeMap::new(), OpenOptions::default());
        World { random, vfs, config, log, written, sequence: 0, first_dirty: 0, saved, now_ms: NOW_MS }
    }

    fn step(&mut self) {
        self.now_ms += self.random.below(200) as i64;
        match self.random.below(100) {
            0..60 => self.append(),
            60..68 => self.log.roll(self.now_ms).unwrap(),
            68..85 => self.clean(),
            85..90 => self.save(),
            90..94 => self.come_back(true),
            94..97 => self.come_back(false),
            _ => self.crash_while_cleaning(),
        }
        self.check();
    }

    fn append(&mut self) {
        let codecs = [Compression::None, Compression::None, Compression::Lz4, Compression::Gzip];
        let codec = codecs[self.random.below(4) as usize];
        let mut builder = BatchBuilder::new(codec, TimestampType::CreateTime);
        let is_idempotent = self.random.below(3) == 0;
        let count = 1 + self.random.below(4) as i32;
        if is_idempotent {
            builder = builder.producer(5, 0, self.sequence);
        }
        let mut kept = Vec::new();
        for index in 0..count {
            let key = format!("key {}", self.random.below(12)).into_bytes();
            let value = (self.random.below(5) > 0).then(|| vec![b'v'; self.random.below(60) as usize]);
            let timestamp = self.now_ms + self.random.below(10) as i64;
            builder.add(timestamp, Some(&key), value.as_deref(), &[]);
            let sequence = if is_idempotent { self.sequence + index } else { -1 };
            kept.push(Kept { key: Some(key), value, timestamp, sequence });
        }
        let mut batch = builder.build(0, -1).unwrap();
        let info = self.log.append_as_leader(&mut batch, 0, self.now_ms, AppendOrigin::Client).unwrap();
        assert!(!info.duplicate);
        if is_idempotent {
            self.sequence += count;
        }
        self.written.extend((info.first_offset..).zip(kept));
    }

    fn clean(&mut self) {
        let tight = self.random.below(3) == 0;
        let dedupe_buffer_bytes = if tight { 1 } else { 1 << 20 };
        let limits = CleanerLimits { dedupe_buffer_bytes, load_factor: if tight { 0.1 } else { 0.9 }, ..limits() };
        self.first_dirty = clean(&mut self.log, self.first_dirty, self.now_ms, limits).unwrap();
        self.log.tick(self.now_ms).unwrap();
    }

    fn save(&mut self) {
        self.saved.recovery_point = self.log.recovery_point();
    }

    /// A crash, of the process only or of the machine.
    fn come_back(&mut self, is_kill: bool) {
        let seed = self.random.below(u64::MAX);
        let promised = if is_kill { self.log.log_end_offset() } else { self.log.recovery_point() };
        self.vfs = if is_kill { self.vfs.kill_clone() } else { self.vfs.crash_clone(seed) };
        self.log = try_open(&self.vfs, &self.config, self.saved).unwrap();
        assert!(self.log.log_end_offset() >= promised, "{} of {promised}", self.log.log_end_offset());
        self.written.split_off(&self.log.log_end_offset());
        let last = self.written.values().rev().find(|kept| kept.sequence >= 0);
        self.sequence = last.map_or(0, |kept| kept.sequence + 1);
        self.first_dirty = if self.random.below(2) == 0 { 0 } else { self.first_dirty };
    }

    fn crash_while_cleaning(&mut self) {
        self.vfs.halt_after(self.random.below(60));
        let _ = clean(&mut self.log, 0, self.now_ms, limits());
        let is_kill = self.random.below(2) == 0;
        self.come_back(is_kill);
    }

    fn check(&mut self) {
        let found = records(&self.log);
        for (offset, kept) in &found {
            assert_eq!(Some(kept), self.written.get(offset), "offset {offset}");
        }
        let mut last = BTreeMap::new();
        for (offset, kept) in &self.written {
            last.insert(kept.key.clone(), (*offset, kept.value.is_some()));
        }
        for (key, (offset, has_value)) in last {
            let is_there = found.contains_key(&offset);
            assert!(is_there || !has_value, "the last record of {key:?}, at {offset}, is gone");
        }
        // A record that is gone has a later one of its key, or is a tombstone.
        for (offset, kept) in self.written.iter().filter(|(offset, _)| !found.contains_key(offset)) {
            let later = self.written.range(offset + 1..).any(|(_, other)| other.key == kept.key);
            assert!(later || kept.value.is_none(), "offset {offset}");
        }
        let bases: Vec<_> = self.log.segments_info().iter().map(|s| (s.base_offset, s.next_offset)).collect();
        assert!(bases.windows(2).all(|pair| pair[0].1 == pair[1].0), "segments leave no gap: {bases:?}");
        for batch in read_all(&self.log).unwrap() {
            assert_eq!(split_batches(&batch).filter_map(Result::ok).count(), 1);
            let header = BatchHeader::parse(&batch).unwrap();
            assert!(header.next_offset() <= self.log.log_end_offset());
        }
    }
}

#[test]
fn whatever_is_cleaned_when_the_last_record_of_every_key_is_there() {
    let seeds = std::env::var("BARNABAS_MODEL_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    for seed in 0..seeds {
        let mut world = World::new(seed);
        for step in 0..120 {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.step()));
            assert!(result.is_ok(), "seed {seed}, step {step}");
        }
    }
}

/// Stops the disk at every call of one cleaning, and opens what a kill or a power loss there leaves.
#[test]
fn every_moment_of_a_cleaning_can_be_recovered_from() {
    let prepared = || {
        let vfs = MemVfs::new();
        let mut log = open(&vfs, &compacted());
        for round in 0..30 {
            let value = format!("{round}");
            append(&mut log, keyed(&[("a", Some(&value)), ("b", Some(&value)), (&format!("k{round}"), Some("x"))]))
                .unwrap();
        }
        log.roll(NOW_MS).unwrap();
        log.flush().unwrap();
        barnabas_common::vfs::Vfs::sync_dir(&vfs, std::path::Path::new("/data")).unwrap();
        (vfs, log)
    };
    let (vfs, mut log) = prepared();
    let (before, began) = (records(&log), vfs.op_count());
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    log.tick(NOW_MS).unwrap();
    let (after, calls) = (records(&log), vfs.op_count() - began);
    assert!(after.len() == 32 && before.len() == 90);
    for nth in 0..=calls {
        for seed in 0..6 {
            let (vfs, mut log) = prepared();
            let recovery_point = log.recovery_point();
            vfs.halt_after(nth);
            let _ = clean(&mut log, 0, NOW_MS, limits());
            let _ = log.tick(NOW_MS);
            let left = if seed == 0 { vfs.kill_clone() } else { vfs.crash_clone(seed) };
            let options = OpenOptions { recovery_point, ..OpenOptions::default() };
            let log = match try_open(&left, &compacted(), options) {
                Ok(log) => log,
                Err(error) => panic!("call {nth}, seed {seed}: {error}"),
            };
            let found = records(&log);
            assert!(after.keys().all(|offset| found.contains_key(offset)), "call {nth}, seed {seed}");
            assert!(found.iter().all(|(offset, kept)| before.get(offset) == Some(kept)), "call {nth}, seed {seed}");
            assert_eq!(log.log_end_offset(), recovery_point);
        }
    }
}

/// Room for 102 keys.
fn tight() -> CleanerLimits {
    CleanerLimits { dedupe_buffer_bytes: 1, load_factor: 0.1, ..limits() }
}

/// A batch with more keys than fit into the map at once, the last of them a tombstone.
fn more_keys_than_fit() -> bytes::BytesMut {
    let keys: Vec<String> = (0..250).map(|index| format!("key {index}")).collect();
    let mut records: Vec<_> = keys.iter().map(|key| (key.as_str(), Some("new"))).collect();
    records.push(("gone", None));
    keyed(&records)
}

#[test]
fn a_batch_with_more_keys_than_fit_is_cleaned_in_rounds_and_what_it_deletes_stays_deleted() {
    let mut log = open(&MemVfs::new(), &LogConfig { segment_bytes: 1 << 20, ..compacted() });
    append(&mut log, keyed(&[("gone", Some("old")), ("key 249", Some("old"))])).unwrap();
    append(&mut log, more_keys_than_fit()).unwrap();
    log.roll(NOW_MS).unwrap();
    let (mut first_dirty, mut now_ms) = (0, NOW_MS);
    for _ in 0..4 {
        first_dirty = clean(&mut log, first_dirty, now_ms, tight()).unwrap();
        now_ms += DELETE_RETENTION_MS;
    }
    assert_eq!(first_dirty, 253);
    append(&mut log, keyed(&[("other", Some("x"))])).unwrap();
    log.roll(NOW_MS).unwrap();
    clean(&mut log, first_dirty, now_ms, tight()).unwrap();
    let left = values(&log);
    assert!(left.iter().all(|(_, key, _)| key != "gone"), "{left:?}");
    assert_eq!(left.iter().filter(|(_, key, _)| key == "key 249").count(), 1);
}

/// Appends a transactional batch of producer 7, or the marker that ends its transaction.
fn transactional(log: &mut Log, sequence: i32, records: &[(&str, Option<&str>)]) {
    let mut builder = builder().producer(7, 0, sequence).transactional(true);
    for (key, value) in records {
        builder.add(NOW_MS, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    }
    append_raw(log, builder);
}

fn end_transaction(log: &mut Log, is_commit: bool) {
    let mut builder = builder().producer(7, 0, -1).transactional(true).control(true);
    builder.add(NOW_MS, Some(&[0, 0, 0, u8::from(is_commit)]), Some(&[0; 6]), &[]);
    append_raw(log, builder);
}

fn append_raw(log: &mut Log, builder: BatchBuilder) {
    let mut batch = builder.build(0, 0).unwrap();
    log.append_as_leader(&mut batch, 0, NOW_MS, AppendOrigin::Coordinator).unwrap();
}

#[test]
fn what_a_transaction_wrote_that_was_aborted_supersedes_nothing() {
    let mut log = open(&MemVfs::new(), &compacted());
    append(&mut log, keyed(&[("a", Some("old")), ("b", Some("old")), ("c", Some("old"))])).unwrap();
    transactional(&mut log, 0, &[("a", Some("aborted")), ("b", None)]);
    end_transaction(&mut log, false);
    transactional(&mut log, 2, &[("c", Some("committed"))]);
    end_transaction(&mut log, true);
    // Its end is not in the part that can be cleaned.
    log.roll(NOW_MS).unwrap();
    transactional(&mut log, 3, &[("a", Some("aborted, too"))]);
    log.roll(NOW_MS).unwrap();
    end_transaction(&mut log, false);
    let first_dirty = clean(&mut log, 0, NOW_MS, limits()).unwrap();
    assert_eq!(first_dirty, 8);
    let left = values(&log);
    let of = |wanted: &str| -> Vec<_> {
        left.iter().filter(|(_, key, _)| key == wanted).map(|(_, _, value)| value.as_deref()).collect()
    };
    assert_eq!(of("a"), [Some("old"), Some("aborted, too")]);
    assert_eq!(of("b"), [Some("old")]);
    assert_eq!(of("c"), [Some("committed")]);
    log.roll(NOW_MS).unwrap();
    clean(&mut log, first_dirty, NOW_MS, limits()).unwrap();
    assert_eq!(values(&log).iter().filter(|(_, key, _)| key == "a").count(), 1);
}

#[test]
fn a_batch_that_expands_beyond_measure_does_not_take_the_memory() {
    let mut log = open(&MemVfs::new(), &LogConfig { segment_bytes: 1 << 20, ..compacted() });
    let mut builder = BatchBuilder::new(Compression::Zstd, TimestampType::CreateTime);
    builder.add(NOW_MS, Some(b"key"), Some(&vec![0; 2 << 20]), &[]);
    append_raw(&mut log, builder);
    log.roll(NOW_MS).unwrap();
    let tight = CleanerLimits { expanded_batch_bytes: 1 << 20, ..limits() };
    let error = clean(&mut log, 0, NOW_MS, tight).unwrap_err();
    assert!(matches!(error, CleaningError::Log(LogError::Corrupt(_))), "{error}");
    assert!(log.failure().is_none());
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
}

#[test]
fn a_log_that_is_not_to_be_compacted_any_more_is_left_alone() {
    let mut log = open(&MemVfs::new(), &compacted());
    append(&mut log, keyed(&[("a", Some("1")), ("a", Some("2"))])).unwrap();
    log.roll(NOW_MS).unwrap();
    flush_closed(&mut log).unwrap();
    let mut throttle = |_| ControlFlow::Continue(());
    let mut cleaning = log.plan_cleaning(0, NOW_MS).unwrap().start(limits(), &mut throttle).unwrap();
    let group = cleaning.clean_next(&mut throttle).unwrap().unwrap();
    log.update_config(small_segments());
    assert!(!log.install(group, NOW_MS).unwrap());
    assert_eq!(values(&log).len(), 2);
}

/// Kafka's cleaner may end a segment before the next one begins, also beyond the last checkpoint.
#[test]
fn gaps_that_a_compaction_left_are_no_tears() {
    for policy in [compacted(), small_segments()] {
        let vfs = MemVfs::new();
        // Every batch gets a segment of its own.
        let config = LogConfig { segment_bytes: 100, ..policy };
        let mut log = open(&vfs, &config);
        for round in 0..3 {
            // Offsets are missing inside and at the end of every segment.
            let mut builder = builder();
            builder.add_at(3, NOW_MS, Some(b"k"), Some(b"v"), &[]);
            let batch = builder.last_offset_delta(4).build(round * 10, 0).unwrap();
            log.append_as_follower(&batch, NOW_MS).unwrap();
        }
        let bases: Vec<_> =
            log.segments_info().iter().map(|segment| (segment.base_offset, segment.next_offset)).collect();
        assert_eq!(bases, [(0, 5), (10, 15), (20, 25)]);
        let log = try_open(&vfs.kill_clone(), &config, OpenOptions::default()).unwrap();
        assert_eq!((log.log_end_offset(), records(&log).len()), (25, 3));
    }
}

#[test]
fn a_search_by_append_time_finds_records_and_not_batches_that_are_empty() {
    let config = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..compacted() };
    let mut log = open(&MemVfs::new(), &config);
    for sequence in 0..2 {
        append(&mut log, producer_batch(7, 0, sequence, 1)).unwrap();
    }
    append(&mut log, keyed(&[("key", Some("1")), ("other", Some("1"))])).unwrap();
    append(&mut log, keyed(&[("key", Some("2"))])).unwrap();
    log.roll(NOW_MS).unwrap();
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    assert_eq!(records(&log).into_keys().collect::<Vec<_>>(), [3, 4]);
    assert_eq!(log.offset_for_timestamp(NOW_MS).find().unwrap().map(|found| found.offset), Some(3));
}

/// Too large to be read at open: what was cleaned is found again by its indexes, or without them.
#[test]
fn a_large_compacted_log_opens_by_its_ends() {
    let config = LogConfig { segment_bytes: 1 << 20, index_interval_bytes: 4096, ..compacted() };
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &config);
    let value = "v".repeat(20_000);
    for round in 0..2 {
        for key in 0..600 {
            // In the second round two of three are replaced.
            if round == 0 || key % 3 > 0 {
                let mut builder = builder();
                builder.add(NOW_MS + key, Some(key.to_string().as_bytes()), Some(value.as_bytes()), &[]);
                append(&mut log, builder.build(0, -1).unwrap()).unwrap();
            }
        }
    }
    log.roll(NOW_MS).unwrap();
    clean(&mut log, 0, NOW_MS, limits()).unwrap();
    let (end, expected) = (log.log_end_offset(), records(&log));
    assert!(expected.len() == 600 && log.size_bytes() > 9 << 20);
    let searches = |log: &Log| -> Vec<_> {
        (0..600)
            .step_by(7)
            .map(|key| log.offset_for_timestamp(NOW_MS + key).find().unwrap().map(|f| f.offset))
            .collect()
    };
    let found = searches(&log);
    log.close().unwrap();
    for (clean_shutdown, without) in [(true, ""), (false, ""), (true, ".index"), (true, ".timeindex")] {
        let left = vfs.kill_clone();
        for entry in barnabas_common::vfs::Vfs::read_dir(&left, &dir()).unwrap() {
            if !without.is_empty() && entry.name.ends_with(without) {
                left.damage(&dir().join(entry.name), |bytes| bytes.clear()).unwrap();
            }
        }
        let options = OpenOptions { clean_shutdown, recovery_point: end, ..OpenOptions::default() };
        let log = try_open(&left, &config, options).unwrap();
        assert_eq!(log.log_end_offset(), end);
        assert!(records(&log) == expected, "{clean_shutdown} {without}");
        assert_eq!(searches(&log), found, "{clean_shutdown} {without}");
    }
}

/// Retention, DeleteRecords and compaction beside each other, with a kill in between: readers get to the end, and what is
/// left of a key after the start of the log is its last record.
#[test]
fn compaction_beside_retention_and_deleted_records() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let config = LogConfig {
            cleanup_policy: CleanupPolicy { compact: true, delete: true },
            retention_ms: 400,
            ..compacted()
        };
        let vfs = MemVfs::new();
        let (mut log, mut vfs) = (open(&vfs, &config), vfs);
        let (mut last, mut now_ms, mut first_dirty) = (BTreeMap::new(), NOW_MS, 0);
        for step in 0..150 {
            now_ms += 10;
            let key = format!("k{}", random.below(8));
            let mut builder = builder();
            builder.add(now_ms, Some(key.as_bytes()), Some(b"value of some length"), &[]);
            let info = append(&mut log, builder.build(0, -1).unwrap()).unwrap();
            last.insert(key, info.last_offset);
            match random.below(20) {
                0..3 => drop(log.apply_retention(now_ms, log.log_end_offset()).unwrap()),
                3..5 => {
                    let span = (log.log_end_offset() - log.log_start_offset()) as u64;
                    let target = log.log_start_offset() + random.below(span.div_ceil(4) + 1) as i64;
                    log.increment_log_start_offset(target.min(log.log_end_offset())).unwrap();
                }
                5..8 => first_dirty = clean(&mut log, first_dirty, now_ms, limits()).unwrap(),
                8..10 => log.roll(now_ms).unwrap(),
                10 => {
                    let (recovery_point, log_start_offset) = (log.recovery_point(), log.log_start_offset());
                    vfs = vfs.kill_clone();
                    let options = OpenOptions { recovery_point, log_start_offset, ..OpenOptions::default() };
                    log = try_open(&vfs, &config, options).unwrap();
                }
                _ => {}
            }
            let (start, found) = (log.log_start_offset(), records(&log));
            for (key, offset) in last.iter().filter(|(_, offset)| **offset >= start) {
                assert!(found.contains_key(offset), "seed {seed}, step {step}: {key} at {offset} is gone");
            }
        }
    }
}

#[test]
fn a_cleaning_that_comes_late_leaves_nothing_in_the_folder_of_a_new_log_of_the_name() {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &compacted());
    for _ in 0..40 {
        append(&mut log, batch(1)).unwrap();
    }
    flush_closed(&mut log).unwrap();
    let mut throttle = |_| ControlFlow::Continue(());
    let mut cleaning = log.plan_cleaning(0, NOW_MS).unwrap().start(limits(), &mut throttle).unwrap();
    drop(log);
    vfs.rename(&dir(), Path::new("/data/t-0.x-delete")).unwrap();
    let _new = open(&vfs, &compacted());
    let before = vfs.read_dir(&dir()).unwrap().len();
    assert!(matches!(cleaning.clean_next(&mut throttle), Err(CleaningError::Interrupted)));
    assert_eq!(vfs.read_dir(&dir()).unwrap().len(), before);
}

/// Otherwise small batches are slowed down more than large ones, and some reading not at all.
#[test]
fn every_byte_that_is_read_or_written_is_told_once_however_small_the_batches_are() {
    for io_buffer_bytes in [512, 1 << 20] {
        let mut log = open(&MemVfs::new(), &compacted());
        for i in 0..200 {
            append(&mut log, keyed(&[(&format!("key {}", i % 90), Some("value"))])).unwrap();
        }
        log.roll(NOW_MS).unwrap();
        flush_closed(&mut log).unwrap();
        let dirty = log.cleanable(0, NOW_MS).dirty_bytes;
        let mut told = 0;
        let mut count = |bytes| {
            told += bytes;
            ControlFlow::Continue(())
        };
        let limits = CleanerLimits { io_buffer_bytes, ..limits() };
        let mut cleaning = log.plan_cleaning(0, NOW_MS).unwrap().start(limits, &mut count).unwrap();
        while let Some(group) = cleaning.clean_next(&mut count).unwrap() {
            log.install(group, NOW_MS).unwrap();
        }
        let left = cleaning.figures().bytes_written;
        assert!(left > 0 && left < dirty, "{left} of {dirty}");
        // For the ends of transactions, for the keys, and to be copied.
        assert_eq!(told, 3 * dirty + left);
    }
}

/// Ten keys, written again and again: most of it goes. Free space besides is `free_bytes`.
fn short_of_room(vfs: &MemVfs, distinct_keys: usize, free_bytes: u64) -> Log {
    let mut log = open(vfs, &LogConfig { segment_bytes: 1 << 20, ..compacted() });
    for i in 0..400 {
        append(&mut log, keyed(&[(&format!("key {}", i % distinct_keys), Some(&"value".repeat(20)))])).unwrap();
    }
    log.roll(NOW_MS).unwrap();
    flush_closed(&mut log).unwrap();
    vfs.set_capacity(Some(u64::MAX / 4));
    let space = vfs.disk_space(&dir()).unwrap();
    vfs.set_capacity(Some(space.total_bytes - space.usable_bytes + free_bytes));
    log
}

#[test]
fn a_cleaning_that_does_not_fit_is_not_begun_and_one_that_does_is() {
    let keep_free = CleanerLimits { keep_free_bytes: 10_000, ..limits() };
    let free = |vfs: &MemVfs| vfs.disk_space(&dir()).unwrap().usable_bytes;
    // Nearly all would be left: it does not fit, and nothing is written to find out.
    let vfs = MemVfs::new();
    let mut log = short_of_room(&vfs, 390, 40_000);
    let dirty = log.cleanable(0, NOW_MS).dirty_bytes;
    let Err(CleaningError::NoRoom { needed_bytes }) = clean(&mut log, 0, NOW_MS, keep_free) else { panic!("it fits") };
    assert!(needed_bytes > 40_000 && needed_bytes < dirty, "{needed_bytes} of {dirty}");
    assert_eq!(free(&vfs), 40_000);
    // With so much room and what is to stay free it fits exactly.
    let used = vfs.disk_space(&dir()).unwrap().total_bytes - 40_000;
    vfs.set_capacity(Some(used + needed_bytes + 10_000));
    assert_eq!(clean(&mut log, 0, NOW_MS, keep_free).unwrap(), 400);

    // Little is left of as many bytes: that fits.
    let vfs = MemVfs::new();
    let mut log = short_of_room(&vfs, 10, 40_000);
    assert_eq!(clean(&mut log, 0, NOW_MS, keep_free).unwrap(), 400);
    assert_eq!(values(&log).len(), 10);
}

#[test]
fn a_cleaning_that_runs_out_of_room_leaves_no_file() {
    let vfs = MemVfs::new();
    let log = short_of_room(&vfs, 390, 100_000);
    let before = vfs.read_dir(&dir()).unwrap().len();
    let free = vfs.disk_space(&dir()).unwrap();
    let mut left = 20_000_i64;
    let mut others = |bytes: u64| {
        left -= i64::try_from(bytes).unwrap();
        // Somebody else takes the room while it is written.
        if left < 0 {
            vfs.set_capacity(Some(free.total_bytes - free.usable_bytes + 11_000));
        }
        ControlFlow::Continue(())
    };
    let plan = log.plan_cleaning(0, NOW_MS).unwrap();
    let keep_free = CleanerLimits { keep_free_bytes: 10_000, ..limits() };
    let mut cleaning = plan.start(keep_free, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(matches!(cleaning.clean_next(&mut others), Err(CleaningError::NoRoom { .. })));
    assert_eq!(vfs.read_dir(&dir()).unwrap().len(), before);
    drop(cleaning);
    assert_eq!(vfs.disk_space(&dir()).unwrap().usable_bytes, 11_000);
}
