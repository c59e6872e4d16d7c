//! Producer state on disk: snapshots, and rebuilding from the batches after them.

use barnabas_common::{Offset, TimestampMs};
use barnabas_protocol::records::{BatchHeader, DecompressionLimit, scan_records};
use std::ops::{Bound, ControlFlow};

use super::Log;
use crate::dir::replace_file;
use crate::error::{LogError, ReadError};
use crate::producer::{EndTransaction, Observed, ProducerStates, snapshot};
use crate::segment::{Segment, names};

const READ_BYTES: usize = 64 << 10;
/// An active segment up to this size is read rather than trusting the last snapshot alone.
const REPLAY_BYTES: u64 = 8 << 20;
/// A snapshot is taken after so many bytes at the latest: more of them need not be read at the next start.
const SNAPSHOT_BYTES: u64 = 8 << 20;
/// And so many per producer, so that snapshots are a small part of what is written.
const SNAPSHOT_BYTES_PER_PRODUCER: u64 = 4 << 10;
const MAX_MARKER_BYTES: usize = 4096;

/// What a control batch says about its producer's transaction.
pub(super) fn marker_of(header: &BatchHeader, batch: &[u8]) -> Option<EndTransaction> {
    if !header.is_control() {
        return None;
    }
    let found = scan_records(batch, DecompressionLimit::bytes(MAX_MARKER_BYTES), |record| {
        let kind =
            record.key.and_then(|key| key.get(2..4)).and_then(|b| b.first_chunk::<2>()).map(|b| i16::from_be_bytes(*b));
        let epoch =
            record.value.and_then(|v| v.get(2..6)).and_then(|b| b.first_chunk::<4>()).map(|b| i32::from_be_bytes(*b));
        match (kind, epoch) {
            // 0 is abort, 1 is commit; other control records are not about transactions.
            (Some(0 | 1), Some(coordinator_epoch)) => ControlFlow::Break(EndTransaction { coordinator_epoch }),
            _ => ControlFlow::Continue(()),
        }
    });
    found.ok().and_then(|flow| flow.break_value())
}

impl Log {
    /// Writes a snapshot of the state as it was before `offset`. Failing to is no error: batches tell the same.
    pub(super) fn take_producer_snapshot(&mut self, offset: Offset) {
        let path = names::file_path(&self.dir, offset, names::SNAPSHOT);
        match replace_file(&*self.vfs, &path, &snapshot::encode(&self.producers)) {
            Ok(()) => {
                self.snapshots.insert(offset);
                self.bytes_since_snapshot = 0;
            }
            Err(error) => tracing::warn!("could not write {}: {error}", path.display()),
        }
    }

    /// After an append: takes a snapshot within the segment from time to time, which replaces the one before.
    pub(super) fn snapshot_producers_if_due(&mut self, appended_bytes: u64) {
        self.bytes_since_snapshot += appended_bytes;
        let per_producer = SNAPSHOT_BYTES_PER_PRODUCER * self.producers.entries().len() as u64;
        if self.bytes_since_snapshot < SNAPSHOT_BYTES + per_producer {
            return;
        }
        // Also if it cannot be written: the next append does not try again.
        self.bytes_since_snapshot = 0;
        self.take_producer_snapshot(self.log_end_offset());
        let _ = self.remove_stray_snapshots();
    }

    /// Rebuilds the state from the best snapshot and the batches after it.
    pub(super) fn load_producers(&mut self, now_ms: TimestampMs) -> Result<(), LogError> {
        let from = self.load_snapshot(now_ms);
        self.replay(from, now_ms)?;
        self.producers.expire(now_ms, self.config.producer_id_expiration_ms);
        Ok(())
    }

    /// Loads a snapshot and returns the offset up to which it knows everything.
    fn load_snapshot(&mut self, now_ms: TimestampMs) -> Offset {
        let (end, active) = (self.log_end_offset(), self.active());
        let preferred = if active.size > REPLAY_BYTES { end } else { active.base_offset() };
        let older = self.snapshots.range(..=preferred).rev();
        let newer = self.snapshots.range((Bound::Excluded(preferred), Bound::Included(end)));
        let candidates: Vec<Offset> = older.chain(newer).copied().collect();
        for offset in candidates {
            let path = names::file_path(&self.dir, offset, names::SNAPSHOT);
            let content = self.vfs.read(&path).ok();
            if let Some(mut states) = content.and_then(|bytes| snapshot::decode(&bytes, now_ms)) {
                states.set_last_seen(|last_offset, timestamp| self.seen_at(last_offset, timestamp, now_ms));
                self.producers = states;
                return offset;
            }
            tracing::warn!("{} is damaged; rebuilding producer state from records", path.display());
            let _ = self.vfs.remove_file(&path);
            self.snapshots.remove(&offset);
        }
        self.producers = ProducerStates::default();
        self.segments[0].base_offset()
    }

    /// When a batch was written, by the clock of this broker if the file still tells.
    fn seen_at(&self, last_offset: Offset, timestamp: TimestampMs, now_ms: TimestampMs) -> TimestampMs {
        let segment = &self.segments[self.segment_at(last_offset)];
        let written_ms = if segment.base_offset() <= last_offset { segment.created_ms } else { i64::MIN };
        timestamp.max(written_ms).min(now_ms)
    }

    /// Takes note of all batches from `offset` on.
    fn replay(&mut self, offset: Offset, now_ms: TimestampMs) -> Result<(), LogError> {
        let mut producers = std::mem::take(&mut self.producers);
        for segment in self.segments.iter().filter(|s| s.next_offset() > offset) {
            let reader = segment.reader(offset.max(segment.base_offset()));
            let mut window = reader.window(READ_BYTES).map_err(ReadError::Io)?;
            let Some((mut position, mut header)) = reader.seek(&mut window)? else { continue };
            self.bytes_since_snapshot += segment.size - position;
            loop {
                if header.has_producer_id() && header.base_offset >= offset {
                    let marker = match header.is_control() {
                        true => marker_of(&header, &window.read(position, header.size_bytes()).map_err(ReadError::Io)?),
                        false => None,
                    };
                    let seen_ms = header.max_timestamp.max(segment.created_ms).min(now_ms);
                    producers.observe(&Observed { header: &header, marker }, seen_ms);
                }
                position += header.size_bytes() as u64;
                if position >= segment.size {
                    break;
                }
                header = reader.batch_at(&mut window, position)?;
            }
        }
        self.producers = producers;
        Ok(())
    }

    /// Removes snapshots that no segment needs: only those at the start of a segment, and the newest, are of use.
    /// One that lies behind the end speaks of records that are gone: it must not come back when others have their offsets.
    pub(super) fn remove_stray_snapshots(&mut self) -> Result<(), LogError> {
        let end = self.log_end_offset();
        let newest = self.snapshots.range(..=end).next_back().copied();
        let is_stray = |offset: &Offset| {
            let is_base = self.segments.binary_search_by_key(offset, Segment::base_offset).is_ok();
            *offset > end || (Some(*offset) != newest && !is_base)
        };
        let stray: Vec<Offset> = self.snapshots.iter().copied().filter(is_stray).collect();
        for offset in &stray {
            let _ = self.vfs.remove_file(&names::file_path(&self.dir, *offset, names::SNAPSHOT));
            self.snapshots.remove(offset);
        }
        match stray.last() {
            Some(last) if *last > end => {
                self.vfs.sync_dir(&self.dir).map_err(LogError::io("could not remove producer snapshots"))
            }
            _ => Ok(()),
        }
    }
}
