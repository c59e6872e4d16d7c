//! Every answer can be written in every version, and OffsetFetch's shapes map onto each other.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic};

use super::*;
use crate::group::offset_fetch::{refused_group, requested_groups, response};

#[test]
fn join_answers_of_all_versions_can_be_read_back() {
    for version in 0..=9 {
        let mut h = Harness::new();
        let id = if version >= 4 { h.join_now(version, join_request("")).member_id } else { String::new() };
        let joined = h.join_now(version, join_request(&id));
        let refused = h.join_now(version, JoinGroupRequest { session_timeout_ms: 1, ..join_request("") });
        for answer in [joined, refused] {
            let read = JoinGroupResponse::decode(answer.encode(version), version).expect("readable");
            assert_eq!((read.error_code, read.generation_id), (answer.error_code, answer.generation_id));
            assert_eq!(read.members.len(), answer.members.len());
            let nothing = if version < 7 { Some(String::new()) } else { None };
            assert_eq!(read.protocol_name, answer.protocol_name.or(nothing));
        }
    }
}

#[test]
fn old_offset_fetches_ask_for_one_group() {
    let topic = OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0, 1] };
    let request =
        OffsetFetchRequest { group_id: GROUP.into(), topics: Some(vec![topic]), ..OffsetFetchRequest::default() };
    let mut h = Harness::new();
    h.commit_simple(GROUP, "t", 4);
    for version in 1..=7 {
        let groups = requested_groups(&request, version);
        assert_eq!(groups.len(), 1);
        let answer = response(&request, version, vec![h.shard.fetch_offsets(&groups[0], |_, _| true)]);
        let read = OffsetFetchResponse::decode(answer.encode(version), version).expect("readable");
        let offsets: Vec<_> =
            read.topics[0].partitions.iter().map(|p| (p.partition_index, p.committed_offset)).collect();
        assert_eq!((read.error_code, offsets), (0, vec![(0, 4), (1, -1)]));
    }
    let all = OffsetFetchRequest { topics: None, ..request.clone() };
    let answer = h.shard.fetch_offsets(&requested_groups(&all, 2)[0], |_, _| true);
    assert_eq!(answer.topics[0].partitions.len(), 1);

    let refused = refused_group(&requested_groups(&request, 5)[0], ErrorCode::NotCoordinator);
    let v1 = response(&request, 1, vec![refused.clone()]);
    assert!(v1.topics[0].partitions.iter().all(|p| p.error_code == 16 && p.committed_offset == -1));
    let v5 = response(&request, 5, vec![refused]);
    assert_eq!((v5.error_code, v5.topics.len()), (16, 0));
}

#[test]
fn new_offset_fetches_ask_for_many_groups() {
    let mut h = Harness::new();
    h.commit_simple("a", "t", 4);
    let group = |id: &str| OffsetFetchRequestGroup { group_id: id.into(), topics: None, ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group("a"), group("b")], ..OffsetFetchRequest::default() };
    for version in 8..=10 {
        let answers =
            requested_groups(&request, version).iter().map(|g| h.shard.fetch_offsets(g, |_, _| true)).collect();
        let answer = response(&request, version, answers);
        let read = OffsetFetchResponse::decode(answer.encode(version), version).expect("readable");
        let counts: Vec<_> = read.groups.iter().map(|g| (g.group_id.as_str(), g.topics.len())).collect();
        assert_eq!(counts, [("a", 1), ("b", 0)]);
    }
}
