//! One segment of a log: its file, its two indexes, and what is appended to or cut off from them. Which segment a
//! record goes to, and when a new one starts, is decided by the log.

pub(crate) mod ahead;
mod description;
pub(crate) mod entries;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod handles;
pub(crate) mod index;
pub(crate) mod load;
pub(crate) mod names;
pub(crate) mod scan;
pub(crate) mod stats;
pub(crate) mod window;

use std::io;
use std::sync::Arc;

use barnabas_common::{Offset, TimestampMs};
use barnabas_protocol::records::BatchHeader;

use crate::config::LogConfig;
use crate::error::ReadError;
use ahead::Ahead;
use entries::{Entries, Found};
use file::{SegmentFile, SegmentReader, at_or_before};
use files::{Files, Folder, Part};
use index::{OffsetEntry, TimeEntry};
use scan::EpochSample;
use stats::{NewEntries, SegmentStats};

/// How much is read at once while looking for an offset.
const SEEK_READ_BYTES: usize = 16 << 10;

pub(crate) struct Segment {
    pub(crate) file: Arc<SegmentFile>,
    /// Bytes of whole batches; the file may be longer if it was preallocated.
    pub(crate) size: u64,
    pub(crate) stats: SegmentStats,
    pub(crate) index: Entries<OffsetEntry>,
    pub(crate) time_index: Entries<TimeEntry>,
    pub(crate) created_ms: TimestampMs,
    /// For a segment that is being appended to.
    pub(crate) ahead: Option<Box<Ahead>>,
    /// A failed write may have left something behind the batches, in the file or on the disk.
    pub(crate) has_remains: bool,
}

/// What an append would bring, for the decision to start a new segment first.
pub(crate) struct Incoming {
    pub(crate) size: u64,
    pub(crate) max_timestamp: TimestampMs,
    pub(crate) last_offset: Offset,
}

impl Segment {
    pub(crate) fn create(
        folder: &Arc<Folder>,
        base_offset: Offset,
        config: &LogConfig,
        now_ms: TimestampMs,
    ) -> io::Result<Segment> {
        let files = Files::new(folder.clone(), base_offset);
        let file = files.truncated()?;
        if config.preallocate {
            // What is left of a failed try would be a hole once the log has gone on without it.
            let made = file.set_len(config.segment_bytes_u64());
            made.inspect_err(|_| drop(folder.vfs.remove_file(&files.path(Part::Log))))?;
            files.was_written();
        }
        let file = Arc::new(SegmentFile::new(files.clone(), 0));
        let stats = SegmentStats::new(base_offset, config.index_interval());
        let (index, time_index) = (Entries::empty(files.clone()), Entries::empty(files));
        let segment = Segment::new(file, 0, stats, index, time_index, now_ms);
        segment.index.touch();
        segment.time_index.touch();
        Ok(segment)
    }

    /// A segment to which nothing has been appended since it was put together.
    pub(crate) fn new(
        file: Arc<SegmentFile>,
        size: u64,
        stats: SegmentStats,
        index: Entries<OffsetEntry>,
        time_index: Entries<TimeEntry>,
        created_ms: TimestampMs,
    ) -> Segment {
        Segment { file, size, stats, index, time_index, created_ms, ahead: None, has_remains: false }
    }

    pub(crate) fn base_offset(&self) -> Offset {
        self.file.base_offset
    }

    pub(crate) fn next_offset(&self) -> Offset {
        self.stats.next_offset
    }

    /// The time that retention counts from.
    pub(crate) fn largest_timestamp(&self) -> TimestampMs {
        match self.stats.max_timestamp {
            0.. => self.stats.max_timestamp,
            _ => self.file.files.log().and_then(|log| log.modified_ms()).unwrap_or(self.created_ms),
        }
    }

    /// Whether the segment has no room, or is too old, for what comes.
    pub(crate) fn must_roll_before(&self, incoming: &Incoming, config: &LogConfig, now_ms: TimestampMs) -> bool {
        let waited_ms = match self.stats.first_timestamp {
            Some(first) if first >= 0 => incoming.max_timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(self.created_ms),
        };
        let index_bytes = u32::try_from(config.segment_index_bytes).unwrap_or(0);
        self.size + incoming.size > config.segment_bytes_u64()
            || (self.size > 0 && waited_ms > config.longest_segment_ms())
            || self.index.len() >= index_bytes / 8
            || self.time_index.len() >= index_bytes / 12
            || self.stats.relative(incoming.last_offset).is_none()
    }

    /// Writes batches whose offsets have been assigned, in one write. A failed one has no effect once what is left of it is
    /// off the disk: that is to be seen to before the next (`log/remains.rs`).
    pub(crate) fn append(&mut self, bytes: &[u8], headers: &[BatchHeader], now_ms: TimestampMs) -> io::Result<()> {
        let file = self.file.files.log()?;
        let ahead = self.ahead.get_or_insert_with(|| Ahead::new(self.size, now_ms).into());
        let written = ahead.write(&*file, bytes, self.size, now_ms);
        self.file.files.was_written();
        if let Err(error) = written {
            self.ahead = None;
            self.has_remains = true;
            let _ = file.set_len(self.size);
            return Err(error);
        }
        for header in headers {
            if let Some(new) = self.stats.observe(header, self.size) {
                self.add_entries(new);
            }
            self.size += header.size_bytes() as u64;
        }
        Ok(())
    }

    fn add_entries(&mut self, new: NewEntries) {
        new.time.into_iter().for_each(|e| self.time_index.push(e));
        // What the offset index on disk covers, the time index on disk covers, too: recovery starts from there.
        if self.index.writes_with_next() {
            let _ = self.time_index.flush();
        }
        self.index.push(new.offset);
    }

    /// A way to the first batch that ends at or after `offset`.
    pub(crate) fn reader(&self, offset: Offset) -> SegmentReader {
        let index = self.index.search(at_or_before(self.base_offset(), offset));
        let (segment, end_offset) = (self.file.clone(), self.next_offset());
        SegmentReader { segment, end: self.size, end_offset, offset, index }
    }

    /// A way that does not use the index.
    pub(crate) fn reader_from_start(&self) -> SegmentReader {
        let (segment, end_offset, index) = (self.file.clone(), self.next_offset(), Found::Known(None));
        SegmentReader { segment, end: self.size, end_offset, offset: self.base_offset(), index }
    }

    /// The epoch of the first batch and each change after it, from all headers.
    pub(crate) fn epoch_samples(&self) -> Result<Vec<EpochSample>, ReadError> {
        let reader = self.reader_from_start();
        let mut window = reader.window(SEEK_READ_BYTES)?;
        let (mut samples, mut position) = (Vec::new(), 0);
        while position < self.size {
            let header = reader.batch_at(&mut window, position)?;
            scan::note_epoch(&mut samples, &header);
            position += header.size_bytes() as u64;
        }
        Ok(samples)
    }

    /// Removes all batches that end at or after `offset`.
    pub(crate) fn truncate_to(&mut self, offset: Offset, config: &LogConfig) -> Result<(), ReadError> {
        let reader = self.reader(offset);
        let Some((position, _)) = reader.seek(&mut reader.window(SEEK_READ_BYTES)?)? else { return Ok(()) };
        self.file.files.set_log_len(position)?;
        self.file.truncated_at(position);
        self.ahead = None;
        self.has_remains = false;
        self.size = position;
        self.index.truncate(|e| u64::from(e.position) < position)?;
        self.rebuild_stats(offset, config)
    }

    /// Recomputes what is remembered, after batches have been removed at the end.
    fn rebuild_stats(&mut self, end_offset: Offset, config: &LogConfig) -> Result<(), ReadError> {
        let base_offset = self.base_offset();
        self.time_index.truncate(|e| base_offset + i64::from(e.relative_offset) < end_offset)?;
        let mut stats = SegmentStats::new(base_offset, config.index_interval());
        let reader = self.reader_from_start();
        let mut window = reader.window(SEEK_READ_BYTES)?;
        if self.size > 0 {
            stats.first_timestamp = Some(reader.verified_batch_at(&mut window, 0)?.max_timestamp);
        }
        if let Some(entry) = self.time_index.last() {
            stats.resume_from(entry);
        }
        let mut position = self.index.last().map_or(0, |e| u64::from(e.position));
        while position < self.size {
            let header = reader.verified_batch_at(&mut window, position)?;
            if let Some(new) = stats.observe(&header, position) {
                self.add_entries(new);
            }
            position += header.size_bytes() as u64;
        }
        self.stats = stats;
        Ok(())
    }

    /// Makes the file as long as its good batches.
    pub(crate) fn trim_file(&self) -> io::Result<()> {
        let is_longer = self.ahead.as_ref().is_some_and(|ahead| ahead.holds_more_than(self.size));
        match !is_longer && self.file.files.log()?.len()? == self.size {
            true => Ok(()),
            false => self.file.files.set_log_len(self.size),
        }
    }

    /// Gives back what was made ready for appends that do not come.
    pub(crate) fn trim_if_quiet(&mut self, now_ms: TimestampMs) {
        if let Some(ahead) = self.ahead.take_if(|ahead| ahead.is_quiet(now_ms))
            && ahead.holds_more_than(self.size)
        {
            // What stays behind the batches does no harm.
            let _ = self.file.files.set_log_len(self.size);
        }
    }

    /// The log is given up; readers go on.
    pub(crate) fn left(&self) {
        self.file.files.removed(Arc::strong_count(&self.file) > 1);
    }

    /// Completes the indexes when no more appends come, or the log is closed. Failing to write them is no error.
    pub(crate) fn finish_indexes(&mut self) {
        self.stats.due_time_entry().into_iter().for_each(|e| self.time_index.push(e));
        let _ = self.index.flush();
        let _ = self.time_index.flush();
        self.index.release();
        self.time_index.release();
    }
}
