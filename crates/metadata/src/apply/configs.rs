//! Changing configurations, in Kafka's old and new form.

use std::collections::BTreeSet;

use barnabas_common::ErrorCode;

use super::unknown_topic;
use crate::command::{AlterConfigsResource, ConfigOp, ConfigOpKind, IncrementalAlterConfigsResource};
use crate::config_rules::ConfigRules;
use crate::image::{ConfigMap, ConfigResource, MetadataImage};
use crate::result::{ApiError, ItemResult};

const MIN_ISR: &str = "min.insync.replicas";
const ELR_FEATURE: &str = "eligible.leader.replicas.version";

pub(super) fn replace_all(
    image: &mut MetadataImage,
    rules: &dyn ConfigRules,
    items: &[AlterConfigsResource],
) -> Vec<ItemResult<()>> {
    let repeated = repeated(items.iter().map(|item| &item.resource));
    items.iter().map(|item| replace(image, rules, item, &repeated)).collect()
}

pub(super) fn alter_all(
    image: &mut MetadataImage,
    rules: &dyn ConfigRules,
    items: &[IncrementalAlterConfigsResource],
) -> Vec<ItemResult<()>> {
    let repeated = repeated(items.iter().map(|item| &item.resource));
    items.iter().map(|item| alter(image, rules, item, &repeated)).collect()
}

fn replace(
    image: &mut MetadataImage,
    rules: &dyn ConfigRules,
    item: &AlterConfigsResource,
    repeated: &BTreeSet<&ConfigResource>,
) -> ItemResult<()> {
    check_resource(image, &item.resource, repeated)?;
    let current = current(image, &item.resource);
    let configs = validated(rules, &item.resource, &item.configs, &current)?;
    put(image, &item.resource, &current, configs)
}

/// Values for a resource that keeps nothing of what it had. What stays as it was is not judged again, so that a
/// stricter release does not lock out old values.
pub(super) fn validated(
    rules: &dyn ConfigRules,
    resource: &ConfigResource,
    configs: &[(String, Option<String>)],
    current: &ConfigMap,
) -> ItemResult<ConfigMap> {
    let mut map = ConfigMap::new();
    for (name, value) in configs {
        let value = value.as_ref().ok_or_else(|| no_value(ErrorCode::InvalidConfig, resource, name))?;
        if current.get(name) != Some(value) {
            rules.validate(resource, name, value)?;
        }
        if map.insert(name.clone(), value.clone()).is_some() {
            return Err(named_twice(resource, name));
        }
    }
    rules.validate_together(resource, &map)?;
    Ok(map)
}

fn alter(
    image: &mut MetadataImage,
    rules: &dyn ConfigRules,
    item: &IncrementalAlterConfigsResource,
    repeated: &BTreeSet<&ConfigResource>,
) -> ItemResult<()> {
    check_resource(image, &item.resource, repeated)?;
    let current = current(image, &item.resource);
    let mut configs = current.clone();
    let mut seen = BTreeSet::new();
    for op in &item.ops {
        if !seen.insert(&op.name) {
            return Err(named_twice(&item.resource, &op.name));
        }
        match new_value(rules, &item.resource, op, &current)? {
            Some(value) => configs.insert(op.name.clone(), value),
            None => configs.remove(&op.name),
        };
    }
    rules.validate_together(&item.resource, &configs)?;
    put(image, &item.resource, &current, configs)
}

/// The key's value after the operation; `None` takes it back to its default.
fn new_value(
    rules: &dyn ConfigRules,
    resource: &ConfigResource,
    op: &ConfigOp,
    current: &ConfigMap,
) -> ItemResult<Option<String>> {
    if op.kind == ConfigOpKind::Delete {
        rules.validate_delete(resource, &op.name)?;
        return Ok(None);
    }
    let operand = op.value.as_deref().ok_or_else(|| no_value(ErrorCode::InvalidRequest, resource, &op.name))?;
    let value = if op.kind == ConfigOpKind::Set {
        operand.to_owned()
    } else {
        let before = current.get(&op.name).cloned().or_else(|| rules.default_value(resource, &op.name));
        combine(rules, resource, op, &before.unwrap_or_default(), operand)?
    };
    rules.validate(resource, &op.name, &value)?;
    Ok(Some(value))
}

fn combine(
    rules: &dyn ConfigRules,
    resource: &ConfigResource,
    op: &ConfigOp,
    before: &str,
    operand: &str,
) -> ItemResult<String> {
    if !rules.is_list(resource, &op.name) {
        return Err(ApiError::new(
            ErrorCode::InvalidConfig,
            format!("'{}' of {resource} is no list, so nothing can be appended or subtracted: set it.", op.name),
        ));
    }
    let mut values = elements(before);
    if op.kind == ConfigOpKind::Append {
        for element in elements(operand) {
            if !values.contains(&element) {
                values.push(element);
            }
        }
    } else {
        let gone = elements(operand);
        values.retain(|element| !gone.contains(element));
    }
    Ok(values.join(","))
}

fn elements(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|element| !element.is_empty()).collect()
}

fn current(image: &MetadataImage, resource: &ConfigResource) -> ConfigMap {
    image.config(resource).map(|configs| (**configs).clone()).unwrap_or_default()
}

fn put(
    image: &mut MetadataImage,
    resource: &ConfigResource,
    current: &ConfigMap,
    configs: ConfigMap,
) -> ItemResult<()> {
    check_min_isr(image, resource, current, &configs)?;
    if configs != *current {
        image.put_config(resource.clone(), configs);
    }
    Ok(())
}

/// Eligible leader replicas are only right while every node computes the same minimum.
fn check_min_isr(
    image: &MetadataImage,
    resource: &ConfigResource,
    before: &ConfigMap,
    after: &ConfigMap,
) -> ItemResult<()> {
    if image.features.level(ELR_FEATURE) == 0 || before.get(MIN_ISR) == after.get(MIN_ISR) {
        return Ok(());
    }
    let reason = match resource {
        ConfigResource::Broker(_) => "cannot be set for a single broker: set it for all brokers or for a topic",
        ConfigResource::BrokerDefault if !after.contains_key(MIN_ISR) => {
            "must stay set for all brokers: set another value"
        }
        _ => return Ok(()),
    };
    let message = format!("While {ELR_FEATURE} is on, {MIN_ISR} {reason}.");
    Err(ApiError::new(ErrorCode::InvalidConfig, message))
}

fn check_resource(
    image: &MetadataImage,
    resource: &ConfigResource,
    repeated: &BTreeSet<&ConfigResource>,
) -> ItemResult<()> {
    if repeated.contains(resource) {
        let message = format!("The request names {resource} more than once: put all its changes into one.");
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    match resource {
        ConfigResource::Topic(name) if image.topic(name).is_none() => Err(unknown_topic(name)),
        ConfigResource::Broker(id) if image.broker(*id).is_none() => {
            let message = format!("There is no broker {id}: only registered brokers can be configured.");
            Err(ApiError::new(ErrorCode::BrokerIdNotRegistered, message))
        }
        ConfigResource::Group(name) | ConfigResource::ClientMetrics(name) if name.is_empty() => {
            let message = "Groups and client metrics subscriptions have no default to configure: give a name.";
            Err(ApiError::new(ErrorCode::InvalidRequest, message))
        }
        _ => Ok(()),
    }
}

fn repeated<'a>(resources: impl Iterator<Item = &'a ConfigResource>) -> BTreeSet<&'a ConfigResource> {
    let mut seen = BTreeSet::new();
    resources.filter(|resource| !seen.insert(*resource)).collect()
}

fn no_value(code: ErrorCode, resource: &ConfigResource, name: &str) -> ApiError {
    ApiError::new(code, format!("'{name}' of {resource} has no value: give one, or delete the key."))
}

fn named_twice(resource: &ConfigResource, name: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, format!("'{name}' of {resource} is named more than once."))
}
