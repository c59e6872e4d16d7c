//! Reading by offset: planned under the lock, done outside of it. A plan stays good while segments are deleted.

use barnabas_common::Offset;
use barnabas_protocol::records::{BatchError, BatchHeader};
use bytes::Bytes;

use super::Log;
use super::file_range::RangeEnds;
use crate::error::ReadError;
use crate::segment::Segment;
use crate::segment::entries::Found;
use crate::segment::file::SegmentReader;
use crate::segment::window::{At, Window};

/// Read in addition to what was asked for, so that finding the first batch and reading it is one system call.
const SEEK_SLACK_BYTES: usize = 8 << 10;

/// A read that has been decided on and not been done.
pub struct ReadPlan {
    pub(super) reader: Option<SegmentReader>,
    /// By which the end of a large read is found.
    pub(super) ends: Option<RangeEnds>,
    pub(super) max_offset: Offset,
    pub(super) max_bytes: usize,
    pub(super) min_one_batch: bool,
    /// Where the first batch starts, once that has been found.
    pub(super) start: Option<u64>,
    goes_on_elsewhere: bool,
}

impl Log {
    /// Plans to read whole batches from the one that holds `offset` on, below `max_offset`. With `min_one_batch`, the
    /// first batch is read even if it is larger than `max_bytes`.
    pub fn plan_read(
        &self,
        offset: Offset,
        max_bytes: usize,
        max_offset: Offset,
        min_one_batch: bool,
    ) -> Result<ReadPlan, ReadError> {
        let end = self.log_end_offset();
        if offset < self.log_start_offset || offset > end {
            return Err(self.out_of_range(offset).into());
        }
        let mut plan = ReadPlan {
            reader: None,
            ends: None,
            max_offset,
            max_bytes,
            min_one_batch,
            start: None,
            goes_on_elsewhere: false,
        };
        if offset < max_offset.min(end)
            && let Some(index) = self.holder_index_of(offset)
        {
            let holder = &self.segments[index];
            plan.reader = Some(holder.reader(offset.max(holder.base_offset())));
            let next = self.segments.get(index + 1);
            plan.goes_on_elsewhere = next.is_some_and(|next| next.base_offset() <= max_offset);
        }
        Ok(plan)
    }

    /// Like [`Log::plan_read`] for a reader that can do with ranges of files, where they are large.
    pub fn plan_fetch(
        &self,
        offset: Offset,
        max_bytes: usize,
        max_offset: Offset,
        min_one_batch: bool,
        range_from_bytes: usize,
    ) -> Result<ReadPlan, ReadError> {
        let mut plan = self.plan_read(offset, max_bytes, max_offset, min_one_batch)?;
        let bound = plan.at_most_bytes();
        let is_large = bound.min(max_bytes as u64) >= range_from_bytes as u64;
        // What reaches up to the end of the log needs no search.
        if is_large && (bound > max_bytes as u64 || max_offset < self.log_end_offset()) {
            plan.ends = self.holder_of(offset).map(|holder| holder.index.snapshot());
        }
        Ok(plan)
    }

    /// The segment with the first batch that ends at or after the offset. A segment may end before the next begins, where
    /// compaction has removed its last batches.
    fn holder_of(&self, offset: Offset) -> Option<&Segment> {
        self.holder_index_of(offset).map(|index| &self.segments[index])
    }

    fn holder_index_of(&self, offset: Offset) -> Option<usize> {
        let first = self.segment_at(offset);
        let skipped = self.segments[first..].iter().position(|s| s.next_offset() > offset)?;
        Some(first + skipped)
    }
}

impl ReadPlan {
    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.reader.is_none()
    }

    /// Whether what may be read goes beyond the segment that this reads from, so that waiting brings nothing more.
    pub fn goes_on_elsewhere(&self) -> bool {
        self.goes_on_elsewhere
    }

    /// Lets the read bring no more than this, except one batch if that was allowed.
    pub fn limit_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = self.max_bytes.min(max_bytes);
    }

    /// A bound on what reading can bring, told without looking at the file.
    pub fn at_most_bytes(&self) -> u64 {
        let Some(reader) = &self.reader else { return 0 };
        let start = match &reader.index {
            Found::Known(entry) => entry.map_or(0, |entry| u64::from(entry.position)),
            Found::OnDisk(_) => 0,
        };
        reader.end.saturating_sub(start)
    }

    /// Reads whole batches. Does not decompress; checks CRCs only of what this process has not written or checked.
    pub fn read(self) -> Result<Bytes, ReadError> {
        let Some(reader) = &self.reader else { return Ok(Bytes::new()) };
        let slack = if self.start.is_some() { 0 } else { SEEK_SLACK_BYTES };
        let mut window = reader.window(self.max_bytes.min(1 << 30) + slack)?;
        let first = match self.start {
            Some(start) => Some((start, reader.batch_at(&mut window, start)?)),
            None => reader.seek(&mut window)?,
        };
        let Some((position, first)) = first else { return Ok(Bytes::new()) };
        if first.last_offset() >= self.max_offset {
            return Ok(Bytes::new());
        }
        let wanted = match first.size_bytes() > self.max_bytes {
            true if !self.min_one_batch => return Ok(Bytes::new()),
            true => first.size_bytes(),
            false => self.max_bytes,
        };
        let bytes = window.read(position, wanted)?;
        let len = self.whole_batches(reader, &mut window, position, &bytes)?;
        // What is kept until it is sent holds all the memory that it was read into.
        let is_mostly_unused = len < window.held_bytes() / 2;
        Ok(if is_mostly_unused { Bytes::copy_from_slice(&bytes[..len]) } else { bytes.slice(..len) })
    }

    /// How many of the bytes are whole batches that may be served.
    fn whole_batches(
        &self,
        reader: &SegmentReader,
        window: &mut Window,
        start: u64,
        bytes: &Bytes,
    ) -> Result<usize, ReadError> {
        let (mut len, mut expected) = (0, Offset::MIN);
        while let Some(rest) = bytes.get(len..).filter(|rest| !rest.is_empty()) {
            let position = start + len as u64;
            let header = match BatchHeader::parse(rest) {
                Ok(header) if header.size_bytes() <= rest.len() => header,
                Ok(_) | Err(BatchError::Truncated { .. }) if len > 0 => break,
                // All of the first batch was asked for.
                Ok(_) => return Err(reader.segment.corrupt(position, "a record batch is cut short")),
                Err(error) => return Err(reader.segment.corrupt(position, error.to_string())),
            };
            if header.last_offset() >= self.max_offset {
                break;
            }
            if header.base_offset < expected {
                let what = format!("offset {} follows where at least {expected} is expected", header.base_offset);
                return Err(reader.segment.corrupt(position, what));
            }
            reader.verified_batch_at(window, position)?;
            expected = header.next_offset();
            len += header.size_bytes();
        }
        Ok(len)
    }
}

/// Reads nothing but headers: where the batch that holds an offset starts. For tools and tests.
impl Log {
    /// Header of the batch that holds `offset` or is the first after it.
    pub fn batch_header_at(&self, offset: Offset) -> Result<Option<BatchHeader>, ReadError> {
        let Some(segment) = self.holder_of(offset) else { return Ok(None) };
        let reader = segment.reader(offset.max(segment.base_offset()));
        let mut window = reader.window(SEEK_SLACK_BYTES)?;
        let Some((position, _)) = reader.seek(&mut window)? else { return Ok(None) };
        match window.batch_at(position)? {
            At::Batch(header) => Ok(Some(header)),
            _ => Ok(None),
        }
    }
}
