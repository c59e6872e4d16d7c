//! What happens to folders when steps of the metadata and attempts to open logs again come in an unlucky order.

use barnabas_common::SystemClock;
use barnabas_common::vfs::{Fault, FaultOp, MemVfs};
use barnabas_config::{BrokerConfig, LoadInput};
use barnabas_metadata::*;

use super::*;
use crate::disk_space::Reserve;
use crate::known_dirs::KnownDirs;
use crate::log_dirs;
use crate::lost_journal::GivenUpJournals;
use crate::watched_dirs::WatchedDirs;
use crate::watched_vfs::WatchedVfs;

const NODE_ID: NodeId = 7;

fn life(vfs: &MemVfs) -> PartitionLife {
    life_in(vfs, &["/a"])
}

fn life_in(vfs: &MemVfs, dirs: &[&str]) -> PartitionLife {
    let log_dirs = format!("log.dirs={}", dirs.join(","));
    let overrides = ["process.roles=broker,controller", "node.id=7", "listeners=PLAINTEXT://127.0.0.1:0", &log_dirs];
    let overrides = overrides.map(str::to_owned).to_vec();
    let config = BrokerConfig::load(LoadInput { overrides, ..LoadInput::default() }).unwrap().config;
    let vfs: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let paths: Vec<PathBuf> = dirs.iter().map(PathBuf::from).collect();
    let watched = Arc::new(WatchedDirs::new(&vfs, &paths, &paths[0], Reserve::from_setting(0)));
    let vfs: Arc<dyn Vfs> = Arc::new(WatchedVfs::new(vfs, Arc::clone(&watched)));
    let opened = log_dirs::open(&vfs, &watched, NODE_ID, None, KnownDirs::default(), &GivenUpJournals::default());
    let dirs = Arc::new(opened.unwrap().dirs);
    PartitionLife::new(NODE_ID, vfs, Arc::new(SystemClock::default()), (dirs, watched), Configs::new(config))
}

fn registered() -> MetadataState {
    let mut state = MetadataState::new(Arc::new(AcceptAllConfigs));
    let features = DEFAULT_FEATURES.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
    let bootstrap =
        MetadataCommand::Bootstrap { cluster_id: "c".to_owned(), features, broker_defaults: ConfigMap::new() };
    state.apply(1, &bootstrap);
    let range = FeatureRange { min: 0, max: 30 };
    let registration = BrokerRegistrationCommand {
        cluster_id: "c".to_owned(),
        node_id: NODE_ID,
        incarnation_id: Uuid::from_bytes([1; 16]),
        directory_ids: vec![Uuid::from_bytes([2; 16])],
        listeners: Vec::new(),
        rack: None,
        supported_features: DEFAULT_FEATURES.iter().map(|(name, _)| ((*name).to_owned(), range)).collect(),
        previous_broker_epoch: -1,
        fenced: false,
    };
    state.apply(2, &MetadataCommand::RegisterBroker(registration));
    state
}

fn create(state: &mut MetadataState, index: i64, id: Uuid) -> MetadataImage {
    let topic = CreateTopicsItem {
        name: "t".to_owned(),
        id,
        partitions: 1,
        replication_factor: 1,
        assignments: Vec::new(),
        configs: Vec::new(),
    };
    let defaults = TopicDefaults { partitions: 1, replication_factor: 1 };
    state.apply(index, &MetadataCommand::CreateTopics { topics: vec![topic], defaults, validate_only: false });
    assert_eq!(state.image().topic("t").unwrap().id, id);
    state.image().clone()
}

fn carry_out(life: &PartitionLife, replicas: &ReplicaManager, old: &MetadataImage, new: &MetadataImage) {
    let delta = MetadataDelta::between(old, new);
    let deleted = life.take_deleted(replicas, &delta);
    life.delete(&deleted);
    life.open_new(replicas, new, &delta);
}

#[test]
fn a_late_attempt_to_open_a_log_again_leaves_a_new_topic_of_the_name_alone() {
    let (vfs, replicas) = (MemVfs::new(), ReplicaManager::default());
    let life = life(&vfs);
    let mut state = registered();
    let empty = state.image().clone();
    let [older, newer] = [3, 4].map(|byte| Uuid::from_bytes([byte; 16]));
    let first = create(&mut state, 3, older);
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: u64::MAX, errno: 24 });
    carry_out(&life, &replicas, &empty, &first);
    vfs.clear_faults();
    assert!(replicas.get("t", 0).unwrap().is_offline());
    state.apply(4, &MetadataCommand::DeleteTopics { topics: vec![TopicSelector::Name("t".to_owned())] });
    let second = create(&mut state, 5, newer);
    carry_out(&life, &replicas, &first, &second);
    // With the image that clients still saw then.
    life.open_again(&replicas, &first, |_| Ok(()));
    let present = replicas.get("t", 0).unwrap();
    assert_eq!((present.topic_id, present.is_offline()), (newer, false));
    assert_eq!(read_partition_metadata(&vfs, Path::new("/a/t-0")).unwrap(), Some(newer));
}

#[test]
fn a_log_that_could_not_be_opened_is_opened_again_whatever_image_comes_first() {
    let (vfs, replicas) = (MemVfs::new(), ReplicaManager::default());
    let life = life(&vfs);
    let mut state = registered();
    let empty = state.image().clone();
    let first = create(&mut state, 3, Uuid::from_bytes([3; 16]));
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: u64::MAX, errno: 24 });
    carry_out(&life, &replicas, &empty, &first);
    vfs.clear_faults();
    for (image, is_open) in [(&empty, false), (&first, true)] {
        life.open_again(&replicas, image, |_| Ok(()));
        assert_eq!(!replicas.get("t", 0).unwrap().is_offline(), is_open);
    }
}

const EMFILE: i32 = 24;

/// Puts a folder of the topic `id` where partition 0 of `t` belongs.
fn folder_of(vfs: &MemVfs, dir: &str, id: Uuid) {
    let path = Path::new(dir).join("t-0");
    vfs.create_dir_all(&path).unwrap();
    barnabas_log::write_partition_metadata(vfs, &path, id).unwrap();
}

/// A start at which the `nth` file to be opened finds no handle. Whether it opens that many.
fn start_without_handle(dirs: &[&str], folders: &[(&str, Uuid)], id: Uuid, nth: u64) -> bool {
    let (vfs, replicas) = (MemVfs::new(), ReplicaManager::default());
    let life = life_in(&vfs, dirs);
    folders.iter().for_each(|(dir, id)| folder_of(&vfs, dir, *id));
    let image = create(&mut registered(), 3, id);
    vfs.inject(Fault { op: FaultOp::Open, skip: nth, times: 1, errno: EMFILE });
    life.load_all(&replicas, &image);
    life.replace_older(&replicas, &image);
    let was_hit = vfs.faults_left() == 0;
    vfs.clear_faults();
    let is_older =
        |dir: &str| read_partition_metadata(&vfs, &Path::new(dir).join("t-0")).unwrap().is_some_and(|of| of != id);
    let forget = |older: &[OlderFolder]| {
        assert!(older.iter().all(|(dir, _)| is_older(dirs[*dir])), "the checkpoints forget before the folder goes");
        Ok(())
    };
    // Once the checkpoints cannot be written. Folders that are in nobody's way then stay until the next start.
    if dirs.len() == 1 {
        life.open_again(&replicas, &image, |_| Err(std::io::ErrorKind::StorageFull.into()));
    }
    life.open_again(&replicas, &image, forget);
    let present = replicas.get("t", 0).unwrap();
    assert!(!present.is_offline(), "{nth}");
    let at = present.with_log(|log| log.dir().to_owned()).unwrap();
    // Writing the id is no more than a convenience.
    assert!(read_partition_metadata(&vfs, &at).unwrap().is_none_or(|found| found == id), "{nth}");
    assert_eq!(dirs.iter().filter(|dir| vfs.exists(&Path::new(dir).join("t-0"))).count(), 1, "{nth}");
    was_hit
}

#[test]
fn a_look_into_a_folder_that_fails_once_is_made_again() {
    let [older, newer] = [3, 4].map(|byte| Uuid::from_bytes([byte; 16]));
    for (dirs, folders) in [
        (&["/a"][..], &[("/a", newer)][..]),
        (&["/a"], &[("/a", older)]),
        (&["/a", "/b"], &[("/a", older), ("/b", newer)]),
        (&["/a", "/b"], &[("/a", newer), ("/b", older)]),
        (&["/a", "/b"], &[("/a", older), ("/b", older)]),
    ] {
        let mut nth = 0;
        while start_without_handle(dirs, folders, newer, nth) {
            nth += 1;
        }
        assert!(nth > 2, "{nth}");
    }
}

#[test]
fn a_folder_that_a_broken_disk_does_not_let_us_look_into_is_not_taken_for_a_second_one() {
    let (vfs, replicas) = (MemVfs::new(), ReplicaManager::default());
    let life = life_in(&vfs, &["/a", "/b"]);
    let [older, newer] = [3, 4].map(|byte| Uuid::from_bytes([byte; 16]));
    folder_of(&vfs, "/a", older);
    folder_of(&vfs, "/b", newer);
    let image = create(&mut registered(), 3, newer);
    vfs.inject(Fault { op: FaultOp::Open, skip: 0, times: 1, errno: 5 });
    life.load_all(&replicas, &image);
    let reason = replicas.get("t", 0).unwrap().offsets().unwrap_err().message;
    assert!(
        reason.contains("/a/t-0") && reason.contains("os error 5") && !reason.contains("more than one"),
        "{reason}"
    );
}

#[test]
fn the_folder_of_a_deleted_topic_that_cannot_be_removed_is_removed_later() {
    let vfs = MemVfs::new();
    let life = life(&vfs);
    let dir = PathBuf::from("/a/t-0.x-delete");
    vfs.create_dir_all(&dir).unwrap();
    life.doomed.lock().push(Doomed { dir: dir.clone(), at_ms: 0 });
    vfs.inject(Fault { op: FaultOp::Remove, skip: 0, times: 1, errno: EMFILE });
    life.remove_doomed();
    assert!(vfs.exists(&dir) && vfs.faults_left() == 0);
    life.doomed.lock().iter_mut().for_each(|doomed| doomed.at_ms = 0);
    life.remove_doomed();
    assert!(!vfs.exists(&dir) && life.doomed.lock().is_empty());
}
