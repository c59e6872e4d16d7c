//! The log dirs as everybody who touches them sees them: whether one has failed, whether it is nearly full. Shared by the file system that tells
//! (`watched_vfs.rs`) and by those who ask. What follows from a failure is in `dir_failure.rs`, from a lack of room in `disk_space.rs`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use barnabas_common::TopicPartition;
use barnabas_common::vfs::Vfs;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::error;

use crate::dir_presence::Presence;
use crate::disk_space::{Reserve, Space};
use crate::known_dirs::AbsentDirs;
use crate::metrics::Histogram;

struct Failure {
    reason: String,
    /// It is not that the disk is broken: the folder is not there any more.
    is_gone: bool,
}

/// One log dir.
pub(crate) struct WatchedDir {
    path: PathBuf,
    /// Why nothing may be written there any more; set once.
    failure: OnceLock<Failure>,
    /// How many log dirs are in use, if it is one of them.
    in_use: Option<Arc<AtomicUsize>>,
    holds_metadata: bool,
    presence: Presence,
    /// Partitions that went offline with it.
    taken_out: Mutex<BTreeSet<TopicPartition>>,
    changed: Arc<Notify>,
    pub(crate) space: Space,
    /// How long syncs of segments take, in all dirs together.
    pub(crate) segment_syncs: Arc<Histogram>,
}

impl WatchedDir {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Why the dir is out of use, if it is.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(|failure| failure.reason.as_str())
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    pub(crate) fn took_out(&self, partition: &TopicPartition) {
        self.taken_out.lock().insert(partition.clone());
    }

    /// Takes the dir out of use until a restart. From here on nothing is written there; its partitions follow soon. May be
    /// called with any lock held, and any number of times: the first reason counts.
    pub(crate) fn fail(&self, reason: &str) {
        if self.fail_untold(reason) {
            self.tell_failure();
        }
    }

    /// The same for a folder that is not there any more.
    pub(crate) fn is_gone(&self, reason: &str) {
        if self.set_failure(Failure { reason: format!("it is gone: {reason}"), is_gone: true }) {
            self.tell_failure();
        }
    }

    /// Takes the dir out of use if its folder is not the one that was opened.
    pub(crate) fn look_for_folder(&self) -> io::Result<()> {
        self.presence.why_gone().map(|gone| gone.into_iter().for_each(|reason| self.is_gone(reason)))
    }

    /// The same from time to time, with more to look at.
    pub(crate) fn look_after_folder(&self) -> io::Result<()> {
        self.presence.why_gone_or_emptied().map(|gone| gone.into_iter().for_each(|reason| self.is_gone(reason)))
    }

    /// The same for those who tell it themselves, perhaps as the end of the broker. Whether it is the first failure.
    pub(crate) fn fail_untold(&self, reason: &str) -> bool {
        self.set_failure(Failure { reason: reason.to_owned(), is_gone: false })
    }

    fn set_failure(&self, failure: Failure) -> bool {
        let is_first = self.failure.set(failure).is_ok();
        if is_first {
            if let Some(in_use) = &self.in_use {
                in_use.fetch_sub(1, Ordering::Relaxed);
            }
            self.changed.notify_one();
        }
        is_first
    }

    /// How to go on after its failure.
    pub(crate) fn advice(&self) -> &'static str {
        match self.failure.get() {
            Some(Failure { is_gone: true, .. }) => "put the folder back or mount its volume again, then start again",
            _ => "mend or replace the disk, then start again",
        }
    }

    /// What becomes of the broker without it.
    fn consequence(&self) -> &'static str {
        match &self.in_use {
            _ if self.holds_metadata => "It holds the metadata: the broker ends.",
            Some(in_use) if in_use.load(Ordering::Relaxed) == 0 => "No log dir is left: the broker ends.",
            _ => "Its partitions answer KAFKA_STORAGE_ERROR, other log dirs are served.",
        }
    }

    pub(crate) fn tell_failure(&self) {
        let Some(Failure { reason, is_gone }) = self.failure.get() else { return };
        let (path, consequence) = (self.path.display(), self.consequence());
        let advice = if *is_gone {
            "What was acknowledged after it went has no file any more; it is looked for every second. Nothing is written at this \
             path from now on: put the folder back or mount its volume again, then restart"
        } else {
            "What a disk keeps after such an error is not known, so it is not tried again: look at the disk (dmesg, smartctl), \
             mend or replace it, then restart"
        };
        error!("the log dir {path} is out of use until a restart: {reason}. {consequence} {advice}");
    }
}

/// All log dirs of a broker, and that of the metadata log.
pub(crate) struct WatchedDirs {
    /// In the order of `log.dirs`; that of the metadata follows, unless it is one of them.
    dirs: Vec<Arc<WatchedDir>>,
    log_dirs: usize,
    metadata: usize,
    changed: Arc<Notify>,
    /// How many have less room than their reserve, and how many had none for an append.
    refusing: Arc<AtomicUsize>,
    pub(crate) segment_syncs: Arc<Histogram>,
    /// Those that this broker has had and that are missing, if any.
    absent: OnceLock<AbsentDirs>,
}

impl WatchedDirs {
    pub(crate) fn new(vfs: &Arc<dyn Vfs>, log_dirs: &[PathBuf], metadata_dir: &Path, reserve: Reserve) -> Self {
        let changed = Arc::new(Notify::new());
        let refusing = Arc::new(AtomicUsize::new(0));
        let segment_syncs = Arc::<Histogram>::default();
        let in_use = Arc::new(AtomicUsize::new(log_dirs.len()));
        let watched = |path: &Path| {
            Arc::new(WatchedDir {
                failure: OnceLock::new(),
                in_use: log_dirs.iter().any(|dir| dir == path).then(|| Arc::clone(&in_use)),
                holds_metadata: path == metadata_dir,
                presence: Presence::new(Arc::clone(vfs), path.to_owned()),
                taken_out: Mutex::default(),
                changed: Arc::clone(&changed),
                space: Space::new(Arc::clone(vfs), path.to_owned(), reserve, log_dirs.len(), Arc::clone(&refusing)),
                segment_syncs: Arc::clone(&segment_syncs),
                path: path.to_owned(),
            })
        };
        let mut dirs: Vec<_> = log_dirs.iter().map(|path| watched(path)).collect();
        let metadata = log_dirs.iter().position(|path| path == metadata_dir).unwrap_or(dirs.len());
        if metadata == dirs.len() {
            dirs.push(watched(metadata_dir));
        }
        Self { dirs, log_dirs: log_dirs.len(), metadata, changed, refusing, segment_syncs, absent: OnceLock::new() }
    }

    /// Those that hold partitions.
    pub(crate) fn log_dirs(&self) -> &[Arc<WatchedDir>] {
        &self.dirs[..self.log_dirs]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<WatchedDir>> {
        self.dirs.iter()
    }

    /// Whether there is one with less room than its reserve, or that had none for an append.
    pub(crate) fn any_refuses(&self) -> bool {
        self.refusing.load(Ordering::Relaxed) != 0
    }

    /// The one that holds the metadata log.
    pub(crate) fn metadata(&self) -> &Arc<WatchedDir> {
        &self.dirs[self.metadata]
    }

    /// The one that a file or folder is in.
    pub(crate) fn of(&self, path: &Path) -> Option<&Arc<WatchedDir>> {
        // One log dir may lie inside of another.
        let holders = self.dirs.iter().filter(|dir| path.starts_with(&dir.path));
        holders.max_by_key(|dir| dir.path.as_os_str().len())
    }

    /// Whether a partition is offline because its dir failed or is missing, and not because of itself.
    pub(crate) fn took_out(&self, partition: &TopicPartition) -> bool {
        self.dirs.iter().any(|dir| dir.taken_out.lock().contains(partition))
            || self.absent().is_some_and(|absent| absent.has_taken_out(partition))
    }

    pub(crate) fn are_absent(&self, absent: AbsentDirs) {
        let _ = self.absent.set(absent);
    }

    /// Those that this broker has had and that are missing since the start, if any.
    pub(crate) fn absent(&self) -> Option<&AbsentDirs> {
        self.absent.get()
    }

    /// From here on the folders that are there now are expected to stay.
    pub(crate) fn expect_folders(&self) {
        for dir in self.dirs.iter().filter(|dir| !dir.has_failed()) {
            if let Err(error) = dir.presence.expect() {
                dir.fail(&format!("looking at it failed: {error}"));
            }
        }
    }

    /// Waits for the next failure.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use barnabas_common::vfs::MemVfs;

    use super::*;

    fn dirs(paths: &[PathBuf], metadata: &str) -> WatchedDirs {
        let vfs: Arc<dyn Vfs> = Arc::new(MemVfs::new());
        WatchedDirs::new(&vfs, paths, Path::new(metadata), Reserve::Automatic)
    }

    #[test]
    fn a_path_belongs_to_the_innermost_dir() {
        let paths = ["/data", "/data/fast", "/other"].map(PathBuf::from);
        let dirs = dirs(&paths, "/meta");
        let holder = |path: &str| dirs.of(Path::new(path)).map(|dir| dir.path().to_owned());
        assert_eq!(holder("/data/t-0/1.log"), Some(paths[0].clone()));
        assert_eq!(holder("/data/fast/t-0"), Some(paths[1].clone()));
        assert_eq!(holder("/data/faster"), Some(paths[0].clone()));
        assert_eq!(holder("/meta/x"), Some("/meta".into()));
        assert_eq!(holder("/elsewhere"), None);
        assert_eq!(dirs.log_dirs().len(), 3);
        assert_eq!(dirs.metadata().path(), Path::new("/meta"));
    }

    #[test]
    fn the_first_reason_of_a_failure_counts() {
        let dirs = dirs(&["/data".into()], "/data");

        dirs.metadata().fail("first");
        dirs.metadata().fail("second");
        assert_eq!(dirs.log_dirs()[0].failure(), Some("first"));
    }
}
