//! The lock on a log directory: a second process must not write into it, be it ours or Kafka itself.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::vfs::{OpenMode, Vfs, VfsFile};
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use thiserror::Error;

const FILE_NAME: &str = ".lock";

/// Why a log directory cannot be used.
#[derive(Debug, Error)]
pub enum LockError {
    #[error("{} is in use by another process: stop it, or choose another log.dirs", .0.display())]
    InUse(PathBuf),
    #[error("could not lock {}: {source}", dir.display())]
    Io { dir: PathBuf, source: io::Error },
}

/// Held for as long as the value lives.
pub(crate) struct DirLock {
    _file: Arc<dyn VfsFile>,
}

impl DirLock {
    /// Takes the lock. A file system without descriptors (in memory) has no other processes to fear.
    pub(crate) fn acquire(vfs: &dyn Vfs, dir: &Path) -> Result<DirLock, LockError> {
        let failed = |source| LockError::Io { dir: dir.to_owned(), source };
        let file = vfs.open(&dir.join(FILE_NAME), OpenMode::CREATE).map_err(failed)?;
        if let Some(fd) = file.fd() {
            lock(fd).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::PermissionDenied => LockError::InUse(dir.to_owned()),
                _ => failed(error),
            })?;
        }
        Ok(DirLock { _file: file })
    }
}

/// Two kinds of locks: `flock` also keeps a second broker in this process out, a record lock is what Java's file
/// channels take and so keeps Kafka out.
fn lock(fd: BorrowedFd<'_>) -> io::Result<()> {
    flock(fd, FlockOperation::NonBlockingLockExclusive)?;
    fcntl_lock(fd, FlockOperation::NonBlockingLockExclusive)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use barnabas_common::vfs::OsVfs;

    use super::*;

    #[test]
    fn a_directory_is_locked_once_and_free_again_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::acquire(&OsVfs, dir.path()).unwrap();
        assert!(matches!(DirLock::acquire(&OsVfs, dir.path()), Err(LockError::InUse(_))));
        drop(first);
        DirLock::acquire(&OsVfs, dir.path()).unwrap();
    }
}
