//! One partition with its leader here: the log behind a short lock and what readers may see of it.
//!
//! **Invariant:** log start offset ≤ last stable offset ≤ high watermark ≤ log end offset. Readers see nothing
//! at or above the high watermark. The lock is never held while bytes are read from the disk.

use std::sync::Arc;

use barnabas_common::{ErrorCode, LeaderEpoch, Offset, TimestampMs, TopicPartition, Uuid};
use barnabas_log::{AppendError, AppendInfo, AppendOrigin, Log, LogConfig, LogError, ReadError, ReadPlan};
use bytes::BytesMut;
use parking_lot::{Mutex, MutexGuard};
use thiserror::Error;
use tracing::{error, info};

use crate::fetch::RANGE_FROM_BYTES;
use crate::waiters::Waiters;

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
}

struct State {
    log: Option<Log>,
    /// Why the log is not there.
    offline: String,
    /// What clients are told then.
    offline_code: ErrorCode,
    leader_epoch: LeaderEpoch,
    /// Whether the last append failed on the disk: it is told once, not for every retry.
    append_fails: bool,
}

impl Partition {
    /// A partition that serves this log.
    pub fn online(topic_partition: TopicPartition, topic_id: Uuid, log: Log, leader_epoch: LeaderEpoch) -> Self {
        let offline_code = ErrorCode::KafkaStorageError;
        let state = State { log: Some(log), offline: String::new(), offline_code, leader_epoch, append_fails: false };
        Self { topic_partition, topic_id, state: Mutex::new(state), waiters: Waiters::default() }
    }

    /// A partition whose log could not be opened; every call answers KAFKA_STORAGE_ERROR with the reason.
    pub fn offline(topic_partition: TopicPartition, topic_id: Uuid, reason: String) -> Self {
        let offline_code = ErrorCode::KafkaStorageError;
        let state = State { log: None, offline: reason, offline_code, leader_epoch: 0, append_fails: false };
        Self { topic_partition, topic_id, state: Mutex::new(state), waiters: Waiters::default() }
    }

    /// Takes the partition out of service. Other partitions are not touched.
    pub fn take_offline(&self, reason: &str) {
        let mut state = self.state.lock();
        if state.log.take().is_some() {
            error!(partition = %self.topic_partition, "taking the partition offline: {reason}");
            reason.clone_into(&mut state.offline);
        }
        drop(state);
        self.waiters.wake_all();
    }

    pub fn is_offline(&self) -> bool {
        self.state.lock().log.is_none()
    }

    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.state.lock().leader_epoch
    }

    /// Runs `work` on the log, under the lock.
    pub fn with_log<T>(&self, work: impl FnOnce(&mut Log) -> T) -> Result<T, PartitionError> {
        let mut state = self.state.lock();
        Self::log(&mut state).map(work)
    }

    fn log<'a>(state: &'a mut MutexGuard<'_, State>) -> Result<&'a mut Log, PartitionError> {
        let State { log, offline, offline_code, .. } = &mut **state;
        log.as_mut().ok_or_else(|| PartitionError::new(*offline_code, format!("the partition is offline: {offline}")))
    }

    /// Appends batches from a client or a coordinator and wakes those who wait for them.
    pub fn append(
        &self,
        batches: &mut BytesMut,
        now_ms: TimestampMs,
        origin: AppendOrigin,
    ) -> Result<AppendInfo, AppendError> {
        let mut state = self.state.lock();
        let leader_epoch = state.leader_epoch;
        let log = Self::log(&mut state).map_err(|error| AppendError::Offline(error.message))?;
        let appended = log.append_as_leader(batches, leader_epoch, now_ms, origin);
        self.tell_disk_trouble(&mut state, &appended);
        let info = appended?;
        drop(state);
        self.waiters.wake_all();
        Ok(info)
    }

    fn tell_disk_trouble(&self, state: &mut State, appended: &Result<AppendInfo, AppendError>) {
        let partition = &self.topic_partition;
        match appended {
            Err(AppendError::Io(error)) if !state.append_fails => {
                state.append_fails = true;
                error!(%partition, "producers are refused until the disk takes writes again: {error}");
            }
            Ok(_) if state.append_fails => {
                state.append_fails = false;
                info!(%partition, "the disk takes writes again");
            }
            _ => {}
        }
    }

    /// The offsets as they are now. With one replica everything in the log is replicated, and without
    /// transactions everything replicated is stable.
    pub fn offsets(&self) -> Result<PartitionOffsets, PartitionError> {
        self.with_log(|log| offsets_of(log))
    }

    /// Plans a read at `offset`; the bytes are read later, without the lock.
    pub(crate) fn plan_fetch(
        &self,
        offset: Offset,
        max_bytes: usize,
        current_leader_epoch: LeaderEpoch,
        isolation: Isolation,
        min_one_batch: bool,
    ) -> (Option<PartitionOffsets>, Result<ReadPlan, PartitionError>) {
        let mut state = self.state.lock();
        if let Err(error) = check_epoch(state.leader_epoch, current_leader_epoch) {
            return (None, Err(error));
        }
        let log = match Self::log(&mut state) {
            Ok(log) => log,
            Err(error) => return (None, Err(error)),
        };
        let offsets = offsets_of(log);
        let end = match isolation {
            Isolation::ReadUncommitted => offsets.high_watermark,
            Isolation::ReadCommitted => offsets.last_stable_offset,
        };
        let plan = log.plan_fetch(offset, max_bytes, end, min_one_batch, RANGE_FROM_BYTES).map_err(read_error);
        (Some(offsets), plan)
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
        let log = state.log.take();
        drop(state);
        self.waiters.wake_all();
        log
    }
}

fn offsets_of(log: &Log) -> PartitionOffsets {
    let end = log.log_end_offset();
    PartitionOffsets {
        log_start_offset: log.log_start_offset(),
        last_stable_offset: end,
        high_watermark: end,
        log_end_offset: end,
    }
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
        ReadError::Io(ref error) if barnabas_log::is_passing(error) => ErrorCode::NotLeaderOrFollower,
        _ => ErrorCode::KafkaStorageError,
    };
    PartitionError::new(code, error.to_string())
}
