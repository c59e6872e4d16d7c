//! Header parsing, CRC, in-place patches and walking a buffer.

use super::*;

fn with(batch: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut changed = batch.to_vec();
    changed[at..at + bytes.len()].copy_from_slice(bytes);
    changed
}

#[test]
fn reads_every_header_field() {
    let batch = sample_batch(Compression::None);
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!((header.base_offset, header.partition_leader_epoch, header.magic), (42, 5, 2));
    assert_eq!(header.size_bytes(), batch.len());
    assert_eq!((header.last_offset(), header.next_offset(), header.record_count), (46, 47, 5));
    assert_eq!((header.base_timestamp, header.max_timestamp), (1_700_000_000_000, 1_700_000_000_009));
    assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 3, 100));
    assert_eq!(header.last_sequence(), 104);
    assert!(header.has_producer_id() && !header.is_transactional() && !header.is_control());
    assert_eq!(header.timestamp_type(), TimestampType::CreateTime);
    assert_eq!((header.compression(), header.delete_horizon_ms()), (Ok(Compression::None), None));
    // The header alone is enough.
    assert_eq!(BatchHeader::parse(&batch[..BATCH_HEADER_SIZE]), Ok(header));
}

#[test]
fn reads_every_attribute_bit() {
    for codec in Compression::ALL {
        let mut builder = BatchBuilder::new(codec, TimestampType::LogAppendTime)
            .transactional(true)
            .control(true)
            .delete_horizon(1000)
            .max_timestamp(3000);
        builder.add(2000, None, None, &[]);
        let batch = builder.build(0, 0).unwrap().freeze();
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!(header.attributes, 0x78 | codec.id());
        assert_eq!(header.compression(), Ok(codec));
        assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
        assert!(header.is_transactional() && header.is_control() && header.has_delete_horizon());
        assert_eq!(header.delete_horizon_ms(), Some(1000));
        assert_eq!(collect(&batch).unwrap()[0].timestamp, 3000);
    }
    let unknown = with(&sample_batch(Compression::None), 21, &[0, 5]);
    assert_eq!(BatchHeader::parse(&unknown).unwrap().compression(), Err(UnknownCompression("5".into())));
    assert!(matches!(scan(&unknown), Err(RecordError::Compression(_))));
}

#[test]
fn refuses_malformed_headers_with_the_reason() {
    let batch = sample_batch(Compression::None);
    let parse = |at, bytes: &[u8]| BatchHeader::parse(&with(&batch, at, bytes)).unwrap_err();
    assert_eq!(BatchHeader::parse(&[]), Err(BatchError::Truncated { needed: 61, available: 0 }));
    assert_eq!(BatchHeader::parse(&batch[..60]), Err(BatchError::Truncated { needed: 61, available: 60 }));
    assert_eq!(parse(8, &(-1i32).to_be_bytes()), BatchError::BadLength(-1));
    assert_eq!(parse(8, &0i32.to_be_bytes()), BatchError::BadLength(0));
    assert_eq!(parse(8, &48i32.to_be_bytes()), BatchError::BadLength(48));
    assert_eq!(parse(16, &[1]), BatchError::BadMagic(1));
    assert_eq!(parse(16, &[0xff]), BatchError::BadMagic(-1));
    assert_eq!(parse(57, &(-1i32).to_be_bytes()), BatchError::BadCount(-1));
    assert_eq!(parse(23, &i32::MIN.to_be_bytes()), BatchError::BadLastOffsetDelta(i32::MIN));
    let overflow = BatchError::OffsetOverflow { base_offset: i64::MAX - 4, last_offset_delta: 4 };
    assert_eq!(parse(0, &(i64::MAX - 4).to_be_bytes()), overflow);
    assert!(overflow.to_string().contains("last offset delta 4"));
}

#[test]
fn names_an_old_message_format_even_if_it_is_shorter_than_a_header() {
    let mut old = vec![0; 34];
    old[8..12].copy_from_slice(&22i32.to_be_bytes());
    old[16] = 1;
    assert_eq!(BatchHeader::parse(&old), Err(BatchError::BadMagic(1)));
    assert_eq!(split_batches(&old).next(), Some(Err(BatchError::BadMagic(1))));
}

#[test]
fn sequences_wrap_to_zero() {
    let with_sequence = |base: i32| {
        let mut builder = BatchBuilder::new(Compression::None, TimestampType::CreateTime).producer(1, 0, base);
        for _ in 0..4 {
            builder.add(0, None, None, &[]);
        }
        builder.build(0, 0).unwrap().freeze()
    };
    let last = |base| BatchHeader::parse(&with_sequence(base)).unwrap().last_sequence();
    assert_eq!((last(0), last(i32::MAX - 3), last(i32::MAX - 2), last(i32::MAX)), (3, i32::MAX, 0, 2));
    assert_eq!(last(-1), -1);
    let sequences: Vec<i32> =
        collect(&with_sequence(i32::MAX - 1)).unwrap().iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, [i32::MAX - 1, i32::MAX, 0, 1]);
}

#[test]
fn every_flipped_bit_behind_the_crc_is_noticed() {
    let batch = sample_batch(Compression::None);
    assert!(crc_is_valid(&batch));
    for at in 21..batch.len() {
        assert!(!crc_is_valid(&with(&batch, at, &[batch[at] ^ 0x10])), "byte {at}");
    }
    assert!(matches!(check_crc(&with(&batch, 70, &[0xee])), Err(BatchError::BadCrc { .. })));
    assert!(!crc_is_valid(&batch[..batch.len() - 1]));
    assert!(!crc_is_valid(&[]));
}

#[test]
fn assigning_offsets_leaves_the_crc_valid() {
    let mut batch = sample_batch(Compression::Lz4).to_vec();
    let before = BatchHeader::parse(&batch).unwrap();
    assign_offsets(&mut batch, 1 << 40, 77);
    assert!(crc_is_valid(&batch));
    let after = BatchHeader::parse(&batch).unwrap();
    assert_eq!(after, BatchHeader { base_offset: 1 << 40, partition_leader_epoch: 77, ..before });
    let offsets: Vec<i64> = scan(&batch).unwrap().iter().map(|record| record.offset - (1 << 40)).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4]);
}

#[test]
fn append_time_replaces_every_record_timestamp() {
    let mut batch = sample_batch(Compression::Zstd).to_vec();
    set_log_append_time(&mut batch, 1_800_000_000_000);
    assert!(crc_is_valid(&batch));
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!((header.max_timestamp, header.compression()), (1_800_000_000_000, Ok(Compression::Zstd)));
    assert!(scan(&batch).unwrap().iter().all(|record| record.timestamp == 1_800_000_000_000));
}

#[test]
fn walks_batches_up_to_an_incomplete_tail() {
    let batch = sample_batch(Compression::None);
    let buffer = [&batch[..], &batch[..], &batch[..]].concat();
    for tail in 0..batch.len() {
        let mut batches = split_batches(&buffer[..2 * batch.len() + tail]);
        assert_eq!(batches.by_ref().filter(|item| item.as_ref().is_ok_and(|(_, b)| *b == batch)).count(), 2);
        assert_eq!((batches.whole_bytes(), batches.remaining().len()), (2 * batch.len(), tail));
        assert!(batches.next().is_none());
    }
    assert_eq!(split_batches(&buffer).count(), 3);
    assert_eq!(split_batches(&[]).count(), 0);
}

#[test]
fn walking_ends_at_the_first_malformed_header() {
    let batch = sample_batch(Compression::None);
    let buffer = [&batch[..], &[0; 100], &batch[..]].concat();
    let mut batches = split_batches(&buffer);
    assert!(batches.next().is_some_and(|item| item.is_ok()));
    assert_eq!(batches.next(), Some(Err(BatchError::BadLength(0))));
    assert_eq!(batches.next(), None);
    assert_eq!(batches.whole_bytes(), batch.len());
}
