//! `kafka-client-metrics`: which metrics clients are asked to send (KIP-714).

use barnabas_common::Uuid;
use barnabas_protocol::messages::describe_configs_request::DescribeConfigsResource;
use barnabas_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use barnabas_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::{self, ClusterArgs};
use crate::client::{Client, ClientError};
use crate::{Context, Failure, Tool, output};

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-client-metrics",
    about: "Show and change which metrics clients send.",
    run,
    help: || cli::help::<Options>("kafka-client-metrics"),
};

const DESCRIPTION: &str = "This tool helps to manipulate and describe client metrics configurations.";
const CLIENT_METRICS: i8 = 16;
const SET: i8 = 0;
const DELETE: i8 = 1;

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Change a resource.
    #[arg(long)]
    alter: bool,
    /// Delete a resource.
    #[arg(long)]
    delete: bool,
    /// Show one or all resources.
    #[arg(long)]
    describe: bool,
    /// List the names of resources.
    #[arg(long)]
    list: bool,
    /// The name of the resource.
    #[arg(long)]
    name: Option<String>,
    /// Make up a name.
    #[arg(long)]
    generate_name: bool,
    /// How often clients send, in milliseconds; empty for the default.
    #[arg(long)]
    interval: Option<String>,
    /// Which clients: k1=v1,k2=v2.
    #[arg(long = "match")]
    matching: Option<String>,
    /// Beginnings of names of metrics: m1,m2.
    #[arg(long)]
    metrics: Option<String>,
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage(DESCRIPTION.into()));
    }
    let options: Options = cli::parse(TOOL.name, arguments)?;
    check(&options)?;
    let mut client = options.cluster.connect()?;
    act(context, &mut client, &options).map_err(|failure| match failure {
        Failure::Cluster { error, .. } => {
            let text = format!("Error while executing client metrics command : {error}");
            Failure::Cluster { error, text, on_stdout: true }
        }
        other => other,
    })
}

fn check(options: &Options) -> Result<(), Failure> {
    if [options.alter, options.delete, options.describe, options.list].iter().filter(|given| **given).count() != 1 {
        let text = "Command must include exactly one action: --alter, --delete, --describe or --list.";
        return Err(Failure::Usage(text.into()));
    }
    let cluster = &options.cluster;
    if !cluster.has_address() {
        return Err(Failure::Message("--bootstrap-server must be specified.".into()));
    }
    let action = if options.delete {
        "delete"
    } else if options.describe {
        "describe"
    } else {
        "list"
    };
    let unfit = [
        ("name", options.list && options.name.is_some()),
        ("generate-name", options.generate_name),
        ("interval", options.interval.is_some()),
        ("match", options.matching.is_some()),
        ("metrics", options.metrics.is_some()),
    ];
    if let Some((name, _)) = unfit.iter().find(|(_, is_given)| *is_given && !options.alter) {
        return Err(Failure::Usage(format!("Option \"[{action}]\" can't be used with option \"[{name}]\"")));
    }
    if options.alter && options.name.is_some() == options.generate_name {
        return Err(Failure::Message("One of --name or --generate-name must be specified with --alter.".into()));
    }
    if options.delete && options.name.is_none() {
        return Err(Failure::Message("A client metrics resource name must be specified with --delete.".into()));
    }
    Ok(())
}

fn act(context: &mut Context<'_>, client: &mut Client, options: &Options) -> Result<(), Failure> {
    if options.list {
        let all = names(client)?;
        if context.is_json() {
            let rows: Vec<Value> = all.iter().map(|name| json!({ "name": name })).collect();
            return Ok(context.out(output::json(&json!({ "clientMetrics": rows })))?);
        }
        return Ok(context.out(all.join("\n"))?);
    }
    if options.describe {
        return describe(context, client, options.name.as_ref());
    }
    let name = options.name.clone().unwrap_or_else(|| Uuid::random().to_string());
    let changes = if options.alter { given(options) } else { removal(client, &name)? };
    let resource =
        AlterConfigsResource { resource_type: CLIENT_METRICS, resource_name: name.clone(), configs: changes };
    let response = client.any(&IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false })?;
    for one in response.responses {
        ClientError::check(one.error_code, one.error_message)?;
    }
    let (done, result) = if options.alter { ("Altered", "altered") } else { ("Deleted", "deleted") };
    if context.is_json() {
        let rows = json!({ "clientMetrics": [{ "name": name, "result": result }] });
        return Ok(context.out(output::json(&rows))?);
    }
    Ok(context.out(format!("{done} client metrics config for {name}."))?)
}

/// What the command line sets; an empty value goes back to the default.
fn given(options: &Options) -> Vec<AlterableConfig> {
    let all = [("interval.ms", &options.interval), ("metrics", &options.metrics), ("match", &options.matching)];
    let change = |(name, value): (&str, &Option<String>)| {
        let value = value.clone()?;
        let config_operation = if value.is_empty() { DELETE } else { SET };
        Some(AlterableConfig { name: name.to_owned(), config_operation, value: Some(value) })
    };
    all.into_iter().filter_map(change).collect()
}

fn removal(client: &mut Client, name: &str) -> Result<Vec<AlterableConfig>, ClientError> {
    let delete = |(name, value)| AlterableConfig { name, config_operation: DELETE, value };
    Ok(configs(client, name)?.into_iter().map(delete).collect())
}

fn names(client: &mut Client) -> Result<Vec<String>, ClientError> {
    let response = client.any(&ListConfigResourcesRequest { resource_types: vec![CLIENT_METRICS] })?;
    ClientError::check(response.error_code, None)?;
    let fitting = response.config_resources.into_iter().filter(|one| one.resource_type == CLIENT_METRICS);
    let mut names: Vec<String> = fitting.map(|one| one.resource_name).collect();
    names.sort();
    Ok(names)
}

/// Keys and values, by key.
fn configs(client: &mut Client, name: &str) -> Result<Vec<(String, Option<String>)>, ClientError> {
    let resource = DescribeConfigsResource {
        resource_type: CLIENT_METRICS,
        resource_name: name.to_owned(),
        configuration_keys: None,
    };
    let response = client.any(&DescribeConfigsRequest { resources: vec![resource], ..Default::default() })?;
    let mut all = Vec::new();
    for result in response.results {
        ClientError::check(result.error_code, result.error_message)?;
        all.extend(result.configs.into_iter().map(|config| (config.name, config.value)));
    }
    all.sort();
    Ok(all)
}

fn describe(context: &mut Context<'_>, client: &mut Client, name: Option<&String>) -> Result<(), Failure> {
    let known = names(client)?;
    let wanted = match name {
        Some(name) if !known.contains(name) && !context.is_json() => {
            let text = format!("The client metric resource {name} doesn't exist and doesn't have dynamic config.");
            return Ok(context.out(text)?);
        }
        Some(name) => known.into_iter().filter(|one| one == name).collect(),
        None => known,
    };
    let mut documents = Vec::new();
    for name in wanted {
        let configs = configs(client, &name)?;
        if context.is_json() {
            let values: Map<String, Value> = configs.into_iter().map(|(key, value)| (key, json!(value))).collect();
            documents.push(json!({ "name": name, "configs": values }));
            continue;
        }
        context.out(format!("Client metrics configs for {name} are:"))?;
        for (key, value) in configs {
            context.out(format!("  {key}={}", value.unwrap_or_else(|| "null".into())))?;
        }
    }
    if context.is_json() {
        context.out(output::json(&json!({ "clientMetrics": documents })))?;
    }
    Ok(())
}
