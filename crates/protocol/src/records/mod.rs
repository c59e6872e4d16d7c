//! Record batches (message format v2): header view and in-place patches, record reading and building, compression.
//! No log files, offsets bookkeeping or produce validation here: the log decides what a valid append is.

mod batch;
mod builder;
mod compression;
mod decompress;
mod fuzz;
mod lz4;
mod reader;
mod recompress;
mod record;
mod snappy;
mod varint;

#[cfg(test)]
mod tests;

pub use batch::{
    BATCH_HEADER_SIZE, BatchError, BatchHeader, Batches, LOG_OVERHEAD, MAGIC, TimestampType, assign_offsets, check_crc,
    crc_is_valid, set_create_time, set_log_append_time, set_producer, split_batches,
};
pub use builder::{BatchBuilder, BuildError};
pub use compression::{Compression, UnknownCompression, compress, compress_at_level};
pub use decompress::{DecompressError, DecompressionLimit, Decompressor, decompress_bounded};
#[doc(hidden)]
pub use fuzz::fuzz_one;
pub use reader::{Records, read_records, scan_records};
pub use recompress::{Codec, RecompressError, recompress};
pub use record::{HeadersRef, Record, RecordError, RecordFault, RecordHeader, RecordRef};
