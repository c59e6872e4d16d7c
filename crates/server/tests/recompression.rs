//! Topics that store batches in a codec of their own, and limits on the times of records, over the wire: what is stored,
//! what is refused, and that idempotent producers notice nothing. The answers are those of Apache Kafka 4.3.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use barnabas_protocol::records::{
    BatchBuilder, BatchHeader, Compression, DecompressionLimit, Record, TimestampType, read_records, split_batches,
};
use bytes::Bytes;
use common::{Client, Server, bombs, produce_request, records};

const UNKNOWN_SERVER_ERROR: i16 = -1;
const MESSAGE_TOO_LARGE: i16 = 10;
const INVALID_TIMESTAMP: i16 = 32;
const OUT_OF_ORDER_SEQUENCE: i16 = 45;
const INVALID_RECORD: i16 = 87;

const TYPES: [(&str, Compression); 5] = [
    ("uncompressed", Compression::None),
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
];

fn batch(builder: BatchBuilder, values: &[&str]) -> Bytes {
    records::finish(builder, values).into()
}

fn in_codec(codec: Compression) -> BatchBuilder {
    BatchBuilder::new(codec, TimestampType::CreateTime)
}

fn records_of(batch: &Bytes) -> Vec<Record> {
    read_records(batch, DecompressionLimit::default()).unwrap().map(Result::unwrap).collect()
}

/// All batches of a topic.
fn stored(client: &mut Client, topic: &str) -> Vec<(BatchHeader, Bytes)> {
    let fetched = client.fetch(topic, 0, 0).records.unwrap().into_bytes().unwrap();
    records::offsets(&fetched.clone().into());
    split_batches(&fetched).map(Result::unwrap).map(|(header, batch)| (header, fetched.slice_ref(batch))).collect()
}

#[track_caller]
fn assert_answer(client: &mut Client, topic: &str, batch: &[u8], error: i16) {
    let answer = client.produce(topic, 0, batch);
    assert_eq!(answer.error_code, error, "{:?}", answer.error_message);
}

#[test]
fn every_batch_is_stored_in_the_codec_of_its_topic() {
    let server = Server::start();
    let mut client = server.connect();
    let producer = client.init_producer_id();
    for (name, wanted) in TYPES {
        client.create_topic(name, 1, &[("compression.type", name)]);
        let sent: Vec<Bytes> = Compression::ALL
            .into_iter()
            .zip(0..)
            .map(|(codec, n)| batch(in_codec(codec).producer(producer.0, producer.1, 2 * n), &["a", "b"]))
            .collect();
        for batch in &sent {
            assert_answer(&mut client, name, batch, 0);
        }
        let stored = stored(&mut client, name);
        assert_eq!(stored.len(), sent.len());
        for ((header, stored), sent) in stored.iter().zip(sent) {
            assert_eq!(header.compression(), Ok(wanted));
            let of_sender = BatchHeader::parse(&sent).unwrap();
            let same = |h: &BatchHeader| (h.producer_id, h.producer_epoch, h.base_sequence, h.max_timestamp);
            assert_eq!(same(header), same(&of_sender));
            if of_sender.compression() == Ok(wanted) {
                assert_eq!(stored[21..], sent[21..], "the same codec: not touched");
            }
            let without_offset = |record: Record| Record { offset: 0, ..record };
            let all = |batch| records_of(batch).into_iter().map(without_offset).collect::<Vec<_>>();
            assert_eq!(all(stored), all(&sent));
        }
    }
    server.assert_unharmed();
}

#[test]
fn idempotent_producers_notice_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[("compression.type", "zstd")]);
    let (id, epoch) = client.init_producer_id();
    let send = |client: &mut Client, codec, sequence| {
        client.produce("t", 0, &batch(in_codec(codec).producer(id, epoch, sequence), &["v"]))
    };
    for sequence in 0..6 {
        assert_eq!(send(&mut client, Compression::Gzip, sequence).base_offset, i64::from(sequence));
    }
    for sequence in 1..6 {
        let again = send(&mut client, Compression::Gzip, sequence);
        assert_eq!((again.error_code, again.base_offset), (0, i64::from(sequence)), "a duplicate");
    }
    assert_eq!(send(&mut client, Compression::Lz4, 9).error_code, OUT_OF_ORDER_SEQUENCE);
    assert_eq!(send(&mut client, Compression::None, 6).base_offset, 6);
    assert_eq!(stored(&mut client, "t").len(), 7);
}

#[test]
fn acks_0_is_stored_too_and_times_of_arrival_are_stamped() {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[("compression.type", "lz4"), ("message.timestamp.type", "LogAppendTime")]);
    let (_, frame) = client.frame(12, &produce_request("t", 0, 0, &records::batch(&["silent"])));
    client.send_bytes(&frame);
    assert_answer(&mut client, "t", &records::batch(&["loud"]), 0);
    let stored = stored(&mut client, "t");
    assert_eq!(stored.len(), 2);
    for (header, _) in stored {
        assert_eq!(
            (header.compression(), header.timestamp_type()),
            (Ok(Compression::Lz4), TimestampType::LogAppendTime)
        );
    }
}

#[test]
fn the_limit_of_size_counts_before_and_after() {
    let server = Server::start();
    let mut client = server.connect();
    let limit = ("max.message.bytes", "10000");
    client.create_topic("grows", 1, &[("compression.type", "uncompressed"), limit]);
    client.create_topic("shrinks", 1, &[("compression.type", "gzip"), limit]);
    let long = "x".repeat(20_000);
    assert_answer(&mut client, "grows", &batch(in_codec(Compression::Gzip), &[&long]), MESSAGE_TOO_LARGE);
    assert_answer(&mut client, "grows", &batch(in_codec(Compression::Gzip), &[&long[..9000]]), 0);
    assert_answer(&mut client, "shrinks", &records::batch(&[&long]), MESSAGE_TOO_LARGE);
    assert_answer(&mut client, "shrinks", &records::batch(&[&long[..9000]]), 0);
    assert!(stored(&mut client, "shrinks")[0].1.len() < 200);
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[("compression.type", "snappy"), ("max.message.bytes", "20000000")]);
    let mut corrupt = batch(in_codec(Compression::Gzip), &["v"]).to_vec();
    corrupt[63] ^= 0xff;
    records::seal(&mut corrupt);
    assert_answer(&mut client, "t", &corrupt, UNKNOWN_SERVER_ERROR);
    assert_answer(&mut client, "t", &bombs::bomb(4, 64 << 20, true), INVALID_RECORD);
    assert_answer(&mut client, "t", &records::batch(&["still here"]), 0);
    assert_eq!(client.fetch("t", 0, 0).high_watermark, 1);
    server.assert_unharmed();
}

#[test]
fn every_record_must_be_within_the_limits_of_time() {
    let server = Server::start();
    let mut client = server.connect();
    let limit = ("message.timestamp.before.max.ms", "60000");
    client.create_topic("kept", 1, &[limit]);
    client.create_topic("changed", 1, &[limit, ("compression.type", "lz4")]);
    client.create_topic("stamped", 1, &[limit, ("message.timestamp.type", "LogAppendTime")]);
    let now = records::now_ms();
    let at = |codec, middle| {
        let mut builder = in_codec(codec);
        for time in [now, middle, now + 1] {
            builder.add(time, Some(b"k"), Some(b"v"), &[]);
        }
        builder.build(0, -1).unwrap()
    };
    for codec in Compression::ALL {
        for topic in ["kept", "changed"] {
            let answer = client.produce(topic, 0, &at(codec, now - 120_000));
            let named: Vec<i32> = answer.record_errors.iter().map(|record| record.batch_index).collect();
            assert_eq!((answer.error_code, named), (INVALID_TIMESTAMP, vec![1]), "{codec} {topic}");
            assert_answer(&mut client, topic, &at(codec, now - 30_000), 0);
            assert_answer(&mut client, topic, &at(codec, -1), 0);
        }
        assert_answer(&mut client, "stamped", &at(codec, 5), 0);
    }
}
