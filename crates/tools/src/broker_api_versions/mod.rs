//! `kafka-broker-api-versions`: which APIs each broker serves in which versions. Health checks call it: it fails at once
//! when nothing answers. What is printed is in `render.rs`.

mod render;

use std::time::Duration;

use barnabas_protocol::messages::metadata_response::MetadataResponseBroker;
use barnabas_protocol::messages::{ApiVersionsResponse, MetadataRequest, MetadataResponse};
use clap::Args;

use crate::cli::{self, ClusterArgs};
use crate::client::{Address, ClientError, Connection, Settings};
use crate::{Context, Failure, Tool, output};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-broker-api-versions", about: "List the APIs that each broker serves.", run, help };

const DESCRIPTION: &str = "This tool helps to retrieve broker version information.";
/// Kafka's tool waits less long than an AdminClient does; both defaults are in `Settings`' unit.
const ADMIN_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// A broker and what it said, or why it said nothing.
struct Asked {
    broker: MetadataResponseBroker,
    answer: Result<ApiVersionsResponse, ClientError>,
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage(DESCRIPTION.into()));
    }
    let options: Options = cli::parse(TOOL.name, arguments)?;
    let settings = settings(&options.cluster)?;
    let (bootstrap, metadata) = first_answer(&settings)?;
    let asked = ask_all(&settings, bootstrap, metadata.brokers);
    for _ in asked.iter().filter(|one| one.answer.is_err()) {
        context.note_reported_error();
    }
    if context.is_json() {
        return Ok(context.out(output::json(&render::json(&asked)))?);
    }
    let mut lines = asked.iter().flat_map(render::text);
    Ok(lines.try_for_each(|line| context.out(line))?)
}

/// This tool prints the words of an exception before its class.
fn words(error: ClientError) -> Failure {
    Failure::Cluster { text: error.to_string(), error, on_stdout: false }
}

fn settings(cluster: &ClusterArgs) -> Result<Settings, Failure> {
    let mut settings = cluster.settings().map_err(|failure| match failure {
        Failure::Cluster { error, .. } => words(error),
        other => other,
    })?;
    if settings.request_timeout == ADMIN_REQUEST_TIMEOUT {
        settings.request_timeout = REQUEST_TIMEOUT;
    }
    if settings.check_bootstrap_resolves().is_err() {
        let text = "No resolvable bootstrap urls given in bootstrap.servers";
        return Err(words(ClientError::Config(text.into())));
    }
    Ok(settings)
}

/// The first bootstrap address that answers, and the brokers it knows. Nothing is tried twice.
fn first_answer(settings: &Settings) -> Result<(Connection, MetadataResponse), Failure> {
    let request = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    for address in &settings.bootstrap {
        let asked = Connection::open(address, "admin-1", settings.request_timeout).and_then(|mut connection| {
            let response = connection.call(&request, settings.request_timeout)?;
            Ok((connection, response))
        });
        if let Ok(answered) = asked {
            return Ok(answered);
        }
    }
    let nodes = settings.bootstrap.iter().zip(1..).map(|(address, n)| render::node(-n, &address.to_string(), None));
    let address = nodes.collect::<Vec<_>>().join(", ");
    let text = format!("Request METADATA failed on brokers [{address}]");
    let error = ClientError::Disconnected { address, reason: "did not answer".into() };
    Err(Failure::Cluster { error, text, on_stdout: false })
}

fn ask_all(settings: &Settings, bootstrap: Connection, brokers: Vec<MetadataResponseBroker>) -> Vec<Asked> {
    let mut brokers = brokers;
    brokers.sort_by_key(|broker| broker.node_id);
    let ask = |broker: MetadataResponseBroker| {
        let address = address(&broker);
        let answer = if address == *bootstrap.address() {
            Ok(bootstrap.api_versions().clone())
        } else {
            let opened = Connection::open(&address, "admin-1", settings.request_timeout);
            opened.map(|connection| connection.api_versions().clone())
        };
        Asked { broker, answer }
    };
    brokers.into_iter().map(ask).collect()
}

fn address(broker: &MetadataResponseBroker) -> Address {
    Address { host: broker.host.clone(), port: u16::try_from(broker.port).unwrap_or_default() }
}

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}
