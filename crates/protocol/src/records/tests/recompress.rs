//! Batches written anew in another codec: what is kept, what is put right, what is refused.

use super::*;

fn plainly(compression: Compression) -> Codec {
    Codec { compression, level: None }
}

fn all(_: RecordRef<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[track_caller]
fn recompressed(batch: &[u8], codec: Codec) -> Bytes {
    match recompress(batch, codec, DecompressionLimit::default(), all) {
        Ok(ControlFlow::Continue(written)) => written.freeze(),
        other => panic!("{codec:?}: {other:?}"),
    }
}

#[test]
fn from_every_codec_to_every_other_all_is_kept() {
    for from in Compression::ALL {
        let builders = [
            sample_builder(from),
            sample_builder(from).transactional(true),
            sample_builder(from).control(true).last_offset_delta(9),
        ];
        for builder in builders {
            let batch = builder.build(42, 5).unwrap().freeze();
            let header = BatchHeader::parse(&batch).unwrap();
            for to in Compression::ALL {
                let written = recompressed(&batch, plainly(to));
                assert!(crc_is_valid(&written));
                let expected = sample_like(&header, to, &written);
                assert_eq!(BatchHeader::parse(&written), Ok(expected));
                assert_eq!(collect(&written), collect(&batch), "{from} to {to}");
            }
        }
    }
}

/// The header that a batch must have in another codec.
fn sample_like(header: &BatchHeader, to: Compression, written: &Bytes) -> BatchHeader {
    let crc = crc32c::crc32c(&written[21..]);
    let batch_length = i32::try_from(written.len() - LOG_OVERHEAD).unwrap();
    BatchHeader { attributes: (header.attributes & !7) | to.id(), batch_length, crc, ..*header }
}

#[test]
fn back_in_the_same_codec_nothing_has_changed() {
    for compression in Compression::ALL {
        let batch = sample_batch(compression);
        assert_eq!(recompressed(&batch, plainly(compression)), batch, "{compression}");
    }
}

#[test]
fn a_false_max_timestamp_becomes_what_the_records_say() {
    let batch = sample_builder(Compression::Lz4).max_timestamp(5).build(0, 0).unwrap();
    let header = BatchHeader::parse(&recompressed(&batch, plainly(Compression::Zstd))).unwrap();
    assert_eq!(header.max_timestamp, 1_700_000_000_009);
}

#[test]
fn the_time_of_arrival_stays() {
    let mut batch = sample_builder(Compression::None).build(0, 0).unwrap();
    set_log_append_time(&mut batch, 77);
    let header = BatchHeader::parse(&recompressed(&batch, plainly(Compression::Gzip))).unwrap();
    assert_eq!((header.max_timestamp, header.timestamp_type()), (77, TimestampType::LogAppendTime));
}

#[test]
fn levels_count_for_gzip_and_zstd() {
    let mut builder = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    for n in 0..2000_u32 {
        builder.add(1, None, Some(format!("{n} {}", n.wrapping_mul(2_654_435_761)).as_bytes()), &[]);
    }
    let batch = builder.build(0, 0).unwrap();
    for (compression, weak, strong) in [(Compression::Gzip, 1, 9), (Compression::Zstd, -50, 19)] {
        let size = |level| recompressed(&batch, Codec { compression, level: Some(level) }).len();
        assert!(size(weak) > size(strong), "{compression}: {} and {}", size(weak), size(strong));
    }
}

#[test]
fn what_expands_too_far_or_is_damaged_is_refused() {
    let batch = sample_batch(Compression::Zstd);
    let result = recompress(&batch, plainly(Compression::None), DecompressionLimit::bytes(20), all);
    let too_large = RecordError::Decompress(DecompressError::TooLarge {
        codec: Compression::Zstd,
        compressed: batch.len() - BATCH_HEADER_SIZE,
        allowed: 20,
    });
    assert!(matches!(result, Err(RecompressError::Records(error)) if error == too_large));
    for compression in Compression::ALL {
        let mut damaged = sample_batch(compression).to_vec();
        damaged[57..61].copy_from_slice(&99_i32.to_be_bytes());
        let result = recompress(&damaged, plainly(Compression::Snappy), DecompressionLimit::default(), all);
        assert!(matches!(result, Err(RecompressError::Records(_))), "{compression}: {result:?}");
    }
}

#[test]
fn who_looks_at_the_records_can_stop() {
    let batch = sample_batch(Compression::Gzip);
    let result = recompress(&batch, plainly(Compression::Lz4), DecompressionLimit::default(), |record| {
        match record.value.is_none() {
            true => ControlFlow::Break(record.offset_delta),
            false => ControlFlow::Continue(()),
        }
    });
    assert!(matches!(result, Ok(ControlFlow::Break(2))));
}
