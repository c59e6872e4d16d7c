//! A small blocking Kafka client: enough for command line tools, which ask one thing after the other. Connections are
//! in `connection.rs`; this file knows which broker to ask and when to ask again.

mod connection;
pub mod consumer;
mod error;
mod exceptions;
pub(crate) mod groups;
mod leaders;
mod links;
pub mod producer;
mod settings;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use barnabas_protocol::Request;
use barnabas_protocol::messages::find_coordinator_response::Coordinator;
use barnabas_protocol::messages::metadata_request::MetadataRequestTopic;
use barnabas_protocol::messages::metadata_response::{MetadataResponseBroker, MetadataResponseTopic};
use barnabas_protocol::messages::{FindCoordinatorRequest, MetadataRequest, MetadataResponse};

pub use connection::{Connection, Ticket};
pub use error::ClientError;
pub use exceptions::{default_message, exception_class, exception_name};
pub use leaders::{ListedOffset, PerPartition, TopicPartition, by_topic};
pub use settings::{Address, Settings, parse_address};

/// What kind of coordinator to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoordinatorType {
    Group = 0,
    Transaction = 1,
    Share = 2,
}

/// A client of one cluster.
pub struct Client {
    settings: Settings,
    connections: HashMap<Address, Connection>,
    brokers: BTreeMap<i32, MetadataResponseBroker>,
    coordinators: HashMap<(CoordinatorType, String), i32>,
    bootstrap: Address,
    /// A line for people about a broker that cannot be reached was printed.
    warned: bool,
}

impl Client {
    /// Connects to the first bootstrap address that answers, trying again until `default.api.timeout.ms` is over. Names
    /// without an address are an error at once, as in Kafka's clients.
    pub fn connect(settings: Settings) -> Result<Self, ClientError> {
        settings.check_bootstrap_resolves()?;
        let bootstrap = settings.bootstrap[0].clone();
        let (connections, coordinators) = (HashMap::new(), HashMap::new());
        let mut client =
            Self { settings, connections, brokers: BTreeMap::new(), coordinators, bootstrap, warned: false };
        let deadline = Instant::now() + client.settings.api_timeout;
        client.retrying(deadline, "fetchMetadata", Self::refresh_brokers)?;
        Ok(client)
    }

    /// The settings it was made from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The brokers that are alive, as of the last look.
    pub fn brokers(&self) -> impl Iterator<Item = &MetadataResponseBroker> {
        self.brokers.values()
    }

    /// Asks any broker. Requests that are the controller's affair go here, too: brokers forward them (KIP-590).
    pub fn any<R: Request>(&mut self, request: &R) -> Result<R::Response, ClientError> {
        let deadline = Instant::now() + self.settings.api_timeout;
        self.retrying(deadline, R::API_NAME, |client| {
            let timeout = client.settings.request_timeout;
            client.bootstrap_connection()?.call(request, timeout)
        })
    }

    /// Asks this broker.
    pub fn broker<R: Request>(&mut self, id: i32, request: &R) -> Result<R::Response, ClientError> {
        let deadline = Instant::now() + self.settings.api_timeout;
        self.retrying(deadline, R::API_NAME, |client| {
            let timeout = client.settings.request_timeout;
            client.connection(id)?.call(request, timeout)
        })
    }

    /// Asks the coordinator of this group (or transactional id). `error_of` reads the answer's error code: when it says
    /// that this broker is not the coordinator (any more) or not ready, the coordinator is looked up and asked again.
    pub fn coordinator<R: Request>(
        &mut self,
        kind: CoordinatorType,
        key: &str,
        request: &R,
        error_of: impl Fn(&R::Response) -> i16,
    ) -> Result<R::Response, ClientError> {
        let deadline = Instant::now() + self.settings.api_timeout;
        self.retrying(deadline, R::API_NAME, |client| {
            let id = client.coordinator_id(kind, key)?;
            let timeout = client.settings.request_timeout;
            let response = client.connection(id).and_then(|connection| connection.call(request, timeout));
            let moved = match &response {
                Ok(response) => matches!(error_of(response), 14..=16),
                Err(error) => error.is_retriable(),
            };
            if moved {
                client.coordinators.remove(&(kind, key.to_owned()));
            }
            let response = response?;
            if moved { Err(ClientError::api(error_of(&response), None)) } else { Ok(response) }
        })
    }

    /// The broker that coordinates this group (or transactional id); one try.
    pub fn coordinator_id(&mut self, kind: CoordinatorType, key: &str) -> Result<i32, ClientError> {
        if let Some(id) = self.coordinators.get(&(kind, key.to_owned())) {
            return Ok(*id);
        }
        let found = self.find_coordinator(kind, key)?;
        ClientError::check(found.error_code, found.error_message)?;
        if !self.brokers.contains_key(&found.node_id) {
            self.refresh_brokers()?;
        }
        self.coordinators.insert((kind, key.to_owned()), found.node_id);
        Ok(found.node_id)
    }

    fn find_coordinator(&mut self, kind: CoordinatorType, key: &str) -> Result<Coordinator, ClientError> {
        let request = FindCoordinatorRequest {
            key: key.to_owned(),
            key_type: kind as i8,
            coordinator_keys: vec![key.to_owned()],
        };
        let timeout = self.settings.request_timeout;
        let mut response = self.bootstrap_connection()?.call(&request, timeout)?;
        // Before version 4 the one answer is in the response itself.
        Ok(response.coordinators.pop().unwrap_or(Coordinator {
            key: key.to_owned(),
            node_id: response.node_id,
            host: response.host,
            port: response.port,
            error_code: response.error_code,
            error_message: response.error_message,
        }))
    }

    /// Metadata of the named topics, or of all. Topics are never created by it. Errors per topic are the caller's.
    pub fn topics(&mut self, names: Option<&[String]>) -> Result<Vec<MetadataResponseTopic>, ClientError> {
        self.metadata(names, false).map(|response| response.topics)
    }

    /// The whole answer to a metadata request; also renews the list of brokers.
    pub fn metadata(&mut self, names: Option<&[String]>, may_create: bool) -> Result<MetadataResponse, ClientError> {
        let named = |name: &String| MetadataRequestTopic { name: Some(name.clone()), ..Default::default() };
        let request = MetadataRequest {
            topics: names.map(|names| names.iter().map(named).collect()),
            allow_auto_topic_creation: may_create,
            ..Default::default()
        };
        let response = self.any(&request)?;
        self.remember_brokers(&response);
        Ok(response)
    }

    /// The open connection to a broker, to pipeline requests on it.
    pub fn connection(&mut self, id: i32) -> Result<&mut Connection, ClientError> {
        let broker = self.brokers.get(&id).ok_or_else(|| ClientError::Disconnected {
            address: format!("broker {id}"),
            reason: "is not among the live brokers".into(),
        })?;
        let port = u16::try_from(broker.port).unwrap_or_default();
        let address = Address { host: broker.host.clone(), port };
        self.connect_to(&address)
    }

    /// Closes the connection to a broker; it is opened anew when needed.
    pub fn drop_connection(&mut self, id: i32) {
        if let Some(broker) = self.brokers.get(&id) {
            let port = u16::try_from(broker.port).unwrap_or_default();
            self.connections.remove(&Address { host: broker.host.clone(), port });
        }
    }

    /// A connection to the address that the user gave.
    pub fn bootstrap_connection(&mut self) -> Result<&mut Connection, ClientError> {
        let mut last = None;
        let known = std::iter::once(self.bootstrap.clone());
        let all: Vec<Address> = known.chain(self.settings.bootstrap.iter().cloned()).collect();
        for address in all {
            match self.connect_to(&address) {
                Ok(_) => {
                    self.bootstrap = address.clone();
                    return self.connect_to(&address);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| ClientError::Config("No bootstrap urls given in bootstrap.servers".into())))
    }

    fn connect_to(&mut self, address: &Address) -> Result<&mut Connection, ClientError> {
        if !self.connections.contains_key(address) {
            let opened = Connection::open(address, &self.settings.client_id, self.settings.request_timeout)?;
            self.connections.insert(address.clone(), opened);
        }
        self.connections.get_mut(address).ok_or_else(|| ClientError::Config("no connection".into()))
    }

    fn refresh_brokers(&mut self) -> Result<(), ClientError> {
        let timeout = self.settings.request_timeout;
        let request = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
        let response = self.bootstrap_connection()?.call(&request, timeout)?;
        self.remember_brokers(&response);
        Ok(())
    }

    fn remember_brokers(&mut self, response: &MetadataResponse) {
        self.brokers = response.brokers.iter().map(|broker| (broker.node_id, broker.clone())).collect();
    }

    /// Tries until the call works, fails for good, or the time is over. A broken connection is opened anew.
    fn retrying<T>(
        &mut self,
        deadline: Instant,
        what: &str,
        mut call: impl FnMut(&mut Self) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        loop {
            let error = match call(self) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if let ClientError::Disconnected { address, reason } = &error {
                self.connections.retain(|known, _| known.to_string() != *address);
                if !std::mem::replace(&mut self.warned, true) {
                    eprintln!("WARN Connection to {address} could not be used: {reason}. Trying again.");
                }
            }
            if !error.is_retriable() {
                return Err(error);
            }
            if Instant::now() + self.settings.retry_backoff >= deadline {
                let waited = self.settings.api_timeout.as_millis();
                return Err(ClientError::Timeout(format!(
                    "Timed out waiting for a node assignment. Call: {what}. No answer in {waited} ms: {error}"
                )));
            }
            std::thread::sleep(self.settings.retry_backoff);
        }
    }
}

/// Splits `topic:partition`-like texts at the last colon.
pub fn split_topic_partition(text: &str) -> Option<(&str, i32)> {
    let (topic, partition) = text.rsplit_once(':')?;
    Some((topic, partition.parse().ok()?))
}

/// A timeout for requests that carry one: what is left matters to the broker only roughly.
pub fn request_timeout_ms(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
}
