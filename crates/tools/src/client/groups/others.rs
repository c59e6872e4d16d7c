//! Describing share groups (KIP-932) and streams groups (KIP-1071), for brokers that have them.

use std::collections::BTreeMap;

use barnabas_protocol::Request;
use barnabas_protocol::messages::describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestGroup;
use barnabas_protocol::messages::share_group_describe_response as share;
use barnabas_protocol::messages::streams_group_describe_response as streams;
use barnabas_protocol::messages::{
    DescribeShareGroupOffsetsRequest, ShareGroupDescribeRequest, StreamsGroupDescribeRequest,
};

use super::{Answers, GroupDescription, MemberDescription, Node, TopicPartition};
use crate::client::{Client, ClientError};

/// Where a share group begins to read a partition; without value if it has not begun.
pub(crate) type ShareOffsets = BTreeMap<TopicPartition, Option<ShareOffset>>;

/// One partition of a share group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShareOffset {
    pub(crate) start: i64,
    pub(crate) leader_epoch: Option<i32>,
    pub(crate) lag: Option<i64>,
}

impl Client {
    /// Describes share groups, by name.
    pub(crate) fn describe_share_groups(&mut self, ids: &[String]) -> Result<Answers<GroupDescription>, ClientError> {
        self.of_groups("describeShareGroups", |client| {
            let request = |ids: Vec<String>| ShareGroupDescribeRequest { group_ids: ids, ..Default::default() };
            let mut found = Vec::new();
            for (broker, answer) in client.ask_coordinators(ids, request)? {
                for group in answer.groups {
                    let judged = client.group_result(&group.group_id, group.error_code, group.error_message.clone())?;
                    let coordinator = client.node(broker);
                    found.push((group.group_id.clone(), judged.map(|()| from_share(group, coordinator))));
                }
            }
            found.sort_by(|one, other| one.0.cmp(&other.0));
            Ok(found)
        })
    }

    /// The offsets of share groups.
    pub(crate) fn share_offsets(&mut self, ids: &[String]) -> Result<BTreeMap<String, ShareOffsets>, ClientError> {
        self.of_groups("listShareGroupOffsets", |client| {
            let whole = |group_id| DescribeShareGroupOffsetsRequestGroup { group_id, topics: None };
            let request =
                |ids: Vec<String>| DescribeShareGroupOffsetsRequest { groups: ids.into_iter().map(whole).collect() };
            let mut found = BTreeMap::new();
            for (_, answer) in client.ask_coordinators(ids, request)? {
                for group in answer.groups {
                    client.group_result(&group.group_id, group.error_code, group.error_message)??;
                    let mut offsets = ShareOffsets::new();
                    for topic in group.topics {
                        for p in topic.partitions.into_iter().filter(|partition| partition.error_code == 0) {
                            let offset = ShareOffset {
                                start: p.start_offset,
                                leader_epoch: Some(p.leader_epoch),
                                lag: (p.lag >= 0).then_some(p.lag),
                            };
                            let key = (topic.topic_name.clone(), p.partition_index);
                            offsets.insert(key, (p.start_offset >= 0).then_some(offset));
                        }
                    }
                    found.insert(group.group_id, offsets);
                }
            }
            Ok(found)
        })
    }

    /// Describes streams groups, by name.
    pub(crate) fn describe_streams_groups(&mut self, ids: &[String]) -> Result<Answers<StreamsGroup>, ClientError> {
        self.of_groups("describeStreamsGroups", |client| {
            let request = |ids: Vec<String>| StreamsGroupDescribeRequest { group_ids: ids, ..Default::default() };
            let mut found = Vec::new();
            for (broker, answer) in client.ask_coordinators(ids, request)? {
                for description in answer.groups {
                    let id = description.group_id.clone();
                    let message = description.error_message.clone();
                    let judged = client.group_result(&id, description.error_code, message)?;
                    let coordinator = client.node(broker);
                    found.push((id, judged.map(|()| StreamsGroup { description, coordinator })));
                }
            }
            found.sort_by(|one, other| one.0.cmp(&other.0));
            Ok(found)
        })
    }

    fn ask_coordinators<R: Request>(
        &mut self,
        ids: &[String],
        request: impl Fn(Vec<String>) -> R,
    ) -> Result<Vec<(i32, R::Response)>, ClientError> {
        const UNSUPPORTED_VERSION: i16 = 35;
        let mut requests = Vec::new();
        for (broker, ids) in self.group_coordinators(ids)? {
            if self.connection(broker)?.version_of::<R>().is_err() {
                let text = format!("The node does not support {}", as_constant(R::API_NAME));
                return Err(ClientError::api(UNSUPPORTED_VERSION, Some(text)));
            }
            requests.push((broker, request(ids)));
        }
        self.at_brokers(requests)
    }
}

/// A streams group as its coordinator describes it, and that coordinator.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamsGroup {
    pub(crate) description: streams::DescribedGroup,
    pub(crate) coordinator: Node,
}

/// `ShareGroupDescribe` as Java's client names it: `SHARE_GROUP_DESCRIBE`.
fn as_constant(api: &str) -> String {
    let mut name = String::new();
    for (index, c) in api.chars().enumerate() {
        if c.is_ascii_uppercase() && index > 0 {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

fn from_share(group: share::DescribedGroup, coordinator: Node) -> GroupDescription {
    let member = |member: share::Member| {
        let topics = member.assignment.topic_partitions.iter();
        let all = topics.flat_map(|topic| topic.partitions.iter().map(|number| (topic.topic_name.clone(), *number)));
        let mut assignment: Vec<TopicPartition> = all.collect();
        assignment.sort();
        MemberDescription {
            id: member.member_id,
            client_id: member.client_id,
            host: member.client_host,
            assignment,
            epoch: Some(member.member_epoch),
            ..MemberDescription::default()
        }
    };
    let mut members: Vec<MemberDescription> = group.members.into_iter().map(member).collect();
    members.sort_by(|one, other| one.id.cmp(&other.id));
    GroupDescription {
        id: group.group_id,
        state: group.group_state,
        kind: "Share",
        assignor: group.assignor_name,
        coordinator,
        members,
        group_epoch: Some(group.group_epoch),
        assignment_epoch: Some(group.assignment_epoch),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_apis_as_java_writes_them() {
        assert_eq!(super::as_constant("ShareGroupDescribe"), "SHARE_GROUP_DESCRIBE");
    }
}
