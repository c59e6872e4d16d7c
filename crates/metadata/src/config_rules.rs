//! What the state machine must know about configuration keys. The table of keys itself lives elsewhere and is
//! handed in, so that this crate does not grow with it.

use barnabas_common::ErrorCode;

use crate::image::{ConfigMap, ConfigResource};
use crate::result::ApiError;

/// The rules for configuration values. Every node of a cluster must answer alike: the answers decide what a
/// command does.
pub trait ConfigRules: Send + Sync + 'static {
    /// Whether the key exists for the resource, may be changed at run time and takes this value. Unknown keys
    /// and bad values are `INVALID_CONFIG`, read-only keys `INVALID_REQUEST`.
    fn validate(&self, resource: &ConfigResource, name: &str, value: &str) -> Result<(), ApiError>;

    /// Whether the key may be taken back to its default. Keys that are not known may: they do no harm unset.
    fn validate_delete(&self, _resource: &ConfigResource, _name: &str) -> Result<(), ApiError> {
        Ok(())
    }

    /// Rules that span several keys, on everything set for the resource after the change.
    fn validate_together(&self, _resource: &ConfigResource, _configs: &ConfigMap) -> Result<(), ApiError> {
        Ok(())
    }

    /// Whether the key holds a comma-separated list, so that values can be appended and subtracted.
    fn is_list(&self, resource: &ConfigResource, name: &str) -> bool;

    /// The list that appending and subtracting starts from when the resource has no value of its own.
    fn default_value(&self, resource: &ConfigResource, name: &str) -> Option<String>;
}

/// Takes every key but those without a name; only `cleanup.policy` is a list. For tests and tools.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptAllConfigs;

impl ConfigRules for AcceptAllConfigs {
    fn validate(&self, resource: &ConfigResource, name: &str, _value: &str) -> Result<(), ApiError> {
        if name.is_empty() {
            return Err(ApiError::new(ErrorCode::InvalidConfig, format!("A configuration of {resource} has no name.")));
        }
        Ok(())
    }

    fn is_list(&self, _resource: &ConfigResource, name: &str) -> bool {
        name == "cleanup.policy"
    }

    fn default_value(&self, _resource: &ConfigResource, name: &str) -> Option<String> {
        (name == "cleanup.policy").then(|| "delete".to_owned())
    }
}
