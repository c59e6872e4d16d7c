//! Requests about partitions that only their leaders answer: finds the leaders, asks all of them at once, and asks again
//! where leadership moved meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use barnabas_common::ErrorCode;
use barnabas_protocol::Request;
use barnabas_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use barnabas_protocol::messages::metadata_response::MetadataResponseTopic;
use barnabas_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::{Client, ClientError, request_timeout_ms};

/// A topic's name and a partition of it.
pub type TopicPartition = (String, i32);

/// What each partition's leader answered.
pub type PerPartition<T> = BTreeMap<TopicPartition, Result<T, ClientError>>;

/// An answer to `ListOffsets`; `None` where no record fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    pub offset: Option<i64>,
    pub timestamp_ms: Option<i64>,
    pub leader_epoch: Option<i32>,
}

impl Client {
    /// Asks each partition's leader. `request` makes one request for the partitions of one leader, `read` takes its
    /// response apart. Partitions without a leader, and errors that pass, are tried until `default.api.timeout.ms` is over;
    /// a partition that does not exist is not waited for.
    pub fn ask_leaders<R: Request, T>(
        &mut self,
        partitions: impl IntoIterator<Item = TopicPartition>,
        request: impl Fn(&[TopicPartition]) -> R,
        read: impl Fn(R::Response) -> Vec<(TopicPartition, Result<T, ClientError>)>,
    ) -> Result<PerPartition<T>, ClientError> {
        let deadline = Instant::now() + self.settings().api_timeout;
        let mut pending: BTreeSet<TopicPartition> = partitions.into_iter().collect();
        let mut done = PerPartition::new();
        while !pending.is_empty() {
            let by_leader = self.group_by_leader(&pending, &mut done)?;
            self.ask_each(by_leader, &request, &read, &mut done)?;
            pending.retain(|partition| done.get(partition).is_none_or(|answer| is_passing(answer.as_ref().err())));
            if pending.is_empty() || Instant::now() + self.settings().retry_backoff >= deadline {
                break;
            }
            std::thread::sleep(self.settings().retry_backoff);
        }
        for partition in pending {
            done.entry(partition).or_insert_with(|| Err(ClientError::api(ErrorCode::LeaderNotAvailable.code(), None)));
        }
        Ok(done)
    }

    /// The offsets that belong to these times: milliseconds, or Kafka's -1 latest, -2 earliest, -3 newest timestamp …
    pub fn list_offsets(
        &mut self,
        times: &BTreeMap<TopicPartition, i64>,
        isolation_level: i8,
    ) -> Result<PerPartition<ListedOffset>, ClientError> {
        let timeout_ms = request_timeout_ms(self.settings().request_timeout);
        let row = |partition: i32, timestamp: i64| ListOffsetsPartition {
            partition_index: partition,
            current_leader_epoch: -1,
            timestamp,
        };
        let request = |asked: &[TopicPartition]| {
            let with_time = asked.iter().map(|key| (key.0.clone(), row(key.1, times.get(key).copied().unwrap_or(-1))));
            let topics = by_topic(with_time).map(|(name, partitions)| ListOffsetsTopic { name, partitions }).collect();
            ListOffsetsRequest { replica_id: -1, isolation_level, topics, timeout_ms }
        };
        self.ask_leaders(times.keys().cloned(), request, listed)
    }

    /// Partitions by leader. Those that do not exist are done; those without a leader are left out.
    fn group_by_leader<T>(
        &mut self,
        pending: &BTreeSet<TopicPartition>,
        done: &mut PerPartition<T>,
    ) -> Result<BTreeMap<i32, Vec<TopicPartition>>, ClientError> {
        let names: BTreeSet<&String> = pending.iter().map(|(topic, _)| topic).collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let topics = self.topics(Some(&names))?;
        let by_name: BTreeMap<&str, &MetadataResponseTopic> =
            topics.iter().filter_map(|topic| Some((topic.name.as_deref()?, topic))).collect();
        let mut by_leader: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
        for partition in pending {
            match leader_of(by_name.get(partition.0.as_str()).copied(), partition.1) {
                Ok(leader) => by_leader.entry(leader).or_default().push(partition.clone()),
                Err(error) => drop(done.insert(partition.clone(), Err(error))),
            }
        }
        Ok(by_leader)
    }

    /// One request to each leader, all sent before the first answer is awaited.
    fn ask_each<R: Request, T>(
        &mut self,
        by_leader: BTreeMap<i32, Vec<TopicPartition>>,
        request: &impl Fn(&[TopicPartition]) -> R,
        read: &impl Fn(R::Response) -> Vec<(TopicPartition, Result<T, ClientError>)>,
        done: &mut PerPartition<T>,
    ) -> Result<(), ClientError> {
        let timeout = self.settings().request_timeout;
        let mut sent = Vec::new();
        let mut failed = Vec::new();
        for (leader, asked) in by_leader {
            match self.connection(leader).and_then(|connection| connection.send(&request(&asked))) {
                Ok(ticket) => sent.push((leader, asked, ticket)),
                Err(error) => failed.push((leader, asked, error)),
            }
        }
        for (leader, asked, ticket) in sent {
            match self.connection(leader).and_then(|connection| connection.receive(ticket, timeout)) {
                Ok(response) => done.extend(read(response).into_iter().filter(|(key, _)| asked.contains(key))),
                Err(error) => failed.push((leader, asked, error)),
            }
        }
        for (leader, asked, error) in failed {
            if !error.is_retriable() {
                return Err(error);
            }
            self.drop_connection(leader);
            let again = |partition| (partition, Err(ClientError::api(ErrorCode::NetworkException.code(), None)));
            done.extend(asked.into_iter().map(again));
        }
        Ok(())
    }
}

/// Gathers rows of the same topic that follow one another.
pub fn by_topic<T>(rows: impl IntoIterator<Item = (String, T)>) -> impl Iterator<Item = (String, Vec<T>)> {
    let mut grouped: Vec<(String, Vec<T>)> = Vec::new();
    for (topic, row) in rows {
        match grouped.last_mut() {
            Some((last, rows)) if *last == topic => rows.push(row),
            _ => grouped.push((topic, vec![row])),
        }
    }
    grouped.into_iter()
}

fn leader_of(topic: Option<&MetadataResponseTopic>, partition: i32) -> Result<i32, ClientError> {
    let unknown = || ClientError::Api { code: ErrorCode::UnknownTopicOrPartition, message: None };
    let topic = topic.ok_or_else(unknown)?;
    ClientError::check(topic.error_code, None)?;
    let found = topic.partitions.iter().find(|row| row.partition_index == partition).ok_or_else(unknown)?;
    if found.leader_id < 0 {
        Err(ClientError::api(ErrorCode::LeaderNotAvailable.code(), None))
    } else {
        Ok(found.leader_id)
    }
}

/// Whether to ask again. That a partition is unknown is believed: tools ask for what is there.
fn is_passing(error: Option<&ClientError>) -> bool {
    error.is_some_and(|error| error.is_retriable() && error.code() != Some(ErrorCode::UnknownTopicOrPartition))
}

fn listed(response: ListOffsetsResponse) -> Vec<(TopicPartition, Result<ListedOffset, ClientError>)> {
    let known = |number: i64| (number >= 0).then_some(number);
    let mut rows = Vec::new();
    for topic in response.topics {
        for row in topic.partitions {
            let listed = ListedOffset {
                offset: known(row.offset),
                timestamp_ms: known(row.timestamp),
                leader_epoch: (row.leader_epoch >= 0).then_some(row.leader_epoch),
            };
            let outcome = ClientError::check(row.error_code, None).map(|()| listed);
            rows.push(((topic.name.clone(), row.partition_index), outcome));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_topic_come_together() {
        let rows = [("a", 1), ("a", 2), ("b", 1)].map(|(topic, row)| (topic.to_owned(), row));
        let grouped: Vec<_> = by_topic(rows).collect();
        assert_eq!(grouped, [("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![1])]);
    }

    #[test]
    fn only_errors_that_pass_are_tried_again() {
        let passes = |code: ErrorCode| is_passing(Some(&ClientError::api(code.code(), None)));
        assert!(passes(ErrorCode::NotLeaderOrFollower) && passes(ErrorCode::LeaderNotAvailable));
        assert!(
            !passes(ErrorCode::UnknownTopicOrPartition) && !passes(ErrorCode::OffsetOutOfRange) && !is_passing(None)
        );
        assert_eq!(leader_of(None, 0).unwrap_err().code(), Some(ErrorCode::UnknownTopicOrPartition));
    }
}
