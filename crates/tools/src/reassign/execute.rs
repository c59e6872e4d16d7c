//! `--execute`: limits first, then moves between brokers, then moves between directories.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use barnabas_common::ErrorCode;
use serde_json::{Value, json};

use super::plan::{self, Assignment, LogDirs, Plan, name};
use super::{
    FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS, LOG_DIR_RATE, ask, current_log_dirs, exception,
    existing, finish, moves, parsed, refused, say, unknown,
};
use crate::client::{Client, ClientError, PerPartition, TopicPartition};
use crate::{Context, Failure};

/// Bytes per second, where there is to be a limit.
pub(super) struct Limits {
    pub(super) between_brokers: Option<i64>,
    pub(super) between_dirs: Option<i64>,
}

pub(super) fn execute(
    context: &mut Context<'_>,
    client: &mut Client,
    plan: &Plan,
    additional: bool,
    limits: &Limits,
    patience: Duration,
) -> Result<(), Failure> {
    let proposed = plan.checked()?;
    let ongoing = ask::ongoing(client, None).map_err(refused)?;
    if !additional && !ongoing.is_empty() {
        return Err(Failure::OnStdout(
            "Cannot execute because there is an existing partition assignment.  Use --additional to override this and \
             create a new partition assignment in addition to the existing one. The --additional flag can also be used to \
             change the throttle by resubmitting the current reassignment."
                .into(),
        ));
    }
    let current = assignment_to_replace(client, &proposed)?;
    let document = plan::document(&current, &current_log_dirs(client, &current)?);
    say(
        context,
        format_args!(
            "Current partition replica assignment\n\n{document}\n\nSave this to use as the --reassignment-json-file option \
             during rollback"
        ),
    )?;
    throttle(context, client, limits, &moves::moves(&ongoing, &proposed, &current), &plan.log_dirs)?;
    start(context, client, &proposed)?;
    move_dirs(context, client, &plan.log_dirs, patience)?;
    let started =
        |(topic, partition): &TopicPartition| json!({ "topic": topic, "partition": partition, "result": "started" });
    let partitions: Vec<Value> = proposed.keys().map(started).collect();
    finish(context, &json!({ "current": parsed(&document), "partitions": partitions }))
}

/// Where the partitions are now; brokers and partitions have to exist.
fn assignment_to_replace(client: &mut Client, proposed: &Assignment) -> Result<Assignment, Failure> {
    let live: BTreeSet<i32> = client.brokers().map(|broker| broker.node_id).collect();
    if let Some(id) = proposed.values().flatten().find(|id| !live.contains(id)) {
        let message = format!("Unknown broker id {id}");
        return Err(exception("org.apache.kafka.tools.AdminCommandFailedException", &message));
    }
    let topics = proposed.keys().map(|(topic, _)| topic.clone()).collect();
    let mut current = existing(client, &topics)?;
    current.retain(|partition, _| proposed.contains_key(partition));
    let missing: Vec<String> = proposed.keys().filter(|key| !current.contains_key(key)).map(name).collect();
    if missing.is_empty() {
        Ok(current)
    } else {
        Err(unknown(format!("Unable to find partition: {}", missing.join(", "))))
    }
}

fn throttle(
    context: &mut Context<'_>,
    client: &mut Client,
    limits: &Limits,
    all: &BTreeMap<TopicPartition, moves::Move>,
    log_dirs: &LogDirs,
) -> Result<(), Failure> {
    if limits.between_brokers.is_some() || limits.between_dirs.is_some() {
        say(
            context,
            "Warning: You must run --verify periodically, until the reassignment completes, to ensure the throttle is \
             removed.",
        )?;
    }
    if let Some(rate) = limits.between_brokers {
        let replicas = moves::throttled_replicas(all);
        let topics: Vec<String> = replicas.keys().cloned().collect();
        let changes = |topic: &str| {
            let (leaders, followers) = replicas.get(topic).cloned().unwrap_or_default();
            vec![(LEADER_REPLICAS, Some(leaders)), (FOLLOWER_REPLICAS, Some(followers))]
        };
        ask::alter_topics(client, &topics, changes).map_err(refused)?;
        let changes = vec![(LEADER_RATE, Some(rate.to_string())), (FOLLOWER_RATE, Some(rate.to_string()))];
        for id in moves::brokers(all) {
            ask::alter_broker(client, id, &changes).map_err(refused)?;
        }
        say(context, format_args!("The inter-broker throttle limit was set to {rate} B/s"))?;
    }
    if let Some(rate) = limits.between_dirs {
        for id in log_dirs.keys().map(|replica| replica.0).collect::<BTreeSet<_>>() {
            ask::alter_broker(client, id, &vec![(LOG_DIR_RATE, Some(rate.to_string()))]).map_err(refused)?;
        }
        say(context, format_args!("The replica-alter-dir throttle limit was set to {rate} B/s"))?;
    }
    Ok(())
}

fn start(context: &mut Context<'_>, client: &mut Client, proposed: &Assignment) -> Result<(), Failure> {
    let changes = proposed.iter().map(|(key, replicas)| (key.clone(), Some(replicas.clone()))).collect();
    let outcomes = ask::alter(client, &changes).map_err(refused)?;
    check_all(&outcomes, "Error reassigning partition(s):")?;
    let names: Vec<String> = proposed.keys().map(name).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    say(context, format_args!("Successfully started partition reassignment{plural} for {}", names.join(",")))
}

pub(super) fn check_all(outcomes: &PerPartition<()>, title: &str) -> Result<(), Failure> {
    let told = |(key, outcome): (&TopicPartition, &Result<(), ClientError>)| {
        outcome.as_ref().err().map(|error| format!("{}: {error}", name(key)))
    };
    let failures: Vec<String> = outcomes.iter().filter_map(told).collect();
    if failures.is_empty() { Ok(()) } else { Err(Failure::OnStdout(format!("{title}\n{}", failures.join("\n")))) }
}

/// A replica that is still on its way to its broker cannot move there between directories yet, so it is tried again.
pub(super) fn move_dirs(
    context: &mut Context<'_>,
    client: &mut Client,
    targets: &LogDirs,
    patience: Duration,
) -> Result<(), Failure> {
    let deadline = Instant::now() + patience;
    let mut pending = targets.clone();
    while !pending.is_empty() {
        for ((id, topic, partition), outcome) in ask::move_between_dirs(client, &pending).map_err(refused)? {
            let replica = (id, topic.clone(), partition);
            match outcome {
                Ok(()) => {
                    let dir = pending.remove(&replica).unwrap_or_default();
                    // The blank at the end is Kafka's.
                    let line = format!("to {dir} for replica {topic}-{partition} with broker {id} ");
                    say(context, format_args!("Successfully started moving log directory {line}"))?;
                }
                Err(error) if error.code() == Some(ErrorCode::ReplicaNotAvailable) => {}
                Err(_) => {
                    let message = format!("Failed to alter dir for {topic}-{partition}-{id}");
                    return Err(exception("org.apache.kafka.tools.AdminCommandFailedException", &message));
                }
            }
        }
        if pending.is_empty() {
            break;
        }
        if Instant::now() >= deadline {
            let names: Vec<String> = pending.keys().map(|(id, topic, index)| format!("{topic}-{index}-{id}")).collect();
            let plural = if names.len() == 1 { "" } else { "s" };
            let names = names.join(",");
            return Err(Failure::OnStdout(format!(
                "Timed out before log directory move{plural} could be started for: {names}"
            )));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
