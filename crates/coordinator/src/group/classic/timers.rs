//! What happens to a group when time passes: sessions, join and sync phases, and ids that never came back.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::SyncGroupResponse;

use super::join::join_error;
use super::member::NEVER;
use super::state::{ClassicGroup, GroupState};
use crate::effects::GroupReply;
use crate::group::Turn;

/// A deadline that has passed. Within one moment the phases end before sessions do, so that nobody is thrown out
/// for a wait that was the coordinator's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    JoinPhase,
    SyncPhase,
    PendingJoin(String),
    Session(String),
}

impl ClassicGroup {
    /// Remembers that a deadline was set, so that the shard wakes up in time.
    pub(super) fn note_deadline(&mut self, deadline_ms: i64) {
        self.earliest_deadline_ms = self.earliest_deadline_ms.min(deadline_ms);
    }

    pub(super) fn set_join_deadline(&mut self, deadline_ms: i64) {
        self.join_deadline_ms = deadline_ms;
        self.note_deadline(deadline_ms);
    }

    pub(super) fn set_sync_deadline(&mut self, deadline_ms: i64) {
        self.sync_deadline_ms = deadline_ms;
        self.note_deadline(deadline_ms);
    }

    /// The member showed a sign of life.
    pub(super) fn restart_session(&mut self, turn: &Turn<'_>, member_id: &str) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        let deadline_ms = turn.after(member.session_timeout_ms);
        member.session_deadline_ms = deadline_ms;
        self.note_deadline(deadline_ms);
    }

    /// After loading, every member gets a whole session to show up.
    pub(in crate::group) fn restart_all_sessions(&mut self, turn: &Turn<'_>) {
        let member_ids: Vec<String> = self.members.keys().cloned().collect();
        for member_id in member_ids {
            self.restart_session(turn, &member_id);
        }
    }

    /// Looks at every deadline anew. Sessions that were extended since the last look cost nothing until then.
    pub(in crate::group) fn recompute_earliest_deadline(&mut self) {
        let sessions = self.members.values().map(|m| m.session_deadline_ms);
        let pending = self.pending_joins.values().map(|p| p.deadline_ms);
        let phases = [self.join_deadline_ms, self.sync_deadline_ms];
        self.earliest_deadline_ms = sessions.chain(pending).chain(phases).min().unwrap_or(NEVER);
    }

    /// Carries out every deadline that has passed, each once: what it sets anew waits for the next call.
    pub(in crate::group) fn on_time(&mut self, turn: &mut Turn<'_>) {
        for (_, due) in self.due(turn.now.monotonic_ms) {
            match due {
                Due::JoinPhase => self.on_join_deadline(turn),
                Due::SyncPhase => self.on_sync_deadline(turn),
                Due::PendingJoin(member_id) => self.on_pending_join_deadline(turn, &member_id),
                Due::Session(member_id) => self.on_session_deadline(turn, &member_id),
            }
        }
    }

    fn due(&self, now_ms: i64) -> Vec<(i64, Due)> {
        let phases = [(self.join_deadline_ms, Due::JoinPhase), (self.sync_deadline_ms, Due::SyncPhase)];
        let pending = self.pending_joins.iter().map(|(id, p)| (p.deadline_ms, Due::PendingJoin(id.clone())));
        let sessions = self.members.values().map(|m| (m.session_deadline_ms, Due::Session(m.id.clone())));
        let mut due: Vec<_> =
            phases.into_iter().chain(pending).chain(sessions).filter(|(at, _)| *at <= now_ms).collect();
        due.sort();
        due
    }

    fn on_join_deadline(&mut self, turn: &mut Turn<'_>) {
        if self.join_deadline_ms > turn.now.monotonic_ms || self.state != GroupState::PreparingRebalance {
            return;
        }
        if !self.extend_initial_delay(turn) {
            self.complete_join(turn);
        }
    }

    /// Members that took part in the join phase but never asked for their assignment are gone, whatever their
    /// heartbeats say.
    fn on_sync_deadline(&mut self, turn: &mut Turn<'_>) {
        if self.sync_deadline_ms > turn.now.monotonic_ms {
            return;
        }
        self.sync_deadline_ms = NEVER;
        let missing = std::mem::take(&mut self.pending_syncs);
        let in_generation = matches!(self.state, GroupState::CompletingRebalance | GroupState::Stable);
        if missing.is_empty() || !in_generation {
            return;
        }
        for member_id in &missing {
            self.dismiss_member(turn, member_id);
        }
        self.prepare_rebalance(turn, &format!("no SyncGroup from {missing:?}"));
    }

    fn on_pending_join_deadline(&mut self, turn: &mut Turn<'_>, member_id: &str) {
        if self.pending_joins.get(member_id).is_some_and(|p| p.deadline_ms <= turn.now.monotonic_ms) {
            self.remove_member(member_id);
            self.maybe_complete_join(turn);
        }
    }

    fn on_session_deadline(&mut self, turn: &mut Turn<'_>, member_id: &str) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        if member.session_deadline_ms > turn.now.monotonic_ms {
            return;
        }
        if member.is_excused_from_heartbeat() {
            // Its session starts again when its request is answered.
            member.session_deadline_ms = NEVER;
            return;
        }
        tracing::info!(group = %self.id, member_id, "session timed out");
        self.dismiss_member(turn, member_id);
        match self.state {
            GroupState::Stable | GroupState::CompletingRebalance => {
                self.prepare_rebalance(turn, "a session timed out");
            }
            GroupState::PreparingRebalance => self.maybe_complete_join(turn),
            GroupState::Empty => {}
        }
    }

    pub(super) fn answer_sync_error(&mut self, turn: &mut Turn<'_>, member_id: &str, error: ErrorCode) {
        if let Some(token) = self.members.get_mut(member_id).and_then(|m| m.awaiting_sync.take()) {
            let response = SyncGroupResponse { error_code: error.code(), ..SyncGroupResponse::default() };
            turn.reply(token, GroupReply::Sync(response));
        }
    }

    /// Sends everybody who waits away, because this node does not look after the group any more.
    pub(in crate::group) fn refuse_all_parked(&mut self, turn: &mut Turn<'_>, error: ErrorCode) {
        let member_ids: Vec<String> = self.members.keys().cloned().collect();
        for member_id in member_ids {
            self.answer_join(turn, &member_id, join_error(&member_id, error));
            self.answer_sync_error(turn, &member_id, error);
        }
    }
}
