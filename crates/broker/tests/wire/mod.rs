//! A client of a few requests for tests with a broker in this process: it sends, it waits, it judges nothing.

use barnabas_broker::RunningBroker;
use barnabas_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use barnabas_protocol::messages::create_topics_response::CreatableTopicResult;
use barnabas_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use barnabas_protocol::messages::fetch_response::PartitionData;
use barnabas_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use barnabas_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use barnabas_protocol::messages::produce_response::PartitionProduceResponse;
use barnabas_protocol::messages::*;
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};
use barnabas_protocol::{ApiKey, Message, Reader};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A batch of records without keys.
pub(crate) fn batch(timestamp_ms: i64, values: &[&[u8]]) -> Bytes {
    let mut batch = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    for value in values {
        batch.add(timestamp_ms, None, Some(value), &[]);
    }
    batch.build(0, -1).unwrap().freeze()
}

/// A request as it goes over the wire.
pub(crate) fn frame(api: ApiKey, version: i16, request: &impl Message) -> Vec<u8> {
    let mut frame = vec![0; 4];
    frame.extend(api.code().to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend([0, 0, 0, 1, 0, 1, b't']);
    frame.extend(api.request_is_flexible(version).then_some(0));
    frame.extend(request.encode(version));
    let size = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&size.to_be_bytes());
    frame
}

/// Records for one partition.
pub(crate) fn produce_request(topic: &str, index: i32, batch: Bytes, acks: i16) -> ProduceRequest {
    let partition = PartitionProduceData { index, records: Some(batch) };
    let topic = TopicProduceData { name: topic.to_owned(), partition_data: vec![partition], ..Default::default() };
    ProduceRequest { acks, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
}

pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn connect(running: &RunningBroker) -> Self {
        Self(TcpStream::connect(running.listeners[0].address).await.unwrap())
    }

    pub(crate) async fn call<R: Message>(&mut self, api: ApiKey, version: i16, request: &impl Message) -> R {
        self.send(&frame(api, version, request)).await;
        let mut answer = vec![0; usize::try_from(self.0.read_i32().await.unwrap()).unwrap()];
        self.0.read_exact(&mut answer).await.unwrap();
        let mut reader = Reader::new(answer.into());
        reader.int32().unwrap();
        if api.response_is_flexible(version) {
            reader.unsigned_varint().unwrap();
        }
        R::read(&mut reader, version).unwrap()
    }

    pub(crate) async fn send(&mut self, frames: &[u8]) {
        self.0.write_all(frames).await.unwrap();
    }

    pub(crate) async fn create_topic(
        &mut self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> CreatableTopicResult {
        let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        };
        let topic = CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.iter().map(config).collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
        let answer: CreateTopicsResponse = self.call(ApiKey::CreateTopics, 5, &request).await;
        answer.topics.into_iter().next().unwrap()
    }

    pub(crate) async fn delete_topic(&mut self, name: &str) -> i16 {
        let request =
            DeleteTopicsRequest { topic_names: vec![name.to_owned()], timeout_ms: 10_000, ..Default::default() };
        let answer: DeleteTopicsResponse = self.call(ApiKey::DeleteTopics, 5, &request).await;
        answer.responses[0].error_code
    }

    pub(crate) async fn append(&mut self, topic: &str, index: i32, batch: Bytes) -> PartitionProduceResponse {
        let request = produce_request(topic, index, batch, -1);
        let answer: ProduceResponse = self.call(ApiKey::Produce, 9, &request).await;
        answer.responses.into_iter().next().unwrap().partition_responses.into_iter().next().unwrap()
    }

    /// Waits for records if there are none at this offset yet.
    pub(crate) async fn fetch_within(
        &mut self,
        max_wait_ms: i32,
        topic: &str,
        partition: i32,
        fetch_offset: i64,
    ) -> PartitionData {
        let partition = FetchPartition { partition, fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() };
        let topic = FetchTopic { topic: topic.to_owned(), partitions: vec![partition], ..Default::default() };
        let request = FetchRequest {
            replica_id: -1,
            max_wait_ms,
            min_bytes: 1,
            max_bytes: 1 << 20,
            topics: vec![topic],
            session_epoch: -1,
            ..Default::default()
        };
        let answer: FetchResponse = self.call(ApiKey::Fetch, 12, &request).await;
        answer.responses.into_iter().next().unwrap().partitions.into_iter().next().unwrap()
    }

    /// Commits an offset as a consumer without membership does; returns the error.
    pub(crate) async fn commit(&mut self, group: &str, topic: &str, index: i32, committed_offset: i64) -> i16 {
        let partition = OffsetCommitRequestPartition { partition_index: index, committed_offset, ..Default::default() };
        let topic =
            OffsetCommitRequestTopic { name: topic.to_owned(), partitions: vec![partition], ..Default::default() };
        let request = OffsetCommitRequest {
            group_id: group.to_owned(),
            generation_id_or_member_epoch: -1,
            topics: vec![topic],
            ..Default::default()
        };
        let answer: OffsetCommitResponse = self.call(ApiKey::OffsetCommit, 8, &request).await;
        answer.topics[0].partitions[0].error_code
    }
}
