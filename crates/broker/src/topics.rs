//! Names of topics that the broker itself knows.

pub(crate) const CONSUMER_OFFSETS_TOPIC: &str = "__consumer_offsets";
pub(crate) const TRANSACTION_STATE_TOPIC: &str = "__transaction_state";
pub(crate) const SHARE_STATE_TOPIC: &str = "__share_group_state";
pub(crate) const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// Topics that only the broker writes to; flagged as internal in answers.
pub(crate) fn is_internal_topic(name: &str) -> bool {
    matches!(name, CONSUMER_OFFSETS_TOPIC | TRANSACTION_STATE_TOPIC | SHARE_STATE_TOPIC)
}
