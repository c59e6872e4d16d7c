//! The commit log of one partition and the small files around it, in Kafka's formats. Sync, generic over the file
//! system, without clock or threads of its own. Replication, transactions and requests are not known here.

mod cleaner;
mod config;
mod dir;
mod epoch_cache;
mod error;
mod fuzz;
mod journal;
mod log;
mod producer;
mod segment;

pub use barnabas_common::vfs::is_passing;
pub use cleaner::{
    Cleanable, CleanedGroup, CleanerLimits, Cleaning, CleaningError, CleaningFigures, CleaningPlan, Throttle,
};
pub use config::{CleanupPolicy, LogConfig};
pub use dir::{
    Checkpoint, CleanShutdown, ClosedLogs, LockError, LogDir, MetaProperties, OffsetCheckpoint, empty_partition_dir,
    read_partition_metadata, write_partition_metadata,
};
pub use epoch_cache::EpochEntry;
pub use error::{AppendError, Corruption, LogError, OffsetOutOfRange, ReadError, RejectedRecord};
#[doc(hidden)]
pub use fuzz::fuzz_one_segment;
pub use journal::{
    ClosedFile, Damage as JournalDamage, DamagedEntry, JournalEntry, JournalFile, JournalFiles, JournalWriter,
    LostJournal, NewFile, ReplaySummary, journal_exists, replay as replay_journal, skip as skip_journal,
};
pub use log::{
    AppendInfo, AppendOrigin, Cut, CutPlan, DeletedSegment, DeletionReason, FlushPlan, Flushed, Log, MAX_NAMED_RECORDS,
    OpenOptions, ReadPlan, RecordRules, RecordTimes, RemovalPlan, Removed, SegmentInfo, TimestampOffset, TimestampPlan,
    has_failed_before, recompress_records, survey_records, times_are_present,
};
pub use producer::ProducerStateView;
pub use segment::handles::Handles;
