//! Batches as real clients sent them, taken from the log files of an Apache Kafka 4.3.1 broker: `tests/fixtures/`.
//! Clients: Java 4.3.1, librdkafka (kcat), kafka-python.

use std::{fs, path::PathBuf};

use super::*;

/// As records carry them.
type KeyAndValue<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

fn fixture(name: &str) -> Vec<Bytes> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.batches"));
    let bytes = Bytes::from(fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    let mut batches = split_batches(&bytes);
    let found = batches.by_ref().map(|item| bytes.slice_ref(item.unwrap().1)).collect();
    assert_eq!(batches.whole_bytes(), bytes.len());
    found
}

fn assert_java_records(records: &[Record], timestamp: impl Fn(i64) -> i64) {
    let shapes: Vec<_> =
        records.iter().take(5).map(|record| (record.key.as_deref(), record.value.as_deref())).collect();
    let expected: [KeyAndValue<'_>; 5] = [
        (Some(b"key"), Some(b"value")),
        (None, Some(b"no key")),
        (Some(b"tombstone"), None),
        (Some(b""), Some(b"")),
        (Some(b"headers"), Some(b"v")),
    ];
    assert_eq!(shapes, expected);
    for (index, (record, delta)) in records.iter().zip([0, 5, 3, 4, 10, 11]).enumerate() {
        assert_eq!((record.offset, record.sequence), (index as i64, index as i32));
        assert_eq!(record.timestamp, timestamp(1_700_000_000_000 + delta));
    }
    let headers: Vec<_> = records[4].headers.iter().map(|header| (&header.key[..], header.value.as_deref())).collect();
    let expected: [(&[u8], Option<&[u8]>); 5] =
        [(b"h", Some(b"1")), (b"h", Some(b"2")), (b"null", None), (b"empty", Some(b"")), (b"", Some(b"nameless"))];
    assert_eq!(headers, expected);
    if let Some(big) = records.get(5) {
        assert_eq!(big.value.as_deref(), Some(&b"abcdefgh".repeat(8750)[..]));
    }
}

#[test]
fn java_batches_of_every_codec() {
    for codec in Compression::ALL {
        let batches = fixture(&format!("java-{codec}"));
        assert_eq!(batches.len(), 1);
        let batch = &batches[0];
        assert!(crc_is_valid(batch));
        assert_eq!(BatchHeader::parse(batch).unwrap().compression(), Ok(codec));
        let records = collect(batch).unwrap();
        assert_eq!(scan(batch).unwrap(), records);
        assert_eq!(records.len(), if codec == Compression::None { 5 } else { 6 });
        assert_java_records(&records, |timestamp| timestamp);
    }
}

#[test]
fn librdkafka_and_python_batches_of_every_codec() {
    for client in ["rdkafka", "python"] {
        for codec in Compression::ALL.into_iter().filter(|codec| (client, codec.name()) != ("python", "none")) {
            let mut count = 0;
            for batch in fixture(&format!("{client}-{codec}")) {
                assert!(crc_is_valid(&batch));
                assert_eq!(BatchHeader::parse(&batch).unwrap().compression(), Ok(codec));
                let records = collect(&batch).unwrap();
                assert_eq!(scan(&batch).unwrap(), records);
                assert!(records.iter().all(|record| record.headers.len() == 2 && record.key.is_some()));
                count += records.len();
            }
            assert_eq!(count, 40, "{client} {codec}");
        }
    }
}

#[test]
fn append_time_as_kafka_stamps_it() {
    let batch = &fixture("java-appendtime")[0];
    let header = BatchHeader::parse(batch).unwrap();
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert_java_records(&collect(batch).unwrap(), |_| header.max_timestamp);
    // The same stamp put on what the client had sent gives the same bytes.
    let mut ours = fixture("java-lz4")[0].to_vec();
    ours[43..51].copy_from_slice(&header.producer_id.to_be_bytes());
    set_log_append_time(&mut ours, header.max_timestamp);
    assert_eq!(ours, batch[..]);
}

#[test]
fn a_committed_and_an_aborted_transaction() {
    let batches = fixture("java-txn");
    let headers: Vec<_> = batches.iter().map(|batch| BatchHeader::parse(batch).unwrap()).collect();
    assert!(headers.iter().all(|header| header.is_transactional()));
    let is_control: Vec<_> = headers.iter().map(|header| header.is_control()).collect();
    assert_eq!(is_control, [false, true, false, true]);
    assert_java_records(&collect(&batches[0]).unwrap(), |timestamp| timestamp);
    // Control record keys: version 0, then 1 for commit and 0 for abort.
    assert_eq!(collect(&batches[1]).unwrap()[0].key.as_deref(), Some(&[0, 0, 0, 1][..]));
    assert_eq!(collect(&batches[3]).unwrap()[0].key.as_deref(), Some(&[0, 0, 0, 0][..]));
}

#[test]
fn an_uncompressed_batch_is_rebuilt_byte_for_byte() {
    for name in ["java-none", "java-txn", "rdkafka-none"] {
        for batch in fixture(name) {
            let header = BatchHeader::parse(&batch).unwrap();
            let mut builder = BatchBuilder::new(Compression::None, header.timestamp_type())
                .producer(header.producer_id, header.producer_epoch, header.base_sequence)
                .transactional(header.is_transactional())
                .control(header.is_control());
            for record in collect(&batch).unwrap() {
                builder.add(record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers);
            }
            let rebuilt = builder.build(header.base_offset, header.partition_leader_epoch).unwrap();
            assert_eq!(rebuilt[..], batch[..], "{name}");
        }
    }
}
