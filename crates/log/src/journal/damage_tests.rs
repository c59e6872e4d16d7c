//! Every byte of a journal damaged: all that can be read is, and what cannot is told from what a crash tears.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::Uuid;
use barnabas_common::vfs::{MemVfs, Vfs};
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};
use bytes::Bytes;

use super::entry::{ENTRY_HEADER_BYTES, FILE_HEADER_BYTES};
use super::*;

const DIR: &str = "/data";
const FILES: u32 = 3;
const GROUPS: i64 = 12;

/// Two records.
fn entry(n: i64) -> JournalEntry {
    let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    let value = vec![b'v'; 20 + (n as usize * 37) % 200];
    batch.add(1, None, Some(&value), &[]);
    batch.add(1, None, Some(&value), &[]);
    let mut batches = batch.build(2 * n, -1).unwrap();
    batches[..8].copy_from_slice(&(2 * n).to_be_bytes());
    JournalEntry { topic_id: Uuid::from_bytes([1; 16]), partition: 5, base_offset: 2 * n, batches: batches.freeze() }
}

/// One entry per group, in files of this size.
fn written(file_bytes: u64) -> MemVfs {
    let vfs = MemVfs::new();
    vfs.create_dir_all(Path::new(DIR)).unwrap();
    let shared: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let sizes = (file_bytes * u64::from(FILES), FILES);
    let last = ReplaySummary::default();
    let mut files = JournalFiles::open(shared, PathBuf::from(DIR), sizes, Uuid::from_bytes([7; 16]), &last).unwrap();
    let mut writer = JournalWriter::default();
    for n in 0..GROUPS {
        if !writer.has_room(&files, entry(n).size_bytes()) {
            let another = files.plan_another().unwrap().make().unwrap();
            writer.next_file(&mut files, another).unwrap();
        }
        writer.write_group(&[entry(n)]).unwrap();
        writer.sync().unwrap();
    }
    vfs
}

fn read(vfs: &MemVfs) -> (Vec<i64>, ReplaySummary) {
    let vfs: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let mut found = Vec::new();
    let summary = replay(&vfs, Path::new(DIR), |read| {
        let n = read.base_offset / 2;
        assert_eq!(read.batches, entry(n).batches);
        found.push(n);
        true
    });
    (found, summary.unwrap())
}

/// Where the entries lie, by file.
fn places(vfs: &MemVfs) -> Vec<(PathBuf, usize, usize, i64)> {
    let mut places = Vec::new();
    for number in 0..FILES {
        let file = Path::new(DIR).join(format!("barnabas-journal-{number}"));
        let Ok(bytes) = vfs.read(&file) else { break };
        let bytes = Bytes::from(bytes);
        let mut at = FILE_HEADER_BYTES as usize;
        while let Some(parsed) = entry::parse(&bytes.slice(at..)) {
            let end = at + ENTRY_HEADER_BYTES + parsed.entry.batches.len();
            places.push((file.clone(), at, end, parsed.entry.base_offset / 2));
            at = end;
        }
    }
    assert_eq!(places.len() as i64, GROUPS);
    places
}

#[test]
fn every_damaged_byte_costs_one_entry_and_is_told() {
    for file_bytes in [8192, 2600] {
        let vfs = written(file_bytes);
        assert_eq!(read(&vfs).1.damage, vec![]);
        let (mut told, mut untold) = (0, 0);
        for (file, from, to, n) in places(&vfs) {
            for at in from..to {
                let damaged = vfs.kill_clone();
                damaged.damage(&file, |bytes| bytes[at] ^= 1 << (at % 8)).unwrap();
                let (found, summary) = read(&damaged);
                let expected: Vec<i64> = (0..GROUPS).filter(|other| *other != n).collect();
                assert_eq!(found, expected, "entry {n}, byte {}", at - from);
                // The last group of all may have been torn.
                if n >= GROUPS - 1 {
                    assert_eq!(summary.damage, vec![], "byte {}", at - from);
                    continue;
                }
                let [damage] = &summary.damage[..] else { panic!("entry {n}, byte {}: {summary:?}", at - from) };
                assert_eq!((damage.from, damage.to), (from as u64, to as u64));
                assert_ne!(damage.is_all, damage.entries.is_empty());
                let is_in_header = at - from < ENTRY_HEADER_BYTES;
                for entry in damage.entries.iter().filter(|_| !is_in_header) {
                    assert_eq!((entry.topic_id, entry.partition), (Uuid::from_bytes([1; 16]), 5));
                    assert_eq!(entry.base_offset, 2 * n);
                    assert!(entry.end_offset.is_none_or(|end| end == 2 * n + 2));
                }
                told += damage.entries.len();
                untold += usize::from(!damage.is_all);
            }
        }
        assert!(told > 8 * untold && untold > 0, "{told} {untold}");
    }
}

#[test]
fn a_hole_of_several_entries_is_gone_around() {
    for file_bytes in [8192, 2600] {
        let vfs = written(file_bytes);
        let places = places(&vfs);
        for first in 0..GROUPS - 3 {
            let damaged = vfs.kill_clone();
            for (file, from, to, _) in &places[first as usize..first as usize + 2] {
                damaged.damage(file, |bytes| bytes[*from..*to].fill(0)).unwrap();
            }
            let (found, summary) = read(&damaged);
            let expected: Vec<i64> = (0..GROUPS).filter(|n| !(first..first + 2).contains(n)).collect();
            assert_eq!(found, expected, "{first}");
            assert!(!summary.damage.is_empty() && summary.damage.iter().all(|damage| !damage.is_all));
        }
    }
}

#[test]
fn a_file_without_its_header_is_missed() {
    for file_bytes in [8192, 2600] {
        let vfs = written(file_bytes);
        for (file, ..) in places(&vfs) {
            let damaged = vfs.kill_clone();
            damaged.damage(&file, |bytes| bytes[20] ^= 4).unwrap();
            let (found, summary) = read(&damaged);
            assert!(found.len() < GROUPS as usize);
            assert!(summary.damage.iter().any(|damage| damage.file == file && !damage.is_all), "{summary:?}");

            // It is used again, and what was in it stays old.
            let shared: Arc<dyn Vfs> = Arc::new(damaged.clone());
            let sizes = (file_bytes * u64::from(FILES), FILES);
            let id = Uuid::from_bytes([8; 16]);
            let mut files = JournalFiles::open(shared, PathBuf::from(DIR), sizes, id, &summary).unwrap();
            files.begin_anew().unwrap();
            let mut writer = JournalWriter::default();
            while let Some(free) = files.take_free() {
                writer.next_file(&mut files, free).unwrap();
                writer.write_group(&[entry(0)]).unwrap();
            }
            let (found, summary) = read(&damaged);
            assert!(!found.is_empty() && found.iter().all(|n| *n == 0), "{found:?}");
            assert_eq!(summary.damage, vec![]);
        }
    }
}
