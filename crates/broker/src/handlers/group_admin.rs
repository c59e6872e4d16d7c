//! DescribeGroups (15) 0-6, ListGroups (16) 0-5, DeleteGroups (42) 0-2, OffsetDelete (47) 0.

use std::collections::BTreeMap;

use barnabas_common::ErrorCode;
use barnabas_coordinator::{GroupReply, GroupShard};
use barnabas_protocol::messages::delete_groups_response::DeletableGroupResult;
use barnabas_protocol::messages::describe_groups_response::DescribedGroup;
use barnabas_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use barnabas_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest,
    ListGroupsResponse, OffsetDeleteRequest, OffsetDeleteResponse,
};

use super::authorized;
use super::group_membership::answer_when_done;
use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn describe(ctx: &RequestContext, request: DescribeGroupsRequest) -> Result<Answer, Refused> {
    let operations = authorized::when(request.include_authorized_operations, authorized::GROUP);
    let groups = request.groups.into_iter().map(|group_id| {
        let described = ctx.broker.groups.read(&group_id, |groups| groups.describe(&group_id, ctx.version));
        let mut described = described.unwrap_or_else(|error| DescribedGroup {
            error_code: error.code(),
            group_id,
            ..Default::default()
        });
        described.authorized_operations = operations;
        described
    });
    Ok(ctx.ready(&DescribeGroupsResponse { groups: groups.collect(), ..Default::default() }))
}

pub(crate) fn list(ctx: &RequestContext, request: ListGroupsRequest) -> Result<Answer, Refused> {
    let listed = ctx.broker.groups.read_all(|groups| groups.list(&request.states_filter, &request.types_filter));
    let response = match listed {
        Ok(groups) => ListGroupsResponse { groups: groups.into_iter().flatten().collect(), ..Default::default() },
        Err(error) => ListGroupsResponse { error_code: error.code(), ..Default::default() },
    };
    Ok(ctx.ready(&response))
}

pub(crate) fn delete(ctx: &RequestContext, request: DeleteGroupsRequest) -> Result<Answer, Refused> {
    let work = ctx.clone();
    Ok(ctx.later(async move {
        let mut results = BTreeMap::new();
        for group_id in &request.groups_names {
            if !results.contains_key(group_id) {
                results.insert(group_id.clone(), delete_one(&work, group_id).await);
            }
        }
        let results = request.groups_names.into_iter().map(|group_id| {
            let error_code = results.get(&group_id).copied().unwrap_or_default();
            DeletableGroupResult { group_id, error_code }
        });
        DeleteGroupsResponse { results: results.collect(), ..Default::default() }
    }))
}

async fn delete_one(ctx: &RequestContext, group_id: &String) -> i16 {
    let submit = |groups: &mut GroupShard, token, _| groups.delete_groups(std::slice::from_ref(group_id), token);
    let reply = match ctx.broker.groups.submit(group_id, submit) {
        Ok(pending) => pending.wait().await,
        Err(error) => return error.code(),
    };
    match reply {
        Some(GroupReply::DeleteGroups(response)) => response.results.first().map_or(0, |result| result.error_code),
        _ => ErrorCode::CoordinatorNotAvailable.code(),
    }
}

pub(crate) fn delete_offsets(ctx: &RequestContext, mut request: OffsetDeleteRequest) -> Result<Answer, Refused> {
    let image = ctx.broker.image();
    let mut unknown: Vec<OffsetDeleteResponseTopic> = Vec::new();
    for topic in &mut request.topics {
        let (known, missing): (Vec<_>, Vec<_>) = std::mem::take(&mut topic.partitions)
            .into_iter()
            .partition(|partition| image.partition(&topic.name, partition.partition_index).is_some());
        topic.partitions = known;
        let missing = missing.iter().map(|partition| OffsetDeleteResponsePartition {
            partition_index: partition.partition_index,
            error_code: ErrorCode::UnknownTopicOrPartition.code(),
        });
        unknown.push(OffsetDeleteResponseTopic { name: topic.name.clone(), partitions: missing.collect() });
    }
    unknown.retain(|topic| !topic.partitions.is_empty());
    request.topics.retain(|topic| !topic.partitions.is_empty());
    let failed = |error: ErrorCode| OffsetDeleteResponse { error_code: error.code(), ..Default::default() };
    let submit = |groups: &mut GroupShard, token, _| groups.delete_offsets(&request, token);
    Ok(answer_when_done(ctx, &request.group_id, submit, failed, move |reply| match reply {
        GroupReply::OffsetDelete(mut response) => {
            if response.error_code == 0 {
                response.topics.extend(unknown);
            }
            Some(response)
        }
        _ => None,
    }))
}
