//! Finding records by time: planned under the lock, done outside of it, as it may have to decompress a batch.

use std::ops::ControlFlow;

use barnabas_common::{LeaderEpoch, Offset, TimestampMs};
use barnabas_protocol::records::{BatchHeader, DecompressionLimit, TimestampType, scan_records};

use super::Log;
use crate::error::ReadError;
use crate::segment::Segment;
use crate::segment::entries::EntriesSnapshot;
use crate::segment::file::{SegmentReader, at_or_before};
use crate::segment::index::{OffsetEntry, TimeEntry};
use crate::segment::window::Window;

const READ_BYTES: usize = 64 << 10;

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
    if_not_found: Option<LargestInReach>,
}

/// Where the largest time is if the one that the first segment knows is that of a record below the log start offset.
struct LargestInReach {
    first: Candidate,
    /// The largest time of the segments after the first.
    timestamp: TimestampMs,
    /// Those that have it.
    segments: Vec<Candidate>,
}

/// A segment with a record of the time or later.
struct Candidate {
    reader: SegmentReader,
    offsets: EntriesSnapshot<OffsetEntry>,
    times: EntriesSnapshot<TimeEntry>,
}

impl Log {
    /// Plans to find the first record whose timestamp is `timestamp` or later.
    pub fn offset_for_timestamp(&self, timestamp: TimestampMs) -> TimestampPlan {
        let has_it = |s: &&Segment| s.stats.max_timestamp >= timestamp && s.next_offset() > self.log_start_offset;
        let segments = self.segments.iter().filter(has_it).map(Candidate::of).collect();
        TimestampPlan { timestamp, log_start_offset: self.log_start_offset, segments, if_not_found: None }
    }

    /// Plans to find the first record that has the largest timestamp of all that can be read.
    pub fn max_timestamp(&self) -> TimestampPlan {
        let in_reach: Vec<&Segment> =
            self.segments.iter().filter(|s| s.next_offset() > self.log_start_offset).collect();
        let Some((first, rest)) = in_reach.split_first() else { return self.nothing() };
        let rest_timestamp = rest.iter().map(|s| s.stats.max_timestamp).max().unwrap_or(-1);
        let first_timestamp = first.stats.max_timestamp;
        if first_timestamp.max(rest_timestamp) < 0 {
            return self.nothing();
        }
        let mut plan = self.offset_for_timestamp(first_timestamp.max(rest_timestamp));
        if first.base_offset() < self.log_start_offset && first_timestamp > rest_timestamp {
            let has_it = |s: &&&Segment| rest_timestamp >= 0 && s.stats.max_timestamp >= rest_timestamp;
            let segments = rest.iter().filter(has_it).map(|s| Candidate::of(s)).collect();
            plan.if_not_found =
                Some(LargestInReach { first: Candidate::of(first), timestamp: rest_timestamp, segments });
        }
        plan
    }

    fn nothing(&self) -> TimestampPlan {
        let log_start_offset = self.log_start_offset;
        TimestampPlan { timestamp: -1, log_start_offset, segments: Vec::new(), if_not_found: None }
    }
}

impl TimestampPlan {
    pub fn find(mut self) -> Result<Option<TimestampOffset>, ReadError> {
        for candidate in &self.segments {
            if let Some(found) = self.find_in(candidate)? {
                return Ok(Some(found));
            }
        }
        let Some(LargestInReach { first, timestamp, segments }) = self.if_not_found.take() else { return Ok(None) };
        self.timestamp = timestamp.max(first.largest_from(self.log_start_offset)?);
        if self.timestamp < 0 {
            return Ok(None);
        }
        self.segments = segments;
        self.segments.insert(0, first);
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

    /// The largest time of the records from an offset on; -1 if there are none.
    fn largest_from(&self, offset: Offset) -> Result<TimestampMs, ReadError> {
        let entry = self.offsets.search(at_or_before(self.reader.segment.base_offset, offset)).unwrap_or(None);
        let reader = self.reader.with_index(offset, entry);
        let mut window = reader.window(READ_BYTES)?;
        let mut largest = -1;
        let mut next = reader.seek(&mut window)?;
        while let Some((position, header)) = next {
            largest = largest.max(match header.base_offset < offset {
                true => largest_within(&reader, &mut window, position, offset)?,
                false => header.max_timestamp,
            });
            let after = position + header.size_bytes() as u64;
            next = if after < reader.end { Some((after, reader.batch_at(&mut window, after)?)) } else { None };
        }
        Ok(largest)
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

/// The largest time of the records of a batch from an offset on.
fn largest_within(
    reader: &SegmentReader,
    window: &mut Window,
    position: u64,
    offset: Offset,
) -> Result<TimestampMs, ReadError> {
    let header = reader.batch_at(window, position)?;
    if header.timestamp_type() == TimestampType::LogAppendTime {
        return Ok(header.max_timestamp);
    }
    reader.verified_batch_at(window, position)?;
    let batch = window.read(position, header.size_bytes())?;
    let mut largest = -1;
    let scanned = scan_records(&batch, DecompressionLimit::default(), |record| {
        if record.offset >= offset {
            largest = largest.max(record.timestamp);
        }
        ControlFlow::<()>::Continue(())
    });
    // As when records are searched for: if the producer's compressed data is broken, the header is the best there is.
    Ok(if scanned.is_ok() { largest } else { header.max_timestamp })
}
