//! Opens a segment that is on disk: finds its end, checks its indexes and rebuilds them where they do not fit the log.

use std::io;
use std::sync::Arc;

use barnabas_common::vfs::{OpenMode, VfsFile};
use barnabas_common::{Offset, TimestampMs};
use barnabas_protocol::records::BatchHeader;

use super::Segment;
use super::entries::{Entries, Entry};
use super::file::{SegmentFile, entry_fits};
use super::files::{Files, Folder, Part};
use super::index::{OffsetEntry, TimeEntry};
use super::names;
use super::scan::{Damage, EpochSample, note_epoch, scan};
use super::stats::SegmentStats;
use super::window::{At, Window};
use crate::config::LogConfig;

const SCAN_READ_BYTES: usize = 256 << 10;
const TAIL_READ_BYTES: usize = 16 << 10;
/// Batches after the last time entry are looked at one by one if there are not more bytes of them,
const WALK_BYTES: u64 = 1 << 20;
/// else so many of them.
const SAMPLES: usize = 16;

/// A segment as found, and what is wrong with its end. The file has not been changed.
pub(crate) struct Loaded {
    pub(crate) segment: Segment,
    pub(crate) damage: Option<Damage>,
    pub(crate) epochs: Vec<EpochSample>,
    /// Offsets are missing inside, as only compaction leaves it. Known if every batch was looked at.
    pub(crate) has_gaps: bool,
}

/// Which segment to open, and how closely to look.
pub(crate) struct Load<'a> {
    pub(crate) folder: &'a Arc<Folder>,
    pub(crate) base_offset: Offset,
    pub(crate) config: &'a LogConfig,
    pub(crate) now_ms: TimestampMs,
}

impl Load<'_> {
    /// Checks every batch.
    pub(crate) fn fully(&self) -> io::Result<Loaded> {
        let files = self.files();
        let file = files.log()?;
        let len = file.len()?;
        let loaded = self.up_to(&files, &file, len)?;
        let loaded = match loaded.damage {
            Some(damage) if damage.position < loaded.segment.size => {
                let shorter = self.up_to(&files, &file, damage.position)?;
                Loaded { damage: Some(damage), ..shorter }
            }
            _ => loaded,
        };
        files.release(Part::Log);
        Ok(loaded)
    }

    /// Checks every batch of a cleaner's file that waits to be put in its place. The segment is good for looking at only.
    pub(crate) fn swapped(&self) -> io::Result<Loaded> {
        let extension = format!("{}{}", names::LOG, names::SWAP_SUFFIX);
        let path = names::file_path(&self.folder.path, self.base_offset, &extension);
        let file = self.folder.vfs.open(&path, OpenMode::READ)?;
        let len = file.len()?;
        self.up_to(&self.files(), &file, len)
    }

    fn up_to(&self, files: &Arc<Files>, file: &Arc<dyn VfsFile>, len: u64) -> io::Result<Loaded> {
        let mut audit = Audit::new(read_entries(files), read_entries(files));
        let mut stats = self.stats();
        let (mut offsets, mut times) = (Vec::new(), Vec::new());
        let mut window = Window::new(file.clone(), len, SCAN_READ_BYTES);
        let scan = scan(&mut window, 0, &mut stats, |header, position, stats, new_entries| {
            audit.observe(header, position, stats);
            if let Some(new) = new_entries {
                offsets.push(new.offset);
                times.extend(new.time);
            }
        })?;
        audit.finish(&stats, offsets.len());
        times.extend(stats.due_time_entry());
        let index = checked_entries(files, audit.offsets_fit, offsets);
        let time_index = checked_entries(files, audit.times_fit, times);
        let created_ms = file.modified_ms().unwrap_or(self.now_ms);
        let file = Arc::new(SegmentFile::new(files.clone(), 0));
        let segment = Segment::new(file, scan.valid_bytes, stats, index, time_index, created_ms);
        Ok(Loaded { segment, damage: scan.damage, epochs: scan.epochs, has_gaps: scan.has_gaps })
    }

    /// Checks the first batch and those after the last index entry; the rest is checked when it is read.
    /// Falls back to the full check when something does not fit.
    pub(crate) fn by_its_ends(&self) -> io::Result<Loaded> {
        let Some(mut ends) = self.ends()? else { return self.fully() };
        let fits = ends.start()?.is_some() && ends.times_fit()?;
        self.rest(ends, fits)
    }

    /// Checks what may not have been on disk when the process ended: the first batch and every batch from the one before
    /// `synced_until` on that the index knows. What the indexes have after it is built anew; the rest is checked when it
    /// is read. Falls back to the full check when something does not fit.
    pub(crate) fn behind(&self, synced_until: Offset) -> io::Result<Loaded> {
        let Some(mut ends) = self.ends()? else { return self.fully() };
        let fits = ends.cut_behind(synced_until)?;
        self.rest(ends, fits)
    }

    /// Checks every batch from the last index entry on, if the indexes are good up to there.
    fn rest(&self, mut ends: Ends, fits: bool) -> io::Result<Loaded> {
        let loaded = match ends.start()? {
            Some(start) if fits => self.scan_from(ends, start)?,
            _ => None,
        };
        loaded.map_or_else(|| self.fully(), Ok)
    }

    /// The files, and what the first batch tells; `None` if the indexes are of no use.
    fn ends(&self) -> io::Result<Option<Ends>> {
        let files = self.files();
        let file = files.log()?;
        let len = file.len()?;
        let index = Entries::<OffsetEntry>::load(files.clone());
        let time_index = Entries::<TimeEntry>::load(files.clone());
        let (Ok(index), Ok(time_index)) = (index, time_index) else { return Ok(None) };
        let mut window = Window::new(file.clone(), len, TAIL_READ_BYTES);
        let mut stats = self.stats();
        let mut epochs = Vec::new();
        if len > 0 {
            let At::Batch(first) = window.batch_at(0)? else { return Ok(None) };
            stats.first_timestamp = Some(first.max_timestamp);
            note_epoch(&mut epochs, &first);
        }
        Ok(Some(Ends { base_offset: self.base_offset, files, file, window, index, time_index, stats, epochs }))
    }

    fn scan_from(&self, ends: Ends, start: u64) -> io::Result<Option<Loaded>> {
        let Ends { files, file, mut index, mut time_index, mut stats, mut epochs, window, .. } = ends;
        let read_bytes = if window.end() - start > TAIL_READ_BYTES as u64 { SCAN_READ_BYTES } else { TAIL_READ_BYTES };
        let mut window = Window::new(file.clone(), window.end(), read_bytes);
        time_index.last().into_iter().for_each(|last| stats.resume_from(last));
        let scan = scan(&mut window, start, &mut stats, |_, _, _, new_entries| {
            if let Some(new) = new_entries {
                index.push(new.offset);
                new.time.into_iter().for_each(|e| time_index.push(e));
            }
        })?;
        let is_early = scan.damage.as_ref().is_some_and(|d| d.position < scan.valid_bytes);
        if is_early || stats.offset_of_max_timestamp >= stats.next_offset {
            return Ok(None);
        }
        stats.due_time_entry().into_iter().for_each(|e| time_index.push(e));
        epochs.extend(scan.epochs);
        let created_ms = file.modified_ms().unwrap_or(self.now_ms);
        files.release(Part::Log);
        let file = Arc::new(SegmentFile::new(files, start));
        let segment = Segment::new(file, scan.valid_bytes, stats, index, time_index, created_ms);
        Ok(Some(Loaded { segment, damage: scan.damage, epochs, has_gaps: false }))
    }

    fn stats(&self) -> SegmentStats {
        SegmentStats::new(self.base_offset, self.config.index_interval())
    }

    fn files(&self) -> Arc<Files> {
        Files::new(self.folder.clone(), self.base_offset)
    }
}

fn read_entries<E: Entry>(files: &Arc<Files>) -> Option<Vec<E>> {
    Entries::load(files.clone()).and_then(|entries| entries.read_all()).ok()
}

fn checked_entries<E: Entry>(files: &Arc<Files>, fits: bool, rebuilt: Vec<E>) -> Entries<E> {
    if fits && let Ok(entries) = Entries::load(files.clone()) {
        entries.release();
        return entries;
    }
    let mut entries = Entries::empty(files.clone());
    entries.replace(rebuilt);
    entries.release();
    entries
}

/// A segment of which only the ends are looked at.
struct Ends {
    base_offset: Offset,
    files: Arc<Files>,
    file: Arc<dyn VfsFile>,
    window: Window,
    index: Entries<OffsetEntry>,
    time_index: Entries<TimeEntry>,
    stats: SegmentStats,
    epochs: Vec<EpochSample>,
}

impl Ends {
    /// Where the last batch starts that the offset index knows; `None` if there is no such batch.
    fn start(&mut self) -> io::Result<Option<u64>> {
        match self.index.last() {
            Some(entry) if !entry_fits(&mut self.window, self.base_offset, entry)? => Ok(None),
            entry => Ok(Some(entry.map_or(0, |e| u64::from(e.position)))),
        }
    }

    /// Cuts the indexes so that they end before `synced_until` and tell nothing that the log does not; whether that worked.
    fn cut_behind(&mut self, synced_until: Offset) -> io::Result<bool> {
        let Ok(mut limit) = u32::try_from(synced_until.saturating_sub(self.base_offset)) else { return Ok(false) };
        // The second time from where the time index ends: it may have been written less far.
        for _ in 0..2 {
            let mut was_cut = self.index.cut_after(|e| e.relative_offset < limit)?;
            let Some(entry) = self.index.last().filter(|e| e.position > 0) else { return Ok(false) };
            was_cut |= self.time_index.cut_after(|e| e.relative_offset < entry.relative_offset)?;
            if self.start()?.is_none() {
                return Ok(false);
            }
            if self.times_fit()? {
                if was_cut {
                    // What is cut off must not be found by the next start, when other records have these offsets.
                    let _ = self.index.flush();
                    let _ = self.time_index.flush();
                    self.index.release();
                    self.time_index.release();
                }
                return Ok(true);
            }
            let Some(time) = self.time_index.last() else { return Ok(false) };
            limit = time.relative_offset;
        }
        Ok(false)
    }

    /// Whether the last time entry can be right: the batch it means has the time, and no batch after it that the offset
    /// index covers has a later one.
    fn times_fit(&mut self) -> io::Result<bool> {
        let Some(last) = self.time_index.last() else {
            return Ok(self.stats.first_timestamp.is_none_or(|first| first < 0));
        };
        let before = |e: &OffsetEntry| e.relative_offset <= last.relative_offset;
        let start = self.index.search(before).resolve(before)?.map_or(0, |e| u64::from(e.position));
        let offset = self.base_offset + i64::from(last.relative_offset);
        let mut position = start;
        loop {
            match self.window.batch_at(position)? {
                At::Batch(header) if header.last_offset() < offset => position += header.size_bytes() as u64,
                At::Batch(header) if header.max_timestamp == last.timestamp && header.base_offset <= offset => break,
                _ => return Ok(false),
            }
        }
        let end = self.index.last().map_or(0, |e| u64::from(e.position));
        if end.saturating_sub(position) <= WALK_BYTES {
            return self.none_is_later(last.timestamp, position, end);
        }
        let after = self.index.read_after(before)?;
        for entry in after.iter().step_by(after.len() / SAMPLES + 1) {
            match self.window.batch_at(u64::from(entry.position))? {
                At::Batch(header) if header.max_timestamp <= last.timestamp => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn none_is_later(&mut self, timestamp: TimestampMs, mut position: u64, end: u64) -> io::Result<bool> {
        while position < end {
            match self.window.batch_at(position)? {
                At::Batch(header) if header.max_timestamp <= timestamp => position += header.size_bytes() as u64,
                _ => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// Compares the indexes on disk with the batches as they pass by.
struct Audit {
    offsets: Vec<OffsetEntry>,
    times: Vec<TimeEntry>,
    next_offset_entry: usize,
    next_time_entry: usize,
    offsets_fit: bool,
    times_fit: bool,
}

impl Audit {
    fn new(offsets: Option<Vec<OffsetEntry>>, times: Option<Vec<TimeEntry>>) -> Self {
        Self {
            offsets_fit: offsets.is_some(),
            times_fit: times.is_some(),
            offsets: offsets.unwrap_or_default(),
            times: times.unwrap_or_default(),
            next_offset_entry: 0,
            next_time_entry: 0,
        }
    }

    fn observe(&mut self, header: &BatchHeader, position: u64, stats: &SegmentStats) {
        let (first, last) = (stats.relative(header.base_offset), stats.relative(header.last_offset()));
        if let Some(entry) = self.offsets.get(self.next_offset_entry)
            && u64::from(entry.position) <= position
        {
            self.offsets_fit &=
                u64::from(entry.position) == position && first.is_some_and(|f| f <= entry.relative_offset);
            self.next_offset_entry += 1;
        }
        if let Some(entry) = self.times.get(self.next_time_entry)
            && last.is_some_and(|last| entry.relative_offset <= last)
        {
            let is_largest = entry.timestamp == header.max_timestamp && entry.timestamp == stats.max_timestamp;
            self.times_fit &= is_largest && first.is_some_and(|f| f <= entry.relative_offset);
            self.next_time_entry += 1;
        }
    }

    fn finish(&mut self, stats: &SegmentStats, offset_entries_due: usize) {
        let ascending = |pair: &[OffsetEntry]| pair[0].relative_offset < pair[1].relative_offset;
        self.offsets_fit &= self.next_offset_entry == self.offsets.len()
            && self.offsets.windows(2).all(ascending)
            && self.offsets.len() * 2 + 1 >= offset_entries_due;
        self.times_fit &= self.next_time_entry == self.times.len()
            && self.times.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp)
            && self.times.last().map_or(-1, |e| e.timestamp) == stats.max_timestamp.max(-1);
    }
}
