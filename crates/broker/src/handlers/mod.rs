//! One file per API (or per family of tiny ones), named after it. A handler turns a request into calls of the
//! rooms below and their results into a response; it decides nothing that a lower room could decide.

pub(crate) mod acls;
mod addresses;
pub(crate) mod alter_configs;
pub(crate) mod api_versions;
mod authorized;
pub(crate) mod client_quotas;
mod config_resources;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_producers;
pub(crate) mod describe_quorum;
pub(crate) mod describe_topic_partitions;
pub(crate) mod elect_leaders;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
pub(crate) mod group_admin;
pub(crate) mod group_membership;
pub(crate) mod init_producer_id;
pub(crate) mod list_offsets;
pub(crate) mod log_dirs;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod reassignments;
mod shown;
