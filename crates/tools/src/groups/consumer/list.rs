//! `--list`: names, or a table with states and types.

use serde_json::{Value, json};

use super::options::Options;
use crate::client::groups::GroupListing;
use crate::client::{Client, ClientError};
use crate::groups::{Stop, Thrown, columns, widest};
use crate::{Context, Failure, output};

const STATES: [&str; 7] =
    ["PreparingRebalance", "Dead", "Assigning", "Stable", "Reconciling", "CompletingRebalance", "Empty"];
const TYPES: [&str; 2] = ["Consumer", "Classic"];

pub(super) fn run(context: &mut Context<'_>, options: &Options, client: &mut Client) -> Result<(), Stop> {
    let states = filter("state", options.state.as_ref(), &STATES)?;
    let types = filter("type", options.kind.as_ref(), &TYPES)?;
    let is_table = options.state.is_some() || options.kind.is_some();
    let failed = if is_table { Thrown::execution } else { Thrown::wrapped };
    let groups = consumer_groups(client, &states, &types).map_err(failed)?;
    if context.is_json() {
        return Ok(context.out(output::json(&document(&groups)))?);
    }
    let lines = if is_table {
        table(&groups, options.kind.is_some(), options.state.is_some())
    } else {
        groups.into_iter().map(|group| group.id).collect()
    };
    lines.iter().try_for_each(|line| context.out(line)).map_err(Stop::from)
}

/// Groups whose members are consumers, and those that only hold offsets.
pub(super) fn consumer_groups(
    client: &mut Client,
    states: &[String],
    types: &[String],
) -> Result<Vec<GroupListing>, ClientError> {
    let mut groups = client.list_groups(states, types)?;
    groups.retain(|group| {
        matches!(group.protocol.as_str(), "" | "consumer") && group.kind != "Share" && group.kind != "Streams"
    });
    Ok(groups)
}

/// The values of `--state` or `--type` as the broker spells them.
pub(crate) fn filter(what: &str, given: Option<&Option<String>>, valid: &[&str]) -> Result<Vec<String>, Failure> {
    let Some(text) = given.and_then(Option::as_deref).filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    let known =
        |word: &str| valid.iter().find(|one| one.eq_ignore_ascii_case(word.trim())).map(|one| (*one).to_owned());
    let words: Option<Vec<String>> = text.split(',').map(known).collect();
    words.ok_or_else(|| {
        // Kafka's tool says "state list", but "types list".
        let list = if what == "type" { "types" } else { what };
        Failure::Usage(format!("Invalid {list} list '{text}'. Valid {what}s are: {}", valid.join(", ")))
    })
}

fn table(groups: &[GroupListing], with_type: bool, with_state: bool) -> Vec<String> {
    let mut widths = vec![widest(15, groups.iter().map(|group| group.id.as_str())) + 10];
    widths.extend(vec![20; usize::from(with_type) + usize::from(with_state)]);
    let line = |id: &str, kind: &str, state: &str| {
        let mut cells = vec![id.to_owned()];
        cells.extend(with_type.then(|| kind.to_owned()));
        cells.extend(with_state.then(|| state.to_owned()));
        columns(&cells, &widths)
    };
    let known = |word: &str| if word.is_empty() { "Unknown".to_owned() } else { word.to_owned() };
    let rows = groups.iter().map(|group| line(&group.id, &known(&group.kind), &known(&group.state)));
    std::iter::once(line("GROUP", "TYPE", "STATE")).chain(rows).collect()
}

/// Groups for `--output json`.
pub(crate) fn document(groups: &[GroupListing]) -> Value {
    let known = |word: &str| if word.is_empty() { Value::Null } else { word.into() };
    let row = |group: &GroupListing| {
        json!({
            "group": group.id, "type": known(&group.kind), "protocol": group.protocol, "state": known(&group.state),
        })
    };
    json!({ "groups": groups.iter().map(row).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str) -> GroupListing {
        GroupListing { id: id.into(), protocol: "consumer".into(), state: "Empty".into(), kind: "Classic".into() }
    }

    #[test]
    fn tables_have_the_columns_that_were_asked_for() {
        let lines = table(&[group("g")], true, true);
        assert_eq!(lines[0], format!("{:<25} {:<20} {:<20}", "GROUP", "TYPE", "STATE"));
        assert_eq!(lines[1], format!("{:<25} {:<20} {:<20}", "g", "Classic", "Empty"));
        assert_eq!(
            table(&[group("a-group-with-a-long-name")], false, true)[0],
            format!("{:<34} {:<20}", "GROUP", "STATE")
        );
    }

    #[test]
    fn filters_are_checked_and_spelled_like_the_broker_does() {
        assert_eq!(filter("state", Some(&Some("stable, EMPTY".into())), &STATES).unwrap(), ["Stable", "Empty"]);
        assert_eq!(filter("state", Some(&None), &STATES).unwrap(), Vec::<String>::new());
        assert!(filter("type", Some(&Some("share".into())), &TYPES).is_err());
    }
}
