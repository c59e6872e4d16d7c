//! `--describe --state`: one row per group.

use serde_json::{Value, json};

use super::view;
use crate::client::groups::GroupDescription;
use crate::groups::{columns, or_dash, widest};

/// The table, after an empty line.
pub(super) fn lines(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let node = &group.coordinator;
    let coordinator = format!("{}:{}  ({})", node.host, node.port, node.id);
    let assignor = if group.assignor.is_empty() { "-" } else { &group.assignor };
    let mut header = vec!["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE"];
    let mut row = vec![group.id.clone(), coordinator.clone(), assignor.to_owned(), group.state.clone()];
    let mut widths =
        vec![widest(15, std::iter::once(group.id.as_str())), widest(25, std::iter::once(coordinator.as_str())), 20, 20];
    if verbose {
        header.extend(["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"]);
        row.extend([or_dash(group.group_epoch.as_ref()), or_dash(group.assignment_epoch.as_ref())]);
        widths.extend([15, 25]);
    }
    header.push("#MEMBERS");
    row.push(group.members.len().to_string());
    widths.push(0);
    vec![String::new(), columns(&header, &widths), columns(&row, &widths)]
}

/// The group for `--output json`.
pub(crate) fn document(group: &GroupDescription) -> Value {
    let assignor = if group.assignor.is_empty() { Value::Null } else { group.assignor.as_str().into() };
    json!({
        "group": group.id, "type": group.kind, "state": group.state, "coordinator": view::node(&group.coordinator),
        "assignmentStrategy": assignor, "groupEpoch": group.group_epoch,
        "targetAssignmentEpoch": group.assignment_epoch, "memberCount": group.members.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::groups::Node;

    #[test]
    fn the_coordinator_stands_with_its_id() {
        let coordinator = Node { id: 1, host: "kafka".into(), port: 9092 };
        let group = GroupDescription { id: "g".into(), state: "Empty".into(), coordinator, ..Default::default() };
        let lines = lines(&group, false);
        assert_eq!(
            lines[1],
            "GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                #MEMBERS"
        );
        assert_eq!(lines[2], "g               kafka:9092  (1)           -                    Empty                0");
        assert!(super::lines(&group, true)[1].ends_with("GROUP-EPOCH     TARGET-ASSIGNMENT-EPOCH   #MEMBERS"));
        assert_eq!(document(&group)["assignmentStrategy"], Value::Null);
    }
}
