//! Round trips of record shapes through all codecs, and malformed records.

use super::{super::varint::*, *};

fn malformed(content: &[u8], count: i32) -> RecordFault {
    let batch = raw_batch(Compression::None, count, content);
    let read = collect(&batch).unwrap_err();
    assert_eq!(scan(&batch).unwrap_err(), read);
    match read {
        RecordError::Malformed { fault, .. } => fault,
        other => panic!("expected a malformed record, got {other}"),
    }
}

/// A record from its body, with the right length before it.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    write_varint(&mut content, i32::try_from(body.len()).unwrap());
    content.extend_from_slice(body);
    content
}

#[test]
fn record_shapes_survive_every_codec() {
    for codec in Compression::ALL {
        let batch = sample_batch(codec);
        assert!(crc_is_valid(&batch));
        let records = collect(&batch).unwrap();
        assert_eq!(scan(&batch).unwrap(), records);
        let keys: Vec<_> = records.iter().map(|record| record.key.as_deref()).collect();
        assert_eq!(keys, [Some(&b"key"[..]), None, Some(b"tombstone"), Some(b""), Some(b"headers")]);
        let values: Vec<_> = records.iter().map(|record| record.value.as_deref()).collect();
        assert_eq!(values, [Some(&b"value"[..]), Some(b"no key"), None, Some(b""), Some(b"v")]);
        let timestamps: Vec<_> = records.iter().map(|record| record.timestamp - 1_700_000_000_000).collect();
        assert_eq!(timestamps, [0, 9, 3, 4, -1]);
        let places: Vec<_> = records.iter().map(|record| (record.offset, record.sequence)).collect();
        assert_eq!(places, [(42, 100), (43, 101), (44, 102), (45, 103), (46, 104)]);
        let headers = &records[4].headers;
        assert_eq!((&headers[0].key[..], &headers[1].key[..]), (&b"h"[..], &b"h"[..]));
        assert_eq!((headers[2].value.as_deref(), headers[3].value.as_deref()), (None, Some(&b""[..])));
    }
}

#[test]
fn ten_thousand_records_survive_every_codec() {
    for codec in Compression::ALL {
        let mut builder = BatchBuilder::new(codec, TimestampType::CreateTime);
        for index in 0..10_000i64 {
            let key = index.to_string();
            builder.add(index, Some(key.as_bytes()), Some(&[b'x'; 100]), &[]);
        }
        let batch = builder.build(1000, 0).unwrap().freeze();
        let records = collect(&batch).unwrap();
        assert_eq!(records.len(), 10_000);
        for (index, record) in records.iter().enumerate() {
            assert_eq!((record.offset, record.timestamp), (1000 + index as i64, index as i64));
            assert_eq!(record.key.as_deref(), Some(index.to_string().as_bytes()));
        }
        assert_eq!(scan(&batch).unwrap(), records);
    }
}

#[test]
fn uncompressed_records_share_the_bytes_of_the_batch() {
    let batch = sample_batch(Compression::None);
    let range = batch.as_ptr_range();
    let value = collect(&batch).unwrap()[0].value.clone().unwrap();
    assert!(range.contains(&value.as_ptr()));
}

#[test]
fn a_record_larger_than_the_read_ahead_is_scanned_whole() {
    for codec in Compression::ALL {
        let large: Vec<u8> = (0..300_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut builder = BatchBuilder::new(codec, TimestampType::CreateTime);
        builder.add(0, None, Some(b"small"), &[]).add(0, None, Some(&large), &[]).add(0, None, Some(b"after"), &[]);
        let batch = builder.build(0, 0).unwrap().freeze();
        let records = scan(&batch).unwrap();
        assert_eq!(records[1].value.as_deref(), Some(&large[..]));
        assert_eq!(records[2].value.as_deref(), Some(&b"after"[..]));
        assert_eq!(collect(&batch).unwrap(), records);
    }
}

#[test]
fn scanning_stops_where_it_is_told_to() {
    let batch = sample_batch(Compression::Gzip);
    let found = scan_records(&batch, DecompressionLimit::default(), |record| match record.key {
        None => ControlFlow::Break((record.offset, record.size_bytes, record.headers.is_empty())),
        Some(_) => ControlFlow::Continue(()),
    });
    assert_eq!(found, Ok(ControlFlow::Break((43, 13, true))));
}

#[test]
fn a_compacted_batch_keeps_offsets_and_range() {
    let source = sample_batch(Compression::Snappy);
    let mut builder = BatchBuilder::new(Compression::Zstd, TimestampType::CreateTime)
        .producer(7, 3, 100)
        .last_offset_delta(4)
        .delete_horizon(1_700_000_500_000);
    let flow = scan_records(&source, DecompressionLimit::default(), |record| {
        if record.key.is_some() && record.offset_delta != 0 && record.offset_delta != 4 {
            builder.copy_at(record.offset_delta, &record);
        }
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(flow, Ok(ControlFlow::Continue(())));
    let compacted = builder.build(42, 6).unwrap().freeze();
    let header = BatchHeader::parse(&compacted).unwrap();
    assert_eq!((header.last_offset(), header.record_count), (46, 2));
    assert_eq!(header.delete_horizon_ms(), Some(1_700_000_500_000));
    assert_eq!(header.max_timestamp, 1_700_000_000_004);
    assert_eq!(collect(&compacted).unwrap(), collect(&source).unwrap()[2..4]);
}

#[test]
fn copied_headers_stay_as_they_were() {
    let source = sample_batch(Compression::None);
    let mut builder = BatchBuilder::new(Compression::Lz4, TimestampType::CreateTime).producer(7, 3, 100);
    let flow = scan_records(&source, DecompressionLimit::default(), |record| {
        builder.copy_at(record.offset_delta, &record);
        ControlFlow::<()>::Continue(())
    });
    assert!(flow.is_ok());
    assert_eq!(collect(&builder.build(42, 0).unwrap().freeze()).unwrap(), collect(&source).unwrap());
}

#[test]
fn an_emptied_batch_has_no_records_but_its_range() {
    let builder = BatchBuilder::new(Compression::Zstd, TimestampType::CreateTime)
        .producer(9, 1, 20)
        .last_offset_delta(7)
        .max_timestamp(555);
    let batch = builder.build(100, 2).unwrap().freeze();
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!((batch.len(), header.next_offset(), header.last_sequence()), (BATCH_HEADER_SIZE, 108, 27));
    assert_eq!((header.base_timestamp, header.max_timestamp), (555, 555));
    assert_eq!(header.compression(), Ok(Compression::None));
    assert_eq!((collect(&batch), scan(&batch)), (Ok(vec![]), Ok(vec![])));
}

#[test]
fn the_builder_reports_what_cannot_be_written() {
    let new = || BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    assert_eq!(new().build(0, 0).unwrap_err(), BuildError::Empty);
    let mut builder = new();
    builder.add_at(3, 0, None, None, &[]).add_at(3, 0, None, None, &[]);
    assert_eq!(builder.build(0, 0).unwrap_err(), BuildError::OffsetDeltaOrder { delta: 3, previous: 3 });
    let mut builder = new().last_offset_delta(2);
    builder.add_at(3, 0, None, None, &[]);
    assert_eq!(builder.build(0, 0).unwrap_err(), BuildError::LastOffsetDelta { last: 2, delta: 3 });
    let mut builder = new();
    builder.add(i64::MIN, None, None, &[]).add(1, None, None, &[]);
    assert!(matches!(builder.build(0, 0).unwrap_err(), BuildError::TimestampOverflow { timestamp: 1, .. }));
}

#[test]
fn a_wrong_record_count_is_an_error() {
    let content = sample_batch(Compression::None).slice(BATCH_HEADER_SIZE..);
    assert_eq!(malformed(&content, 6), RecordFault::Truncated);
    assert_eq!(malformed(&content, i32::MAX), RecordFault::Truncated);
    for codec in Compression::ALL {
        let fewer = raw_batch(codec, 4, &compress(codec, &content).unwrap());
        assert_eq!(collect(&fewer), Err(RecordError::TrailingBytes { base_offset: 0, count: 4 }));
        assert_eq!(scan(&fewer), Err(RecordError::TrailingBytes { base_offset: 0, count: 4 }));
        let more = raw_batch(codec, 6, &compress(codec, &content).unwrap());
        assert!(matches!(scan(&more), Err(RecordError::Malformed { index: 5, fault: RecordFault::Truncated, .. })));
    }
}

#[test]
fn records_end_after_the_first_error() {
    let batch = raw_batch(Compression::None, 3, &[framed(&[0, 0, 0, 1, 1, 0]), vec![0xff; 20]].concat());
    let results: Vec<_> = read_records(&batch, DecompressionLimit::default()).unwrap().collect();
    assert_eq!((results.len(), results[0].is_ok(), results[1].is_err()), (2, true, true));
}

#[test]
fn malformed_records_are_errors_with_the_reason() {
    assert_eq!(malformed(&[], 1), RecordFault::Truncated);
    assert_eq!(malformed(&[0x80; 4], 1), RecordFault::Truncated);
    assert_eq!(malformed(&[0x80; 5], 1), RecordFault::VarintTooLong);
    assert_eq!(malformed(&[0x01], 1), RecordFault::NegativeLength(-1));
    assert_eq!(malformed(&[0xfe, 0xff, 0xff, 0xff, 0x0f], 1), RecordFault::Truncated);
    // attributes, timestamp delta, offset delta, key length, value length, header count
    assert_eq!(malformed(&framed(&[]), 1), RecordFault::Truncated);
    assert_eq!(malformed(&framed(&[0, 0, 0, 1, 1]), 1), RecordFault::Truncated);
    assert_eq!(malformed(&framed(&[0, 0, 0, 1, 1, 0, 9, 9]), 1), RecordFault::LeftOver(2));
    assert_eq!(malformed(&framed(&[0, 0, 0, 20, 1, 0]), 1), RecordFault::Truncated);
    assert_eq!(malformed(&framed(&[0, 0, 0, 1, 1, 1]), 1), RecordFault::BadHeaderCount(-1));
    assert_eq!(malformed(&framed(&[0, 0, 0, 1, 1, 2]), 1), RecordFault::BadHeaderCount(1));
    let many_headers = [0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0];
    assert_eq!(malformed(&framed(&many_headers), 1), RecordFault::BadHeaderCount(i32::MAX));
    assert_eq!(malformed(&framed(&[0, 0, 0, 1, 1, 2, 1, 0]), 1), RecordFault::NullHeaderKey);
    let mut long_timestamp = vec![0];
    long_timestamp.extend([0xff; 10]);
    assert_eq!(malformed(&framed(&long_timestamp), 1), RecordFault::VarintTooLong);
}

#[test]
fn offset_deltas_must_increase_within_the_batch() {
    let record = |delta: u8| framed(&[0, 0, delta << 1, 1, 1, 0]);
    let fault = |delta, above| RecordFault::BadOffsetDelta { delta, above, last: 1 };
    assert_eq!(malformed(&[record(0), record(0)].concat(), 2), fault(0, 0));
    assert_eq!(malformed(&[record(1), record(0)].concat(), 2), fault(0, 1));
    assert_eq!(malformed(&[record(0), record(2)].concat(), 2), fault(2, 0));
    assert_eq!(malformed(&[framed(&[0, 0, 1, 1, 1, 0]), record(0)].concat(), 2), fault(-1, -1));
}

#[test]
fn a_timestamp_that_overflows_is_an_error() {
    let mut body = vec![0];
    write_varlong(&mut body, i64::MAX);
    body.extend([0, 1, 1, 0]);
    let mut batch = raw_batch(Compression::None, 1, &framed(&body)).to_vec();
    batch[27..35].copy_from_slice(&1i64.to_be_bytes());
    let error = scan(&batch).unwrap_err();
    assert!(matches!(error, RecordError::Malformed { fault: RecordFault::TimestampOverflow, .. }));
    assert_eq!(error.to_string(), "record 0 of batch at offset 0: its timestamp overflows");
}

#[test]
fn a_truncated_batch_is_refused() {
    let batch = sample_batch(Compression::Gzip);
    for size in 0..batch.len() {
        assert!(matches!(collect(&batch.slice(..size)), Err(RecordError::Batch(BatchError::Truncated { .. }))));
    }
    let with_tail = [&batch[..], b"next batch"].concat();
    assert_eq!(scan(&with_tail), collect(&batch));
}
