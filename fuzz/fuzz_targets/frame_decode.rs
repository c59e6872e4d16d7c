//! Feeds arbitrary bytes to everything that reads requests. What is checked lives in the crate.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| barnabas_protocol::fuzz_one(data));
