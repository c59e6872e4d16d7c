//! What the `record_batch` fuzz target runs on arbitrary bytes. Not part of the API.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::{
    BatchBuilder, BatchHeader, Codec, Compression, DecompressionLimit, Record, assign_offsets, crc_is_valid,
    decompress_bounded, read_records, recompress, scan_records, set_log_append_time, split_batches,
};

const LIMIT: DecompressionLimit = DecompressionLimit { max_bytes: 1024 * 1024, max_ratio: usize::MAX };

/// Reads `data` in every way a broker would. Panics if two ways disagree.
pub fn fuzz_one(data: &[u8]) {
    let mut batches = split_batches(data);
    for (header, batch) in batches.by_ref().flatten() {
        assert_eq!(header.size_bytes(), batch.len());
        assert!(header.next_offset() > header.base_offset);
        check_records(&header, batch);
        check_patches(batch);
    }
    assert!(batches.whole_bytes() <= data.len());
    if let [codec, compressed @ ..] = data {
        let codec = Compression::ALL[usize::from(*codec) % Compression::ALL.len()];
        if let Ok(plain) = decompress_bounded(codec, compressed, LIMIT) {
            assert!(plain.len() <= LIMIT.max_bytes);
        }
    }
}

fn check_records(header: &BatchHeader, batch: &[u8]) {
    let owned: Result<Vec<Record>, _> =
        read_records(&Bytes::copy_from_slice(batch), LIMIT).and_then(|records| records.collect());
    let mut scanned = Vec::new();
    let scan = scan_records(batch, LIMIT, |record| {
        scanned.push(record.to_record());
        ControlFlow::<()>::Continue(())
    });
    match owned {
        Ok(owned) => {
            assert_eq!(scan, Ok(ControlFlow::Continue(())));
            assert_eq!(owned, scanned);
            check_rebuilt(header, &owned);
            Compression::ALL.iter().for_each(|codec| check_recompressed(*codec, batch, &owned));
        }
        Err(_) => assert!(scan.is_err()),
    }
}

/// What has been read can be written again and reads the same.
fn check_rebuilt(header: &BatchHeader, records: &[Record]) {
    let mut builder = BatchBuilder::new(Compression::None, header.timestamp_type())
        .producer(header.producer_id, header.producer_epoch, header.base_sequence)
        .max_timestamp(header.max_timestamp)
        .last_offset_delta(header.last_offset_delta);
    for record in records {
        let delta = i32::try_from(record.offset - header.base_offset).unwrap_or(-1);
        builder.add_at(delta, record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers);
    }
    // Timestamps more than 2^63 apart can be read from a base in between, but not written from the first.
    let Ok(batch) = builder.build(header.base_offset, header.partition_leader_epoch) else { return };
    assert!(crc_is_valid(&batch));
    let again: Result<Vec<Record>, _> = read_records(&batch.freeze(), LIMIT).and_then(|records| records.collect());
    assert_eq!(again.as_deref(), Ok(records));
}

/// In every codec the records are the same.
fn check_recompressed(compression: Compression, batch: &[u8], records: &[Record]) {
    let codec = Codec { compression, level: None };
    let written = recompress(batch, codec, LIMIT, |_| ControlFlow::<()>::Continue(()));
    let Ok(ControlFlow::Continue(written)) = written else { panic!("{compression}: {written:?}") };
    assert!(crc_is_valid(&written));
    let again: Result<Vec<Record>, _> =
        read_records(&written.freeze(), DecompressionLimit::default()).and_then(|records| records.collect());
    assert_eq!(again.as_deref(), Ok(records), "{compression}");
}

fn check_patches(batch: &[u8]) {
    let was_valid = crc_is_valid(batch);
    let mut patched = batch.to_vec();
    assign_offsets(&mut patched, 1234, 5);
    assert_eq!(crc_is_valid(&patched), was_valid);
    set_log_append_time(&mut patched, 99);
    assert!(crc_is_valid(&patched));
}
