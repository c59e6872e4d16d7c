//! Asking about groups: which broker coordinates which group, and one request per broker for many groups. What is
//! asked is in the other files of this folder; what is printed of it is the tools' affair.

mod describe;
mod listing;
mod offsets;
mod others;
mod partitions;

use std::collections::BTreeMap;
use std::time::Instant;

use barnabas_common::ErrorCode;
use barnabas_protocol::Request;
use barnabas_protocol::messages::find_coordinator_response::Coordinator;
use barnabas_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use super::{Client, ClientError, CoordinatorType};

pub(crate) use describe::{GroupDescription, MemberDescription, Node};
pub(crate) use listing::GroupListing;
#[cfg(test)]
pub(crate) use offsets::Committed;
pub(crate) use offsets::CommittedOffsets;
pub(crate) use others::{ShareOffset, ShareOffsets, StreamsGroup};

/// Topic and partition.
pub(crate) type TopicPartition = (String, i32);

/// Each group with what is known of it or what the broker said against it, by name.
pub(crate) type Answers<T> = Vec<(String, Result<T, ClientError>)>;

/// Groups by the broker that coordinates them.
pub(crate) type ByCoordinator = BTreeMap<i32, Vec<String>>;

/// FindCoordinator takes many keys from this version on (KIP-699).
const FIRST_BATCHED: i16 = 4;

impl Client {
    /// Runs a call about groups until no coordinator is still loading or has moved, or the time is over.
    pub(super) fn of_groups<T>(
        &mut self,
        what: &str,
        call: impl FnMut(&mut Self) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let deadline = Instant::now() + self.settings.api_timeout;
        self.retrying(deadline, what, call)
    }

    /// The coordinators of these groups; one try.
    pub(crate) fn group_coordinators(&mut self, groups: &[String]) -> Result<ByCoordinator, ClientError> {
        let mut found = ByCoordinator::new();
        let mut unknown = Vec::new();
        for group in groups {
            match self.coordinators.get(&(CoordinatorType::Group, group.clone())) {
                Some(id) => found.entry(*id).or_default().push(group.clone()),
                None => unknown.push(group.clone()),
            }
        }
        if self.bootstrap_connection()?.version_of::<FindCoordinatorRequest>()? < FIRST_BATCHED {
            for group in unknown {
                let id = self.coordinator_id(CoordinatorType::Group, &group)?;
                found.entry(id).or_default().push(group);
            }
        } else if !unknown.is_empty() {
            for coordinator in self.find_group_coordinators(unknown)? {
                found.entry(coordinator.node_id).or_default().push(coordinator.key);
            }
        }
        Ok(found)
    }

    fn find_group_coordinators(&mut self, groups: Vec<String>) -> Result<Vec<Coordinator>, ClientError> {
        let request = FindCoordinatorRequest {
            key_type: CoordinatorType::Group as i8,
            coordinator_keys: groups,
            ..FindCoordinatorRequest::default()
        };
        let timeout = self.settings.request_timeout;
        let response: FindCoordinatorResponse = self.bootstrap_connection()?.call(&request, timeout)?;
        for coordinator in &response.coordinators {
            ClientError::check(coordinator.error_code, coordinator.error_message.clone())?;
            if !self.brokers.contains_key(&coordinator.node_id) {
                self.refresh_brokers()?;
            }
            self.remember_coordinator(&coordinator.key, coordinator.node_id);
        }
        Ok(response.coordinators)
    }

    /// Spares a look-up for a group whose coordinator another answer told.
    fn remember_coordinator(&mut self, group: &str, id: i32) {
        self.coordinators.insert((CoordinatorType::Group, group.to_owned()), id);
    }

    /// The error of one group in an answer: retriable ones end the try, and coordinators are looked up again.
    fn group_result(
        &mut self,
        group: &str,
        code: i16,
        message: Option<String>,
    ) -> Result<Result<(), ClientError>, ClientError> {
        let error = ErrorCode::from_code(code);
        let moved =
            [ErrorCode::CoordinatorLoadInProgress, ErrorCode::CoordinatorNotAvailable, ErrorCode::NotCoordinator];
        if moved.contains(&error) {
            self.coordinators.remove(&(CoordinatorType::Group, group.to_owned()));
            return Err(ClientError::api(code, message));
        }
        Ok(ClientError::check(code, message))
    }

    /// One request to each broker, sent to all before the first answer is read.
    pub(super) fn at_brokers<R: Request>(
        &mut self,
        requests: Vec<(i32, R)>,
    ) -> Result<Vec<(i32, R::Response)>, ClientError> {
        let timeout = self.settings.request_timeout;
        let mut tickets = Vec::with_capacity(requests.len());
        for (id, request) in requests {
            match self.connection(id).and_then(|connection| connection.send(&request)) {
                Ok(ticket) => tickets.push((id, ticket)),
                Err(error) => {
                    // Answers that nobody reads would be taken for those of later requests.
                    tickets.iter().for_each(|(id, _)| self.drop_connection(*id));
                    return Err(error);
                }
            }
        }
        let brokers: Vec<i32> = tickets.iter().map(|(id, _)| *id).collect();
        let mut answers = Vec::with_capacity(tickets.len());
        for (id, ticket) in tickets {
            match self.connection(id).and_then(|connection| connection.receive(ticket, timeout)) {
                Ok(response) => answers.push((id, response)),
                Err(error) => {
                    brokers.iter().for_each(|id| self.drop_connection(*id));
                    return Err(error);
                }
            }
        }
        Ok(answers)
    }
}
