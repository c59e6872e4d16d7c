//! Faults that were found from outside once, each with the test that found it. Families of faults have files of their own.
#![allow(clippy::unwrap_used)] // also in helpers: a broken assumption ends the test

mod common;

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use barnabas_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use barnabas_protocol::messages::{DeleteRecordsRequest, DeleteTopicsRequest};
use barnabas_protocol::records::Compression;
use common::bombs::{GZIP, ZSTD, bomb};
use common::{Client, DataDir, Launch, Server, produce_request, records};

// For produce.rs

#[test]
fn a_wrong_crc_is_corrupt_on_any_topic() {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    client.create_topic("c", 1, &[("cleanup.policy", "compact")]);
    let good = records::keyed(Compression::None, &[("k", b"value")]);
    for topic in ["t", "c"] {
        for at in [17, 25, 40, 60, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            let answer = client.produce(topic, 0, &bad);
            assert_eq!(answer.error_code, 2, "{topic} {at} {:?}", answer.error_message);
        }
        assert_eq!(client.produce(topic, 0, &good).error_code, 0);
    }
}

#[test]
fn a_keyless_record_without_acks_closes_the_connection() {
    let server = Server::start();
    let mut client = server.connect();
    client.create_topic("c", 1, &[("cleanup.policy", "compact")]);
    client.stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let (_, frame) = client.frame(12, &produce_request("c", 0, 0, &records::batch(&["no key"])));
    client.send_bytes(&frame);
    client.assert_closed();
}

// For crowds.rs, with ONE_AT_A_TIME

fn bombs_are_refused(codec: u8) {
    let server = Server::start();
    server.connect().create_topic("c", 1, &[("cleanup.policy", "compact")]);
    let bombs = [bomb(codec, 512 << 20, true), bomb(codec, 512 << 20, false), bomb(codec, 100 << 20, false)];
    thread::scope(|scope| {
        let throwing: Vec<_> = (0..12)
            .map(|number| {
                let (bomb, mut client) = (&bombs[number % bombs.len()], server.connect());
                scope.spawn(move || client.produce("c", 0, bomb).error_code)
            })
            .collect();
        while !throwing.iter().all(|thrower| thrower.is_finished()) {
            let begun = Instant::now();
            server.connect().metadata(None);
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(2), "an honest client waited {took:?}");
        }
        for thrower in throwing {
            let error = thrower.join().unwrap();
            assert!([87, -1, 10].contains(&error), "{error}");
        }
    });
    assert!(server.peak_rss_mib() < 256, "{} MiB", server.peak_rss_mib());
    assert_eq!(server.connect().fetch("c", 0, 0).high_watermark, 0);
}

#[test]
fn gzip_bombs_are_refused() {
    bombs_are_refused(GZIP);
}

#[test]
fn zstd_bombs_are_refused() {
    bombs_are_refused(ZSTD);
}

// For lifecycle.rs or damage.rs

fn delete_topic(client: &mut Client, topic: &str) {
    let request = DeleteTopicsRequest { topic_names: vec![topic.to_owned()], timeout_ms: 5000, ..Default::default() };
    assert_eq!(client.call(5, &request).responses[0].error_code, 0);
}

#[test]
fn after_a_restart_a_topic_can_be_deleted_and_made_anew() {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 2, &[]);
    (0..5).for_each(|offset| assert_eq!(client.produce("t", 1, &records::batch(&["v"])).base_offset, offset));
    drop(client);
    server.stop();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    delete_topic(&mut client, "t");
    client.create_topic("t", 2, &[]);
    let answer = client.produce("t", 1, &records::batch(&["new"]));
    assert_eq!((answer.error_code, answer.base_offset), (0, 0), "{:?}", answer.error_message);
}

/// The checkpoints speak of the old topic, whose start was behind the new one's end.
#[test]
fn a_topic_made_anew_outlives_kill_9() {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    (0..20).for_each(|_| assert_eq!(client.produce("t", 0, &records::batch(&["old"])).error_code, 0));
    let partition = DeleteRecordsPartition { partition_index: 0, offset: 15 };
    let topic = DeleteRecordsTopic { name: "t".to_owned(), partitions: vec![partition] };
    client.call(2, &DeleteRecordsRequest { topics: vec![topic], timeout_ms: 5000 });
    drop(client);
    server.stop();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    delete_topic(&mut client, "t");
    client.create_topic("t", 1, &[]);
    for offset in 0..3 {
        let answer = client.produce("t", 0, &records::batch(&["new"]));
        assert_eq!((answer.error_code, answer.base_offset), (0, offset), "{:?}", answer.error_message);
    }
    drop(client);
    server.kill();
    let server = Launch::on(&data).start();
    let fetched = server.connect().fetch("t", 0, 0);
    assert_eq!((fetched.error_code, fetched.log_start_offset, fetched.high_watermark), (0, 0, 3));
    assert_eq!(records::offsets(&fetched.records.unwrap()), [(0, 0), (1, 1), (2, 2)]);
}

/// For disk_full.rs, in its words: on_a_full_disk.
#[test]
fn a_broker_starts_on_a_full_disk() {
    let data = DataDir::new();
    fs::create_dir_all(data.path()).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(data.path()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return;
    }
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    assert_eq!(client.produce("t", 0, &records::batch(&["v"])).error_code, 0);
    drop(client);
    server.kill();
    let mut ballast = fs::File::create(data.path().join("ballast")).unwrap();
    for size in [65536, 4096, 512, 1] {
        while std::io::Write::write_all(&mut ballast, &vec![0; size]).is_ok() {}
    }
    // Each start writes a little, so that luck with the last page of a file ends.
    let started = std::panic::catch_unwind(|| {
        (0..10).for_each(|_| Launch::on(&data).start().kill());
        Launch::on(&data).start()
    });
    let _ = Command::new("umount").arg("--lazy").arg(data.path()).status();
    started.unwrap().assert_unharmed();
}
