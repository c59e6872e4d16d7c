//! Small data that expands to much: refused at the limit, soon, and without the memory it asks for.

use std::time::{Duration, Instant};

use super::{super::varint::write_varint, *};

const GIB: usize = 1 << 30;
const MIB: usize = 1 << 20;

/// Zeros, compressed in pieces that decoders take one after the other.
fn bomb(codec: Compression, piece_size: usize, size: usize) -> Vec<u8> {
    compress(codec, &vec![0; piece_size]).unwrap().repeat(size.div_ceil(piece_size))
}

#[track_caller]
fn assert_refused(codec: Compression, bomb: &[u8]) {
    let started = Instant::now();
    let limit = DecompressionLimit::default();
    let allowed = limit.allowed_bytes(bomb.len());
    let expected = DecompressError::TooLarge { codec, compressed: bomb.len(), allowed };
    assert_eq!(decompress_bounded(codec, bomb, limit).map(|b| b.len()), Err(expected.clone()));
    let batch = raw_batch(codec, 1, bomb);
    assert_eq!(collect(&batch), Err(RecordError::Decompress(expected)));
    // Generous, for unoptimised builds on a busy machine; what counts is that it does not take minutes.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn zstd_64_kib_that_expand_to_two_gib_are_refused() {
    let bomb = bomb(Compression::Zstd, 16 * MIB, 2 * GIB);
    assert!(bomb.len() < 80 * 1024, "{}", bomb.len());
    assert_refused(Compression::Zstd, &bomb);
}

#[test]
fn gzip_bombs_are_refused() {
    // Deflate expands a thousandfold at most, so 64 KiB cannot become more than 64 MiB.
    let small = bomb(Compression::Gzip, MIB, 63 * MIB);
    assert!(small.len() <= 68 * 1024, "{}", small.len());
    assert_refused(Compression::Gzip, &small);
    assert_refused(Compression::Gzip, &small.repeat(17)); // more than 1 GiB
}

#[test]
fn lz4_and_snappy_bombs_are_refused_by_size() {
    let limit = DecompressionLimit::bytes(MIB);
    for codec in [Compression::Lz4, Compression::Snappy] {
        let bomb = compress(codec, &vec![0; 8 * MIB]).unwrap();
        let refused = decompress_bounded(codec, &bomb, limit);
        assert_eq!(refused, Err(DecompressError::TooLarge { codec, compressed: bomb.len(), allowed: MIB }));
    }
}

#[test]
fn a_snappy_block_that_declares_gigabytes_is_refused_unread() {
    let lie = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, b'x'];
    let refused = decompress_bounded(Compression::Snappy, &lie, DecompressionLimit::bytes(usize::MAX));
    assert!(matches!(refused, Err(DecompressError::Corrupt { .. })));
    let honest = snap::raw::Encoder::new().compress_vec(&vec![0; 2 * MIB]).unwrap();
    let refused = decompress_bounded(Compression::Snappy, &honest, DecompressionLimit::bytes(MIB));
    assert!(matches!(refused, Err(DecompressError::TooLarge { .. })));
}

#[test]
fn a_bomb_inside_one_record_is_refused_while_scanning() {
    let mut content = Vec::new();
    write_varint(&mut content, i32::MAX);
    content.resize(40 * MIB, 0);
    let batch = raw_batch(Compression::Zstd, 1, &compress(Compression::Zstd, &content).unwrap());
    let limit = DecompressionLimit { max_bytes: 4 * MIB, max_ratio: 100 };
    let result = scan_records(&batch, limit, |_| ControlFlow::<()>::Continue(()));
    assert!(
        matches!(result, Err(RecordError::Decompress(DecompressError::TooLarge { allowed, .. })) if allowed == 4 * MIB)
    );
}

#[test]
fn many_records_of_a_bomb_are_scanned_only_up_to_the_limit() {
    let record = [12, 0, 0, 0, 1, 1, 0];
    let batch = raw_batch(Compression::Zstd, 1, &compress(Compression::Zstd, &record.repeat(MIB)).unwrap());
    assert!(scan(&batch).is_err());
    let found = scan_records(&batch, DecompressionLimit::default(), |record| ControlFlow::Break(record.offset));
    assert_eq!(found, Ok(ControlFlow::Break(0)), "stopping early needs only the beginning");
}

#[test]
fn the_limit_is_exact() {
    for codec in Compression::ALL {
        let compressed = compress(codec, &[7; 1000]).unwrap();
        assert_eq!(decompress_bounded(codec, &compressed, DecompressionLimit::bytes(1000)), Ok(vec![7; 1000]));
        let refused = decompress_bounded(codec, &compressed, DecompressionLimit::bytes(999));
        assert!(matches!(refused, Err(DecompressError::TooLarge { allowed: 999, .. })), "{codec}");
    }
}

#[test]
fn the_ratio_counts_only_beyond_the_free_bytes() {
    let limit = DecompressionLimit { max_bytes: GIB, max_ratio: 10 };
    assert_eq!(limit.allowed_bytes(100), 16 * MIB);
    assert_eq!(limit.allowed_bytes(10 * MIB), 100 * MIB);
    assert_eq!(limit.allowed_bytes(GIB), GIB);
    assert_eq!(DecompressionLimit { max_bytes: 5, max_ratio: 10 }.allowed_bytes(100), 5);
}
