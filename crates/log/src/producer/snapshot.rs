//! Kafka's producer snapshot file: version 1, a CRC-32C of what follows it, the producers with their last batch each. Behind
//! that, where Kafka does not look, the batches before the last one: a producer may repeat any of the five it has in flight.

use std::collections::VecDeque;

use barnabas_common::TimestampMs;
use bytes::{Buf, BufMut, BytesMut};

use super::{BatchMeta, ProducerEntry, ProducerStates};

const VERSION: i16 = 1;
/// Version and CRC.
const HEADER_SIZE: usize = 6;
const ENTRY_SIZE: usize = 46;
/// Of a batch before the last one.
const EARLIER_SIZE: usize = 24;

pub(crate) fn encode(states: &ProducerStates) -> BytesMut {
    let entries = states.entries();
    let mut content = BytesMut::with_capacity(4 + entries.len() * ENTRY_SIZE);
    content.put_i32(i32::try_from(entries.len()).unwrap_or(i32::MAX));
    for entry in entries.take(i32::MAX as usize) {
        let last = entry.batches.back();
        content.put_i64(entry.producer_id);
        content.put_i16(entry.epoch);
        content.put_i32(entry.last_sequence());
        content.put_i64(last.map_or(-1, |b| b.last_offset));
        content.put_i32(last.map_or(0, |b| b.offset_delta));
        content.put_i64(entry.last_timestamp);
        content.put_i32(entry.coordinator_epoch);
        content.put_i64(entry.current_txn_first_offset.unwrap_or(-1));
    }
    states.entries().take(i32::MAX as usize).for_each(|entry| put_earlier(&mut content, entry));
    let mut file = BytesMut::with_capacity(HEADER_SIZE + content.len());
    file.put_i16(VERSION);
    file.put_u32(crc32c::crc32c(&content));
    file.extend_from_slice(&content);
    file
}

/// How many there are, and these, oldest first.
fn put_earlier(content: &mut BytesMut, entry: &ProducerEntry) {
    let count = entry.batches.len().saturating_sub(1);
    content.put_u8(u8::try_from(count).unwrap_or(0));
    for batch in entry.batches.iter().take(count) {
        content.put_i32(batch.last_sequence);
        content.put_i64(batch.last_offset);
        content.put_i32(batch.offset_delta);
        content.put_i64(batch.timestamp);
    }
}

/// `None` if anything about the file is not as it was written.
pub(crate) fn decode(file: &[u8], now_ms: TimestampMs) -> Option<ProducerStates> {
    let (mut header, mut content) = file.split_at_checked(HEADER_SIZE)?;
    if header.get_i16() != VERSION || header.get_u32() != crc32c::crc32c(content) {
        return None;
    }
    let count = usize::try_from(content.try_get_i32().ok()?).ok()?;
    let (entries, mut earlier) = content.split_at_checked(count.checked_mul(ENTRY_SIZE)?)?;
    let mut entries: Vec<_> = entries.chunks_exact(ENTRY_SIZE).map(|mut e| decode_entry(&mut e, now_ms)).collect();
    // A file that Kafka wrote ends here.
    if !earlier.is_empty() {
        entries.iter_mut().try_for_each(|entry| take_earlier(&mut earlier, entry))?;
    }
    earlier.is_empty().then(|| ProducerStates::from_entries(entries))
}

fn take_earlier(content: &mut &[u8], entry: &mut ProducerEntry) -> Option<()> {
    let count = usize::from(content.try_get_u8().ok()?);
    let (earlier, rest) = content.split_at_checked(count * EARLIER_SIZE)?;
    *content = rest;
    for mut batch in earlier.chunks_exact(EARLIER_SIZE).rev() {
        entry.batches.push_front(BatchMeta {
            last_sequence: batch.get_i32(),
            last_offset: batch.get_i64(),
            offset_delta: batch.get_i32(),
            timestamp: batch.get_i64(),
        });
    }
    Some(())
}

/// Reads the 46 bytes of an entry; the caller has made sure that they are there.
fn decode_entry(bytes: &mut &[u8], now_ms: TimestampMs) -> ProducerEntry {
    let mut entry = ProducerEntry::new(bytes.get_i64(), bytes.get_i16(), now_ms);
    let last_sequence = bytes.get_i32();
    let last_offset = bytes.get_i64();
    let offset_delta = bytes.get_i32();
    entry.last_timestamp = bytes.get_i64();
    entry.coordinator_epoch = bytes.get_i32();
    entry.current_txn_first_offset = Some(bytes.get_i64()).filter(|o| *o >= 0);
    if last_offset >= 0 && last_sequence >= 0 && offset_delta >= 0 {
        let timestamp = entry.last_timestamp;
        entry.batches = VecDeque::from([BatchMeta { last_sequence, last_offset, offset_delta, timestamp }]);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states() -> ProducerStates {
        let mut first = ProducerEntry::new(7, 3, 50);
        for last_sequence in 0..7 {
            let last_offset = 100 + i64::from(last_sequence);
            first.add(3, BatchMeta { last_sequence, last_offset, offset_delta: 0, timestamp: 99 });
        }
        let mut second = ProducerEntry::new(8, 0, 50);
        second.current_txn_first_offset = Some(12);
        ProducerStates::from_entries([first, second])
    }

    #[test]
    fn snapshots_round_trip() {
        let file = encode(&states());
        assert_eq!(file.len(), 6 + 4 + 2 * 46 + 2 + 4 * 24);
        assert_eq!(decode(&file, 50), Some(states()));
    }

    #[test]
    fn what_kafka_wrote_has_the_last_batches_alone() {
        let mut file = encode(&states());
        file.truncate(6 + 4 + 2 * 46);
        let crc = crc32c::crc32c(&file[6..]);
        file[2..6].copy_from_slice(&crc.to_be_bytes());
        let states = decode(&file, 50).unwrap();
        let batches: Vec<_> = states.entries().map(|entry| (entry.producer_id, entry.batches.len())).collect();
        assert_eq!(batches, [(7, 1), (8, 0)]);
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_noticed() {
        let file = encode(&states());
        for byte in 0..file.len() {
            let mut bad = file.to_vec();
            bad[byte] ^= 1 << (byte % 8);
            assert_eq!(decode(&bad, 50), None, "byte {byte}");
            assert_eq!(decode(&file[..byte], 50), None, "cut at {byte}");
        }
    }
}
