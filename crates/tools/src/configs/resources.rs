//! Configurations of topics, brokers, log levels, groups and client metrics: DescribeConfigs and
//! IncrementalAlterConfigs.

use std::collections::{BTreeMap, BTreeSet};

use barnabas_protocol::messages::describe_configs_request::DescribeConfigsResource;
use barnabas_protocol::messages::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult};
use barnabas_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use barnabas_protocol::messages::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest, ListGroupsRequest,
};
use serde_json::{Value, json};

use super::changes::Changes;
use super::entities::{BROKER_LOGGERS, BROKERS, CLIENT_METRICS, Entities, GROUPS, TOPICS, singular};
use super::{Described, Trouble};
use crate::client::{Client, ClientError};

const SET: i8 = 0;
const DELETE: i8 = 1;

/// The number of the resource type, and of the source whose values count as set for it.
fn numbers(kind: &str, name: &str) -> (i8, Option<i8>) {
    match kind {
        TOPICS => (2, Some(1)),
        BROKERS if name.is_empty() => (4, Some(3)),
        BROKERS => (4, Some(2)),
        BROKER_LOGGERS => (8, None),
        CLIENT_METRICS => (16, Some(7)),
        _ => (32, Some(8)),
    }
}

fn source_name(source: i8) -> &'static str {
    match source {
        1 => "DYNAMIC_TOPIC_CONFIG",
        2 => "DYNAMIC_BROKER_CONFIG",
        3 => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        4 => "STATIC_BROKER_CONFIG",
        5 => "DEFAULT_CONFIG",
        6 => "DYNAMIC_BROKER_LOGGER_CONFIG",
        7 => "DYNAMIC_CLIENT_METRICS_CONFIG",
        8 => "DYNAMIC_GROUP_CONFIG",
        _ => "UNKNOWN",
    }
}

/// What is set for the entity, or for all of its type.
pub(super) fn describe(client: &mut Client, entities: &Entities, all: bool) -> Result<Vec<Described>, Trouble> {
    let kind = entities.first_type();
    let name = entities.names.first();
    if let (Some(name), false) = (name, all) {
        if kind == TOPICS {
            check_topic_name(name)?;
        }
        if !exists(client, kind, name)? {
            let text = format!("The {} '{name}' doesn't exist and doesn't have dynamic config.", singular(kind));
            let json = json!({ "entityType": kind, "entityName": name, "configs": {} });
            return Ok(vec![Described { lines: vec![text], json }]);
        }
    }
    let names = match name {
        Some(name) => vec![name.clone()],
        None => every(client, kind)?,
    };
    let found = ask(client, kind, &names)?;
    let shown = |(name, configs): (&String, &Vec<DescribeConfigsResourceResult>)| rendered(kind, name, configs, all);
    Ok(names.iter().zip(&found).map(shown).collect())
}

/// The values of each name, in that order. Brokers are asked about themselves, anyone about the rest.
fn ask(
    client: &mut Client,
    kind: &str,
    names: &[String],
) -> Result<Vec<Vec<DescribeConfigsResourceResult>>, ClientError> {
    let resource = |name: &String| DescribeConfigsResource {
        resource_type: numbers(kind, name).0,
        resource_name: name.clone(),
        configuration_keys: None,
    };
    let mut found: BTreeMap<String, Vec<DescribeConfigsResourceResult>> = BTreeMap::new();
    for (broker, names) in by_broker(kind, names) {
        let request = DescribeConfigsRequest {
            resources: names.into_iter().map(resource).collect(),
            include_synonyms: true,
            include_documentation: false,
        };
        let response = match broker {
            Some(id) => client.broker(id, &request)?,
            None => client.any(&request)?,
        };
        for DescribeConfigsResult { error_code, error_message, resource_name, configs, .. } in response.results {
            ClientError::check(error_code, error_message)?;
            found.insert(resource_name, configs);
        }
    }
    Ok(names.iter().map(|name| found.remove(name).unwrap_or_default()).collect())
}

fn by_broker<'a>(kind: &str, names: &'a [String]) -> BTreeMap<Option<i32>, Vec<&'a String>> {
    let mut grouped: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for name in names {
        let id = if matches!(kind, BROKERS | BROKER_LOGGERS) { name.parse().ok() } else { None };
        grouped.entry(id).or_default().push(name);
    }
    grouped
}

fn exists(client: &mut Client, kind: &str, name: &String) -> Result<bool, ClientError> {
    Ok(match kind {
        TOPICS => {
            let topics = client.topics(Some(std::slice::from_ref(name)))?;
            topics.iter().any(|topic| topic.error_code == 0)
        }
        BROKERS | BROKER_LOGGERS => {
            name.is_empty() || client.brokers().any(|broker| broker.node_id.to_string() == *name)
        }
        CLIENT_METRICS => configured(client, kind)?.contains(name),
        _ => groups(client)?.contains(name),
    })
}

fn every(client: &mut Client, kind: &str) -> Result<Vec<String>, ClientError> {
    Ok(match kind {
        TOPICS => {
            let mut names: Vec<String> = client.topics(None)?.into_iter().filter_map(|topic| topic.name).collect();
            names.sort();
            names
        }
        BROKERS | BROKER_LOGGERS => {
            let ids = client.brokers().map(|broker| broker.node_id.to_string());
            ids.chain([String::new()]).collect()
        }
        CLIENT_METRICS => configured(client, kind)?.into_iter().collect(),
        _ => groups(client)?.into_iter().collect(),
    })
}

/// Names for which something is configured.
fn configured(client: &mut Client, kind: &str) -> Result<BTreeSet<String>, ClientError> {
    let wanted = numbers(kind, "").0;
    let response = client.any(&ListConfigResourcesRequest { resource_types: vec![wanted] })?;
    ClientError::check(response.error_code, None)?;
    let fitting = response.config_resources.into_iter().filter(|resource| resource.resource_type == wanted);
    Ok(fitting.map(|resource| resource.resource_name).collect())
}

/// Groups that have members or offsets, and those that have settings.
fn groups(client: &mut Client) -> Result<BTreeSet<String>, ClientError> {
    let mut names = configured(client, GROUPS)?;
    let brokers: Vec<i32> = client.brokers().map(|broker| broker.node_id).collect();
    for id in brokers {
        let response = client.broker(id, &ListGroupsRequest::default())?;
        ClientError::check(response.error_code, None)?;
        names.extend(response.groups.into_iter().map(|group| group.group_id));
    }
    Ok(names)
}

fn rendered(kind: &str, name: &str, configs: &[DescribeConfigsResourceResult], all: bool) -> Described {
    let wanted = if all { None } else { numbers(kind, name).1 };
    let mut configs: Vec<_> =
        configs.iter().filter(|config| wanted.is_none_or(|source| source == config.config_source)).collect();
    configs.sort_by(|a, b| a.name.cmp(&b.name));
    let title = if name.is_empty() {
        format!("Default configs for {kind} in the cluster are:")
    } else {
        format!("{} configs for {} {name} are:", if all { "All" } else { "Dynamic" }, singular(kind))
    };
    let values: serde_json::Map<String, Value> =
        configs.iter().map(|config| (config.name.clone(), json!(config.value))).collect();
    let lines = std::iter::once(title).chain(configs.into_iter().map(line)).collect();
    Described { lines, json: json!({ "entityType": kind, "entityName": name, "configs": values }) }
}

fn line(config: &DescribeConfigsResourceResult) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".into());
    let synonyms = config.synonyms.iter();
    let synonyms = synonyms.map(|one| format!("{}:{}={}", source_name(one.source), one.name, text(&one.value)));
    let synonyms = synonyms.collect::<Vec<_>>().join(", ");
    let DescribeConfigsResourceResult { name, value, is_sensitive, .. } = config;
    format!("  {name}={} sensitive={is_sensitive} synonyms={{{synonyms}}}", text(value))
}

/// Changes one resource.
pub(super) fn alter(client: &mut Client, entities: &Entities, changes: &Changes) -> Result<(), Trouble> {
    let (kind, name) = (entities.first_type(), entities.first_name());
    if kind == BROKER_LOGGERS {
        check_loggers(client, name, changes)?;
    }
    let set = changes.added.iter().map(|(name, value)| AlterableConfig {
        name: name.clone(),
        config_operation: SET,
        value: Some(value.clone()),
    });
    let delete = changes.deleted.iter().map(|name| AlterableConfig {
        name: name.clone(),
        config_operation: DELETE,
        value: Some(String::new()),
    });
    let resource = AlterConfigsResource {
        resource_type: numbers(kind, name).0,
        resource_name: name.to_owned(),
        configs: set.chain(delete).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let broker = if matches!(kind, BROKERS | BROKER_LOGGERS) { name.parse().ok() } else { None };
    let response = match broker {
        Some(id) => client.broker(id, &request)?,
        None => client.any(&request)?,
    };
    for one in response.responses {
        ClientError::check(one.error_code, one.error_message)?;
    }
    Ok(())
}

fn check_loggers(client: &mut Client, name: &str, changes: &Changes) -> Result<(), Trouble> {
    let known = ask(client, BROKER_LOGGERS, &[name.to_owned()])?;
    let is_known = |key: &String| known.iter().flatten().any(|config| config.name == *key);
    let deleted = changes.deleted.iter().chain(changes.added.iter().map(|(key, _)| key));
    let wrong: Vec<&str> = deleted.filter(|key| !is_known(key)).map(String::as_str).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Trouble::argument(format!("Invalid broker logger(s): {}", wrong.join(","))))
}

/// Kafka's rules for names of topics, before anyone is asked.
fn check_topic_name(name: &str) -> Result<(), Trouble> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." | ".." => "'.' or '..' is not allowed".to_owned(),
        long if long.len() > 249 => format!("the length of '{long}' is longer than the max allowed length 249"),
        odd if !odd.chars().all(is_legal) => {
            format!("'{odd}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        }
        _ => return Ok(()),
    };
    Err(Trouble::argument(format!("Topic name is invalid: {reason}")))
}
