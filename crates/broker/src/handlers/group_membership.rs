//! JoinGroup (11) 0-9, SyncGroup (14) 0-5, Heartbeat (12) 0-4, LeaveGroup (13) 0-5: the classic group protocol.
//! What they mean is decided in the `coordinator` crate; here requests are handed over and answers awaited.

use barnabas_common::ErrorCode;
use barnabas_coordinator::{Effects, GroupReply, GroupShard, Now, ReplyToken, RequestContext as GroupContext};
use barnabas_protocol::Message;
use barnabas_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    SyncGroupRequest, SyncGroupResponse,
};

use crate::dispatch::{Answer, Refused, RequestContext};
use crate::groups::PendingReply;

pub(crate) fn join(ctx: &RequestContext, request: JoinGroupRequest) -> Result<Answer, Refused> {
    let context = group_context(ctx);
    let group_id = request.group_id.clone();
    let member_id = request.member_id.clone();
    let failed = move |error: ErrorCode| JoinGroupResponse {
        error_code: error.code(),
        member_id,
        protocol_name: Some(String::new()),
        ..Default::default()
    };
    let submit = |groups: &mut GroupShard, token, now| groups.join(&context, request, token, now);
    Ok(answer_when_done(ctx, &group_id, submit, failed, |reply| match reply {
        GroupReply::Join(response) => Some(response),
        _ => None,
    }))
}

pub(crate) fn sync(ctx: &RequestContext, request: SyncGroupRequest) -> Result<Answer, Refused> {
    let context = group_context(ctx);
    let group_id = request.group_id.clone();
    let failed = |error: ErrorCode| SyncGroupResponse { error_code: error.code(), ..Default::default() };
    let submit = |groups: &mut GroupShard, token, now| groups.sync(&context, request, token, now);
    Ok(answer_when_done(ctx, &group_id, submit, failed, |reply| match reply {
        GroupReply::Sync(response) => Some(response),
        _ => None,
    }))
}

pub(crate) fn heartbeat(ctx: &RequestContext, request: HeartbeatRequest) -> Result<Answer, Refused> {
    let context = group_context(ctx);
    let failed = |error: ErrorCode| HeartbeatResponse { error_code: error.code(), ..Default::default() };
    let submit = |groups: &mut GroupShard, token, now| groups.heartbeat(&context, &request, token, now);
    Ok(answer_when_done(ctx, &request.group_id, submit, failed, |reply| match reply {
        GroupReply::Heartbeat(response) => Some(response),
        _ => None,
    }))
}

pub(crate) fn leave(ctx: &RequestContext, request: LeaveGroupRequest) -> Result<Answer, Refused> {
    let context = group_context(ctx);
    let failed = |error: ErrorCode| LeaveGroupResponse { error_code: error.code(), ..Default::default() };
    let submit = |groups: &mut GroupShard, token, now| groups.leave(&context, &request, token, now);
    Ok(answer_when_done(ctx, &request.group_id, submit, failed, |reply| match reply {
        GroupReply::Leave(response) => Some(response),
        _ => None,
    }))
}

/// Clients that subscribe, join, and ask for metadata 100 ms later. When kafka-python has to join a second time
/// because of that, and `poll` returns meanwhile, it never takes over its assignment (seen with 3.0.12).
const UNPREPARED_CLIENTS: [&str; 1] = ["kafka-python"];

pub(super) fn group_context(ctx: &RequestContext) -> GroupContext {
    GroupContext {
        client_id: ctx.client_id().to_owned(),
        client_host: format!("/{}", ctx.connection.peer.ip()),
        version: ctx.version,
        joins_unprepared: ctx.connection.software().is_some_and(|name| UNPREPARED_CLIENTS.contains(&name)),
    }
}

/// Hands a request to its group and answers when the reply is there: at once if it is there at once.
pub(super) fn answer_when_done<M: Message + Send + 'static>(
    ctx: &RequestContext,
    group_id: &str,
    submit: impl FnOnce(&mut GroupShard, ReplyToken, Now) -> Effects,
    failed: impl FnOnce(ErrorCode) -> M + Send + 'static,
    unwrap: impl FnOnce(GroupReply) -> Option<M> + Send + 'static,
) -> Answer {
    let pending = match ctx.broker.groups.submit(group_id, submit) {
        Ok(pending) => pending,
        Err(error) => return ctx.ready(&failed(error)),
    };
    // No reply means that the state could not be written and was loaded again: the client tries again.
    let finish = |reply: Option<GroupReply>| match reply.and_then(unwrap) {
        Some(response) => response,
        None => failed(ErrorCode::CoordinatorNotAvailable),
    };
    match pending.now() {
        Ok(reply) => ctx.ready(&finish(reply)),
        Err(PendingReply::Settling(reply, ticket)) => {
            ctx.when_durable(Some(ticket).into(), move |outcome| finish(outcome.ok().map(|()| *reply)))
        }
        Err(pending) => ctx.later(async move { finish(pending.wait().await) }),
    }
}
