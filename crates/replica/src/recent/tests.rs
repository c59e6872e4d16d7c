//! Recent batches compared with what the log holds, through everything that changes a log.

use std::path::PathBuf;

use barnabas_common::vfs::MemVfs;
use barnabas_common::{TopicPartition, Uuid};
use barnabas_log::{AppendOrigin, LogConfig, OpenOptions};
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};
use bytes::BytesMut;

use super::*;
use crate::fetch::Planned;
use crate::manager::ReplicaManager;
use crate::partition::{Isolation, Partition};

fn partition() -> Arc<Partition> {
    let name = TopicPartition::new("t", 0);
    let (vfs, config) = (Arc::new(MemVfs::new()), LogConfig { segment_bytes: 4 << 20, ..LogConfig::default() });
    let log = Log::open(vfs, PathBuf::from("/t-0"), name.clone(), None, config, OpenOptions::default(), 0).unwrap();
    Arc::new(Partition::online(name, Uuid::ZERO, log, 0))
}

fn batch(value_bytes: usize) -> BytesMut {
    let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    batch.add(0, None, Some(&vec![7; value_bytes]), &[]);
    batch.add(0, None, Some(b"second"), &[]);
    batch.build(0, 0).unwrap()
}

fn append(partition: &Arc<Partition>, value_bytes: usize) {
    partition.append(batch(value_bytes), 0, AppendOrigin::Client).unwrap();
}

/// What memory gives for a read that allows for so many bytes.
fn recent(partition: &Partition, offset: Offset, max_bytes: usize, min_one_batch: bool) -> Option<Bytes> {
    let (_, plan) = partition.plan_fetch(offset, max_bytes, -1, Isolation::ReadUncommitted, min_one_batch);
    match plan {
        Ok(Planned::Recent(records)) => Some(records.into_bytes().unwrap()),
        Ok(Planned::Log(_)) | Err(_) => None,
    }
}

fn stored(partition: &Partition, offset: Offset, max_bytes: usize, min_one_batch: bool) -> Bytes {
    let plan = partition.with_log(|log| log.plan_read(offset, max_bytes, log.log_end_offset(), min_one_batch));
    plan.unwrap().unwrap().read().unwrap()
}

#[test]
fn what_is_kept_is_what_the_log_holds() {
    let (manager, partition) = (ReplicaManager::default(), partition());
    append(&partition, 100);
    assert_eq!(recent(&partition, 0, 1 << 20, true), None, "nobody shares");
    manager.keep_recent(&partition);
    (0..30).for_each(|i| append(&partition, i * 10));
    assert_eq!(recent(&partition, 0, 1 << 20, true), None, "appended before");
    for offset in 2..62 {
        for max_bytes in [0, 150, 151, 1000, 3000, 1 << 20] {
            for min_one_batch in [true, false] {
                let expected = stored(&partition, offset, max_bytes, min_one_batch);
                let found = recent(&partition, offset, max_bytes, min_one_batch).unwrap_or_default();
                assert_eq!(found, expected, "{offset}, {max_bytes} bytes, {min_one_batch}");
            }
        }
    }
    assert_eq!(recent(&partition, 62, 1 << 20, true), None, "the end");
}

#[test]
fn whatever_changes_the_log_empties_it() {
    let changes: [fn(&Arc<Partition>); 4] = [
        |partition| {
            let cut = partition.with_log(|log| log.truncate_to(log.log_end_offset() - 2, 0).unwrap()).unwrap();
            assert!(cut);
            append(partition, 5);
            append(partition, 6);
        },
        |partition| {
            // An append that does not come by here.
            let mut bytes = batch(9);
            partition.with_log(|log| log.append_as_leader(&mut bytes, 0, 0, AppendOrigin::Client).unwrap()).unwrap();
            append(partition, 5);
        },
        |partition| {
            partition.with_log(|log| log.increment_log_start_offset(log.log_end_offset()).unwrap()).unwrap();
        },
        |partition| partition.take_offline("a test"),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let (manager, partition) = (ReplicaManager::default(), partition());
        manager.keep_recent(&partition);
        (0..5).for_each(|_| append(&partition, 100));
        assert!(recent(&partition, 8, 1 << 20, true).is_some());
        change(&partition);
        assert_eq!(recent(&partition, 6, 1 << 20, true), None, "change {i}");
        if let Some(found) = recent(&partition, 12, 1 << 20, true) {
            assert_eq!(found, stored(&partition, 12, 1 << 20, true), "change {i}");
        }
    }
}

#[test]
fn much_is_read_from_the_log_and_little_is_kept() {
    let (manager, partition) = (ReplicaManager::default(), partition());
    manager.keep_recent(&partition);
    for i in 0..20 {
        append(&partition, 40_000);
        let kept = manager.recent_memory.used_bytes.load(Ordering::Relaxed);
        assert!((40_000..=MAX_BYTES).contains(&kept), "{kept} bytes after {i} appends");
    }
    assert!(recent(&partition, 38, 1 << 20, true).is_some());
    assert!(recent(&partition, 36, 1 << 20, true).is_some());
    assert_eq!(recent(&partition, 30, 1 << 20, true), None, "more than a file should send");
    assert_eq!(recent(&partition, 0, 1 << 20, true), None, "long gone");
    append(&partition, 200_000);
    assert_eq!(manager.recent_memory.used_bytes.load(Ordering::Relaxed), 0, "a large batch");
    append(&partition, 10);
    assert!(recent(&partition, 42, 1 << 20, true).is_some());
}

#[test]
fn without_readers_nothing_is_kept() {
    let (manager, partition) = (ReplicaManager::default(), partition());
    manager.keep_recent(&partition);
    append(&partition, 100);
    for _ in 0..10 {
        manager.give_up_unused_recent();
        assert!(recent(&partition, 0, 1 << 20, true).is_some());
    }
    (0..=UNUSED_ROUNDS).for_each(|_| manager.give_up_unused_recent());
    assert_eq!(manager.recent_memory.used_bytes.load(Ordering::Relaxed), 0);
    assert_eq!(recent(&partition, 0, 1 << 20, true), None);
    manager.keep_recent(&partition);
    append(&partition, 100);
    assert!(recent(&partition, 2, 1 << 20, true).is_some());
    drop(partition);
    assert_eq!(manager.recent_memory.used_bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn all_partitions_share_a_limit() {
    let memory = RecentMemory::default();
    assert!(memory.try_take(MAX_BYTES_OF_ALL));
    assert!(!memory.try_take(1));
    memory.give_back(100);
    assert!(memory.try_take(100));
}
