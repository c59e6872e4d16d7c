//! A topic is deleted and one of its name created, and the power fails somewhere: what the log dir says of the older topic must
//! not be held against the newer one.

use std::path::PathBuf;
use std::time::Duration;

use barnabas_common::ErrorCode;

use crate::support::{Client, Disks, STORAGE_ERROR, start, try_start};

const PARTITIONS: i32 = 4;
/// The metadata outlives what happens to the logs.
const SETTINGS: &[&str] = &["log.dirs=/b", "metadata.log.dir=/a", "barnabas.journal.bytes=67108864"];
/// Every so many calls is hit.
const STRIDE: u64 = 7;

/// A topic with records, of which the checkpoints know, and some that cannot be read any more.
async fn prepare() -> Disks {
    let disks = Disks::default();
    let running = start(disks.clone(), SETTINGS).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", PARTITIONS, &[("cleanup.policy", "delete")]).await.error_code, 0);
    for partition in 0..PARTITIONS {
        for _ in 0..5 {
            assert_eq!(client.produce("t", partition, b"older").await.error_code, 0);
        }
        assert_eq!(client.delete_records("t", partition, 2).await, 0);
    }
    running.stop().await;
    disks
}

/// Deletes the topic and makes it anew at the same time, then writes to it. What was acknowledged of the new one.
async fn work(deleter: &mut Client, client: &mut Client) -> Vec<i64> {
    let create = async {
        for _ in 0..50 {
            if client.create_topic("t", PARTITIONS, &[]).await.error_code != ErrorCode::TopicAlreadyExists.code() {
                return true;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        false
    };
    let (_, is_created) = tokio::join!(deleter.delete_topic("t"), create);
    let mut acknowledged = vec![0; PARTITIONS as usize];
    for partition in (0..PARTITIONS).filter(|_| is_created) {
        for _ in 0..2 {
            let answer = client.produce("t", partition, b"newer").await;
            if answer.error_code == 0 {
                acknowledged[partition as usize] = answer.base_offset + 1;
            }
        }
    }
    acknowledged
}

/// What is there of the topic is one of the two, and whole.
async fn check(disks: Disks, acknowledged: &[i64], what: &str) {
    let running = start(disks, SETTINGS).await;
    let mut client = Client::connect(&running).await;
    for partition in 0..PARTITIONS {
        let produced = client.produce("t", partition, b"v").await;
        if produced.error_code == ErrorCode::UnknownTopicOrPartition.code() {
            assert!(acknowledged.iter().all(|end| *end == 0), "{what}");
            break;
        }
        assert_eq!(produced.error_code, 0, "{what}: {:?}", produced.error_message);
        let is_newer = client.fetch("t", partition, 0).await.error_code == 0;
        let end = client.read_to_end("t", partition, if is_newer { 0 } else { 2 }).await;
        let wanted = if is_newer { acknowledged[partition as usize] } else { 5 };
        assert!(end > wanted, "{what}: {partition} ends at {end}, {acknowledged:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_anew_is_served_whenever_the_power_fails() {
    let original = prepare().await;
    let mut nth = 0;
    let mut states = 0;
    loop {
        let disks = original.kill_clone();
        let running = start(disks.clone(), SETTINGS).await;
        let mut clients = (Client::connect(&running).await, Client::connect(&running).await);
        disks.b.halt_after(nth);
        let before = disks.b.op_count();
        let acknowledged = work(&mut clients.0, &mut clients.1).await;
        let is_over = disks.b.op_count() - before < nth;
        let left = disks.kill_clone();
        let crashed = Disks { a: disks.a.kill_clone(), b: disks.b.crash_clone(nth), ..Disks::default() };
        running.stop().await;
        for (image, left) in [left, crashed].into_iter().enumerate() {
            let what = format!("call {nth}, image {image}");
            // The next start is cut short as well.
            for again in (nth % 7..60).step_by(17) {
                let left = left.kill_clone();
                left.b.halt_after(again);
                if let Ok(running) = try_start(left.clone(), SETTINGS).await {
                    running.stop().await;
                }
                states += 1;
                check(left.kill_clone(), &acknowledged, &format!("{what}, then call {again} of the start")).await;
            }
            states += 1;
            check(left, &acknowledged, &what).await;
        }
        if is_over {
            break;
        }
        nth += STRIDE;
    }
    assert!(nth > 30, "{nth}");
    println!("{states} states");
}

/// What a start reads of a log dir's partitions.
fn checkpoints_being_written() -> Vec<PathBuf> {
    let names = ["recovery-point-offset", "log-start-offset", "replication-offset"];
    names.iter().map(|name| format!("/b/{name}-checkpoint.tmp").into()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_topic_waits_until_the_checkpoints_have_forgotten_the_older_one() {
    let disks = prepare().await;
    let running = start(disks.clone(), SETTINGS).await;
    let mut client = Client::connect(&running).await;
    *disks.out_of_handles.lock().unwrap() = checkpoints_being_written();
    assert_eq!(client.delete_topic("t").await, 0);
    assert_eq!(client.create_topic("t", PARTITIONS, &[]).await.error_code, 0);
    // Acknowledged now, the record would be held against the older topic's offsets after a crash.
    let refused = client.produce("t", 0, b"newer").await;
    assert_eq!(refused.error_code, STORAGE_ERROR, "{:?}", refused.error_message);
    assert!(refused.error_message.unwrap_or_default().contains("still speak of an older topic of this name"));
    check(disks.kill_clone(), &[0; PARTITIONS as usize], "killed before").await;

    disks.out_of_handles.lock().unwrap().clear();
    let mut answer = client.produce("t", 0, b"newer").await;
    while answer.error_code != 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = client.produce("t", 0, b"newer").await;
    }
    assert_eq!(answer.base_offset, 0);
    let killed = start(disks.kill_clone(), SETTINGS).await;
    let mut after = Client::connect(&killed).await;
    assert_eq!(after.read_to_end("t", 0, 0).await, 1);
    killed.stop().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_were_deleted_stay_so_though_the_checkpoint_was_written_late() {
    let disks = prepare().await;
    let running = start(disks.clone(), SETTINGS).await;
    let mut client = Client::connect(&running).await;
    *disks.out_of_handles.lock().unwrap() = checkpoints_being_written();
    assert_eq!(client.delete_records("t", 0, 4).await, 0);
    disks.out_of_handles.lock().unwrap().clear();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let killed = start(disks.kill_clone(), SETTINGS).await;
        let mut after = Client::connect(&killed).await;
        let is_back = after.fetch("t", 0, 3).await.error_code == 0;
        killed.stop().await;
        if !is_back {
            break;
        }
    }
    running.stop().await;
}
