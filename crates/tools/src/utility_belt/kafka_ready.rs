//! `kafka-ready`: enough brokers are there. `topic-exists`: a topic is.

use std::time::Duration;

use barnabas_protocol::messages::metadata_request::MetadataRequestTopic;
use barnabas_protocol::messages::{MetadataRequest, MetadataResponse};

use super::Trouble;
use super::http::until;
use super::words::{Words, seconds};
use crate::cli::{self, bootstrap_of_zookeeper};
use crate::client::{ClientError, Connection, Settings};
use crate::{Context, Failure};

/// One try: a broker that is about to start may accept a connection and say nothing.
const LONGEST_TRY: Duration = Duration::from_secs(5);

pub(super) fn kafka_ready(context: &mut Context<'_>, words: &Words) -> Result<(), Trouble> {
    let [minimum, timeout] = words.exactly(["expected_brokers", "timeout"])?;
    let minimum: usize = minimum
        .parse()
        .map_err(|_| Trouble::Usage(format!("argument expected_brokers: invalid int value: '{minimum}'")))?;
    let timeout = seconds(timeout)?;
    let settings = settings(words)?;
    let request = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    let mut told = None;
    let outcome = until(timeout, |left| {
        let text = match ask(&settings, &request, left) {
            Ok(answer) if answer.brokers.len() >= minimum.max(1) => return Ok(()),
            Ok(answer) => format!("Expected {minimum} brokers but found only {}.", answer.brokers.len()),
            Err(error) => format!("Expected {minimum} brokers but none can be asked: {error}."),
        };
        if told.as_ref() != Some(&text) {
            let _ = context.err(format!("{text} Trying to query Kafka for metadata again ..."));
            told = Some(text.clone());
        }
        Err(text)
    });
    outcome.map_err(|text| Trouble::Failed(format!("kafka-ready check failed: {text}")))
}

pub(super) fn topic_exists(_context: &mut Context<'_>, words: &Words) -> Result<(), Trouble> {
    let (topic, timeout) = match words.all() {
        [topic] => (topic, Duration::ZERO),
        [topic, timeout] => (topic, seconds(timeout)?),
        _ => return Err(Trouble::Usage("the following arguments are required: topic".into())),
    };
    let settings = settings(words)?;
    let asked = MetadataRequestTopic { name: Some(topic.clone()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![asked]), allow_auto_topic_creation: false, ..Default::default() };
    until(timeout, |left| match ask(&settings, &request, left) {
        Ok(answer) if answer.topics.iter().all(|topic| topic.error_code == 0) => Ok(()),
        Ok(_) => Err(format!("topic {topic} does not exist")),
        Err(error) => Err(error.to_string()),
    })
    .map_err(Trouble::Failed)
}

/// The first address that answers.
fn ask(settings: &Settings, request: &MetadataRequest, left: Duration) -> Result<MetadataResponse, ClientError> {
    let timeout = left.min(LONGEST_TRY);
    let mut last = ClientError::Config("no address".into());
    for address in &settings.bootstrap {
        let opened = Connection::open(address, &settings.client_id, timeout);
        match opened.and_then(|mut connection| connection.call(request, timeout)) {
            Ok(answer) => return Ok(answer),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn settings(words: &Words) -> Result<Settings, Trouble> {
    if let Some(protocol) = words.option("security").filter(|name| !name.eq_ignore_ascii_case("PLAINTEXT")) {
        let text = "these tools speak PLAINTEXT only until SASL and TLS are supported; use a PLAINTEXT listener";
        return Err(Trouble::Failed(format!("--security-protocol {protocol}: {text}")));
    }
    let from_zookeeper = || words.option("zookeeper").map(bootstrap_of_zookeeper);
    let given = words.option("bootstrap").map(str::to_owned).or_else(from_zookeeper);
    let config = words.option("config");
    let bootstrap = match (given, config) {
        (Some(list), _) => list,
        (None, Some(file)) => bootstrap_of_file(file)?,
        (None, None) => {
            let text = "one of the arguments -b/--bootstrap_broker_list -z/--zookeeper_connect is required";
            return Err(Trouble::Usage(text.into()));
        }
    };
    cli::settings(&bootstrap, config).map_err(|failure| failed(&failure))
}

fn bootstrap_of_file(file: &str) -> Result<String, Trouble> {
    let any = cli::settings("unused:1", Some(file)).map_err(|failure| failed(&failure))?;
    let found = any.other("bootstrap.servers").map(str::to_owned);
    found.ok_or_else(|| Trouble::Usage(format!("give -b BROKERS, or bootstrap.servers in {file}")))
}

fn failed(failure: &Failure) -> Trouble {
    Trouble::Failed(failure.code_and_message().map(|(_, message)| message).unwrap_or_default())
}
