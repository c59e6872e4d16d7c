//! Tests of the journal on the file system in memory: crashes at every call, damage, reuse of files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::Uuid;
use barnabas_common::vfs::{MemVfs, OpenMode, Vfs};
use bytes::Bytes;

use super::*;

const DIR: &str = "/data";
const FILES: u32 = 3;
const TOTAL_BYTES: u64 = 3 * 4096;

fn entry(n: i64) -> JournalEntry {
    let batches = Bytes::from(vec![n as u8; 100 + (n as usize * 37) % 300]);
    JournalEntry { topic_id: Uuid::from_bytes([n as u8; 16]), partition: n as i32, base_offset: n, batches }
}

struct Journal {
    files: JournalFiles,
    writer: JournalWriter,
    in_files: Vec<(u64, i64)>,
}

fn disk() -> MemVfs {
    let vfs = MemVfs::new();
    vfs.create_dir_all(Path::new(DIR)).unwrap();
    vfs.sync_dir(Path::new(DIR)).unwrap();
    vfs
}

fn read(vfs: &MemVfs) -> (Vec<i64>, ReplaySummary) {
    let vfs: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let mut found = Vec::new();
    let summary = replay(&vfs, Path::new(DIR), |read| {
        let written = entry(read.base_offset);
        assert_eq!((read.topic_id, read.partition), (written.topic_id, written.partition));
        assert_eq!(read.batches, written.batches);
        found.push(read.base_offset);
        true
    });
    (found, summary.unwrap())
}

impl Journal {
    fn open(vfs: &MemVfs, last: &ReplaySummary) -> std::io::Result<Journal> {
        let vfs: Arc<dyn Vfs> = Arc::new(vfs.clone());
        let files = JournalFiles::open(vfs, PathBuf::from(DIR), (TOTAL_BYTES, FILES), Uuid::from_bytes([7; 16]), last)?;
        Ok(Journal { files, writer: JournalWriter::default(), in_files: Vec::new() })
    }

    /// Writes one group; full files are released as soon as there is no other.
    fn write(&mut self, entries: &[JournalEntry], mut released: impl FnMut(i64)) -> std::io::Result<()> {
        let bytes = entries.iter().map(JournalEntry::size_bytes).sum();
        if !self.writer.has_room(&self.files, bytes) {
            if self.files.free_count() == 0
                && let Some(another) = self.files.plan_another()
            {
                self.files.add(another.make()?);
            }
            if self.files.free_count() == 0 {
                let (generation, up_to) = self.in_files.remove(0);
                self.files.release(generation);
                released(up_to);
            }
            let file = self.files.take_free().unwrap();
            let closed = self.writer.next_file(&mut self.files, file)?;
            self.in_files.extend(closed.map(|closed| (closed.generation, entries[0].base_offset)));
        }
        self.writer.write_group(entries)?;
        self.writer.sync()
    }
}

/// Writes groups of one to three entries until the disk fails; returns how many entries were on disk for certain, and up
/// to which the oldest files were released.
fn write_until_halt(journal: &mut Journal, first: i64, groups: i64) -> (i64, i64) {
    let (mut next, mut released) = (first, 0);
    for group in 0..groups {
        let entries: Vec<_> = (next..=next + group % 3).map(entry).collect();
        if journal.write(&entries, |up_to| released = up_to).is_err() {
            break;
        }
        next += entries.len() as i64;
    }
    (next, released)
}

fn check(found: &[i64], synced: i64, released: i64) {
    let expected: BTreeSet<i64> = (released..synced).collect();
    let found_set: BTreeSet<i64> = found.iter().copied().collect();
    assert!(found.is_sorted() && found_set.len() == found.len(), "in order, each once: {found:?}");
    assert!(expected.is_subset(&found_set), "synced {synced}, released up to {released}, found {found:?}");
    assert!(found.iter().all(|n| *n < synced + 3), "nothing that was not written: {found:?}");
}

#[test]
fn what_was_written_is_read_back_in_order() {
    let vfs = disk();
    let mut journal = Journal::open(&vfs, &ReplaySummary::default()).unwrap();
    let (synced, released) = write_until_halt(&mut journal, 0, 60);
    assert!(released > 0, "files were used again");
    let (found, summary) = read(&vfs);
    check(&found, synced, released);
    assert!(summary.damage.is_empty());
    assert!(journal_exists(&vfs, Path::new(DIR)).unwrap());
    JournalFiles::remove_all(&vfs, Path::new(DIR)).unwrap();
    assert!(!journal_exists(&vfs, Path::new(DIR)).unwrap());
}

/// Crashes at every call of the file system, goes on after it, and crashes again.
#[test]
fn every_crash_leaves_what_was_synced() {
    let mut states = 0;
    for nth in 0.. {
        let vfs = disk();
        vfs.halt_after(nth);
        let Ok(mut journal) = Journal::open(&vfs, &ReplaySummary::default()) else { continue };
        let (synced, released) = write_until_halt(&mut journal, 0, 50);
        let is_over = synced >= 99;
        for seed in 0..6 {
            states += 1;
            let crashed = vfs.crash_clone(seed);
            let (found, summary) = read(&crashed);
            assert_eq!(summary.damage, vec![], "a crash is no damage");
            check(&found, synced, released);
            let resumed_at = found.last().map_or(0, |last| last + 1);
            let mut journal = Journal::open(&crashed, &summary).unwrap();
            crashed.halt_after(seed * 7);
            let (synced, released) = write_until_halt(&mut journal, resumed_at, 20);
            let (found, summary) = read(&crashed.crash_clone(seed));
            assert_eq!(summary.damage, vec![]);
            // The first run's entries may be gone once the second has synced its first group.
            let since_resumed: Vec<i64> = found.into_iter().filter(|n| *n >= resumed_at).collect();
            check(&since_resumed, synced, released.max(resumed_at));
        }
        if is_over {
            break;
        }
    }
    assert!(states > 500, "{states}");
}

#[test]
fn generations_with_entries_that_could_not_be_used_are_kept() {
    let vfs = disk();
    let mut journal = Journal::open(&vfs, &ReplaySummary::default()).unwrap();
    write_until_halt(&mut journal, 0, 10);
    let shared: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let summary = replay(&shared, Path::new(DIR), |entry| entry.base_offset != 2).unwrap();
    assert_eq!(summary.keep.len(), 1);
    let mut journal = Journal::open(&vfs, &summary).unwrap();
    write_until_halt(&mut journal, 100, 10);
    let (found, _) = read(&vfs);
    assert!(found.contains(&2) && found.contains(&100), "{found:?}");
}

#[test]
fn what_is_in_the_segments_is_not_read_again() {
    let vfs = disk();
    let mut journal = Journal::open(&vfs, &ReplaySummary::default()).unwrap();
    for n in 0..10 {
        journal.write(&[entry(n)], |_| ()).unwrap();
    }
    let (found, last) = read(&vfs);
    assert!(!found.is_empty());
    for _ in 0..3 {
        let mut again = Journal::open(&vfs, &read(&vfs).1).unwrap();
        again.files.begin_anew().unwrap();
        let (found, summary) = read(&vfs);
        assert_eq!((found, summary.damage), (vec![], vec![]));
    }
    let mut again = Journal::open(&vfs, &read(&vfs).1).unwrap();
    again.files.begin_anew().unwrap();
    again.write(&[entry(100)], |_| ()).unwrap();
    again.write(&[entry(101)], |_| ()).unwrap();
    let (found, summary) = read(&vfs);
    assert_eq!((found, summary.damage), (vec![100, 101], vec![]));
    assert!(summary.last_generation > last.last_generation);
}

#[test]
fn damage_is_told_from_a_tear() {
    let vfs = disk();
    let mut journal = Journal::open(&vfs, &ReplaySummary::default()).unwrap();
    for n in 0..6 {
        journal.write(&[entry(n)], |_| {}).unwrap();
    }
    let file = Path::new("/data/barnabas-journal-0");
    let flip = |at: usize| {
        let damaged = vfs.kill_clone();
        damaged.damage(file, |bytes| bytes[at] ^= 1).unwrap();
        read(&damaged)
    };
    let (found, summary) = flip(512 + 60);
    assert_eq!((found.len(), summary.damage.len()), (5, 1), "later groups can be read: {summary:?}");
    let end = 512 + (0..6).map(|n| entry(n).size_bytes() as usize).sum::<usize>();
    let (found, summary) = flip(end - 1);
    assert_eq!((found.len(), summary.damage.len()), (5, 0), "the last group may have been torn");
}

#[test]
fn files_of_another_size_are_replaced_and_a_full_disk_makes_none() {
    let vfs = disk();
    let stale = vfs.open(Path::new("/data/barnabas-journal-7"), OpenMode::CREATE).unwrap();
    stale.write_all_at(&[0; 100], 0).unwrap();
    let journal = Journal::open(&vfs, &ReplaySummary::default()).unwrap();
    assert_eq!(journal.files.free_count(), 0);
    assert!(!vfs.exists(Path::new("/data/barnabas-journal-7")));
    vfs.set_capacity(Some(1000));
    assert!(journal.files.plan_another().unwrap().make().is_err());
    assert!(!vfs.exists(Path::new("/data/barnabas-journal-0")), "nothing is left of it");
}

#[test]
fn files_that_were_removed_are_missed_until_the_directory_is_left_properly() {
    let vfs = disk();
    let mut journal = Journal::open(&vfs, &ReplaySummary::default()).unwrap();
    assert_eq!(lost_journal(&vfs, Path::new(DIR)).unwrap(), None, "there is none yet");
    let (_, released) = write_until_halt(&mut journal, 0, 60);
    assert!(released > 0);
    let file = |number: u32| format!("barnabas-journal-{number}");
    let lost = |vfs: &MemVfs| lost_journal(vfs, Path::new(DIR)).unwrap();
    for seed in 0..10 {
        assert_eq!(lost(&vfs.crash_clone(seed)), None, "a crash removes nothing");
    }
    for number in 0..FILES {
        let (removed, cut) = (vfs.kill_clone(), vfs.kill_clone());
        let path = Path::new(DIR).join(file(number));
        removed.remove_file(&path).unwrap();
        cut.damage(&path, |bytes| bytes.truncate(5)).unwrap();
        for vfs in [removed, cut] {
            assert_eq!(lost(&vfs), Some(LostJournal { id: Uuid::from_bytes([7; 16]), files: vec![file(number)] }));
            forget_journal(&vfs, Path::new(DIR)).unwrap();
            assert_eq!(lost(&vfs), None);
        }
    }
    JournalFiles::remove_all(&vfs, Path::new(DIR)).unwrap();
    assert_eq!(lost(&vfs), None);
}

/// A start that takes over files of another size, or makes files, and is cut short anywhere.
#[test]
fn what_the_journal_itself_removes_is_not_missed() {
    let before = disk();
    write_until_halt(&mut Journal::open(&before, &ReplaySummary::default()).unwrap(), 0, 60);
    for nth in 0..60 {
        let vfs = before.kill_clone();
        let last = read(&vfs).1;
        vfs.halt_after(nth);
        let shared: Arc<dyn Vfs> = Arc::new(vfs.clone());
        let id = Uuid::from_bytes([8; 16]);
        if let Ok(mut files) = JournalFiles::open(shared, PathBuf::from(DIR), (TOTAL_BYTES * 2, FILES), id, &last) {
            let _ = files.plan_another().map(|another| another.make().map(|file| files.add(file)));
            let _ = files.plan_another().map(NewFile::make);
        }
        for seed in 0..5 {
            assert_eq!(lost_journal(&vfs.crash_clone(seed), Path::new(DIR)).unwrap(), None, "call {nth}");
        }
    }
}

#[test]
fn a_damaged_list_of_files_is_no_list() {
    let vfs = disk();
    write_until_halt(&mut Journal::open(&vfs, &ReplaySummary::default()).unwrap(), 0, 5);
    let list = Path::new("/data/barnabas-needs-journal");
    for damage in [Vec::clear, |bytes: &mut Vec<u8>| bytes.fill(0), |bytes: &mut Vec<u8>| bytes.truncate(115)]
        as [fn(&mut Vec<u8>); 3]
    {
        let damaged = vfs.kill_clone();
        damaged.damage(list, damage).unwrap();
        let error = lost_journal(&damaged, Path::new(DIR)).unwrap_err();
        assert!(error.to_string().contains("barnabas-needs-journal"), "{error}");
    }
}
