//! What groups look like from outside: DescribeGroups, ListGroups, figures for metrics. Changes nothing.

use std::collections::BTreeMap;

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::describe_groups_response::DescribedGroup;
use barnabas_protocol::messages::list_groups_response::ListedGroup;

use super::classic::{GROUP_TYPE, GroupState};
use super::offsets::CommittedOffset;
use super::shard::GroupShard;

/// From this version on, an unknown group is an error; before, it is a dead group.
const FIRST_VERSION_WITH_NOT_FOUND: i16 = 6;

/// A committed offset and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetEntry<'a> {
    pub group: &'a str,
    pub topic: &'a str,
    pub partition: i32,
    pub committed: &'a CommittedOffset,
}

/// Figures of one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMetrics {
    /// Groups in each state, all states named as ListGroups names them.
    pub groups_by_state: BTreeMap<&'static str, usize>,
    pub members: usize,
    pub offsets: usize,
}

impl GroupShard {
    /// One group for DescribeGroups of this version. Authorized operations are the caller's to add.
    pub fn describe(&self, group_id: &str, version: i16) -> DescribedGroup {
        if let Some(group) = self.groups.get(group_id) {
            return group.describe();
        }
        let mut dead =
            DescribedGroup { group_id: group_id.to_owned(), group_state: "Dead".to_owned(), ..Default::default() };
        if version >= FIRST_VERSION_WITH_NOT_FOUND {
            dead.error_code = ErrorCode::GroupIdNotFound.code();
            dead.error_message = Some(format!("Group {group_id} not found."));
        }
        dead
    }

    /// The groups in one of these states and of one of these types; an empty filter lets all pass. Case and blanks
    /// around a state do not matter.
    pub fn list(&self, states: &[String], types: &[String]) -> Vec<ListedGroup> {
        let is_type_wanted = types.is_empty() || types.iter().any(|t| t.trim().eq_ignore_ascii_case(GROUP_TYPE));
        if !is_type_wanted {
            return Vec::new();
        }
        let is_wanted = |state: GroupState| {
            states.is_empty() || states.iter().any(|wanted| wanted.trim().eq_ignore_ascii_case(state.name()))
        };
        self.groups.values().filter(|group| is_wanted(group.state)).map(|group| group.listed()).collect()
    }

    pub fn metrics(&self) -> GroupMetrics {
        let mut metrics = GroupMetrics {
            groups_by_state: GroupState::ALL.iter().map(|state| (state.name(), 0)).collect(),
            ..GroupMetrics::default()
        };
        for group in self.groups.values() {
            *metrics.groups_by_state.entry(group.state.name()).or_default() += 1;
            metrics.members += group.member_count();
        }
        metrics.offsets = self.committed_offsets().count();
        metrics
    }

    /// Every group and how many members it has, ordered by group.
    pub fn member_counts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.groups.iter().map(|(group_id, group)| (&**group_id, group.member_count()))
    }

    /// Every committed offset, ordered by group, topic and partition.
    pub fn committed_offsets(&self) -> impl Iterator<Item = OffsetEntry<'_>> {
        self.offsets.groups().flat_map(|(group, topics)| {
            topics.iter().flat_map(move |(topic, partitions)| {
                partitions.iter().map(move |(partition, committed)| OffsetEntry {
                    group,
                    topic,
                    partition: *partition,
                    committed,
                })
            })
        })
    }

    /// The committed offset of one partition.
    pub fn committed_offset(&self, group_id: &str, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.offsets.get(group_id, topic, partition)
    }
}
