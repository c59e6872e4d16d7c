//! What a log takes over from a journal after a crash.

use barnabas_common::vfs::MemVfs;
use barnabas_log::{AppendOrigin, LogConfig, OpenOptions};
use barnabas_protocol::records::assign_offsets;

use crate::support::{NOW_MS, batch, open, try_open};

fn journaled(base_offset: i64, count: usize) -> Vec<u8> {
    let mut bytes = batch(count).to_vec();
    assign_offsets(&mut bytes, base_offset, 0);
    bytes
}

#[test]
fn what_is_there_is_skipped_and_what_follows_is_appended() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    log.append_as_leader(&mut batch(10), 0, NOW_MS, AppendOrigin::Client).unwrap();
    log.append_journaled(&journaled(0, 10), NOW_MS).unwrap();
    assert_eq!(log.log_end_offset(), 10);
    let both = [journaled(0, 10), journaled(10, 5)].concat();
    log.append_journaled(&both, NOW_MS).unwrap();
    assert_eq!(log.log_end_offset(), 15);
}

#[test]
fn a_gap_is_told_and_nothing_is_appended_behind_it() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    log.append_as_leader(&mut batch(10), 0, NOW_MS, AppendOrigin::Client).unwrap();
    let error = log.append_journaled(&journaled(11, 5), NOW_MS).unwrap_err().to_string();
    assert!(error.contains("the log ends at offset 10, the journal goes on at 11"), "{error}");
    assert_eq!(log.log_end_offset(), 10);
}

#[test]
fn records_deleted_up_to_the_middle_of_a_lost_batch_stay_deleted() {
    let options = OpenOptions { log_start_offset: 95, ..OpenOptions::default() };
    let mut log = try_open(&MemVfs::new(), &LogConfig::default(), options).unwrap();
    log.append_journaled(&journaled(90, 10), NOW_MS).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (95, 100));
    log.append_journaled(&journaled(100, 1), NOW_MS).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (95, 101));
}
