//! Scenarios in virtual time. The harness here plays the caller of a shard: it keeps the log, the clock and the
//! answers. What is expected of groups stands in the child files.

mod administration;
mod expiry;
mod initial_delay;
mod joining;
mod offsets;
mod replay;
mod simulation;
mod static_members;
mod syncing;
mod wire_versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use barnabas_common::ErrorCode;
use barnabas_protocol::Message;
use barnabas_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use barnabas_protocol::messages::leave_group_request::MemberIdentity;
use barnabas_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use barnabas_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use barnabas_protocol::messages::*;
use bytes::Bytes;

use super::GroupShard;
use crate::config::{GroupCoordinatorConfig, InitialRebalanceDelay};
use crate::effects::{CoordinatorRecord, Effects, GroupReply, Now, ReplyToken, RequestContext};

pub(super) const GROUP: &str = "g";
const START_WALL_MS: i64 = 1_700_000_000_000;
pub(super) const SESSION_MS: i32 = 10_000;
pub(super) const REBALANCE_MS: i32 = 30_000;

/// Kafka's settings without any initial delay.
pub(super) fn without_delay() -> GroupCoordinatorConfig {
    let initial_rebalance_delay = InitialRebalanceDelay::Fixed { delay_ms: 0 };
    GroupCoordinatorConfig { initial_rebalance_delay, ..GroupCoordinatorConfig::default() }
}

pub(super) fn context(version: i16) -> RequestContext {
    RequestContext { client_id: "app".into(), client_host: "/127.0.0.1".into(), version, joins_unprepared: false }
}

/// A consumer's subscription as version 0 of the consumer protocol.
pub(super) fn subscription(topics: &[&str]) -> Bytes {
    let topics = topics.iter().map(|t| (*t).to_owned()).collect();
    ConsumerProtocolSubscription { topics, ..Default::default() }.encode_versioned(0)
}

pub(super) fn protocol(name: &str, metadata: Bytes) -> JoinGroupRequestProtocol {
    JoinGroupRequestProtocol { name: name.into(), metadata }
}

/// A consumer of topic `t` that asks to join.
pub(super) fn join_request(member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: SESSION_MS,
        rebalance_timeout_ms: REBALANCE_MS,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range", subscription(&["t"]))],
        ..Default::default()
    }
}

pub(super) fn static_join_request(member_id: &str, instance_id: &str) -> JoinGroupRequest {
    JoinGroupRequest { group_instance_id: Some(instance_id.into()), ..join_request(member_id) }
}

/// The world around one shard.
pub(super) struct Harness {
    pub(super) shard: GroupShard,
    pub(super) config: Arc<GroupCoordinatorConfig>,
    pub(super) now: Now,
    pub(super) log: Vec<CoordinatorRecord>,
    replies: BTreeMap<ReplyToken, GroupReply>,
    answered: std::collections::BTreeSet<ReplyToken>,
    next_token: u64,
    /// Lets the next effects get lost, as if the append had failed.
    pub(super) fail_appends: bool,
    /// How often the shard came back from the log.
    pub(super) reloads: u32,
}

impl Harness {
    pub(super) fn new() -> Self {
        Self::with(without_delay())
    }

    pub(super) fn with(config: GroupCoordinatorConfig) -> Self {
        let config = Arc::new(config);
        let mut harness = Self {
            shard: GroupShard::new(config.clone(), counter(1)),
            config,
            now: Now { wall_ms: START_WALL_MS, monotonic_ms: 5_000 },
            log: Vec::new(),
            replies: BTreeMap::new(),
            answered: Default::default(),
            next_token: 0,
            fail_appends: false,
            reloads: 0,
        };
        let effects = harness.shard.finish_loading(harness.now);
        assert!(effects.is_empty());
        harness
    }

    pub(super) fn token(&mut self) -> ReplyToken {
        self.next_token += 1;
        ReplyToken(self.next_token)
    }

    /// What the caller does with effects. A failed append costs the shard.
    pub(super) fn carry_out(&mut self, effects: Effects) {
        if self.fail_appends && !effects.records.is_empty() {
            for (token, reply) in effects.replies {
                self.deliver(token, refusal(&reply));
            }
            self.reload();
            return;
        }
        self.log.extend(effects.records);
        for (token, reply) in effects.replies {
            self.deliver(token, reply);
        }
    }

    fn deliver(&mut self, token: ReplyToken, reply: GroupReply) {
        assert!(self.answered.insert(token), "{token:?} answered twice, now with {reply:?}");
        self.replies.insert(token, reply);
    }

    /// The shard moves away and comes back from the log.
    pub(super) fn reload(&mut self) {
        self.reloads += 1;
        let fresh = self.replayed();
        let old = std::mem::replace(&mut self.shard, fresh);
        for (token, reply) in old.unload(ErrorCode::NotCoordinator, self.now) {
            self.deliver(token, reply);
        }
        let effects = self.shard.finish_loading(self.now);
        self.carry_out(effects);
    }

    /// A shard that knows what the log knows.
    pub(super) fn replayed(&self) -> GroupShard {
        let mut shard = GroupShard::new(self.config.clone(), counter(1_000_000 + u128::from(self.next_token)));
        for record in &self.log {
            shard.replay(&record.key, record.value.as_ref(), self.now.wall_ms).expect("own records can be read");
        }
        shard
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn advance(&mut self, ms: i64) {
        let end = self.now.monotonic_ms + ms;
        let mut ticks = 0;
        while let Some(at) = self.shard.next_deadline().filter(|at| *at <= end) {
            let at = at.max(self.now.monotonic_ms);
            self.now.wall_ms += at - self.now.monotonic_ms;
            self.now.monotonic_ms = at;
            let effects = self.shard.tick(self.now);
            assert!(self.shard.next_deadline().is_none_or(|next| next > at), "a deadline that does not go away");
            self.carry_out(effects);
            ticks += 1;
            assert!(ticks < 10_000, "an endless loop of deadlines");
        }
        self.now.wall_ms += end - self.now.monotonic_ms;
        self.now.monotonic_ms = end;
    }

    pub(super) fn reply(&mut self, token: ReplyToken) -> Option<GroupReply> {
        self.replies.remove(&token)
    }

    pub(super) fn join(&mut self, version: i16, request: JoinGroupRequest) -> ReplyToken {
        let token = self.token();
        let effects = self.shard.join(&context(version), request, token, self.now);
        self.carry_out(effects);
        token
    }

    pub(super) fn joined(&mut self, token: ReplyToken) -> JoinGroupResponse {
        match self.reply(token) {
            Some(GroupReply::Join(response)) => response,
            other => panic!("expected a JoinGroup answer, got {other:?}"),
        }
    }

    /// Joins and gets the answer, letting timers that are due now run.
    pub(super) fn join_now(&mut self, version: i16, request: JoinGroupRequest) -> JoinGroupResponse {
        let token = self.join(version, request);
        self.advance(1);
        self.joined(token)
    }

    pub(super) fn sync(&mut self, request: SyncGroupRequest) -> ReplyToken {
        let token = self.token();
        let effects = self.shard.sync(&context(5), request, token, self.now);
        self.carry_out(effects);
        token
    }

    pub(super) fn synced(&mut self, token: ReplyToken) -> SyncGroupResponse {
        match self.reply(token) {
            Some(GroupReply::Sync(response)) => response,
            other => panic!("expected a SyncGroup answer, got {other:?}"),
        }
    }

    pub(super) fn is_parked(&self, token: ReplyToken) -> bool {
        !self.answered.contains(&token)
    }

    /// Requests that nobody has answered so far.
    pub(super) fn unanswered(&self) -> usize {
        usize::try_from(self.next_token).expect("small") - self.answered.len()
    }

    pub(super) fn heartbeat(&mut self, generation: i32, member_id: &str) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: GROUP.into(),
            generation_id: generation,
            member_id: member_id.into(),
            ..Default::default()
        };
        self.heartbeat_request(&request)
    }

    pub(super) fn heartbeat_request(&mut self, request: &HeartbeatRequest) -> ErrorCode {
        let token = self.token();
        let effects = self.shard.heartbeat(&context(4), request, token, self.now);
        self.carry_out(effects);
        match self.reply(token) {
            Some(GroupReply::Heartbeat(response)) => ErrorCode::from_code(response.error_code),
            other => panic!("expected a Heartbeat answer, got {other:?}"),
        }
    }

    pub(super) fn leave(&mut self, version: i16, request: &LeaveGroupRequest) -> LeaveGroupResponse {
        let token = self.token();
        let effects = self.shard.leave(&context(version), request, token, self.now);
        self.carry_out(effects);
        match self.reply(token) {
            Some(GroupReply::Leave(response)) => response,
            other => panic!("expected a LeaveGroup answer, got {other:?}"),
        }
    }

    pub(super) fn leave_by_id(&mut self, member_id: &str) -> ErrorCode {
        let response = self.leave(5, &leave_request(&[(member_id, None)]));
        ErrorCode::from_code(response.members[0].error_code)
    }

    pub(super) fn commit(&mut self, version: i16, request: &OffsetCommitRequest) -> Vec<ErrorCode> {
        let token = self.token();
        let effects = self.shard.commit_offsets(&context(version), request, token, self.now);
        self.carry_out(effects);
        match self.reply(token) {
            Some(GroupReply::OffsetCommit(response)) => {
                response.topics.iter().flat_map(|t| &t.partitions).map(|p| ErrorCode::from_code(p.error_code)).collect()
            }
            other => panic!("expected an OffsetCommit answer, got {other:?}"),
        }
    }

    /// Commits one offset of partition 0 of `topic`, as a simple consumer.
    pub(super) fn commit_simple(&mut self, group: &str, topic: &str, offset: i64) -> ErrorCode {
        self.commit(8, &commit_request(group, topic, offset))[0]
    }

    pub(super) fn state(&self) -> String {
        self.shard.describe(GROUP, 5).group_state
    }

    /// Runs a group of members up to a stable generation: each member's id, the leader first.
    pub(super) fn stable_group(&mut self, members: usize) -> (Vec<String>, i32) {
        let ids: Vec<_> = (0..members).map(|_| self.join_now(4, join_request("")).member_id).collect();
        let tokens: Vec<_> = ids.iter().map(|id| self.join(4, join_request(id))).collect();
        self.advance(1);
        let answers: Vec<_> = tokens.into_iter().map(|token| self.joined(token)).collect();
        let (leader, generation) = (answers[0].leader.clone(), answers[0].generation_id);
        assert!(answers.iter().all(|a| a.error_code == 0 && a.generation_id == generation), "{answers:?}");
        let mut ids: Vec<String> = answers.into_iter().map(|a| a.member_id).collect();
        ids.sort_by_key(|id| *id != leader);
        self.sync_all(&ids, generation);
        (ids, generation)
    }

    /// SyncGroup of all members, the leader (first) hands in the assignment.
    pub(super) fn sync_all(&mut self, ids: &[String], generation: i32) {
        let followers: Vec<_> = ids[1..].iter().map(|id| self.sync(sync_request(id, generation, &[]))).collect();
        let assignments: Vec<_> = ids.iter().map(String::as_str).collect();
        let leader = self.sync(sync_request(&ids[0], generation, &assignments));
        for (token, id) in std::iter::once(leader).chain(followers).zip(ids) {
            let answer = self.synced(token);
            assert_eq!((answer.error_code, answer.assignment), (0, assignment_of(id)));
        }
        assert_eq!(self.state(), "Stable");
    }
}

fn counter(from: u128) -> impl FnMut() -> u128 + Send {
    let mut next = from;
    move || {
        next += 1;
        next
    }
}

/// What a client is told when the append behind its answer failed.
fn refusal(reply: &GroupReply) -> GroupReply {
    let error_code = ErrorCode::CoordinatorNotAvailable.code();
    match reply.clone() {
        GroupReply::Join(_) => GroupReply::Join(JoinGroupResponse { error_code, ..Default::default() }),
        GroupReply::Sync(_) => GroupReply::Sync(SyncGroupResponse { error_code, ..Default::default() }),
        GroupReply::Heartbeat(_) => GroupReply::Heartbeat(HeartbeatResponse { error_code, ..Default::default() }),
        GroupReply::Leave(mut leave) => {
            leave.error_code = error_code;
            GroupReply::Leave(leave)
        }
        GroupReply::OffsetCommit(mut commit) => {
            commit.topics.iter_mut().flat_map(|t| &mut t.partitions).for_each(|p| p.error_code = error_code);
            GroupReply::OffsetCommit(commit)
        }
        other => other,
    }
}

pub(super) fn assignment_of(member_id: &str) -> Bytes {
    Bytes::from(format!("for {member_id}"))
}

/// A SyncGroup that assigns something to each of `assign_to`.
pub(super) fn sync_request(member_id: &str, generation: i32, assign_to: &[&str]) -> SyncGroupRequest {
    let assign = |id: &&str| SyncGroupRequestAssignment { member_id: (*id).into(), assignment: assignment_of(id) };
    SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: generation,
        member_id: member_id.into(),
        assignments: assign_to.iter().map(assign).collect(),
        ..Default::default()
    }
}

pub(super) fn leave_request(members: &[(&str, Option<&str>)]) -> LeaveGroupRequest {
    let identity = |(member_id, instance_id): &(&str, Option<&str>)| MemberIdentity {
        member_id: (*member_id).into(),
        group_instance_id: instance_id.map(Into::into),
        reason: None,
    };
    LeaveGroupRequest { group_id: GROUP.into(), members: members.iter().map(identity).collect(), ..Default::default() }
}

/// A commit of partition 0 of `topic` without any membership.
pub(super) fn commit_request(group: &str, topic: &str, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: offset,
        committed_metadata: Some(format!("at {offset}")),
        ..Default::default()
    };
    OffsetCommitRequest {
        group_id: group.into(),
        topics: vec![OffsetCommitRequestTopic {
            name: topic.into(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}
