//! Records that must not get into a log, each with the error that Apache Kafka 4.3 gives its producer, and the log
//! untouched afterwards. Idempotent producers are in `idempotence.rs`, compressed bombs in `crowds.rs`.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::time::Duration;

use barnabas_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use barnabas_protocol::messages::{ListOffsetsRequest, ProduceRequest, produce_request::*};
use barnabas_protocol::records::{BatchBuilder, BatchHeader, Compression, TimestampType, crc_is_valid};
use bytes::Bytes;
use common::records::{ATTRIBUTES_AT, LAST_OFFSET_DELTA_AT, MAGIC_AT, RECORD_COUNT_AT};
use common::{Client, Server, produce_request, records};

const UNKNOWN_SERVER_ERROR: i16 = -1;
const CORRUPT_MESSAGE: i16 = 2;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const MESSAGE_TOO_LARGE: i16 = 10;
const INVALID_TOPIC: i16 = 17;
const INVALID_REQUIRED_ACKS: i16 = 21;
const INVALID_TIMESTAMP: i16 = 32;
const INVALID_RECORD: i16 = 87;
const UNKNOWN_TOPIC_ID: i16 = 100;
const HOUR_MS: i64 = 3_600_000;

/// A broker with a topic `t` that deletes and a topic `c` that compacts.
fn broker() -> (Server, Client) {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    client.create_topic("c", 1, &[("cleanup.policy", "compact")]);
    (server, client)
}

/// The batch is refused with this error, and nothing of it is in the log.
fn assert_refused(client: &mut Client, topic: &str, batch: &[u8], error: i16) {
    let before = client.fetch(topic, 0, 0).high_watermark;
    let answer = client.produce(topic, 0, batch);
    assert_eq!(answer.error_code, error, "{:?}", answer.error_message);
    assert_eq!(answer.base_offset, -1);
    assert_eq!(client.fetch(topic, 0, 0).high_watermark, before);
}

fn assert_accepted(client: &mut Client, topic: &str, batch: &[u8]) {
    let answer = client.produce(topic, 0, batch);
    assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
}

#[test]
fn other_magics_are_refused() {
    let (_server, mut client) = broker();
    for (magic, error) in [(0, INVALID_RECORD), (1, INVALID_RECORD), (3, CORRUPT_MESSAGE), (0x7f, CORRUPT_MESSAGE)] {
        assert_refused(&mut client, "t", &records::patched(records::batch(&["v"]), MAGIC_AT, &[magic]), error);
    }
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let (_server, mut client) = broker();
    let batch = || records::batch(&["a", "b"]);
    let mut shifted = batch();
    shifted[..8].copy_from_slice(&5i64.to_be_bytes());
    assert_refused(&mut client, "t", &shifted, INVALID_RECORD);
    for count in [0, -1, 1, 3, i32::MAX, i32::MIN] {
        let wrong = records::patched(batch(), RECORD_COUNT_AT, &count.to_be_bytes());
        assert_refused(&mut client, "t", &wrong, INVALID_RECORD);
    }
    for delta in [0, -1, 2, i32::MAX, i32::MIN] {
        let wrong = records::patched(batch(), LAST_OFFSET_DELTA_AT, &delta.to_be_bytes());
        assert_refused(&mut client, "t", &wrong, INVALID_RECORD);
    }
    for codec in [5, 6, 7] {
        assert_refused(&mut client, "t", &records::patched(batch(), ATTRIBUTES_AT, &[0, codec]), UNKNOWN_SERVER_ERROR);
    }
    assert_refused(&mut client, "t", &records::finish(records::builder().control(true), &["a"]), INVALID_RECORD);
}

#[test]
fn anything_but_one_whole_batch_is_refused() {
    let (server, mut client) = broker();
    let batch = records::batch(&["a"]);
    assert_refused(&mut client, "t", &[], INVALID_RECORD);
    assert_refused(&mut client, "t", &[batch.clone(), batch.clone()].concat(), INVALID_RECORD);
    for cut in [1, 12, 16, 17, 40, 60, batch.len() - 1] {
        let answer = client.produce("t", 0, &batch[..cut]);
        assert!([CORRUPT_MESSAGE, INVALID_RECORD].contains(&answer.error_code), "{cut}: {answer:?}");
    }
    for length in [-1, 0, 13, i32::MAX, i32::MIN] {
        let mut wrong = batch.clone();
        wrong[records::LENGTH_AT..records::LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
        let answer = client.produce("t", 0, &wrong);
        assert!([CORRUPT_MESSAGE, INVALID_RECORD].contains(&answer.error_code), "{length}: {answer:?}");
    }
    assert_eq!(client.fetch("t", 0, 0).high_watermark, 0);
    server.assert_unharmed();
}

/// As in Kafka, where the log starts is told when the batch itself has been judged, and not when there is none.
#[test]
fn where_the_log_starts_is_told_of_refused_records() {
    let (_server, mut client) = broker();
    client.create_topic("small", 1, &[("max.message.bytes", "1000")]);
    let batch = records::batch(&["a"]);
    let mut damaged = batch.clone();
    damaged[30] ^= 1;
    let of_no_batch = [
        ("t", Vec::new()),
        ("t", [batch.clone(), batch.clone()].concat()),
        ("t", batch[..40].to_vec()),
        ("t", damaged),
        ("t", records::patched(batch.clone(), MAGIC_AT, &[1])),
        ("t", records::patched(batch.clone(), MAGIC_AT, &[3])),
        ("small", records::batch(&[&"x".repeat(1000)])),
    ];
    for (topic, records) in of_no_batch {
        let answer = client.produce(topic, 0, &records);
        assert_ne!(answer.error_code, 0);
        assert_eq!(answer.log_start_offset, -1, "{:?}", answer.error_message);
    }
    for (topic, records) in [("t", records::patched(batch.clone(), ATTRIBUTES_AT + 1, &[0x20])), ("c", batch)] {
        let answer = client.produce(topic, 0, &records);
        assert_eq!((answer.error_code, answer.log_start_offset), (INVALID_RECORD, 0), "{:?}", answer.error_message);
    }
}

/// An answer that names every record would be many times larger than the request.
#[test]
fn a_bounded_number_of_records_is_named_per_request() {
    let (_server, mut client) = broker();
    client.create_topic("keyed", 4, &[("cleanup.policy", "compact")]);
    let mut builder = records::builder();
    for _ in 0..200 {
        builder.add(records::now_ms(), None, Some(b"v"), &[]);
    }
    let batch = Bytes::from(builder.build(0, -1).unwrap());
    let data = |index| PartitionProduceData { index, records: Some(batch.clone()) };
    let topic =
        TopicProduceData { name: "keyed".to_owned(), partition_data: (0..4).map(data).collect(), ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() };
    let answer = client.call(12, &request);
    let named: Vec<_> =
        answer.responses[0].partition_responses.iter().map(|p| (p.error_code, p.record_errors.len())).collect();
    assert_eq!(named, [(87, 200), (87, 56), (87, 0), (87, 0)]);
}

/// What the broker stored of a batch that it accepted.
fn stored(client: &mut Client, batch: &[u8]) -> BatchHeader {
    let answer = client.produce("t", 0, batch);
    assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
    let bytes = client.fetch("t", 0, answer.base_offset).records.unwrap().into_bytes().unwrap();
    assert!(crc_is_valid(&bytes));
    BatchHeader::parse(&bytes).unwrap()
}

/// Retention would delete such records at once, and Kafka does not. Some clients send it in good faith, for a batch of
/// which only one record has a time of its own.
#[test]
fn a_largest_timestamp_that_no_record_has_is_corrected() {
    let (_server, mut client) = broker();
    let now_ms = records::now_ms();
    for codec in Compression::ALL {
        for (base, claimed) in [(now_ms, 1), (now_ms, -1), (1, 1), (now_ms, now_ms + 2 * HOUR_MS)] {
            for count in [1, 3, 500] {
                let mut builder = BatchBuilder::new(codec, TimestampType::CreateTime).max_timestamp(claimed);
                builder.add(base, None, Some(b"v"), &[]);
                for _ in 0..count {
                    builder.add(now_ms, None, Some(b"v"), &[]);
                }
                let header = stored(&mut client, &builder.build(0, -1).unwrap());
                assert_eq!((header.base_timestamp, header.max_timestamp), (base, now_ms), "{codec} {claimed} {count}");
            }
        }
    }
    let latest = ListOffsetsPartition { partition_index: 0, timestamp: -3, current_leader_epoch: -1 };
    let topic = ListOffsetsTopic { name: "t".to_owned(), partitions: vec![latest] };
    let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
    let answer = client.call(7, &request);
    assert_eq!(answer.topics[0].partitions[0].timestamp, now_ms);
}

#[test]
fn a_batch_of_few_records_must_be_what_it_declares() {
    let (_server, mut client) = broker();
    let batch = records::batch(&["one", "long enough for three records or even four of them"]);
    let three = records::patched(batch.clone(), RECORD_COUNT_AT, &3i32.to_be_bytes());
    let three = records::patched(three, LAST_OFFSET_DELTA_AT, &2i32.to_be_bytes());
    assert_refused(&mut client, "t", &three, INVALID_RECORD);
    let mut longer = batch.clone();
    longer.extend(b"and more");
    records::seal(&mut longer);
    assert_refused(&mut client, "t", &longer, INVALID_RECORD);
    let mut damaged = three;
    damaged[70] ^= 1;
    assert_refused(&mut client, "t", &damaged, CORRUPT_MESSAGE);
    assert_accepted(&mut client, "t", &batch);
}

#[test]
fn records_from_a_wrong_time_are_named() {
    let (_server, mut client) = broker();
    client.create_topic("narrow", 1, &[("message.timestamp.before.max.ms", "5000")]);
    let now_ms = records::now_ms();
    for (topic, times) in [("t", [now_ms, now_ms + 3 * HOUR_MS, 1]), ("narrow", [-1, now_ms - 60_000, now_ms])] {
        for codec in Compression::ALL {
            let mut builder = BatchBuilder::new(codec, TimestampType::CreateTime);
            for time in times {
                builder.add(time, None, Some(b"v"), &[]);
            }
            let answer = client.produce(topic, 0, &builder.build(0, -1).unwrap());
            let named: Vec<_> = answer.record_errors.iter().map(|record| record.batch_index).collect();
            assert_eq!((answer.error_code, named, answer.log_start_offset), (INVALID_TIMESTAMP, vec![1], 0), "{codec}");
        }
    }
}

/// As in Kafka; a log that stamps its records itself refuses such a batch.
#[test]
fn a_batch_that_its_producer_marked_as_stamped_is_one_with_times_of_the_producer() {
    let (_server, mut client) = broker();
    client.create_topic("stamping", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let now_ms = records::now_ms();
    for (codec, count) in [(Compression::None, 1), (Compression::None, 50), (Compression::Zstd, 50)] {
        let mut builder = BatchBuilder::new(codec, TimestampType::LogAppendTime).max_timestamp(now_ms + 60_000);
        for index in 0..count {
            builder.add(now_ms + index, None, Some(b"v"), &[]);
        }
        let batch = builder.build(0, -1).unwrap();
        let header = stored(&mut client, &batch);
        assert_eq!(header.timestamp_type(), TimestampType::CreateTime);
        assert_eq!(header.max_timestamp, now_ms + count - 1);
        assert_refused(&mut client, "stamping", &batch, INVALID_TIMESTAMP);
    }
}

#[test]
fn a_batch_larger_than_the_limit_is_too_large() {
    let (_server, mut client) = broker();
    client.create_topic("small", 1, &[("max.message.bytes", "1000")]);
    assert_refused(&mut client, "small", &records::batch(&[&"x".repeat(1000)]), MESSAGE_TOO_LARGE);
    assert_accepted(&mut client, "small", &records::batch(&[&"x".repeat(800)]));
    assert_refused(&mut client, "t", &records::batch(&[&"x".repeat(1_048_588)]), MESSAGE_TOO_LARGE);
}

#[test]
fn a_compacted_topic_names_the_records_without_keys() {
    let (_server, mut client) = broker();
    let mut builder = records::builder();
    for key in [Some(&b"k"[..]), None, Some(b""), None] {
        builder.add(records::now_ms(), key, Some(b"v"), &[]);
    }
    let batch = builder.build(0, -1).unwrap().to_vec();
    let answer = client.produce("c", 0, &batch);
    assert_eq!(answer.error_code, INVALID_RECORD);
    let named: Vec<_> = answer.record_errors.iter().map(|record| record.batch_index).collect();
    assert_eq!(named, [1, 3]);
    assert!(answer.error_message.is_some());
    assert_accepted(&mut client, "t", &batch);
    let tombstone = {
        let mut builder = records::builder();
        builder.add(records::now_ms(), Some(b"k"), None, &[]);
        builder.build(0, -1).unwrap().to_vec()
    };
    assert_accepted(&mut client, "c", &tombstone);
}

#[test]
fn broken_compressed_data_does_not_get_into_a_compacted_topic() {
    let (server, mut client) = broker();
    for codec in Compression::ALL.into_iter().filter(|codec| *codec != Compression::None) {
        let good = records::keyed(codec, &[("k", &[7; 500])]);
        assert_accepted(&mut client, "c", &good);
        let mut garbage = good[..61].to_vec();
        garbage.extend([0xde; 40]);
        records::seal(&mut garbage);
        let mut cut = good[..good.len() - 6].to_vec();
        records::seal(&mut cut);
        for broken in [garbage, cut] {
            let answer = client.produce("c", 0, &broken);
            assert!([UNKNOWN_SERVER_ERROR, INVALID_RECORD].contains(&answer.error_code), "{codec}: {answer:?}");
        }
    }
    let served = client.fetch("c", 0, 0);
    assert_eq!(records::offsets(&served.records.unwrap()).len(), 4);
    server.assert_unharmed();
}

#[test]
fn records_that_lie_about_their_size_do_not_get_into_a_compacted_topic() {
    let (server, mut client) = broker();
    let good = records::keyed(Compression::None, &[("k", b"value")]);
    // The first record's length, attributes, deltas, key length.
    for at in 61..67 {
        for byte in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            let bad = records::patched(good.clone(), at, &[byte]);
            let answer = client.produce("c", 0, &bad);
            assert!([0, UNKNOWN_SERVER_ERROR, INVALID_RECORD].contains(&answer.error_code), "{at} {byte}: {answer:?}");
        }
    }
    server.assert_unharmed();
}

#[test]
fn timestamps_far_ahead_are_refused_and_old_ones_kept() {
    let (_server, mut client) = broker();
    let at = |timestamp| {
        let mut builder = records::builder();
        builder.add(timestamp, None, Some(b"v"), &[]);
        builder.build(0, -1).unwrap().to_vec()
    };
    for ahead in [HOUR_MS + 60_000, 24 * HOUR_MS, 10 * 365 * 24 * HOUR_MS] {
        assert_refused(&mut client, "t", &at(records::now_ms() + ahead), INVALID_TIMESTAMP);
    }
    assert_refused(&mut client, "t", &at(i64::MAX), INVALID_TIMESTAMP);
    for fine in [records::now_ms() + HOUR_MS - 60_000, 0, -1, -5] {
        assert_accepted(&mut client, "t", &at(fine));
    }
}

#[test]
fn failed_requests_without_acks_close_the_connection() {
    let (server, _) = broker();
    let cases = [("t", records::patched(records::batch(&["v"]), MAGIC_AT, &[3])), ("nowhere", records::batch(&["v"]))];
    for (topic, batch) in cases {
        let mut client = server.connect();
        let (_, frame) = client.frame(12, &produce_request(topic, 0, 0, &batch));
        client.send_bytes(&frame);
        client.assert_closed();
    }
    let mut client = server.connect();
    let (_, frame) = client.frame(12, &produce_request("t", 0, 0, &records::batch(&["v"])));
    client.send_bytes(&frame);
    assert_eq!(client.metadata(None).brokers.len(), 1, "a good request without acks has no answer");
    // Readers see it when it is on disk, which nobody has waited for.
    let is_there = |client: &mut Client| client.fetch("t", 0, 0).high_watermark == 1;
    assert!((0..500).any(|_| is_there(&mut client) || {
        std::thread::sleep(Duration::from_millis(10));
        false
    }));
    server.assert_unharmed();
}

#[test]
fn what_does_not_exist_is_unknown() {
    let (_server, mut client) = broker();
    let batch = records::batch(&["v"]);
    for (topic, partition) in [("nowhere", 0), ("t", 1), ("t", -1), ("t", i32::MAX), ("../t", 0), ("", 0)] {
        let answer = client.produce(topic, partition, &batch);
        assert_eq!(answer.error_code, UNKNOWN_TOPIC_OR_PARTITION, "{topic}-{partition}");
    }
    let mut by_id = produce_request("", 0, -1, &batch);
    by_id.topic_data[0].topic_id = "AAECAwQFBgcICQoLDA0ODw".parse().unwrap();
    let answer: barnabas_protocol::messages::ProduceResponse = client.call(13, &by_id);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, UNKNOWN_TOPIC_ID);
}

#[test]
fn internal_topics_are_not_for_clients() {
    let (_server, mut client) = broker();
    let batch = records::keyed(Compression::None, &[("k", b"v")]);
    assert_eq!(client.produce("__consumer_offsets", 0, &batch).error_code, INVALID_TOPIC);
}

#[test]
fn other_acks_are_refused() {
    let (_server, mut client) = broker();
    for acks in [2, -2, i16::MAX, i16::MIN] {
        let answer = client.call(12, &produce_request("t", 0, acks, &records::batch(&["v"])));
        assert_eq!(answer.responses[0].partition_responses[0].error_code, INVALID_REQUIRED_ACKS, "{acks}");
    }
    assert_eq!(client.fetch("t", 0, 0).high_watermark, 0);
}

#[test]
fn one_bad_partition_does_not_spoil_the_others() {
    let (_server, mut client) = broker();
    client.create_topic("two", 2, &[]);
    let data = |index, batch: Vec<u8>| PartitionProduceData { index, records: Some(Bytes::from(batch)) };
    let mut bad = records::batch(&["bad"]);
    bad[30] ^= 1;
    let partitions = vec![data(7, records::batch(&["x"])), data(0, bad), data(1, records::batch(&["good"]))];
    let topic = TopicProduceData { name: "two".to_owned(), partition_data: partitions, ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() };
    let answer = client.call(12, &request);
    let codes: Vec<_> = answer.responses[0].partition_responses.iter().map(|p| (p.index, p.error_code)).collect();
    assert_eq!(codes, [(7, UNKNOWN_TOPIC_OR_PARTITION), (0, CORRUPT_MESSAGE), (1, 0)]);
}
