//! The stop before a disk is full: below a reserve of free space the partitions of a log dir take no more from producers,
//! so that there is room left for what mends it: commits, deletions, changes of the configuration. It goes on by itself
//! when there is room again.
//!
//! A disk can get full all the same: with the reserve switched off, or when others are faster. Then every append is tried,
//! and what becomes of it is noted here for metrics.
//!
//! Every write through `watched_vfs.rs` is counted, and after so many bytes that the reserve may be near the free space is
//! looked at again, at once: however fast producers are, they do not get past it unnoticed. Others that fill the disk are
//! noticed by looking from time to time.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use barnabas_common::ErrorCode;
use barnabas_common::vfs::{DiskSpace, Vfs};
use barnabas_log::AppendError;
use barnabas_metadata::{ApiError, CreateTopicsItem};
use barnabas_replica::Partition;
use parking_lot::Mutex;
use tracing::{error, info, warn};

use crate::broker::Broker;
use crate::watched_dirs::{WatchedDir, WatchedDirs};
use crate::{dir_failure, topics};

pub(crate) const RESERVE_KEY: &str = "barnabas.disk.reserve.bytes";
/// How often the free space is looked at while there is enough, and while there is not.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_FOR_ROOM_EVERY: Duration = Duration::from_millis(200);
/// Unless configured: the smaller of these two.
const LARGEST_DEFAULT_RESERVE_BYTES: u64 = 1 << 30;
const DEFAULT_RESERVE_SHARE: u64 = 20;
/// Fewer bytes are not worth a look. What a dir can get past its reserve is this, and what several producers write at the
/// same time.
const SMALLEST_STEP_BYTES: u64 = 16 << 10;
/// So much more free space tells that a full disk has room again, if nobody tries.
const SMALLEST_ROOM_BYTES: u64 = 1 << 20;

/// How much of a volume is kept free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserve {
    Automatic,
    Bytes(u64),
}

impl Reserve {
    /// From the value of the key: negative means automatic.
    pub(crate) fn from_setting(bytes: i64) -> Self {
        u64::try_from(bytes).map_or(Self::Automatic, Self::Bytes)
    }

    fn of(self, total_bytes: u64) -> u64 {
        match self {
            Self::Automatic => (total_bytes / DEFAULT_RESERVE_SHARE).min(LARGEST_DEFAULT_RESERVE_BYTES),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The free space of one log dir.
pub(crate) struct Space {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
    reserve: Reserve,
    /// Dirs that lie on the same volume, perhaps: what one of them writes all of them have less.
    neighbours: u64,
    written: AtomicU64,
    look_at: AtomicU64,
    refuses: AtomicBool,
    /// There was no room for an append, and none has succeeded since: with so much free space that is taken to be over.
    /// 0: there was room.
    full_until: AtomicU64,
    /// How many dirs refuse, and how many are full.
    refusing: Arc<AtomicUsize>,
    /// Appends that were refused for lack of room, in one way or the other.
    refused: AtomicU64,
    last: Mutex<Option<DiskSpace>>,
}

impl Space {
    pub(crate) fn new(
        vfs: Arc<dyn Vfs>,
        path: PathBuf,
        reserve: Reserve,
        neighbours: usize,
        refusing: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            vfs,
            path,
            reserve,
            neighbours: neighbours as u64,
            written: AtomicU64::new(0),
            look_at: AtomicU64::new(0),
            refuses: AtomicBool::new(false),
            full_until: AtomicU64::new(0),
            refusing,
            refused: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }

    /// Whether there is less than the reserve.
    pub(crate) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }

    /// Whether appends fail for lack of room, be it the reserve or the disk itself that has none.
    pub(crate) fn lacks_room(&self) -> bool {
        self.refuses() || self.full_until.load(Ordering::Relaxed) != 0
    }

    /// How many appends were refused for lack of room.
    pub(crate) fn refused_appends(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The file system had no room for an append.
    fn had_no_room_for(&self, bytes: u64) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        // What it calls free may not be for us (quotas, blocks of the superuser): more must come.
        let free = self.vfs.disk_space(&self.path).map_or(0, |space| space.usable_bytes);
        let room = free.saturating_add(bytes.max(SMALLEST_ROOM_BYTES));
        if self.full_until.swap(room, Ordering::Relaxed) == 0 {
            self.refusing.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn found_room(&self) {
        if self.full_until.load(Ordering::Relaxed) != 0 && self.full_until.swap(0, Ordering::Relaxed) != 0 {
            self.refusing.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How much is kept free on a volume of this size.
    pub(crate) fn reserve_bytes(&self, total_bytes: u64) -> u64 {
        self.reserve.of(total_bytes)
    }

    /// How much is left free by what makes room in the end, but needs some before: half of the reserve.
    pub(crate) fn keep_free_bytes(&self) -> u64 {
        let space = self.vfs.disk_space(&self.path).ok();
        space.map_or(0, |space| self.reserve_bytes(space.total_bytes) / 2)
    }

    /// How much there is above that; `None` if it is not known.
    pub(crate) fn room_to_make_room(&self) -> Option<u64> {
        let space = self.vfs.disk_space(&self.path).ok().filter(|space| space.total_bytes > 0)?;
        Some(space.usable_bytes.saturating_sub(self.reserve_bytes(space.total_bytes) / 2))
    }

    /// Whether so much can be taken and leave as much again, as far as is known without looking.
    pub(crate) fn is_ample_for(&self, bytes: u64) -> bool {
        self.written.load(Ordering::Relaxed).saturating_add(bytes) < self.look_at.load(Ordering::Relaxed)
    }

    /// To be told of every write.
    pub(crate) fn wrote(&self, bytes: u64) {
        let written = self.written.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if written >= self.look_at.load(Ordering::Relaxed) {
            // What went wrong is noticed with the next look of the task.
            let _ = self.look();
        }
    }

    /// Looks how much room there is. At the same time others go on with what was found before.
    pub(crate) fn look(&self) -> io::Result<()> {
        let Some(mut last) = self.last.try_lock() else { return Ok(()) };
        let written = self.written.load(Ordering::Relaxed);
        let space = self.vfs.disk_space(&self.path)?;
        *last = Some(space);
        if space.usable_bytes >= self.full_until.load(Ordering::Relaxed) {
            self.found_room();
        }
        let reserve = self.reserve_bytes(space.total_bytes);
        // Some file systems do not know.
        let is_known = space.total_bytes > 0;
        let did_refuse = self.refuses();
        let limit = if did_refuse { resume_at(reserve) } else { reserve };
        let refuses = is_known && space.usable_bytes < limit;
        // Half of it, for what a write takes beyond its bytes.
        let step = space.usable_bytes.saturating_sub(reserve) / (2 * self.neighbours);
        self.look_at.store(written.saturating_add(step.max(SMALLEST_STEP_BYTES)), Ordering::Relaxed);
        if refuses != did_refuse {
            self.refuses.store(refuses, Ordering::Relaxed);
            if refuses {
                self.refusing.fetch_add(1, Ordering::Relaxed);
            } else {
                self.refusing.fetch_sub(1, Ordering::Relaxed);
            }
            self.tell(refuses, space, reserve);
        }
        Ok(())
    }

    fn tell(&self, refuses: bool, space: DiskSpace, reserve: u64) {
        let (dir, free) = (self.path.display(), bytes(space.usable_bytes));
        if refuses {
            warn!(
                "the log dir {dir} has {free} free, less than its reserve of {} ({RESERVE_KEY}): producers are refused with \
                 KAFKA_STORAGE_ERROR, which they retry; reading, commits and deleting go on. Make room: delete records or \
                 topics, lower retention.ms or retention.bytes, or enlarge the volume. It goes on by itself at {}",
                bytes(reserve),
                bytes(resume_at(reserve))
            );
        } else {
            info!("the log dir {dir} has {free} free: producers are served again");
        }
    }

    /// What clients are told.
    fn refusal(&self) -> String {
        let last = *self.last.lock();
        let free = last.map_or(0, |space| space.usable_bytes);
        let reserve = last.map_or(0, |space| self.reserve_bytes(space.total_bytes));
        format!(
            "the log dir {} has {} free: it got below its reserve of {} ({RESERVE_KEY}), and goes on by itself at {}; make room \
             there: delete records or topics, lower retention, or enlarge the volume",
            self.path.display(),
            bytes(free),
            bytes(reserve),
            bytes(resume_at(reserve))
        )
    }
}

/// Not at once where it stopped, so that it does not change its mind with every batch.
fn resume_at(reserve: u64) -> u64 {
    reserve.saturating_add(reserve / 10)
}

pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{} kB", count / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", count / 1_000_000),
        _ => format!("{} GB", count / 1_000_000_000),
    }
}

impl Broker {
    /// Whether the disk of a partition is nearly full.
    pub(crate) fn is_short_of_room(&self, partition: &Partition) -> bool {
        self.dirs.any_refuses() && self.dirs.home_of(partition).is_some_and(|home| home.space.refuses())
    }

    /// Fails with what to tell the producer where a partition takes no more because its disk is nearly full.
    pub(crate) fn check_room(&self, partition: &Partition) -> Result<(), String> {
        if !self.dirs.any_refuses() {
            return Ok(());
        }
        let Some(home) = self.dirs.home_of(partition).filter(|home| home.space.refuses()) else { return Ok(()) };
        home.space.refused.fetch_add(1, Ordering::Relaxed);
        Err(home.space.refusal())
    }

    /// Fails where no log dir has room for new partitions. Topics of our own are made all the same.
    pub(crate) fn check_room_for_topics(&self, topics: &[CreateTopicsItem]) -> Result<(), ApiError> {
        if topics.iter().all(|topic| topics::is_internal_topic(&topic.name)) {
            Ok(())
        } else {
            self.check_room_for_partitions()
        }
    }

    pub(crate) fn check_room_for_partitions(&self) -> Result<(), ApiError> {
        if !self.dirs.any_refuses() {
            return Ok(());
        }
        let mut in_use = self.dirs.log_dirs().iter().filter(|dir| !dir.has_failed());
        match in_use.clone().find(|dir| dir.space.refuses()) {
            Some(full) if in_use.all(|dir| dir.space.refuses()) => {
                let message = format!("no log dir has room for new partitions: {}", full.space.refusal());
                Err(ApiError::new(ErrorCode::KafkaStorageError, message))
            }
            _ => Ok(()),
        }
    }
}

impl WatchedDirs {
    pub(crate) fn home_of(&self, partition: &Partition) -> Option<Arc<WatchedDir>> {
        partition.with_log(|log| self.of(log.dir()).cloned()).ok()?
    }

    /// To be told how every append ended, so that metrics can tell of a disk that is full.
    pub(crate) fn appended<T>(&self, partition: &Partition, bytes: usize, result: &Result<T, AppendError>) {
        match result {
            Ok(_) if !self.any_refuses() => {}
            Ok(_) => self.home_of(partition).iter().for_each(|home| home.space.found_room()),
            Err(AppendError::Io(error)) if is_of_room(error) => {
                self.home_of(partition).iter().for_each(|home| home.space.had_no_room_for(bytes as u64));
            }
            Err(_) => {}
        }
    }
}

fn is_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Looks from time to time until the task is dropped.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let work = Arc::clone(&broker);
        let looked = tokio::task::spawn_blocking(move || {
            work.dirs.all().for_each(look_and_judge);
            // Of those that were being opened when their dir failed.
            dir_failure::take_out(&work);
        });
        if let Err(error) = looked.await {
            error!(%error, "looking at the free space failed; trying again");
        }
        let any = broker.dirs.any_refuses();
        tokio::time::sleep(if any { LOOK_FOR_ROOM_EVERY } else { LOOK_EVERY }).await;
    }
}

fn look_and_judge(dir: &Arc<WatchedDir>) {
    if dir.has_failed() {
        return;
    }
    if let Err(error) = dir.look_after_folder() {
        dir.look_at(&error, || format!("looking at {} failed", dir.path().display()));
    }
    if !dir.has_failed()
        && let Err(error) = dir.space.look()
    {
        dir.look_at(&error, || format!("asking for the free space of {} failed", dir.path().display()));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use barnabas_common::vfs::{MemVfs, OpenMode};

    use super::*;

    const MB: u64 = 1 << 20;

    fn space(vfs: &MemVfs, reserve: Reserve) -> Space {
        Space::new(Arc::new(vfs.clone()), "/d".into(), reserve, 1, Arc::default())
    }

    #[test]
    fn however_it_is_filled_it_stops_near_the_reserve_and_resumes_well_above_it() {
        let vfs = MemVfs::new();
        vfs.set_capacity(Some(100 * MB));
        vfs.create_dir_all(Path::new("/d")).unwrap();
        let file = vfs.open(Path::new("/d/f"), OpenMode::CREATE).unwrap();
        let space = space(&vfs, Reserve::Automatic);
        let mut len = 0;
        space.look().unwrap();
        assert!(space.is_ample_for(16 * MB) && !space.is_ample_for(90 * MB));
        while !space.refuses() {
            assert!(len < 100 * MB, "it never stopped");
            file.write_all_at(&[1; 10_000], len).unwrap();
            space.wrote(10_000);
            len += 10_000;
        }
        assert!(!space.is_ample_for(MB), "nothing is taken in advance near the reserve");
        let free = 100 * MB - len;
        assert!((5 * MB - 2 * SMALLEST_STEP_BYTES..5 * MB).contains(&free), "{free}");
        assert_eq!(space.refusing.load(Ordering::Relaxed), 1);
        file.set_len(95 * MB - 1).unwrap();
        space.look().unwrap();
        assert!(space.refuses(), "a little above the reserve is not enough to go on");
        file.set_len(94 * MB).unwrap();
        space.look().unwrap();
        assert!(!space.refuses());
        assert_eq!(space.refusing.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_volume_of_unknown_size_and_a_reserve_of_nothing_refuse_never() {
        let vfs = MemVfs::new();
        vfs.set_capacity(Some(0));
        for reserve in [Reserve::Automatic, Reserve::Bytes(MB)] {
            let space = space(&vfs, reserve);
            space.look().unwrap();
            assert!(!space.refuses());
        }
        vfs.set_capacity(Some(MB));
        let file = vfs.open(Path::new("f"), OpenMode::CREATE).unwrap();
        file.set_len(MB).unwrap();
        let space = space(&vfs, Reserve::from_setting(0));
        space.look().unwrap();
        assert!(!space.refuses(), "switched off");
    }

    #[test]
    fn a_full_disk_is_told_until_an_append_succeeds_or_there_is_more_room() {
        let vfs = MemVfs::new();
        vfs.set_capacity(Some(10 * MB));
        vfs.create_dir_all(Path::new("/d")).unwrap();
        let file = vfs.open(Path::new("/d/f"), OpenMode::CREATE).unwrap();
        file.set_len(10 * MB - 100).unwrap();
        let space = space(&vfs, Reserve::from_setting(0));
        let refusing = || space.refusing.load(Ordering::Relaxed);
        space.had_no_room_for(1000);
        space.had_no_room_for(1000);
        space.look().unwrap();
        assert!(space.lacks_room() && !space.refuses(), "what fits may still be appended");
        assert_eq!((space.refused_appends(), refusing()), (2, 1));
        space.found_room();
        space.found_room();
        assert!(!space.lacks_room());
        assert_eq!((space.refused_appends(), refusing()), (2, 0));

        space.had_no_room_for(2 * MB);
        file.set_len(9 * MB).unwrap();
        space.look().unwrap();
        assert!(space.lacks_room(), "it would not fit yet");
        file.set_len(7 * MB).unwrap();
        space.look().unwrap();
        assert!(!space.lacks_room());
        assert_eq!((space.refused_appends(), refusing()), (3, 0));
    }

    #[test]
    fn the_reserve_is_a_share_of_small_volumes_and_no_more_than_a_gibibyte_of_large_ones() {
        assert_eq!(Reserve::from_setting(-1).of(100), 5);
        assert_eq!(Reserve::from_setting(-1).of(1 << 50), 1 << 30);
        assert_eq!(Reserve::from_setting(7).of(1 << 50), 7);
    }
}
