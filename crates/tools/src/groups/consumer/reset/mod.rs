//! `--reset-offsets`: from groups and a scenario to new offsets, which are shown, exported, or set. What the scenarios
//! mean is in `plan.rs`.

mod csv;
mod plan;
mod time;

use std::collections::{BTreeMap, BTreeSet};

use barnabas_common::ErrorCode;
use serde_json::{Value, json};

use self::plan::Scenario;
use super::options::Options;
use super::{chosen_groups, scope};
use crate::client::groups::{GroupDescription, TopicPartition};
use crate::client::{Client, ClientError};
use crate::groups::{Stop, Thrown, columns, print_error, widest};
use crate::{Context, Failure, output};

/// New offsets of the partitions of a group.
type NewOffsets = BTreeMap<TopicPartition, i64>;

/// New offsets by group; a group that was left alone has none.
type Outcome = BTreeMap<String, NewOffsets>;

pub(super) fn run(context: &mut Context<'_>, options: &Options, client: &mut Client) -> Result<(), Stop> {
    let ids = chosen_groups(options, client)?;
    let described =
        if ids.is_empty() { Vec::new() } else { client.describe_consumer_groups(&ids).map_err(Thrown::wrapped)? };
    let mut outcome = Outcome::new();
    let mut refused = Vec::new();
    for (id, group) in described {
        let offsets = match why_not(&id, group)? {
            None => reset_group(context, options, client, &id)?,
            Some(reason) => {
                if context.is_json() {
                    context.note_reported_error();
                    refused.push(json!({ "group": id, "error": output::json_error("NON_EMPTY_GROUP", &reason) }));
                } else {
                    print_error(context, &reason)?;
                }
                NewOffsets::new()
            }
        };
        outcome.insert(id, offsets);
    }
    if context.is_json() {
        let result = if options.execute { "altered" } else { "unchanged" };
        return Ok(context.out(output::json(&document(&outcome, refused, result)))?);
    }
    let lines = if options.export { csv::export(&outcome, options.group.len() == 1) } else { table(&outcome) };
    lines.iter().try_for_each(|line| context.out(line)).map_err(Stop::from)
}

/// Offsets of a group with members are theirs.
fn why_not(id: &str, group: Result<GroupDescription, ClientError>) -> Result<Option<String>, Stop> {
    match group {
        Ok(group) if matches!(group.state.as_str(), "Empty" | "Dead") => Ok(None),
        Ok(group) => Ok(Some(format!(
            "Assignments can only be reset if the group '{id}' is inactive, but the current state is {}.",
            group.state
        ))),
        // A group that does not exist gets its first offsets.
        Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => Ok(None),
        Err(error) => Err(Thrown::wrapped(error).into()),
    }
}

fn reset_group(
    context: &mut Context<'_>,
    options: &Options,
    client: &mut Client,
    group: &str,
) -> Result<NewOffsets, Stop> {
    let partitions = partitions_to_reset(options, client, group)?;
    check_existence(client, &partitions)?;
    let scenario = Scenario::of(options)?;
    let offsets = plan::new_offsets(context, client, group, &partitions, &scenario)?;
    if options.execute && !offsets.is_empty() {
        let results = client.commit_offsets(group, &offsets).map_err(Thrown::direct)?;
        failed_partitions(results)?;
    }
    Ok(offsets)
}

fn partitions_to_reset(options: &Options, client: &mut Client, group: &str) -> Result<BTreeSet<TopicPartition>, Stop> {
    if options.all_topics {
        let committed = client.committed_offsets(&[group.to_owned()]).map_err(Thrown::wrapped)?;
        return Ok(committed.into_values().flat_map(BTreeMap::into_keys).collect());
    }
    if options.topic.is_empty() {
        if options.from_file.is_none() {
            let text = "One of the reset scopes should be defined: --all-topics, --topic.";
            return Err(Failure::Usage(text.into()).into());
        }
        return Ok(BTreeSet::new());
    }
    let (mut partitions, topics) = scope::parse(&options.topic)?;
    partitions.extend(client.leaders_of(&topics).map_err(Thrown::direct)?.into_keys());
    Ok(partitions)
}

/// Refuses partitions that do not exist, and those that nobody leads: where their logs start and end is not known.
fn check_existence(client: &mut Client, partitions: &BTreeSet<TopicPartition>) -> Result<(), Stop> {
    let topics: BTreeSet<String> = partitions.iter().map(|(topic, _)| topic.clone()).collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let leaders = client.leaders_of(&topics).map_err(Thrown::wrapped)?;
    let names = |wanted: &dyn Fn(Option<&Option<i32>>) -> bool| {
        let chosen = partitions.iter().filter(|partition| wanted(leaders.get(partition)));
        chosen.map(|(topic, partition)| format!("{topic}-{partition}")).collect::<Vec<_>>().join(",")
    };
    let missing = names(&|leader| leader.is_none());
    if !missing.is_empty() {
        return Err(refused(ErrorCode::UnknownTopicOrPartition, format!("The partitions \"{missing}\" do not exist")));
    }
    let without = names(&|leader| matches!(leader, Some(None)));
    if !without.is_empty() {
        return Err(refused(ErrorCode::LeaderNotAvailable, format!("The partitions \"{without}\" have no leader")));
    }
    Ok(())
}

fn refused(code: ErrorCode, message: String) -> Stop {
    Thrown::direct(ClientError::Api { code, message: Some(message) }).into()
}

fn failed_partitions(results: BTreeMap<TopicPartition, Result<(), ClientError>>) -> Result<(), Stop> {
    let failed = results.into_iter().filter_map(|(partition, result)| Some((partition, result.err()?)));
    let failed: Vec<(TopicPartition, ClientError)> = failed.collect();
    let Some(code) = failed.first().and_then(|(_, error)| error.code()) else { return Ok(()) };
    let names: Vec<String> = failed.iter().map(|((topic, partition), _)| format!("{topic}-{partition}")).collect();
    Err(refused(code, format!("Failed altering group offsets for the following partitions: [{}]", names.join(", "))))
}

/// The table, after an empty line; an empty line alone if there was no group.
fn table(outcome: &Outcome) -> Vec<String> {
    let topics = outcome.values().flat_map(BTreeMap::keys).map(|(topic, _)| topic.as_str());
    let widths = [widest(15, outcome.keys().map(String::as_str)), widest(15, topics), 10, 0];
    let mut lines = vec![String::new()];
    if !outcome.is_empty() {
        lines.push(columns(&["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], &widths));
    }
    for (group, offsets) in outcome {
        for ((topic, partition), offset) in offsets {
            lines.push(columns(&[group.clone(), topic.clone(), partition.to_string(), offset.to_string()], &widths));
        }
    }
    lines
}

fn document(outcome: &Outcome, refused: Vec<Value>, result: &str) -> Value {
    let mut rows = refused;
    for (group, offsets) in outcome {
        for ((topic, partition), offset) in offsets {
            rows.push(json!({
                "group": group, "topic": topic, "partition": partition, "newOffset": offset, "result": result,
            }));
        }
    }
    json!({ "offsets": rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_header_for_groups_without_offsets_too() {
        let mut outcome = Outcome::new();
        assert_eq!(table(&outcome), [""]);
        outcome.insert("g".into(), NewOffsets::new());
        assert_eq!(table(&outcome), ["", "GROUP           TOPIC           PARTITION  NEW-OFFSET"]);
        outcome.insert("g".into(), NewOffsets::from([(("t".into(), 1), 7)]));
        assert_eq!(table(&outcome)[2], "g               t               1          7");
        assert_eq!(document(&outcome, Vec::new(), "altered")["offsets"][0]["newOffset"], 7);
    }

    #[test]
    fn only_groups_without_members_are_reset() {
        let group = |state: &str| Ok(GroupDescription { state: state.into(), ..GroupDescription::default() });
        assert!(why_not("g", group("Empty")).unwrap().is_none());
        assert!(why_not("g", group("Stable")).unwrap().unwrap().contains("the current state is Stable."));
        assert!(why_not("g", Err(ClientError::api(69, None))).unwrap().is_none());
        assert!(why_not("g", Err(ClientError::api(30, None))).is_err());
    }
}
