//! A segment written down in full, so that it can be used again without looking at its files. What of it is wrong is
//! noticed by the readers, who check what an index says and the CRC of every batch.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Segment;
use super::entries::{Entries, Entry};
use super::file::SegmentFile;
use super::files::Files;
use super::stats::SegmentStats;
use crate::config::LogConfig;

impl Segment {
    /// Begins with the base offset. `None` if index entries wait in memory.
    pub(crate) fn describe(&self, out: &mut BytesMut) -> Option<()> {
        out.put_i64(self.base_offset());
        out.put_u64(self.size);
        out.put_i64(self.created_ms);
        self.stats.describe(out);
        self.index.describe(out)?;
        self.time_index.describe(out)
    }

    /// Reads what follows the base offset.
    pub(crate) fn from_description(from: &mut Bytes, files: Arc<Files>, config: &LogConfig) -> Option<Segment> {
        let size = from.try_get_u64().ok()?;
        let created_ms = from.try_get_i64().ok()?;
        let stats = SegmentStats::from_description(from, files.base_offset, config.index_interval())?;
        let index = Entries::from_description(from, files.clone())?;
        let time_index = Entries::from_description(from, files.clone())?;
        let file = Arc::new(SegmentFile::new(files, size));
        Some(Segment::new(file, size, stats, index, time_index, created_ms))
    }
}

impl SegmentStats {
    fn describe(&self, out: &mut BytesMut) {
        out.put_i64(self.next_offset);
        out.put_i64(self.max_timestamp);
        out.put_i64(self.offset_of_max_timestamp);
        out.put_u8(u8::from(self.first_timestamp.is_some()));
        out.put_i64(self.first_timestamp.unwrap_or(-1));
        out.put_u64(self.bytes_since_last_entry);
        out.put_i64(self.last_indexed_timestamp);
    }

    fn from_description(from: &mut Bytes, base_offset: i64, index_interval: u64) -> Option<SegmentStats> {
        let mut stats = SegmentStats::new(base_offset, index_interval);
        stats.next_offset = from.try_get_i64().ok().filter(|next| *next >= base_offset)?;
        stats.max_timestamp = from.try_get_i64().ok()?;
        stats.offset_of_max_timestamp = from.try_get_i64().ok()?;
        let has_first = from.try_get_u8().ok()? != 0;
        stats.first_timestamp = Some(from.try_get_i64().ok()?).filter(|_| has_first);
        stats.bytes_since_last_entry = from.try_get_u64().ok()?;
        stats.last_indexed_timestamp = from.try_get_i64().ok()?;
        Some(stats)
    }
}

impl<E: Entry> Entries<E> {
    fn describe(&self, out: &mut BytesMut) -> Option<()> {
        let (stored, last, excess) = self.all_stored()?;
        out.put_u32(stored);
        out.put_u8(u8::from(excess));
        if let Some(last) = last {
            out.put_slice(last.encode().as_ref());
        }
        Some(())
    }

    fn from_description(from: &mut Bytes, files: Arc<Files>) -> Option<Self> {
        let stored = from.try_get_u32().ok()?;
        let excess = from.try_get_u8().ok()? != 0;
        let last = match stored {
            0 => None,
            _ => {
                let mut bytes = E::Bytes::default();
                from.try_copy_to_slice(bytes.as_mut()).ok()?;
                Some(E::decode(bytes.as_ref()))
            }
        };
        Some(Self::with_stored(files, stored, last, excess))
    }
}
