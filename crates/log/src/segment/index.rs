//! The entries of Kafka's sparse offset index (`.index`) and time index (`.timeindex`), big-endian as on disk.

use super::entries::Entry;
use super::files::Part;

/// A batch whose last offset is `base + relative_offset` starts at `position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    pub(crate) relative_offset: u32,
    pub(crate) position: u32,
}

impl Entry for OffsetEntry {
    const SIZE: usize = 8;
    const PART: Part = Part::Index;
    type Bytes = [u8; 8];

    fn encode(&self) -> [u8; 8] {
        (u64::from(self.relative_offset) << 32 | u64::from(self.position)).to_be_bytes()
    }

    fn decode(bytes: &[u8]) -> Self {
        let both = u64::from_be_bytes(prefix(bytes));
        Self { relative_offset: (both >> 32) as u32, position: both as u32 }
    }
}

/// The largest timestamp up to the batch whose last offset is `base + relative_offset`, which has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: i64,
    pub(crate) relative_offset: u32,
}

impl Entry for TimeEntry {
    const SIZE: usize = 12;
    const PART: Part = Part::TimeIndex;
    type Bytes = [u8; 12];

    fn encode(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&self.relative_offset.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Self {
        Self {
            timestamp: i64::from_be_bytes(prefix(bytes)),
            relative_offset: u32::from_be_bytes(prefix(bytes.get(8..).unwrap_or_default())),
        }
    }
}

fn prefix<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_the_layout_of_kafka() {
        let entry = OffsetEntry { relative_offset: 254, position: 903 };
        assert_eq!(entry.encode(), [0, 0, 0, 254, 0, 0, 3, 135]);
        assert_eq!(OffsetEntry::decode(&entry.encode()), entry);
        let entry = TimeEntry { timestamp: -2, relative_offset: 7 };
        assert_eq!(entry.encode(), [255, 255, 255, 255, 255, 255, 255, 254, 0, 0, 0, 7]);
        assert_eq!(TimeEntry::decode(&entry.encode()), entry);
    }
}
