//! Tests of the file system in memory.

use std::path::Path;

use super::{Fault, FaultOp, MemVfs};
use crate::vfs::{OpenMode, Vfs};

#[test]
fn a_crash_keeps_what_was_synced_and_may_lose_the_rest() {
    let vfs = MemVfs::new();
    vfs.create_dir_all(Path::new("/d")).unwrap();
    let file = vfs.open(Path::new("/d/a"), OpenMode::CREATE).unwrap();
    file.write_all_at(&[1; 2000], 0).unwrap();
    file.sync_data().unwrap();
    vfs.sync_dir(Path::new("/d")).unwrap();
    file.write_all_at(&[2; 2000], 2000).unwrap();
    let mut lengths = Vec::new();
    for seed in 0..40 {
        let crashed = vfs.crash_clone(seed).read(Path::new("/d/a")).unwrap();
        assert_eq!(crashed[..2000], [1; 2000]);
        lengths.push(crashed.len());
        assert_eq!(
            crashed,
            vfs.crash_clone(seed).read(Path::new("/d/a")).unwrap(),
            "the same seed gives the same crash"
        );
    }
    assert!(lengths.contains(&2000) && lengths.contains(&4000));
    assert_eq!(vfs.kill_clone().read(Path::new("/d/a")).unwrap().len(), 4000);
}

#[test]
fn an_unsynced_name_may_vanish_and_an_unsynced_removal_may_come_back() {
    let vfs = MemVfs::new();
    vfs.create_dir_all(Path::new("/d")).unwrap();
    vfs.open(Path::new("/d/a"), OpenMode::CREATE).unwrap();
    vfs.sync_dir(Path::new("/d")).unwrap();
    vfs.rename(Path::new("/d/a"), Path::new("/d/b")).unwrap();
    let after: Vec<bool> = (0..20).map(|seed| vfs.crash_clone(seed).exists(Path::new("/d/b"))).collect();
    assert!(after.contains(&true) && after.contains(&false));
}

#[test]
fn faults_and_capacity_hit_as_scripted() {
    let vfs = MemVfs::new();
    let file = vfs.open(Path::new("a"), OpenMode::CREATE).unwrap();
    vfs.inject(Fault { op: FaultOp::Write, skip: 1, times: 1, errno: 5 });
    file.write_all_at(b"x", 0).unwrap();
    assert_eq!(file.write_all_at(b"y", 1).unwrap_err().raw_os_error(), Some(5));
    file.write_all_at(b"y", 1).unwrap();
    vfs.set_capacity(Some(4));
    assert_eq!(file.write_all_at(b"abcdef", 2).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(vfs.read(Path::new("a")).unwrap(), b"xyab");
    file.set_len(2).unwrap();
    assert_eq!(vfs.used_bytes(), 2);
}

#[test]
fn a_removed_file_stays_readable_while_open() {
    let vfs = MemVfs::new();
    let file = vfs.open(Path::new("a"), OpenMode::CREATE).unwrap();
    file.write_all_at(b"abc", 0).unwrap();
    vfs.remove_file(Path::new("a")).unwrap();
    let mut buf = [0; 3];
    file.read_exact_at(&mut buf, 0).unwrap();
    assert_eq!(&buf, b"abc");
    assert!(!vfs.exists(Path::new("a")));
}

#[test]
fn a_folder_whose_own_name_was_not_synced_may_be_gone_with_all_that_is_in_it() {
    let vfs = MemVfs::new();
    vfs.sync_each_folder();
    vfs.create_dir_all(Path::new("/d")).unwrap();
    vfs.create_dir_all(Path::new("/d/p")).unwrap();
    vfs.open(Path::new("/d/p/a"), OpenMode::CREATE).unwrap().sync_all().unwrap();
    let left = |vfs: &MemVfs, name: &str| (0..40).filter(|seed| vfs.crash_clone(*seed).exists(Path::new(name))).count();
    vfs.sync_dir(Path::new("/d/p")).unwrap();
    assert!((1..40).contains(&left(&vfs, "/d/p/a")));
    vfs.open(Path::new("/d/p/b"), OpenMode::CREATE).unwrap();
    vfs.sync_dir(Path::new("/d")).unwrap();
    assert_eq!(left(&vfs, "/d/p/a"), 40);
    // What is not synced yet goes with its folder to the new name.
    vfs.rename(Path::new("/d/p"), Path::new("/d/q")).unwrap();
    vfs.sync_dir(Path::new("/d")).unwrap();
    assert_eq!((left(&vfs, "/d/q/a"), left(&vfs, "/d/p/b")), (40, 0));
    assert!((1..40).contains(&left(&vfs, "/d/q/b")));
}
