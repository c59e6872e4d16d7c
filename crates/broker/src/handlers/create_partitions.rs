//! CreatePartitions (37), versions 0-3.
//!
//! - Answers when the new partitions accept produce requests.
//! - A topic that stands twice in one request is refused with INVALID_REQUEST.

use barnabas_common::ErrorCode;
use barnabas_metadata::{ApiError, CommandResult, CreatePartitionsItem, ItemResult, MetadataCommand};
use barnabas_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use barnabas_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use barnabas_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use crate::broker::wrong_answer;
use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn handle(ctx: &RequestContext, request: CreatePartitionsRequest) -> Result<Answer, Refused> {
    let work = ctx.clone();
    Ok(ctx.later(async move {
        let results = create(&work, &request).await;
        let results = request.topics.iter().zip(results).map(|(topic, result)| answer(&topic.name, result));
        CreatePartitionsResponse { results: results.collect(), ..Default::default() }
    }))
}

async fn create(ctx: &RequestContext, request: &CreatePartitionsRequest) -> Vec<ItemResult<()>> {
    let fail_all = |error: ApiError| request.topics.iter().map(|_| Err(error.clone())).collect();
    let names: Vec<_> = request.topics.iter().map(|topic| &topic.name).collect();
    if let Some(name) = names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(name)) {
        return fail_all(ApiError::new(
            ErrorCode::InvalidRequest,
            format!("topic '{name}' stands more than once in this request"),
        ));
    }
    if !request.validate_only
        && let Err(error) = ctx.broker.check_room_for_partitions()
    {
        return fail_all(error);
    }
    let topics = request.topics.iter().map(item).collect();
    let command = MetadataCommand::CreatePartitions { topics, validate_only: request.validate_only };
    match ctx.broker.propose(command).await {
        Ok(CommandResult::CreatePartitions(results)) => results,
        Ok(_) => fail_all(wrong_answer()),
        Err(error) => fail_all(error),
    }
}

fn item(topic: &CreatePartitionsTopic) -> CreatePartitionsItem {
    CreatePartitionsItem {
        name: topic.name.clone(),
        count: topic.count,
        assignments: topic
            .assignments
            .as_ref()
            .map(|assignments| assignments.iter().map(|assignment| assignment.broker_ids.clone()).collect()),
    }
}

fn answer(name: &str, result: ItemResult<()>) -> CreatePartitionsTopicResult {
    let (error_code, error_message) = match result {
        Ok(()) => (0, None),
        Err(error) => (error.code.code(), Some(error.message)),
    };
    CreatePartitionsTopicResult { name: name.to_owned(), error_code, error_message }
}
