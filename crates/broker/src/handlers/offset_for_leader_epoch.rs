//! OffsetForLeaderEpoch (23), versions 2-4 (KIP-101, KIP-320). Where an epoch ended, so that a consumer finds
//! out whether its records were truncated.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use barnabas_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use barnabas_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use barnabas_replica::PartitionError;

use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn handle(ctx: &RequestContext, request: OffsetForLeaderEpochRequest) -> Result<Answer, Refused> {
    let topics = request.topics.into_iter().map(|topic| OffsetForLeaderTopicResult {
        partitions: topic.partitions.iter().map(|asked| answer(ctx, &topic.topic, asked)).collect(),
        topic: topic.topic,
    });
    Ok(ctx.ready(&OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() }))
}

fn answer(ctx: &RequestContext, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    match find(ctx, topic, asked) {
        Ok((leader_epoch, end_offset)) => {
            EpochEndOffset { error_code: 0, partition: asked.partition, leader_epoch, end_offset }
        }
        Err(error) => {
            EpochEndOffset { error_code: error.code.code(), partition: asked.partition, ..Default::default() }
        }
    }
}

fn find(ctx: &RequestContext, topic: &str, asked: &OffsetForLeaderPartition) -> Result<(i32, i64), PartitionError> {
    let partition = ctx
        .broker
        .replicas
        .get(topic, asked.partition)
        .ok_or_else(|| PartitionError::new(ErrorCode::UnknownTopicOrPartition, "no such partition here"))?;
    partition.check_leader_epoch(asked.current_leader_epoch)?;
    // The current epoch ends where the log ends, even if nothing was written in it yet.
    if asked.leader_epoch == partition.leader_epoch() {
        return Ok((asked.leader_epoch, partition.offsets()?.log_end_offset));
    }
    partition.with_log(|log| log.end_offset_for_epoch(asked.leader_epoch))
}
