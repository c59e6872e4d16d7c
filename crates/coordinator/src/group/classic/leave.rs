//! LeaveGroup: members that go, one or many, by member id or by instance id.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::leave_group_request::MemberIdentity;
use barnabas_protocol::messages::leave_group_response::MemberResponse;
use barnabas_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

use super::join::join_error;
use super::state::{ClassicGroup, GroupState};
use crate::group::Turn;

/// From this version on, a request names several members.
const FIRST_VERSION_WITH_MEMBERS: i16 = 3;

/// The members that a request of any version names.
fn leaving(request: &LeaveGroupRequest, version: i16) -> Vec<MemberIdentity> {
    if version >= FIRST_VERSION_WITH_MEMBERS {
        return request.members.clone();
    }
    vec![MemberIdentity { member_id: request.member_id.clone(), ..MemberIdentity::default() }]
}

fn response(members: Vec<MemberResponse>, version: i16) -> LeaveGroupResponse {
    if version >= FIRST_VERSION_WITH_MEMBERS {
        return LeaveGroupResponse { members, ..LeaveGroupResponse::default() };
    }
    let error_code = members.first().map_or(0, |member| member.error_code);
    LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() }
}

fn member_response(member: MemberIdentity, error: ErrorCode) -> MemberResponse {
    MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        error_code: error.code(),
    }
}

/// The answer when there is no such group: nobody in it is known.
pub(in crate::group) fn refused_leave(request: &LeaveGroupRequest, version: i16) -> LeaveGroupResponse {
    let members = leaving(request, version).into_iter();
    response(members.map(|member| member_response(member, ErrorCode::UnknownMemberId)).collect(), version)
}

impl ClassicGroup {
    pub(in crate::group) fn leave(
        &mut self,
        turn: &mut Turn<'_>,
        request: &LeaveGroupRequest,
        version: i16,
    ) -> LeaveGroupResponse {
        let mut members = Vec::new();
        let mut somebody_left = false;
        for member in leaving(request, version) {
            let error = self.leave_one(turn, &member).err().unwrap_or(ErrorCode::None);
            somebody_left |= error.is_none();
            members.push(member_response(member, error));
        }
        if somebody_left {
            match self.state {
                GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(turn, "members left"),
                GroupState::PreparingRebalance => self.maybe_complete_join(turn),
                GroupState::Empty => {}
            }
        }
        response(members, version)
    }

    fn leave_one(&mut self, turn: &mut Turn<'_>, leaving: &MemberIdentity) -> Result<(), ErrorCode> {
        let instance_id = leaving.group_instance_id.as_deref();
        // An administrator removes a static member by its instance id alone.
        let member_id = if leaving.member_id.is_empty() {
            let owner = instance_id.and_then(|id| self.static_members.get(id));
            owner.ok_or(ErrorCode::UnknownMemberId)?.clone()
        } else {
            leaving.member_id.clone()
        };
        if !self.pending_joins.contains_key(&member_id) {
            self.validate_member(&member_id, instance_id)?;
        }
        let reason = leaving.reason.as_deref().unwrap_or("not provided");
        tracing::info!(group = %self.id, member_id, reason, "left");
        self.dismiss_member(turn, &member_id);
        Ok(())
    }

    /// Removes a member for good; a request that it still has parked is told that it is not known any more.
    pub(super) fn dismiss_member(&mut self, turn: &mut Turn<'_>, member_id: &str) {
        self.answer_join(turn, member_id, join_error("", ErrorCode::UnknownMemberId));
        self.answer_sync_error(turn, member_id, ErrorCode::UnknownMemberId);
        self.remove_member(member_id);
    }
}
