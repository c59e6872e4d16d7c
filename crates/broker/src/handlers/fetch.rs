//! Fetch (1), versions 4-18. Whole record batches from several partitions, with long polling and sessions.
//!
//! - The answer of every partition that could be read carries high watermark, last stable offset and log start offset.
//! - The first batch of an answer is sent whole even if it is larger than the limits (KIP-74).
//! - Sessions (KIP-227) are described in `replica/fetch_session`; topic ids come with version 13 (KIP-516).
//! - Limits below zero and isolation levels that do not exist are refused with INVALID_REQUEST.
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
const READ_UNCOMMITTED: i8 = 0;
const READ_COMMITTED: i8 = 1;
/// A client that asks for longer waits is answered (empty) after this.
const MAX_WAIT_MS: i32 = 5 * 60 * 1000;

pub(crate) fn handle(ctx: &RequestContext, request: FetchRequest) -> Result<Answer, Refused> {
    let replica_id = if ctx.version >= 15 { request.replica_state.replica_id } else { request.replica_id };
    if replica_id >= 0 {
        return Ok(ctx.ready(&failed(ErrorCode::NotLeaderOrFollower)));
    }
    let Some(isolation) = isolation(request.isolation_level) else {
        return Ok(ctx.ready(&refused(request, ErrorCode::InvalidRequest)));
    };
    let mut limits = limits(ctx, &request, isolation);
    let is_limit_valid = request.max_bytes >= 0;
    let session = {
        let mut sessions = ctx.broker.fetch_sessions.lock();
        sessions.begin(session_request(ctx, request), ctx.broker.clock.monotonic_ms())
    };
    let session = match session {
        Ok(session) => session,
        Err(error) => return Ok(ctx.ready(&failed(error))),
    };
    let Plan { asked, targets } = resolve(ctx, &session.partitions, is_limit_valid);
    if targets.len() < asked.len() {
        // What cannot be read is answered at once.
        limits.max_wait = Duration::ZERO;
    }
    let fetch = Fetch::new(&ctx.broker.replicas, targets, limits);
    if let Some(fetched) = fetch.at_once(&ctx.broker.replicas) {
        return Ok(ctx.ready(&respond(ctx, &session, &asked, isolation, fetched)));
    }
    let work = ctx.clone();
    Ok(ctx.later_while_connected(async move {
        let fetched = fetch.wait(&work.broker.replicas).await;
        respond(&work, &session, &asked, isolation, fetched)
    }))
}

fn failed(error: ErrorCode) -> FetchResponse {
    FetchResponse { error_code: error.code(), ..Default::default() }
}

/// The same error for the request and for each of its partitions.
fn refused(request: FetchRequest, error: ErrorCode) -> FetchResponse {
    let responses = request.topics.into_iter().map(|topic| FetchableTopicResponse {
        topic: topic.topic,
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|asked| partition_data(asked.partition, Isolation::ReadUncommitted, FetchedPartition::failed(error)))
            .collect(),
    });
    FetchResponse { responses: responses.collect(), ..failed(error) }
}

/// `None` if there is no such level.
pub(super) fn isolation(level: i8) -> Option<Isolation> {
    match level {
        READ_UNCOMMITTED => Some(Isolation::ReadUncommitted),
        READ_COMMITTED => Some(Isolation::ReadCommitted),
        _ => None,
    }
}

fn limits(ctx: &RequestContext, request: &FetchRequest, isolation: Isolation) -> FetchLimits {
    let bytes = |n: i32| usize::try_from(n).unwrap_or(0);
    FetchLimits {
        max_wait: Duration::from_millis(request.max_wait_ms.clamp(0, MAX_WAIT_MS) as u64),
        min_bytes: bytes(request.min_bytes),
        max_bytes: bytes(request.max_bytes).min(ctx.broker.settings.fetch_max_bytes),
        isolation,
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

/// The partitions of a request, and what to read of those that can be read.
struct Plan {
    asked: Vec<Asked>,
    targets: Vec<FetchTarget>,
}

struct Asked {
    /// `None` if its id is unknown.
    topic: Option<Arc<str>>,
    /// Why it is not among the targets.
    refusal: Option<ErrorCode>,
}

fn resolve(ctx: &RequestContext, partitions: &[SessionPartition], is_limit_valid: bool) -> Plan {
    let mut plan = Plan { asked: Vec::with_capacity(partitions.len()), targets: Vec::new() };
    for partition in partitions {
        let topic = match &partition.topic {
            TopicKey::Name(name) => Some(Arc::clone(name)),
            TopicKey::Id(id) => ctx.broker.replicas.topic_name(*id),
        };
        let refusal = match &topic {
            None => Some(ErrorCode::UnknownTopicId),
            Some(topic) => {
                let is_valid = is_limit_valid && partition.max_bytes >= 0;
                let is_refused = !is_valid && ctx.broker.replicas.get(topic, partition.partition).is_some();
                is_refused.then_some(ErrorCode::InvalidRequest)
            }
        };
        plan.targets.extend(topic.as_ref().filter(|_| refusal.is_none()).map(|topic| FetchTarget {
            topic: Arc::clone(topic),
            partition: partition.partition,
            fetch_offset: partition.fetch_offset,
            max_bytes: usize::try_from(partition.max_bytes).unwrap_or(0),
            current_leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
        }));
        plan.asked.push(Asked { topic, refusal });
    }
    plan
}

/// `fetched` has an entry for every partition that was not refused.
fn respond(
    ctx: &RequestContext,
    session: &SessionFetch,
    asked: &[Asked],
    isolation: Isolation,
    fetched: Vec<FetchedPartition>,
) -> FetchResponse {
    let mut fetched = fetched.into_iter();
    let each = asked.iter().map(|asked| match asked.refusal {
        Some(error) => FetchedPartition::failed(error),
        None => fetched.next().unwrap_or_else(|| FetchedPartition::failed(ErrorCode::UnknownServerError)),
    });
    let fetched: Vec<_> = each.collect();
    let answered = session.answered(&fetched);
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let mut topic_before = None;
    let each = session.partitions.iter().zip(asked).zip(fetched).zip(answered);
    for (((partition, asked), fetched), _) in each.filter(|(_, answered)| *answered) {
        count(ctx, asked.topic.as_deref(), &fetched);
        // As Kafka does: partitions of one topic that do not follow each other are several topics.
        if topic_before.replace(&partition.topic) != Some(&partition.topic) {
            responses.push(topic_response(&partition.topic));
        }
        if let Some(answer) = responses.last_mut() {
            answer.partitions.push(partition_data(partition.partition, isolation, fetched));
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

fn partition_data(partition_index: i32, isolation: Isolation, fetched: FetchedPartition) -> PartitionData {
    // Null and empty as Kafka has them, for clients that look closely.
    let has_aborted = match fetched.error {
        ErrorCode::None => isolation == Isolation::ReadCommitted,
        ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId | ErrorCode::InvalidRequest => true,
        _ => false,
    };
    let (epoch, end_offset) = fetched.diverging_epoch.unwrap_or((-1, -1));
    PartitionData {
        partition_index,
        error_code: fetched.error.code(),
        high_watermark: fetched.offsets.high_watermark,
        last_stable_offset: fetched.offsets.last_stable_offset,
        log_start_offset: fetched.offsets.log_start_offset,
        diverging_epoch: EpochEndOffset { epoch, end_offset },
        aborted_transactions: has_aborted.then(Vec::new),
        // Never null: several clients take null records for a broken answer.
        records: Some(fetched.records),
        ..Default::default()
    }
}
