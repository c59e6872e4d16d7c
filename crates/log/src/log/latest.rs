//! The largest timestamp that records really have. Headers tell where to look: what they claim is an upper bound, but their
//! producers may have claimed too much, and records below the log start offset do not count.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use barnabas_common::{Offset, TimestampMs};
use barnabas_protocol::records::{BatchHeader, DecompressionLimit, TimestampType, scan_records};

use super::timestamp::{Candidate, READ_BYTES};
use crate::error::ReadError;
use crate::segment::file::{SegmentReader, at_or_before};
use crate::segment::window::Window;

/// How many batches of a segment are tried, the most promising first, before each one is.
const TRIED: usize = 64;

/// A segment, and the largest time that its headers claim.
pub(super) struct Claim {
    pub(super) candidate: Candidate,
    pub(super) timestamp: TimestampMs,
}

/// The largest time of all records from an offset on; -1 if none has one.
pub(super) fn largest_timestamp(claims: &[Claim], from: Offset) -> Result<TimestampMs, ReadError> {
    let mut promising: Vec<&Claim> = claims.iter().collect();
    promising.sort_by_key(|claim| Reverse(claim.timestamp));
    let mut search = Search { from, largest: -1 };
    for claim in promising {
        if claim.timestamp <= search.largest {
            break;
        }
        search.look_at(&claim.candidate)?;
    }
    Ok(search.largest)
}

struct Search {
    from: Offset,
    largest: TimestampMs,
}

impl Search {
    fn look_at(&mut self, candidate: &Candidate) -> Result<(), ReadError> {
        let entry = candidate.offsets.search(at_or_before(candidate.reader.segment.base_offset, self.from));
        let reader = candidate.reader.with_index(self.from, entry.unwrap_or(None));
        let mut window = reader.window(READ_BYTES)?;
        let (mut best, mut largest_left_out) = (BinaryHeap::with_capacity(TRIED + 1), -1);
        let least = self.largest;
        for_each_batch(&reader, &mut window, |_, position, header| {
            if header.max_timestamp > least {
                best.push(Reverse((header.max_timestamp, Reverse(position))));
            }
            if best.len() > TRIED
                && let Some(Reverse((timestamp, _))) = best.pop()
            {
                largest_left_out = largest_left_out.max(timestamp);
            }
            Ok(())
        })?;
        // The heap is the wrong way round, so that its least could be taken out.
        for Reverse((timestamp, Reverse(position))) in best.into_sorted_vec() {
            if timestamp <= self.largest {
                return Ok(());
            }
            self.look_into(&reader, &mut window, position)?;
        }
        if largest_left_out <= self.largest {
            return Ok(());
        }
        for_each_batch(&reader, &mut window, |window, position, header| match header.max_timestamp > self.largest {
            true => self.look_into(&reader, window, position),
            false => Ok(()),
        })
    }

    fn look_into(&mut self, reader: &SegmentReader, window: &mut Window, position: u64) -> Result<(), ReadError> {
        let header = reader.batch_at(window, position)?;
        if header.timestamp_type() == TimestampType::LogAppendTime {
            self.largest = self.largest.max(header.max_timestamp);
            return Ok(());
        }
        reader.verified_batch_at(window, position)?;
        let batch = window.read(position, header.size_bytes())?;
        let mut largest = -1;
        let scanned = scan_records(&batch, DecompressionLimit::default(), |record| {
            if record.offset >= self.from {
                // A search goes by the header first: it finds no record that is later than that.
                largest = largest.max(record.timestamp.min(header.max_timestamp));
            }
            ControlFlow::<()>::Continue(())
        });
        // As when records are searched for: if the producer's compressed data is broken, the header is the best there is.
        self.largest = self.largest.max(if scanned.is_ok() { largest } else { header.max_timestamp });
        Ok(())
    }
}

/// All batches from the one that the reader is for.
fn for_each_batch(
    reader: &SegmentReader,
    window: &mut Window,
    mut visit: impl FnMut(&mut Window, u64, &BatchHeader) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut next = reader.seek(window)?;
    while let Some((position, header)) = next {
        visit(window, position, &header)?;
        let after = position + header.size_bytes() as u64;
        next = if after < reader.end { Some((after, reader.batch_at(window, after)?)) } else { None };
    }
    Ok(())
}
