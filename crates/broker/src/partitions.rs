//! Follows the metadata: opens the logs of partitions that are this broker's, deletes those of topics that are
//! gone, and hands changed settings on. Clients see an image only after this has carried it out.

mod late_deletion;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use barnabas_common::vfs::{Vfs, explained};
use barnabas_common::{Clock, ErrorCode, NodeId, TopicPartition, Uuid};
use barnabas_log::{ClosedLogs, Handles, Log, LogConfig, LogError, OpenOptions, read_partition_metadata};
use barnabas_metadata::{ConfigResource, MetadataDelta, MetadataImage, TopicImage};
use barnabas_replica::{Partition, ReplicaManager};
use parking_lot::{Mutex, MutexGuard};
use tracing::{error, info, warn};

use crate::configs::Configs;
use crate::dir_failure::reason_for_clients;
use crate::known_dirs::AbsentDirs;
use crate::log_dirs::DataDir;
use crate::watched_dirs::{WatchedDir, WatchedDirs};

/// Fewer logs are not worth a thread.
const LOGS_PER_THREAD: usize = 32;

/// Of the file handles that the process may have, logs keep at most this share open; the rest is for connections.
const SHARE_OF_HANDLES: u64 = 2;

/// A folder that could not be removed is left alone for so long.
const REMOVE_AGAIN_AFTER_MS: i64 = 10_000;

/// Whose folder is in the way of a partition.
const OLDER: &str = "an older topic of this name";

/// Why a log is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// At the start: the checkpoints of the folder speak of it.
    AtStart,
    /// Its topic was just created. The checkpoints that were read at the start can only speak of another topic that had
    /// this name.
    Created,
}

/// Why a log was not opened.
enum NotOpened<'a> {
    Log(LogError),
    /// It is in this dir, or may be.
    DirFailed(&'a WatchedDir),
    /// It is nowhere, and it may be in a log dir that is missing.
    DirAbsent(&'a AbsentDirs),
    /// More than one dir has a folder of it.
    Twice(Vec<PathBuf>),
    /// An older topic's folder is in its place: see [`PartitionLife::replace_older`].
    IsOlder,
}

/// A folder that has the name of a partition and is another topic's: in which dir.
pub(crate) type OlderFolder = (usize, TopicPartition);

/// A partition that was deleted and whose folder is there still.
pub(crate) struct Deleted {
    partition: TopicPartition,
    topic_id: Uuid,
    delay_ms: i64,
}

/// A folder of a deleted partition and when its files are removed.
struct Doomed {
    dir: PathBuf,
    at_ms: i64,
}

/// Opens and deletes partitions. Every call may block on the disk.
pub(crate) struct PartitionLife {
    pub node_id: NodeId,
    pub vfs: Arc<dyn Vfs>,
    pub clock: Arc<dyn Clock>,
    pub dirs: Arc<Vec<DataDir>>,
    watched: Arc<WatchedDirs>,
    /// Names that were in several dirs at the start; none if a dir could not be listed.
    twice: Option<BTreeSet<TopicPartition>>,
    pub configs: Configs,
    handles: Arc<Handles>,
    /// How many partitions each folder holds, about.
    loads: Vec<AtomicUsize>,
    doomed: Mutex<Vec<Doomed>>,
    /// Of partitions that are gone: folders that keep their names until the checkpoints have forgotten them.
    emptied: Mutex<Vec<Deleted>>,
    /// Logs to be tried again, of topics with these ids.
    failed: Mutex<Vec<(TopicPartition, Uuid, Opening)>>,
    /// Held by who opens and deletes: names of folders go from topic to topic.
    steps: Mutex<()>,
    /// Found where a partition of before this start was looked for: folders of older topics.
    older: Mutex<Vec<OlderFolder>>,
}

impl PartitionLife {
    pub(crate) fn new(
        node_id: NodeId,
        vfs: Arc<dyn Vfs>,
        clock: Arc<dyn Clock>,
        (dirs, watched): (Arc<Vec<DataDir>>, Arc<WatchedDirs>),
        configs: Configs,
    ) -> Self {
        let held: Vec<_> = dirs.iter().map(|dir| dir.files.partitions()).collect();
        let loads = held.iter().map(|held| AtomicUsize::new(held.as_ref().map_or(0, Vec::len))).collect();
        let twice = held.into_iter().collect::<io::Result<_>>().ok().map(in_several);
        let handles = Handles::with_limit(handles_for_logs());
        let (doomed, emptied, failed, steps, older) = Default::default();
        Self {
            node_id,
            vfs,
            clock,
            dirs,
            watched,
            twice,
            configs,
            handles,
            loads,
            doomed,
            emptied,
            failed,
            steps,
            older,
        }
    }

    /// Opens everything that the image gives this broker and that has a folder of its own or none, and removes what earlier
    /// deletions left behind. To be followed by [`Self::replace_older`].
    pub(crate) fn load_all(&self, replicas: &ReplicaManager, image: &MetadataImage) {
        self.remove_leftovers();
        let wanted = image.topics().flat_map(|topic| self.own_partitions(topic).map(move |index| (topic, index)));
        self.open_all(replicas, image, &wanted.collect::<Vec<_>>(), Opening::AtStart);
        for dir in self.dirs.iter() {
            *dir.closed.lock() = ClosedLogs::new();
        }
        self.watched.absent().into_iter().for_each(AbsentDirs::tell);
    }

    /// Sets folders aside that are no topic's any more, and opens the partitions that have the names of some. By now the
    /// checkpoints must say nothing of what is in `replicas` not yet: with its folder goes what tells that it was an older
    /// topic's.
    pub(crate) fn replace_older(&self, replicas: &ReplicaManager, image: &MetadataImage) {
        self.set_strays_aside(image);
        let older = std::mem::take(&mut *self.older.lock());
        let names: BTreeSet<_> = older.iter().map(|(_, partition)| partition).collect();
        let is_missing = |name: &&TopicPartition| replicas.get(&name.topic, name.partition).is_none();
        let wanted = names.into_iter().filter(is_missing);
        let wanted: Vec<_> =
            wanted.filter_map(|name| image.topic(&name.topic).map(|topic| (topic, name.partition))).collect();
        self.set_older_aside(replicas, image, &older, &wanted);
    }

    /// Makes room for these partitions and opens them.
    fn set_older_aside(
        &self,
        replicas: &ReplicaManager,
        image: &MetadataImage,
        older: &[OlderFolder],
        wanted: &[(&Arc<TopicImage>, i32)],
    ) {
        for (dir, partition) in older {
            self.set_aside(&self.dirs[*dir], partition, OLDER);
        }
        self.open_all(replicas, image, wanted, Opening::Created);
    }

    /// Opens logs, several at a time.
    fn open_all(
        &self,
        replicas: &ReplicaManager,
        image: &MetadataImage,
        wanted: &[(&Arc<TopicImage>, i32)],
        opening: Opening,
    ) {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = wanted.len().div_ceil(threads).max(LOGS_PER_THREAD);
        let open = |part: &[(&Arc<TopicImage>, i32)]| {
            for of_topic in part.chunk_by(|left, right| Arc::ptr_eq(left.0, right.0)) {
                let Some((topic, _)) = of_topic.first() else { continue };
                let config = Arc::new(self.configs.log_config(image, &topic.name));
                let opened = of_topic.iter().filter_map(|(_, index)| self.open(topic, *index, opening, config.clone()));
                opened.for_each(|partition| replicas.insert(Arc::new(partition)));
            }
        };
        std::thread::scope(|scope| {
            let mut parts = wanted.chunks(share);
            let own = parts.next();
            for part in parts {
                // Where no more threads may be made, this one does the work.
                if std::thread::Builder::new().spawn_scoped(scope, move || open(part)).is_err() {
                    open(part);
                }
            }
            own.into_iter().for_each(open);
        });
    }

    /// To be held from before [`Self::take_deleted`] until after [`Self::open_new`].
    pub(crate) fn begin_step(&self) -> MutexGuard<'_, ()> {
        self.steps.lock()
    }

    /// Takes out of service what a step from one image to the next deletes; to be followed by [`Self::delete`].
    pub(crate) fn take_deleted(&self, replicas: &ReplicaManager, delta: &MetadataDelta) -> Vec<Deleted> {
        delta.deleted_topics.iter().flat_map(|topic| self.take_topic(replicas, topic)).collect()
    }

    /// Opens what a step brings, and hands changed settings on.
    pub(crate) fn open_new(&self, replicas: &ReplicaManager, new: &MetadataImage, delta: &MetadataDelta) {
        for topic in &delta.created_topics {
            self.open_missing(replicas, new, topic);
        }
        for change in &delta.changed_topics {
            self.open_missing(replicas, new, &change.new);
        }
        self.reconfigure(replicas, new, delta);
    }

    /// Tries again to open logs that could not be opened for lack of room or handles. Later images than this one may have
    /// been carried out. `forget` has the checkpoints forget what they say of folders, durably.
    pub(crate) fn open_again(
        &self,
        replicas: &ReplicaManager,
        image: &MetadataImage,
        forget: impl Fn(&[OlderFolder]) -> io::Result<()>,
    ) {
        let _step = self.begin_step();
        let failed = std::mem::take(&mut *self.failed.lock());
        let mut behind_older = Vec::new();
        for (name, id, opening) in failed {
            let present = replicas.get(&name.topic, name.partition);
            if present.is_none_or(|partition| partition.topic_id != id || !partition.is_offline()) {
                continue;
            }
            match image.topic(&name.topic).filter(|topic| topic.id == id && topic.partition(name.partition).is_some()) {
                Some(topic) => {
                    let config = Arc::new(self.configs.log_config(image, &topic.name));
                    match self.open(topic, name.partition, opening, config) {
                        Some(partition) => replicas.insert(Arc::new(partition)),
                        None => behind_older.push((topic, name.partition)),
                    }
                }
                None => self.failed.lock().push((name, id, opening)),
            }
        }
        let older = std::mem::take(&mut *self.older.lock());
        if older.is_empty() {
            return;
        }
        match forget(&older) {
            Ok(()) => self.set_older_aside(replicas, image, &older, &behind_older),
            // Said by the writer; all of it is looked at again.
            Err(_) => self.failed.lock().extend(behind_older.into_iter().map(|(topic, index)| {
                (TopicPartition::new(Arc::clone(&topic.name), index), topic.id, Opening::AtStart)
            })),
        }
    }

    fn own_partitions(&self, topic: &TopicImage) -> impl Iterator<Item = i32> {
        let own = |replicas: &[NodeId]| replicas.contains(&self.node_id);
        let indexes: Vec<i32> =
            (0..).zip(&topic.partitions).filter(|(_, p)| own(&p.replicas)).map(|(index, _)| index).collect();
        indexes.into_iter()
    }

    fn open_missing(&self, replicas: &ReplicaManager, image: &MetadataImage, topic: &Arc<TopicImage>) {
        let missing = self.own_partitions(topic).filter(|index| replicas.get(&topic.name, *index).is_none());
        self.open_all(replicas, image, &missing.map(|index| (topic, index)).collect::<Vec<_>>(), Opening::Created);
    }

    /// Nothing if an older topic of the name is in the way.
    fn open(&self, topic: &TopicImage, index: i32, opening: Opening, config: Arc<LogConfig>) -> Option<Partition> {
        let topic_partition = TopicPartition::new(Arc::clone(&topic.name), index);
        let leader_epoch = topic.partition(index).map_or(0, |partition| partition.leader_epoch);
        Some(match self.open_log(topic, &topic_partition, opening, config) {
            Err(NotOpened::IsOlder) => return None,
            Ok(mut log) => {
                // Known before the first append: somebody may ask where the epoch starts (KAFKA-7415).
                log.assign_leader_epoch(leader_epoch);
                self.in_service(topic_partition, topic.id, log, leader_epoch)
            }
            Err(NotOpened::DirFailed(dir)) => {
                dir.took_out(&topic_partition);
                Partition::offline(topic_partition, topic.id, reason_for_clients(dir))
            }
            Err(NotOpened::DirAbsent(absent)) => {
                let reason = absent.took_out(&topic_partition);
                Partition::offline(topic_partition, topic.id, reason)
            }
            Err(NotOpened::Twice(paths)) => {
                let reason = reason_of_twice(&paths);
                error!(partition = %topic_partition, "the partition stays offline, others are served: {reason}");
                Partition::offline(topic_partition, topic.id, reason)
            }
            Err(NotOpened::Log(reason)) => {
                // A dir that failed gets no better before a restart.
                if matches!(reason, LogError::Io { .. }) && !self.is_in_failed_dir(&topic_partition) {
                    self.failed.lock().push((topic_partition.clone(), topic.id, opening));
                }
                error!(partition = %topic_partition, "the partition stays offline, others are served: {reason}");
                Partition::offline(topic_partition, topic.id, reason.to_string())
            }
        })
    }

    /// The partition of a log that has been opened, or tried again, while the broker runs.
    fn in_service(&self, name: TopicPartition, topic_id: Uuid, mut log: Log, leader_epoch: i32) -> Partition {
        if self
            .dirs
            .iter()
            .filter_map(|dir| dir.unreplayed.get())
            .any(|known| known.contains(&(topic_id, name.partition)))
        {
            let reason =
                "the journal holds records that the log could not take when the broker started; restart the broker";
            return Partition::offline(name, topic_id, reason.to_owned());
        }
        let dir = self.dirs.iter().find(|dir| log.dir().starts_with(&dir.path));
        let commit = dir.and_then(|dir| dir.commit.get()).cloned();
        // What a log brings along that is opened late may be in the page cache alone.
        if commit.is_some()
            && let Err(error) = log.flush()
        {
            return Partition::offline(name, topic_id, format!("it cannot be brought to disk: {error}"));
        }
        let partition = Partition::online(name, topic_id, log, leader_epoch);
        if let Some(commit) = commit {
            partition.commit_through(commit);
        }
        partition
    }

    fn open_log(
        &self,
        topic: &TopicImage,
        partition: &TopicPartition,
        opening: Opening,
        config: Arc<LogConfig>,
    ) -> Result<Log, NotOpened<'_>> {
        let now_ms = self.clock.wall_ms();
        if opening == Opening::Created {
            self.refuse_outlived(partition)?;
        }
        if opening == Opening::AtStart
            && self.twice.as_ref().is_some_and(|twice| !twice.contains(partition))
            && let Some(log) = self.reopen_log(topic.id, partition, &config, now_ms)
        {
            return Ok(log);
        }
        let dir = self.dir_of(partition, topic.id, opening)?;
        let path = dir.files.partition_dir(partition);
        let open = match opening {
            Opening::Created => OpenOptions::default(),
            Opening::AtStart => OpenOptions {
                clean_shutdown: dir.clean_shutdown,
                recovery_point: dir.recovery_points.get(partition).copied().unwrap_or(0),
                log_start_offset: dir.log_start_offsets.get(partition).copied().unwrap_or(0),
                trusts_small_logs: false,
            },
        };
        let (vfs, handles) = (Arc::clone(&self.vfs), Arc::clone(&self.handles));
        let opened = Log::open_with(vfs, handles, path, partition.clone(), Some(topic.id), config, open, now_ms);
        dir.new_folders.added();
        opened.map_err(NotOpened::Log)
    }

    /// A name of which the checkpoints on disk still say what an older topic's log held.
    fn refuse_outlived(&self, partition: &TopicPartition) -> Result<(), NotOpened<'_>> {
        let is_outlived = |dir: &&DataDir| !dir.watched.has_failed() && dir.outlived.lock().contains(partition);
        let Some(dir) = self.dirs.iter().find(is_outlived) else { return Ok(()) };
        let context = format!(
            "the checkpoints of {} still speak of an older topic of this name and could not be written anew (the log says why); \
             that is tried again every second, and until then",
            dir.path.display()
        );
        Err(NotOpened::Log(LogError::Io { context, source: io::Error::other("the partition cannot be served") }))
    }

    /// The log as the last clean stop left it, if it was written down and nobody has touched its folder since.
    fn reopen_log(
        &self,
        topic_id: Uuid,
        partition: &TopicPartition,
        config: &Arc<LogConfig>,
        now_ms: i64,
    ) -> Option<Log> {
        let (dir, described) = self.dirs.iter().find_map(|dir| Some((dir, dir.closed.lock().remove(partition)?)))?;
        let path = dir.files.partition_dir(partition).into();
        let (vfs, handles) = (Arc::clone(&self.vfs), Arc::clone(&self.handles));
        Log::reopen(vfs, handles, path, partition.clone(), topic_id, Arc::clone(config), described, now_ms)
    }

    fn load_of(&self, dir: usize) -> usize {
        self.loads[dir].load(Ordering::Relaxed)
    }

    fn is_in_failed_dir(&self, partition: &TopicPartition) -> bool {
        let mut failed = self.dirs.iter().filter(|dir| dir.watched.has_failed());
        failed.any(|dir| self.vfs.exists(&dir.files.partition_dir(partition)))
    }

    /// The folder that holds the partition already, else the best one for a new partition. A folder of an older topic of the
    /// same name is set aside first; at the start that is left to [`Self::replace_older`].
    fn dir_of(&self, partition: &TopicPartition, topic_id: Uuid, opening: Opening) -> Result<&DataDir, NotOpened<'_>> {
        let (mut found, mut older, mut unread) = (Vec::new(), Vec::new(), None);
        for (index, dir) in self.dirs.iter().enumerate() {
            let path = dir.files.partition_dir(partition);
            let is_of_another = opening == Opening::Created && dir.watched.has_failed();
            if is_of_another || !self.is_there(dir, &path) {
                continue;
            }
            match read_partition_metadata(&*self.vfs, &path) {
                Ok(Some(found)) if found != topic_id => older.push((index, partition.clone())),
                Ok(_) => found.push(dir),
                Err(error) => unread = Some((dir, unreadable(&path, error))),
            }
        }
        match (unread, &found[..]) {
            (Some((dir, _)), []) if dir.watched.has_failed() => return Err(NotOpened::DirFailed(&dir.watched)),
            // Whose folder that is decides what is to be done: it has to be looked at again.
            (Some((_, error)), _) => return Err(NotOpened::Log(error)),
            _ => {}
        }
        let is_older = !older.is_empty();
        match opening {
            Opening::AtStart => self.older.lock().extend(older),
            Opening::Created => older.iter().for_each(|(dir, name)| self.set_aside(&self.dirs[*dir], name, OLDER)),
        }
        match found[..] {
            [] => self.dir_for_missing(partition, opening, is_older),
            [dir] if dir.watched.has_failed() => Err(NotOpened::DirFailed(&dir.watched)),
            [dir] => Ok(dir),
            _ => Err(NotOpened::Twice(found.iter().map(|dir| dir.files.partition_dir(partition)).collect())),
        }
    }

    /// Where a partition belongs that has no folder in any dir that can be looked into.
    fn dir_for_missing(
        &self,
        partition: &TopicPartition,
        opening: Opening,
        is_older: bool,
    ) -> Result<&DataDir, NotOpened<'_>> {
        // What cannot be found may be in a dir that has failed or is missing: made anew elsewhere it would be empty.
        let failed = self.dirs.iter().find(|dir| dir.watched.has_failed());
        match (failed, self.watched.absent()) {
            (Some(failed), _) if opening == Opening::AtStart => Err(NotOpened::DirFailed(&failed.watched)),
            (None, Some(absent)) if opening == Opening::AtStart => Err(NotOpened::DirAbsent(absent)),
            _ if is_older && opening == Opening::AtStart => Err(NotOpened::IsOlder),
            _ => Ok(self.dir_for_new(partition, opening)),
        }
    }

    /// Of the dirs in use and with room the one with the fewest partitions.
    fn dir_for_new(&self, partition: &TopicPartition, opening: Opening) -> &DataDir {
        let worth = |i: &usize| {
            let DataDir { watched, recovery_points, .. } = &self.dirs[*i];
            // Where it has been its folder is missed.
            let is_home = opening == Opening::AtStart && recovery_points.contains_key(partition);
            (!is_home, watched.has_failed(), watched.space.refuses(), self.load_of(*i))
        };
        let best = (0..self.dirs.len()).min_by_key(worth).unwrap_or(0);
        self.loads[best].fetch_add(1, Ordering::Relaxed);
        &self.dirs[best]
    }

    /// Whether a folder exists. A disk that does not say takes its dir out of use.
    fn is_there(&self, dir: &DataDir, path: &Path) -> bool {
        match self.vfs.stat(path) {
            Ok(_) => true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => {
                dir.watched.fail(&format!("looking for {} failed: {error}", path.display()));
                false
            }
        }
    }

    /// Folders that no topic of the metadata owns: kept under another name, never served, never mixed up.
    fn set_strays_aside(&self, image: &MetadataImage) {
        for dir in self.dirs.iter() {
            for partition in dir.files.partitions().unwrap_or_default() {
                let is_metadata = &*partition.topic == crate::topics::CLUSTER_METADATA_TOPIC;
                if !is_metadata && image.partition(&partition.topic, partition.partition).is_none() {
                    self.set_aside(dir, &partition, "no topic of the metadata");
                }
            }
        }
    }

    fn set_aside(&self, dir: &DataDir, partition: &TopicPartition, why: &str) {
        let from = dir.files.partition_dir(partition);
        let to = dir.path.join(format!("{partition}.{}-stray", Uuid::random()));
        match self.vfs.rename(&from, &to) {
            Ok(()) => warn!("{} belongs to {why}; kept as {}", from.display(), to.display()),
            Err(error) => error!("{} belongs to {why} and cannot be renamed: {error}", from.display()),
        }
    }

    fn take_topic(&self, replicas: &ReplicaManager, topic: &TopicImage) -> Vec<Deleted> {
        let take = |partition: Arc<Partition>| {
            let delay_ms = partition.with_log(|log| log.config().file_delete_delay_ms).unwrap_or(0);
            drop(partition.take_log(ErrorCode::UnknownTopicOrPartition, "the topic was deleted"));
            Deleted { partition: partition.topic_partition.clone(), topic_id: topic.id, delay_ms }
        };
        let taken: Vec<_> = replicas.remove_topic(&topic.name, topic.id).into_iter().map(take).collect();
        info!(topic = %topic.name, id = %topic.id, partitions = taken.len(), "deleted topic");
        taken
    }

    /// Deletes the folders of partitions that have been taken out of service. By now the checkpoints must say nothing of
    /// them, or after a crash they would be held against a new topic of the name.
    pub(crate) fn delete(&self, deleted: &[Deleted]) {
        for (dir, load) in self.dirs.iter().zip(&self.loads) {
            self.delete_in(dir, load, deleted.iter());
        }
    }

    fn delete_in<'a>(&self, dir: &DataDir, load: &AtomicUsize, deleted: impl Iterator<Item = &'a Deleted>) {
        let doomed: Vec<Doomed> = deleted.filter_map(|deleted| self.doom(dir, deleted)).collect();
        if doomed.is_empty() {
            return;
        }
        let left = |load: usize| Some(load.saturating_sub(doomed.len()));
        let _ = load.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        self.doomed.lock().extend(doomed);
        if let Err(error) = dir.files.sync() {
            error!(dir = %dir.path.display(), %error, "cannot make the deletion of topics durable");
        }
    }

    /// The name is free for a new topic at once; the files stay for readers that still hold them.
    fn doom(&self, dir: &DataDir, deleted: &Deleted) -> Option<Doomed> {
        let Deleted { partition, delay_ms, .. } = deleted;
        if !self.vfs.exists(&dir.files.partition_dir(partition)) {
            return None;
        }
        let renamed = dir.files.rename_for_delete(partition, &Uuid::random().to_string());
        let renamed = renamed
            .inspect_err(|error| error!(%partition, %error, "cannot rename the folder of a deleted topic"))
            .ok()?;
        Some(Doomed { dir: renamed, at_ms: self.clock.monotonic_ms().saturating_add(*delay_ms) })
    }

    fn is_in_full_dir(&self, path: &Path) -> bool {
        self.dirs.iter().any(|dir| dir.watched.space.refuses() && path.starts_with(&dir.path))
    }

    /// Removes the files of deleted partitions whose delay is over, and where room is short those of all.
    pub(crate) fn remove_doomed(&self) {
        let now_ms = self.clock.monotonic_ms();
        let is_due = |doomed: &mut Doomed| doomed.at_ms <= now_ms || self.is_in_full_dir(&doomed.dir);
        // Removing large files takes its time: nobody is to wait for the lock meanwhile.
        let due: Vec<Doomed> = self.doomed.lock().extract_if(.., is_due).collect();
        // What cannot be removed for now, as without a file handle, is tried again.
        let is_left = |doomed: &Doomed| !remove_dir(&*self.vfs, &doomed.dir);
        let retry_ms = now_ms.saturating_add(REMOVE_AGAIN_AFTER_MS);
        let left = due.into_iter().filter(is_left).map(|doomed| Doomed { at_ms: retry_ms, ..doomed });
        let left: Vec<Doomed> = left.collect();
        self.doomed.lock().extend(left);
    }

    fn remove_leftovers(&self) {
        for dir in self.dirs.iter() {
            for leftover in dir.files.deleted_dirs().unwrap_or_default() {
                let _ = remove_dir(&*self.vfs, &leftover);
            }
        }
    }

    fn reconfigure(&self, replicas: &ReplicaManager, image: &MetadataImage, delta: &MetadataDelta) {
        let touches_all = |resource: &ConfigResource| match resource {
            ConfigResource::BrokerDefault => true,
            ConfigResource::Broker(id) => *id == self.node_id,
            _ => false,
        };
        let all = delta.changed_configs.iter().any(touches_all);
        for topic in image.topics() {
            let own = ConfigResource::Topic(topic.name.to_string());
            if all || delta.changed_configs.contains(&own) {
                let config = Arc::new(self.configs.log_config(image, &topic.name));
                for partition in replicas.of_topic(&topic.name) {
                    partition.update_config(config.clone());
                }
            }
        }
    }
}

fn unreadable(folder: &Path, source: io::Error) -> LogError {
    LogError::Io { context: format!("could not read whose folder {} is", folder.display()), source }
}

/// Names that more than one dir holds.
fn in_several(held: Vec<Vec<TopicPartition>>) -> BTreeSet<TopicPartition> {
    if held.len() < 2 {
        return BTreeSet::new();
    }
    let mut all: Vec<_> = held.into_iter().flatten().collect();
    all.sort_unstable();
    all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect()
}

fn reason_of_twice(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    format!(
        "it is in more than one log dir, and which folder holds its records is not known: {}; stop the broker, look into them \
         (kafka-dump-log), move all but one out of the log dirs, and start again",
        paths.join(" and ")
    )
}

fn handles_for_logs() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit / SHARE_OF_HANDLES).ok()).unwrap_or(usize::MAX)
}

/// False if it is to be tried again.
fn remove_dir(vfs: &dyn Vfs, dir: &std::path::Path) -> bool {
    match vfs.remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!("cannot remove {}: {}", dir.display(), explained(error));
            false
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests;
