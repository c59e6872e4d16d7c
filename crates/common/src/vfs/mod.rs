//! The disk as the cores see it. Everything that stores bytes goes through [`Vfs`], so that tests can inject
//! faults, clone the state a crash would leave, and fill the disk. [`OsVfs`] is the real one.

mod errors;
mod mem;
mod os;
mod range;

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

pub use errors::{explained, is_of_handles, is_of_room, is_passing};
pub use mem::{Fault, FaultOp, MemVfs};
pub use os::OsVfs;
pub use range::{FileRange, read_up_to};

/// How a file is opened. All files are opened for reading; `create` implies `write`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenMode {
    pub write: bool,
    pub create: bool,
    pub truncate: bool,
}

impl OpenMode {
    pub const READ: Self = Self { write: false, create: false, truncate: false };
    pub const WRITE: Self = Self { write: true, create: false, truncate: false };
    pub const CREATE: Self = Self { write: true, create: true, truncate: false };
    pub const TRUNCATE: Self = Self { write: true, create: true, truncate: true };
}

/// A file or folder inside a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    pub name: String,
    pub is_dir: bool,
}

/// Bytes of the volume that holds a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    pub total_bytes: u64,
    pub usable_bytes: u64,
}

/// What is known of a file or folder without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStat {
    pub len: u64,
    /// Nanoseconds since 1970 of the last change; for a folder, of names in it.
    pub modified_ns: i64,
}

/// Tells one file or folder from another that has its name later. Another may get it once the first one is removed and nobody
/// has it open any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    pub device: u64,
    pub inode: u64,
}

/// A file system. Handles are shared and positional, so no call needs `&mut`. The broker works through one that watches its
/// log dirs (`broker/watched_vfs.rs`): what is added here is to be passed on there.
pub trait Vfs: Send + Sync + 'static {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>>;
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    fn exists(&self, path: &Path) -> bool;
    fn stat(&self, path: &Path) -> io::Result<FileStat>;
    /// Which file or folder the path leads to.
    fn file_id(&self, path: &Path) -> io::Result<FileId>;
    /// Makes creations, renames and removals inside the folder survive a power loss.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// A folder in hand, for who must not find, once names have been changed, that there is no file handle to sync them.
    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn VfsDir>>;
    fn disk_space(&self, path: &Path) -> io::Result<DiskSpace>;

    /// The whole file. For small files only: checkpoints, properties.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path, OpenMode::READ)?;
        let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Replaces a small file so that a crash leaves either the old or the new content: temporary file,
    /// sync, rename, sync of the folder.
    fn write_atomically(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_file_name(format!("{}.tmp", path.file_name().unwrap_or_default().to_string_lossy()));
        let file = self.open(&temporary, OpenMode::TRUNCATE)?;
        file.write_all_at(bytes, 0)?;
        file.sync_all()?;
        self.rename(&temporary, path)?;
        match path.parent() {
            Some(parent) => self.sync_dir(parent),
            None => Ok(()),
        }
    }
}

/// An open folder.
pub trait VfsDir: Send + Sync {
    /// Like [`Vfs::sync_dir`], and needs no file handle.
    fn sync(&self) -> io::Result<()>;
}

/// An open file.
pub trait VfsFile: Send + Sync {
    /// Reads at most `buf.len()` bytes; 0 at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Reads into the free capacity of `buf`, which grows by what was read; 0 at the end of the file.
    fn append_to(&self, buf: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        let before = buf.len();
        buf.resize(buf.capacity(), 0);
        let read = self.read_at(&mut buf[before..], offset);
        buf.truncate(before + read.as_ref().unwrap_or(&0));
        read
    }
    /// Writes all of `buf` or fails; after a failure any part of it may be in the file.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;
    /// Like [`Self::write_all_at`], and may put up to so many zeros behind: room for what comes next, which makes small
    /// writes cheaper. Says how many it put; none is as good.
    fn write_all_with_zeros_at(&self, buf: &[u8], _zeros: u64, offset: u64) -> io::Result<u64> {
        self.write_all_at(buf, offset).map(|()| 0)
    }
    /// Takes disk space without making the file longer: a hint, so that a file that grows lies in one piece.
    fn reserve(&self, _offset: u64, _bytes: u64) {}
    fn len(&self) -> io::Result<u64>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the content durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Like [`Self::sync_data`], by a caller that has cut the file. To lack room is no failure of the disk then: the caller
    /// judges what it means for records that were not on disk before.
    fn sync_cut(&self) -> io::Result<()> {
        self.sync_data()
    }
    /// Makes content and attributes durable (`fsync`).
    fn sync_all(&self) -> io::Result<()>;
    /// The descriptor for `sendfile` and locks, where there is one.
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// To be told of an error that came while the descriptor was used without this trait.
    fn failed_elsewhere(&self, _error: &io::Error) {}
    /// Milliseconds since 1970 of the last change.
    fn modified_ms(&self) -> io::Result<i64>;

    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < buf.len() {
            match self.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
