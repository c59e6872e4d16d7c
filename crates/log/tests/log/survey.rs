//! What is found out from the records of a batch when they are looked at.

use barnabas_log::{LogConfig, MAX_NAMED_RECORDS, RecordRules, survey_records, times_are_present};
use barnabas_protocol::records::{BatchBuilder, BatchHeader, Compression, DecompressionLimit, TimestampType};
use bytes::BytesMut;

use crate::support::*;

const KEYS: RecordRules = RecordRules { needs_keys: true, times: None };

/// Records of these times in a batch whose header says that the latest is of the year 1970.
fn lying(compression: Compression, times: &[i64]) -> BytesMut {
    let mut builder = BatchBuilder::new(compression, TimestampType::CreateTime).max_timestamp(1);
    for time in times {
        builder.add(*time, Some(b"k"), Some(b"v"), &[]);
    }
    builder.build(0, -1).unwrap()
}

fn survey(batch: &[u8], rules: &RecordRules) -> Result<i64, (i16, Vec<i32>)> {
    let times = survey_records(batch, rules, DecompressionLimit::default());
    times.map(|times| times.latest).map_err(|error| {
        (error.error_code().code(), error.record_errors().iter().map(|record| record.batch_index).collect())
    })
}

#[test]
fn the_largest_time_is_that_of_the_records() {
    for codec in Compression::ALL {
        assert_eq!(survey(&lying(codec, &[5, NOW_MS, 7]), &RecordRules::default()), Ok(NOW_MS), "{codec}");
        assert_eq!(survey(&lying(codec, &[-1]), &RecordRules::default()), Ok(-1), "{codec}");
    }
}

#[test]
fn compacted_topics_refuse_records_without_key_and_name_them() {
    for codec in Compression::ALL {
        let mut builder = BatchBuilder::new(codec, TimestampType::CreateTime);
        for key in [Some(&b"k"[..]), None, Some(b""), None] {
            builder.add(NOW_MS, key, Some(b"v"), &[]);
        }
        assert_eq!(survey(&builder.build(0, 0).unwrap(), &KEYS), Err((87, vec![1, 3])));
    }
    assert_eq!(survey(&batch(3), &KEYS), Ok(NOW_MS));
}

#[test]
fn no_more_records_without_key_are_named_than_help() {
    let mut builder = builder();
    for _ in 0..5000 {
        builder.add(NOW_MS, None, Some(b"v"), &[]);
    }
    let named: Vec<i32> = (0..).take(MAX_NAMED_RECORDS).collect();
    assert_eq!(survey(&builder.build(0, 0).unwrap(), &KEYS), Err((87, named)));
}

#[test]
fn records_from_a_wrong_time_are_named() {
    let rules = RecordRules { needs_keys: false, times: Some(NOW_MS - 10..=NOW_MS + 10) };
    let batch = lying(Compression::Lz4, &[NOW_MS - 10, NOW_MS - 11, -1, NOW_MS + 10, NOW_MS + 11]);
    assert_eq!(survey(&batch, &rules), Err((32, vec![1, 4])));
}

#[test]
fn what_is_no_record_is_refused_but_for_what_kafka_stores() {
    let good = lying(Compression::None, &[NOW_MS, NOW_MS + 3]);
    let with = |at: usize, byte: u8| {
        let mut batch = good.clone();
        batch[at] = byte;
        survey(&batch, &RecordRules::default())
    };
    assert_eq!(with(60, 3), Err((87, vec![])), "three records are declared");
    assert_eq!(with(60, 1), Err((87, vec![])), "one record is declared");
    assert_eq!(with(61, 0x7e), Err((87, vec![])), "a record longer than the batch");
    assert_eq!(with(61, 1), Err((87, vec![])), "a negative length");
    assert_eq!(with(63, 2), Ok(NOW_MS + 3), "other times");
    assert_eq!(with(64, 2), Ok(NOW_MS), "offsets out of order; what comes after them is not looked at");
    let mut garbage = lying(Compression::Gzip, &[NOW_MS]);
    garbage[61..].fill(0xde);
    assert_eq!(survey(&garbage, &RecordRules::default()), Err((-1, vec![])));
}

#[test]
fn only_times_near_the_present_are_trusted() {
    let header = |base: i64, max: i64| {
        let mut builder = builder().max_timestamp(max);
        builder.add(base, None, None, &[]);
        BatchHeader::parse(&builder.build(0, -1).unwrap()).unwrap()
    };
    let trusts =
        |config: &LogConfig, base: i64, max: i64| config.trusts_times(&header(NOW_MS + base, NOW_MS + max), NOW_MS);
    let week = LogConfig::default();
    let (hour, minute) = (3_600_000, 60_000);
    assert!(trusts(&week, -hour, hour) && trusts(&week, 0, 0));
    for (base, max) in [(-hour - 1, 0), (0, hour + 1), (0, -1), (-2 * hour, -2 * hour), (0, -NOW_MS), (1 - NOW_MS, 0)] {
        assert!(!trusts(&week, base, max), "{base} {max}");
    }
    let shorter = LogConfig { retention_ms: hour, ..LogConfig::default() };
    assert!(trusts(&shorter, -50_000, 0) && !trusts(&shorter, -minute, 0), "a small part of the retention time");
    let narrow = LogConfig { message_timestamp_before_max_ms: 100, ..LogConfig::default() };
    assert!(trusts(&narrow, -100, 0) && !trusts(&narrow, -101, 0));
    let stamping = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
    assert!(trusts(&stamping, 0, -NOW_MS), "its times are overwritten");
    assert!(times_are_present(&header(NOW_MS - 1000, NOW_MS + 1000), NOW_MS));
    assert!(!times_are_present(&header(NOW_MS - 1001, NOW_MS), NOW_MS));
}
