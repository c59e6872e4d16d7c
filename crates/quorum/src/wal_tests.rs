//! Tests of the log's file: what it survives and what it refuses.

use std::path::Path;
use std::sync::Arc;

use barnabas_common::vfs::{Fault, FaultOp, MemVfs, Vfs};

use super::{Contents, Record, Wal, path_of};
use crate::error::QuorumError;

const DIR: &str = "/m";

fn entry(index: u64) -> Record {
    Record::Entry(index, vec![u8::try_from(index % 251).unwrap(); 100].into())
}

fn open(vfs: &MemVfs) -> Result<Wal, QuorumError> {
    vfs.create_dir_all(Path::new(DIR)).unwrap();
    Wal::open(Arc::new(vfs.clone()), Path::new(DIR), 2000)
}

fn with_entries(frames: u64) -> (MemVfs, Contents) {
    let vfs = MemVfs::new();
    let mut wal = open(&vfs).unwrap();
    wal.append(&[Record::Vote(b"v".as_slice().into())]).unwrap();
    for i in 0..frames {
        wal.append(&[entry(2 * i), entry(2 * i + 1)]).unwrap();
    }
    (vfs, wal.contents().clone())
}

#[test]
fn all_records_come_back() {
    let (vfs, _) = with_entries(5);
    let mut wal = open(&vfs).unwrap();
    wal.append(&[Record::Truncated(8), Record::Purged(3, b"p".as_slice().into())]).unwrap();
    wal.append(&[Record::Committed(b"c".as_slice().into()), entry(8)]).unwrap();
    let contents = open(&vfs).unwrap().contents().clone();
    assert_eq!(&contents, wal.contents());
    assert_eq!(contents.entries.keys().copied().collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    assert_eq!(contents.vote.as_deref(), Some(&b"v"[..]));
    assert_eq!(contents.purged.unwrap().0, 3);
}

#[test]
fn a_torn_tail_is_cut_wherever_it_is_torn() {
    let (vfs, contents) = with_entries(3);
    let path = path_of(Path::new(DIR), 1);
    let whole = open(&vfs).unwrap().len() as usize;
    let (shorter, _) = with_entries(2);
    let before = open(&shorter).unwrap().len() as usize;
    assert!(before < whole);
    for len in before..whole {
        let torn = vfs.kill_clone();
        // A tail may end with the file, or in the zeros that were written ahead.
        torn.damage(&path, |bytes| if len % 2 == 0 { bytes.truncate(len) } else { bytes[len..].fill(0) }).unwrap();
        let mut wal = open(&torn).unwrap();
        assert_eq!(wal.contents().entries.len(), 4);
        assert_eq!(wal.len(), before as u64);
        wal.append(&[entry(4), entry(5)]).unwrap();
        assert_eq!(open(&torn).unwrap().contents(), &contents);
    }
}

#[test]
fn damage_before_the_tail_is_refused() {
    let (vfs, _) = with_entries(3);
    let path = path_of(Path::new(DIR), 1);
    let (shorter, _) = with_entries(2);
    for at in 0..open(&shorter).unwrap().len() as usize {
        let damaged = vfs.kill_clone();
        damaged.damage(&path, |bytes| bytes[at] ^= 0x10).unwrap();
        assert!(matches!(open(&damaged), Err(QuorumError::Corrupt { .. })), "byte {at}");
    }
}

#[test]
fn an_emptied_file_and_a_hole_are_refused() {
    let (vfs, _) = with_entries(1);
    vfs.damage(&path_of(Path::new(DIR), 1), Vec::clear).unwrap();
    assert!(matches!(open(&vfs), Err(QuorumError::Corrupt { .. })));
    let vfs = MemVfs::new();
    open(&vfs).unwrap().append(&[entry(1), entry(3)]).unwrap();
    assert!(matches!(open(&vfs), Err(QuorumError::Corrupt { .. })));
}

#[test]
fn a_rewritten_log_is_small_and_the_same() {
    let (vfs, _) = with_entries(50);
    let mut wal = open(&vfs).unwrap();
    let long = wal.len();
    wal.compact_if_worthwhile().unwrap();
    assert_eq!(wal.len(), long, "nothing is gone, nothing is rewritten");
    wal.append(&vec![entry(100); 40]).unwrap();
    wal.append(&[Record::Purged(97, b"p".as_slice().into())]).unwrap();
    wal.compact_if_worthwhile().unwrap();
    assert!(wal.len() < 600);
    assert!(!vfs.exists(&path_of(Path::new(DIR), 1)) && vfs.exists(&path_of(Path::new(DIR), 2)));
    wal.append(&[entry(101)]).unwrap();
    assert_eq!(open(&vfs).unwrap().contents(), wal.contents());
}

#[test]
fn a_rewrite_that_a_crash_interrupts_loses_nothing() {
    for halt_at in 0..12 {
        let (vfs, _) = with_entries(50);
        let mut wal = open(&vfs).unwrap();
        wal.append(&vec![entry(100); 40]).unwrap();
        wal.append(&[Record::Purged(97, b"p".as_slice().into())]).unwrap();
        let contents = wal.contents().clone();
        vfs.halt_after(halt_at);
        let _ = wal.compact_if_worthwhile();
        for seed in 0..20 {
            let after = vfs.crash_clone(seed);
            assert_eq!(open(&after).unwrap().contents(), &contents, "halt at {halt_at}, seed {seed}");
        }
    }
}

#[test]
fn a_rewrite_without_a_file_handle_or_room_is_left_for_later_and_loses_nothing() {
    const EMFILE: i32 = 24;
    const EDQUOT: i32 = 122;
    for (op, errno) in [(FaultOp::Open, EMFILE), (FaultOp::Write, EDQUOT)] {
        for skip in 0..4 {
            let (vfs, _) = with_entries(50);
            let mut wal = open(&vfs).unwrap();
            wal.append(&vec![entry(100); 40]).unwrap();
            wal.append(&[Record::Purged(97, b"p".as_slice().into())]).unwrap();
            vfs.inject(Fault { op, skip, times: 1, errno });
            wal.compact_if_worthwhile().unwrap();
            vfs.clear_faults();
            wal.append(&[entry(101)]).unwrap();
            for seed in 0..20 {
                assert_eq!(open(&vfs.crash_clone(seed)).unwrap().contents(), wal.contents(), "{op:?} {skip} {seed}");
            }
            let names = vfs.read_dir(Path::new(DIR)).unwrap();
            assert_eq!(names.len(), 1, "nothing is left behind: {names:?}");
            wal.compact_if_worthwhile().unwrap();
            assert_eq!(open(&vfs.kill_clone()).unwrap().contents(), wal.contents());
        }
    }
}
