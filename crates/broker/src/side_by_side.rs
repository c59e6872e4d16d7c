//! Work on many partitions that waits for the disk rather than for a core: several at a time.

use std::panic::resume_unwind;
use std::thread::{Builder, ScopedJoinHandle};

/// Disks are quickest with some requests in their queue; more would only wait there.
const AT_ONCE: usize = 8;

/// A share of the work: on its way, or done by the caller where no thread was to be had.
enum Part<'scope, R> {
    Elsewhere(ScopedJoinHandle<'scope, Vec<R>>),
    Done(Vec<R>),
}

/// Does the work on all, and returns what came of each, in their order. Blocks.
pub(crate) fn for_all<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(AT_ONCE).max(1);
    let do_share = |share: &[T]| share.iter().map(&work).collect::<Vec<R>>();
    std::thread::scope(|scope| {
        let begin = |share| match Builder::new().spawn_scoped(scope, move || do_share(share)) {
            Ok(thread) => Part::Elsewhere(thread),
            Err(_) => Part::Done(do_share(share)),
        };
        let parts: Vec<_> = items.chunks(share).map(begin).collect();
        let results = parts.into_iter().flat_map(|part| match part {
            Part::Elsewhere(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Part::Done(results) => results,
        });
        results.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::for_all;

    #[test]
    fn results_come_in_order() {
        for count in [0, 1, 7, 8, 9, 1000] {
            let numbers: Vec<usize> = (0..count).collect();
            assert_eq!(for_all(&numbers, |number| number * 2), numbers.iter().map(|n| n * 2).collect::<Vec<_>>());
        }
    }
}
