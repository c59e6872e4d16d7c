//! DeleteGroups, and offsets of topics that are gone.

use std::collections::BTreeSet;

use barnabas_common::{ErrorCode, Uuid};
use barnabas_protocol::messages::DeleteGroupsResponse;
use barnabas_protocol::messages::delete_groups_response::DeletableGroupResult;

use super::records;
use super::shard::GroupShard;
use crate::effects::{Effects, GroupReply, ReplyToken};

impl GroupShard {
    /// DeleteGroups, for those of the request's groups that belong to this shard. A name given twice counts once.
    pub fn delete_groups(&mut self, group_ids: &[String], token: ReplyToken) -> Effects {
        let mut effects = Effects::default();
        let mut results = Vec::new();
        let mut seen = BTreeSet::new();
        for group_id in group_ids.iter().filter(|id| seen.insert(id.as_str())) {
            let error = self.delete_group(group_id, &mut effects).err().unwrap_or(ErrorCode::None);
            results.push(DeletableGroupResult { group_id: group_id.clone(), error_code: error.code() });
        }
        let response = DeleteGroupsResponse { results, ..DeleteGroupsResponse::default() };
        effects.replies.push((token, GroupReply::DeleteGroups(response)));
        effects
    }

    fn delete_group(&mut self, group_id: &str, effects: &mut Effects) -> Result<(), ErrorCode> {
        let group = self.groups.get(group_id).ok_or(ErrorCode::GroupIdNotFound)?;
        if !group.is_empty() {
            return Err(ErrorCode::NonEmptyGroup);
        }
        for (topic, partition) in self.offsets.partitions_of(group_id) {
            self.drop_offset(group_id, &topic, partition, effects);
        }
        self.drop_group(group_id, effects);
        Ok(())
    }

    pub(super) fn drop_group(&mut self, group_id: &str, effects: &mut Effects) {
        tracing::info!(group = group_id, "deleted");
        self.forget_group(group_id);
        effects.records.push(records::group_tombstone(group_id));
    }

    pub(super) fn drop_offset(&mut self, group_id: &str, topic: &str, partition: i32, effects: &mut Effects) {
        if self.offsets.remove(group_id, topic, partition) {
            effects.records.push(records::offset_tombstone(group_id, topic, partition));
        }
    }

    /// Drops the offsets of topics that are not there any more: they must not be met again by a topic of the same name.
    /// `is_present` is asked with the name and the id that an offset was committed for, which is zero if the log does not
    /// say it.
    pub fn drop_offsets_unless(&mut self, is_present: impl Fn(&str, Uuid) -> bool) -> Effects {
        let gone: Vec<(String, String, i32)> = self
            .committed_offsets()
            .filter(|entry| !is_present(entry.topic, entry.committed.topic_id))
            .map(|entry| (entry.group.to_owned(), entry.topic.to_owned(), entry.partition))
            .collect();
        let mut effects = Effects::default();
        for (group_id, topic, partition) in gone {
            self.drop_offset(&group_id, &topic, partition, &mut effects);
        }
        effects
    }
}
