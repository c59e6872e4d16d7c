//! DescribeProducers (61), version 0 (KIP-664). Idempotent producers that the log of a partition remembers.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use barnabas_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};

use crate::dispatch::{Answer, Refused, RequestContext};

/// Coordinator epoch of a producer that never wrote a transaction marker.
const NO_COORDINATOR: i32 = -1;

pub(crate) fn handle(ctx: &RequestContext, request: DescribeProducersRequest) -> Result<Answer, Refused> {
    let topics = request.topics.into_iter().map(|topic| TopicResponse {
        partitions: topic.partition_indexes.iter().map(|index| describe(ctx, &topic.name, *index)).collect(),
        name: topic.name,
    });
    Ok(ctx.ready(&DescribeProducersResponse { topics: topics.collect(), ..Default::default() }))
}

fn describe(ctx: &RequestContext, topic: &str, partition_index: i32) -> PartitionResponse {
    let failed = |code: ErrorCode, message: &str| PartitionResponse {
        partition_index,
        error_code: code.code(),
        error_message: Some(message.to_owned()),
        ..Default::default()
    };
    let Some(partition) = ctx.broker.replicas.get(topic, partition_index) else {
        return failed(ErrorCode::UnknownTopicOrPartition, "this partition does not exist here");
    };
    let producers = match partition.with_log(|log| log.active_producers()) {
        Ok(producers) => producers,
        Err(error) => return failed(error.code, &error.message),
    };
    let active_producers = producers.into_iter().map(|producer| ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: i32::from(producer.producer_epoch),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: NO_COORDINATOR,
        current_txn_start_offset: -1,
    });
    PartitionResponse { partition_index, active_producers: active_producers.collect(), ..Default::default() }
}
