//! Fetching from several partitions with long polling: answer at once when there is enough, the end of a closed segment,
//! an error or no time to wait; else sleep until an append wakes us or the time is up. Nothing is polled.

use std::sync::Arc;
use std::time::Duration;

use barnabas_common::{ErrorCode, LeaderEpoch, Offset};
use barnabas_log::{ReadError, ReadPlan};
use barnabas_protocol::RecordData;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::fetch_memory::FetchMemory;
use crate::manager::ReplicaManager;
use crate::partition::{Isolation, Partition, PartitionError, PartitionOffsets, read_error};

/// Records from this size on are sent straight from the file and take no memory. Below it, copying them costs less than
/// two system calls more.
pub(crate) const RANGE_FROM_BYTES: usize = 128 << 10;

/// So many consumers wait for the same records, and these stay in memory for all of them.
const SHARED_FROM: usize = 2;

/// One partition of a fetch request.
#[derive(Clone, Debug)]
pub struct FetchTarget {
    pub topic: Arc<str>,
    pub partition: i32,
    pub fetch_offset: Offset,
    pub max_bytes: usize,
    pub current_leader_epoch: LeaderEpoch,
    pub last_fetched_epoch: LeaderEpoch,
}

/// What a fetch request allows as a whole.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    pub max_wait: Duration,
    pub min_bytes: usize,
    pub max_bytes: usize,
    pub isolation: Isolation,
}

/// The answer for one partition.
#[derive(Clone, Debug)]
pub struct FetchedPartition {
    pub error: ErrorCode,
    pub offsets: PartitionOffsets,
    /// Where the logs part, if the client's last epoch is not ours (KIP-595).
    pub diverging_epoch: Option<(LeaderEpoch, Offset)>,
    pub records: RecordData,
}

const UNKNOWN_OFFSETS: PartitionOffsets =
    PartitionOffsets { log_start_offset: -1, last_stable_offset: -1, high_watermark: -1, log_end_offset: -1 };

impl FetchedPartition {
    /// An answer without data.
    pub fn failed(error: ErrorCode) -> Self {
        Self { error, offsets: UNKNOWN_OFFSETS, diverging_epoch: None, records: RecordData::default() }
    }
}

/// A fetch from several partitions.
pub struct Fetch {
    targets: Vec<FetchTarget>,
    /// Of the targets, in their order; `None` where there is no such partition.
    partitions: Vec<Option<Arc<Partition>>>,
    limits: FetchLimits,
}

impl Fetch {
    pub fn new(manager: &ReplicaManager, targets: Vec<FetchTarget>, mut limits: FetchLimits) -> Self {
        limits.min_bytes = limits.min_bytes.min(limits.max_bytes);
        let partitions = targets.iter().map(|target| manager.get(&target.topic, target.partition)).collect();
        Self { targets, partitions, limits }
    }

    /// One entry per target, in order, unless it is better to wait.
    pub fn at_once(&self, manager: &ReplicaManager) -> Option<Vec<FetchedPartition>> {
        if self.limits.max_wait.is_zero() || self.targets.is_empty() {
            return Some(self.read_round(&manager.fetch_memory).fetched);
        }
        self.look(&manager.fetch_memory)
    }

    /// One entry per target, in order, when there is enough or the time is up.
    pub async fn wait(&self, manager: &ReplicaManager) -> Vec<FetchedPartition> {
        let deadline = Instant::now() + self.limits.max_wait;
        let registration = Registration { waiter: Arc::new(Notify::new()), partitions: &self.partitions };
        loop {
            // Registered before looking, so that an append in between still wakes us.
            registration.renew(manager);
            if let Some(fetched) = self.look(&manager.fetch_memory) {
                return fetched;
            }
            if tokio::time::timeout_at(deadline, registration.waiter.notified()).await.is_err() {
                return self.read_round(&manager.fetch_memory).fetched;
            }
        }
    }

    /// What there is, if it is enough. Otherwise it is not kept: it holds memory.
    fn look(&self, memory: &FetchMemory) -> Option<Vec<FetchedPartition>> {
        if !self.may_be_enough() {
            return None;
        }
        self.read_round(memory).if_enough(self.limits)
    }

    /// Whether reading is worth while: a consumer that waits for a megabyte is woken by every append, and must not read
    /// all of it again each time. Errors are worth a look.
    fn may_be_enough(&self) -> bool {
        if self.limits.min_bytes <= 1 {
            return true;
        }
        let mut bound = 0;
        for (target, partition) in self.targets.iter().zip(&self.partitions) {
            let Some(partition) = partition else { return true };
            let (_, plan) =
                partition.plan_fetch(target.fetch_offset, 0, target.current_leader_epoch, self.limits.isolation, false);
            match plan {
                Ok(plan) if plan.goes_on_elsewhere() => return true,
                Ok(plan) if target.last_fetched_epoch < 0 => bound += plan.at_most_bytes(),
                _ => return true,
            }
        }
        bound >= self.limits.min_bytes as u64
    }

    fn read_round(&self, memory: &FetchMemory) -> Round {
        let mut round =
            Round { fetched: Vec::with_capacity(self.targets.len()), bytes: 0, found_bytes: 0, must_not_wait: false };
        for (target, partition) in self.targets.iter().zip(&self.partitions) {
            let looked = match partition {
                Some(partition) => read_one(target, partition, self.limits, round.bytes, memory),
                None => FetchedPartition::failed(ErrorCode::UnknownTopicOrPartition).into(),
            };
            round.bytes += looked.fetched.records.len();
            round.found_bytes += looked.found_bytes;
            let has_error = !looked.fetched.error.is_none() || looked.fetched.diverging_epoch.is_some();
            round.must_not_wait |= has_error || looked.must_not_wait;
            round.fetched.push(looked.fetched);
        }
        round
    }
}

/// Where the records of one partition come from.
pub(crate) enum Planned {
    Log(ReadPlan),
    Recent(RecordData),
}

impl Planned {
    fn at_most_bytes(&self) -> u64 {
        match self {
            Self::Log(plan) => plan.at_most_bytes(),
            Self::Recent(records) => records.len() as u64,
        }
    }

    /// Recent records come from all segments.
    fn goes_on_elsewhere(&self) -> bool {
        match self {
            Self::Log(plan) => plan.goes_on_elsewhere(),
            Self::Recent(_) => false,
        }
    }
}

/// A waiter that leaves the partitions' lists when the fetch ends, however it ends.
struct Registration<'a> {
    waiter: Arc<Notify>,
    partitions: &'a [Option<Arc<Partition>>],
}

impl Registration<'_> {
    fn renew(&self, manager: &ReplicaManager) {
        for partition in self.partitions.iter().flatten() {
            partition.waiters.remove(&self.waiter);
            partition.waiters.add(&self.waiter);
            if partition.waiters.len() >= SHARED_FROM {
                manager.keep_recent(partition);
            }
        }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        for partition in self.partitions.iter().flatten() {
            partition.waiters.remove(&self.waiter);
        }
    }
}

/// What one pass over all partitions found.
struct Round {
    fetched: Vec<FetchedPartition>,
    bytes: usize,
    /// What there is within the limits, of which whole batches may be a little less.
    found_bytes: usize,
    /// An error, or the end of a closed segment: one round reads from one segment, and what is missing is not to come.
    must_not_wait: bool,
}

impl Round {
    fn if_enough(self, limits: FetchLimits) -> Option<Vec<FetchedPartition>> {
        (self.must_not_wait || self.found_bytes >= limits.min_bytes).then_some(self.fetched)
    }
}

/// What was found in one partition.
struct Looked {
    fetched: FetchedPartition,
    found_bytes: usize,
    /// There is more: in another segment, or when memory is not short.
    must_not_wait: bool,
}

impl From<FetchedPartition> for Looked {
    fn from(fetched: FetchedPartition) -> Self {
        Self { found_bytes: fetched.records.len(), must_not_wait: false, fetched }
    }
}

fn read_one(
    target: &FetchTarget,
    partition: &Partition,
    limits: FetchLimits,
    taken_bytes: usize,
    memory: &FetchMemory,
) -> Looked {
    let room = limits.max_bytes.saturating_sub(taken_bytes).min(target.max_bytes);
    // The first batch of an answer is sent whole even if it is larger than every limit.
    let min_one_batch = taken_bytes == 0;
    let (offsets, plan) =
        partition.plan_fetch(target.fetch_offset, room, target.current_leader_epoch, limits.isolation, min_one_batch);
    let mut fetched =
        FetchedPartition { offsets: offsets.unwrap_or(UNKNOWN_OFFSETS), ..FetchedPartition::failed(ErrorCode::None) };
    fetched.diverging_epoch = diverging_epoch(target, partition);
    let goes_on_elsewhere = plan.as_ref().is_ok_and(Planned::goes_on_elsewhere);
    let is_cut = plan.as_ref().is_ok_and(|plan| plan.at_most_bytes() > room as u64);
    let mut is_short = false;
    if fetched.diverging_epoch.is_none() {
        match plan.and_then(|plan| carry_out(plan, room, taken_bytes, memory).map_err(read_error)) {
            Ok(read) => (fetched.records, is_short) = read,
            Err(error) => {
                // As Kafka does: where the log is, is told only with what was read.
                fetched = FetchedPartition::failed(error.code);
                take_offline_if_damaged(partition, &error);
            }
        }
    }
    let bytes = fetched.records.len();
    let found_bytes = if is_cut && bytes > 0 { bytes.max(room) } else { bytes };
    Looked { fetched, found_bytes, must_not_wait: goes_on_elsewhere || is_short }
}

/// Only what is read into memory counts against its budget. Whether that is short, too: then there is more to come, and what
/// was read is not to be given up to wait for it.
fn carry_out(
    plan: Planned,
    room: usize,
    taken_bytes: usize,
    memory: &FetchMemory,
) -> Result<(RecordData, bool), ReadError> {
    let mut plan = match plan {
        Planned::Recent(records) => return Ok((records, false)),
        Planned::Log(plan) if plan.is_empty() => return Ok((RecordData::default(), false)),
        Planned::Log(plan) => plan,
    };
    if let Some(range) = plan.find_range(RANGE_FROM_BYTES)? {
        return Ok((range.into(), false));
    }
    let granted = memory.reserve(room, taken_bytes);
    let is_short = granted < room && (granted as u64) < plan.at_most_bytes();
    if granted == 0 && taken_bytes > 0 {
        return Ok((RecordData::default(), is_short));
    }
    plan.limit_bytes(granted);
    let read = plan.read();
    let records = memory.settle(granted, read.as_ref().cloned().unwrap_or_default(), taken_bytes);
    read.map(|_| (records.into(), is_short))
}

fn take_offline_if_damaged(partition: &Partition, error: &PartitionError) {
    if error.code == ErrorCode::KafkaStorageError {
        partition.take_offline(&error.message);
    }
}

fn diverging_epoch(target: &FetchTarget, partition: &Partition) -> Option<(LeaderEpoch, Offset)> {
    if target.last_fetched_epoch < 0 {
        return None;
    }
    let (epoch, end_offset) = partition.with_log(|log| log.end_offset_for_epoch(target.last_fetched_epoch)).ok()?;
    let diverges = epoch >= 0 && (epoch < target.last_fetched_epoch || end_offset < target.fetch_offset);
    diverges.then_some((epoch, end_offset))
}

#[cfg(test)]
mod tests;
