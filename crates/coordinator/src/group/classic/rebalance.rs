//! From one generation to the next: opening the join phase, closing it, starting the sync phase.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::SyncGroupResponse;
use bytes::Bytes;

use super::member::NEVER;
use super::state::{ClassicGroup, GroupState};
use crate::effects::GroupReply;
use crate::group::{Turn, records};

/// How long to wait, at least, for members that did not rejoin in time before looking again.
const MIN_JOIN_RETRY_MS: i32 = 1_000;

impl ClassicGroup {
    pub(super) fn prepare_or_complete_rebalance(&mut self, turn: &mut Turn<'_>, reason: &str) {
        if self.state == GroupState::PreparingRebalance {
            self.maybe_complete_join(turn);
        } else {
            self.prepare_rebalance(turn, reason);
        }
    }

    /// Asks all members to rejoin.
    pub(in crate::group) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>, reason: &str) {
        if self.state == GroupState::CompletingRebalance {
            self.call_off_sync(turn);
        }
        self.pending_syncs.clear();
        self.sync_deadline_ms = NEVER;
        let was_empty = self.is_empty();
        self.transition_to(GroupState::PreparingRebalance, turn.now.wall_ms);
        tracing::info!(group = %self.id, generation = self.generation, reason, "rebalance");
        if was_empty {
            self.start_initial_delay(turn);
        } else if self.have_all_members_joined() {
            self.complete_join(turn);
        } else {
            self.set_join_deadline(turn.after(self.rebalance_timeout_ms()));
        }
    }

    /// Members that wait for an assignment that will not come have to rejoin.
    fn call_off_sync(&mut self, turn: &mut Turn<'_>) {
        let mut waited = Vec::new();
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(token) = member.awaiting_sync.take() {
                let error_code = ErrorCode::RebalanceInProgress.code();
                turn.reply(token, GroupReply::Sync(SyncGroupResponse { error_code, ..SyncGroupResponse::default() }));
                waited.push(member.id.clone());
            }
        }
        for member_id in waited {
            self.restart_session(turn, &member_id);
        }
    }

    /// Ends the join phase if nobody is missing any more. A group that collects its first members waits regardless.
    pub(super) fn maybe_complete_join(&mut self, turn: &mut Turn<'_>) {
        let collecting = self.initial_delay.is_some();
        if self.state == GroupState::PreparingRebalance && !collecting && self.have_all_members_joined() {
            self.complete_join(turn);
        }
    }

    /// Ends the join phase with whoever is there.
    pub(super) fn complete_join(&mut self, turn: &mut Turn<'_>) {
        self.end_initial_delay();
        self.remove_absent_dynamic_members();
        if !self.elect_leader() && !self.members.is_empty() {
            // Only static members are left, and none of them rejoined: their sessions decide.
            let retry_ms = self.rebalance_timeout_ms().max(MIN_JOIN_RETRY_MS);
            tracing::warn!(group = %self.id, retry_ms, "no member rejoined");
            self.set_join_deadline(turn.after(retry_ms));
            return;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(0);
        self.pending_syncs.clear();
        if self.members.is_empty() {
            self.become_empty(turn);
        } else {
            self.start_sync_phase(turn);
        }
    }

    fn remove_absent_dynamic_members(&mut self) {
        let absent: Vec<String> = self
            .members
            .values()
            .filter(|m| m.awaiting_join.is_none() && !m.is_static())
            .map(|m| m.id.clone())
            .collect();
        for member_id in absent {
            tracing::info!(group = %self.id, member_id, "did not rejoin in time");
            self.remove_member(&member_id);
        }
    }

    /// Makes sure that the leader is somebody who rejoined. False if nobody did.
    fn elect_leader(&mut self) -> bool {
        let joined = |id: &String| self.members.get(id).is_some_and(|m| m.awaiting_join.is_some());
        if !self.leader.as_ref().is_some_and(joined) {
            let Some(successor) = self.members.values().find(|m| m.awaiting_join.is_some()) else { return false };
            self.leader = Some(successor.id.clone());
        }
        true
    }

    fn become_empty(&mut self, turn: &mut Turn<'_>) {
        self.protocol_name = None;
        self.subscribed_topics = self.compute_subscribed_topics();
        self.transition_to(GroupState::Empty, turn.now.wall_ms);
        tracing::info!(group = %self.id, generation = self.generation, "empty");
        turn.effects.records.push(records::group_metadata(&self.id, &self.to_record()));
    }

    fn start_sync_phase(&mut self, turn: &mut Turn<'_>) {
        self.protocol_name = self.select_protocol();
        self.subscribed_topics = self.compute_subscribed_topics();
        self.transition_to(GroupState::CompletingRebalance, turn.now.wall_ms);
        tracing::info!(group = %self.id, generation = self.generation, members = self.members.len(), "joined");
        let member_ids: Vec<String> = self.members.keys().cloned().collect();
        for member_id in member_ids {
            let response = self.generation_response(&member_id);
            self.answer_join(turn, &member_id, response);
            if let Some(member) = self.members.get_mut(&member_id) {
                member.is_new = false;
            }
            self.restart_session(turn, &member_id);
            self.pending_syncs.insert(member_id);
        }
        self.set_sync_deadline(turn.after(self.rebalance_timeout_ms()));
    }
}
