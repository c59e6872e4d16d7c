//! SyncGroup, Heartbeat, LeaveGroup and the sessions they keep alive.

use barnabas_common::ErrorCode;

use super::*;

fn sync_error(h: &mut Harness, request: SyncGroupRequest) -> ErrorCode {
    let token = h.sync(request);
    ErrorCode::from_code(h.synced(token).error_code)
}

#[test]
fn followers_wait_for_the_leader() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(3);
    assert_eq!(generation, 1);
    // Who asks again gets the same again.
    let token = h.sync(sync_request(&ids[1], generation, &[]));
    let answer = h.synced(token);
    assert_eq!((answer.assignment, answer.protocol_name.as_deref()), (assignment_of(&ids[1]), Some("range")));
}

#[test]
fn syncs_are_checked() {
    let mut h = Harness::new();
    assert_eq!(sync_error(&mut h, sync_request("x", 1, &[])), ErrorCode::UnknownMemberId);
    let no_group = SyncGroupRequest { group_id: String::new(), ..sync_request("x", 1, &[]) };
    assert_eq!(sync_error(&mut h, no_group), ErrorCode::InvalidGroupId);
    let (ids, generation) = h.stable_group(1);
    assert_eq!(sync_error(&mut h, sync_request("x", generation, &[])), ErrorCode::UnknownMemberId);
    assert_eq!(sync_error(&mut h, sync_request(&ids[0], generation + 1, &[])), ErrorCode::IllegalGeneration);
    let named = |protocol_type: &str, protocol_name: &str| SyncGroupRequest {
        protocol_type: Some(protocol_type.into()),
        protocol_name: Some(protocol_name.into()),
        ..sync_request(&ids[0], generation, &[])
    };
    assert_eq!(sync_error(&mut h, named("connect", "range")), ErrorCode::InconsistentGroupProtocol);
    assert_eq!(sync_error(&mut h, named("consumer", "sticky")), ErrorCode::InconsistentGroupProtocol);
    assert_eq!(sync_error(&mut h, named("consumer", "range")), ErrorCode::None);
    let newcomer = h.join_now(4, join_request("")).member_id;
    h.join(4, join_request(&newcomer));
    assert_eq!(sync_error(&mut h, sync_request(&ids[0], generation, &[])), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_member_without_assignment_gets_an_empty_one() {
    let mut h = Harness::new();
    let tokens = [h.join(3, join_request("")), h.join(3, join_request(""))];
    h.advance(1);
    let [a, b] = tokens.map(|token| h.joined(token));
    let (leader, follower) = if a.leader == a.member_id { (a, b) } else { (b, a) };
    let waiting = h.sync(sync_request(&follower.member_id, 1, &[]));
    let token = h.sync(sync_request(&leader.member_id, 1, &["somebody else"]));
    assert_eq!(h.synced(token).assignment, "");
    assert_eq!((h.synced(waiting).error_code), 0);
}

#[test]
fn a_rebalance_sends_waiting_followers_back() {
    let mut h = Harness::new();
    let tokens = [h.join(3, join_request("")), h.join(3, join_request(""))];
    h.advance(1);
    let [a, b] = tokens.map(|token| h.joined(token));
    let (leader, follower) = if a.leader == a.member_id { (a, b) } else { (b, a) };
    let older = h.sync(sync_request(&follower.member_id, 1, &[]));
    let waiting = h.sync(sync_request(&follower.member_id, 1, &[]));
    assert_eq!(ErrorCode::from_code(h.synced(older).error_code), ErrorCode::RebalanceInProgress);
    assert_eq!(h.leave_by_id(&leader.member_id), ErrorCode::None);
    assert_eq!(ErrorCode::from_code(h.synced(waiting).error_code), ErrorCode::RebalanceInProgress);
    assert_eq!(h.join_now(3, join_request(&follower.member_id)).generation_id, 2);
}

#[test]
fn who_joins_and_vanishes_is_gone_after_the_rebalance_timeout_despite_heartbeats() {
    for vanished in [0, 1] {
        let mut h = Harness::new();
        let tokens = [h.join(3, join_request("")), h.join(3, join_request(""))];
        h.advance(1);
        let mut ids: Vec<_> = tokens.map(|token| h.joined(token)).into_iter().collect();
        ids.sort_by_key(|answer| answer.leader != answer.member_id);
        let ids: Vec<_> = ids.into_iter().map(|answer| answer.member_id).collect();
        let present = &ids[1 - vanished];
        let waiting = h.sync(sync_request(present, 1, &[present]));
        for _ in 0..i64::from(REBALANCE_MS) / 3_000 {
            h.advance(3_000);
            h.heartbeat(1, &ids[vanished]);
            h.heartbeat(1, present);
        }
        assert_eq!(h.heartbeat(1, &ids[vanished]), ErrorCode::UnknownMemberId);
        let expected = if vanished == 0 { ErrorCode::RebalanceInProgress } else { ErrorCode::None };
        assert_eq!(ErrorCode::from_code(h.synced(waiting).error_code), expected);
        let alone = h.join_now(3, join_request(present));
        assert_eq!((alone.generation_id, &alone.leader, alone.members.len()), (2, present, 1));
        h.sync_all(std::slice::from_ref(present), 2);
    }
}

#[test]
fn heartbeats_are_checked() {
    let mut h = Harness::new();
    assert_eq!(h.heartbeat(1, "x"), ErrorCode::UnknownMemberId);
    let no_group = HeartbeatRequest::default();
    assert_eq!(h.heartbeat_request(&no_group), ErrorCode::InvalidGroupId);
    let joined = h.join_now(3, join_request(""));
    assert_eq!(h.heartbeat(1, &joined.member_id), ErrorCode::None, "while the leader assigns");
    assert_eq!(h.heartbeat(0, &joined.member_id), ErrorCode::IllegalGeneration);
    assert_eq!(h.heartbeat(1, "x"), ErrorCode::UnknownMemberId);
}

#[test]
fn sessions_end_without_signs_of_life() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(2);
    for _ in 0..3 {
        h.advance(i64::from(SESSION_MS) - 1);
        let expected = if h.state() == "Stable" { ErrorCode::None } else { ErrorCode::RebalanceInProgress };
        assert_eq!(h.heartbeat(generation, &ids[0]), expected);
    }
    assert_eq!(h.heartbeat(generation, &ids[1]), ErrorCode::UnknownMemberId);
    assert_eq!(h.join_now(4, join_request(&ids[0])).generation_id, generation + 1);
}

#[test]
fn commits_are_signs_of_life() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(1);
    let commit = OffsetCommitRequest {
        member_id: ids[0].clone(),
        generation_id_or_member_epoch: generation,
        ..commit_request(GROUP, "t", 1)
    };
    for _ in 0..3 {
        h.advance(i64::from(SESSION_MS) - 1);
        assert_eq!(h.commit(8, &commit), [ErrorCode::None]);
    }
    h.advance(i64::from(SESSION_MS));
    assert_eq!(h.commit(8, &commit), [ErrorCode::UnknownMemberId]);
    assert_eq!(h.state(), "Empty");
}

#[test]
fn the_last_member_that_leaves_empties_the_group() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(1);
    assert_eq!(h.leave_by_id("somebody"), ErrorCode::UnknownMemberId);
    assert_eq!(h.leave_by_id(&ids[0]), ErrorCode::None);
    assert_eq!(h.state(), "Empty");
    assert_eq!(h.heartbeat(generation, &ids[0]), ErrorCode::UnknownMemberId);
    // The generation counts on.
    assert_eq!(h.stable_group(1).1, generation + 2);
}

#[test]
fn leaving_of_unknown_groups_and_in_old_versions() {
    let mut h = Harness::new();
    let nobody = h.leave(3, &leave_request(&[("a", None), ("b", Some("i"))]));
    assert_eq!(nobody.error_code, 0);
    let told: Vec<_> = nobody.members.iter().map(|m| (m.member_id.as_str(), m.error_code)).collect();
    assert_eq!(told, [("a", 25), ("b", 25)]);
    let old = |member_id: &str| LeaveGroupRequest {
        group_id: GROUP.into(),
        member_id: member_id.into(),
        ..Default::default()
    };
    assert_eq!(h.leave(1, &old("a")).error_code, 25);
    assert_eq!(h.leave(5, &leave_request(&[])), LeaveGroupResponse::default());
    assert_eq!(h.leave(2, &LeaveGroupRequest::default()).error_code, ErrorCode::InvalidGroupId.code());
    let (ids, _) = h.stable_group(1);
    assert_eq!(h.leave(2, &old(&ids[0])), LeaveGroupResponse::default());
    assert_eq!(h.state(), "Empty");
}

#[test]
fn a_pending_id_may_leave_and_one_that_waits_to_join_too() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(1);
    let pending = h.join_now(4, join_request("")).member_id;
    assert_eq!(h.leave_by_id(&pending), ErrorCode::None);
    assert_eq!(ErrorCode::from_code(h.join_now(4, join_request(&pending)).error_code), ErrorCode::UnknownMemberId);

    let waiting_id = h.join_now(4, join_request("")).member_id;
    let waiting = h.join(4, join_request(&waiting_id));
    assert_eq!(h.leave_by_id(&waiting_id), ErrorCode::None);
    assert_eq!(ErrorCode::from_code(h.joined(waiting).error_code), ErrorCode::UnknownMemberId);
    assert_eq!(h.join_now(4, join_request(&ids[0])).generation_id, generation + 1);
}

#[test]
fn whoever_leaves_while_waiting_for_its_assignment_is_answered() {
    let mut h = Harness::new();
    let tokens = [h.join(3, join_request("")), h.join(3, join_request(""))];
    h.advance(1);
    let answers = tokens.map(|token| h.joined(token));
    let follower = answers.iter().find(|a| a.member_id != a.leader).expect("a follower").member_id.clone();
    let waiting = h.sync(sync_request(&follower, 1, &[]));
    assert_eq!(h.leave_by_id(&follower), ErrorCode::None);
    assert_eq!(ErrorCode::from_code(h.synced(waiting).error_code), ErrorCode::UnknownMemberId);
}

#[test]
fn who_waited_long_for_its_assignment_still_has_a_session_that_ends() {
    let mut h = Harness::new();
    let tokens = [h.join(5, static_join_request("", "i0")), h.join(5, static_join_request("", "i1"))];
    h.advance(1);
    let answers = tokens.map(|token| h.joined(token));
    let leader = answers[0].leader.clone();
    let follower = answers.iter().find(|a| a.member_id != leader).expect("a follower").member_id.clone();
    let waiting = h.sync(sync_request(&follower, 1, &[]));
    // While it waits, its session cannot end; but when the wait is called off and it has vanished, it does.
    for _ in 0..5 {
        h.advance(i64::from(SESSION_MS) / 2);
        assert_eq!(h.heartbeat(1, &leader), ErrorCode::None);
    }
    assert!(h.is_parked(waiting));
    assert_eq!(h.leave_by_id(&leader), ErrorCode::None);
    assert_eq!(ErrorCode::from_code(h.synced(waiting).error_code), ErrorCode::RebalanceInProgress);
    h.advance(i64::from(SESSION_MS));
    assert_eq!(h.state(), "Empty");
}

#[test]
fn unloading_answers_everybody_who_waits() {
    let mut h = Harness::new();
    let (ids, _) = h.stable_group(2);
    let parked = h.join(4, join_request(&ids[0]));
    h.reload();
    assert_eq!(ErrorCode::from_code(h.joined(parked).error_code), ErrorCode::NotCoordinator);
    assert_eq!(h.state(), "Stable", "back in the last durable generation");
}
