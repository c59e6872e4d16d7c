//! Dynamic changes of this broker's configuration, judged before they are proposed: only the broker knows its file, on top of
//! which they would hold. Values of single keys are judged by `config_rules.rs`, the rules themselves are in `config`.

use barnabas_common::ErrorCode;
use barnabas_config::{
    AlterOp, ConfigMap, ResourceKind, apply_incremental, check_broker_change, validate_broker_dynamic,
};
use barnabas_metadata::{ApiError, ConfigOp, ConfigOpKind, ConfigResource, MetadataImage};

use crate::configs::Configs;

/// What becomes of keys that a change does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unnamed {
    Kept,
    Reset,
}

impl Configs {
    /// Refuses a change that would give this broker a configuration with which it would not start.
    pub(crate) fn check_alteration(
        &self,
        image: &MetadataImage,
        resource: &ConfigResource,
        ops: &[ConfigOp],
        unnamed: Unnamed,
    ) -> Result<(), ApiError> {
        let (cluster, broker) = self.dynamic(image);
        let change = |kind, current| changed(kind, current, ops, unnamed);
        let then = match resource {
            ConfigResource::BrokerDefault => {
                self.broker_config().with_dynamic(&change(ResourceKind::ClusterDefault, &cluster)?, &broker)
            }
            ConfigResource::Broker(_) => {
                self.broker_config().with_dynamic(&cluster, &change(ResourceKind::Broker, &broker)?)
            }
            ConfigResource::Topic(_) | ConfigResource::Group(_) | ConfigResource::ClientMetrics(_) => return Ok(()),
        };
        check_broker_change(&self.broker_config().with_dynamic(&cluster, &broker), &then).map_err(refused)?;
        let not_served = crate::supported::cordoned_dirs(&then);
        not_served.map_or(Ok(()), |message| Err(ApiError::new(ErrorCode::InvalidRequest, message)))
    }
}

fn refused(error: barnabas_config::AlterError) -> ApiError {
    ApiError::new(error.code, error.message)
}

fn changed(kind: ResourceKind, current: &ConfigMap, ops: &[ConfigOp], unnamed: Unnamed) -> Result<ConfigMap, ApiError> {
    let mut outcome = if unnamed == Unnamed::Kept { current.clone() } else { ConfigMap::new() };
    for op in ops {
        let now = current.get(&op.name).map(String::as_str);
        if let Some(value) = op.value.as_deref().filter(|_| op.kind == ConfigOpKind::Set) {
            validate_broker_dynamic(&op.name, value, kind == ResourceKind::Broker).map_err(refused)?;
        }
        let applied = apply_incremental(kind, now, &op.name, alter_op(op.kind), op.value.as_deref());
        match applied.map_err(refused)? {
            Some(value) => outcome.insert(op.name.clone(), value),
            None => outcome.remove(&op.name),
        };
    }
    Ok(outcome)
}

const fn alter_op(kind: ConfigOpKind) -> AlterOp {
    match kind {
        ConfigOpKind::Set => AlterOp::Set,
        ConfigOpKind::Delete => AlterOp::Delete,
        ConfigOpKind::Append => AlterOp::Append,
        ConfigOpKind::Subtract => AlterOp::Subtract,
    }
}
