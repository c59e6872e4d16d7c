//! The same records in another codec, with everything else of the batch's header kept. Which codec is wanted, and what is
//! demanded of the records, is the caller's affair.

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use super::{
    batch::{
        ATTRIBUTES_AT, BATCH_HEADER_SIZE, BatchHeader, COMPRESSION_MASK, LENGTH_AT, LOG_OVERHEAD, MAX_TIMESTAMP_AT,
        TimestampType, write_at, write_crc,
    },
    compression::{Compression, compress_at_level},
    decompress::{DecompressionLimit, decompress_bounded},
    reader::{Source, open_batch, scan_source},
    record::{RecordError, RecordRef},
};

/// A codec and how hard it tries; without a level by its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    pub compression: Compression,
    /// For gzip and zstd, see [`compress_at_level`].
    pub level: Option<i32>,
}

/// Why a batch could not be written in another codec.
#[derive(Debug, Error)]
pub enum RecompressError {
    #[error(transparent)]
    Records(#[from] RecordError),
    #[error("{codec} could not compress: {error}")]
    Compress { codec: Compression, error: io::Error },
    #[error("the batch would be larger than 2^31 - 1 bytes")]
    TooLarge,
}

/// Writes one whole batch anew with its records in another codec. Records keep their bytes, the header everything but its
/// codec, length and CRC, and the largest timestamp, which becomes what the records say.
///
/// `visit` is shown every record before anything is compressed, and may stop early with [`ControlFlow::Break`].
pub fn recompress<B>(
    batch: &[u8],
    codec: Codec,
    limit: DecompressionLimit,
    mut visit: impl FnMut(RecordRef<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B, BytesMut>, RecompressError> {
    let (header, compression) = open_batch(batch)?;
    let section = batch.get(BATCH_HEADER_SIZE..header.size_bytes()).unwrap_or_default();
    let plain = match compression {
        Compression::None => Cow::Borrowed(section),
        compression => Cow::Owned(decompress_bounded(compression, section, limit).map_err(RecordError::from)?),
    };
    let mut latest = i64::MIN;
    let scanned = scan_source(header, Source::Whole(&plain), |record| {
        latest = latest.max(record.timestamp);
        visit(record)
    });
    if let ControlFlow::Break(stopped) = scanned? {
        return Ok(ControlFlow::Break(stopped));
    }
    let has_own_times = header.record_count > 0 && header.timestamp_type() == TimestampType::CreateTime;
    let max_timestamp = if has_own_times { latest } else { header.max_timestamp };
    let section = compressed(codec, plain)?;
    written(&header, batch, codec.compression, max_timestamp, &section).map(ControlFlow::Continue)
}

fn compressed(codec: Codec, plain: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, RecompressError> {
    let failed = |error| RecompressError::Compress { codec: codec.compression, error };
    match codec.compression {
        Compression::None => Ok(plain),
        compression => compress_at_level(compression, codec.level, &plain).map(Cow::Owned).map_err(failed),
    }
}

fn written(
    header: &BatchHeader,
    batch: &[u8],
    compression: Compression,
    max_timestamp: i64,
    section: &[u8],
) -> Result<BytesMut, RecompressError> {
    let length = i32::try_from(BATCH_HEADER_SIZE - LOG_OVERHEAD + section.len());
    let length = length.map_err(|_| RecompressError::TooLarge)?;
    let attributes = (header.attributes & !COMPRESSION_MASK) | compression.id();
    let mut written = BytesMut::with_capacity(BATCH_HEADER_SIZE + section.len());
    written.put_slice(batch.get(..BATCH_HEADER_SIZE).unwrap_or_default());
    written.put_slice(section);
    write_at(&mut written, LENGTH_AT, &length.to_be_bytes());
    write_at(&mut written, ATTRIBUTES_AT, &attributes.to_be_bytes());
    write_at(&mut written, MAX_TIMESTAMP_AT, &max_timestamp.to_be_bytes());
    write_crc(&mut written);
    Ok(written)
}
