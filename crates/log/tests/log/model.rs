//! Random operations, kills and power losses against a list of batches: the log must hold what the list holds, and after
//! a crash a run of it that keeps what was promised.

use barnabas_common::vfs::MemVfs;
use barnabas_log::{AppendOrigin, Log, LogConfig, LogError, OpenOptions};
use barnabas_protocol::records::BatchHeader;
use bytes::Bytes;

use crate::support::*;

const STEPS: usize = 150;
/// `BARNABAS_MODEL_SEEDS=2000` for a long run.
const SEEDS: u64 = 40;

/// A batch in the log, as it is served.
#[derive(Clone, Debug, PartialEq)]
struct Stored {
    first: i64,
    next: i64,
    bytes: Bytes,
}

struct World {
    random: Random,
    vfs: MemVfs,
    config: LogConfig,
    log: Log,
    stored: Vec<Stored>,
    log_start: i64,
    /// As the checkpoint files have it.
    saved: OpenOptions,
    next_sequence: [i32; 3],
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let config = LogConfig {
            segment_bytes: 900 + random.below(2000) as i32,
            index_interval_bytes: random.below(600) as i32,
            retention_bytes: 2000 + random.below(3000) as i64,
            flush_messages: if random.below(2) == 0 { i64::MAX } else { 1 + random.below(20) as i64 },
            file_delete_delay_ms: 0,
            ..LogConfig::default()
        };
        let vfs = MemVfs::new();
        let log = open(&vfs, &config);
        let saved = OpenOptions { trusts_small_logs: random.below(2) == 0, ..OpenOptions::default() };
        World { random, vfs, config, log, stored: Vec::new(), log_start: 0, saved, next_sequence: [0; 3] }
    }

    fn end(&self) -> i64 {
        self.log.log_end_offset()
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..60 => self.append(),
            60..65 => self.log.roll(NOW_MS).unwrap(),
            65..67 => self.log.flush().unwrap(),
            67..70 => self.flush_closed(),
            70..75 => self.save(),
            75..80 => self.delete_records(),
            80..84 => self.retain(),
            84..88 => self.truncate(),
            88..92 => self.close_and_open(),
            92..96 => self.kill(),
            _ => self.power_loss(),
        }
        self.check();
    }

    fn append(&mut self) {
        let (count, size) = (1 + self.random.below(4) as usize, self.random.below(150) as usize);
        let producer = self.random.below(4) as usize;
        let time = NOW_MS + self.random.below(1000) as i64;
        let mut builder = builder();
        if let Some(sequence) = self.next_sequence.get_mut(producer) {
            builder = builder.producer(producer as i64, 0, *sequence);
            *sequence += count as i32;
        }
        let mut batch = fill(builder, count, time, size);
        let info = self.log.append_as_leader(&mut batch, 0, NOW_MS, AppendOrigin::Client).unwrap();
        assert!(!info.duplicate);
        self.stored.push(Stored { first: info.first_offset, next: info.last_offset + 1, bytes: batch.freeze() });
    }

    fn flush_closed(&mut self) {
        if let Some(plan) = self.log.plan_flush_of_closed() {
            self.log.flushed(plan.run()).unwrap();
        }
    }

    fn save(&mut self) {
        self.saved.recovery_point = self.log.recovery_point();
        self.saved.log_start_offset = self.log.log_start_offset();
    }

    fn delete_records(&mut self) {
        let span = (self.end() - self.log_start) as u64;
        self.log_start += self.random.below(span / 4 + 1) as i64;
        self.log.increment_log_start_offset(self.log_start).unwrap();
        // DeleteRecords is answered when the checkpoint is written.
        self.saved.log_start_offset = self.log_start;
    }

    fn retain(&mut self) {
        self.log.apply_retention(NOW_MS, self.end()).unwrap();
        self.log.tick(NOW_MS).unwrap();
        assert!(self.log.log_start_offset() >= self.log_start);
        self.log_start = self.log.log_start_offset();
    }

    fn truncate(&mut self) {
        let back = self.random.below(30) as i64;
        let target = (self.end() - back).max(self.log_start);
        self.saved.recovery_point = self.saved.recovery_point.min(target.saturating_sub(10).max(0));
        self.log.truncate_to(target, NOW_MS).unwrap();
        self.stored.retain(|s| s.next <= target);
        self.log_start = self.log_start.min(self.end());
        self.saved.log_start_offset = self.saved.log_start_offset.min(self.log_start);
        self.saved.recovery_point = self.saved.recovery_point.min(self.end());
        self.learn_sequences();
    }

    fn close_and_open(&mut self) {
        self.log.close().unwrap();
        self.save();
        let options = OpenOptions { clean_shutdown: true, ..self.saved };
        self.log = try_open(&self.vfs, &self.config, options).unwrap();
    }

    fn kill(&mut self) {
        self.vfs = self.vfs.kill_clone();
        self.log = try_open(&self.vfs, &self.config, self.saved).unwrap();
        // What retention had deleted may be visible again only as far as files still exist.
        assert!(self.log.log_start_offset() >= self.saved.log_start_offset);
        self.log_start = self.log.log_start_offset();
    }

    fn power_loss(&mut self) {
        let promised = self.log.recovery_point();
        self.vfs = self.vfs.crash_clone(self.random.below(u64::MAX));
        self.log = match try_open(&self.vfs, &self.config, self.saved) {
            Ok(log) => log,
            Err(LogError::Corrupt(corruption)) => panic!("a power loss takes nothing that was synced: {corruption}"),
            Err(other) => panic!("{other}"),
        };
        assert!(self.end() >= promised, "{} of {promised} promised", self.end());
        // Below its start the log may have holes.
        let segments = self.log.segments_info();
        let is_left = |s: &Stored| segments.iter().any(|at| at.base_offset <= s.first && s.next <= at.next_offset);
        self.stored.retain(is_left);
        self.log_start = self.log.log_start_offset();
        self.learn_sequences();
    }

    /// What each producer has to go on with, from the batches that are left or from the log's memory.
    fn learn_sequences(&mut self) {
        let known = self.log.active_producers();
        let is_whole = self.log.segments_info().windows(2).all(|pair| pair[0].next_offset == pair[1].base_offset);
        for (id, next) in self.next_sequence.iter_mut().enumerate() {
            let last = self.stored.iter().rev().filter_map(|s| BatchHeader::parse(&s.bytes).ok());
            let in_log = last.filter(|h| h.producer_id == id as i64).map(|h| h.last_sequence()).next();
            let remembered = known.iter().find(|p| p.producer_id == id as i64).map(|p| p.last_sequence);
            let is_visible = self.stored.iter().any(|s| s.first >= self.log_start);
            if is_visible && is_whole && in_log.is_some() && remembered.is_some() {
                assert_eq!(in_log, remembered, "producer {id}");
            }
            *next = remembered.or(in_log).map_or(0, |s| s + 1);
        }
    }

    fn check(&mut self) {
        assert_eq!(self.log.log_start_offset(), self.log_start);
        // A log that lost all records above its start goes on at its start.
        let last = self.stored.last().map_or(self.log_start, |s| s.next);
        assert_eq!(self.end(), last.max(self.log_start));
        let visible: Vec<Bytes> =
            self.stored.iter().filter(|s| s.next > self.log_start).map(|s| s.bytes.clone()).collect();
        assert_eq!(read_all(&self.log).unwrap(), visible);
        self.check_time();
        self.check_duplicates();
    }

    fn check_time(&mut self) {
        let time = NOW_MS + self.random.below(1100) as i64;
        let found = self.log.offset_for_timestamp(time).find().unwrap().map(|f| f.offset);
        let visible = self.stored.iter().filter(|s| s.next > self.log_start);
        let expected =
            visible.filter(|s| BatchHeader::parse(&s.bytes).unwrap().max_timestamp >= time).map(|s| s.first).next();
        assert_eq!(found, expected.map(|offset| offset.max(self.log_start)));
    }

    /// The last batches of each producer are recognised.
    fn check_duplicates(&mut self) {
        for id in 0..3 {
            let of_producer = |s: &&Stored| BatchHeader::parse(&s.bytes).unwrap().producer_id == id;
            let last: Vec<Stored> = self.stored.iter().rev().filter(of_producer).take(5).cloned().collect();
            // Of what lay in a hole below the start of the log, more may be remembered than is left.
            let segments = self.log.segments_info();
            let hole = segments.windows(2).rev().find(|pair| pair[0].next_offset < pair[1].base_offset);
            let start = hole.map_or(segments[0].base_offset, |pair| pair[1].base_offset);
            for stored in last.iter().filter(|s| s.first >= start) {
                let mut again = bytes::BytesMut::from(&stored.bytes[..]);
                again[..8].fill(0);
                let info = self.log.append_as_leader(&mut again, 0, NOW_MS, AppendOrigin::Client).unwrap();
                assert!(info.duplicate && info.first_offset == stored.first);
            }
        }
    }
}

#[test]
fn the_log_behaves_like_a_list_of_batches() {
    let seeds = std::env::var("BARNABAS_MODEL_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS);
    let first = std::env::var("BARNABAS_MODEL_FIRST").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    for seed in first..seeds {
        let mut world = World::new(seed);
        for step in 0..STEPS {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.step()));
            assert!(result.is_ok(), "seed {seed}, step {step}");
        }
    }
}

/// Stops the disk at every single call of a short history, and opens what a kill or a power loss there leaves.
#[test]
fn every_moment_of_a_crash_can_be_recovered_from() {
    let calls = history(&MemVfs::new(), None).0;
    for nth in 0..calls {
        for seed in 0..4 {
            let vfs = MemVfs::new();
            let (_, acknowledged, promised) = history(&vfs, Some(nth));
            let (left, at_least) = match seed {
                0 => (vfs.kill_clone(), acknowledged),
                seed => (vfs.crash_clone(seed), promised),
            };
            let log = match try_open(&left, &small_segments(), OpenOptions::default()) {
                Ok(log) => log,
                Err(error) => panic!("call {nth}, seed {seed}: {error}"),
            };
            assert!(
                log.log_end_offset() >= at_least,
                "call {nth}, seed {seed}: {} of {at_least}",
                log.log_end_offset()
            );
            read_all(&log).unwrap();
        }
    }
}

/// Appends, rolls, flushes and deletes until the disk stops; returns calls, acknowledged end, synced end.
fn history(vfs: &MemVfs, halt_after: Option<u64>) -> (u64, i64, i64) {
    let mut log = open(vfs, &small_segments());
    // Creating the log itself is durable once it has been flushed.
    append(&mut log, batch(1)).unwrap();
    log.flush().unwrap();
    barnabas_common::vfs::Vfs::sync_dir(vfs, std::path::Path::new("/data")).unwrap();
    let before = vfs.op_count();
    if let Some(nth) = halt_after {
        vfs.halt_after(nth);
    }
    for i in 0..24 {
        let _ = append(&mut log, producer_batch(1, 0, i * 2, 2));
        if i % 5 == 4 {
            let _ = log.flush();
        }
        if i == 15 {
            let _ = log.increment_log_start_offset(log.log_end_offset() / 2);
            let _ = log.apply_retention(NOW_MS, log.log_end_offset());
            let _ = log.tick(NOW_MS + 60_000);
        }
    }
    (vfs.op_count() - before, log.log_end_offset(), log.recovery_point())
}
