//! `kafka-leader-election`: makes the preferred replica the leader again, or any replica where none in sync is left.

use std::collections::BTreeSet;
use std::time::Duration;

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::elect_leaders_request::TopicPartitions;
use barnabas_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{self, ClusterArgs};
use crate::client::{Client, ClientError, TopicPartition, by_topic, request_timeout_ms};
use crate::json_file::ShapeError;
use crate::{Context, Failure, Tool, json_file, output};

pub(crate) const TOOL: Tool = Tool { name: "kafka-leader-election", about: "Elect leaders of partitions.", run, help };

#[derive(Args)]
struct Options {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The old name of --command-config.
    #[arg(long = "admin.config", value_name = "config file", hide = true)]
    admin_config: Option<String>,
    /// The partitions: {"partitions": [{"topic": "foo", "partition": 1}]}
    #[arg(long, value_name = "path")]
    path_to_json_file: Option<String>,
    /// The topic of the one partition.
    #[arg(long, value_name = "topic name")]
    topic: Option<String>,
    /// The number of the one partition.
    #[arg(long, value_name = "partition id", allow_hyphen_values = true)]
    partition: Option<String>,
    /// All partitions for which an election makes sense.
    #[arg(long, action = clap::ArgAction::Count)]
    all_topic_partitions: u8,
    /// preferred: to the first replica; unclean: also to replicas that are not in sync, where there is no leader.
    #[arg(long, value_name = "election type")]
    election_type: Option<String>,
    /// Kafka's tools pass over other words.
    #[arg(hide = true)]
    _others: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ElectionType {
    Preferred = 0,
    Unclean = 1,
}

/// What became of each partition, by name and number.
type Outcomes = Vec<(TopicPartition, Result<(), ClientError>)>;

fn help() -> String {
    cli::help::<Options>(TOOL.name)
}

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Err(Failure::Usage(
            "This tool attempts to elect a new leader for a set of topic partitions. The type of elections supported are \
             preferred replicas and unclean replicas."
                .into(),
        ));
    }
    let mut options: Options = cli::parse(TOOL.name, arguments)?;
    if options.admin_config.is_some() && !context.is_json() {
        context.out(
            "Option --admin.config has been deprecated and will be removed in a future version. Use --command-config \
             instead.",
        )?;
    }
    options.check().map_err(Failure::Message)?;
    let kind = options.election_type().map_err(Failure::Message)?;
    let partitions = options.partitions()?;
    options.cluster.address.command_config = options.cluster.address.command_config.or(options.admin_config);
    let outcomes = connect(&options.cluster)?
        .and_then(|mut client| elect(&mut client, kind, partitions))
        .or_else(|error| Err(refused(context, error)?))?;
    print(context, kind, &outcomes)
}

/// Kafka's tool says some things twice.
fn refused(context: &mut Context<'_>, error: ClientError) -> Result<Failure, Failure> {
    let hint = match (&error, error.code()) {
        (_, Some(ErrorCode::ClusterAuthorizationFailed)) => Some("Not authorized to perform leader election"),
        (ClientError::Timeout(_), _) | (_, Some(ErrorCode::RequestTimedOut)) => {
            Some("Timeout waiting for election results")
        }
        _ => None,
    };
    if let (Some(hint), false) = (hint, context.is_json()) {
        context.out(hint)?;
    }
    let told = error.as_exception();
    let text = hint.map_or_else(|| told.clone(), |hint| format!("{hint}\n{told}"));
    Ok(Failure::Cluster { error, text, on_stdout: false })
}

/// Patience is half a minute, unless the file of settings says otherwise.
fn connect(cluster: &ClusterArgs) -> Result<Result<Client, ClientError>, Failure> {
    let mut settings = cluster.settings()?;
    let defaults = cli::settings("localhost:9092", None)?;
    if settings.api_timeout == defaults.api_timeout {
        settings.api_timeout = Duration::from_secs(30);
    }
    if settings.request_timeout == defaults.request_timeout {
        settings.request_timeout = Duration::from_secs(15);
    }
    Ok(Client::connect(settings))
}

impl Options {
    fn check(&self) -> Result<(), String> {
        let required =
            [("bootstrap-server", self.cluster.has_address()), ("election-type", self.election_type.is_some())];
        let missing: Vec<&str> = required.into_iter().filter(|(_, given)| !given).map(|(name, _)| name).collect();
        if !missing.is_empty() {
            return Err(format!("Missing required option(s): {}", missing.join(", ")));
        }
        let ways = [self.topic.is_some(), self.all_topic_partitions > 0, self.path_to_json_file.is_some()];
        if ways.into_iter().filter(|given| *given).count() != 1 {
            let names = "topic, all-topic-partitions, path-to-json-file";
            return Err(format!("One and only one of the following options is required: {names}"));
        }
        match (&self.topic, &self.partition) {
            (Some(_), None) => Err("Missing required option(s): partition".into()),
            (None, Some(_)) => Err("Option partition is only allowed if topic is used".into()),
            _ => Ok(()),
        }
    }

    fn election_type(&self) -> Result<ElectionType, String> {
        let text = self.election_type.as_deref().unwrap_or_default();
        match text.to_ascii_lowercase().as_str() {
            "preferred" => Ok(ElectionType::Preferred),
            "unclean" => Ok(ElectionType::Unclean),
            _ => Err(format!("Cannot parse argument '{text}' of option election-type")),
        }
    }

    /// `None` means all.
    fn partitions(&self) -> Result<Option<BTreeSet<TopicPartition>>, Failure> {
        if let Some(path) = &self.path_to_json_file {
            let unreadable = |message| Failure::Message(format!("java.io.IOException: {message}"));
            return parse(&json_file::read(path).map_err(unreadable)?).map(Some);
        }
        let (Some(topic), Some(partition)) = (&self.topic, &self.partition) else { return Ok(None) };
        let wrong = |_| Failure::Message(format!("Cannot parse argument '{partition}' of option partition"));
        Ok(Some(BTreeSet::from([(topic.clone(), partition.parse().map_err(wrong)?)])))
    }
}

fn parse(text: &str) -> Result<BTreeSet<TopicPartition>, Failure> {
    let empty = |_| Failure::Message("Replica election data is empty".into());
    let document: Value = serde_json::from_str(text).map_err(empty)?;
    let rows = json_file::object(&document).map_err(shape)?.get("partitions");
    let rows = rows.ok_or_else(|| Failure::Message("Replica election data is missing \"partitions\" field".into()))?;
    let (mut partitions, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for row in json_file::array(rows).map_err(shape)? {
        let (topic, partition) = partition_of(row).map_err(shape)?;
        if !partitions.insert((topic.clone(), partition)) {
            twice.insert(format!("{topic}-{partition}"));
        }
    }
    if twice.is_empty() {
        return Ok(partitions);
    }
    let twice: Vec<String> = twice.into_iter().collect();
    Err(Failure::Message(format!("Replica election data contains duplicate partitions: [{}]", twice.join(", "))))
}

fn partition_of(row: &Value) -> Result<TopicPartition, ShapeError> {
    let row = json_file::object(row)?;
    let topic = json_file::text(json_file::field(row, "topic")?)?;
    Ok((topic, json_file::integer(json_file::field(row, "partition")?)?))
}

fn shape(error: ShapeError) -> Failure {
    Failure::Message(format!("com.fasterxml.jackson.databind.JsonMappingException: {}", error.0))
}

fn elect(
    client: &mut Client,
    kind: ElectionType,
    partitions: Option<BTreeSet<TopicPartition>>,
) -> Result<Outcomes, ClientError> {
    let topics = partitions.map(|partitions| {
        by_topic(partitions).map(|(topic, partitions)| TopicPartitions { topic, partitions }).collect()
    });
    let timeout_ms = request_timeout_ms(client.settings().request_timeout);
    let request = ElectLeadersRequest { election_type: kind as i8, topic_partitions: topics, timeout_ms };
    let response: ElectLeadersResponse = client.any(&request)?;
    ClientError::check(response.error_code, None)?;
    let mut outcomes = Outcomes::new();
    for topic in response.replica_election_results {
        for row in topic.partition_result {
            let outcome = ClientError::check(row.error_code, row.error_message);
            outcomes.push(((topic.topic.clone(), row.partition_id), outcome));
        }
    }
    outcomes.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(outcomes)
}

fn print(context: &mut Context<'_>, kind: ElectionType, outcomes: &Outcomes) -> Result<(), Failure> {
    let is_noop = |outcome: &Result<(), ClientError>| {
        outcome.as_ref().err().and_then(ClientError::code) == Some(ErrorCode::ElectionNotNeeded)
    };
    let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_err() && !is_noop(outcome));
    if context.is_json() {
        failed.for_each(|_| context.note_reported_error());
        let documents: Vec<Value> =
            outcomes.iter().map(|(key, outcome)| document(key, outcome, is_noop(outcome))).collect();
        return Ok(context.out(output::json(&json!({ "partitions": documents })))?);
    }
    let kind = format!("{kind:?}").to_uppercase();
    let named = |chosen: &dyn Fn(&Result<(), ClientError>) -> bool| {
        let chosen = outcomes.iter().filter(|(_, outcome)| chosen(outcome));
        chosen.map(|((topic, partition), _)| format!("{topic}-{partition}")).collect::<Vec<_>>().join(", ")
    };
    let (elected, unchanged) = (named(&|outcome| outcome.is_ok()), named(&is_noop));
    if !elected.is_empty() {
        context.out(format_args!("Successfully completed leader election ({kind}) for partitions {elected}"))?;
    }
    if !unchanged.is_empty() {
        context.out(format_args!("Valid replica already elected for partitions {unchanged}"))?;
    }
    let mut failures = 0;
    for ((topic, partition), outcome) in failed {
        let Err(error) = outcome else { continue };
        failures += 1;
        let told = error.as_exception();
        context.out(format_args!(
            "Error completing leader election ({kind}) for partition: {topic}-{partition}: {told}"
        ))?;
    }
    match failures {
        0 => Ok(()),
        count => Err(Failure::Message(format!("{count} replica(s) could not be elected"))),
    }
}

fn document((topic, partition): &TopicPartition, outcome: &Result<(), ClientError>, is_noop: bool) -> Value {
    match outcome {
        Ok(()) => json!({ "topic": topic, "partition": partition, "result": "elected" }),
        Err(_) if is_noop => json!({ "topic": topic, "partition": partition, "result": "unchanged" }),
        Err(error) => {
            let error = output::json_error(error.code_name(), &error.to_string());
            json!({ "topic": topic, "partition": partition, "error": error })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(words: &str) -> Result<(), String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        cli::parse::<Options>(TOOL.name, &words).map_err(|failure| format!("{failure:?}"))?.check()
    }

    #[test]
    fn combinations() {
        let with = |more: &str| checked(&format!("--bootstrap-server b:1 --election-type preferred {more}"));
        assert!(with("--topic t --partition 0").is_ok() && with("--all-topic-partitions").is_ok());
        assert_eq!(with("--topic t").unwrap_err(), "Missing required option(s): partition");
        assert!(with("--partition 0 --all-topic-partitions").unwrap_err().contains("only allowed if topic is used"));
        assert!(with("").unwrap_err().starts_with("One and only one"));
        assert_eq!(checked("--topic t").unwrap_err(), "Missing required option(s): bootstrap-server, election-type");
    }

    #[test]
    fn outcomes_are_told_in_three_groups() {
        let row = |partition, code| (("t".to_owned(), partition), ClientError::check(code, None));
        let (mut stdin, mut stdout, mut stderr) = (std::io::empty(), Vec::new(), Vec::new());
        let mut context = Context::new(&mut stdin, &mut stdout, &mut stderr, false);
        let ended = print(&mut context, ElectionType::Preferred, &vec![row(0, 0), row(1, 84), row(2, 84), row(3, 80)]);
        assert!(matches!(ended, Err(Failure::Message(text)) if text == "1 replica(s) could not be elected"));
        let printed = String::from_utf8(stdout).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines[0], "Successfully completed leader election (PREFERRED) for partitions t-0");
        assert_eq!(lines[1], "Valid replica already elected for partitions t-1, t-2");
        assert!(lines[2].starts_with("Error completing leader election (PREFERRED) for partition: t-3: org.apache"));
    }

    #[test]
    fn files() {
        let told = |text: &str| format!("{:?}", parse(text).unwrap_err());
        assert!(told("{bad").contains("Replica election data is empty"));
        assert!(told("{}").contains("is missing \\\"partitions\\\" field"));
        let row = "{\"topic\":\"t\",\"partition\":0}";
        assert!(told(&format!("{{\"partitions\":[{row},{row}]}}")).contains("duplicate partitions: [t-0]"));
        assert_eq!(parse(&format!("{{\"partitions\":[{row}]}}")).unwrap(), BTreeSet::from([("t".to_owned(), 0)]));
    }
}
