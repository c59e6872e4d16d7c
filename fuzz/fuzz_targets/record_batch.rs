//! Feeds arbitrary bytes to everything that reads record batches. What is checked lives in the crate.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| barnabas_protocol::records::fuzz_one(data));
