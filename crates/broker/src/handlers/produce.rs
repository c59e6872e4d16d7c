//! Produce (0), versions 0-13 advertised, 3-13 served. Records go to the log of each partition.
//!
//! - Versions 0-2 carry old message sets; they are advertised so that librdkafka compresses (KAFKA-18659), and
//!   refused like Apache Kafka 4 refuses them.
//! - acks=0 has no answer; if such a request fails the connection is closed, so that the client notices.
//! - With a journal acks=-1 is answered when the records are on disk, acks=1 when the log has them; with the page cache
//!   the two are the same. acks=-1 with too few replicas in sync is refused before
//!   anything is written.
//! - Records for compacted topics are looked into, because each needs a key; a compressed batch may expand to 32 MiB
//!   for that (Kafka has no limit, and can be kept busy for seconds by a small bomb). So are batches of few records, and
//!   those whose header claims times far from the present; of all others the header is believed (`validation.rs`).
//! - A batch that is not in the `compression.type` of its topic is stored in that codec, and with
//!   `message.timestamp.before.max.ms` each record's time is looked at (`looked_into.rs`); 32 MiB are the limit there, too.
//! - Version 8 on names the records that are at fault (KIP-467); version 13 names topics by id (KIP-516).
//! - Not yet: transactional batches (refused with the error Kafka gives an unknown transactional id).

use std::borrow::Cow;
use std::sync::Arc;

use barnabas_common::{ErrorCode, Uuid};
use barnabas_log::{AppendError, AppendOrigin, LogConfig, MAX_NAMED_RECORDS};
use barnabas_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use barnabas_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use barnabas_protocol::messages::{ProduceRequest, ProduceResponse};
use barnabas_replica::{Appended, NotDurable, Partition, Tickets};
use bytes::{Bytes, BytesMut};

use crate::dispatch::{Answer, Refused, RequestContext, on_blocking_thread};
use crate::metrics::TopicTraffic;
use crate::validation;

mod looked_into;

use looked_into::{LookedInto, Rules};

const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;
const ALL_IN_SYNC: i16 = -1;

pub(crate) fn handle(ctx: &RequestContext, request: ProduceRequest) -> Result<Answer, Refused> {
    let acks = request.acks;
    let looked_into = LookedInto::of(ctx, &request);
    if looked_into.takes_time(&request) || has_doubtful_times(ctx, &request) {
        let work = decode_and_append(ctx.clone(), request, looked_into);
        return Ok(if acks == 0 { ctx.later_silent(async { silent(&work.await) }) } else { ctx.later(work) });
    }
    let (response, tickets) = append_all(ctx, request, &looked_into);
    match (acks, tickets.is_empty()) {
        (0, true) => silent(&response).map(|()| Answer::Silent),
        (0, false) => {
            let finish = move |outcome| silent(&settled(response, outcome)).map(|()| None);
            Ok(Answer::WhenDurable { tickets, finish: Box::new(finish) })
        }
        (_, true) => Ok(ctx.ready(&response)),
        (_, false) => Ok(ctx.when_durable(tickets, |outcome| settled(response, outcome))),
    }
}

/// The response, told whether what it acknowledges is durable.
fn settled(mut response: ProduceResponse, outcome: Result<(), NotDurable>) -> ProduceResponse {
    let Err(error) = outcome else { return response };
    for partition in response.responses.iter_mut().flat_map(|topic| &mut topic.partition_responses) {
        if partition.error_code == 0 {
            let failure = Failure::new(ErrorCode::KafkaStorageError, error.to_string());
            *partition = failure.into_response(partition.index);
        }
    }
    response
}

/// The end of a request that has no answer.
fn silent(response: &ProduceResponse) -> Result<(), Refused> {
    if has_error(response) {
        return Err(Refused::Protocol("a produce request with acks=0 failed; closing tells the client"));
    }
    Ok(())
}

/// Records that must be looked at one by one go through a blocking thread, so that a huge or hostile batch
/// does not hold up other connections. While they wait for their turn, the connection reads nothing more, and its share of
/// the memory for requests stays what their frame took; going on takes no more of it.
async fn decode_and_append(ctx: RequestContext, request: ProduceRequest, looked_into: LookedInto) -> ProduceResponse {
    let broker = Arc::clone(&ctx.broker);
    let _permit = broker.decoding.acquire().await;
    let (response, tickets) = on_blocking_thread(move || append_all(&ctx, request, &looked_into)).await;
    let outcome = tickets.wait().await;
    settled(response, outcome)
}

/// Whether there are compressed records that claim to be from so long ago that this is not believed unseen.
fn has_doubtful_times(ctx: &RequestContext, request: &ProduceRequest) -> bool {
    let is_doubtful = |topic: &TopicProduceData, data: &PartitionProduceData| {
        let config = || {
            let by_id = topic_by_id(ctx, topic);
            let name = topic_name(ctx, topic, by_id.as_deref())?;
            config_of(&*ctx.broker.replicas.get(name, data.index)?)
        };
        let now_ms = || ctx.broker.clock.wall_ms();
        data.records.as_ref().is_some_and(|records| validation::must_be_decompressed(records, now_ms, config))
    };
    request.topic_data.iter().any(|topic| topic.partition_data.iter().any(|data| is_doubtful(topic, data)))
}

/// The settings of a partition's log, if it can be asked.
fn config_of(partition: &Partition) -> Option<LogConfig> {
    partition.with_log(|log| log.config().clone()).ok()
}

fn has_error(response: &ProduceResponse) -> bool {
    response.responses.iter().flat_map(|topic| &topic.partition_responses).any(|partition| partition.error_code != 0)
}

/// Appends, and says what to wait for before it is acknowledged.
fn append_all(ctx: &RequestContext, request: ProduceRequest, looked_into: &LookedInto) -> (ProduceResponse, Tickets) {
    let acks = request.acks;
    let mut tickets = Tickets::default();
    let mut can_be_named = MAX_NAMED_RECORDS;
    let responses = request.topic_data.into_iter().enumerate().map(|(place, mut topic)| {
        let rules = looked_into.rules_of(place);
        let partition_data = std::mem::take(&mut topic.partition_data);
        let by_id = topic_by_id(ctx, &topic);
        let name = topic_name(ctx, &topic, by_id.as_deref());
        let unknown =
            if topic.topic_id.is_zero() { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::UnknownTopicId };
        let partitions = partition_data.into_iter().map(|data| {
            let index = data.index;
            let result = match name {
                None => Err(Failure::new(unknown, "this topic does not exist here")),
                Some(name) => append_one(ctx, (name, topic.topic_id, rules), data, acks, &mut tickets),
            };
            result.unwrap_or_else(|mut failure| {
                ctx.broker.metrics.request_failed(ctx.api, failure.code);
                failure.records.truncate(can_be_named);
                can_be_named -= failure.records.len();
                failure.into_response(index)
            })
        });
        let partition_responses = partitions.collect();
        TopicProduceResponse { partition_responses, name: topic.name, topic_id: topic.topic_id }
    });
    let responses = responses.collect();
    (ProduceResponse { responses, ..Default::default() }, tickets)
}

fn topic_by_id(ctx: &RequestContext, topic: &TopicProduceData) -> Option<Arc<str>> {
    if ctx.version < FIRST_VERSION_WITH_TOPIC_IDS {
        return None;
    }
    ctx.broker.replicas.topic_name(topic.topic_id)
}

fn topic_name<'a>(ctx: &RequestContext, topic: &'a TopicProduceData, by_id: Option<&'a str>) -> Option<&'a str> {
    if ctx.version >= FIRST_VERSION_WITH_TOPIC_IDS { by_id } else { Some(&topic.name) }
}

/// Why one partition's records were not appended.
struct Failure {
    code: ErrorCode,
    message: String,
    records: Vec<BatchIndexAndErrorMessage>,
    log_start_offset: i64,
}

impl Failure {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), records: Vec::new(), log_start_offset: -1 }
    }

    fn into_response(self, index: i32) -> PartitionProduceResponse {
        PartitionProduceResponse {
            index,
            error_code: self.code.code(),
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: self.log_start_offset,
            record_errors: self.records,
            error_message: Some(self.message),
            ..Default::default()
        }
    }
}

fn append_one(
    ctx: &RequestContext,
    (topic, topic_id, rules): (&str, Uuid, Option<&Rules>),
    data: PartitionProduceData,
    acks: i16,
    tickets: &mut Tickets,
) -> Result<PartitionProduceResponse, Failure> {
    if !(-1..=1).contains(&acks) {
        return Err(Failure::new(
            ErrorCode::InvalidRequiredAcks,
            format!("acks={acks}; allowed are 0, 1 and -1 (all)"),
        ));
    }
    if crate::topics::is_internal_topic(topic) {
        return Err(Failure::new(
            ErrorCode::InvalidTopicException,
            format!("clients may not write to the internal topic {topic}"),
        ));
    }
    let partition = ctx.broker.replicas.get(topic, data.index).ok_or_else(|| {
        Failure::new(ErrorCode::UnknownTopicOrPartition, format!("{topic}-{} does not exist here", data.index))
    })?;
    if !topic_id.is_zero() && partition.topic_id != topic_id {
        return Err(Failure::new(ErrorCode::UnknownTopicId, "the topic was deleted and made anew under its name"));
    }
    ctx.broker.check_room(&partition).map_err(|message| {
        ctx.broker.metrics.failed_produce(topic);
        Failure::new(ErrorCode::KafkaStorageError, message)
    })?;
    if acks == ALL_IN_SYNC {
        check_in_sync(ctx, topic, data.index)?;
    }
    let records = data.records.unwrap_or_default();
    let (response, appended) = append_records(ctx, (topic, rules), &partition, records, data.index)?;
    if acks == ALL_IN_SYNC || appended.must_wait {
        appended.ticket.into_iter().for_each(|ticket| tickets.add(ticket));
    }
    Ok(response)
}

fn check_in_sync(ctx: &RequestContext, topic: &str, index: i32) -> Result<(), Failure> {
    let image = ctx.broker.image();
    let Some(partition) = image.partition(topic, index) else { return Ok(()) };
    let in_sync = partition.isr.len();
    // As in Kafka 4 (KIP-966), more in-sync replicas than replicas are never asked for.
    if in_sync >= partition.replicas.len() {
        return Ok(());
    }
    let needed = ctx.broker.configs.min_insync_replicas(&image, topic);
    if in_sync < needed {
        return Err(Failure::new(
            ErrorCode::NotEnoughReplicas,
            format!("{in_sync} replicas of {topic}-{index} are in sync, min.insync.replicas is {needed}"),
        ));
    }
    Ok(())
}

fn append_records(
    ctx: &RequestContext,
    (topic, rules): (&str, Option<&Rules>),
    partition: &Arc<Partition>,
    records: Bytes,
    index: i32,
) -> Result<(PartitionProduceResponse, Appended), Failure> {
    let now_ms = ctx.broker.clock.wall_ms();
    let mut records = BytesMut::from(records);
    let arrived_bytes = records.len();
    validation::look_into(&mut records, rules.is_some_and(|rules| rules.needs_keys), now_ms, || config_of(partition))
        .map_err(|rejected| from_append_error(rejected, partition))?;
    let records = match rules {
        Some(rules) => rules.apply(records, now_ms).map_err(|rejected| from_append_error(rejected, partition))?,
        None => records,
    };
    let data_bytes = records.len();
    let appended = partition.append(records, now_ms, AppendOrigin::Client);
    ctx.broker.dirs.appended(partition, data_bytes, &appended);
    let appended = appended.map_err(|error| {
        ctx.broker.metrics.failed_produce(topic);
        from_append_error(error, partition)
    })?;
    let info = &appended.info;
    ctx.broker.metrics.produced(
        topic,
        TopicTraffic { records: u64::try_from(info.record_count).unwrap_or(0), bytes: arrived_bytes as u64 },
    );
    let response = PartitionProduceResponse {
        index,
        base_offset: info.first_offset,
        log_append_time_ms: info.log_append_time,
        log_start_offset: info.log_start_offset,
        ..Default::default()
    };
    Ok((response, appended))
}

fn from_append_error(error: AppendError, partition: &Partition) -> Failure {
    let offsets = error.tells_log_start().then(|| partition.offsets().ok()).flatten();
    let (code, message) = (error.error_code(), error.to_string());
    let records = error.into_record_errors().into_iter().map(|record| BatchIndexAndErrorMessage {
        batch_index: record.batch_index,
        batch_index_error_message: record.message.map(Cow::into_owned),
    });
    let log_start_offset = offsets.map_or(-1, |offsets| offsets.log_start_offset);
    Failure { code, message, records: records.collect(), log_start_offset }
}

#[cfg(test)]
mod tests;
