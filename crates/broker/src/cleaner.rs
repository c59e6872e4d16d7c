//! The log cleaner: finds the dirtiest compacted log, has it cleaned, remembers how far, and starts again. How a log is
//! cleaned is the log crate's affair; this file holds threads, pace and checkpoints.

mod figures;
mod room;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use barnabas_common::{Offset, TimestampMs, TopicPartition, Uuid};
use barnabas_log::{Checkpoint, Cleanable, CleanerLimits, CleaningError, OffsetCheckpoint};
use barnabas_replica::Partition;
use parking_lot::Mutex;
use tracing::{error, info, warn};

use crate::broker::Broker;
use crate::log_dirs::DataDir;
pub(crate) use figures::{CleanerFigures, Uncleanable, figures};

/// Waiting for the pace is done in pieces of this, so that a stop is not kept waiting.
const NAP: Duration = Duration::from_millis(50);
/// How often a cleaning looks whether its partition is still there.
const LOOK_BYTES: u64 = 1 << 20;
/// The records of one batch are held in memory while it is rewritten. Far more than producers may send to a compacted topic.
const MAX_EXPANDED_BATCH_BYTES: usize = 256 << 20;
/// How long a thread that failed leaves everything alone.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(15);
/// Shortest time in which a log that could not be cleaned now is left alone.
const SHORTEST_REST_MS: i64 = 1000;

/// What the cleaner threads share.
#[derive(Default)]
pub(crate) struct Cleaner {
    state: Mutex<State>,
    /// Checkpoints are written by one at a time.
    writing: Mutex<()>,
    is_stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    progress: BTreeMap<TopicPartition, Progress>,
    in_progress: BTreeSet<TopicPartition>,
    /// Logs that could not be cleaned, with their topic; left alone until the next start.
    uncleanable: BTreeMap<TopicPartition, Uuid>,
    /// Logs that cannot be cleaned for the moment, and until when (monotonic) others go first.
    resting: BTreeMap<TopicPartition, TimestampMs>,
    /// Logs for which there is no room on their disk.
    waiting: BTreeMap<TopicPartition, room::Waiting>,
    /// The files on disk say something that is not true any more.
    is_outdated: bool,
    /// The last try to write them failed: it is told once, not for every retry.
    writing_fails: bool,
    /// Share of dirty bytes of the dirtiest log, as of the last look.
    max_dirty_ratio: f64,
    /// When that was (monotonic).
    looked_at_ms: Option<TimestampMs>,
    threads: Vec<figures::Thread>,
}

/// How far a log has been cleaned.
struct Progress {
    first_dirty: Offset,
    /// The topic it was said of; `None` as long as only a checkpoint has said it.
    topic_id: Option<Uuid>,
    /// Which of the data folders it is in.
    dir: usize,
}

impl Progress {
    /// What is known of a topic says nothing about another one that has got its name.
    fn is_of(&self, partition: &Partition) -> bool {
        self.topic_id.is_none_or(|id| id == partition.topic_id)
    }
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
    /// Which thread is to clean it.
    thread: usize,
}

impl Cleaner {
    /// Starts from what the last start left.
    pub(crate) fn new(dirs: &[DataDir]) -> Self {
        let mut state = State::default();
        for (dir, files) in dirs.iter().map(|dir| &dir.files).enumerate() {
            let known = files.read_checkpoint(Checkpoint::Cleaner).into_iter();
            state
                .progress
                .extend(known.map(|(name, first_dirty)| (name, Progress { first_dirty, topic_id: None, dir })));
        }
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// Ends what is under way soon; nothing is lost by it.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }
}

/// Runs one cleaner thread until the task is dropped.
pub(crate) async fn run(broker: Arc<Broker>, thread: usize) {
    loop {
        let work = Arc::clone(&broker);
        let round = tokio::task::spawn_blocking(move || {
            let pace = pace(&work);
            (clean_dirtiest(&work, thread, &pace), pace.backoff)
        });
        match round.await {
            Ok((true, _)) => {}
            Ok((false, backoff)) => tokio::time::sleep(backoff).await,
            Err(error) => {
                error!(%error, "the log cleaner failed; going on with the next round");
                broker.cleaner.thread_failed(thread);
                tokio::time::sleep(REST_AFTER_FAILURE).await;
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
        expanded_batch_bytes: MAX_EXPANDED_BATCH_BYTES,
        keep_free_bytes: 0,
    };
    Pace {
        backoff: Duration::from_millis(u64::try_from(config.number("log.cleaner.backoff.ms")).unwrap_or(15_000)),
        limits,
        bytes_per_second: config.double("log.cleaner.io.max.bytes.per.second"),
    }
}

/// Cleans one log; whether there was one to clean.
fn clean_dirtiest(broker: &Broker, thread: usize, pace: &Pace) -> bool {
    let now_ms = broker.clock.wall_ms();
    let Some(chosen) = choose(broker, thread, now_ms) else { return false };
    let name = chosen.partition.topic_partition.clone();
    let given_up = GivenUpByPanic { cleaner: &broker.cleaner, chosen: &chosen };
    let outcome = clean(broker, &chosen, pace, now_ms);
    drop(given_up);
    let mut state = broker.cleaner.state.lock();
    state.in_progress.remove(&name);
    if !matches!(outcome, Err(CleaningError::NoRoom { .. } | CleaningError::Interrupted)) {
        state.waiting.remove(&name);
    }
    let rest_ms = i64::try_from(pace.backoff.as_millis()).unwrap_or(i64::MAX).max(SHORTEST_REST_MS);
    let rest_until = broker.clock.monotonic_ms().saturating_add(rest_ms);
    match outcome {
        Ok(clean_until) if clean_until > chosen.first_dirty => {
            let dir = state.progress.get(&name).map_or(0, |progress| progress.dir);
            let topic_id = Some(chosen.partition.topic_id);
            state.progress.insert(name, Progress { first_dirty: clean_until, topic_id, dir });
            drop(state);
            write_checkpoints(broker);
        }
        // It was overtaken by a change of the log, or must wait for the end of a transaction.
        Ok(_) => drop(state.resting.insert(name, rest_until)),
        Err(CleaningError::Interrupted) => return false,
        Err(CleaningError::NoRoom { needed_bytes }) => {
            state.resting.insert(name, rest_until);
            drop(state);
            room::wait(broker, &chosen, needed_bytes, now_ms);
        }
        Err(error) => {
            // A full disk passes; what else goes wrong would go wrong again.
            let may_pass = matches!(&error, CleaningError::Log(barnabas_log::LogError::Io { .. }));
            error!(partition = %name, %error, "cannot compact the log; its records stay as they are");
            match may_pass {
                true => drop(state.resting.insert(name, rest_until)),
                false => drop(state.uncleanable.insert(name, chosen.partition.topic_id)),
            }
        }
    }
    true
}

/// A log over which a thread panics would make it panic again, and is not to seem under way for ever.
struct GivenUpByPanic<'a> {
    cleaner: &'a Cleaner,
    chosen: &'a Chosen,
}

impl Drop for GivenUpByPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let partition = &self.chosen.partition;
            error!(partition = %partition.topic_partition, "compacting the log made a thread fail; the log stays as it is");
            let mut state = self.cleaner.state.lock();
            state.in_progress.remove(&partition.topic_partition);
            state.uncleanable.insert(partition.topic_partition.clone(), partition.topic_id);
        }
    }
}

/// The log with the largest share of dirty bytes, if it is worth it; one that is overdue goes first.
fn choose(broker: &Broker, thread: usize, now_ms: TimestampMs) -> Option<Chosen> {
    let mut state = broker.cleaner.state.lock();
    let monotonic_ms = broker.clock.monotonic_ms();
    state.looked_at_ms = Some(monotonic_ms);
    state.resting.retain(|_, until| *until > monotonic_ms);
    let mut best: Option<((bool, f64), Chosen)> = None;
    let (mut max_dirty_ratio, mut max_delay_ms) = (0.0_f64, 0);
    for partition in broker.replicas.all().iter() {
        let Some(Look { first_dirty, cleanable, min_ratio }) = state.look(partition, now_ms) else { continue };
        let ratio = cleanable.dirty_ratio();
        max_dirty_ratio = max_dirty_ratio.max(ratio);
        max_delay_ms = max_delay_ms.max(cleanable.delay_ms);
        let is_worth_it = cleanable.is_overdue || (ratio > min_ratio && cleanable.dirty_bytes > 0);
        let urgency = (cleanable.is_overdue, ratio);
        let is_better = best.as_ref().is_none_or(|(most, _)| urgency > *most);
        let is_left_alone = || {
            state.resting.contains_key(&partition.topic_partition)
                || room::waits(broker, &state.waiting, partition, cleanable.dirty_bytes)
        };
        if is_worth_it && is_better && !is_left_alone() {
            best = Some((urgency, Chosen { partition: Arc::clone(partition), first_dirty, thread }));
        }
    }
    state.max_dirty_ratio = max_dirty_ratio;
    state.looked(thread, max_delay_ms);
    let (_, chosen) = best?;
    state.in_progress.insert(chosen.partition.topic_partition.clone());
    Some(chosen)
}

/// What a look at a compacted log finds.
struct Look {
    first_dirty: Offset,
    cleanable: Cleanable,
    min_ratio: f64,
}

impl State {
    /// Up to where a log is known to be clean.
    fn noted(&self, name: &TopicPartition) -> Offset {
        self.progress.get(name).map_or(0, |progress| progress.first_dirty)
    }

    /// `None` if the log is not compacted, or cannot be.
    fn look(&mut self, partition: &Partition, now_ms: TimestampMs) -> Option<Look> {
        let name = &partition.topic_partition;
        if self.uncleanable.get(name) == Some(&partition.topic_id) || self.in_progress.contains(name) {
            return None;
        }
        let known = self.progress.get_mut(name).filter(|progress| progress.is_of(partition));
        let noted = known.as_ref().map_or(0, |progress| progress.first_dirty);
        let looked = partition.with_log(|log| {
            let is_compacted = log.config().cleanup_policy.compact && log.failure().is_none();
            let first_dirty = log.first_dirty_offset(noted);
            let cleanable = is_compacted.then(|| log.cleanable(first_dirty, now_ms));
            (first_dirty, cleanable, log.config().min_cleanable_dirty_ratio)
        });
        let (first_dirty, cleanable, min_ratio) = looked.ok()?;
        if let Some(progress) = known.filter(|progress| progress.first_dirty != first_dirty) {
            progress.first_dirty = first_dirty;
            self.is_outdated = true;
        }
        Some(Look { first_dirty, cleanable: cleanable?, min_ratio })
    }
}

/// Cleans a log; returns up to where it is clean.
fn clean(broker: &Broker, chosen: &Chosen, pace: &Pace, now_ms: TimestampMs) -> Result<Offset, CleaningError> {
    let gone = |_| CleaningError::Interrupted;
    let partition = &chosen.partition;
    let plan = partition.with_log(|log| log.plan_cleaning(chosen.first_dirty, now_ms)).map_err(gone)?;
    let Some(plan) = plan else { return Ok(chosen.first_dirty) };
    let began = Instant::now();
    let (mut before, mut after) = (0, 0);
    let mut throttle = throttle(broker, partition, pace.bytes_per_second);
    let limits = CleanerLimits { keep_free_bytes: room::keep_free_bytes(broker, partition), ..pace.limits };
    let mut cleaning = plan.start(limits, &mut throttle)?;
    while let Some(group) = cleaning.clean_next(&mut throttle)? {
        (before, after) = (before + group.bytes_before, after + group.bytes_after);
        let installed = partition.with_log(|log| log.install(group, broker.clock.wall_ms())).map_err(gone)?;
        if !installed? {
            warn!(partition = %partition.topic_partition, "the log changed while it was compacted; trying again later");
            return Ok(chosen.first_dirty);
        }
    }
    broker.cleaner.cleaned(chosen.thread, began.elapsed(), cleaning.figures());
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

/// Slows down to the configured rate, and ends early when the broker stops or the partition goes.
fn throttle(broker: &Broker, partition: &Partition, bytes_per_second: f64) -> impl FnMut(u64) -> ControlFlow<()> {
    let began = Instant::now();
    let mut done = 0.0;
    let mut unlooked = 0;
    move |bytes| {
        done += bytes as f64;
        unlooked += bytes;
        if unlooked >= LOOK_BYTES {
            unlooked = 0;
            if partition.is_offline() {
                return ControlFlow::Break(());
            }
        }
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

/// Forgets what was said of topics that are gone, so that none that gets the name of one is taken for clean: of a part
/// that is taken for clean and is not, tombstones go and what they deleted stays.
pub(crate) fn forget_gone(broker: &Broker) {
    let mut state = broker.cleaner.state.lock();
    let partition_of = |name: &TopicPartition| broker.replicas.get(&name.topic, name.partition);
    let before = state.progress.len();
    state.progress.retain(|name, progress| {
        let Some(partition) = partition_of(name).filter(|partition| progress.is_of(partition)) else { return false };
        progress.topic_id = Some(partition.topic_id);
        true
    });
    state.waiting.retain(|name, waiting| partition_of(name).is_some_and(|partition| waiting.is_of(&partition)));
    state.uncleanable.retain(|name, id| partition_of(name).is_some_and(|partition| partition.topic_id == *id));
    state.is_outdated |= state.progress.len() < before;
    let is_outdated = state.is_outdated;
    drop(state);
    if is_outdated {
        write_checkpoints(broker);
    }
}

/// Writes down how far each log is clean. Losing it costs a cleaning, so a failure is only told.
fn write_checkpoints(broker: &Broker) {
    let _turn = broker.cleaner.writing.lock();
    let mut state = broker.cleaner.state.lock();
    state.is_outdated = false;
    let failed_before = state.writing_fails;
    let mut by_dir = vec![OffsetCheckpoint::new(); broker.log_dirs.len()];
    for (name, progress) in &mut state.progress {
        let Some(partition) = broker.replicas.get(&name.topic, name.partition) else { continue };
        if !progress.is_of(&partition) {
            continue;
        }
        let home = partition.with_log(|log| broker.log_dirs.iter().position(|dir| log.dir().starts_with(&dir.path)));
        // Of a log that is offline, or closed because the broker stops, it stays as it was.
        progress.dir = home.ok().flatten().unwrap_or(progress.dir);
        if let Some(offsets) = by_dir.get_mut(progress.dir) {
            offsets.insert(name.clone(), progress.first_dirty);
        }
    }
    drop(state);
    let mut is_written = true;
    for (dir, offsets) in broker.log_dirs.iter().zip(&by_dir).filter(|(dir, _)| !dir.watched.has_failed()) {
        if let Err(error) = dir.files.write_checkpoint(Checkpoint::Cleaner, offsets) {
            is_written = false;
            if !failed_before {
                warn!(dir = %dir.path.display(), %error, "cannot write how far logs are compacted; trying again");
            }
        }
    }
    let mut state = broker.cleaner.state.lock();
    state.is_outdated |= !is_written;
    state.writing_fails = !is_written;
}
