//! OffsetCommit and OffsetFetch: who may, and that what goes in comes out.

use barnabas_common::{ErrorCode, Uuid};
use barnabas_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};

use super::*;

pub(super) fn fetch(h: &Harness, group: &str, topics: Option<&[(&str, &[i32])]>) -> Vec<(String, i32, i64, String)> {
    fetch_from(&h.shard, group, topics)
}

pub(super) fn fetch_from(
    shard: &GroupShard,
    group: &str,
    topics: Option<&[(&str, &[i32])]>,
) -> Vec<(String, i32, i64, String)> {
    let topics = topics.map(|topics| {
        let wanted = topics.iter().map(|(name, partitions)| OffsetFetchRequestTopics {
            name: (*name).into(),
            partition_indexes: partitions.to_vec(),
            ..Default::default()
        });
        wanted.collect()
    });
    let request = OffsetFetchRequestGroup { group_id: group.into(), topics, ..Default::default() };
    let response = shard.fetch_offsets(&request, |_, _| true);
    assert_eq!((response.error_code, response.group_id.as_str()), (0, group));
    let mut found = Vec::new();
    for topic in response.topics {
        for p in topic.partitions {
            assert_eq!(p.error_code, 0);
            found.push((topic.name.clone(), p.partition_index, p.committed_offset, p.metadata.expect("never null")));
        }
    }
    found
}

fn entry(topic: &str, partition: i32, offset: i64, metadata: &str) -> (String, i32, i64, String) {
    (topic.into(), partition, offset, metadata.into())
}

#[test]
fn what_was_never_committed_is_minus_one() {
    let mut h = Harness::new();
    assert_eq!(fetch(&h, "nobody", Some(&[("t", &[0, 7])])), [entry("t", 0, -1, ""), entry("t", 7, -1, "")]);
    assert_eq!(fetch(&h, "nobody", None), []);
    h.commit_simple(GROUP, "t", 5);
    assert_eq!(fetch(&h, GROUP, Some(&[("t", &[1, 0])])), [entry("t", 1, -1, ""), entry("t", 0, 5, "at 5")]);
    assert_eq!(fetch(&h, GROUP, None), [entry("t", 0, 5, "at 5")]);
}

#[test]
fn offsets_metadata_and_epoch_come_back_as_they_were() {
    let mut h = Harness::new();
    for offset in [-2, -1, 0, i64::MAX] {
        let mut request = commit_request(GROUP, "t", offset);
        request.topics[0].partitions[0].committed_leader_epoch = 42;
        request.topics[0].partitions[0].committed_metadata = Some("grüße €😀".into());
        assert_eq!(h.commit(8, &request), [ErrorCode::None]);
        for shard in [&h.shard, &h.replayed()] {
            let committed = shard.committed_offset(GROUP, "t", 0).expect("committed");
            assert_eq!((committed.offset, committed.leader_epoch), (offset, 42));
            assert_eq!((committed.metadata.as_str(), committed.commit_timestamp_ms), ("grüße €😀", h.now.wall_ms));
        }
    }
    let mut request = commit_request(GROUP, "t", 1);
    request.topics[0].partitions[0].committed_metadata = None;
    h.commit(8, &request);
    assert_eq!(fetch(&h, GROUP, None), [entry("t", 0, 1, "")]);
}

#[test]
fn long_metadata_is_refused_for_its_partition_only() {
    let mut h = Harness::new();
    let mut request = commit_request(GROUP, "t", 1);
    // Counted in UTF-16 units: 4096 euro signs are 12288 bytes and just short enough.
    for (text, expected) in [
        ("x".repeat(4096), ErrorCode::None),
        ("x".repeat(4097), ErrorCode::OffsetMetadataTooLarge),
        ("€".repeat(4096), ErrorCode::None),
        ("😀".repeat(2049), ErrorCode::OffsetMetadataTooLarge),
    ] {
        let mut second = request.topics[0].partitions[0].clone();
        second.partition_index = 1;
        request.topics[0].partitions.truncate(1);
        request.topics[0].partitions[0].committed_metadata = Some(text);
        second.committed_metadata = None;
        request.topics[0].partitions.push(second);
        assert_eq!(h.commit(8, &request), [expected, ErrorCode::None]);
    }
}

#[test]
fn without_membership_commits_go_to_empty_groups_only() {
    let mut h = Harness::new();
    assert_eq!(h.commit_simple(GROUP, "t", 1), ErrorCode::None);
    assert_eq!((h.state().as_str(), h.shard.describe(GROUP, 5).protocol_type.as_str()), ("Empty", ""));
    assert_eq!(h.commit_simple("", "t", 1), ErrorCode::None, "the empty group id is a group for offsets");
    let (ids, generation) = h.stable_group(1);
    assert_eq!(h.commit_simple(GROUP, "t", 2), ErrorCode::UnknownMemberId);
    let member = |generation: i32, member_id: &str| OffsetCommitRequest {
        member_id: member_id.into(),
        generation_id_or_member_epoch: generation,
        ..commit_request(GROUP, "t", 3)
    };
    assert_eq!(h.commit(8, &member(generation, &ids[0])), [ErrorCode::None]);
    assert_eq!(h.commit(8, &member(generation, "x")), [ErrorCode::UnknownMemberId]);
    assert_eq!(h.commit(8, &member(generation - 1, &ids[0])), [ErrorCode::IllegalGeneration]);
    assert_eq!(h.commit(8, &member(-1, &ids[0])), [ErrorCode::IllegalGeneration]);
    assert_eq!(fetch(&h, GROUP, None), [entry("t", 0, 3, "at 3")]);
    h.leave_by_id(&ids[0]);
    assert_eq!(h.commit(8, &member(generation, &ids[0])), [ErrorCode::UnknownMemberId]);
    assert_eq!(h.commit_simple(GROUP, "t", 4), ErrorCode::None);
}

#[test]
fn a_generation_of_an_unknown_group_is_an_error_that_depends_on_the_version() {
    let mut h = Harness::new();
    let request = OffsetCommitRequest { generation_id_or_member_epoch: 0, ..commit_request(GROUP, "t", 1) };
    for (version, expected) in
        [(2, ErrorCode::IllegalGeneration), (8, ErrorCode::IllegalGeneration), (9, ErrorCode::GroupIdNotFound)]
    {
        assert_eq!(h.commit(version, &request), [expected]);
    }
    assert!(h.log.is_empty());
}

#[test]
fn members_commit_while_others_rejoin_but_not_while_the_leader_assigns() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(2);
    let by = |generation: i32| OffsetCommitRequest {
        member_id: ids[1].clone(),
        generation_id_or_member_epoch: generation,
        ..commit_request(GROUP, "t", 3)
    };
    let leader = h.join(4, join_request(&ids[0]));
    assert_eq!(h.commit(8, &by(generation)), [ErrorCode::None]);
    let follower = h.join(4, join_request(&ids[1]));
    assert_eq!(h.joined(leader).generation_id, h.joined(follower).generation_id);
    assert_eq!(h.commit(8, &by(generation)), [ErrorCode::IllegalGeneration]);
    assert_eq!(h.commit(8, &by(generation + 1)), [ErrorCode::RebalanceInProgress]);
    h.sync_all(&ids, generation + 1);
    assert_eq!(h.commit(8, &by(generation + 1)), [ErrorCode::None]);
}

#[test]
fn offsets_of_a_former_topic_of_the_same_name_are_not_shown() {
    let mut h = Harness::new();
    let (old, new) = (Uuid::from_bytes([1; 16]), Uuid::from_bytes([2; 16]));
    let mut request = commit_request(GROUP, "t", 9);
    request.topics[0].topic_id = old;
    h.commit(10, &request);
    h.reload();
    let fetch_from = |shard: &GroupShard, present: Uuid| {
        let topic = OffsetFetchRequestTopics { name: "t".into(), partition_indexes: vec![0], ..Default::default() };
        let is_present = |name: &str, id: Uuid| name == "t" && (id == present || id.is_zero());
        let mut request =
            OffsetFetchRequestGroup { group_id: GROUP.into(), topics: Some(vec![topic]), ..Default::default() };
        let named = shard.fetch_offsets(&request, is_present).topics.remove(0);
        request.topics = None;
        let all = shard.fetch_offsets(&request, is_present).topics.into_iter().map(|topic| topic.topic_id);
        (named.partitions[0].committed_offset, all.collect::<Vec<_>>())
    };
    assert_eq!(fetch_from(&h.shard, old), (9, vec![old]));
    assert_eq!(fetch_from(&h.shard, new), (-1, vec![]));
    assert!(h.shard.drop_offsets_unless(|_, id| id == old).is_empty());
    let effects = h.shard.drop_offsets_unless(|_, id| id == new);
    assert_eq!(effects.records.len(), 1);
    h.carry_out(effects);
    assert_eq!(fetch_from(&h.replayed(), old), (-1, vec![]));
}

#[test]
fn offsets_of_a_deleted_topic_go_everywhere() {
    let mut h = Harness::new();
    for (group, topic) in [("a", "t"), ("a", "u"), ("b", "t"), ("c", "u")] {
        h.commit_simple(group, topic, 1);
    }
    let effects = h.shard.drop_offsets_unless(|name, _| name != "t");
    assert_eq!((effects.records.len(), effects.replies.len()), (2, 0));
    h.carry_out(effects);
    for shard in [&h.shard, &h.replayed()] {
        let left: Vec<_> = shard.committed_offsets().map(|e| (e.group, e.topic, e.partition)).collect();
        assert_eq!(left, [("a", "u", 0), ("c", "u", 0)]);
    }
    assert!(h.shard.drop_offsets_unless(|name, _| name != "t").is_empty());
}
