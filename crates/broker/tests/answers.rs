//! What clients are told where they ask for something that is not there, or must not be: as Apache Kafka 4.3 answers.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed
#![allow(dead_code)] // of the client, which others use more of

mod on_disk;
mod wire;

use barnabas_broker::RunningBroker;
use barnabas_common::{Clock, SystemClock};
use barnabas_protocol::ApiKey;
use barnabas_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use barnabas_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use barnabas_protocol::messages::fetch_response::PartitionData;
use barnabas_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use barnabas_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use barnabas_protocol::messages::*;
use tempfile::TempDir;

use crate::wire::{Client, batch};

const OFFSET_OUT_OF_RANGE: i16 = 1;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const INVALID_TOPIC_EXCEPTION: i16 = 17;
const UNSUPPORTED_VERSION: i16 = 35;
const INVALID_REQUEST: i16 = 42;

/// A broker with a topic of two partitions, of which the first has one record.
async fn start(dir: &TempDir) -> (RunningBroker, Client) {
    let running = on_disk::start(dir, "answers-test", &["offsets.topic.num.partitions=1"]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 2, &[]).await.error_code, 0);
    assert_eq!(client.append("t", 0, batch(SystemClock::default().wall_ms(), &[b"v"])).await.error_code, 0);
    (running, client)
}

impl Client {
    /// The errors of one partition each.
    async fn list_offsets(&mut self, version: i16, isolation_level: i8, asked: &[(&str, i32, i64)]) -> Vec<i16> {
        let topics = asked.iter().map(|(topic, partition_index, timestamp)| ListOffsetsTopic {
            name: (*topic).to_owned(),
            partitions: vec![ListOffsetsPartition {
                partition_index: *partition_index,
                current_leader_epoch: -1,
                timestamp: *timestamp,
            }],
        });
        let request =
            ListOffsetsRequest { replica_id: -1, isolation_level, topics: topics.collect(), ..Default::default() };
        let answer: ListOffsetsResponse = self.call(ApiKey::ListOffsets, version, &request).await;
        answer.topics.into_iter().flat_map(|topic| topic.partitions).map(|partition| partition.error_code).collect()
    }

    async fn fetch(&mut self, version: i16, change: impl FnOnce(&mut FetchRequest)) -> (i16, PartitionData) {
        let partition = FetchPartition { current_leader_epoch: -1, partition_max_bytes: 1 << 20, ..Default::default() };
        let mut request = FetchRequest {
            replica_id: -1,
            min_bytes: 1,
            max_bytes: 1 << 20,
            topics: vec![FetchTopic { topic: "t".to_owned(), partitions: vec![partition], ..Default::default() }],
            session_epoch: -1,
            ..Default::default()
        };
        change(&mut request);
        let answer: FetchResponse = self.call(ApiKey::Fetch, version, &request).await;
        let mut topics = answer.responses.into_iter();
        (answer.error_code, topics.next().unwrap().partitions.into_iter().next().unwrap())
    }

    async fn delete_records(&mut self, topic: &str, offset: i64) -> i16 {
        let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset }];
        let topics = vec![DeleteRecordsTopic { name: topic.to_owned(), partitions }];
        let request = DeleteRecordsRequest { topics, timeout_ms: 5000 };
        let answer: DeleteRecordsResponse = self.call(ApiKey::DeleteRecords, 1, &request).await;
        answer.topics[0].partitions[0].error_code
    }

    async fn set_cleanup_policy(&mut self, topic: &str, value: &str) -> i16 {
        let config =
            AlterableConfig { name: "cleanup.policy".to_owned(), config_operation: 0, value: Some(value.to_owned()) };
        let resource =
            AlterConfigsResource { resource_type: 2, resource_name: topic.to_owned(), configs: vec![config] };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
        let answer: IncrementalAlterConfigsResponse = self.call(ApiKey::IncrementalAlterConfigs, 1, &request).await;
        answer.responses[0].error_code
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn special_timestamps_are_answered_from_the_version_on_that_has_them() {
    let dir = TempDir::new().unwrap();
    let (running, mut client) = start(&dir).await;
    let since = [(-1, 1), (-2, 1), (-3, 7), (-4, 8), (-5, 9), (-6, 11), (-7, i16::MAX), (i64::MIN, i16::MAX)];
    for version in 1..=11 {
        for (timestamp, since) in since {
            let expected = if version >= since { 0 } else { UNSUPPORTED_VERSION };
            let listed = client.list_offsets(version, 0, &[("t", 0, timestamp)]).await;
            assert_eq!(listed, [expected], "{timestamp} in version {version}");
        }
    }
    assert_eq!(client.list_offsets(5, 0, &[("none", 0, -5)]).await, [UNSUPPORTED_VERSION]);
    assert_eq!(client.list_offsets(5, 0, &[("none", 0, -1)]).await, [UNKNOWN_TOPIC_OR_PARTITION]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_of_a_doubled_partition_or_of_a_level_that_does_not_exist_are_not_looked_for() {
    let dir = TempDir::new().unwrap();
    let (running, mut client) = start(&dir).await;
    for timestamp in [-1, 0] {
        let asked = [("t", 0, timestamp), ("t", 1, timestamp), ("t", 0, timestamp), ("none", 0, timestamp)];
        let expected = [INVALID_REQUEST, 0, UNKNOWN_TOPIC_OR_PARTITION];
        assert_eq!(client.list_offsets(5, 0, &asked).await, expected);
        assert_eq!(client.list_offsets(5, 1, &asked[..2]).await, [0, 0]);
        assert_eq!(client.list_offsets(5, 9, &asked[..2]).await, [INVALID_REQUEST; 2]);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_internal_topics_are_never_deleted() {
    let dir = TempDir::new().unwrap();
    let (running, mut client) = start(&dir).await;
    let offsets = "__consumer_offsets";
    assert_eq!(client.delete_records("__transaction_state", 0).await, UNKNOWN_TOPIC_OR_PARTITION, "not there");
    assert_eq!(client.delete_records(offsets, 0).await, INVALID_TOPIC_EXCEPTION);
    assert_eq!(client.set_cleanup_policy(offsets, "compact,delete").await, 0);
    assert_eq!(client.delete_records(offsets, -1).await, INVALID_TOPIC_EXCEPTION);
    assert_eq!(client.delete_records("t", -1).await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_tells_where_the_log_is_only_with_what_it_read() {
    let dir = TempDir::new().unwrap();
    let (running, mut client) = start(&dir).await;
    let offsets = |data: &PartitionData| (data.high_watermark, data.last_stable_offset, data.log_start_offset);
    for version in [5, 11, 12] {
        let (_, data) = client.fetch(version, |_| {}).await;
        assert_eq!((data.error_code, offsets(&data)), (0, (1, 1, 0)));
        assert_eq!(data.aborted_transactions, None);
        let (_, data) = client.fetch(version, |request| request.isolation_level = 1).await;
        assert_eq!((data.error_code, offsets(&data)), (0, (1, 1, 0)));
        assert_eq!(data.aborted_transactions, Some(Vec::new()));

        for offset in [2, -1] {
            let beyond = |request: &mut FetchRequest| request.topics[0].partitions[0].fetch_offset = offset;
            let (_, data) = client.fetch(version, beyond).await;
            assert_eq!((data.error_code, offsets(&data)), (OFFSET_OUT_OF_RANGE, (-1, -1, -1)));
            assert_eq!(data.aborted_transactions, None);
        }
        let (_, data) = client.fetch(version, |request| request.topics[0].topic = "none".to_owned()).await;
        assert_eq!((data.error_code, offsets(&data)), (UNKNOWN_TOPIC_OR_PARTITION, (-1, -1, -1)));
        assert_eq!(data.aborted_transactions, Some(Vec::new()));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_with_limits_below_zero_or_a_level_that_does_not_exist_is_refused() {
    let dir = TempDir::new().unwrap();
    let (running, mut client) = start(&dir).await;
    for version in [4, 11] {
        let (error, data) =
            client.fetch(version, |request| request.topics[0].partitions[0].partition_max_bytes = -1).await;
        assert_eq!((error, data.error_code), (0, INVALID_REQUEST));
        let (error, data) = client.fetch(version, |request| request.max_bytes = -1).await;
        assert_eq!((error, data.error_code), (0, INVALID_REQUEST));
        let unknown = |request: &mut FetchRequest| {
            request.topics[0].partitions[0].partition_max_bytes = -1;
            request.topics[0].topic = "none".to_owned();
        };
        assert_eq!(client.fetch(version, unknown).await.1.error_code, UNKNOWN_TOPIC_OR_PARTITION);
        for level in [9, -1] {
            let (error, data) = client.fetch(version, |request| request.isolation_level = level).await;
            assert_eq!(data.error_code, INVALID_REQUEST);
            assert_eq!(error, if version < 7 { 0 } else { INVALID_REQUEST }, "which versions have an error for all");
        }
        // Nothing is too little: the first batch comes whole.
        let (_, data) = client.fetch(version, |request| request.topics[0].partitions[0].partition_max_bytes = 0).await;
        assert!(data.records.is_some_and(|records| !records.is_empty()));
    }
    running.stop().await;
}
