//! All producers of a partition: the checks before an append, and taking note of it after. Where the batches come from
//! (a client, a leader, the log itself on recovery) only matters for the checks.

use std::collections::BTreeMap;

use barnabas_common::{ErrorCode, Offset, TimestampMs};
use barnabas_protocol::records::BatchHeader;

use super::{BatchMeta, ProducerEntry};
use crate::error::AppendError;

/// A producer as DescribeProducers shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStateView {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp: TimestampMs,
    pub coordinator_epoch: i32,
    /// -1 if no transaction is open.
    pub current_txn_start_offset: Offset,
}

/// The content of a transaction marker that the state depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndTransaction {
    pub(crate) coordinator_epoch: i32,
}

/// A batch in the log, with its marker if it is a control batch.
pub(crate) struct Observed<'a> {
    pub(crate) header: &'a BatchHeader,
    pub(crate) marker: Option<EndTransaction>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProducerStates {
    producers: BTreeMap<i64, ProducerEntry>,
}

impl ProducerStates {
    pub(crate) fn from_entries(entries: impl IntoIterator<Item = ProducerEntry>) -> Self {
        Self { producers: entries.into_iter().map(|e| (e.producer_id, e)).collect() }
    }

    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = &ProducerEntry> {
        self.producers.values()
    }

    pub(crate) fn views(&self) -> Vec<ProducerStateView> {
        let view = |e: &ProducerEntry| ProducerStateView {
            producer_id: e.producer_id,
            producer_epoch: e.epoch,
            last_sequence: e.last_sequence(),
            last_timestamp: e.last_timestamp,
            coordinator_epoch: e.coordinator_epoch,
            current_txn_start_offset: e.current_txn_first_offset.unwrap_or(-1),
        };
        self.producers.values().map(view).collect()
    }

    /// First offset of the oldest open transaction.
    pub(crate) fn first_unstable_offset(&self) -> Option<Offset> {
        self.producers.values().filter_map(|e| e.current_txn_first_offset).min()
    }

    /// The batch that this one repeats, if it is one of the last five of its producer.
    pub(crate) fn find_duplicate(&self, header: &BatchHeader) -> Option<BatchMeta> {
        self.producers.get(&header.producer_id)?.find_duplicate(header)
    }

    /// Whether the producer may append this batch now. Coordinators are checked for their epoch only.
    pub(crate) fn check(&self, header: &BatchHeader, check_sequence: bool) -> Result<(), AppendError> {
        let Some(entry) = self.producers.get(&header.producer_id) else { return Ok(()) };
        let id = header.producer_id;
        if header.producer_epoch < entry.epoch {
            let message = format!(
                "epoch {} of producer {id} is smaller than the last seen epoch {}",
                header.producer_epoch, entry.epoch
            );
            return Err(AppendError::rejected(ErrorCode::InvalidProducerEpoch, message));
        }
        if !check_sequence || header.is_control() {
            return Ok(());
        }
        let sequence = header.base_sequence;
        if header.producer_epoch > entry.epoch {
            return match sequence {
                0 => Ok(()),
                _ => Err(out_of_order(format!(
                    "producer {id} starts its new epoch {} with sequence {sequence}, not 0",
                    header.producer_epoch
                ))),
            };
        }
        if entry.is_next(sequence) {
            return Ok(());
        }
        Err(out_of_order(format!("producer {id} sends sequence {sequence} after {}", entry.last_sequence())))
    }

    /// Takes note of a batch that is in the log.
    pub(crate) fn observe(&mut self, batch: &Observed<'_>, now_ms: TimestampMs) {
        let header = batch.header;
        if !header.has_producer_id() {
            return;
        }
        let entry = self
            .producers
            .entry(header.producer_id)
            .or_insert_with(|| ProducerEntry::new(header.producer_id, header.producer_epoch, now_ms));
        entry.last_seen_ms = entry.last_seen_ms.max(now_ms);
        if let Some(marker) = batch.marker {
            entry.set_epoch(header.producer_epoch.max(entry.epoch));
            entry.coordinator_epoch = marker.coordinator_epoch;
            entry.current_txn_first_offset = None;
            entry.last_timestamp = header.max_timestamp;
        } else if !header.is_control() {
            entry.add(header.producer_epoch, BatchMeta::of(header));
            if header.is_transactional() {
                entry.current_txn_first_offset.get_or_insert(header.base_offset);
            }
        }
    }

    /// Sets when each producer was last heard of, from its last offset and timestamp.
    pub(crate) fn set_last_seen(&mut self, seen_at: impl Fn(Offset, TimestampMs) -> TimestampMs) {
        for entry in self.producers.values_mut() {
            let last_offset = entry.batches.back().map_or(-1, |b| b.last_offset);
            entry.last_seen_ms = seen_at(last_offset, entry.last_timestamp);
        }
    }

    /// Forgets producers that have been idle for too long, unless a transaction is open.
    pub(crate) fn expire(&mut self, now_ms: TimestampMs, expiration_ms: i64) {
        self.producers.retain(|_, e| {
            e.current_txn_first_offset.is_some() || now_ms.saturating_sub(e.last_seen_ms) < expiration_ms
        });
    }
}

fn out_of_order(message: String) -> AppendError {
    AppendError::rejected(ErrorCode::OutOfOrderSequenceNumber, message)
}

#[cfg(test)]
#[path = "states_tests.rs"]
mod tests;
