//! The group as others see it: in the log, in DescribeGroups and ListGroups. And back from the log.

use std::sync::Arc;

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::GroupMetadataValue;
use barnabas_protocol::messages::describe_groups_response::DescribedGroup;
use barnabas_protocol::messages::list_groups_response::ListedGroup;

use super::member::Member;
use super::state::{ClassicGroup, GroupState};

/// As ListGroups spells it.
pub(in crate::group) const GROUP_TYPE: &str = "classic";

impl ClassicGroup {
    /// The value that the log keeps for this group.
    pub(in crate::group) fn to_record(&self) -> GroupMetadataValue {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol_name.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: self.state_since_ms.unwrap_or(-1),
            members: self.members.values().map(|member| member.to_record(protocol)).collect(),
        }
    }

    /// The group that the log remembers: stable if it has members, and nobody waits for anything.
    pub(in crate::group) fn from_record(id: Arc<str>, value: &GroupMetadataValue) -> Self {
        let mut group = Self::new(id, value.current_state_timestamp);
        group.state_since_ms = (value.current_state_timestamp >= 0).then_some(value.current_state_timestamp);
        group.generation = value.generation;
        for record in &value.members {
            let member = Member::from_record(record, value.protocol.as_deref());
            // No broker writes a member twice, but a damaged record must not upset the counts.
            let owner = member.instance_id.as_ref().and_then(|id| group.static_members.get(id));
            if owner.is_none() && !group.members.contains_key(&member.id) {
                group.insert_member(member, &value.protocol_type);
            }
        }
        group.state = if group.members.is_empty() { GroupState::Empty } else { GroupState::Stable };
        group.protocol_type = Some(value.protocol_type.clone()).filter(|name| !name.is_empty());
        group.protocol_name = value.protocol.clone();
        group.leader = value.leader.clone().filter(|leader| group.members.contains_key(leader)).or(group.leader);
        group.subscribed_topics = group.compute_subscribed_topics();
        group
    }

    pub(in crate::group) fn describe(&self) -> DescribedGroup {
        // The chosen protocol and what members say in it mean something only while the group is stable.
        let protocol = self.protocol_name.as_deref().filter(|_| self.state == GroupState::Stable);
        DescribedGroup {
            error_code: ErrorCode::None.code(),
            group_id: self.id.to_string(),
            group_state: self.state.name().to_owned(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol_data: protocol.unwrap_or_default().to_owned(),
            members: self.members.values().map(|member| member.describe(protocol)).collect(),
            ..DescribedGroup::default()
        }
    }

    pub(in crate::group) fn listed(&self) -> ListedGroup {
        ListedGroup {
            group_id: self.id.to_string(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            group_state: self.state.name().to_owned(),
            group_type: GROUP_TYPE.to_owned(),
        }
    }
}
