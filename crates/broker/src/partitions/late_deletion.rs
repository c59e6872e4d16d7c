//! Topics that are deleted while the checkpoints cannot be written, on a full disk for example. Their folders give up their
//! files at once, which makes room, but keep their names and what tells whose they are: should the broker be killed now, the
//! next start must see that what the checkpoints say of the name is not of a newer topic.

use std::io;

use barnabas_log::{empty_partition_dir, read_partition_metadata};
use tracing::error;

use super::{Deleted, PartitionLife};
use crate::log_dirs::DataDir;

impl PartitionLife {
    /// In place of [`Self::delete`]; [`Self::delete_late`] goes on. Readers that hold files open keep them.
    pub(crate) fn empty(&self, deleted: Vec<Deleted>) {
        for dir in self.dirs.iter() {
            for of_dir in deleted.iter().filter(|deleted| self.is_folder_of(dir, deleted).unwrap_or(false)) {
                let path = dir.files.partition_dir(&of_dir.partition);
                if let Err(error) = empty_partition_dir(&*self.vfs, &path) {
                    error!(folder = %path.display(), %error, "cannot remove the files of a deleted topic yet");
                }
            }
        }
        self.emptied.lock().extend(deleted);
    }

    /// The checkpoints have been written since: names that a new topic may have by now are its own.
    pub(crate) fn delete_late(&self) {
        let _step = self.begin_step();
        let emptied = std::mem::take(&mut *self.emptied.lock());
        for deleted in emptied {
            let looks: io::Result<Vec<bool>> = self.dirs.iter().map(|dir| self.is_folder_of(dir, &deleted)).collect();
            let Ok(looks) = looks else {
                self.emptied.lock().push(deleted);
                continue;
            };
            for ((dir, load), _) in self.dirs.iter().zip(&self.loads).zip(looks).filter(|(_, is_its_own)| *is_its_own) {
                self.delete_in(dir, load, std::iter::once(&deleted));
            }
        }
    }

    fn is_folder_of(&self, dir: &DataDir, deleted: &Deleted) -> io::Result<bool> {
        let path = dir.files.partition_dir(&deleted.partition);
        Ok(read_partition_metadata(&*self.vfs, &path)? == Some(deleted.topic_id))
    }
}
