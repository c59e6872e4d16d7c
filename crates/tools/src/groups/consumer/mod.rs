//! `kafka-consumer-groups`: which action was asked for, and a client for it. Each action has its file.

mod delete;
mod list;
mod members;
mod offsets;
mod options;
mod regex;
mod reset;
mod scope;
mod state;
mod view;

use std::time::Duration;

use self::options::Options;
use super::{Stop, Thrown, told};
use crate::cli::{self, ClusterArgs};
use crate::client::{Client, ClientError};
use crate::{Context, Failure, Tool};

pub(super) use list::{document as listing_document, filter};
pub(super) use members::{assignment, document as members_document};
pub(super) use state::document as state_document;

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-consumer-groups",
    about: "List, describe, delete consumer groups, reset their offsets.",
    run,
    help,
};

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options: Options = cli::parse(TOOL.name, arguments).map_err(as_uncaught)?;
    options.check(context)?;
    let outcome = act(context, &options);
    told(context, "consumer group", outcome)
}

/// This tool of Kafka does not catch what its parser throws.
pub(super) fn as_uncaught(failure: Failure) -> Failure {
    let Failure::Usage(message) = failure else { return failure };
    let class = if message.ends_with("given other options on the command line") {
        "UnavailableOptionException"
    } else if message.ends_with("requires an argument") {
        "OptionMissingRequiredArgumentException"
    } else if message.starts_with("Found multiple arguments") {
        "MultipleArgumentsForOptionException"
    } else {
        "UnrecognizedOptionException"
    };
    Failure::Message(format!("Exception in thread \"main\" joptsimple.{class}: {message}"))
}

fn act(context: &mut Context<'_>, options: &Options) -> Result<(), Stop> {
    if let Some(regex) = &options.validate_regex {
        return regex::run(context, regex);
    }
    let mut client = connect(options)?;
    let action = match options {
        Options { list: true, .. } => list::run,
        Options { describe: true, .. } => view::run,
        Options { delete: true, .. } => delete::groups,
        Options { reset_offsets: true, .. } => reset::run,
        _ => delete::offsets,
    };
    action(context, options, &mut client)
}

fn connect(options: &Options) -> Result<Client, Stop> {
    // Kafka's tool looks at all numbers first, whatever the action is.
    options.to_offset.iter().try_for_each(|text| number(text, "to-offset").map(drop))?;
    options.shift_by.iter().try_for_each(|text| number(text, "shift-by").map(drop))?;
    connect_with(&options.cluster, &options.timeout)
}

/// A client whose calls end after `--timeout`.
pub(super) fn connect_with(cluster: &ClusterArgs, timeout: &str) -> Result<Client, Stop> {
    let refused = |_| Thrown::plain("java.lang.IllegalArgumentException", "negative timeout".into());
    let timeout = u64::try_from(number(timeout, "timeout")?).map_err(refused)?;
    if let Some(path) = cluster.address.command_config.as_deref().filter(|path| std::fs::metadata(path).is_err()) {
        return Err(Thrown::plain("java.nio.file.NoSuchFileException", path.to_owned()).in_runtime_exception().into());
    }
    let mut settings = match cluster.settings() {
        Err(Failure::Cluster { error: error @ ClientError::Config(_), .. }) => {
            return Err(no_admin_client(error).into());
        }
        other => other?,
    };
    settings.api_timeout = Duration::from_millis(timeout);
    Ok(Client::connect(settings).map_err(Thrown::wrapped)?)
}

fn no_admin_client(error: ClientError) -> Thrown {
    let text = "Failed to create new KafkaAdminClient".to_owned();
    Thrown { source: Some(error), ..Thrown::plain("org.apache.kafka.common.KafkaException", text) }
}

/// Numbers are read when they are needed: a wrong one is an exception, not a wrong command line.
fn number(text: &str, option: &str) -> Result<i64, Thrown> {
    text.parse().map_err(|_| {
        let message = format!("Cannot parse argument '{text}' of option {option}");
        Thrown::plain("joptsimple.OptionArgumentConversionException", message)
    })
}

/// The groups that were named, or all.
fn chosen_groups(options: &Options, client: &mut Client) -> Result<Vec<String>, Stop> {
    if !options.all_groups {
        let mut groups = options.group.clone();
        groups.sort();
        groups.dedup();
        return Ok(groups);
    }
    let groups = list::consumer_groups(client, &[], &[]).map_err(Thrown::wrapped)?;
    Ok(groups.into_iter().map(|group| group.id).collect())
}
