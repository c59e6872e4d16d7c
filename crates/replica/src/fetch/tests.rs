//! Long polling on a log in memory.

use std::path::PathBuf;

use barnabas_common::vfs::MemVfs;
use barnabas_common::{TopicPartition, Uuid};
use barnabas_log::{AppendOrigin, Log, LogConfig, OpenOptions};
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};

use super::*;

const VALUE_BYTES: usize = 1000;

fn manager() -> (ReplicaManager, Arc<Partition>) {
    manager_of(LogConfig::default())
}

fn manager_of(config: LogConfig) -> (ReplicaManager, Arc<Partition>) {
    let name = TopicPartition::new("t", 0);
    let vfs = Arc::new(MemVfs::new());
    let log = Log::open(vfs, PathBuf::from("/t-0"), name.clone(), None, config, OpenOptions::default(), 0).unwrap();
    let partition = Arc::new(Partition::online(name, Uuid::ZERO, log, 0));
    let manager = ReplicaManager::default();
    manager.insert(Arc::clone(&partition));
    (manager, partition)
}

fn append(partition: &Arc<Partition>) {
    let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    batch.add(0, None, Some(&[7; VALUE_BYTES]), &[]);
    partition.append(batch.build(0, 0).unwrap(), 0, AppendOrigin::Client).unwrap();
}

fn target(fetch_offset: Offset) -> FetchTarget {
    FetchTarget {
        topic: "t".into(),
        partition: 0,
        fetch_offset,
        max_bytes: 1 << 20,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
    }
}

async fn fetch(manager: &ReplicaManager, targets: &[FetchTarget], limits: FetchLimits) -> Vec<FetchedPartition> {
    let fetch = Fetch::new(manager, targets.to_vec(), limits);
    match fetch.at_once(manager) {
        Some(fetched) => fetched,
        None => fetch.wait(manager).await,
    }
}

fn limits(min_bytes: usize, max_wait: Duration) -> FetchLimits {
    FetchLimits { max_wait, min_bytes, max_bytes: 1 << 20, isolation: Isolation::ReadUncommitted }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_waits_for_its_minimum_and_no_longer() {
    let (manager, partition) = manager();
    let began = Instant::now();
    let appends = async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            append(&partition);
        }
    };
    let targets = [target(0)];
    let fetched = fetch(&manager, &targets, limits(10 * VALUE_BYTES, Duration::from_secs(60)));
    let (fetched, ()) = tokio::join!(fetched, appends);
    assert!(fetched[0].records.len() >= 10 * VALUE_BYTES);
    assert!(fetched[0].records.len() < 11 * (VALUE_BYTES + 100));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn less_than_the_minimum_comes_when_the_time_is_up() {
    let (manager, partition) = manager();
    append(&partition);
    let began = Instant::now();
    let fetched = fetch(&manager, &[target(0)], limits(1 << 19, Duration::from_millis(500))).await;
    assert!(fetched[0].records.len() > VALUE_BYTES);
    assert!(began.elapsed() >= Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_closed_segment_does_not_wait() {
    let (manager, partition) = manager_of(LogConfig { segment_bytes: 5 * 1100, ..LogConfig::default() });
    (0..8).for_each(|_| append(&partition));
    let began = Instant::now();
    let wait = limits(3 * VALUE_BYTES, Duration::from_millis(500));
    let fetched = fetch(&manager, &[target(4)], wait).await;
    assert!((VALUE_BYTES..2 * VALUE_BYTES).contains(&fetched[0].records.len()));
    assert_eq!(began.elapsed(), Duration::ZERO);
    fetch(&manager, &[target(6)], wait).await;
    assert_eq!(began.elapsed(), Duration::from_millis(500), "the last segment has to fill up");
}

#[tokio::test(start_paused = true)]
async fn as_many_whole_batches_as_the_limits_allow_are_enough() {
    let (manager, partition) = manager();
    (0..8).for_each(|_| append(&partition));
    let began = Instant::now();
    let wait = FetchLimits { max_bytes: 3500, ..limits(3500, Duration::from_millis(500)) };
    let fetched = fetch(&manager, &[target(0)], wait).await;
    assert!((3 * VALUE_BYTES..3500).contains(&fetched[0].records.len()));
    let wait = FetchLimits { min_bytes: 1 << 20, ..wait };
    assert!(!fetch(&manager, &[target(0)], wait).await[0].records.is_empty());
    assert_eq!(began.elapsed(), Duration::ZERO, "waiting would bring no more");
}

#[tokio::test(start_paused = true)]
async fn an_error_does_not_wait() {
    let (manager, _) = manager();
    let began = Instant::now();
    let fetched = fetch(&manager, &[target(99)], limits(1 << 19, Duration::from_secs(60))).await;
    assert_eq!(fetched[0].error, ErrorCode::OffsetOutOfRange);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_leaves_when_its_fetch_ends() {
    let (manager, partition) = manager();
    fetch(&manager, &[target(0)], limits(1, Duration::from_millis(5))).await;
    assert!(partition.waiters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn consumers_at_the_tail_share_what_is_appended() {
    let (manager, partition) = manager();
    let targets = [target(0)];
    let wait = || fetch(&manager, &targets, limits(1, Duration::from_secs(60)));
    let appends = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        append(&partition);
    };
    let (first, second, ()) = tokio::join!(wait(), wait(), appends);
    let bytes = |fetched: Vec<FetchedPartition>| fetched[0].records.clone().into_bytes().unwrap();
    let (first, second) = (bytes(first), bytes(second));
    assert!(first.len() > VALUE_BYTES && first == second);
    assert_eq!(first.as_ptr(), second.as_ptr(), "one copy in memory");
}

#[tokio::test(start_paused = true)]
async fn what_short_memory_allows_does_not_wait_for_the_minimum() {
    let (manager, partition) = manager();
    for _ in 0..1500 {
        append(&partition);
    }
    let all_memory = manager.fetch_memory.reserve(usize::MAX, 0);
    let min_bytes = 100 << 10;
    let began = tokio::time::Instant::now();
    let fetched = fetch(&manager, &[target(0)], limits(min_bytes, Duration::from_secs(10))).await;
    assert!((1..min_bytes).contains(&fetched[0].records.len()), "{}", fetched[0].records.len());
    assert_eq!(began.elapsed(), Duration::ZERO);
    manager.fetch_memory.settle(all_memory, bytes::Bytes::new(), 0);
}
