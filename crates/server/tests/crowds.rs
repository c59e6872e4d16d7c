//! Many connections, slow ones, and ones that ask for much: memory stays bounded and an honest client is served
//! within two seconds all the while. One test after the other, because they measure.
#![allow(clippy::unwrap_used)] // also in helpers: a broken assumption ends the test

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use common::random::Random;
use common::{Client, Server, fetch_request, produce_request, records, request_frame};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const MEMORY_LIMIT_MIB: u64 = 256;
const HONEST_WAIT: Duration = Duration::from_secs(2);
const CLAIMED_BYTES: i32 = 99 << 20;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn server() -> Server {
    let server = Server::start();
    server.connect().create_topic("t", 1, &[]);
    server
}

/// Writes and reads as an honest client would, on a connection of its own. Returns how long that took.
fn honest_round(server: &Server) -> Duration {
    let begun = Instant::now();
    let mut client = server.connect();
    let stored = client.produce("t", 0, &records::batch(&["honest"]));
    assert_eq!(stored.error_code, 0, "{:?}", stored.error_message);
    let fetched = client.fetch("t", 0, stored.base_offset);
    assert_eq!(records::offsets(&fetched.records.unwrap())[0].0, stored.base_offset);
    begun.elapsed()
}

fn assert_honest_clients_served(server: &Server) {
    for _ in 0..5 {
        let took = honest_round(server);
        assert!(took < HONEST_WAIT, "an honest client waited {took:?}");
    }
    server.assert_unharmed();
    assert!(server.peak_rss_mib() < MEMORY_LIMIT_MIB, "{} MiB", server.peak_rss_mib());
}

fn open_many(server: &Server, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(server.address).unwrap()).collect()
}

#[test]
fn frames_that_are_claimed_and_never_sent_take_nothing() {
    let _alone = alone();
    let server = server();
    let mut held = Vec::new();
    for count in [20, 200] {
        for mut stream in open_many(&server, count) {
            stream.write_all(&CLAIMED_BYTES.to_be_bytes()).unwrap();
            held.push(stream);
        }
        assert_honest_clients_served(&server);
    }
}

#[test]
fn large_frames_that_are_sent_in_part_wait_for_each_other() {
    let _alone = alone();
    let server = server();
    // 60 x 8 MiB are more than all requests together may hold: most of it must stay in the senders' sockets.
    let part = vec![0; 8 << 20];
    let streams = open_many(&server, 60);
    let part = &part;
    thread::scope(|scope| {
        for mut stream in &streams {
            scope.spawn(move || {
                stream.set_write_timeout(Some(Duration::from_millis(1500))).unwrap();
                let _ = stream.write_all(&CLAIMED_BYTES.to_be_bytes()).and_then(|()| stream.write_all(part));
            });
        }
        thread::sleep(Duration::from_millis(300));
        assert_honest_clients_served(&server);
    });
    assert_honest_clients_served(&server);
    drop(streams);
    // What they held is given back: an honest large request gets through.
    let mut client = server.connect();
    client.create_topic("large", 1, &[("max.message.bytes", "33554432")]);
    assert_eq!(client.produce("large", 0, &records::batch(&[&"x".repeat(20 << 20)])).error_code, 0);
}

#[test]
fn idle_and_slow_connections_cost_others_nothing() {
    let _alone = alone();
    let server = server();
    let _idle = open_many(&server, 2000);
    let slow = open_many(&server, 500);
    let frame = request_frame(18, 0, 1, Some(&"slow".repeat(50)), false, &[]);
    let dripping = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            for byte in frame[..frame.len() - 1].iter().copied() {
                for mut stream in &slow {
                    stream.write_all(&[byte]).unwrap();
                }
                if !dripping.load(Ordering::Relaxed) {
                    return;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        for _ in 0..3 {
            assert_honest_clients_served(&server);
            thread::sleep(Duration::from_millis(200));
        }
        dripping.store(false, Ordering::Relaxed);
    });
    assert_honest_clients_served(&server);
}

#[test]
fn a_frame_that_comes_byte_by_byte_is_answered() {
    let _alone = alone();
    let server = server();
    let mut client = server.connect();
    let (id, frame) = client.frame(12, &produce_request("t", 0, -1, &records::batch(&["slow"])));
    for byte in frame {
        client.send_bytes(&[byte]);
        thread::sleep(Duration::from_millis(2));
    }
    let answer = client.answer::<barnabas_protocol::messages::ProduceRequest>(12, id);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let _alone = alone();
    let server = server();
    let open_files = |server: &Server| std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    honest_round(&server);
    let before = open_files(&server);
    for round in 0..2000 {
        let mut stream = TcpStream::connect(server.address).unwrap();
        if round % 2 == 0 {
            stream.write_all(&[0, 0, 0, 50, 0, 18]).unwrap();
        }
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while open_files(&server) > before + 5 {
        assert!(Instant::now() < deadline, "{} files, {before} before", open_files(&server));
        thread::sleep(Duration::from_millis(20));
    }
    assert_honest_clients_served(&server);
}

/// A topic `big` with some 20 MB in batches that do not compress.
fn fill_big(server: &Server) {
    let mut client = server.connect();
    client.create_topic("big", 1, &[]);
    let mut random = Random::new(1);
    let value: String = (0..900_000).map(|_| char::from(b'a' + (random.next() >> 33) as u8 % 26)).collect();
    for _ in 0..22 {
        assert_eq!(client.produce("big", 0, &records::batch(&[&value])).error_code, 0);
    }
}

#[test]
fn answers_that_nobody_reads_do_not_pile_up() {
    let _alone = alone();
    let server = server();
    fill_big(&server);
    // 150 answers of 20 MB on one connection, 20 more connections with 20 of them each.
    let mut clients: Vec<Client> = (0..21).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let count = if number == 0 { 150 } else { 20 };
        let frames: Vec<u8> = (0..count).flat_map(|_| client.frame(12, &fetch_request("big", 0, 0)).1).collect();
        client.send_bytes(&frames);
    }
    for _ in 0..5 {
        assert_honest_clients_served(&server);
        thread::sleep(Duration::from_millis(200));
    }
    // Who does read gets all answers, each with records.
    for _ in 0..20 {
        assert!(clients[5].receive().unwrap().len() > 900_000);
    }
}
