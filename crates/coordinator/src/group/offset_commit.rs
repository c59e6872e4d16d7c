//! OffsetCommit: who may commit, and what is stored.

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use barnabas_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use barnabas_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use super::offsets::CommittedOffset;
use super::records;
use super::shard::GroupShard;
use crate::effects::{Effects, GroupReply, Now, ReplyToken, RequestContext};

/// From this version on, a commit to an unknown group is told so.
const FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND: i16 = 9;

impl GroupShard {
    /// OffsetCommit. Topics must carry their name, and their id where it is known; whether they exist and may be
    /// written is the caller's to check.
    pub fn commit_offsets(
        &mut self,
        context: &RequestContext,
        request: &OffsetCommitRequest,
        token: ReplyToken,
        now: Now,
    ) -> Effects {
        let mut effects = Effects::default();
        let admitted = self.admit_commit(context, request, now, &mut effects);
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let error = admitted
                    .and_then(|()| self.commit_one(request, topic, partition, now, &mut effects))
                    .err()
                    .unwrap_or(ErrorCode::None);
                OffsetCommitResponsePartition { partition_index: partition.partition_index, error_code: error.code() }
            });
            OffsetCommitResponseTopic {
                partitions: partitions.collect(),
                name: topic.name.clone(),
                topic_id: topic.topic_id,
            }
        });
        let response = OffsetCommitResponse { topics: topics.collect(), ..OffsetCommitResponse::default() };
        effects.replies.push((token, GroupReply::OffsetCommit(response)));
        effects
    }

    fn admit_commit(
        &mut self,
        context: &RequestContext,
        request: &OffsetCommitRequest,
        now: Now,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        let admitted =
            self.with_group(&request.group_id, now, effects, |group, turn| group.admit_commit(turn, request));
        match admitted {
            Some(result) => result,
            // A simple group: it comes to be with its first offset.
            None if request.generation_id_or_member_epoch < 0 => Ok(()),
            None if context.version >= FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND => Err(ErrorCode::GroupIdNotFound),
            None => Err(ErrorCode::IllegalGeneration),
        }
    }

    fn commit_one(
        &mut self,
        request: &OffsetCommitRequest,
        topic: &OffsetCommitRequestTopic,
        partition: &OffsetCommitRequestPartition,
        now: Now,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        let metadata = partition.committed_metadata.as_deref().unwrap_or_default();
        if is_longer_than(metadata, self.config.offset_metadata_max_bytes) {
            return Err(ErrorCode::OffsetMetadataTooLarge);
        }
        let keeps_for = Some(request.retention_time_ms).filter(|ms| *ms >= 0);
        let expire_timestamp_ms = keeps_for.map(|ms| now.wall_ms.saturating_add(ms));
        let offset = CommittedOffset {
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch.max(-1),
            metadata: metadata.to_owned(),
            commit_timestamp_ms: now.wall_ms,
            expire_timestamp_ms,
            topic_id: topic.topic_id,
        };
        // What the log cannot hold must not be remembered either: a restart would change the answer.
        let offset = if expire_timestamp_ms.is_some() { offset.without_newer_fields() } else { offset };
        let record = records::offset_commit(&request.group_id, &topic.name, partition.partition_index, &offset);
        effects.records.push(record);
        self.put_offset(&request.group_id, &topic.name, partition.partition_index, offset, now.wall_ms);
        Ok(())
    }
}

/// Whether the text is longer than Kafka allows, which counts UTF-16 units.
fn is_longer_than(text: &str, max: usize) -> bool {
    text.len() > max && text.encode_utf16().count() > max
}
