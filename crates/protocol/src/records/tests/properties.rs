//! Properties over generated records and generated damage.

use proptest::{collection::vec, option, prelude::*};

use super::{
    super::varint::{read_varint, read_varlong, write_varint, write_varlong},
    *,
};

type Shape = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

fn record_shape() -> impl Strategy<Value = Shape> {
    let bytes = || option::of(vec(any::<u8>(), 0..200));
    (-1i64..1 << 50, bytes(), bytes(), vec(("[a-c]{0,3}", bytes()), 0..4))
}

fn build(codec: Compression, shapes: &[Shape]) -> Bytes {
    let mut builder = BatchBuilder::new(codec, TimestampType::CreateTime);
    for (timestamp, key, value, headers) in shapes {
        let headers: Vec<_> =
            headers.iter().map(|(key, value)| RecordHeader::new(key.clone(), value.clone())).collect();
        builder.add(*timestamp, key.as_deref(), value.as_deref(), &headers);
    }
    builder.build(5, 1).expect("builds").freeze()
}

fn codec() -> impl Strategy<Value = Compression> {
    proptest::sample::select(Compression::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_built_is_read(codec in codec(), shapes in vec(record_shape(), 1..40)) {
        let batch = build(codec, &shapes);
        prop_assert!(crc_is_valid(&batch));
        let records = collect(&batch).unwrap();
        prop_assert_eq!(&scan(&batch).unwrap(), &records);
        prop_assert_eq!(records.len(), shapes.len());
        for (record, (timestamp, key, value, headers)) in records.iter().zip(&shapes) {
            prop_assert_eq!(record.timestamp, *timestamp);
            prop_assert_eq!(record.key.as_deref(), key.as_deref());
            prop_assert_eq!(record.value.as_deref(), value.as_deref());
            let read: Vec<_> = record
                .headers
                .iter()
                .map(|header| (String::from_utf8(header.key.to_vec()).unwrap(), header.value.as_ref().map(|v| v.to_vec())))
                .collect();
            prop_assert_eq!(&read, headers);
        }
    }

    #[test]
    fn damage_never_panics(
        codec in codec(),
        shapes in vec(record_shape(), 1..10),
        damage in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = build(codec, &shapes).to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fuzz_one(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        fuzz_one(&bytes);
    }

    #[test]
    fn varints_round_trip(int in any::<i32>(), long in any::<i64>()) {
        let mut bytes = Vec::new();
        write_varint(&mut bytes, int);
        prop_assert_eq!(read_varint(&bytes), Ok((int, bytes.len())));
        bytes.clear();
        write_varlong(&mut bytes, long);
        prop_assert_eq!(read_varlong(&bytes), Ok((long, bytes.len())));
    }
}
