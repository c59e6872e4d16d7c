//! What the log says is what a restart knows, and Apache Kafka's own records are understood.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::group_metadata_value::MemberMetadata;

use super::offsets::fetch_from;
use super::*;
use crate::group::records;

fn bytes(hex: &str) -> Bytes {
    let hex: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex");
    hex.chunks(2).map(pair).collect()
}

const MEMBER: &str = "inst1-e6febbd5-e7a6-4bd6-b45b-d743ca453a80";

/// Written by Apache Kafka 4.3.1 for a static console consumer.
const KAFKA_GROUP_VALUE: &str = "
    0003 0008636f6e73756d6572 00000001 000572616e6765
    002a696e7374312d65366665626264352d653761362d346264362d623435622d643734336361343533613830
    000001a1fe6078a7 00000001
    002a696e7374312d65366665626264352d653761362d346264362d623435622d643734336361343533613830
    0005696e737431 0003636c69 000a2f3132372e302e302e31 000493e0 0000afc8
    00000018 0003000000010002 7431 ffffffff 00000000 ffffffff ffff
    0000001a 0003000000010002 7431 00000002 00000000 00000001 ffffffff";
const KAFKA_OFFSET_VALUE: &str = "
    0004 0000000000000001 00000000 01 000001a1fe608999 01 00 10 a74e83e485594dada58e0d4e0c7e2517";

#[test]
fn kafkas_own_records_are_read_and_written_to_the_byte() {
    let mut shard = GroupShard::new(Arc::new(without_delay()), counter(1));
    let group_key = bytes("0002 0002 6731");
    let offset_key = bytes("0001 0002 6731 0002 7431 00000001");
    let empty = bytes("0003 0000 00000000 ffff ffff 000001a1fe607879 00000000");
    shard.replay(&group_key, Some(&empty), 0).expect("readable");
    assert_eq!(records::group_metadata("g1", &shard.groups["g1"].to_record()).value, Some(empty));

    shard.replay(&group_key, Some(&bytes(KAFKA_GROUP_VALUE)), 0).expect("readable");
    let written = records::group_metadata("g1", &shard.groups["g1"].to_record());
    assert_eq!((written.key, written.value), (group_key.clone(), Some(bytes(KAFKA_GROUP_VALUE))));
    let group = shard.describe("g1", 5);
    assert_eq!((group.group_state.as_str(), group.members[0].member_id.as_str()), ("Stable", MEMBER));
    assert!(shard.groups["g1"].is_subscribed_to("t1") && !shard.groups["g1"].is_subscribed_to("t2"));

    shard.replay(&offset_key, Some(&bytes(KAFKA_OFFSET_VALUE)), 0).expect("readable");
    let committed = shard.committed_offset("g1", "t1", 1).expect("an offset");
    assert_eq!((committed.offset, committed.leader_epoch), (1, 0));
    assert_eq!(committed.topic_id.to_string(), "p06D5IVZTa2ljg1ODH4lFw");
    let written = records::offset_commit("g1", "t1", 1, committed);
    assert_eq!((&written.key, written.value), (&offset_key, Some(bytes(KAFKA_OFFSET_VALUE))));

    assert_eq!(records::offset_tombstone("g1", "t1", 1).key, offset_key);
    assert_eq!(records::group_tombstone("g1").key, group_key);
}

#[test]
fn records_of_older_brokers_are_understood() {
    let value = |version: i16| {
        let member = MemberMetadata {
            member_id: "m".into(),
            session_timeout: SESSION_MS,
            subscription: subscription(&["t"]),
            ..Default::default()
        };
        let value = GroupMetadataValue {
            protocol_type: "consumer".into(),
            generation: 7,
            protocol: Some("range".into()),
            leader: Some("m".into()),
            current_state_timestamp: 5,
            members: vec![member],
        };
        Some(value.encode_versioned(version))
    };
    for version in 0..=4 {
        let mut h = Harness::new();
        let key = records::group_tombstone(GROUP).key;
        h.log.push(CoordinatorRecord { key, value: value(version) });
        h.reload();
        assert_eq!(h.heartbeat(7, "m"), ErrorCode::None);
        h.advance(i64::from(SESSION_MS) - 1);
        assert_eq!(h.state(), "Stable");
        h.advance(1);
        assert_eq!(h.state(), "Empty");
    }
    let mut h = Harness::new();
    let legacy = CoordinatorRecord {
        key: bytes("0000 0001 67 0001 74 00000003"),
        value: Some(bytes("0000 0000000000000008 0001 78 0000000000000001")),
    };
    h.log.push(legacy);
    for version in 0..=4 {
        let value = OffsetCommitValue { offset: i64::from(version), metadata: "m".into(), ..Default::default() };
        let key = records::offset_tombstone(GROUP, "t", version.into()).key;
        h.log.push(CoordinatorRecord { key, value: Some(value.encode_versioned(version)) });
    }
    h.reload();
    let offsets: Vec<_> = h.shard.committed_offsets().map(|e| (e.partition, e.committed.offset)).collect();
    assert_eq!(offsets, [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!(h.shard.committed_offset(GROUP, "t", 4).map(|c| c.leader_epoch), Some(-1));
}

#[test]
fn garbage_is_reported_and_changes_nothing() {
    let mut shard = GroupShard::new(Arc::new(without_delay()), counter(1));
    let good = records::offset_tombstone(GROUP, "t", 0).key;
    let keys = [bytes(""), bytes("00"), bytes("0001"), bytes("0002 0005 61"), bytes("0003 0001 61"), bytes("7fff")];
    for key in keys {
        assert!(shard.replay(&key, None, 0).is_err());
        assert!(shard.replay(&key, Some(&Bytes::new()), 0).is_err());
    }
    for value in
        [bytes(""), bytes("0004"), bytes("0009 00"), bytes("ffff"), bytes("0003 0000000000000001 00000000 7fff")]
    {
        assert!(shard.replay(&good, Some(&value), 0).is_err());
        assert!(shard.replay(&records::group_tombstone(GROUP).key, Some(&value), 0).is_err());
    }
    assert_eq!(shard.metrics().groups_by_state.values().sum::<usize>(), 0);
}

#[test]
fn a_record_that_names_a_member_twice_makes_a_group_that_works() {
    let member = |id: &str, instance: Option<&str>| MemberMetadata {
        member_id: id.into(),
        group_instance_id: instance.map(Into::into),
        session_timeout: SESSION_MS,
        rebalance_timeout: REBALANCE_MS,
        subscription: subscription(&["t"]),
        ..Default::default()
    };
    let value = GroupMetadataValue {
        protocol_type: "consumer".into(),
        generation: 1,
        protocol: Some("range".into()),
        leader: Some("nobody".into()),
        members: vec![member("a", None), member("a", None), member("b", Some("i")), member("c", Some("i"))],
        ..Default::default()
    };
    let mut h = Harness::new();
    h.log.push(records::group_metadata(GROUP, &value));
    h.reload();
    let (a, b) = (h.join(4, join_request("a")), h.join(5, static_join_request("b", "i")));
    assert_eq!((h.joined(a).generation_id, h.joined(b).generation_id), (2, 2));
    h.sync_all(&["a".into(), "b".into()], 2);
}

#[test]
fn a_log_of_tombstones_in_any_order_is_an_empty_shard() {
    let tombstones = [
        records::group_tombstone(GROUP),
        records::offset_tombstone(GROUP, "t", 0),
        records::offset_tombstone(GROUP, "u", 3),
        records::group_tombstone("other"),
    ];
    for rotation in 0..tombstones.len() {
        let mut h = Harness::new();
        for i in 0..2 * tombstones.len() {
            h.log.push(tombstones[(i * 3 + rotation) % tombstones.len()].clone());
        }
        h.reload();
        assert_eq!((h.shard.list(&[], &[]), h.shard.committed_offsets().count()), (vec![], 0));
    }
}

#[test]
fn tombstones_and_records_in_mixed_order() {
    let mut h = Harness::new();
    h.commit_simple(GROUP, "t", 1);
    h.commit_simple(GROUP, "u", 1);
    let offsets = h.log.clone();
    // The group's metadata goes, its offsets stay: a change of protocol looks like this.
    h.log = [records::group_tombstone(GROUP), offsets[0].clone(), offsets[1].clone(), records::group_tombstone(GROUP)]
        .into();
    h.reload();
    assert_eq!(fetch_from(&h.shard, GROUP, None).len(), 2);
    assert_eq!((h.state().as_str(), h.shard.describe(GROUP, 5).protocol_type.as_str()), ("Empty", ""));
    // Offsets deleted before they are written again, and the other way round.
    h.log = [
        records::offset_tombstone(GROUP, "t", 0),
        offsets[0].clone(),
        offsets[1].clone(),
        records::offset_tombstone(GROUP, "u", 0),
    ]
    .into();
    h.reload();
    assert_eq!(fetch_from(&h.shard, GROUP, None).len(), 1);
}

#[test]
fn a_reloaded_group_goes_on_where_it_was() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(3);
    h.commit_simple("simple", "t", 5);
    let (before, listed) = (h.shard.describe(GROUP, 5), h.shard.list(&[], &[]));
    h.advance(i64::from(SESSION_MS) - 1);
    h.reload();
    assert_eq!((h.shard.describe(GROUP, 5), h.shard.list(&[], &[])), (before, listed));
    h.advance(i64::from(SESSION_MS) - 1);
    for id in &ids {
        assert_eq!(h.heartbeat(generation, id), ErrorCode::None, "a whole session after loading");
    }
    let token = h.sync(sync_request(&ids[2], generation, &[]));
    assert_eq!(h.synced(token).assignment, assignment_of(&ids[2]));
    let leader = h.join(4, join_request(&ids[0]));
    assert!(h.is_parked(leader), "the leader is still the leader");
}

#[test]
fn a_generation_that_was_not_durable_never_was() {
    let mut h = Harness::new();
    let (ids, generation) = h.stable_group(1);
    assert_eq!(h.join_now(4, join_request(&ids[0])).generation_id, generation + 1);
    h.fail_appends = true;
    let token = h.sync(sync_request(&ids[0], generation + 1, &[&ids[0]]));
    assert_eq!(ErrorCode::from_code(h.synced(token).error_code), ErrorCode::CoordinatorNotAvailable);
    h.fail_appends = false;
    assert_eq!(h.heartbeat(generation + 1, &ids[0]), ErrorCode::IllegalGeneration);
    assert_eq!(h.heartbeat(generation, &ids[0]), ErrorCode::None);
    assert_eq!(h.join_now(4, join_request(&ids[0])).generation_id, generation + 1);
}

#[test]
fn a_commit_that_was_not_durable_is_not_seen() {
    let mut h = Harness::new();
    h.commit_simple(GROUP, "t", 1);
    h.fail_appends = true;
    assert_eq!(h.commit_simple(GROUP, "t", 2), ErrorCode::CoordinatorNotAvailable);
    assert_eq!(h.shard.committed_offset(GROUP, "t", 0).map(|c| c.offset), Some(1));
}
