//! A classic group's state and the small steps that keep it consistent: adding, removing, finding members.
//! Requests, rebalances and timers are in the sibling files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use barnabas_common::{ErrorCode, TimestampMs};
use barnabas_protocol::messages::join_group_request::JoinGroupRequestProtocol;

use super::initial_delay::InitialDelay;
use super::member::{Member, NEVER};
use super::protocols::{self, ProtocolCounts};

pub(super) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// Where a group is in its life. Dead groups are simply absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::group) enum GroupState {
    /// No members; perhaps offsets.
    Empty,
    /// Members are asked to (re)join.
    PreparingRebalance,
    /// All joined; the leader's assignment is awaited.
    CompletingRebalance,
    /// Every member may have its assignment.
    Stable,
}

impl GroupState {
    pub(in crate::group) const ALL: [Self; 4] =
        [Self::Empty, Self::PreparingRebalance, Self::CompletingRebalance, Self::Stable];

    /// As Kafka spells it.
    pub(in crate::group) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// A member id that was handed out and has not come back yet (KIP-394).
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingJoin {
    pub(super) since_ms: i64,
    pub(super) deadline_ms: i64,
}

/// A group of the classic protocol, or one that only holds offsets.
#[derive(Clone, Debug)]
pub(in crate::group) struct ClassicGroup {
    pub(in crate::group) id: Arc<str>,
    pub(in crate::group) state: GroupState,
    /// When the group got into its state; not known for groups written by very old brokers.
    pub(in crate::group) state_since_ms: Option<TimestampMs>,
    /// None for groups that never had members.
    pub(in crate::group) protocol_type: Option<String>,
    pub(super) protocol_name: Option<String>,
    pub(super) generation: i32,
    pub(in crate::group) leader: Option<String>,
    pub(super) members: BTreeMap<String, Member>,
    /// Member ids by `group.instance.id`.
    pub(super) static_members: BTreeMap<String, String>,
    pub(super) pending_joins: BTreeMap<String, PendingJoin>,
    /// Members of the current generation that have not asked for their assignment.
    pub(super) pending_syncs: BTreeSet<String>,
    /// How many members have a JoinGroup parked.
    pub(super) awaiting_joins: usize,
    pub(super) protocol_counts: ProtocolCounts,
    /// Of the current generation; None if the members do not speak the consumer protocol.
    pub(super) subscribed_topics: Option<BTreeSet<String>>,
    /// Set while the first members after Empty are collected.
    pub(super) initial_delay: Option<InitialDelay>,
    /// Whether every client that asked to join could assign partitions if it became the leader.
    pub(in crate::group) arrivals_are_prepared: bool,
    pub(super) join_deadline_ms: i64,
    pub(super) sync_deadline_ms: i64,
    /// No deadline of this group comes before this moment.
    pub(in crate::group) earliest_deadline_ms: i64,
    /// The moment at which the shard will look at this group next.
    pub(in crate::group) wake_at_ms: Option<i64>,
}

impl ClassicGroup {
    pub(in crate::group) fn new(id: Arc<str>, created_ms: TimestampMs) -> Self {
        Self {
            id,
            state: GroupState::Empty,
            state_since_ms: Some(created_ms),
            protocol_type: None,
            protocol_name: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_joins: BTreeMap::new(),
            pending_syncs: BTreeSet::new(),
            awaiting_joins: 0,
            protocol_counts: ProtocolCounts::default(),
            subscribed_topics: None,
            initial_delay: None,
            arrivals_are_prepared: true,
            join_deadline_ms: NEVER,
            sync_deadline_ms: NEVER,
            earliest_deadline_ms: NEVER,
            wake_at_ms: None,
        }
    }

    pub(in crate::group) fn is_empty(&self) -> bool {
        self.state == GroupState::Empty
    }

    pub(in crate::group) fn has_pending_joins(&self) -> bool {
        !self.pending_joins.is_empty()
    }

    pub(in crate::group) fn member_count(&self) -> usize {
        self.members.len()
    }

    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    pub(super) fn transition_to(&mut self, state: GroupState, now_wall_ms: TimestampMs) {
        self.state = state;
        self.state_since_ms = Some(now_wall_ms);
    }

    pub(in crate::group) fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// Whether members read the topic. Consumers whose subscription is not known count as reading everything.
    pub(in crate::group) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_protocol(),
        }
    }

    pub(in crate::group) fn knows_subscriptions(&self) -> bool {
        self.subscribed_topics.is_some()
    }

    /// The rule that every request of a member has to pass.
    pub(super) fn validate_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(owner) if owner != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// Whether a member with these protocols can live with the others.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[JoinGroupRequestProtocol]) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|p| self.protocol_counts.supported_by_all(&p.name, self.members.len()))
    }

    pub(super) fn insert_member(&mut self, member: Member, protocol_type: &str) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.to_owned());
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), member.id.clone());
        }
        self.pending_joins.remove(&member.id);
        self.protocol_counts.add(&member.protocols);
        self.awaiting_joins += usize::from(member.awaiting_join.is_some());
        self.leader.get_or_insert_with(|| member.id.clone());
        self.members.insert(member.id.clone(), member);
    }

    /// Forgets the member, pending or not. Its parked requests must have been answered.
    pub(super) fn remove_member(&mut self, member_id: &str) {
        self.pending_joins.remove(member_id);
        self.pending_syncs.remove(member_id);
        let Some(member) = self.members.remove(member_id) else { return };
        self.protocol_counts.remove(&member.protocols);
        self.awaiting_joins -= usize::from(member.awaiting_join.is_some());
        if let Some(instance_id) = &member.instance_id {
            self.static_members.remove(instance_id);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    pub(super) fn have_all_members_joined(&self) -> bool {
        self.members.len() == self.awaiting_joins && self.pending_joins.is_empty()
    }

    /// The longest of the members' rebalance timeouts: how long the group waits for the slowest.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|m| m.rebalance_timeout_ms).max().unwrap_or(0)
    }

    pub(super) fn select_protocol(&self) -> Option<String> {
        let first =
            self.leader.as_ref().and_then(|id| self.members.get(id)).or_else(|| self.members.values().next())?;
        let is_candidate = |name: &str| self.protocol_counts.supported_by_all(name, self.members.len());
        protocols::select(first, self.members.values(), is_candidate)
    }

    pub(super) fn compute_subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if !self.uses_consumer_protocol() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol_name.as_deref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            match protocols::subscribed_topics(&member.metadata(protocol)) {
                Ok(subscribed) => topics.extend(subscribed),
                Err(error) => {
                    tracing::warn!(group = %self.id, member = member.id, %error, "the subscription cannot be read");
                    return None;
                }
            }
        }
        Some(topics)
    }
}
