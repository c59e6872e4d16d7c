//! The file system that a broker works on: passes every call on, notices when a log dir fails, and lets nothing be
//! written to one that has. So no room below has to know of log dirs, and none can forget to look.
//!
//! **Invariant:** every method of the traits is passed on here that is not made of others.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use barnabas_common::vfs::{DirEntry, DiskSpace, FileId, FileStat, OpenMode, Vfs, VfsDir, VfsFile};
use rustix::io::Errno;

use crate::dir_presence::is_missing;
use crate::watched_dirs::{WatchedDir, WatchedDirs};

/// A file system that watches the log dirs.
pub(crate) struct WatchedVfs {
    inner: Arc<dyn Vfs>,
    dirs: Arc<WatchedDirs>,
}

impl WatchedVfs {
    pub(crate) fn new(inner: Arc<dyn Vfs>, dirs: Arc<WatchedDirs>) -> Self {
        Self { inner, dirs }
    }

    /// A call that may change what is there.
    fn changing<T>(&self, path: &Path, what: &str, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let Some(dir) = self.dirs.of(path) else { return call() };
        dir.check_in_use()?;
        call().inspect_err(|error| dir.look_at(error, || format!("{what} {} failed", path.display())))
    }

    /// A call that makes a name. There must be none where a folder was that is gone: a volume may have been mounted there.
    fn creating<T>(&self, path: &Path, what: &str, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if let Some(dir) = self.dirs.of(path).filter(|dir| !dir.has_failed()) {
            dir.check_folder();
        }
        self.changing(path, what, call)
    }

    /// A call that only looks.
    fn looking<T>(&self, path: &Path, what: &str, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        call().inspect_err(|error| {
            if let Some(dir) = self.dirs.of(path) {
                dir.look_at(error, || format!("{what} {} failed", path.display()));
            }
        })
    }
}

impl WatchedDir {
    /// Takes the dir out of use if its folder is gone.
    fn check_folder(&self) {
        if let Err(error) = self.look_for_folder() {
            self.look_at(&error, || format!("looking at {} failed", self.path().display()));
        }
    }

    /// A segment could not be made or opened because the folder of its partition is not there.
    fn missed_folder_of(&self, segment: &Path, vfs: &dyn Vfs) {
        if let Some(folder) = segment.parent()
            && !self.has_failed()
            && vfs.file_id(folder).is_err_and(|error| is_missing(&error))
        {
            self.is_gone(&format!(
                "the folder {} of a partition that is in use was removed or renamed",
                folder.display()
            ));
        }
    }

    fn check_in_use(&self) -> io::Result<()> {
        match self.failure() {
            None => Ok(()),
            Some(reason) => {
                let dir = self.path().display();
                Err(io::Error::other(format!("the log dir {dir} is out of use until a restart: {reason}")))
            }
        }
    }

    /// Takes the dir out of use if the error is one of the disk rather than of this one file.
    pub(crate) fn look_at(&self, error: &io::Error, what: impl FnOnce() -> String) {
        if is_of_the_disk(error) {
            self.fail(&format!("{}: {error}", what()));
        } else if is_missing(error) && !self.has_failed() {
            self.check_folder();
        }
    }

    /// A failed sync takes the dir out of use, whatever the reason: the kernel may have dropped what it could not write,
    /// and the next sync would not say so.
    fn sync_failed(&self, error: &io::Error, what: impl FnOnce() -> String) {
        self.fail(&format!("{}: {error}", what()));
    }

    fn folder_sync_failed(&self, error: &io::Error, path: &Path) {
        if is_missing(error) {
            self.look_at(error, String::new);
        } else if !is_of_the_open(error) {
            self.sync_failed(error, || format!("syncing {} failed", path.display()));
        }
    }
}

/// A folder in hand.
struct WatchedFolder {
    inner: Box<dyn VfsDir>,
    dir: Arc<WatchedDir>,
    path: PathBuf,
}

impl VfsDir for WatchedFolder {
    fn sync(&self) -> io::Result<()> {
        self.dir.check_in_use()?;
        self.inner.sync().inspect_err(|error| self.dir.folder_sync_failed(error, &self.path))
    }
}

/// Errors after which nothing on the device is to be trusted. A full disk is none of them: that passes.
fn is_of_the_disk(error: &io::Error) -> bool {
    let of_linux =
        cfg!(target_os = "linux") && error.raw_os_error() == Some(117 /* EUCLEAN: damaged structures */);
    let errno = Errno::from_io_error(error);
    of_linux
        || matches!(errno, Some(Errno::IO | Errno::NXIO | Errno::NODEV | Errno::ROFS | Errno::STALE | Errno::NOTCONN))
}

/// Opening a folder to sync it can fail for reasons that say nothing about the disk: it was renamed or removed meanwhile,
/// or there are no more handles.
fn is_of_the_open(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::MFILE | Errno::NFILE | Errno::ACCESS | Errno::NOMEM))
        || matches!(error.kind(), io::ErrorKind::NotFound)
}

impl Vfs for WatchedVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let open = || self.inner.open(path, mode);
        let opened = match mode {
            OpenMode::READ => self.looking(path, "opening", open),
            OpenMode { create: true, .. } => self.creating(path, "creating", open),
            _ => self.changing(path, "opening", open),
        };
        let file = opened.inspect_err(|error| {
            let is_to_write = mode != OpenMode::READ && is_missing(error) && is_open_segment(path);
            if let Some(dir) = self.dirs.of(path).filter(|_| is_to_write) {
                dir.missed_folder_of(path, &*self.inner);
            }
        })?;
        Ok(match self.dirs.of(path) {
            Some(dir) if is_segment(path) => Arc::new(WatchedFile::<true> { inner: file, dir: Arc::clone(dir) }),
            Some(dir) => Arc::new(WatchedFile::<false> { inner: file, dir: Arc::clone(dir) }),
            None => file,
        })
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.creating(path, "creating", || self.inner.create_dir_all(path))
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.looking(path, "listing", || self.inner.read_dir(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.creating(from, "renaming", || self.inner.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.changing(path, "removing", || self.inner.remove_file(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.changing(path, "removing", || self.inner.remove_dir_all(path))
    }

    fn exists(&self, path: &Path) -> bool {
        self.inner.exists(path)
    }

    fn stat(&self, path: &Path) -> io::Result<FileStat> {
        self.looking(path, "looking at", || self.inner.stat(path))
    }

    fn file_id(&self, path: &Path) -> io::Result<FileId> {
        self.looking(path, "looking at", || self.inner.file_id(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let Some(dir) = self.dirs.of(path) else { return self.inner.sync_dir(path) };
        dir.check_in_use()?;
        self.inner.sync_dir(path).inspect_err(|error| dir.folder_sync_failed(error, path))
    }

    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn VfsDir>> {
        let Some(dir) = self.dirs.of(path) else { return self.inner.open_dir(path) };
        let inner = self.changing(path, "opening", || self.inner.open_dir(path))?;
        Ok(Box::new(WatchedFolder { inner, dir: Arc::clone(dir), path: path.to_owned() }))
    }

    fn disk_space(&self, path: &Path) -> io::Result<DiskSpace> {
        self.looking(path, "asking for the free space of", || self.inner.disk_space(path))
    }
}

/// Whether a file holds the records of a segment that is appended to: those of a cleaner may be of a topic that is deleted.
fn is_open_segment(path: &Path) -> bool {
    is_segment(path) && path.extension().is_some_and(|ending| ending == "log")
}

/// Whether a file holds the records of a segment, or will when a cleaner has completed it.
fn is_segment(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_at_checked(20));
    name.is_some_and(|(offset, ending)| {
        matches!(ending, ".log" | ".log.cleaned") && offset.bytes().all(|b| b.is_ascii_digit())
    })
}

/// What kind of file it is costs no memory, of which there is some for every open file.
struct WatchedFile<const IS_SEGMENT: bool> {
    inner: Arc<dyn VfsFile>,
    dir: Arc<WatchedDir>,
}

impl<const IS_SEGMENT: bool> WatchedFile<IS_SEGMENT> {
    fn failed(&self, what: &str) -> String {
        format!("{what} {} failed", name_of(&*self.inner).unwrap_or_else(|| "one of its files".to_owned()))
    }

    fn looked_at<T>(&self, what: &str, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.dir.look_at(error, || self.failed(what)))
    }

    fn synced(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.timed(sync)?.inspect_err(|error| self.dir.sync_failed(error, || self.failed("syncing")))
    }

    /// How it ended; an error of its own if the dir is out of use.
    fn timed(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<io::Result<()>> {
        self.dir.check_in_use()?;
        let began = IS_SEGMENT.then(Instant::now);
        let synced = sync();
        if let Some(began) = began {
            self.dir.segment_syncs.record(began.elapsed());
        }
        Ok(synced)
    }
}

/// What a file is called now, for messages: keeping its path would cost memory for every open file.
fn name_of(file: &dyn VfsFile) -> Option<String> {
    let link = PathBuf::from(format!("/proc/self/fd/{}", file.fd()?.as_raw_fd()));
    std::fs::read_link(link).ok().map(|path| path.display().to_string())
}

impl<const IS_SEGMENT: bool> VfsFile for WatchedFile<IS_SEGMENT> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.looked_at("reading", self.inner.read_at(buf, offset))
    }

    fn append_to(&self, buf: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        self.looked_at("reading", self.inner.append_to(buf, offset))
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.dir.check_in_use()?;
        let written = self.inner.write_all_at(buf, offset);
        self.dir.space.wrote(buf.len() as u64);
        self.looked_at("writing", written)
    }

    fn write_all_with_zeros_at(&self, buf: &[u8], zeros: u64, offset: u64) -> io::Result<u64> {
        self.dir.check_in_use()?;
        // Where room is short it is not taken ahead.
        let zeros = if self.dir.space.refuses() { 0 } else { zeros };
        let written = self.inner.write_all_with_zeros_at(buf, zeros, offset);
        self.dir.space.wrote(buf.len() as u64 + zeros);
        self.looked_at("writing", written)
    }

    fn reserve(&self, offset: u64, bytes: u64) {
        // Near the end there is nothing to take in advance: it would be given back, and producers let in again for moments.
        if !self.dir.has_failed() && !self.dir.space.refuses() && self.dir.space.is_ample_for(bytes) {
            self.inner.reserve(offset, bytes);
            self.dir.space.wrote(bytes);
        }
    }

    fn len(&self) -> io::Result<u64> {
        self.looked_at("looking at", self.inner.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.dir.check_in_use()?;
        self.looked_at("writing", self.inner.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.synced(|| self.inner.sync_data())
    }

    fn sync_cut(&self) -> io::Result<()> {
        self.timed(|| self.inner.sync_cut())?.inspect_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {}
            _ => self.dir.sync_failed(error, || self.failed("syncing")),
        })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.synced(|| self.inner.sync_all())
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inner.fd()
    }

    fn modified_ms(&self) -> io::Result<i64> {
        self.looked_at("looking at", self.inner.modified_ms())
    }

    fn failed_elsewhere(&self, error: &io::Error) {
        self.dir.look_at(error, || self.failed("reading"));
    }
}

#[cfg(test)]
mod tests {
    use barnabas_common::vfs::{Fault, FaultOp, MemVfs};

    use super::*;
    use crate::disk_space::Reserve;

    const EIO: i32 = 5;
    const ENOSPC: i32 = 28;

    fn watched() -> (MemVfs, WatchedVfs, Arc<WatchedDirs>) {
        let vfs = MemVfs::new();
        let inner: Arc<dyn Vfs> = Arc::new(vfs.clone());
        let paths = ["/a".into(), "/b".into()];
        let dirs = Arc::new(WatchedDirs::new(&inner, &paths, Path::new("/a"), Reserve::Automatic));
        let watched = WatchedVfs::new(inner, Arc::clone(&dirs));
        watched.create_dir_all(Path::new("/a")).unwrap();
        watched.create_dir_all(Path::new("/b")).unwrap();
        (vfs, watched, dirs)
    }

    fn fault(vfs: &MemVfs, op: FaultOp, errno: i32) {
        vfs.inject(Fault { op, skip: 0, times: 1, errno });
    }

    fn failed(dirs: &WatchedDirs) -> [bool; 2] {
        [dirs.log_dirs()[0].has_failed(), dirs.log_dirs()[1].has_failed()]
    }

    #[test]
    fn a_broken_disk_is_noticed_at_every_kind_of_call_and_takes_no_more_writes() {
        for (op, errno) in [
            (FaultOp::Read, EIO),
            (FaultOp::Write, EIO),
            (FaultOp::Sync, EIO),
            // What could not be brought to disk may be gone from memory as well.
            (FaultOp::Sync, ENOSPC),
        ] {
            let (vfs, watched, dirs) = watched();
            let file = watched.open(Path::new("/b/f"), OpenMode::CREATE).unwrap();
            file.write_all_at(b"abc", 0).unwrap();
            fault(&vfs, op, errno);
            let results = [file.read_at(&mut [0; 3], 0).map(drop), file.write_all_at(b"d", 3), file.sync_data()];
            assert!(results.iter().any(Result::is_err));
            assert_eq!(failed(&dirs), [false, true], "{op:?} {errno}");
            vfs.clear_faults();
            assert!(file.write_all_at(b"d", 3).is_err() && file.sync_data().is_err() && file.set_len(0).is_err());
            assert!(watched.open(Path::new("/b/g"), OpenMode::CREATE).is_err());
            assert!(watched.write_atomically(Path::new("/b/h"), b"x").is_err());
            assert!(watched.rename(Path::new("/b/f"), Path::new("/b/g")).is_err());
            assert!(watched.remove_file(Path::new("/b/f")).is_err());
            assert_eq!(file.read_at(&mut [0; 3], 0).unwrap(), 3, "reading harms nobody");
            watched.write_atomically(Path::new("/a/h"), b"x").unwrap();
        }
    }

    #[test]
    fn a_full_disk_and_a_folder_that_went_are_no_broken_disk() {
        let (vfs, watched, dirs) = watched();
        let file = watched.open(Path::new("/b/f"), OpenMode::CREATE).unwrap();
        fault(&vfs, FaultOp::Write, ENOSPC);
        assert_eq!(file.write_all_at(b"d", 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(watched.sync_dir(Path::new("/b/gone")).is_err());
        assert!(watched.open(Path::new("/b/gone"), OpenMode::READ).is_err());
        assert_eq!(failed(&dirs), [false, false]);
        file.write_all_at(b"d", 0).unwrap();
    }

    #[test]
    fn syncs_of_segments_are_counted_and_no_others() {
        let (_, watched, dirs) = watched();
        let counted = || dirs.segment_syncs.counts().total();
        watched.create_dir_all(Path::new("/b/t-0")).unwrap();
        let open = |name: &str| watched.open(&Path::new("/b/t-0").join(name), OpenMode::CREATE).unwrap();
        for (name, expected) in [("00000000000000000042.log", 1), ("00000000000000000000.log.cleaned", 2)] {
            open(name).sync_data().unwrap();
            assert_eq!(counted(), expected, "{name}");
        }
        for name in ["00000000000000000042.index", "0000000000000000004x.log", "x.log", "partition.metadata", "ä.log"]
        {
            open(name).sync_all().unwrap();
        }
        watched.open(Path::new("/a/barnabas-journal-1"), OpenMode::CREATE).unwrap().sync_data().unwrap();
        watched.sync_dir(Path::new("/b/t-0")).unwrap();
        assert_eq!(counted(), 2);
        open("00000000000000000043.log").sync_all().unwrap();
        assert_eq!(counted(), 3);
    }

    #[test]
    fn folders_are_watched_like_files() {
        for op in [FaultOp::Open, FaultOp::Rename, FaultOp::Remove, FaultOp::Sync] {
            let (vfs, watched, dirs) = watched();
            watched.open(Path::new("/a/f"), OpenMode::CREATE).unwrap();
            fault(&vfs, op, EIO);
            let results = [
                watched.open(Path::new("/a/f"), OpenMode::READ).map(drop),
                watched.rename(Path::new("/a/f"), Path::new("/a/g")),
                watched.sync_dir(Path::new("/a")),
                watched.remove_file(Path::new("/a/g")),
            ];
            assert!(results.iter().any(Result::is_err));
            assert_eq!(failed(&dirs), [true, false], "{op:?}");
        }
    }
}
