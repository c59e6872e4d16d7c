//! The names of new partition folders in their log directory. Until they are on disk a power loss may take the folders away,
//! with segments that were synced: only what is in the journal is safe.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use barnabas_common::vfs::Vfs;
use parking_lot::Mutex;

/// Whether there are folders in a log directory whose names may not be on disk yet.
pub struct NewFolders {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    /// Locked while they are brought there: who asks meanwhile waits for it.
    are_there: Mutex<bool>,
}

impl NewFolders {
    pub fn new(vfs: Arc<dyn Vfs>, dir: PathBuf) -> Arc<Self> {
        Arc::new(Self { vfs, dir, are_there: Mutex::default() })
    }

    /// A folder was made. To be called before anything is appended to its log, and when the folder is there: who syncs too
    /// early would forget it.
    pub fn added(&self) {
        *self.are_there.lock() = true;
    }

    /// Makes the names durable, if there are new ones. What fails is to be tried again.
    pub fn sync(&self) -> io::Result<()> {
        let mut are_there = self.are_there.lock();
        if *are_there {
            self.vfs.sync_dir(&self.dir)?;
            *are_there = false;
        }
        Ok(())
    }
}
