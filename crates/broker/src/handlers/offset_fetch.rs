//! OffsetFetch (9), versions 1-10.
//!
//! - One group before version 8, several from then on (KIP-709); null topics ask for every committed offset.
//! - Version 10 names topics by id.

use barnabas_common::ErrorCode;
use barnabas_coordinator::offset_fetch;
use barnabas_metadata::MetadataImage;
use barnabas_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use barnabas_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use barnabas_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use barnabas_replica::Tickets;

use crate::dispatch::{Answer, Refused, RequestContext};
use crate::groups::is_of_present_topic;

const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 10;

pub(crate) fn handle(ctx: &RequestContext, request: OffsetFetchRequest) -> Result<Answer, Refused> {
    let by_id = ctx.version >= FIRST_VERSION_WITH_TOPIC_IDS;
    let image = ctx.broker.image();
    let groups = offset_fetch::requested_groups(&request, ctx.version);
    let mut tickets = Tickets::default();
    let mut fetch = |group: OffsetFetchRequestGroup| {
        let group_id = group.group_id.clone();
        let fetched = fetch_group(ctx, &image, group, by_id);
        // After the look, so that what was seen is covered: a position must not be told and then be lost.
        ctx.broker.groups.rests_on(&group_id).into_iter().for_each(|ticket| tickets.add(ticket));
        fetched
    };
    let groups = groups.into_iter().map(&mut fetch).collect();
    let response: OffsetFetchResponse = offset_fetch::response(&request, ctx.version, groups);
    if tickets.is_empty() {
        return Ok(ctx.ready(&response));
    }
    Ok(ctx.when_durable(tickets, |outcome| if outcome.is_ok() { response } else { ask_again(response) }))
}

fn ask_again(mut response: OffsetFetchResponse) -> OffsetFetchResponse {
    let code = ErrorCode::CoordinatorNotAvailable.code();
    response.error_code = code;
    response.groups.iter_mut().for_each(|group| group.error_code = code);
    response
}

fn fetch_group(
    ctx: &RequestContext,
    image: &MetadataImage,
    mut group: OffsetFetchRequestGroup,
    by_id: bool,
) -> OffsetFetchResponseGroup {
    let unknown = if by_id { take_unknown_ids(image, &mut group) } else { Vec::new() };
    let is_present = |name: &str, id| is_of_present_topic(image, name, id);
    let fetched = ctx.broker.groups.read(&group.group_id, |groups| groups.fetch_offsets(&group, is_present));
    let mut fetched = fetched.unwrap_or_else(|error| offset_fetch::refused_group(&group, error));
    if by_id {
        for topic in &mut fetched.topics {
            topic.topic_id = image.topic(&topic.name).map_or(topic.topic_id, |known| known.id);
        }
        // Offsets of a topic that is gone cannot be named by id.
        fetched.topics.retain(|topic| !topic.topic_id.is_zero());
    }
    fetched.topics.extend(unknown);
    fetched
}

/// Completes the names of known ids and takes out the others, answered.
fn take_unknown_ids(image: &MetadataImage, group: &mut OffsetFetchRequestGroup) -> Vec<OffsetFetchResponseTopics> {
    let mut unknown = Vec::new();
    for topic in group.topics.iter_mut().flatten() {
        match image.topic_by_id(topic.topic_id) {
            Some(known) => topic.name = known.name.to_string(),
            None => unknown.push(OffsetFetchResponseTopics {
                name: String::new(),
                topic_id: topic.topic_id,
                partitions: topic.partition_indexes.iter().map(|index| unknown_partition(*index)).collect(),
            }),
        }
    }
    if let Some(topics) = &mut group.topics {
        topics.retain(|topic| !topic.name.is_empty());
    }
    unknown
}

fn unknown_partition(partition_index: i32) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(String::new()),
        error_code: ErrorCode::UnknownTopicId.code(),
    }
}
