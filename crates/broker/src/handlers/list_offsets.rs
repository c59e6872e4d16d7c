//! ListOffsets (2), versions 1-11. Offsets by timestamp, and the special ones.
//!
//! - -1 latest (high watermark, or last stable offset for read_committed), -2 earliest, -3 the record with the
//!   largest timestamp (KIP-734), -4 earliest local, -5 and -6 the tiered ones, of which there are none.
//! - What -3 finds can be read. Kafka also names a record below the log start offset, as long as its segment is there.
//! - A timestamp finds the first record at or after it, also inside compressed batches; nothing found is -1.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::list_offsets_request::ListOffsetsPartition;
use barnabas_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use barnabas_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use barnabas_replica::{Partition, PartitionError};

use crate::dispatch::{Answer, Refused, RequestContext, on_blocking_thread};
use crate::journals;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;
const READ_COMMITTED: i8 = 1;

pub(crate) fn handle(ctx: &RequestContext, request: ListOffsetsRequest) -> Result<Answer, Refused> {
    let reads_records = request
        .topics
        .iter()
        .flat_map(|topic| &topic.partitions)
        .any(|partition| partition.timestamp >= 0 || partition.timestamp == MAX_TIMESTAMP);
    if !reads_records {
        return Ok(ctx.ready(&list(ctx, &request)));
    }
    let work = ctx.clone();
    Ok(ctx.later_while_connected(async move {
        // Looking into compressed batches may take long: not on the network's threads.
        let look = move || (list(&work, &request), work, request);
        let (listed, work, request) = on_blocking_thread(look).await;
        // What was found may not be on disk yet. If it will not be, its partition is offline by now.
        match journals::all_so_far(&work.broker).wait().await {
            Ok(()) => listed,
            Err(_) => list(&work, &request),
        }
    }))
}

fn list(ctx: &RequestContext, request: &ListOffsetsRequest) -> ListOffsetsResponse {
    let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
        name: topic.name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|asked| list_one(ctx, &topic.name, asked, request.isolation_level == READ_COMMITTED))
            .collect(),
    });
    ListOffsetsResponse { topics: topics.collect(), ..Default::default() }
}

fn list_one(
    ctx: &RequestContext,
    topic: &str,
    asked: &ListOffsetsPartition,
    committed: bool,
) -> ListOffsetsPartitionResponse {
    let found = ctx
        .broker
        .replicas
        .get(topic, asked.partition_index)
        .ok_or_else(|| PartitionError::new(ErrorCode::UnknownTopicOrPartition, "no such partition here"))
        .and_then(|partition| {
            partition.check_leader_epoch(asked.current_leader_epoch)?;
            find(&partition, asked.timestamp, committed)
        });
    match found {
        Ok(found) => ListOffsetsPartitionResponse {
            partition_index: asked.partition_index,
            error_code: 0,
            timestamp: found.timestamp,
            offset: found.offset,
            leader_epoch: found.leader_epoch,
        },
        Err(error) => ListOffsetsPartitionResponse {
            partition_index: asked.partition_index,
            error_code: error.code.code(),
            ..Default::default()
        },
    }
}

struct Found {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

const NOTHING: Found = Found { timestamp: -1, offset: -1, leader_epoch: -1 };

fn find(partition: &Partition, timestamp: i64, committed: bool) -> Result<Found, PartitionError> {
    let offsets = partition.offsets()?;
    let at = |offset: i64, leader_epoch: i32| Found { timestamp: -1, offset, leader_epoch };
    match timestamp {
        LATEST => {
            let end = if committed { offsets.last_stable_offset } else { offsets.high_watermark };
            Ok(at(end, partition.leader_epoch()))
        }
        EARLIEST | EARLIEST_LOCAL => {
            let start = offsets.log_start_offset;
            Ok(at(start, partition.with_log(|log| epoch_at(log.epochs(), start))?))
        }
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(NOTHING),
        MAX_TIMESTAMP => search(partition.with_log(|log| log.max_timestamp())?),
        timestamp if timestamp >= 0 => search(partition.with_log(|log| log.offset_for_timestamp(timestamp))?),
        other => {
            Err(PartitionError::new(ErrorCode::UnsupportedVersion, format!("there is no special timestamp {other}")))
        }
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
