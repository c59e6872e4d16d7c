//! What the disk does to group commit, case by case. All crashes at random moments are in `crash_tests.rs`.

use std::path::Path;

use barnabas_common::vfs::MemVfs;
use barnabas_common::{TopicPartition, Uuid};
use barnabas_log::{AppendOrigin, Handles, Log, LogConfig, OpenOptions};
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};

use super::test_broker::*;
use super::*;

fn until(end: Offset) -> Promise {
    Promise { end, ..Promise::default() }
}

#[test]
fn a_topic_that_is_deleted_meanwhile_is_no_failure_of_the_disk() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    for _ in 0..40 {
        (0..PARTITIONS).for_each(|index| broker.append(index));
    }
    // Enough for partitions to sync their segments, and a moment too late.
    let gone = broker.partitions[0].take_log(barnabas_common::ErrorCode::UnknownTopicOrPartition, "deleted").unwrap();
    drop(gone);
    broker.vfs.rename(Path::new("/data/t-0"), Path::new("/data/t-0.deleted")).unwrap();
    assert!(broker.committer.step(&mut Vec::new()));
    assert_eq!(broker.commit.failure(), None);
    let mut promised = Promised::new();
    broker.note(&mut promised);
    assert_eq!((promised[&1].end, promised[&2].end), (40, 40));
}

#[test]
fn a_full_disk_under_the_journal_syncs_the_segments() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.keep();
    for full in [false, true, false] {
        broker.append(0);
        if full {
            let op = barnabas_common::vfs::FaultOp::Write;
            disk.inject(barnabas_common::vfs::Fault { op, skip: 0, times: 1, errno: 28 });
        }
        assert!(broker.committer.step(&mut Vec::new()));
    }
    let promised = Promised::from([(0, until(3))]);
    for image in 0..20 {
        Broker::start(&disk.crash_clone(image)).unwrap().check(&promised);
    }
}

#[test]
fn what_cannot_be_synced_is_never_acknowledged() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    disk.inject(barnabas_common::vfs::Fault { op: barnabas_common::vfs::FaultOp::Sync, skip: 0, times: 1, errno: 5 });
    assert!(!broker.committer.step(&mut Vec::new()), "the committer ends");
    let (_, _, ticket) = &broker.unacknowledged[0];
    assert!(matches!(ticket.outcome(), Some(Err(NotDurable(_)))));
    assert_eq!(broker.partitions[0].offsets().unwrap().high_watermark, 0, "and nobody sees it");
    // The disk works again; the directory is given up all the same.
    let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    batch.add(0, None, Some(b"v"), &[]);
    assert!(broker.partitions[1].append(batch.build(0, 0).unwrap(), 0, AppendOrigin::Client).is_err());
}

#[test]
fn a_sync_without_a_file_handle_is_tried_again_and_fails_nothing() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    // Without a journal file the segment is synced, and with it the names in its folder.
    disk.inject(barnabas_common::vfs::Fault { op: barnabas_common::vfs::FaultOp::Sync, skip: 0, times: 2, errno: 24 });
    assert!(broker.committer.step(&mut Vec::new()));
    let mut promised = Promised::new();
    broker.note(&mut promised);
    assert_eq!((promised[&0].end, broker.commit.failure()), (1, None));
}

#[test]
fn the_committer_waits_for_a_file_handle_as_long_as_it_takes() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    // More often than one sync is tried by itself.
    fault(&disk, barnabas_common::vfs::FaultOp::Sync, 0, 520, 24);
    assert!(broker.committer.step(&mut Vec::new()));
    let mut promised = Promised::new();
    broker.note(&mut promised);
    assert_eq!((promised[&0].end, broker.commit.failure()), (1, None));
}

#[test]
fn what_was_appended_before_a_partition_went_offline_is_on_disk_when_it_is_acknowledged() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    broker.partitions[0].take_offline("a reader found damage");
    let mut promised = Promised::new();
    assert!(broker.committer.step(&mut Vec::new()));
    broker.note(&mut promised);
    for image in 0..20 {
        Broker::start(&disk.crash_clone(image)).unwrap().check(&Promised::from([(0, until(1))]));
    }
}

#[test]
fn a_partition_that_goes_offline_with_everything_on_disk_takes_nothing_else_along() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    broker.partitions[0].with_log(|log| log.flush()).unwrap().unwrap();
    broker.partitions[0].take_offline("a reader found damage");
    broker.append(1);
    assert!(broker.committer.step(&mut Vec::new()), "{:?}", broker.commit.failure());
    let mut promised = Promised::new();
    broker.note(&mut promised);
    assert_eq!(promised[&1].end, 1);
}

/// Its last flush has not got through when the journal's threads want it.
#[test]
fn who_needs_the_records_of_a_partition_that_goes_offline_brings_them_to_disk() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    (0..2).for_each(|index| broker.append(index));
    fault(&disk, barnabas_common::vfs::FaultOp::Sync, 0, 1, 24);
    broker.partitions[0].take_offline("a reader found damage");
    assert_eq!(disk.faults_left(), 0);
    assert!(broker.committer.step(&mut Vec::new()), "{:?}", broker.commit.failure());
    let acknowledged = broker.unacknowledged.iter().filter(|(_, _, ticket)| ticket.outcome() == Some(Ok(()))).count();
    assert_eq!(acknowledged, 2);
    for image in 0..20 {
        Broker::start(&disk.crash_clone(image)).unwrap().check(&Promised::from([(0, until(1)), (1, until(1))]));
    }
}

#[test]
fn a_last_flush_that_the_disk_refuses_is_never_taken_for_done() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    fault(&disk, barnabas_common::vfs::FaultOp::Sync, 0, 1, 5);
    broker.partitions[0].take_offline("a reader found damage");
    assert!(!broker.committer.step(&mut Vec::new()));
    assert!(broker.commit.failure().is_some());
}

#[test]
fn the_journal_is_emptied_of_what_an_offline_partition_has_on_disk() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.keep();
    broker.append(0);
    assert!(broker.committer.step(&mut Vec::new()));
    broker.partitions[0].with_log(|log| log.flush()).unwrap().unwrap();
    broker.partitions[0].take_offline("a reader found damage");
    fill_and_empty_the_journal(&mut broker);
    let kept: Vec<u64> = broker.commit.full.lock().iter().map(|file| file.generation).collect();
    assert!(kept.iter().all(|generation| *generation > 2), "{kept:?}");
}

#[test]
fn a_segment_that_cannot_be_opened_for_lack_of_handles_is_synced_when_there_are_some() {
    let (disk, handles) = (MemVfs::new(), Handles::with_limit(1));
    let open = |index: i32| {
        let (vfs, handles, name) = (Arc::new(disk.clone()), Arc::clone(&handles), TopicPartition::new("t", index));
        let (dir, options) = (Path::new("/data").join(name.to_string()), OpenOptions::default());
        let log = Log::open_with(vfs, handles, dir, name.clone(), None, LogConfig::default(), options, 0).unwrap();
        Arc::new(Partition::online(name, Uuid::ZERO, log, 0))
    };
    let partitions = [open(0), open(1)];
    // The last two take the only handle away from the first.
    for index in [0, 1, 1] {
        let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
        batch.add(0, None, Some(b"v"), &[]);
        partitions[index].append(batch.build(0, 0).unwrap(), 0, AppendOrigin::Client).unwrap();
    }
    fault(&disk, barnabas_common::vfs::FaultOp::Open, 0, 3, 24);
    assert_eq!(partitions[0].sync_segments().ok(), Some(true));
    assert_eq!(disk.faults_left(), 0);
    assert_eq!(partitions[0].with_log(|log| log.recovery_point()).ok(), Some(1));
}

fn fault(disk: &MemVfs, op: barnabas_common::vfs::FaultOp, skip: u64, times: u64, errno: i32) {
    disk.inject(barnabas_common::vfs::Fault { op, skip, times, errno });
}

/// Appends to all partitions until the journal has files to empty, and has the keeper empty them.
fn fill_and_empty_the_journal(broker: &mut Broker) {
    for _ in 0..60 {
        broker.keep();
        (0..PARTITIONS).for_each(|index| broker.append(index));
        assert!(broker.committer.step(&mut Vec::new()), "{:?}", broker.commit.failure());
    }
    assert!(broker.keep());
}

#[test]
fn a_write_that_is_left_half_done_costs_that_write_alone() {
    let disk = MemVfs::new();
    let mut broker = Broker::start(&disk).unwrap();
    broker.append(0);
    let op = barnabas_common::vfs::FaultOp::Write;
    // Neither the write nor cutting it off finds room, for a while.
    fault(&disk, op, 0, 4, 28);
    broker.append(0);
    broker.append(0);
    assert_eq!((broker.unacknowledged.len(), disk.faults_left()), (1, 2), "both were refused");
    broker.maintain();
    broker.append(0);
    assert_eq!((broker.unacknowledged.len(), disk.faults_left()), (1, 0), "it could not be cut off");
    broker.maintain();
    fill_and_empty_the_journal(&mut broker);
    let mut promised = Promised::new();
    broker.note(&mut promised);
    assert_eq!((promised[&0].end, promised[&1].end, broker.commit.failure()), (61, 60, None));
    for image in 0..20 {
        Broker::start(&disk.crash_clone(image)).unwrap().check(&promised);
    }
}

/// Both tell the log that something is wrong, and take place outside of the journal's threads.
fn fail_a_sync(log: &mut Log) {
    assert!(log.flush().is_err());
}

fn fail_a_deletion(log: &mut Log) {
    log.roll(0).unwrap();
    log.increment_log_start_offset(log.log_end_offset()).unwrap();
    assert!(log.apply_retention(0, Offset::MAX).is_err());
}

#[test]
fn a_log_that_takes_no_more_writes_keeps_its_records_and_harms_no_other() {
    for fail in [fail_a_sync, fail_a_deletion] {
        let disk = MemVfs::new();
        let mut broker = Broker::start(&disk).unwrap();
        broker.append(0);
        fill_and_empty_the_journal(&mut broker);
        (0..2).for_each(|index| broker.append(index));
        assert!(broker.committer.step(&mut Vec::new()));
        let mut promised = Promised::new();
        broker.note(&mut promised);
        fault(&disk, barnabas_common::vfs::FaultOp::Sync, 0, 1, 5);
        broker.partitions[0].with_log(fail).unwrap();
        assert!(broker.partitions[0].with_log(|log| log.failure().is_some()).unwrap());
        let before = broker.unacknowledged.len();
        broker.append(0);
        assert_eq!(broker.unacknowledged.len(), before, "it takes no more writes");
        fill_and_empty_the_journal(&mut broker);
        assert_eq!(broker.commit.failure(), None);
        broker.note(&mut promised);
        assert!(promised[&1].end > 100);
        for image in 0..20 {
            Broker::start(&disk.crash_clone(image)).unwrap().check(&promised);
        }
    }
}
