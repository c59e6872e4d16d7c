//! Replays the seeds of the fuzz target without a fuzzer, and mutates fixtures a little.

use std::{fs, path::PathBuf};

use super::*;

fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn fuzz_seeds_pass() {
    let seeds = files("../../fuzz/seeds/record_batch");
    assert!(!seeds.is_empty());
    for seed in seeds {
        fuzz_one(&seed);
    }
}

#[test]
fn fixtures_with_any_byte_changed_pass() {
    for fixture in files("tests/fixtures").iter().filter(|fixture| fixture.len() < 600) {
        for at in 0..fixture.len() {
            let mut changed = fixture.clone();
            changed[at] ^= 0x81;
            fuzz_one(&changed);
        }
    }
}
