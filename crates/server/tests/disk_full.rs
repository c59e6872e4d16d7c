//! A disk that takes no more: produce is refused with an error that producers retry, everything that needs no room
//! goes on, and a start works. Twice: with a file size limit, which works everywhere, and with a full file system
//! where the test may mount one.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use barnabas_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use barnabas_protocol::messages::{DeleteRecordsRequest, DeleteTopicsRequest};
use common::{Client, DataDir, Launch, Server, records};

const STORAGE_ERROR: i16 = 56;

/// Produces until it is refused. Returns how many batches were acknowledged.
fn fill(client: &mut Client, topic: &str, batch_bytes: usize) -> i64 {
    let batch = records::batch(&[&"x".repeat(batch_bytes)]);
    for acknowledged in 0..1000 {
        let answer = client.produce(topic, 0, &batch);
        if answer.error_code != 0 {
            assert_eq!(answer.error_code, STORAGE_ERROR, "{:?}", answer.error_message);
            return acknowledged;
        }
        assert_eq!(answer.base_offset, acknowledged);
    }
    panic!("the disk never got full");
}

fn assert_readable(client: &mut Client, topic: &str, from: i64, count: i64) {
    let mut next = from;
    while next < count {
        let fetched = client.fetch(topic, 0, next);
        assert_eq!(fetched.error_code, 0);
        assert_eq!(fetched.high_watermark, count);
        for (first, last) in records::offsets(&fetched.records.unwrap()) {
            assert_eq!(first, next);
            next = last + 1;
        }
    }
}

fn delete_records(client: &mut Client, topic: &str, offset: i64) {
    let partition = DeleteRecordsPartition { partition_index: 0, offset };
    let topic = DeleteRecordsTopic { name: topic.to_owned(), partitions: vec![partition] };
    let answer = client.call(2, &DeleteRecordsRequest { topics: vec![topic], timeout_ms: 5000 });
    let partition = &answer.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.low_watermark), (0, offset));
}

fn delete_topic(client: &mut Client, topic: &str) {
    let request = DeleteTopicsRequest { topic_names: vec![topic.to_owned()], timeout_ms: 5000, ..Default::default() };
    assert_eq!(client.call(5, &request).responses[0].error_code, 0);
}

/// No file may grow beyond 2 MiB. The signal that comes with the error is ignored, as services often have it.
#[test]
fn a_log_that_cannot_grow_refuses_and_goes_on() {
    let data = DataDir::new();
    let limited = ["prlimit", "--fsize=2097152", "env", "--ignore-signal=XFSZ"];
    let launch = Launch::on(&data).through(&limited);
    let server = launch.start();
    let mut client = server.connect();
    client.create_topic("full", 1, &[("segment.bytes", "1073741824")]);
    client.create_topic("other", 1, &[]);
    let count = fill(&mut client, "full", 100_000);
    assert!((15..21).contains(&count), "{count}");
    for _ in 0..3 {
        assert_eq!(client.produce("full", 0, &records::batch(&[&"x".repeat(100_000)])).error_code, STORAGE_ERROR);
    }
    assert_eq!(server.wait_for_log(&["ERROR", "full-0"]).len(), 1, "told once, not for every retry");
    assert_readable(&mut client, "full", 0, count);
    assert_eq!(client.produce("other", 0, &records::batch(&["v"])).error_code, 0);
    // What still fits is taken, as soon as what is left of the refused batches has been cut off.
    produce_when_there_is_room(&mut client, "full");
    assert_readable(&mut client, "full", 0, count + 1);
    server.assert_unharmed();
    server.kill();

    let server = launch.start();
    let mut client = server.connect();
    assert_readable(&mut client, "full", 0, count + 1);
    delete_records(&mut client, "full", 5);
    assert_readable(&mut client, "full", 5, count + 1);
    delete_topic(&mut client, "full");
    let (status, _) = server.stop();
    assert!(status.success());
}

/// A file system of its own, taken away at the end.
struct Mount(PathBuf);

impl Mount {
    /// `None` where this user may not mount.
    fn new(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|done| done.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Room is noticed, and made by deleting, within a moment.
fn produce_when_there_is_room(client: &mut Client, topic: &str) {
    for _ in 0..600 {
        match client.produce(topic, 0, &records::batch(&["v"])).error_code {
            0 => return,
            refused => assert_eq!(refused, STORAGE_ERROR),
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("producing never went on");
}

/// Takes every byte that is left.
fn take_the_rest(dir: &Path) {
    let mut ballast = fs::File::options().append(true).open(dir.join("ballast")).unwrap();
    for size in [65536, 4096, 512, 1] {
        while std::io::Write::write_all(&mut ballast, &vec![0; size]).is_ok() {}
    }
}

fn on_a_full_disk(work: impl FnOnce(&Launch, Server, &Path, i64)) {
    let data = DataDir::new();
    let Some(_mount) = Mount::new(&data.path(), "24m") else {
        eprintln!("may not mount a file system here; only the test with a file size limit says something");
        return;
    };
    let launch = Launch::on(&data);
    let server = launch.start();
    let mut client = server.connect();
    client.create_topic("full", 1, &[("segment.bytes", "1048576")]);
    client.create_topic("other", 1, &[("segment.bytes", "1048576")]);
    assert_eq!(client.produce("other", 0, &records::batch(&["v"])).error_code, 0);
    fs::write(data.path().join("ballast"), vec![0; 4 << 20]).unwrap();
    let count = fill(&mut client, "full", 100_000);
    assert!(count > 20, "{count}");
    take_the_rest(&data.path());
    drop(client);
    work(&launch, server, &data.path(), count);
}

#[test]
fn a_full_disk_refuses_produce_and_serves_the_rest() {
    on_a_full_disk(|_, server, dir, count| {
        let mut client = server.connect();
        let large = records::batch(&[&"x".repeat(100_000)]);
        assert_eq!(client.produce("full", 0, &large).error_code, STORAGE_ERROR);
        assert_readable(&mut client, "full", 0, count);
        assert_readable(&mut client, "other", 0, 1);
        server.assert_unharmed();
        // With room again everything works again, without a restart.
        fs::remove_file(dir.join("ballast")).unwrap();
        delete_records(&mut client, "full", count - 5);
        produce_when_there_is_room(&mut client, "other");
        assert_eq!(client.produce("full", 0, &large).error_code, 0);
        assert_readable(&mut client, "full", count - 5, count + 1);
    });
}

/// The files of a deleted topic are kept for a minute elsewhere; here somebody waits for the room.
#[test]
fn a_deleted_topic_makes_room_on_a_full_disk() {
    on_a_full_disk(|launch, server, dir, count| {
        let mut client = server.connect();
        assert_readable(&mut client, "full", 0, count);
        delete_topic(&mut client, "full");
        produce_when_there_is_room(&mut client, "other");
        assert_readable(&mut client, "other", 0, 2);
        client.create_topic("full", 1, &[("segment.bytes", "1048576")]);
        let count = fill(&mut client, "full", 100_000);
        assert!(count > 20, "{count}");
        server.assert_unharmed();
        drop(client);
        take_the_rest(dir);
        server.kill();
        let server = launch.start();
        assert_readable(&mut server.connect(), "full", 0, count);
    });
}

/// The same without a file system of its own: no disk has that much room.
#[test]
fn below_its_reserve_a_broker_serves_all_but_producers() {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    assert_eq!(client.produce("t", 0, &records::batch(&["v"])).error_code, 0);
    drop(client);
    assert!(server.stop().0.success());
    let huge = i64::MAX.to_string();
    let server = Launch::on(&data).set("barnabas.disk.reserve.bytes", &huge).start();
    let mut client = server.connect();
    for _ in 0..3 {
        let answer = client.produce("t", 0, &records::batch(&["v"]));
        assert_eq!(answer.error_code, STORAGE_ERROR);
        assert!(answer.error_message.unwrap().contains("barnabas.disk.reserve.bytes"));
    }
    assert_readable(&mut client, "t", 0, 1);
    delete_records(&mut client, "t", 1);
    delete_topic(&mut client, "t");
    assert_eq!(
        server.wait_for_log(&["WARN", "barnabas.disk.reserve.bytes"]).len(),
        1,
        "told once, not for every request"
    );
    server.assert_unharmed();
    assert!(server.stop().0.success());
}

#[test]
fn on_a_full_disk_records_and_topics_can_be_deleted() {
    on_a_full_disk(|_, server, _, count| {
        let mut client = server.connect();
        delete_records(&mut client, "full", count - 5);
        assert_readable(&mut client, "full", count - 5, count);
        delete_topic(&mut client, "full");
        assert_eq!(client.metadata(Some("full")).topics[0].error_code, 3);
        assert_readable(&mut client, "other", 0, 1);
    });
}
