//! Partitions as this broker holds them: the log behind its lock, the high watermark, who waits for data, and
//! the fetch sessions of consumers. No sockets and no wire messages beyond record batches.

mod commit;
mod fetch;
mod fetch_memory;
mod fetch_session;
mod manager;
mod partition;
mod recent;
mod waiters;

pub use commit::{
    Committer, GroupCommit, Holder, JournalFigures, Keeper, NewFolders, NotDurable, OnFailure, SyncTimer, Ticket,
    Tickets, recover,
};
pub use fetch::{Fetch, FetchLimits, FetchTarget, FetchedPartition};
pub use fetch_session::{CachedPartition, FetchSessionCache, SessionFetch, SessionPartition, SessionRequest, TopicKey};
pub use manager::ReplicaManager;
pub use partition::{Appended, Isolation, Partition, PartitionError, PartitionOffsets};
