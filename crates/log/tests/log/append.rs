//! What an append accepts, what it writes and with which error it refuses.

use barnabas_common::vfs::MemVfs;
use barnabas_log::{AppendOrigin, LogConfig};
use barnabas_protocol::records::{BatchHeader, Compression, TimestampType};
use bytes::BytesMut;

use crate::support::*;

fn refused(batch: BytesMut) -> i16 {
    append_code(&mut open(&MemVfs::new(), &LogConfig::default()), batch)
}

/// A batch with one byte changed and, if asked for, its CRC made right again.
fn patched(at: usize, value: &[u8], fix_crc: bool) -> BytesMut {
    let mut batch = batch(2);
    batch[at..at + value.len()].copy_from_slice(value);
    if fix_crc {
        let crc = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    batch
}

#[test]
fn offsets_and_epoch_are_assigned_and_the_rest_is_kept() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    let info = append(&mut log, batch(3)).unwrap();
    assert_eq!((info.first_offset, info.last_offset, info.log_append_time, info.record_count), (0, 2, -1, 3));
    let sent = batch(2);
    let mut appended = sent.clone();
    let info = log.append_as_leader(&mut appended, 7, NOW_MS, AppendOrigin::Client).unwrap();
    assert_eq!((info.first_offset, info.last_offset, info.leader_epoch), (3, 4, 7));
    let stored = &read_all(&log).unwrap()[1];
    assert_eq!(stored[16..], sent[16..]);
    let header = BatchHeader::parse(stored).unwrap();
    assert_eq!((header.base_offset, header.partition_leader_epoch), (3, 7));
    assert_eq!((log.latest_epoch(), log.end_offset_for_epoch(0)), (Some(7), (0, 3)));
}

#[test]
fn each_fault_has_its_error() {
    assert_eq!(refused(patched(0, &[0, 0, 0, 0, 0, 0, 0, 1], false)), 87, "base offset not 0");
    assert_eq!(refused(patched(16, &[0], false)), 87, "magic 0");
    assert_eq!(refused(patched(16, &[1], false)), 87, "magic 1");
    assert_eq!(refused(patched(16, &[3], false)), 2, "magic 3");
    assert_eq!(refused(patched(70, &[0xff], false)), 2, "wrong CRC");
    assert_eq!(refused(patched(57, &[0, 0, 0, 9], true)), 87, "record count");
    assert_eq!(refused(patched(57, &[0xff; 4], true)), 87, "negative record count");
    assert_eq!(refused(patched(57, &[0xff; 4], false)), 2, "negative record count, CRC wrong");
    assert_eq!(refused(patched(22, &[5], true)), -1, "unknown codec");
    assert_eq!(refused(patched(22, &[0x20], true)), 87, "control batch");
    assert_eq!(refused(patched(22, &[0x08], true)), 32, "marked as LogAppendTime");
    assert_eq!(refused(patched(8, &[0, 0, 0, 5], false)), 2, "length too small");
    assert_eq!(refused(patched(8, &[0, 1, 0, 0], false)), 87, "cut short: no batch at all");
    assert_eq!(refused(producer_batch(4, 0, -1, 1)), 87, "producer id without sequence");
    assert_eq!(refused(BytesMut::new()), 87, "nothing");
    let mut two = batch(1);
    two.extend_from_slice(&batch(1));
    assert_eq!(refused(two), 87, "two batches");
    assert_eq!(refused(sized_batch(1, NOW_MS, 1_048_588)), 10, "max.message.bytes");
    assert_eq!(refused(sized_batch(1, NOW_MS + 3_600_001, 1)), 32, "an hour ahead");
    for good in [
        batch(1),
        sized_batch(1, -5, 1),
        sized_batch(1, -1, 1),
        sized_batch(1, 0, 1),
        sized_batch(1, NOW_MS + 3_600_000, 1),
    ] {
        assert_eq!(refused(good), 0);
    }
}

/// A batch of one record that claims `count` of them.
fn claiming(compression: Compression, count: i32) -> BytesMut {
    let builder = barnabas_protocol::records::BatchBuilder::new(compression, TimestampType::CreateTime);
    let mut batch = fill(builder, 1, NOW_MS, 9);
    batch[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    batch[57..61].copy_from_slice(&count.to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

#[test]
fn more_records_than_the_bytes_can_hold_burn_no_offsets() {
    for compression in Compression::ALL {
        let mut log = open(&MemVfs::new(), &LogConfig::default());
        assert_eq!(append_code(&mut log, claiming(compression, i32::MAX)), 87, "{compression}");
        assert_eq!(append_code(&mut log, claiming(compression, 100_000)), 87, "{compression}");
        assert_eq!(log.log_end_offset(), 0);
    }
    assert_eq!(refused(claiming(Compression::None, 4)), 87, "four records in 20 bytes");
}

/// The smallest records there are, as many as fit, by every codec.
#[test]
fn as_many_records_as_the_bytes_can_hold_are_accepted() {
    for compression in Compression::ALL {
        for count in [1, 8, 64, 20_000] {
            let mut builder = barnabas_protocol::records::BatchBuilder::new(compression, TimestampType::CreateTime);
            for _ in 0..count {
                builder.add(NOW_MS, None, None, &[]);
            }
            assert_eq!(refused(builder.build(0, -1).unwrap()), 0, "{count} records, {compression}");
        }
    }
}

#[test]
fn a_batch_must_fit_a_segment() {
    let mut log = open(&MemVfs::new(), &small_segments());
    assert_eq!(append_code(&mut log, sized_batch(1, NOW_MS, 1000)), 18);
    assert_eq!(append_code(&mut log, sized_batch(1, NOW_MS, 900)), 0);
}

#[test]
fn timestamps_before_the_limit_are_refused_when_there_is_one() {
    let config = LogConfig { message_timestamp_before_max_ms: 1000, ..LogConfig::default() };
    let mut log = open(&MemVfs::new(), &config);
    assert_eq!(append_code(&mut log, sized_batch(1, NOW_MS - 1001, 1)), 32);
    assert_eq!(append_code(&mut log, sized_batch(1, NOW_MS - 1000, 1)), 0);
}

#[test]
fn log_append_time_stamps_the_batch_and_says_so() {
    let config = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
    let mut log = open(&MemVfs::new(), &config);
    let info = append(&mut log, sized_batch(2, NOW_MS + 86_400_000, 10)).unwrap();
    assert_eq!(info.log_append_time, NOW_MS);
    let stored = &read_all(&log).unwrap()[0];
    let header = BatchHeader::parse(stored).unwrap();
    assert_eq!((header.max_timestamp, header.timestamp_type()), (NOW_MS, TimestampType::LogAppendTime));
}

#[test]
fn coordinators_append_several_batches_and_control_batches() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    let mut batches = batch(2);
    batches.extend_from_slice(&fill(builder().control(true), 1, NOW_MS, 6));
    let info = log.append_as_leader(&mut batches, 1, NOW_MS, AppendOrigin::Coordinator).unwrap();
    assert_eq!((info.first_offset, info.last_offset), (0, 2));
}

#[test]
fn a_follower_keeps_offsets_and_epochs_and_may_skip_some() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    let mut builder = builder();
    builder.add(NOW_MS, None, Some(b"v"), &[]);
    let fetched = builder.build(10, 3).unwrap();
    log.append_as_follower(&fetched, NOW_MS).unwrap();
    assert_eq!((log.log_end_offset(), log.latest_epoch()), (11, Some(3)));
    assert!(log.append_as_follower(&fetched, NOW_MS).is_err(), "not twice");
}
