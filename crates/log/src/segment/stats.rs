//! What a segment remembers about its batches while they pass by, on append and on recovery alike: where it ends, its
//! largest timestamp, and when the next index entries are due.

use barnabas_common::{Offset, TimestampMs};
use barnabas_protocol::records::BatchHeader;

use super::index::{OffsetEntry, TimeEntry};

#[derive(Clone, Debug)]
pub(crate) struct SegmentStats {
    base_offset: Offset,
    index_interval: u64,
    pub(super) bytes_since_last_entry: u64,
    pub(super) last_indexed_timestamp: TimestampMs,
    pub(crate) next_offset: Offset,
    /// -1 if no batch has a timestamp.
    pub(crate) max_timestamp: TimestampMs,
    /// Last offset of the first batch that has the largest timestamp.
    pub(crate) offset_of_max_timestamp: Offset,
    /// Largest timestamp of the first batch: a segment's age is counted from it.
    pub(crate) first_timestamp: Option<TimestampMs>,
}

/// Entries that became due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NewEntries {
    pub(crate) offset: OffsetEntry,
    pub(crate) time: Option<TimeEntry>,
}

impl SegmentStats {
    pub(crate) fn new(base_offset: Offset, index_interval: u64) -> Self {
        Self {
            base_offset,
            index_interval,
            bytes_since_last_entry: 0,
            last_indexed_timestamp: -1,
            next_offset: base_offset,
            max_timestamp: -1,
            offset_of_max_timestamp: -1,
            first_timestamp: None,
        }
    }

    /// Starts from the last entry of an existing time index.
    pub(crate) fn resume_from(&mut self, entry: TimeEntry) {
        self.max_timestamp = entry.timestamp;
        self.last_indexed_timestamp = entry.timestamp;
        self.offset_of_max_timestamp = self.base_offset + i64::from(entry.relative_offset);
    }

    pub(crate) fn set_index_interval(&mut self, bytes: u64) {
        self.index_interval = bytes;
    }

    /// Offset relative to the segment, if it has one.
    pub(crate) fn relative(&self, offset: Offset) -> Option<u32> {
        offset.checked_sub(self.base_offset).and_then(|r| i32::try_from(r).ok()).and_then(|r| u32::try_from(r).ok())
    }

    /// Takes note of a batch that starts at `position`. Batches come in the order of the file.
    pub(crate) fn observe(&mut self, header: &BatchHeader, position: u64) -> Option<NewEntries> {
        if header.max_timestamp > self.max_timestamp {
            self.max_timestamp = header.max_timestamp;
            self.offset_of_max_timestamp = header.last_offset();
        }
        self.first_timestamp.get_or_insert(header.max_timestamp);
        self.next_offset = header.next_offset();
        let due = self.bytes_since_last_entry > self.index_interval;
        if due {
            self.bytes_since_last_entry = 0;
        }
        self.bytes_since_last_entry += header.size_bytes() as u64;
        if !due {
            return None;
        }
        let offset = OffsetEntry {
            relative_offset: self.relative(header.last_offset())?,
            position: u32::try_from(position).ok()?,
        };
        Some(NewEntries { offset, time: self.due_time_entry() })
    }

    /// The time entry that brings the index up to date, if it is not.
    pub(crate) fn due_time_entry(&mut self) -> Option<TimeEntry> {
        if self.max_timestamp <= self.last_indexed_timestamp {
            return None;
        }
        self.last_indexed_timestamp = self.max_timestamp;
        let relative_offset = self.relative(self.offset_of_max_timestamp)?;
        Some(TimeEntry { timestamp: self.max_timestamp, relative_offset })
    }
}
