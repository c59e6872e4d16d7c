//! How entries and file headers are encoded. All numbers are big-endian, as in Kafka's formats.

use barnabas_common::{Offset, Uuid};
use bytes::Bytes;

/// Where entries begin in a file.
pub(super) const FILE_HEADER_BYTES: u64 = 512;
pub(super) const ENTRY_HEADER_BYTES: usize = 44;
const MAGIC: [u8; 8] = *b"BNBJRNL\0";
const VERSION: u32 = 1;
const FILE_HEADER_USED: usize = 8 + 4 + 8 * 4 + 4;
/// No entry is larger: large appends sync their own segment.
const MAX_PAYLOAD_BYTES: usize = 256 << 20;

/// Batches that were appended to one partition in one go.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    pub topic_id: Uuid,
    pub partition: i32,
    pub base_offset: Offset,
    /// Whole batches with their final offsets.
    pub batches: Bytes,
}

impl JournalEntry {
    /// What the entry takes in a file.
    pub fn size_bytes(&self) -> u64 {
        (ENTRY_HEADER_BYTES + self.batches.len()) as u64
    }

    pub(super) fn encode(&self, group: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(self.batches.len() as u32).to_be_bytes());
        out.extend_from_slice(&group.to_be_bytes());
        out.extend_from_slice(self.topic_id.as_bytes());
        out.extend_from_slice(&self.partition.to_be_bytes());
        out.extend_from_slice(&self.base_offset.to_be_bytes());
        out.extend_from_slice(&self.batches);
        let crc = crc32c::crc32c(&out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_be_bytes());
    }
}

/// An entry as found in a file.
pub(super) struct Parsed {
    pub(super) group: u64,
    pub(super) entry: JournalEntry,
}

/// The entry at the start of `bytes`; none if there is not a whole one whose CRC is right.
pub(super) fn parse(bytes: &Bytes) -> Option<Parsed> {
    let end = ENTRY_HEADER_BYTES.checked_add(declared_payload(bytes)?)?;
    if crc32c::crc32c(bytes.get(4..end)?) != u32::from_be_bytes(*bytes.first_chunk()?) {
        return None;
    }
    parse_unchecked(bytes)
}

/// The same without a look at the CRC: what is returned may not be what was written.
pub(super) fn parse_unchecked(bytes: &Bytes) -> Option<Parsed> {
    let end = ENTRY_HEADER_BYTES.checked_add(declared_payload(bytes)?)?;
    let checked = bytes.get(4..end)?;
    let mut fields = Fields(checked.get(4..)?);
    let group = u64::from_be_bytes(fields.take()?);
    let topic_id = Uuid::from_bytes(fields.take()?);
    let partition = i32::from_be_bytes(fields.take()?);
    let base_offset = i64::from_be_bytes(fields.take()?);
    let batches = bytes.slice(ENTRY_HEADER_BYTES..end);
    Some(Parsed { group, entry: JournalEntry { topic_id, partition, base_offset, batches } })
}

/// The group that an entry's header claims.
pub(super) fn declared_group(bytes: &[u8]) -> Option<u64> {
    bytes.get(8..)?.first_chunk().map(|group| u64::from_be_bytes(*group))
}

/// The length that an entry's header claims, if it can be.
pub(super) fn declared_payload(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
    (length > 0 && length <= MAX_PAYLOAD_BYTES).then_some(length)
}

/// The head of a file in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) generation: u64,
    /// Everything older need not be looked at.
    pub(super) oldest_live: u64,
    /// Entries of smaller groups are left over from an earlier use of the file.
    pub(super) first_group: u64,
    /// Where the entries of the generation before end; 0 if there is none.
    pub(super) previous_end: u64,
}

impl FileHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FILE_HEADER_BYTES as usize);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        for number in [self.generation, self.oldest_live, self.first_group, self.previous_end] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        out.resize(FILE_HEADER_BYTES as usize, 0);
        out
    }

    /// None if the file has never been used, or the header was torn.
    pub(super) fn parse(bytes: &[u8]) -> Option<FileHeader> {
        let used = bytes.get(..FILE_HEADER_USED)?;
        let (content, crc) = used.split_at(FILE_HEADER_USED - 4);
        let mut fields = Fields(content);
        let is_ours = fields.take()? == MAGIC && u32::from_be_bytes(fields.take()?) == VERSION;
        if !is_ours || crc32c::crc32c(content).to_be_bytes() != crc {
            return None;
        }
        let mut number = || fields.take().map(u64::from_be_bytes);
        let (generation, oldest_live, first_group, previous_end) = (number()?, number()?, number()?, number()?);
        Some(FileHeader { generation, oldest_live, first_group, previous_end })
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}
