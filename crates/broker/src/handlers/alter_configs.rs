//! AlterConfigs (33), versions 0-2, and IncrementalAlterConfigs (44), versions 0-1.
//!
//! - The old form resets every key that it does not name; the incremental one changes single keys (KIP-339).
//! - Each resource is answered for itself and changed as a whole or not at all.

use barnabas_common::ErrorCode;
use barnabas_metadata::{
    AlterConfigsResource, ApiError, CommandResult, ConfigOp, ConfigOpKind, ConfigResource,
    IncrementalAlterConfigsResource, ItemResult, MetadataCommand,
};
use barnabas_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use barnabas_protocol::messages::incremental_alter_configs_request::AlterableConfig;
use barnabas_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse as IncrementalResponse;
use barnabas_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

use super::config_resources;
use crate::broker::wrong_answer;
use crate::config_changes::Unnamed;
use crate::dispatch::{Answer, Refused, RequestContext};
use crate::registration::ADVERTISED_LISTENERS;

pub(crate) fn handle(ctx: &RequestContext, request: AlterConfigsRequest) -> Result<Answer, Refused> {
    let work = ctx.clone();
    Ok(ctx.later(async move {
        let names: Vec<_> = request.resources.iter().map(|r| (r.resource_type, r.resource_name.clone())).collect();
        let validate_only = request.validate_only;
        let items = request.resources.into_iter().map(|asked| {
            let resource = config_resources::parse(&work, asked.resource_type, &asked.resource_name)?;
            let configs: Vec<_> = asked.configs.into_iter().map(|config| (config.name, config.value)).collect();
            for (name, value) in &configs {
                check_advertised(&work, &resource, name, value.as_deref())?;
            }
            let all_set: Vec<_> = configs.iter().cloned().map(|(name, value)| set(name, value)).collect();
            work.broker.configs.check_alteration(&work.broker.image(), &resource, &all_set, Unnamed::Reset)?;
            Ok(AlterConfigsResource { resource, configs })
        });
        let command = |resources| MetadataCommand::AlterConfigs { resources, validate_only };
        let results = alter(&work, items.collect(), command).await;
        let responses = names.into_iter().zip(results).map(|((resource_type, resource_name), result)| {
            let (error_code, error_message) = outcome(result);
            AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name }
        });
        AlterConfigsResponse { responses: responses.collect(), ..Default::default() }
    }))
}

pub(crate) fn handle_incremental(
    ctx: &RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> Result<Answer, Refused> {
    let work = ctx.clone();
    Ok(ctx.later(async move {
        let names: Vec<_> = request.resources.iter().map(|r| (r.resource_type, r.resource_name.clone())).collect();
        let validate_only = request.validate_only;
        let items = request.resources.into_iter().map(|asked| {
            let resource = config_resources::parse(&work, asked.resource_type, &asked.resource_name)?;
            let ops: Vec<ConfigOp> =
                asked.configs.into_iter().map(|config| operation(&resource, config)).collect::<Result<_, _>>()?;
            for op in ops.iter().filter(|op| op.kind != ConfigOpKind::Delete) {
                check_advertised(&work, &resource, &op.name, op.value.as_deref())?;
            }
            work.broker.configs.check_alteration(&work.broker.image(), &resource, &ops, Unnamed::Kept)?;
            Ok(IncrementalAlterConfigsResource { resource, ops })
        });
        let command = |resources| MetadataCommand::IncrementalAlterConfigs { resources, validate_only };
        let results = alter(&work, items.collect(), command).await;
        let responses = names.into_iter().zip(results).map(|((resource_type, resource_name), result)| {
            let (error_code, error_message) = outcome(result);
            IncrementalResponse { error_code, error_message, resource_type, resource_name }
        });
        IncrementalAlterConfigsResponse { responses: responses.collect(), ..Default::default() }
    }))
}

fn set(name: String, value: Option<String>) -> ConfigOp {
    ConfigOp { name, kind: ConfigOpKind::Set, value }
}

fn operation(resource: &ConfigResource, config: AlterableConfig) -> Result<ConfigOp, ApiError> {
    let kind = ConfigOpKind::from_id(config.config_operation).ok_or_else(|| {
        let message = format!("there is no operation {} ({} of {resource})", config.config_operation, config.name);
        ApiError::new(ErrorCode::InvalidRequest, message)
    })?;
    Ok(ConfigOp { name: config.name, kind, value: config.value })
}

/// What a broker advertises is checked by the broker itself: it alone knows its listeners. Clients send it there.
fn check_advertised(
    ctx: &RequestContext,
    resource: &ConfigResource,
    name: &str,
    value: Option<&str>,
) -> Result<(), ApiError> {
    let is_own = *resource == ConfigResource::Broker(ctx.broker.node_id);
    let value = value.filter(|_| is_own && name == ADVERTISED_LISTENERS);
    value.map_or(Ok(()), |text| ctx.broker.check_advertised(text))
}

/// Proposes the items that are well-formed; one result per item, in order.
async fn alter<T>(
    ctx: &RequestContext,
    items: Vec<ItemResult<T>>,
    command: impl FnOnce(Vec<T>) -> MetadataCommand,
) -> Vec<ItemResult<()>> {
    let mut results = Vec::with_capacity(items.len());
    let mut proposed = Vec::new();
    for item in items {
        results.push(item.map(|item| proposed.push(item)));
    }
    if proposed.is_empty() {
        return results;
    }
    let answered = match ctx.broker.propose(command(proposed)).await {
        Ok(CommandResult::AlterConfigs(answered)) => ctx.broker.advertise_anew().await.map(|()| answered),
        Ok(_) => Err(wrong_answer()),
        Err(error) => Err(error),
    };
    let mut answered = answered.map(Vec::into_iter);
    for result in results.iter_mut().filter(|result| result.is_ok()) {
        *result = match &mut answered {
            Ok(answered) => answered.next().unwrap_or(Ok(())),
            Err(error) => Err(error.clone()),
        };
    }
    results
}

fn outcome(result: ItemResult<()>) -> (i16, Option<String>) {
    match result {
        Ok(()) => (0, None),
        Err(error) => (error.code.code(), Some(error.message)),
    }
}
