//! Starts on a disk of the metadata that is full: the broker serves, or it says at once what is missing and what to do. It
//! neither hangs nor loses anything, and starts when there is room.

use std::time::Duration;

use barnabas_broker::{RunningBroker, StartError};

use crate::support::{Client, Disks, start, try_start};

/// Where the metadata are alone: nothing else makes room there.
const APART: &[&str] = &["log.dirs=/b", "metadata.log.dir=/a", "barnabas.disk.reserve.bytes=0"];
const TOGETHER: &[&str] = &["log.dirs=/a", "barnabas.disk.reserve.bytes=0"];
/// A start that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(30);

async fn try_in_time(disks: &Disks, settings: &[&str], what: &str) -> Result<RunningBroker, StartError> {
    let started = tokio::time::timeout(PATIENCE, try_start(disks.clone(), settings)).await;
    started.unwrap_or_else(|_| panic!("{what}: the start hangs"))
}

fn check_refusal(error: &StartError, what: &str) {
    let text = error.to_string();
    assert!(text.contains("/a") || text.contains("/b"), "{what}: {text}");
    assert!(text.contains("make room"), "{what}: {text}");
}

/// Changes metadata until there is no room for more; returns the last value that was accepted.
async fn fill_metadata(disks: &Disks, client: &mut Client) -> i64 {
    disks.a.set_capacity(Some(disks.a.used_bytes()));
    for retention_ms in 1_000_000.. {
        if client.alter_topic("t", "retention.ms", &retention_ms.to_string()).await != 0 {
            return retention_ms - 1;
        }
    }
    unreachable!()
}

async fn check_all_is_there(running: RunningBroker, what: &str) {
    let mut client = Client::connect(&running).await;
    assert_eq!(client.read_to_end("t", 0, 0).await, 1, "{what}");
    assert_eq!(client.committed("group", "t", 0).await, 1, "{what}");
    assert_eq!(client.create_topic("new", 1, &[]).await.error_code, 0, "{what}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_finds_a_disk_with_too_little_room() {
    for settings in [APART, TOGETHER] {
        let mut refused = 0;
        for room in [0, 1, 60, 100, 150, 200, 250, 300, 400, 600, 1000, 2000, 4000] {
            let what = format!("room for {room} bytes, {settings:?}");
            let disks = Disks::default();
            disks.a.set_capacity(Some(room));
            match try_in_time(&disks, settings, &what).await {
                Ok(running) => running.stop().await,
                Err(error) => {
                    check_refusal(&error, &what);
                    refused += 1;
                }
            }
            disks.a.set_capacity(None);
            start(disks, settings).await.stop().await;
        }
        assert!(refused > 3, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_room_for_metadata_is_refused_and_loses_nothing() {
    for (settings, stops) in [(APART, true), (APART, false), (TOGETHER, true), (TOGETHER, false)] {
        let what = format!("{settings:?}, {}", if stops { "stopped" } else { "killed" });
        let disks = Disks::default();
        let running = start(disks.clone(), settings).await;
        let mut client = Client::connect(&running).await;
        assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
        assert_eq!(client.produce("t", 0, b"acknowledged").await.error_code, 0);
        assert_eq!(client.commit("group", "t", 0, 1).await, 0);
        let last = fill_metadata(&disks, &mut client).await;
        let killed = disks.kill_clone();
        running.stop().await;
        let disks = if stops { disks } else { killed };
        disks.a.set_capacity(Some(disks.a.used_bytes()));
        for _ in 0..2 {
            match try_in_time(&disks, settings, &what).await {
                Ok(_) => panic!("{what}: there is no room"),
                Err(error) => check_refusal(&error, &what),
            }
        }
        disks.a.set_capacity(None);
        let running = start(disks, settings).await;
        let mut client = Client::connect(&running).await;
        let retention_ms: i64 = client.topic_config("t", "retention.ms").await.parse().unwrap();
        assert!(retention_ms >= last, "{what}: {retention_ms}, {last}");
        check_all_is_there(running, &what).await;
    }
}

/// What is kept in reserve is for this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_alone_keeps_no_broker_from_starting() {
    for settings in [APART, TOGETHER] {
        let disks = Disks::default();
        let running = start(disks.clone(), settings).await;
        let mut client = Client::connect(&running).await;
        assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
        assert_eq!(client.produce("t", 0, b"acknowledged").await.error_code, 0);
        assert_eq!(client.commit("group", "t", 0, 1).await, 0);
        let (killed, crashed) = (disks.kill_clone(), disks.crash_clone(5));
        running.stop().await;
        for (disks, is_whole) in [(disks, true), (killed, true), (crashed, false)] {
            disks.a.set_capacity(Some(disks.a.used_bytes()));
            for _ in 0..3 {
                let running = try_in_time(&disks, settings, "full").await.unwrap();
                let mut client = Client::connect(&running).await;
                // What a power loss took from the segments needs room there.
                if is_whole {
                    assert_eq!(client.read_to_end("t", 0, 0).await, 1);
                }
                running.stop().await;
            }
            disks.a.set_capacity(None);
            check_all_is_there(start(disks, settings).await, "with room").await;
        }
    }
}
