//! CreateTopics (19), versions 2-7.
//!
//! - Answers when the partitions of the created topics accept produce requests.
//! - -1 partitions or replicas take the broker's defaults (KIP-464).
//! - A name that stands twice in one request is refused with INVALID_REQUEST and not created.
//! - Version 5 on returns the topic's configuration (KIP-525).

use std::collections::HashMap;

use barnabas_common::{ErrorCode, Uuid};
use barnabas_metadata::{ApiError, CreateTopicsItem, CreatedTopic, ItemResult};
use barnabas_protocol::messages::create_topics_request::CreatableTopic;
use barnabas_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use barnabas_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn handle(ctx: &RequestContext, request: CreateTopicsRequest) -> Result<Answer, Refused> {
    let work = ctx.clone();
    Ok(ctx.later(async move { create(&work, request).await }))
}

async fn create(ctx: &RequestContext, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for topic in &request.topics {
        *seen.entry(&topic.name).or_default() += 1;
    }
    let (unique, doubled): (Vec<_>, Vec<_>) = request.topics.iter().partition(|topic| seen[topic.name.as_str()] == 1);
    let mut topics = Vec::with_capacity(request.topics.len());
    let items = unique.iter().map(|topic| item(topic)).collect();
    match ctx.broker.create_topics(items, request.validate_only).await {
        Ok(results) => {
            topics.extend(
                unique.iter().zip(results).map(|(topic, result)| answer(ctx, topic, result, request.validate_only)),
            );
        }
        Err(error) => topics.extend(unique.iter().map(|topic| failure(&topic.name, &error))),
    }
    let twice = ApiError::new(ErrorCode::InvalidRequest, "the topic stands more than once in this request");
    let mut doubled: Vec<_> = doubled.iter().map(|topic| &topic.name).collect();
    doubled.sort_unstable();
    doubled.dedup();
    topics.extend(doubled.into_iter().map(|name| failure(name, &twice)));
    CreateTopicsResponse { topics, ..Default::default() }
}

fn item(topic: &CreatableTopic) -> CreateTopicsItem {
    CreateTopicsItem {
        name: topic.name.clone(),
        id: Uuid::random(),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic.assignments.iter().map(|a| (a.partition_index, a.broker_ids.clone())).collect(),
        configs: topic.configs.iter().map(|config| (config.name.clone(), config.value.clone())).collect(),
    }
}

fn failure(name: &str, error: &ApiError) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.to_owned(),
        error_code: error.code.code(),
        error_message: Some(error.message.clone()),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}

fn answer(
    ctx: &RequestContext,
    topic: &CreatableTopic,
    result: ItemResult<CreatedTopic>,
    validate_only: bool,
) -> CreatableTopicResult {
    let created = match result {
        Ok(created) => created,
        Err(error) => return failure(&topic.name, &error),
    };
    let overrides =
        topic.configs.iter().filter_map(|config| Some((config.name.clone(), config.value.clone()?))).collect();
    let configs = ctx.broker.configs.describe_topic_overrides(&ctx.broker.image(), &overrides).into_iter();
    CreatableTopicResult {
        name: created.name,
        topic_id: if validate_only { Uuid::ZERO } else { created.id },
        error_message: None,
        num_partitions: created.partitions,
        replication_factor: created.replication_factor,
        configs: Some(
            configs
                .map(|entry| CreatableTopicConfigs {
                    name: entry.name,
                    value: entry.value,
                    read_only: entry.read_only,
                    config_source: entry.source.code(),
                    is_sensitive: entry.sensitive,
                })
                .collect(),
        ),
        ..Default::default()
    }
}
