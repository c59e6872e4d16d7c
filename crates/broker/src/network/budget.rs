//! Memory that requests still on their way in may hold in all. Room is taken as bytes arrive, never for sizes
//! that are only claimed; without room a connection is not read, and TCP pushes back.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bytes below which a connection needs no permission: what an ordinary small request takes.
const FREE_BYTES: usize = 64 * 1024;
/// Memory counts as short for so long after somebody was refused.
const SHORT_FOR: Duration = Duration::from_secs(1);
const NEVER: u64 = u64::MAX;

/// A shared count of bytes with a limit.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
    began: Instant,
    /// Milliseconds from `began` to the last refusal.
    refused_at_ms: AtomicU64,
}

impl MemoryBudget {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            used_bytes: AtomicUsize::new(0),
            began: Instant::now(),
            refused_at_ms: AtomicU64::new(NEVER),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// Whether somebody waits for room that others hold.
    pub(crate) fn is_short(&self) -> bool {
        let refused_at_ms = self.refused_at_ms.load(Ordering::Relaxed);
        let since = Duration::from_millis(self.now_ms().saturating_sub(refused_at_ms));
        refused_at_ms != NEVER && since < SHORT_FOR
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    fn try_take(&self, bytes: usize) -> bool {
        let before = self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        // One holder may always exceed the limit, so that a frame larger than the budget still gets through.
        let fits = before == 0 || before + bytes <= self.limit_bytes;
        if !fits {
            self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.refused_at_ms.store(self.now_ms(), Ordering::Relaxed);
        }
        fits
    }
}

/// What one connection holds of a budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a MemoryBudget,
    held_bytes: usize,
}

impl<'a> Share<'a> {
    pub(crate) fn new(budget: &'a MemoryBudget) -> Self {
        Self { budget, held_bytes: 0 }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(crate) fn budget(&self) -> &'a MemoryBudget {
        self.budget
    }

    /// Sets the share to what a buffer of this capacity needs. Growing may be refused, shrinking never is.
    pub(crate) fn resize(&mut self, capacity_bytes: usize) -> bool {
        let wanted = if capacity_bytes <= FREE_BYTES { 0 } else { capacity_bytes };
        if wanted > self.held_bytes {
            if !self.budget.try_take(wanted - self.held_bytes) {
                return false;
            }
        } else {
            self.budget.used_bytes.fetch_sub(self.held_bytes - wanted, Ordering::Relaxed);
        }
        self.held_bytes = wanted;
        true
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.used_bytes.fetch_sub(self.held_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{MemoryBudget, Share};

    #[test]
    fn small_buffers_are_free_and_large_ones_share_the_limit() {
        let budget = MemoryBudget::new(1_000_000);
        let mut small = Share::new(&budget);
        assert!(small.resize(4096));
        assert_eq!(budget.used_bytes(), 0);
        let mut first = Share::new(&budget);
        let mut second = Share::new(&budget);
        assert!(first.resize(900_000));
        assert!(!budget.is_short());
        assert!(!second.resize(200_000));
        assert!(budget.is_short());
        drop(first);
        assert!(second.resize(200_000));
        drop(second);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn a_single_holder_may_exceed_the_limit() {
        let budget = MemoryBudget::new(100_000);
        assert!(Share::new(&budget).resize(5_000_000));
    }
}
