//! The log file of one segment, shared between the log and readers that work outside its lock. Knows which bytes are
//! known to be good, so that what was on disk before this process started is checked once before it is served.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use barnabas_common::Offset;
use barnabas_common::vfs::is_passing;
use barnabas_protocol::records::BatchHeader;

use crate::error::{Corruption, ReadError};
use crate::segment::entries::Found;
use crate::segment::files::{Files, Part};
use crate::segment::index::OffsetEntry;
use crate::segment::window::{At, Window};

pub(crate) struct SegmentFile {
    pub(crate) base_offset: Offset,
    pub(crate) files: Arc<Files>,
    /// The CRC of every batch before this position has been checked.
    verified_until: AtomicU64,
    /// From this position on, this process has written the bytes itself or checked them when it opened the file.
    good_from: AtomicU64,
    index_is_suspect: AtomicBool,
}

impl SegmentFile {
    pub(crate) fn new(files: Arc<Files>, good_from: u64) -> Self {
        Self {
            base_offset: files.base_offset,
            files,
            verified_until: AtomicU64::new(0),
            good_from: AtomicU64::new(good_from),
            index_is_suspect: AtomicBool::new(false),
        }
    }

    /// What lies from `position` on will be written anew by this process.
    pub(crate) fn truncated_at(&self, position: u64) {
        self.verified_until.fetch_min(position, Ordering::Relaxed);
        self.good_from.fetch_min(position, Ordering::Relaxed);
    }

    fn must_verify(&self, start: u64, end: u64) -> bool {
        let verified_until = self.verified_until.load(Ordering::Relaxed);
        let unknown = start.max(verified_until)..end.min(self.good_from.load(Ordering::Relaxed));
        !unknown.is_empty()
    }

    fn verified(&self, start: u64, end: u64) {
        if start <= self.verified_until.load(Ordering::Relaxed) {
            self.verified_until.fetch_max(end, Ordering::Relaxed);
        }
    }

    pub(crate) fn suspect_index(&self) {
        self.index_is_suspect.store(true, Ordering::Relaxed);
    }

    /// Whether a reader found an index entry that does not fit the log.
    pub(crate) fn take_index_suspicion(&self) -> bool {
        self.index_is_suspect.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn corrupt(&self, position: u64, what: impl Into<String>) -> ReadError {
        ReadError::Corrupt(Corruption {
            what: what.into(),
            file: self.files.path(Part::Log),
            position,
            how_to_fix: "restore the file or remove this partition's folder and let it be replicated again".into(),
        })
    }
}

/// A way to an offset in one segment, taken under the lock and followed outside.
pub(crate) struct SegmentReader {
    pub(crate) segment: Arc<SegmentFile>,
    /// Bytes in the file when the way was taken.
    pub(crate) end: u64,
    /// Offset after the last batch, then.
    pub(crate) end_offset: Offset,
    pub(crate) offset: Offset,
    pub(crate) index: Found<OffsetEntry>,
}

/// The predicate of a search for `offset` in an offset index.
pub(crate) fn at_or_before(base_offset: Offset, offset: Offset) -> impl Fn(&OffsetEntry) -> bool {
    move |entry| base_offset + i64::from(entry.relative_offset) <= offset
}

impl SegmentReader {
    pub(crate) fn window(&self, read_bytes: usize) -> io::Result<Window> {
        Ok(Window::new(self.segment.files.log()?, self.end, read_bytes))
    }

    /// The same segment with another goal, from an index entry already found.
    pub(crate) fn with_index(&self, offset: Offset, entry: Option<OffsetEntry>) -> SegmentReader {
        let (segment, index) = (self.segment.clone(), Found::Known(entry));
        SegmentReader { segment, end: self.end, end_offset: self.end_offset, offset, index }
    }

    /// Position and header of the first batch that ends at or after the offset.
    pub(crate) fn seek(&self, window: &mut Window) -> Result<Option<(u64, BatchHeader)>, ReadError> {
        let mut position = self.start(window)?;
        while position < self.end {
            let header = self.batch_at(window, position)?;
            if header.last_offset() >= self.offset {
                return Ok(Some((position, header)));
            }
            position += header.size_bytes() as u64;
        }
        Ok(None)
    }

    /// The batch at a position where one must be; its CRC is checked unless known to be good.
    pub(crate) fn verified_batch_at(&self, window: &mut Window, position: u64) -> Result<BatchHeader, ReadError> {
        let header = self.batch_at(window, position)?;
        let end = position + header.size_bytes() as u64;
        if self.segment.must_verify(position, end) {
            if !window.crc_matches(position, &header)? {
                return Err(self.segment.corrupt(position, "the CRC of a record batch does not match its content"));
            }
            self.segment.verified(position, end);
        }
        Ok(header)
    }

    /// The header of the batch at a position where one must be.
    pub(crate) fn batch_at(&self, window: &mut Window, position: u64) -> Result<BatchHeader, ReadError> {
        match window.batch_at(position)? {
            At::Batch(header) if self.may_hold(&header) => Ok(header),
            At::Batch(header) => {
                let what = format!("a record batch claims offset {}, which is not of this segment", header.base_offset);
                Err(self.segment.corrupt(position, what))
            }
            At::Incomplete => Err(self.segment.corrupt(position, "a record batch is cut short")),
            At::Malformed(error) => Err(self.segment.corrupt(position, error.to_string())),
        }
    }

    /// Whether bytes may leave the process without having been in its memory.
    pub(crate) fn may_be_sent_unread(&self, start: u64, end: u64) -> bool {
        !self.segment.must_verify(start, end)
    }

    fn may_hold(&self, header: &BatchHeader) -> bool {
        header.base_offset >= self.segment.base_offset && header.next_offset() <= self.end_offset
    }

    /// Where to start looking: what the index says, if the log agrees, otherwise the beginning.
    fn start(&self, window: &mut Window) -> io::Result<u64> {
        let found = self.index.resolve(at_or_before(self.segment.base_offset, self.offset));
        let entry = match found {
            Ok(None) => return Ok(0),
            Ok(Some(entry)) => entry,
            Err(error) if is_passing(&error) => return Err(error),
            Err(_) => {
                self.segment.suspect_index();
                return Ok(0);
            }
        };
        if entry_fits(window, self.segment.base_offset, entry)? {
            return Ok(u64::from(entry.position));
        }
        self.segment.suspect_index();
        Ok(0)
    }
}

/// Whether a batch that the entry can mean starts at its position.
pub(crate) fn entry_fits(window: &mut Window, base_offset: Offset, entry: OffsetEntry) -> io::Result<bool> {
    let (position, offset) = (u64::from(entry.position), base_offset + i64::from(entry.relative_offset));
    if position >= window.end() {
        return Ok(false);
    }
    match window.batch_at(position)? {
        // Brokers before 4.0 indexed the last offset of a whole append, of which the batch is the first: there only
        // the CRC tells a batch from bytes that look like one.
        At::Batch(header) if header.base_offset <= offset => {
            Ok(header.last_offset() == offset || window.crc_matches(position, &header)?)
        }
        _ => Ok(false),
    }
}
