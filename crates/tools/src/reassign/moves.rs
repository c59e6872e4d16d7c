//! What a reassignment means for throttles, and how far it is. Pure.

use std::collections::{BTreeMap, BTreeSet};

use barnabas_protocol::messages::list_partition_reassignments_response::OngoingPartitionReassignment;
use serde_json::{Value, json};

use super::plan::{Assignment, LogDirs, joined, name};
use crate::client::TopicPartition;

/// Moves that the controller knows of.
pub(super) type Ongoing = BTreeMap<TopicPartition, OngoingPartitionReassignment>;

/// Where a partition's data is read, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Move {
    sources: BTreeSet<i32>,
    destinations: BTreeSet<i32>,
}

/// Moves in progress and those to be started.
pub(super) fn moves(ongoing: &Ongoing, proposed: &Assignment, current: &Assignment) -> BTreeMap<TopicPartition, Move> {
    let running = |row: &OngoingPartitionReassignment| {
        let destinations: BTreeSet<i32> = row.adding_replicas.iter().copied().collect();
        let sources = row.replicas.iter().copied().filter(|id| !destinations.contains(id)).collect();
        Move { sources, destinations }
    };
    let mut moves: BTreeMap<TopicPartition, Move> =
        ongoing.iter().map(|(partition, row)| (partition.clone(), running(row))).collect();
    for (partition, replicas) in proposed {
        let held = || current.get(partition).map(|ids| ids.iter().copied().collect()).unwrap_or_default();
        let sources: BTreeSet<i32> = moves.get(partition).map_or_else(held, |running| running.sources.clone());
        let destinations = replicas.iter().copied().filter(|id| !sources.contains(id)).collect();
        moves.insert(partition.clone(), Move { sources, destinations });
    }
    moves
}

/// Which replicas are throttled: by topic, `partition:broker` pairs of the leader's and of the follower's side.
pub(super) fn throttled_replicas(moves: &BTreeMap<TopicPartition, Move>) -> BTreeMap<String, (String, String)> {
    let mut by_topic: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for ((topic, partition), one) in moves {
        let sides = by_topic.entry(topic.clone()).or_default();
        sides.0.extend(one.sources.iter().map(|id| format!("{partition}:{id}")));
        sides.1.extend(one.destinations.iter().map(|id| format!("{partition}:{id}")));
    }
    let text = |pairs: BTreeSet<String>| pairs.into_iter().collect::<Vec<_>>().join(",");
    by_topic.into_iter().map(|(topic, (leaders, followers))| (topic, (text(leaders), text(followers)))).collect()
}

/// Every broker that sends or receives.
pub(super) fn brokers(moves: &BTreeMap<TopicPartition, Move>) -> BTreeSet<i32> {
    moves.values().flat_map(|one| one.sources.iter().chain(&one.destinations)).copied().collect()
}

/// A line of `--list`.
pub(super) fn listed(partition: &TopicPartition, row: &OngoingPartitionReassignment) -> String {
    let part = |word: &str, ids: &[i32]| match ids {
        [] => String::new(),
        ids => format!(" {word}: {}.", joined(ids)),
    };
    let (adding, removing) = (part("adding", &row.adding_replicas), part("removing", &row.removing_replicas));
    format!("{}: replicas: {}.{adding}{removing}", name(partition), joined(&row.replicas))
}

/// How far a partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartitionState {
    pub(super) current: Vec<i32>,
    pub(super) target: Vec<i32>,
    pub(super) ongoing: bool,
}

impl PartitionState {
    pub(super) fn line(&self, partition: &TopicPartition) -> String {
        let name = name(partition);
        if self.ongoing {
            return format!("Reassignment of partition {name} is still in progress.");
        }
        if self.current == self.target {
            return format!("Reassignment of partition {name} is completed.");
        }
        let (current, target) = (joined(&self.current), joined(&self.target));
        format!(
            "There is no active reassignment of partition {name}, but replica set is {current} rather than {target}."
        )
    }

    pub(super) fn document(&self, (topic, partition): &TopicPartition) -> Value {
        let result = match self {
            Self { ongoing: true, .. } => "inProgress",
            Self { current, target, .. } if current == target => "completed",
            _ => "different",
        };
        json!({
            "topic": topic,
            "partition": partition,
            "result": result,
            "replicas": self.current,
            "targetReplicas": self.target,
        })
    }
}

/// How far a replica is on its way to a log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DirState {
    /// The broker does not have the replica in any live directory.
    Missing,
    Active {
        current: String,
        future: String,
        target: String,
    },
    /// It is elsewhere, and nothing moves.
    Cancelled {
        current: String,
        target: String,
    },
    Completed,
}

/// A broker, a topic, a partition.
pub(super) type Replica = (i32, String, i32);

/// From where a replica is (`current`) and goes (`future`).
pub(super) fn dir_states(targets: &LogDirs, current: &LogDirs, future: &LogDirs) -> BTreeMap<Replica, DirState> {
    let state = |replica: &Replica, target: &String| match (current.get(replica), future.get(replica)) {
        (None, _) => DirState::Missing,
        (Some(current), Some(future)) => {
            let (current, future) = (current.clone(), future.clone());
            DirState::Active { current, future, target: target.clone() }
        }
        (Some(current), None) if current == target => DirState::Completed,
        (Some(current), None) => DirState::Cancelled { current: current.clone(), target: target.clone() },
    };
    targets.iter().map(|(replica, target)| (replica.clone(), state(replica, target))).collect()
}

impl DirState {
    pub(super) fn line(&self, (broker, topic, partition): &Replica) -> String {
        let replica = format!("{topic}-{partition}-{broker}");
        let place = format!("Partition {topic}-{partition} on broker {broker}");
        match self {
            Self::Missing => format!(
                "Partition {topic}-{partition} is not found in any live log dir on broker {broker}. There is likely an \
                 offline log directory on the broker."
            ),
            Self::Active { future, target, .. } if future == target => {
                format!("Reassignment of replica {replica} is still in progress.")
            }
            Self::Active { future, target, .. } => {
                format!("{place} is being moved to log dir {future} instead of {target}.")
            }
            Self::Cancelled { current, target } => {
                format!("{place} is not being moved from log dir {current} to {target}.")
            }
            Self::Completed => format!("Reassignment of replica {replica} completed successfully."),
        }
    }

    pub(super) fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }

    /// Neither moving nor in need of it.
    pub(super) fn is_done(&self) -> bool {
        !self.is_active()
    }

    pub(super) fn document(&self, (broker, topic, partition): &Replica) -> Value {
        let result = match self {
            Self::Missing => "missing",
            Self::Active { .. } => "inProgress",
            Self::Cancelled { .. } => "different",
            Self::Completed => "completed",
        };
        json!({ "topic": topic, "partition": partition, "broker": broker, "result": result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(partition: i32) -> TopicPartition {
        ("t".into(), partition)
    }

    #[test]
    fn throttles_cover_both_ends_of_every_move() {
        let running = OngoingPartitionReassignment {
            partition_index: 0,
            replicas: vec![1, 2, 3],
            adding_replicas: vec![3],
            removing_replicas: vec![1],
        };
        let ongoing = Ongoing::from([(key(0), running)]);
        let proposed = Assignment::from([(key(1), vec![2, 4])]);
        let current = Assignment::from([(key(1), vec![1, 2])]);
        let all = moves(&ongoing, &proposed, &current);
        assert_eq!(brokers(&all), BTreeSet::from([1, 2, 3, 4]));
        let expected = ("0:1,0:2,1:1,1:2".to_owned(), "0:3,1:4".to_owned());
        assert_eq!(throttled_replicas(&all), BTreeMap::from([("t".to_owned(), expected)]));
        assert_eq!(listed(&key(0), &ongoing[&key(0)]), "t-0: replicas: 1,2,3. adding: 3. removing: 1.");
    }

    #[test]
    fn states_of_partitions() {
        let state = |current: &[i32], ongoing| PartitionState { current: current.to_vec(), target: vec![1], ongoing };
        assert_eq!(state(&[1], false).line(&key(0)), "Reassignment of partition t-0 is completed.");
        assert_eq!(state(&[2], true).line(&key(0)), "Reassignment of partition t-0 is still in progress.");
        assert!(state(&[2, 3], false).line(&key(0)).ends_with("but replica set is 2,3 rather than 1."));
        assert_eq!(state(&[2], false).document(&key(0))["result"], "different");
    }

    #[test]
    fn states_of_directories() {
        let replica = |partition| (1, "t".to_owned(), partition);
        let dirs = |rows: &[(i32, &str)]| -> LogDirs {
            rows.iter().map(|(partition, dir)| (replica(*partition), (*dir).to_owned())).collect()
        };
        let targets = dirs(&[(0, "/b"), (1, "/b"), (2, "/b"), (3, "/b"), (4, "/b")]);
        let current = dirs(&[(1, "/a"), (2, "/b"), (3, "/a"), (4, "/a")]);
        let states = dir_states(&targets, &current, &dirs(&[(3, "/b"), (4, "/c")]));
        let line = |partition| states[&replica(partition)].line(&replica(partition));
        assert!(line(0).starts_with("Partition t-0 is not found in any live log dir on broker 1."));
        assert_eq!(line(1), "Partition t-1 on broker 1 is not being moved from log dir /a to /b.");
        assert_eq!(line(2), "Reassignment of replica t-2-1 completed successfully.");
        assert_eq!(line(3), "Reassignment of replica t-3-1 is still in progress.");
        assert_eq!(line(4), "Partition t-4 on broker 1 is being moved to log dir /c instead of /b.");
        assert_eq!(states.values().filter(|state| !state.is_done()).count(), 2);
    }
}
