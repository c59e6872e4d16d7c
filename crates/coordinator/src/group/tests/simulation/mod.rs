//! Members that join, crash, leave, come back and commit at random, over a shard that moves and whose appends fail.
//! Whatever happened, once it is quiet all living members are in one stable generation and share the partitions.

mod client;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::group::records::{self, Record};
use client::{Client, Phase};

const CLIENTS: usize = 6;
const PARTITIONS: u8 = 12;
const CHAOS_STEPS: usize = 400;
const QUIET_MS: i64 = 60_000;
const SIMULATED_REBALANCE_MS: i32 = 10_000;
/// How long an answer may take: the rebalance timeout, and what a step of the simulation adds.
const PATIENCE_MS: i64 = 10_000 + 1_000;

/// A small generator (splitmix64): the same seed gives the same run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn small(&mut self, n: u64) -> i16 {
        i16::try_from(self.below(n)).expect("small")
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

struct World {
    harness: Harness,
    dice: Dice,
    /// What was acknowledged last for each partition.
    acknowledged: BTreeMap<i32, i64>,
    next_offset: i64,
    chaos: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let initial_rebalance_delay = match dice.below(3) {
            0 => InitialRebalanceDelay::Fixed { delay_ms: 0 },
            1 => InitialRebalanceDelay::Fixed { delay_ms: 3_000 },
            _ => InitialRebalanceDelay::ADAPTIVE,
        };
        let config = GroupCoordinatorConfig { initial_rebalance_delay, ..GroupCoordinatorConfig::default() };
        let harness = Harness::with(config);
        Self { harness, dice, acknowledged: BTreeMap::new(), next_offset: 0, chaos: true }
    }

    fn step(&mut self, clients: &mut [Client]) {
        let ms = 1 + self.dice.below(150);
        self.harness.advance(i64::try_from(ms).expect("small"));
        if self.chaos {
            self.trouble();
        }
        let first = usize::try_from(self.dice.below(CLIENTS as u64)).expect("small");
        for i in 0..clients.len() {
            clients[(first + i) % CLIENTS].act(self);
        }
        self.harness.fail_appends = false;
    }

    fn trouble(&mut self) {
        match self.dice.below(60) {
            0 => self.harness.reload(),
            1 => self.harness.fail_appends = true,
            // Somebody asks for a member id and is never seen again.
            2 => {
                self.harness.join(9, JoinGroupRequest { session_timeout_ms: 6_000, ..join_request("") });
            }
            _ => {}
        }
    }
}

fn run(seed: u64) -> Vec<CoordinatorRecord> {
    let mut world = World::new(seed);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|i| Client::new(i, &mut world.dice)).collect();
    for _ in 0..CHAOS_STEPS {
        world.step(&mut clients);
    }
    world.chaos = false;
    let quiet_since = world.harness.now.monotonic_ms;
    while world.harness.now.monotonic_ms < quiet_since + QUIET_MS {
        world.step(&mut clients);
    }
    check_group(&world, &clients);
    check_log(&world);
    world.harness.log
}

fn check_group(world: &World, clients: &[Client]) {
    assert_eq!(world.harness.unanswered(), 0, "every request is answered in the end");
    let alive: Vec<&Client> = clients.iter().filter(|c| !matches!(c.phase, Phase::Gone)).collect();
    let group = world.harness.shard.describe(GROUP, 5);
    let members: BTreeSet<_> = group.members.iter().map(|m| m.member_id.clone()).collect();
    assert_eq!(members, alive.iter().map(|c| c.member_id.clone()).collect(), "{}", group.group_state);
    if alive.is_empty() {
        return;
    }
    assert_eq!(group.group_state, "Stable");
    let mut assigned = Vec::new();
    for client in &alive {
        let Phase::In { partitions } = &client.phase else { panic!("{client:?} is not in the group") };
        assert_eq!(client.generation, alive[0].generation);
        assigned.extend(partitions.iter().copied());
    }
    assigned.sort_unstable();
    assert_eq!(assigned, (0..PARTITIONS).collect::<Vec<_>>());
}

/// The log says what the shard says, and its generations never go back.
fn check_log(world: &World) {
    let replayed = world.harness.replayed();
    let shard = &world.harness.shard;
    assert_eq!(replayed.describe(GROUP, 5), shard.describe(GROUP, 5));
    assert!(replayed.committed_offsets().eq(shard.committed_offsets()));
    let committed: BTreeMap<_, _> = shard.committed_offsets().map(|e| (e.partition, e.committed.offset)).collect();
    assert_eq!(committed, world.acknowledged);
    let mut last_generation = 0;
    for record in &world.harness.log {
        if let Ok(Record::Group { value: Some(group), .. }) = records::decode(&record.key, record.value.as_ref()) {
            assert!(group.generation >= last_generation, "{} after {last_generation}", group.generation);
            last_generation = group.generation;
        }
    }
}

#[test]
fn after_any_chaos_the_living_share_one_stable_generation() {
    for seed in 0..150 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

#[test]
fn shards_can_move_between_threads() {
    fn assert_send<T: Send>() {}
    assert_send::<GroupShard>();
}

#[test]
fn the_same_seed_gives_the_same_log() {
    assert_eq!(run(42), run(42));
}
