//! Which transactional batches were aborted, as the markers in the log tell. What they wrote counts for nothing: it
//! supersedes no record, and goes.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use barnabas_common::Offset;
use barnabas_protocol::records::{BatchHeader, DecompressionLimit, scan_records};

use super::plan::Source;
use super::{CleaningError, Throttle, interruptible};
use crate::error::ReadError;

/// Version and kind of a marker, which are its key.
const ABORT: [u8; 4] = [0, 0, 0, 0];
const MAX_MARKER_BYTES: usize = 4096;

#[derive(Default)]
pub(super) struct Transactions {
    /// First offset of those that have no marker so far, by producer.
    open: HashMap<i64, Offset>,
    /// From the first batch to the marker, by producer, in the order of the log.
    aborted: HashMap<i64, Vec<Range<Offset>>>,
}

impl Transactions {
    pub(super) fn is_aborted(&self, header: &BatchHeader) -> bool {
        if !header.is_transactional() || header.is_control() {
            return false;
        }
        let Some(ranges) = self.aborted.get(&header.producer_id) else { return false };
        let before = ranges.partition_point(|range| range.start <= header.base_offset);
        before.checked_sub(1).is_some_and(|last| ranges[last].contains(&header.base_offset))
    }

    /// Takes note of all transactions in the first of these segments, whose markers may be in the others; `false` if one
    /// is not there.
    pub(super) fn decide(
        &mut self,
        sources: &[Source],
        read_bytes: usize,
        throttle: &mut Throttle<'_>,
    ) -> Result<bool, CleaningError> {
        let Some((first, later)) = sources.split_first() else { return Ok(true) };
        self.observe(first, true, read_bytes, throttle)?;
        let mut ahead = Self { open: self.open.clone(), ..Self::default() };
        for source in later {
            if ahead.open.is_empty() {
                break;
            }
            ahead.observe(source, false, read_bytes, throttle)?;
        }
        let is_decided = ahead.open.is_empty();
        for (producer_id, ranges) in ahead.aborted {
            self.aborted.entry(producer_id).or_default().extend(ranges);
        }
        Ok(is_decided)
    }

    fn observe(
        &mut self,
        source: &Source,
        new_ones_too: bool,
        read_bytes: usize,
        throttle: &mut Throttle<'_>,
    ) -> Result<(), CleaningError> {
        let mut window = source.reader.window(read_bytes)?;
        let mut position = 0;
        while position < source.size && (new_ones_too || !self.open.is_empty()) {
            let header = source.reader.verified_batch_at(&mut window, position)?;
            if header.is_control() {
                let marker = window.read(position, header.size_bytes()).map_err(ReadError::Io)?;
                self.ended(&header, &marker);
            } else if header.is_transactional() && new_ones_too {
                self.open.entry(header.producer_id).or_insert(header.base_offset);
            }
            let size = header.size_bytes() as u64;
            position += size;
            interruptible(throttle(size))?;
        }
        Ok(())
    }

    fn ended(&mut self, header: &BatchHeader, marker: &[u8]) {
        let Some(first) = self.open.remove(&header.producer_id) else { return };
        let found = scan_records(marker, DecompressionLimit::bytes(MAX_MARKER_BYTES), |record| {
            ControlFlow::Break(record.key == Some(ABORT.as_slice()))
        });
        if let Ok(ControlFlow::Break(true)) = found {
            self.aborted.entry(header.producer_id).or_default().push(first..header.base_offset);
        }
    }
}
