//! OffsetCommit (8), versions 2-10.
//!
//! - Partitions that do not exist are answered one by one; the others are committed.
//! - Version 10 names topics by id (KIP-848's companion change in 4.2).

use std::collections::HashMap;

use barnabas_common::{ErrorCode, Uuid};
use barnabas_coordinator::{GroupReply, GroupShard};
use barnabas_metadata::{MetadataImage, TopicImage};
use barnabas_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use barnabas_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use barnabas_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use super::group_membership::{answer_when_done, group_context};
use crate::dispatch::{Answer, Refused, RequestContext};

const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 10;

pub(crate) fn handle(ctx: &RequestContext, mut request: OffsetCommitRequest) -> Result<Answer, Refused> {
    let by_id = ctx.version >= FIRST_VERSION_WITH_TOPIC_IDS;
    let skeleton = Skeleton::of(&request);
    let refused = keep_known_partitions(&ctx.broker.image(), &mut request, by_id);
    let context = group_context(ctx);
    let group_id = request.group_id.clone();
    let all_failed = skeleton.clone();
    let failed = move |error: ErrorCode| all_failed.fill(|_, _| error.code());
    let submit = |groups: &mut GroupShard, token, now| groups.commit_offsets(&context, &request, token, now);
    Ok(answer_when_done(ctx, &group_id, submit, failed, move |reply| match reply {
        GroupReply::OffsetCommit(response) => Some(merge(&skeleton, &refused, &response, by_id)),
        _ => None,
    }))
}

/// The topics and partitions of a request, in its order.
#[derive(Clone)]
struct Skeleton(Vec<(String, Uuid, Vec<i32>)>);

impl Skeleton {
    fn of(request: &OffsetCommitRequest) -> Self {
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| partition.partition_index).collect();
            (topic.name.clone(), topic.topic_id, partitions)
        });
        Self(topics.collect())
    }

    fn fill(&self, code: impl Fn(&(String, Uuid), i32) -> i16) -> OffsetCommitResponse {
        let topics = self.0.iter().map(|(name, topic_id, partitions)| {
            let topic = (name.clone(), *topic_id);
            OffsetCommitResponseTopic {
                partitions: partitions
                    .iter()
                    .map(|index| OffsetCommitResponsePartition {
                        partition_index: *index,
                        error_code: code(&topic, *index),
                    })
                    .collect(),
                name: topic.0,
                topic_id: topic.1,
            }
        });
        OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
    }
}

/// Error codes of partitions, by the topic as the client names it.
type Codes = HashMap<(String, Uuid), HashMap<i32, i16>>;

/// Completes names and ids, and takes out what does not exist.
fn keep_known_partitions(image: &MetadataImage, request: &mut OffsetCommitRequest, by_id: bool) -> Codes {
    let mut refused = Codes::new();
    for topic in &mut request.topics {
        let asked = (topic.name.clone(), topic.topic_id);
        let known = if by_id { image.topic_by_id(topic.topic_id) } else { image.topic(&topic.name) };
        let unknown =
            if by_id && known.is_none() { ErrorCode::UnknownTopicId } else { ErrorCode::UnknownTopicOrPartition };
        let codes = refused.entry(asked).or_default();
        topic.partitions.retain(|partition| {
            let exists = known.is_some_and(|topic| has_partition(topic, partition.partition_index));
            if !exists {
                codes.insert(partition.partition_index, unknown.code());
            }
            exists
        });
        complete(topic, known.map(|topic| &**topic));
    }
    request.topics.retain(|topic| !topic.partitions.is_empty());
    refused
}

fn has_partition(topic: &TopicImage, index: i32) -> bool {
    topic.partition(index).is_some()
}

fn complete(topic: &mut OffsetCommitRequestTopic, known: Option<&TopicImage>) {
    if let Some(known) = known {
        topic.name = known.name.to_string();
        topic.topic_id = known.id;
    }
}

fn merge(skeleton: &Skeleton, refused: &Codes, response: &OffsetCommitResponse, by_id: bool) -> OffsetCommitResponse {
    let mut committed: HashMap<(&str, Uuid, i32), i16> = HashMap::new();
    for topic in &response.topics {
        let (name, id) = if by_id { ("", topic.topic_id) } else { (topic.name.as_str(), Uuid::ZERO) };
        for partition in &topic.partitions {
            committed.insert((name, id, partition.partition_index), partition.error_code);
        }
    }
    skeleton.fill(|topic, index| {
        let refused = refused.get(topic).and_then(|codes| codes.get(&index)).copied();
        let key = if by_id { ("", topic.1, index) } else { (topic.0.as_str(), Uuid::ZERO, index) };
        refused.or_else(|| committed.get(&key).copied()).unwrap_or(ErrorCode::UnknownServerError.code())
    })
}
