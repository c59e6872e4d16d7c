//! Connections of their own for producers and consumers: what they have under way must not get between the questions
//! and answers of the client.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Address, Client, ClientError, Connection};

/// Open connections by broker.
#[derive(Default)]
pub(crate) struct Links(HashMap<i32, Connection>);

impl Links {
    /// The connection to a broker, opened if there is none.
    pub(crate) fn get(&mut self, client: &Client, id: i32) -> Result<&mut Connection, ClientError> {
        let entry = match self.0.entry(id) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(entry) => entry,
        };
        let found = client.brokers().find(|broker| broker.node_id == id);
        let broker = found.ok_or_else(|| ClientError::Disconnected {
            address: format!("broker {id}"),
            reason: "is not among the live brokers".into(),
        })?;
        let address = Address { host: broker.host.clone(), port: u16::try_from(broker.port).unwrap_or_default() };
        let settings = client.settings();
        Ok(entry.insert(Connection::open(&address, &settings.client_id, settings.request_timeout)?))
    }

    /// Closes the connection to a broker.
    pub(crate) fn close(&mut self, id: i32) {
        self.0.remove(&id);
    }
}
