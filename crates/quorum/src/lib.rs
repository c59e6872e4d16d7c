//! The metadata's replicated log: commands are agreed on, made durable and applied in one order. The only user
//! of openraft; what commands mean is in `barnabas-metadata`, and nobody outside sees a type of openraft.

mod error;
mod log_store;
mod machine;
mod network;
mod options;
mod quorum;
mod snapshot_files;
mod status;
mod types;
mod wal;
mod wal_writer;

#[cfg(test)]
mod tests;

pub use error::QuorumError;
pub use options::QuorumOptions;
pub use quorum::Quorum;
pub use status::{QuorumStatus, VoterStatus};
