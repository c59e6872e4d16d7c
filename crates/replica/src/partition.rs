//! One partition with its leader here: the log behind a short lock and what readers may see of it.
//!
//! **Invariant:** log start offset ≤ last stable offset ≤ high watermark ≤ log end offset. Readers see nothing
//! at or above the high watermark. The lock is never held while bytes are read from the disk.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use barnabas_common::{ErrorCode, LeaderEpoch, Offset, TimestampMs, TopicPartition, Uuid};
use barnabas_log::{
    AppendError, AppendInfo, AppendOrigin, FlushPlan, JournalEntry, Log, LogConfig, LogError, ReadError,
    has_failed_before, is_passing,
};
use bytes::BytesMut;
use parking_lot::Mutex;
use thiserror::Error;
use tracing::{error, info};

use crate::commit::{GroupCommit, SYNC_SEGMENT_FROM_BYTES, Ticket};
use crate::fetch::{Planned, RANGE_FROM_BYTES};
use crate::recent::{Recent, RecentMemory, Wanted};
use crate::waiters::Waiters;

/// How often, and how far apart, a sync is tried for which no file handle was free.
const HANDLE_TRIES: u32 = 500;
pub(crate) const HANDLE_PAUSE: Duration = Duration::from_millis(20);

/// What a reader wants to see (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

/// Offsets that every fetch answer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionOffsets {
    pub log_start_offset: Offset,
    pub last_stable_offset: Offset,
    pub high_watermark: Offset,
    pub log_end_offset: Offset,
}

/// Why a partition cannot do what was asked, with Kafka's error code.
#[derive(Clone, Debug, Error)]
#[error("{code}: {message}")]
pub struct PartitionError {
    pub code: ErrorCode,
    pub message: String,
}

impl PartitionError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<LogError> for PartitionError {
    fn from(error: LogError) -> Self {
        Self::new(ErrorCode::KafkaStorageError, error.to_string())
    }
}

/// A partition that this broker leads.
pub struct Partition {
    pub topic_partition: TopicPartition,
    pub topic_id: Uuid,
    state: Mutex<State>,
    pub(crate) waiters: Waiters,
    /// Whom to tell when the log goes out of service.
    some_offline: OnceLock<Arc<AtomicBool>>,
}

struct State {
    log: Option<Log>,
    /// The log of a partition that went offline, until all of it is on disk.
    leaving: Option<Box<Log>>,
    /// Why the log is not there.
    offline: String,
    /// What clients are told then.
    offline_code: ErrorCode,
    leader_epoch: LeaderEpoch,
    /// Who makes appends durable; without it the operating system does, in its time.
    commit: Option<Arc<GroupCommit>>,
    /// Everything before is on disk. Of no meaning without `commit`.
    durable_end: Offset,
    /// Up to where closed segments were on disk when the journal was told last.
    synced_closed_end: Offset,
    /// Whether everything was on disk when the log was taken away; so it is if it was deleted.
    is_synced: bool,
    /// Whether the last append failed on the disk: it is told once, not for every retry.
    append_fails: bool,
    recent: Recent,
}

impl State {
    fn offline(reason: String, leader_epoch: LeaderEpoch) -> State {
        State {
            log: None,
            leaving: None,
            offline: reason,
            offline_code: ErrorCode::KafkaStorageError,
            leader_epoch,
            commit: None,
            durable_end: 0,
            synced_closed_end: 0,
            is_synced: false,
            append_fails: false,
            recent: Recent::default(),
        }
    }

    fn log(&self) -> Result<&Log, PartitionError> {
        self.log.as_ref().ok_or_else(|| offline_error(self.offline_code, &self.offline))
    }

    fn log_mut(&mut self) -> Result<&mut Log, PartitionError> {
        match &mut self.log {
            Some(log) => Ok(log),
            None => Err(offline_error(self.offline_code, &self.offline)),
        }
    }

    /// The log, even if the partition is offline: what it took is to come to disk all the same.
    fn log_or_leaving(&mut self) -> Option<&mut Log> {
        self.log.as_mut().or(self.leaving.as_deref_mut())
    }

    /// With one replica everything durable is replicated, and without transactions everything replicated is stable.
    fn offsets_of(&self, log: &Log) -> PartitionOffsets {
        let end = log.log_end_offset();
        let high_watermark = if self.commit.is_some() { self.durable_end.min(end) } else { end };
        PartitionOffsets {
            log_start_offset: log.log_start_offset(),
            last_stable_offset: high_watermark,
            high_watermark,
            log_end_offset: end,
        }
    }

    fn plan(&mut self, wanted: &Wanted) -> Result<Planned, PartitionError> {
        let Self { log, recent, .. } = self;
        let log = log.as_ref().ok_or_else(|| offline_error(self.offline_code, &self.offline))?;
        if let Some(records) = recent.read(log, wanted) {
            return Ok(Planned::Recent(records));
        }
        let Wanted { offset, max_bytes, max_offset, min_one_batch } = *wanted;
        let plan = log.plan_fetch(offset, max_bytes, max_offset, min_one_batch, RANGE_FROM_BYTES);
        plan.map(Planned::Log).map_err(read_error)
    }

    fn keep_recent(&mut self, info: &AppendInfo, batches: &[u8]) {
        if let Some(log) = &self.log {
            self.recent.appended(log, info, batches);
        }
    }
}

/// What an append did, and what to wait for until it is durable.
pub struct Appended {
    pub info: AppendInfo,
    /// None if there is nothing to wait for.
    pub ticket: Option<Ticket>,
    /// Nobody is to be told before, even without asking for it: `flush.messages` is 1.
    pub must_wait: bool,
}

impl Partition {
    /// A partition that serves this log.
    pub fn online(topic_partition: TopicPartition, topic_id: Uuid, log: Log, leader_epoch: LeaderEpoch) -> Self {
        let state = State { log: Some(log), ..State::offline(String::new(), leader_epoch) };
        Self::with_state(topic_partition, topic_id, state)
    }

    fn with_state(topic_partition: TopicPartition, topic_id: Uuid, state: State) -> Self {
        let (state, waiters, some_offline) = (Mutex::new(state), Waiters::default(), OnceLock::new());
        Self { topic_partition, topic_id, state, waiters, some_offline }
    }

    /// A partition whose log could not be opened; every call answers KAFKA_STORAGE_ERROR with the reason.
    pub fn offline(topic_partition: TopicPartition, topic_id: Uuid, reason: String) -> Self {
        Self::with_state(topic_partition, topic_id, State::offline(reason, 0))
    }

    /// Takes the partition out of service. Other partitions are not touched.
    pub fn take_offline(&self, reason: &str) {
        let mut state = self.state.lock();
        let Some(log) = state.log.take() else { return };
        error!(partition = %self.topic_partition, "taking the partition offline: {reason}");
        reason.clone_into(&mut state.offline);
        state.recent.stop();
        state.leaving = Some(Box::new(log));
        drop(state);
        self.tell_offline();
        self.waiters.wake_all();
        // Some of it may be acknowledged already, or about to be. What fails is found by those who need it on disk.
        let _ = self.try_to_sync_segments();
    }

    pub fn is_offline(&self) -> bool {
        self.state.lock().log.is_none()
    }

    /// From now on `flag` is set when this partition is offline.
    pub(crate) fn tell_when_offline(&self, flag: &Arc<AtomicBool>) {
        let _ = self.some_offline.set(Arc::clone(flag));
        if self.is_offline() {
            self.tell_offline();
        }
    }

    fn tell_offline(&self) {
        self.some_offline.get().into_iter().for_each(|flag| flag.store(true, Ordering::Release));
    }

    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.state.lock().leader_epoch
    }

    /// Runs `work` on the log, under the lock.
    pub fn with_log<T>(&self, work: impl FnOnce(&mut Log) -> T) -> Result<T, PartitionError> {
        let mut state = self.state.lock();
        state.log_mut().map(work)
    }

    /// Appends batches from a client or a coordinator. Readers see them when they are durable.
    pub fn append(
        self: &Arc<Self>,
        mut batches: BytesMut,
        now_ms: TimestampMs,
        origin: AppendOrigin,
    ) -> Result<Appended, AppendError> {
        let mut state = self.state.lock();
        let leader_epoch = state.leader_epoch;
        let failure = state.commit.as_ref().and_then(|commit| commit.failure()).map(str::to_owned);
        let log = state.log_mut().map_err(|error| AppendError::Offline(error.message))?;
        if let Some(reason) = failure {
            return Err(AppendError::Offline(reason));
        }
        let appended = log.append_as_leader(&mut batches, leader_epoch, now_ms, origin);
        self.tell_disk_trouble(&mut state, &appended);
        let info = appended?;
        state.keep_recent(&info, &batches);
        let Some(commit) = state.commit.clone() else {
            drop(state);
            self.waiters.wake_all();
            return Ok(Appended { info, ticket: None, must_wait: false });
        };
        let syncs_each = state.log.as_ref().is_some_and(|log| log.config().flush_messages <= 1);
        let ticket = if info.duplicate {
            // The original may still be on its way.
            (info.last_offset >= state.durable_end).then(|| commit.ticket_of_last())
        } else {
            let large = batches.len() >= SYNC_SEGMENT_FROM_BYTES;
            let flush = state.log.as_ref().filter(|_| large).and_then(Log::plan_flush);
            Some(commit.submit(self, self.journal_entry(&info, batches), info.last_offset + 1, flush))
        };
        drop(state);
        Ok(Appended { info, ticket, must_wait: syncs_each })
    }

    fn journal_entry(&self, info: &AppendInfo, batches: BytesMut) -> JournalEntry {
        JournalEntry {
            topic_id: self.topic_id,
            partition: self.topic_partition.partition,
            base_offset: info.first_offset,
            batches: batches.freeze(),
        }
    }

    /// From now on appends are made durable by `commit`. Everything in the log must be on disk.
    pub fn commit_through(&self, commit: Arc<GroupCommit>) {
        let mut state = self.state.lock();
        if let Some(log) = state.log.as_mut() {
            log.leave_syncs_to_journal();
            state.durable_end = log.log_end_offset();
        }
        state.commit = Some(commit);
    }

    /// Lets readers see what is on disk now.
    pub(crate) fn durable_up_to(&self, end: Offset) {
        let mut state = self.state.lock();
        if end <= state.durable_end {
            return;
        }
        state.durable_end = end;
        drop(state);
        self.waiters.wake_all();
    }

    /// Brings everything in the log to disk, without its lock. False if that cannot be done because the log is gone or had
    /// failed before; an error is one of the disk. Blocks.
    pub fn sync_segments(&self) -> io::Result<bool> {
        let mut tries = 0;
        loop {
            match self.try_to_sync_segments() {
                Err(error) if is_passing(&error) && tries < HANDLE_TRIES => std::thread::sleep(HANDLE_PAUSE),
                outcome => return outcome,
            }
            tries += 1;
        }
    }

    fn try_to_sync_segments(&self) -> io::Result<bool> {
        let mut state = self.state.lock();
        let is_synced = state.is_synced;
        let Some(log) = state.log_or_leaving() else { return Ok(is_synced) };
        let (has_failed, plan) = (log.failure().is_some(), log.plan_flush());
        drop(state);
        let outcome = match plan {
            None => Ok(true),
            Some(plan) => match self.run_flush(&plan) {
                // That is known, and costs this partition its writes. If it says something about the disk, the disk has said so.
                Err(error) if has_failed && !is_passing(&error) => Ok(false),
                outcome => outcome,
            },
        };
        self.let_go_if_synced();
        outcome
    }

    /// Nobody asks for the log of an offline partition any more when all of it is on disk.
    fn let_go_if_synced(&self) {
        let mut state = self.state.lock();
        let gone = state.leaving.take_if(|log| log.plan_flush().is_none());
        state.is_synced |= gone.is_some();
        drop(state);
    }

    /// The same, if not everything before `end` is on disk.
    pub(crate) fn sync_segments_up_to(&self, end: Offset) -> io::Result<bool> {
        match self.with_log(|log| log.recovery_point() >= end) {
            Ok(true) => Ok(true),
            _ => self.sync_segments(),
        }
    }

    fn run_flush(&self, plan: &FlushPlan) -> io::Result<bool> {
        let done = match plan.run() {
            // Nothing was synced, and so nothing has failed.
            Err(error) if is_passing(&error) => return Err(error),
            // Nor now: whoever met the failure has judged what it means.
            Err(error) if has_failed_before(&error) => return Ok(false),
            done => done,
        };
        let mut state = self.state.lock();
        let State { log, leaving, commit, synced_closed_end, .. } = &mut *state;
        // A topic that is deleted meanwhile takes its files away: that says nothing about the disk.
        let Some(log) = log.as_mut().or(leaving.as_deref_mut()) else { return Ok(done.is_ok() || state.is_synced) };
        log.flushed(done).map_err(io::Error::other)?;
        let closed_end = log.closed_end();
        if closed_end > *synced_closed_end && log.recovery_point() >= closed_end {
            *synced_closed_end = closed_end;
            commit.iter().for_each(|commit| commit.closed_segment_synced());
        }
        Ok(true)
    }

    fn tell_disk_trouble(&self, state: &mut State, appended: &Result<AppendInfo, AppendError>) {
        let partition = &self.topic_partition;
        match appended {
            Err(AppendError::Io(error)) if !state.append_fails => {
                state.append_fails = true;
                if is_passing(error) {
                    error!(%partition, "producers are refused until there are file handles again: {error}");
                } else if may_pass(error) {
                    error!(%partition, "producers are refused until the disk takes writes again: {error}");
                } else {
                    error!(%partition, "an append failed: {error}");
                }
            }
            Ok(_) if state.append_fails => {
                state.append_fails = false;
                info!(%partition, "the disk takes writes again");
            }
            _ => {}
        }
    }

    /// The offsets as they are now.
    pub fn offsets(&self) -> Result<PartitionOffsets, PartitionError> {
        let state = self.state.lock();
        state.log().map(|log| state.offsets_of(log))
    }

    /// Plans a read at `offset`; the bytes are read later, without the lock.
    pub(crate) fn plan_fetch(
        &self,
        offset: Offset,
        max_bytes: usize,
        current_leader_epoch: LeaderEpoch,
        isolation: Isolation,
        min_one_batch: bool,
    ) -> (Option<PartitionOffsets>, Result<Planned, PartitionError>) {
        let mut state = self.state.lock();
        if let Err(error) = check_epoch(state.leader_epoch, current_leader_epoch) {
            return (None, Err(error));
        }
        let offsets = match state.log() {
            Ok(log) => state.offsets_of(log),
            Err(error) => return (None, Err(error)),
        };
        let max_offset = match isolation {
            Isolation::ReadUncommitted => offsets.high_watermark,
            Isolation::ReadCommitted => offsets.last_stable_offset,
        };
        (Some(offsets), state.plan(&Wanted { offset, max_bytes, max_offset, min_one_batch }))
    }

    /// From now on, and for as long as it is read, what is appended stays in memory too. Says whether that is new.
    pub(crate) fn keep_recent(&self, memory: &Arc<RecentMemory>) -> bool {
        let mut state = self.state.lock();
        state.log.is_some() && state.recent.keep(memory)
    }

    /// Gives up recent batches that nobody reads; true if there are still some.
    pub(crate) fn give_up_unused_recent(&self) -> bool {
        self.state.lock().recent.give_up_unused()
    }

    /// Fails unless a client that names a leader epoch names ours (KIP-320); -1 is not checked.
    pub fn check_leader_epoch(&self, claimed: LeaderEpoch) -> Result<(), PartitionError> {
        check_epoch(self.leader_epoch(), claimed)
    }

    pub fn update_config(&self, config: Arc<LogConfig>) {
        let mut state = self.state.lock();
        if let Some(log) = state.log.as_mut() {
            log.update_config(config);
        }
    }

    /// Takes the log out for closing or deleting. The partition is offline from then on.
    pub fn take_log(&self, code: ErrorCode, reason: &str) -> Option<Log> {
        let mut state = self.state.lock();
        reason.clone_into(&mut state.offline);
        state.offline_code = code;
        state.is_synced |= code == ErrorCode::UnknownTopicOrPartition;
        let log = state.log.take();
        let leaving = state.leaving.take();
        state.recent.stop();
        drop(state);
        drop(leaving);
        if code == ErrorCode::KafkaStorageError {
            self.tell_offline();
        }
        self.waiters.wake_all();
        log
    }
}

fn offline_error(code: ErrorCode, reason: &str) -> PartitionError {
    PartitionError::new(code, format!("the partition is offline: {reason}"))
}

/// Whether appends may succeed again by themselves: a disk that is full, or handles that are all in use. Of a disk that is
/// broken or gone its log dir tells.
fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) || is_passing(error)
}

fn check_epoch(ours: LeaderEpoch, claimed: LeaderEpoch) -> Result<(), PartitionError> {
    if claimed < 0 || claimed == ours {
        return Ok(());
    }
    let code = if claimed < ours { ErrorCode::FencedLeaderEpoch } else { ErrorCode::UnknownLeaderEpoch };
    Err(PartitionError::new(code, format!("the leader epoch is {ours}, the request has {claimed}")))
}

pub(crate) fn read_error(error: ReadError) -> PartitionError {
    let code = match error {
        ReadError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        // Not the log's fault: the client comes again.
        ReadError::Io(ref error) if is_passing(error) => ErrorCode::NotLeaderOrFollower,
        _ => ErrorCode::KafkaStorageError,
    };
    PartitionError::new(code, error.to_string())
}
