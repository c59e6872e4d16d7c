//! DescribeQuorum (55), versions 0-2. The metadata quorum as `kafka-metadata-quorum` shows it.
//!
//! - There is one quorum, under the name `__cluster_metadata`, partition 0; anything else is unknown.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::describe_quorum_response::{Listener, Node, PartitionData, ReplicaState, TopicData};
use barnabas_protocol::messages::{DescribeQuorumRequest, DescribeQuorumResponse};

use crate::dispatch::{Answer, Refused, RequestContext};
use crate::topics::CLUSTER_METADATA_TOPIC;

pub(crate) fn handle(ctx: &RequestContext, request: DescribeQuorumRequest) -> Result<Answer, Refused> {
    let topics = request.topics.into_iter().map(|topic| TopicData {
        partitions: topic
            .partitions
            .iter()
            .map(|partition| match (topic.topic_name.as_str(), partition.partition_index) {
                (CLUSTER_METADATA_TOPIC, 0) => describe(ctx),
                (_, index) => unknown(index),
            })
            .collect(),
        topic_name: topic.topic_name,
    });
    let response = DescribeQuorumResponse {
        error_message: None,
        topics: topics.collect(),
        nodes: nodes(ctx),
        ..Default::default()
    };
    Ok(ctx.ready(&response))
}

fn unknown(partition_index: i32) -> PartitionData {
    PartitionData {
        partition_index,
        error_code: ErrorCode::UnknownTopicOrPartition.code(),
        error_message: Some(format!("the only quorum is {CLUSTER_METADATA_TOPIC}, partition 0")),
        ..Default::default()
    }
}

fn describe(ctx: &RequestContext) -> PartitionData {
    let status = ctx.broker.quorum.status();
    let voters = status.voters.iter().map(|voter| ReplicaState {
        replica_id: voter.node_id,
        replica_directory_id: voter.directory_id,
        log_end_offset: voter.log_end_offset,
        last_fetch_timestamp: voter.last_caught_up_ms,
        last_caught_up_timestamp: voter.last_caught_up_ms,
    });
    PartitionData {
        error_message: None,
        leader_id: status.leader_id,
        leader_epoch: status.leader_epoch,
        high_watermark: status.high_watermark,
        current_voters: voters.collect(),
        ..Default::default()
    }
}

/// The voters' own listeners, as the static configuration names them.
fn nodes(ctx: &RequestContext) -> Vec<Node> {
    let listeners = ctx.broker.controller_listeners.iter().map(|listener| Listener {
        name: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
    });
    vec![Node { node_id: ctx.broker.node_id, listeners: listeners.collect() }]
}
