//! Where in its file the answer to a read stands, found without reading it: the index says where a batch near the end
//! starts, and only from there on headers are read. What has not been checked yet is not for this path.

use barnabas_common::vfs::FileRange;
use barnabas_protocol::records::BatchHeader;

use super::ReadPlan;
use crate::error::ReadError;
use crate::segment::entries::EntriesSnapshot;
use crate::segment::file::{SegmentReader, entry_fits};
use crate::segment::index::OffsetEntry;
use crate::segment::window::Window;

/// Read at once while looking for the first and the last batch.
const SEEK_READ_BYTES: usize = 4 << 10;

impl ReadPlan {
    /// The bytes that [`ReadPlan::read`] would bring, as a range of the file, if they are at least `least_bytes`, have
    /// been checked or written by this process, and the file has a descriptor. Otherwise they are to be read.
    pub fn find_range(&mut self, least_bytes: usize) -> Result<Option<FileRange>, ReadError> {
        let bound = self.at_most_bytes().min(self.max_bytes as u64);
        // One batch larger than the limit may be large enough to be worth it; who asks for so little does not care.
        if bound < least_bytes as u64 {
            return Ok(None);
        }
        let Some(reader) = &self.reader else { return Ok(None) };
        let mut window = reader.window(SEEK_READ_BYTES)?;
        if window.file().fd().is_none() {
            return Ok(None);
        }
        let Some((start, first)) = reader.seek(&mut window)? else { return Ok(None) };
        let end = self.range_end(reader, &mut window, start, &first)?;
        self.start = Some(start);
        let len = usize::try_from(end - start).unwrap_or(usize::MAX);
        if len < least_bytes || !reader.may_be_sent_unread(start, end) {
            return Ok(None);
        }
        // Somebody has cut the file: reading it tells what is wrong, a socket would only be closed.
        if window.file().len()? < end {
            return Ok(None);
        }
        Ok(Some(FileRange::new(window.file().clone(), start, len)))
    }

    /// The end of the last whole batch that may be served, `start` if there is none.
    fn range_end(
        &self,
        reader: &SegmentReader,
        window: &mut Window,
        start: u64,
        first: &BatchHeader,
    ) -> Result<u64, ReadError> {
        if first.last_offset() >= self.max_offset {
            return Ok(start);
        }
        let first_end = start + first.size_bytes() as u64;
        let limit = start.saturating_add(self.max_bytes as u64);
        if first_end > limit {
            return Ok(if self.min_one_batch { first_end } else { start });
        }
        if reader.end <= limit && reader.end_offset <= self.max_offset {
            return Ok(reader.end);
        }
        let mut end = self.indexed_position(reader, window, limit)?.unwrap_or(first_end).max(first_end);
        while end < reader.end {
            let header = reader.batch_at(window, end)?;
            let next = end + header.size_bytes() as u64;
            if next > limit || header.last_offset() >= self.max_offset {
                break;
            }
            end = next;
        }
        Ok(end)
    }

    /// Where the last indexed batch starts that ends neither behind the limit nor at an offset that may not be served.
    fn indexed_position(
        &self,
        reader: &SegmentReader,
        window: &mut Window,
        limit: u64,
    ) -> Result<Option<u64>, ReadError> {
        let Some(ends) = &self.ends else { return Ok(None) };
        let base_offset = reader.segment.base_offset;
        let may_be_served = |e: &OffsetEntry| {
            u64::from(e.position) <= limit.min(reader.end)
                && base_offset + i64::from(e.relative_offset) < self.max_offset
        };
        // An index that cannot be read only costs time.
        let Some(entry) = ends.search(may_be_served).unwrap_or_default() else { return Ok(None) };
        if entry_fits(window, base_offset, entry)? {
            return Ok(Some(u64::from(entry.position)));
        }
        reader.segment.suspect_index();
        Ok(None)
    }
}

/// The entries of the index by which the end of a range is found.
pub(super) type RangeEnds = EntriesSnapshot<OffsetEntry>;
