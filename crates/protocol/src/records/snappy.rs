//! Snappy as Kafka's clients write it: a bare snappy block (librdkafka, Go) or the block stream of Java's xerial
//! library. The standard snappy stream format is not used by Kafka.

use std::io;

/// Starts every xerial stream; no bare snappy block can start with these bytes.
const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const XERIAL_HEADER_SIZE: usize = 16;
/// Version and lowest compatible version as Java writes them. Other writers store other values or another byte
/// order, and no reader that accepts these does any harm, so they are not checked.
const XERIAL_VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
/// How much one block of a written stream holds: Java's default.
const XERIAL_BLOCK_SIZE: usize = 32 * 1024;
/// No snappy element yields more output per input byte (a three-byte copy yields at most 64).
const MAX_EXPANSION: usize = 22;

/// Reads blocks of a snappy stream; one decompressed block is in memory at a time.
pub(super) struct SnappyReader<'a> {
    rest: &'a [u8],
    is_framed: bool,
    allowed: usize,
    block: Vec<u8>,
    position: usize,
}

impl<'a> SnappyReader<'a> {
    /// `allowed`: the most output anyone will read, so a block that declares more is refused unread.
    pub(super) fn new(bytes: &'a [u8], allowed: usize) -> io::Result<Self> {
        let is_framed = bytes.starts_with(&XERIAL_MAGIC);
        let rest = if is_framed { skip_header(bytes)? } else { bytes };
        Ok(SnappyReader { rest, is_framed, allowed, block: Vec::new(), position: 0 })
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.position == self.block.len() {
            let Some(compressed) = self.next_block()? else { return Ok(0) };
            self.open_block(compressed)?;
        }
        let available = &self.block[self.position..];
        let read = available.len().min(out.len());
        out[..read].copy_from_slice(&available[..read]);
        self.position += read;
        Ok(read)
    }

    fn next_block(&mut self) -> io::Result<Option<&'a [u8]>> {
        if !self.is_framed {
            let block = std::mem::take(&mut self.rest);
            return Ok((!block.is_empty()).then_some(block));
        }
        // Streams written one after the other repeat the header.
        while self.rest.starts_with(&XERIAL_MAGIC) {
            self.rest = skip_header(self.rest)?;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or_else(|| invalid("block length is cut off"))?;
        let (block, rest) = usize::try_from(u32::from_be_bytes(*length))
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| invalid("block is longer than the data"))?;
        self.rest = rest;
        Ok(Some(block))
    }

    fn open_block(&mut self, compressed: &[u8]) -> io::Result<()> {
        let size = snap::raw::decompress_len(compressed).map_err(invalid)?;
        if size > compressed.len().saturating_mul(MAX_EXPANSION) {
            return Err(invalid("block declares more output than its input can yield"));
        }
        if size > self.allowed {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.block.resize(size, 0);
        self.position = 0;
        let written = snap::raw::Decoder::new().decompress(compressed, &mut self.block).map_err(invalid)?;
        self.block.truncate(written);
        Ok(())
    }
}

fn skip_header(bytes: &[u8]) -> io::Result<&[u8]> {
    bytes.get(XERIAL_HEADER_SIZE..).ok_or_else(|| invalid("stream header is cut off"))
}

fn invalid(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Compresses as Java's producer does, which every client can read.
pub(super) fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(XERIAL_HEADER_SIZE + bytes.len() / 2);
    out.extend_from_slice(&XERIAL_MAGIC);
    out.extend_from_slice(&XERIAL_VERSIONS);
    let mut encoder = snap::raw::Encoder::new();
    for chunk in bytes.chunks(XERIAL_BLOCK_SIZE) {
        let block = encoder.compress_vec(chunk).map_err(invalid)?;
        let length = u32::try_from(block.len()).map_err(invalid)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&block);
    }
    Ok(out)
}
