//! Sessions as a consumer drives them.

use bytes::Bytes;

use super::*;
use crate::partition::PartitionOffsets;

fn partition(topic: &str, index: i32) -> SessionPartition {
    SessionPartition {
        topic: TopicKey::Name(topic.into()),
        partition: index,
        fetch_offset: 0,
        max_bytes: 1000,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
    }
}

fn request(id: i32, epoch: i32, partitions: Vec<SessionPartition>) -> SessionRequest {
    SessionRequest { session_id: id, session_epoch: epoch, uses_topic_ids: false, partitions, forgotten: Vec::new() }
}

fn fetched(high_watermark: i64, records: &'static [u8]) -> FetchedPartition {
    FetchedPartition {
        error: ErrorCode::None,
        offsets: PartitionOffsets {
            log_start_offset: 0,
            last_stable_offset: high_watermark,
            high_watermark,
            log_end_offset: high_watermark,
        },
        diverging_epoch: None,
        records: Bytes::from_static(records).into(),
    }
}

#[test]
fn an_incremental_fetch_answers_only_news() {
    let mut cache = FetchSessionCache::new(10, 7);
    let first = cache.begin(request(0, 0, vec![partition("t", 0), partition("t", 1)]), 0).unwrap();
    let id = first.session_id();
    assert_ne!(id, 0);
    assert_eq!(first.answered(&[fetched(5, b"x"), fetched(0, b"")]), [true, true]);

    let second = cache.begin(request(id, 1, vec![]), 1).unwrap();
    assert_eq!(second.partitions.len(), 2);
    assert_eq!(second.answered(&[fetched(5, b""), fetched(0, b"")]), [false, false]);

    let third = cache.begin(request(id, 2, vec![]), 2).unwrap();
    let news: Vec<_> =
        third.partitions.iter().map(|p| if p.partition == 1 { fetched(3, b"y") } else { fetched(5, b"") }).collect();
    let answered = third.answered(&news);
    assert_eq!(answered.iter().filter(|answered| **answered).count(), 1);
}

#[test]
fn an_error_is_answered_until_it_is_over() {
    let mut cache = FetchSessionCache::new(10, 7);
    let first = cache.begin(request(0, 0, vec![partition("t", 0)]), 0).unwrap();
    let id = first.session_id();
    first.answered(&[fetched(5, b"")]);
    for epoch in 1..4 {
        let next = cache.begin(request(id, epoch, vec![]), 1).unwrap();
        assert_eq!(next.answered(&[FetchedPartition::failed(ErrorCode::UnknownTopicOrPartition)]), [true]);
    }
    let next = cache.begin(request(id, 4, vec![]), 1).unwrap();
    assert_eq!(next.answered(&[fetched(5, b"")]), [true]);
}

#[test]
fn wrong_ids_and_epochs_are_named() {
    let mut cache = FetchSessionCache::new(10, 7);
    let id = cache.begin(request(0, 0, vec![partition("t", 0)]), 0).unwrap().session_id();
    assert_eq!(cache.begin(request(id + 1, 1, vec![]), 0).err(), Some(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(cache.begin(request(id, 5, vec![]), 0).err(), Some(ErrorCode::InvalidFetchSessionEpoch));
    let by_id = SessionRequest { uses_topic_ids: true, ..request(id, 1, vec![]) };
    assert_eq!(cache.begin(by_id, 0).err(), Some(ErrorCode::FetchSessionTopicIdError));
}

#[test]
fn forgotten_partitions_are_not_fetched_again() {
    let mut cache = FetchSessionCache::new(10, 7);
    let id = cache.begin(request(0, 0, vec![partition("t", 0), partition("t", 1)]), 0).unwrap().session_id();
    let forgotten = vec![(TopicKey::Name("t".into()), 0)];
    let next = cache.begin(SessionRequest { forgotten, ..request(id, 1, vec![]) }, 0).unwrap();
    assert_eq!(next.partitions.iter().map(|p| p.partition).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_full_cache_makes_room_only_from_idle_sessions() {
    let mut cache = FetchSessionCache::new(1, 7);
    let first = cache.begin(request(0, 0, vec![partition("t", 0)]), 0).unwrap().session_id();
    assert_eq!(cache.begin(request(0, 0, vec![partition("t", 0)]), 1000).unwrap().session_id(), 0);
    let later = cache.begin(request(0, 0, vec![partition("t", 0)]), EVICTABLE_AFTER_MS).unwrap().session_id();
    assert_ne!(later, 0);
    assert_eq!(
        cache.begin(request(first, 1, vec![]), EVICTABLE_AFTER_MS).err(),
        Some(ErrorCode::FetchSessionIdNotFound)
    );
    cache.begin(request(later, FINAL_EPOCH, vec![]), 0).unwrap();
    assert!(cache.is_empty());
}
