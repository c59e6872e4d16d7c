//! Which leader epoch began at which offset (KIP-101), kept in memory and in `leader-epoch-checkpoint`. What the
//! answers are used for is not known here.

use std::sync::Arc;

use barnabas_common::{LeaderEpoch, Offset};

use crate::dir::replace_file;
use crate::segment::files::Folder;
use crate::segment::scan::EpochSample;

const FILE_NAME: &str = "leader-epoch-checkpoint";
/// "Not known" in Kafka's answers.
const UNDEFINED: (LeaderEpoch, Offset) = (-1, -1);

/// An epoch and its first offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    pub epoch: LeaderEpoch,
    pub start_offset: Offset,
}

pub(crate) struct EpochCache {
    folder: Arc<Folder>,
    entries: Vec<EpochEntry>,
    /// The file does not hold what memory holds.
    dirty: bool,
    /// Nobody can miss it there yet: what it lacks is an epoch without records.
    may_wait: bool,
}

impl EpochCache {
    /// The cache as the file has it; `None` in place of entries that cannot be trusted.
    pub(crate) fn load(folder: Arc<Folder>) -> (EpochCache, bool) {
        let entries = folder.vfs.read(&folder.path.join(FILE_NAME)).ok().and_then(|bytes| parse(&bytes));
        let is_good = entries.is_some();
        (EpochCache { folder, entries: entries.unwrap_or_default(), dirty: !is_good, may_wait: false }, is_good)
    }

    /// What is known to be in the file, but for the last one if the file may wait for it.
    pub(crate) fn with_entries(folder: Arc<Folder>, entries: Vec<EpochEntry>, may_wait: bool) -> EpochCache {
        EpochCache { folder, entries, dirty: may_wait, may_wait }
    }

    /// Whether the file lacks nothing that anybody could miss.
    pub(crate) fn is_saved(&self) -> bool {
        !self.dirty || self.may_wait
    }

    /// Whether the last epoch waits for its first record to be written to the file.
    pub(crate) fn may_wait(&self) -> bool {
        self.may_wait
    }

    pub(crate) fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    pub(crate) fn latest(&self) -> Option<EpochEntry> {
        self.entries.last().copied()
    }

    /// The epoch of the record at `offset`.
    pub(crate) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|e| e.start_offset <= offset);
        after.checked_sub(1).map(|i| self.entries[i].epoch)
    }

    /// Notes that `epoch` starts at `start_offset`, unless it is known to have started before. Entries that contradict
    /// it (a later epoch, or a start at or after) go. The file can wait until the epoch has records: thousands of logs get
    /// a new epoch at a start, and most of them no records.
    pub(crate) fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) {
        if epoch < 0 || start_offset < 0 {
            return;
        }
        if self.latest().is_some_and(|last| last.epoch == epoch && start_offset >= last.start_offset) {
            return;
        }
        self.entries.retain(|e| e.epoch < epoch && e.start_offset < start_offset);
        // Most logs have only one.
        self.entries.reserve_exact(1);
        self.entries.push(EpochEntry { epoch, start_offset });
        self.may_wait = self.is_saved();
        self.dirty = true;
    }

    /// Forgets epochs that start at or after `offset`.
    pub(crate) fn truncate_from_end(&mut self, offset: Offset) {
        self.change(|entries| entries.retain(|e| e.start_offset < offset));
    }

    /// Forgets epochs that end at or before `offset`; the one that holds it now starts there.
    pub(crate) fn truncate_from_start(&mut self, offset: Offset) {
        self.change(|entries| {
            let Some(holder) = entries.partition_point(|e| e.start_offset <= offset).checked_sub(1) else { return };
            entries.drain(..holder);
            entries[0].start_offset = offset;
        });
    }

    /// Brings the file up to date before the first record of an epoch is written.
    pub(crate) fn save_what_waits(&mut self) {
        if self.may_wait {
            self.may_wait = false;
            self.save();
        }
    }

    /// For a log without records and without a good file: it gets one with its first record.
    pub(crate) fn start_empty(&mut self) {
        self.entries = Vec::new();
        self.dirty = true;
        self.may_wait = true;
    }

    pub(crate) fn clear(&mut self) {
        self.change(Vec::clear);
    }

    /// Takes over what a scan of all batches found; epochs that go back are ignored, as the log of a leader has none.
    pub(crate) fn replace(&mut self, samples: impl Iterator<Item = EpochSample>) {
        self.entries.clear();
        for sample in samples {
            if self.latest().is_none_or(|last| last.epoch < sample.epoch) {
                self.entries.push(EpochEntry { epoch: sample.epoch, start_offset: sample.offset });
            }
        }
        self.dirty = true;
        self.may_wait = false;
        self.save();
    }

    /// Writes the file if it is not up to date. It is not synced: after a power loss it is rebuilt from the batches.
    pub(crate) fn save(&mut self) {
        if !self.is_saved() {
            let path = self.folder.path.join(FILE_NAME);
            match replace_file(&*self.folder.vfs, &path, self.render().as_bytes()) {
                Ok(()) => self.dirty = false,
                Err(error) => tracing::warn!("could not write {}: {error}; will try again", path.display()),
            }
        }
    }

    /// Largest epoch at or below the one asked for, and where it ends (KIP-101, KIP-279).
    pub(crate) fn end_offset_for(&self, epoch: LeaderEpoch, log_end_offset: Offset) -> (LeaderEpoch, Offset) {
        if epoch < 0 {
            return UNDEFINED;
        }
        if self.latest().is_some_and(|last| last.epoch == epoch) {
            return (epoch, log_end_offset);
        }
        let higher = self.entries.partition_point(|e| e.epoch <= epoch);
        let Some(next) = self.entries.get(higher) else { return UNDEFINED };
        let floor = higher.checked_sub(1).map_or(epoch, |i| self.entries[i].epoch);
        (floor, next.start_offset)
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<EpochEntry>)) {
        let before = self.entries.clone();
        change(&mut self.entries);
        if before != self.entries {
            self.dirty = true;
            self.may_wait = false;
            self.save();
        }
    }

    fn render(&self) -> String {
        let mut text = format!("0\n{}\n", self.entries.len());
        for entry in &self.entries {
            text.push_str(&format!("{} {}\n", entry.epoch, entry.start_offset));
        }
        text
    }
}

/// `None` unless the content is whole and in order.
fn parse(bytes: &[u8]) -> Option<Vec<EpochEntry>> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    if lines.next()? != "0" {
        return None;
    }
    let count: usize = lines.next()?.parse().ok()?;
    let mut entries = Vec::new();
    for line in lines {
        let (epoch, start_offset) = line.split_once(' ')?;
        entries.push(EpochEntry { epoch: epoch.parse().ok()?, start_offset: start_offset.parse().ok()? });
    }
    let in_order = entries.windows(2).all(|p| p[0].epoch < p[1].epoch && p[0].start_offset < p[1].start_offset);
    let not_negative = entries.first().is_none_or(|e| e.epoch >= 0 && e.start_offset >= 0);
    (entries.len() == count && in_order && not_negative).then_some(entries)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use barnabas_common::vfs::{MemVfs, Vfs};

    use super::*;
    use crate::segment::handles::Handles;

    fn cache(vfs: &MemVfs) -> EpochCache {
        let (vfs, path, handles) = (Arc::new(vfs.clone()), Path::new("").into(), Handles::with_limit(1));
        EpochCache::load(Folder::new(vfs, path, handles)).0
    }

    fn with(entries: &[(i32, i64)]) -> EpochCache {
        let mut cache = cache(&MemVfs::new());
        entries.iter().for_each(|(epoch, offset)| cache.assign(*epoch, *offset));
        cache
    }

    fn content(cache: &EpochCache) -> Vec<(i32, i64)> {
        cache.entries().iter().map(|e| (e.epoch, e.start_offset)).collect()
    }

    #[test]
    fn end_offsets_follow_kip_101() {
        let cache = with(&[(2, 10), (4, 20), (7, 30)]);
        for (asked, expected) in [
            (-1, UNDEFINED),
            (0, (0, 10)),
            (2, (2, 20)),
            (3, (2, 20)),
            (4, (4, 30)),
            (6, (4, 30)),
            (7, (7, 55)),
            (8, UNDEFINED),
        ] {
            assert_eq!(cache.end_offset_for(asked, 55), expected, "epoch {asked}");
        }
        assert_eq!(with(&[]).end_offset_for(0, 0), UNDEFINED);
    }

    #[test]
    fn an_election_without_appends_replaces_the_epoch_at_the_same_offset() {
        assert_eq!(content(&with(&[(0, 0), (1, 5), (2, 5)])), [(0, 0), (2, 5)]);
        assert_eq!(content(&with(&[(3, 5), (3, 9)])), [(3, 5)]);
        assert_eq!(content(&with(&[(3, 5), (2, 9)])), [(2, 9)]);
    }

    #[test]
    fn truncation_at_both_ends() {
        let mut cache = with(&[(0, 0), (1, 5), (2, 9)]);
        cache.truncate_from_start(7);
        assert_eq!(content(&cache), [(1, 7), (2, 9)]);
        cache.truncate_from_end(9);
        assert_eq!(content(&cache), [(1, 7)]);
        assert_eq!((cache.epoch_at(6), cache.epoch_at(7)), (None, Some(1)));
    }

    #[test]
    fn the_file_has_the_format_of_kafka_and_survives() {
        let vfs = MemVfs::new();
        let mut first = cache(&vfs);
        first.assign(0, 0);
        first.assign(4, 17);
        first.save();
        assert!(!vfs.exists(Path::new(FILE_NAME)) || first.is_saved());
        first.save_what_waits();
        assert_eq!(vfs.read(Path::new(FILE_NAME)).unwrap(), b"0\n2\n0 0\n4 17\n");
        assert_eq!(content(&cache(&vfs)), [(0, 0), (4, 17)]);
    }

    #[test]
    fn damaged_files_are_not_trusted() {
        for bad in ["", "1\n0\n", "0\n2\n0 0\n", "0\n1\nx y\n", "0\n2\n3 0\n2 5\n", "0\n2\n1 5\n2 5\n", "0\n1\n0 -4\n"]
        {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse(b"0\n0\n"), Some(vec![]));
    }
}
