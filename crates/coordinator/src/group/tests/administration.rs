//! Describing, listing and deleting groups and their offsets.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};

use super::*;

pub(super) fn offset_delete(group: &str, partitions: &[(&str, i32)]) -> OffsetDeleteRequest {
    let topic = |(name, partition_index): &(&str, i32)| OffsetDeleteRequestTopic {
        name: (*name).into(),
        partitions: vec![OffsetDeleteRequestPartition { partition_index: *partition_index }],
    };
    OffsetDeleteRequest { group_id: group.into(), topics: partitions.iter().map(topic).collect() }
}

/// The error of the whole and those of each partition.
pub(super) fn delete_offsets(h: &mut Harness, request: &OffsetDeleteRequest) -> (i16, Vec<i16>) {
    let token = h.token();
    let effects = h.shard.delete_offsets(request, token);
    h.carry_out(effects);
    match h.reply(token) {
        Some(GroupReply::OffsetDelete(r)) => {
            (r.error_code, r.topics.iter().flat_map(|t| &t.partitions).map(|p| p.error_code).collect())
        }
        other => panic!("expected an OffsetDelete answer, got {other:?}"),
    }
}

fn delete_groups(h: &mut Harness, names: &[&str]) -> Vec<(String, i16)> {
    let token = h.token();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let effects = h.shard.delete_groups(&names, token);
    h.carry_out(effects);
    match h.reply(token) {
        Some(GroupReply::DeleteGroups(r)) => r.results.into_iter().map(|r| (r.group_id, r.error_code)).collect(),
        other => panic!("expected a DeleteGroups answer, got {other:?}"),
    }
}

#[test]
fn a_stable_group_is_described_in_full() {
    let mut h = Harness::new();
    let (ids, _) = h.stable_group(2);
    let group = h.shard.describe(GROUP, 6);
    assert_eq!((group.error_code, group.error_message.as_deref()), (0, None));
    assert_eq!((group.group_state.as_str(), group.protocol_type.as_str()), ("Stable", "consumer"));
    assert_eq!(group.protocol_data, "range");
    assert_eq!(group.members.len(), 2);
    for member in &group.members {
        assert!(ids.contains(&member.member_id));
        assert_eq!((member.client_id.as_str(), member.client_host.as_str()), ("app", "/127.0.0.1"));
        assert_eq!(member.member_metadata, subscription(&["t"]));
        assert_eq!(member.member_assignment, assignment_of(&member.member_id));
    }
    h.join(4, join_request(&ids[0]));
    let group = h.shard.describe(GROUP, 6);
    assert_eq!((group.group_state.as_str(), group.protocol_data.as_str()), ("PreparingRebalance", ""));
    assert!(group.members.iter().all(|m| m.member_metadata.is_empty()));
}

#[test]
fn unknown_groups_are_dead_or_not_found() {
    let h = Harness::new();
    let old = h.shard.describe("x", 5);
    assert_eq!((old.error_code, old.group_state.as_str(), old.error_message), (0, "Dead", None));
    let new = h.shard.describe("x", 6);
    assert_eq!(ErrorCode::from_code(new.error_code), ErrorCode::GroupIdNotFound);
    assert_eq!((new.group_state.as_str(), new.error_message.as_deref()), ("Dead", Some("Group x not found.")));
}

#[test]
fn lists_are_filtered_by_state_and_type() {
    let mut h = Harness::new();
    h.stable_group(1);
    h.commit_simple("simple", "t", 1);
    let list = |states: &[&str], types: &[&str]| {
        let own = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let groups = h.shard.list(&own(states), &own(types));
        groups.into_iter().map(|g| (g.group_id, g.group_state, g.protocol_type, g.group_type)).collect::<Vec<_>>()
    };
    let row = |id: &str, state: &str, protocol: &str| (id.into(), state.into(), protocol.into(), "classic".into());
    let (stable, simple) = (row(GROUP, "Stable", "consumer"), row("simple", "Empty", ""));
    assert_eq!(list(&[], &[]), [stable.clone(), simple.clone()]);
    assert_eq!(list(&["stable"], &[]), std::slice::from_ref(&stable));
    assert_eq!(list(&[" EMPTY ", "Dead"], &["Classic"]), [simple]);
    assert_eq!(list(&["preparingrebalance"], &[]), []);
    assert_eq!(list(&["nonsense"], &[]), []);
    assert_eq!(list(&[], &["consumer", "share"]), []);
}

#[test]
fn metrics_count_everything() {
    let mut h = Harness::new();
    h.stable_group(2);
    h.commit_simple("simple", "t", 1);
    let metrics = h.shard.metrics();
    assert_eq!((metrics.members, metrics.offsets), (2, 1));
    let states: Vec<_> = metrics.groups_by_state.into_iter().collect();
    assert_eq!(states, [("CompletingRebalance", 0), ("Empty", 1), ("PreparingRebalance", 0), ("Stable", 1)]);
}

#[test]
fn groups_are_deleted_when_nobody_is_in() {
    let mut h = Harness::new();
    h.commit_simple("a", "t", 1);
    h.commit_simple("a", "u", 1);
    h.stable_group(1);
    let results = delete_groups(&mut h, &["a", GROUP, "unknown", "a"]);
    assert_eq!(results, [("a".into(), 0), (GROUP.into(), 68), ("unknown".into(), 69)]);
    assert_eq!(h.shard.committed_offset("a", "t", 0), None);
    assert_eq!(h.shard.describe("a", 5).group_state, "Dead");
    assert_eq!(h.log[h.log.len() - 3..].iter().filter(|r| r.value.is_none()).count(), 3);
    h.reload();
    assert_eq!(h.shard.describe("a", 5).group_state, "Dead");
    assert_eq!(h.state(), "Stable");
    // The deadlines of a deleted group are gone with it.
    let other = JoinGroupRequest { group_id: "b".into(), ..join_request("") };
    h.join_now(4, other);
    assert_eq!(delete_groups(&mut h, &["b"]), [("b".into(), 0)]);
    h.advance(i64::from(SESSION_MS));
}

#[test]
fn offsets_are_deleted_unless_somebody_reads_them() {
    let mut h = Harness::new();
    let request = offset_delete(GROUP, &[("t", 0), ("u", 0), ("u", 9)]);
    assert_eq!(delete_offsets(&mut h, &request), (ErrorCode::GroupIdNotFound.code(), vec![]));
    h.commit_simple(GROUP, "t", 1);
    h.commit_simple(GROUP, "u", 1);
    h.stable_group(1);
    let written = h.log.len();
    assert_eq!(delete_offsets(&mut h, &request), (0, vec![86, 0, 0]));
    assert_eq!(h.log.len(), written + 1, "what was not there needs no tombstone");
    for shard in [&h.shard, &h.replayed()] {
        assert_eq!(shard.committed_offsets().map(|e| e.topic).collect::<Vec<_>>(), ["t"]);
    }
    h.reload();
    assert_eq!(delete_offsets(&mut h, &request), (0, vec![86, 0, 0]), "the subscription survives a restart");
}

#[test]
fn offsets_of_groups_that_are_no_consumers_are_deleted_only_when_empty() {
    let mut h = Harness::new();
    h.commit_simple(GROUP, "t", 1);
    let connect = JoinGroupRequest {
        protocol_type: "connect".into(),
        protocols: vec![protocol("x", Bytes::new())],
        ..join_request("")
    };
    let member = h.join_now(3, connect).member_id;
    let request = offset_delete(GROUP, &[("t", 0)]);
    assert_eq!(delete_offsets(&mut h, &request), (68, vec![]));
    h.leave_by_id(&member);
    assert_eq!(delete_offsets(&mut h, &request), (0, vec![0]));
}

#[test]
fn a_consumer_group_whose_subscription_cannot_be_read_counts_as_reading_everything() {
    let mut h = Harness::new();
    h.commit_simple(GROUP, "t", 1);
    let garbage = JoinGroupRequest { protocols: vec![protocol("range", Bytes::from_static(b"?"))], ..join_request("") };
    assert_eq!(h.join_now(3, garbage).error_code, 0);
    assert_eq!(delete_offsets(&mut h, &offset_delete(GROUP, &[("t", 0)])), (0, vec![86]));
}
