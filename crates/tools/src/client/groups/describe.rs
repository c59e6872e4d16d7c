//! Describing consumer groups of both protocols: ConsumerGroupDescribe (KIP-848) first, DescribeGroups for those that
//! it does not know.

use std::collections::BTreeMap;

use barnabas_protocol::Message;
use barnabas_protocol::messages::consumer_group_describe_response::{self as modern, Assignment};
use barnabas_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use barnabas_protocol::messages::{ConsumerGroupDescribeRequest, ConsumerProtocolAssignment, DescribeGroupsRequest};

use super::{Answers, ByCoordinator, TopicPartition};
use crate::client::{Client, ClientError};

/// A broker as tools name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: i32,
    pub(crate) host: String,
    pub(crate) port: i32,
}

/// What a coordinator knows of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupDescription {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) kind: &'static str,
    pub(crate) assignor: String,
    pub(crate) coordinator: Node,
    pub(crate) members: Vec<MemberDescription>,
    /// The classic protocol has no epochs.
    pub(crate) group_epoch: Option<i32>,
    pub(crate) assignment_epoch: Option<i32>,
}

/// One member of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemberDescription {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) host: String,
    /// Sorted by topic and partition.
    pub(crate) assignment: Vec<TopicPartition>,
    pub(crate) target: Vec<TopicPartition>,
    pub(crate) epoch: Option<i32>,
    /// Whether a member of a KIP-848 group speaks its protocol; `None` if the broker does not say.
    pub(crate) upgraded: Option<bool>,
}

type Descriptions = Answers<GroupDescription>;

/// What ConsumerGroupDescribe said of groups that it does not know: it tells better than DescribeGroups what they are.
type Messages = BTreeMap<String, String>;

const GROUP_ID_NOT_FOUND: i16 = 69;
const UNSUPPORTED_VERSION: i16 = 35;

impl Client {
    /// Describes consumer groups.
    pub(crate) fn describe_consumer_groups(&mut self, ids: &[String]) -> Result<Descriptions, ClientError> {
        self.of_groups("describeConsumerGroups", |client| {
            let groups = client.group_coordinators(ids)?;
            let (mut found, classic, messages) = client.describe_modern(groups)?;
            found.extend(client.describe_classic(classic, messages)?);
            found.sort_by(|one, other| one.0.cmp(&other.0));
            Ok(found)
        })
    }

    /// Those that ConsumerGroupDescribe knows, and the others with what it said of them.
    fn describe_modern(
        &mut self,
        groups: ByCoordinator,
    ) -> Result<(Descriptions, ByCoordinator, Messages), ClientError> {
        let (mut requests, mut rest, mut messages) = (Vec::new(), ByCoordinator::new(), Messages::new());
        for (id, group_ids) in groups {
            if self.connection(id)?.version_of::<ConsumerGroupDescribeRequest>().is_err() {
                rest.insert(id, group_ids);
            } else {
                requests.push((id, ConsumerGroupDescribeRequest { group_ids, include_authorized_operations: false }));
            }
        }
        let mut found = Descriptions::new();
        for (broker, answer) in self.at_brokers(requests)? {
            for group in answer.groups {
                if matches!(group.error_code, GROUP_ID_NOT_FOUND | UNSUPPORTED_VERSION) {
                    rest.entry(broker).or_default().push(group.group_id.clone());
                    messages.extend(group.error_message.map(|message| (group.group_id, message)));
                    continue;
                }
                let judged = self.group_result(&group.group_id, group.error_code, group.error_message.clone())?;
                let coordinator = self.node(broker);
                found.push((group.group_id.clone(), judged.map(|()| from_modern(group, coordinator))));
            }
        }
        Ok((found, rest, messages))
    }

    fn describe_classic(&mut self, groups: ByCoordinator, mut messages: Messages) -> Result<Descriptions, ClientError> {
        let request = |(id, groups)| (id, DescribeGroupsRequest { groups, include_authorized_operations: false });
        let requests = groups.into_iter().map(request).collect();
        let mut found = Descriptions::new();
        for (broker, answer) in self.at_brokers(requests)? {
            for group in answer.groups {
                let of_first_call = messages.remove(&group.group_id).filter(|_| group.error_code == GROUP_ID_NOT_FOUND);
                let message = of_first_call.or_else(|| group.error_message.clone());
                let judged = self.group_result(&group.group_id, group.error_code, message)?;
                let coordinator = self.node(broker);
                let described = judged.and_then(|()| from_classic(&group, coordinator));
                found.push((group.group_id, described));
            }
        }
        Ok(found)
    }

    pub(super) fn node(&self, id: i32) -> Node {
        let broker = self.brokers.get(&id);
        broker.map_or(Node { id, ..Node::default() }, |broker| Node {
            id,
            host: broker.host.clone(),
            port: broker.port,
        })
    }
}

fn from_modern(group: modern::DescribedGroup, coordinator: Node) -> GroupDescription {
    GroupDescription {
        id: group.group_id,
        state: group.group_state,
        kind: "Consumer",
        assignor: group.assignor_name,
        coordinator,
        members: group.members.into_iter().map(modern_member).collect(),
        group_epoch: Some(group.group_epoch),
        assignment_epoch: Some(group.assignment_epoch),
    }
}

fn modern_member(member: modern::Member) -> MemberDescription {
    MemberDescription {
        id: member.member_id,
        instance_id: member.instance_id,
        client_id: member.client_id,
        host: member.client_host,
        assignment: partitions(&member.assignment),
        target: partitions(&member.target_assignment),
        epoch: Some(member.member_epoch),
        upgraded: (member.member_type >= 0).then_some(member.member_type == 1),
    }
}

fn partitions(assignment: &Assignment) -> Vec<TopicPartition> {
    let topics = assignment.topic_partitions.iter();
    let all = topics.flat_map(|topic| topic.partitions.iter().map(|partition| (topic.topic_name.clone(), *partition)));
    sorted(all)
}

fn from_classic(group: &DescribedGroup, coordinator: Node) -> Result<GroupDescription, ClientError> {
    if !matches!(group.protocol_type.as_str(), "" | "consumer") {
        let text = format!("GroupId {} is not a consumer group ({}).", group.group_id, group.protocol_type);
        return Err(ClientError::IllegalArgument(text));
    }
    Ok(GroupDescription {
        id: group.group_id.clone(),
        state: group.group_state.clone(),
        kind: "Classic",
        assignor: group.protocol_data.clone(),
        coordinator,
        members: group.members.iter().map(classic_member).collect(),
        group_epoch: None,
        assignment_epoch: None,
    })
}

fn classic_member(member: &DescribedGroupMember) -> MemberDescription {
    // What a client library wrote that nobody can read is shown as no assignment, not as an error of the group.
    let assigned = ConsumerProtocolAssignment::decode_versioned(member.member_assignment.clone()).unwrap_or_default();
    let topics = assigned.assigned_partitions.iter();
    let all = topics.flat_map(|topic| topic.partitions.iter().map(|partition| (topic.topic.clone(), *partition)));
    MemberDescription {
        id: member.member_id.clone(),
        instance_id: member.group_instance_id.clone(),
        client_id: member.client_id.clone(),
        host: member.client_host.clone(),
        assignment: sorted(all),
        ..MemberDescription::default()
    }
}

fn sorted(partitions: impl Iterator<Item = TopicPartition>) -> Vec<TopicPartition> {
    let mut all: Vec<TopicPartition> = partitions.collect();
    all.sort();
    all.dedup();
    all
}
