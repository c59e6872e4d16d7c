//! Where a consumer begins in partitions without a position: earliest or latest, asked of all leaders at once.

use std::collections::BTreeMap;
use std::time::Instant;

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use barnabas_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::{ClientError, Consumer, Place, Start};
use crate::client::request_timeout_ms;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

impl Consumer {
    /// Asks for the offsets of all partitions that have none, and takes them over.
    pub(super) fn look_up_positions(&mut self) -> Result<(), ClientError> {
        let now = Instant::now();
        let mut wanted: BTreeMap<i32, Vec<(Place, i64)>> = BTreeMap::new();
        for (place, position) in &self.positions {
            let waits = position.not_before.is_some_and(|moment| moment > now);
            if position.consumed.is_none() && position.leader >= 0 && !waits {
                let timestamp = if position.start == Start::Latest { LATEST } else { EARLIEST };
                wanted.entry(position.leader).or_default().push((place.clone(), timestamp));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        // A connection with a fetch under way cannot answer something else first.
        for broker in wanted.keys() {
            self.finish_fetch(*broker);
        }
        let mut tickets = Vec::new();
        for (broker, places) in &wanted {
            let request = self.list_offsets(places);
            let sent = self.links.get(&self.client, *broker).and_then(|connection| connection.send(&request));
            tickets.push((*broker, sent));
        }
        let timeout = self.client.settings().request_timeout;
        for (broker, ticket) in tickets {
            let answer = ticket.and_then(|ticket| self.links.get(&self.client, broker)?.receive(ticket, timeout));
            match answer {
                Ok(response) => self.take_offsets(response)?,
                Err(error) => self.broker_failed(broker, error)?,
            }
        }
        let backoff = self.client.settings().retry_backoff;
        for (place, _) in wanted.into_values().flatten() {
            if let Some(position) = self.positions.get_mut(&place).filter(|position| position.consumed.is_none()) {
                position.not_before = Some(Instant::now() + backoff);
                self.next_metadata = Instant::now();
            }
        }
        Ok(())
    }

    fn list_offsets(&self, places: &[(Place, i64)]) -> ListOffsetsRequest {
        let mut topics: Vec<ListOffsetsTopic> = Vec::new();
        for ((topic, partition), timestamp) in places {
            let entry =
                ListOffsetsPartition { partition_index: *partition, timestamp: *timestamp, ..Default::default() };
            match topics.last_mut().filter(|last| *last.name == **topic) {
                Some(last) => last.partitions.push(entry),
                None => topics.push(ListOffsetsTopic { name: topic.to_string(), partitions: vec![entry] }),
            }
        }
        ListOffsetsRequest {
            replica_id: -1,
            isolation_level: i8::from(self.config.read_committed),
            topics,
            timeout_ms: request_timeout_ms(self.client.settings().request_timeout),
        }
    }

    fn take_offsets(&mut self, response: ListOffsetsResponse) -> Result<(), ClientError> {
        self.round += 1;
        for topic in response.topics {
            for answer in topic.partitions {
                let place = (topic.name.as_str().into(), answer.partition_index);
                let Some(position) = self.positions.get_mut(&place) else { continue };
                let code = ErrorCode::from_code(answer.error_code);
                if code == ErrorCode::None {
                    position.consumed = Some(answer.offset);
                    position.fetched = answer.offset;
                    (position.round, position.buffered) = (self.round, 0);
                } else if !code.is_retriable() {
                    return Err(ClientError::api(answer.error_code, None));
                }
            }
        }
        Ok(())
    }
}
