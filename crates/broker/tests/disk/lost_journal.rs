//! Files of the journal that somebody removed after an unclean stop: what only they held is missed, and nothing is made of
//! the logs without it unless that is asked for. Where the journal is not needed it is not missed.

use std::path::{Path, PathBuf};

use barnabas_broker::StartError;
use barnabas_common::vfs::{MemVfs, Vfs};

use crate::support::{Client, Disks, STORAGE_ERROR, start, try_start};

const ONE_DIR: &[&str] = &["log.dirs=/a", "barnabas.journal.bytes=67108864"];
const TWO_DIRS: &[&str] = &["log.dirs=/a,/b", "metadata.log.dir=/a", "barnabas.journal.bytes=67108864"];
const PAGE_CACHE: &[&str] = &["log.dirs=/a", "barnabas.durability=page-cache"];

/// Runs a broker and appends a record to every partition of `t`; then both disks as a power loss, or a stop leaves them.
async fn used(disks: Disks, settings: &[&str], stops: bool) -> Disks {
    let running = start(disks.clone(), settings).await;
    let mut client = Client::connect(&running).await;
    client.create_topic("t", 2, &[]).await;
    for partition in 0..2 {
        let produced = client.produce("t", partition, b"acknowledged").await;
        assert_eq!(produced.error_code, 0, "{:?}", produced.error_message);
    }
    let crashed = disks.crash_clone(3);
    running.stop().await;
    if stops { disks } else { crashed }
}

fn journal(disk: &MemVfs, dir: &str) -> Vec<PathBuf> {
    let names = disk.read_dir(Path::new(dir)).unwrap().into_iter().map(|entry| entry.name);
    names.filter(|name| name.starts_with("barnabas-journal-")).map(|name| Path::new(dir).join(name)).collect()
}

/// Without the files of the journal.
fn without_journal(disks: &Disks, dir: &str) -> Disks {
    let disks = disks.kill_clone();
    let disk = if dir == "/a" { &disks.a } else { &disks.b };
    let files = journal(disk, dir);
    assert!(!files.is_empty());
    files.iter().for_each(|file| disk.remove_file(file).unwrap());
    disks
}

/// The id that a refused start names.
async fn refused(disks: &Disks, settings: &[&str]) -> String {
    let Err(StartError::DataDir { dir, error, hint }) = try_start(disks.clone(), settings).await else {
        panic!("it started");
    };
    assert_eq!(dir, Path::new("/a"));
    let text = format!("{error}; {hint}");
    for words in [
        "not stopped properly",
        "barnabas-journal-0",
        "acknowledged",
        "barnabas.given.up.journals",
        "put these files back",
    ] {
        assert!(text.contains(words), "{text}");
    }
    text.split("the id ").nth(1).unwrap().split(',').next().unwrap().to_owned()
}

async fn check_serves(disks: &Disks, settings: &[&str], ends: [i64; 2]) {
    let running = start(disks.clone(), settings).await;
    let mut client = Client::connect(&running).await;
    for partition in 0..2 {
        assert_eq!(client.read_to_end("t", partition, 0).await, ends[partition as usize], "{partition}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_was_removed_after_an_unclean_stop_is_missed_until_it_is_back_or_given_up() {
    let crashed = used(Disks::default(), ONE_DIR, false).await;
    let left = without_journal(&crashed, "/a");
    let id = refused(&left, ONE_DIR).await;
    assert_eq!(refused(&left, ONE_DIR).await, id, "whatever the number of starts");
    refused(&left, PAGE_CACHE).await;

    let back = left.kill_clone();
    for file in journal(&crashed.a, "/a") {
        back.a.write_atomically(&file, &crashed.a.read(&file).unwrap()).unwrap();
    }
    check_serves(&back, ONE_DIR, [1, 1]).await;

    let give_up = format!("barnabas.given.up.journals={id}");
    for mode in [ONE_DIR, PAGE_CACHE] {
        let settings: Vec<_> = mode.iter().copied().chain([give_up.as_str()]).collect();
        let given_up = used(left.kill_clone(), &settings, false).await;
        // For one start only.
        start(given_up.kill_clone(), mode).await.stop().await;
        if mode == ONE_DIR {
            let other = refused(&without_journal(&given_up, "/a"), &settings).await;
            assert_ne!(other, id, "another loss is another matter");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_file_that_was_cut_to_make_room_is_missed() {
    let crashed = used(Disks::default(), ONE_DIR, false).await;
    crashed.a.damage(Path::new("/a/barnabas-journal-0"), Vec::clear).unwrap();
    refused(&crashed, ONE_DIR).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_dir_without_its_journal_is_out_of_use() {
    let left = without_journal(&used(Disks::default(), TWO_DIRS, false).await, "/b");
    let in_b = if left.b.exists(Path::new("/b/t-0")) { 0 } else { 1 };
    let running = start(left.clone(), TWO_DIRS).await;
    let mut client = Client::connect(&running).await;
    let produced = client.produce("t", in_b, b"refused").await;
    assert_eq!(produced.error_code, STORAGE_ERROR);
    let message = produced.error_message.unwrap();
    assert!(message.contains("barnabas-journal-0") && message.contains("/b"), "{message}");
    assert_eq!(client.read_to_end("t", 1 - in_b, 0).await, 1);
    running.stop().await;
    let id = message.split("the id ").nth(1).unwrap().split(',').next().unwrap();
    let give_up = format!("barnabas.given.up.journals={id}");
    let settings: Vec<_> = TWO_DIRS.iter().copied().chain([give_up.as_str()]).collect();
    used(left, &settings, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_journal_is_not_needed_it_is_not_missed() {
    let stopped = without_journal(&used(Disks::default(), ONE_DIR, true).await, "/a");
    check_serves(&stopped.kill_clone(), ONE_DIR, [1, 1]).await;
    // Starts that end early are not clean any more, and need it no more either.
    for nth in (0..60).step_by(3) {
        let disks = stopped.kill_clone();
        disks.a.halt_after(nth);
        if let Ok(running) = try_start(disks.clone(), ONE_DIR).await {
            running.stop().await;
        }
        check_serves(&disks.kill_clone(), ONE_DIR, [1, 1]).await;
    }
    let crashed = used(Disks::default(), PAGE_CACHE, false).await;
    start(crashed.clone(), PAGE_CACHE).await.stop().await;
    start(crashed, ONE_DIR).await.stop().await;
}

/// The broker removes files itself, when their size is to be another one or there is to be no journal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_removes_is_not_missed() {
    let crashed = used(Disks::default(), ONE_DIR, false).await;
    for settings in [&["log.dirs=/a", "barnabas.journal.bytes=134217728"][..], PAGE_CACHE] {
        for nth in (20..140).step_by(4) {
            let disks = crashed.kill_clone();
            disks.a.halt_after(nth);
            if let Ok(running) = try_start(disks.clone(), settings).await {
                running.stop().await;
            }
            check_serves(&disks.kill_clone(), ONE_DIR, [1, 1]).await;
        }
    }
}
