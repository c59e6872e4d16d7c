//! A way to the brokers or straight to a controller, for tools that take `--bootstrap-server` or
//! `--bootstrap-controller`.

use barnabas_protocol::Request;
use barnabas_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

use crate::cli::{self, argparse::Parsed};
use crate::client::{Client, ClientError, Connection, Settings};
use crate::failure::Failure;

/// Whom requests go to.
pub(crate) enum AdminLink {
    Brokers(Box<Client>),
    Controller(Box<Connection>, Settings),
}

impl AdminLink {
    /// By the options of these names: brokers, or controllers if only they are given.
    pub(crate) fn open(parsed: &Parsed, config: Option<&str>) -> Result<Self, Failure> {
        let brokers = parsed.one("--bootstrap-server");
        let addresses = brokers.or(parsed.one("--bootstrap-controller")).unwrap_or_default();
        let settings = cli::settings(addresses, config).map_err(not_created)?;
        if brokers.is_some() {
            return Ok(Self::Brokers(Box::new(Client::connect(settings)?)));
        }
        let mut last = ClientError::Config("no address".into());
        for address in &settings.bootstrap {
            match Connection::open(address, &settings.client_id, settings.request_timeout) {
                Ok(connection) => return Ok(Self::Controller(Box::new(connection), settings)),
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    pub(crate) fn is_controller(&self) -> bool {
        matches!(self, Self::Controller(..))
    }

    /// Asks whoever is at the other end.
    pub(crate) fn ask<R: Request>(&mut self, request: &R) -> Result<R::Response, ClientError> {
        match self {
            Self::Brokers(client) => client.any(request),
            Self::Controller(connection, settings) => connection.call(request, settings.request_timeout),
        }
    }

    /// The features of a node; only version 4 names those that can be switched off.
    pub(crate) fn features(&mut self, node: Option<i32>) -> Result<ApiVersionsResponse, ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: "barnabas-tools".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let (connection, timeout) = match self {
            Self::Brokers(client) => {
                let timeout = client.settings().request_timeout;
                match node {
                    Some(id) => (client.connection(id)?, timeout),
                    None => (client.bootstrap_connection()?, timeout),
                }
            }
            Self::Controller(connection, settings) => (&mut **connection, settings.request_timeout),
        };
        let version = connection.version_of::<ApiVersionsRequest>()?;
        let response = connection.call_version(version, &request, timeout)?;
        ClientError::check(response.error_code, None).map(|()| response)
    }
}

/// An address that makes no sense, as Java's client tells it.
fn not_created(failure: Failure) -> Failure {
    match failure {
        Failure::Cluster { error, .. } => {
            let text = format!("Failed to create new KafkaAdminClient\n{}", error.as_exception());
            Failure::Cluster { error, text, on_stdout: false }
        }
        other => other,
    }
}
