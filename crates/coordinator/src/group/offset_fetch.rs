//! OffsetFetch: reading committed offsets, and the mapping between its older versions, which ask for one group, and
//! the newer ones, which ask for many.

use barnabas_common::{ErrorCode, Uuid};
use barnabas_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use barnabas_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use barnabas_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};

use super::offsets::{CommittedOffset, TopicOffsets};
use super::shard::GroupShard;

/// From this version on, a request names several groups.
const FIRST_VERSION_WITH_GROUPS: i16 = 8;
/// From this version on, an error of the whole group has a place of its own.
const FIRST_VERSION_WITH_GROUP_ERROR: i16 = 2;

/// The groups that a request of any version asks for, in the shape of the newest.
pub fn requested_groups(request: &OffsetFetchRequest, version: i16) -> Vec<OffsetFetchRequestGroup> {
    if version >= FIRST_VERSION_WITH_GROUPS {
        return request.groups.clone();
    }
    let topics = request.topics.as_ref().map(|topics| {
        let as_new = topics.iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name.clone(),
            topic_id: Uuid::ZERO,
            partition_indexes: topic.partition_indexes.clone(),
        });
        as_new.collect()
    });
    vec![OffsetFetchRequestGroup { group_id: request.group_id.clone(), topics, ..OffsetFetchRequestGroup::default() }]
}

/// The answer for one group that could not be looked up: the error, and no offset for every partition asked for.
pub fn refused_group(request: &OffsetFetchRequestGroup, error: ErrorCode) -> OffsetFetchResponseGroup {
    OffsetFetchResponseGroup { group_id: request.group_id.clone(), topics: Vec::new(), error_code: error.code() }
}

/// A response of `version` that holds the answers of all groups, in the order of `request`.
pub fn response(
    request: &OffsetFetchRequest,
    version: i16,
    groups: Vec<OffsetFetchResponseGroup>,
) -> OffsetFetchResponse {
    if version >= FIRST_VERSION_WITH_GROUPS {
        return OffsetFetchResponse { groups, ..OffsetFetchResponse::default() };
    }
    let group = groups.into_iter().next().unwrap_or_default();
    let topics = if group.error_code != 0 && version < FIRST_VERSION_WITH_GROUP_ERROR {
        topics_with_error(request, group.error_code)
    } else {
        group.topics.into_iter().map(to_old_topic).collect()
    };
    OffsetFetchResponse { topics, error_code: group.error_code, ..OffsetFetchResponse::default() }
}

fn to_old_topic(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic.partitions.into_iter().map(|partition| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    });
    OffsetFetchResponseTopic { partitions: partitions.collect(), name: topic.name }
}

fn topics_with_error(request: &OffsetFetchRequest, error_code: i16) -> Vec<OffsetFetchResponseTopic> {
    let refused = |partition_index: &i32| OffsetFetchResponsePartition {
        partition_index: *partition_index,
        committed_offset: -1,
        error_code,
        ..OffsetFetchResponsePartition::default()
    };
    let topics = request.topics.iter().flatten().map(|topic| OffsetFetchResponseTopic {
        name: topic.name.clone(),
        partitions: topic.partition_indexes.iter().map(refused).collect(),
    });
    topics.collect()
}

impl GroupShard {
    /// The committed offsets that one group asks for; all of them if it names no topics. Topics must carry their
    /// name. Offsets of another topic of the same name are not shown: `is_present` tells them by the id they were
    /// committed for, which is zero if the log does not say it.
    pub fn fetch_offsets(
        &self,
        request: &OffsetFetchRequestGroup,
        is_present: impl Fn(&str, Uuid) -> bool,
    ) -> OffsetFetchResponseGroup {
        let committed = self.offsets.of_group(&request.group_id);
        let topics = match &request.topics {
            Some(topics) => topics.iter().map(|topic| fetch_topic(committed, topic, &is_present)).collect(),
            None => committed.map(|committed| fetch_all(committed, &is_present)).unwrap_or_default(),
        };
        OffsetFetchResponseGroup { group_id: request.group_id.clone(), topics, error_code: 0 }
    }
}

fn fetch_topic(
    committed: Option<&TopicOffsets>,
    topic: &OffsetFetchRequestTopics,
    is_present: &impl Fn(&str, Uuid) -> bool,
) -> OffsetFetchResponseTopics {
    let partitions = committed.and_then(|topics| topics.get(&topic.name));
    let fetch = |index: &i32| {
        let offset = partitions.and_then(|partitions| partitions.get(index));
        fetched_partition(*index, offset.filter(|offset| is_present(&topic.name, offset.topic_id)))
    };
    OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.iter().map(fetch).collect(),
    }
}

fn fetch_all(committed: &TopicOffsets, is_present: &impl Fn(&str, Uuid) -> bool) -> Vec<OffsetFetchResponseTopics> {
    let topics = committed.iter().map(|(name, partitions)| {
        let shown: Vec<_> = partitions.iter().filter(|(_, offset)| is_present(name, offset.topic_id)).collect();
        OffsetFetchResponseTopics {
            name: name.clone(),
            topic_id: shown.iter().map(|(_, offset)| offset.topic_id).find(|id| !id.is_zero()).unwrap_or(Uuid::ZERO),
            partitions: shown.into_iter().map(|(index, offset)| fetched_partition(*index, Some(offset))).collect(),
        }
    });
    topics.filter(|topic| !topic.partitions.is_empty()).collect()
}

fn fetched_partition(partition_index: i32, offset: Option<&CommittedOffset>) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: offset.map_or(-1, |offset| offset.offset),
        committed_leader_epoch: offset.map_or(-1, |offset| offset.leader_epoch),
        metadata: Some(offset.map(|offset| offset.metadata.clone()).unwrap_or_default()),
        error_code: 0,
    }
}
