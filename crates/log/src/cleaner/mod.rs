//! Compaction: of every key in the closed segments only the last record is kept, as Kafka's log cleaner does it.
//!
//! 1. `plan.rs`, under the lock: what may be cleaned.
//! 2. [`CleaningPlan::start`], outside: the last offset of every key in the dirty part, in bounded memory (`offset_map.rs`).
//! 3. [`Cleaning::clean_next`], outside, group by group: what is left of some segments is written to one new file
//!    (`rewrite.rs`, by the rules in `filter.rs`).
//! 4. [`Log::install`](crate::Log::install), under the lock: the new file takes the place of the old ones (`swap.rs`).
//!
//! **Invariants.** Offsets, order, timestamps and sequence numbers of what is kept do not change. The last record of a key
//! is never removed, except a tombstone after `delete.retention.ms`. A cleaned segment reaches up to the next one, so that
//! readers always get to the end. What supersedes a record is on disk before the record goes. A crash at any moment leaves
//! either the old segments or the new one.

mod filter;
mod offset_map;
mod plan;
mod rewrite;
mod swap;
mod transactions;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use barnabas_common::Offset;
use barnabas_protocol::records::{DecompressionLimit, scan_records};

use crate::error::{LogError, ReadError};
use filter::{Producers, Rules};
use offset_map::OffsetMap;
use plan::Source;
use transactions::Transactions;

pub use plan::{Cleanable, CleaningPlan};
pub use rewrite::CleanedGroup;
pub(crate) use swap::complete_swaps;

/// Bounds of one cleaner thread.
#[derive(Clone, Copy, Debug)]
pub struct CleanerLimits {
    /// Memory for the keys: `log.cleaner.dedupe.buffer.size` per thread.
    pub dedupe_buffer_bytes: usize,
    /// `log.cleaner.io.buffer.load.factor`: how full the key map may get.
    pub load_factor: f64,
    /// Read and written at once.
    pub io_buffer_bytes: usize,
    /// A log with a compressed batch that takes more than this is not compacted: its records are held in memory.
    pub expanded_batch_bytes: usize,
    /// What is written leaves so much of the disk free.
    pub keep_free_bytes: u64,
}

/// Told of every piece of input and output, so that the caller can slow down; breaking ends the cleaning early, with
/// nothing lost.
pub type Throttle<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// Why a cleaning ended early.
#[derive(Debug, thiserror::Error)]
pub enum CleaningError {
    #[error(transparent)]
    Log(#[from] LogError),
    /// The caller wanted it to end.
    #[error("the cleaning was interrupted")]
    Interrupted,
    /// The next group of segments. What was installed before stays.
    #[error("there is no room for the {needed_bytes} bytes that are left of some segments")]
    NoRoom { needed_bytes: u64 },
}

impl From<ReadError> for CleaningError {
    fn from(error: ReadError) -> Self {
        Self::Log(error.into())
    }
}

impl From<std::io::Error> for CleaningError {
    fn from(source: std::io::Error) -> Self {
        Self::Log(LogError::Io { context: "could not read or write while cleaning".into(), source })
    }
}

/// What a cleaning has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CleaningFigures {
    /// Of the segments that were looked through once the keys were known.
    pub bytes_read: u64,
    /// What was left of them.
    pub bytes_written: u64,
    /// How full the memory for the keys got, from 0 to 1; the load factor is the most.
    pub buffer_utilization: f64,
}

/// A cleaning whose keys are known: segments can be rewritten one group after the other.
pub struct Cleaning {
    plan: CleaningPlan,
    groups: VecDeque<Vec<Source>>,
    rules: Rules,
    clean_until: Offset,
    limits: CleanerLimits,
    figures: CleaningFigures,
}

impl CleaningPlan {
    /// Reads the dirty part and remembers the last offset of every key.
    pub fn start(mut self, limits: CleanerLimits, throttle: &mut Throttle<'_>) -> Result<Cleaning, CleaningError> {
        let mut map = OffsetMap::new(limits.dedupe_buffer_bytes, limits.load_factor);
        let mut producers = Producers { alive: std::mem::take(&mut self.producers), ..Producers::default() };
        let mut transactions = Transactions::default();
        let clean_until = self.learn(&mut map, &mut producers, &mut transactions, limits, throttle)?;
        let mut sources = std::mem::take(&mut self.sources);
        sources.retain(|source| source.base_offset < clean_until && clean_until > self.first_dirty);
        let delete_retention_ms = self.config.delete_retention_ms;
        let limit = DecompressionLimit::bytes(limits.expanded_batch_bytes);
        let figures = CleaningFigures { buffer_utilization: map.utilization(), ..CleaningFigures::default() };
        let rules = Rules { map, producers, transactions, now_ms: self.now_ms, delete_retention_ms, limit };
        let groups = rewrite::group(sources, &self.config);
        Ok(Cleaning { plan: self, groups, rules, clean_until, limits, figures })
    }

    /// Fills the map, and notes the last batch of each producer; returns the offset up to which all keys are known.
    fn learn(
        &self,
        map: &mut OffsetMap,
        producers: &mut Producers,
        transactions: &mut Transactions,
        limits: CleanerLimits,
        throttle: &mut Throttle<'_>,
    ) -> Result<Offset, CleaningError> {
        let clean = self.sources.partition_point(|source| source.next_offset <= self.first_dirty);
        for (index, source) in self.sources.iter().enumerate().skip(clean) {
            if !transactions.decide(&self.sources[index..], limits.io_buffer_bytes, throttle)? {
                // How a transaction in it ends is not known yet.
                return Ok(source.base_offset.max(self.first_dirty));
            }
            let mut window = source.reader.window(limits.io_buffer_bytes)?;
            let mut position = 0;
            while position < source.size {
                let header = source.reader.verified_batch_at(&mut window, position)?;
                let is_new = header.last_offset() >= self.first_dirty && !header.is_control();
                if is_new && header.has_producer_id() {
                    producers.last_dirty.insert(header.producer_id, header.last_offset());
                }
                if is_new && !transactions.is_aborted(&header) {
                    let records = usize::try_from(header.record_count).unwrap_or(usize::MAX);
                    if map.is_full_for(records) && map.latest() >= 0 {
                        return Ok(map.latest() + 1);
                    }
                    let batch = window.read(position, header.size_bytes())?;
                    let limit = DecompressionLimit::bytes(limits.expanded_batch_bytes);
                    let learned = learn_batch(map, &batch, self.first_dirty, limit);
                    if !learned.map_err(|error| source.reader.segment.corrupt(position, error.to_string()))? {
                        return Ok(map.latest() + 1);
                    }
                }
                position += header.size_bytes() as u64;
                interruptible(throttle(header.size_bytes() as u64))?;
            }
        }
        Ok(self.end)
    }
}

/// Learns the keys of a batch from `first_dirty` on; `false` if there is no room for all of them, as of a batch with more
/// keys than the whole map takes. The map says up to where.
fn learn_batch(
    map: &mut OffsetMap,
    batch: &[u8],
    first_dirty: Offset,
    limit: DecompressionLimit,
) -> Result<bool, barnabas_protocol::records::RecordError> {
    let flow = scan_records(batch, limit, |record| {
        if let Some(key) = record.key.filter(|_| record.offset >= first_dirty) {
            if map.is_full_for(1) {
                return ControlFlow::Break(());
            }
            map.put(key, record.offset);
        }
        ControlFlow::Continue(())
    });
    flow.map(|flow| flow.is_continue())
}

fn interruptible(flow: ControlFlow<()>) -> Result<(), CleaningError> {
    if flow.is_break() { Err(CleaningError::Interrupted) } else { Ok(()) }
}

impl Cleaning {
    /// Up to where the log is clean once every group has been installed.
    pub fn clean_until(&self) -> Offset {
        self.clean_until
    }

    /// What has been done so far.
    pub fn figures(&self) -> CleaningFigures {
        self.figures
    }

    /// Writes what is left of the next group of segments; `None` when all are done.
    pub fn clean_next(&mut self, throttle: &mut Throttle<'_>) -> Result<Option<CleanedGroup>, CleaningError> {
        while let Some(sources) = self.groups.pop_front() {
            let group = rewrite::rewrite(&self.plan, &self.rules, sources, self.limits, throttle, &mut self.figures)?;
            if group.is_some() {
                return Ok(group);
            }
        }
        Ok(None)
    }
}
