//! What a partition knows about idempotent producers: duplicates, gaps, fencing, open transactions. Kept in memory,
//! in snapshots (`.snapshot`), and rebuilt from batch headers.

mod entry;
pub(crate) mod snapshot;
mod states;

pub(crate) use entry::{BatchMeta, ProducerEntry};
pub use states::ProducerStateView;
pub(crate) use states::{EndTransaction, Observed, ProducerStates};
