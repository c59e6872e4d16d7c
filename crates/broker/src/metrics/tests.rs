//! What the counters say after requests, connections and changes of the metadata.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use barnabas_common::{ErrorCode, Uuid};
use barnabas_metadata::PartitionImage;
use barnabas_protocol::ApiKey;

use super::{Metrics, RequestTimes, TopicTraffic, read, timed};

fn times() -> RequestTimes {
    let received = Instant::now();
    RequestTimes { received, started: received + Duration::from_millis(2) }
}

#[test]
fn the_time_of_a_request_is_split_into_its_parts() {
    let metrics = Metrics::default();
    let (times, worked) = (times(), Duration::from_millis(3));
    metrics.request_started(ApiKey::Fetch, 12, times);
    let unsent = metrics.request_answered(ApiKey::Fetch, times, Some(worked));
    let (_, counters) = metrics.requests().next().unwrap();
    assert_eq!(counters.unsent.load(Ordering::Relaxed), 1);
    let ready = unsent.ready;
    unsent.sent(ready + Duration::from_millis(4), ready + Duration::from_millis(9));
    let sum_us = |histogram: &super::Histogram| histogram.counts().sum_us;
    assert_eq!(sum_us(&counters.request_queue), 2_000);
    assert_eq!(sum_us(&counters.local), 3_000);
    assert_eq!(sum_us(&counters.response_queue), 4_000);
    assert_eq!(sum_us(&counters.response_send), 5_000);
    assert_eq!(counters.unsent.load(Ordering::Relaxed), 0);
    assert_eq!(counters.versions().collect::<Vec<_>>(), [(12, 1)]);
}

#[test]
fn an_answer_that_is_never_sent_is_not_unsent_for_ever() {
    let metrics = Metrics::default();
    drop(metrics.request_answered(ApiKey::Produce, times(), Some(Duration::ZERO)));
    let (_, counters) = metrics.requests().next().unwrap();
    assert_eq!((counters.unsent.load(Ordering::Relaxed), counters.total.counts().total()), (0, 0));
}

#[test]
fn errors_are_counted_by_name_and_negative_codes_fit() {
    let metrics = Metrics::default();
    for error in [ErrorCode::UnknownServerError, ErrorCode::NotEnoughReplicas, ErrorCode::NotEnoughReplicas] {
        metrics.request_failed(ApiKey::Produce, error);
    }
    let (_, counters) = metrics.requests().next().unwrap();
    let errors: Vec<_> = counters.errors().collect();
    assert_eq!(errors, [(ErrorCode::UnknownServerError, 1), (ErrorCode::NotEnoughReplicas, 2)]);
}

#[test]
fn topics_that_do_not_exist_get_no_counters_of_their_own() {
    let metrics = Metrics::default();
    metrics.produced("orders", TopicTraffic { records: 2, bytes: 100 });
    metrics.failed_fetch("orders", ErrorCode::KafkaStorageError);
    metrics.failed_fetch("no-such-topic", ErrorCode::UnknownTopicOrPartition);
    assert_eq!(metrics.topics.read().len(), 1);
    assert_eq!(read(&metrics.all_topics.fetch_requests), 2);
    assert_eq!(read(&metrics.all_topics.failed_fetch_requests), 1);
    assert_eq!(read(&metrics.topics.read()["orders"].messages_in), 2);
}

fn partition(leader: i32, isr: &[i32], elr: &[i32]) -> PartitionImage {
    PartitionImage {
        replicas: vec![1, 2, 3],
        isr: isr.to_vec(),
        elr: elr.to_vec(),
        last_known_elr: Vec::new(),
        leader,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![Uuid::ZERO; 3],
    }
}

#[test]
fn shrinks_expands_and_unclean_elections_are_seen_in_the_metadata() {
    let metrics = Metrics::default();
    let seen = || {
        let changes = &metrics.partition_changes;
        (read(&changes.isr_shrinks), read(&changes.isr_expands), read(&changes.unclean_elections))
    };
    metrics.partition_changed(&partition(1, &[1, 2, 3], &[]), &partition(1, &[1], &[2]));
    assert_eq!(seen(), (1, 0, 0));
    metrics.partition_changed(&partition(1, &[1], &[2]), &partition(2, &[1, 2], &[]));
    assert_eq!(seen(), (1, 1, 0), "an eligible replica leads without loss");
    metrics.partition_changed(&partition(-1, &[1], &[]), &partition(3, &[3], &[]));
    assert_eq!(seen(), (2, 2, 1));
}

#[tokio::test]
async fn waiting_is_not_working() {
    let ((), worked) = timed(tokio::time::sleep(Duration::from_millis(30))).await;
    assert!(worked < Duration::from_millis(15), "{worked:?}");
}
