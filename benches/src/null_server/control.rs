//! Everything but Produce: enough for librdkafka to find the server and for the raw client to make topics and fetch.

use std::cell::OnceCell;
use std::rc::Rc;

use barnabas_protocol::messages::api_versions_response::ApiVersion;
use barnabas_protocol::messages::create_topics_response::CreatableTopicResult;
use barnabas_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use barnabas_protocol::messages::find_coordinator_response::Coordinator;
use barnabas_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use barnabas_protocol::messages::{
    ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsResponse, FetchRequest, FetchResponse,
    FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdResponse, MetadataRequest, MetadataResponse,
};
use barnabas_protocol::{ApiKey, Message, decode_request_header, encode_response};
use bytes::Bytes;

use super::produce;
use crate::wire;

const HOST: &str = "127.0.0.1";
const UNSUPPORTED_VERSION: i16 = 35;
/// Served APIs with their first and last version.
const APIS: [(ApiKey, i16, i16); 8] = [
    (ApiKey::Produce, 0, produce::LAST_VERSION),
    (ApiKey::Fetch, 4, 12),
    (ApiKey::Metadata, 0, 12),
    (ApiKey::FindCoordinator, 0, 4),
    (ApiKey::ApiVersions, 0, 3),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::DeleteTopics, 1, 5),
    (ApiKey::InitProducerId, 0, 4),
];
/// Records in a fetched batch, the same as the fetch scenario writes elsewhere.
const FETCHED_RECORDS: usize = 256;
const FETCHED_SIZE: usize = 1000;
const MAX_FETCHED_BYTES: usize = 8 << 20;

#[derive(Clone)]
pub(super) struct Control {
    port: u16,
    fetched: Rc<OnceCell<Fetched>>,
}

/// What every fetch gets. Made by the first one, so that a server at rest is small.
struct Fetched {
    /// Many batches, one after the other.
    records: Bytes,
    batch_bytes: usize,
}

impl Fetched {
    fn new() -> Self {
        let batch = wire::batch(FETCHED_RECORDS, FETCHED_SIZE).unwrap_or_default();
        let records = batch.repeat(MAX_FETCHED_BYTES / batch.len().max(1)).into();
        Self { records, batch_bytes: batch.len().max(1) }
    }
}

impl Control {
    pub(super) fn new(port: u16) -> Self {
        Self { port, fetched: Rc::default() }
    }

    /// The answer in chunks, or None if the request is not understood.
    pub(super) fn answer(&self, frame: &[u8]) -> Option<Vec<Bytes>> {
        let (header, body) = decode_request_header(Bytes::copy_from_slice(frame)).ok()?;
        let (api, first, last) = *APIS.iter().find(|(api, ..)| api.code() == header.api_key)?;
        let (version, id) = (header.api_version, header.correlation_id);
        if api == ApiKey::ApiVersions {
            let is_known = (first..=last).contains(&version);
            let version = if is_known { version } else { 0 };
            let error_code = if is_known { 0 } else { UNSUPPORTED_VERSION };
            return Some(encode_response(api, version, id, &api_versions(error_code)));
        }
        if !(first..=last).contains(&version) {
            return None;
        }
        Some(match api {
            ApiKey::Metadata => encode_response(api, version, id, &self.metadata(decode(body, version)?)),
            ApiKey::Fetch => encode_response(api, version, id, &self.fetch(decode(body, version)?)),
            ApiKey::CreateTopics => encode_response(api, version, id, &create_topics(decode(body, version)?)),
            ApiKey::DeleteTopics => encode_response(api, version, id, &DeleteTopicsResponse::default()),
            ApiKey::InitProducerId => {
                let response = InitProducerIdResponse { producer_id: 1, ..Default::default() };
                encode_response(api, version, id, &response)
            }
            _ => encode_response(api, version, id, &self.find_coordinator(decode(body, version)?)),
        })
    }

    fn metadata(&self, request: MetadataRequest) -> MetadataResponse {
        let broker = MetadataResponseBroker { host: HOST.into(), port: self.port.into(), ..Default::default() };
        let topics = request.topics.unwrap_or_default().into_iter().map(|topic| MetadataResponseTopic {
            name: topic.name,
            partitions: vec![MetadataResponsePartition {
                replica_nodes: vec![0],
                isr_nodes: vec![0],
                ..Default::default()
            }],
            ..Default::default()
        });
        MetadataResponse {
            brokers: vec![broker],
            cluster_id: Some("null".into()),
            topics: topics.collect(),
            ..Default::default()
        }
    }

    fn find_coordinator(&self, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
        let port = i32::from(self.port);
        let coordinators = request.coordinator_keys.into_iter().map(|key| Coordinator {
            key,
            host: HOST.into(),
            port,
            ..Default::default()
        });
        FindCoordinatorResponse { host: HOST.into(), port, coordinators: coordinators.collect(), ..Default::default() }
    }

    /// Whole batches up to what was asked for, at least one.
    fn fetch(&self, request: FetchRequest) -> FetchResponse {
        let Fetched { records, batch_bytes } = self.fetched.get_or_init(Fetched::new);
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let batches = (asked.partition_max_bytes.max(0) as usize / batch_bytes).max(1);
                let bytes = (batches * batch_bytes).min(records.len());
                PartitionData {
                    partition_index: asked.partition,
                    high_watermark: i64::MAX,
                    last_stable_offset: i64::MAX,
                    log_start_offset: 0,
                    aborted_transactions: None,
                    preferred_read_replica: -1,
                    records: Some(records.slice(..bytes).into()),
                    ..Default::default()
                }
            });
            FetchableTopicResponse { partitions: partitions.collect(), topic: topic.topic, topic_id: topic.topic_id }
        });
        FetchResponse { responses: topics.collect(), ..Default::default() }
    }
}

fn decode<M: Message>(body: Bytes, version: i16) -> Option<M> {
    M::decode(body, version).ok()
}

fn api_versions(error_code: i16) -> ApiVersionsResponse {
    let keys = APIS.iter().map(|(api, first, last)| ApiVersion {
        api_key: api.code(),
        min_version: *first,
        max_version: *last,
    });
    ApiVersionsResponse { error_code, api_keys: keys.collect(), ..Default::default() }
}

fn create_topics(request: CreateTopicsRequest) -> CreateTopicsResponse {
    let topics = request.topics.into_iter().map(|topic| CreatableTopicResult {
        name: topic.name,
        num_partitions: topic.num_partitions,
        replication_factor: 1,
        ..Default::default()
    });
    CreateTopicsResponse { topics: topics.collect(), ..Default::default() }
}
