//! Decompression within limits: a streaming reader over all codecs that stops at a number of output bytes, and the
//! same into one buffer. The xerial framing of snappy has its own file.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use thiserror::Error;

use super::{compression::Compression, lz4::Lz4Reader, snappy::SnappyReader};

/// Output below this is never refused for its ratio: a short batch of zeros compresses a thousandfold and is harmless.
const RATIO_FREE_BYTES: usize = 16 * 1024 * 1024;

/// The largest zstd window accepted: the default of Kafka's decoder, and what its highest level (22) writes.
/// Memory of the window is only touched as far as output is produced, which the byte limit bounds.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// How far compressed data may expand before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecompressionLimit {
    /// No more output than this, ever.
    pub max_bytes: usize,
    /// Output per byte of input; does not apply to the first 16 MiB.
    pub max_ratio: usize,
}

impl Default for DecompressionLimit {
    fn default() -> Self {
        DecompressionLimit { max_bytes: 256 * 1024 * 1024, max_ratio: 256 }
    }
}

impl DecompressionLimit {
    /// A limit by output size only.
    pub fn bytes(max_bytes: usize) -> Self {
        DecompressionLimit { max_bytes, max_ratio: usize::MAX }
    }

    /// Output bytes allowed for `compressed` bytes of input.
    pub fn allowed_bytes(&self, compressed: usize) -> usize {
        self.max_bytes.min(compressed.saturating_mul(self.max_ratio).max(RATIO_FREE_BYTES))
    }
}

/// Why data could not be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecompressError {
    #[error("{codec} data is corrupt: {reason}")]
    Corrupt { codec: Compression, reason: String },
    #[error("{codec} data of {compressed} bytes expands to more than the {allowed} bytes allowed")]
    TooLarge { codec: Compression, compressed: usize, allowed: usize },
}

/// Decompresses all of `bytes`. Memory grows with real output, not with sizes the data declares.
pub fn decompress_bounded(
    codec: Compression,
    bytes: &[u8],
    limit: DecompressionLimit,
) -> Result<Vec<u8>, DecompressError> {
    let mut input = Decompressor::new(codec, bytes, limit)?;
    let mut output = vec![0; bytes.len().saturating_mul(4).clamp(1024, 1024 * 1024)];
    let mut filled = 0;
    loop {
        if filled == output.len() {
            output.resize(output.len() * 2, 0);
        }
        match input.read(&mut output[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    output.truncate(filled);
    Ok(output)
}

/// A reader of decompressed bytes that fails as soon as there are more than allowed.
pub struct Decompressor<'a> {
    codec: Compression,
    compressed: usize,
    allowed: usize,
    produced: usize,
    inner: Inner<'a>,
}

enum Inner<'a> {
    Plain(&'a [u8]),
    Gzip(Box<GzipReader<'a>>),
    Snappy(SnappyReader<'a>),
    Lz4(Box<Lz4Reader<'a>>),
    Zstd(zstd::stream::read::Decoder<'static, &'a [u8]>),
    Finished,
}

impl<'a> Decompressor<'a> {
    pub fn new(codec: Compression, bytes: &'a [u8], limit: DecompressionLimit) -> Result<Self, DecompressError> {
        let compressed = bytes.len();
        let allowed = match codec {
            Compression::None => limit.max_bytes,
            _ => limit.allowed_bytes(compressed),
        };
        let inner = Inner::open(codec, bytes, allowed).map_err(|error| corrupt(codec, error))?;
        Ok(Decompressor { codec, compressed, allowed, produced: 0, inner })
    }

    /// Reads some bytes; 0 only at the end (or for an empty `out`). After an error there is nothing more to read.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, DecompressError> {
        let result = self.read_within_limit(out);
        if result.is_err() {
            self.inner = Inner::Finished;
        }
        result
    }

    fn read_within_limit(&mut self, out: &mut [u8]) -> Result<usize, DecompressError> {
        let left = self.allowed - self.produced;
        if out.is_empty() {
            return Ok(0);
        }
        if left == 0 {
            return match self.read_inner(&mut [0])? {
                0 => Ok(0),
                _ => Err(self.too_large()),
            };
        }
        let wanted = out.len().min(left);
        let read = self.read_inner(&mut out[..wanted])?;
        self.produced += read;
        Ok(read)
    }

    fn read_inner(&mut self, out: &mut [u8]) -> Result<usize, DecompressError> {
        self.inner.read(out).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => self.too_large(),
            _ => corrupt(self.codec, error),
        })
    }

    fn too_large(&self) -> DecompressError {
        DecompressError::TooLarge { codec: self.codec, compressed: self.compressed, allowed: self.allowed }
    }
}

impl Read for Decompressor<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Decompressor::read(self, out).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

fn corrupt(codec: Compression, error: io::Error) -> DecompressError {
    DecompressError::Corrupt { codec, reason: error.to_string() }
}

impl<'a> Inner<'a> {
    fn open(codec: Compression, bytes: &'a [u8], allowed: usize) -> io::Result<Self> {
        Ok(match codec {
            Compression::None => Inner::Plain(bytes),
            Compression::Gzip => Inner::Gzip(Box::new(GzipReader::new(bytes))),
            Compression::Snappy => Inner::Snappy(SnappyReader::new(bytes, allowed)?),
            Compression::Lz4 => Inner::Lz4(Box::new(Lz4Reader::new(bytes)?)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Inner::Zstd(decoder)
            }
        })
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Inner::Plain(bytes) => bytes.read(out),
            Inner::Gzip(reader) => reader.read(out),
            Inner::Snappy(reader) => reader.read(out),
            Inner::Lz4(reader) => reader.read(out),
            Inner::Zstd(reader) => reader.read(out),
            Inner::Finished => Ok(0),
        }
    }
}

/// Gzip members one after the other. What follows the last member and does not look like another is ignored, as Java
/// does.
struct GzipReader<'a> {
    member: GzDecoder<&'a [u8]>,
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

impl<'a> GzipReader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        GzipReader { member: GzDecoder::new(bytes) }
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.member.read(out)?;
            let rest: &'a [u8] = self.member.get_ref();
            if read > 0 || !rest.starts_with(&GZIP_MAGIC) {
                return Ok(read);
            }
            self.member = GzDecoder::new(rest);
        }
    }
}
