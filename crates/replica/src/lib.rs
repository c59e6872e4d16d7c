//! Partitions as this broker holds them: the log behind its lock, the high watermark, who waits for data, and
//! the fetch sessions of consumers. No sockets and no wire messages beyond record batches.

mod fetch;
mod fetch_memory;
mod fetch_session;
mod manager;
mod partition;
mod waiters;

pub use fetch::{FetchLimits, FetchTarget, FetchedPartition, fetch};
pub use fetch_session::{CachedPartition, FetchSessionCache, SessionFetch, SessionPartition, SessionRequest, TopicKey};
pub use manager::ReplicaManager;
pub use partition::{Isolation, Partition, PartitionError, PartitionOffsets};
