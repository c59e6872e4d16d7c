//! The 61-byte header of a record batch: parsing, the few in-place patches a broker makes, and walking a buffer of
//! batches. Nothing here looks behind the header except to compute the CRC.

use thiserror::Error;

use super::compression::{Compression, UnknownCompression};

/// Base offset and batch length: the bytes that the batch length does not count.
pub const LOG_OVERHEAD: usize = 12;
/// Everything before the first record.
pub const BATCH_HEADER_SIZE: usize = 61;
/// The only message format version this broker stores.
pub const MAGIC: i8 = 2;

/// The smallest entry of any message format; below it not even the magic byte can be trusted.
const MIN_LEGACY_LENGTH: i32 = 14;
const MIN_BATCH_LENGTH: i32 = (BATCH_HEADER_SIZE - LOG_OVERHEAD) as i32;

pub(super) const LENGTH_AT: usize = 8;
const LEADER_EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
/// The CRC covers everything from here to the end; what a broker assigns on append lies before.
pub(super) const ATTRIBUTES_AT: usize = 21;
const LAST_OFFSET_DELTA_AT: usize = 23;
const BASE_TIMESTAMP_AT: usize = 27;
pub(super) const MAX_TIMESTAMP_AT: usize = 35;
const PRODUCER_ID_AT: usize = 43;
const PRODUCER_EPOCH_AT: usize = 51;
const BASE_SEQUENCE_AT: usize = 53;
const RECORD_COUNT_AT: usize = 57;

pub(super) const COMPRESSION_MASK: i16 = 0x07;
pub(super) const LOG_APPEND_TIME_BIT: i16 = 0x08;
pub(super) const TRANSACTIONAL_BIT: i16 = 0x10;
pub(super) const CONTROL_BIT: i16 = 0x20;
pub(super) const DELETE_HORIZON_BIT: i16 = 0x40;

/// Why bytes are not a record batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    #[error("record batch is truncated: {needed} bytes needed, {available} available")]
    Truncated { needed: usize, available: usize },
    #[error("batch length {0} is impossible: a batch needs at least {MIN_BATCH_LENGTH} bytes after the length field")]
    BadLength(i32),
    #[error("message format version {0} is not supported: only version {MAGIC} is")]
    BadMagic(i8),
    #[error("batch CRC does not match: header says {stored:#010x}, content gives {computed:#010x}")]
    BadCrc { stored: u32, computed: u32 },
    #[error("record count {0} is negative")]
    BadCount(i32),
    #[error("last offset delta {0} is negative")]
    BadLastOffsetDelta(i32),
    #[error("offsets overflow: base offset {base_offset} plus last offset delta {last_offset_delta}")]
    OffsetOverflow { base_offset: i64, last_offset_delta: i32 },
}

/// Whose clock the record timestamps are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    #[default]
    CreateTime,
    LogAppendTime,
}

/// All header fields of one batch, copied out of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    pub batch_length: i32,
    pub partition_leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; what follows the 61 bytes is not looked at and may be missing.
    ///
    /// A header that parses has offsets that can be added up without overflow and a length that covers the header.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        check_frame(bytes)?;
        let header = bytes
            .first_chunk::<BATCH_HEADER_SIZE>()
            .ok_or(BatchError::Truncated { needed: BATCH_HEADER_SIZE, available: bytes.len() })?;
        let header = BatchHeader {
            base_offset: i64::from_be_bytes(field(header, 0)),
            batch_length: i32::from_be_bytes(field(header, LENGTH_AT)),
            partition_leader_epoch: i32::from_be_bytes(field(header, LEADER_EPOCH_AT)),
            magic: i8::from_be_bytes(field(header, MAGIC_AT)),
            crc: u32::from_be_bytes(field(header, CRC_AT)),
            attributes: i16::from_be_bytes(field(header, ATTRIBUTES_AT)),
            last_offset_delta: i32::from_be_bytes(field(header, LAST_OFFSET_DELTA_AT)),
            base_timestamp: i64::from_be_bytes(field(header, BASE_TIMESTAMP_AT)),
            max_timestamp: i64::from_be_bytes(field(header, MAX_TIMESTAMP_AT)),
            producer_id: i64::from_be_bytes(field(header, PRODUCER_ID_AT)),
            producer_epoch: i16::from_be_bytes(field(header, PRODUCER_EPOCH_AT)),
            base_sequence: i32::from_be_bytes(field(header, BASE_SEQUENCE_AT)),
            record_count: i32::from_be_bytes(field(header, RECORD_COUNT_AT)),
        };
        header.check_counts()?;
        Ok(header)
    }

    /// The header that the batch has after [`assign_offsets`].
    pub fn with_offsets(self, base_offset: i64, leader_epoch: i32) -> Result<Self, BatchError> {
        let header = Self { base_offset, partition_leader_epoch: leader_epoch, ..self };
        header.check_counts().map(|()| header)
    }

    /// Whether `batch` is exactly the batch of this header and its CRC-32C matches its content.
    pub fn crc_matches(&self, batch: &[u8]) -> bool {
        batch.len() == self.size_bytes() && computed_crc(batch) == self.crc
    }

    fn check_counts(&self) -> Result<(), BatchError> {
        if self.record_count < 0 {
            return Err(BatchError::BadCount(self.record_count));
        }
        if self.last_offset_delta < 0 {
            return Err(BatchError::BadLastOffsetDelta(self.last_offset_delta));
        }
        // One more than the last offset must fit too: it becomes the log end offset.
        match self.base_offset.checked_add(i64::from(self.last_offset_delta) + 1) {
            Some(_) => Ok(()),
            None => Err(BatchError::OffsetOverflow {
                base_offset: self.base_offset,
                last_offset_delta: self.last_offset_delta,
            }),
        }
    }

    /// Bytes of the whole batch, from base offset to last record.
    pub fn size_bytes(&self) -> usize {
        LOG_OVERHEAD + usize::try_from(self.batch_length).unwrap_or(0)
    }

    /// Offset of the last record the batch was written with (compaction may have removed it since).
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// The offset after this batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// Sequence number of the last record; after 2^31 - 1 comes 0. -1 if the batch has none.
    pub fn last_sequence(&self) -> i32 {
        sequence_at(self.base_sequence, self.last_offset_delta)
    }

    /// Codec of the records section.
    pub fn compression(&self) -> Result<Compression, UnknownCompression> {
        Compression::from_id(self.attributes & COMPRESSION_MASK)
    }

    pub fn timestamp_type(&self) -> TimestampType {
        match self.attributes & LOG_APPEND_TIME_BIT {
            0 => TimestampType::CreateTime,
            _ => TimestampType::LogAppendTime,
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// Whether an idempotent or transactional producer wrote the batch.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id >= 0
    }

    /// Whether the cleaner has put a delete horizon into the base timestamp.
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON_BIT != 0
    }

    /// When tombstones and transaction markers of this batch may be removed, once the cleaner has set it.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.has_delete_horizon().then_some(self.base_timestamp)
    }
}

/// The sequence number `delta` records after `base`, wrapping from 2^31 - 1 to 0; -1 stays "none".
pub(super) fn sequence_at(base: i32, delta: i32) -> i32 {
    if base < 0 {
        return -1;
    }
    let sequence = (i64::from(base) + i64::from(delta)) % (i64::from(i32::MAX) + 1);
    i32::try_from(sequence).unwrap_or(-1)
}

/// Copies a fixed-size field; both sizes are constants, so the range check folds away.
fn field<const N: usize>(header: &[u8; BATCH_HEADER_SIZE], at: usize) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&header[at..at + N]);
    value
}

/// Checks length and magic as far as they are there, so that an old-format message smaller than a v2 header is
/// reported as such and not as truncated.
fn check_frame(bytes: &[u8]) -> Result<(), BatchError> {
    let Some(length) = declared_length(bytes) else { return Ok(()) };
    if length < MIN_LEGACY_LENGTH {
        return Err(BatchError::BadLength(length));
    }
    match bytes.get(MAGIC_AT) {
        Some(&magic) if magic as i8 != MAGIC => Err(BatchError::BadMagic(magic as i8)),
        Some(_) if length < MIN_BATCH_LENGTH => Err(BatchError::BadLength(length)),
        _ => Ok(()),
    }
}

fn declared_length(bytes: &[u8]) -> Option<i32> {
    bytes.get(LENGTH_AT..)?.first_chunk::<4>().map(|b| i32::from_be_bytes(*b))
}

/// Whether `batch` is exactly one whole batch and its CRC-32C matches its content.
pub fn crc_is_valid(batch: &[u8]) -> bool {
    check_crc(batch).is_ok()
}

/// Like [`crc_is_valid`], saying what is wrong.
pub fn check_crc(batch: &[u8]) -> Result<(), BatchError> {
    let header = BatchHeader::parse(batch)?;
    if header.size_bytes() != batch.len() {
        return Err(BatchError::Truncated { needed: header.size_bytes(), available: batch.len() });
    }
    let computed = computed_crc(batch);
    if computed == header.crc { Ok(()) } else { Err(BatchError::BadCrc { stored: header.crc, computed }) }
}

fn computed_crc(batch: &[u8]) -> u32 {
    crc32c::crc32c(batch.get(ATTRIBUTES_AT..).unwrap_or_default())
}

/// Writes base offset and leader epoch into a batch that has been parsed. The CRC does not cover them.
pub fn assign_offsets(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    write_at(batch, 0, &base_offset.to_be_bytes());
    write_at(batch, LEADER_EPOCH_AT, &leader_epoch.to_be_bytes());
}

/// Puts a whole, parsed batch in the name of a producer and recomputes its CRC: for a client that got a new producer id
/// while the batch was waiting.
pub fn set_producer(batch: &mut [u8], producer_id: i64, producer_epoch: i16, base_sequence: i32) {
    write_at(batch, PRODUCER_ID_AT, &producer_id.to_be_bytes());
    write_at(batch, PRODUCER_EPOCH_AT, &producer_epoch.to_be_bytes());
    write_at(batch, BASE_SEQUENCE_AT, &base_sequence.to_be_bytes());
    write_crc(batch);
}

/// Marks a whole, parsed batch as stamped by the broker at `timestamp_ms` and recomputes its CRC.
/// Records keep their deltas: a reader takes the max timestamp for all of them.
pub fn set_log_append_time(batch: &mut [u8], timestamp_ms: i64) {
    let Some(attributes) = batch.get(ATTRIBUTES_AT..).and_then(|b| b.first_chunk::<2>()) else { return };
    let attributes = i16::from_be_bytes(*attributes) | LOG_APPEND_TIME_BIT;
    write_at(batch, ATTRIBUTES_AT, &attributes.to_be_bytes());
    write_at(batch, MAX_TIMESTAMP_AT, &timestamp_ms.to_be_bytes());
    write_crc(batch);
}

/// Marks a whole, parsed batch as stamped by its producer, at `max_timestamp` the latest, and recomputes its CRC.
pub fn set_create_time(batch: &mut [u8], max_timestamp: i64) {
    let Some(attributes) = batch.get(ATTRIBUTES_AT..).and_then(|b| b.first_chunk::<2>()) else { return };
    let attributes = i16::from_be_bytes(*attributes) & !LOG_APPEND_TIME_BIT;
    write_at(batch, ATTRIBUTES_AT, &attributes.to_be_bytes());
    write_at(batch, MAX_TIMESTAMP_AT, &max_timestamp.to_be_bytes());
    write_crc(batch);
}

/// Computes the CRC of a whole batch and stores it.
pub(super) fn write_crc(batch: &mut [u8]) {
    let crc = computed_crc(batch);
    write_at(batch, CRC_AT, &crc.to_be_bytes());
}

pub(super) fn write_at(batch: &mut [u8], at: usize, value: &[u8]) {
    let target = batch.get_mut(at..at + value.len());
    debug_assert!(target.is_some(), "the caller patches only batches that have been parsed");
    if let Some(target) = target {
        target.copy_from_slice(value);
    }
}

/// Walks the batches of a buffer; see [`split_batches`].
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    bytes: &'a [u8],
    whole_bytes: usize,
    failed: bool,
}

/// Iterates over the whole batches at the start of `bytes` and stops silently at an incomplete one (a fetch or a file
/// read may end in the middle). The first malformed header is returned as an error and ends the iteration.
pub fn split_batches(bytes: &[u8]) -> Batches<'_> {
    Batches { bytes, whole_bytes: 0, failed: false }
}

impl<'a> Batches<'a> {
    /// How many bytes the batches returned so far take.
    pub fn whole_bytes(&self) -> usize {
        self.whole_bytes
    }

    /// What has not been returned: after the end, the incomplete or malformed tail.
    pub fn remaining(&self) -> &'a [u8] {
        self.bytes.get(self.whole_bytes..).unwrap_or_default()
    }

    fn split_next(&self) -> Result<Option<(BatchHeader, &'a [u8])>, BatchError> {
        let rest = self.remaining();
        check_frame(rest)?;
        if rest.len() < BATCH_HEADER_SIZE {
            return Ok(None);
        }
        let header = BatchHeader::parse(rest)?;
        Ok(rest.get(..header.size_bytes()).map(|batch| (header, batch)))
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<(BatchHeader, &'a [u8]), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.split_next() {
            Ok(None) => None,
            Ok(Some((header, batch))) => {
                self.whole_bytes += batch.len();
                Some(Ok((header, batch)))
            }
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for Batches<'_> {}
