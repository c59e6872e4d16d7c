//! Finds the records of a batch: as owned records that share the batch's bytes, or one by one through a streaming
//! decompressor. Does not check the CRC and knows nothing about what is in keys and values.

use std::{iter::FusedIterator, ops::ControlFlow};

use bytes::Bytes;

use super::{
    batch::{BATCH_HEADER_SIZE, BatchError, BatchHeader},
    compression::Compression,
    decompress::{DecompressError, DecompressionLimit, Decompressor, decompress_bounded},
    record::{Record, RecordDecoder, RecordError, RecordFault, RecordRef},
    varint::{MAX_VARINT_SIZE, read_varint},
};

/// How much is decompressed ahead of the record being looked at.
const CHUNK_SIZE: usize = 16 * 1024;

/// Parses the header and checks that the whole batch is there. Bytes after the batch are ignored.
pub(super) fn open_batch(batch: &[u8]) -> Result<(BatchHeader, Compression), RecordError> {
    let header = BatchHeader::parse(batch)?;
    if header.size_bytes() > batch.len() {
        return Err(BatchError::Truncated { needed: header.size_bytes(), available: batch.len() }.into());
    }
    // A batch that compaction emptied has no records section, so its codec has nothing to read.
    let is_bare = header.record_count == 0 && header.size_bytes() == BATCH_HEADER_SIZE;
    let codec = if is_bare { Compression::None } else { header.compression()? };
    Ok((header, codec))
}

/// Reads the records of one whole batch. An uncompressed batch is not copied; a compressed one is decompressed here,
/// within `limit`, and the records share the result.
pub fn read_records(batch: &Bytes, limit: DecompressionLimit) -> Result<Records, RecordError> {
    let (header, codec) = open_batch(batch)?;
    let section = batch.slice(BATCH_HEADER_SIZE..header.size_bytes());
    let content = match codec {
        Compression::None => section,
        codec => Bytes::from(decompress_bounded(codec, &section, limit)?),
    };
    Ok(Records { content, position: 0, decoder: RecordDecoder::new(header), finished: false })
}

/// The records of a batch in offset order; ends after the first error.
#[derive(Clone, Debug)]
pub struct Records {
    content: Bytes,
    position: usize,
    decoder: RecordDecoder,
    finished: bool,
}

impl Records {
    /// The header of the batch.
    pub fn header(&self) -> &BatchHeader {
        self.decoder.header()
    }

    fn read_next(&mut self) -> Result<Option<Record>, RecordError> {
        let rest = self.content.get(self.position..).unwrap_or_default();
        if self.decoder.is_complete() {
            return if rest.is_empty() { Ok(None) } else { Err(self.decoder.trailing_bytes()) };
        }
        let frame = read_frame(rest).map_err(|fault| self.decoder.malformed(fault))?;
        let body =
            rest.get(frame.prefix..frame.size_bytes()).ok_or_else(|| self.decoder.malformed(RecordFault::Truncated))?;
        let record = self.decoder.decode(body, frame.size_bytes())?.share(&self.content);
        self.position += frame.size_bytes();
        Ok(Some(record))
    }
}

impl Iterator for Records {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let result = self.read_next().transpose();
        self.finished = !matches!(result, Some(Ok(_)));
        result
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The declared count may be a lie, so it is no lower bound: nobody shall reserve memory by it.
        (0, usize::try_from(self.decoder.records_left()).ok())
    }
}

impl FusedIterator for Records {}

/// Shows every record of one whole batch to `visit`, holding one record at a time (and a small read-ahead) in memory.
///
/// `visit` may stop early with [`ControlFlow::Break`]; records after that are not read and not checked.
pub fn scan_records<B>(
    batch: &[u8],
    limit: DecompressionLimit,
    visit: impl FnMut(RecordRef<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, RecordError> {
    let (header, codec) = open_batch(batch)?;
    let section = batch.get(BATCH_HEADER_SIZE..header.size_bytes()).unwrap_or_default();
    let source = match codec {
        Compression::None => Source::Whole(section),
        codec => Source::Stream(Box::new(Window::new(Decompressor::new(codec, section, limit)?))),
    };
    scan_source(header, source, visit)
}

/// [`scan_records`] from where the content of the batch with this header comes from.
pub(super) fn scan_source<B>(
    header: BatchHeader,
    mut source: Source<'_>,
    mut visit: impl FnMut(RecordRef<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, RecordError> {
    let mut decoder = RecordDecoder::new(header);
    while !decoder.is_complete() {
        let frame = read_frame(source.window(MAX_VARINT_SIZE)?).map_err(|fault| decoder.malformed(fault))?;
        let body = source
            .window(frame.size_bytes())?
            .get(frame.prefix..frame.size_bytes())
            .ok_or_else(|| decoder.malformed(RecordFault::Truncated))?;
        if let ControlFlow::Break(found) = visit(decoder.decode(body, frame.size_bytes())?) {
            return Ok(ControlFlow::Break(found));
        }
        source.consume(frame.size_bytes());
    }
    match source.window(1)? {
        [] => Ok(ControlFlow::Continue(())),
        _ => Err(decoder.trailing_bytes()),
    }
}

/// The length field of a record.
#[derive(Clone, Copy)]
struct Frame {
    prefix: usize,
    body: usize,
}

impl Frame {
    fn size_bytes(self) -> usize {
        self.prefix + self.body
    }
}

fn read_frame(bytes: &[u8]) -> Result<Frame, RecordFault> {
    let (length, prefix) = read_varint(bytes)?;
    let body = usize::try_from(length).map_err(|_| RecordFault::NegativeLength(length))?;
    Ok(Frame { prefix, body })
}

/// Where the bytes of records come from.
pub(super) enum Source<'a> {
    Whole(&'a [u8]),
    Stream(Box<Window<'a>>),
}

impl Source<'_> {
    /// At least the next `wanted` bytes, or all that are left if these are fewer.
    fn window(&mut self, wanted: usize) -> Result<&[u8], DecompressError> {
        match self {
            Source::Whole(bytes) => Ok(bytes),
            Source::Stream(window) => window.fill(wanted),
        }
    }

    fn consume(&mut self, size: usize) {
        match self {
            Source::Whole(bytes) => *bytes = bytes.get(size..).unwrap_or_default(),
            Source::Stream(window) => window.start = window.end.min(window.start + size),
        }
    }
}

/// The part of a decompressed stream that is in memory.
pub(super) struct Window<'a> {
    input: Decompressor<'a>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<'a> Window<'a> {
    fn new(input: Decompressor<'a>) -> Self {
        Window { input, buffer: Vec::new(), start: 0, end: 0 }
    }

    /// The buffer grows with what has really been read, never to a size that a record merely declares.
    fn fill(&mut self, wanted: usize) -> Result<&[u8], DecompressError> {
        while self.end - self.start < wanted {
            self.make_room();
            match self.input.read(&mut self.buffer[self.end..])? {
                0 => break,
                read => self.end += read,
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize((self.buffer.len() * 2).max(CHUNK_SIZE), 0);
        }
    }
}
