//! The batches appended last to a partition, in memory, shared by all consumers at its tail: what one append brings is
//! copied once and sent many times, and nothing is read from the file. Who asks for more than a few batches is served from
//! the log.
//!
//! **Invariant:** what is kept is what stands in the log, without a gap; whatever may have changed the log otherwise
//! empties it. A partition that has not two consumers at its tail keeps nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use barnabas_common::Offset;
use barnabas_log::{AppendInfo, Log};
use barnabas_protocol::RecordData;
use bytes::Bytes;

use crate::fetch::RANGE_FROM_BYTES;

/// What one partition keeps at most.
const MAX_BYTES: usize = 256 << 10;
/// What all partitions keep together.
const MAX_BYTES_OF_ALL: usize = 32 << 20;
/// After so many rounds without a reader a partition keeps nothing more.
const UNUSED_ROUNDS: u64 = 3;

/// What all partitions keep, and the rounds by which it is known for how long nobody asked.
#[derive(Debug, Default)]
pub(crate) struct RecentMemory {
    used_bytes: AtomicUsize,
    round: AtomicU64,
}

impl RecentMemory {
    /// Begins another round. To be called about once per second.
    pub(crate) fn next_round(&self) {
        self.round.fetch_add(1, Ordering::Relaxed);
    }

    fn round(&self) -> u64 {
        self.round.load(Ordering::Relaxed)
    }

    fn try_take(&self, bytes: usize) -> bool {
        let before = self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= MAX_BYTES_OF_ALL;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The recent batches of one partition.
#[derive(Default)]
pub(crate) struct Recent {
    kept: Option<Box<Kept>>,
}

struct Kept {
    memory: Arc<RecentMemory>,
    batches: VecDeque<Appended>,
    bytes: usize,
    used_in_round: u64,
    /// Of the log when the batches were appended.
    truncations: u64,
}

/// What one append brought.
struct Appended {
    first_offset: Offset,
    next_offset: Offset,
    bytes: Bytes,
}

/// What a reader wants; see [`Log::plan_read`].
pub(crate) struct Wanted {
    pub(crate) offset: Offset,
    pub(crate) max_bytes: usize,
    pub(crate) max_offset: Offset,
    pub(crate) min_one_batch: bool,
}

impl Recent {
    /// Keeps what is appended from now on, for as long as it is asked for. Says whether that is new.
    pub(crate) fn keep(&mut self, memory: &Arc<RecentMemory>) -> bool {
        let used_in_round = memory.round();
        if let Some(kept) = &mut self.kept {
            kept.used_in_round = used_in_round;
            return false;
        }
        let (memory, batches) = (Arc::clone(memory), VecDeque::new());
        self.kept = Some(Box::new(Kept { memory, batches, bytes: 0, used_in_round, truncations: 0 }));
        true
    }

    /// Takes note of what was appended to the log, as it stands there.
    pub(crate) fn appended(&mut self, log: &Log, info: &AppendInfo, batches: &[u8]) {
        let Some(kept) = self.kept.as_mut().filter(|_| !info.duplicate) else { return };
        kept.forget_unless_next(info.first_offset, log.truncations());
        let fits = batches.len() <= RANGE_FROM_BYTES && {
            kept.make_room(batches.len());
            kept.memory.try_take(batches.len())
        };
        if !fits {
            return kept.clear();
        }
        kept.bytes += batches.len();
        // A slice of the network's buffer would hold all of that.
        let bytes = Bytes::copy_from_slice(batches);
        let (first_offset, next_offset) = (info.first_offset, info.last_offset + 1);
        kept.batches.push_back(Appended { first_offset, next_offset, bytes });
    }

    /// What a read of the log would bring, if that is here and not so much that the file is the better place.
    pub(crate) fn read(&mut self, log: &Log, wanted: &Wanted) -> Option<RecordData> {
        let kept = self.kept.as_mut()?;
        if kept.truncations != log.truncations() {
            kept.clear();
        }
        let from = kept.batches.partition_point(|batch| batch.next_offset <= wanted.offset);
        let has_offset = kept.batches.get(from).is_some_and(|batch| batch.first_offset <= wanted.offset);
        if !has_offset || wanted.offset < log.log_start_offset() {
            return None;
        }
        let (mut bytes, mut count) = (0, 0);
        for batch in kept.batches.range(from..) {
            let is_first_of_all = count == 0 && wanted.min_one_batch;
            let fits = is_first_of_all || bytes + batch.bytes.len() <= wanted.max_bytes;
            if !fits || batch.next_offset > wanted.max_offset {
                break;
            }
            (bytes, count) = (bytes + batch.bytes.len(), count + 1);
        }
        if bytes == 0 || bytes > RANGE_FROM_BYTES {
            return None;
        }
        kept.used_in_round = kept.memory.round();
        Some(kept.batches.range(from..from + count).map(|batch| batch.bytes.clone()).collect())
    }

    /// Gives up what nobody has asked for of late; true if something is still kept.
    pub(crate) fn give_up_unused(&mut self) -> bool {
        if self.kept.as_ref().is_some_and(|kept| kept.memory.round() - kept.used_in_round > UNUSED_ROUNDS) {
            self.kept = None;
        }
        self.kept.is_some()
    }

    /// Forgets everything, because the log is gone.
    pub(crate) fn stop(&mut self) {
        self.kept = None;
    }
}

impl Kept {
    fn forget_unless_next(&mut self, first_offset: Offset, truncations: u64) {
        let is_next = self.batches.back().is_none_or(|last| last.next_offset == first_offset);
        if !is_next || self.truncations != truncations {
            self.clear();
        }
        self.truncations = truncations;
    }

    fn make_room(&mut self, bytes: usize) {
        while self.bytes + bytes > MAX_BYTES {
            let Some(oldest) = self.batches.pop_front() else { return };
            self.bytes -= oldest.bytes.len();
            self.memory.give_back(oldest.bytes.len());
        }
    }

    fn clear(&mut self) {
        self.batches = VecDeque::new();
        self.memory.give_back(std::mem::take(&mut self.bytes));
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests;
