//! `kafka-streams-groups`: lists and describes streams groups (KIP-1071) of brokers that have them.

use std::collections::{BTreeMap, BTreeSet};

use barnabas_protocol::messages::streams_group_describe_response::{Assignment, DescribedGroup, Member, TaskIds};
use serde_json::{Value, json};

use super::kind::{Kind, Options, print};
use super::{Stop, Thrown, columns, consumer, or_dash, print_error, told, widest};
use crate::client::Client;
use crate::client::groups::{StreamsGroup, TopicPartition};
use crate::{Context, Failure, Tool, cli, output};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-streams-groups", about: "List and describe streams groups.", run, help };

const KIND: Kind = Kind {
    tool: TOOL.name,
    name: "streams group",
    group_type: "Streams",
    states: &["Empty", "NotReady", "Stable", "Assigning", "Reconciling", "Dead"],
    actions: "--list, --describe, --delete, --reset-offsets, or --delete-offsets",
    list_failed: Thrown::wrapped,
};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    // Of a wrong option this tool of Kafka prints the message alone.
    let options = KIND.options(arguments, |failure| match failure {
        Failure::Usage(message) => Failure::Message(message),
        other => other,
    })?;
    let outcome = act(context, &options);
    let has_thrown = matches!(outcome, Err(Stop::Thrown(_)));
    told(context, KIND.name, outcome)?;
    // Unlike its siblings it does not exit 0 then.
    if has_thrown { Err(Failure::Exit(1)) } else { Ok(()) }
}

fn act(context: &mut Context<'_>, options: &Options) -> Result<(), Stop> {
    let mut client = consumer::connect_with(&options.cluster, &options.timeout)?;
    if options.list {
        return KIND.list(context, options, &mut client);
    }
    let ids = KIND.chosen(options, &mut client)?;
    let described =
        if ids.is_empty() { Vec::new() } else { client.describe_streams_groups(&ids).map_err(Thrown::execution)? };
    let mut rows = Vec::new();
    for (_, group) in described {
        let group = group.map_err(Thrown::execution)?;
        let shows_offsets = !options.members && options.state.is_none();
        let offsets = if shows_offsets { offsets(&mut client, &group.description)? } else { Vec::new() };
        if context.is_json() {
            rows.push(document(&group, &offsets, options));
        } else {
            show(context, options, &group, &offsets)?;
        }
    }
    if context.is_json() { Ok(context.out(output::json(&json!({ "groups": rows })))?) } else { Ok(()) }
}

/// An input partition of an active task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    topic: String,
    partition: i32,
    current_offset: Option<i64>,
    leader_epoch: Option<i32>,
    log_end_offset: i64,
    lag: i64,
}

fn offsets(client: &mut Client, group: &DescribedGroup) -> Result<Vec<Row>, Stop> {
    let partitions = input_partitions(group);
    let topics: BTreeSet<String> = partitions.iter().map(|(topic, _)| topic.clone()).collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let leaders = client.leaders_of(&topics).map_err(Thrown::execution)?;
    let starts = client.offsets_at(&partitions, &leaders, EARLIEST).map_err(Thrown::execution)?;
    let ends = client.offsets_at(&partitions, &leaders, LATEST).map_err(Thrown::execution)?;
    let id = group.group_id.clone();
    let committed = client.committed_offsets(std::slice::from_ref(&id)).map_err(Thrown::wrapped)?;
    let row = |partition: TopicPartition| {
        let (start, end) = (*starts.get(&partition)?, *ends.get(&partition)?);
        let committed = committed.get(&id).and_then(|all| all.get(&partition)?.as_ref());
        let current_offset = committed.map(|entry| entry.offset);
        Some(Row {
            current_offset,
            leader_epoch: committed.and_then(|entry| entry.leader_epoch),
            log_end_offset: end,
            // Who has not committed has all of the log before it.
            lag: end.saturating_sub(current_offset.unwrap_or(start)),
            topic: partition.0,
            partition: partition.1,
        })
    };
    Ok(partitions.into_iter().filter_map(row).collect())
}

fn input_partitions(group: &DescribedGroup) -> BTreeSet<TopicPartition> {
    let topology = group.topology.as_ref().and_then(|topology| topology.subtopologies.as_ref());
    let mut inputs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for subtopology in topology.into_iter().flatten() {
        let repartitioned = subtopology.repartition_source_topics.iter().map(|topic| topic.name.as_str());
        let topics = subtopology.source_topics.iter().map(String::as_str).chain(repartitioned);
        inputs.entry(&subtopology.subtopology_id).or_default().extend(topics);
    }
    let mut partitions = BTreeSet::new();
    for task in group.members.iter().flat_map(|member| &member.assignment.active_tasks) {
        for topic in inputs.get(task.subtopology_id.as_str()).into_iter().flatten() {
            partitions.extend(task.partitions.iter().map(|partition| ((*topic).to_owned(), *partition)));
        }
    }
    partitions
}

fn show(context: &mut Context<'_>, options: &Options, group: &StreamsGroup, offsets: &[Row]) -> Result<(), Stop> {
    let description = &group.description;
    let id = &description.group_id;
    if options.state.is_some() {
        match description.group_state.as_str() {
            "Dead" => print_error(context, &format!("Streams group '{id}' does not exist."))?,
            "Empty" => print_error(context, &format!("Streams group '{id}' has no active members."))?,
            _ => {}
        }
        return print(context, &state_lines(group, options.verbose));
    }
    // Of a group without members Kafka's tool says nothing at all.
    if description.group_state == "Dead" || description.members.is_empty() {
        Ok(())
    } else if options.members {
        print(context, &member_lines(description, options.verbose))
    } else {
        print(context, &offset_lines(id, offsets, options.verbose))
    }
}

fn state_lines(group: &StreamsGroup, verbose: bool) -> Vec<String> {
    let (description, node) = (&group.description, &group.coordinator);
    let id = description.group_id.as_str();
    let coordinator = format!("{}:{} ({})", node.host, node.port, node.id);
    let mut widths = vec![widest(15, std::iter::once(id)), widest(25, std::iter::once(coordinator.as_str())), 25];
    let mut header = vec!["GROUP", "COORDINATOR (ID)", "STATE"];
    let mut row = vec![id.to_owned(), coordinator.clone(), description.group_state.clone()];
    if verbose {
        widths.extend([15, 25]);
        header.extend(["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"]);
        row.extend([description.group_epoch.to_string(), description.assignment_epoch.to_string()]);
    }
    widths.push(0);
    header.push("#MEMBERS");
    row.push(description.members.len().to_string());
    vec![columns(&header, &widths), columns(&row, &widths)]
}

fn member_lines(group: &DescribedGroup, verbose: bool) -> Vec<String> {
    let texts = |of: fn(&Member) -> &str| widest(15, group.members.iter().map(of));
    let id = widest(15, std::iter::once(group.group_id.as_str()));
    let member = texts(|member| &member.member_id);
    let (process, client) = (texts(|member| &member.process_id), texts(|member| &member.client_id));
    let plain = |cells: [&str; 5]| columns(&cells, &[id, member, process, client, 0]);
    // Kafka's verbose form has no blank before the member.
    let wide = |left: [&str; 3], right: [&str; 6]| {
        columns(&left, &[id, 25, 15]) + &columns(&right, &[member, 15, 15, process, client, 0])
    };
    let mut lines = vec![if verbose {
        wide(
            ["GROUP", "TARGET-ASSIGNMENT-EPOCH", "TOPOLOGY-EPOCH"],
            ["MEMBER", "MEMBER-PROTOCOL", "MEMBER-EPOCH", "PROCESS", "CLIENT-ID", "ASSIGNMENTS"],
        )
    } else {
        plain(["GROUP", "MEMBER", "PROCESS", "CLIENT-ID", "ASSIGNMENTS"])
    }];
    let topology_epoch = group.topology.as_ref().map_or(-1, |topology| topology.epoch).to_string();
    for one in &group.members {
        let tasks = tasks(&one.assignment, "");
        lines.push(if verbose {
            let protocol = if one.is_classic { "classic" } else { "streams" };
            let tasks = tasks + &self::tasks(&one.target_assignment, "TARGET-");
            wide(
                [&group.group_id, &group.assignment_epoch.to_string(), &topology_epoch],
                [&one.member_id, protocol, &one.member_epoch.to_string(), &one.process_id, &one.client_id, &tasks],
            )
        } else {
            plain([&group.group_id, &one.member_id, &one.process_id, &one.client_id, &tasks])
        });
    }
    lines
}

/// `ACTIVE: 0:[0,1]; STANDBY: …`; nothing for kinds without tasks.
fn tasks(assignment: &Assignment, prefix: &str) -> String {
    let of_kind = |name: &str, tasks: &[TaskIds]| {
        let task = |task: &TaskIds| {
            let numbers: Vec<String> = task.partitions.iter().map(i32::to_string).collect();
            format!("{}:[{}]; ", task.subtopology_id, numbers.join(","))
        };
        if tasks.is_empty() {
            String::new()
        } else {
            format!("{prefix}{name}: ") + &tasks.iter().map(task).collect::<String>()
        }
    };
    let kinds = [
        ("ACTIVE", &assignment.active_tasks),
        ("STANDBY", &assignment.standby_tasks),
        ("WARMUP", &assignment.warmup_tasks),
    ];
    kinds.into_iter().map(|(name, tasks)| of_kind(name, tasks)).collect()
}

fn offset_lines(group: &str, rows: &[Row], verbose: bool) -> Vec<String> {
    let id = widest(15, std::iter::once(group));
    let topic = widest(15, rows.iter().map(|row| row.topic.as_str()));
    if !verbose {
        let line = |cells: &[String]| columns(cells, &[id, topic, 10, 0]);
        let header = ["GROUP", "TOPIC", "PARTITION", "OFFSET-LAG"].map(str::to_owned);
        let row =
            |row: &Row| line(&[group.to_owned(), row.topic.clone(), row.partition.to_string(), row.lag.to_string()]);
        return std::iter::once(line(&header)).chain(rows.iter().map(row)).collect();
    }
    let line = |cells: &[String]| columns(cells, &[id, topic, 10, 15, 15, 15, 15]);
    let header = ["GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LEADER-EPOCH", "LOG-END-OFFSET", "OFFSET-LAG"];
    let row = |row: &Row| {
        line(&[
            group.to_owned(),
            row.topic.clone(),
            row.partition.to_string(),
            or_dash(row.current_offset.as_ref()),
            or_dash(row.leader_epoch.as_ref()),
            row.log_end_offset.to_string(),
            row.lag.to_string(),
        ])
    };
    std::iter::once(line(&header.map(str::to_owned))).chain(rows.iter().map(row)).collect()
}

fn document(group: &StreamsGroup, offsets: &[Row], options: &Options) -> Value {
    let (description, node) = (&group.description, &group.coordinator);
    let mut document = json!({
        "group": description.group_id, "type": "Streams", "state": description.group_state,
        "coordinator": { "id": node.id, "host": node.host, "port": node.port },
        "groupEpoch": description.group_epoch, "targetAssignmentEpoch": description.assignment_epoch,
        "topologyEpoch": description.topology.as_ref().map(|topology| topology.epoch),
        "memberCount": description.members.len(),
    });
    if options.members {
        document["members"] = description.members.iter().map(member_document).collect();
    } else if options.state.is_none() {
        let row = |row: &Row| {
            json!({
                "topic": row.topic, "partition": row.partition, "currentOffset": row.current_offset,
                "leaderEpoch": row.leader_epoch, "logEndOffset": row.log_end_offset, "lag": row.lag,
            })
        };
        document["offsets"] = offsets.iter().map(row).collect();
    }
    document
}

fn member_document(member: &Member) -> Value {
    let tasks = |tasks: &[TaskIds]| -> Value {
        tasks.iter().map(|task| json!({ "subtopology": task.subtopology_id, "partitions": task.partitions })).collect()
    };
    let assignment = |assignment: &Assignment| {
        json!({
            "active": tasks(&assignment.active_tasks), "standby": tasks(&assignment.standby_tasks),
            "warmup": tasks(&assignment.warmup_tasks),
        })
    };
    json!({
        "member": member.member_id, "groupInstanceId": member.instance_id, "process": member.process_id,
        "clientId": member.client_id, "host": member.client_host, "memberEpoch": member.member_epoch,
        "protocol": if member.is_classic { "classic" } else { "streams" },
        "assignment": assignment(&member.assignment), "targetAssignment": assignment(&member.target_assignment),
    })
}

#[cfg(test)]
mod tests {
    use barnabas_protocol::messages::streams_group_describe_response::{Subtopology, Topology};

    use super::*;

    fn group() -> DescribedGroup {
        let task = TaskIds { subtopology_id: "0".into(), partitions: vec![0, 1] };
        let assignment = Assignment { active_tasks: vec![task], ..Assignment::default() };
        let member = Member {
            member_id: "m".into(),
            process_id: "p".into(),
            client_id: "c".into(),
            assignment,
            ..Default::default()
        };
        let subtopology =
            Subtopology { subtopology_id: "0".into(), source_topics: vec!["in".into()], ..Default::default() };
        let topology = Topology { epoch: 3, subtopologies: Some(vec![subtopology]) };
        DescribedGroup { group_id: "g".into(), members: vec![member], topology: Some(topology), ..Default::default() }
    }

    #[test]
    fn members_with_their_tasks() {
        let lines = member_lines(&group(), false);
        assert_eq!(lines[0], "GROUP           MEMBER          PROCESS         CLIENT-ID       ASSIGNMENTS");
        assert_eq!(lines[1], "g               m               p               c               ACTIVE: 0:[0,1]; ");
        assert!(
            member_lines(&group(), true)[0].contains("TOPOLOGY-EPOCH MEMBER          MEMBER-PROTOCOL MEMBER-EPOCH")
        );
    }

    #[test]
    fn inputs_of_active_tasks_have_offsets() {
        let inputs: Vec<TopicPartition> = input_partitions(&group()).into_iter().collect();
        assert_eq!(inputs, [("in".to_owned(), 0), ("in".to_owned(), 1)]);
        let rows = [Row { topic: "in".into(), lag: 4, log_end_offset: 4, ..Row::default() }];
        assert_eq!(offset_lines("g", &rows, false)[1], "g               in              0          4");
        assert!(
            offset_lines("g", &rows, true)[1]
                .starts_with("g               in              0          -               -")
        );
    }
}
