//! A journal with damage in its middle, after the power failed: whatever else is in it is taken over, and a partition that is
//! known to have lost something is offline, not shorter.

use std::path::Path;

use barnabas_common::vfs::Vfs;

use crate::support::{Client, Disks, STORAGE_ERROR, start, try_start};

const SETTINGS: &[&str] = &["log.dirs=/a", "barnabas.journal.bytes=67108864"];
const JOURNAL: &str = "/a/barnabas-journal-0";
const PARTITIONS: i32 = 3;
/// Of each partition, in turns.
const RECORDS: i64 = 2;

fn value(partition: i32, n: i64) -> String {
    format!("value {n} of partition {partition}, acknowledged")
}

/// As a kill leaves it, or a power loss that takes from the segments all that it may.
async fn ended(power_fails: bool) -> Disks {
    for _ in 0..20 {
        let killed = killed().await;
        // While the first file of a journal is being made, segments are synced in its place: those may lose nothing.
        if !is_all_journaled(&killed) {
            continue;
        }
        for partition in (0..PARTITIONS).filter(|_| power_fails) {
            let segment = format!("/a/t-{partition}/00000000000000000000.log");
            killed.a.damage(Path::new(&segment), Vec::clear).unwrap();
        }
        return killed;
    }
    panic!("the journal never has every record");
}

async fn killed() -> Disks {
    let disks = Disks::default();
    let running = start(disks.clone(), SETTINGS).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", PARTITIONS, &[]).await.error_code, 0);
    for n in 0..RECORDS {
        for partition in 0..PARTITIONS {
            assert_eq!(client.produce("t", partition, value(partition, n).as_bytes()).await.error_code, 0);
        }
    }
    let killed = disks.kill_clone();
    running.stop().await;
    killed
}

fn is_all_journaled(disks: &Disks) -> bool {
    (0..PARTITIONS).all(|partition| (0..RECORDS).all(|n| find(disks, partition, n).is_some()))
}

/// Where a record is in the journal.
fn place(disks: &Disks, partition: i32, n: i64) -> usize {
    find(disks, partition, n).unwrap()
}

fn find(disks: &Disks, partition: i32, n: i64) -> Option<usize> {
    let bytes = disks.a.read(Path::new(JOURNAL)).ok()?;
    let wanted = value(partition, n);
    bytes.windows(wanted.len()).position(|at| at == wanted.as_bytes())
}

fn flip(disks: &Disks, at: usize) {
    disks.a.damage(Path::new(JOURNAL), |bytes| bytes[at] ^= 8).unwrap();
}

/// Where each partition ends; -1 if it is offline.
async fn served(disks: &Disks, words: &str) -> Vec<i64> {
    let running = start(disks.clone(), SETTINGS).await;
    let mut client = Client::connect(&running).await;
    let mut ends = Vec::new();
    for partition in 0..PARTITIONS {
        let fetched = client.fetch("t", partition, 0).await;
        if fetched.error_code == STORAGE_ERROR {
            let message = client.produce("t", partition, b"refused").await.error_message.unwrap();
            assert!(message.contains(words) && message.contains("journal"), "{message}");
            ends.push(-1);
        } else {
            ends.push(client.read_to_end("t", partition, 0).await);
        }
    }
    running.stop().await;
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_records_are_lost_by_damage_is_offline_and_others_are_whole() {
    let original = ended(true).await;
    assert_eq!(served(&original.kill_clone(), "").await, [2, 2, 2]);
    for n in 0..RECORDS {
        for partition in 0..PARTITIONS - 1 {
            let disks = original.kill_clone();
            flip(&disks, place(&disks, partition, n));
            let expected: Vec<i64> =
                (0..PARTITIONS).map(|other| if other == partition { -1 } else { RECORDS }).collect();
            // For as many starts as it takes, and a stop is no way out.
            for _ in 0..3 {
                assert_eq!(served(&disks, "acknowledged records").await, expected, "{partition} {n}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_costs_nothing_that_the_logs_have() {
    let original = ended(false).await;
    for partition in 0..PARTITIONS {
        let disks = original.kill_clone();
        flip(&disks, place(&disks, partition, 0));
        assert_eq!(served(&disks, "").await, [2, 2, 2], "{partition}");
    }
}

/// The header of the entry is damaged, too: nobody knows whose it was, but the next one of the same partition does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_of_which_it_is_not_known_whose_it_was_keeps_nobody_else_from_what_follows() {
    for (n, expected) in [(0, [2, -1, 2]), (1, [2, 1, 2])] {
        let disks = ended(true).await;
        let at = place(&disks, 1, n);
        disks.a.damage(Path::new(JOURNAL), |bytes| bytes[at - 110..at].fill(0xff)).unwrap();
        assert_eq!(served(&disks, "acknowledged records").await, expected, "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_damage_has_cost_can_be_given_up() {
    let disks = ended(true).await;
    flip(&disks, place(&disks, 0, 1));
    assert_eq!(served(&disks, "barnabas-journal-*").await, [-1, 2, 2]);
    disks.a.remove_file(Path::new(JOURNAL)).unwrap();
    for number in 1..32 {
        let _ = disks.a.remove_file(Path::new(&format!("/a/barnabas-journal-{number}")));
    }
    let Err(refused) = try_start(disks.clone(), SETTINGS).await else { panic!("it started") };
    let id = refused.to_string().split("the id ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let settings: Vec<String> = SETTINGS
        .iter()
        .map(|setting| (*setting).to_owned())
        .chain([format!("barnabas.given.up.journals={id}")])
        .collect();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    start(disks.clone(), &settings).await.stop().await;
    assert_eq!(served(&disks, "").await, [1, 2, 2]);
}
