//! One entry of `log.dirs`: which partitions it holds, and its own files. Opening the partitions is the caller's work.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::TopicPartition;
use barnabas_common::vfs::Vfs;

use super::checkpoint::{self, Checkpoint, OffsetCheckpoint};
use super::clean_shutdown::{self, CleanShutdown};
use super::lock::{DirLock, LockError};
use super::meta_properties::MetaProperties;
use super::start_snapshot::{self, ClosedLogs};
use crate::journal::{LostJournal, forget_journal, lost_journal};

const DELETED_SUFFIX: &str = "-delete";
const MAX_NAME_BYTES: usize = 255;

/// A log directory, locked for this process unless it is out of use.
pub struct LogDir {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
    _lock: Option<DirLock>,
}

impl LogDir {
    /// Creates the directory if need be and locks it before anything else is read or written.
    pub fn open(vfs: Arc<dyn Vfs>, path: PathBuf) -> Result<LogDir, LockError> {
        vfs.create_dir_all(&path).map_err(|source| LockError::Io { dir: path.clone(), source })?;
        let lock = DirLock::acquire(&*vfs, &path)?;
        Ok(LogDir { vfs, path, _lock: Some(lock) })
    }

    /// Stands for a directory that could not be opened. Nothing may be written to it: nobody holds its lock.
    pub fn out_of_use(vfs: Arc<dyn Vfs>, path: PathBuf) -> LogDir {
        LogDir { vfs, path, _lock: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn vfs(&self) -> &Arc<dyn Vfs> {
        &self.vfs
    }

    pub fn partition_dir(&self, partition: &TopicPartition) -> PathBuf {
        self.path.join(partition.to_string())
    }

    /// The partitions that have a folder here, in order.
    pub fn partitions(&self) -> io::Result<Vec<TopicPartition>> {
        let mut found: Vec<_> =
            self.dir_names()?.iter().filter_map(|name| TopicPartition::parse_dir_name(name)).collect();
        found.sort();
        Ok(found)
    }

    /// Folders of deleted partitions that have not been removed yet.
    pub fn deleted_dirs(&self) -> io::Result<Vec<PathBuf>> {
        let is_deleted = |name: &String| name.ends_with(DELETED_SUFFIX) && name.contains('.');
        Ok(self.dir_names()?.into_iter().filter(is_deleted).map(|name| self.path.join(name)).collect())
    }

    /// Takes a partition's folder out of sight at once, so that it can be removed later. `unique_id` keeps apart folders
    /// of topics that were created again. Durable with the next [`LogDir::sync`]: one for many.
    pub fn rename_for_delete(&self, partition: &TopicPartition, unique_id: &str) -> io::Result<PathBuf> {
        let suffix = format!("-{}.{unique_id}{DELETED_SUFFIX}", partition.partition);
        let room = MAX_NAME_BYTES.saturating_sub(suffix.len());
        let topic: String = partition.topic.chars().take(room).collect();
        let target = self.path.join(topic + &suffix);
        self.vfs.rename(&self.partition_dir(partition), &target)?;
        Ok(target)
    }

    /// Makes the names of all folders durable.
    pub fn sync(&self) -> io::Result<()> {
        self.vfs.sync_dir(&self.path)
    }

    /// Offsets of a checkpoint file; none if it is missing or damaged.
    pub fn read_checkpoint(&self, which: Checkpoint) -> OffsetCheckpoint {
        checkpoint::read(&*self.vfs, &which.path(&self.path))
    }

    /// Replaces a checkpoint file, durably.
    pub fn write_checkpoint(&self, which: Checkpoint, offsets: &OffsetCheckpoint) -> io::Result<()> {
        self.vfs.write_atomically(&which.path(&self.path), checkpoint::render(offsets).as_bytes())
    }

    /// What is missing of the journal, if it is needed: if the logs were not closed properly.
    pub fn lost_journal(&self) -> io::Result<Option<LostJournal>> {
        match clean_shutdown::is_there(&*self.vfs, &self.path)? {
            true => Ok(None),
            false => lost_journal(&*self.vfs, &self.path),
        }
    }

    /// Has the directory do without the journal that it needs.
    pub fn give_up_journal(&self) -> io::Result<()> {
        forget_journal(&*self.vfs, &self.path)
    }

    /// Whether the logs were closed properly; from then on they count as in use.
    pub fn take_clean_shutdown(&self) -> io::Result<Option<CleanShutdown>> {
        clean_shutdown::take(&*self.vfs, &self.path)
    }

    /// To be called after every log has been closed and the checkpoints have been written.
    pub fn write_clean_shutdown(&self, broker_epoch: i64) -> io::Result<()> {
        clean_shutdown::write(&*self.vfs, &self.path, broker_epoch)
    }

    /// Writes down the logs as they were closed, for the start that follows the clean stop of this epoch.
    pub fn write_start_snapshot(&self, broker_epoch: i64, logs: &ClosedLogs) -> io::Result<()> {
        start_snapshot::write(&*self.vfs, &self.path, broker_epoch, logs)
    }

    /// The logs as they were closed by the clean stop of this epoch, as far as that is known.
    pub fn take_start_snapshot(&self, broker_epoch: i64) -> ClosedLogs {
        start_snapshot::take(&*self.vfs, &self.path, broker_epoch)
    }

    pub fn read_meta_properties(&self) -> io::Result<Option<MetaProperties>> {
        MetaProperties::read(&*self.vfs, &self.path)
    }

    pub fn write_meta_properties(&self, properties: &MetaProperties) -> io::Result<()> {
        properties.write(&*self.vfs, &self.path)
    }

    fn dir_names(&self) -> io::Result<Vec<String>> {
        Ok(self.vfs.read_dir(&self.path)?.into_iter().filter(|e| e.is_dir).map(|e| e.name).collect())
    }
}

#[cfg(test)]
mod tests {
    use barnabas_common::vfs::{MemVfs, OpenMode};

    use super::*;

    #[test]
    fn partitions_and_deleted_folders_are_told_apart() {
        let vfs = MemVfs::new();
        let dir = LogDir::open(Arc::new(vfs.clone()), "/data".into()).unwrap();
        for name in ["a-0", "a-1", "dash-ed-2", "not a partition"] {
            vfs.create_dir_all(&dir.path().join(name)).unwrap();
        }
        vfs.open(Path::new("/data/file-3"), OpenMode::CREATE).unwrap();
        let a1 = TopicPartition::new("a", 1);
        let renamed = dir.rename_for_delete(&a1, "0123").unwrap();
        dir.sync().unwrap();
        assert_eq!(renamed, Path::new("/data/a-1.0123-delete"));
        assert_eq!(dir.partitions().unwrap(), [TopicPartition::new("a", 0), TopicPartition::new("dash-ed", 2)]);
        assert_eq!(dir.deleted_dirs().unwrap(), vec![renamed.clone()]);
        dir.vfs().remove_dir_all(&renamed).unwrap();
        assert!(dir.deleted_dirs().unwrap().is_empty());
    }

    #[test]
    fn long_topic_names_still_give_a_legal_folder_name() {
        let dir = LogDir::open(Arc::new(MemVfs::new()), "/data".into()).unwrap();
        let partition = TopicPartition::new("x".repeat(249), 12);
        dir.vfs.create_dir_all(&dir.partition_dir(&partition)).unwrap();
        let renamed = dir.rename_for_delete(&partition, &"f".repeat(32)).unwrap();
        assert_eq!(renamed.file_name().unwrap().len(), 255);
    }

    #[test]
    fn checkpoints_survive_and_damaged_ones_are_empty() {
        let vfs = MemVfs::new();
        let dir = LogDir::open(Arc::new(vfs.clone()), "/data".into()).unwrap();
        let offsets = OffsetCheckpoint::from([(TopicPartition::new("t", 3), 42)]);
        dir.write_checkpoint(Checkpoint::Replication, &offsets).unwrap();
        assert_eq!(dir.read_checkpoint(Checkpoint::Replication), offsets);
        assert!(dir.read_checkpoint(Checkpoint::RecoveryPoint).is_empty());
        vfs.damage(&Checkpoint::Replication.path(dir.path()), |bytes| bytes.fill(0)).unwrap();
        assert!(dir.read_checkpoint(Checkpoint::Replication).is_empty());
    }
}
