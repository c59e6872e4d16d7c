//! Memory that fetched records may hold until they have been sent. When it runs short, answers become smaller;
//! how requests are answered is not known here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// What all answers under way may hold together, beyond one batch for each.
const LIMIT_BYTES: usize = 64 << 20;
/// So much of an answer is not worth counting, and given to everyone.
const FREE_BYTES: usize = 64 << 10;

/// A shared count of bytes with a limit.
#[derive(Debug, Default)]
pub(crate) struct FetchMemory {
    used_bytes: Arc<AtomicUsize>,
}

impl FetchMemory {
    /// Takes up to `wanted` bytes for an answer that holds `taken` already. What is granted goes to [`Self::settle`].
    pub(crate) fn reserve(&self, wanted: usize, taken: usize) -> usize {
        let mut granted = 0;
        let _ = self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            granted = wanted.min(LIMIT_BYTES.saturating_sub(used).max(FREE_BYTES.saturating_sub(taken)));
            Some(used + granted)
        });
        granted
    }

    /// Turns what was granted into what the records need; that is given back when the last of them is dropped.
    pub(crate) fn settle(&self, granted: usize, records: Bytes, taken: usize) -> Bytes {
        if records.is_empty() || records.len().saturating_add(taken) <= FREE_BYTES {
            self.used_bytes.fetch_sub(granted, Ordering::Relaxed);
            return records;
        }
        // The first batch may be larger than what was granted.
        self.used_bytes.fetch_add(records.len(), Ordering::Relaxed);
        self.used_bytes.fetch_sub(granted, Ordering::Relaxed);
        Bytes::from_owner(Held { records, used_bytes: Arc::clone(&self.used_bytes) })
    }
}

struct Held {
    records: Bytes,
    used_bytes: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.records
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.used_bytes.fetch_sub(self.records.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(memory: &FetchMemory) -> usize {
        memory.used_bytes.load(Ordering::Relaxed)
    }

    #[test]
    fn records_hold_memory_until_their_last_slice_is_gone() {
        let memory = FetchMemory::default();
        let granted = memory.reserve(1 << 20, 0);
        let records = memory.settle(granted, Bytes::from(vec![1; 200_000]), 0);
        let slice = records.slice(5..10);
        drop(records);
        assert_eq!(used(&memory), 200_000);
        drop(slice);
        assert_eq!(used(&memory), 0);
    }

    #[test]
    fn answers_become_smaller_when_memory_is_short_but_never_nothing() {
        let memory = FetchMemory::default();
        assert_eq!(memory.reserve(LIMIT_BYTES - 100_000, 0), LIMIT_BYTES - 100_000);
        assert_eq!(memory.reserve(1 << 20, 0), 100_000);
        assert_eq!(memory.reserve(1 << 20, 0), FREE_BYTES);
        let small = memory.settle(FREE_BYTES, Bytes::from_static(b"small"), 0);
        assert_eq!((&small[..], used(&memory)), (&b"small"[..], LIMIT_BYTES));
        assert_eq!(memory.reserve(1 << 20, FREE_BYTES - 10), 10, "for all partitions of an answer together");
        assert_eq!(memory.reserve(1 << 20, FREE_BYTES), 0);
    }

    #[test]
    fn many_small_pieces_of_an_answer_count() {
        let memory = FetchMemory::default();
        let mut pieces: Vec<Bytes> = Vec::new();
        for piece in 0..100 {
            let taken = piece * 10_000;
            let granted = memory.reserve(10_000, taken);
            pieces.push(memory.settle(granted, Bytes::from(vec![1; 10_000]), taken));
        }
        assert!(used(&memory) >= 1_000_000 - FREE_BYTES);
        drop(pieces);
        assert_eq!(used(&memory), 0);
    }
}
