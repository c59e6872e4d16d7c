//! Record batches, right and wrong.

use std::time::{SystemTime, UNIX_EPOCH};

use barnabas_protocol::RecordData;
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType, crc_is_valid, split_batches};

/// Where the fields of a batch header are.
pub const LENGTH_AT: usize = 8;
pub const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
pub const ATTRIBUTES_AT: usize = 21;
pub const LAST_OFFSET_DELTA_AT: usize = 23;
pub const RECORD_COUNT_AT: usize = 57;

pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub fn builder() -> BatchBuilder {
    BatchBuilder::new(Compression::None, TimestampType::CreateTime)
}

/// A batch of records without keys.
pub fn batch(values: &[&str]) -> Vec<u8> {
    finish(builder(), values)
}

/// A batch of an idempotent producer.
pub fn sequenced(producer: (i64, i16), sequence: i32, values: &[&str]) -> Vec<u8> {
    finish(builder().producer(producer.0, producer.1, sequence), values)
}

pub fn finish(mut builder: BatchBuilder, values: &[&str]) -> Vec<u8> {
    for value in values {
        builder.add(now_ms(), None, Some(value.as_bytes()), &[]);
    }
    builder.build(0, -1).unwrap().to_vec()
}

/// A batch of records with keys.
pub fn keyed(compression: Compression, records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(compression, TimestampType::CreateTime);
    for (key, value) in records {
        builder.add(now_ms(), Some(key.as_bytes()), Some(value), &[]);
    }
    builder.build(0, -1).unwrap().to_vec()
}

/// The batch with other bytes somewhere and a CRC that fits them.
pub fn patched(mut batch: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    batch[at..at + bytes.len()].copy_from_slice(bytes);
    seal(&mut batch);
    batch
}

/// Writes the length and the CRC that the rest asks for.
pub fn seal(batch: &mut [u8]) {
    let length = i32::try_from(batch.len() - LENGTH_AT - 4).unwrap();
    batch[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[ATTRIBUTES_AT..]);
    batch[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
}

/// First and last offset of every batch in fetched bytes. Panics on a wrong CRC.
pub fn offsets(fetched: &RecordData) -> Vec<(i64, i64)> {
    let bytes = fetched.clone().into_bytes().unwrap();
    let whole = split_batches(&bytes).map(|batch| {
        let (header, bytes) = batch.unwrap();
        assert!(crc_is_valid(bytes), "a batch with a wrong CRC was served at offset {}", header.base_offset);
        (header.base_offset, header.last_offset())
    });
    whole.collect()
}
