//! Transactions that nobody will end any more: finding and aborting them.

use std::collections::BTreeMap;

use barnabas_protocol::messages::describe_producers_response::ProducerState;
use barnabas_protocol::messages::write_txn_markers_request::{WritableTxnMarker, WritableTxnMarkerTopic};
use barnabas_protocol::messages::{InitProducerIdRequest, ListTransactionsRequest, WriteTxnMarkersRequest};
use serde_json::json;

use super::show::{described, leader, listed, producers};
use super::{failed, now_ms, number, print};
use crate::cli::argparse::Parsed;
use crate::client::{Client, ClientError, CoordinatorType};
use crate::{Context, Failure};

const DEFAULT_MAX_TIMEOUT_MINUTES: i64 = 15;

/// What can be said before anyone is asked.
pub(super) fn check(parsed: &Parsed) -> Result<(), Failure> {
    let said = |text: &str| Err(Failure::Message(text.into()));
    match parsed.command {
        "find-hanging" if !parsed.has("--topic") && !parsed.has("--broker-id") => {
            said("The `find-hanging` command requires either --topic or --broker-id to limit the scope of the search")
        }
        "find-hanging" if parsed.has("--partition") && !parsed.has("--topic") => {
            said("The --partition argument requires --topic to be provided")
        }
        "abort" if parsed.has("--start-offset") => Ok(()),
        "abort" if !parsed.has("--producer-id") => said(
            "The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) or with \
             --producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)",
        ),
        "abort" if !parsed.has("--producer-epoch") => said("Missing required argument --producer-epoch"),
        "abort" if !parsed.has("--coordinator-epoch") => said("Missing required argument --coordinator-epoch"),
        _ => Ok(()),
    }
}

/// A transaction that has been open for too long.
struct Open {
    topic: String,
    partition: i32,
    state: ProducerState,
}

pub(super) fn find(context: &mut Context<'_>, client: &mut Client, parsed: &Parsed) -> Result<(), Failure> {
    let broker: Option<i32> = number(parsed, "--broker-id", "Integer")?;
    let minutes = number(parsed, "--max-transaction-timeout", "Integer")?.unwrap_or(DEFAULT_MAX_TIMEOUT_MINUTES);
    let now = now_ms();
    let newest = now.saturating_sub(minutes.saturating_mul(60_000));
    let mut open: BTreeMap<i64, Vec<Open>> = BTreeMap::new();
    for (topic, partition, leader) in candidates(client, parsed, broker)? {
        let asked = broker.unwrap_or(leader);
        let states = producers(client, asked, &topic, partition).map_err(|error| {
            failed(format!("Failed to describe producers for 1 partitions on broker {asked}"), error)
        })?;
        for state in states {
            if state.current_txn_start_offset >= 0 && state.last_timestamp < newest {
                let one = Open { topic: topic.clone(), partition, state };
                open.entry(one.state.producer_id).or_default().push(one);
            }
        }
    }
    let hanging = if open.is_empty() { Vec::new() } else { without_owner(client, open)? };
    show(context, &hanging, now)
}

/// Partitions to look at, each with its leader.
fn candidates(client: &mut Client, parsed: &Parsed, broker: Option<i32>) -> Result<Vec<(String, i32, i32)>, Failure> {
    let topic = parsed.one("--topic").map(str::to_owned);
    let wanted: Option<i32> = number(parsed, "--partition", "Integer")?;
    let names = topic.map(|name| vec![name]);
    let topics = client.topics(names.as_deref()).map_err(|error| failed("Failed to list topics", error))?;
    let mut all = Vec::new();
    for topic in topics {
        ClientError::check(topic.error_code, None).map_err(|error| failed("Failed to describe 1 topics", error))?;
        let name = topic.name.unwrap_or_default();
        for one in topic.partitions {
            let is_there = broker.is_none_or(|id| one.replica_nodes.contains(&id));
            if is_there && wanted.is_none_or(|wanted| wanted == one.partition_index) {
                all.push((name.clone(), one.partition_index, one.leader_id));
            }
        }
    }
    Ok(all)
}

/// Those that no coordinator is going to end.
fn without_owner(client: &mut Client, open: BTreeMap<i64, Vec<Open>>) -> Result<Vec<Open>, Failure> {
    let request = ListTransactionsRequest { producer_id_filters: open.keys().copied().collect(), ..Default::default() };
    let what = format!("Failed to list transactions for {} producers", open.len());
    let owners: BTreeMap<i64, String> = listed(client, &request)
        .map_err(|error| failed(what, error))?
        .into_iter()
        .map(|one| (one.producer_id, one.transactional_id))
        .collect();
    let mut hanging = Vec::new();
    for (producer_id, all) in open {
        let state = owners.get(&producer_id).map(|id| described(client, id)).transpose();
        let state = state.map_err(|error| failed("Failed to describe 1 transactions", error))?;
        let is_owned = |one: &Open| {
            state.as_ref().is_some_and(|(_, state)| {
                state.topics.iter().any(|topic| topic.topic == one.topic && topic.partitions.contains(&one.partition))
            })
        };
        hanging.extend(all.into_iter().filter(|one| !is_owned(one)));
    }
    Ok(hanging)
}

fn show(context: &mut Context<'_>, hanging: &[Open], now: i64) -> Result<(), Failure> {
    let minutes = |state: &ProducerState| now.saturating_sub(state.last_timestamp) / 60_000;
    let row = |Open { topic, partition, state }: &Open| {
        vec![
            topic.clone(),
            partition.to_string(),
            state.producer_id.to_string(),
            state.producer_epoch.to_string(),
            state.coordinator_epoch.to_string(),
            state.current_txn_start_offset.to_string(),
            state.last_timestamp.to_string(),
            minutes(state).to_string(),
        ]
    };
    let document = |Open { topic, partition, state }: &Open| {
        json!({
            "topic": topic, "partition": partition, "producerId": state.producer_id,
            "producerEpoch": state.producer_epoch, "coordinatorEpoch": state.coordinator_epoch,
            "startOffset": state.current_txn_start_offset, "lastTimestampMs": state.last_timestamp,
            "durationMinutes": minutes(state),
        })
    };
    let header = [
        "Topic",
        "Partition",
        "ProducerId",
        "ProducerEpoch",
        "CoordinatorEpoch",
        "StartOffset",
        "LastTimestamp",
        "Duration(min)",
    ];
    let rows: Vec<_> = hanging.iter().map(row).collect();
    print(context, &header, &rows, "transactions", hanging.iter().map(document).collect())
}

pub(super) fn abort(client: &mut Client, parsed: &Parsed) -> Result<(), Failure> {
    let topic = parsed.one("--topic").unwrap_or_default();
    let partition: i32 = number(parsed, "--partition", "Integer")?.unwrap_or_default();
    let what = || format!("Failed to validate producer state for partition {topic}-{partition}");
    let leader = leader(client, topic, partition).map_err(|error| failed(what(), error))?;
    let (producer_id, producer_epoch, coordinator_epoch) = match number::<i64>(parsed, "--start-offset", "Long")? {
        Some(start) => {
            let states = producers(client, leader, topic, partition).map_err(|error| failed(what(), error))?;
            let found = states.into_iter().find(|state| start >= 0 && state.current_txn_start_offset == start);
            let found = found.ok_or_else(|| {
                Failure::Message(format!(
                    "Could not find any open transactions starting at offset {start} on partition {topic}-{partition}"
                ))
            })?;
            let epoch = i16::try_from(found.producer_epoch).unwrap_or(-1);
            (found.producer_id, epoch, found.coordinator_epoch.max(0))
        }
        None => (
            number(parsed, "--producer-id", "Long")?.unwrap_or(-1),
            number(parsed, "--producer-epoch", "Short")?.unwrap_or(-1),
            number(parsed, "--coordinator-epoch", "Integer")?.unwrap_or(0),
        ),
    };
    let topics = vec![WritableTxnMarkerTopic { name: topic.to_owned(), partition_indexes: vec![partition] }];
    let marker = WritableTxnMarker {
        producer_id,
        producer_epoch,
        transaction_result: false,
        topics,
        coordinator_epoch,
        transaction_version: 0,
    };
    let response = client.broker(leader, &WriteTxnMarkersRequest { markers: vec![marker] });
    let outcome = response.and_then(|response| {
        let topics = response.markers.into_iter().flat_map(|marker| marker.topics);
        let codes = topics.flat_map(|topic| topic.partitions).map(|partition| partition.error_code);
        codes.into_iter().try_for_each(|code| ClientError::check(code, None))
    });
    outcome.map_err(|error| {
        let spec = format!(
            "AbortTransactionSpec(topicPartition={topic}-{partition}, producerId={producer_id}, \
             producerEpoch={producer_epoch}, coordinatorEpoch={coordinator_epoch})"
        );
        failed(format!("Failed to abort transaction {spec}"), error)
    })
}

/// Fences the producer of the transactional id, which ends its transaction.
pub(super) fn terminate(client: &mut Client, id: &str) -> Result<(), Failure> {
    let request = InitProducerIdRequest {
        transactional_id: Some(id.to_owned()),
        transaction_timeout_ms: 1,
        ..Default::default()
    };
    let asked = client.coordinator(CoordinatorType::Transaction, id, &request, |response| response.error_code);
    let outcome = asked.and_then(|response| ClientError::check(response.error_code, None));
    outcome.map_err(|error| failed(format!("Failed to force terminate transactionalId `{id}`"), error))
}
