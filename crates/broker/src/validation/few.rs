//! A quick look at few, ordinary, uncompressed records. Whatever is out of the ordinary is left to the full survey.

use std::ops::RangeInclusive;

/// The least and the largest timestamp delta of exactly `count` records, if they are plain ones. What is in
/// their headers is not looked at.
pub(super) fn timestamp_deltas(mut records: &[u8], count: i32) -> Option<RangeInclusive<i64>> {
    let (mut least, mut largest) = (i64::MAX, i64::MIN);
    for _ in 0..count {
        let length = usize::try_from(varint(&mut records)?).ok()?;
        let (mut record, rest) = records.split_at_checked(length)?;
        records = rest;
        let (_attributes, fields) = record.split_first()?;
        record = fields;
        let timestamp = varint(&mut record)?;
        let _offset = varint(&mut record)?;
        skip_bytes(&mut record)?;
        skip_bytes(&mut record)?;
        let headers = usize::try_from(varint(&mut record)?).ok()?;
        if record.len() < 2 * headers || (headers == 0 && !record.is_empty()) {
            return None;
        }
        (least, largest) = (least.min(timestamp), largest.max(timestamp));
    }
    records.is_empty().then_some(least..=largest)
}

/// Skips a key or a value; any negative length is that of none.
#[inline]
fn skip_bytes(record: &mut &[u8]) -> Option<()> {
    if let Ok(length) = usize::try_from(varint(record)?) {
        *record = record.split_at_checked(length)?.1;
    }
    Some(())
}

/// A variable-length integer of at most four bytes, which is what ordinary records have.
#[inline]
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= i64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1) ^ -(value & 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use barnabas_protocol::records::{BATCH_HEADER_SIZE, BatchBuilder, Compression, RecordHeader, TimestampType};

    use super::timestamp_deltas;

    /// Records of a batch with these timestamps, keys, values and headers of some kinds.
    fn records(times: &[i64]) -> Vec<u8> {
        let mut builder = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
        let headers = [RecordHeader::new("trace", Some("on")), RecordHeader::new("none", None::<&str>)];
        for (index, time) in times.iter().enumerate() {
            let key = (index % 2 == 0).then_some(&b"key"[..]);
            let value = (index % 3 != 1).then(|| vec![7; index * 100]);
            builder.add(*time, key, value.as_deref(), &headers[..index % 3]);
        }
        builder.build(0, -1).unwrap()[BATCH_HEADER_SIZE..].to_vec()
    }

    #[test]
    fn ordinary_records_are_read() {
        assert_eq!(timestamp_deltas(&records(&[5000]), 1), Some(0..=0));
        assert_eq!(timestamp_deltas(&records(&[5000, 4900, 5300, 5000, 5001, 5000, 5000]), 7), Some(-100..=300));
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_not() {
        let good = records(&[5000, 4900, 5300]);
        for count in [0, 1, 2, 4, i32::MAX] {
            assert_eq!(timestamp_deltas(&good, count).filter(|_| count > 0), None, "{count} records");
        }
        for end in 0..good.len() {
            assert_eq!(timestamp_deltas(&good[..end], 3), None, "cut to {end} bytes");
        }
        assert_eq!(timestamp_deltas(&[good, vec![0]].concat(), 3), None, "a byte too many");
        assert_eq!(timestamp_deltas(&records(&[0, 1 << 40]), 2), None, "longer than ordinary numbers");
        assert_eq!(timestamp_deltas(&[1, 0, 0, 0, 0, 0, 0], 1), None, "a negative length");
        assert_eq!(timestamp_deltas(&[14, 0, 0, 0, 1, 1, 0, 9], 1), None, "a byte left over");
    }
}
