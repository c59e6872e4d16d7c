//! How a tool reaches a cluster: bootstrap addresses and the client settings of a `--command-config` file.

use std::net::ToSocketAddrs;
use std::time::Duration;

use barnabas_config::parse_properties;

use super::ClientError;

/// Host and port as a user wrote them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Everything a client needs to know before it connects. Names and defaults are those of Kafka's AdminClient.
#[derive(Clone, Debug)]
pub struct Settings {
    pub bootstrap: Vec<Address>,
    /// `client.id`.
    pub client_id: String,
    /// `request.timeout.ms`: how long one answer may take.
    pub request_timeout: Duration,
    /// `default.api.timeout.ms`: how long all tries of one call may take.
    pub api_timeout: Duration,
    /// `retry.backoff.ms`.
    pub retry_backoff: Duration,
    /// The other lines of the configuration file, for tools that know more keys (`group.id`, `acks` …).
    pub others: Vec<(String, String)>,
}

impl Settings {
    /// From `--bootstrap-server` and the contents of a `--command-config` file.
    pub fn new(bootstrap: &str, config: Option<&str>) -> Result<Self, ClientError> {
        let mut settings = Self {
            bootstrap: parse_bootstrap(bootstrap)?,
            client_id: "adminclient-1".into(),
            request_timeout: Duration::from_secs(30),
            api_timeout: Duration::from_secs(60),
            retry_backoff: Duration::from_millis(100),
            others: Vec::new(),
        };
        let lines = parse_properties(config.unwrap_or_default())
            .map_err(|error| ClientError::Config(format!("line {}: {}", error.line, error.problem)))?;
        for (_, key, value) in lines {
            settings.set(&key, &value)?;
        }
        Ok(settings)
    }

    /// One `key=value`, as a file or a command line gives it.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ClientError> {
        match key {
            "client.id" => value.clone_into(&mut self.client_id),
            "request.timeout.ms" => self.request_timeout = milliseconds(key, value)?,
            "default.api.timeout.ms" => self.api_timeout = milliseconds(key, value)?,
            "retry.backoff.ms" => self.retry_backoff = milliseconds(key, value)?,
            "security.protocol" if !value.eq_ignore_ascii_case("PLAINTEXT") => {
                return Err(ClientError::Config(format!(
                    "security.protocol={value}: these tools speak PLAINTEXT only until SASL and TLS are supported; \
                     use a PLAINTEXT listener"
                )));
            }
            _ => {
                self.others.retain(|(known, _)| known != key);
                self.others.push((key.to_owned(), value.to_owned()));
            }
        }
        Ok(())
    }

    /// Whether any of the bootstrap names has an address.
    pub fn check_bootstrap_resolves(&self) -> Result<(), ClientError> {
        let resolves = |address: &Address| (address.host.as_str(), address.port).to_socket_addrs().is_ok();
        if self.bootstrap.iter().any(resolves) {
            return Ok(());
        }
        let names: Vec<String> = self.bootstrap.iter().map(ToString::to_string).collect();
        Err(ClientError::Unresolvable(names.join(",")))
    }

    /// A key that is none of the fields.
    pub fn other(&self, key: &str) -> Option<&str> {
        self.others.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

fn milliseconds(key: &str, value: &str) -> Result<Duration, ClientError> {
    let parsed = value.trim().parse().map(Duration::from_millis);
    parsed.map_err(|_| ClientError::Config(format!("{key}={value}: give a number of milliseconds")))
}

fn parse_bootstrap(text: &str) -> Result<Vec<Address>, ClientError> {
    let all: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if all.is_empty() {
        let text = "Configuration 'bootstrap.servers' must not be empty. Valid values include: any non-empty value";
        return Err(ClientError::Config(text.into()));
    }
    all.into_iter().map(parse_address).collect()
}

/// `host:port`, `[v6]:port`, or either behind `PLAINTEXT://`.
pub fn parse_address(text: &str) -> Result<Address, ClientError> {
    let invalid = || ClientError::Config(format!("Invalid url in bootstrap.servers: {text}"));
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, port) = bare.rsplit_once(':').ok_or_else(invalid)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().map_err(|_| invalid())?;
    if host.is_empty() { Err(invalid()) } else { Ok(Address { host: host.to_owned(), port }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_every_form() {
        let address = |text| parse_address(text).map(|address| address.to_string()).ok();
        assert_eq!(address("kafka:9092").as_deref(), Some("kafka:9092"));
        assert_eq!(address("PLAINTEXT://kafka:9092").as_deref(), Some("kafka:9092"));
        assert_eq!(address("[::1]:9092").as_deref(), Some("[::1]:9092"));
        assert_eq!(address("kafka"), None);
        assert_eq!(address(":9092"), None);
    }

    #[test]
    fn settings_come_from_the_file() {
        let settings = Settings::new("a:1,b:2", Some("client.id=me\nrequest.timeout.ms=5\ngroup.id=g\n")).unwrap();
        assert_eq!(settings.bootstrap.len(), 2);
        assert_eq!((settings.client_id.as_str(), settings.request_timeout), ("me", Duration::from_millis(5)));
        assert_eq!(settings.other("group.id"), Some("g"));
        assert!(Settings::new("a:1", Some("security.protocol=SASL_SSL")).is_err());
    }
}
