//! ElectLeaders (43), versions 0-2.
//!
//! - Null partitions mean all; then only partitions where something changed or failed are answered.

use std::collections::BTreeMap;

use barnabas_common::ErrorCode;
use barnabas_metadata::{ApiError, CommandResult, ElectionResult, ElectionType, MetadataCommand};
use barnabas_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use barnabas_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};

use crate::broker::wrong_answer;
use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn handle(ctx: &RequestContext, request: ElectLeadersRequest) -> Result<Answer, Refused> {
    let work = ctx.clone();
    Ok(ctx.later(async move {
        match elect(&work, request).await {
            Ok(results) => ElectLeadersResponse { replica_election_results: by_topic(results), ..Default::default() },
            Err(error) => ElectLeadersResponse { error_code: error.code.code(), ..Default::default() },
        }
    }))
}

async fn elect(ctx: &RequestContext, request: ElectLeadersRequest) -> Result<Vec<ElectionResult>, ApiError> {
    let election_type = match request.election_type {
        0 => ElectionType::Preferred,
        1 => ElectionType::Unclean,
        other => {
            return Err(ApiError::new(ErrorCode::InvalidRequest, format!("there is no election type {other}")));
        }
    };
    let partitions = request.topic_partitions.map(|topics| {
        topics
            .into_iter()
            .flat_map(|topic| topic.partitions.into_iter().map(move |partition| (topic.topic.clone(), partition)))
            .collect()
    });
    match ctx.broker.propose(MetadataCommand::ElectLeaders { election_type, partitions }).await? {
        CommandResult::ElectLeaders(results) => Ok(results),
        _ => Err(wrong_answer()),
    }
}

fn by_topic(results: Vec<ElectionResult>) -> Vec<ReplicaElectionResult> {
    let mut topics: BTreeMap<String, Vec<PartitionResult>> = BTreeMap::new();
    for result in results {
        let (error_code, error_message) = match result.leader {
            Ok(_) => (0, None),
            Err(error) => (error.code.code(), Some(error.message)),
        };
        let partition = PartitionResult { partition_id: result.partition, error_code, error_message };
        topics.entry(result.topic).or_default().push(partition);
    }
    topics.into_iter().map(|(topic, partition_result)| ReplicaElectionResult { topic, partition_result }).collect()
}
