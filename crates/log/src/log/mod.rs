//! The log of one partition: its state and what can be asked of it without reading files. Opening, appending, reading,
//! flushing, retention and truncation are in the files of these names. Replication and transactions are not known here.

mod append;
mod closed;
mod file_range;
mod flush;
mod journaled;
mod latest;
mod open;
mod producers;
mod read;
mod recompress;
mod remains;
mod removal;
mod retention;
mod survey;
mod timestamp;
mod truncate;
mod validate;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use barnabas_common::vfs::Vfs;
use barnabas_common::{LeaderEpoch, Offset, TimestampMs, TopicPartition, Uuid};
use parking_lot::Mutex;

use crate::config::LogConfig;
use crate::epoch_cache::{EpochCache, EpochEntry};
use crate::error::{LogError, OffsetOutOfRange, ReadError};
use crate::producer::{ProducerStateView, ProducerStates};
use crate::segment::Segment;
use crate::segment::file::SegmentFile;
use crate::segment::files::Folder;

pub use append::{AppendInfo, AppendOrigin};
pub use flush::{FlushPlan, Flushed, has_failed_before};
pub use open::OpenOptions;
pub use read::ReadPlan;
pub use recompress::recompress_records;
pub use remains::{Cut, CutPlan};
pub use removal::{RemovalPlan, Removed};
pub use retention::{DeletedSegment, DeletionReason};
pub use survey::{MAX_NAMED_RECORDS, RecordRules, RecordTimes, survey_records, times_are_present};
pub use timestamp::{TimestampOffset, TimestampPlan};

/// The commit log of one partition.
///
/// **Invariant:** log start offset ≤ log end offset; segments are in order, do not overlap, and there is always one to
/// append to. What an append returned `Ok` for is in the file and survives the end of the process.
pub struct Log {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) dir: Arc<Path>,
    pub(crate) folder: Arc<Folder>,
    topic_partition: TopicPartition,
    topic_id: Option<Uuid>,
    pub(crate) config: Arc<LogConfig>,
    /// Never empty; the last one is appended to.
    pub(crate) segments: Vec<Segment>,
    log_start_offset: Offset,
    pub(crate) recovery_point: Offset,
    /// How often offsets have been given up to be assigned again.
    truncations: u64,
    /// How many files were created in the folder; of how many the names are on disk is in `synced`.
    names_created: u64,
    synced: Arc<Mutex<flush::Synced>>,
    last_flush_ms: TimestampMs,
    epochs: EpochCache,
    pub(crate) producers: ProducerStates,
    snapshots: BTreeSet<Offset>,
    /// Appended, or read at the start, since the last snapshot of producer state.
    bytes_since_snapshot: u64,
    /// Segments that are out of the log and whose files have their names still, oldest first.
    retired: Vec<Arc<SegmentFile>>,
    removals: Vec<removal::Removal>,
    /// Files are being renamed or removed outside of the lock.
    is_removing: bool,
    /// Whether closing has anything to write: a log that was described by its last close, and not used since, has not.
    is_touched: bool,
    /// Whether appends are made durable by a journal.
    is_journaled: bool,
    /// Why nothing may be written any more.
    failure: Option<String>,
}

/// One segment, for listings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    pub base_offset: Offset,
    pub next_offset: Offset,
    pub size_bytes: u64,
    pub largest_timestamp: TimestampMs,
}

impl Log {
    pub fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    pub fn topic_id(&self) -> Option<Uuid> {
        self.topic_id
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// First offset that can be read.
    pub fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// Offset of the next record.
    pub fn log_end_offset(&self) -> Offset {
        self.active().next_offset()
    }

    /// First offset that this disk still has; without tiered storage the log start offset.
    pub fn earliest_local(&self) -> Offset {
        self.log_start_offset
    }

    /// Everything before this offset is on disk.
    pub fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// Up to where the log is in segments that are not appended to any more.
    pub fn closed_end(&self) -> Offset {
        self.active().base_offset()
    }

    /// How often offsets have been given up to be assigned again.
    pub fn truncations(&self) -> u64 {
        self.truncations
    }

    /// First offset of the oldest open transaction.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        self.producers.first_unstable_offset()
    }

    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest().map(|e| e.epoch)
    }

    /// All known leader epochs with their start offsets.
    pub fn epochs(&self) -> &[EpochEntry] {
        self.epochs.entries()
    }

    /// The largest epoch at or below `epoch` and where it ends; (-1, -1) if not known (KIP-101, KIP-279).
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> (LeaderEpoch, Offset) {
        self.epochs.end_offset_for(epoch, self.log_end_offset())
    }

    /// To be called on becoming leader, before the first append: a follower may ask for the epoch at once.
    pub fn assign_leader_epoch(&mut self, epoch: LeaderEpoch) {
        let end = self.log_end_offset();
        self.epochs.assign(epoch, end);
    }

    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.size).sum()
    }

    /// How many segments there are. Unlike [`Self::segments_info`] it touches no file.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    pub fn active_producers(&self) -> Vec<ProducerStateView> {
        self.producers.views()
    }

    pub fn segments_info(&self) -> Vec<SegmentInfo> {
        let info = |s: &Segment| SegmentInfo {
            base_offset: s.base_offset(),
            next_offset: s.next_offset(),
            size_bytes: s.size,
            largest_timestamp: s.largest_timestamp(),
        };
        self.segments.iter().map(info).collect()
    }

    /// Why the log refuses writes, if it does.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Takes over new settings; they hold from the next append on.
    pub fn update_config(&mut self, config: impl Into<Arc<LogConfig>>) {
        let config = config.into();
        let interval = config.index_interval();
        self.config = config;
        self.active_mut().stats.set_index_interval(interval);
    }

    fn active(&self) -> &Segment {
        self.segments.last().expect("a log always has a segment")
    }

    fn active_mut(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log always has a segment")
    }

    pub(crate) fn check_writable(&self) -> Result<(), LogError> {
        match &self.failure {
            Some(reason) => Err(LogError::Offline(reason.clone())),
            None => Ok(()),
        }
    }

    pub(crate) fn fail(&mut self, reason: String) -> LogError {
        tracing::error!("{}: {reason}; the partition takes no more writes", self.topic_partition);
        self.failure.get_or_insert(reason.clone());
        LogError::Offline(reason)
    }

    fn out_of_range(&self, offset: Offset) -> OffsetOutOfRange {
        OffsetOutOfRange { offset, log_start_offset: self.log_start_offset, log_end_offset: self.log_end_offset() }
    }

    /// Index of the segment that holds `offset` or would.
    fn segment_at(&self, offset: Offset) -> usize {
        self.segments.partition_point(|s| s.base_offset() <= offset).saturating_sub(1)
    }
}

/// The folder may be another log's from now on: what readers have in hand stays readable, nothing is opened, renamed or
/// removed any more.
impl Drop for Log {
    fn drop(&mut self) {
        self.segments.iter().for_each(Segment::left);
        self.folder.leave();
    }
}

impl From<ReadError> for LogError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::OffsetOutOfRange(e) => LogError::OffsetOutOfRange(e),
            ReadError::Io(source) => LogError::Io { context: "could not read the log".into(), source },
            ReadError::Corrupt(corruption) => LogError::Corrupt(corruption),
        }
    }
}
