//! A disk that gets full: producers are stopped before it is, everything else goes on, and room that is made is found by
//! itself.

use std::time::Duration;

use barnabas_common::vfs::{Fault, FaultOp, Vfs};
use barnabas_protocol::ApiKey;
use barnabas_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, create_partitions_request::CreatePartitionsTopic,
};

use crate::support::{Client, Disks, STORAGE_ERROR, eventually, scrape, start};

const MB: u64 = 1 << 20;
const RESERVE: &str = "barnabas.disk.reserve.bytes=4194304";
const REFUSES: &str = "barnabas_logdir_refuses_writes{logDirectory=\"/a\"}";
const REFUSED: &str = "barnabas_logdir_refused_appends_total{logDirectory=\"/a\"}";

/// Produces until it is refused for lack of room. Returns how many records were acknowledged.
async fn fill(client: &mut Client, topic: &str) -> i64 {
    let value = vec![b'x'; 200_000];
    for acknowledged in 0..1000 {
        let answer = client.produce(topic, 0, &value).await;
        if answer.error_code != 0 {
            assert_eq!(answer.error_code, STORAGE_ERROR);
            let message = answer.error_message.unwrap();
            assert!(message.contains("/a") && message.contains("barnabas.disk.reserve.bytes"), "{message}");
            return acknowledged;
        }
    }
    panic!("it was never refused");
}

/// Deleting gives room back soon, whatever the delays say that hold while there is enough of it.
async fn eventually_taken(client: &mut Client, topic: &str) -> i64 {
    for _ in 0..300 {
        let answer = client.produce(topic, 0, b"with room again").await;
        if answer.error_code == 0 {
            return answer.base_offset;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("producing never went on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producers_stop_at_the_reserve_and_go_on_when_there_is_room() {
    let disks = Disks::default();
    disks.a.set_capacity(Some(24 * MB));
    let running = start(disks.clone(), &[RESERVE]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("full", 1, &[("segment.bytes", "1048576")]).await.error_code, 0);
    assert_eq!(client.create_topic("other", 1, &[]).await.error_code, 0);
    assert_eq!((scrape(&running, REFUSES).await, scrape(&running, REFUSED).await), (0.0, 0.0));
    let count = fill(&mut client, "full").await;
    let free = disks.a.disk_space(std::path::Path::new("/a")).unwrap().usable_bytes;
    assert!((3 * MB..=4 * MB).contains(&free), "stopped with {free} bytes free");
    assert_eq!((scrape(&running, REFUSES).await, scrape(&running, REFUSED).await), (1.0, 1.0));

    // What the reserve is for.
    assert_eq!(client.read_to_end("full", 0, 0).await, count);
    assert_eq!(client.commit("group", "full", 0, count).await, 0);
    assert_eq!(client.alter_topic("full", "retention.ms", "604800001").await, 0);
    let refused = client.create_topic("more", 1, &[]).await;
    assert_eq!(refused.error_code, STORAGE_ERROR);
    assert!(refused.error_message.unwrap().contains("no log dir has room"));
    let topic = CreatePartitionsTopic { name: "other".to_owned(), count: 2, assignments: None };
    let request = CreatePartitionsRequest { topics: vec![topic], timeout_ms: 5000, validate_only: false };
    let answer: CreatePartitionsResponse = client.call(ApiKey::CreatePartitions, 2, &request).await;
    assert_eq!(answer.results[0].error_code, STORAGE_ERROR);

    // Some of the records go, then the rest of them, then the topic.
    assert_eq!(client.delete_records("full", 0, count - 10).await, 0);
    assert_eq!(eventually_taken(&mut client, "other").await, 0);
    assert_eq!(client.create_topic("more", 1, &[]).await.error_code, 0);
    let count = count + fill(&mut client, "full").await;
    assert_eq!(client.read_to_end("full", 0, count - 20).await, count);
    assert_eq!(client.delete_records("full", 0, -1).await, 0);
    assert_eq!(eventually_taken(&mut client, "full").await, count, "offsets go on");
    fill(&mut client, "full").await;
    assert_eq!(client.delete_topic("full").await, 0);
    eventually_taken(&mut client, "other").await;
    assert_eq!(client.committed("group", "full", 0).await, -1, "the offsets went with the topic");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_programs_that_fill_the_disk_are_noticed_and_the_other_dir_is_used() {
    let disks = Disks::default();
    disks.a.set_capacity(Some(100 * MB));
    let running = start(disks.clone(), &["log.dirs=/a,/b", RESERVE]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 2, &[]).await.error_code, 0);
    let dirs = client.log_dirs().await;
    let held = |dir: &str| {
        let topics = &dirs.iter().find(|d| d.log_dir == dir).unwrap().topics;
        topics.iter().find(|topic| topic.name == "t").unwrap().partitions[0].partition_index
    };
    let (in_full, in_other) = (held("/a"), held("/b"));
    disks.a.set_capacity(Some(disks.a.used_bytes() + 3 * MB));
    while client.produce("t", in_full, b"v").await.error_code == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.produce("t", in_other, b"v").await.error_code, 0);
    assert_eq!(client.create_topic("new", 4, &[]).await.error_code, 0);
    for partition in 0..4 {
        assert_eq!(client.produce("new", partition, b"v").await.error_code, 0, "all went to the dir with room");
    }
    // A tenth above the reserve it goes on by itself.
    disks.a.set_capacity(Some(disks.a.used_bytes() + 5 * MB));
    while client.produce("t", in_full, b"v").await.error_code != 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_starts_and_serves_below_its_reserve() {
    let disks = Disks::default();
    disks.a.set_capacity(Some(24 * MB));
    let running = start(disks.clone(), &[RESERVE]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("full", 1, &[("segment.bytes", "1048576")]).await.error_code, 0);
    let count = fill(&mut client, "full").await;
    running.stop().await;
    let running = start(disks.clone(), &[RESERVE]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.read_to_end("full", 0, 0).await, count);
    assert_eq!(fill(&mut client, "full").await, 0, "refused from the first one on");
    running.stop().await;
    // Switched off it takes what fits.
    let running = start(disks.clone(), &["barnabas.disk.reserve.bytes=0"]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.produce("full", 0, b"v").await.base_offset, count);
    running.stop().await;
}

/// Without a reserve every append is tried, and the disk refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_of_where_there_is_no_reserve() {
    let disks = Disks::default();
    let running =
        start(disks.clone(), &["log.dirs=/b,/a", "metadata.log.dir=/b", "barnabas.disk.reserve.bytes=0"]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 2, &[]).await.error_code, 0);
    let dirs = client.log_dirs().await;
    let topics = &dirs.iter().find(|dir| dir.log_dir == "/a").unwrap().topics;
    let in_full = topics.iter().find(|topic| topic.name == "t").unwrap().partitions[0].partition_index;
    assert_eq!(client.produce("t", in_full, b"v").await.error_code, 0);
    disks.a.set_capacity(Some(disks.a.used_bytes() + 1000));
    for refused in 1..=3 {
        assert_eq!(client.produce("t", in_full, &[b'x'; 50_000]).await.error_code, STORAGE_ERROR);
        assert_eq!(client.produce("t", 1 - in_full, b"v").await.error_code, 0);
        assert_eq!((scrape(&running, REFUSES).await, scrape(&running, REFUSED).await), (1.0, f64::from(refused)));
    }
    let of_other = |sample: &str| sample.replace("/a", "/b");
    assert_eq!(scrape(&running, &of_other(REFUSES)).await, 0.0);
    assert_eq!(scrape(&running, &of_other(REFUSED)).await, 0.0);

    let mut refused = 3.0;
    // What the refused ones have left is cut off first.
    while client.produce("t", in_full, b"fits").await.error_code != 0 {
        refused += 1.0;
        assert!(refused < 200.0, "it was never taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(scrape(&running, REFUSES).await, 0.0, "an append was taken");
    assert_eq!(client.produce("t", in_full, &[b'x'; 50_000]).await.error_code, STORAGE_ERROR);
    assert_eq!(scrape(&running, REFUSES).await, 1.0);
    disks.a.set_capacity(None);
    eventually("that there is room is found without an append", async || {
        (scrape(&running, REFUSES).await == 0.0).then_some(())
    })
    .await;
    assert_eq!(scrape(&running, REFUSED).await, refused + 1.0);
    running.stop().await;
}

/// What groups write is no less refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_that_do_not_fit_are_counted_as_refused() {
    let settings = ["log.dirs=/a", "metadata.log.dir=/b", "barnabas.disk.reserve.bytes=0"];
    let disks = Disks::default();
    let running = start(disks.clone(), &settings).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    assert_eq!(client.commit("group", "t", 0, 1).await, 0);
    disks.a.set_capacity(Some(disks.a.used_bytes()));
    assert_ne!(client.commit("group", "t", 0, 2).await, 0);
    assert!(scrape(&running, REFUSED).await >= 1.0);
    assert_eq!(scrape(&running, REFUSES).await, 1.0);
    disks.a.set_capacity(None);
    running.stop().await;
}

/// Tombstones need room that is not there: topics are deleted because the disk is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_of_a_deleted_topic_do_not_come_back_when_their_tombstones_cannot_be_written() {
    let settings = ["log.dirs=/b", "metadata.log.dir=/a", "barnabas.disk.reserve.bytes=0"];
    let disks = Disks::default();
    let running = start(disks.clone(), &settings).await;
    let mut client = Client::connect(&running).await;
    for topic in ["t", "kept"] {
        assert_eq!(client.create_topic(topic, 1, &[]).await.error_code, 0);
        assert_eq!(client.commit("group", topic, 0, 5).await, 0);
    }
    disks.b.set_capacity(Some(disks.b.used_bytes()));
    assert_eq!(client.delete_topic("t").await, 0);
    // Longer than it takes until groups are loaded again after a failed write.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let killed = disks.kill_clone();
    disks.b.set_capacity(None);
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    assert_eq!(client.committed("group", "t", 0).await, -1);
    assert_eq!(client.committed("group", "kept", 0).await, 5);
    // What the failed write has left is cut off before.
    for (group, offset) in [("other", 1), ("group", 2)] {
        for _ in 0..300 {
            if client.commit(group, "t", 0, offset).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(client.committed(group, "t", 0).await, offset);
    }
    running.stop().await;

    for (disks, expected) in [(disks, 2), (killed, -1)] {
        let running = start(disks, &settings).await;
        let mut client = Client::connect(&running).await;
        // After the kill the topic is made anew only now.
        client.create_topic("t", 1, &[]).await;
        assert_eq!(client.committed("group", "t", 0).await, expected);
        assert_eq!(client.committed("group", "kept", 0).await, 5);
        running.stop().await;
    }
}

const NO_RESERVE: &[&str] = &["log.dirs=/b", "metadata.log.dir=/a", "barnabas.disk.reserve.bytes=0"];
const ENOSPC: i32 = 28;
/// Enough to be synced in its segment, not in the journal.
const LARGE_BYTES: usize = 300 << 10;

async fn until_failed(disks: &Disks) {
    for _ in 0..200 {
        if disks.b.faults_left() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody syncs");
}

/// Some file systems, and quotas, tell only then. Nothing is lost by it if all records are on disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lack_of_room_that_a_sync_tells_takes_no_dir_out_of_use() {
    let disks = Disks::default();
    let running = start(disks.clone(), NO_RESERVE).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    assert_eq!(client.produce("t", 0, &[b'x'; LARGE_BYTES]).await.error_code, 0);
    disks.b.set_capacity(Some(disks.b.used_bytes() + 40));
    assert_eq!(client.produce("t", 0, b"refused").await.error_code, STORAGE_ERROR);
    disks.b.inject(Fault { op: FaultOp::Sync, skip: 0, times: 2, errno: ENOSPC });
    until_failed(&disks).await;
    assert_eq!(client.produce("t", 0, b"refused").await.error_code, STORAGE_ERROR);
    disks.b.set_capacity(None);
    assert_eq!(eventually_taken(&mut client, "t").await, 1);
    for seed in 0..4 {
        let running = start(disks.crash_clone(seed), NO_RESERVE).await;
        assert_eq!(Client::connect(&running).await.read_to_end("t", 0, 0).await, 2);
        running.stop().await;
    }
    running.stop().await;
}

/// Else what was not on disk is in the journal, for the next start; only this partition takes no more until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_a_sync_without_room_may_have_dropped_come_back_from_the_journal() {
    let disks = Disks::default();
    let running = start(disks.clone(), NO_RESERVE).await;
    let mut client = Client::connect(&running).await;
    for topic in ["t", "other"] {
        assert_eq!(client.create_topic(topic, 1, &[]).await.error_code, 0);
    }
    while scrape(&running, "barnabas_journal_appends_total{logDirectory=\"/b\"}").await == 0.0 {
        assert_eq!(client.produce("other", 0, b"v").await.error_code, 0);
    }
    assert_eq!(client.produce("t", 0, b"in the journal").await.error_code, 0);
    disks.b.set_capacity(Some(disks.b.used_bytes() + 40));
    disks.b.inject(Fault { op: FaultOp::Sync, skip: 0, times: 1, errno: ENOSPC });
    assert_eq!(client.produce("t", 0, b"refused").await.error_code, STORAGE_ERROR);
    until_failed(&disks).await;
    disks.b.set_capacity(None);
    let end = client.produce("other", 0, b"v").await;
    assert_eq!(end.error_code, 0, "{:?}", end.error_message);
    assert_eq!(client.produce("t", 0, b"refused").await.error_code, STORAGE_ERROR);
    assert_eq!(client.read_to_end("t", 0, 0).await, 1);
    for seed in 0..4 {
        let running = start(disks.crash_clone(seed), NO_RESERVE).await;
        let mut client = Client::connect(&running).await;
        assert_eq!(client.read_to_end("t", 0, 0).await, 1);
        assert_eq!(client.produce("t", 0, b"v").await.error_code, 0);
        assert_eq!(client.read_to_end("other", 0, 0).await, end.base_offset + 1);
        running.stop().await;
    }
    running.stop().await;
}
