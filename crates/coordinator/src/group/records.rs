//! The records of `__consumer_offsets`, as bytes and as values. What they mean for a group is decided elsewhere.

use barnabas_protocol::messages::{
    GroupMetadataKey, GroupMetadataValue, LegacyOffsetCommitKey, LegacyOffsetCommitValue, OffsetCommitKey,
    OffsetCommitValue,
};
use barnabas_protocol::{DecodeError, Message, Reader, Writer};
use bytes::Bytes;
use thiserror::Error;

use super::offsets::CommittedOffset;
use crate::effects::CoordinatorRecord;

const LEGACY_OFFSET_COMMIT: i16 = 0;
const OFFSET_COMMIT: i16 = 1;
const GROUP_METADATA: i16 = 2;

/// The version that Apache Kafka 4.x writes.
const GROUP_METADATA_VERSION: i16 = 3;
const OFFSET_COMMIT_VERSION: i16 = 4;
/// The only version that can hold an expiry time.
const OFFSET_COMMIT_WITH_EXPIRY_VERSION: i16 = 1;

/// Why a record was skipped while the log was read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReplayError {
    #[error("records of type {0} are not known")]
    UnknownType(i16),
    #[error("the key cannot be read: {0}")]
    BadKey(DecodeError),
    #[error("the value cannot be read: {0}")]
    BadValue(DecodeError),
}

/// A record that was read. `None` is a tombstone.
pub(super) enum Record {
    Offset { group: String, topic: String, partition: i32, value: Option<CommittedOffset> },
    Group { group: String, value: Option<GroupMetadataValue> },
}

pub(super) fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<Record, ReplayError> {
    let mut reader = Reader::new(key.clone());
    match reader.int16().map_err(ReplayError::BadKey)? {
        LEGACY_OFFSET_COMMIT => {
            let key = LegacyOffsetCommitKey::read(&mut reader, 0).map_err(ReplayError::BadKey)?;
            let value = decode_value::<LegacyOffsetCommitValue>(value)?.map(|old| OffsetCommitValue {
                offset: old.offset,
                metadata: old.metadata,
                commit_timestamp: old.commit_timestamp,
                ..OffsetCommitValue::default()
            });
            Ok(offset_record(key.group, key.topic, key.partition, value))
        }
        OFFSET_COMMIT => {
            let key = OffsetCommitKey::read(&mut reader, 0).map_err(ReplayError::BadKey)?;
            let value = decode_value::<OffsetCommitValue>(value)?;
            Ok(offset_record(key.group, key.topic, key.partition, value))
        }
        GROUP_METADATA => {
            let key = GroupMetadataKey::read(&mut reader, 0).map_err(ReplayError::BadKey)?;
            Ok(Record::Group { group: key.group, value: decode_value(value)? })
        }
        other => Err(ReplayError::UnknownType(other)),
    }
}

fn decode_value<M: Message>(value: Option<&Bytes>) -> Result<Option<M>, ReplayError> {
    value.map(|bytes| M::decode_versioned(bytes.clone())).transpose().map_err(ReplayError::BadValue)
}

fn offset_record(group: String, topic: String, partition: i32, value: Option<OffsetCommitValue>) -> Record {
    Record::Offset { group, topic, partition, value: value.map(CommittedOffset::from) }
}

fn key(record_type: i16, message: &impl Message) -> Bytes {
    let mut writer = Writer::default();
    writer.int16(record_type);
    message.write(&mut writer, 0);
    writer.into_bytes()
}

fn offset_key(group: &str, topic: &str, partition: i32) -> Bytes {
    let message = OffsetCommitKey { group: group.to_owned(), topic: topic.to_owned(), partition };
    key(OFFSET_COMMIT, &message)
}

fn group_key(group: &str) -> Bytes {
    key(GROUP_METADATA, &GroupMetadataKey { group: group.to_owned() })
}

pub(super) fn offset_commit(group: &str, topic: &str, partition: i32, offset: &CommittedOffset) -> CoordinatorRecord {
    let value = OffsetCommitValue {
        offset: offset.offset,
        leader_epoch: offset.leader_epoch,
        metadata: offset.metadata.clone(),
        commit_timestamp: offset.commit_timestamp_ms,
        expire_timestamp: offset.expire_timestamp_ms.unwrap_or(-1),
        topic_id: offset.topic_id,
    };
    let version =
        if offset.expire_timestamp_ms.is_some() { OFFSET_COMMIT_WITH_EXPIRY_VERSION } else { OFFSET_COMMIT_VERSION };
    CoordinatorRecord { key: offset_key(group, topic, partition), value: Some(value.encode_versioned(version)) }
}

pub(super) fn offset_tombstone(group: &str, topic: &str, partition: i32) -> CoordinatorRecord {
    CoordinatorRecord { key: offset_key(group, topic, partition), value: None }
}

pub(super) fn group_metadata(group: &str, value: &GroupMetadataValue) -> CoordinatorRecord {
    CoordinatorRecord { key: group_key(group), value: Some(value.encode_versioned(GROUP_METADATA_VERSION)) }
}

pub(super) fn group_tombstone(group: &str) -> CoordinatorRecord {
    CoordinatorRecord { key: group_key(group), value: None }
}
