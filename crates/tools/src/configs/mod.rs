//! `kafka-configs`: shows and changes what is configured for topics, brokers, groups, client metrics, users, clients
//! and addresses. Here: the command line and which way it goes. Whose configuration is in `entities.rs`, what is to be
//! changed in `changes.rs`; then `resources.rs`, `quotas.rs` and `scram.rs` ask the cluster.

mod changes;
mod entities;
mod quotas;
mod resources;
mod scram;

use clap::Args;
use serde_json::json;

use crate::cli::{self, ClusterArgs};
use crate::client::{Client, ClientError};
use crate::{Context, Failure, Tool, output};
use changes::Changes;
use entities::Entities;

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-configs", about: "Show and change configurations of topics, brokers, users …", run, help };

const DESCRIPTION: &str = "This tool helps to manipulate and describe entity config for a topic, client, user, broker, \
                           ip, client-metrics or group";

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The controllers to connect to.
    #[arg(long, value_name = "controller to connect to")]
    bootstrap_controller: Option<String>,
    /// Change the configuration of the entity.
    #[arg(long)]
    alter: bool,
    /// Show the configuration of the entity.
    #[arg(long)]
    describe: bool,
    /// Show all of it, static and default values, too.
    #[arg(long)]
    all: bool,
    /// topics, clients, users, brokers, broker-loggers, ips, client-metrics or groups.
    #[arg(long)]
    entity_type: Vec<String>,
    /// Name of the topic, client, user, broker, address, metrics resource or group.
    #[arg(long)]
    entity_name: Vec<String>,
    /// Defaults of clients, users, brokers or addresses.
    #[arg(long)]
    entity_default: bool,
    /// Settings to add: k1=v1,k2=[v1,v2],k3=v3.
    #[arg(long)]
    add_config: Option<String>,
    /// A properties file with settings to add.
    #[arg(long)]
    add_config_file: Option<String>,
    /// Settings to remove: k1,k2.
    #[arg(long, value_delimiter = ',')]
    delete_config: Vec<String>,
    /// Ask nothing.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    short: ShortForms,
}

/// One option for a type and a name.
#[derive(Args, Default)]
struct ShortForms {
    /// A topic's name.
    #[arg(long)]
    topic: Option<String>,
    /// A client's id.
    #[arg(long)]
    client: Option<String>,
    /// Defaults of all clients.
    #[arg(long)]
    client_defaults: bool,
    /// A user's principal name.
    #[arg(long)]
    user: Option<String>,
    /// Defaults of all users.
    #[arg(long)]
    user_defaults: bool,
    /// A broker's id.
    #[arg(long)]
    broker: Option<String>,
    /// Defaults of all brokers.
    #[arg(long)]
    broker_defaults: bool,
    /// The id of a broker whose log levels are meant.
    #[arg(long)]
    broker_logger: Option<String>,
    /// An IP address.
    #[arg(long)]
    ip: Option<String>,
    /// Defaults of all IP addresses.
    #[arg(long)]
    ip_defaults: bool,
    /// A group's id.
    #[arg(long)]
    group: Option<String>,
    /// The name of a client metrics resource.
    #[arg(long)]
    client_metrics: Option<String>,
}

/// Why the tool gave up, as its `main` tells them apart.
#[derive(Debug)]
enum Trouble {
    /// Words alone.
    Said(Failure),
    /// After a line that repeats the command line.
    Thrown(ClientError),
    /// The same, for what is no error of a client.
    ThrownText(String),
}

impl Trouble {
    /// An argument that makes no sense: Kafka's words on standard error.
    fn argument(text: impl Into<String>) -> Self {
        Self::Said(Failure::Message(text.into()))
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Said(failure)
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Thrown(error)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Said(error.into())
    }
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage(DESCRIPTION.into()));
    }
    let options: Options = cli::parse(TOOL.name, &with_empty_names(arguments))?;
    process(context, &options).map_err(|trouble| {
        let first = format!("Error while executing config command with args '{}'", arguments.join(" "));
        match trouble {
            Trouble::Said(failure) => failure,
            Trouble::ThrownText(text) => Failure::Message(format!("{first}\n{text}")),
            Trouble::Thrown(error) => {
                let text = format!("{first}\njava.util.concurrent.ExecutionException: {}", error.as_exception());
                Failure::Cluster { error, text, on_stdout: false }
            }
        }
    })
}

/// `--entity-default` is a name that is empty: so the order of names and defaults is kept.
fn with_empty_names(arguments: &[String]) -> Vec<String> {
    let replaced = |word: &String| if word == "--entity-default" { "--entity-name=".to_owned() } else { word.clone() };
    arguments.iter().map(replaced).collect()
}

fn process(context: &mut Context<'_>, options: &Options) -> Result<(), Trouble> {
    let entities = entities::checked(options)?;
    let changes = if options.alter { Some(Changes::of(options)?) } else { None };
    if let Some(changes) = &changes {
        entities.check_complete()?;
        quotas::check(&entities, changes)?;
    }
    let mut client = connect(options)?;
    match changes {
        Some(changes) => alter(context, &mut client, &entities, &changes),
        None if entities.are_quotas() => {
            let mut rows = quotas::describe(&mut client, &entities)?;
            rows.extend(scram::describe(&mut client, &entities)?);
            show(context, &rows)
        }
        None => {
            let rows = resources::describe(&mut client, &entities, options.all)?;
            show(context, &rows)
        }
    }
}

fn connect(options: &Options) -> Result<Client, Trouble> {
    let settings = match &options.bootstrap_controller {
        Some(controllers) => cli::settings(controllers, options.cluster.address.command_config.as_deref()),
        None => options.cluster.settings(),
    };
    let settings = settings.map_err(|failure| match failure {
        Failure::Cluster { error, .. } => Trouble::ThrownText(format!(
            "org.apache.kafka.common.KafkaException: Failed to create new KafkaAdminClient\nCaused by: {}",
            error.as_exception()
        )),
        other => Trouble::Said(other),
    })?;
    Ok(Client::connect(settings)?)
}

/// What was found for one entity: lines to print, and the same as JSON.
struct Described {
    lines: Vec<String>,
    json: serde_json::Value,
}

fn show(context: &mut Context<'_>, rows: &[Described]) -> Result<(), Trouble> {
    if context.is_json() {
        let entities: Vec<_> = rows.iter().map(|row| &row.json).collect();
        return Ok(context.out(output::json(&json!({ "entities": entities })))?);
    }
    Ok(rows.iter().flat_map(|row| &row.lines).try_for_each(|line| context.out(line))?)
}

fn alter(
    context: &mut Context<'_>,
    client: &mut Client,
    entities: &Entities,
    changes: &Changes,
) -> Result<(), Trouble> {
    if !entities.are_quotas() {
        resources::alter(client, entities, changes)?;
    } else if changes.have_quotas() || entities.first_type() == entities::IPS {
        quotas::alter(client, entities, changes)?;
    } else {
        scram::alter(client, entities.first_name(), changes)?;
    }
    let (kind, name) = (entities.first_type(), entities.first_name());
    if context.is_json() {
        let changed = json!({ "entityType": kind, "entityName": name, "result": "altered" });
        return Ok(context.out(output::json(&json!({ "entities": [changed] })))?);
    }
    let line = if name.is_empty() {
        format!("Completed updating default config for {kind} in the cluster.")
    } else {
        format!("Completed updating config for {} {name}.", entities::singular(kind))
    };
    Ok(context.out(line)?)
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

#[cfg(test)]
mod tests;
