//! What the broker remembers of idempotent producers, and that it still does after a stop and after kill -9.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use barnabas_protocol::messages::produce_response::PartitionProduceResponse;
use common::{Client, DataDir, Launch, Server, records};

const OUT_OF_ORDER_SEQUENCE: i16 = 45;
const INVALID_PRODUCER_EPOCH: i16 = 47;
const INVALID_RECORD: i16 = 87;

fn send(client: &mut Client, producer: (i64, i16), sequence: i32) -> PartitionProduceResponse {
    client.produce("t", 0, &records::sequenced(producer, sequence, &["v"]))
}

fn assert_stored(answer: &PartitionProduceResponse, offset: i64) {
    assert_eq!((answer.error_code, answer.base_offset), (0, offset), "{:?}", answer.error_message);
}

fn assert_offsets(client: &mut Client, count: i64) {
    let fetched = client.fetch("t", 0, 0);
    assert_eq!(fetched.high_watermark, count);
    let offsets: Vec<_> = (0..count).map(|offset| (offset, offset)).collect();
    assert_eq!(records::offsets(&fetched.records.unwrap()), offsets);
}

fn broker() -> (Server, Client) {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    (server, client)
}

#[test]
fn duplicates_return_the_original_offset() {
    let (_server, mut client) = broker();
    let producer = client.init_producer_id();
    for sequence in 0..8 {
        assert_stored(&send(&mut client, producer, sequence), i64::from(sequence));
    }
    for sequence in 3..8 {
        assert_stored(&send(&mut client, producer, sequence), i64::from(sequence));
    }
    for sequence in 0..3 {
        assert_eq!(send(&mut client, producer, sequence).error_code, OUT_OF_ORDER_SEQUENCE, "older than five batches");
    }
    assert_offsets(&mut client, 8);
}

#[test]
fn gaps_stale_epochs_and_negative_sequences_are_refused() {
    let (_server, mut client) = broker();
    let (id, epoch) = client.init_producer_id();
    assert_stored(&send(&mut client, (id, epoch), 0), 0);
    assert_eq!(send(&mut client, (id, epoch), 2).error_code, OUT_OF_ORDER_SEQUENCE);
    assert_eq!(send(&mut client, (id, epoch), i32::MAX).error_code, OUT_OF_ORDER_SEQUENCE);
    assert_eq!(send(&mut client, (id, epoch), -7).error_code, INVALID_RECORD);
    assert_stored(&send(&mut client, (id, epoch + 1), 0), 1);
    assert_eq!(send(&mut client, (id, epoch), 1).error_code, INVALID_PRODUCER_EPOCH);
    assert_eq!(send(&mut client, (id, epoch + 2), 5).error_code, OUT_OF_ORDER_SEQUENCE);
    assert_stored(&send(&mut client, (id, epoch + 1), 1), 2);
    assert_offsets(&mut client, 3);
}

#[test]
fn sequences_wrap_around() {
    let (_server, mut client) = broker();
    let producer = client.init_producer_id();
    let batch = |sequence| records::sequenced(producer, sequence, &["a", "b"]);
    for (sequence, offset) in [(i32::MAX - 2, 0), (i32::MAX, 2), (1, 4), (i32::MAX, 2)] {
        assert_stored(&client.produce("t", 0, &batch(sequence)), offset);
    }
}

#[test]
fn an_unknown_producer_may_start_anywhere() {
    let (_server, mut client) = broker();
    let producer = client.init_producer_id();
    assert_stored(&send(&mut client, producer, 7), 0);
    assert_stored(&send(&mut client, producer, 8), 1);
}

#[test]
fn producer_ids_are_never_given_twice() {
    let data = DataDir::new();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..4 {
        let server = Launch::on(&data).start();
        let mut client = server.connect();
        for _ in 0..20 {
            assert!(seen.insert(client.init_producer_id().0), "round {round}");
        }
        if round % 2 == 0 {
            server.kill();
        } else {
            server.stop();
        }
    }
}

fn remembers_after(end: impl Fn(Server)) {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    let (id, epoch) = client.init_producer_id();
    for sequence in 0..7 {
        assert_stored(&send(&mut client, (id, epoch), sequence), i64::from(sequence));
    }
    drop(client);
    end(server);
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    assert_stored(&send(&mut client, (id, epoch), 6), 6);
    assert_stored(&send(&mut client, (id, epoch), 2), 2);
    assert_eq!(send(&mut client, (id, epoch), 1).error_code, OUT_OF_ORDER_SEQUENCE);
    assert_eq!(send(&mut client, (id, epoch), 8).error_code, OUT_OF_ORDER_SEQUENCE);
    assert_eq!(send(&mut client, (id, epoch - 1), 7).error_code, INVALID_PRODUCER_EPOCH);
    assert_stored(&send(&mut client, (id, epoch), 7), 7);
    assert_offsets(&mut client, 8);
}

#[test]
fn a_clean_stop_forgets_nothing() {
    remembers_after(|server| assert!(server.stop().0.success()));
}

#[test]
fn kill_9_forgets_nothing() {
    remembers_after(Server::kill);
}
