//! Writing. Record data is kept as a chunk of its own, so that a fetch answer is sent without copying it.

use barnabas_common::Uuid;
use bytes::{BufMut, Bytes, BytesMut};

/// Byte fields from this size on are chained instead of copied.
const CHAIN_FROM_BYTES: usize = 4096;

#[derive(Debug)]
enum Chunk {
    Own(BytesMut),
    Chained(Bytes),
}

impl Chunk {
    fn freeze(self) -> Bytes {
        match self {
            Self::Own(bytes) => bytes.freeze(),
            Self::Chained(bytes) => bytes,
        }
    }
}

/// A growing message: finished chunks and the one being written.
#[derive(Debug, Default)]
pub struct Writer {
    chunks: Vec<Chunk>,
    chunk_bytes: usize,
    tail: BytesMut,
}

impl Writer {
    pub fn with_capacity(capacity: usize) -> Self {
        Self { tail: BytesMut::with_capacity(capacity), ..Self::default() }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.chunk_bytes + self.tail.len()
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
    pub fn into_frame(mut self) -> Vec<Bytes> {
        let size = (self.len() - 4) as i32;
        let first = match self.chunks.first_mut() {
            Some(Chunk::Own(first)) => first,
            _ => &mut self.tail,
        };
        first[..4].copy_from_slice(&size.to_be_bytes());
        if !self.tail.is_empty() {
            self.chunks.push(Chunk::Own(self.tail));
        }
        self.chunks.into_iter().map(Chunk::freeze).collect()
    }

    /// The message in one piece.
    pub fn into_bytes(self) -> Bytes {
        if self.chunks.is_empty() {
            return self.tail.freeze();
        }
        let mut whole = BytesMut::with_capacity(self.len());
        for chunk in self.chunks {
            whole.extend_from_slice(&chunk.freeze());
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

    pub fn bytes(&mut self, value: &Bytes, compact: bool) {
        if compact {
            self.unsigned_varint(value.len() as u32 + 1);
        } else {
            self.int32(value.len() as i32);
        }
        if value.len() < CHAIN_FROM_BYTES {
            self.tail.extend_from_slice(value);
        } else {
            let head = self.tail.split();
            self.chunk_bytes += head.len() + value.len();
            self.chunks.push(Chunk::Own(head));
            self.chunks.push(Chunk::Chained(value.clone()));
        }
    }

    pub fn records(&mut self, value: &Bytes, compact: bool) {
        self.bytes(value, compact);
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
