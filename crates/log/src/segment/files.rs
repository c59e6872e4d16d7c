//! The files of one segment, opened when they are needed: the log file and its two indexes. They may be closed at any
//! time when nobody uses them (`handles.rs`), but not while the log file has writes that were not synced: an error that
//! the kernel met in writing them would be told to nobody.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use barnabas_common::Offset;
use barnabas_common::vfs::{OpenMode, Vfs, VfsFile};
use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard};

use super::handles::Handles;
use super::names;

/// Where a log lies, shared by all of its segments and by all who work for it without its lock.
pub(crate) struct Folder {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) path: Arc<Path>,
    pub(crate) handles: Arc<Handles>,
    is_left: RwLock<bool>,
}

/// As long as it lives, the path is the log's.
pub(crate) type InPlace<'a> = RwLockReadGuard<'a, bool>;

impl Folder {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, path: Arc<Path>, handles: Arc<Handles>) -> Arc<Folder> {
        Arc::new(Folder { vfs, path, handles, is_left: RwLock::new(false) })
    }

    /// To be held while a name in the folder is used by whoever does not hold the lock on the log. None if the log was given
    /// up: the path may lead to the folder of another one, whose topic has got the name.
    pub(crate) fn in_place(&self) -> Option<InPlace<'_>> {
        Some(self.is_left.read()).filter(|is_left| !**is_left)
    }

    /// The log is given up. Waits for those who are using a name.
    pub(crate) fn leave(&self) {
        *self.is_left.write() = true;
    }
}

/// One of the files of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Log,
    Index,
    TimeIndex,
}

/// Outcome of an attempt to close files.
pub(super) enum Closing {
    /// So many.
    Closed(usize),
    /// They have been used lately.
    InUse,
    /// The log file must be synced first.
    Unsynced,
}

pub(crate) struct Files {
    folder: Arc<Folder>,
    pub(crate) base_offset: Offset,
    open: Mutex<Open>,
    used: AtomicBool,
    /// The log file was written to since the last sync began.
    unsynced: AtomicBool,
    sync_failed: AtomicBool,
}

#[derive(Default)]
struct Open {
    files: [Option<Arc<dyn VfsFile>>; 3],
    /// Whether the hand passes by.
    is_watched: bool,
    /// The names are not the segment's any more: what is closed cannot be opened again.
    is_removed: bool,
}

impl Part {
    fn extension(self) -> &'static str {
        match self {
            Self::Log => names::LOG,
            Self::Index => names::INDEX,
            Self::TimeIndex => names::TIME_INDEX,
        }
    }
}

impl Files {
    pub(crate) fn new(folder: Arc<Folder>, base_offset: Offset) -> Arc<Files> {
        Arc::new(Files {
            folder,
            base_offset,
            open: Mutex::default(),
            used: AtomicBool::new(false),
            unsynced: AtomicBool::new(false),
            sync_failed: AtomicBool::new(false),
        })
    }

    pub(crate) fn path(&self, part: Part) -> PathBuf {
        names::file_path(&self.folder.path, self.base_offset, part.extension())
    }

    /// The log file. Who holds it keeps it open, even if the segment is deleted meanwhile.
    pub(crate) fn log(self: &Arc<Self>) -> io::Result<Arc<dyn VfsFile>> {
        self.get(Part::Log, OpenMode::WRITE)
    }

    /// A file that exists.
    pub(crate) fn existing(self: &Arc<Self>, part: Part) -> io::Result<Arc<dyn VfsFile>> {
        self.get(part, OpenMode::WRITE)
    }

    /// A file, created if need be.
    pub(crate) fn created(self: &Arc<Self>, part: Part) -> io::Result<Arc<dyn VfsFile>> {
        self.get(part, OpenMode::CREATE)
    }

    /// The log file, empty.
    pub(crate) fn truncated(self: &Arc<Self>) -> io::Result<Arc<dyn VfsFile>> {
        self.close(&mut self.open.lock());
        self.get(Part::Log, OpenMode::TRUNCATE)
    }

    fn get(self: &Arc<Self>, part: Part, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let mut open = self.open.lock();
        if let Some(file) = &open.files[part as usize] {
            if !self.used.load(Ordering::Relaxed) {
                self.used.store(true, Ordering::Relaxed);
            }
            return Ok(file.clone());
        }
        let in_place = self.folder.in_place();
        if open.is_removed || in_place.is_none() {
            let what = format!("{} was deleted; the log is to be asked again", self.path(part).display());
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, what));
        }
        let path = self.path(part);
        let file = self.folder.handles.open(|| self.folder.vfs.open(&path, mode))?;
        open.files[part as usize] = Some(file.clone());
        self.watch(&mut open);
        Ok(file)
    }

    /// Takes over a log file that is open already.
    pub(crate) fn adopt(self: &Arc<Self>, log: Arc<dyn VfsFile>) {
        let mut open = self.open.lock();
        open.files[Part::Log as usize] = Some(log);
        self.folder.handles.opened();
        self.watch(&mut open);
    }

    fn watch(self: &Arc<Self>, open: &mut MutexGuard<'_, Open>) {
        if !open.is_watched {
            open.is_watched = true;
            self.folder.handles.watch(Arc::downgrade(self));
        }
    }

    /// Cuts the log file or makes it longer.
    pub(crate) fn set_log_len(self: &Arc<Self>, len: u64) -> io::Result<()> {
        let log = self.log()?;
        let done = log.set_len(len);
        self.was_written();
        done
    }

    /// To be called after a write, with the file still in hand.
    pub(crate) fn was_written(&self) {
        if !self.unsynced.load(Ordering::Relaxed) {
            self.unsynced.store(true, Ordering::Relaxed);
        }
    }

    /// Makes what was written to the log file durable.
    pub(crate) fn sync(self: &Arc<Self>) -> io::Result<()> {
        self.sync_file(&*self.log()?)
    }

    /// Makes it durable that the log file was cut. It may be tried again after errors that `may_be_repeated` says so of.
    pub(crate) fn sync_cut(self: &Arc<Self>, may_be_repeated: impl Fn(&io::Error) -> bool) -> io::Result<()> {
        let log = self.log()?;
        self.sync_by(|| log.sync_cut(), may_be_repeated)
    }

    fn sync_file(&self, log: &dyn VfsFile) -> io::Result<()> {
        self.sync_by(|| log.sync_data(), |_| false)
    }

    fn sync_by(
        &self,
        sync: impl FnOnce() -> io::Result<()>,
        may_be_repeated: impl Fn(&io::Error) -> bool,
    ) -> io::Result<()> {
        if self.sync_failed.load(Ordering::Relaxed) {
            return Err(io::Error::other(format!("an earlier sync of {} failed", self.path(Part::Log).display())));
        }
        self.unsynced.store(false, Ordering::Relaxed);
        sync().inspect_err(|error| {
            self.sync_failed.fetch_or(!may_be_repeated(error), Ordering::Relaxed);
            self.was_written();
        })
    }

    /// The names of the files are about to be given up, or to something else. Those who still read the segment go on with
    /// what is open then.
    pub(crate) fn removed(self: &Arc<Self>, is_read: bool) {
        if is_read && !self.open.lock().is_removed {
            for part in [Part::Log, Part::Index, Part::TimeIndex] {
                let _ = self.existing(part);
            }
        }
        self.open.lock().is_removed = true;
    }

    /// Gives a handle back; the next use opens the file again.
    pub(crate) fn release(&self, part: Part) {
        let released = self.open.lock().files[part as usize].take();
        self.folder.handles.closed(usize::from(released.is_some()));
    }

    /// Gives all handles back.
    pub(crate) fn release_all(&self) {
        self.close(&mut self.open.lock());
    }

    /// Closes the files, unless somebody holds one of them or used one since the last call.
    pub(super) fn close_if_idle(&self) -> Closing {
        let Some(mut open) = self.open.try_lock() else { return Closing::InUse };
        if open.files.iter().all(Option::is_none) {
            open.is_watched = false;
            return Closing::Closed(0);
        }
        if self.used.swap(false, Ordering::Relaxed) || open.is_removed {
            return Closing::InUse;
        }
        // Who wrote has said so before letting go of the file.
        if !open.files.iter_mut().flatten().all(|file| Arc::get_mut(file).is_some()) {
            return Closing::InUse;
        }
        if self.unsynced.load(Ordering::Relaxed) {
            return Closing::Unsynced;
        }
        open.is_watched = false;
        Closing::Closed(self.close(&mut open))
    }

    /// Syncs and closes the log file, if that is possible; returns how many files were closed.
    pub(super) fn sync_and_close(&self) -> usize {
        let Some(mut open) = self.open.try_lock() else { return 0 };
        let Some(log) = &mut open.files[Part::Log as usize] else { return 0 };
        let is_closable = Arc::get_mut(log).is_some_and(|log| self.sync_file(log).is_ok());
        if is_closable { self.close(&mut open) } else { 0 }
    }

    fn close(&self, open: &mut Open) -> usize {
        let count = open.files.iter_mut().filter_map(Option::take).count();
        self.folder.handles.closed(count);
        count
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let count = self.open.get_mut().files.iter().flatten().count();
        self.folder.handles.closed(count);
    }
}
