//! Tests of the checks of idempotent producers.

use barnabas_common::ErrorCode;
use barnabas_protocol::records::BatchHeader;

use super::*;

fn batch(epoch: i16, base_sequence: i32, count: i32, base_offset: i64) -> BatchHeader {
    BatchHeader {
        base_offset,
        batch_length: 100,
        partition_leader_epoch: 0,
        magic: 2,
        crc: 0,
        attributes: 0,
        last_offset_delta: count - 1,
        base_timestamp: 10,
        max_timestamp: 10,
        producer_id: 1,
        producer_epoch: epoch,
        base_sequence,
        record_count: count,
    }
}

fn append(states: &mut ProducerStates, header: BatchHeader) -> Result<(), ErrorCode> {
    states.check(&header, true).map_err(|e| e.error_code())?;
    states.observe(&Observed { header: &header, marker: None }, 1000);
    Ok(())
}

#[test]
fn five_batches_are_remembered_in_any_order_and_the_sixth_is_out_of_order() {
    let mut states = ProducerStates::default();
    for i in 0..6 {
        append(&mut states, batch(0, i * 2, 2, i64::from(i) * 10)).unwrap();
    }
    for i in [3, 1, 5, 2, 4] {
        let duplicate = states.find_duplicate(&batch(0, i * 2, 2, 0)).unwrap();
        assert_eq!((duplicate.first_offset(), duplicate.last_offset), (i64::from(i) * 10, i64::from(i) * 10 + 1));
    }
    assert_eq!(states.find_duplicate(&batch(0, 0, 2, 0)), None);
    assert_eq!(append(&mut states, batch(0, 0, 2, 60)), Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(states.find_duplicate(&batch(0, 10, 3, 0)), None, "the same start with another length is no duplicate");
}

#[test]
fn gaps_and_old_epochs_are_refused_and_new_epochs_start_at_zero() {
    let mut states = ProducerStates::default();
    append(&mut states, batch(1, 7, 3, 0)).expect("an unknown producer may start anywhere");
    assert_eq!(append(&mut states, batch(1, 11, 1, 3)), Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(append(&mut states, batch(0, 10, 1, 3)), Err(ErrorCode::InvalidProducerEpoch));
    assert_eq!(append(&mut states, batch(2, 10, 1, 3)), Err(ErrorCode::OutOfOrderSequenceNumber));
    append(&mut states, batch(2, 0, 1, 3)).unwrap();
    append(&mut states, batch(2, 1, 1, 4)).unwrap();
    assert_eq!(states.views()[0].last_sequence, 1);
}

#[test]
fn sequence_numbers_wrap_around() {
    let mut states = ProducerStates::default();
    append(&mut states, batch(0, i32::MAX - 1, 4, 0)).unwrap();
    assert_eq!(states.views()[0].last_sequence, 1);
    assert!(states.find_duplicate(&batch(0, i32::MAX - 1, 4, 0)).is_some());
    append(&mut states, batch(0, 2, 1, 4)).unwrap();
    let mut states = ProducerStates::default();
    append(&mut states, batch(0, i32::MAX, 1, 0)).unwrap();
    append(&mut states, batch(0, 0, 1, 1)).unwrap();
}

#[test]
fn idle_producers_are_forgotten_by_the_brokers_clock() {
    let mut states = ProducerStates::default();
    append(&mut states, batch(0, 0, 1, 0)).unwrap();
    states.expire(1_099, 100);
    assert_eq!(states.views().len(), 1);
    states.expire(1_100, 100);
    assert_eq!(states.views().len(), 0);
    append(&mut states, batch(0, 9, 1, 1)).expect("after expiry any sequence is accepted");
}

#[test]
fn a_marker_ends_the_transaction_and_keeps_sequence_numbers() {
    let mut states = ProducerStates::default();
    let mut data = batch(0, 0, 2, 5);
    data.attributes = 0x10;
    append(&mut states, data).unwrap();
    assert_eq!(states.first_unstable_offset(), Some(5));
    states.expire(i64::MAX, 1);
    let mut marker = batch(0, -1, 1, 7);
    marker.attributes = 0x30;
    states.observe(&Observed { header: &marker, marker: Some(EndTransaction { coordinator_epoch: 4 }) }, 1000);
    assert_eq!(states.first_unstable_offset(), None);
    let view = states.views()[0];
    assert_eq!((view.last_sequence, view.coordinator_epoch), (1, 4));
    append(&mut states, batch(0, 2, 1, 8)).unwrap();
}
