//! What the tests share: building batches, opening logs, reading all of them back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::TopicPartition;
use barnabas_common::vfs::{MemVfs, Vfs};
use barnabas_log::{AppendError, AppendInfo, AppendOrigin, Log, LogConfig, LogError, OpenOptions, ReadError};
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType, split_batches};
use bytes::{Bytes, BytesMut};

pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

pub(crate) fn dir() -> PathBuf {
    PathBuf::from("/data/t-0")
}

pub(crate) fn builder() -> BatchBuilder {
    BatchBuilder::new(Compression::None, TimestampType::CreateTime)
}

/// A batch of `count` records with the time `timestamp`, its values of `value_bytes` each.
pub(crate) fn sized_batch(count: usize, timestamp: i64, value_bytes: usize) -> BytesMut {
    fill(builder(), count, timestamp, value_bytes)
}

pub(crate) fn batch(count: usize) -> BytesMut {
    sized_batch(count, NOW_MS, 20)
}

pub(crate) fn producer_batch(producer_id: i64, epoch: i16, sequence: i32, count: usize) -> BytesMut {
    fill(builder().producer(producer_id, epoch, sequence), count, NOW_MS, 20)
}

pub(crate) fn fill(mut builder: BatchBuilder, count: usize, timestamp: i64, value_bytes: usize) -> BytesMut {
    for i in 0..count {
        builder.add(timestamp, Some(b"key"), Some(&vec![i as u8; value_bytes]), &[]);
    }
    builder.build(0, -1).unwrap()
}

pub(crate) fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 1000, index_interval_bytes: 200, ..LogConfig::default() }
}

pub(crate) fn try_open(vfs: &MemVfs, config: &LogConfig, options: OpenOptions) -> Result<Log, LogError> {
    try_open_at(Arc::new(vfs.clone()), &dir(), config, options)
}

pub(crate) fn try_open_at(
    vfs: Arc<dyn Vfs>,
    dir: &Path,
    config: &LogConfig,
    options: OpenOptions,
) -> Result<Log, LogError> {
    Log::open(vfs, dir.to_owned(), TopicPartition::new("t", 0), None, config.clone(), options, NOW_MS)
}

pub(crate) fn open(vfs: &MemVfs, config: &LogConfig) -> Log {
    try_open(vfs, config, OpenOptions::default()).unwrap()
}

pub(crate) fn append(log: &mut Log, mut batch: BytesMut) -> Result<AppendInfo, AppendError> {
    let epoch = log.latest_epoch().unwrap_or(0);
    log.append_as_leader(&mut batch, epoch, NOW_MS, AppendOrigin::Client)
}

/// What is done from time to time after a failed write.
pub(crate) fn cut_off(log: &mut Log) -> Result<(), LogError> {
    log.plan_cut().map_or(Ok(()), |plan| log.cut_off(plan.run()))
}

pub(crate) fn append_code(log: &mut Log, batch: BytesMut) -> i16 {
    append(log, batch).map_or_else(|e| e.error_code().code(), |_| 0)
}

/// All batches of the log, as they are served.
pub(crate) fn read_all(log: &Log) -> Result<Vec<Bytes>, ReadError> {
    let (mut found, mut offset) = (Vec::new(), log.log_start_offset());
    while offset < log.log_end_offset() {
        let bytes = log.plan_read(offset, 700, log.log_end_offset(), true)?.read()?;
        assert!(!bytes.is_empty(), "there is something at {offset}");
        for batch in split_batches(&bytes) {
            let (header, batch) = batch.unwrap();
            assert!(barnabas_protocol::records::crc_is_valid(batch), "a wrong CRC was served");
            assert!(header.next_offset() > offset);
            offset = header.next_offset();
            found.push(Bytes::copy_from_slice(batch));
        }
    }
    Ok(found)
}

/// A small generator for tests that name their seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
