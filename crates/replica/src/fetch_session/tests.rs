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

fn many(topic: &str, first: i32, count: usize) -> Vec<SessionPartition> {
    (first..).take(count).map(|index| partition(topic, index)).collect()
}

#[test]
fn a_session_that_grows_beyond_its_limit_is_given_up() {
    let mut cache = FetchSessionCache::new(10, 7);
    let half = MAX_SESSION_PARTITIONS / 2;
    let id = cache.begin(request(0, 0, many("t", 0, half)), 0).unwrap().session_id();
    assert!(cache.begin(request(id, 1, many("t", 0, half)), 0).is_ok(), "these are known already");
    let next = i32::try_from(half).unwrap();
    let renewed = SessionRequest {
        forgotten: (0..next).map(|index| (TopicKey::Name("t".into()), index)).collect(),
        ..request(id, 2, many("t", next, 2 * half))
    };
    assert!(cache.begin(renewed, 0).is_ok(), "what is forgotten makes room");
    let beyond = cache.begin(request(id, 3, many("t", 0, half)), 0);
    assert_eq!(beyond.err(), Some(ErrorCode::FetchSessionIdNotFound));
    assert_eq!((cache.len(), cache.partition_count()), (0, 0));
    let all = cache.begin(request(0, 0, many("t", 0, 3 * half)), 0).unwrap();
    assert_eq!((all.session_id(), all.partitions.len()), (0, 3 * half), "everything is fetched, without a session");
}

#[test]
fn long_names_count_for_the_memory_they_take() {
    let mut cache = FetchSessionCache::new(10, 7);
    let id = cache.begin(request(0, 0, vec![partition("t", 0)]), 0).unwrap().session_id();
    let long = "x".repeat(30_000);
    let answers: Vec<_> = (1..5)
        .map(|epoch| {
            let growing = request(id, epoch, many(&long, epoch * 1000, 400));
            cache.begin(growing, 0).map(|fetch| fetch.session_id())
        })
        .collect();
    let gone = Err(ErrorCode::FetchSessionIdNotFound);
    assert_eq!(answers, [Ok(id), Ok(id), gone, gone]);
}

#[test]
fn all_sessions_share_a_limit_and_idle_ones_make_room() {
    let mut cache = FetchSessionCache::new(100, 7);
    let sessions = MAX_PARTITIONS / MAX_SESSION_PARTITIONS;
    for _ in 0..sessions {
        assert_ne!(cache.begin(request(0, 0, many("t", 0, MAX_SESSION_PARTITIONS)), 0).unwrap().session_id(), 0);
    }
    assert_eq!(cache.partition_count(), MAX_PARTITIONS);
    assert_eq!(cache.begin(request(0, 0, vec![partition("t", 0)]), 1).unwrap().session_id(), 0);
    assert_ne!(cache.begin(request(0, 0, many("t", 0, 10)), EVICTABLE_AFTER_MS).unwrap().session_id(), 0);
    assert_eq!(cache.len(), sessions);
}
