//! Codecs by themselves: names, framings that clients use, corrupt and cut-off data.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::*;

fn decompress(codec: Compression, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
    decompress_bounded(codec, bytes, DecompressionLimit::default())
}

fn sample_text(size: usize) -> Vec<u8> {
    (0..size).map(|n| b"the castle hill was hidden, veiled in mist "[n * n % 43]).collect()
}

#[track_caller]
fn assert_corrupt(codec: Compression, bytes: &[u8]) {
    let result = decompress(codec, bytes);
    assert!(matches!(result, Err(DecompressError::Corrupt { .. })), "{codec}: {:?}", result.map(|b| b.len()));
}

#[test]
fn ids_and_names_are_kafkas() {
    let names: Vec<_> = Compression::ALL.iter().map(|codec| (codec.id(), codec.to_string())).collect();
    let expected = [(0, "none"), (1, "gzip"), (2, "snappy"), (3, "lz4"), (4, "zstd")];
    assert_eq!(names, expected.map(|(id, name)| (id, name.to_owned())));
    assert_eq!("ZSTD".parse(), Ok(Compression::Zstd));
    assert_eq!("brotli".parse::<Compression>().unwrap_err().to_string(), "unknown compression type brotli");
}

#[test]
fn every_codec_gives_back_what_it_was_given() {
    for codec in Compression::ALL {
        for size in [0, 1, 100, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 1_000_000] {
            let text = sample_text(size);
            assert_eq!(decompress(codec, &compress(codec, &text).unwrap()).unwrap(), text, "{codec} {size}");
        }
    }
    for level in [-5, 1, 9, 22] {
        for codec in [Compression::Gzip, Compression::Zstd] {
            let compressed = compress_at_level(codec, Some(level), &sample_text(5000)).unwrap();
            assert_eq!(decompress(codec, &compressed).unwrap(), sample_text(5000));
        }
    }
}

#[test]
fn cut_off_data_is_corrupt_at_every_byte() {
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
        let compressed = compress(codec, &sample_text(70_000)).unwrap();
        for size in 1..compressed.len() {
            assert_corrupt(codec, &compressed[..size]);
        }
    }
}

#[test]
fn a_xerial_stream_cut_between_blocks_is_a_shorter_stream() {
    // It has no end mark; the record count of the batch tells that something is missing.
    let text = sample_text(70_000);
    let compressed = compress(Compression::Snappy, &text).unwrap();
    let readable: Vec<_> =
        (8..compressed.len()).filter_map(|size| decompress(Compression::Snappy, &compressed[..size]).ok()).collect();
    assert_eq!(readable, [&text[..0], &text[..32 * 1024], &text[..64 * 1024]]);
}

#[test]
fn damaged_data_never_panics() {
    for codec in Compression::ALL {
        let compressed = compress(codec, &sample_text(3000)).unwrap();
        for at in 0..compressed.len() {
            for bit in 0..8 {
                let mut damaged = compressed.clone();
                damaged[at] ^= 1 << bit;
                let _ = decompress(codec, &damaged);
            }
        }
    }
}

#[test]
fn gzip_members_follow_each_other_and_trailing_bytes_are_ignored() {
    let members =
        [compress(Compression::Gzip, b"one ").unwrap(), compress(Compression::Gzip, b"two").unwrap()].concat();
    assert_eq!(decompress(Compression::Gzip, &members).unwrap(), b"one two");
    assert_eq!(decompress(Compression::Gzip, &[&members[..], &[0; 9]].concat()).unwrap(), b"one two");
    assert_corrupt(Compression::Gzip, &[&members[..], &[0x1f, 0x8b, 9]].concat());
}

#[test]
fn gzip_checks_its_checksum() {
    let mut bytes = compress(Compression::Gzip, &sample_text(500)).unwrap();
    let at = bytes.len() - 8;
    bytes[at] ^= 1;
    assert_corrupt(Compression::Gzip, &bytes);
}

fn xerial(versions: [u8; 8], blocks: &[&[u8]]) -> Vec<u8> {
    let mut stream = b"\x82SNAPPY\0".to_vec();
    stream.extend(versions);
    for block in blocks {
        let block = snap::raw::Encoder::new().compress_vec(block).unwrap();
        stream.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
        stream.extend(block);
    }
    stream
}

#[test]
fn snappy_with_and_without_xerial_framing() {
    let raw = snap::raw::Encoder::new().compress_vec(&sample_text(100_000)).unwrap();
    assert_eq!(decompress(Compression::Snappy, &raw).unwrap(), sample_text(100_000));
    // Java; a writer with the other byte order; no versions at all; anything.
    for versions in [[0, 0, 0, 1, 0, 0, 0, 1], [1, 0, 0, 0, 1, 0, 0, 0], [0; 8], [0xff; 8]] {
        let stream = xerial(versions, &[b"one ", b"", b"two ", b"three"]);
        assert_eq!(decompress(Compression::Snappy, &stream).unwrap(), b"one two three");
    }
    let java = compress(Compression::Snappy, b"x").unwrap();
    assert_eq!(java[..16], *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
}

#[test]
fn xerial_streams_may_follow_each_other() {
    let stream = [xerial([1; 8], &[b"one "]), xerial([0; 8], &[]), xerial([0; 8], &[b"two"])].concat();
    assert_eq!(decompress(Compression::Snappy, &stream).unwrap(), b"one two");
    assert_eq!(decompress(Compression::Snappy, &xerial([0; 8], &[])).unwrap(), b"");
}

#[test]
fn malformed_xerial_streams_are_corrupt() {
    let stream = xerial([0; 8], &[b"one"]);
    assert_corrupt(Compression::Snappy, &stream[..12]);
    assert_corrupt(Compression::Snappy, &stream[..18]);
    assert_corrupt(Compression::Snappy, &stream[..stream.len() - 1]);
    assert_corrupt(Compression::Snappy, &[&stream[..16], &[0xff; 4], &[1, 0, b'x']].concat());
    assert_corrupt(Compression::Snappy, &[&stream[..16], &[0; 4]].concat());
}

fn lz4_frame(info: FrameInfo, text: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn lz4_frames_with_every_option() {
    let text = sample_text(300_000);
    for mode in [BlockMode::Independent, BlockMode::Linked] {
        for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB] {
            let info = FrameInfo::new().block_mode(mode).block_size(size);
            let info = info.content_checksum(true).block_checksums(true).content_size(Some(text.len() as u64));
            assert_eq!(decompress(Compression::Lz4, &lz4_frame(info, &text)).unwrap(), text);
        }
    }
}

#[test]
fn lz4_checks_its_checksums() {
    for info in [FrameInfo::new().content_checksum(true), FrameInfo::new().block_checksums(true)] {
        let mut frame = lz4_frame(info.block_size(BlockSize::Max64KB), &sample_text(500));
        assert!(decompress(Compression::Lz4, &frame).is_ok());
        let at = frame.len() / 2;
        frame[at] ^= 0x40;
        assert_corrupt(Compression::Lz4, &frame);
    }
}

#[test]
fn an_empty_lz4_block_is_not_the_end() {
    let frame = compress(Compression::Lz4, b"some text").unwrap();
    let with_empty = [&frame[..7], &0x8000_0000u32.to_le_bytes(), &frame[7..]].concat();
    assert_eq!(decompress(Compression::Lz4, &with_empty).unwrap(), b"some text");
}

#[test]
fn only_the_first_lz4_frame_counts() {
    let frame = compress(Compression::Lz4, b"first").unwrap();
    let two = [&frame[..], &compress(Compression::Lz4, b"second").unwrap(), b"junk"].concat();
    assert_eq!(decompress(Compression::Lz4, &two).unwrap(), b"first");
    assert_corrupt(Compression::Lz4, b"");
    assert_corrupt(Compression::Lz4, &[0x02, 0x21, 0x4c, 0x18, 0, 0, 0, 0]);
}

#[test]
fn zstd_frames_follow_each_other_but_nothing_else_does() {
    let frame = compress(Compression::Zstd, b"text ").unwrap();
    assert_eq!(decompress(Compression::Zstd, &frame.repeat(3)).unwrap(), b"text text text ");
    assert_corrupt(Compression::Zstd, &[&frame[..], b"junk"].concat());
}

#[test]
fn a_zstd_window_beyond_the_cap_is_refused() {
    // Magic, a frame header that declares a window of 2^(10+n) bytes, and one empty last block.
    let frame = |window_log: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3, 1, 0, 0];
    assert_eq!(decompress(Compression::Zstd, &frame(27)).unwrap(), b"");
    assert_corrupt(Compression::Zstd, &frame(28));
    assert_corrupt(Compression::Zstd, &frame(41));
}
