//! Appending: header checks, producer checks, offsets patched in place, one write.

use barnabas_common::{ErrorCode, LeaderEpoch, Offset, TimestampMs};
use barnabas_protocol::records::{
    BatchError, BatchHeader, TimestampType, assign_offsets, set_log_append_time, split_batches,
};
use bytes::BytesMut;

use super::Log;
use super::producers::marker_of;
use super::validate::check_batches;
use crate::error::{AppendError, LogError};
use crate::producer::{BatchMeta, Observed};
use crate::segment::{Incoming, Segment};

/// Who appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendOrigin {
    /// A producer: one batch, everything is checked.
    Client,
    /// A coordinator of this broker: several batches, control batches, sequence numbers not checked.
    Coordinator,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendInfo {
    pub first_offset: Offset,
    pub last_offset: Offset,
    /// -1 if the records keep the producer's timestamps. For a duplicate, the timestamp of the original.
    pub log_append_time: TimestampMs,
    pub log_start_offset: Offset,
    pub max_timestamp: TimestampMs,
    pub leader_epoch: LeaderEpoch,
    pub size_bytes: usize,
    pub record_count: i64,
    /// Nothing was written: the batch was there already, at these offsets.
    pub duplicate: bool,
    /// A new segment was started.
    pub rolled: bool,
}

impl Log {
    /// Appends batches of a producer or a coordinator. Offsets, leader epoch and, if so configured, the time are written
    /// into `batches`, and trailing bytes that are not a whole batch are cut off.
    pub fn append_as_leader(
        &mut self,
        batches: &mut BytesMut,
        leader_epoch: LeaderEpoch,
        now_ms: TimestampMs,
        origin: AppendOrigin,
    ) -> Result<AppendInfo, AppendError> {
        self.check_writable()?;
        // An epoch never goes back within a log.
        let leader_epoch = leader_epoch.max(self.latest_epoch().unwrap_or(leader_epoch));
        let (mut headers, whole_bytes) = check_batches(batches, &self.config, origin, now_ms)?;
        batches.truncate(whole_bytes);
        if let Some(original) = self.check_producers(&headers, origin)? {
            return Ok(self.duplicate_info(&original, leader_epoch, whole_bytes));
        }
        if whole_bytes as u64 > self.config.segment_bytes_u64() {
            let message = format!("{whole_bytes} bytes do not fit into segment.bytes {}", self.config.segment_bytes);
            return Err(AppendError::rejected(ErrorCode::RecordListTooLarge, message));
        }
        self.stamp(batches, &mut headers, leader_epoch, now_ms)?;
        // Before the write, so that the checkpoint is never behind the batches.
        self.assign_leader_epoch(leader_epoch);
        self.epochs.save_what_waits();
        self.write(batches, &headers, leader_epoch, now_ms)
    }

    /// Appends batches fetched from the leader, which has checked them and assigned their offsets.
    pub fn append_as_follower(&mut self, batches: &[u8], now_ms: TimestampMs) -> Result<AppendInfo, AppendError> {
        self.check_writable()?;
        let mut headers = Vec::new();
        let mut whole = split_batches(batches);
        let mut expected = self.log_end_offset();
        for next in whole.by_ref() {
            let (header, batch) = next.map_err(|e| AppendError::rejected(ErrorCode::CorruptMessage, e.to_string()))?;
            if !barnabas_protocol::records::crc_is_valid(batch) {
                return Err(AppendError::rejected(ErrorCode::CorruptMessage, "a fetched batch has a wrong CRC"));
            }
            if header.base_offset < expected {
                let message = format!("fetched offset {} where at least {expected} is expected", header.base_offset);
                return Err(AppendError::rejected(ErrorCode::OffsetOutOfRange, message));
            }
            expected = header.next_offset();
            headers.push(header);
        }
        let whole_bytes = whole.whole_bytes();
        let Some(last) = headers.last() else {
            return Err(AppendError::rejected(ErrorCode::InvalidRecord, "no whole batch to append"));
        };
        let leader_epoch = last.partition_leader_epoch;
        self.write(batches.get(..whole_bytes).unwrap_or_default(), &headers, leader_epoch, now_ms)
    }

    /// The original of a repeated batch, or an error if one of the producers may not append.
    fn check_producers(&self, headers: &[BatchHeader], origin: AppendOrigin) -> Result<Option<BatchMeta>, AppendError> {
        for header in headers.iter().filter(|h| h.has_producer_id()) {
            let from_client = origin == AppendOrigin::Client;
            if from_client && let Some(original) = self.producers.find_duplicate(header) {
                return Ok(Some(original));
            }
            self.producers.check(header, from_client)?;
        }
        Ok(None)
    }

    fn duplicate_info(&self, original: &BatchMeta, leader_epoch: LeaderEpoch, size_bytes: usize) -> AppendInfo {
        AppendInfo {
            first_offset: original.first_offset(),
            last_offset: original.last_offset,
            log_append_time: original.timestamp,
            log_start_offset: self.log_start_offset,
            max_timestamp: original.timestamp,
            leader_epoch,
            size_bytes,
            record_count: i64::from(original.offset_delta) + 1,
            duplicate: true,
            rolled: false,
        }
    }

    /// Writes offsets, epoch and time into the batches and their headers.
    fn stamp(
        &self,
        batches: &mut [u8],
        headers: &mut [BatchHeader],
        leader_epoch: LeaderEpoch,
        now_ms: TimestampMs,
    ) -> Result<(), AppendError> {
        let stamps_time = self.config.message_timestamp_type == TimestampType::LogAppendTime;
        let failed = |error: BatchError| AppendError::rejected(ErrorCode::UnknownServerError, error.to_string());
        let (mut position, mut next_offset) = (0, self.log_end_offset());
        for header in headers {
            let end = position + header.size_bytes();
            let batch = batches.get_mut(position..end).unwrap_or_default();
            if stamps_time && !header.is_control() {
                set_log_append_time(batch, now_ms);
                *header = BatchHeader::parse(batch).map_err(failed)?;
            }
            *header = header.with_offsets(next_offset, leader_epoch).map_err(failed)?;
            assign_offsets(batch, next_offset, leader_epoch);
            next_offset = header.next_offset();
            position = end;
        }
        Ok(())
    }

    fn write(
        &mut self,
        bytes: &[u8],
        headers: &[BatchHeader],
        leader_epoch: LeaderEpoch,
        now_ms: TimestampMs,
    ) -> Result<AppendInfo, AppendError> {
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
            return Err(AppendError::rejected(ErrorCode::InvalidRecord, "no batch to append"));
        };
        let max_timestamp = headers.iter().map(|h| h.max_timestamp).max().unwrap_or(-1);
        let incoming = Incoming { size: bytes.len() as u64, max_timestamp, last_offset: last.last_offset() };
        let rolled = self.roll_if_needed(&incoming, first.base_offset, now_ms)?;
        self.check_no_remains()?;
        self.active_mut().append(bytes, headers, now_ms).map_err(AppendError::Io)?;
        self.observe(bytes, headers, now_ms);
        let stamps_time = last.timestamp_type() == TimestampType::LogAppendTime;
        let info = AppendInfo {
            first_offset: first.base_offset,
            last_offset: last.last_offset(),
            log_append_time: if stamps_time { last.max_timestamp } else { -1 },
            log_start_offset: self.log_start_offset,
            max_timestamp,
            leader_epoch,
            size_bytes: bytes.len(),
            record_count: headers.iter().map(|h| i64::from(h.record_count)).sum(),
            duplicate: false,
            rolled,
        };
        self.is_touched = true;
        self.snapshot_producers_if_due(bytes.len() as u64);
        self.flush_if_due(now_ms)?;
        Ok(info)
    }

    fn observe(&mut self, bytes: &[u8], headers: &[BatchHeader], now_ms: TimestampMs) {
        let mut position = 0;
        for header in headers {
            let end = position + header.size_bytes();
            self.epochs.assign(header.partition_leader_epoch, header.base_offset);
            if header.has_producer_id() {
                let marker = marker_of(header, bytes.get(position..end).unwrap_or_default());
                self.producers.observe(&Observed { header, marker }, now_ms);
            }
            position = end;
        }
        self.epochs.save_what_waits();
    }

    fn roll_if_needed(
        &mut self,
        incoming: &Incoming,
        first_offset: Offset,
        now_ms: TimestampMs,
    ) -> Result<bool, LogError> {
        if !self.active().must_roll_before(incoming, &self.config, now_ms) {
            return Ok(false);
        }
        self.roll_to(first_offset, now_ms)?;
        Ok(true)
    }

    /// Starts a new segment, unless the present one is empty.
    pub fn roll(&mut self, now_ms: TimestampMs) -> Result<(), LogError> {
        self.check_writable()?;
        self.roll_to(self.log_end_offset(), now_ms)
    }

    fn roll_to(&mut self, base_offset: Offset, now_ms: TimestampMs) -> Result<(), LogError> {
        if self.active().size == 0 && self.active().base_offset() == base_offset {
            return Ok(());
        }
        // It would be empty for ever.
        let goes = if self.active().size == 0 { Some(self.folder_in_hand()?) } else { None };
        self.check_no_remains()?;
        let _ = self.active().trim_file();
        self.active_mut().ahead = None;
        let created = Segment::create(&self.folder, base_offset, &self.config, now_ms);
        let segment = created.map_err(LogError::io("could not start a new segment"))?;
        self.active_mut().finish_indexes();
        self.is_touched = true;
        self.names_created += 1;
        if let Some(folder) = goes {
            self.schedule_removal(self.segments.len() - 1, &*folder, now_ms)?;
        }
        self.segments.push(segment);
        self.take_producer_snapshot(base_offset);
        Ok(())
    }
}
