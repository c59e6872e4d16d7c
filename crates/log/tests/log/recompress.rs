//! Batches that are stored in another codec than their producer's.

use barnabas_log::{LogConfig, recompress_records};
use barnabas_protocol::records::{
    BatchBuilder, BatchHeader, Codec, Compression, DecompressionLimit, TimestampType, read_records,
};
use bytes::BytesMut;

use crate::support::*;

fn at(codec: Compression, times: &[i64]) -> BytesMut {
    let mut builder = BatchBuilder::new(codec, TimestampType::CreateTime);
    for time in times {
        builder.add(*time, Some(b"k"), Some(b"v"), &[]);
    }
    builder.build(0, -1).unwrap()
}

fn to(compression: Compression) -> Codec {
    Codec { compression, level: None }
}

#[test]
fn what_is_written_anew_is_appended_and_read() {
    for from in Compression::ALL {
        for wanted in Compression::ALL {
            let batch = at(from, &[NOW_MS, NOW_MS - 9]);
            let limit = DecompressionLimit::default();
            let written = recompress_records(&batch, to(wanted), limit).unwrap();
            let mut log = open(&barnabas_common::vfs::MemVfs::new(), &LogConfig::default());
            append(&mut log, written).unwrap();
            let stored = read_all(&log).unwrap().remove(0);
            assert_eq!(BatchHeader::parse(&stored).unwrap().compression(), Ok(wanted));
            let times: Vec<i64> =
                read_records(&stored, limit).unwrap().map(|record| record.unwrap().timestamp).collect();
            assert_eq!(times, [NOW_MS, NOW_MS - 9]);
        }
    }
}
