//! Requests that are wrong on the wire: each costs its sender at most the connection, is told in one log line, and
//! costs nobody else anything. Records and topics are not at fault here; see `produce.rs`.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::time::Duration;

use barnabas_protocol::messages::*;
use barnabas_protocol::{ApiKey, Message, Reader, Request, SERVED_APIS};
use common::{Server, request_frame};

const UNSUPPORTED_VERSION: i16 = 35;
const INVALID_REQUEST: i16 = 42;

/// The broker refused what this connection sent: it is closed and there is one log line, with the address.
fn assert_refused(server: &Server, mut client: common::Client, says: &str) {
    client.assert_closed();
    let peer = client.address();
    let lines = server.wait_for_log(&[&peer]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(says), "{says:?} is not in {lines:?}");
    server.assert_unharmed();
}

/// An ApiVersions answer as every client can read it: version 0, header 0, no throttle time, one row.
fn assert_steps_down(client: &mut common::Client, correlation_id: i32) {
    let mut answer = Reader::new(client.receive().unwrap());
    assert_eq!(answer.int32().unwrap(), correlation_id);
    assert_eq!(answer.int16().unwrap(), UNSUPPORTED_VERSION);
    assert_eq!(answer.int32().unwrap(), 1, "rows");
    assert_eq!((answer.int16().unwrap(), answer.int16().unwrap(), answer.int16().unwrap()), (18, 0, 4));
    answer.finish().unwrap();
}

#[test]
fn unknown_api_versions_versions_step_down() {
    let server = Server::start();
    let mut client = server.connect();
    for version in [5, 99, i16::MAX, -1, i16::MIN] {
        client.send_bytes(&request_frame(18, version, 7, Some("new"), true, &[4, b'a', b'b', b'c', 2, b'1', 0]));
        assert_steps_down(&mut client, 7);
    }
    // The connection is as good as new.
    let answer = client.call(3, &api_versions("real-client"));
    assert_eq!(answer.error_code, 0);
    server.assert_unharmed();
}

#[test]
fn broken_api_versions_bodies_step_down() {
    let server = Server::start();
    for body in [&[][..], &[200], &[4, b'a'], &[0xff; 40], &[1, 1, 1, 9, 200]] {
        let mut client = server.connect();
        client.send_bytes(&request_frame(18, 3, 9, Some("new"), true, body));
        assert_steps_down(&mut client, 9);
        let answer = client.call(3, &api_versions("real-client"));
        assert_eq!(answer.error_code, 0);
    }
    server.assert_unharmed();
}

#[test]
fn api_versions_answers_hold_the_served_table() {
    let server = Server::start();
    let mut client = server.connect();
    for version in 0..=4 {
        let answer = client.call(version, &api_versions("real-client"));
        assert_eq!(answer.error_code, 0);
        let told: Vec<_> = answer.api_keys.iter().map(|row| (row.api_key, row.min_version, row.max_version)).collect();
        let row = |api: &ApiKey| (api.code(), api.versions().first, api.versions().last);
        let served: Vec<_> = SERVED_APIS.iter().map(row).collect();
        assert_eq!(told, served);
    }
    for name in ["", "-", "a b", "ä", "x."] {
        assert_eq!(client.call(3, &api_versions(name)).error_code, INVALID_REQUEST, "{name:?}");
    }
}

fn api_versions(name: &str) -> ApiVersionsRequest {
    ApiVersionsRequest { client_software_name: name.to_owned(), client_software_version: "1.0".to_owned() }
}

#[test]
fn client_ids_may_be_null_empty_or_long() {
    let server = Server::start();
    let long = "x".repeat(30_000);
    for client_id in [None, Some(""), Some("ü\"\n\u{1b}[31m"), Some(long.as_str())] {
        let mut client = server.connect();
        client.client_id = client_id.map(str::to_owned);
        assert_eq!(client.metadata(None).brokers.len(), 1);
        assert_eq!(client.call(0, &MetadataRequest::default()).brokers.len(), 1);
    }
    server.assert_unharmed();
}

#[test]
fn unknown_api_keys_are_refused() {
    let server = Server::start();
    for api in [4, 7, 26, 71, 99, 1000, i16::MAX, -1, i16::MIN] {
        let mut client = server.connect();
        client.send_bytes(&request_frame(api, 0, 1, Some("x"), false, &[0; 32]));
        assert_refused(&server, client, &format!("API key {api} is not served"));
    }
}

#[test]
fn unserved_versions_are_refused() {
    let server = Server::start();
    for api in SERVED_APIS.iter().filter(|api| **api != ApiKey::ApiVersions) {
        for version in [api.first_decodable_version() - 1, api.versions().last + 1] {
            let mut client = server.connect();
            client.send_bytes(&request_frame(api.code(), version, 1, Some("x"), false, &[0; 32]));
            assert_refused(&server, client, &format!("{} version {version} is not served", api.name()));
        }
    }
}

#[test]
fn a_request_cut_anywhere_is_refused_or_answered_but_never_hangs() {
    let server = Server::start();
    let mut client = server.connect();
    let (_, whole) = client.frame(12, &common::produce_request("t", 0, 1, &common::records::batch(&["v"])));
    for cut in 4..whole.len() {
        let mut client = server.connect();
        let size = i32::try_from(cut - 4).unwrap();
        client.send_bytes(&[&size.to_be_bytes(), &whole[4..cut]].concat());
        client.assert_closed();
        let lines = server.wait_for_log(&[&client.address()]);
        assert_eq!(lines.len(), 1, "{lines:?}");
    }
    server.assert_unharmed();
}

#[test]
fn bytes_after_a_request_are_ignored_as_kafka_ignores_them() {
    let server = Server::start();
    let mut client = server.connect();
    let mut body = MetadataRequest { topics: Some(Vec::new()), ..Default::default() }.encode(9).to_vec();
    body.extend([0xaa; 100]);
    client.send_bytes(&request_frame(3, 9, 5, Some("x"), true, &body));
    assert_eq!(client.answer::<MetadataRequest>(9, 5).brokers.len(), 1);
    assert_eq!(client.metadata(None).brokers.len(), 1);
}

#[test]
fn declared_sizes_that_cannot_be_are_refused_at_once() {
    let server = Server::start();
    for size in [-1, i32::MIN, i32::MAX, (100 << 20) + 1] {
        let mut client = server.connect();
        client.send_bytes(&size.to_be_bytes());
        assert_refused(&server, client, &format!("claims {size} bytes"));
    }
}

#[test]
fn other_protocols_are_told_apart() {
    let server = Server::start();
    for greeting in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-x\r\n"]
    {
        let mut client = server.connect();
        client.send_bytes(greeting);
        assert_refused(&server, client, "is this a Kafka client?");
    }
}

#[test]
fn empty_and_tiny_frames_are_refused() {
    let server = Server::start();
    for frame in [&[][..], &[0], &[0, 18], &[0, 18, 0], &[0, 18, 0, 0, 0, 0, 0], &[0, 18, 0, 0, 0, 0, 0, 1, 0x7f, 0xff]]
    {
        let mut client = server.connect();
        let size = i32::try_from(frame.len()).unwrap();
        client.send_bytes(&[&size.to_be_bytes(), frame].concat());
        assert_refused(&server, client, "header");
    }
}

#[test]
fn many_requests_in_one_write_are_answered_in_order() {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    let (mut sent, mut bytes) = (Vec::new(), Vec::new());
    for round in 0..1000 {
        let (id, frame) = match round % 3 {
            0 => client.frame(3, &api_versions("real-client")),
            1 => client.frame(12, &common::produce_request("t", 0, -1, &common::records::batch(&["v"]))),
            _ => client.frame(12, &common::fetch_request("t", 0, 0)),
        };
        sent.push((round % 3, id));
        bytes.extend(frame);
    }
    let mut sender = client.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut sender, &bytes).unwrap());
    let mut next_offset = 0;
    for (kind, id) in sent {
        match kind {
            0 => assert_eq!(client.answer::<ApiVersionsRequest>(3, id).error_code, 0),
            1 => {
                let answer = client.answer::<ProduceRequest>(12, id);
                assert_eq!(answer.responses[0].partition_responses[0].base_offset, next_offset);
                next_offset += 1;
            }
            _ => assert_eq!(client.answer::<FetchRequest>(12, id).responses[0].partitions[0].error_code, 0),
        }
    }
    writing.join().unwrap();
}

#[test]
fn a_waiting_fetch_holds_up_later_answers_but_not_the_work() {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    let mut wait = common::fetch_request("t", 0, 0);
    (wait.max_wait_ms, wait.min_bytes) = (10_000, 1);
    let (fetch_id, fetch) = client.frame(12, &wait);
    let (produce_id, produce) = client.frame(12, &common::produce_request("t", 0, -1, &common::records::batch(&["v"])));
    client.send_bytes(&[fetch, produce].concat());
    client.stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let fetched = client.answer::<FetchRequest>(12, fetch_id);
    assert_eq!(common::records::offsets(fetched.responses[0].partitions[0].records.as_ref().unwrap()), [(0, 0)]);
    assert_eq!(client.answer::<ProduceRequest>(12, produce_id).responses[0].partition_responses[0].error_code, 0);
}

/// Reads flexible encodings without the code under test, and refuses every tagged field.
struct Bare {
    bytes: Vec<u8>,
    at: usize,
}

impl Bare {
    fn skip(&mut self, count: usize) {
        self.at += count;
        assert!(self.at <= self.bytes.len(), "the answer is too short");
    }

    fn varint(&mut self) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.bytes[self.at];
            self.at += 1;
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }

    fn string(&mut self) {
        let len = self.varint().saturating_sub(1);
        self.skip(len);
    }

    fn array(&mut self, mut each: impl FnMut(&mut Self)) -> usize {
        let count = self.varint().saturating_sub(1);
        (0..count).for_each(|_| each(self));
        count
    }

    fn no_tags(&mut self) {
        assert_eq!(self.varint(), 0, "a tagged field at byte {}", self.at);
    }

    fn end(&self) {
        assert_eq!(self.at, self.bytes.len());
    }
}

/// Sends a request and hands the answer to a reader that stands behind the correlation id.
fn raw_answer<R: Request>(client: &mut common::Client, version: i16, request: &R) -> Bare {
    let (_, frame) = client.frame(version, request);
    client.send_bytes(&frame);
    let bytes = client.receive().unwrap().to_vec();
    Bare { bytes, at: 4 }
}

/// librdkafka before 2.2 mis-skips tagged fields that hold their defaults.
#[test]
fn answers_hold_no_tagged_field_with_a_default() {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 2, &[]);
    metadata_has_no_tags(&mut client);
    produce_has_no_tags(&mut client);
    fetch_has_no_tags(&mut client);
}

fn metadata_has_no_tags(client: &mut common::Client) {
    let ints = |r: &mut Bare| r.skip(4);
    for version in 9..=12 {
        let topics = (version == 9).then(Vec::new);
        let mut r = raw_answer(client, version, &MetadataRequest { topics, ..Default::default() });
        r.no_tags();
        r.skip(4);
        let brokers = r.array(|r| {
            r.skip(4);
            r.string();
            r.skip(4);
            r.string();
            r.no_tags();
        });
        assert_eq!(brokers, 1);
        r.string();
        r.skip(4);
        r.array(|r| {
            r.skip(2);
            r.string();
            r.skip(if version >= 10 { 17 } else { 1 });
            r.array(|r| {
                r.skip(14);
                r.array(ints);
                r.array(ints);
                r.array(ints);
                r.no_tags();
            });
            r.skip(4);
            r.no_tags();
        });
        r.skip(if version <= 10 { 4 } else { 0 });
        r.no_tags();
        r.end();
    }
}

fn produce_has_no_tags(client: &mut common::Client) {
    for version in 9..=12 {
        let request = common::produce_request("t", 1, -1, &common::records::batch(&["v"]));
        let mut r = raw_answer(client, version, &request);
        r.no_tags();
        r.array(|r| {
            r.string();
            r.array(|r| {
                r.skip(4 + 2 + 8 + 8 + 8);
                r.array(|r| {
                    r.skip(4);
                    r.string();
                    r.no_tags();
                });
                r.string();
                r.no_tags();
            });
            r.no_tags();
        });
        r.skip(4);
        r.no_tags();
        r.end();
    }
}

fn fetch_has_no_tags(client: &mut common::Client) {
    let mut r = raw_answer(client, 12, &common::fetch_request("t", 1, 0));
    r.no_tags();
    r.skip(4 + 2 + 4);
    r.array(|r| {
        r.string();
        r.array(|r| {
            r.skip(4 + 2 + 8 + 8 + 8);
            r.array(|r| {
                r.skip(16);
                r.no_tags();
            });
            r.skip(4);
            r.string();
            r.no_tags();
        });
        r.no_tags();
    });
    r.no_tags();
    r.end();
}

#[test]
fn api_versions_tags_are_only_those_that_say_something() {
    let server = Server::start();
    let mut client = server.connect();
    let tags_of = |client: &mut common::Client, name: &str| {
        let mut r = raw_answer(client, 3, &api_versions(name));
        r.skip(2);
        r.array(|r| {
            r.skip(6);
            r.no_tags();
        });
        r.skip(4);
        let mut tags = Vec::new();
        for _ in 0..r.varint() {
            tags.push(r.varint());
            let size = r.varint();
            r.skip(size);
        }
        r.end();
        tags
    };
    assert_eq!(tags_of(&mut client, "real-client"), [0, 1, 2]);
    assert!(tags_of(&mut client, "not a name").is_empty());
}
