//! Tests of record batches. Shared here: sample batches, and readers that collect.

mod batch;
mod bombs;
mod compression;
mod fixtures;
mod properties;
mod recompress;
mod records;
mod seeds;

use std::ops::ControlFlow;

use bytes::Bytes;

use super::*;

/// A few record shapes: plain, without key, tombstone, empty, headers with a repeated key and a null value.
fn sample_builder(compression: Compression) -> BatchBuilder {
    let headers = [
        RecordHeader::new("h", Some("1")),
        RecordHeader::new("h", Some("2")),
        RecordHeader::new("null", None::<Bytes>),
        RecordHeader::new("", Some("")),
    ];
    let mut builder = BatchBuilder::new(compression, TimestampType::CreateTime).producer(7, 3, 100);
    builder
        .add(1_700_000_000_000, Some(b"key"), Some(b"value"), &[])
        .add(1_700_000_000_009, None, Some(b"no key"), &[])
        .add(1_700_000_000_003, Some(b"tombstone"), None, &[])
        .add(1_700_000_000_004, Some(b""), Some(b""), &[])
        .add(1_699_999_999_999, Some(b"headers"), Some(b"v"), &headers);
    builder
}

fn sample_batch(compression: Compression) -> Bytes {
    sample_builder(compression).build(42, 5).expect("sample builds").freeze()
}

fn collect(batch: &Bytes) -> Result<Vec<Record>, RecordError> {
    read_records(batch, DecompressionLimit::default())?.collect()
}

fn scan(batch: &[u8]) -> Result<Vec<Record>, RecordError> {
    let mut records = Vec::new();
    let flow = scan_records(batch, DecompressionLimit::default(), |record| {
        records.push(record.to_record());
        ControlFlow::<()>::Continue(())
    })?;
    assert_eq!(flow, ControlFlow::Continue(()));
    Ok(records)
}

/// A batch with `content` as its records section and a right CRC, whatever the content is.
fn raw_batch(codec: Compression, record_count: i32, content: &[u8]) -> Bytes {
    let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime)
        .last_offset_delta((record_count - 1).max(0))
        .build(0, 0)
        .expect("empty batch builds");
    batch.extend_from_slice(content);
    let length = i32::try_from(batch.len() - LOG_OVERHEAD).expect("small");
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    batch[21..23].copy_from_slice(&codec.id().to_be_bytes());
    batch[57..61].copy_from_slice(&record_count.to_be_bytes());
    super::batch::write_crc(&mut batch);
    batch.freeze()
}
