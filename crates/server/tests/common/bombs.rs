//! Small batches that become very large when they are decompressed.

use std::io::Write;

use barnabas_protocol::records::Compression;

use super::records;

pub const GZIP: u8 = 1;
pub const ZSTD: u8 = 4;

/// A batch with one record whose value is so many zeros, or of very many tiny records.
pub fn bomb(codec: u8, value_bytes: usize, as_one_record: bool) -> Vec<u8> {
    let mut batch = records::keyed(Compression::None, &[("k", b"v")]);
    batch.truncate(61);
    let head = if as_one_record { record_head(value_bytes) } else { Vec::new() };
    let zeros = vec![0; 1 << 20];
    let fill = |sink: &mut dyn Write| {
        let parts = std::iter::once(&head).chain(std::iter::repeat_n(&zeros, value_bytes >> 20));
        parts.for_each(|part| sink.write_all(part).unwrap());
        sink.write_all(&[0]).unwrap();
    };
    if codec == GZIP {
        let mut encoder = flate2::write::GzEncoder::new(batch, flate2::Compression::best());
        fill(&mut encoder);
        batch = encoder.finish().unwrap();
    } else {
        let mut encoder = zstd::stream::write::Encoder::new(batch, 1).unwrap();
        fill(&mut encoder);
        batch = encoder.finish().unwrap();
    }
    batch[records::ATTRIBUTES_AT + 1] = codec;
    records::seal(&mut batch);
    batch
}

/// A record up to its value: length, attributes, deltas, key "k", length of the value.
fn record_head(value_bytes: usize) -> Vec<u8> {
    let varint = |mut value: u64| {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    let zigzag = |value: usize| varint(value as u64 * 2);
    let rest = [vec![0, 0, 0], zigzag(1), b"k".to_vec(), zigzag(value_bytes)].concat();
    [zigzag(rest.len() + value_bytes + 1), rest].concat()
}
