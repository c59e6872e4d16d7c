//! Stopping and starting again: the logs are as they were, whether they are taken from what the stop wrote down or from
//! their folders; and that is not trusted where it does not fit.

use std::path::Path;

use barnabas_common::vfs::{OpenMode, Vfs};

use crate::support::{Client, Disks, start};

const PARTITIONS: i32 = 100;
const SNAPSHOT: &str = "/a/barnabas-start-snapshot";

/// Partition `i` gets `i % 4` records more.
async fn produce_everywhere(client: &mut Client) {
    for partition in 0..PARTITIONS {
        for _ in 0..partition % 4 {
            assert_eq!(client.produce("t", partition, b"value").await.error_code, 0);
        }
    }
}

async fn assert_rounds(client: &mut Client, rounds: i32) {
    for partition in 0..PARTITIONS {
        assert_eq!(client.read_to_end("t", partition, 0).await, i64::from(partition % 4 * rounds), "{partition}");
    }
}

/// A topic with records, stopped.
async fn stopped(disks: &Disks) {
    let running = start(disks.clone(), &[]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", PARTITIONS, &[]).await.error_code, 0);
    produce_everywhere(&mut client).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_opened_without_a_look_into_their_folders_and_go_on() {
    let disks = Disks::default();
    stopped(&disks).await;
    for rounds in 1..4 {
        let before = disks.a.op_count();
        let running = start(disks.clone(), &[]).await;
        let calls = disks.a.op_count() - before;
        assert!(calls < PARTITIONS as u64 * 3, "{calls} calls for {PARTITIONS} partitions");
        let mut client = Client::connect(&running).await;
        assert_rounds(&mut client, rounds).await;
        produce_everywhere(&mut client).await;
        assert_rounds(&mut client, rounds + 1).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_down_is_not_trusted_where_it_does_not_fit() {
    let original = Disks::default();
    stopped(&original).await;
    type Change = (&'static str, fn(&Disks));
    let changes: [Change; 5] = [
        ("it is missing", |disks| disks.a.remove_file(Path::new(SNAPSHOT)).unwrap()),
        ("it is damaged", |disks| disks.a.damage(Path::new(SNAPSHOT), |bytes| bytes[500] ^= 1).unwrap()),
        ("it is cut", |disks| disks.a.damage(Path::new(SNAPSHOT), |bytes| bytes.truncate(700)).unwrap()),
        ("the stop was not clean", |disks| disks.a.remove_file(Path::new("/a/.kafka_cleanshutdown")).unwrap()),
        ("a folder was changed", |disks| drop(disks.a.open(Path::new("/a/t-7/x"), OpenMode::CREATE).unwrap())),
    ];
    for (what, change) in changes {
        let disks = original.kill_clone();
        change(&disks);
        let running = start(disks, &[]).await;
        let mut client = Client::connect(&running).await;
        assert_rounds(&mut client, 1).await;
        produce_everywhere(&mut client).await;
        assert_rounds(&mut client, 2).await;
        running.stop().await;
        println!("{what}: fine");
    }
}

/// What an earlier stop wrote down is of no use after a crash and another stop.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_stop_does_not_speak_for_a_later_one() {
    let disks = Disks::default();
    stopped(&disks).await;
    let older = disks.a.read(Path::new(SNAPSHOT)).unwrap();
    let running = start(disks.clone(), &[]).await;
    assert!(!disks.a.exists(Path::new(SNAPSHOT)), "it counts once");
    produce_everywhere(&mut Client::connect(&running).await).await;
    running.stop().await;
    disks.a.write_atomically(Path::new(SNAPSHOT), &older).unwrap();
    let running = start(disks, &[]).await;
    assert_rounds(&mut Client::connect(&running).await, 2).await;
}
