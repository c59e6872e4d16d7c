//! The codecs a batch can name in its attributes, and compressing with them. Decompression has its own file; which
//! codec a topic wants is configuration and not known here.

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
};

use flate2::write::GzEncoder;
use thiserror::Error;

use super::{lz4, snappy};

/// A codec, as the low three bits of the batch attributes name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// A codec id or name that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown compression type {0}")]
pub struct UnknownCompression(pub String);

impl Compression {
    pub const ALL: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

    pub fn from_id(id: i16) -> Result<Compression, UnknownCompression> {
        Self::ALL.into_iter().find(|codec| codec.id() == id).ok_or_else(|| UnknownCompression(id.to_string()))
    }

    pub fn id(self) -> i16 {
        match self {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Snappy => 2,
            Compression::Lz4 => 3,
            Compression::Zstd => 4,
        }
    }

    /// The name as `compression.type` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownCompression(name.to_owned()))
    }
}

/// Compresses at the codec's default level, in the framing that Kafka's Java clients write.
pub fn compress(codec: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
    compress_at_level(codec, None, bytes)
}

/// Like [`compress`]; `level` is for gzip (1 to 9) and zstd (up to 22), the other codecs have none.
pub fn compress_at_level(codec: Compression, level: Option<i32>, bytes: &[u8]) -> io::Result<Vec<u8>> {
    match codec {
        Compression::None => Ok(bytes.to_vec()),
        Compression::Gzip => compress_gzip(level, bytes),
        Compression::Snappy => snappy::compress(bytes),
        Compression::Lz4 => lz4::compress(bytes),
        // In one go, so that zstd takes memory by what there is to compress: a stream of unknown length at level 22 takes most of a gigabyte.
        Compression::Zstd => zstd::bulk::compress(bytes, level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL)),
    }
}

fn compress_gzip(level: Option<i32>, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let level = match level.map(|level| u32::try_from(level.clamp(0, 9))) {
        Some(Ok(level)) => flate2::Compression::new(level),
        _ => flate2::Compression::default(),
    };
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}
