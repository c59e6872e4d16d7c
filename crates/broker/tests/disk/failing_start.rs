//! Disks that are broken when the broker starts: a log dir that cannot be used costs its partitions, not the start (KIP-112),
//! and nothing that it holds is lost by that.

use std::path::Path;

use barnabas_broker::StartError;
use barnabas_common::vfs::{Fault, FaultOp, Vfs};

use crate::support::{Client, Disks, STORAGE_ERROR, scrape, start, try_start};

const EIO: i32 = 5;
const TWO_DIRS: &[&str] = &["log.dirs=/a,/b", "metadata.log.dir=/a", "barnabas.journal.bytes=67108864"];
/// Here the second dir comes first, and the quorum has its identity from it.
const METADATA_APART: &[&str] = &["log.dirs=/b,/a", "metadata.log.dir=/a/metadata", "barnabas.journal.bytes=67108864"];

/// Two disks as a kill leaves them, with acknowledged records in each; and which partitions are in `/a` and `/b`.
async fn killed(settings: &[&str]) -> (Disks, i32, i32) {
    let disks = Disks::default();
    let running = start(disks.clone(), settings).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 2, &[]).await.error_code, 0);
    for partition in 0..2 {
        for _ in 0..3 {
            assert_eq!(client.produce("t", partition, b"acknowledged").await.error_code, 0);
        }
    }
    let in_a = if disks.a.exists(Path::new("/a/t-0")) { 0 } else { 1 };
    // Power fails, too: what the segments have not got is in the journal alone.
    let crashed = disks.crash_clone(7);
    running.stop().await;
    (crashed, in_a, 1 - in_a)
}

/// What is served of the two partitions: all of it or nothing.
async fn check_served(client: &mut Client, in_a: i32, in_b: i32, what: &str) -> bool {
    assert_eq!(client.read_to_end("t", in_a, 0).await, 3, "{what}");
    assert_eq!(client.produce("t", in_a, b"more").await.error_code, 0, "{what}");
    let produced = client.produce("t", in_b, b"more").await;
    if produced.error_code == 0 {
        assert_eq!(client.read_to_end("t", in_b, 0).await, 4, "{what}");
        return true;
    }
    assert_eq!(produced.error_code, STORAGE_ERROR, "{what}");
    let message = produced.error_message.unwrap_or_default();
    assert!(message.contains("its log dir /b has failed"), "{what}: {message}");
    assert_eq!(client.fetch("t", in_b, 0).await.error_code, STORAGE_ERROR, "{what}");
    false
}

/// The second disk fails at its `nth` call of the start, for good or once. Says whether the start
/// makes that many.
async fn fails_at(killed: &(Disks, i32, i32), settings: &[&str], op: FaultOp, nth: u64, times: u64) -> bool {
    let (disks, in_a, in_b) = killed;
    let what = format!("{op:?} fails {times} times from call {nth} on");
    let disks = disks.kill_clone();
    disks.b.inject(Fault { op, skip: nth, times, errno: EIO });
    let running = start(disks.clone(), settings).await;
    if disks.b.faults_left() == times {
        running.stop().await;
        return false;
    }
    let mut client = Client::connect(&running).await;
    let is_served = check_served(&mut client, *in_a, *in_b, &what).await;
    let dirs = client.log_dirs().await;
    let of_b = dirs.iter().find(|dir| dir.log_dir == "/b").unwrap();
    if !is_served {
        assert_eq!(of_b.error_code, STORAGE_ERROR, "{what}");
        assert_eq!(scrape(&running, "kafka_log_logmanager_logdirectoryoffline{logDirectory=\"/b\"}").await, 1.0);
        assert_eq!(client.create_topic("new", 2, &[]).await.error_code, 0, "{what}");
        assert_eq!(client.produce("new", 1, b"v").await.error_code, 0, "{what}");
    }
    running.stop().await;

    // With the disk mended everything is there.
    let running = start(disks.kill_clone(), settings).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.read_to_end("t", *in_a, 0).await, 4, "{what}");
    assert_eq!(client.read_to_end("t", *in_b, 0).await, if is_served { 4 } else { 3 }, "{what}");
    assert_eq!(client.produce("t", *in_b, b"v").await.error_code, 0, "{what}");
    running.stop().await;
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dir_that_fails_at_any_call_of_the_start_costs_only_its_partitions() {
    let killed = killed(TWO_DIRS).await;
    let mut nth = 0;
    while fails_at(&killed, TWO_DIRS, FaultOp::Any, nth, u64::MAX).await {
        nth += 6;
    }
    assert!(nth > 40, "the start makes more than {nth} calls");
    for op in [FaultOp::Read, FaultOp::Write, FaultOp::Sync, FaultOp::Open] {
        for nth in [0, 1, 5, 8] {
            fails_at(&killed, TWO_DIRS, op, nth, 1).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dir_that_named_the_quorum_may_fail_if_the_metadata_is_elsewhere() {
    let killed = killed(METADATA_APART).await;
    assert!(fails_at(&killed, METADATA_APART, FaultOp::Any, 0, u64::MAX).await);
    assert!(fails_at(&killed, METADATA_APART, FaultOp::Any, 15, u64::MAX).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_metadata_or_any_dir_the_broker_does_not_start_and_says_why() {
    let (disks, ..) = killed(TWO_DIRS).await;
    let of_a = disks.kill_clone();
    of_a.a.halt_after(0);
    let Err(StartError::DataDir { dir, error, .. }) = try_start(of_a, TWO_DIRS).await else { panic!("it started") };
    assert_eq!((dir.as_path(), error.raw_os_error()), (Path::new("/a"), Some(EIO)));

    // Its last one fails when the logs are open.
    let journal = Path::new("/a/barnabas-journal-0");
    let disks = Disks::default();
    let running = start(disks.clone(), &[]).await;
    let mut client = Client::connect(&running).await;
    client.create_topic("t", 1, &[]).await;
    assert_eq!(client.produce("t", 0, b"v").await.error_code, 0);
    let left = disks.kill_clone();
    running.stop().await;
    assert!(left.a.exists(journal));
    let before = left.a.read(journal).unwrap();
    let mut nth = 50;
    let reason = loop {
        let disks = left.kill_clone();
        disks.a.inject(Fault { op: FaultOp::Any, skip: nth, times: 1, errno: EIO });
        match try_start(disks.clone(), &[]).await {
            Err(StartError::LogDirs(reason)) => break reason,
            Err(_) => {}
            Ok(running) => {
                running.stop().await;
                panic!("no call of the start is in the journal");
            }
        }
        assert_eq!(disks.a.read(journal).unwrap(), before, "the journal stays as it is");
        nth += 1;
    };
    assert!(reason.contains("os error 5") && reason.contains("start again"), "{reason}");
}
