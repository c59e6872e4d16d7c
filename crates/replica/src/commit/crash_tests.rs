//! Crash states: lives on a file system in memory that stop at every call, and what the disk may then hold, opened again.
//! Nothing acknowledged, and nothing a reader has seen, may be missing, but for what was deleted and what compaction drops; and
//! nothing that was refused may be in its place.
//!
//! `CRASH_STATES=100000` asks for more states than the few thousand of every run, `CRASH_SEED` for other lives.

use barnabas_common::vfs::MemVfs;

use super::test_broker::*;

const STATES: u64 = 4_000;
const OPERATIONS: u64 = 70;
/// All calls of a few lives would leave no time for many lives.
const STRIDE: u64 = 29;

struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn partition(&mut self) -> i32 {
        self.below(PARTITIONS as u64) as i32
    }
}

/// One operation of a life.
fn operate(broker: &mut Broker, random: &mut SplitMix, promised: &mut Promised) {
    match random.below(19) {
        0..8 => {
            for _ in 0..=random.below(4) {
                let (partition, records) = (random.partition(), 1 + random.below(3) as i64);
                broker.append_batch(partition, records);
            }
        }
        8..12 if !broker.unacknowledged.is_empty() => {
            broker.committer.step(&mut Vec::new());
        }
        12 => broker.retain(EXPIRING, random.below(2) == 0),
        13 => {
            let partition = random.below(2) as i32;
            let seen = broker.partition(partition).offsets().map_or(0, |offsets| offsets.high_watermark);
            broker.delete_records(partition, random.below(seen as u64 + 1) as i64, promised);
        }
        14 => broker.compact(promised),
        15 => broker.maintain(),
        16 => broker.roll(random.partition()),
        17 => {
            let (partition, records) = (random.partition(), 1 + random.below(3) as i64);
            broker.append_in_need(partition, records, random.below(800), random.below(3), promised);
            if random.below(3) > 0 {
                broker.cut_off(broker.partition(partition));
            }
        }
        _ => drop(broker.keep()),
    }
    broker.note(promised);
}

/// Lives until the disk stops, and tells what it has promised. Returns why the journal gave up, if it did.
fn live(disk: &MemVfs, seed: u64, promised: &mut Promised) -> Option<String> {
    let mut random = SplitMix(seed);
    let mut broker = Broker::start(disk).ok()?;
    for _ in 0..OPERATIONS {
        operate(&mut broker, &mut random, promised);
        if let Some(failure) = broker.commit.failure() {
            return Some(failure.to_owned());
        }
    }
    None
}

/// What a life does that is not cut short: how many calls, and whether all kinds of deletion had an effect.
fn whole_life(seed: u64) -> (u64, Promised) {
    let disk = MemVfs::new();
    let mut promised = Promised::new();
    let failure = live(&disk, seed, &mut promised);
    assert_eq!(failure, None, "a full disk is no broken one");
    (disk.op_count(), promised)
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn no_crash_loses_what_was_acknowledged() {
    let wanted = setting("CRASH_STATES", STATES);
    let first_seed = setting("CRASH_SEED", 0);
    let (mut states, mut seed) = (0, first_seed);
    let mut reached = Promise::default();
    while states < wanted {
        seed += 1;
        let (calls, promised) = whole_life(seed);
        for promise in promised.values() {
            reached.least_start = reached.least_start.max(promise.least_start);
            reached.largest_start = reached.largest_start.max(promise.largest_start);
            reached.cleaned_until = reached.cleaned_until.max(promise.cleaned_until);
        }
        for nth in (seed % STRIDE..calls).step_by(STRIDE as usize) {
            let disk = MemVfs::new();
            if seed.is_multiple_of(2) {
                disk.sync_each_folder();
            }
            disk.halt_after(nth);
            let mut promised = Promised::new();
            live(&disk, seed, &mut promised);
            for image in 0..4 {
                let crashed = if image == 0 { disk.kill_clone() } else { disk.crash_clone(seed * 31 + image) };
                states += 1;
                second_life(
                    &crashed,
                    seed + image,
                    promised.clone(),
                    &format!("seed {seed}, call {nth}, image {image}"),
                );
            }
        }
    }
    assert!(reached.least_start > 0 && reached.largest_start > 0 && reached.cleaned_until > 0, "{reached:?}");
    eprintln!("{states} crash states of {} lives; {reached:?}", seed - first_seed);
}

/// Opens what a crash left, checks it, goes on, and crashes again.
fn second_life(disk: &MemVfs, seed: u64, mut promised: Promised, what: &str) {
    let _said = Said(what);
    let broker = Broker::start(disk).unwrap_or_else(|error| panic!("does not start: {error}"));
    broker.check_and_note(&mut promised);
    drop(broker);
    if seed.is_multiple_of(3) {
        disk.halt_after(seed % 190);
        live(disk, seed + 1000, &mut promised);
        let crashed = disk.crash_clone(seed);
        let broker = Broker::start(&crashed).unwrap_or_else(|error| panic!("does not start again: {error}"));
        broker.check(&promised);
    }
}

/// Tells which state it was if the test fails in it.
struct Said<'a>(&'a str);

impl Drop for Said<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the state {}", self.0);
        }
    }
}
