//! What a log is like after it was closed, so that the next start need not look into its folder: it is written down as a
//! whole, and taken at its word if folder and log file have not been changed since. The file with the logs of all
//! partitions is in `dir/start_snapshot.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use barnabas_common::vfs::Vfs;
use barnabas_common::{Offset, TimestampMs, TopicPartition, Uuid};
use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Log;
use crate::config::LogConfig;
use crate::epoch_cache::{EpochCache, EpochEntry};
use crate::producer::{BatchMeta, ProducerEntry, ProducerStates};
use crate::segment::files::{Files, Folder};
use crate::segment::handles::Handles;
use crate::segment::{Segment, names};

impl Log {
    /// The log as [`Log::reopen`] wants it, to be called after [`Log::close`]. `None` if the next start must look at the
    /// folder, because files wait there to be removed or could not be written.
    pub fn describe_closed(&self) -> Option<Bytes> {
        let is_on_disk = self.recovery_point >= self.log_end_offset() && self.epochs.is_saved();
        let is_removing = self.is_removing || !self.retired.is_empty() || !self.removals.is_empty();
        if self.failure.is_some() || is_removing || !is_on_disk {
            return None;
        }
        let folder = self.vfs.stat(&self.dir).ok()?;
        let active = self.vfs.stat(&names::file_path(&self.dir, self.active().base_offset(), names::LOG)).ok()?;
        let mut out = BytesMut::with_capacity(256);
        out.put_slice(self.topic_id.unwrap_or(Uuid::ZERO).as_bytes());
        out.put_i64(folder.modified_ns);
        out.put_i64(active.modified_ns);
        out.put_u64(active.len);
        out.put_i64(self.log_start_offset);
        put_count(&mut out, self.epochs.entries().len());
        for entry in self.epochs.entries() {
            out.put_i32(entry.epoch);
            out.put_i64(entry.start_offset);
        }
        out.put_u8(u8::from(self.epochs.may_wait()));
        put_count(&mut out, self.snapshots.len());
        self.snapshots.iter().for_each(|offset| out.put_i64(*offset));
        put_count(&mut out, self.producers.entries().len());
        self.producers.entries().for_each(|entry| put_producer(&mut out, entry));
        put_count(&mut out, self.segments.len());
        for segment in &self.segments {
            segment.describe(&mut out)?;
        }
        Some(out.freeze())
    }

    /// Opens a log as it was described, without looking at more than the folder and its last file. `None` if these have
    /// been changed since, or the description is not of this topic: then the log is to be opened by [`Log::open`].
    #[allow(clippy::too_many_arguments)]
    pub fn reopen(
        vfs: Arc<dyn Vfs>,
        handles: Arc<Handles>,
        dir: Arc<std::path::Path>,
        topic_partition: TopicPartition,
        topic_id: Uuid,
        config: impl Into<Arc<LogConfig>>,
        mut description: Bytes,
        now_ms: TimestampMs,
    ) -> Option<Log> {
        let config = config.into();
        let described = Described::read(&mut description)?;
        if described.topic_id != topic_id || vfs.stat(&dir).ok()?.modified_ns != described.folder_modified_ns {
            return None;
        }
        let folder = Folder::new(vfs.clone(), dir.clone(), handles);
        let segments = read_segments(&mut description, &folder, &config)?;
        let (first, active) = (segments.first()?.base_offset(), segments.last()?);
        let stat = vfs.stat(&names::file_path(&dir, active.base_offset(), names::LOG)).ok()?;
        let is_as_it_was = stat.len == described.active_bytes && stat.modified_ns == described.active_modified_ns;
        let end = active.next_offset();
        if !is_as_it_was || stat.len < active.size || !(first..=end).contains(&described.log_start_offset) {
            return None;
        }
        let mut log = Log {
            epochs: EpochCache::with_entries(folder.clone(), described.epochs, described.epochs_may_wait),
            vfs,
            dir,
            folder,
            topic_partition,
            topic_id: Some(topic_id),
            config,
            segments,
            log_start_offset: described.log_start_offset,
            recovery_point: end,
            truncations: 0,
            // The close of a log without records has synced none.
            names_created: u64::from(end == 0),
            synced: Arc::default(),
            last_flush_ms: now_ms,
            producers: described.producers,
            snapshots: described.snapshots,
            bytes_since_snapshot: 0,
            retired: Vec::new(),
            removals: Vec::new(),
            is_removing: false,
            is_touched: false,
            is_journaled: false,
            failure: None,
        };
        log.producers.expire(now_ms, log.config.producer_id_expiration_ms);
        Some(log)
    }
}

/// The description but for the segments.
struct Described {
    topic_id: Uuid,
    folder_modified_ns: i64,
    active_modified_ns: i64,
    active_bytes: u64,
    log_start_offset: Offset,
    epochs: Vec<EpochEntry>,
    epochs_may_wait: bool,
    snapshots: BTreeSet<Offset>,
    producers: ProducerStates,
}

impl Described {
    fn read(from: &mut Bytes) -> Option<Described> {
        let mut topic_id = [0; 16];
        from.try_copy_to_slice(&mut topic_id).ok()?;
        let folder_modified_ns = from.try_get_i64().ok()?;
        let active_modified_ns = from.try_get_i64().ok()?;
        let active_bytes = from.try_get_u64().ok()?;
        let log_start_offset = from.try_get_i64().ok()?;
        let epoch = |from: &mut Bytes| {
            Some(EpochEntry { epoch: from.try_get_i32().ok()?, start_offset: from.try_get_i64().ok()? })
        };
        Some(Described {
            topic_id: Uuid::from_bytes(topic_id),
            folder_modified_ns,
            active_modified_ns,
            active_bytes,
            log_start_offset,
            epochs: read_all(from, epoch)?,
            epochs_may_wait: from.try_get_u8().ok()? != 0,
            snapshots: read_all(from, |from| from.try_get_i64().ok())?.into_iter().collect(),
            producers: ProducerStates::from_entries(read_all(from, read_producer)?),
        })
    }
}

fn read_segments(from: &mut Bytes, folder: &Arc<Folder>, config: &LogConfig) -> Option<Vec<Segment>> {
    let read = |from: &mut Bytes| {
        let files = Files::new(folder.clone(), from.try_get_i64().ok()?);
        Segment::from_description(from, files, config)
    };
    let segments = read_all(from, read)?;
    let in_order = segments.windows(2).all(|pair| pair[0].next_offset() <= pair[1].base_offset());
    (in_order && from.is_empty()).then_some(segments)
}

fn put_count(out: &mut BytesMut, count: usize) {
    out.put_u32(u32::try_from(count).unwrap_or(u32::MAX));
}

/// A counted list. Nothing is reserved for more than there can be.
fn read_all<T>(from: &mut Bytes, read: impl Fn(&mut Bytes) -> Option<T>) -> Option<Vec<T>> {
    let count = usize::try_from(from.try_get_u32().ok()?).ok().filter(|count| *count <= from.len())?;
    let mut all = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        all.push(read(from)?);
    }
    all.shrink_to_fit();
    Some(all)
}

fn put_producer(out: &mut BytesMut, entry: &ProducerEntry) {
    out.put_i64(entry.producer_id);
    out.put_i16(entry.epoch);
    out.put_i32(entry.coordinator_epoch);
    out.put_i64(entry.last_timestamp);
    out.put_i64(entry.current_txn_first_offset.unwrap_or(-1));
    out.put_i64(entry.last_seen_ms);
    put_count(out, entry.batches.len());
    for batch in &entry.batches {
        out.put_i32(batch.last_sequence);
        out.put_i64(batch.last_offset);
        out.put_i32(batch.offset_delta);
        out.put_i64(batch.timestamp);
    }
}

fn read_producer(from: &mut Bytes) -> Option<ProducerEntry> {
    let mut entry = ProducerEntry::new(from.try_get_i64().ok()?, from.try_get_i16().ok()?, 0);
    entry.coordinator_epoch = from.try_get_i32().ok()?;
    entry.last_timestamp = from.try_get_i64().ok()?;
    entry.current_txn_first_offset = Some(from.try_get_i64().ok()?).filter(|offset| *offset >= 0);
    entry.last_seen_ms = from.try_get_i64().ok()?;
    let batch = |from: &mut Bytes| {
        Some(BatchMeta {
            last_sequence: from.try_get_i32().ok()?,
            last_offset: from.try_get_i64().ok()?,
            offset_delta: from.try_get_i32().ok()?,
            timestamp: from.try_get_i64().ok()?,
        })
    };
    entry.batches = read_all(from, batch)?.into();
    Some(entry)
}
