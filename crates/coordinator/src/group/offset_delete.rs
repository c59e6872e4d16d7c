//! OffsetDelete: forgetting offsets of topics that nobody in the group reads.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::offset_delete_request::OffsetDeleteRequestTopic;
use barnabas_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use barnabas_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

use super::records;
use super::shard::GroupShard;
use crate::effects::{Effects, GroupReply, ReplyToken};

impl GroupShard {
    /// OffsetDelete. Whether the topics exist is the caller's to check.
    pub fn delete_offsets(&mut self, request: &OffsetDeleteRequest, token: ReplyToken) -> Effects {
        let mut effects = Effects::default();
        let mut response = OffsetDeleteResponse::default();
        match self.check_offset_delete(&request.group_id) {
            Err(error) => response.error_code = error.code(),
            Ok(()) => {
                let topics = request.topics.iter();
                response.topics = topics.map(|t| self.delete_topic(&request.group_id, t, &mut effects)).collect();
            }
        }
        effects.replies.push((token, GroupReply::OffsetDelete(response)));
        effects
    }

    /// Only consumers say what they read, so only they may be active meanwhile.
    fn check_offset_delete(&self, group_id: &str) -> Result<(), ErrorCode> {
        let group = self.groups.get(group_id).ok_or(ErrorCode::GroupIdNotFound)?;
        if group.is_empty() || group.uses_consumer_protocol() { Ok(()) } else { Err(ErrorCode::NonEmptyGroup) }
    }

    fn delete_topic(
        &mut self,
        group_id: &str,
        topic: &OffsetDeleteRequestTopic,
        effects: &mut Effects,
    ) -> OffsetDeleteResponseTopic {
        let is_subscribed = self.groups.get(group_id).is_some_and(|group| group.is_subscribed_to(&topic.name));
        let error = if is_subscribed { ErrorCode::GroupSubscribedToTopic } else { ErrorCode::None };
        let partitions = topic.partitions.iter().map(|partition| {
            let index = partition.partition_index;
            if !is_subscribed && self.offsets.remove(group_id, &topic.name, index) {
                effects.records.push(records::offset_tombstone(group_id, &topic.name, index));
            }
            OffsetDeleteResponsePartition { partition_index: index, error_code: error.code() }
        });
        OffsetDeleteResponseTopic { partitions: partitions.collect(), name: topic.name.clone() }
    }
}
