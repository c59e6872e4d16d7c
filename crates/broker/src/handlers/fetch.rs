//! Fetch (1), versions 4-18. Whole record batches from several partitions, with long polling and sessions.
//!
//! - Every partition's answer carries high watermark, last stable offset and log start offset.
//! - The first batch of an answer is sent whole even if it is larger than the limits (KIP-74).
//! - Sessions (KIP-227) are described in `replica/fetch_session`; topic ids come with version 13 (KIP-516).
//! - Not yet: followers (replica fetches are refused), aborted transactions, reading from followers (KIP-392).

use std::sync::Arc;
use std::time::Duration;

use barnabas_common::{ErrorCode, Uuid};
use barnabas_protocol::messages::fetch_response::{EpochEndOffset, FetchableTopicResponse, PartitionData};
use barnabas_protocol::messages::{FetchRequest, FetchResponse};
use barnabas_replica::{
    Fetch, FetchLimits, FetchTarget, FetchedPartition, Isolation, SessionFetch, SessionPartition, SessionRequest,
    TopicKey,
};

use crate::dispatch::{Answer, Refused, RequestContext};
use crate::metrics::TopicTraffic;

const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;
const READ_COMMITTED: i8 = 1;
/// A client that asks for longer waits is answered (empty) after this.
const MAX_WAIT_MS: i32 = 5 * 60 * 1000;

pub(crate) fn handle(ctx: &RequestContext, request: FetchRequest) -> Result<Answer, Refused> {
    let replica_id = if ctx.version >= 15 { request.replica_state.replica_id } else { request.replica_id };
    if replica_id >= 0 {
        return Ok(ctx.ready(&failed(ErrorCode::NotLeaderOrFollower)));
    }
    let mut limits = limits(ctx, &request);
    let session = {
        let mut sessions = ctx.broker.fetch_sessions.lock();
        sessions.begin(session_request(ctx, request), ctx.broker.clock.monotonic_ms())
    };
    let session = match session {
        Ok(session) => session,
        Err(error) => return Ok(ctx.ready(&failed(error))),
    };
    let Plan { topics, targets } = resolve(ctx, &session.partitions);
    if targets.len() < topics.len() {
        // An unknown topic id is answered at once.
        limits.max_wait = Duration::ZERO;
    }
    let fetch = Fetch::new(&ctx.broker.replicas, targets, limits);
    if let Some(fetched) = fetch.at_once(&ctx.broker.replicas) {
        return Ok(ctx.ready(&respond(ctx, &session, &topics, fetched)));
    }
    let work = ctx.clone();
    Ok(ctx.later_while_connected(async move {
        let fetched = fetch.wait(&work.broker.replicas).await;
        respond(&work, &session, &topics, fetched)
    }))
}

fn failed(error: ErrorCode) -> FetchResponse {
    FetchResponse { error_code: error.code(), ..Default::default() }
}

fn limits(ctx: &RequestContext, request: &FetchRequest) -> FetchLimits {
    let bytes = |n: i32| usize::try_from(n).unwrap_or(0);
    FetchLimits {
        max_wait: Duration::from_millis(request.max_wait_ms.clamp(0, MAX_WAIT_MS) as u64),
        min_bytes: bytes(request.min_bytes),
        max_bytes: bytes(request.max_bytes).min(ctx.broker.settings.fetch_max_bytes),
        isolation: if request.isolation_level == READ_COMMITTED {
            Isolation::ReadCommitted
        } else {
            Isolation::ReadUncommitted
        },
    }
}

fn session_request(ctx: &RequestContext, request: FetchRequest) -> SessionRequest {
    let uses_topic_ids = ctx.version >= FIRST_VERSION_WITH_TOPIC_IDS;
    let key = |name: &str, id: Uuid| if uses_topic_ids { TopicKey::Id(id) } else { TopicKey::Name(name.into()) };
    let mut partitions = Vec::new();
    for topic in &request.topics {
        let topic_key = key(&topic.topic, topic.topic_id);
        partitions.extend(topic.partitions.iter().map(|partition| SessionPartition {
            topic: topic_key.clone(),
            partition: partition.partition,
            fetch_offset: partition.fetch_offset,
            max_bytes: partition.partition_max_bytes,
            current_leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
        }));
    }
    let mut forgotten = Vec::new();
    for topic in &request.forgotten_topics_data {
        let topic_key = key(&topic.topic, topic.topic_id);
        forgotten.extend(topic.partitions.iter().map(|partition| (topic_key.clone(), *partition)));
    }
    SessionRequest {
        session_id: request.session_id,
        session_epoch: request.session_epoch,
        uses_topic_ids,
        partitions,
        forgotten,
    }
}

/// The partitions of a request with the names of their topics; `None` where an id is unknown.
struct Plan {
    topics: Vec<Option<Arc<str>>>,
    targets: Vec<FetchTarget>,
}

fn resolve(ctx: &RequestContext, partitions: &[SessionPartition]) -> Plan {
    let mut plan = Plan { topics: Vec::with_capacity(partitions.len()), targets: Vec::new() };
    for partition in partitions {
        let topic = match &partition.topic {
            TopicKey::Name(name) => Some(Arc::clone(name)),
            TopicKey::Id(id) => ctx.broker.replicas.topic_name(*id),
        };
        if let Some(topic) = &topic {
            plan.targets.push(FetchTarget {
                topic: Arc::clone(topic),
                partition: partition.partition,
                fetch_offset: partition.fetch_offset,
                max_bytes: usize::try_from(partition.max_bytes).unwrap_or(0),
                current_leader_epoch: partition.current_leader_epoch,
                last_fetched_epoch: partition.last_fetched_epoch,
            });
        }
        plan.topics.push(topic);
    }
    plan
}

/// `fetched` has an entry for every partition whose topic is known.
fn respond(
    ctx: &RequestContext,
    session: &SessionFetch,
    topics: &[Option<Arc<str>>],
    fetched: Vec<FetchedPartition>,
) -> FetchResponse {
    let mut fetched = fetched.into_iter();
    let unknown = || FetchedPartition::failed(ErrorCode::UnknownTopicId);
    let fetched = topics.iter().map(|topic| topic.as_ref().and_then(|_| fetched.next()).unwrap_or_else(unknown));
    let fetched: Vec<_> = fetched.collect();
    let answered = session.answered(&fetched);
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let mut topic_before = None;
    let each = session.partitions.iter().zip(topics).zip(fetched).zip(answered);
    for (((partition, topic), fetched), _) in each.filter(|(_, answered)| *answered) {
        count(ctx, topic.as_deref(), &fetched);
        // As Kafka does: partitions of one topic that do not follow each other are several topics.
        if topic_before.replace(&partition.topic) != Some(&partition.topic) {
            responses.push(topic_response(&partition.topic));
        }
        if let Some(answer) = responses.last_mut() {
            answer.partitions.push(partition_data(partition.partition, fetched));
        }
    }
    FetchResponse { session_id: session.session_id(), responses, ..Default::default() }
}

fn count(ctx: &RequestContext, topic: Option<&str>, fetched: &FetchedPartition) {
    let metrics = &ctx.broker.metrics;
    if fetched.error.is_none() {
        let bytes = fetched.records.len() as u64;
        metrics.fetched(topic.unwrap_or_default(), TopicTraffic { records: 0, bytes });
    } else {
        metrics.failed_fetch(topic.unwrap_or_default(), fetched.error);
    }
}

fn topic_response(topic: &TopicKey) -> FetchableTopicResponse {
    match topic {
        TopicKey::Name(name) => FetchableTopicResponse { topic: name.to_string(), ..Default::default() },
        TopicKey::Id(id) => FetchableTopicResponse { topic_id: *id, ..Default::default() },
    }
}

fn partition_data(partition_index: i32, fetched: FetchedPartition) -> PartitionData {
    let (epoch, end_offset) = fetched.diverging_epoch.unwrap_or((-1, -1));
    PartitionData {
        partition_index,
        error_code: fetched.error.code(),
        high_watermark: fetched.offsets.high_watermark,
        last_stable_offset: fetched.offsets.last_stable_offset,
        log_start_offset: fetched.offsets.log_start_offset,
        diverging_epoch: EpochEndOffset { epoch, end_offset },
        aborted_transactions: None,
        // Never null: several clients take null records for a broken answer.
        records: Some(fetched.records),
        ..Default::default()
    }
}
