//! The first generation: soon for one member, one generation for many.

use barnabas_common::ErrorCode;

use super::*;

fn adaptive() -> Harness {
    Harness::with(GroupCoordinatorConfig::default())
}

/// Both rounds of a modern client; the second a moment after the first.
fn join_in_two_rounds(h: &mut Harness) -> ReplyToken {
    let token = h.join(9, join_request(""));
    let id = h.joined(token);
    assert_eq!(ErrorCode::from_code(id.error_code), ErrorCode::MemberIdRequired);
    h.advance(2);
    h.join(9, join_request(&id.member_id))
}

#[test]
fn one_member_starts_within_tens_of_milliseconds() {
    let mut h = adaptive();
    let started = h.now.monotonic_ms;
    let token = join_in_two_rounds(&mut h);
    h.advance(28);
    assert!(h.is_parked(token));
    h.advance(20);
    assert_eq!(h.joined(token).generation_id, 1);
    assert!(h.now.monotonic_ms - started <= 50);
}

#[test]
fn members_that_start_together_share_the_first_generation() {
    for version in [3, 9] {
        let mut h = adaptive();
        let mut tokens = Vec::new();
        for _ in 0..20 {
            tokens.push(if version == 3 { h.join(3, join_request("")) } else { join_in_two_rounds(&mut h) });
            h.advance(25);
        }
        h.advance(30);
        let answers: Vec<_> = tokens.into_iter().map(|token| h.joined(token)).collect();
        assert!(answers.iter().all(|a| a.generation_id == 1 && a.error_code == 0));
        assert_eq!(answers.iter().map(|a| a.members.len()).max(), Some(20));
    }
}

#[test]
fn a_member_on_its_way_back_is_waited_for() {
    let mut h = adaptive();
    let first_round = h.join(9, join_request(""));
    let slow = h.joined(first_round).member_id;
    let fast = join_in_two_rounds(&mut h);
    h.advance(300);
    assert!(h.is_parked(fast));
    let slow = h.join(9, join_request(&slow));
    h.advance(30);
    assert_eq!((h.joined(fast).generation_id, h.joined(slow).generation_id), (1, 1));
}

#[test]
fn a_member_that_does_not_come_back_is_waited_for_half_a_second() {
    let mut h = adaptive();
    h.join(9, join_request(""));
    let token = join_in_two_rounds(&mut h);
    h.advance(497);
    assert!(h.is_parked(token));
    h.advance(1);
    assert_eq!(h.joined(token).generation_id, 1);
}

#[test]
fn an_endless_stream_of_members_waits_three_seconds() {
    let mut h = adaptive();
    let first = h.join(3, join_request(""));
    let started = h.now.monotonic_ms;
    while h.is_parked(first) {
        h.advance(20);
        if h.is_parked(first) {
            h.join(3, join_request(""));
        }
    }
    assert_eq!(h.now.monotonic_ms - started, 3_000);
    assert_eq!(h.joined(first).generation_id, 1);
}

#[test]
fn an_empty_group_that_had_members_collects_again() {
    let mut h = adaptive();
    let token = join_in_two_rounds(&mut h);
    h.advance(50);
    let member = h.joined(token).member_id;
    h.leave_by_id(&member);
    assert_eq!(h.state(), "Empty");
    let (a, b) = (join_in_two_rounds(&mut h), join_in_two_rounds(&mut h));
    h.advance(30);
    assert_eq!((h.joined(a).generation_id, h.joined(b).generation_id), (3, 3));
}

#[test]
fn a_configured_delay_is_kept() {
    let fixed = InitialRebalanceDelay::Fixed { delay_ms: 3_000 };
    let config = GroupCoordinatorConfig { initial_rebalance_delay: fixed, ..GroupCoordinatorConfig::default() };
    let mut h = Harness::with(config.clone());
    let alone = h.join(3, join_request(""));
    h.advance(2_999);
    assert!(h.is_parked(alone));
    h.advance(1);
    assert_eq!(h.joined(alone).generation_id, 1);

    // Each round in which somebody came is followed by another, up to the rebalance timeout.
    let mut h = Harness::with(config);
    let first = h.join(3, join_request(""));
    let mut rounds = 0;
    while h.is_parked(first) {
        h.join(3, join_request(""));
        h.advance(3_000);
        rounds += 1;
    }
    assert_eq!(rounds, REBALANCE_MS / 3_000);
}

#[test]
fn a_configured_delay_of_zero_means_at_once() {
    let mut h = Harness::new();
    let token = h.join(3, join_request(""));
    h.advance(1);
    assert_eq!(h.joined(token).generation_id, 1);
}

#[test]
fn all_collected_members_leave_again() {
    let mut h = adaptive();
    let token = h.join(3, join_request(""));
    let id = h.shard.groups[GROUP].leader.clone().expect("a member");
    assert_eq!(h.leave_by_id(&id), ErrorCode::None);
    assert_eq!(ErrorCode::from_code(h.joined(token).error_code), ErrorCode::UnknownMemberId);
    h.advance(100);
    assert_eq!(h.state(), "Empty");
}

#[test]
fn a_client_that_joins_before_it_knows_its_topics_is_waited_for() {
    let mut h = adaptive();
    let unprepared = RequestContext { joins_unprepared: true, ..context(3) };
    let token = h.token();
    let effects = h.shard.join(&unprepared, join_request(""), token, h.now);
    h.carry_out(effects);
    h.advance(119);
    assert!(h.is_parked(token));
    h.advance(1);
    assert_eq!(h.joined(token).generation_id, 1);
}
