//! Tests of the quorum as a whole, on a file system in memory that crashes on request.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use barnabas_common::vfs::{Fault, FaultOp, MemVfs, OsVfs, Vfs};
use barnabas_common::{ErrorCode, ManualClock, Uuid};
use barnabas_metadata::{
    AcceptAllConfigs, BrokerRegistrationCommand, CommandResult, CreateTopicsItem, MetadataCommand, TopicDefaults,
};
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};

use crate::log_store::LogStore;
use crate::machine::Machine;
use crate::snapshot_files::SnapshotFiles;
use crate::types::TypeConfig;
use crate::wal::Wal;
use crate::{Quorum, QuorumError, QuorumOptions};

const DIR: &str = "/data/__cluster_metadata-0";

fn id(n: u32) -> Uuid {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Uuid::from_bytes(bytes)
}

fn options(vfs: Arc<dyn Vfs>, dir: impl Into<PathBuf>) -> QuorumOptions {
    QuorumOptions::new(dir, 1, id(0), vfs, Arc::new(ManualClock::at(5000)), Arc::new(AcceptAllConfigs))
}

/// Snapshots and rewrites of the log every few commands.
fn busy(vfs: &MemVfs) -> QuorumOptions {
    QuorumOptions { snapshot_entries: 4, snapshot_bytes: 4000, ..options(Arc::new(vfs.clone()), DIR) }
}

async fn start(vfs: &MemVfs) -> Result<Quorum, QuorumError> {
    Quorum::start(busy(vfs)).await
}

fn bootstrap() -> MetadataCommand {
    let (features, broker_defaults) = Default::default();
    MetadataCommand::Bootstrap { cluster_id: "c".to_owned(), features, broker_defaults }
}

fn register() -> MetadataCommand {
    MetadataCommand::RegisterBroker(BrokerRegistrationCommand {
        cluster_id: "c".to_owned(),
        node_id: 1,
        incarnation_id: id(1),
        directory_ids: vec![id(0)],
        listeners: Vec::new(),
        rack: None,
        supported_features: Default::default(),
        previous_broker_epoch: -1,
        fenced: false,
    })
}

fn create(name: &str, n: u32) -> MetadataCommand {
    let topic = CreateTopicsItem {
        name: name.to_owned(),
        id: id(1000 + n),
        partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        configs: Vec::new(),
    };
    let defaults = TopicDefaults { partitions: 3, replication_factor: 1 };
    MetadataCommand::CreateTopics { topics: vec![topic], defaults, validate_only: false }
}

async fn create_topic(quorum: &Quorum, n: u32) -> Result<(), QuorumError> {
    match quorum.propose(create(&format!("t{n}"), n)).await? {
        CommandResult::CreateTopics(results) => assert!(results[0].is_ok(), "{results:?}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

async fn new_cluster(quorum: &Quorum) -> Result<(), QuorumError> {
    assert_eq!(quorum.propose(bootstrap()).await?, CommandResult::Bootstrap(Ok(())));
    assert!(matches!(quorum.propose(register()).await?, CommandResult::RegisterBroker(Ok(_))));
    Ok(())
}

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, Machine> for Builder {
    async fn build(&self) -> Result<((), LogStore, Machine), StorageError<TypeConfig>> {
        let vfs: Arc<dyn Vfs> = Arc::new(MemVfs::new());
        vfs.create_dir_all(Path::new(DIR)).unwrap();
        let machine = Machine::load(SnapshotFiles::new(vfs.clone(), Path::new(DIR)), Arc::new(AcceptAllConfigs));
        let log = LogStore::start(Wal::open(vfs, Path::new(DIR), 4000).unwrap(), Arc::default());
        Ok(((), log.unwrap(), machine.unwrap()))
    }
}

#[tokio::test]
async fn the_store_passes_openrafts_own_suite() {
    Suite::test_all(Builder).await.unwrap();
}

#[tokio::test]
async fn an_empty_folder_becomes_a_quorum_of_one() {
    let vfs = MemVfs::new();
    let quorum = start(&vfs).await.unwrap();
    let mut changes = quorum.subscribe();
    changes.mark_unchanged();
    new_cluster(&quorum).await.unwrap();
    create_topic(&quorum, 1).await.unwrap();
    assert!(quorum.image().topic("t1").is_some(), "whoever has the answer sees the effect");
    assert!(changes.has_changed().unwrap());
    let status = quorum.status();
    assert_eq!((status.leader_id, status.voters[0].node_id, status.voters[0].directory_id), (1, 1, id(0)));
    assert_eq!(status.high_watermark, quorum.image().offset + 1);
    assert_eq!(status.voters[0].log_end_offset, status.high_watermark);
    assert_eq!(status.voters[0].last_caught_up_ms, 5000);
    quorum.shutdown().await;
    assert!(quorum.propose(bootstrap()).await.is_err());
}

#[tokio::test]
async fn a_rejected_command_changes_nothing_and_a_validating_one_is_not_logged() {
    let quorum = start(&MemVfs::new()).await.unwrap();
    new_cluster(&quorum).await.unwrap();
    create_topic(&quorum, 1).await.unwrap();
    let CommandResult::CreateTopics(results) = quorum.propose(create("t1", 2)).await.unwrap() else { panic!() };
    assert_eq!(results[0].as_ref().unwrap_err().code, ErrorCode::TopicAlreadyExists);
    let offset = quorum.image().offset;
    let MetadataCommand::CreateTopics { topics, defaults, .. } = create("t3", 3) else { panic!() };
    let validate = MetadataCommand::CreateTopics { topics, defaults, validate_only: true };
    let CommandResult::CreateTopics(results) = quorum.propose(validate).await.unwrap() else { panic!() };
    assert!(results[0].is_ok());
    assert_eq!(quorum.image().offset, offset);
}

#[tokio::test]
async fn a_restart_keeps_everything_and_never_goes_back() {
    let vfs = MemVfs::new();
    let mut offset = -1;
    let mut term = 0;
    for round in 0..5 {
        let quorum = start(&vfs).await.unwrap();
        if round == 0 {
            new_cluster(&quorum).await.unwrap();
        }
        assert!(quorum.image().offset > offset);
        assert!(quorum.status().leader_epoch > term);
        for n in 0..round * 7 {
            assert!(quorum.image().topic(&format!("t{n}")).is_some());
        }
        for n in round * 7..(round + 1) * 7 {
            create_topic(&quorum, n).await.unwrap();
        }
        (offset, term) = (quorum.image().offset, quorum.status().leader_epoch);
        if round % 2 == 0 {
            quorum.shutdown().await;
        }
    }
    let names: Vec<_> = vfs.read_dir(Path::new(DIR)).unwrap().into_iter().map(|entry| entry.name).collect();
    assert!(names.iter().any(|name| name.starts_with("snapshot-")), "{names:?}");
}

/// The workload of the crash test: how many topics were acknowledged before the disk halted.
async fn run_until_halt(vfs: &MemVfs) -> Option<u32> {
    let quorum = start(vfs).await.ok()?;
    new_cluster(&quorum).await.ok()?;
    let mut acknowledged = 0;
    while acknowledged < 14 && create_topic(&quorum, acknowledged).await.is_ok() {
        acknowledged += 1;
    }
    quorum.shutdown().await;
    Some(acknowledged)
}

#[tokio::test]
async fn whatever_was_acknowledged_survives_a_power_loss_at_any_moment() {
    let dry = MemVfs::new();
    assert_eq!(run_until_halt(&dry).await, Some(14));
    let ops = dry.op_count();
    assert!(ops > 50);
    for halt_at in 0..ops {
        let vfs = MemVfs::new();
        vfs.create_dir_all(Path::new("/data")).unwrap();
        vfs.sync_dir(Path::new("/data")).unwrap();
        vfs.halt_after(halt_at);
        let acknowledged = run_until_halt(&vfs).await;
        for seed in 0..4 {
            let after = if seed == 0 { vfs.kill_clone() } else { vfs.crash_clone(seed) };
            let quorum = start(&after).await.unwrap_or_else(|e| panic!("halt at {halt_at}, seed {seed}: {e}"));
            for n in 0..acknowledged.unwrap_or(0) {
                assert!(quorum.image().topic(&format!("t{n}")).is_some(), "halt at {halt_at}, seed {seed}: t{n}");
            }
            quorum.shutdown().await;
        }
    }
}

#[tokio::test]
async fn a_failed_sync_stops_the_quorum_for_good() {
    // Without snapshots, which the failure could hit instead.
    let vfs = MemVfs::new();
    let quorum = Quorum::start(options(Arc::new(vfs.clone()), DIR)).await.unwrap();
    new_cluster(&quorum).await.unwrap();
    assert_eq!(quorum.failed(), None);
    vfs.inject(Fault { op: FaultOp::Sync, skip: 0, times: 1, errno: 5 });
    assert!(matches!(create_topic(&quorum, 0).await, Err(QuorumError::Failed { .. })));
    assert!(quorum.failed().is_some());
    assert_eq!(Some(quorum.until_failed().await), quorum.failed());
    assert!(matches!(create_topic(&quorum, 1).await, Err(QuorumError::Failed { .. })));
    assert!(quorum.image().topic("t0").is_none());
    quorum.shutdown().await;
    let quorum = Quorum::start(options(Arc::new(vfs.clone()), DIR)).await.unwrap();
    create_topic(&quorum, 2).await.unwrap();
}

/// With and without snapshots and rewrites of the log, which find no room either.
#[tokio::test]
async fn a_full_disk_refuses_changes_until_there_is_room() {
    for snapshots in [false, true] {
        let vfs = MemVfs::new();
        let options = if snapshots { busy(&vfs) } else { options(Arc::new(vfs.clone()), DIR) };
        let quorum = Quorum::start(options.clone()).await.unwrap();
        new_cluster(&quorum).await.unwrap();
        vfs.set_capacity(Some(vfs.used_bytes()));
        let mut done = 0;
        let refused = loop {
            match create_topic(&quorum, done).await {
                Ok(()) => done += 1,
                Err(refused) => break refused,
            }
        };
        assert!(done > 100, "the reserve is used first: {done}");
        assert!(matches!(refused, QuorumError::NoRoom { is_under_way: true }), "{refused}");
        let next = create_topic(&quorum, done + 1).await;
        assert!(matches!(next, Err(QuorumError::NoRoom { is_under_way: false })), "{next:?}");
        assert_eq!((quorum.failed(), quorum.image().topic(&format!("t{done}")).is_some()), (None, false));
        // As a kill leaves it: what was acknowledged is there, and room lets it start.
        let killed = vfs.kill_clone();
        let again = Quorum::start(QuorumOptions { vfs: Arc::new(killed), ..options.clone() }).await.unwrap();
        assert!(again.image().topic(&format!("t{}", done - 1)).is_some());
        again.shutdown().await;

        vfs.set_capacity(None);
        let wanted = format!("t{done}");
        let mut changes = quorum.subscribe();
        changes.wait_for(|image| image.topic(&wanted).is_some()).await.unwrap();
        create_topic(&quorum, done + 1).await.unwrap();
        quorum.shutdown().await;
        let quorum = Quorum::start(options).await.unwrap();
        assert!((0..done + 2).all(|n| quorum.image().topic(&format!("t{n}")).is_some()));
        quorum.shutdown().await;
    }
}

#[tokio::test]
async fn a_snapshot_without_a_file_handle_or_room_waits_and_stops_nothing() {
    const EMFILE: i32 = 24;
    const EDQUOT: i32 = 122;
    for (op, errno) in [(FaultOp::Open, EMFILE), (FaultOp::Write, EDQUOT)] {
        let vfs = MemVfs::new();
        let quorum = start(&vfs).await.unwrap();
        new_cluster(&quorum).await.unwrap();
        vfs.inject(Fault { op, skip: 0, times: 1, errno });
        let (mut done, mut n) = (Vec::new(), 0);
        while done.len() < 40 {
            match create_topic(&quorum, n).await {
                Ok(()) => done.push(n),
                // Said by the log, which waits for room by itself.
                Err(QuorumError::NoRoom { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(other) => panic!("{other}"),
            }
            n += 1;
        }
        assert_eq!(vfs.faults_left(), 0);
        let has_snapshot = || vfs.read_dir(Path::new(DIR)).unwrap().iter().any(|entry| entry.name.ends_with(".snap"));
        while !has_snapshot() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        create_topic(&quorum, n).await.unwrap();
        done.push(n);
        assert_eq!(quorum.failed(), None, "{op:?}");
        quorum.shutdown().await;
        let quorum = start(&vfs).await.unwrap();
        assert!(done.iter().all(|n| quorum.image().topic(&format!("t{n}")).is_some()));
        quorum.shutdown().await;
    }
}

#[tokio::test]
async fn whoever_waits_is_told_that_the_quorum_has_stopped_for_good() {
    let vfs = MemVfs::new();
    let quorum = Arc::new(start(&vfs).await.unwrap());
    new_cluster(&quorum).await.unwrap();
    let waiting = tokio::spawn({
        let quorum = quorum.clone();
        async move { quorum.until_failed().await }
    });
    // A snapshot that may not be written, for good.
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: 1, errno: 13 });
    let mut n = 0;
    while create_topic(&quorum, n).await.is_ok() {
        n += 1;
    }
    let reason = waiting.await.unwrap();
    assert!(reason.contains("os error 13"), "{reason}");
    quorum.shutdown().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_room() {
    let vfs = MemVfs::new();
    let quorum = start(&vfs).await.unwrap();
    new_cluster(&quorum).await.unwrap();
    vfs.set_capacity(Some(vfs.used_bytes()));
    let mut n = 0;
    while create_topic(&quorum, n).await.is_ok() {
        n += 1;
    }
    quorum.shutdown().await;
}

async fn with_snapshot() -> (MemVfs, PathBuf, PathBuf) {
    let vfs = MemVfs::new();
    let quorum = start(&vfs).await.unwrap();
    new_cluster(&quorum).await.unwrap();
    for n in 0..150 {
        create_topic(&quorum, n).await.unwrap();
    }
    quorum.shutdown().await;
    let newest = |prefix: &str| {
        let names = vfs.read_dir(Path::new(DIR)).unwrap().into_iter().map(|entry| entry.name);
        Path::new(DIR).join(names.filter(|name| name.starts_with(prefix)).max().unwrap())
    };
    let (snapshot, wal) = (newest("snapshot-"), newest("raft-"));
    (vfs, snapshot, wal)
}

#[tokio::test]
async fn a_start_without_what_it_needs_is_refused() {
    let (vfs, snapshot, wal) = with_snapshot().await;
    let refused = async |change: &dyn Fn(&MemVfs)| {
        let vfs = vfs.kill_clone();
        change(&vfs);
        match start(&vfs).await {
            Err(QuorumError::Corrupt { .. }) => {}
            Err(e) => panic!("{e}"),
            Ok(_) => panic!("started"),
        }
    };
    refused(&|vfs| vfs.damage(&snapshot, |bytes| bytes[200] ^= 1).unwrap()).await;
    refused(&|vfs| vfs.damage(&snapshot, |bytes| bytes.truncate(40)).unwrap()).await;
    refused(&|vfs| vfs.remove_file(&snapshot).unwrap()).await;
    refused(&|vfs| vfs.remove_file(&wal).unwrap()).await;
    refused(&|vfs| vfs.damage(&wal, |bytes| bytes[20] ^= 1).unwrap()).await;
    assert_eq!(start(&vfs).await.unwrap().image().topics().len(), 150);
}

#[tokio::test]
async fn another_nodes_folder_is_refused() {
    let vfs = MemVfs::new();
    start(&vfs).await.unwrap().shutdown().await;
    for options in [QuorumOptions { node_id: 2, ..busy(&vfs) }, QuorumOptions { directory_id: id(9), ..busy(&vfs) }] {
        assert!(matches!(Quorum::start(options).await, Err(QuorumError::WrongDirectory { .. })));
    }
    start(&vfs).await.unwrap();
}

#[tokio::test]
async fn many_proposals_at_once_are_grouped() {
    let vfs = MemVfs::new();
    let quorum = Arc::new(Quorum::start(options(Arc::new(vfs.clone()), DIR)).await.unwrap());
    new_cluster(&quorum).await.unwrap();
    let before = vfs.op_count();
    let tasks: Vec<_> = (0..300)
        .map(|n| {
            let quorum = quorum.clone();
            tokio::spawn(async move { create_topic(&quorum, n).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(quorum.image().topics().len(), 300);
    assert!(vfs.op_count() - before < 300, "{} disk calls", vfs.op_count() - before);
}

#[tokio::test]
async fn starts_are_quick_on_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let options = || options(Arc::new(OsVfs), folder.path().join("__cluster_metadata-0"));
    let begin = Instant::now();
    let quorum = Quorum::start(options()).await.unwrap();
    let empty = begin.elapsed();
    new_cluster(&quorum).await.unwrap();
    for n in 0..2000 {
        create_topic(&quorum, n).await.unwrap();
    }
    quorum.shutdown().await;
    let begin = Instant::now();
    let quorum = Quorum::start(options()).await.unwrap();
    let full = begin.elapsed();
    assert_eq!(quorum.image().topics().len(), 2000);
    println!("empty start {empty:?}, start with 2000 topics {full:?}");
    // Far above what it takes on an idle machine; an election timeout that is waited for would show.
    assert!(empty.as_millis() < 500 && full.as_millis() < 1000, "{empty:?} {full:?}");
}
