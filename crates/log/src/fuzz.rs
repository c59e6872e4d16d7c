//! The entry of the fuzz target `segment_recovery`: any bytes as the only segment of a log must open, and what is
//! served then must be whole batches.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::TopicPartition;
use barnabas_common::vfs::{MemVfs, OpenMode, Vfs};
use barnabas_protocol::records::crc_is_valid;

use crate::{Log, LogConfig, OpenOptions};

/// Opens a log whose segment holds `data` and reads all of it.
///
/// # Panics
/// If the log breaks a promise.
#[doc(hidden)]
pub fn fuzz_one_segment(data: &[u8]) {
    let vfs = MemVfs::new();
    let dir = PathBuf::from("/t-0");
    let path = dir.join("00000000000000000000.log");
    let written =
        vfs.create_dir_all(&dir).and_then(|()| vfs.open(&path, OpenMode::CREATE)).and_then(|f| f.write_all_at(data, 0));
    assert!(written.is_ok(), "memory is always writable");
    let first = open_and_read(&vfs, &dir);
    let second = open_and_read(&vfs, &dir);
    assert_eq!(first, second, "a recovered log is the same when opened again");
}

fn open_and_read(vfs: &MemVfs, dir: &Path) -> Vec<u8> {
    let partition = TopicPartition::new("t", 0);
    let options = OpenOptions::default();
    let opened = Log::open(Arc::new(vfs.clone()), dir.to_owned(), partition, None, LogConfig::default(), options, 0);
    let Ok(log) = opened else { panic!("unsynced damage never keeps a log from opening") };
    let (mut all, mut offset) = (Vec::new(), log.log_start_offset());
    while offset < log.log_end_offset() {
        let plan = log.plan_read(offset, 1 << 20, log.log_end_offset(), true);
        let Ok(bytes) = plan.and_then(|plan| plan.read()) else { panic!("a recovered log can be read") };
        for batch in barnabas_protocol::records::split_batches(&bytes) {
            let Ok((header, batch)) = batch else { panic!("a read returns whole batches") };
            assert!(crc_is_valid(batch) && header.next_offset() > offset);
            offset = header.next_offset();
        }
        assert!(!bytes.is_empty(), "a read below the end returns something");
        all.extend_from_slice(&bytes);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short stand-in for the fuzzer: damaged copies of a segment of Kafka.
    #[test]
    fn damaged_segments_are_recovered() {
        let segment = include_bytes!("../tests/fixtures/kafka-4.3.1/golden-0/00000000000000000000.log");
        let mut state = 1u64;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % bound
        };
        for _ in 0..300 {
            let mut data = segment[..below(segment.len()).max(1)].to_vec();
            for _ in 0..below(3) {
                let at = below(data.len());
                data[at] ^= 1 << below(8);
            }
            fuzz_one_segment(&data);
        }
    }
}
