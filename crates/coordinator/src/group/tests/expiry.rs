//! When offsets and groups are forgotten.

use barnabas_common::ErrorCode;

use super::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const RETENTION_MS: i64 = 7 * DAY_MS;
const CHECK_MS: i64 = 600_000;

fn offsets(h: &Harness) -> Vec<(String, i64)> {
    let live: Vec<_> = h.shard.committed_offsets().map(|e| (e.topic.to_owned(), e.committed.offset)).collect();
    let replayed = h.replayed();
    let stored: Vec<_> = replayed.committed_offsets().map(|e| (e.topic.to_owned(), e.committed.offset)).collect();
    assert_eq!(live, stored);
    live
}

/// Keeps a member alive for a long time.
fn beat_for(h: &mut Harness, member_id: &str, generation: i32, ms: i64) {
    let step = i64::from(SESSION_MS) / 2 * 1_000;
    // A session of more than an hour spares the test millions of heartbeats.
    let end = h.now.monotonic_ms + ms;
    while h.now.monotonic_ms < end {
        h.advance(step.min(end - h.now.monotonic_ms));
        assert_eq!(h.heartbeat(generation, member_id), ErrorCode::None);
    }
}

fn long_lived(h: &mut Harness, request: JoinGroupRequest) -> String {
    let session_timeout_ms = 12 * 3_600_000;
    let joined = h.join_now(3, JoinGroupRequest { session_timeout_ms, ..request });
    assert_eq!(joined.error_code, 0);
    let token = h.sync(sync_request(&joined.member_id, joined.generation_id, &[&joined.member_id]));
    assert_eq!(h.synced(token).error_code, 0);
    joined.member_id
}

fn long_sessions() -> Harness {
    Harness::with(GroupCoordinatorConfig { max_session_timeout_ms: i32::MAX, ..without_delay() })
}

#[test]
fn offsets_without_members_expire_by_their_commit_and_take_the_group_along() {
    let mut h = Harness::new();
    h.commit_simple(GROUP, "old", 1);
    h.advance(DAY_MS);
    h.commit_simple(GROUP, "new", 2);
    h.advance(RETENTION_MS - DAY_MS - CHECK_MS);
    assert_eq!(offsets(&h).len(), 2);
    h.advance(2 * CHECK_MS);
    assert_eq!(offsets(&h), [("new".to_owned(), 2)]);
    assert_eq!(h.state(), "Empty");
    h.advance(DAY_MS);
    assert_eq!(offsets(&h), []);
    assert_eq!(h.state(), "Dead");
    assert_eq!(h.replayed().list(&[], &[]), []);
}

#[test]
fn an_emptied_group_keeps_its_offsets_for_the_whole_retention() {
    let mut h = long_sessions();
    let member = long_lived(&mut h, join_request(""));
    let commit = OffsetCommitRequest {
        member_id: member.clone(),
        generation_id_or_member_epoch: 1,
        ..commit_request(GROUP, "t", 1)
    };
    h.commit(8, &commit);
    beat_for(&mut h, &member, 1, 3 * RETENTION_MS);
    h.leave_by_id(&member);
    h.reload();
    h.advance(RETENTION_MS - CHECK_MS);
    assert_eq!(offsets(&h).len(), 1, "its age counts from the moment at which the group became empty");
    h.advance(2 * CHECK_MS);
    assert_eq!((offsets(&h).len(), h.state().as_str()), (0, "Dead"));
}

#[test]
fn a_consumer_group_at_work_loses_only_topics_that_nobody_reads() {
    let mut h = long_sessions();
    h.commit_simple(GROUP, "t", 1);
    h.commit_simple(GROUP, "left behind", 2);
    let member = long_lived(&mut h, join_request(""));
    beat_for(&mut h, &member, 1, RETENTION_MS + CHECK_MS);
    assert_eq!(offsets(&h), [("t".to_owned(), 1)]);
    assert_eq!(h.state(), "Stable");
}

#[test]
fn nothing_expires_while_the_group_rebalances_or_cannot_say_what_it_reads() {
    let connect = JoinGroupRequest {
        protocol_type: "connect".into(),
        protocols: vec![protocol("x", Bytes::new())],
        ..join_request("")
    };
    let garbage = JoinGroupRequest { protocols: vec![protocol("range", Bytes::from_static(b"?"))], ..join_request("") };
    for request in [connect, garbage] {
        let mut h = long_sessions();
        h.commit_simple(GROUP, "t", 1);
        let member = long_lived(&mut h, request);
        beat_for(&mut h, &member, 1, 2 * RETENTION_MS);
        assert_eq!(offsets(&h).len(), 1);
    }
    let mut h = long_sessions();
    h.commit_simple(GROUP, "u", 1);
    let member = long_lived(&mut h, join_request(""));
    let rebalance_timeout_ms = i32::MAX;
    let second = JoinGroupRequest { rebalance_timeout_ms, ..join_request("") };
    h.config = Arc::new(GroupCoordinatorConfig { new_member_join_timeout_ms: i32::MAX, ..(*h.config).clone() });
    h.reload();
    let parked = h.join(3, second);
    assert_eq!(h.heartbeat(1, &member), ErrorCode::RebalanceInProgress);
    h.advance(DAY_MS / 4);
    h.now.wall_ms += 2 * RETENTION_MS;
    h.advance(CHECK_MS);
    assert!(h.is_parked(parked));
    assert_eq!((h.state().as_str(), offsets(&h).len()), ("PreparingRebalance", 1));
}

#[test]
fn old_clients_choose_the_retention_themselves() {
    let mut h = Harness::new();
    let mut request = commit_request(GROUP, "t", 1);
    request.retention_time_ms = DAY_MS;
    request.topics[0].partitions[0].committed_leader_epoch = 3;
    request.topics[0].topic_id = barnabas_common::Uuid::from_bytes([7; 16]);
    h.commit(2, &request);
    let committed = h.shard.committed_offset(GROUP, "t", 0).cloned();
    assert_eq!(h.replayed().committed_offset(GROUP, "t", 0), committed.as_ref());
    h.advance(DAY_MS - CHECK_MS);
    assert_eq!(offsets(&h).len(), 1);
    h.advance(2 * CHECK_MS);
    assert_eq!(offsets(&h).len(), 0);
}

#[test]
fn a_group_without_offsets_is_forgotten_but_not_under_the_feet_of_a_newcomer() {
    let mut h = Harness::new();
    h.advance(CHECK_MS - i64::from(SESSION_MS) / 2);
    let id = h.join_now(4, join_request("")).member_id;
    h.advance(i64::from(SESSION_MS) - 10);
    assert_eq!(h.state(), "Empty");
    assert_eq!(h.join_now(4, join_request(&id)).error_code, 0);
    h.leave_by_id(&id);
    h.advance(CHECK_MS);
    assert_eq!(h.state(), "Dead");
}
