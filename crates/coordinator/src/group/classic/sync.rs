//! SyncGroup: the leader hands in the assignment, everybody gets theirs.

use std::collections::BTreeMap;

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use bytes::Bytes;

use super::member::NEVER;
use super::state::{ClassicGroup, GroupState};
use crate::effects::{GroupReply, ReplyToken};
use crate::group::{Turn, records};

impl ClassicGroup {
    pub(in crate::group) fn sync(&mut self, turn: &mut Turn<'_>, request: SyncGroupRequest, token: ReplyToken) {
        if let Err(error) = self.validate_sync(&request) {
            let response = SyncGroupResponse { error_code: error.code(), ..SyncGroupResponse::default() };
            turn.reply(token, GroupReply::Sync(response));
            return;
        }
        self.pending_syncs.remove(&request.member_id);
        if self.pending_syncs.is_empty() {
            self.sync_deadline_ms = NEVER;
        }
        if self.state == GroupState::Stable {
            if let Some(response) = self.assignment_response(&request.member_id) {
                turn.reply(token, GroupReply::Sync(response));
            }
            return;
        }
        self.park_sync(turn, &request.member_id, token);
        if self.is_leader(&request.member_id) {
            self.complete_sync(turn, request);
        }
    }

    fn validate_sync(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        let differs =
            |asked: &Option<String>, ours: &Option<String>| asked.is_some() && ours.is_some() && asked != ours;
        if self.is_empty() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != self.generation {
            Err(ErrorCode::IllegalGeneration)
        } else if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol_name)
        {
            Err(ErrorCode::InconsistentGroupProtocol)
        } else if self.state == GroupState::PreparingRebalance {
            Err(ErrorCode::RebalanceInProgress)
        } else {
            Ok(())
        }
    }

    fn park_sync(&mut self, turn: &mut Turn<'_>, member_id: &str, token: ReplyToken) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        if let Some(older) = member.awaiting_sync.replace(token) {
            // The client asked again: nobody listens to the older request.
            let error_code = ErrorCode::RebalanceInProgress.code();
            turn.reply(older, GroupReply::Sync(SyncGroupResponse { error_code, ..SyncGroupResponse::default() }));
        }
    }

    /// The leader's assignment makes the generation stable and durable, and answers everybody who waits.
    fn complete_sync(&mut self, turn: &mut Turn<'_>, request: SyncGroupRequest) {
        let mut assignments: BTreeMap<String, Bytes> =
            request.assignments.into_iter().map(|a| (a.member_id, a.assignment)).collect();
        for member in self.members.values_mut() {
            let assigned = assignments.remove(&member.id);
            if assigned.is_none() {
                tracing::warn!(group = %self.id, member = member.id, "the leader assigned nothing");
            }
            member.assignment = assigned.map(|bytes| Bytes::copy_from_slice(&bytes)).unwrap_or_default();
        }
        self.transition_to(GroupState::Stable, turn.now.wall_ms);
        turn.effects.records.push(records::group_metadata(&self.id, &self.to_record()));
        let waiting: Vec<String> =
            self.members.values().filter(|m| m.awaiting_sync.is_some()).map(|m| m.id.clone()).collect();
        for member_id in waiting {
            let response = self.assignment_response(&member_id);
            let token = self.members.get_mut(&member_id).and_then(|m| m.awaiting_sync.take());
            if let (Some(token), Some(response)) = (token, response) {
                turn.reply(token, GroupReply::Sync(response));
            }
            self.restart_session(turn, &member_id);
        }
    }

    fn assignment_response(&self, member_id: &str) -> Option<SyncGroupResponse> {
        Some(SyncGroupResponse {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment: self.members.get(member_id)?.assignment.clone(),
            ..SyncGroupResponse::default()
        })
    }
}
