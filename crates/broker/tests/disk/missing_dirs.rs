//! Log dirs that are not there at a start: left out of `log.dirs`, or their disk is not mounted. What they hold is not served
//! and not replaced by something empty, and it is back when they are.

use std::path::Path;

use barnabas_broker::{RunningBroker, StartError};
use barnabas_common::vfs::Vfs;

use crate::support::{Client, Disks, STORAGE_ERROR, start, try_start};

const PARTITIONS: i32 = 4;
const BOTH: &[&str] = &["log.dirs=/a,/b", "metadata.log.dir=/a", "barnabas.journal.bytes=67108864"];
const ONLY_A: &[&str] = &["log.dirs=/a", "metadata.log.dir=/a", "barnabas.journal.bytes=67108864"];
/// Records of each partition.
const RECORDS: i64 = 3;

/// A topic with records in both dirs, cleanly stopped.
async fn stopped() -> Disks {
    let disks = Disks::default();
    let running = start(disks.clone(), BOTH).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", PARTITIONS, &[]).await.error_code, 0);
    for partition in 0..PARTITIONS {
        for _ in 0..RECORDS {
            assert_eq!(client.produce("t", partition, b"acknowledged").await.error_code, 0);
        }
    }
    running.stop().await;
    assert!(in_b(&disks).len() == 2, "{:?}", in_b(&disks));
    disks
}

fn in_b(disks: &Disks) -> Vec<i32> {
    (0..PARTITIONS).filter(|index| disks.b.exists(Path::new(&format!("/b/t-{index}")))).collect()
}

fn id_of_b(disks: &Disks) -> String {
    let text = String::from_utf8(disks.b.read(Path::new("/b/meta.properties")).unwrap()).unwrap();
    text.lines().find_map(|line| line.strip_prefix("directory.id=")).unwrap().to_owned()
}

/// Every partition of `offline` is refused with these words, all others are served.
async fn check(running: &RunningBroker, offline: &[i32], words: &[&str]) {
    let mut client = Client::connect(running).await;
    for partition in 0..PARTITIONS {
        if !offline.contains(&partition) {
            assert_eq!(client.read_to_end("t", partition, 0).await, RECORDS, "{partition}");
            continue;
        }
        let refused = client.produce("t", partition, b"refused").await;
        assert_eq!(refused.error_code, STORAGE_ERROR, "{partition}");
        let message = refused.error_message.unwrap_or_default();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        assert_eq!(client.fetch("t", partition, 0).await.error_code, STORAGE_ERROR, "{partition}");
    }
    assert_eq!(client.without_leader("t").await, offline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dir_that_is_left_out_keeps_its_partitions_offline_until_it_is_back() {
    let disks = stopped().await;
    let (missed, id) = (in_b(&disks), id_of_b(&disks));
    for nth in 0..3 {
        let running = start(disks.clone(), ONLY_A).await;
        check(&running, &missed, &["/b", &id]).await;
        let mut client = Client::connect(&running).await;
        let new = format!("new{nth}");
        assert_eq!(client.create_topic(&new, 2, &[]).await.error_code, 0);
        assert_eq!(client.produce(&new, 1, b"v").await.error_code, 0, "new partitions are made in what is left");
        running.stop().await;
        assert!(disks.a.exists(Path::new("/a/.kafka_cleanshutdown")), "what is left was closed properly");
    }
    let running = start(disks.clone(), BOTH).await;
    check(&running, &[], &[]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.read_to_end("new2", 1, 0).await, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_folder_where_a_disk_should_be_mounted_is_not_used() {
    let disks = stopped().await;
    let (missed, id) = (in_b(&disks), id_of_b(&disks));
    let unmounted = Disks { a: disks.a.clone(), ..Disks::default() };
    for _ in 0..2 {
        let running = start(unmounted.clone(), BOTH).await;
        check(&running, &missed, &["/b", &id, "mount"]).await;
        running.stop().await;
        assert!(!unmounted.b.exists(Path::new("/b/meta.properties")));
    }
    let running = start(disks.clone(), BOTH).await;
    check(&running, &[], &[]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dir_can_be_given_up_and_what_is_then_there_twice_is_not_served() {
    let disks = stopped().await;
    let missed = in_b(&disks);
    let give_up = format!("barnabas.given.up.log.dirs={}", id_of_b(&disks));
    for key in [Some(give_up.as_str()), None] {
        let settings: Vec<_> = ONLY_A.iter().copied().chain(key).collect();
        let running = start(disks.clone(), &settings).await;
        let mut client = Client::connect(&running).await;
        for partition in &missed {
            assert_eq!(client.produce("t", *partition, b"anew").await.error_code, 0);
        }
        running.stop().await;
    }

    // The old folders come back.
    for _ in 0..2 {
        let running = start(disks.clone(), BOTH).await;
        check(&running, &missed, &["/a/t-", "/b/t-"]).await;
        running.stop().await;
    }
    for partition in missed {
        disks.a.remove_dir_all(Path::new(&format!("/a/t-{partition}"))).unwrap();
    }
    let running = start(disks.clone(), BOTH).await;
    check(&running, &[], &[]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_disk_is_used_when_the_one_before_it_was_given_up() {
    let disks = stopped().await;
    let missed = in_b(&disks);
    let give_up = format!("barnabas.given.up.log.dirs={}", id_of_b(&disks));
    let replaced = Disks { a: disks.a.clone(), ..Disks::default() };
    let settings: Vec<_> = BOTH.iter().copied().chain([give_up.as_str()]).collect();
    for settings in [&settings, BOTH] {
        let running = start(replaced.clone(), settings).await;
        let mut client = Client::connect(&running).await;
        for partition in &missed {
            assert_eq!(client.produce("t", *partition, b"anew").await.error_code, 0);
        }
        running.stop().await;
    }
    assert_eq!(in_b(&replaced), missed);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_dir_of_the_metadata_no_new_metadata_are_begun() {
    let disks = stopped().await;
    for settings in [&["log.dirs=/b"][..], &["log.dirs=/b,/a", "metadata.log.dir=/b"], &["log.dirs=/b,/a"]] {
        let left = Disks { b: disks.b.kill_clone(), ..Disks::default() };
        let refused = try_start(left.clone(), settings).await;
        let Err(StartError::LogDirs(reason)) = refused else { panic!("it started with {settings:?}") };
        assert!(reason.contains("/a") && reason.contains("metadata"), "{reason}");
        assert!(!left.b.exists(Path::new("/b/__cluster_metadata-0")));
    }
    let running = start(disks, BOTH).await;
    check(&running, &[], &[]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_never_made_is_made_and_dirs_can_be_added() {
    let disks = stopped().await;
    let running = start(disks.clone(), BOTH).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("empty", 1, &[]).await.error_code, 0);
    let killed = disks.kill_clone();
    running.stop().await;
    for (disk, path) in [(&killed.a, "/a/empty-0"), (&killed.b, "/b/empty-0")] {
        let _ = disk.remove_dir_all(Path::new(path));
    }
    let running = start(killed.clone(), &["log.dirs=/a,/c,/b", "metadata.log.dir=/a"]).await;
    check(&running, &[], &[]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.produce("empty", 0, b"v").await.error_code, 0);
    assert_eq!(client.create_topic("more", 6, &[]).await.error_code, 0);
    assert!(killed.a.exists(Path::new("/c/meta.properties")));
    running.stop().await;
}

/// A partition that is in two dirs, of which the operator removes one copy; the journal of that dir has records of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_a_copy_that_was_removed_adds_nothing_to_the_one_that_was_kept() {
    let disks = stopped().await;
    let missed = in_b(&disks);
    let give_up = format!("barnabas.given.up.log.dirs={}", id_of_b(&disks));
    let settings: Vec<_> = ONLY_A.iter().copied().chain([give_up.as_str()]).collect();
    let running = start(disks.clone(), &settings).await;
    let mut client = Client::connect(&running).await;
    for partition in &missed {
        for _ in 0..RECORDS + 20 {
            assert_eq!(client.produce("t", *partition, b"anew").await.error_code, 0);
        }
    }
    let killed = disks.kill_clone();
    running.stop().await;
    // Both copies are there, then only the older one.
    let running = start(killed.clone(), BOTH).await;
    check(&running, &missed, &["/a/t-", "/b/t-"]).await;
    let killed_again = killed.kill_clone();
    running.stop().await;
    for partition in &missed {
        killed_again.a.remove_dir_all(Path::new(&format!("/a/t-{partition}"))).unwrap();
    }
    // What of the journal was acknowledged is not in this copy, which nobody may take for whole.
    let running = start(killed_again.clone(), BOTH).await;
    check(&running, &missed, &["the journal of /a has some from offset", "move it back to /a"]).await;
    running.stop().await;
}
