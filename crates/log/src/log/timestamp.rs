//! Finding records by time: planned under the lock, done outside of it, as it may have to decompress a batch.

use std::ops::ControlFlow;

use barnabas_common::{LeaderEpoch, Offset, TimestampMs};
use barnabas_protocol::records::{BatchHeader, DecompressionLimit, TimestampType, scan_records};

use super::Log;
use super::latest::{Claim, largest_timestamp};
use crate::error::ReadError;
use crate::segment::Segment;
use crate::segment::entries::EntriesSnapshot;
use crate::segment::file::{SegmentReader, at_or_before};
use crate::segment::index::{OffsetEntry, TimeEntry};
use crate::segment::window::Window;

pub(super) const READ_BYTES: usize = 64 << 10;

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOffset {
    pub offset: Offset,
    pub timestamp: TimestampMs,
    pub leader_epoch: LeaderEpoch,
}

/// A search that has been decided on and not been done.
pub struct TimestampPlan {
    timestamp: TimestampMs,
    log_start_offset: Offset,
    segments: Vec<Candidate>,
    /// Where else the largest time is to be looked for if no record has the one that headers claim.
    if_not_found: Vec<Claim>,
}

/// A segment with a record of the time or later.
pub(super) struct Candidate {
    pub(super) reader: SegmentReader,
    pub(super) offsets: EntriesSnapshot<OffsetEntry>,
    times: EntriesSnapshot<TimeEntry>,
}

impl Log {
    /// Plans to find the first record whose timestamp is `timestamp` or later.
    pub fn offset_for_timestamp(&self, timestamp: TimestampMs) -> TimestampPlan {
        let has_it = |s: &&Segment| s.stats.max_timestamp >= timestamp && s.next_offset() > self.log_start_offset;
        let segments = self.segments.iter().filter(has_it).map(Candidate::of).collect();
        TimestampPlan { timestamp, log_start_offset: self.log_start_offset, segments, if_not_found: Vec::new() }
    }

    /// Plans to find the first record that has the largest timestamp of all that can be read.
    pub fn max_timestamp(&self) -> TimestampPlan {
        let in_reach = self.segments.iter().filter(|s| s.next_offset() > self.log_start_offset);
        let claim = |s: &Segment| Claim { candidate: Candidate::of(s), timestamp: s.stats.max_timestamp };
        let claims: Vec<Claim> = in_reach.filter(|s| s.stats.max_timestamp >= 0).map(claim).collect();
        let Some(largest) = claims.iter().map(|claim| claim.timestamp).max() else { return self.nothing() };
        TimestampPlan { if_not_found: claims, ..self.offset_for_timestamp(largest) }
    }

    fn nothing(&self) -> TimestampPlan {
        let log_start_offset = self.log_start_offset;
        TimestampPlan { timestamp: -1, log_start_offset, segments: Vec::new(), if_not_found: Vec::new() }
    }
}

impl TimestampPlan {
    pub fn find(mut self) -> Result<Option<TimestampOffset>, ReadError> {
        for candidate in &self.segments {
            if let Some(found) = self.find_in(candidate)? {
                return Ok(Some(found));
            }
        }
        let claims = std::mem::take(&mut self.if_not_found);
        self.timestamp = largest_timestamp(&claims, self.log_start_offset)?;
        if self.timestamp < 0 {
            return Ok(None);
        }
        let has_it = claims.into_iter().filter(|claim| claim.timestamp >= self.timestamp);
        self.segments = has_it.map(|claim| claim.candidate).collect();
        self.find()
    }

    fn find_in(&self, candidate: &Candidate) -> Result<Option<TimestampOffset>, ReadError> {
        let reader = &candidate.reader;
        let mut window = reader.window(READ_BYTES)?;
        let mut position = candidate.start(self.timestamp, &mut window)?;
        while position < reader.end {
            let header = reader.batch_at(&mut window, position)?;
            if header.max_timestamp >= self.timestamp && header.last_offset() >= self.log_start_offset {
                reader.verified_batch_at(&mut window, position)?;
                let batch = window.read(position, header.size_bytes())?;
                if let Some(found) = self.find_in_batch(&header, &batch) {
                    return Ok(Some(found));
                }
            }
            position += header.size_bytes() as u64;
        }
        Ok(None)
    }

    fn find_in_batch(&self, header: &BatchHeader, batch: &[u8]) -> Option<TimestampOffset> {
        let found =
            |offset, timestamp| TimestampOffset { offset, timestamp, leader_epoch: header.partition_leader_epoch };
        // All have the time, and unless compaction has removed some, the first of them is where the batch begins.
        let is_whole = i64::from(header.record_count) == i64::from(header.last_offset_delta) + 1;
        if header.timestamp_type() == TimestampType::LogAppendTime && is_whole {
            return Some(found(header.base_offset.max(self.log_start_offset), header.max_timestamp));
        }
        let scanned = scan_records(batch, DecompressionLimit::default(), |record| {
            match record.timestamp >= self.timestamp && record.offset >= self.log_start_offset {
                true => ControlFlow::Break(found(record.offset, record.timestamp)),
                false => ControlFlow::Continue(()),
            }
        });
        match scanned {
            Ok(flow) => flow.break_value(),
            // The producer's compressed data is broken: the header is the best there is.
            Err(_) => Some(found(header.base_offset.max(self.log_start_offset), header.max_timestamp)),
        }
    }
}

impl Candidate {
    fn of(segment: &Segment) -> Self {
        Candidate {
            reader: segment.reader_from_start(),
            offsets: segment.index.snapshot(),
            times: segment.time_index.snapshot(),
        }
    }

    /// Where to start: the last batch known to have only older ones before it. An index that does not fit the log is
    /// not followed.
    fn start(&self, timestamp: TimestampMs, window: &mut Window) -> Result<u64, ReadError> {
        let base_offset = self.reader.segment.base_offset;
        let Ok(Some(time)) = self.times.search(|e| e.timestamp < timestamp) else { return Ok(0) };
        let offset = base_offset + i64::from(time.relative_offset);
        let Ok(entry) = self.offsets.search(at_or_before(base_offset, offset)) else { return Ok(0) };
        let reader = self.reader.with_index(offset, entry);
        match reader.seek(window)? {
            Some((position, header)) if header.max_timestamp == time.timestamp => Ok(position),
            _ => Ok(0),
        }
    }
}
