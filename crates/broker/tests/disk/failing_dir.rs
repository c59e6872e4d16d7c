//! A disk that is broken takes its log dir out of use, and nothing else.

use std::path::Path;

use barnabas_common::vfs::{Fault, FaultOp, MemVfs, Vfs};

use crate::support::{Client, Disks, STORAGE_ERROR, eventually, scrape, start};

const EIO: i32 = 5;
const TWO_DIRS: &[&str] = &["log.dirs=/a,/b"];

fn broken(disk: &MemVfs, op: FaultOp, times: u64) {
    disk.inject(Fault { op, skip: 0, times, errno: EIO });
}

/// Creates a topic with one partition in each dir; returns the numbers of those in `/a` and `/b`.
async fn spread_topic(client: &mut Client) -> (i32, i32) {
    assert_eq!(client.create_topic("t", 2, &[("flush.messages", "1")]).await.error_code, 0);
    let dirs = client.log_dirs().await;
    let held = |dir: &str| {
        let topics = &dirs.iter().find(|d| d.log_dir == dir).unwrap().topics;
        topics.iter().find(|topic| topic.name == "t").unwrap().partitions[0].partition_index
    };
    (held("/a"), held("/b"))
}

async fn eventually_offline(client: &mut Client, partition: i32) {
    for _ in 0..600 {
        let answer = client.produce("t", partition, b"refused").await;
        assert_eq!(answer.error_code, STORAGE_ERROR);
        if answer.error_message.unwrap().contains("its log dir /b has failed") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the partition never went offline with its dir");
}

/// One failure of the kind on the second disk, brought about by `provoke`.
async fn one_dir_goes_out(op: FaultOp) {
    let disks = Disks::default();
    let running = start(disks.clone(), TWO_DIRS).await;
    let mut client = Client::connect(&running).await;
    let (good, bad) = spread_topic(&mut client).await;
    for partition in [good, bad] {
        assert_eq!(client.produce("t", partition, b"acknowledged").await.error_code, 0);
    }
    broken(&disks.b, op, 1);
    let refused = match op {
        FaultOp::Read => client.fetch("t", bad, 0).await.error_code,
        _ => client.produce("t", bad, b"lost").await.error_code,
    };
    assert_eq!(refused, STORAGE_ERROR, "{op:?}");
    // The disk works again, and is not trusted all the same.
    eventually_offline(&mut client, bad).await;
    assert_eq!(client.fetch("t", bad, 0).await.error_code, STORAGE_ERROR);
    let untouched = disks.b.op_count();

    // Everything else goes on.
    assert_eq!(client.produce("t", good, b"acknowledged").await.error_code, 0);
    assert_eq!(client.read_to_end("t", good, 0).await, 2);
    assert_eq!(client.create_topic("new", 3, &[]).await.error_code, 0);
    for partition in 0..3 {
        assert_eq!(client.produce("new", partition, b"v").await.error_code, 0, "new partitions go to the other dir");
    }
    assert_eq!(client.delete_topic("new").await, 0);
    let dirs = client.log_dirs().await;
    let of = |path: &str| dirs.iter().find(|dir| dir.log_dir == path).unwrap();
    assert_eq!((of("/b").error_code, of("/b").topics.len(), of("/b").total_bytes), (STORAGE_ERROR, 0, -1));
    assert_eq!(of("/a").error_code, 0);
    assert_eq!(scrape(&running, "kafka_log_logmanager_offlinelogdirectorycount").await, 1.0);
    assert_eq!(scrape(&running, "kafka_log_logmanager_logdirectoryoffline{logDirectory=\"/b\"}").await, 1.0);
    let offline = scrape(&running, "kafka_server_replicamanager_offlinereplicacount").await;
    assert_eq!(offline, 2.0, "the offsets topic is there, too");
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    running.stop().await;
    let looks = 20;
    assert!(disks.b.op_count() - untouched < looks, "nothing more is done there");
    let is_clean = |vfs: &MemVfs, dir: &str| vfs.exists(&Path::new(dir).join(".kafka_cleanshutdown"));
    assert!(is_clean(&disks.a, "/a") && !is_clean(&disks.b, "/b"));

    // With the disk mended, what was acknowledged is there.
    let running = start(disks.kill_clone(), TWO_DIRS).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.read_to_end("t", good, 0).await, 2);
    assert!(client.read_to_end("t", bad, 0).await >= 1);
    assert_eq!(client.produce("t", bad, b"v").await.error_code, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_takes_out_its_dir_and_no_other() {
    one_dir_goes_out(FaultOp::Sync).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_takes_out_its_dir_and_no_other() {
    one_dir_goes_out(FaultOp::Write).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_read_takes_out_its_dir_and_no_other() {
    one_dir_goes_out(FaultOp::Read).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_dir_the_broker_ends() {
    let disks = Disks::default();
    let running = start(disks.clone(), &["log.dirs=/a,/b", "metadata.log.dir=/m"]).await;
    let mut client = Client::connect(&running).await;
    let (first, second) = spread_topic(&mut client).await;
    broken(&disks.b, FaultOp::Sync, 1);
    assert_eq!(client.produce("t", second, b"lost").await.error_code, STORAGE_ERROR);
    eventually_offline(&mut client, second).await;
    broken(&disks.a, FaultOp::Sync, 1);
    assert_eq!(client.produce("t", first, b"lost").await.error_code, STORAGE_ERROR);
    let reason = running.failed().await;
    assert!(reason.starts_with("all log dirs have failed") && reason.contains("os error 5"), "{reason}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_metadata_the_broker_ends() {
    let disks = Disks::default();
    let running = start(disks.clone(), &["log.dirs=/a,/b"]).await;
    let mut client = Client::connect(&running).await;
    let (_, other) = spread_topic(&mut client).await;
    broken(&disks.a, FaultOp::Sync, 1);
    assert_eq!(client.create_topic("new", 1, &[]).await.error_code, STORAGE_ERROR);
    let reason = running.failed().await;
    assert!(reason.contains("/a") && reason.contains("which holds the metadata"), "{reason}");
    // What can be closed is closed.
    assert_eq!(client.produce("t", other, b"v").await.error_code, 0);
    running.stop().await;
    assert!(disks.b.exists(Path::new("/b/.kafka_cleanshutdown")));
    assert!(!disks.a.exists(Path::new("/a/.kafka_cleanshutdown")));
    eventually("a start with the disk mended", || async { Some(start(disks.kill_clone(), TWO_DIRS).await) })
        .await
        .stop()
        .await;
}

/// An error that says nothing about the disk as a whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_quorum_the_broker_ends() {
    let disks = Disks::default();
    let running = start(disks.clone(), &["log.dirs=/b", "metadata.log.dir=/a"]).await;
    let mut client = Client::connect(&running).await;
    disks.a.inject(Fault { op: FaultOp::Write, skip: 0, times: u64::MAX, errno: 13 });
    assert_ne!(client.create_topic("t", 1, &[]).await.error_code, 0);
    let reason = running.failed().await;
    assert!(reason.contains("the metadata quorum, which is kept in /a") && reason.contains("os error 13"), "{reason}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_folders_that_cannot_be_synced_for_lack_of_handles_are_synced_later() {
    const EMFILE: i32 = 24;
    let disks = Disks::default();
    // Too small for a journal: nothing else is synced there.
    disks.b.set_capacity(Some(256 << 20));
    let running = start(disks.clone(), &["log.dirs=/b", "metadata.log.dir=/a"]).await;
    let mut client = Client::connect(&running).await;
    // Long enough for the first round of maintenance, too.
    disks.b.inject(Fault { op: FaultOp::Sync, skip: 0, times: 2, errno: EMFILE });
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    eventually("the folder survives every power loss", || async {
        let survives = |seed: u64| disks.b.crash_clone(seed).exists(Path::new("/b/t-0"));
        (disks.b.faults_left() == 0 && (0..20).all(survives)).then_some(())
    })
    .await;
    assert_eq!(client.produce("t", 0, b"v").await.error_code, 0);
    running.stop().await;
}
