//! Idempotent producers across restarts, rolls, retention and expiry.

use barnabas_common::vfs::MemVfs;
use barnabas_log::{Log, LogConfig, OpenOptions};

use crate::support::*;

fn reopened(vfs: &MemVfs, config: &LogConfig) -> Log {
    open(&vfs.kill_clone(), config)
}

#[test]
fn a_duplicate_returns_the_original_offset_and_time() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    append(&mut log, batch(5)).unwrap();
    let original = append(&mut log, producer_batch(1, 0, 0, 3)).unwrap();
    append(&mut log, producer_batch(1, 0, 3, 1)).unwrap();
    let again = append(&mut log, producer_batch(1, 0, 0, 3)).unwrap();
    assert!(again.duplicate && !original.duplicate);
    assert_eq!((again.first_offset, again.last_offset, again.log_append_time), (5, 7, NOW_MS));
    assert_eq!(log.log_end_offset(), 9);
}

#[test]
fn the_window_of_five_survives_a_kill_and_a_clean_stop_even_across_segments() {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &small_segments());
    for i in 0..30 {
        append(&mut log, producer_batch(1, 0, i * 2, 2)).unwrap();
        append(&mut log, sized_batch(1, NOW_MS, (i as usize * 37) % 400)).unwrap();
    }
    let expected: Vec<i64> =
        (25..30).map(|i| append(&mut log, producer_batch(1, 0, i * 2, 2)).unwrap().first_offset).collect();
    let check = |mut log: Log| {
        for (i, offset) in (25..30).zip(&expected) {
            let info = append(&mut log, producer_batch(1, 0, i * 2, 2)).unwrap();
            assert!(info.duplicate && info.first_offset == *offset, "batch {i}");
        }
        assert_eq!(append_code(&mut log, producer_batch(1, 0, 48, 2)), 45, "older than five");
        assert_eq!(append_code(&mut log, producer_batch(1, 0, 61, 1)), 45, "a gap");
        assert_eq!(append_code(&mut log, producer_batch(1, 0, 60, 1)), 0);
    };
    check(reopened(&vfs, &small_segments()));
    log.roll(NOW_MS).unwrap();
    check(reopened(&vfs, &small_segments()));
    log.close().unwrap();
    let options = OpenOptions {
        clean_shutdown: true,
        recovery_point: log.log_end_offset(),
        log_start_offset: 0,
        trusts_small_logs: false,
    };
    check(try_open(&vfs.kill_clone(), &small_segments(), options).unwrap());
}

#[test]
fn a_retry_of_a_deleted_batch_still_gets_its_offset() {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &small_segments());
    append(&mut log, producer_batch(1, 0, 0, 2)).unwrap();
    for _ in 0..20 {
        append(&mut log, batch(2)).unwrap();
    }
    log.increment_log_start_offset(30).unwrap();
    assert!(!log.apply_retention(NOW_MS, 42).unwrap().is_empty());
    for mut log in [reopened(&vfs, &small_segments()), log] {
        let info = append(&mut log, producer_batch(1, 0, 0, 2)).unwrap();
        assert!(info.duplicate && info.first_offset == 0);
        append(&mut log, producer_batch(1, 0, 2, 1)).expect("and it goes on");
    }
}

#[test]
fn a_producer_idle_beyond_expiry_may_continue_anywhere() {
    let mut log = open(&MemVfs::new(), &LogConfig { producer_id_expiration_ms: 1000, ..LogConfig::default() });
    append(&mut log, producer_batch(1, 0, 0, 2)).unwrap();
    log.tick(NOW_MS + 999).unwrap();
    assert_eq!(append_code(&mut log, producer_batch(1, 0, 7, 1)), 45);
    log.tick(NOW_MS + 1000).unwrap();
    assert_eq!(append_code(&mut log, producer_batch(1, 0, 7, 1)), 0);
}

#[test]
fn producers_of_ancient_records_are_not_forgotten_at_a_restart() {
    let vfs = MemVfs::new();
    vfs.set_now_ms(NOW_MS);
    let mut log = open(&vfs, &LogConfig::default());
    append(&mut log, fill(builder().producer(1, 0, 0), 1, 1000, 10)).unwrap();
    let mut log = reopened(&vfs, &LogConfig::default());
    assert!(append(&mut log, fill(builder().producer(1, 0, 0), 1, 1000, 10)).unwrap().duplicate);
}

#[test]
fn truncation_forgets_what_was_cut_off_and_nothing_else() {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &small_segments());
    for i in 0..30 {
        append(&mut log, producer_batch(1, 0, i * 2, 2)).unwrap();
    }
    log.truncate_to(40, NOW_MS).unwrap();
    for mut log in [reopened(&vfs, &small_segments()), log] {
        assert_eq!(append_code(&mut log, producer_batch(1, 0, 42, 2)), 45);
        let again = append(&mut log, producer_batch(1, 0, 38, 2)).unwrap();
        assert!(again.duplicate && again.first_offset == 38);
        assert_eq!(append(&mut log, producer_batch(1, 0, 40, 2)).unwrap().first_offset, 40);
    }
}

#[test]
fn after_an_aborted_epoch_the_same_sequence_is_a_new_record() {
    let mut log = open(&MemVfs::new(), &LogConfig::default());
    append(&mut log, producer_batch(1, 0, 0, 2)).unwrap();
    let info = append(&mut log, producer_batch(1, 1, 0, 2)).unwrap();
    assert!(!info.duplicate && info.first_offset == 2);
    assert_eq!(append_code(&mut log, producer_batch(1, 0, 2, 1)), 47);
}
