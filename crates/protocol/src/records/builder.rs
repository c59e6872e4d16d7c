//! Writes record batches: for records the broker itself produces, for the cleaner, and for tests.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use super::{
    batch::{
        BATCH_HEADER_SIZE, CONTROL_BIT, DELETE_HORIZON_BIT, LOG_APPEND_TIME_BIT, LOG_OVERHEAD, MAGIC,
        TRANSACTIONAL_BIT, TimestampType, write_crc,
    },
    compression::{Compression, compress_at_level},
    record::{RecordHeader, RecordRef},
    varint::{write_varint, write_varlong},
};

const NO_TIMESTAMP: i64 = -1;

/// Why a batch could not be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    #[error("a batch without records needs a last offset delta")]
    Empty,
    #[error("a record or the batch is larger than 2^31 - 1 bytes or records")]
    TooLarge,
    #[error("offset delta {delta} does not come after {previous}")]
    OffsetDeltaOrder { delta: i32, previous: i32 },
    #[error("last offset delta {last} is before the last record's, {delta}")]
    LastOffsetDelta { last: i32, delta: i32 },
    #[error("timestamp {timestamp} is too far from the batch's first, {base}")]
    TimestampOverflow { timestamp: i64, base: i64 },
    #[error("compression failed: {0}")]
    Compression(String),
}

/// Collects records and writes them as one batch. What goes wrong in between is reported by [`BatchBuilder::build`].
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    compression: Compression,
    compression_level: Option<i32>,
    attributes: i16,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    fixed_max_timestamp: Option<i64>,
    last_record_delta: i32,
    last_offset_delta: Option<i32>,
    record_count: i32,
    content: Vec<u8>,
    scratch: Vec<u8>,
    failure: Option<BuildError>,
}

impl BatchBuilder {
    pub fn new(compression: Compression, timestamp_type: TimestampType) -> Self {
        let attributes = match timestamp_type {
            TimestampType::CreateTime => 0,
            TimestampType::LogAppendTime => LOG_APPEND_TIME_BIT,
        };
        BatchBuilder {
            compression,
            compression_level: None,
            attributes,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            base_timestamp: None,
            max_timestamp: NO_TIMESTAMP,
            fixed_max_timestamp: None,
            last_record_delta: -1,
            last_offset_delta: None,
            record_count: 0,
            content: Vec::new(),
            scratch: Vec::new(),
            failure: None,
        }
    }

    /// Writes in the name of an idempotent or transactional producer.
    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Self {
        (self.producer_id, self.producer_epoch, self.base_sequence) = (producer_id, producer_epoch, base_sequence);
        self
    }

    pub fn transactional(self, is_transactional: bool) -> Self {
        self.attribute(TRANSACTIONAL_BIT, is_transactional)
    }

    pub fn control(self, is_control: bool) -> Self {
        self.attribute(CONTROL_BIT, is_control)
    }

    /// Level for gzip or zstd instead of the codec's default.
    pub fn compression_level(mut self, level: i32) -> Self {
        self.compression_level = Some(level);
        self
    }

    /// Stores the delete horizon in place of the base timestamp; record timestamps stay right. To be called before
    /// the first record is added.
    pub fn delete_horizon(mut self, horizon_ms: i64) -> Self {
        self.base_timestamp = Some(horizon_ms);
        self.attribute(DELETE_HORIZON_BIT, true)
    }

    /// Max timestamp of the batch instead of the largest one added: the append time, or for an emptied batch.
    pub fn max_timestamp(mut self, timestamp_ms: i64) -> Self {
        self.fixed_max_timestamp = Some(timestamp_ms);
        self
    }

    /// Keeps the offset range of a batch whose last records have been removed.
    pub fn last_offset_delta(mut self, delta: i32) -> Self {
        self.last_offset_delta = Some(delta);
        self
    }

    fn attribute(mut self, bit: i16, is_set: bool) -> Self {
        self.attributes = if is_set { self.attributes | bit } else { self.attributes & !bit };
        self
    }

    /// Adds a record at the next offset.
    pub fn add(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> &mut Self {
        match self.last_record_delta.checked_add(1) {
            Some(delta) => self.add_at(delta, timestamp, key, value, headers),
            None => self.note(Err(BuildError::TooLarge)),
        }
    }

    /// Adds a record at base offset plus `offset_delta`; deltas must increase.
    pub fn add_at(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> &mut Self {
        let result = self.begin(offset_delta, timestamp, key, value).and_then(|()| {
            write_varint(&mut self.scratch, length(headers.len())?);
            for header in headers {
                write_bytes(&mut self.scratch, Some(&header.key))?;
                write_bytes(&mut self.scratch, header.value.as_deref())?;
            }
            self.end(offset_delta, timestamp)
        });
        self.note(result)
    }

    /// Adds a record of another batch, headers unchanged, at base offset plus `offset_delta`.
    pub fn copy_at(&mut self, offset_delta: i32, record: &RecordRef<'_>) -> &mut Self {
        let timestamp = record.timestamp;
        let result = self.begin(offset_delta, timestamp, record.key, record.value).and_then(|()| {
            write_varint(&mut self.scratch, length(record.headers.len())?);
            self.scratch.extend_from_slice(record.headers.encoded());
            self.end(offset_delta, timestamp)
        });
        self.note(result)
    }

    /// Keeps the first failure for [`BatchBuilder::build`].
    fn note(&mut self, result: Result<(), BuildError>) -> &mut Self {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
        self
    }

    /// Writes everything of a record before its headers into the scratch buffer.
    fn begin(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<(), BuildError> {
        if offset_delta <= self.last_record_delta {
            return Err(BuildError::OffsetDeltaOrder { delta: offset_delta, previous: self.last_record_delta });
        }
        let base = *self.base_timestamp.get_or_insert(timestamp);
        let timestamp_delta = timestamp.checked_sub(base).ok_or(BuildError::TimestampOverflow { timestamp, base })?;
        self.scratch.clear();
        self.scratch.push(0); // record attributes: all bits unused
        write_varlong(&mut self.scratch, timestamp_delta);
        write_varint(&mut self.scratch, offset_delta);
        write_bytes(&mut self.scratch, key)?;
        write_bytes(&mut self.scratch, value)
    }

    /// Moves a complete record from the scratch buffer to the content.
    fn end(&mut self, offset_delta: i32, timestamp: i64) -> Result<(), BuildError> {
        write_varint(&mut self.content, length(self.scratch.len())?);
        self.content.extend_from_slice(&self.scratch);
        self.record_count = self.record_count.checked_add(1).ok_or(BuildError::TooLarge)?;
        self.last_record_delta = offset_delta;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        Ok(())
    }

    pub fn record_count(&self) -> i32 {
        self.record_count
    }

    /// Size of the batch as it is now, if it were not compressed.
    pub fn uncompressed_size_bytes(&self) -> usize {
        BATCH_HEADER_SIZE + self.content.len()
    }

    /// Writes the batch, CRC included.
    pub fn build(self, base_offset: i64, leader_epoch: i32) -> Result<BytesMut, BuildError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let last_offset_delta = self.final_offset_delta()?;
        let codec = if self.record_count == 0 { Compression::None } else { self.compression };
        let compressed;
        let section = match codec {
            Compression::None => &self.content,
            codec => {
                compressed = compress_at_level(codec, self.compression_level, &self.content)
                    .map_err(|error| BuildError::Compression(error.to_string()))?;
                &compressed
            }
        };
        let max_timestamp = self.fixed_max_timestamp.unwrap_or(self.max_timestamp);
        let mut batch = BytesMut::with_capacity(BATCH_HEADER_SIZE + section.len());
        batch.put_i64(base_offset);
        batch.put_i32(length(BATCH_HEADER_SIZE - LOG_OVERHEAD + section.len())?);
        batch.put_i32(leader_epoch);
        batch.put_i8(MAGIC);
        batch.put_u32(0); // CRC: below, when all is there
        batch.put_i16(self.attributes | codec.id());
        batch.put_i32(last_offset_delta);
        batch.put_i64(self.base_timestamp.unwrap_or(max_timestamp));
        batch.put_i64(max_timestamp);
        batch.put_i64(self.producer_id);
        batch.put_i16(self.producer_epoch);
        batch.put_i32(self.base_sequence);
        batch.put_i32(self.record_count);
        batch.put_slice(section);
        write_crc(&mut batch);
        Ok(batch)
    }

    fn final_offset_delta(&self) -> Result<i32, BuildError> {
        match self.last_offset_delta {
            Some(last) if last < self.last_record_delta || last < 0 => {
                Err(BuildError::LastOffsetDelta { last, delta: self.last_record_delta })
            }
            Some(last) => Ok(last),
            None if self.record_count == 0 => Err(BuildError::Empty),
            None => Ok(self.last_record_delta),
        }
    }
}

fn length(size: usize) -> Result<i32, BuildError> {
    i32::try_from(size).map_err(|_| BuildError::TooLarge)
}

fn write_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) -> Result<(), BuildError> {
    match bytes {
        None => write_varint(out, -1),
        Some(bytes) => {
            write_varint(out, length(bytes.len())?);
            out.extend_from_slice(bytes);
        }
    }
    Ok(())
}
