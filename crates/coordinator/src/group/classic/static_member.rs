//! KIP-345: a static member that comes back without its member id takes the place of its former self.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::{JoinGroupResponse, SyncGroupResponse};

use super::join::{Joining, join_error};
use super::state::{ClassicGroup, GroupState};
use crate::effects::GroupReply;
use crate::group::{Turn, records};

/// From this version on, a leader can be told not to compute an assignment (KIP-814).
const FIRST_VERSION_WITH_SKIP_ASSIGNMENT: i16 = 9;

impl ClassicGroup {
    pub(super) fn replace_static_member(
        &mut self,
        turn: &mut Turn<'_>,
        joining: Joining<'_>,
        old_id: &str,
        new_id: String,
    ) {
        let former_leader = self.leader.clone().unwrap_or_default();
        let reason = format!("static member {new_id} took the place of {old_id}: {}", joining.reason());
        self.rename_member(turn, old_id, &new_id);
        self.restart_session(turn, &new_id);
        self.update_member(turn, &new_id, &joining);
        match self.state {
            GroupState::Stable if self.select_protocol() == self.protocol_name => {
                tracing::info!(group = %self.id, reason, "no rebalance");
                self.subscribed_topics = self.compute_subscribed_topics();
                turn.effects.records.push(records::group_metadata(&self.id, &self.to_record()));
                let response = self.unchanged_generation_response(&new_id, former_leader, joining.context.version);
                self.answer_join(turn, &new_id, response);
            }
            GroupState::Stable => self.prepare_or_complete_rebalance(turn, &reason),
            // The leader may be assigning partitions to the former member id already.
            GroupState::CompletingRebalance => self.prepare_rebalance(turn, &reason),
            GroupState::PreparingRebalance | GroupState::Empty => self.maybe_complete_join(turn),
        }
    }

    /// Gives the member a new id and fences whoever still waits under the old one.
    fn rename_member(&mut self, turn: &mut Turn<'_>, old_id: &str, new_id: &str) {
        self.answer_join(turn, old_id, join_error(old_id, ErrorCode::FencedInstanceId));
        let Some(mut member) = self.members.remove(old_id) else { return };
        if let Some(token) = member.awaiting_sync.take() {
            let fenced =
                SyncGroupResponse { error_code: ErrorCode::FencedInstanceId.code(), ..SyncGroupResponse::default() };
            turn.reply(token, GroupReply::Sync(fenced));
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), new_id.to_owned());
        }
        if self.pending_syncs.remove(old_id) {
            self.pending_syncs.insert(new_id.to_owned());
        }
        if self.is_leader(old_id) {
            self.leader = Some(new_id.to_owned());
        }
        member.id = new_id.to_owned();
        member.is_new = false;
        self.members.insert(new_id.to_owned(), member);
    }

    /// The generation goes on. A returning leader must not assign again: it is told so, or, if it is too old to
    /// understand that, not told that it is the leader.
    fn unchanged_generation_response(&self, member_id: &str, former_leader: String, version: i16) -> JoinGroupResponse {
        let response = self.generation_response(member_id);
        if version >= FIRST_VERSION_WITH_SKIP_ASSIGNMENT {
            JoinGroupResponse { skip_assignment: self.is_leader(member_id), ..response }
        } else {
            JoinGroupResponse { leader: former_leader, members: Vec::new(), ..response }
        }
    }
}
