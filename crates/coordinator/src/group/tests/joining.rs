//! JoinGroup: who gets in, with which id, and what it does to the others.

use barnabas_common::ErrorCode;

use super::*;

fn error(response: &JoinGroupResponse) -> ErrorCode {
    ErrorCode::from_code(response.error_code)
}

#[test]
fn a_new_dynamic_member_is_sent_back_with_its_id_from_version_4_on() {
    let mut h = Harness::new();
    let answer = h.join_now(4, join_request(""));
    assert_eq!(error(&answer), ErrorCode::MemberIdRequired);
    assert!(answer.member_id.starts_with("app-"));
    assert_eq!(answer.member_id.len(), "app-".len() + 36);
    assert_eq!((answer.generation_id, answer.leader.as_str()), (-1, ""));
    assert_eq!(h.state(), "Empty");

    let joined = h.join_now(4, join_request(&answer.member_id));
    assert_eq!(error(&joined), ErrorCode::None);
    assert_eq!((joined.generation_id, &joined.leader), (1, &answer.member_id));
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    assert_eq!(joined.protocol_type.as_deref(), Some("consumer"));
    assert_eq!(joined.members.len(), 1);
    assert_eq!(h.state(), "CompletingRebalance");
}

#[test]
fn older_clients_are_let_in_at_once() {
    let mut h = Harness::new();
    let joined = h.join_now(3, join_request(""));
    assert_eq!((error(&joined), joined.generation_id), (ErrorCode::None, 1));
    assert_eq!(joined.leader, joined.member_id);
}

#[test]
fn bad_requests_are_refused() {
    let mut h = Harness::new();
    let no_group = JoinGroupRequest { group_id: String::new(), ..join_request("") };
    assert_eq!(error(&h.join_now(9, no_group)), ErrorCode::InvalidGroupId);
    for session_timeout_ms in [5_999, 1_800_001, 0, -1] {
        let request = JoinGroupRequest { session_timeout_ms, ..join_request("") };
        assert_eq!(error(&h.join_now(9, request)), ErrorCode::InvalidSessionTimeout);
    }
    let unknown_group = h.join_now(9, join_request("somebody"));
    assert_eq!(error(&unknown_group), ErrorCode::UnknownMemberId);
    assert_eq!(unknown_group.member_id, "somebody");
    assert_eq!(h.shard.list(&[], &[]), []);

    h.stable_group(1);
    assert_eq!(error(&h.join_now(9, join_request("somebody"))), ErrorCode::UnknownMemberId);
    let unknown_static = static_join_request("somebody", "i1");
    assert_eq!(error(&h.join_now(9, unknown_static)), ErrorCode::UnknownMemberId);
}

#[test]
fn protocols_must_fit_the_group() {
    let mut h = Harness::new();
    let nothing = JoinGroupRequest { protocols: vec![], ..join_request("") };
    assert_eq!(error(&h.join_now(9, nothing)), ErrorCode::InconsistentGroupProtocol);
    let untyped = JoinGroupRequest { protocol_type: String::new(), ..join_request("") };
    assert_eq!(error(&h.join_now(9, untyped)), ErrorCode::InconsistentGroupProtocol);

    h.stable_group(1);
    let other_type = JoinGroupRequest { protocol_type: "connect".into(), ..join_request("") };
    assert_eq!(error(&h.join_now(9, other_type)), ErrorCode::InconsistentGroupProtocol);
    let other_name = JoinGroupRequest { protocols: vec![protocol("sticky", Bytes::new())], ..join_request("") };
    assert_eq!(error(&h.join_now(9, other_name)), ErrorCode::InconsistentGroupProtocol);
    assert_eq!(h.state(), "Stable");
}

#[test]
fn any_protocol_type_makes_a_group() {
    for protocol_type in ["connect", "sr", "x"] {
        let mut h = Harness::new();
        let request = JoinGroupRequest { protocol_type: protocol_type.into(), ..join_request("") };
        let joined = h.join_now(3, request);
        assert_eq!(joined.protocol_type.as_deref(), Some(protocol_type));
    }
}

#[test]
fn members_vote_for_the_protocol_they_all_know() {
    let mut h = Harness::new();
    let with = |names: &[&str]| {
        let protocols = names.iter().map(|name| protocol(name, Bytes::copy_from_slice(name.as_bytes()))).collect();
        JoinGroupRequest { protocols, protocol_type: "x".into(), ..join_request("") }
    };
    let a = h.join(3, with(&["only-a", "p", "q"]));
    let b = h.join(3, with(&["q", "p"]));
    let c = h.join(3, with(&["q", "p", "only-c"]));
    h.advance(1);
    let answers = [h.joined(a), h.joined(b), h.joined(c)];
    assert!(answers.iter().all(|answer| answer.protocol_name.as_deref() == Some("q")));
    let leader = answers.iter().find(|a| a.member_id == a.leader).expect("a leader");
    assert_eq!(leader.members.len(), 3);
    assert!(leader.members.iter().all(|m| m.metadata == "q"));
    assert!(answers.iter().filter(|a| a.member_id != a.leader).all(|a| a.members.is_empty()));
}

#[test]
fn equal_votes_follow_the_leader() {
    let mut h = Harness::new();
    let with = |first: &str, second: &str| JoinGroupRequest {
        protocols: vec![protocol(first, Bytes::new()), protocol(second, Bytes::new())],
        protocol_type: "x".into(),
        ..join_request("")
    };
    let leader = h.join(3, with("z", "a"));
    h.join(3, with("a", "z"));
    h.advance(1);
    assert_eq!(h.joined(leader).protocol_name.as_deref(), Some("z"));
}

#[test]
fn the_group_does_not_grow_beyond_its_limit() {
    let mut h = Harness::with(GroupCoordinatorConfig { max_size: 2, ..without_delay() });
    let tokens = [h.join(3, join_request("")), h.join(3, join_request("")), h.join(3, join_request(""))];
    h.advance(1);
    let answers = tokens.map(|token| h.joined(token));
    assert_eq!(error(&answers[2]), ErrorCode::GroupMaxSizeReached);
    assert_eq!(answers[2].member_id, "");
    assert!(answers[..2].iter().all(|a| a.error_code == 0));
    // Known members may always come back, new ones not.
    assert_eq!(error(&h.join_now(4, join_request(""))), ErrorCode::GroupMaxSizeReached);
    let again = h.join_now(4, join_request(&answers[1].member_id));
    assert_eq!(error(&again), ErrorCode::None);
}

#[test]
fn a_loaded_group_that_is_too_large_rebalances() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(3);
    h.config = Arc::new(GroupCoordinatorConfig { max_size: 2, ..without_delay() });
    h.reload();
    assert_eq!(h.state(), "PreparingRebalance");
    assert!(ids.iter().all(|id| h.heartbeat(generation, id) == ErrorCode::RebalanceInProgress));
    let tokens: Vec<_> = ids.iter().map(|id| h.join(4, join_request(id))).collect();
    let errors: Vec<_> = tokens.into_iter().map(|token| error(&h.joined(token))).collect();
    assert_eq!(errors, [ErrorCode::None, ErrorCode::None, ErrorCode::GroupMaxSizeReached]);
}

#[test]
fn a_second_member_calls_the_first_back() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(1);
    let second = h.join_now(4, join_request("")).member_id;
    assert_eq!(h.heartbeat(generation, &ids[0]), ErrorCode::None, "an id alone is no member");
    let second = h.join(4, join_request(&second));
    assert_eq!(h.heartbeat(generation, &ids[0]), ErrorCode::RebalanceInProgress);
    assert!(h.is_parked(second));
    let first = h.join(4, join_request(&ids[0]));
    let (first, second) = (h.joined(first), h.joined(second));
    assert_eq!((first.generation_id, second.generation_id), (generation + 1, generation + 1));
    assert_eq!((&first.leader, &second.leader), (&ids[0], &ids[0]));
    assert_eq!((first.members.len(), second.members.len()), (2, 0));
}

#[test]
fn followers_that_rejoin_unchanged_do_not_disturb() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(2);
    let again = h.join_now(4, join_request(&ids[1]));
    assert_eq!((error(&again), again.generation_id, again.members.len()), (ErrorCode::None, generation, 0));
    assert_eq!(h.state(), "Stable");
    // Changed metadata does, and so does the leader.
    let changed =
        JoinGroupRequest { protocols: vec![protocol("range", subscription(&["u"]))], ..join_request(&ids[1]) };
    let changed = h.join(4, changed);
    assert_eq!(h.state(), "PreparingRebalance");
    let leader = h.join(4, join_request(&ids[0]));
    assert_eq!(h.joined(leader).generation_id, generation + 1);
    assert_eq!(h.joined(changed).generation_id, generation + 1);
    h.sync_all(&ids, generation + 1);
    h.join(4, join_request(&ids[0]));
    assert_eq!(h.state(), "PreparingRebalance");
}

#[test]
fn a_lost_answer_is_repeated_while_the_leader_assigns() {
    let mut h = Harness::new();
    let joined = h.join_now(3, join_request(""));
    let again = h.join_now(3, join_request(&joined.member_id));
    assert_eq!(again, joined);
    let changed =
        JoinGroupRequest { protocols: vec![protocol("range", Bytes::new())], ..join_request(&joined.member_id) };
    assert_eq!(h.join_now(3, changed).generation_id, joined.generation_id + 1);
}

#[test]
fn a_join_that_is_asked_twice_answers_the_older_request() {
    let mut h = Harness::new();
    let (ids, _) = h.stable_group(2);
    let older = h.join(4, join_request(&ids[0]));
    let newer = h.join(4, join_request(&ids[0]));
    assert_eq!(error(&h.joined(older)), ErrorCode::RebalanceInProgress);
    h.join(4, join_request(&ids[1]));
    assert_eq!(error(&h.joined(newer)), ErrorCode::None);
}

#[test]
fn members_that_do_not_rejoin_in_time_are_dropped() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(2);
    let leader = h.join(4, join_request(&ids[0]));
    for _ in 0..i64::from(REBALANCE_MS) / 3_000 {
        h.advance(3_000);
        let expected = if h.is_parked(leader) { ErrorCode::RebalanceInProgress } else { ErrorCode::UnknownMemberId };
        assert_eq!(h.heartbeat(generation, &ids[1]), expected, "heartbeats alone do not count");
    }
    let answer = h.joined(leader);
    assert_eq!((answer.generation_id, answer.members.len()), (generation + 1, 1));
}

#[test]
fn a_dead_member_holds_a_rebalance_no_longer_than_its_session() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(2);
    let leader = h.join(4, join_request(&ids[0]));
    h.advance(i64::from(SESSION_MS) - 10);
    assert!(h.is_parked(leader));
    h.advance(10);
    assert_eq!(h.joined(leader).generation_id, generation + 1);
}

#[test]
fn a_leader_that_does_not_rejoin_is_replaced() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(2);
    let changed = JoinGroupRequest { protocols: vec![protocol("range", Bytes::new())], ..join_request(&ids[1]) };
    let follower = h.join(4, changed);
    h.advance(REBALANCE_MS.into());
    let answer = h.joined(follower);
    assert_eq!((answer.generation_id, &answer.leader), (generation + 1, &ids[1]));
}

#[test]
fn ids_that_never_come_back_hold_a_rebalance_no_longer_than_their_session() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(1);
    h.join_now(4, join_request(""));
    let leader = h.join(4, join_request(&ids[0]));
    h.advance(SESSION_MS.into());
    assert_eq!(h.joined(leader).generation_id, generation + 1);
}

#[test]
fn a_new_member_waits_five_minutes_at_most() {
    let mut h = Harness::new();
    let long = |id: &str| JoinGroupRequest { rebalance_timeout_ms: 3_600_000, ..join_request(id) };
    let first = h.join_now(3, long(""));
    let token = h.sync(sync_request(&first.member_id, 1, &[]));
    h.synced(token);
    let second = h.join(3, long(""));
    for _ in 0..100 {
        assert_eq!(h.heartbeat(1, &first.member_id), ErrorCode::RebalanceInProgress);
        h.advance(3_000);
    }
    let answer = h.joined(second);
    assert_eq!((error(&answer), answer.member_id.as_str()), (ErrorCode::UnknownMemberId, ""));
}

#[test]
fn without_rebalance_timeout_the_session_timeout_counts() {
    for (version, rebalance_timeout_ms) in [(0, 0), (0, 1), (1, -1), (9, -1)] {
        let mut h = Harness::new();
        let request = |id: &str| JoinGroupRequest { rebalance_timeout_ms, ..join_request(id) };
        let id = if version >= 4 { h.join_now(version, request("")).member_id } else { String::new() };
        let joined = h.join_now(version, request(&id));
        h.advance(i64::from(SESSION_MS) - 10);
        let token = h.sync(sync_request(&joined.member_id, 1, &[&joined.member_id]));
        assert_eq!(h.synced(token).error_code, 0);
        // A rebalance with a member that stays away ends after the session timeout.
        let second = h.join(3, request(""));
        h.advance(i64::from(SESSION_MS) - 10);
        assert!(h.is_parked(second));
        h.heartbeat(1, &joined.member_id);
        h.advance(10);
        assert_eq!(h.joined(second).generation_id, 2);
    }
}

#[test]
fn a_rebalance_timeout_of_zero_forgets_the_member_before_it_syncs() {
    let mut h = Harness::new();
    let request = JoinGroupRequest { rebalance_timeout_ms: 0, ..join_request("") };
    let joined = h.join_now(3, request);
    assert_eq!(error(&joined), ErrorCode::None);
    h.advance(5);
    let token = h.sync(sync_request(&joined.member_id, 1, &[]));
    assert_eq!(ErrorCode::from_code(h.synced(token).error_code), ErrorCode::UnknownMemberId);
    assert_eq!(h.state(), "Empty");
}
