//! Record batches (message format v2): header view and in-place patches, record reading and building, compression.
//! No log files, offsets bookkeeping or produce validation here: the log decides what a valid append is.

mod batch;
mod compression;

pub use batch::{
    BATCH_HEADER_SIZE, BatchError, BatchHeader, Batches, LOG_OVERHEAD, MAGIC, TimestampType, assign_offsets, check_crc,
    crc_is_valid, set_log_append_time, split_batches,
};
pub use compression::{Compression, UnknownCompression};
