//! What becomes of one batch when its log is compacted. Pure: bytes in, verdict out.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use barnabas_common::{Offset, TimestampMs};
use barnabas_protocol::records::{
    BatchBuilder, BatchHeader, BuildError, Compression, DecompressionLimit, RecordError, RecordRef, TimestampType,
    scan_records,
};
use bytes::BytesMut;

use super::offset_map::OffsetMap;
use super::transactions::Transactions;

/// What a cleaning round knows while it goes over the batches.
pub(super) struct Rules {
    pub(super) map: OffsetMap,
    pub(super) producers: Producers,
    pub(super) transactions: Transactions,
    pub(super) now_ms: TimestampMs,
    pub(super) delete_retention_ms: i64,
    /// What is left of a batch is held in memory.
    pub(super) limit: DecompressionLimit,
}

/// The producers whose last batch must not vanish, or their next one would be taken for a gap in the sequence. Last means
/// the last on disk: a crash can take what comes after.
#[derive(Default)]
pub(super) struct Producers {
    /// Still remembered by the log.
    pub(super) alive: HashSet<i64>,
    /// Last offset of the last batch of each in the dirty part.
    pub(super) last_dirty: HashMap<i64, Offset>,
}

impl Producers {
    fn need(&self, header: &BatchHeader) -> bool {
        let last_dirty = self.last_dirty.get(&header.producer_id);
        header.has_producer_id()
            && self.alive.contains(&header.producer_id)
            && last_dirty.is_none_or(|last| *last <= header.last_offset())
    }
}

/// What to write instead of a batch.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The batch as it is.
    Keep,
    /// Nothing.
    Drop,
    /// This one.
    Replace(BytesMut),
}

/// Why a batch could not be judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilterError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Rules {
    /// Judges a whole batch. `must_remain` keeps its offsets in the log even if no record is left.
    pub(super) fn judge(&self, header: &BatchHeader, batch: &[u8], must_remain: bool) -> Result<Verdict, FilterError> {
        // Markers say how transactions ended; they are kept until transactions are compacted, too.
        if header.is_control() {
            return Ok(Verdict::Keep);
        }
        let found = match self.transactions.is_aborted(header) {
            true => Survey::default(),
            false => self.survey(header, batch)?,
        };
        if found.kept == 0 {
            return match must_remain || self.producers.need(header) {
                true if header.record_count == 0 => Ok(Verdict::Keep),
                true => Ok(Verdict::Replace(emptied(header)?)),
                false => Ok(Verdict::Drop),
            };
        }
        let needs_horizon = found.has_tombstones && !header.has_delete_horizon();
        if found.dropped == 0 && !needs_horizon {
            return Ok(Verdict::Keep);
        }
        Ok(Verdict::Replace(self.rewritten(header, batch, needs_horizon)?))
    }

    fn survey(&self, header: &BatchHeader, batch: &[u8]) -> Result<Survey, FilterError> {
        let mut found = Survey::default();
        let flow = scan_records(batch, self.limit, |record| {
            match self.keeps(header, &record) {
                true => {
                    found.kept += 1;
                    found.has_tombstones |= record.value.is_none();
                }
                false => found.dropped += 1,
            }
            ControlFlow::<()>::Continue(())
        });
        flow.map(|_| found).map_err(FilterError::from)
    }

    /// Whether a record is the last of its key, and no tombstone whose time is over.
    fn keeps(&self, header: &BatchHeader, record: &RecordRef<'_>) -> bool {
        // What came after the map was made is not judged.
        if record.offset > self.map.latest() {
            return true;
        }
        // Without a key there is nothing that could be the last of it.
        let Some(key) = record.key else { return false };
        let is_last = self.map.get(key).is_none_or(|last| record.offset >= last);
        let tombstone_is_due = header.delete_horizon_ms().is_some_and(|horizon| self.now_ms >= horizon);
        is_last && (record.value.is_some() || !tombstone_is_due)
    }

    fn rewritten(&self, header: &BatchHeader, batch: &[u8], sets_horizon: bool) -> Result<BytesMut, FilterError> {
        let mut builder = builder_like(header, header.compression().unwrap_or(Compression::None));
        if let Some(horizon) = header.delete_horizon_ms() {
            builder = builder.delete_horizon(horizon);
        } else if sets_horizon {
            builder = builder.delete_horizon(self.now_ms.saturating_add(self.delete_retention_ms));
        }
        let flow = scan_records(batch, self.limit, |record| {
            if self.keeps(header, &record) {
                builder.copy_at(record.offset_delta, &record);
            }
            ControlFlow::<()>::Continue(())
        });
        let _complete = flow?;
        Ok(builder.build(header.base_offset, header.partition_leader_epoch)?)
    }
}

#[derive(Default)]
struct Survey {
    kept: usize,
    dropped: usize,
    has_tombstones: bool,
}

/// A builder for what is left of a batch: same producer, same range of offsets.
fn builder_like(header: &BatchHeader, compression: Compression) -> BatchBuilder {
    let builder = BatchBuilder::new(compression, header.timestamp_type())
        .producer(header.producer_id, header.producer_epoch, header.base_sequence)
        .transactional(header.is_transactional())
        .last_offset_delta(header.last_offset_delta);
    match header.timestamp_type() {
        TimestampType::LogAppendTime => builder.max_timestamp(header.max_timestamp),
        TimestampType::CreateTime => builder,
    }
}

/// The header alone: it carries on the offsets and the producer's sequence.
fn emptied(header: &BatchHeader) -> Result<BytesMut, BuildError> {
    builder_like(header, Compression::None)
        .max_timestamp(header.max_timestamp)
        .build(header.base_offset, header.partition_leader_epoch)
}
