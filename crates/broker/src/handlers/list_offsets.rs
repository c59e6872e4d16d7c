//! ListOffsets (2), versions 1-11. Offsets by timestamp, and the special ones.
//!
//! - -1 latest (high watermark, or last stable offset for read_committed), -2 earliest, -3 the record with the
//!   largest timestamp (KIP-734), -4 earliest local, -5 and -6 the tiered ones, of which there are none. Those that are
//!   younger than the request's version are refused.
//! - A partition that is asked for twice is refused, and answered once.
//! - What -3 finds can be read. Kafka also names a record below the log start offset, as long as its segment is there.
//! - A timestamp finds the first record at or after it, also inside compressed batches; nothing found is -1.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::list_offsets_request::ListOffsetsPartition;
use barnabas_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use barnabas_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use barnabas_replica::{Isolation, Partition, PartitionError};

use crate::dispatch::{Answer, Refused, RequestContext, on_blocking_thread};
use crate::handlers::fetch::isolation;
use crate::journals;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

pub(crate) fn handle(ctx: &RequestContext, request: ListOffsetsRequest) -> Result<Answer, Refused> {
    let reads_records = request
        .topics
        .iter()
        .flat_map(|topic| &topic.partitions)
        .any(|partition| partition.timestamp >= 0 || partition.timestamp == MAX_TIMESTAMP);
    if !reads_records {
        return Ok(ctx.ready(&list(ctx, &request, || true)));
    }
    let work = ctx.clone();
    Ok(ctx.later_while_connected(async move {
        // Dropped with this when the client leaves.
        let client = Arc::new(());
        let wanted = Arc::downgrade(&client);
        // Looking into compressed batches may take long: not on the network's threads.
        let look = move || (list(&work, &request, || wanted.strong_count() > 0), work, request);
        let (listed, work, request) = on_blocking_thread(look).await;
        drop(client);
        // What was found may not be on disk yet. If it will not be, its partition is offline by now.
        match journals::all_so_far(&work.broker).wait().await {
            Ok(()) => listed,
            Err(_) => list(&work, &request, || true),
        }
    }))
}

fn list(ctx: &RequestContext, request: &ListOffsetsRequest, is_wanted: impl Fn() -> bool) -> ListOffsetsResponse {
    let isolation = isolation(request.isolation_level);
    list_each(request, is_wanted, |topic, asked| list_one(ctx, topic, asked, isolation))
}

/// Looks for one after the other, as long as the answer is wanted.
fn list_each(
    request: &ListOffsetsRequest,
    is_wanted: impl Fn() -> bool,
    mut look: impl FnMut(&str, &ListOffsetsPartition) -> Result<Found, PartitionError>,
) -> ListOffsetsResponse {
    let mut doubled = doubled(request);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions.iter().take_while(|_| is_wanted()) {
            let found = match doubled.get_mut(&(topic.name.as_str(), asked.partition_index)) {
                Some(is_answered) if *is_answered => continue,
                Some(is_answered) => {
                    *is_answered = true;
                    Err(PartitionError::new(ErrorCode::InvalidRequest, "asked for twice in one request"))
                }
                None => look(&topic.name, asked),
            };
            partitions.push(answer(asked.partition_index, found));
        }
        topics.push(ListOffsetsTopicResponse { name: topic.name.clone(), partitions });
    }
    ListOffsetsResponse { topics, ..Default::default() }
}

/// The partitions that come more than once, none of which has been answered.
fn doubled(request: &ListOffsetsRequest) -> HashMap<(&str, i32), bool> {
    let mut seen = HashSet::new();
    let each = request
        .topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|partition| (topic.name.as_str(), partition.partition_index)));
    each.filter(|asked| !seen.insert(*asked)).map(|asked| (asked, false)).collect()
}

fn list_one(
    ctx: &RequestContext,
    topic: &str,
    asked: &ListOffsetsPartition,
    isolation: Option<Isolation>,
) -> Result<Found, PartitionError> {
    let isolation =
        isolation.ok_or_else(|| PartitionError::new(ErrorCode::InvalidRequest, "there is no such isolation level"))?;
    if !is_known(asked.timestamp, ctx.version) {
        let message = format!("version {} has no special timestamp {}", ctx.version, asked.timestamp);
        return Err(PartitionError::new(ErrorCode::UnsupportedVersion, message));
    }
    let partition = ctx.broker.replicas.get(topic, asked.partition_index);
    let partition =
        partition.ok_or_else(|| PartitionError::new(ErrorCode::UnknownTopicOrPartition, "no such partition here"))?;
    partition.check_leader_epoch(asked.current_leader_epoch)?;
    find(&partition, asked.timestamp, isolation)
}

/// Whether clients of this version can mean something by a timestamp.
fn is_known(timestamp: i64, version: i16) -> bool {
    match timestamp {
        LATEST | EARLIEST => true,
        MAX_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        EARLIEST_PENDING_UPLOAD => version >= 11,
        other => other >= 0,
    }
}

fn answer(partition_index: i32, found: Result<Found, PartitionError>) -> ListOffsetsPartitionResponse {
    match found {
        Ok(found) => ListOffsetsPartitionResponse {
            partition_index,
            error_code: 0,
            timestamp: found.timestamp,
            offset: found.offset,
            leader_epoch: found.leader_epoch,
        },
        Err(error) => {
            ListOffsetsPartitionResponse { partition_index, error_code: error.code.code(), ..Default::default() }
        }
    }
}

struct Found {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

const NOTHING: Found = Found { timestamp: -1, offset: -1, leader_epoch: -1 };

fn find(partition: &Partition, timestamp: i64, isolation: Isolation) -> Result<Found, PartitionError> {
    let offsets = partition.offsets()?;
    let at = |offset: i64, leader_epoch: i32| Found { timestamp: -1, offset, leader_epoch };
    match timestamp {
        LATEST => {
            let end = match isolation {
                Isolation::ReadCommitted => offsets.last_stable_offset,
                Isolation::ReadUncommitted => offsets.high_watermark,
            };
            Ok(at(end, partition.leader_epoch()))
        }
        EARLIEST | EARLIEST_LOCAL => {
            let start = offsets.log_start_offset;
            Ok(at(start, partition.with_log(|log| epoch_at(log.epochs(), start))?))
        }
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(NOTHING),
        MAX_TIMESTAMP => search(partition.with_log(|log| log.max_timestamp())?),
        timestamp => search(partition.with_log(|log| log.offset_for_timestamp(timestamp))?),
    }
}

/// The leader epoch in which an offset was written; -1 if it is not known.
fn epoch_at(epochs: &[barnabas_log::EpochEntry], offset: i64) -> i32 {
    epochs.iter().rev().find(|entry| entry.start_offset <= offset).map_or(-1, |entry| entry.epoch)
}

fn search(plan: barnabas_log::TimestampPlan) -> Result<Found, PartitionError> {
    let found = plan.find().map_err(|error| PartitionError::new(error.error_code(), error.to_string()))?;
    Ok(found.map_or(NOTHING, |found| Found {
        timestamp: found.timestamp,
        offset: found.offset,
        leader_epoch: found.leader_epoch,
    }))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use barnabas_protocol::messages::list_offsets_request::ListOffsetsTopic;

    use super::*;

    fn request(topics: &[(&str, &[i32])]) -> ListOffsetsRequest {
        let partition = |index: &i32| ListOffsetsPartition { partition_index: *index, ..Default::default() };
        let topics = topics.iter().map(|(name, partitions)| ListOffsetsTopic {
            name: (*name).to_owned(),
            partitions: partitions.iter().map(partition).collect(),
        });
        ListOffsetsRequest { topics: topics.collect(), ..Default::default() }
    }

    fn answers(response: ListOffsetsResponse) -> Vec<(String, i32, i16)> {
        let topics = response.topics.into_iter();
        topics
            .flat_map(|topic| topic.partitions.into_iter().map(move |of| (topic.name.clone(), of)))
            .map(|(name, of)| (name, of.partition_index, of.error_code))
            .collect()
    }

    #[test]
    fn a_partition_that_is_asked_for_twice_is_not_looked_at_and_answered_once() {
        let looks = Cell::new(0);
        let look = |_: &str, _: &ListOffsetsPartition| {
            looks.set(looks.get() + 1);
            Ok(NOTHING)
        };
        let request = request(&[("t", &[0, 1, 0, 0]), ("u", &[0]), ("t", &[2, 0])]);
        let row = |topic: &str, index, error: ErrorCode| (topic.to_owned(), index, error.code());
        let (fine, doubled) = (ErrorCode::None, ErrorCode::InvalidRequest);
        let expected = [row("t", 0, doubled), row("t", 1, fine), row("u", 0, fine), row("t", 2, fine)];
        assert_eq!(answers(list_each(&request, || true, look)), expected);
        assert_eq!(looks.get(), 3);
    }

    #[test]
    fn nothing_more_is_looked_for_when_the_client_has_left() {
        let looks = Cell::new(0);
        let look = |_: &str, _: &ListOffsetsPartition| {
            looks.set(looks.get() + 1);
            Ok(NOTHING)
        };
        list_each(&request(&[("t", &[0, 1, 2, 3]), ("u", &[0, 1])]), || looks.get() < 2, look);
        assert_eq!(looks.get(), 2);
    }
}
