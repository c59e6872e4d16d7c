//! The broker: network shell, dispatch, one handler file per API, and the life of partitions and groups. What a
//! log, a group or the metadata is, is decided in the rooms below.

pub mod advertised;
mod broker;
mod checkpoints;
mod cleaner;
mod config_changes;
mod config_rules;
mod configs;
mod dir_failure;
mod dir_presence;
mod disk_space;
mod dispatch;
mod error;
pub mod exposition;
mod features;
mod groups;
mod handlers;
mod journal_damage;
mod journals;
mod known_dirs;
mod lifecycle;
mod log_dirs;
mod lost_journal;
mod maintenance;
mod metrics;
mod network;
mod partitions;
mod producer_ids;
mod registration;
mod retention;
mod settings;
mod side_by_side;
mod start_topics;
mod supported;
mod topics;
mod validation;
mod watched_dirs;
mod watched_vfs;

pub use broker::Broker;
pub use error::StartError;
pub use lifecycle::{RunningBroker, StartOptions, start};
pub use registration::{ListeningOn, advertised_at_start};
pub use supported::check_supported;
