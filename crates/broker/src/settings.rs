//! Numbers from the configuration that the hot paths read, resolved once.

use barnabas_config::BrokerConfig;

/// Fetch answers are kept this small, whatever the client allows, so that many slow consumers stay cheap.
/// Kafka's own limit is `fetch.max.bytes`; a client that gets less simply asks again.
const MAX_FETCH_ANSWER_BYTES: usize = 8 << 20;

/// Settings of the network shell and the request handlers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub socket_request_max_bytes: usize,
    pub connections_max_idle_ms: u64,
    pub fetch_max_bytes: usize,
    pub fetch_session_slots: usize,
    pub address_per_connection: bool,
}

impl Settings {
    pub(crate) fn from_config(config: &BrokerConfig) -> Self {
        let size = |key: &str| usize::try_from(config.number(key)).unwrap_or(0);
        let idle_ms = config.number("connections.max.idle.ms");
        Self {
            socket_request_max_bytes: size("socket.request.max.bytes"),
            // Negative means never; a century is never enough.
            connections_max_idle_ms: u64::try_from(idle_ms).unwrap_or(100 * 365 * 24 * 3600 * 1000),
            fetch_max_bytes: size("fetch.max.bytes").min(MAX_FETCH_ANSWER_BYTES),
            fetch_session_slots: size("max.incremental.fetch.session.cache.slots"),
            address_per_connection: config.boolean("barnabas.advertised.listeners.per.connection"),
        }
    }
}
