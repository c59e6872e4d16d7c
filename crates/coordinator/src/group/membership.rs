//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup as they arrive: what can be said without the group is said here.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest,
    SyncGroupResponse,
};

use super::classic::{Joining, join_error, refused_leave};
use super::records;
use super::shard::GroupShard;
use crate::effects::{Effects, GroupReply, Now, ReplyToken, RequestContext};

impl GroupShard {
    /// JoinGroup. The answer may come from a later call.
    pub fn join(
        &mut self,
        context: &RequestContext,
        request: JoinGroupRequest,
        token: ReplyToken,
        now: Now,
    ) -> Effects {
        if let Err(error) = self.check_join(&request) {
            return Effects::reply(token, GroupReply::Join(join_error(&request.member_id, error)));
        }
        let mut effects = Effects::default();
        let group_id = request.group_id.clone();
        if self.create_if_absent(&group_id, now.wall_ms) {
            // Known to the log from the first sign of life on, as Kafka has it.
            let created = self.groups.get(group_id.as_str()).map(|group| group.to_record()).unwrap_or_default();
            effects.records.push(records::group_metadata(&group_id, &created));
        }
        let random = if request.member_id.is_empty() { self.ids.next_id() } else { 0 };
        let joining = Joining::new(context, request, token, random);
        let is_prepared = !context.joins_unprepared;
        self.with_group(&group_id, now, &mut effects, |group, turn| {
            group.arrivals_are_prepared &= is_prepared;
            group.join(turn, joining);
        });
        effects
    }

    fn check_join(&self, request: &JoinGroupRequest) -> Result<(), ErrorCode> {
        let session_timeouts = self.config.min_session_timeout_ms..=self.config.max_session_timeout_ms;
        if request.group_id.is_empty() {
            Err(ErrorCode::InvalidGroupId)
        } else if !session_timeouts.contains(&request.session_timeout_ms) {
            Err(ErrorCode::InvalidSessionTimeout)
        } else if !request.member_id.is_empty() && !self.groups.contains_key(request.group_id.as_str()) {
            Err(ErrorCode::UnknownMemberId)
        } else {
            Ok(())
        }
    }

    /// SyncGroup. The answer may come from a later call.
    pub fn sync(
        &mut self,
        _context: &RequestContext,
        request: SyncGroupRequest,
        token: ReplyToken,
        now: Now,
    ) -> Effects {
        let refused = |error: ErrorCode| {
            let response = SyncGroupResponse { error_code: error.code(), ..SyncGroupResponse::default() };
            Effects::reply(token, GroupReply::Sync(response))
        };
        if request.group_id.is_empty() {
            return refused(ErrorCode::InvalidGroupId);
        }
        let mut effects = Effects::default();
        let group_id = request.group_id.clone();
        match self.with_group(&group_id, now, &mut effects, |group, turn| group.sync(turn, request, token)) {
            Some(()) => effects,
            None => refused(ErrorCode::UnknownMemberId),
        }
    }

    /// Heartbeat. Answered at once.
    pub fn heartbeat(
        &mut self,
        _context: &RequestContext,
        request: &HeartbeatRequest,
        token: ReplyToken,
        now: Now,
    ) -> Effects {
        let mut effects = Effects::default();
        let error = if request.group_id.is_empty() {
            ErrorCode::InvalidGroupId
        } else {
            self.with_group(&request.group_id, now, &mut effects, |group, turn| group.heartbeat(turn, request))
                .unwrap_or(ErrorCode::UnknownMemberId)
        };
        let response = HeartbeatResponse { error_code: error.code(), ..HeartbeatResponse::default() };
        effects.replies.push((token, GroupReply::Heartbeat(response)));
        effects
    }

    /// LeaveGroup. Answered at once.
    pub fn leave(
        &mut self,
        context: &RequestContext,
        request: &LeaveGroupRequest,
        token: ReplyToken,
        now: Now,
    ) -> Effects {
        if request.group_id.is_empty() {
            let error_code = ErrorCode::InvalidGroupId.code();
            let response = LeaveGroupResponse { error_code, ..LeaveGroupResponse::default() };
            return Effects::reply(token, GroupReply::Leave(response));
        }
        let mut effects = Effects::default();
        let response = self
            .with_group(&request.group_id, now, &mut effects, |group, turn| group.leave(turn, request, context.version))
            .unwrap_or_else(|| refused_leave(request, context.version));
        effects.replies.push((token, GroupReply::Leave(response)));
        effects
    }
}
