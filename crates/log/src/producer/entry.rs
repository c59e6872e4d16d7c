//! One idempotent producer and its last batches.

use std::collections::VecDeque;

use barnabas_common::{Offset, TimestampMs};
use barnabas_protocol::records::BatchHeader;

/// So many batches may be in flight, so many are recognised when they come again.
const REMEMBERED_BATCHES: usize = 5;

/// A batch that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchMeta {
    pub(crate) last_sequence: i32,
    pub(crate) last_offset: Offset,
    /// Last offset minus first offset.
    pub(crate) offset_delta: i32,
    pub(crate) timestamp: TimestampMs,
}

impl BatchMeta {
    pub(crate) fn of(header: &BatchHeader) -> Self {
        Self {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        }
    }

    pub(crate) fn first_offset(&self) -> Offset {
        self.last_offset - i64::from(self.offset_delta)
    }

    /// Counts back from the last sequence number; before 0 comes 2^31 - 1.
    fn first_sequence(&self) -> i32 {
        let first = i64::from(self.last_sequence) - i64::from(self.offset_delta);
        let wrapped = if first < 0 { first + i64::from(i32::MAX) + 1 } else { first };
        i32::try_from(wrapped).unwrap_or(-1)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProducerEntry {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) coordinator_epoch: i32,
    pub(crate) last_timestamp: TimestampMs,
    pub(crate) current_txn_first_offset: Option<Offset>,
    /// Oldest first, all of the current epoch.
    pub(crate) batches: VecDeque<BatchMeta>,
    /// When this broker last heard of the producer, by its own clock: record timestamps may be of any age.
    pub(crate) last_seen_ms: TimestampMs,
}

impl ProducerEntry {
    pub(crate) fn new(producer_id: i64, epoch: i16, now_ms: TimestampMs) -> Self {
        Self {
            producer_id,
            epoch,
            coordinator_epoch: -1,
            last_timestamp: -1,
            current_txn_first_offset: None,
            batches: VecDeque::new(),
            last_seen_ms: now_ms,
        }
    }

    /// Sequence number of the last record, -1 if there is none in this epoch.
    pub(crate) fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(-1, |b| b.last_sequence)
    }

    pub(crate) fn find_duplicate(&self, header: &BatchHeader) -> Option<BatchMeta> {
        if header.producer_epoch != self.epoch {
            return None;
        }
        let (first, last) = (header.base_sequence, header.last_sequence());
        self.batches.iter().find(|b| b.first_sequence() == first && b.last_sequence == last).copied()
    }

    pub(crate) fn is_next(&self, first_sequence: i32) -> bool {
        let last = self.last_sequence();
        i64::from(first_sequence) == i64::from(last) + 1 || (first_sequence == 0 && last == i32::MAX)
    }

    pub(crate) fn add(&mut self, epoch: i16, batch: BatchMeta) {
        self.set_epoch(epoch);
        if self.batches.len() == REMEMBERED_BATCHES {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
        self.last_timestamp = batch.timestamp;
    }

    /// A new epoch counts its sequence numbers from 0.
    pub(crate) fn set_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.batches.clear();
            self.epoch = epoch;
        }
    }
}
