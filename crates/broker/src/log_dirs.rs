//! The data folders of a broker: locked against a second process before anything is touched, formatted when
//! empty, refused when they belong to another cluster or node, out of use when their disk is broken (KIP-112).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use barnabas_common::vfs::Vfs;
use barnabas_common::{NodeId, TopicPartition, Uuid};
use barnabas_log::{Checkpoint, ClosedLogs, LockError, LogDir, MetaProperties};
use barnabas_replica::{GroupCommit, NewFolders};
use parking_lot::Mutex;

use crate::dir_failure;
use crate::error::StartError;
use crate::known_dirs::KnownDirs;
use crate::lost_journal::GivenUpJournals;
use crate::metrics::Histogram;
use crate::topics::CLUSTER_METADATA_TOPIC;
use crate::watched_dirs::{WatchedDir, WatchedDirs};

const HINT: &str = "make room on the disk and let this user write to the folder";

/// One folder of `log.dirs`, locked as long as this lives.
pub(crate) struct DataDir {
    pub path: PathBuf,
    /// Zero if the folder could not be read.
    pub directory_id: Uuid,
    pub files: LogDir,
    /// Whether it has failed since.
    pub watched: Arc<WatchedDir>,
    /// Whether the logs were closed properly the last time.
    pub clean_shutdown: bool,
    /// Broker epoch of that clean stop; -1 if there was none.
    pub previous_broker_epoch: i64,
    pub recovery_points: BTreeMap<TopicPartition, i64>,
    pub log_start_offsets: BTreeMap<TopicPartition, i64>,
    /// The logs as they were closed then; taken out when they have been opened.
    pub closed: Mutex<ClosedLogs>,
    /// Set when the logs are open, if there is a journal.
    pub commit: OnceLock<Arc<GroupCommit>>,
    /// How long the journal's syncs take.
    pub journal_syncs: Arc<Histogram>,
    /// Partitions of which the journal holds records that their logs could not take: they must not be served without.
    pub unreplayed: OnceLock<BTreeSet<(Uuid, i32)>>,
    /// Of whom the checkpoints on disk speak though they are gone: a write of the checkpoints has failed since. A new partition
    /// of such a name must not be served before one has succeeded, or a crash would have it judged by the older one's offsets.
    pub outlived: Mutex<BTreeSet<TopicPartition>>,
    /// Of partitions, whose names may not be on disk yet.
    pub new_folders: Arc<NewFolders>,
}

impl DataDir {
    /// Makes the names of new folders durable, if there are any. What fails is to be tried again; a broken disk takes its dir
    /// out of use.
    pub(crate) fn sync_new_folders(&self) -> io::Result<()> {
        if self.watched.has_failed() { Ok(()) } else { self.new_folders.sync() }
    }
}

/// Locked folders and the cluster they belong to.
pub(crate) struct OpenedDirs {
    pub dirs: Vec<DataDir>,
    pub cluster_id: String,
    /// Whether every folder was empty, so that this start formats them.
    pub formatted: bool,
    pub known: KnownDirs,
}

impl OpenedDirs {
    /// Those that have not failed.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = &DataDir> {
        self.dirs.iter().filter(|dir| !dir.watched.has_failed())
    }
}

/// Locks all folders, then reads or writes their identity. Nothing is written before every lock is held. A folder that
/// the disk does not let us use is out of use from the start, as long as another one is left and it holds no metadata.
pub(crate) fn open(
    vfs: &Arc<dyn Vfs>,
    watched: &WatchedDirs,
    node_id: NodeId,
    wanted_cluster_id: Option<&str>,
    mut known_dirs: KnownDirs,
    given_up: &GivenUpJournals,
) -> Result<OpenedDirs, StartError> {
    let mut found = Vec::new();
    for dir in watched.log_dirs() {
        let read = lock(vfs, dir.path()).and_then(|files| identity(&files).map(|found| (files, found)));
        found.push(unless_broken(watched, dir, read)?);
    }
    let formatted = found.iter().flatten().all(|(_, found)| found.is_none());
    let known = found.iter().flatten().find_map(|(_, found)| found.as_ref()).map(|known| known.cluster_id.clone());
    let cluster_id = wanted_cluster_id.map(str::to_owned).or(known).unwrap_or_else(|| Uuid::random().to_string());
    let present = found.iter().flatten().filter_map(|(_, found)| found.as_ref()?.directory_id).collect();
    drop_broken(watched, &mut found, |files, found| match found {
        Some(_) => known_dirs.read(&**vfs, files.path()).map_err(data_dir_error(files, HINT)),
        None => Ok(()),
    })?;
    drop_broken(watched, &mut found, |files, found| match found {
        Some(found) => check_identity(files.path(), found, node_id, &cluster_id).and_then(|()| given_up.check(files)),
        None => refuse_foreign_data(files).and_then(|()| known_dirs.check_empty(files.path(), &present)),
    })?;
    let mut dirs = Vec::new();
    for (dir, found) in watched.log_dirs().iter().zip(found) {
        let adopted = found.map(|(files, found)| adopt(files, found, dir, &cluster_id, node_id));
        let adopted = adopted.map(|adopted| unless_broken(watched, dir, adopted)).transpose()?.flatten();
        let out_of_use = || unknown(LogDir::out_of_use(Arc::clone(vfs), dir.path().to_owned()), dir);
        dirs.push(adopted.unwrap_or_else(out_of_use));
    }
    Ok(OpenedDirs { dirs, cluster_id, formatted, known: known_dirs })
}

/// Takes a folder out of use that cannot be worked with, if the broker can do without it; then there is nothing.
fn unless_broken<T>(
    all: &WatchedDirs,
    dir: &Arc<WatchedDir>,
    result: Result<T, StartError>,
) -> Result<Option<T>, StartError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ StartError::DataDir { .. }) => {
            let is_first = dir.fail_untold(&error.to_string());
            if dir_failure::why_to_end(all).is_some() {
                return Err(error);
            }
            if is_first {
                dir.tell_failure();
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A locked folder and its identity, if it has one; nothing if it is out of use.
type Found = Option<(LogDir, Option<MetaProperties>)>;

/// Looks at all folders that are in use, and takes those out of use for which `check` says so.
fn drop_broken(
    all: &WatchedDirs,
    found: &mut [Found],
    mut check: impl FnMut(&LogDir, Option<&MetaProperties>) -> Result<(), StartError>,
) -> Result<(), StartError> {
    for (dir, found) in all.log_dirs().iter().zip(found) {
        let Some((files, identity)) = found else { continue };
        if unless_broken(all, dir, check(files, identity.as_ref()))?.is_none() {
            *found = None;
        }
    }
    Ok(())
}

/// A folder of which nothing is known.
fn unknown(files: LogDir, watched: &Arc<WatchedDir>) -> DataDir {
    DataDir {
        path: files.path().to_owned(),
        outlived: Mutex::default(),
        new_folders: NewFolders::new(Arc::clone(files.vfs()), files.path().to_owned()),
        files,
        directory_id: Uuid::ZERO,
        watched: Arc::clone(watched),
        clean_shutdown: false,
        previous_broker_epoch: -1,
        recovery_points: BTreeMap::new(),
        log_start_offsets: BTreeMap::new(),
        closed: Mutex::default(),
        commit: OnceLock::new(),
        journal_syncs: Arc::default(),
        unreplayed: OnceLock::new(),
    }
}

fn lock(vfs: &Arc<dyn Vfs>, path: &Path) -> Result<LogDir, StartError> {
    LogDir::open(Arc::clone(vfs), path.to_owned()).map_err(|error| match error {
        LockError::InUse(dir) => StartError::Locked { dir },
        LockError::Io { dir, source } if source.kind() == io::ErrorKind::StorageFull => {
            StartError::DataDir { dir, error: source, hint: HINT }
        }
        LockError::Io { dir, source } => StartError::DataDir {
            dir,
            error: source,
            hint: "let this user create and write it (chown), or choose another folder with 'log.dirs'",
        },
    })
}

fn data_dir_error(files: &LogDir, hint: &'static str) -> impl FnOnce(io::Error) -> StartError {
    let dir = files.path().to_owned();
    move |error| StartError::DataDir { dir, error, hint }
}

fn identity(files: &LogDir) -> Result<Option<MetaProperties>, StartError> {
    files.read_meta_properties().map_err(data_dir_error(
        files,
        "restore its meta.properties from a backup, or move the folder away to start empty",
    ))
}

fn check_identity(path: &Path, found: &MetaProperties, node_id: NodeId, cluster_id: &str) -> Result<(), StartError> {
    let dir = path.display();
    if found.cluster_id != cluster_id {
        return Err(StartError::WrongIdentity(format!(
            "the data folder {dir} belongs to cluster {}, but this broker is to be in cluster {cluster_id}; to keep its data \
             set CLUSTER_ID={} (in a compose file under `environment`) -- or to start empty move {dir} away (a volume: docker \
             compose down --volumes)",
            found.cluster_id, found.cluster_id
        )));
    }
    if found.node_id != node_id {
        return Err(StartError::WrongIdentity(format!(
            "the data folder {dir} belongs to node {}, but this broker is node {node_id}; to keep its data run: barnabas \
             server --override node.id={} -- or to start empty run: mv {dir} {dir}.old",
            found.node_id, found.node_id
        )));
    }
    Ok(())
}

/// A folder with logs but without identity is somebody else's: never write into it.
fn refuse_foreign_data(files: &LogDir) -> Result<(), StartError> {
    let partitions = files
        .partitions()
        .map_err(data_dir_error(files, "let this user read the folder, or choose another 'log.dirs'"))?;
    match partitions.first() {
        None => Ok(()),
        Some(found) => Err(StartError::WrongIdentity(format!(
            "the data folder {} holds logs ({found}) but no meta.properties, so it is not known whose they are; restore that \
             file, or choose an empty folder with 'log.dirs'",
            files.path().display()
        ))),
    }
}

fn adopt(
    files: LogDir,
    found: Option<MetaProperties>,
    watched: &Arc<WatchedDir>,
    cluster_id: &str,
    node_id: NodeId,
) -> Result<DataDir, StartError> {
    let directory_id = match found.as_ref().and_then(|found| found.directory_id) {
        Some(id) => id,
        None => {
            let id = Uuid::random();
            let properties = MetaProperties {
                cluster_id: cluster_id.to_owned(),
                node_id,
                directory_id: Some(id),
                others: BTreeMap::new(),
            };
            files.write_meta_properties(&properties).map_err(data_dir_error(&files, HINT))?;
            id
        }
    };
    let clean = files.take_clean_shutdown().map_err(data_dir_error(&files, HINT))?;
    let broker_epoch = clean.and_then(|clean| clean.broker_epoch);
    let closed = broker_epoch.map(|epoch| files.take_start_snapshot(epoch)).unwrap_or_default();
    Ok(DataDir {
        closed: Mutex::new(closed),
        directory_id,
        clean_shutdown: clean.is_some(),
        previous_broker_epoch: broker_epoch.unwrap_or(-1),
        recovery_points: files.read_checkpoint(Checkpoint::RecoveryPoint),
        log_start_offsets: files.read_checkpoint(Checkpoint::LogStartOffset),
        ..unknown(files, watched)
    })
}

/// Refuses a metadata folder that Apache Kafka wrote: its topics would be taken for strays.
pub(crate) fn refuse_kafka_metadata(vfs: &dyn Vfs, metadata_log_dir: &Path) -> Result<(), StartError> {
    let dir = metadata_log_dir.join(format!("{CLUSTER_METADATA_TOPIC}-0"));
    if vfs.exists(&dir.join("00000000000000000000.log")) || vfs.exists(&dir.join("quorum-state")) {
        return Err(StartError::Unsupported(format!(
            "the data folder {} was written by Apache Kafka (it holds its metadata log {}); taking over such a folder is not \
             served yet: start with an empty 'log.dirs' and copy topics with MirrorMaker",
            metadata_log_dir.display(),
            dir.display()
        )));
    }
    Ok(())
}

/// Refuses to begin new metadata where there are partitions already: all of them would be taken for strays.
pub(crate) fn refuse_lost_metadata(vfs: &dyn Vfs, metadata_log_dir: &Path, dirs: &[DataDir]) -> Result<(), StartError> {
    let metadata = metadata_log_dir.join(format!("{CLUSTER_METADATA_TOPIC}-0"));
    if vfs.read_dir(&metadata).is_ok_and(|entries| !entries.is_empty()) {
        return Ok(());
    }
    let in_use = dirs.iter().filter(|dir| !dir.watched.has_failed());
    let partitions = in_use.map(|dir| (dir, dir.files.partitions().unwrap_or_default()));
    let Some((dir, partitions)) = partitions
        .map(|(dir, all)| {
            (dir, all.into_iter().filter(|found| &*found.topic != CLUSTER_METADATA_TOPIC).collect::<Vec<_>>())
        })
        .find(|(_, partitions)| !partitions.is_empty())
    else {
        return Ok(());
    };
    Err(StartError::LogDirs(format!(
        "the metadata is missing: there is nothing in {}, but {} holds {} partitions ({}, ...), and without it their topics are \
         not known. Put that folder back from a backup, or set 'metadata.log.dir' to where it is. Only to begin anew without \
         these records: move the partitions' folders elsewhere, and start again",
        metadata.display(),
        dir.path.display(),
        partitions.len(),
        partitions.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )))
}
