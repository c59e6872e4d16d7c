//! What the cleaner tells of itself, in Kafka's terms: of the last cleaning of each thread, of the last look at all logs,
//! and of the logs that it has given up.

use std::time::Duration;

use barnabas_common::{Offset, TopicPartition, Uuid};
use barnabas_log::CleaningFigures;

use super::{Cleaner, State};
use crate::broker::Broker;

/// What is known of one cleaner thread.
#[derive(Clone, Copy, Default)]
pub(super) struct Thread {
    last: Option<LastCleaning>,
    /// When it looked last: the longest that a log had waited beyond `max.compaction.lag.ms`.
    max_delay_ms: i64,
    /// It failed, and has not begun anew yet.
    is_dead: bool,
}

/// A cleaning that was completed.
#[derive(Clone, Copy)]
struct LastCleaning {
    took: Duration,
    work: CleaningFigures,
}

/// The last cleanings of all threads that have done one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LastCleanings {
    /// Of what they read, the part that remained.
    pub recopy_percent: f64,
    /// The longest.
    pub max_seconds: f64,
    /// The fullest that the memory for keys got.
    pub max_buffer_utilization_percent: f64,
}

/// Logs of one log dir that could not be cleaned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uncleanable {
    pub partitions: usize,
    pub dirty_bytes: u64,
}

/// Everything at one moment.
pub(crate) struct CleanerFigures {
    pub last: Option<LastCleanings>,
    pub max_compaction_delay_ms: i64,
    pub dead_threads: usize,
    pub ms_since_last_look: Option<i64>,
    /// Share of dirty bytes of the dirtiest log, as of the last look.
    pub max_dirty_percent: Option<f64>,
    /// By log dir.
    pub uncleanable: Vec<Uncleanable>,
}

impl Cleaner {
    fn with_thread(&self, thread: usize, change: impl FnOnce(&mut Thread)) {
        change(self.state.lock().thread(thread));
    }

    pub(super) fn cleaned(&self, thread: usize, took: Duration, work: CleaningFigures) {
        self.with_thread(thread, |known| known.last = Some(LastCleaning { took, work }));
    }

    pub(super) fn thread_failed(&self, thread: usize) {
        self.with_thread(thread, |known| known.is_dead = true);
    }
}

impl State {
    /// Threads are known from the first time that they tell of themselves.
    fn thread(&mut self, thread: usize) -> &mut Thread {
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Thread::default);
        }
        &mut self.threads[thread]
    }

    /// A thread has looked at all logs.
    pub(super) fn looked(&mut self, thread: usize, max_delay_ms: i64) {
        let known = self.thread(thread);
        (known.max_delay_ms, known.is_dead) = (max_delay_ms, false);
    }
}

/// What there is to tell; `None` if no thread is running.
pub(crate) fn figures(broker: &Broker) -> Option<CleanerFigures> {
    let state = broker.cleaner.state.lock();
    if state.threads.is_empty() {
        return None;
    }
    let given_up: Vec<_> = state.uncleanable.iter().map(|(name, id)| (name.clone(), *id, state.noted(name))).collect();
    let figures = CleanerFigures {
        last: last_cleanings(&state.threads),
        max_compaction_delay_ms: state.threads.iter().map(|thread| thread.max_delay_ms).max().unwrap_or(0),
        dead_threads: state.threads.iter().filter(|thread| thread.is_dead).count(),
        ms_since_last_look: state.looked_at_ms.map(|at| broker.clock.monotonic_ms().saturating_sub(at)),
        max_dirty_percent: state.looked_at_ms.map(|_| state.max_dirty_ratio * 100.0),
        uncleanable: Vec::new(),
    };
    drop(state);
    Some(CleanerFigures { uncleanable: uncleanable(broker, &given_up), ..figures })
}

fn last_cleanings(threads: &[Thread]) -> Option<LastCleanings> {
    let last = || threads.iter().filter_map(|thread| thread.last);
    last().next()?;
    let max = |of: fn(LastCleaning) -> f64| last().map(of).fold(0.0, f64::max);
    let (read, written) = last().fold((0, 0), |(read, written), cleaning| {
        (read + cleaning.work.bytes_read, written + cleaning.work.bytes_written)
    });
    Some(LastCleanings {
        recopy_percent: 100.0 * written as f64 / read.max(1) as f64,
        max_seconds: max(|cleaning| cleaning.took.as_secs_f64()),
        max_buffer_utilization_percent: max(|cleaning| 100.0 * cleaning.work.buffer_utilization),
    })
}

/// A look at each of the logs, outside of the cleaner's lock. One that is offline is in no dir.
fn uncleanable(broker: &Broker, given_up: &[(TopicPartition, Uuid, Offset)]) -> Vec<Uncleanable> {
    let mut by_dir = vec![Uncleanable::default(); broker.log_dirs.len()];
    let now_ms = broker.clock.wall_ms();
    for (name, topic_id, first_dirty) in given_up {
        let partition = broker.replicas.get(&name.topic, name.partition).filter(|held| held.topic_id == *topic_id);
        let look = partition.and_then(|partition| {
            let look = partition.with_log(|log| {
                let home = broker.log_dirs.iter().position(|dir| log.dir().starts_with(&dir.path))?;
                Some((home, log.cleanable(*first_dirty, now_ms).dirty_bytes))
            });
            look.ok().flatten()
        });
        let Some((home, dirty_bytes)) = look else { continue };
        by_dir[home].partitions += 1;
        by_dir[home].dirty_bytes += dirty_bytes;
    }
    by_dir
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(seconds: u64, bytes_read: u64, bytes_written: u64, buffer_utilization: f64) -> Thread {
        let work = CleaningFigures { bytes_read, bytes_written, buffer_utilization };
        Thread { last: Some(LastCleaning { took: Duration::from_secs(seconds), work }), ..Thread::default() }
    }

    #[test]
    fn of_several_threads_the_worst_counts_and_bytes_are_summed() {
        assert_eq!(last_cleanings(&[]), None);
        assert_eq!(last_cleanings(&[Thread::default()]), None, "nothing was cleaned yet");
        let threads = [thread(3, 900, 100, 0.25), Thread::default(), thread(2, 100, 100, 0.5)];
        let expected = LastCleanings { recopy_percent: 20.0, max_seconds: 3.0, max_buffer_utilization_percent: 50.0 };
        assert_eq!(last_cleanings(&threads), Some(expected));
        assert_eq!(last_cleanings(&[thread(0, 0, 0, 0.0)]).unwrap().recopy_percent, 0.0);
    }

    #[test]
    fn a_thread_is_dead_until_it_looks_again() {
        let mut state = State::default();
        state.thread(1).is_dead = true;
        assert_eq!(state.threads.len(), 2);
        state.looked(0, 5);
        assert!(state.threads[1].is_dead);
        state.looked(1, 7);
        assert!(!state.threads[1].is_dead);
        assert_eq!(state.threads.iter().map(|thread| thread.max_delay_ms).max(), Some(7));
    }
}
