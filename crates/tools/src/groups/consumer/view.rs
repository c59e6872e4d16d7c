//! `--describe`: what is asked for one look at groups. The three views of it are in `offsets.rs`, `members.rs` and
//! `state.rs`.

use serde_json::{Value, json};

use super::options::Options;
use super::{chosen_groups, members, offsets, state};
use crate::client::groups::{GroupDescription, Node};
use crate::client::{Client, ClientError};
use crate::groups::{Stop, Thrown, print_error};
use crate::{Context, output};

/// Which view of a group is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Offsets,
    Members,
    State,
}

pub(super) fn run(context: &mut Context<'_>, options: &Options, client: &mut Client) -> Result<(), Stop> {
    let view = match options {
        Options { members: true, .. } => View::Members,
        Options { state: Some(_), .. } => View::State,
        _ => View::Offsets,
    };
    let ids = chosen_groups(options, client)?;
    let described =
        if ids.is_empty() { Vec::new() } else { client.describe_consumer_groups(&ids).map_err(Thrown::execution)? };
    if context.is_json() {
        return print_json(context, client, view, described);
    }
    let described = described.into_iter().map(|(_, group)| group).collect::<Result<Vec<_>, ClientError>>();
    let groups = described.map_err(Thrown::execution)?;
    if view == View::Offsets {
        for (group, rows) in groups.iter().zip(offsets::collect(client, &groups)?) {
            if may_print(context, group, rows.len())? {
                print(context, &offsets::lines(&rows, options.verbose))?;
            }
        }
        return Ok(());
    }
    for group in &groups {
        let rows = if view == View::Members { group.members.len() } else { 1 };
        let may_print = may_print(context, group, rows)?;
        match view {
            // Kafka's tool shows the header of the members even if it has nothing to show.
            View::Members => print(context, &members::lines(group, options.verbose))?,
            _ if may_print => print(context, &state::lines(group, options.verbose))?,
            _ => {}
        }
    }
    Ok(())
}

fn print(context: &mut Context<'_>, lines: &[String]) -> Result<(), Stop> {
    lines.iter().try_for_each(|line| context.out(line)).map_err(Stop::from)
}

/// Says what is special about the group's state, and whether there is anything to show.
fn may_print(context: &mut Context<'_>, group: &GroupDescription, rows: usize) -> Result<bool, Stop> {
    let id = &group.id;
    match group.state.as_str() {
        "Dead" => print_error(context, &format!("Consumer group '{id}' does not exist."))?,
        "Empty" => context.err(format!("\nConsumer group '{id}' has no active members."))?,
        "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling" => {
            context.err(format!("\nWarning: Consumer group '{id}' is rebalancing."))?;
        }
        "Stable" => {}
        other => {
            let message = format!("Expected a valid consumer group state, but found '{other}'.");
            return Err(Thrown::plain("org.apache.kafka.common.KafkaException", message).into());
        }
    }
    Ok(group.state != "Dead" && rows > 0)
}

fn print_json(
    context: &mut Context<'_>,
    client: &mut Client,
    view: View,
    described: Vec<(String, Result<GroupDescription, ClientError>)>,
) -> Result<(), Stop> {
    let (mut good, mut documents) = (Vec::new(), Vec::new());
    for (id, group) in described {
        match group {
            Ok(group) => good.push(group),
            Err(error) => {
                context.note_reported_error();
                documents
                    .push(json!({ "group": id, "error": output::json_error(error.code_name(), &error.to_string()) }));
            }
        }
    }
    let offsets = if view == View::Offsets { offsets::collect(client, &good)? } else { Vec::new() };
    for (index, group) in good.iter().enumerate() {
        let mut document = state::document(group);
        match view {
            View::Offsets => document["offsets"] = offsets::document(&offsets[index]),
            View::Members => document["members"] = members::document(group),
            View::State => {}
        }
        documents.push(document);
    }
    documents.sort_by(|one, other| one["group"].as_str().cmp(&other["group"].as_str()));
    Ok(context.out(output::json(&json!({ "groups": documents })))?)
}

/// A broker for `--output json`.
pub(super) fn node(node: &Node) -> Value {
    json!({ "id": node.id, "host": node.host, "port": node.port })
}
