//! Durations counted in buckets: lock-free to record, exact at the bounds that are shown, fine enough in between
//! to tell quantiles.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Steps of one decade of microseconds, in tenths. They hold 1, 2.5 and 5, at which buckets are shown.
const STEPS: [u64; 14] = [10, 12, 15, 18, 20, 25, 30, 35, 40, 50, 60, 70, 80, 90];
/// From 10 µs to 100 s.
const DECADES: usize = 7;
const BOUNDS: usize = STEPS.len() * DECADES;

/// Upper bounds of the buckets in microseconds; one more bucket has no bound.
const BOUNDS_US: [u64; BOUNDS] = bounds();

/// Upper bounds of the buckets that a scrape shows, in microseconds. Each one is in [`BOUNDS_US`].
pub(crate) const SHOWN_BOUNDS_US: [u64; 18] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 25_000_000,
];

const fn bounds() -> [u64; BOUNDS] {
    let mut bounds = [0; BOUNDS];
    let mut scale = 1;
    let mut decade = 0;
    while decade < DECADES {
        let mut step = 0;
        while step < STEPS.len() {
            bounds[decade * STEPS.len() + step] = STEPS[step] * scale;
            step += 1;
        }
        scale *= 10;
        decade += 1;
    }
    bounds
}

/// A histogram that any number of threads record into.
#[derive(Debug)]
pub(crate) struct Histogram {
    sum_us: AtomicU64,
    buckets: [AtomicU64; BOUNDS + 1],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { sum_us: AtomicU64::new(0), buckets: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Histogram {
    pub(crate) fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // Most steps of most requests take less than the first bound.
        let bucket = if us <= BOUNDS_US[0] { 0 } else { BOUNDS_US.partition_point(|bound| *bound < us) };
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The counts now. What is recorded meanwhile is in it or in the next.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            sum_us: self.sum_us.load(Ordering::Relaxed),
            buckets: std::array::from_fn(|i| self.buckets[i].load(Ordering::Relaxed)),
        }
    }
}

/// A histogram at one moment, or between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub sum_us: u64,
    buckets: [u64; BOUNDS + 1],
}

impl Default for Counts {
    fn default() -> Self {
        Self { sum_us: 0, buckets: [0; BOUNDS + 1] }
    }
}

impl Counts {
    pub(crate) fn total(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What came after `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
            buckets: std::array::from_fn(|i| self.buckets[i].saturating_sub(earlier.buckets[i])),
        }
    }

    /// How many durations were at most each of [`SHOWN_BOUNDS_US`].
    pub(crate) fn cumulative(&self) -> [u64; SHOWN_BOUNDS_US.len()] {
        let mut below = 0;
        let mut next = 0;
        SHOWN_BOUNDS_US.map(|shown| {
            while next < BOUNDS && BOUNDS_US[next] <= shown {
                below += self.buckets[next];
                next += 1;
            }
            below
        })
    }

    /// The duration in microseconds that a share of all does not exceed, by interpolation within a bucket. `None`
    /// if there are none.
    pub(crate) fn quantile_us(&self, quantile: f64) -> Option<f64> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        let rank = quantile * total as f64;
        let mut below = 0;
        for (i, count) in self.buckets.iter().enumerate() {
            if *count > 0 && (below + count) as f64 >= rank {
                let lower = i.checked_sub(1).map_or(0, |i| BOUNDS_US[i]);
                let upper = BOUNDS_US.get(i).copied().unwrap_or(lower);
                let share = (rank - below as f64) / *count as f64;
                return Some(lower as f64 + (upper - lower) as f64 * share.clamp(0.0, 1.0));
            }
            below += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BOUNDS_US, Histogram, SHOWN_BOUNDS_US};

    fn recorded(durations_us: impl IntoIterator<Item = u64>) -> Histogram {
        let histogram = Histogram::default();
        durations_us.into_iter().for_each(|us| histogram.record(Duration::from_micros(us)));
        histogram
    }

    #[test]
    fn bounds_rise_and_hold_every_bound_that_is_shown() {
        assert!(BOUNDS_US.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(SHOWN_BOUNDS_US.iter().all(|shown| BOUNDS_US.contains(shown)));
    }

    #[test]
    fn cumulative_counts_are_exact_at_the_bounds() {
        let counts = recorded([0, 50, 51, 100, 1_000, 1_001, 3_600_000_000]).counts();
        let cumulative = counts.cumulative();
        let at = |bound: u64| cumulative[SHOWN_BOUNDS_US.iter().position(|shown| *shown == bound).unwrap()];
        assert_eq!((at(50), at(100), at(1_000), at(2_500), at(25_000_000)), (2, 4, 5, 6, 6));
        assert!(cumulative.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!((counts.total(), counts.sum_us), (7, 3_600_002_202));
    }

    #[test]
    fn quantiles_are_within_a_bucket_of_the_truth() {
        let counts = recorded(1..=10_000).counts();
        for quantile in [0.5, 0.75, 0.95, 0.99, 0.999] {
            let (told, truth) = (counts.quantile_us(quantile).unwrap(), quantile * 10_000.0);
            assert!((told - truth).abs() / truth < 0.1, "{quantile}: {told} instead of {truth}");
        }
    }

    #[test]
    fn no_durations_have_no_quantile_and_endless_ones_have_the_last_bound() {
        assert_eq!(recorded([]).counts().quantile_us(0.99), None);
        let last = *BOUNDS_US.last().unwrap() as f64;
        assert_eq!(recorded([u64::MAX]).counts().quantile_us(0.99), Some(last));
    }

    #[test]
    fn the_difference_of_two_moments_is_what_came_between() {
        let histogram = recorded([100, 200]);
        let earlier = histogram.counts();
        histogram.record(Duration::from_micros(300));
        assert_eq!(histogram.counts().since(&earlier), recorded([300]).counts());
    }
}
