//! Static members (KIP-345): who owns an instance id, and what a restart costs.

use barnabas_common::ErrorCode;

use super::*;

fn error(response: &JoinGroupResponse) -> ErrorCode {
    ErrorCode::from_code(response.error_code)
}

/// A stable group of static members `i0`, `i1`, …: their member ids, the leader first.
fn static_group(h: &mut Harness, members: usize) -> Vec<String> {
    let tokens: Vec<_> = (0..members).map(|i| h.join(5, static_join_request("", &format!("i{i}")))).collect();
    h.advance(1);
    let answers: Vec<_> = tokens.into_iter().map(|token| h.joined(token)).collect();
    let leader = answers[0].leader.clone();
    let mut ids: Vec<_> = answers.into_iter().map(|answer| answer.member_id).collect();
    ids.sort_by_key(|id| *id != leader);
    h.sync_all(&ids, 1);
    ids
}

fn instance_of(member_id: &str) -> String {
    member_id[..2].to_owned()
}

#[test]
fn static_members_need_no_second_round() {
    let mut h = Harness::new();
    let joined = h.join_now(9, static_join_request("", "i0"));
    assert_eq!(error(&joined), ErrorCode::None);
    assert!(joined.member_id.starts_with("i0-"));
    assert_eq!(joined.members[0].group_instance_id.as_deref(), Some("i0"));
}

#[test]
fn a_restart_within_a_stable_generation_disturbs_nobody() {
    for version in [5, 8, 9] {
        for restarted in [0, 1] {
            let mut h = Harness::new();
            let ids = static_group(&mut h, 2);
            let written = h.log.len();
            let back = h.join_now(version, static_join_request("", &instance_of(&ids[restarted])));
            assert_eq!((error(&back), back.generation_id), (ErrorCode::None, 1));
            assert_ne!(back.member_id, ids[restarted]);
            assert_eq!((h.state().as_str(), h.log.len()), ("Stable", written + 1));
            match (restarted, version) {
                // A leader must not assign again: told so, or not told that it leads.
                (0, 9) => {
                    assert_eq!((&back.leader, back.skip_assignment, back.members.len()), (&back.member_id, true, 2))
                }
                (0, _) => assert_eq!((&back.leader, back.skip_assignment, back.members.len()), (&ids[0], false, 0)),
                _ => assert_eq!((&back.leader, back.skip_assignment, back.members.len()), (&ids[0], false, 0)),
            }
            let token = h.sync(sync_request(&back.member_id, 1, &[]));
            assert_eq!(h.synced(token).assignment, assignment_of(&ids[restarted]), "what its former self had");
            let replayed = h.replayed();
            assert_eq!(replayed.describe(GROUP, 5), h.shard.describe(GROUP, 5));
        }
    }
}

#[test]
fn the_former_self_is_fenced() {
    let mut h = Harness::new();
    let ids = static_group(&mut h, 2);
    let instance = instance_of(&ids[1]);
    h.join_now(5, static_join_request("", &instance));
    let beat = |member_id: &str| HeartbeatRequest {
        group_id: GROUP.into(),
        generation_id: 1,
        member_id: member_id.into(),
        group_instance_id: Some(instance.clone()),
    };
    assert_eq!(h.heartbeat_request(&beat(&ids[1])), ErrorCode::FencedInstanceId);
    let sync = SyncGroupRequest { group_instance_id: Some(instance.clone()), ..sync_request(&ids[1], 1, &[]) };
    let token = h.sync(sync);
    assert_eq!(ErrorCode::from_code(h.synced(token).error_code), ErrorCode::FencedInstanceId);
    let rejoin = h.join_now(5, static_join_request(&ids[1], &instance));
    assert_eq!(error(&rejoin), ErrorCode::FencedInstanceId);
    let commit = OffsetCommitRequest {
        member_id: ids[1].clone(),
        group_instance_id: Some(instance.clone()),
        generation_id_or_member_epoch: 1,
        ..commit_request(GROUP, "t", 1)
    };
    assert_eq!(h.commit(8, &commit), [ErrorCode::FencedInstanceId]);
    let leave = h.leave(3, &leave_request(&[(&ids[1], Some(&instance))]));
    assert_eq!(leave.members[0].error_code, ErrorCode::FencedInstanceId.code());
    assert_eq!(h.heartbeat(1, &ids[1]), ErrorCode::UnknownMemberId, "without instance id it is just unknown");
}

#[test]
fn a_parked_join_of_the_former_self_is_fenced() {
    let mut h = Harness::new();
    let ids = static_group(&mut h, 2);
    let instance = instance_of(&ids[0]);
    let parked = h.join(5, static_join_request(&ids[0], &instance));
    assert!(h.is_parked(parked));
    let newer = h.join(5, static_join_request("", &instance));
    assert_eq!(error(&h.joined(parked)), ErrorCode::FencedInstanceId);
    let other = h.join(5, static_join_request(&ids[1], &instance_of(&ids[1])));
    let newer = h.joined(newer);
    assert_eq!((newer.generation_id, &newer.leader), (2, &newer.member_id));
    assert_eq!(h.joined(other).generation_id, 2);
}

#[test]
fn a_restart_while_the_leader_assigns_starts_over() {
    let mut h = Harness::new();
    let tokens = [h.join(5, static_join_request("", "i0")), h.join(5, static_join_request("", "i1"))];
    h.advance(1);
    let [a, b] = tokens.map(|token| h.joined(token));
    let parked = h.sync(sync_request(&b.member_id, 1, &[]));
    let back = h.join(5, static_join_request("", "i1"));
    assert_eq!(ErrorCode::from_code(h.synced(parked).error_code), ErrorCode::FencedInstanceId);
    assert_eq!(h.state(), "PreparingRebalance");
    let first = h.join(5, static_join_request(&a.member_id, "i0"));
    assert_eq!((h.joined(first).generation_id, h.joined(back).generation_id), (2, 2));
}

#[test]
fn a_restart_with_another_protocol_rebalances() {
    let mut h = Harness::new();
    let both = |member_id: &str, names: [&str; 2]| JoinGroupRequest {
        protocols: names.iter().map(|name| protocol(name, Bytes::new())).collect(),
        protocol_type: "x".into(),
        ..static_join_request(member_id, "i0")
    };
    let joined = h.join_now(5, both("", ["p", "q"]));
    h.sync_all(&[joined.member_id], 1);
    let back = h.join_now(5, both("", ["q", "p"]));
    assert_eq!((back.generation_id, back.protocol_name.as_deref()), (2, Some("q")));
}

#[test]
fn a_restart_with_another_subscription_shows_in_the_group() {
    let mut h = Harness::new();
    static_group(&mut h, 1);
    let other =
        JoinGroupRequest { protocols: vec![protocol("range", subscription(&["u"]))], ..static_join_request("", "i0") };
    assert_eq!(h.join_now(9, other).generation_id, 1);
    let request = super::administration::offset_delete(GROUP, &[("u", 0)]);
    assert_eq!(super::administration::delete_offsets(&mut h, &request), (0, vec![86]));
    assert_eq!(h.replayed().describe(GROUP, 5), h.shard.describe(GROUP, 5));
}

#[test]
fn a_restarted_member_that_never_syncs_ends_with_its_session() {
    let mut h = Harness::new();
    let ids = static_group(&mut h, 2);
    h.advance(i64::from(SESSION_MS) - 10);
    h.heartbeat(1, &ids[0]);
    let back = h.join_now(5, static_join_request("", &instance_of(&ids[1])));
    h.advance(i64::from(SESSION_MS) - 100);
    assert_eq!((h.heartbeat(1, &ids[0]), h.state().as_str()), (ErrorCode::None, "Stable"));
    h.advance(100);
    assert_eq!(h.heartbeat(1, &ids[0]), ErrorCode::RebalanceInProgress);
    assert_eq!(h.heartbeat(1, &back.member_id), ErrorCode::UnknownMemberId);
}

#[test]
fn a_restart_before_its_first_sync_is_asked_to_sync_under_its_new_id() {
    let mut h = Harness::new();
    let tokens = [h.join(5, static_join_request("", "i0")), h.join(5, static_join_request("", "i1"))];
    h.advance(1);
    let answers = tokens.map(|token| h.joined(token));
    let leader = answers[0].leader.clone();
    let token = h.sync(sync_request(&leader, 1, &[]));
    assert_eq!(h.synced(token).error_code, 0);
    let other = answers.iter().map(|a| &a.member_id).find(|id| **id != leader).expect("the other").clone();
    let back = h.join_now(5, static_join_request("", &instance_of(&other)));
    let token = h.sync(sync_request(&back.member_id, 1, &[]));
    assert_eq!(h.synced(token).error_code, 0);
    for _ in 0..i64::from(REBALANCE_MS) / 3_000 {
        h.advance(3_000);
        assert_eq!(h.heartbeat(1, &leader), ErrorCode::None);
        assert_eq!(h.heartbeat(1, &back.member_id), ErrorCode::None);
    }
    assert_eq!(h.state(), "Stable");
}

#[test]
fn administrators_remove_static_members_by_instance_id() {
    let mut h = Harness::new();
    let ids = static_group(&mut h, 2);
    let answer = h.leave(3, &leave_request(&[("", Some("i0")), ("", Some("i9")), ("", None)]));
    let codes: Vec<_> = answer.members.iter().map(|m| m.error_code).collect();
    assert_eq!((answer.error_code, codes), (0, vec![0, 25, 25]));
    let remaining = ids.iter().find(|id| instance_of(id) == "i1").expect("the other");
    assert_eq!(h.join_now(5, static_join_request(remaining, "i1")).generation_id, 2);
}

#[test]
fn static_members_outlive_the_join_phase_and_end_with_their_session() {
    let mut h = Harness::new();
    let long = |member_id: &str, instance: &str| JoinGroupRequest {
        session_timeout_ms: 100_000,
        ..static_join_request(member_id, instance)
    };
    let tokens = [h.join(5, long("", "i0")), h.join(5, long("", "i1"))];
    h.advance(1);
    let mut ids: Vec<_> = tokens.map(|token| h.joined(token).member_id).into_iter().collect();
    let leader = h.shard.groups[GROUP].leader.clone();
    ids.sort_by_key(|id| Some(id) != leader.as_ref());
    h.sync_all(&ids, 1);
    // The leader wants a new generation, the other is away: it is carried along.
    let token = h.join(5, long(&ids[0], &instance_of(&ids[0])));
    h.advance(REBALANCE_MS.into());
    let answer = h.joined(token);
    assert_eq!((answer.generation_id, answer.members.len()), (2, 2));
    let token = h.sync(sync_request(&ids[0], 2, &[&ids[0]]));
    assert_eq!(h.synced(token).error_code, 0);
    // It never syncs, so the next generation is without it.
    h.advance(REBALANCE_MS.into());
    assert_eq!(h.join_now(5, long(&ids[0], &instance_of(&ids[0]))).members.len(), 1);
}

#[test]
fn nobody_rejoins_a_group_of_static_members() {
    let mut h = Harness::new();
    let long = |instance: &str| JoinGroupRequest {
        session_timeout_ms: 200_000,
        rebalance_timeout_ms: 0,
        ..static_join_request("", instance)
    };
    let tokens = [h.join(5, long("i0")), h.join(5, long("i1")), h.join(5, long("i2"))];
    h.now.monotonic_ms += 1;
    let effects = h.shard.tick(h.now);
    h.carry_out(effects);
    let answers = tokens.map(|token| h.joined(token));
    for answer in &answers {
        let token = h.sync(sync_request(&answer.member_id, 1, &[]));
        if answer.leader == answer.member_id {
            h.synced(token);
        }
    }
    h.leave(3, &leave_request(&[("", Some("i0"))]));
    h.advance(150_000);
    assert_eq!(h.state(), "PreparingRebalance");
    h.advance(60_000);
    assert_eq!(h.state(), "Empty", "their sessions decided");
}
