//! Replays the seeds of the fuzz target `segment_recovery` without a fuzzer: whole, cut, and with bytes changed.

use std::fs;
use std::path::PathBuf;

use barnabas_log::fuzz_one_segment;

const CHANGES_PER_SEED: usize = 40;

#[test]
fn seeds_of_segment_recovery_pass() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/segment_recovery");
    let seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        fuzz_one_segment(&seed);
        for at in (0..seed.len()).step_by(seed.len().div_ceil(CHANGES_PER_SEED).max(1)) {
            fuzz_one_segment(&seed[..at]);
            let mut changed = seed.clone();
            changed[at] ^= 0x81;
            fuzz_one_segment(&changed);
        }
    }
}
