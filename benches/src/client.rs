//! A small blocking client for everything around a load: topics, the first produce, a group member.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use barnabas_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use barnabas_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use barnabas_protocol::messages::metadata_request::MetadataRequestTopic;
use barnabas_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, ProduceResponse,
};
use barnabas_protocol::{ApiKey, Message};
use bytes::{Buf, Bytes};

use crate::wire;

const CREATE_TOPICS_VERSION: i16 = 5;
const DELETE_TOPICS_VERSION: i16 = 4;
const METADATA_VERSION: i16 = 9;
const LIST_OFFSETS_VERSION: i16 = 5;
const TIMEOUT_MS: i32 = 30_000;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Long, since Apache Kafka starts slowly on a busy machine.
const RETRY_FOR: Duration = Duration::from_secs(180);
const NONE: i16 = 0;
const TOPIC_ALREADY_EXISTS: i16 = 36;

pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream })
    }

    /// Connects as soon as somebody listens.
    pub(crate) fn connect_when_up(address: SocketAddr, pause: Duration) -> Result<Self> {
        let started = Instant::now();
        loop {
            match Self::connect(address) {
                Ok(client) => return Ok(client),
                Err(error) if started.elapsed() > RETRY_FOR => return Err(error.context("nobody listens")),
                Err(_) => std::thread::sleep(pause),
            }
        }
    }

    /// Sends a frame and returns the answer without its size.
    pub(crate) fn exchange(&mut self, frame: &[u8]) -> Result<Bytes> {
        self.stream.write_all(frame)?;
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).context("no answer")?;
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(size))?];
        self.stream.read_exact(&mut answer).context("half an answer")?;
        Ok(answer.into())
    }

    pub(crate) fn call<Request: Message, Response: Message>(
        &mut self,
        api: ApiKey,
        version: i16,
        request: &Request,
    ) -> Result<Response> {
        let mut answer = self.exchange(&wire::frame(api, version, 1, request))?;
        let header = if api.response_is_flexible(version) { 5 } else { 4 };
        if answer.len() < header {
            bail!("the answer to {} is too short", api.name());
        }
        answer.advance(header);
        Response::decode(answer, version).with_context(|| format!("the answer to {}", api.name()))
    }

    /// Creates a topic and waits until every partition took a record.
    pub(crate) fn create_topic(&mut self, name: &str, partitions: i32) -> Result<()> {
        self.create_topics(&[name.to_owned()], partitions, &[])?;
        self.wait_until_writable(name, partitions)
    }

    /// Writes one record with a key to every partition. Apache Kafka names leaders before they know of it.
    pub(crate) fn wait_until_writable(&mut self, name: &str, partitions: i32) -> Result<()> {
        const PAUSE: Duration = Duration::from_millis(20);
        self.wait_for_leaders(name, PAUSE)?;
        let batch = wire::keyed_batch(b"first", 10)?;
        let mut left: Vec<i32> = (0..partitions).collect();
        let started = Instant::now();
        loop {
            let codes = self.produce_to_many(&wire::produce_to_many(&[(name, &left)], &batch))?;
            left.retain(|index| !codes.iter().any(|(_, found, code)| found == index && *code == NONE));
            if left.is_empty() {
                return Ok(());
            }
            if started.elapsed() > RETRY_FOR {
                bail!("{} partitions of {name} take no records", left.len());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Creates topics that are alike, without waiting.
    pub(crate) fn create_topics(&mut self, names: &[String], partitions: i32, configs: &[(&str, &str)]) -> Result<()> {
        let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        };
        let topic = |name: &String| CreatableTopic {
            name: name.clone(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.iter().map(config).collect(),
            ..Default::default()
        };
        let topics = names.iter().map(topic).collect();
        let request = CreateTopicsRequest { topics, timeout_ms: TIMEOUT_MS, ..Default::default() };
        let response: CreateTopicsResponse = self.call(ApiKey::CreateTopics, CREATE_TOPICS_VERSION, &request)?;
        for topic in response.topics {
            if topic.error_code != NONE && topic.error_code != TOPIC_ALREADY_EXISTS {
                bail!("cannot create the topic {}: error {} {:?}", topic.name, topic.error_code, topic.error_message);
            }
        }
        Ok(())
    }

    /// Deletes a topic, without waiting for its files to go.
    pub(crate) fn delete_topic(&mut self, name: &str) -> Result<()> {
        let request =
            DeleteTopicsRequest { topic_names: vec![name.to_owned()], timeout_ms: TIMEOUT_MS, ..Default::default() };
        let response: DeleteTopicsResponse = self.call(ApiKey::DeleteTopics, DELETE_TOPICS_VERSION, &request)?;
        match response.responses.iter().find(|topic| topic.error_code != NONE) {
            None => Ok(()),
            Some(refused) => bail!("cannot delete the topic {name}: error {}", refused.error_code),
        }
    }

    /// Whether all of these topics have leaders for so many partitions each. Creates none.
    pub(crate) fn are_led(&mut self, names: &[String], partitions: usize) -> Result<bool> {
        let topic = |name: &String| MetadataRequestTopic { name: Some(name.clone()), ..Default::default() };
        let request = MetadataRequest { topics: Some(names.iter().map(topic).collect()), ..Default::default() };
        let response: MetadataResponse = self.call(ApiKey::Metadata, METADATA_VERSION, &request)?;
        Ok(response.topics.len() == names.len()
            && response.topics.iter().all(|topic| {
                let led = topic.partitions.iter().all(|p| p.error_code == NONE && p.leader_id >= 0);
                topic.error_code == NONE && topic.partitions.len() == partitions && led
            }))
    }

    /// The latest (-1) or earliest (-2) offsets of the first partitions of a topic; an error where one has none.
    pub(crate) fn offsets(&mut self, topic: &str, partitions: i32, timestamp: i64) -> Result<Vec<i64>> {
        let partition = |partition_index| ListOffsetsPartition { partition_index, timestamp, ..Default::default() };
        let asked = ListOffsetsTopic { name: topic.to_owned(), partitions: (0..partitions).map(partition).collect() };
        let request = ListOffsetsRequest { replica_id: -1, topics: vec![asked], ..Default::default() };
        let response: ListOffsetsResponse = self.call(ApiKey::ListOffsets, LIST_OFFSETS_VERSION, &request)?;
        let mut offsets = vec![-1; usize::try_from(partitions)?];
        for partition in response.topics.into_iter().flat_map(|topic| topic.partitions) {
            if partition.error_code != NONE {
                bail!("partition {} has no offsets: error {}", partition.partition_index, partition.error_code);
            }
            *offsets.get_mut(usize::try_from(partition.partition_index)?).context("an unknown partition")? =
                partition.offset;
        }
        Ok(offsets)
    }

    /// Asks for the topic, which creates it if need be, until it has leaders.
    pub(crate) fn wait_for_leaders(&mut self, name: &str, pause: Duration) -> Result<()> {
        let topic = MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
        let request =
            MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: true, ..Default::default() };
        let started = Instant::now();
        while started.elapsed() < RETRY_FOR {
            let response: MetadataResponse = self.call(ApiKey::Metadata, METADATA_VERSION, &request)?;
            let is_led = response.topics.iter().all(|topic| {
                let led = topic.partitions.iter().all(|p| p.error_code == NONE && p.leader_id >= 0);
                topic.error_code == NONE && !topic.partitions.is_empty() && led
            });
            if is_led {
                return Ok(());
            }
            std::thread::sleep(pause);
        }
        bail!("the topic {name} has no leader")
    }

    /// Sends a frame of [`wire::produce`] and insists on success.
    pub(crate) fn produce(&mut self, frame: &[u8]) -> Result<()> {
        match self.try_produce(frame)? {
            NONE => Ok(()),
            code => bail!("produce was answered with error {code}"),
        }
    }

    /// Sends a frame of [`wire::produce`] until it succeeds.
    pub(crate) fn produce_when_possible(&mut self, frame: &[u8], pause: Duration) -> Result<()> {
        let started = Instant::now();
        while self.try_produce(frame)? != NONE {
            if started.elapsed() > RETRY_FOR {
                bail!("produce does not succeed");
            }
            std::thread::sleep(pause);
        }
        Ok(())
    }

    fn try_produce(&mut self, frame: &[u8]) -> Result<i16> {
        Ok(self.produce_to_many(frame)?.first().context("an empty answer to Produce")?.2)
    }

    /// Sends a frame of [`wire::produce_to_many`]; topic, partition and error code of everything in the answer.
    pub(crate) fn produce_to_many(&mut self, frame: &[u8]) -> Result<Vec<(String, i32, i16)>> {
        let mut answer = self.exchange(frame)?;
        answer.advance(5.min(answer.len()));
        let response = ProduceResponse::decode(answer, wire::PRODUCE_VERSION).context("the answer to Produce")?;
        let mut codes = Vec::new();
        for topic in response.responses {
            codes.extend(topic.partition_responses.iter().map(|p| (topic.name.clone(), p.index, p.error_code)));
        }
        Ok(codes)
    }
}
