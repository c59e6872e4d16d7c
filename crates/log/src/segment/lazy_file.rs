//! A file that is opened when it is first needed, so that thousands of idle segments cost no descriptors.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use barnabas_common::vfs::{OpenMode, Vfs, VfsFile};
use parking_lot::Mutex;

pub(crate) struct LazyFile {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
    file: Mutex<Option<Arc<dyn VfsFile>>>,
}

impl LazyFile {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, path: PathBuf) -> Self {
        Self { vfs, path, file: Mutex::new(None) }
    }

    /// The file if it exists.
    pub(crate) fn existing(&self) -> io::Result<Arc<dyn VfsFile>> {
        self.open(OpenMode::WRITE)
    }

    /// The file, created if need be.
    pub(crate) fn created(&self) -> io::Result<Arc<dyn VfsFile>> {
        self.open(OpenMode::CREATE)
    }

    /// Gives the descriptor back; the next use opens the file again.
    pub(crate) fn release(&self) {
        *self.file.lock() = None;
    }

    fn open(&self, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let mut slot = self.file.lock();
        if let Some(file) = slot.as_ref() {
            return Ok(file.clone());
        }
        let file = self.vfs.open(&self.path, mode)?;
        *slot = Some(file.clone());
        Ok(file)
    }
}
