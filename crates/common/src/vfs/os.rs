//! The operating system's files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rustix::fs::FallocateFlags;

use super::{DirEntry, DiskSpace, FileId, FileStat, OpenMode, Vfs, VfsDir, VfsFile};

/// What is put behind a write at most.
static ZEROS: [u8; 128 << 10] = [0; 128 << 10];

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsVfs;

impl Vfs for OsVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(mode.write || mode.create)
            .create(mode.create)
            .truncate(mode.truncate)
            .open(path)?;
        Ok(Arc::new(OsFile(file)))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        fs::read_dir(path)?
            .map(|entry| {
                let entry = entry?;
                Ok(DirEntry {
                    name: entry.file_name().to_string_lossy().into_owned(),
                    is_dir: entry.file_type()?.is_dir(),
                })
            })
            .collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn stat(&self, path: &Path) -> io::Result<FileStat> {
        let found = fs::metadata(path)?;
        let modified = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(FileStat { len: found.len(), modified_ns: i64::try_from(modified.as_nanos()).unwrap_or(i64::MAX) })
    }

    fn file_id(&self, path: &Path) -> io::Result<FileId> {
        let found = fs::metadata(path)?;
        Ok(FileId { device: found.dev(), inode: found.ino() })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn VfsDir>> {
        Ok(Box::new(OsDir(File::open(path)?)))
    }

    fn disk_space(&self, path: &Path) -> io::Result<DiskSpace> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(DiskSpace { total_bytes: stat.f_blocks * stat.f_frsize, usable_bytes: stat.f_bavail * stat.f_frsize })
    }
}

struct OsDir(File);

impl VfsDir for OsDir {
    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[derive(Debug)]
struct OsFile(File);

impl VfsFile for OsFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn append_to(&self, buf: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        if buf.len() == buf.capacity() {
            return Ok(0);
        }
        // Into memory that nobody has written before: zeroing it first costs as much as a copy.
        Ok(rustix::io::pread(&self.0, rustix::buffer::spare_capacity(buf), offset)?)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buf, offset)
    }

    fn write_all_with_zeros_at(&self, buf: &[u8], zeros: u64, offset: u64) -> io::Result<u64> {
        let zeros = &ZEROS[..ZEROS.len().min(usize::try_from(zeros).unwrap_or(usize::MAX))];
        let slices = [IoSlice::new(buf), IoSlice::new(zeros)];
        let written = if zeros.is_empty() { 0 } else { rustix::io::pwritev(&self.0, &slices, offset).unwrap_or(0) };
        match written.checked_sub(buf.len()) {
            Some(zeros) => Ok(zeros as u64),
            None => self.0.write_all_at(&buf[written..], offset + written as u64).map(|()| 0),
        }
    }

    fn reserve(&self, offset: u64, bytes: u64) {
        // Not every file system can, and a full disk tells those who write.
        let _ = rustix::fs::fallocate(&self.0, FallocateFlags::KEEP_SIZE, offset, bytes);
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }

    fn modified_ms(&self) -> io::Result<i64> {
        let modified = self.0.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(modified.as_millis()).unwrap_or(i64::MAX))
    }
}
