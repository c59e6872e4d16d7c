//! A client of one connection that sends what it is told, right or wrong, and reads what comes back.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use barnabas_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use barnabas_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use barnabas_protocol::messages::fetch_response::PartitionData;
use barnabas_protocol::messages::metadata_request::MetadataRequestTopic;
use barnabas_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use barnabas_protocol::messages::produce_response::PartitionProduceResponse;
use barnabas_protocol::messages::*;
use barnabas_protocol::{ApiKey, Message, Reader, Request};
use bytes::Bytes;

const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A request frame, size included, from its parts. Nothing about it needs to be right.
pub fn request_frame(
    api: i16,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    is_flexible: bool,
    body: &[u8],
) -> Vec<u8> {
    let mut frame = vec![0; 4];
    frame.extend(api.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(correlation_id.to_be_bytes());
    let id_len = client_id.map_or(-1, |id| i16::try_from(id.len()).unwrap());
    frame.extend(id_len.to_be_bytes());
    frame.extend(client_id.unwrap_or("").as_bytes());
    frame.extend(is_flexible.then_some(0));
    frame.extend(body);
    let size = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&size.to_be_bytes());
    frame
}

pub struct Client {
    pub stream: TcpStream,
    pub client_id: Option<String>,
    next_correlation_id: i32,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT).unwrap();
        stream.set_read_timeout(Some(ANSWER_LIMIT)).unwrap();
        stream.set_write_timeout(Some(ANSWER_LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, client_id: Some("hostile".to_owned()), next_correlation_id: 1 }
    }

    /// The address that the broker sees.
    pub fn address(&self) -> String {
        self.stream.local_addr().unwrap().to_string()
    }

    /// The number of the next request.
    pub fn set_correlation_id(&mut self, id: i32) {
        self.next_correlation_id = id;
    }

    pub fn frame<R: Request>(&mut self, version: i16, request: &R) -> (i32, Vec<u8>) {
        let id = self.next_correlation_id;
        self.next_correlation_id += 1;
        let is_flexible = R::is_flexible(version);
        let body = request.encode(version);
        (id, request_frame(R::API_KEY, version, id, self.client_id.as_deref(), is_flexible, &body))
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame without its size.
    pub fn receive(&mut self) -> io::Result<Bytes> {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size)?;
        let size = usize::try_from(i32::from_be_bytes(size)).unwrap();
        assert!(size <= 200 << 20, "an answer of {size} bytes");
        let mut frame = vec![0; size];
        self.stream.read_exact(&mut frame)?;
        Ok(frame.into())
    }

    /// The next answer, which must be to this request and hold nothing more than its message.
    pub fn answer<R: Request>(&mut self, version: i16, correlation_id: i32) -> R::Response {
        let mut reader = Reader::new(self.receive().unwrap());
        assert_eq!(reader.int32().unwrap(), correlation_id);
        if R::API_KEY != ApiKey::ApiVersions.code() && R::Response::is_flexible(version) {
            assert_eq!(reader.unsigned_varint().unwrap(), 0, "tags in the header");
        }
        let response = R::Response::read(&mut reader, version).unwrap();
        reader.finish().unwrap();
        response
    }

    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let (id, frame) = self.frame(version, request);
        self.send_bytes(&frame);
        self.answer::<R>(version, id)
    }

    /// Waits for the broker to close the connection; what it sends before that is thrown away.
    pub fn assert_closed(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return,
                Err(error) => panic!("the connection is still open: {error}"),
            }
        }
    }

    pub fn metadata(&mut self, topic: Option<&str>) -> MetadataResponse {
        let named = topic.map(|name| vec![MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() }]);
        self.call(12, &MetadataRequest { topics: named, allow_auto_topic_creation: false, ..Default::default() })
    }

    pub fn create_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let configs = configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig { name: (*name).to_owned(), value: Some((*value).to_owned()) });
        let topic = CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..Default::default()
        };
        let answer = self.call(7, &CreateTopicsRequest { topics: vec![topic], ..Default::default() });
        assert_eq!(answer.topics[0].error_code, 0, "{:?}", answer.topics[0].error_message);
    }

    pub fn produce(&mut self, topic: &str, partition: i32, records: &[u8]) -> PartitionProduceResponse {
        let answer = self.call(12, &produce_request(topic, partition, -1, records));
        answer.responses[0].partition_responses[0].clone()
    }

    pub fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> PartitionData {
        let answer = self.call(12, &fetch_request(topic, partition, offset));
        assert_eq!(answer.error_code, 0);
        answer.responses[0].partitions[0].clone()
    }

    /// The next idempotent producer's id and epoch.
    pub fn init_producer_id(&mut self) -> (i64, i16) {
        let request =
            InitProducerIdRequest { transactional_id: None, transaction_timeout_ms: 60_000, ..Default::default() };
        let answer = self.call(4, &request);
        assert_eq!(answer.error_code, 0);
        (answer.producer_id, answer.producer_epoch)
    }
}

pub fn produce_request(topic: &str, partition: i32, acks: i16, records: &[u8]) -> ProduceRequest {
    let data = PartitionProduceData { index: partition, records: Some(Bytes::copy_from_slice(records)) };
    let topic = TopicProduceData { name: topic.to_owned(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
}

pub fn fetch_request(topic: &str, partition: i32, offset: i64) -> FetchRequest {
    let wanted =
        FetchPartition { partition, fetch_offset: offset, partition_max_bytes: 64 << 20, ..Default::default() };
    let topic = FetchTopic { topic: topic.to_owned(), partitions: vec![wanted], ..Default::default() };
    FetchRequest {
        max_bytes: 64 << 20,
        min_bytes: 0,
        session_epoch: -1,
        topics: vec![topic],
        replica_id: -1,
        ..Default::default()
    }
}
