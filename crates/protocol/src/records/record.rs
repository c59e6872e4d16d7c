//! One record: its borrowed and owned forms and the decoding of its body. Finding the bytes of a record, compressed
//! or not, is the reader's work.

use bytes::Bytes;
use thiserror::Error;

use super::{
    batch::{BatchError, BatchHeader, TimestampType, sequence_at},
    compression::UnknownCompression,
    decompress::DecompressError,
    varint::{VarintError, read_varint, read_varlong},
};

/// A record of a batch, sharing the bytes of the batch (or of its decompressed content).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    pub timestamp: i64,
    /// -1 if no idempotent producer wrote it.
    pub sequence: i32,
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
    /// In the order written; a key may occur several times.
    pub headers: Vec<RecordHeader>,
}

/// A header of a record. The key is a string in Kafka's clients; here it is not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// A record as [`super::scan_records`] shows it: valid only until the next one.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    pub offset: i64,
    pub timestamp: i64,
    pub sequence: i32,
    /// Offset minus base offset, as stored.
    pub offset_delta: i32,
    /// Bytes the record takes uncompressed, with its length field.
    pub size_bytes: usize,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: HeadersRef<'a>,
}

/// The headers of a [`RecordRef`], already checked, decoded again when iterated over.
#[derive(Clone, Copy, Debug)]
pub struct HeadersRef<'a> {
    count: i32,
    bytes: &'a [u8],
}

/// Why the records of a batch cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Compression(#[from] UnknownCompression),
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// `index` counts from 0 within the batch.
    #[error("record {index} of batch at offset {base_offset}: {fault}")]
    Malformed { base_offset: i64, index: i32, fault: RecordFault },
    #[error("batch at offset {base_offset} goes on after the {count} records it declares")]
    TrailingBytes { base_offset: i64, count: i32 },
}

/// What is wrong with one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordFault {
    #[error("the bytes end inside it")]
    Truncated,
    #[error("a varint is longer than its type allows")]
    VarintTooLong,
    #[error("length {0} is negative")]
    NegativeLength(i32),
    #[error("{0} bytes are left over inside its length")]
    LeftOver(usize),
    #[error("header count {0} is impossible")]
    BadHeaderCount(i32),
    #[error("a header key is null")]
    NullHeaderKey,
    #[error("offset delta {delta} is not between {above} (exclusive) and the batch's last, {last}")]
    BadOffsetDelta { delta: i32, above: i32, last: i32 },
    #[error("its timestamp overflows")]
    TimestampOverflow,
}

impl From<VarintError> for RecordFault {
    fn from(error: VarintError) -> Self {
        match error {
            VarintError::Truncated => RecordFault::Truncated,
            VarintError::TooLong => RecordFault::VarintTooLong,
        }
    }
}

/// Decodes record bodies one after the other, carrying what a record's meaning depends on.
#[derive(Clone, Debug)]
pub(super) struct RecordDecoder {
    header: BatchHeader,
    index: i32,
    previous_delta: i32,
}

impl RecordDecoder {
    pub(super) fn new(header: BatchHeader) -> Self {
        RecordDecoder { header, index: 0, previous_delta: -1 }
    }

    pub(super) fn header(&self) -> &BatchHeader {
        &self.header
    }

    pub(super) fn is_complete(&self) -> bool {
        self.index >= self.header.record_count
    }

    pub(super) fn records_left(&self) -> i32 {
        self.header.record_count - self.index
    }

    /// Decodes the next record from exactly its bytes after the length field.
    pub(super) fn decode<'a>(&mut self, body: &'a [u8], size_bytes: usize) -> Result<RecordRef<'a>, RecordError> {
        let record = self.decode_body(body, size_bytes).map_err(|fault| self.malformed(fault))?;
        self.previous_delta = record.offset_delta;
        self.index += 1;
        Ok(record)
    }

    /// An error about the record that is next.
    pub(super) fn malformed(&self, fault: RecordFault) -> RecordError {
        RecordError::Malformed { base_offset: self.header.base_offset, index: self.index, fault }
    }

    pub(super) fn trailing_bytes(&self) -> RecordError {
        RecordError::TrailingBytes { base_offset: self.header.base_offset, count: self.header.record_count }
    }

    fn decode_body<'a>(&self, body: &'a [u8], size_bytes: usize) -> Result<RecordRef<'a>, RecordFault> {
        let mut cursor = Cursor(body);
        cursor.take(1)?; // record attributes: all bits unused
        let timestamp_delta = cursor.varlong()?;
        let offset_delta = cursor.varint()?;
        let key = cursor.nullable_bytes()?;
        let value = cursor.nullable_bytes()?;
        let headers = cursor.headers()?;
        if !cursor.0.is_empty() {
            return Err(RecordFault::LeftOver(cursor.0.len()));
        }
        self.check_offset_delta(offset_delta)?;
        Ok(RecordRef {
            offset: self.header.base_offset.saturating_add(i64::from(offset_delta)),
            timestamp: self.timestamp(timestamp_delta)?,
            sequence: sequence_at(self.header.base_sequence, offset_delta),
            offset_delta,
            size_bytes,
            key,
            value,
            headers,
        })
    }

    fn check_offset_delta(&self, delta: i32) -> Result<(), RecordFault> {
        let last = self.header.last_offset_delta;
        if delta > self.previous_delta && delta <= last {
            return Ok(());
        }
        Err(RecordFault::BadOffsetDelta { delta, above: self.previous_delta, last })
    }

    fn timestamp(&self, delta: i64) -> Result<i64, RecordFault> {
        match self.header.timestamp_type() {
            TimestampType::LogAppendTime => Ok(self.header.max_timestamp),
            TimestampType::CreateTime => {
                self.header.base_timestamp.checked_add(delta).ok_or(RecordFault::TimestampOverflow)
            }
        }
    }
}

/// Takes fields off the front of a record body.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8], RecordFault> {
        let (taken, rest) = self.0.split_at_checked(size).ok_or(RecordFault::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<i32, RecordFault> {
        let (value, size) = read_varint(self.0)?;
        self.take(size)?;
        Ok(value)
    }

    fn varlong(&mut self) -> Result<i64, RecordFault> {
        let (value, size) = read_varlong(self.0)?;
        self.take(size)?;
        Ok(value)
    }

    /// Any negative length is null, as in Kafka.
    fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, RecordFault> {
        let length = self.varint()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn header(&mut self) -> Result<(&'a [u8], Option<&'a [u8]>), RecordFault> {
        let key = self.nullable_bytes()?.ok_or(RecordFault::NullHeaderKey)?;
        Ok((key, self.nullable_bytes()?))
    }

    fn headers(&mut self) -> Result<HeadersRef<'a>, RecordFault> {
        let count = self.varint()?;
        // A header takes two bytes at least, so the count cannot make the loop below longer than the record.
        if count < 0 || count as usize > self.0.len() / 2 {
            return Err(RecordFault::BadHeaderCount(count));
        }
        let start = self.0;
        for _ in 0..count {
            self.header()?;
        }
        let bytes = start.get(..start.len() - self.0.len()).unwrap_or_default();
        Ok(HeadersRef { count, bytes })
    }
}

impl<'a> HeadersRef<'a> {
    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keys and values in the order written.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut cursor = Cursor(self.bytes);
        (0..self.count).map_while(move |_| cursor.header().ok())
    }

    /// The headers as stored, without their count.
    pub(super) fn encoded(&self) -> &'a [u8] {
        self.bytes
    }
}

impl RecordRef<'_> {
    /// The record without copying: key, value and headers must lie in `owner`.
    pub(super) fn share(&self, owner: &Bytes) -> Record {
        let headers = self.headers.iter();
        Record {
            offset: self.offset,
            timestamp: self.timestamp,
            sequence: self.sequence,
            key: self.key.map(|key| owner.slice_ref(key)),
            value: self.value.map(|value| owner.slice_ref(value)),
            headers: headers
                .map(|(key, value)| RecordHeader {
                    key: owner.slice_ref(key),
                    value: value.map(|value| owner.slice_ref(value)),
                })
                .collect(),
        }
    }

    /// The record with its own copies of key, value and headers.
    pub fn to_record(&self) -> Record {
        Record {
            offset: self.offset,
            timestamp: self.timestamp,
            sequence: self.sequence,
            key: self.key.map(Bytes::copy_from_slice),
            value: self.value.map(Bytes::copy_from_slice),
            headers: self.headers.iter().map(|(key, value)| RecordHeader::copied(key, value)).collect(),
        }
    }
}

impl RecordHeader {
    pub fn new(key: impl Into<Bytes>, value: Option<impl Into<Bytes>>) -> Self {
        RecordHeader { key: key.into(), value: value.map(Into::into) }
    }

    fn copied(key: &[u8], value: Option<&[u8]>) -> Self {
        RecordHeader { key: Bytes::copy_from_slice(key), value: value.map(Bytes::copy_from_slice) }
    }
}
