//! What a command answers: per item either its value or one of Kafka's error codes with a message.

use std::fmt;

use barnabas_common::{ErrorCode, NodeId, Uuid};
use serde::{Deserialize, Serialize};

use crate::image::PartitionImage;

/// An error as a client is told: Kafka's code, and what is wrong, why and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    #[serde(with = "error_code_number")]
    pub code: ErrorCode,
    pub message: String,
}

impl ApiError {
    /// An error with its message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

/// The answer to one item of a command.
pub type ItemResult<T> = Result<T, ApiError>;

/// The answer to a command. Lists are in the order of the command's items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CommandResult {
    /// The log entry was no command.
    Nothing,
    Bootstrap(ItemResult<()>),
    /// The broker epoch.
    RegisterBroker(ItemResult<i64>),
    /// Fenced, unfenced or unregistered.
    ChangeBroker(ItemResult<()>),
    CreateTopics(Vec<ItemResult<CreatedTopic>>),
    DeleteTopics(Vec<ItemResult<DeletedTopic>>),
    CreatePartitions(Vec<ItemResult<()>>),
    /// Of both forms.
    AlterConfigs(Vec<ItemResult<()>>),
    /// An error for the whole request, or for each partition its new state.
    AlterPartition(ItemResult<Vec<ItemResult<PartitionImage>>>),
    ElectLeaders(Vec<ElectionResult>),
    AllocateProducerIds(ItemResult<ProducerIdBlock>),
    UpdateFeatures(ItemResult<()>),
}

/// A topic as it was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedTopic {
    pub name: String,
    pub id: Uuid,
    pub partitions: i32,
    pub replication_factor: i16,
}

/// A topic that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedTopic {
    pub name: String,
    pub id: Uuid,
}

/// The outcome of an election: the new leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionResult {
    pub topic: String,
    pub partition: i32,
    pub leader: ItemResult<NodeId>,
}

/// Producer ids `first .. first + len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerIdBlock {
    pub first: i64,
    pub len: i32,
}

mod error_code_number {
    use barnabas_common::ErrorCode;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref)] // the shape that serde's `with` calls
    pub(super) fn serialize<S: Serializer>(code: &ErrorCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i16(code.code())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ErrorCode, D::Error> {
        i16::deserialize(deserializer).map(ErrorCode::from_code)
    }
}
