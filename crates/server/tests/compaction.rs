//! The log cleaner on the real binary: what it removes, what it never does, also over kill -9, and that committed offsets
//! survive it.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use barnabas_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use barnabas_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use barnabas_protocol::messages::{OffsetCommitRequest, OffsetFetchRequest};
use barnabas_protocol::records::{Compression, DecompressionLimit, read_records, split_batches};
use bytes::Bytes;
use common::{Client, DataDir, Launch, Server, records};

const KEYS: usize = 20;
const VALUE_BYTES: usize = 50_000;
const COMPACTED: &[(&str, &str)] =
    &[("cleanup.policy", "compact"), ("segment.bytes", "1048576"), ("min.cleanable.dirty.ratio", "0.01")];

fn launch(data: &DataDir) -> Launch {
    Launch::on(data).set("log.cleaner.backoff.ms", "50").set("offsets.topic.num.partitions", "1")
}

fn value(round: usize) -> Vec<u8> {
    let mut value = format!("{round:04}").into_bytes();
    value.resize(VALUE_BYTES, b'.');
    value
}

/// Writes every key once per round.
fn write(client: &mut Client, rounds: std::ops::Range<usize>) {
    for round in rounds {
        for key in 0..KEYS {
            let batch = records::keyed(Compression::None, &[(&format!("k{key}"), &value(round))]);
            assert_eq!(client.produce("t", 0, &batch).error_code, 0);
        }
    }
}

/// Reads the partition to its end: the last value of every key, and how many records there are.
fn read(client: &mut Client) -> (BTreeMap<String, Vec<u8>>, usize) {
    let (mut last, mut count, mut offset) = (BTreeMap::new(), 0, 0);
    loop {
        let fetched = client.fetch("t", 0, offset);
        assert_eq!(fetched.error_code, 0);
        let bytes = fetched.records.unwrap_or_default().into_bytes().unwrap();
        for batch in split_batches(&bytes) {
            let (header, batch) = batch.unwrap();
            for record in read_records(&Bytes::copy_from_slice(batch), DecompressionLimit::default()).unwrap() {
                let record = record.unwrap();
                let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                last.insert(key, record.value.unwrap().to_vec());
                count += 1;
            }
            offset = header.next_offset();
        }
        if offset == fetched.high_watermark {
            return (last, count);
        }
        assert!(!bytes.is_empty(), "a reader at {offset} never reaches the end, {}", fetched.high_watermark);
    }
}

fn assert_last(client: &mut Client, round: usize) {
    let (last, _) = read(client);
    assert_eq!(last.len(), KEYS);
    assert!(last.values().all(|found| *found == value(round)));
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn disk_bytes(data: &DataDir, partition: &str) -> u64 {
    data.files(partition, ".log").iter().map(|file| file.metadata().map_or(0, |file| file.len())).sum()
}

#[test]
fn superseded_records_go_and_the_last_of_every_key_stays() {
    let data = DataDir::new();
    let server = launch(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 1, COMPACTED);
    write(&mut client, 0..12);
    wait_until("compaction frees the disk", || disk_bytes(&data, "t-0") < 4 << 20);
    assert_last(&mut client, 11);
    let (_, records) = read(&mut client);
    assert!(records < 6 * KEYS, "{records} records are left");
    let (status, took) = server.stop();
    assert!(status.success() && took < Duration::from_secs(2));
    assert_last(&mut launch(&data).start().connect(), 11);
}

#[test]
fn nothing_is_lost_when_the_broker_is_killed_while_it_compacts() {
    let data = DataDir::new();
    let mut next = 0;
    for kill in 0..12 {
        let server = launch(&data).start();
        let mut client = server.connect();
        if kill == 0 {
            client.create_topic("t", 1, COMPACTED);
        } else {
            assert_last(&mut client, next - 1);
        }
        write(&mut client, next..next + 3);
        next += 3;
        std::thread::sleep(Duration::from_millis(15 * kill));
        server.kill();
    }
    let server = launch(&data).start();
    let mut client = server.connect();
    assert_last(&mut client, next - 1);
    server.assert_unharmed();
}

#[test]
fn committed_offsets_survive_the_compaction_of_their_topic() {
    let data = DataDir::new();
    let start = || launch(&data).set("offsets.topic.segment.bytes", "1048576").start();
    let server = start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    for offset in 0..7000 {
        assert_eq!(commit(&mut client, offset, &"m".repeat(300)), 0);
    }
    wait_until("the offsets topic is compacted", || disk_bytes(&data, "__consumer_offsets-0") < 1 << 20);
    assert_eq!(committed(&mut client), 6999);
    server.kill();
    let server = start();
    assert_eq!(committed(&mut server.connect()), 6999);
    drop::<Server>(server);
}

fn commit(client: &mut Client, offset: i64, metadata: &str) -> i16 {
    let partition = OffsetCommitRequestPartition {
        committed_offset: offset,
        committed_metadata: Some(metadata.to_owned()),
        ..Default::default()
    };
    let topic = OffsetCommitRequestTopic { name: "t".into(), partitions: vec![partition], ..Default::default() };
    let request = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    client.call(8, &request).topics[0].partitions[0].error_code
}

fn committed(client: &mut Client) -> i64 {
    let topic = OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0] };
    let request = OffsetFetchRequest { group_id: "g".into(), topics: Some(vec![topic]), ..Default::default() };
    client.call(7, &request).topics[0].partitions[0].committed_offset
}
