//! `--describe --members`: a row per member, with assignments if asked for more.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::groups::{GroupDescription, MemberDescription, TopicPartition};
use crate::groups::{columns, or_dash, widest};

/// The table, after an empty line.
pub(super) fn lines(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let members = &group.members;
    let upgraded = |wanted| members.iter().any(|member| member.upgraded == Some(wanted));
    let table = Table {
        with_instance: members.iter().any(|member| !instance(member).is_empty()),
        with_upgrade: upgraded(true) && upgraded(false),
        verbose,
    };
    let header = [
        "GROUP",
        "CONSUMER-ID",
        "GROUP-INSTANCE-ID",
        "HOST",
        "CLIENT-ID",
        "#PARTITIONS",
        "CURRENT-EPOCH",
        "CURRENT-ASSIGNMENT",
        "TARGET-EPOCH",
        "TARGET-ASSIGNMENT",
        "UPGRADED",
    ];
    let rows: Vec<Vec<String>> = members.iter().map(|member| cells(group, member)).collect();
    let least = [15, 15, 17, 15, 15, 15, 15, 20, 15, 20, 0];
    let grows = [true, true, true, true, true, false, false, true, false, true, false];
    let width = |column: usize| match grows[column] {
        true => widest(least[column], rows.iter().map(|row| row[column].as_str())),
        false => least[column],
    };
    let widths: Vec<usize> = (0..least.len()).map(width).collect();
    let header = header.map(str::to_owned).to_vec();
    let lines = std::iter::once(header).chain(rows).map(|cells| table.line(&cells, &widths));
    std::iter::once(String::new()).chain(lines).collect()
}

/// Which columns there are.
struct Table {
    with_instance: bool,
    with_upgrade: bool,
    verbose: bool,
}

impl Table {
    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let shown = |column: &usize| match column {
            2 => self.with_instance,
            6..=9 => self.verbose,
            10 => self.verbose && self.with_upgrade,
            _ => true,
        };
        let kept: Vec<usize> = (0..cells.len()).filter(shown).collect();
        let cells: Vec<&str> = kept.iter().map(|column| cells[*column].as_str()).collect();
        let widths: Vec<usize> = kept.iter().map(|column| widths[*column]).collect();
        let end = if self.verbose { "" } else { " " };
        columns(&cells, &widths) + end
    }
}

fn instance(member: &MemberDescription) -> &str {
    member.instance_id.as_deref().unwrap_or_default()
}

fn cells(group: &GroupDescription, member: &MemberDescription) -> Vec<String> {
    vec![
        group.id.clone(),
        member.id.clone(),
        instance(member).to_owned(),
        member.host.clone(),
        member.client_id.clone(),
        member.assignment.len().to_string(),
        or_dash(member.epoch.as_ref()),
        assignment(&member.assignment),
        or_dash(group.assignment_epoch.as_ref()),
        assignment(&member.target),
        or_dash(member.upgraded.as_ref()),
    ]
}

/// `a:0,1;b:2`, or a dash.
pub(crate) fn assignment(partitions: &[TopicPartition]) -> String {
    if partitions.is_empty() {
        return "-".to_owned();
    }
    let topic = |(topic, partitions): (&str, Vec<i32>)| {
        let numbers: Vec<String> = partitions.iter().map(i32::to_string).collect();
        format!("{topic}:{}", numbers.join(","))
    };
    by_topic(partitions).into_iter().map(topic).collect::<Vec<_>>().join(";")
}

fn by_topic(partitions: &[TopicPartition]) -> BTreeMap<&str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in partitions {
        topics.entry(topic).or_default().push(*partition);
    }
    topics
}

/// The members for `--output json`.
pub(crate) fn document(group: &GroupDescription) -> Value {
    let partitions = |all: &[TopicPartition]| -> Value {
        let topics = by_topic(all).into_iter();
        topics.map(|(topic, partitions)| json!({ "topic": topic, "partitions": partitions })).collect()
    };
    let object = |member: &MemberDescription| {
        let is_classic = member.epoch.is_none();
        json!({
            "consumerId": member.id, "groupInstanceId": member.instance_id, "host": member.host,
            "clientId": member.client_id, "currentEpoch": member.epoch, "currentAssignment": partitions(&member.assignment),
            "targetAssignment": if is_classic { Value::Null } else { partitions(&member.target) },
            "upgraded": member.upgraded,
        })
    };
    let mut members: Vec<&MemberDescription> = group.members.iter().collect();
    members.sort_by(|one, other| one.id.cmp(&other.id));
    members.into_iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(upgraded: &[Option<bool>]) -> GroupDescription {
        let member = |upgraded: &Option<bool>| MemberDescription {
            id: "m".into(),
            client_id: "c".into(),
            host: "/h".into(),
            assignment: vec![("b".into(), 0), ("a".into(), 1), ("a".into(), 2)],
            upgraded: *upgraded,
            ..MemberDescription::default()
        };
        GroupDescription { id: "g".into(), members: upgraded.iter().map(member).collect(), ..Default::default() }
    }

    #[test]
    fn the_plain_table() {
        let lines = lines(&group(&[None]), false);
        assert_eq!(lines[0], "");
        assert_eq!(lines[1], "GROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     ");
        assert_eq!(lines[2], "g               m               /h              c               3               ");
    }

    #[test]
    fn more_columns_when_asked_for_or_needed() {
        let mut group = group(&[Some(true), Some(false)]);
        group.members[0].instance_id = Some("static".into());
        let lines = lines(&group, true);
        let words: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(words[2], "GROUP-INSTANCE-ID");
        assert_eq!(words.last(), Some(&"UPGRADED"));
        let cells: Vec<&str> = lines[2].split_whitespace().collect();
        assert_eq!(cells[2..], ["static", "/h", "c", "3", "-", "a:1,2;b:0", "-", "-", "true"]);
        assert!(!super::lines(&super::tests::group(&[Some(true)]), true)[1].contains("UPGRADED"));
    }
}
