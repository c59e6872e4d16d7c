//! A scripted client: it does what a consumer library does with each answer, and now and then something foolish.

use barnabas_common::ErrorCode;

use super::*;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// Will join as soon as its time has come.
    Out,
    Joining {
        token: ReplyToken,
        since_ms: i64,
    },
    /// Knows its generation; will sync with this assignment, which only the leader has.
    Joined {
        assignments: Vec<(String, Vec<u8>)>,
    },
    Syncing {
        token: ReplyToken,
        since_ms: i64,
    },
    In {
        partitions: Vec<u8>,
    },
    Gone,
}

#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) member_id: String,
    pub(super) generation: i32,
    pub(super) phase: Phase,
    instance_id: Option<String>,
    version: i16,
    session_timeout_ms: i32,
    next_action_ms: i64,
    next_heartbeat_ms: i64,
    /// Part of its metadata; a change asks for a rebalance.
    mood: u8,
    /// How often the shard had been reloaded when it asked for its generation: one that was not durable may come
    /// again after a reload.
    asked_in: u32,
    learned_in: u32,
}

impl Client {
    pub(super) fn new(number: usize, dice: &mut Dice) -> Self {
        let is_static = dice.one_in(3);
        Self {
            member_id: String::new(),
            generation: -1,
            phase: Phase::Out,
            instance_id: is_static.then(|| format!("i{number}")),
            version: if is_static { 5 + dice.small(5) } else { dice.small(10) },
            session_timeout_ms: 6_000 + i32::try_from(dice.below(4_000)).expect("small"),
            next_action_ms: 0,
            next_heartbeat_ms: 0,
            mood: 0,
            asked_in: 0,
            learned_in: 0,
        }
    }

    pub(super) fn act(&mut self, world: &mut World) {
        let now_ms = world.harness.now.monotonic_ms;
        if world.chaos && self.misbehave(world) {
            return;
        }
        match self.phase.clone() {
            Phase::Out if now_ms >= self.next_action_ms => {
                self.asked_in = world.harness.reloads;
                let token = world.harness.join(self.version, self.join_request());
                self.phase = Phase::Joining { token, since_ms: now_ms };
            }
            Phase::Joining { token, since_ms } => match world.harness.reply(token) {
                Some(GroupReply::Join(answer)) => self.on_joined(world, answer),
                other => assert!(other.is_none() && now_ms - since_ms < PATIENCE_MS, "join stuck: {self:?} {other:?}"),
            },
            Phase::Joined { assignments } if now_ms >= self.next_action_ms => {
                let token = world.harness.sync(self.sync_request(assignments));
                self.phase = Phase::Syncing { token, since_ms: now_ms };
            }
            Phase::Syncing { token, since_ms } => match world.harness.reply(token) {
                Some(GroupReply::Sync(answer)) => self.on_synced(world, &answer),
                other => assert!(other.is_none() && now_ms - since_ms < PATIENCE_MS, "sync stuck: {self:?} {other:?}"),
            },
            Phase::In { partitions } => self.work(world, &partitions),
            Phase::Gone if world.chaos && world.dice.one_in(40) => self.restart(world),
            Phase::Out | Phase::Joined { .. } | Phase::Gone => {}
        }
    }

    /// Something that a client should not do, or that happens to it. True if it did.
    fn misbehave(&mut self, world: &mut World) -> bool {
        match world.dice.below(300) {
            0 | 1 => self.phase = Phase::Gone,
            2 | 3 => self.restart(world),
            4 if !self.member_id.is_empty() => {
                world.harness.leave_by_id(&self.member_id);
                self.phase = Phase::Gone;
            }
            5 => {
                self.mood = self.mood.wrapping_add(1);
                self.rejoin_after(world, 0);
            }
            // A retry over a new connection, while the old request is still parked.
            6 => self.rejoin_after(world, 0),
            // A long pause, perhaps beyond its session.
            7 => self.next_action_ms = world.harness.now.monotonic_ms + 8_000,
            _ => return false,
        }
        true
    }

    fn restart(&mut self, world: &mut World) {
        self.member_id.clear();
        self.generation = -1;
        let delay_ms = i64::try_from(world.dice.below(500)).expect("small");
        self.rejoin_after(world, delay_ms);
    }

    fn rejoin_after(&mut self, world: &World, delay_ms: i64) {
        self.phase = Phase::Out;
        self.next_action_ms = world.harness.now.monotonic_ms + delay_ms;
    }

    fn join_request(&self) -> JoinGroupRequest {
        JoinGroupRequest {
            group_instance_id: self.instance_id.clone(),
            session_timeout_ms: self.session_timeout_ms,
            rebalance_timeout_ms: SIMULATED_REBALANCE_MS,
            protocols: vec![protocol("range", subscription(&["t", &format!("mood-{}", self.mood)]))],
            ..join_request(&self.member_id)
        }
    }

    fn sync_request(&self, assignments: Vec<(String, Vec<u8>)>) -> SyncGroupRequest {
        let assign = |(member_id, partitions): (String, Vec<u8>)| SyncGroupRequestAssignment {
            member_id,
            assignment: partitions.into(),
        };
        SyncGroupRequest {
            group_instance_id: self.instance_id.clone(),
            assignments: assignments.into_iter().map(assign).collect(),
            ..sync_request(&self.member_id, self.generation, &[])
        }
    }

    fn on_joined(&mut self, world: &mut World, answer: JoinGroupResponse) {
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => {
                let same_life = self.member_id == answer.member_id && self.learned_in == world.harness.reloads;
                assert!(!same_life || answer.generation_id >= self.generation, "{self:?} went back: {answer:?}");
                let leads = answer.leader == answer.member_id && !answer.skip_assignment;
                let member_ids = answer.members.into_iter().map(|m| m.member_id).collect::<Vec<_>>();
                assert!(!leads || member_ids.contains(&answer.member_id));
                self.member_id = answer.member_id;
                self.generation = answer.generation_id;
                self.learned_in = self.asked_in;
                self.phase = Phase::Joined { assignments: if leads { share_out(&member_ids) } else { Vec::new() } };
                self.next_heartbeat_ms = 0;
            }
            ErrorCode::MemberIdRequired => {
                self.member_id = answer.member_id;
                self.rejoin_after(world, 0);
            }
            error => self.on_error(world, error),
        }
    }

    fn on_synced(&mut self, world: &mut World, answer: &SyncGroupResponse) {
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => self.phase = Phase::In { partitions: answer.assignment.to_vec() },
            error => self.on_error(world, error),
        }
    }

    fn on_error(&mut self, world: &World, error: ErrorCode) {
        match error {
            ErrorCode::UnknownMemberId => self.member_id.clear(),
            ErrorCode::IllegalGeneration | ErrorCode::RebalanceInProgress => {}
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {}
            // Somebody restarted under its name: a real client would stop. This one is the only one of its name.
            ErrorCode::FencedInstanceId => self.member_id.clear(),
            other => panic!("{self:?} got {other}"),
        }
        self.rejoin_after(world, if error == ErrorCode::RebalanceInProgress { 0 } else { 50 });
    }

    fn work(&mut self, world: &mut World, partitions: &[u8]) {
        let now_ms = world.harness.now.monotonic_ms;
        if now_ms >= self.next_heartbeat_ms && now_ms >= self.next_action_ms {
            self.next_heartbeat_ms = now_ms + 1_500;
            let request = HeartbeatRequest {
                group_id: GROUP.into(),
                generation_id: self.generation,
                member_id: self.member_id.clone(),
                group_instance_id: self.instance_id.clone(),
            };
            let error = world.harness.heartbeat_request(&request);
            if !error.is_none() {
                self.on_error(world, error);
                return;
            }
        }
        if let Some(partition) = partitions.first().filter(|_| world.dice.one_in(8)) {
            self.commit(world, i32::from(*partition));
        }
    }

    fn commit(&mut self, world: &mut World, partition: i32) {
        world.next_offset += 1;
        let offset = world.next_offset;
        let mut request = OffsetCommitRequest {
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            generation_id_or_member_epoch: self.generation,
            ..commit_request(GROUP, "t", offset)
        };
        request.topics[0].partitions[0].partition_index = partition;
        if world.harness.commit(8, &request) == [ErrorCode::None] {
            world.acknowledged.insert(partition, offset);
        }
    }
}

/// Partitions in turn.
fn share_out(member_ids: &[String]) -> Vec<(String, Vec<u8>)> {
    let mut shares: Vec<(String, Vec<u8>)> = member_ids.iter().map(|id| (id.clone(), Vec::new())).collect();
    for partition in 0..PARTITIONS {
        shares[usize::from(partition) % member_ids.len()].1.push(partition);
    }
    shares
}
