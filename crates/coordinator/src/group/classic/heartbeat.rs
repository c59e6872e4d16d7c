//! Heartbeat, and the other sign of life: a commit by a member.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::{HeartbeatRequest, OffsetCommitRequest};

use super::state::{ClassicGroup, GroupState};
use crate::group::Turn;

impl ClassicGroup {
    pub(in crate::group) fn heartbeat(&mut self, turn: &Turn<'_>, request: &HeartbeatRequest) -> ErrorCode {
        if let Err(error) = self.validate_member(&request.member_id, request.group_instance_id.as_deref()) {
            return error;
        }
        if request.generation_id != self.generation {
            return ErrorCode::IllegalGeneration;
        }
        self.restart_session(turn, &request.member_id);
        match self.state {
            GroupState::Empty => ErrorCode::UnknownMemberId,
            GroupState::PreparingRebalance => ErrorCode::RebalanceInProgress,
            // Consumers send heartbeats from the moment they know their generation.
            GroupState::CompletingRebalance | GroupState::Stable => ErrorCode::None,
        }
    }

    /// Whether this request may commit offsets now. A commit also keeps its member's session alive.
    pub(in crate::group) fn admit_commit(
        &mut self,
        turn: &Turn<'_>,
        request: &OffsetCommitRequest,
    ) -> Result<(), ErrorCode> {
        self.validate_commit(request)?;
        if matches!(self.state, GroupState::Stable | GroupState::PreparingRebalance) {
            self.restart_session(turn, &request.member_id);
        }
        Ok(())
    }

    fn validate_commit(&self, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        let generation = request.generation_id_or_member_epoch;
        // No generation means a tool, or a consumer that assigns its partitions itself: welcome while nobody is in.
        if generation < 0 && self.is_empty() {
            return Ok(());
        }
        if generation < 0 && request.member_id.is_empty() && request.group_instance_id.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if generation != self.generation {
            Err(ErrorCode::IllegalGeneration)
        } else if self.state == GroupState::CompletingRebalance {
            Err(ErrorCode::RebalanceInProgress)
        } else {
            Ok(())
        }
    }
}
