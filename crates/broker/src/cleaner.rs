//! The log cleaner: finds the dirtiest compacted log, has it cleaned, remembers how far, and starts again. How a log is
//! cleaned is the log crate's affair; this file holds threads, pace and checkpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use barnabas_common::{Offset, TimestampMs, TopicPartition};
use barnabas_log::{Checkpoint, CleanerLimits, CleaningError, OffsetCheckpoint};
use barnabas_replica::Partition;
use parking_lot::Mutex;
use tracing::{error, info, warn};

use crate::broker::Broker;
use crate::log_dirs::DataDir;

/// Waiting for the pace is done in pieces of this, so that a stop is not kept waiting.
const NAP: Duration = Duration::from_millis(50);

/// What the cleaner threads share.
#[derive(Default)]
pub(crate) struct Cleaner {
    state: Mutex<State>,
    is_stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Up to where each log has been cleaned.
    first_dirty: BTreeMap<TopicPartition, Offset>,
    in_progress: BTreeSet<TopicPartition>,
    /// Logs that could not be cleaned; left alone until the next start.
    uncleanable: BTreeSet<TopicPartition>,
    /// Share of dirty bytes of the dirtiest log, as of the last look.
    max_dirty_ratio: f64,
}

/// Settings of one round, as they hold now.
struct Pace {
    backoff: Duration,
    limits: CleanerLimits,
    bytes_per_second: f64,
}

/// A log that is to be cleaned.
struct Chosen {
    partition: Arc<Partition>,
    first_dirty: Offset,
}

impl Cleaner {
    /// Starts from what the last start left.
    pub(crate) fn new(dirs: &[DataDir]) -> Self {
        let first_dirty = dirs.iter().flat_map(|dir| dir.files.read_checkpoint(Checkpoint::Cleaner)).collect();
        Self { state: Mutex::new(State { first_dirty, ..State::default() }), is_stopping: AtomicBool::new(false) }
    }

    /// Ends what is under way soon; nothing is lost by it.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Logs that could not be cleaned.
    pub(crate) fn uncleanable_partitions(&self) -> usize {
        self.state.lock().uncleanable.len()
    }

    /// Share of dirty bytes of the dirtiest log, in percent.
    pub(crate) fn max_dirty_percent(&self) -> f64 {
        self.state.lock().max_dirty_ratio * 100.0
    }
}

/// Runs one cleaner thread until the task is dropped.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let work = Arc::clone(&broker);
        let round = tokio::task::spawn_blocking(move || {
            let pace = pace(&work);
            (clean_dirtiest(&work, &pace), pace.backoff)
        });
        match round.await {
            Ok((true, _)) => {}
            Ok((false, backoff)) => tokio::time::sleep(backoff).await,
            Err(error) => {
                error!(%error, "the log cleaner failed; going on with the next round");
                tokio::time::sleep(Duration::from_secs(15)).await;
            }
        }
    }
}

fn pace(broker: &Broker) -> Pace {
    let config = broker.configs.with_dynamic(&broker.image());
    let threads = usize::try_from(config.number("log.cleaner.threads")).unwrap_or(1).max(1);
    let bytes = |key: &str| usize::try_from(config.number(key)).unwrap_or(0);
    let limits = CleanerLimits {
        dedupe_buffer_bytes: bytes("log.cleaner.dedupe.buffer.size") / threads,
        load_factor: config.double("log.cleaner.io.buffer.load.factor"),
        io_buffer_bytes: (bytes("log.cleaner.io.buffer.size") / threads / 2).max(4096),
    };
    Pace {
        backoff: Duration::from_millis(u64::try_from(config.number("log.cleaner.backoff.ms")).unwrap_or(15_000)),
        limits,
        bytes_per_second: config.double("log.cleaner.io.max.bytes.per.second"),
    }
}

/// Cleans one log; whether there was one to clean.
fn clean_dirtiest(broker: &Broker, pace: &Pace) -> bool {
    let now_ms = broker.clock.wall_ms();
    let Some(chosen) = choose(broker, now_ms) else { return false };
    let name = chosen.partition.topic_partition.clone();
    let outcome = clean(broker, &chosen, pace, now_ms);
    let mut state = broker.cleaner.state.lock();
    state.in_progress.remove(&name);
    match outcome {
        Ok(clean_until) => {
            state.first_dirty.insert(name, clean_until);
            drop(state);
            write_checkpoints(broker);
        }
        Err(CleaningError::Interrupted) => return false,
        Err(error) => {
            // A full disk passes; what else goes wrong would go wrong again.
            let may_pass = matches!(&error, CleaningError::Log(barnabas_log::LogError::Io { .. }));
            error!(partition = %name, %error, "cannot compact the log; its records stay as they are");
            if !may_pass {
                state.uncleanable.insert(name);
            }
            return false;
        }
    }
    true
}

/// The log with the largest share of dirty bytes, if it is worth it; one that is overdue goes first.
fn choose(broker: &Broker, now_ms: TimestampMs) -> Option<Chosen> {
    let mut state = broker.cleaner.state.lock();
    let mut best: Option<(bool, f64, Chosen)> = None;
    let mut max_dirty_ratio = 0.0_f64;
    for partition in broker.replicas.all() {
        let name = &partition.topic_partition;
        if state.in_progress.contains(name) || state.uncleanable.contains(name) {
            continue;
        }
        let first_dirty = state.first_dirty.get(name).copied().unwrap_or(0);
        let looked = partition.with_log(|log| {
            let is_compacted = log.config().cleanup_policy.compact && log.failure().is_none();
            is_compacted.then(|| (log.cleanable(first_dirty, now_ms), log.config().min_cleanable_dirty_ratio))
        });
        let Ok(Some((cleanable, min_ratio))) = looked else { continue };
        let ratio = cleanable.dirty_ratio();
        max_dirty_ratio = max_dirty_ratio.max(ratio);
        let is_worth_it = cleanable.is_overdue || (ratio > min_ratio && cleanable.dirty_bytes > 0);
        let is_better = best
            .as_ref()
            .is_none_or(|(overdue, best_ratio, _)| (cleanable.is_overdue, ratio) > (*overdue, *best_ratio));
        if is_worth_it && is_better {
            best = Some((cleanable.is_overdue, ratio, Chosen { partition: Arc::clone(&partition), first_dirty }));
        }
    }
    state.max_dirty_ratio = max_dirty_ratio;
    let (_, _, chosen) = best?;
    state.in_progress.insert(chosen.partition.topic_partition.clone());
    Some(chosen)
}

/// Cleans a log; returns up to where it is clean.
fn clean(broker: &Broker, chosen: &Chosen, pace: &Pace, now_ms: TimestampMs) -> Result<Offset, CleaningError> {
    let gone = |_| CleaningError::Interrupted;
    let partition = &chosen.partition;
    let plan = partition.with_log(|log| log.plan_cleaning(chosen.first_dirty, now_ms)).map_err(gone)?;
    let Some(plan) = plan else { return Ok(chosen.first_dirty) };
    let began = Instant::now();
    let (mut before, mut after) = (0, 0);
    let mut throttle = throttle(broker, pace.bytes_per_second);
    let mut cleaning = plan.start(pace.limits, &mut throttle)?;
    while let Some(group) = cleaning.clean_next(&mut throttle)? {
        (before, after) = (before + group.bytes_before, after + group.bytes_after);
        let installed = partition.with_log(|log| log.install(group, broker.clock.wall_ms())).map_err(gone)?;
        if !installed? {
            warn!(partition = %partition.topic_partition, "the log changed while it was compacted; trying again later");
            return Ok(chosen.first_dirty);
        }
    }
    info!(
        partition = %partition.topic_partition,
        bytes_before = before,
        bytes_after = after,
        clean_until = cleaning.clean_until(),
        took_ms = began.elapsed().as_millis(),
        "compacted"
    );
    Ok(cleaning.clean_until())
}

/// Slows down to the configured rate, and ends early when the broker stops.
fn throttle(broker: &Broker, bytes_per_second: f64) -> impl FnMut(u64) -> ControlFlow<()> {
    let began = Instant::now();
    let mut done = 0.0;
    move |bytes| {
        done += bytes as f64;
        loop {
            if broker.cleaner.is_stopping.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            let ahead_s = done / bytes_per_second - began.elapsed().as_secs_f64();
            if ahead_s <= 0.0 {
                return ControlFlow::Continue(());
            }
            std::thread::sleep(NAP.min(Duration::try_from_secs_f64(ahead_s).unwrap_or(NAP)));
        }
    }
}

/// Writes down how far each log is clean. Losing it costs a cleaning, so a failure is only told.
fn write_checkpoints(broker: &Broker) {
    let mut state = broker.cleaner.state.lock();
    let mut by_dir = vec![OffsetCheckpoint::new(); broker.log_dirs.len()];
    state.first_dirty.retain(|name, offset| {
        let Some(partition) = broker.replicas.get(&name.topic, name.partition) else { return false };
        let home = partition.with_log(|log| broker.log_dirs.iter().position(|dir| log.dir().starts_with(&dir.path)));
        if let Ok(Some(index)) = home {
            by_dir[index].insert(name.clone(), *offset);
        }
        true
    });
    drop(state);
    for (dir, offsets) in broker.log_dirs.iter().zip(&by_dir) {
        if let Err(error) = dir.files.write_checkpoint(Checkpoint::Cleaner, offsets) {
            warn!(dir = %dir.path.display(), %error, "cannot write how far logs are compacted; they will be compacted again");
        }
    }
}
