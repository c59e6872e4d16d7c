//! `--delete` and `--delete-offsets`: groups, or what they committed for some topics.

use std::collections::BTreeMap;

use barnabas_common::ErrorCode;
use serde_json::json;

use super::options::Options;
use super::{chosen_groups, scope};
use crate::client::groups::TopicPartition;
use crate::client::{Client, ClientError};
use crate::groups::{Stop, Thrown, columns, print_error, widest};
use crate::{Context, output};

/// `--delete`.
pub(super) fn groups(context: &mut Context<'_>, options: &Options, client: &mut Client) -> Result<(), Stop> {
    let ids = chosen_groups(options, client)?;
    let results = if ids.is_empty() { BTreeMap::new() } else { client.delete_groups(&ids).map_err(Thrown::wrapped)? };
    for _ in results.values().filter(|result| result.is_err()) {
        context.note_reported_error();
    }
    if context.is_json() {
        let row = |(group, result): (&String, &Result<(), ClientError>)| match result {
            Ok(()) => json!({ "group": group, "result": "deleted" }),
            Err(error) => json!({ "group": group, "error": output::json_error(error.code_name(), &error.to_string()) }),
        };
        let rows: Vec<_> = results.iter().map(row).collect();
        return Ok(context.out(output::json(&json!({ "groups": rows })))?);
    }
    group_lines(&results).iter().try_for_each(|line| context.out(line)).map_err(Stop::from)
}

fn group_lines(results: &BTreeMap<String, Result<(), ClientError>>) -> Vec<String> {
    let deleted = results.iter().filter(|(_, result)| result.is_ok()).map(|(group, _)| format!("'{group}'"));
    let deleted = deleted.collect::<Vec<_>>().join(", ");
    if results.values().all(Result::is_ok) {
        return vec![format!("Deletion of requested consumer groups ({deleted}) was successful.")];
    }
    let mut lines = vec![String::new(), "Error: Deletion of some consumer groups failed:".to_owned()];
    for (group, result) in results {
        if let Err(error) = result {
            lines.push(format!("* Group '{group}' could not be deleted due to: {}", error.as_exception()));
        }
    }
    if !deleted.is_empty() {
        lines.extend([String::new(), format!("These consumer groups were deleted successfully: {deleted}")]);
    }
    lines
}

/// Each partition with why its offset was not deleted; partition -1 stands for an unknown topic.
type OffsetResults = BTreeMap<TopicPartition, Option<ClientError>>;

/// `--delete-offsets`.
pub(super) fn offsets(context: &mut Context<'_>, options: &Options, client: &mut Client) -> Result<(), Stop> {
    let [group] = &options.group[..] else {
        let message = "Found multiple arguments for option group, but you asked for only one".to_owned();
        return Err(Thrown::plain("joptsimple.MultipleArgumentsForOptionException", message).into());
    };
    let (mut partitions, topics) = scope::parse(&options.topic)?;
    let mut results = OffsetResults::new();
    for topic in topics {
        match client.leaders_of(std::slice::from_ref(&topic)) {
            Ok(leaders) => partitions.extend(leaders.into_keys()),
            Err(error) => drop(results.insert((topic, -1), Some(error))),
        }
    }
    let partitions: Vec<TopicPartition> = partitions.into_iter().collect();
    let of_all = match client.delete_offsets(group, &partitions) {
        Ok(of_each) => {
            results.extend(of_each.into_iter().map(|(partition, result)| (partition, result.err())));
            None
        }
        Err(error) => Some(error),
    };
    print_offsets(context, group, &partitions, results, of_all)
}

fn print_offsets(
    context: &mut Context<'_>,
    group: &str,
    partitions: &[TopicPartition],
    mut results: OffsetResults,
    of_all: Option<ClientError>,
) -> Result<(), Stop> {
    let of_request = of_all.as_ref().and_then(ClientError::code);
    let of_partition = partitions.iter().find_map(|partition| results.get(partition)?.as_ref()?.code());
    if let Some(error) = of_all {
        let code = error.code().unwrap_or(ErrorCode::UnknownServerError);
        let text = error.to_string();
        let again = |partition: &TopicPartition| {
            (partition.clone(), Some(ClientError::Api { code, message: Some(text.clone()) }))
        };
        results.extend(partitions.iter().map(again));
    }
    if context.is_json() {
        return print_json(context, group, &results);
    }
    match of_request.or(of_partition) {
        None => context.out(format!("Request succeeded for deleting offsets from group {group}."))?,
        Some(code) => print_error(context, &summary(code))?,
    }
    if results.values().any(Option::is_some) {
        context.note_reported_error();
    }
    offset_lines(&results).iter().try_for_each(|line| context.out(line)).map_err(Stop::from)
}

fn summary(code: ErrorCode) -> String {
    match code {
        ErrorCode::InvalidGroupId
        | ErrorCode::GroupIdNotFound
        | ErrorCode::GroupAuthorizationFailed
        | ErrorCode::NonEmptyGroup => crate::client::default_message(code).to_owned(),
        ErrorCode::GroupSubscribedToTopic
        | ErrorCode::TopicAuthorizationFailed
        | ErrorCode::UnknownTopicOrPartition => {
            "Encountered some partition-level error, see the follow-up details.".to_owned()
        }
        other => format!("Encountered some unknown error: {}", other.name()),
    }
}

fn offset_lines(results: &OffsetResults) -> Vec<String> {
    let widths = [widest(15, results.keys().map(|(topic, _)| topic.as_str())), 10, 15];
    let mut lines = vec![String::new(), columns(&["TOPIC", "PARTITION", "STATUS"], &widths)];
    for ((topic, partition), error) in results {
        let partition = if *partition >= 0 { partition.to_string() } else { "-".to_owned() };
        let status = error.as_ref().map_or("Successful".to_owned(), |error| format!("Error: {}", error.as_exception()));
        lines.push(columns(&[topic.clone(), partition, status], &widths));
    }
    lines
}

fn print_json(context: &mut Context<'_>, group: &str, results: &OffsetResults) -> Result<(), Stop> {
    let mut rows = Vec::new();
    for ((topic, partition), error) in results {
        let partition = (*partition >= 0).then_some(*partition);
        let mut row = json!({ "group": group, "topic": topic, "partition": partition });
        match error {
            None => row["result"] = "deleted".into(),
            Some(error) => {
                context.note_reported_error();
                row["error"] = output::json_error(error.code_name(), &error.to_string());
            }
        }
        rows.push(row);
    }
    Ok(context.out(output::json(&json!({ "offsets": rows })))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_and_what_was_not() {
        let mut results = BTreeMap::from([("a".to_owned(), Ok(()))]);
        assert_eq!(group_lines(&results), ["Deletion of requested consumer groups ('a') was successful."]);
        results.insert("b".to_owned(), Err(ClientError::api(68, None)));
        let lines = group_lines(&results);
        assert_eq!(
            lines[2],
            "* Group 'b' could not be deleted due to: org.apache.kafka.common.errors.GroupNotEmptyException: The group is not empty."
        );
        assert_eq!(lines[4], "These consumer groups were deleted successfully: 'a'");
    }

    #[test]
    fn an_unknown_topic_has_no_partition() {
        let results =
            OffsetResults::from([(("t".to_owned(), -1), Some(ClientError::api(3, None))), (("u".to_owned(), 0), None)]);
        let lines = offset_lines(&results);
        assert_eq!(lines[1], "TOPIC           PARTITION  STATUS         ");
        assert!(lines[2].starts_with("t               -          Error: org.apache.kafka"));
        assert_eq!(lines[3], "u               0          Successful     ");
    }
}
