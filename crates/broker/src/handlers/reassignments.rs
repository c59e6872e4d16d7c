//! AlterPartitionReassignments (45), versions 0-1, and ListPartitionReassignments (46), version 0.
//!
//! - With one broker a partition can only be "moved" to where it already is, which succeeds at once; anything
//!   else is refused as Kafka refuses it. Nothing is ever under way, so the list is empty.

use barnabas_common::ErrorCode;
use barnabas_metadata::MetadataImage;
use barnabas_protocol::messages::alter_partition_reassignments_request::ReassignablePartition;
use barnabas_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use barnabas_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
};

use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn alter(ctx: &RequestContext, request: AlterPartitionReassignmentsRequest) -> Result<Answer, Refused> {
    let image = ctx.broker.image();
    let responses = request.topics.iter().map(|topic| ReassignableTopicResponse {
        name: topic.name.clone(),
        partitions: topic.partitions.iter().map(|partition| reassign(&image, &topic.name, partition)).collect(),
    });
    Ok(ctx.ready(&AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        error_message: None,
        responses: responses.collect(),
        ..Default::default()
    }))
}

fn reassign(image: &MetadataImage, topic: &str, asked: &ReassignablePartition) -> ReassignablePartitionResponse {
    let refused = |code: ErrorCode, message: String| (code.code(), Some(message));
    let (error_code, error_message) = match (image.partition(topic, asked.partition_index), &asked.replicas) {
        (None, _) => refused(ErrorCode::UnknownTopicOrPartition, "this partition does not exist".to_owned()),
        (Some(_), None) => refused(ErrorCode::NoReassignmentInProgress, "there is nothing to cancel".to_owned()),
        (Some(partition), Some(replicas)) if *replicas == partition.replicas => (0, None),
        (Some(_), Some(replicas)) => refused(
            ErrorCode::InvalidReplicaAssignment,
            format!("the replicas {replicas:?} cannot be used: they must be distinct brokers that are alive"),
        ),
    };
    ReassignablePartitionResponse { partition_index: asked.partition_index, error_code, error_message }
}

pub(crate) fn list(ctx: &RequestContext, _: ListPartitionReassignmentsRequest) -> Result<Answer, Refused> {
    Ok(ctx.ready(&ListPartitionReassignmentsResponse { error_message: None, ..Default::default() }))
}
