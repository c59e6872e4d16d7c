//! Committed offsets of groups: reading, writing and deleting them from outside.

use std::collections::BTreeMap;

use barnabas_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use barnabas_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use barnabas_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use barnabas_protocol::messages::{
    DeleteGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, OffsetFetchResponse,
};

use super::TopicPartition;
use crate::client::{Client, ClientError, CoordinatorType};

/// What a group committed for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: Option<i32>,
}

/// All partitions for which a group has an entry; without value if that entry says "no offset".
pub(crate) type CommittedOffsets = BTreeMap<TopicPartition, Option<Committed>>;

/// The result of each partition or group of one request.
pub(crate) type Results<K> = BTreeMap<K, Result<(), ClientError>>;

/// The last versions that name topics; later ones carry ids, which need a look-up first.
const LAST_NAMED: i16 = 9;
/// From here on OffsetFetch asks for many groups.
const FIRST_WITH_GROUPS: i16 = 8;

impl Client {
    /// Everything that these groups committed.
    pub(crate) fn committed_offsets(
        &mut self,
        groups: &[String],
    ) -> Result<BTreeMap<String, CommittedOffsets>, ClientError> {
        self.of_groups("listConsumerGroupOffsets", |client| {
            let mut all = BTreeMap::new();
            for (broker, group_ids) in client.group_coordinators(groups)? {
                let version = client.connection(broker)?.version_of::<OffsetFetchRequest>()?.min(LAST_NAMED);
                let requests = fetch_requests(version, &group_ids);
                for response in client.fetch_offsets(broker, version, &requests)? {
                    for (group, code, offsets) in fetched(version, response, &group_ids) {
                        client.group_result(&group, code, None)??;
                        all.entry(group).or_insert_with(CommittedOffsets::new).extend(offsets);
                    }
                }
            }
            Ok(all)
        })
    }

    fn fetch_offsets(
        &mut self,
        broker: i32,
        version: i16,
        requests: &[OffsetFetchRequest],
    ) -> Result<Vec<OffsetFetchResponse>, ClientError> {
        let timeout = self.settings.request_timeout;
        let connection = self.connection(broker)?;
        requests.iter().map(|request| connection.call_version(version, request, timeout)).collect()
    }

    /// Sets offsets of a group without members.
    pub(crate) fn commit_offsets(
        &mut self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, i64>,
    ) -> Result<Results<TopicPartition>, ClientError> {
        let request = commit_request(group, offsets);
        let response = self.of_groups("alterConsumerGroupOffsets", |client| {
            let id = client.coordinator_id(CoordinatorType::Group, group)?;
            let timeout = client.settings.request_timeout;
            let connection = client.connection(id)?;
            let version = connection.version_of::<OffsetCommitRequest>()?.min(LAST_NAMED);
            let response = connection.call_version(version, &request, timeout)?;
            for partition in response.topics.iter().flat_map(|topic| &topic.partitions) {
                let _ = client.group_result(group, partition.error_code, None)?;
            }
            Ok(response)
        })?;
        let mut results = Results::new();
        for topic in response.topics {
            for partition in topic.partitions {
                let result = ClientError::check(partition.error_code, None);
                results.insert((topic.name.clone(), partition.partition_index), result);
            }
        }
        Ok(results)
    }

    /// Forgets offsets. The outer error is that of the whole group.
    pub(crate) fn delete_offsets(
        &mut self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<Results<TopicPartition>, ClientError> {
        let mut topics: BTreeMap<String, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
        for (topic, partition_index) in partitions {
            let entry = OffsetDeleteRequestPartition { partition_index: *partition_index };
            topics.entry(topic.clone()).or_default().push(entry);
        }
        let topics =
            topics.into_iter().map(|(name, partitions)| OffsetDeleteRequestTopic { name, partitions }).collect();
        let request = OffsetDeleteRequest { group_id: group.to_owned(), topics };
        let response = self.coordinator(CoordinatorType::Group, group, &request, |response| response.error_code)?;
        ClientError::check(response.error_code, None)?;
        let mut results = Results::new();
        for topic in response.topics {
            for partition in topic.partitions {
                let result = ClientError::check(partition.error_code, None);
                results.insert((topic.name.clone(), partition.partition_index), result);
            }
        }
        Ok(results)
    }

    /// Deletes groups that have no members, with their offsets.
    pub(crate) fn delete_groups(&mut self, groups: &[String]) -> Result<Results<String>, ClientError> {
        let mut results = Results::new();
        let mut open = groups.to_vec();
        self.of_groups("deleteConsumerGroups", |client| {
            let request = |(id, groups_names)| (id, DeleteGroupsRequest { groups_names });
            let requests = client.group_coordinators(&open)?.into_iter().map(request).collect();
            for (_, answer) in client.at_brokers(requests)? {
                for group in answer.results {
                    let result = client.group_result(&group.group_id, group.error_code, None)?;
                    // What is done must not be asked for again: it would then be unknown.
                    open.retain(|name| *name != group.group_id);
                    results.insert(group.group_id, result);
                }
            }
            Ok(())
        })?;
        Ok(results)
    }
}

fn fetch_requests(version: i16, groups: &[String]) -> Vec<OffsetFetchRequest> {
    let whole =
        |group: &String| OffsetFetchRequestGroup { group_id: group.clone(), topics: None, ..Default::default() };
    if version >= FIRST_WITH_GROUPS {
        return vec![OffsetFetchRequest { groups: groups.iter().map(whole).collect(), ..Default::default() }];
    }
    let one = |group: &String| OffsetFetchRequest { group_id: group.clone(), topics: None, ..Default::default() };
    groups.iter().map(one).collect()
}

type Fetched = (String, i16, CommittedOffsets);

fn fetched(version: i16, response: OffsetFetchResponse, asked: &[String]) -> Vec<Fetched> {
    if version >= FIRST_WITH_GROUPS {
        let of_group = |group: barnabas_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup| {
            let mut offsets = CommittedOffsets::new();
            for topic in group.topics {
                for p in topic.partitions {
                    let value = committed(p.error_code, p.committed_offset, p.committed_leader_epoch);
                    offsets.insert((topic.name.clone(), p.partition_index), value);
                }
            }
            (group.group_id, group.error_code, offsets)
        };
        return response.groups.into_iter().map(of_group).collect();
    }
    let mut offsets = CommittedOffsets::new();
    for topic in response.topics {
        for p in topic.partitions {
            let value = committed(p.error_code, p.committed_offset, p.committed_leader_epoch);
            offsets.insert((topic.name.clone(), p.partition_index), value);
        }
    }
    asked.first().map(|group| (group.clone(), response.error_code, offsets)).into_iter().collect()
}

fn committed(code: i16, offset: i64, epoch: i32) -> Option<Committed> {
    let epoch = (epoch >= 0).then_some(epoch);
    (code == 0 && offset >= 0).then_some(Committed { offset, leader_epoch: epoch })
}

fn commit_request(group: &str, offsets: &BTreeMap<TopicPartition, i64>) -> OffsetCommitRequest {
    let mut topics: BTreeMap<String, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for ((topic, partition_index), committed_offset) in offsets {
        topics.entry(topic.clone()).or_default().push(OffsetCommitRequestPartition {
            partition_index: *partition_index,
            committed_offset: *committed_offset,
            ..Default::default()
        });
    }
    let topic = |(name, partitions)| OffsetCommitRequestTopic { name, partitions, ..Default::default() };
    OffsetCommitRequest {
        group_id: group.to_owned(),
        topics: topics.into_iter().map(topic).collect(),
        ..Default::default()
    }
}
