//! A log dir whose folder goes away while the broker runs: files that are open take writes all the same, and nobody will ever
//! find them again.

use std::path::Path;
use std::sync::Arc;

use barnabas_common::vfs::Vfs;

use crate::support::{Client, Disks, STORAGE_ERROR, eventually, scrape, start};

const TWO_DIRS: &[&str] = &["log.dirs=/a,/b"];
const OFFLINE: &str = "kafka_log_logmanager_logdirectoryoffline{logDirectory=\"/b\"}";

/// What happens to `/b`.
#[derive(Clone, Copy, Debug)]
enum Event {
    Removed,
    /// What is left is the folder that it was mounted on.
    Unmounted,
    Emptied,
}

impl Event {
    fn happens(self, disks: &Disks) {
        let dir = Path::new("/b");
        match self {
            Self::Removed => disks.b.remove_dir_all(dir).unwrap(),
            Self::Unmounted => {
                disks.b.rename(dir, Path::new("/elsewhere")).unwrap();
                disks.b.create_dir_all(dir).unwrap();
            }
            Self::Emptied => {
                for entry in disks.b.read_dir(dir).unwrap() {
                    let path = dir.join(entry.name);
                    if entry.is_dir { disks.b.remove_dir_all(&path) } else { disks.b.remove_file(&path) }.unwrap();
                }
            }
        }
    }

    fn assert_left_alone(self, disks: &Disks) {
        match self {
            Self::Removed => assert!(!disks.b.exists(Path::new("/b")), "it was made again"),
            Self::Unmounted => {
                assert_eq!(disks.b.read_dir(Path::new("/b")).unwrap(), [], "something was put in its place")
            }
            Self::Emptied => {}
        }
    }
}

/// The partition of `t` in `/b`.
async fn spread_topic(client: &mut Client) -> i32 {
    assert_eq!(client.create_topic("t", 2, &[]).await.error_code, 0);
    for partition in [0, 1] {
        assert_eq!(client.produce("t", partition, b"v").await.error_code, 0);
    }
    let dirs = client.log_dirs().await;
    let topics = &dirs.iter().find(|dir| dir.log_dir == "/b").unwrap().topics;
    topics.iter().find(|topic| topic.name == "t").unwrap().partitions[0].partition_index
}

async fn is_noticed(event: Event) {
    let disks = Disks::default();
    let running = start(disks.clone(), TWO_DIRS).await;
    let mut client = Client::connect(&running).await;
    let gone = spread_topic(&mut client).await;
    event.happens(&disks);
    // Nothing fails: the files are open.
    eventually("the partition is offline", || async {
        let mut client = Client::connect(&running).await;
        (client.produce("t", gone, b"v").await.error_code == STORAGE_ERROR).then_some(())
    })
    .await;
    let told = client.produce("t", gone, b"v").await.error_message.unwrap();
    assert!(told.contains("its log dir /b has failed: it is gone"), "{event:?}: {told}");
    assert_eq!(client.fetch("t", gone, 0).await.error_code, STORAGE_ERROR);
    assert_eq!(client.without_leader("t").await, [gone]);
    let dirs = client.log_dirs().await;
    let described = dirs.iter().find(|dir| dir.log_dir == "/b").unwrap();
    assert_eq!((described.error_code, described.total_bytes), (STORAGE_ERROR, -1));
    assert_eq!(scrape(&running, OFFLINE).await, 1.0);
    assert!(running.broker.remark().unwrap().contains("/b is out of use"), "{:?}", running.broker.remark());
    assert_eq!(running.broker.not_ready(), None, "the other dir is served");
    let out_of_use: Vec<_> = running.broker.dirs_out_of_use().map(|(dir, _)| dir.to_owned()).collect();
    assert_eq!(out_of_use, [Path::new("/b")]);

    assert_eq!(client.create_topic("new", 3, &[]).await.error_code, 0);
    for partition in 0..3 {
        assert_eq!(client.produce("new", partition, b"v").await.error_code, 0, "new partitions go to the other dir");
    }
    assert_eq!(client.produce("t", 1 - gone, b"v").await.error_code, 0);
    running.stop().await;
    event.assert_left_alone(&disks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_dir_that_is_removed_is_noticed_and_not_made_again() {
    is_noticed(Event::Removed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_dir_that_is_unmounted_is_noticed_and_nothing_is_put_in_its_place() {
    is_noticed(Event::Unmounted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_dir_that_is_emptied_is_noticed() {
    is_noticed(Event::Emptied).await;
}

/// A folder for a new partition, a moment after the log dir went: nobody has looked yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_makes_a_file_or_folder_notices_first() {
    for event in [Event::Removed, Event::Unmounted] {
        let disks = Disks::default();
        let running = start(disks.clone(), TWO_DIRS).await;
        let mut client = Client::connect(&running).await;
        spread_topic(&mut client).await;
        event.happens(&disks);
        assert_eq!(client.create_topic("new", 4, &[]).await.error_code, 0);
        event.assert_left_alone(&disks);
        eventually("it is noticed", || async { running.broker.remark() }).await;
        running.stop().await;
        event.assert_left_alone(&disks);
    }
}

/// Only the folder of one partition: its file may be open already, or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_folder_is_gone_when_it_needs_a_file_takes_its_log_dir_along() {
    for is_open in [true, false] {
        let disks = Disks::default();
        let running = start(disks.clone(), TWO_DIRS).await;
        let mut client = Client::connect(&running).await;
        assert_eq!(client.create_topic("t", 2, &[("segment.bytes", "1048576")]).await.error_code, 0);
        let dirs = client.log_dirs().await;
        let topics = &dirs.iter().find(|dir| dir.log_dir == "/b").unwrap().topics;
        let partition = topics.iter().find(|topic| topic.name == "t").unwrap().partitions[0].partition_index;
        if is_open {
            assert_eq!(client.produce("t", partition, b"v").await.error_code, 0);
        }
        disks.b.remove_dir_all(&Path::new("/b").join(format!("t-{partition}"))).unwrap();
        for _ in 0..3 {
            client.produce("t", partition, &[7; 600 << 10]).await;
        }
        let remark = eventually("the log dir is out of use", || async { running.broker.remark() }).await;
        // With its file open it may be a sync that meets it first.
        assert!(is_open || remark.contains("/b is out of use: it is gone: the folder /b/t-"), "{remark}");
        assert_eq!(client.produce("t", partition, b"v").await.error_code, STORAGE_ERROR);
        assert_eq!(client.produce("t", 1 - partition, b"v").await.error_code, 0);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_folder_of_its_only_log_dir_the_broker_ends() {
    let disks = Disks::default();
    let running = start(disks.clone(), &[]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 1, &[]).await.error_code, 0);
    disks.a.remove_dir_all(Path::new("/a")).unwrap();
    let reason = running.failed().await;
    assert!(reason.contains("/a") && reason.contains("it is gone") && reason.contains("mount its volume"), "{reason}");
    assert!(running.broker.not_ready().unwrap().contains("it is gone"));
    running.stop().await;
    assert!(!disks.a.exists(Path::new("/a")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_is_replaced_is_no_log_dir_that_is_gone() {
    let disks = Disks::default();
    let running = start(disks.clone(), TWO_DIRS).await;
    let (file, copy) = (Path::new("/b/meta.properties"), Path::new("/b/copy"));
    let disk: Arc<dyn Vfs> = Arc::new(disks.b.clone());
    let bytes = disk.read(file).unwrap();
    for _ in 0..30 {
        disk.write_atomically(copy, &bytes).unwrap();
        disk.rename(copy, file).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(running.broker.remark(), None);
    running.stop().await;
}
