//! A process that has no file handle left for something: what could not be opened is opened when there is one, and nothing
//! is acknowledged on the strength of what could not be brought to disk.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::{Client, Disks, scrape, start};

const PAGE_CACHE: &[&str] = &["barnabas.durability=page-cache"];
const METADATA_APART: &[&str] = &["log.dirs=/b", "metadata.log.dir=/a"];
const NO_RESERVE: &[&str] = &["log.dirs=/b", "metadata.log.dir=/a", "barnabas.disk.reserve.bytes=0"];
/// Too small for a journal: every append syncs its segment.
const SMALL_VOLUME_BYTES: u64 = 64 << 20;

fn lack_handle_for(disks: &Disks, path: &str) {
    disks.out_of_handles.lock().unwrap().push(PathBuf::from(path));
}

fn have_handles(disks: &Disks) {
    disks.out_of_handles.lock().unwrap().clear();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_loaded_when_their_partition_could_be_opened_late() {
    let disks = Disks::default();
    let running = start(disks.clone(), PAGE_CACHE).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    assert_eq!(client.commit("group", "t", 0, 5).await, 0);
    let killed = disks.kill_clone();
    running.stop().await;

    lack_handle_for(&killed, "/a/__consumer_offsets-0/00000000000000000000.log");
    let running = start(killed.clone(), PAGE_CACHE).await;
    let mut client = Client::connect(&running).await;
    assert_ne!(client.commit("group", "t", 0, 6).await, 0);
    have_handles(&killed);
    let mut tries = 0;
    while client.commit("other", "t", 0, 1).await != 0 {
        tries += 1;
        assert!(tries < 200, "the groups never came back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(client.committed("group", "t", 0).await, 5);
    running.stop().await;
}

/// Whatever a power loss leaves, as many records are there.
async fn check_after_power_loss(disks: &Disks, settings: &[&str], topic: &str, records: i64) {
    for seed in 0..4 {
        let running = start(disks.crash_clone(seed), settings).await;
        assert_eq!(Client::connect(&running).await.read_to_end(topic, 0, 0).await, records, "seed {seed}");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_append_is_not_acknowledged_in_a_folder_that_may_be_gone_after_a_power_loss() {
    let disks = Disks::default();
    disks.b.sync_each_folder();
    let running = start(disks.clone(), METADATA_APART).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("first", 1, &[]).await.error_code, 0);
    // The journal is there when it is needed.
    while scrape(&running, "barnabas_journal_appends_total{logDirectory=\"/b\"}").await == 0.0 {
        assert_eq!(client.produce("first", 0, b"v").await.error_code, 0);
    }
    lack_handle_for(&disks, "/b");
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    assert_eq!(client.produce("t", 0, &[b'x'; 300 << 10]).await.error_code, 0);
    check_after_power_loss(&disks, METADATA_APART, "t", 1).await;
    have_handles(&disks);
    assert_eq!(client.produce("t", 0, &[b'x'; 300 << 10]).await.error_code, 0);
    check_after_power_loss(&disks, METADATA_APART, "t", 2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_journal_the_acknowledgement_waits_for_the_name_of_the_folder() {
    let disks = Disks::default();
    disks.b.sync_each_folder();
    disks.b.set_capacity(Some(SMALL_VOLUME_BYTES));
    let running = start(disks.clone(), NO_RESERVE).await;
    let mut client = Client::connect(&running).await;
    lack_handle_for(&disks, "/b");
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    let waiting = tokio::spawn(async move { client.produce("t", 0, b"v").await.error_code });
    tokio::time::sleep(Duration::from_millis(300)).await;
    if waiting.is_finished() {
        check_after_power_loss(&disks, NO_RESERVE, "t", 1).await;
    }
    have_handles(&disks);
    assert_eq!(waiting.await.unwrap(), 0);
    check_after_power_loss(&disks, NO_RESERVE, "t", 1).await;
    running.stop().await;
}
