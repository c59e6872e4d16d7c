//! DeleteRecords (21), versions 0-2. Moves the log start offset forward.
//!
//! - -1 means the high watermark; an offset beyond it is OFFSET_OUT_OF_RANGE; one below the start changes nothing.
//! - Topics that are only compacted are refused with POLICY_VIOLATION, as Kafka refuses them; internal ones always, with
//!   INVALID_TOPIC_EXCEPTION: what is deleted of them is offsets of groups, not records of users.
//! - Each partition is answered for itself.
//! - The new start offsets are on disk before the answer, so that deleted records do not come back after a crash;
//!   on a full disk they are written once there is room.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use barnabas_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use barnabas_replica::PartitionError;

use crate::dispatch::{Answer, Refused, RequestContext, on_blocking_thread};
use crate::topics;

const TO_HIGH_WATERMARK: i64 = -1;

pub(crate) fn handle(ctx: &RequestContext, request: DeleteRecordsRequest) -> Result<Answer, Refused> {
    let work = ctx.clone();
    Ok(ctx.later(async move { on_blocking_thread(move || delete(&work, request)).await }))
}

fn delete(ctx: &RequestContext, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let response = delete_all(ctx, request);
    // On a full disk this fails and is said in the log; deleting must work there all the same, and the next round of
    // maintenance, within a second, writes it.
    let _ = ctx.broker.checkpoints.write(&ctx.broker);
    response
}

fn delete_all(ctx: &RequestContext, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|topic| DeleteRecordsTopicResult {
        partitions: topic
            .partitions
            .iter()
            .map(|partition| {
                let result = delete_before(ctx, &topic.name, partition.partition_index, partition.offset);
                let (low_watermark, error_code) = match result {
                    Ok(low_watermark) => (low_watermark, 0),
                    Err(error) => (-1, error.code.code()),
                };
                DeleteRecordsPartitionResult { partition_index: partition.partition_index, low_watermark, error_code }
            })
            .collect(),
        name: topic.name,
    });
    DeleteRecordsResponse { topics: topics.collect(), ..Default::default() }
}

fn delete_before(ctx: &RequestContext, topic: &str, index: i32, offset: i64) -> Result<i64, PartitionError> {
    let fail = |code, message: &str| Err(PartitionError::new(code, message));
    let Some(partition) = ctx.broker.replicas.get(topic, index) else {
        return fail(ErrorCode::UnknownTopicOrPartition, "no such partition here");
    };
    if topics::is_internal_topic(topic) {
        return fail(ErrorCode::InvalidTopicException, "records of internal topics cannot be deleted");
    }
    if !ctx.broker.configs.may_delete_records(&ctx.broker.image(), topic) {
        return fail(ErrorCode::PolicyViolation, "the topic's cleanup.policy does not include delete");
    }
    let offsets = partition.offsets()?;
    let target = if offset == TO_HIGH_WATERMARK { offsets.high_watermark } else { offset };
    if target < 0 || target > offsets.high_watermark {
        return fail(ErrorCode::OffsetOutOfRange, "the offset is beyond the high watermark");
    }
    partition.with_log(|log| {
        log.increment_log_start_offset(target)
            .map_err(|error| PartitionError::new(ErrorCode::OffsetOutOfRange, error.to_string()))?;
        Ok(log.log_start_offset())
    })?
}
