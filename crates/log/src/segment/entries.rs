//! A file of fixed-size, ordered entries: what the offset index and the time index have in common. New entries wait in
//! memory and are written in groups; all of them can be rebuilt from the log, so losing them loses nothing.

use std::io;
use std::sync::Arc;

use super::files::{Files, Part};

/// Entries that wait in memory before a write is worth it.
const PENDING_ENTRIES: usize = 128;
/// Entries read at once at the end of a binary search.
const BLOCK_ENTRIES: u32 = 512;

/// An entry of an index file.
pub(crate) trait Entry: Copy {
    const SIZE: usize;
    const PART: Part;
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default;
    fn encode(&self) -> Self::Bytes;
    /// `bytes` has at least `SIZE` bytes.
    fn decode(bytes: &[u8]) -> Self;
}

/// The entries of one index: the first `stored` in the file, the rest in memory.
pub(crate) struct Entries<E> {
    files: Arc<Files>,
    stored: u32,
    pending: Vec<E>,
    last: Option<E>,
    /// The file may hold bytes beyond the stored entries.
    excess: bool,
}

impl<E: Entry> Entries<E> {
    /// No entries; whatever the file holds will be overwritten.
    pub(crate) fn empty(files: Arc<Files>) -> Self {
        Self { files, stored: 0, pending: Vec::new(), last: None, excess: true }
    }

    /// Makes the file exist, for tools that look at whole folders. Not being able to is no error: entries in memory
    /// are written later.
    pub(crate) fn touch(&self) {
        if self.files.created(E::PART).is_ok() {
            self.release();
        }
    }

    /// Takes over the entries of an existing file; an error if its size is not a multiple of the entry size.
    pub(crate) fn load(files: Arc<Files>) -> io::Result<Self> {
        let handle = files.existing(E::PART)?;
        let len = handle.len()?;
        let stored = u32::try_from(len / E::SIZE as u64).map_err(|_| io::ErrorKind::InvalidData)?;
        if len % E::SIZE as u64 != 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut entries = Self { files, stored, pending: Vec::new(), last: None, excess: false };
        if stored > 0 {
            entries.last = Some(entries.view().read_one(stored - 1)?);
        }
        entries.release();
        Ok(entries)
    }

    pub(crate) fn len(&self) -> u32 {
        self.stored + self.pending.len() as u32
    }

    pub(crate) fn last(&self) -> Option<E> {
        self.last
    }

    /// How many entries the file holds, the last of them, and whether bytes follow it. `None` if others are in memory.
    pub(super) fn all_stored(&self) -> Option<(u32, Option<E>, bool)> {
        self.pending.is_empty().then_some((self.stored, self.last, self.excess))
    }

    /// The inverse of [`Entries::all_stored`].
    pub(super) fn with_stored(files: Arc<Files>, stored: u32, last: Option<E>, excess: bool) -> Self {
        Self { files, stored, pending: Vec::new(), last, excess }
    }

    /// Adds an entry. Failing to write it is no error: it stays in memory until a later write works.
    pub(crate) fn push(&mut self, entry: E) {
        let writes = self.writes_with_next();
        self.pending.push(entry);
        self.last = Some(entry);
        if writes {
            let _ = self.flush();
        }
    }

    /// Whether the next entry will be written together with those that wait.
    pub(crate) fn writes_with_next(&self) -> bool {
        (self.pending.len() + 1).is_multiple_of(PENDING_ENTRIES)
    }

    /// Writes what waits in memory and cuts off what else the file holds.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let file = self.files.created(E::PART)?;
        let end = u64::from(self.stored) * E::SIZE as u64;
        if self.excess {
            file.set_len(end)?;
            self.excess = false;
        }
        if !self.pending.is_empty() {
            let mut bytes = Vec::with_capacity(self.pending.len() * E::SIZE);
            for entry in &self.pending {
                bytes.extend_from_slice(entry.encode().as_ref());
            }
            self.excess = true;
            file.write_all_at(&bytes, end)?;
            self.excess = false;
            self.stored += self.pending.len() as u32;
            self.pending = Vec::new();
        }
        Ok(())
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.files.created(E::PART)?.sync_data()
    }

    /// Gives the descriptor back, for segments that will not change any more.
    pub(crate) fn release(&self) {
        self.files.release(E::PART);
    }

    /// Replaces everything. If the file cannot be written now, the entries are served from memory.
    pub(crate) fn replace(&mut self, entries: Vec<E>) {
        self.last = entries.last().copied();
        self.stored = 0;
        self.pending = entries;
        self.excess = true;
        let _ = self.flush();
    }

    /// Keeps the entries before the first for which `keep` is false.
    pub(crate) fn truncate(&mut self, keep: impl Fn(&E) -> bool) -> io::Result<()> {
        let mut entries = self.read_all()?;
        let kept = entries.partition_point(|e| keep(e));
        if kept < entries.len() {
            entries.truncate(kept);
            self.replace(entries);
        }
        Ok(())
    }

    /// Keeps the stored entries up to the last for which `before` holds, without reading all of them; for files that have
    /// just been loaded. Whether any had to go; then the next flush cuts the file.
    pub(crate) fn cut_after(&mut self, before: impl Fn(&E) -> bool) -> io::Result<bool> {
        let kept = self.view().count_before(before)?;
        if kept == self.stored {
            return Ok(false);
        }
        self.stored = kept;
        self.excess = true;
        self.last = kept.checked_sub(1).map(|last| self.view().read_one(last)).transpose()?;
        Ok(true)
    }

    /// The stored entries after the last for which `before` holds.
    pub(crate) fn read_after(&self, before: impl Fn(&E) -> bool) -> io::Result<Vec<E>> {
        self.view().read_range(self.view().count_before(before)?, self.stored)
    }

    pub(crate) fn read_all(&self) -> io::Result<Vec<E>> {
        let mut all = self.view().read_range(0, self.stored)?;
        all.extend_from_slice(&self.pending);
        Ok(all)
    }

    /// The last entry for which `before` holds, as far as memory knows; otherwise a view of the file to search later.
    pub(crate) fn search(&self, before: impl Fn(&E) -> bool) -> Found<E> {
        match self.pending.partition_point(|e| before(e)).checked_sub(1) {
            Some(i) => Found::Known(Some(self.pending[i])),
            None if self.stored == 0 => Found::Known(None),
            None => Found::OnDisk(self.view()),
        }
    }

    /// All entries at this moment, to be searched without the lock.
    pub(crate) fn snapshot(&self) -> EntriesSnapshot<E> {
        EntriesSnapshot { stored: self.view(), pending: self.pending.clone() }
    }

    fn view(&self) -> EntriesView<E> {
        EntriesView { files: self.files.clone(), stored: self.stored, _entry: std::marker::PhantomData }
    }
}

/// Outcome of a search in memory.
pub(crate) enum Found<E> {
    Known(Option<E>),
    OnDisk(EntriesView<E>),
}

impl<E: Entry> Found<E> {
    /// Completes the search on disk. The predicate must be the one the search began with.
    pub(crate) fn resolve(&self, before: impl Fn(&E) -> bool) -> io::Result<Option<E>> {
        match self {
            Self::Known(entry) => Ok(*entry),
            Self::OnDisk(view) => view.search(before),
        }
    }
}

/// The entries at one moment, those in memory copied.
pub(crate) struct EntriesSnapshot<E> {
    stored: EntriesView<E>,
    pending: Vec<E>,
}

impl<E: Entry> EntriesSnapshot<E> {
    pub(crate) fn search(&self, before: impl Fn(&E) -> bool) -> io::Result<Option<E>> {
        match self.pending.partition_point(|e| before(e)).checked_sub(1) {
            Some(i) => Ok(Some(self.pending[i])),
            None => self.stored.search(before),
        }
    }
}

/// The stored entries at one moment; needs no lock on the log.
pub(crate) struct EntriesView<E> {
    files: Arc<Files>,
    stored: u32,
    _entry: std::marker::PhantomData<E>,
}

impl<E: Entry> EntriesView<E> {
    fn read_range(&self, from: u32, to: u32) -> io::Result<Vec<E>> {
        if from >= to {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; (to - from) as usize * E::SIZE];
        self.files.existing(E::PART)?.read_exact_at(&mut bytes, u64::from(from) * E::SIZE as u64)?;
        Ok(bytes.chunks_exact(E::SIZE).map(E::decode).collect())
    }

    fn read_one(&self, at: u32) -> io::Result<E> {
        let mut bytes = E::Bytes::default();
        self.files.existing(E::PART)?.read_exact_at(bytes.as_mut(), u64::from(at) * E::SIZE as u64)?;
        Ok(E::decode(bytes.as_ref()))
    }

    fn search(&self, before: impl Fn(&E) -> bool) -> io::Result<Option<E>> {
        let (_, block, count) = self.narrow(before)?;
        Ok(count.checked_sub(1).map(|i| block[i]))
    }

    /// How many entries there are up to the last for which `before` holds.
    fn count_before(&self, before: impl Fn(&E) -> bool) -> io::Result<u32> {
        let (low, _, count) = self.narrow(before)?;
        Ok(low + count as u32)
    }

    /// A block of entries around the last for which `before` holds: its start, itself, and for how many of it that is so.
    fn narrow(&self, before: impl Fn(&E) -> bool) -> io::Result<(u32, Vec<E>, usize)> {
        let (mut low, mut high) = (0, self.stored);
        while high - low > BLOCK_ENTRIES {
            let middle = low + (high - low) / 2;
            if before(&self.read_one(middle)?) { low = middle } else { high = middle }
        }
        let block = self.read_range(low, high)?;
        let count = block.partition_point(|e| before(e));
        Ok((low, block, count))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use barnabas_common::vfs::{MemVfs, Vfs};

    use super::*;
    use crate::segment::files::Folder;
    use crate::segment::handles::Handles;
    use crate::segment::index::OffsetEntry;

    const FILE: &str = "/d/00000000000000000000.index";

    fn files(vfs: &MemVfs) -> Arc<Files> {
        vfs.create_dir_all(Path::new("/d")).unwrap();
        let (vfs, path, handles) = (Arc::new(vfs.clone()), Path::new("/d").into(), Handles::with_limit(10));
        Files::new(Folder::new(vfs, path, handles), 0)
    }

    fn entry(i: u32) -> OffsetEntry {
        OffsetEntry { relative_offset: i * 10, position: i * 100 }
    }

    #[test]
    fn entries_are_found_in_memory_and_on_disk_alike() {
        let vfs = MemVfs::new();
        let mut entries = Entries::empty(files(&vfs));
        for i in 1..=2000 {
            entries.push(entry(i));
        }
        let mut reloaded_from_disk = false;
        for _ in 0..2 {
            for target in [0, 9, 10, 11, 5000, 19_195, 19_990, 20_000, 99_999] {
                let before = |e: &OffsetEntry| e.relative_offset <= target;
                let found = entries.search(before).resolve(before).unwrap();
                let expected = (target / 10).min(2000);
                assert_eq!(found, (expected > 0).then(|| entry(expected)), "{target}, reloaded {reloaded_from_disk}");
            }
            entries.flush().unwrap();
            entries = Entries::load(files(&vfs)).unwrap();
            reloaded_from_disk = true;
        }
        assert_eq!(entries.last(), Some(entry(2000)));
    }

    #[test]
    fn truncation_and_replacement_leave_no_old_entries() {
        let vfs = MemVfs::new();
        let mut entries = Entries::empty(files(&vfs));
        (1..=300).for_each(|i| entries.push(entry(i)));
        entries.truncate(|e| e.relative_offset < 50).unwrap();
        entries.flush().unwrap();
        assert_eq!(vfs.read(Path::new(FILE)).unwrap().len(), 4 * 8);
        assert_eq!(entries.last(), Some(entry(4)));
    }

    #[test]
    fn a_full_disk_keeps_entries_in_memory() {
        let vfs = MemVfs::new();
        vfs.set_capacity(Some(100));
        let mut entries = Entries::empty(files(&vfs));
        (1..=300).for_each(|i| entries.push(entry(i)));
        assert!(entries.flush().is_err());
        let before = |e: &OffsetEntry| e.relative_offset <= 105;
        assert_eq!(entries.search(before).resolve(before).unwrap(), Some(entry(10)));
        vfs.set_capacity(None);
        entries.flush().unwrap();
        assert_eq!(Entries::<OffsetEntry>::load(files(&vfs)).unwrap().len(), 300);
    }
}
