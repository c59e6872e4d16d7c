//! Feeds arbitrary bytes to the recovery of a log as its only segment. What is checked lives in the crate.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| barnabas_log::fuzz_one_segment(data));
