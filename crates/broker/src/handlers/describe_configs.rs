//! DescribeConfigs (32), versions 1-4, and ListConfigResources (74), versions 0-1.
//!
//! - Every key that Kafka documents, with value, source, synonyms, type and documentation; secrets are null.
//! - On success the error message is an empty string, as Kafka sends it.
//! - Groups and client metrics subscriptions can be described before anything was set for them.

use barnabas_common::ErrorCode;
use barnabas_config::ConfigEntry;
use barnabas_metadata::{ApiError, ConfigResource, MetadataImage};
use barnabas_protocol::messages::describe_configs_request::DescribeConfigsResource;
use barnabas_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use barnabas_protocol::messages::list_config_resources_response::ConfigResource as ListedResource;
use barnabas_protocol::messages::{
    DescribeConfigsRequest, DescribeConfigsResponse, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

use super::config_resources::{self, resource_type};
use crate::dispatch::{Answer, Refused, RequestContext};

pub(crate) fn handle(ctx: &RequestContext, request: DescribeConfigsRequest) -> Result<Answer, Refused> {
    let image = ctx.broker.image();
    let wants = Wants { synonyms: request.include_synonyms, documentation: request.include_documentation };
    let results = request.resources.into_iter().map(|resource| describe(ctx, &image, resource, wants));
    Ok(ctx.ready(&DescribeConfigsResponse { results: results.collect(), ..Default::default() }))
}

#[derive(Clone, Copy)]
struct Wants {
    synonyms: bool,
    documentation: bool,
}

fn describe(
    ctx: &RequestContext,
    image: &MetadataImage,
    asked: DescribeConfigsResource,
    wants: Wants,
) -> DescribeConfigsResult {
    let mut result = DescribeConfigsResult {
        error_message: Some(String::new()),
        resource_type: asked.resource_type,
        resource_name: asked.resource_name.clone(),
        ..Default::default()
    };
    match entries(ctx, image, &asked) {
        Ok(entries) => {
            let is_asked = |name: &String| asked.configuration_keys.as_ref().is_none_or(|keys| keys.contains(name));
            let shown = entries.into_iter().filter(|entry| is_asked(&entry.name));
            result.configs = shown.map(|entry| render(entry, wants)).collect();
        }
        Err(error) => {
            result.error_code = error.code.code();
            result.error_message = Some(error.message);
        }
    }
    result
}

fn entries(
    ctx: &RequestContext,
    image: &MetadataImage,
    asked: &DescribeConfigsResource,
) -> Result<Vec<ConfigEntry>, ApiError> {
    if asked.resource_type == resource_type::BROKER_LOGGER {
        // Log levels are set with RUST_LOG at start; there is nothing to describe or to change.
        return Ok(Vec::new());
    }
    let resource = config_resources::parse(ctx, asked.resource_type, &asked.resource_name)?;
    if let ConfigResource::Topic(name) = &resource {
        barnabas_metadata::validate_topic_name(name)?;
        if image.topic(name).is_none() {
            return Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, format!("topic '{name}' does not exist")));
        }
    }
    Ok(ctx.broker.configs.describe(image, &resource))
}

fn render(entry: ConfigEntry, wants: Wants) -> DescribeConfigsResourceResult {
    let synonyms = entry.synonyms.into_iter().map(|synonym| DescribeConfigsSynonym {
        name: synonym.name,
        value: synonym.value,
        source: synonym.source.code(),
    });
    DescribeConfigsResourceResult {
        name: entry.name,
        value: entry.value,
        read_only: entry.read_only,
        config_source: entry.source.code(),
        is_sensitive: entry.sensitive,
        synonyms: if wants.synonyms { synonyms.collect() } else { Vec::new() },
        config_type: entry.config_type,
        documentation: entry.documentation.filter(|_| wants.documentation).map(str::to_owned),
    }
}

/// Version 0 lists client metrics subscriptions only (KIP-1000), version 1 what is asked for, by default all that
/// can have dynamic configuration (KIP-1142).
pub(crate) fn list_resources(ctx: &RequestContext, request: ListConfigResourcesRequest) -> Result<Answer, Refused> {
    let types = match ctx.version {
        0 => vec![resource_type::CLIENT_METRICS],
        _ if request.resource_types.is_empty() => resource_type::ALL.to_vec(),
        _ => request.resource_types,
    };
    if types.iter().any(|wanted| !resource_type::ALL.contains(wanted)) {
        let error_code = ErrorCode::UnsupportedVersion.code();
        return Ok(ctx.ready(&ListConfigResourcesResponse { error_code, ..Default::default() }));
    }
    let image = ctx.broker.image();
    let listed =
        types.into_iter().flat_map(|wanted| names_of(&image, wanted).into_iter().map(move |name| (name, wanted)));
    let config_resources =
        listed.map(|(resource_name, resource_type)| ListedResource { resource_name, resource_type }).collect();
    Ok(ctx.ready(&ListConfigResourcesResponse { config_resources, ..Default::default() }))
}

fn names_of(image: &MetadataImage, wanted: i8) -> Vec<String> {
    let configured = image.configs().filter_map(|(resource, _)| match resource {
        ConfigResource::Group(name) if wanted == resource_type::GROUP => Some(name.clone()),
        ConfigResource::ClientMetrics(name) if wanted == resource_type::CLIENT_METRICS => Some(name.clone()),
        _ => None,
    });
    match wanted {
        resource_type::TOPIC => image.topics().map(|topic| topic.name.to_string()).collect(),
        resource_type::BROKER | resource_type::BROKER_LOGGER => {
            image.brokers().map(|broker| broker.node_id.to_string()).collect()
        }
        _ => configured.collect(),
    }
}
