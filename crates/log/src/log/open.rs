//! Opening a log: what is on disk is checked, repaired where nothing is lost by it, and refused where something is.
//!
//! What was not synced may be cut off at the first batch that is not whole; segments after it are set aside. What was,
//! everything before the recovery point, is never given up silently: then the log does not open and says why.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use barnabas_common::vfs::{OpenMode, Vfs};
use barnabas_common::{Offset, TimestampMs, TopicPartition, Uuid};

use super::Log;
use crate::cleaner::complete_swaps;
use crate::config::LogConfig;
use crate::dir::{read_partition_metadata, write_partition_metadata};
use crate::epoch_cache::EpochCache;
use crate::error::{Corruption, LogError};
use crate::producer::ProducerStates;
use crate::segment::files::{Folder, Part};
use crate::segment::handles::Handles;
use crate::segment::load::{Load, Loaded};
use crate::segment::scan::EpochSample;
use crate::segment::{Segment, names};

/// Logs up to this size are checked in full at every open, larger ones as they are read.
const VERIFY_WHOLE_LOG_BYTES: u64 = 8 << 20;

/// What is known about a log before it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// The log directory was shut down properly.
    pub clean_shutdown: bool,
    /// From the checkpoint; 0 if unknown.
    pub recovery_point: Offset,
    /// From the checkpoint; 0 if unknown.
    pub log_start_offset: Offset,
    /// Do not check small logs in full: for tests, which would need large ones otherwise.
    #[doc(hidden)]
    pub trusts_small_logs: bool,
}

/// What lies in the folder.
#[derive(Default)]
struct Listing {
    segments: BTreeSet<Offset>,
    snapshots: BTreeSet<Offset>,
    /// Index files, by base offset.
    indexes: Vec<(Offset, PathBuf)>,
    /// Files that a deletion or a cleaner left behind.
    leftovers: Vec<PathBuf>,
}

impl Log {
    /// Opens the log in `dir`, or creates an empty one. An existing log is opened without writing anything that a full
    /// disk would refuse. Its files stay open as long as they are used.
    pub fn open(
        vfs: Arc<dyn Vfs>,
        dir: PathBuf,
        topic_partition: TopicPartition,
        topic_id: Option<Uuid>,
        config: impl Into<Arc<LogConfig>>,
        options: OpenOptions,
        now_ms: TimestampMs,
    ) -> Result<Log, LogError> {
        let handles = Handles::with_limit(usize::MAX);
        Self::open_with(vfs, handles, dir, topic_partition, topic_id, config, options, now_ms)
    }

    /// The same for one of many logs, which share what the process has of file handles.
    #[allow(clippy::too_many_arguments)]
    pub fn open_with(
        vfs: Arc<dyn Vfs>,
        handles: Arc<Handles>,
        dir: PathBuf,
        topic_partition: TopicPartition,
        topic_id: Option<Uuid>,
        config: impl Into<Arc<LogConfig>>,
        options: OpenOptions,
        now_ms: TimestampMs,
    ) -> Result<Log, LogError> {
        let config = config.into();
        let failed = |what: &str| LogError::io(format!("could not {what} {}", dir.display()));
        vfs.create_dir_all(&dir).map_err(failed("create"))?;
        let folder = Folder::new(vfs.clone(), dir.as_path().into(), handles);
        complete_swaps(&folder, &config, now_ms)?;
        let listing = Listing::read(&*vfs, &dir).map_err(failed("list"))?;
        let topic_id = check_topic_id(&*vfs, &dir, topic_id)?;
        let mut opening = Opening { vfs, dir, folder, config, options, now_ms, samples: Vec::new() };
        opening.check_orphans(&listing)?;
        let segments = match listing.segments.is_empty() {
            true => vec![opening.first_segment()?],
            false => opening.load_segments(&listing.segments)?,
        };
        listing.remove_leftovers(&*opening.vfs);
        let Opening { vfs, folder, config, samples, .. } = opening;
        let dir = folder.path.clone();
        let (epochs, epochs_are_good) = EpochCache::load(folder.clone());
        let mut log = Log {
            vfs,
            dir,
            folder,
            topic_partition,
            topic_id,
            config,
            log_start_offset: options.log_start_offset.max(segments[0].base_offset()),
            segments,
            recovery_point: 0,
            truncations: 0,
            bytes_since_snapshot: 0,
            names_created: 1,
            synced: Arc::default(),
            last_flush_ms: now_ms,
            epochs,
            producers: ProducerStates::default(),
            snapshots: listing.snapshots,
            retired: Vec::new(),
            removals: Vec::new(),
            is_removing: false,
            is_touched: true,
            is_journaled: false,
            failure: None,
        };
        log.finish_opening(&options, &samples, epochs_are_good, now_ms)?;
        // Most logs are idle: whoever uses this one opens its files again.
        log.segments.iter().for_each(|segment| segment.file.files.release_all());
        Ok(log)
    }

    fn finish_opening(
        &mut self,
        options: &OpenOptions,
        samples: &[EpochSample],
        epochs_are_good: bool,
        now_ms: TimestampMs,
    ) -> Result<(), LogError> {
        let end = self.log_end_offset();
        self.recovery_point = options.recovery_point.clamp(0, end);
        if self.log_start_offset > end {
            tracing::warn!(
                "{}: the log ends at {end}, before its start {}; starting anew there",
                self.topic_partition,
                self.log_start_offset
            );
            return self.truncate_fully_and_start_at(self.log_start_offset, now_ms);
        }
        self.check_epochs(samples, epochs_are_good)?;
        self.remove_stray_snapshots()?;
        self.load_producers(now_ms)
    }

    /// Compares the epoch checkpoint with the batches, and rebuilds it if it does not fit.
    fn check_epochs(&mut self, samples: &[EpochSample], file_is_good: bool) -> Result<(), LogError> {
        let start = self.log_start_offset;
        self.epochs.truncate_from_end(self.log_end_offset().saturating_add(1));
        let mut relevant = samples.iter().filter(|s| s.offset >= start);
        if file_is_good && relevant.all(|s| self.epochs.epoch_at(s.offset) == Some(s.epoch)) {
            self.epochs.truncate_from_start(start);
            return Ok(());
        }
        if self.log_end_offset() > self.segments[0].base_offset() {
            tracing::warn!("{}: leader-epoch-checkpoint does not fit the log; rebuilding it", self.topic_partition);
        }
        if self.size_bytes() == 0 {
            self.epochs.start_empty();
            return Ok(());
        }
        let mut found = Vec::new();
        for segment in &self.segments {
            found.extend(segment.epoch_samples()?);
        }
        self.epochs.replace(found.into_iter());
        self.epochs.truncate_from_start(start);
        Ok(())
    }
}

/// The topic id of the folder. A folder of another topic with the same name is not opened.
fn check_topic_id(vfs: &dyn Vfs, dir: &std::path::Path, expected: Option<Uuid>) -> Result<Option<Uuid>, LogError> {
    let found = read_partition_metadata(vfs, dir).map_err(LogError::io("could not read partition.metadata"))?;
    match (expected, found) {
        (Some(expected), Some(found)) if expected != found => {
            let dir = dir.display();
            Err(LogError::Offline(format!("{dir} belongs to topic id {found}, not {expected}; move the folder away")))
        }
        (Some(expected), None) => {
            // Only a convenience for the next start, which has the id from the cluster's metadata too.
            if let Err(error) = write_partition_metadata(vfs, dir, expected) {
                tracing::warn!("could not write partition.metadata in {}: {error}", dir.display());
            }
            Ok(Some(expected))
        }
        (expected, found) => Ok(expected.or(found)),
    }
}

impl Listing {
    fn read(vfs: &dyn Vfs, dir: &std::path::Path) -> std::io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in vfs.read_dir(dir)?.into_iter().filter(|e| !e.is_dir) {
            let path = dir.join(&entry.name);
            if [names::DELETED_SUFFIX, names::CLEANED_SUFFIX, ".tmp"].iter().any(|s| entry.name.ends_with(s)) {
                listing.leftovers.push(path);
                continue;
            }
            match names::parse(&entry.name) {
                Some((offset, names::LOG)) => {
                    listing.segments.insert(offset);
                }
                Some((offset, names::SNAPSHOT)) => {
                    listing.snapshots.insert(offset);
                }
                Some((offset, names::INDEX | names::TIME_INDEX | names::TXN_INDEX)) => {
                    listing.indexes.push((offset, path))
                }
                _ => {}
            }
        }
        Ok(listing)
    }

    /// Removes what is of no use any more. That it cannot be removed is no reason not to open.
    fn remove_leftovers(&self, vfs: &dyn Vfs) {
        let orphans = self.indexes.iter().filter(|(offset, _)| !self.segments.contains(offset)).map(|(_, path)| path);
        for path in self.leftovers.iter().chain(orphans) {
            if let Err(error) = vfs.remove_file(path) {
                tracing::warn!("could not remove {}: {error}", path.display());
            }
        }
    }
}

/// What becomes of a segment that has another after it.
enum Closed {
    Whole(Segment),
    /// It ends before the next one begins, and what is missing was never promised.
    Torn {
        segment: Segment,
        reason: String,
    },
}

/// A suffix that no earlier tear has used for files of this base offset: what was set aside is never replaced.
fn free_torn_suffix(taken: &[String], base_offset: Offset) -> String {
    let mut suffix = names::TORN_SUFFIX.to_owned();
    let of_base = format!("{base_offset:020}.");
    let is_taken = |suffix: &str| taken.iter().any(|name| name.starts_with(&of_base) && name.ends_with(suffix));
    for count in 2.. {
        if !is_taken(&suffix) {
            break;
        }
        suffix = format!("{}.{count}", names::TORN_SUFFIX);
    }
    suffix
}

/// The state of an opening before there is a log.
struct Opening {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    folder: Arc<Folder>,
    config: Arc<LogConfig>,
    options: OpenOptions,
    now_ms: TimestampMs,
    samples: Vec<EpochSample>,
}

impl Opening {
    /// The segment of an empty log. That the folder is empty must not be because files have vanished.
    fn first_segment(&self) -> Result<Segment, LogError> {
        if self.options.recovery_point > self.options.log_start_offset {
            let what = format!(
                "all segments are missing, though the log had records up to offset {}",
                self.options.recovery_point
            );
            return Err(self.corrupt(what, self.options.log_start_offset, 0, None));
        }
        Segment::create(&self.folder, self.options.log_start_offset.max(0), &self.config, self.now_ms)
            .map_err(LogError::io(format!("could not create a log in {}", self.dir.display())))
    }

    /// An index that has entries but no log beside it: the log file has been lost.
    fn check_orphans(&self, listing: &Listing) -> Result<(), LogError> {
        for (offset, path) in &listing.indexes {
            let is_orphan = !listing.segments.contains(offset) && *offset >= self.options.log_start_offset;
            if is_orphan && self.vfs.open(path, OpenMode::READ).and_then(|f| f.len()).is_ok_and(|len| len > 0) {
                let what = format!("the segment is missing; there is only {}", path.display());
                return Err(self.corrupt(what, *offset, 0, None));
            }
        }
        Ok(())
    }

    fn load_segments(&mut self, bases: &BTreeSet<Offset>) -> Result<Vec<Segment>, LogError> {
        let is_small = !self.options.trusts_small_logs && self.total_bytes(bases)? <= VERIFY_WHOLE_LOG_BYTES;
        let mut segments = Vec::with_capacity(bases.len());
        let mut bases = bases.iter().copied().peekable();
        while let Some(base_offset) = bases.next() {
            let next_base = bases.peek().copied();
            let load = Load { folder: &self.folder, base_offset, config: &self.config, now_ms: self.now_ms };
            let loaded = self.load_segment(&load, next_base, is_small)?;
            self.samples.extend_from_slice(&loaded.epochs);
            let closed = match next_base {
                Some(next_base) => self.accept_closed(loaded, next_base)?,
                None => Closed::Whole(self.accept_active(loaded)?),
            };
            match closed {
                Closed::Whole(segment) => segments.push(segment),
                Closed::Torn { segment, reason } => {
                    self.cut(&segment, &reason)?;
                    self.set_aside(&segment, bases.by_ref().collect())?;
                    segments.push(segment);
                }
            }
        }
        Ok(segments)
    }

    /// Looks as closely as need be: what was synced is checked when it is read.
    fn load_segment(&self, load: &Load<'_>, next_base: Option<Offset>, is_small: bool) -> Result<Loaded, LogError> {
        let (base_offset, synced_until) = (load.base_offset, self.options.recovery_point);
        let is_synced = self.options.clean_shutdown || next_base.is_some_and(|next| next <= synced_until);
        let failed = || LogError::io(format!("could not read segment {base_offset}"));
        let looked_at = match is_synced {
            _ if is_small || (!is_synced && synced_until <= base_offset) => return load.fully().map_err(failed()),
            true => load.by_its_ends(),
            false => load.behind(synced_until),
        };
        let loaded = looked_at.map_err(failed())?;
        match next_base {
            // What is inside tells whether it must not be so.
            Some(next) if loaded.segment.next_offset() < next => load.fully().map_err(failed()),
            _ => Ok(loaded),
        }
    }

    /// Renames the segments that follow a tear: what they hold cannot be served behind a hole, and is not thrown away.
    fn set_aside(&self, torn: &Segment, later: Vec<Offset>) -> Result<(), LogError> {
        let failed = || LogError::io(format!("could not set aside what follows a tear in {}", self.dir.display()));
        tracing::error!(
            "{}: records from offset {} on were not on disk when the machine stopped; {} later segments are set aside as *{}",
            self.dir.display(),
            torn.next_offset(),
            later.len(),
            names::TORN_SUFFIX
        );
        let taken: Vec<String> =
            self.vfs.read_dir(&self.dir).map_err(failed())?.into_iter().map(|entry| entry.name).collect();
        for base_offset in later {
            let suffix = free_torn_suffix(&taken, base_offset);
            for extension in [names::INDEX, names::TIME_INDEX, names::TXN_INDEX, names::LOG] {
                let path = names::file_path(&self.dir, base_offset, extension);
                let aside = names::file_path(&self.dir, base_offset, &format!("{extension}{suffix}"));
                match self.vfs.rename(&path, &aside) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed()(error)),
                    _ => {}
                }
            }
        }
        self.vfs.sync_dir(&self.dir).map_err(failed())
    }

    fn total_bytes(&self, bases: &BTreeSet<Offset>) -> Result<u64, LogError> {
        let mut total = 0u64;
        for base_offset in bases {
            let path = names::file_path(&self.dir, *base_offset, names::LOG);
            let len = self.vfs.open(&path, OpenMode::READ).and_then(|file| file.len());
            total = total.saturating_add(len.map_err(LogError::io(format!("could not open {}", path.display())))?);
        }
        Ok(total)
    }

    /// A segment with another after it must reach up to it, unless it was not on disk when the machine stopped.
    fn accept_closed(&self, loaded: Loaded, next_base: Offset) -> Result<Closed, LogError> {
        let segment = loaded.segment;
        let (base_offset, end) = (segment.base_offset(), segment.next_offset());
        let is_needed = next_base > self.options.log_start_offset;
        // Where Kafka has compacted; our own cleaner leaves none. What a cleaner wrote was on disk before it counted, so a
        // segment with offsets missing inside has not been torn: they are missing at its end for the same reason.
        let is_promised = next_base <= self.options.recovery_point;
        let may_have_gaps = loaded.has_gaps || (self.config.cleanup_policy.compact && is_promised);
        let keeps_promise = end >= self.options.recovery_point;
        match loaded.damage {
            None if end > next_base => {
                let what =
                    format!("the segment has records up to offset {}, but the next one starts at {next_base}", end - 1);
                Err(self.corrupt(what, base_offset, segment.size, None))
            }
            None if end < next_base && is_needed && !may_have_gaps && keeps_promise => {
                Ok(Closed::Torn { segment, reason: "the segment ends too early".into() })
            }
            Some(damage) if end != next_base && is_needed && keeps_promise => {
                Ok(Closed::Torn { segment, reason: damage.reason })
            }
            None if end < next_base && is_needed && !may_have_gaps => {
                let what = format!("records {end} to {} are missing between two segments", next_base - 1);
                Err(self.corrupt(what, base_offset, segment.size, None))
            }
            Some(damage) if end != next_base && is_needed => {
                let what = format!("{}; records {end} to {} cannot be read", damage.reason, next_base - 1);
                Err(self.corrupt(what, base_offset, damage.position, None))
            }
            Some(damage) => {
                self.cut(&segment, &damage.reason)?;
                Ok(Closed::Whole(segment))
            }
            None => Ok(Closed::Whole(segment)),
        }
    }

    /// The last segment may end in what a crash left; it must reach up to the recovery point.
    fn accept_active(&self, loaded: Loaded) -> Result<Segment, LogError> {
        let segment = loaded.segment;
        let (end, promised) = (segment.next_offset(), self.options.recovery_point);
        if end < promised {
            let reason = loaded.damage.map_or("the file is too short".to_owned(), |d| d.reason);
            let what = format!("{reason}; records {end} to {} had been stored and cannot be read", promised - 1);
            return Err(self.corrupt(what, segment.base_offset(), segment.size, Some(segment.size)));
        }
        if let Some(damage) = loaded.damage {
            self.cut(&segment, &damage.reason)?;
        }
        Ok(segment)
    }

    fn cut(&self, segment: &Segment, reason: &str) -> Result<(), LogError> {
        let path = segment.file.files.path(Part::Log);
        let path = path.display();
        tracing::warn!("{path}: {reason}; cutting the file at byte {}, offset {}", segment.size, segment.next_offset());
        // On disk before anything is written in its place, or the next power loss could bring back what was given up.
        let cut = segment.trim_file().and_then(|()| segment.file.files.sync());
        cut.map_err(LogError::io(format!("could not cut {path}")))
    }

    fn corrupt(&self, what: String, base_offset: Offset, position: u64, cut_at: Option<u64>) -> LogError {
        let file = names::file_path(&self.dir, base_offset, names::LOG);
        let mut how_to_fix =
            "restore the file from a copy, or remove the partition's folder if another replica has it".to_owned();
        match cut_at {
            Some(size) => how_to_fix.push_str(&format!(
                "; to give the records up, stop the broker, run `truncate -s {size} {}`, remove the partition's line from \
                 recovery-point-offset-checkpoint and lower the number in its second line by one",
                file.display()
            )),
            None => how_to_fix.push_str("; to give the records up, delete the topic and create it anew"),
        }
        LogError::Corrupt(Corruption { what, file, position, how_to_fix })
    }
}
