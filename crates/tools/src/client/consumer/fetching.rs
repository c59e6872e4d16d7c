//! Fetch requests of a consumer: one under way to every leader, and what their answers mean.

use std::sync::Arc;
use std::time::{Duration, Instant};

use barnabas_common::{ErrorCode, Uuid};
use barnabas_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use barnabas_protocol::messages::fetch_response::PartitionData;
use barnabas_protocol::messages::{FetchRequest, FetchResponse};

use super::batches::{Aborted, PartitionRecords, whole_batches};
use super::{Buffered, ClientError, Consumer, OffsetReset, Place, Start, corrupt};
use crate::client::{Ticket, request_timeout_ms};

/// The first version that names topics by their ids.
const VERSION_WITH_TOPIC_IDS: i16 = 13;
/// What arrived for a partition may wait while the next fetch is under way, but not more.
const MAX_BUFFERED: usize = 1;

/// A fetch under way.
pub(super) struct Fetching {
    ticket: Ticket<FetchRequest>,
    sent: Instant,
    parts: Vec<Asked>,
}

struct Asked {
    place: Place,
    topic_id: Uuid,
    round: u64,
    offset: i64,
}

impl Consumer {
    /// Sends a fetch to every leader that has none under way.
    pub(super) fn send_fetches(&mut self) -> Result<(), ClientError> {
        let now = Instant::now();
        let mut leaders: Vec<i32> = self.positions.values().map(|position| position.leader).collect();
        leaders.sort_unstable();
        leaders.dedup();
        for broker in leaders {
            if broker < 0 || self.fetches.contains_key(&broker) {
                continue;
            }
            let parts = self.fetchable(broker, now);
            if parts.is_empty() {
                continue;
            }
            let request = self.fetch_request(&parts);
            match self.write_fetch(broker, &request) {
                Ok(ticket) => drop(self.fetches.insert(broker, Fetching { ticket, sent: now, parts })),
                Err(error) => self.broker_failed(broker, error)?,
            }
        }
        Ok(())
    }

    fn fetchable(&self, broker: i32, now: Instant) -> Vec<Asked> {
        let mine = self.positions.iter().filter(|(_, position)| {
            position.leader == broker
                && position.consumed.is_some()
                && position.buffered <= MAX_BUFFERED
                && position.not_before.is_none_or(|moment| moment <= now)
        });
        let asked = mine.map(|(place, position)| Asked {
            place: place.clone(),
            topic_id: position.topic_id,
            round: position.round,
            offset: position.fetched,
        });
        asked.collect()
    }

    fn fetch_request(&self, parts: &[Asked]) -> FetchRequest {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for part in parts {
            let entry = FetchPartition {
                partition: part.place.1,
                fetch_offset: part.offset,
                partition_max_bytes: self.config.max_partition_fetch_bytes,
                ..Default::default()
            };
            match topics.last_mut().filter(|last| *last.topic == *part.place.0) {
                Some(last) => last.partitions.push(entry),
                None => {
                    let topic = part.place.0.to_string();
                    topics.push(FetchTopic { topic, topic_id: part.topic_id, partitions: vec![entry] });
                }
            }
        }
        FetchRequest {
            max_wait_ms: request_timeout_ms(self.config.fetch_max_wait),
            min_bytes: self.config.fetch_min_bytes,
            max_bytes: self.config.fetch_max_bytes,
            isolation_level: i8::from(self.config.read_committed),
            topics,
            rack_id: self.config.rack.clone(),
            ..Default::default()
        }
    }

    fn write_fetch(&mut self, broker: i32, request: &FetchRequest) -> Result<Ticket<FetchRequest>, ClientError> {
        let has_ids = request.topics.iter().all(|topic| !topic.topic_id.is_zero());
        let connection = self.links.get(&self.client, broker)?;
        let newest = connection.version_of::<FetchRequest>()?;
        let version = if has_ids { newest } else { newest.min(VERSION_WITH_TOPIC_IDS - 1) };
        connection.send_version(version, request)
    }

    /// Waits for an answer of any broker, at most this long.
    pub(super) fn await_fetch(&mut self, wait: Duration) -> Result<(), ClientError> {
        let brokers: Vec<i32> = self.fetches.keys().copied().collect();
        if brokers.is_empty() {
            std::thread::sleep(wait.min(Duration::from_millis(10)));
            return Ok(());
        }
        let deadline = Instant::now() + wait;
        let slice = if brokers.len() > 1 { wait.min(Duration::from_millis(2)) } else { wait };
        loop {
            for broker in &brokers {
                let readable = self.links.get(&self.client, *broker).map(|connection| connection.is_readable(slice));
                if readable.unwrap_or(true) {
                    return self.take_fetch(*broker);
                }
                let timeout = self.client.settings().request_timeout + self.config.fetch_max_wait;
                if self.fetches.get(broker).is_some_and(|fetch| fetch.sent.elapsed() > timeout) {
                    let address = format!("broker {broker}");
                    let error = ClientError::Disconnected { address, reason: "did not answer in time".into() };
                    return self.broker_failed(*broker, error);
                }
            }
            if Instant::now() >= deadline {
                return Ok(());
            }
        }
    }

    /// Ends the fetch under way to a broker, so that its connection can be asked something else.
    pub(super) fn finish_fetch(&mut self, broker: i32) {
        if self.fetches.contains_key(&broker) {
            // An error is noticed by whatever is asked next.
            let _ = self.take_fetch(broker);
        }
    }

    fn take_fetch(&mut self, broker: i32) -> Result<(), ClientError> {
        let Some(fetch) = self.fetches.remove(&broker) else { return Ok(()) };
        let timeout = self.client.settings().request_timeout + self.config.fetch_max_wait;
        let answer = self.links.get(&self.client, broker).and_then(|link| link.receive(fetch.ticket, timeout));
        match answer {
            Ok(response) => self.judge_fetch(&fetch.parts, response),
            Err(error) => self.broker_failed(broker, error),
        }
    }

    /// What was under way is lost; leaders are looked up again.
    pub(super) fn broker_failed(&mut self, broker: i32, error: ClientError) -> Result<(), ClientError> {
        self.fetches.remove(&broker);
        self.links.close(broker);
        if !error.is_retriable() {
            return Err(error);
        }
        let moment = Instant::now() + self.client.settings().retry_backoff;
        for position in self.positions.values_mut().filter(|position| position.leader == broker) {
            position.not_before = Some(moment);
        }
        self.next_metadata = moment;
        Ok(())
    }

    fn judge_fetch(&mut self, parts: &[Asked], response: FetchResponse) -> Result<(), ClientError> {
        ClientError::check(response.error_code, None)?;
        for topic in response.responses {
            for answer in topic.partitions {
                let same = |part: &&Asked| {
                    let is_topic = if topic.topic_id.is_zero() {
                        *part.place.0 == *topic.topic
                    } else {
                        part.topic_id == topic.topic_id
                    };
                    is_topic && part.place.1 == answer.partition_index
                };
                if let Some(part) = parts.iter().find(same) {
                    self.judge_partition(part, answer)?;
                }
            }
        }
        Ok(())
    }

    fn judge_partition(&mut self, part: &Asked, answer: PartitionData) -> Result<(), ClientError> {
        let Some(position) = self.positions.get_mut(&part.place) else { return Ok(()) };
        if position.round != part.round || position.fetched != part.offset {
            return Ok(());
        }
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => self.take_records(part, answer),
            ErrorCode::OffsetOutOfRange => self.out_of_range(part),
            code if code.is_retriable() => {
                position.not_before = Some(Instant::now() + self.client.settings().retry_backoff);
                self.next_metadata = Instant::now();
                Ok(())
            }
            _ => Err(ClientError::api(answer.error_code, None)),
        }
    }

    fn take_records(&mut self, part: &Asked, answer: PartitionData) -> Result<(), ClientError> {
        let (topic, partition) = &part.place;
        let records = answer.records.unwrap_or_default().into_bytes();
        let bytes = records.map_err(|error| corrupt(topic, *partition, &error))?;
        if bytes.is_empty() {
            return Ok(());
        }
        let (next, size) = whole_batches(&bytes, part.offset).map_err(|error| corrupt(topic, *partition, &error))?;
        if size == 0 {
            let text = "a single record batch is larger than the answer: raise max.partition.fetch.bytes";
            return Err(corrupt(topic, *partition, &text));
        }
        let aborted = self.config.read_committed.then(|| {
            let listed = answer.aborted_transactions.unwrap_or_default().into_iter();
            listed.map(|one| Aborted { first_offset: one.first_offset, producer_id: one.producer_id }).collect()
        });
        let records = PartitionRecords::new(bytes.slice(..size), part.offset, self.config.check_crcs, aborted);
        if let Some(position) = self.positions.get_mut(&part.place) {
            position.fetched = next;
            position.buffered += 1;
        }
        self.buffered.push_back(Buffered { place: part.place.clone(), round: part.round, records });
        Ok(())
    }

    fn out_of_range(&mut self, part: &Asked) -> Result<(), ClientError> {
        let (topic, partition): (&Arc<str>, i32) = (&part.place.0, part.place.1);
        self.round += 1;
        let Some(position) = self.positions.get_mut(&part.place) else { return Ok(()) };
        position.start = match self.config.offset_reset {
            OffsetReset::Earliest => Start::Earliest,
            OffsetReset::Latest => Start::Latest,
            OffsetReset::None => {
                let text = format!(
                    "Fetch position {} is out of range for partition {topic}-{partition}, and no reset policy is set",
                    part.offset
                );
                return Err(ClientError::api(ErrorCode::OffsetOutOfRange.code(), Some(text)));
            }
        };
        (position.consumed, position.round, position.buffered) = (None, self.round, 0);
        Ok(())
    }
}
