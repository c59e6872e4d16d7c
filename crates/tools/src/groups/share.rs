//! `kafka-share-groups`: lists and describes share groups (KIP-932) of brokers that have them.

use serde_json::{Value, json};

use super::kind::{Kind, Options, print};
use super::{Stop, Thrown, columns, consumer, or_dash, print_error, told, widest};
use crate::client::Client;
use crate::client::groups::{GroupDescription, MemberDescription, ShareOffset, ShareOffsets};
use crate::{Context, Failure, Tool, cli, output};

pub(crate) const TOOL: Tool = Tool { name: "kafka-share-groups", about: "List and describe share groups.", run, help };

const KIND: Kind = Kind {
    tool: TOOL.name,
    name: "share group",
    group_type: "Share",
    states: &["Stable", "Dead", "Empty"],
    actions: "--list, --describe, --delete, --reset-offsets, --delete-offsets",
    list_failed: Thrown::direct,
};

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let options = KIND.options(arguments, consumer::as_uncaught)?;
    let outcome = act(context, &options);
    told(context, KIND.name, outcome)
}

fn act(context: &mut Context<'_>, options: &Options) -> Result<(), Stop> {
    let mut client = consumer::connect_with(&options.cluster, &options.timeout)?;
    if options.list {
        return KIND.list(context, options, &mut client);
    }
    let ids = KIND.chosen(options, &mut client)?;
    let described =
        if ids.is_empty() { Vec::new() } else { client.describe_share_groups(&ids).map_err(Thrown::execution)? };
    let (mut groups, mut rows) = (Vec::new(), Vec::new());
    for (id, group) in described {
        match group {
            Ok(group) => groups.push((group, ShareOffsets::new())),
            // One document can tell of each group; text ends at the first error, as Kafka's does.
            Err(error) if context.is_json() => {
                context.note_reported_error();
                let error = output::json_error(error.code_name(), &error.to_string());
                rows.push(json!({ "group": id, "error": error }));
            }
            Err(error) => return Err(Thrown::execution(error).into()),
        }
    }
    if !options.members && options.state.is_none() {
        add_offsets(&mut client, &mut groups)?;
    }
    if context.is_json() {
        rows.extend(groups.iter().map(|(group, offsets)| document(group, offsets, options)));
        rows.sort_by(|one: &Value, other| one["group"].as_str().cmp(&other["group"].as_str()));
        return Ok(context.out(output::json(&json!({ "groups": rows })))?);
    }
    for (group, offsets) in &groups {
        show(context, options, group, offsets)?;
    }
    Ok(())
}

fn add_offsets(client: &mut Client, groups: &mut [(GroupDescription, ShareOffsets)]) -> Result<(), Stop> {
    if groups.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = groups.iter().map(|(group, _)| group.id.clone()).collect();
    let mut found = client.share_offsets(&ids).map_err(Thrown::direct)?;
    for (group, offsets) in groups {
        *offsets = found.remove(&group.id).unwrap_or_default();
    }
    Ok(())
}

fn show(
    context: &mut Context<'_>,
    options: &Options,
    group: &GroupDescription,
    offsets: &ShareOffsets,
) -> Result<(), Stop> {
    let id = &group.id;
    if !options.members && options.state.is_none() {
        return print(context, &offset_lines(id, offsets, options.verbose));
    }
    match group.state.as_str() {
        "Dead" => print_error(context, &format!("Share group '{id}' does not exist."))?,
        "Empty" => context.err(format!("\nShare group '{id}' has no active members."))?,
        _ => {}
    }
    if options.state.is_some() {
        print(context, &state_lines(group, options.verbose))
    } else if group.state == "Dead" || group.members.is_empty() {
        Ok(())
    } else {
        print(context, &member_lines(group, options.verbose))
    }
}

fn offset_lines(group: &str, offsets: &ShareOffsets, verbose: bool) -> Vec<String> {
    if offsets.is_empty() {
        return vec![String::new(), format!("Share group '{group}' has no offset information.")];
    }
    let topic = widest(15, offsets.keys().map(|(topic, _)| topic.as_str()));
    let all = [widest(15, std::iter::once(group)), topic, 10, 13, 13, 0];
    let line = |cells: [String; 6]| {
        // The leader epoch is for the verbose form only.
        let kept = |index: &usize| verbose || *index != 3;
        let cells: Vec<&String> = (0..6).filter(kept).map(|index| &cells[index]).collect();
        let widths: Vec<usize> = (0..6).filter(kept).map(|index| all[index]).collect();
        columns(&cells, &widths)
    };
    let header = ["GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "START-OFFSET", "LAG"].map(str::to_owned);
    let mut lines = vec![String::new(), line(header)];
    for ((topic, partition), offset) in offsets {
        lines.push(line([
            group.to_owned(),
            topic.clone(),
            partition.to_string(),
            or_dash(offset.as_ref().and_then(|offset| offset.leader_epoch.as_ref())),
            or_dash(offset.as_ref().map(|offset| &offset.start)),
            or_dash(offset.as_ref().and_then(|offset| offset.lag.as_ref())),
        ]));
    }
    lines
}

fn state_lines(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let node = &group.coordinator;
    let coordinator = format!("{}:{}  ({})", node.host, node.port, node.id);
    let mut widths =
        vec![widest(15, std::iter::once(group.id.as_str())), widest(25, std::iter::once(coordinator.as_str())), 15];
    let mut header = vec!["GROUP", "COORDINATOR (ID)", "STATE"];
    let mut row = vec![group.id.clone(), coordinator.clone(), group.state.clone()];
    if verbose {
        widths.extend([12, 17]);
        header.extend(["GROUP-EPOCH", "ASSIGNMENT-EPOCH"]);
        row.extend([or_dash(group.group_epoch.as_ref()), or_dash(group.assignment_epoch.as_ref())]);
    }
    widths.push(0);
    header.push("#MEMBERS");
    row.push(group.members.len().to_string());
    vec![String::new(), columns(&header, &widths), columns(&row, &widths)]
}

fn member_lines(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let texts = |of: fn(&MemberDescription) -> &str| widest(15, group.members.iter().map(of));
    let mut widths = vec![
        widest(15, std::iter::once(group.id.as_str())),
        texts(|member| &member.id),
        texts(|member| &member.host),
        texts(|member| &member.client_id),
        12,
    ];
    let mut header = vec!["GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "#PARTITIONS"];
    if verbose {
        widths.push(13);
        header.push("MEMBER-EPOCH");
    }
    widths.push(0);
    header.push("ASSIGNMENT");
    let mut lines = vec![String::new(), columns(&header, &widths)];
    for member in &group.members {
        let assigned = member.assignment.len().to_string();
        let mut row =
            vec![group.id.clone(), member.id.clone(), member.host.clone(), member.client_id.clone(), assigned];
        row.extend(verbose.then(|| or_dash(member.epoch.as_ref())));
        // Nothing is shown for a member without partitions, not even a dash.
        row.push(if member.assignment.is_empty() { String::new() } else { consumer::assignment(&member.assignment) });
        lines.push(columns(&row, &widths));
    }
    lines
}

fn document(group: &GroupDescription, offsets: &ShareOffsets, options: &Options) -> Value {
    let mut document = consumer::state_document(group);
    if options.members {
        document["members"] = consumer::members_document(group);
    } else if options.state.is_none() {
        let row = |((topic, partition), offset): (&(String, i32), &Option<ShareOffset>)| {
            let offset = offset.as_ref();
            json!({
                "topic": topic, "partition": partition, "startOffset": offset.map(|offset| offset.start),
                "leaderEpoch": offset.and_then(|offset| offset.leader_epoch), "lag": offset.and_then(|offset| offset.lag),
            })
        };
        document["offsets"] = offsets.iter().map(row).collect();
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_with_and_without_leader_epoch() {
        let offset = ShareOffset { start: 3, leader_epoch: Some(0), lag: None };
        let offsets = ShareOffsets::from([(("t".into(), 0), Some(offset)), (("t".into(), 1), None)]);
        let lines = offset_lines("g", &offsets, false);
        assert_eq!(lines[1], "GROUP           TOPIC           PARTITION  START-OFFSET  LAG");
        assert_eq!(lines[2], "g               t               0          3             -");
        assert_eq!(
            offset_lines("g", &offsets, true)[3],
            "g               t               1          -             -             -"
        );
        assert_eq!(offset_lines("g", &ShareOffsets::new(), true)[1], "Share group 'g' has no offset information.");
    }

    #[test]
    fn members_and_state() {
        let member = MemberDescription {
            id: "m".into(),
            assignment: vec![("t".into(), 0)],
            epoch: Some(4),
            ..Default::default()
        };
        let group =
            GroupDescription { id: "g".into(), state: "Stable".into(), members: vec![member], ..Default::default() };
        assert!(member_lines(&group, true)[1].ends_with("#PARTITIONS  MEMBER-EPOCH  ASSIGNMENT"));
        assert!(member_lines(&group, false)[2].ends_with("1            t:0"));
        assert!(state_lines(&group, true)[1].ends_with("STATE           GROUP-EPOCH  ASSIGNMENT-EPOCH  #MEMBERS"));
    }
}
