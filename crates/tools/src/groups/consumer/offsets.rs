//! `--describe --offsets`: a row per partition with committed offset, log end offset and lag.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::Client;
use crate::client::groups::{CommittedOffsets, GroupDescription, MemberDescription, TopicPartition};
use crate::groups::{Stop, Thrown, columns, or_dash, widest};

const LATEST: i64 = -1;

/// One partition of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    group: String,
    topic: String,
    partition: i32,
    leader_epoch: Option<i32>,
    current_offset: Option<i64>,
    log_end_offset: Option<i64>,
    /// Of the member that reads the partition.
    consumer_id: Option<String>,
    host: Option<String>,
    client_id: Option<String>,
}

impl Row {
    fn lag(&self) -> Option<i64> {
        self.log_end_offset?.checked_sub(self.current_offset?)
    }
}

/// The rows of each group: first partitions with a member, the busiest member first, then the others.
pub(super) fn collect(client: &mut Client, groups: &[GroupDescription]) -> Result<Vec<Vec<Row>>, Stop> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = groups.iter().map(|group| group.id.clone()).collect();
    let mut committed = client.committed_offsets(&ids).map_err(Thrown::wrapped)?;
    let offsets: Vec<CommittedOffsets> = ids.iter().map(|id| committed.remove(id).unwrap_or_default()).collect();
    let mut all: Vec<Vec<Row>> = groups.iter().zip(&offsets).map(|(group, offsets)| rows(group, offsets)).collect();
    let partitions: BTreeSet<TopicPartition> =
        all.iter().flatten().map(|row| (row.topic.clone(), row.partition)).collect();
    let topics: BTreeSet<String> = partitions.iter().map(|(topic, _)| topic.clone()).collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let leaders = client.leaders_of(&topics).map_err(Thrown::wrapped)?;
    let ends = client.offsets_at(&partitions, &leaders, LATEST).map_err(Thrown::wrapped)?;
    for row in all.iter_mut().flatten() {
        row.log_end_offset = ends.get(&(row.topic.clone(), row.partition)).copied();
    }
    Ok(all)
}

fn rows(group: &GroupDescription, committed: &CommittedOffsets) -> Vec<Row> {
    let mut members: Vec<&MemberDescription> = group.members.iter().collect();
    members.sort_by_key(|member| std::cmp::Reverse(member.assignment.len()));
    let mut rows = Vec::new();
    for member in &members {
        for partition in &member.assignment {
            rows.push(Row {
                consumer_id: Some(member.id.clone()),
                host: Some(member.host.clone()),
                client_id: Some(member.client_id.clone()),
                ..row(&group.id, partition, committed)
            });
        }
    }
    let assigned: BTreeSet<&TopicPartition> = members.iter().flat_map(|member| &member.assignment).collect();
    let others = committed.keys().filter(|partition| !assigned.contains(partition));
    rows.extend(others.map(|partition| row(&group.id, partition, committed)));
    rows
}

fn row(group: &str, partition: &TopicPartition, committed: &CommittedOffsets) -> Row {
    let entry = committed.get(partition).and_then(Option::as_ref);
    Row {
        group: group.to_owned(),
        topic: partition.0.clone(),
        partition: partition.1,
        leader_epoch: entry.and_then(|entry| entry.leader_epoch),
        current_offset: entry.map(|entry| entry.offset),
        ..Row::default()
    }
}

/// The table, after an empty line.
pub(super) fn lines(rows: &[Row], verbose: bool) -> Vec<String> {
    let texts = |of: fn(&Row) -> &str| widest(15, rows.iter().map(of));
    let mut widths = vec![texts(|row| &row.group), texts(|row| &row.topic), 10, 15, 15, 15, 15];
    widths.push(texts(|row| row.consumer_id.as_deref().unwrap_or("-")));
    widths.extend([texts(|row| row.host.as_deref().unwrap_or("-")), 0]);
    let header = [
        "GROUP",
        "TOPIC",
        "PARTITION",
        "LEADER-EPOCH",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ];
    let header = header.map(str::to_owned).to_vec();
    let all = std::iter::once(header).chain(rows.iter().map(cells));
    let line = |mut cells: Vec<String>| {
        let mut widths = widths.clone();
        if !verbose {
            // The leader epoch is for the verbose form only.
            cells.remove(3);
            widths.remove(3);
        }
        columns(&cells, &widths)
    };
    std::iter::once(String::new()).chain(all.map(line)).collect()
}

fn cells(row: &Row) -> Vec<String> {
    vec![
        row.group.clone(),
        row.topic.clone(),
        row.partition.to_string(),
        or_dash(row.leader_epoch.as_ref()),
        or_dash(row.current_offset.as_ref()),
        or_dash(row.log_end_offset.as_ref()),
        or_dash(row.lag().as_ref()),
        or_dash(row.consumer_id.as_ref()),
        or_dash(row.host.as_ref()),
        or_dash(row.client_id.as_ref()),
    ]
}

/// The rows for `--output json`, by topic and partition.
pub(super) fn document(rows: &[Row]) -> Value {
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by(|one, other| (&one.topic, one.partition).cmp(&(&other.topic, other.partition)));
    let object = |row: &Row| {
        json!({
            "topic": row.topic, "partition": row.partition, "leaderEpoch": row.leader_epoch,
            "currentOffset": row.current_offset, "logEndOffset": row.log_end_offset, "lag": row.lag(),
            "consumerId": row.consumer_id, "host": row.host, "clientId": row.client_id,
        })
    };
    sorted.into_iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::groups::Committed;

    fn group(members: &[(&str, &[i32])]) -> GroupDescription {
        let member = |(id, partitions): &(&str, &[i32])| MemberDescription {
            id: (*id).into(),
            assignment: partitions.iter().map(|partition| ("t".into(), *partition)).collect(),
            ..MemberDescription::default()
        };
        GroupDescription {
            id: "g".into(),
            members: members.iter().map(member).collect(),
            ..GroupDescription::default()
        }
    }

    fn committed(partitions: &[i32]) -> CommittedOffsets {
        let entry =
            |partition: &i32| (("t".to_owned(), *partition), Some(Committed { offset: 4, leader_epoch: Some(1) }));
        partitions.iter().map(entry).collect()
    }

    #[test]
    fn busy_members_come_first_and_partitions_of_nobody_last() {
        let rows = rows(&group(&[("idle", &[]), ("one", &[3]), ("two", &[0, 1])]), &committed(&[0, 2]));
        let seen: Vec<_> =
            rows.iter().map(|row| (row.partition, row.consumer_id.as_deref(), row.current_offset)).collect();
        assert_eq!(
            seen,
            [(0, Some("two"), Some(4)), (1, Some("two"), None), (3, Some("one"), None), (2, None, Some(4))]
        );
    }

    #[test]
    fn a_table_with_kafkas_widths() {
        let mut rows = rows(&group(&[]), &committed(&[0]));
        rows[0].log_end_offset = Some(10);
        let lines = lines(&rows, false);
        assert_eq!(lines[0], "");
        assert_eq!(
            lines[1],
            "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     \
             HOST            CLIENT-ID"
        );
        assert_eq!(
            lines[2],
            "g               t               0          4               10              6               -               \
             -               -"
        );
        assert!(super::lines(&rows, true)[1].contains("PARTITION  LEADER-EPOCH    CURRENT-OFFSET"));
        assert_eq!(document(&rows)[0]["lag"], 6);
    }
}
