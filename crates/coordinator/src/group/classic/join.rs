//! JoinGroup: who may come in, and whether that asks for a new generation. Static members that return without their
//! member id are in `static_member`.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::join_group_response::JoinGroupResponseMember;
use barnabas_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use bytes::Bytes;

use super::member::{Member, effective_rebalance_timeout};
use super::protocols;
use super::state::{ClassicGroup, GroupState, PendingJoin};
use crate::effects::{GroupReply, ReplyToken, RequestContext};
use crate::group::Turn;
use crate::ids;

/// From this version on, a dynamic member has to come back with the id it is given (KIP-394).
const FIRST_VERSION_WITH_REQUIRED_MEMBER_ID: i16 = 4;

/// A JoinGroup on its way into the group.
pub(in crate::group) struct Joining<'a> {
    pub(super) context: &'a RequestContext,
    pub(super) request: JoinGroupRequest,
    pub(super) token: ReplyToken,
    /// For the member id, should one be needed.
    pub(super) random: u128,
}

impl<'a> Joining<'a> {
    pub(in crate::group) fn new(
        context: &'a RequestContext,
        mut request: JoinGroupRequest,
        token: ReplyToken,
        random: u128,
    ) -> Self {
        request.protocols = protocols::to_own(&request.protocols);
        let rebalance_timeout_ms = if context.version == 0 { -1 } else { request.rebalance_timeout_ms };
        request.rebalance_timeout_ms = effective_rebalance_timeout(rebalance_timeout_ms, request.session_timeout_ms);
        Self { context, request, token, random }
    }

    pub(super) fn reason(&self) -> &str {
        self.request.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("not provided")
    }
}

/// A JoinGroup answered with an error.
pub(in crate::group) fn join_error(member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: error.code(),
        member_id: member_id.to_owned(),
        protocol_type: None,
        protocol_name: None,
        ..JoinGroupResponse::default()
    }
}

impl ClassicGroup {
    pub(in crate::group) fn join(&mut self, turn: &mut Turn<'_>, joining: Joining<'_>) {
        let member_id = joining.request.member_id.clone();
        if !self.has_room_for(&member_id, turn.config.max_size) {
            self.remove_member(&member_id);
            turn.reply(joining.token, GroupReply::Join(join_error("", ErrorCode::GroupMaxSizeReached)));
            self.maybe_complete_join(turn);
        } else if !self.supports(&joining.request.protocol_type, &joining.request.protocols) {
            let error = join_error(&member_id, ErrorCode::InconsistentGroupProtocol);
            turn.reply(joining.token, GroupReply::Join(error));
        } else if member_id.is_empty() {
            self.join_unknown(turn, joining);
        } else if self.pending_joins.contains_key(&member_id) && joining.request.group_instance_id.is_none() {
            self.add_member(turn, joining, member_id);
        } else {
            self.join_known(turn, joining);
        }
    }

    /// While members rejoin, those that came first stay; else those that are in.
    fn has_room_for(&self, member_id: &str, max_size: usize) -> bool {
        let member = self.members.get(member_id);
        match self.state {
            GroupState::Empty => true,
            GroupState::PreparingRebalance => {
                member.is_some_and(|m| m.awaiting_join.is_some()) || self.awaiting_joins < max_size
            }
            GroupState::CompletingRebalance | GroupState::Stable => member.is_some() || self.members.len() < max_size,
        }
    }

    fn join_unknown(&mut self, turn: &mut Turn<'_>, joining: Joining<'_>) {
        if let Some(instance_id) = &joining.request.group_instance_id {
            let new_id = ids::member_id(instance_id, joining.random);
            match self.static_members.get(instance_id).cloned() {
                Some(old_id) => self.replace_static_member(turn, joining, &old_id, new_id),
                None => self.add_member(turn, joining, new_id),
            }
            return;
        }
        let new_id = ids::member_id(&joining.context.client_id, joining.random);
        if joining.context.version >= FIRST_VERSION_WITH_REQUIRED_MEMBER_ID {
            self.send_away_with_member_id(turn, &joining, new_id);
        } else {
            self.add_member(turn, joining, new_id);
        }
    }

    fn send_away_with_member_id(&mut self, turn: &mut Turn<'_>, joining: &Joining<'_>, new_id: String) {
        let deadline_ms = turn.after(joining.request.session_timeout_ms);
        self.pending_joins.insert(new_id.clone(), PendingJoin { since_ms: turn.now.monotonic_ms, deadline_ms });
        self.note_deadline(deadline_ms);
        self.note_arrival(turn);
        turn.reply(joining.token, GroupReply::Join(join_error(&new_id, ErrorCode::MemberIdRequired)));
    }

    fn add_member(&mut self, turn: &mut Turn<'_>, joining: Joining<'_>, member_id: String) {
        let reason = format!("{member_id} joined: {}", joining.reason());
        // A new member does not know its id yet and cannot heartbeat: only its wait is limited, so that clients that
        // give up and ask again do not leave a crowd of dead members behind.
        let session_deadline_ms = turn.after(turn.config.new_member_join_timeout_ms);
        let request = joining.request;
        let member = Member {
            id: member_id,
            instance_id: request.group_instance_id,
            client_id: joining.context.client_id.clone(),
            client_host: joining.context.client_host.clone(),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocols: request.protocols,
            assignment: Bytes::new(),
            awaiting_join: Some(joining.token),
            awaiting_sync: None,
            is_new: true,
            session_deadline_ms,
        };
        self.insert_member(member, &request.protocol_type);
        self.note_deadline(session_deadline_ms);
        self.note_new_member(turn);
        self.prepare_or_complete_rebalance(turn, &reason);
    }

    fn join_known(&mut self, turn: &mut Turn<'_>, joining: Joining<'_>) {
        let request = &joining.request;
        let member_id = request.member_id.clone();
        if let Err(error) = self.validate_member(&member_id, request.group_instance_id.as_deref()) {
            turn.reply(joining.token, GroupReply::Join(join_error(&member_id, error)));
            return;
        }
        let unchanged = self.members.get(&member_id).is_some_and(|m| m.protocols == request.protocols);
        let repeats_the_answer = match self.state {
            // Probably the answer of this generation got lost.
            GroupState::CompletingRebalance => unchanged,
            // A leader that joins again wants a new assignment, be its own metadata unchanged.
            GroupState::Stable => unchanged && !self.is_leader(&member_id),
            GroupState::Empty | GroupState::PreparingRebalance => false,
        };
        if repeats_the_answer {
            let response = self.generation_response(&member_id);
            turn.reply(joining.token, GroupReply::Join(response));
        } else {
            let reason = format!("{member_id} joined again: {}", joining.reason());
            self.update_member(turn, &member_id, &joining);
            self.prepare_or_complete_rebalance(turn, &reason);
        }
    }

    /// Takes over what a JoinGroup says about a member, and parks it.
    pub(super) fn update_member(&mut self, turn: &mut Turn<'_>, member_id: &str, joining: &Joining<'_>) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        self.protocol_counts.remove(&member.protocols);
        member.protocols.clone_from(&joining.request.protocols);
        self.protocol_counts.add(&member.protocols);
        member.rebalance_timeout_ms = joining.request.rebalance_timeout_ms;
        member.session_timeout_ms = joining.request.session_timeout_ms;
        match member.awaiting_join.replace(joining.token) {
            None => self.awaiting_joins += 1,
            // The client asked again, probably over a new connection: nobody listens to the older request.
            Some(older) => {
                let error = join_error(member_id, ErrorCode::RebalanceInProgress);
                turn.reply(older, GroupReply::Join(error));
            }
        }
    }

    /// Answers the member's parked JoinGroup, if there is one.
    pub(super) fn answer_join(&mut self, turn: &mut Turn<'_>, member_id: &str, response: JoinGroupResponse) {
        let Some(token) = self.members.get_mut(member_id).and_then(|m| m.awaiting_join.take()) else { return };
        self.awaiting_joins -= 1;
        turn.reply(token, GroupReply::Join(response));
    }

    /// The current generation as its member is told about it; the leader also learns of all members.
    pub(super) fn generation_response(&self, member_id: &str) -> JoinGroupResponse {
        let members = if self.is_leader(member_id) { self.members_for_leader() } else { Vec::new() };
        JoinGroupResponse {
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: member_id.to_owned(),
            members,
            ..JoinGroupResponse::default()
        }
    }

    fn members_for_leader(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let as_listed = |member: &Member| JoinGroupResponseMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        };
        self.members.values().map(as_listed).collect()
    }
}
