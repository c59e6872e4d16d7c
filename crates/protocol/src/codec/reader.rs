//! Reading. **Invariant:** no allocation is larger than the bytes left in the frame justify, and the number of
//! array elements in one message is bounded, so no frame can make the broker allocate without limit.

use barnabas_common::Uuid;
use bytes::{Buf, Bytes};
use thiserror::Error;

use crate::chunk::RecordData;

/// Array elements that one message may hold in all, as Apache Kafka 4.4 limits them.
const MAX_ELEMENTS: usize = 1_000_000;
/// Tagged fields that one struct may hold.
const MAX_TAGGED_FIELDS: u32 = 10_000;
/// Elements for which room is taken before the first one has been read.
const MAX_INITIAL_CAPACITY: usize = 1_000;
const MAX_VARINT_BYTES: u32 = 5;

/// Why bytes are not the message they claim to be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    #[error("the message ends early: {needed} more bytes needed, {left} left")]
    Truncated { needed: usize, left: usize },
    #[error("a declared count of {count} elements does not fit into the {left} bytes left")]
    CountTooLarge { count: i64, left: usize },
    #[error("more than {MAX_ELEMENTS} array elements in one message")]
    TooManyElements,
    #[error("{0} tagged fields in one struct")]
    TooManyTags(u32),
    #[error("a variable-length integer is longer than {MAX_VARINT_BYTES} bytes")]
    BadVarint,
    #[error("a string is not UTF-8")]
    BadString,
    #[error("'{0}' is null where null is not allowed")]
    UnexpectedNull(&'static str),
    #[error("{0} bytes are left over after the message")]
    TrailingBytes(usize),
    #[error("version {version} of {name} does not exist")]
    UnknownVersion { name: &'static str, version: i16 },
}

/// A cursor over one frame. Byte fields come out as slices of the frame, not as copies.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    elements_left: usize,
}

impl Reader {
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, elements_left: MAX_ELEMENTS }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes not read yet.
    pub fn into_rest(self) -> Bytes {
        self.bytes
    }

    /// Fails unless everything has been read.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes(left)),
        }
    }

    fn need(&self, needed: usize) -> Result<(), DecodeError> {
        let left = self.bytes.len();
        if needed > left { Err(DecodeError::Truncated { needed: needed - left, left }) } else { Ok(()) }
    }

    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.int8()? != 0)
    }

    pub fn int8(&mut self) -> Result<i8, DecodeError> {
        self.need(1)?;
        Ok(self.bytes.get_i8())
    }

    pub fn int16(&mut self) -> Result<i16, DecodeError> {
        self.need(2)?;
        Ok(self.bytes.get_i16())
    }

    pub fn uint16(&mut self) -> Result<u16, DecodeError> {
        self.need(2)?;
        Ok(self.bytes.get_u16())
    }

    pub fn int32(&mut self) -> Result<i32, DecodeError> {
        self.need(4)?;
        Ok(self.bytes.get_i32())
    }

    pub fn uint32(&mut self) -> Result<u32, DecodeError> {
        self.need(4)?;
        Ok(self.bytes.get_u32())
    }

    pub fn int64(&mut self) -> Result<i64, DecodeError> {
        self.need(8)?;
        Ok(self.bytes.get_i64())
    }

    pub fn float64(&mut self) -> Result<f64, DecodeError> {
        self.need(8)?;
        Ok(self.bytes.get_f64())
    }

    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        self.need(16)?;
        let mut id = [0; 16];
        self.bytes.copy_to_slice(&mut id);
        Ok(Uuid::from_bytes(id))
    }

    #[inline]
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        match self.bytes.first() {
            Some(byte) if *byte < 0x80 => {
                let value = u32::from(*byte);
                self.bytes.advance(1);
                Ok(value)
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value: u32 = 0;
        for i in 0..MAX_VARINT_BYTES {
            self.need(1)?;
            let byte = self.bytes.get_u8();
            value |= u32::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::BadVarint)
    }

    fn take(&mut self, len: i64) -> Result<Option<Bytes>, DecodeError> {
        let Ok(len) = usize::try_from(len) else { return Ok(None) };
        self.need(len)?;
        Ok(Some(self.bytes.split_to(len)))
    }

    /// A length in the compact encoding, where 0 is null and n + 1 is n.
    fn compact_len(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from(self.unsigned_varint()?) - 1)
    }

    pub fn nullable_string(&mut self, compact: bool) -> Result<Option<String>, DecodeError> {
        let len = if compact { self.compact_len()? } else { i64::from(self.int16()?) };
        let Ok(len) = usize::try_from(len) else { return Ok(None) };
        self.need(len)?;
        let text =
            std::str::from_utf8(self.bytes.get(..len).unwrap_or_default()).map_err(|_| DecodeError::BadString)?;
        let text = text.to_owned();
        self.bytes.advance(len);
        Ok(Some(text))
    }

    pub fn nullable_bytes(&mut self, compact: bool) -> Result<Option<Bytes>, DecodeError> {
        let len = if compact { self.compact_len()? } else { i64::from(self.int32()?) };
        self.take(len)
    }

    pub fn nullable_records(&mut self, compact: bool) -> Result<Option<Bytes>, DecodeError> {
        self.nullable_bytes(compact)
    }

    pub fn nullable_record_data(&mut self, compact: bool) -> Result<Option<RecordData>, DecodeError> {
        Ok(self.nullable_bytes(compact)?.map(RecordData::from))
    }

    pub fn nullable_array<T>(
        &mut self,
        compact: bool,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let count = if compact { self.compact_len()? } else { i64::from(self.int32()?) };
        let Ok(elements) = usize::try_from(count) else { return Ok(None) };
        if elements > self.bytes.len() {
            return Err(DecodeError::CountTooLarge { count, left: self.bytes.len() });
        }
        self.elements_left = self.elements_left.checked_sub(elements).ok_or(DecodeError::TooManyElements)?;
        let mut items = Vec::with_capacity(elements.min(MAX_INITIAL_CAPACITY));
        for _ in 0..elements {
            items.push(read(self)?);
        }
        Ok(Some(items))
    }

    /// Hands each tagged field to `known`, which says whether it read it; unknown ones are skipped.
    pub fn tagged_fields(
        &mut self,
        mut known: impl FnMut(u32, &mut Self) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.unsigned_varint()?;
        if count > MAX_TAGGED_FIELDS {
            return Err(DecodeError::TooManyTags(count));
        }
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            self.need(size)?;
            let mut field = Self { bytes: self.bytes.split_to(size), elements_left: self.elements_left };
            if known(tag, &mut field)? {
                self.elements_left = field.elements_left;
                field.finish()?;
            }
        }
        Ok(())
    }
}
