//! What the `frame_decode` fuzz target runs on arbitrary bytes: a request frame as it comes from a client. Not part
//! of the API; record batches have a target of their own.

use bytes::Bytes;

use crate::api::ApiKey;
use crate::frame::decode_request_header;

/// Reads `data` as a frame without its size. What can be read must survive being written and read again.
///
/// # Panics
/// If it does not.
pub fn fuzz_one(data: &[u8]) {
    let Ok((header, body)) = decode_request_header(Bytes::copy_from_slice(data)) else { return };
    let Some(api) = ApiKey::from_code(header.api_key) else { return };
    let version = header.api_version;
    if version < api.first_decodable_version() || version > api.versions().last {
        return;
    }
    let Ok(written) = api.rewrite_request(version, body) else { return };
    // Not compared with the input: strings may come in a longer spelling, and unknown tags are dropped.
    let again = api.rewrite_request(version, written.clone());
    assert_eq!(again.as_ref(), Ok(&written), "{api:?} version {version}");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::fuzz_one;

    #[test]
    fn seeds_pass_whole_cut_and_with_any_byte_changed() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/frame_decode");
        let seeds: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            fuzz_one(&seed);
            for at in 0..seed.len().min(400) {
                fuzz_one(&seed[..at]);
                for value in [0, 0x7f, 0x80, 0xff] {
                    let mut changed = seed.clone();
                    changed[at] = value;
                    fuzz_one(&changed);
                }
            }
        }
    }
}
