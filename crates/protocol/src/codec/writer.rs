//! Writing. Record data is kept as a chunk of its own, so that a fetch answer is sent without copying it.

use barnabas_common::Uuid;
use bytes::{BufMut, Bytes, BytesMut};

use crate::chunk::{Chunk, RecordData};

/// Byte fields from this size on are chained instead of copied.
const CHAIN_FROM_BYTES: usize = 4096;

#[derive(Debug)]
enum Part {
    Own(BytesMut),
    Chained(Chunk),
}

impl Part {
    fn freeze(self) -> Chunk {
        match self {
            Self::Own(bytes) => Chunk::Bytes(bytes.freeze()),
            Self::Chained(chunk) => chunk,
        }
    }
}

/// A growing message: finished chunks and the one being written.
#[derive(Debug, Default)]
pub struct Writer {
    parts: Vec<Part>,
    part_bytes: usize,
    tail: BytesMut,
}

impl Writer {
    pub fn with_capacity(capacity: usize) -> Self {
        Self { tail: BytesMut::with_capacity(capacity), ..Self::default() }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.part_bytes + self.tail.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A writer of a whole frame: room for its size comes first.
    pub fn frame() -> Self {
        let mut w = Self::with_capacity(256);
        w.int32(0);
        w
    }

    /// The frame begun by [`Writer::frame`], its size filled in, as chunks to be sent one after the other.
    pub fn into_chunks(mut self) -> Vec<Chunk> {
        let size = (self.len() - 4) as i32;
        let first = match self.parts.first_mut() {
            Some(Part::Own(first)) => first,
            _ => &mut self.tail,
        };
        first[..4].copy_from_slice(&size.to_be_bytes());
        if !self.tail.is_empty() {
            self.parts.push(Part::Own(self.tail));
        }
        self.parts.into_iter().map(Part::freeze).collect()
    }

    /// Like [`Writer::into_chunks`] for messages that refer to no files.
    pub fn into_frame(self) -> Vec<Bytes> {
        self.into_chunks().into_iter().filter_map(in_memory).collect()
    }

    /// The message in one piece; it refers to no files.
    pub fn into_bytes(self) -> Bytes {
        if self.parts.is_empty() {
            return self.tail.freeze();
        }
        let mut whole = BytesMut::with_capacity(self.len());
        for bytes in self.parts.into_iter().filter_map(|part| in_memory(part.freeze())) {
            whole.extend_from_slice(&bytes);
        }
        whole.extend_from_slice(&self.tail);
        whole.freeze()
    }

    pub fn bool(&mut self, value: bool) {
        self.tail.put_u8(u8::from(value));
    }

    pub fn int8(&mut self, value: i8) {
        self.tail.put_i8(value);
    }

    pub fn int16(&mut self, value: i16) {
        self.tail.put_i16(value);
    }

    pub fn uint16(&mut self, value: u16) {
        self.tail.put_u16(value);
    }

    pub fn int32(&mut self, value: i32) {
        self.tail.put_i32(value);
    }

    pub fn uint32(&mut self, value: u32) {
        self.tail.put_u32(value);
    }

    pub fn int64(&mut self, value: i64) {
        self.tail.put_i64(value);
    }

    pub fn float64(&mut self, value: f64) {
        self.tail.put_f64(value);
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.tail.extend_from_slice(value.as_bytes());
    }

    pub fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.tail.put_u8((value as u8) | 0x80);
            value >>= 7;
        }
        self.tail.put_u8(value as u8);
    }

    /// Appends raw bytes without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    pub fn string(&mut self, value: &str, compact: bool) {
        let limit = if compact { i32::MAX as usize - 1 } else { i16::MAX as usize };
        let value = truncated(value, limit);
        if compact {
            self.unsigned_varint(value.len() as u32 + 1);
        } else {
            self.int16(value.len() as i16);
        }
        self.tail.extend_from_slice(value.as_bytes());
    }

    fn bytes_len(&mut self, len: usize, compact: bool) {
        if compact {
            self.unsigned_varint(len as u32 + 1);
        } else {
            self.int32(len as i32);
        }
    }

    pub fn bytes(&mut self, value: &Bytes, compact: bool) {
        self.bytes_len(value.len(), compact);
        self.shared(value);
    }

    /// Bytes that others hold too: copied if they are few.
    fn shared(&mut self, value: &Bytes) {
        if value.len() < CHAIN_FROM_BYTES {
            self.tail.extend_from_slice(value);
        } else {
            self.chain(Chunk::Bytes(value.clone()));
        }
    }

    fn chain(&mut self, chunk: Chunk) {
        let head = self.tail.split();
        self.part_bytes += head.len() + chunk.len();
        self.parts.push(Part::Own(head));
        self.parts.push(Part::Chained(chunk));
    }

    pub fn records(&mut self, value: &Bytes, compact: bool) {
        self.bytes(value, compact);
    }

    pub fn record_data(&mut self, value: &RecordData, compact: bool) {
        self.bytes_len(value.len(), compact);
        for piece in value.pieces() {
            match piece {
                Chunk::Bytes(bytes) => self.shared(bytes),
                Chunk::File(_) => self.chain(piece.clone()),
            }
        }
    }

    pub fn nullable_string(&mut self, value: Option<&String>, nullable: bool, compact: bool) {
        match value {
            Some(value) => self.string(value, compact),
            None if !nullable => self.string("", compact),
            None if compact => self.unsigned_varint(0),
            None => self.int16(-1),
        }
    }

    pub fn nullable_bytes(&mut self, value: Option<&Bytes>, nullable: bool, compact: bool) {
        match value {
            Some(value) => self.bytes(value, compact),
            None if !nullable => self.bytes(&Bytes::new(), compact),
            None if compact => self.unsigned_varint(0),
            None => self.int32(-1),
        }
    }

    pub fn nullable_records(&mut self, value: Option<&Bytes>, nullable: bool, compact: bool) {
        self.nullable_bytes(value, nullable, compact);
    }

    pub fn nullable_record_data(&mut self, value: Option<&RecordData>, nullable: bool, compact: bool) {
        match value {
            Some(value) => self.record_data(value, compact),
            None => self.nullable_bytes(None, nullable, compact),
        }
    }

    pub fn array<T>(
        &mut self,
        items: Option<&[T]>,
        nullable: bool,
        compact: bool,
        mut write: impl FnMut(&mut Self, &T),
    ) {
        let items = match items {
            None if nullable && compact => return self.unsigned_varint(0),
            None if nullable => return self.int32(-1),
            None => &[],
            Some(items) => items,
        };
        if compact {
            self.unsigned_varint(items.len() as u32 + 1);
        } else {
            self.int32(items.len() as i32);
        }
        for item in items {
            write(self, item);
        }
    }
}

fn in_memory(chunk: Chunk) -> Option<Bytes> {
    match chunk {
        Chunk::Bytes(bytes) => Some(bytes),
        Chunk::File(_) => {
            debug_assert!(false, "only answers of the broker refer to files");
            None
        }
    }
}

fn truncated(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[..end]
}

/// The tagged fields of one struct, added in the order of their tags. Fields that hold their default are
/// never added: librdkafka before 2.2 mis-skips them.
#[derive(Debug, Default)]
pub(crate) struct TaggedFields {
    fields: Vec<(u32, Bytes)>,
}

impl TaggedFields {
    pub(crate) fn add(&mut self, tag: u32, write: impl FnOnce(&mut Writer)) {
        let mut field = Writer::default();
        write(&mut field);
        self.fields.push((tag, field.into_bytes()));
    }

    pub(crate) fn write(self, w: &mut Writer) {
        w.unsigned_varint(self.fields.len() as u32);
        for (tag, bytes) in self.fields {
            w.unsigned_varint(tag);
            w.unsigned_varint(bytes.len() as u32);
            w.raw(&bytes);
        }
    }
}
