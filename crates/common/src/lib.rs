//! What every other room shares: ids, Kafka's error codes, and the traits through which the pure cores reach
//! the clock and the disk. Nothing here knows about topics, requests or sockets.

mod clock;
mod error_code;
mod topic_partition;
mod uuid;
pub mod vfs;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error_code::ErrorCode;
pub use topic_partition::TopicPartition;
pub use uuid::Uuid;

/// Position of a record in a partition.
pub type Offset = i64;
/// Number of a leader's term in a partition.
pub type LeaderEpoch = i32;
/// `node.id` of a broker.
pub type NodeId = i32;
/// Milliseconds since 1 January 1970 UTC, as record timestamps have them.
pub type TimestampMs = i64;
