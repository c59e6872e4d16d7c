//! DeleteTopics (20), versions 1-6.
//!
//! - By name, or by id from version 6 on (KIP-516).
//! - `delete.topic.enable=false` answers TOPIC_DELETION_DISABLED for each topic.
//! - Internal topics are refused: without them no group works.
//! - Answers when the topics' partitions are gone from this broker.

use barnabas_common::{ErrorCode, Uuid};
use barnabas_metadata::{ApiError, CommandResult, DeletedTopic, ItemResult, MetadataCommand, TopicSelector};
use barnabas_protocol::messages::delete_topics_response::DeletableTopicResult;
use barnabas_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};

use crate::broker::wrong_answer;
use crate::dispatch::{Answer, Refused, RequestContext};
use crate::topics::is_internal_topic;

pub(crate) fn handle(ctx: &RequestContext, request: DeleteTopicsRequest) -> Result<Answer, Refused> {
    let work = ctx.clone();
    Ok(ctx.later(async move {
        let selectors = selectors(request);
        let results = delete(&work, &selectors).await;
        let responses = selectors.iter().zip(results).map(|(selector, result)| answer(selector, result));
        DeleteTopicsResponse { responses: responses.collect(), ..Default::default() }
    }))
}

fn selectors(request: DeleteTopicsRequest) -> Vec<TopicSelector> {
    let by_state = request.topics.into_iter().map(|topic| match topic.name {
        Some(name) => TopicSelector::Name(name),
        None => TopicSelector::Id(topic.topic_id),
    });
    by_state.chain(request.topic_names.into_iter().map(TopicSelector::Name)).collect()
}

async fn delete(ctx: &RequestContext, selectors: &[TopicSelector]) -> Vec<ItemResult<DeletedTopic>> {
    let fail_all = |error: ApiError| selectors.iter().map(|_| Err(error.clone())).collect();
    if !ctx.broker.configs.delete_topic_enabled() {
        return fail_all(ApiError::new(
            ErrorCode::TopicDeletionDisabled,
            "topics cannot be deleted because delete.topic.enable is false on this broker",
        ));
    }
    if selectors.iter().any(|selector| is_internal(ctx, selector)) {
        return fail_all(ApiError::new(
            ErrorCode::InvalidTopicException,
            "an internal topic cannot be deleted, and the request holds one: the broker needs it",
        ));
    }
    match ctx.broker.propose(MetadataCommand::DeleteTopics { topics: selectors.to_vec() }).await {
        Ok(CommandResult::DeleteTopics(results)) => results,
        Ok(_) => fail_all(wrong_answer()),
        Err(error) => fail_all(error),
    }
}

fn is_internal(ctx: &RequestContext, selector: &TopicSelector) -> bool {
    match selector {
        TopicSelector::Name(name) => is_internal_topic(name),
        TopicSelector::Id(id) => {
            ctx.broker.image().topic_by_id(*id).is_some_and(|topic| is_internal_topic(&topic.name))
        }
    }
}

fn answer(selector: &TopicSelector, result: ItemResult<DeletedTopic>) -> DeletableTopicResult {
    match result {
        Ok(deleted) => DeletableTopicResult { name: Some(deleted.name), topic_id: deleted.id, ..Default::default() },
        Err(error) => DeletableTopicResult {
            name: match selector {
                TopicSelector::Name(name) => Some(name.clone()),
                TopicSelector::Id(_) => None,
            },
            topic_id: match selector {
                TopicSelector::Name(_) => Uuid::ZERO,
                TopicSelector::Id(id) => *id,
            },
            error_code: error.code.code(),
            error_message: Some(error.message),
        },
    }
}
