//! The LZ4 frame of Kafka's clients. The frame is measured before it is decoded: the decoder by itself takes a frame
//! that is cut off between blocks for a complete one, and reads on into whatever follows.

use std::io::{self, Read, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const FLAG_DICTIONARY_ID: u8 = 0x01;
const FLAG_CONTENT_CHECKSUM: u8 = 0x04;
const FLAG_CONTENT_SIZE: u8 = 0x08;
const FLAG_BLOCK_CHECKSUM: u8 = 0x10;
const CHECKSUM_SIZE: usize = 4;
const BLOCK_LENGTH_SIZE: usize = 4;
const UNCOMPRESSED_BLOCK_BIT: u32 = 0x8000_0000;

/// Reads the content of one frame; what follows the frame is ignored, as in Java.
pub(super) struct Lz4Reader<'a> {
    decoder: FrameDecoder<&'a [u8]>,
}

impl<'a> Lz4Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> io::Result<Self> {
        let size = frame_size(bytes).ok_or_else(|| io::Error::other("not one complete LZ4 frame"))?;
        Ok(Lz4Reader { decoder: FrameDecoder::new(bytes.get(..size).unwrap_or_default()) })
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoder.read(out)?;
            // The decoder also returns 0 for an empty block in the middle.
            if read > 0 || self.decoder.get_ref().is_empty() {
                return Ok(read);
            }
        }
    }
}

/// Length of the frame at the start of `bytes`, found by stepping over its blocks; `None` if it is not complete.
fn frame_size(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(&MAGIC) {
        return None;
    }
    let flags = *bytes.get(MAGIC.len())?;
    let size_if = |flag, size| if flags & flag != 0 { size } else { 0 };
    // Flags, block descriptor, two optional fields, header checksum.
    let mut at = MAGIC.len() + 2 + size_if(FLAG_CONTENT_SIZE, 8) + size_if(FLAG_DICTIONARY_ID, 4) + 1;
    loop {
        let length = u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<BLOCK_LENGTH_SIZE>()?);
        at += BLOCK_LENGTH_SIZE;
        if length == 0 {
            at += size_if(FLAG_CONTENT_CHECKSUM, CHECKSUM_SIZE);
            return (at <= bytes.len()).then_some(at);
        }
        let block = usize::try_from(length & !UNCOMPRESSED_BLOCK_BIT).ok()?;
        at = at.checked_add(block)?.checked_add(size_if(FLAG_BLOCK_CHECKSUM, CHECKSUM_SIZE))?;
    }
}

/// Compresses into independent 64 KiB blocks without checksums, which is what Kafka's own reader supports.
pub(super) fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes)?;
    encoder.finish().map_err(io::Error::other)
}
