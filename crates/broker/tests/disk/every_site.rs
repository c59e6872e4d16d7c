//! One workload, and a failure at each of its calls in turn: a write that finds no room, one that is cut short, a device
//! that fails for good. Whatever it hits: Kafka's error codes, and nothing acknowledged is lost after a restart.

use std::time::Duration;

use barnabas_common::ErrorCode;
use barnabas_common::vfs::{Fault, FaultOp};

use crate::support::{Client, Disks, start};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// Every so many calls is hit: with all of them it would take minutes.
const STRIDE: u64 = 19;
const NO_RESERVE: &str = "barnabas.disk.reserve.bytes=0";
const PAGE_CACHE: &str = "barnabas.durability=page-cache";
const JOURNAL: &str = "barnabas.durability=journal";

/// What was acknowledged.
#[derive(Default, Debug)]
struct Acknowledged {
    /// Offsets of records in `old` and `new`.
    old: Vec<i64>,
    new: Vec<i64>,
    old_start: i64,
    committed: i64,
    is_new_created: bool,
    is_doomed_deleted: bool,
}

/// Errors that tell a client to ask again, or that an administrator is shown with the reason.
fn assert_fit_for_clients(error: i16) {
    let allowed = [
        ErrorCode::None,
        ErrorCode::KafkaStorageError,
        ErrorCode::CoordinatorNotAvailable,
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::NotCoordinator,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::BrokerNotAvailable,
    ];
    assert!(allowed.iter().any(|code| code.code() == error), "a client was told {}", ErrorCode::from_code(error));
}

/// What the disk holds before the failure.
async fn prepare(disks: &Disks) {
    let running = start(disks.clone(), &[NO_RESERVE]).await;
    let mut client = Client::connect(&running).await;
    for topic in ["old", "doomed"] {
        assert_eq!(client.create_topic(topic, 1, &[("internal.segment.bytes", "2000")]).await.error_code, 0);
        assert_eq!(client.produce(topic, 0, &[b'x'; 600]).await.error_code, 0);
    }
    running.stop().await;
}

async fn produce(client: &mut Client, topic: &str, acknowledged: &mut Vec<i64>) {
    let answer = client.produce(topic, 0, &[b'x'; 600]).await;
    assert_fit_for_clients(answer.error_code);
    if answer.error_code == 0 {
        acknowledged.push(answer.base_offset);
    }
}

/// The workload. With a fault somewhere, any of it may be refused.
async fn work(client: &mut Client) -> Acknowledged {
    let mut done = Acknowledged { committed: -1, ..Acknowledged::default() };
    let told = |error: i16| {
        assert_fit_for_clients(error);
        error == 0
    };
    for _ in 0..4 {
        produce(client, "old", &mut done.old).await;
    }
    for offset in [1, 2] {
        if told(client.commit("group", "old", 0, offset).await) {
            done.committed = offset;
        }
    }
    done.is_new_created = told(client.create_topic("new", 1, &[]).await.error_code);
    for _ in 0..2 {
        produce(client, "new", &mut done.new).await;
    }
    if told(client.delete_records("old", 0, 1).await) {
        done.old_start = 1;
    }
    done.is_doomed_deleted = told(client.delete_topic("doomed").await);
    told(client.alter_topic("old", "retention.ms", "604800001").await);
    done
}

/// Everything acknowledged is there.
async fn check(client: &mut Client, done: &Acknowledged, hit: &str) {
    let old_end = client.read_to_end("old", 0, done.old_start.max(1)).await;
    assert!(done.old.iter().all(|offset| *offset < old_end), "{hit}: {done:?}, old ends at {old_end}");
    if done.is_new_created {
        let new_end = client.read_to_end("new", 0, 0).await;
        assert!(done.new.iter().all(|offset| *offset < new_end), "{hit}: {done:?}, new ends at {new_end}");
    }
    let committed = client.committed("group", "old", 0).await;
    assert!(committed >= done.committed, "{hit}: committed {committed}, {done:?}");
    if done.is_doomed_deleted {
        assert_eq!(client.fetch("doomed", 0, 0).await.error_code, ErrorCode::UnknownTopicOrPartition.code(), "{hit}");
    }
}

/// Without a restart: all of it works as soon as the disk does.
async fn check_it_goes_on(client: &mut Client, hit: &str) {
    let mut missing = Vec::new();
    for _ in 0..200 {
        missing.clear();
        let created = client.create_topic("after", 1, &[]).await;
        if created.error_code != 0 && created.error_code != ErrorCode::TopicAlreadyExists.code() {
            missing.push(format!("create {:?}", created.error_message));
        }
        for topic in ["old", "after"] {
            let answer = client.produce(topic, 0, b"v").await;
            if answer.error_code != 0 {
                missing.push(format!("{topic} {:?}", answer.error_message));
            }
        }
        let committed = client.commit("group", "old", 0, 3).await;
        if committed != 0 {
            missing.push(format!("commit {committed}"));
        }
        if missing.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{hit}: with the disk in order again these fail: {missing:?}");
}

/// The workload with a failure after `skip` calls of the kind. Whether there were that many.
async fn hit(op: FaultOp, errno: i32, skip: u64) -> bool {
    let what = format!("{op:?} {errno} after {skip}");
    let disks = Disks::default();
    prepare(&disks).await;
    let running = start(disks.clone(), &[NO_RESERVE]).await;
    let mut client = Client::connect(&running).await;
    disks.a.inject(Fault { op, skip, times: 1, errno });
    let done = work(&mut client).await;
    let was_hit = disks.a.faults_left() == 0;
    // As a kill leaves it.
    let left = disks.kill_clone();
    disks.a.clear_faults();
    running.stop().await;
    for disks in [left, disks.kill_clone()] {
        let running = start(disks.clone(), &[NO_RESERVE]).await;
        let mut client = Client::connect(&running).await;
        check(&mut client, &done, &what).await;
        check_it_goes_on(&mut client, &what).await;
        running.stop().await;
    }
    was_hit
}

async fn hit_each(op: FaultOp, errno: i32, first: u64) {
    let mut skip = first;
    while hit(op, errno, skip).await {
        skip += STRIDE;
    }
    assert!(skip > STRIDE, "the workload makes more than {skip} calls of that kind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_room_for_one_write() {
    hit_each(FaultOp::Write, ENOSPC, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_fails_in_a_write() {
    hit_each(FaultOp::Write, EIO, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_fails_in_a_sync() {
    hit_each(FaultOp::Sync, EIO, 0).await;
}

/// The disk is full to the byte at different moments: of the write that meets it, a part is in the file. Once there is
/// room, all goes on without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_are_cut_short() {
    let rooms = || (0..6000).step_by(593);
    let cases = rooms().map(|room| (room, PAGE_CACHE)).chain(rooms().map(|room| (room, JOURNAL)));
    for (room, durability) in cases {
        let what = format!("room for {room} bytes, {durability}");
        let disks = Disks::default();
        prepare(&disks).await;
        let running = start(disks.clone(), &[NO_RESERVE, durability]).await;
        let mut client = Client::connect(&running).await;
        disks.a.set_capacity(Some(disks.a.used_bytes() + room));
        let done = work(&mut client).await;
        let left = disks.kill_clone();
        disks.a.set_capacity(None);
        check_it_goes_on(&mut client, &what).await;
        check(&mut client, &done, &what).await;
        running.stop().await;
        let running = start(left, &[NO_RESERVE, durability]).await;
        check(&mut Client::connect(&running).await, &done, &what).await;
        running.stop().await;
    }
}
