//! Listing transactions, describing one, and describing the producers of a partition.

use barnabas_protocol::messages::describe_producers_request::TopicRequest;
use barnabas_protocol::messages::describe_producers_response::ProducerState;
use barnabas_protocol::messages::describe_transactions_response::TransactionState;
use barnabas_protocol::messages::{DescribeProducersRequest, DescribeTransactionsRequest, ListTransactionsRequest};
use serde_json::json;

use super::{failed, now_ms, number, print};
use crate::cli::argparse::Parsed;
use crate::client::{Client, ClientError, CoordinatorType};
use crate::{Context, Failure};

const TRANSACTIONAL_ID_NOT_FOUND: i16 = 105;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;

/// One line of the list.
pub(super) struct Listed {
    pub(super) transactional_id: String,
    pub(super) coordinator: i32,
    pub(super) producer_id: i64,
    pub(super) state: String,
}

/// Asks every broker for the transactions that it coordinates.
pub(super) fn listed(client: &mut Client, request: &ListTransactionsRequest) -> Result<Vec<Listed>, ClientError> {
    let brokers: Vec<i32> = client.brokers().map(|broker| broker.node_id).collect();
    let mut all = Vec::new();
    for coordinator in brokers {
        let response = client.broker(coordinator, request)?;
        ClientError::check(response.error_code, None)?;
        all.extend(response.transaction_states.into_iter().map(|one| Listed {
            transactional_id: one.transactional_id,
            coordinator,
            producer_id: one.producer_id,
            state: one.transaction_state,
        }));
    }
    all.sort_by(|a, b| a.transactional_id.cmp(&b.transactional_id));
    Ok(all)
}

pub(super) fn list(context: &mut Context<'_>, client: &mut Client, parsed: &Parsed) -> Result<(), Failure> {
    let request = ListTransactionsRequest {
        duration_filter: number(parsed, "--duration-filter", "Long")?.unwrap_or(-1),
        transactional_id_pattern: parsed.one("--transactional-id-pattern").map(str::to_owned),
        ..Default::default()
    };
    let all = listed(client, &request).map_err(|error| failed("Failed to list transactions", error))?;
    let row = |one: &Listed| {
        vec![one.transactional_id.clone(), one.coordinator.to_string(), one.producer_id.to_string(), one.state.clone()]
    };
    let document = |one: &Listed| {
        json!({
            "transactionalId": one.transactional_id, "coordinator": one.coordinator, "producerId": one.producer_id,
            "transactionState": one.state,
        })
    };
    let header = ["TransactionalId", "Coordinator", "ProducerId", "TransactionState"];
    let rows: Vec<_> = all.iter().map(row).collect();
    print(context, &header, &rows, "transactions", all.iter().map(document).collect())
}

/// The coordinator and what it knows of the transaction.
pub(super) fn described(client: &mut Client, id: &str) -> Result<(i32, TransactionState), ClientError> {
    let request = DescribeTransactionsRequest { transactional_ids: vec![id.to_owned()] };
    let code = |states: &[TransactionState]| states.first().map_or(0, |state| state.error_code);
    let asked =
        client.coordinator(CoordinatorType::Transaction, id, &request, |response| code(&response.transaction_states));
    let state = asked?.transaction_states.pop().unwrap_or_default();
    if state.error_code == TRANSACTIONAL_ID_NOT_FOUND {
        let text =
            format!("DescribeTransactions request for transactionalId `{id}` failed because the ID could not be found");
        return Err(ClientError::api(TRANSACTIONAL_ID_NOT_FOUND, Some(text)));
    }
    ClientError::check(state.error_code, None)?;
    Ok((client.coordinator_id(CoordinatorType::Transaction, id)?, state))
}

pub(super) fn describe(context: &mut Context<'_>, client: &mut Client, id: &str) -> Result<(), Failure> {
    let what = format!("Failed to describe transaction state of transactional-id `{id}`");
    let (coordinator, state) = described(client, id).map_err(|error| failed(what, error))?;
    let started = Some(state.transaction_start_time_ms).filter(|start| *start >= 0);
    let duration = started.map(|start| now_ms().saturating_sub(start));
    let text = |time: Option<i64>| time.map_or_else(|| "None".to_owned(), |time| time.to_string());
    let partitions: Vec<String> = state
        .topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|partition| format!("{}-{partition}", topic.topic)))
        .collect();
    let row = vec![
        coordinator.to_string(),
        id.to_owned(),
        state.producer_id.to_string(),
        state.producer_epoch.to_string(),
        state.transaction_state.clone(),
        state.transaction_timeout_ms.to_string(),
        text(started),
        text(duration),
        partitions.join(","),
    ];
    let document = json!({
        "coordinator": coordinator, "transactionalId": id, "producerId": state.producer_id,
        "producerEpoch": state.producer_epoch, "transactionState": state.transaction_state,
        "transactionTimeoutMs": state.transaction_timeout_ms, "transactionStartTimeMs": started,
        "transactionDurationMs": duration, "topicPartitions": partitions,
    });
    let header = [
        "CoordinatorId",
        "TransactionalId",
        "ProducerId",
        "ProducerEpoch",
        "TransactionState",
        "TransactionTimeoutMs",
        "CurrentTransactionStartTimeMs",
        "TransactionDurationMs",
        "TopicPartitions",
    ];
    print(context, &header, &[row], "transactions", vec![document])
}

/// The broker that leads the partition.
pub(super) fn leader(client: &mut Client, topic: &str, partition: i32) -> Result<i32, ClientError> {
    let topics = client.topics(Some(&[topic.to_owned()]))?;
    let found = topics.iter().flat_map(|topic| &topic.partitions).find(|one| one.partition_index == partition);
    found.map(|one| one.leader_id).ok_or_else(|| ClientError::api(UNKNOWN_TOPIC_OR_PARTITION, None))
}

/// Who writes to the partition, as this broker knows it.
pub(super) fn producers(
    client: &mut Client,
    broker: i32,
    topic: &str,
    partition: i32,
) -> Result<Vec<ProducerState>, ClientError> {
    let topics = vec![TopicRequest { name: topic.to_owned(), partition_indexes: vec![partition] }];
    let response = client.broker(broker, &DescribeProducersRequest { topics })?;
    let found = response.topics.into_iter().flat_map(|topic| topic.partitions).next().unwrap_or_default();
    ClientError::check(found.error_code, found.error_message)?;
    Ok(found.active_producers)
}

pub(super) fn describe_producers(
    context: &mut Context<'_>,
    client: &mut Client,
    parsed: &Parsed,
) -> Result<(), Failure> {
    let topic = parsed.one("--topic").unwrap_or_default();
    let partition: i32 = number(parsed, "--partition", "Integer")?.unwrap_or_default();
    let broker: Option<i32> = number(parsed, "--broker-id", "Integer")?;
    let whom = broker.map_or_else(|| "leader".to_owned(), |id| format!("broker {id}"));
    let asked = match broker {
        Some(id) => producers(client, id, topic, partition),
        None => leader(client, topic, partition).and_then(|id| producers(client, id, topic, partition)),
    };
    let what = format!("Failed to describe producers for partition {topic}-{partition} on {whom}");
    let states = asked.map_err(|error| failed(what, error))?;
    let known = |number: i64| Some(number).filter(|number| *number >= 0);
    let text = |number: Option<i64>| number.map_or_else(|| "None".to_owned(), |number| number.to_string());
    let row = |state: &ProducerState| {
        vec![
            state.producer_id.to_string(),
            state.producer_epoch.to_string(),
            text(known(i64::from(state.coordinator_epoch))),
            state.last_sequence.to_string(),
            state.last_timestamp.to_string(),
            text(known(state.current_txn_start_offset)),
        ]
    };
    let document = |state: &ProducerState| {
        json!({
            "producerId": state.producer_id, "producerEpoch": state.producer_epoch,
            "latestCoordinatorEpoch": known(i64::from(state.coordinator_epoch)), "lastSequence": state.last_sequence,
            "lastTimestampMs": known(state.last_timestamp),
            "currentTransactionStartOffset": known(state.current_txn_start_offset),
        })
    };
    let header = [
        "ProducerId",
        "ProducerEpoch",
        "LatestCoordinatorEpoch",
        "LastSequence",
        "LastTimestamp",
        "CurrentTransactionStartOffset",
    ];
    let rows: Vec<_> = states.iter().map(row).collect();
    print(context, &header, &rows, "producers", states.iter().map(document).collect())
}
