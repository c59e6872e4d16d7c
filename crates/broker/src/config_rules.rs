//! The table of configuration keys as the metadata's state machine asks about it.

use std::sync::Arc;

use barnabas_common::ErrorCode;
use barnabas_config::{
    BrokerConfig, ConfigType, keys, validate_broker_dynamic, validate_client_metrics_config, validate_group_config,
    validate_topic_config, validate_topic_configs,
};
use barnabas_metadata::{ApiError, ConfigMap, ConfigResource, ConfigRules};

/// Rules by this broker's key table and static configuration.
pub(crate) struct KeyTableRules(pub Arc<BrokerConfig>);

fn key_of(resource: &ConfigResource, name: &str) -> Option<&'static barnabas_config::ConfigKey> {
    match resource {
        ConfigResource::Topic(_) => keys::topic_key(name),
        ConfigResource::Broker(_) | ConfigResource::BrokerDefault => keys::broker_key(name),
        ConfigResource::Group(_) => keys::group_key(name),
        ConfigResource::ClientMetrics(_) => keys::client_metrics_key(name),
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidConfig, message)
}

impl ConfigRules for KeyTableRules {
    fn validate(&self, resource: &ConfigResource, name: &str, value: &str) -> Result<(), ApiError> {
        let refused = |error: barnabas_config::AlterError| ApiError::new(error.code, error.message);
        match resource {
            ConfigResource::Topic(_) => validate_topic_config(name, value).map_err(invalid),
            ConfigResource::Broker(_) => validate_broker_dynamic(name, value, true).map_err(refused),
            ConfigResource::BrokerDefault => validate_broker_dynamic(name, value, false).map_err(refused),
            ConfigResource::Group(_) => validate_group_config(&self.0, name, value).map_err(invalid),
            ConfigResource::ClientMetrics(_) => validate_client_metrics_config(name, value).map_err(refused),
        }
    }

    fn validate_delete(&self, resource: &ConfigResource, name: &str) -> Result<(), ApiError> {
        if *resource == ConfigResource::BrokerDefault && name == "min.insync.replicas" {
            return Err(invalid("min.insync.replicas of the cluster can be changed but not removed".to_owned()));
        }
        Ok(())
    }

    fn validate_together(&self, resource: &ConfigResource, configs: &ConfigMap) -> Result<(), ApiError> {
        match resource {
            ConfigResource::Topic(_) => {
                validate_topic_configs(&self.0, configs).map_err(|error| ApiError::new(error.code, error.message))
            }
            _ => Ok(()),
        }
    }

    fn is_list(&self, resource: &ConfigResource, name: &str) -> bool {
        key_of(resource, name).is_some_and(|key| key.config_type == ConfigType::List)
    }

    fn default_value(&self, resource: &ConfigResource, name: &str) -> Option<String> {
        key_of(resource, name)?.default.map(str::to_owned)
    }
}
