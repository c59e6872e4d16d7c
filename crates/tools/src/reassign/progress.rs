//! `--verify` and `--cancel`: how far moves are, their end, and the end of their limits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::execute::{check_all, move_dirs};
use super::moves::{DirState, Ongoing, PartitionState, Replica};
use super::plan::{LogDirs, Plan, joined, name};
use super::{
    FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS, LOG_DIR_RATE, ask, finish, moves, refused, say,
};
use crate::client::{Client, TopicPartition};
use crate::{Context, Failure};

pub(super) fn verify(
    context: &mut Context<'_>,
    client: &mut Client,
    plan: &Plan,
    preserve_throttles: bool,
) -> Result<(), Failure> {
    let ongoing = ask::ongoing(client, None).map_err(refused)?;
    let states = partition_states(client, plan, &ongoing)?;
    say(context, "Status of partition reassignment:")?;
    for (partition, state) in &states {
        say(context, state.line(partition))?;
    }
    let dirs = dir_states(client, &plan.log_dirs)?;
    let lines: Vec<String> = dirs.iter().map(|(replica, state)| state.line(replica)).collect();
    say(context, lines.join("\n"))?;
    if ongoing.is_empty() && dirs.values().all(DirState::is_done) && !preserve_throttles {
        clear_throttles(context, client, plan)?;
    }
    let partitions: Vec<Value> = states.iter().map(|(partition, state)| state.document(partition)).collect();
    let moves: Vec<Value> = dirs.iter().map(|(replica, state)| state.document(replica)).collect();
    finish(context, &json!({ "partitions": partitions, "logDirs": moves }))
}

fn partition_states(
    client: &mut Client,
    plan: &Plan,
    ongoing: &Ongoing,
) -> Result<BTreeMap<TopicPartition, PartitionState>, Failure> {
    let settled = plan.partitions.iter().filter(|(partition, _)| !ongoing.contains_key(partition));
    let topics = settled.map(|((topic, _), _)| topic.clone()).collect();
    let found = ask::assignment(client, &topics).map_err(refused)?;
    let state = |(partition, target): &(TopicPartition, Vec<i32>)| {
        let held = || found.get(&partition.0)?.as_ref()?.get(partition).cloned();
        let moving = ongoing.get(partition).map(|row| row.replicas.clone());
        let is_moving = moving.is_some();
        let current = moving.or_else(held).unwrap_or_default();
        (partition.clone(), PartitionState { current, target: target.clone(), ongoing: is_moving })
    };
    Ok(plan.partitions.iter().map(state).collect())
}

fn dir_states(client: &mut Client, targets: &LogDirs) -> Result<BTreeMap<Replica, DirState>, Failure> {
    let (current, future) = ask::log_dirs(client, &targets.keys().cloned().collect()).map_err(refused)?;
    Ok(moves::dir_states(targets, &current, &future))
}

fn clear_throttles(context: &mut Context<'_>, client: &mut Client, plan: &Plan) -> Result<(), Failure> {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let mut brokers: BTreeSet<i32> = client.brokers().map(|broker| broker.node_id).collect();
    brokers.extend(plan.partitions.iter().flat_map(|(_, replicas)| replicas));
    let count = plural(brokers.len());
    say(context, format_args!("Clearing broker-level throttles on broker{count} {}", joined(&brokers)))?;
    let rates = vec![(LEADER_RATE, None), (FOLLOWER_RATE, None), (LOG_DIR_RATE, None)];
    for id in brokers {
        ask::alter_broker(client, id, &rates).map_err(refused)?;
    }
    let topics: BTreeSet<String> = plan.partitions.iter().map(|((topic, _), _)| topic.clone()).collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let count = plural(topics.len());
    say(context, format_args!("Clearing topic-level throttles on topic{count} {}", topics.join(",")))?;
    let changes = |_: &str| vec![(LEADER_REPLICAS, None), (FOLLOWER_REPLICAS, None)];
    ask::alter_topics(client, &topics, changes).map_err(refused)
}

pub(super) fn cancel(
    context: &mut Context<'_>,
    client: &mut Client,
    plan: &Plan,
    preserve_throttles: bool,
    patience: Duration,
) -> Result<(), Failure> {
    let targets: BTreeSet<TopicPartition> = plan.partitions.iter().map(|(partition, _)| partition.clone()).collect();
    let mut ongoing =
        if targets.is_empty() { Ongoing::new() } else { ask::ongoing(client, Some(&targets)).map_err(refused)? };
    ongoing.retain(|_, row| !row.adding_replicas.is_empty() || !row.removing_replicas.is_empty());
    let names: Vec<String> = ongoing.keys().map(name).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    if names.is_empty() {
        say(context, "None of the specified partition reassignments are active.")?;
    } else {
        let changes = ongoing.keys().map(|partition| (partition.clone(), None)).collect();
        let outcomes = ask::alter(client, &changes).map_err(refused)?;
        check_all(&outcomes, &format!("Error cancelling partition reassignment{plural} for:"))?;
        let names = names.join(",");
        say(context, format_args!("Successfully cancelled partition reassignment{plural} for: {names}"))?;
    }
    cancel_dir_moves(context, client, &plan.log_dirs, patience)?;
    if !preserve_throttles {
        clear_throttles(context, client, plan)?;
    }
    let cancelled =
        |(topic, partition): &TopicPartition| json!({ "topic": topic, "partition": partition, "result": "cancelled" });
    finish(context, &json!({ "partitions": ongoing.keys().map(cancelled).collect::<Vec<_>>() }))
}

/// Moving back to where it is ends a move.
fn cancel_dir_moves(
    context: &mut Context<'_>,
    client: &mut Client,
    targets: &LogDirs,
    patience: Duration,
) -> Result<(), Failure> {
    let back = dir_states(client, targets)?.into_iter().filter_map(|(replica, state)| match state {
        DirState::Active { current, .. } => Some((replica, current)),
        _ => None,
    });
    let back: LogDirs = back.collect();
    if !back.is_empty() {
        return move_dirs(context, client, &back, patience);
    }
    if !context.is_json() {
        // Kafka's tool does not end this line.
        write!(context.stdout, "None of the specified partition moves are active.")?;
    }
    Ok(())
}
