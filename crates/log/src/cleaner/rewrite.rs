//! Writes what is left of a few segments to one new file beside them. The file counts for nothing until `swap.rs` has
//! put it in its place.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use barnabas_common::Offset;
use barnabas_common::vfs::{OpenMode, VfsFile};
use barnabas_protocol::records::BatchHeader;

use super::filter::{Rules, Verdict};
use super::plan::{CleaningPlan, Source};
use super::{CleanerLimits, CleaningError, CleaningFigures, Throttle, interruptible};
use crate::config::LogConfig;
use crate::error::LogError;
use crate::segment::file::SegmentFile;
use crate::segment::files::Folder;
use crate::segment::index::{OffsetEntry, TimeEntry};
use crate::segment::names;
use crate::segment::stats::SegmentStats;

/// A new segment, complete and on disk under a temporary name, and the segments whose place it is to take.
pub struct CleanedGroup {
    pub(super) sources: Vec<Arc<SegmentFile>>,
    pub(super) base_offset: Offset,
    pub(super) next_offset: Offset,
    pub(super) temporary: PathBuf,
    pub(super) file: Arc<dyn VfsFile>,
    pub(super) size: u64,
    pub(super) stats: SegmentStats,
    pub(super) offsets: Vec<OffsetEntry>,
    pub(super) times: Vec<TimeEntry>,
    /// Bytes before and after, for people.
    pub bytes_before: u64,
    pub bytes_after: u64,
}

/// Neighbours that fit into one segment together: many small segments become few.
pub(super) fn group(sources: Vec<Source>, config: &LogConfig) -> VecDeque<Vec<Source>> {
    let index_bytes = u32::try_from(config.segment_index_bytes).unwrap_or(0);
    let mut groups: VecDeque<Vec<Source>> = VecDeque::new();
    for source in sources {
        let fits = groups.back().is_some_and(|group| {
            let sum = |of: fn(&Source) -> u64| group.iter().map(of).sum::<u64>() + of(&source);
            let span = source.next_offset - group[0].base_offset;
            sum(|s| s.size) <= config.segment_bytes_u64()
                && sum(|s| u64::from(s.index_entries)) <= u64::from(index_bytes / 8)
                && sum(|s| u64::from(s.time_entries)) <= u64::from(index_bytes / 12)
                && i32::try_from(span).is_ok()
        });
        match groups.back_mut().filter(|_| fits) {
            Some(group) => group.push(source),
            None => groups.push_back(vec![source]),
        }
    }
    groups
}

/// Writes the group; `None` if nothing would change. Where all of it may not fit on the disk, what is left of it is counted
/// first.
pub(super) fn rewrite(
    plan: &CleaningPlan,
    rules: &Rules,
    sources: Vec<Source>,
    limits: CleanerLimits,
    throttle: &mut Throttle<'_>,
    figures: &mut CleaningFigures,
) -> Result<Option<CleanedGroup>, CleaningError> {
    let Some(first) = sources.first() else { return Ok(None) };
    let base_offset = first.base_offset;
    let bytes_before = sources.iter().map(|source| source.size).sum();
    let room = Room { folder: plan.folder.clone(), keep_free_bytes: limits.keep_free_bytes };
    let mut needed_bytes = bytes_before;
    if !room.is_enough_for(bytes_before) {
        let mut counter = Writer::new(None, base_offset, &plan.config, limits, sources.len() > 1);
        copy_group(&mut counter, rules, &sources, limits, throttle)?;
        needed_bytes = counter.written;
        if !counter.is_changed {
            figures.bytes_read += bytes_before;
            figures.bytes_written += needed_bytes;
            return Ok(None);
        }
        if !room.is_enough_for(needed_bytes) {
            return Err(CleaningError::NoRoom { needed_bytes });
        }
    }
    let written = write(plan, rules, sources, limits, throttle, figures, room);
    written.map_err(|error| match error {
        // Others were faster, or what the file system calls free is not for us.
        CleaningError::NoRoom { .. } => CleaningError::NoRoom { needed_bytes },
        CleaningError::Log(LogError::Io { source, .. }) if is_of_room(&source) => {
            CleaningError::NoRoom { needed_bytes }
        }
        other => other,
    })
}

fn is_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn write(
    plan: &CleaningPlan,
    rules: &Rules,
    sources: Vec<Source>,
    limits: CleanerLimits,
    throttle: &mut Throttle<'_>,
    figures: &mut CleaningFigures,
    room: Room,
) -> Result<Option<CleanedGroup>, CleaningError> {
    let Some(first) = sources.first() else { return Ok(None) };
    let base_offset = first.base_offset;
    let folder = &*plan.folder;
    let temporary = names::file_path(&folder.path, base_offset, &format!("{}{}", names::LOG, names::CLEANED_SUFFIX));
    let in_place = folder.in_place().ok_or(CleaningError::Interrupted)?;
    let file = folder.vfs.open(&temporary, OpenMode::TRUNCATE)?;
    drop(in_place);
    let mut writer = Writer::new(Some((file.clone(), room)), base_offset, &plan.config, limits, sources.len() > 1);
    let bytes_before = sources.iter().map(|source| source.size).sum();
    let outcome = copy_group(&mut writer, rules, &sources, limits, throttle);
    figures.bytes_read += bytes_before;
    figures.bytes_written += writer.written;
    let outcome = outcome.and_then(|()| if writer.is_changed { Ok(file.sync_all()?) } else { Ok(()) });
    if outcome.is_err() || !writer.is_changed {
        // Left behind, it is removed at the next start, or goes with its folder.
        let _ = folder.in_place().map(|_in_place| folder.vfs.remove_file(&temporary));
        return outcome.map(|()| None);
    }
    writer.times.extend(writer.stats.due_time_entry());
    let Writer { stats, written, offsets, times, .. } = writer;
    Ok(Some(CleanedGroup {
        base_offset,
        next_offset: sources.last().map_or(base_offset, |source| source.next_offset),
        bytes_before,
        bytes_after: written,
        sources: sources.into_iter().map(|source| source.reader.segment).collect(),
        temporary,
        file,
        size: written,
        stats,
        offsets,
        times,
    }))
}

fn copy_group(
    writer: &mut Writer,
    rules: &Rules,
    sources: &[Source],
    limits: CleanerLimits,
    throttle: &mut Throttle<'_>,
) -> Result<(), CleaningError> {
    for (index, source) in sources.iter().enumerate() {
        let is_last_source = index + 1 == sources.len();
        let mut window = source.reader.window(limits.io_buffer_bytes)?;
        let mut position = 0;
        while position < source.size {
            let header = source.reader.verified_batch_at(&mut window, position)?;
            let next = position + header.size_bytes() as u64;
            let batch = window.read(position, header.size_bytes())?;
            // The end of the new segment must be where the next one begins.
            let must_remain = is_last_source && next >= source.size;
            let verdict = rules.judge(&header, &batch, must_remain);
            let verdict = verdict.map_err(|error| source.reader.segment.corrupt(position, error.to_string()))?;
            let bytes = writer.take(&header, &batch, verdict)?;
            let written = if writer.out.is_some() { bytes } else { 0 };
            interruptible(throttle(header.size_bytes() as u64 + written))?;
            position = next;
        }
    }
    writer.flush()
}

/// The free space that a cleaning may use.
struct Room {
    folder: Arc<Folder>,
    keep_free_bytes: u64,
}

impl Room {
    /// Whether so much fits now. Where that cannot be said, writing tells.
    fn is_enough_for(&self, bytes: u64) -> bool {
        let known = self.folder.vfs.disk_space(&self.folder.path).ok().filter(|space| space.total_bytes > 0);
        known.is_none_or(|space| bytes.saturating_add(self.keep_free_bytes) <= space.usable_bytes)
    }
}

/// The new file while it grows.
struct Writer {
    /// `None` if it is only to be known how large it would get.
    out: Option<(Arc<dyn VfsFile>, Room)>,
    stats: SegmentStats,
    buffer: Vec<u8>,
    buffer_bytes: usize,
    /// Bytes in the file.
    written: u64,
    offsets: Vec<OffsetEntry>,
    times: Vec<TimeEntry>,
    /// Something differs from the one source.
    is_changed: bool,
}

impl Writer {
    fn new(
        out: Option<(Arc<dyn VfsFile>, Room)>,
        base_offset: Offset,
        config: &LogConfig,
        limits: CleanerLimits,
        is_changed: bool,
    ) -> Self {
        Self {
            out,
            stats: SegmentStats::new(base_offset, config.index_interval()),
            buffer: Vec::new(),
            buffer_bytes: limits.io_buffer_bytes,
            written: 0,
            offsets: Vec::new(),
            times: Vec::new(),
            is_changed,
        }
    }

    /// Adds what the verdict says; returns how many bytes that is.
    fn take(&mut self, header: &BatchHeader, batch: &[u8], verdict: Verdict) -> Result<u64, CleaningError> {
        self.is_changed |= !matches!(verdict, Verdict::Keep);
        let before = self.buffer.len();
        match verdict {
            Verdict::Drop => return Ok(0),
            Verdict::Keep => self.add(header, batch),
            Verdict::Replace(bytes) => {
                let header = BatchHeader::parse(&bytes)
                    .map_err(|error| LogError::Offline(format!("a compacted batch is not valid: {error}")))?;
                self.add(&header, &bytes);
            }
        }
        let added = (self.buffer.len() - before) as u64;
        if self.buffer.len() >= self.buffer_bytes {
            self.flush()?;
        }
        Ok(added)
    }

    fn add(&mut self, header: &BatchHeader, bytes: &[u8]) {
        let position = self.written + self.buffer.len() as u64;
        if let Some(new) = self.stats.observe(header, position) {
            self.offsets.push(new.offset);
            self.times.extend(new.time);
        }
        self.buffer.extend_from_slice(bytes);
    }

    fn flush(&mut self) -> Result<(), CleaningError> {
        if let Some((file, room)) = &self.out {
            let needed_bytes = self.buffer.len() as u64;
            if !room.is_enough_for(needed_bytes) {
                return Err(CleaningError::NoRoom { needed_bytes });
            }
            file.write_all_at(&self.buffer, self.written)?;
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
