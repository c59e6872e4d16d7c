//! The half of the producer that talks: which batches go out, what answers mean, and what is tried again.

use std::time::{Duration, Instant};

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use barnabas_protocol::messages::produce_response::PartitionProduceResponse;
use barnabas_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};

use super::batch::{Batch, Identity};
use super::{ClientError, Delivered, Producer};
use crate::client::{Ticket, request_timeout_ms};

/// The first version that names topics by their ids.
const VERSION_WITH_TOPIC_IDS: i16 = 13;

/// A request under way, with what is needed to send it again.
pub(super) struct InFlight {
    ticket: Ticket<ProduceRequest>,
    sent: Instant,
    parts: Vec<Part>,
}

struct Part {
    topic: usize,
    partition: usize,
    batch: Batch,
}

impl Producer {
    /// Sends what can be sent and takes the answers that are there, without waiting.
    pub(super) fn pump(&mut self) {
        self.take_answers();
        self.refresh_metadata_if_due();
        let now = Instant::now();
        self.close_lingering(now);
        loop {
            let requests = self.collect(now);
            if requests.is_empty() {
                break;
            }
            for (broker, parts) in requests {
                self.send_parts(broker, parts);
            }
        }
        self.expire(now);
        let topics = &self.topics;
        self.active.retain(|(topic, partition)| !topics[*topic].queues[*partition].is_idle());
    }

    fn close_lingering(&mut self, now: Instant) {
        for (topic, partition) in &self.active {
            let queue = &mut self.topics[*topic].queues[*partition];
            if queue.open_since().is_some_and(|since| now.duration_since(since) >= self.config.linger) {
                queue.close();
            }
        }
    }

    /// One batch of each partition that is ready, by leader. A produce request takes one batch per partition.
    fn collect(&mut self, now: Instant) -> Vec<(i32, Vec<Part>)> {
        let mut requests: Vec<(i32, Vec<Part>, usize)> = Vec::new();
        for (topic, partition) in self.active.clone() {
            let queue = &mut self.topics[topic].queues[partition];
            let broker = queue.leader;
            let busy = self.in_flight.get(&broker).map_or(0, |requests| requests.len());
            if !queue.is_ready(now) || busy >= self.config.max_in_flight {
                continue;
            }
            let size = queue.waiting.front().map_or(0, |batch| batch.size_bytes);
            let index = requests.iter().position(|(id, ..)| *id == broker);
            if index.is_some_and(|index| requests[index].2 + size > self.config.max_request_size) {
                continue;
            }
            let Some(batch) = queue.waiting.pop_front() else { continue };
            queue.in_flight += 1;
            let part = Part { topic, partition, batch };
            match index {
                Some(index) => {
                    requests[index].1.push(part);
                    requests[index].2 += size;
                }
                None => requests.push((broker, vec![part], size)),
            }
        }
        requests.into_iter().map(|(broker, parts, _)| (broker, parts)).collect()
    }

    fn send_parts(&mut self, broker: i32, mut parts: Vec<Part>) {
        if let Err(error) = self.stamp(&mut parts) {
            return self.take_back(parts, &error, false);
        }
        let request = match self.request(&mut parts) {
            Ok(request) => request,
            Err(error) => return self.take_back(parts, &error, false),
        };
        match self.write(broker, &request) {
            Ok(ticket) if self.config.acks == 0 => {
                drop(ticket);
                parts.into_iter().for_each(|part| self.done(part, -1, None, Vec::new()));
            }
            Ok(ticket) => {
                let entry = InFlight { ticket, sent: Instant::now(), parts };
                self.in_flight.entry(broker).or_default().push_back(entry);
            }
            Err(error) => {
                self.take_back(parts, &error, true);
                self.lose_connection(broker, &error);
            }
        }
    }

    fn write(&mut self, broker: i32, request: &ProduceRequest) -> Result<Ticket<ProduceRequest>, ClientError> {
        let has_ids = request.topic_data.iter().all(|topic| !topic.topic_id.is_zero());
        let connection = self.links.get(&self.client, broker)?;
        let newest = connection.version_of::<ProduceRequest>()?;
        let version = if has_ids { newest } else { newest.min(VERSION_WITH_TOPIC_IDS - 1) };
        connection.send_version(version, request)
    }

    /// Gives producer id and sequence to the batches that have none yet.
    fn stamp(&mut self, parts: &mut [Part]) -> Result<(), ClientError> {
        if !self.config.idempotence {
            return Ok(());
        }
        for part in parts {
            if part.batch.sequence.is_some() {
                continue;
            }
            if self.topics[part.topic].queues[part.partition].needs_identity {
                self.identity = None;
            }
            let identity = self.identity()?;
            let queue = &mut self.topics[part.topic].queues[part.partition];
            if queue.identity.is_none() || queue.needs_identity {
                (queue.identity, queue.next_sequence, queue.needs_identity) = (Some(identity), 0, false);
            }
            let sequence = queue.next_sequence;
            let next = i64::from(sequence) + i64::from(part.batch.record_count());
            // After the largest number comes 0.
            queue.next_sequence = i32::try_from(next % (i64::from(i32::MAX) + 1)).unwrap_or_default();
            encode(&mut part.batch, queue.identity, sequence)?;
        }
        Ok(())
    }

    fn identity(&mut self) -> Result<Identity, ClientError> {
        if let Some(identity) = self.identity {
            return Ok(identity);
        }
        let request =
            InitProducerIdRequest { transactional_id: None, transaction_timeout_ms: i32::MAX, ..Default::default() };
        let response = self.client.any(&request)?;
        ClientError::check(response.error_code, None)?;
        let identity = Identity { producer_id: response.producer_id, epoch: response.producer_epoch };
        self.identity = Some(identity);
        Ok(identity)
    }

    fn request(&self, parts: &mut [Part]) -> Result<ProduceRequest, ClientError> {
        let mut topics: Vec<(usize, TopicProduceData)> = Vec::new();
        for part in parts {
            part.batch.attempts += 1;
            let sequence = part.batch.sequence.unwrap_or(-1);
            let data = PartitionProduceData {
                index: i32::try_from(part.partition).unwrap_or_default(),
                records: Some(encode(&mut part.batch, None, sequence)?),
            };
            match topics.iter_mut().find(|(topic, _)| *topic == part.topic) {
                Some((_, topic)) => topic.partition_data.push(data),
                None => {
                    let topic = &self.topics[part.topic];
                    let (name, topic_id) = (topic.name.to_string(), topic.id);
                    topics.push((part.topic, TopicProduceData { name, topic_id, partition_data: vec![data] }));
                }
            }
        }
        Ok(ProduceRequest {
            transactional_id: None,
            acks: self.config.acks,
            timeout_ms: request_timeout_ms(self.client.settings().request_timeout),
            topic_data: topics.into_iter().map(|(_, topic)| topic).collect(),
        })
    }

    fn take_answers(&mut self) {
        let brokers: Vec<i32> = self.in_flight.keys().copied().collect();
        for broker in brokers {
            while self.in_flight.get(&broker).is_some_and(|requests| !requests.is_empty()) {
                let arrived = self.links.get(&self.client, broker).map(|connection| connection.has_response());
                if arrived.is_ok_and(|arrived| !arrived) {
                    break;
                }
                self.take_answer(broker);
            }
        }
    }

    /// Waits for one answer, from any broker.
    pub(super) fn await_answer(&mut self, wait: Duration) {
        let deadline = Instant::now() + wait;
        loop {
            let waiting = self.in_flight.iter().filter(|(_, requests)| !requests.is_empty());
            let brokers: Vec<i32> = waiting.map(|(broker, _)| *broker).collect();
            let slice = if brokers.len() > 1 { wait.min(Duration::from_millis(2)) } else { wait };
            for broker in &brokers {
                let readable = self.links.get(&self.client, *broker).map(|connection| connection.is_readable(slice));
                if readable.unwrap_or(true) {
                    return self.take_answer(*broker);
                }
            }
            self.drop_silent();
            if brokers.is_empty() || Instant::now() >= deadline {
                return;
            }
        }
    }

    /// Gives up connections whose oldest request was not answered within `request.timeout.ms`.
    fn drop_silent(&mut self) {
        let timeout = self.client.settings().request_timeout;
        let late = |requests: &std::collections::VecDeque<InFlight>| {
            requests.front().is_some_and(|request| request.sent.elapsed() > timeout)
        };
        let silent: Vec<i32> =
            self.in_flight.iter().filter(|(_, requests)| late(requests)).map(|(broker, _)| *broker).collect();
        for broker in silent {
            let error = ClientError::Disconnected {
                address: format!("broker {broker}"),
                reason: "did not answer in time".into(),
            };
            self.lose_connection(broker, &error);
        }
    }

    fn take_answer(&mut self, broker: i32) {
        let Some(request) = self.in_flight.get_mut(&broker).and_then(std::collections::VecDeque::pop_front) else {
            return;
        };
        let timeout = self.client.settings().request_timeout;
        let answer = self.links.get(&self.client, broker).and_then(|link| link.receive(request.ticket, timeout));
        match answer {
            Ok(response) => self.judge(request.parts, response),
            Err(error) => {
                self.take_back(request.parts, &error, true);
                self.lose_connection(broker, &error);
            }
        }
    }

    /// All that was under way on a connection may or may not have been handled.
    fn lose_connection(&mut self, broker: i32, error: &ClientError) {
        self.links.close(broker);
        self.stale_metadata = true;
        for request in self.in_flight.remove(&broker).unwrap_or_default() {
            self.take_back(request.parts, error, true);
        }
    }

    fn judge(&mut self, parts: Vec<Part>, mut response: ProduceResponse) {
        for part in parts {
            let topic = &self.topics[part.topic];
            let (name, id) = (topic.name.clone(), topic.id);
            let index = i32::try_from(part.partition).unwrap_or_default();
            let same = |topic: &&mut barnabas_protocol::messages::produce_response::TopicProduceResponse| {
                if topic.topic_id.is_zero() { *topic.name == *name } else { topic.topic_id == id }
            };
            let answers = response.responses.iter_mut().filter(same);
            let answer =
                answers.flat_map(|topic| topic.partition_responses.iter_mut()).find(|answer| answer.index == index);
            match answer {
                Some(answer) => self.judge_part(part, std::mem::take(answer)),
                None => {
                    let error = ClientError::Disconnected {
                        address: "the broker".into(),
                        reason: format!("did not answer for partition {name}-{index}"),
                    };
                    self.take_back(vec![part], &error, true);
                }
            }
        }
    }

    fn judge_part(&mut self, mut part: Part, answer: PartitionProduceResponse) {
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => self.done(part, answer.base_offset, None, Vec::new()),
            // The broker has had it before.
            ErrorCode::DuplicateSequenceNumber => self.done(part, -1, None, Vec::new()),
            ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId | ErrorCode::InvalidProducerEpoch
                if self.config.idempotence && !part.batch.maybe_appended =>
            {
                self.rename(part);
            }
            code => {
                let error = ClientError::api(answer.error_code, answer.error_message);
                if code.is_retriable() {
                    return self.take_back(vec![part], &error, false);
                }
                part.batch.maybe_appended = false;
                let errors = answer.record_errors.into_iter();
                let errors = errors.map(|error| (error.batch_index, error.batch_index_error_message)).collect();
                self.done(part, -1, Some(error), errors);
            }
        }
    }

    /// Refused, and for sure not appended: it waits for its predecessors, or goes again under a new producer id.
    fn rename(&mut self, mut part: Part) {
        let queue = &mut self.topics[part.topic].queues[part.partition];
        queue.in_flight -= 1;
        let has_earlier =
            queue.waiting.iter().any(|batch| batch.number < part.batch.number && batch.sequence.is_some());
        if !has_earlier {
            part.batch.sequence = None;
            queue.leave_hole();
        }
        queue.put_back(part.batch);
        self.active.insert((part.topic, part.partition));
    }

    /// Puts batches back into their queues, or ends them when they may not be tried again.
    fn take_back(&mut self, parts: Vec<Part>, error: &ClientError, maybe_appended: bool) {
        let now = Instant::now();
        self.stale_metadata = true;
        for mut part in parts {
            part.batch.maybe_appended |= maybe_appended;
            let is_over = part.batch.attempts > self.config.retries
                || now.duration_since(part.batch.created) >= self.config.delivery_timeout;
            if is_over || !error.is_retriable() {
                self.done(part, -1, Some(copy_of(error)), Vec::new());
                continue;
            }
            let queue = &mut self.topics[part.topic].queues[part.partition];
            queue.in_flight -= 1;
            queue.not_before = Some(now + self.client.settings().retry_backoff);
            queue.put_back(part.batch);
            self.active.insert((part.topic, part.partition));
        }
    }

    fn done(
        &mut self,
        part: Part,
        base_offset: i64,
        error: Option<ClientError>,
        record_errors: Vec<(i32, Option<String>)>,
    ) {
        let topic = &mut self.topics[part.topic];
        let queue = &mut topic.queues[part.partition];
        queue.in_flight = queue.in_flight.saturating_sub(1);
        if error.is_some() && part.batch.sequence.is_some() {
            if part.batch.maybe_appended { queue.needs_identity = true } else { queue.leave_hole() }
        }
        self.buffered = self.buffered.saturating_sub(part.batch.size_bytes);
        self.delivered.push(Delivered {
            topic: topic.name.clone(),
            partition: i32::try_from(part.partition).unwrap_or_default(),
            base_offset,
            tags: part.batch.tags,
            error,
            record_errors,
        });
    }

    /// Ends batches that wait for longer than `delivery.timeout.ms`.
    fn expire(&mut self, now: Instant) {
        for (topic, partition) in self.active.clone() {
            let limit = self.config.delivery_timeout;
            let entry = &mut self.topics[topic];
            let queue = &mut entry.queues[partition];
            let is_late = |batch: &Batch| now.duration_since(batch.created) >= limit;
            let count = queue.waiting.iter().take_while(|batch| is_late(batch)).count();
            queue.in_flight += count; // `done` takes them off again
            let late: Vec<Batch> = queue.waiting.drain(..count).collect();
            let name = entry.name.clone();
            for batch in late {
                let text = format!(
                    "Expiring {} record(s) for {name}-{partition}:{} ms has passed since batch creation",
                    batch.record_count(),
                    now.duration_since(batch.created).as_millis()
                );
                self.done(Part { topic, partition, batch }, -1, Some(ClientError::Timeout(text)), Vec::new());
            }
        }
    }

    fn refresh_metadata_if_due(&mut self) {
        let backoff = self.client.settings().retry_backoff;
        let age = self.refreshed.elapsed();
        if !(self.stale_metadata && age >= backoff || age >= self.config.metadata_max_age) {
            return;
        }
        self.refreshed = Instant::now();
        let names: Vec<String> = self.topics.iter().map(|topic| topic.name.to_string()).collect();
        let Ok(response) = self.client.metadata(Some(&names), true) else { return };
        let now = Instant::now();
        let found = response.topics.into_iter().filter(|topic| topic.error_code == 0);
        for topic in found {
            let Some(index) = topic.name.as_ref().and_then(|name| self.by_name.get(name)) else { continue };
            self.topics[*index].refresh(&topic, now);
        }
        let leaderless = |queue: &super::PartitionQueue| queue.leader < 0 && !queue.is_idle();
        self.stale_metadata = self.topics.iter().any(|topic| topic.queues.iter().any(leaderless));
    }
}

fn encode(batch: &mut Batch, identity: Option<Identity>, sequence: i32) -> Result<bytes::Bytes, ClientError> {
    batch.encode(identity, sequence).map_err(|error| ClientError::Config(error.to_string()))
}

/// The same failure for each of several batches.
fn copy_of(error: &ClientError) -> ClientError {
    match error {
        ClientError::Api { code, message } => ClientError::Api { code: *code, message: message.clone() },
        ClientError::Disconnected { address, reason } => {
            ClientError::Disconnected { address: address.clone(), reason: reason.clone() }
        }
        ClientError::Unsupported(api) => ClientError::Unsupported(api),
        ClientError::Timeout(text) => ClientError::Timeout(text.clone()),
        other => ClientError::Config(other.to_string()),
    }
}
