//! `kafka-metadata-quorum`: who holds the metadata and how far behind each one is; adding and removing controllers.

use std::time::{SystemTime, UNIX_EPOCH};

use barnabas_common::Uuid;
use barnabas_protocol::messages::describe_quorum_request::{PartitionData as Asked, TopicData};
use barnabas_protocol::messages::describe_quorum_response::{Node, PartitionData, ReplicaState};
use barnabas_protocol::messages::{DescribeClusterRequest, DescribeQuorumRequest, RemoveRaftVoterRequest};
use serde_json::{Value, json};

use crate::admin_link::AdminLink;
use crate::cli::argparse::{Kind, Opt, Parsed, Parser};
use crate::client::ClientError;
use crate::{Context, Failure, Tool, output};

pub(crate) const TOOL: Tool =
    Tool { name: "kafka-metadata-quorum", about: "Show the quorum of the metadata.", run, help: || PARSER.help() };

static PARSER: Parser = Parser {
    usage: "kafka-metadata-quorum [-h] [--command-config COMMAND_CONFIG]\n                             \
            (--bootstrap-server BOOTSTRAP_SERVER |\n                             \
            --bootstrap-controller BOOTSTRAP_CONTROLLER)\n                             \
            {describe,add-controller,remove-controller}\n                             ...",
    options: &[
        Opt { names: &["--bootstrap-server"], kind: Kind::One, help: "host:port of brokers, separated by commas" },
        Opt { names: &["--bootstrap-controller"], kind: Kind::One, help: "host:port of controllers" },
        Opt { names: &["--command-config"], kind: Kind::One, help: "a properties file for the client" },
    ],
    commands: &[("describe", &DESCRIBE), ("add-controller", &ADD), ("remove-controller", &REMOVE)],
    required: &[&["--bootstrap-server", "--bootstrap-controller"]],
    exclusive: &[],
};
static DESCRIBE: Parser = Parser {
    usage: "kafka-metadata-quorum (--bootstrap-server BOOTSTRAP_SERVER |\n                             \
            --bootstrap-controller BOOTSTRAP_CONTROLLER)\n                             \
            describe [-h] [--status] [--replication]\n                             [--human-readable]",
    options: &[
        Opt { names: &["--status"], kind: Kind::Switch, help: "a summary" },
        Opt { names: &["--replication"], kind: Kind::Switch, help: "a row for each replica" },
        Opt { names: &["--human-readable"], kind: Kind::Switch, help: "times as differences" },
    ],
    commands: &[],
    required: &[],
    exclusive: &[],
};
static ADD: Parser = Parser {
    usage: "kafka-metadata-quorum (--bootstrap-server BOOTSTRAP_SERVER |\n                             \
            --bootstrap-controller BOOTSTRAP_CONTROLLER)\n                             \
            add-controller [-h] [--dry-run]",
    options: &[Opt { names: &["--dry-run"], kind: Kind::Switch, help: "change nothing" }],
    commands: &[],
    required: &[],
    exclusive: &[],
};
static REMOVE: Parser = Parser {
    usage: "kafka-metadata-quorum (--bootstrap-server BOOTSTRAP_SERVER |\n                             \
            --bootstrap-controller BOOTSTRAP_CONTROLLER)\n                             \
            remove-controller [-h]\n                             --controller-id CONTROLLER_ID\n                             \
            --controller-directory-id CONTROLLER_DIRECTORY_ID\n                             [--dry-run]",
    options: &[
        Opt { names: &["--controller-id", "-i"], kind: Kind::One, help: "the id of the controller" },
        Opt { names: &["--controller-directory-id", "-d"], kind: Kind::One, help: "the id of its metadata directory" },
        Opt { names: &["--dry-run"], kind: Kind::Switch, help: "change nothing" },
    ],
    commands: &[],
    required: &[&["--controller-id"], &["--controller-directory-id"]],
    exclusive: &[],
};

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let parsed = PARSER.parse(arguments).map_err(|stop| stop.into_failure(context, TOOL.name))?;
    match parsed.command {
        "describe" => describe(context, &parsed),
        "add-controller" => add(&parsed),
        _ => remove(context, &parsed),
    }
}

fn said(text: impl Into<String>) -> Failure {
    Failure::Message(text.into())
}

fn open(parsed: &Parsed) -> Result<AdminLink, Failure> {
    AdminLink::open(parsed, parsed.one("--command-config"))
}

fn describe(context: &mut Context<'_>, parsed: &Parsed) -> Result<(), Failure> {
    let (status, replication) = (parsed.has("--status"), parsed.has("--replication"));
    let human = parsed.has("--human-readable");
    if status && replication {
        return Err(said("Only one of --status or --replication should be specified with describe sub-command"));
    }
    if status && human {
        return Err(said("The option --human-readable is only supported along with --replication"));
    }
    if !status && !replication {
        return Err(said("One of --status or --replication must be specified with describe sub-command"));
    }
    let mut link = open(parsed)?;
    let (quorum, nodes) = quorum(&mut link)?;
    let cluster_id = if status || context.is_json() { cluster_id(&mut link)? } else { String::new() };
    let lines = if context.is_json() {
        vec![output::json(&document(&cluster_id, &quorum))]
    } else if status {
        status_lines(&cluster_id, &quorum, &nodes)
    } else {
        replication_lines(&quorum, human.then(now_ms))
    };
    Ok(lines.iter().try_for_each(|line| context.out(line))?)
}

fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

fn cluster_id(link: &mut AdminLink) -> Result<String, ClientError> {
    let endpoint_type = if link.is_controller() { 2 } else { 1 };
    Ok(link.ask(&DescribeClusterRequest { endpoint_type, ..Default::default() })?.cluster_id)
}

fn quorum(link: &mut AdminLink) -> Result<(PartitionData, Vec<Node>), ClientError> {
    let partitions = vec![Asked { partition_index: 0 }];
    let topics = vec![TopicData { topic_name: "__cluster_metadata".into(), partitions }];
    let response = link.ask(&DescribeQuorumRequest { topics })?;
    ClientError::check(response.error_code, response.error_message)?;
    let partition = response.topics.into_iter().flat_map(|topic| topic.partitions).next();
    let partition = partition.ok_or_else(|| ClientError::Config("the answer names no partition".into()))?;
    ClientError::check(partition.error_code, partition.error_message.clone())?;
    Ok((partition, response.nodes))
}

fn leader(quorum: &PartitionData) -> Option<&ReplicaState> {
    quorum.current_voters.iter().find(|voter| voter.replica_id == quorum.leader_id)
}

fn status_lines(cluster_id: &str, quorum: &PartitionData, nodes: &[Node]) -> Vec<String> {
    let leader = leader(quorum);
    let leader_end = leader.map_or(0, |leader| leader.log_end_offset);
    let slowest = quorum.current_voters.iter().min_by_key(|voter| voter.log_end_offset);
    let lag = slowest.map_or(0, |slowest| leader_end.saturating_sub(slowest.log_end_offset));
    let lag_ms = match (leader, slowest) {
        (Some(leader), Some(slowest)) if leader.replica_id != slowest.replica_id => {
            let (leader, slowest) = (leader.last_caught_up_timestamp, slowest.last_caught_up_timestamp);
            if leader < 0 || slowest < 0 { -1 } else { leader.saturating_sub(slowest) }
        }
        _ => 0,
    };
    vec![
        format!("ClusterId:              {cluster_id}"),
        format!("LeaderId:               {}", quorum.leader_id),
        format!("LeaderEpoch:            {}", quorum.leader_epoch),
        format!("HighWatermark:          {}", quorum.high_watermark),
        format!("MaxFollowerLag:         {lag}"),
        format!("MaxFollowerLagTimeMs:   {lag_ms}"),
        format!("CurrentVoters:          {}", replicas(&quorum.current_voters, nodes)),
        format!("CurrentObservers:       {}", replicas(&quorum.observers, nodes)),
    ]
}

fn replicas(states: &[ReplicaState], nodes: &[Node]) -> String {
    let one = |state: &ReplicaState| {
        let mut parts = vec![format!("\"id\": {}", state.replica_id)];
        if !state.replica_directory_id.is_zero() {
            parts.push(format!("\"directoryId\": \"{}\"", state.replica_directory_id));
        }
        let node = nodes.iter().find(|node| node.node_id == state.replica_id);
        let endpoints: Vec<String> = node
            .into_iter()
            .flat_map(|node| &node.listeners)
            .map(|listener| format!("\"{}://{}:{}\"", listener.name, listener.host, listener.port))
            .collect();
        if !endpoints.is_empty() {
            parts.push(format!("\"endpoints\": [{}]", endpoints.join(", ")));
        }
        format!("{{{}}}", parts.join(", "))
    };
    format!("[{}]", states.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// The leader, its followers, then observers, each with what it is.
fn ordered(quorum: &PartitionData) -> Vec<(&ReplicaState, &'static str)> {
    let voters = quorum.current_voters.iter();
    let (leaders, followers): (Vec<_>, Vec<_>) = voters.partition(|voter| voter.replica_id == quorum.leader_id);
    let named = |states: Vec<_>, status| states.into_iter().map(move |state| (state, status));
    let observers = quorum.observers.iter().collect();
    named(leaders, "Leader").chain(named(followers, "Follower")).chain(named(observers, "Observer")).collect()
}

fn replication_lines(quorum: &PartitionData, now_ms: Option<i64>) -> Vec<String> {
    let leader_end = leader(quorum).map_or(0, |leader| leader.log_end_offset);
    let time = |timestamp: i64| match now_ms {
        Some(now) if timestamp >= 0 => format!("{} ms ago", now.saturating_sub(timestamp).max(0)),
        _ => timestamp.to_string(),
    };
    let row = |(state, status): (&ReplicaState, &'static str)| {
        vec![
            state.replica_id.to_string(),
            state.replica_directory_id.to_string(),
            state.log_end_offset.to_string(),
            leader_end.saturating_sub(state.log_end_offset).to_string(),
            time(state.last_fetch_timestamp),
            time(state.last_caught_up_timestamp),
            status.to_owned(),
        ]
    };
    let header =
        ["NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status"];
    output::tabbed(&header, &ordered(quorum).into_iter().map(row).collect::<Vec<_>>())
}

fn document(cluster_id: &str, quorum: &PartitionData) -> Value {
    let leader_end = leader(quorum).map_or(0, |leader| leader.log_end_offset);
    let known = |timestamp: i64| Some(timestamp).filter(|timestamp| *timestamp >= 0);
    let row = |(state, status): (&ReplicaState, &'static str)| {
        json!({
            "id": state.replica_id, "directoryId": state.replica_directory_id.to_string(),
            "logEndOffset": state.log_end_offset, "lag": leader_end.saturating_sub(state.log_end_offset),
            "lastFetchTimestampMs": known(state.last_fetch_timestamp),
            "lastCaughtUpTimestampMs": known(state.last_caught_up_timestamp), "status": status,
        })
    };
    let replicas: Vec<Value> = ordered(quorum).into_iter().map(row).collect();
    json!({
        "clusterId": cluster_id, "leader": quorum.leader_id, "leaderEpoch": quorum.leader_epoch,
        "highWatermark": quorum.high_watermark, "replicas": replicas,
    })
}

fn add(parsed: &Parsed) -> Result<(), Failure> {
    if !parsed.has("--command-config") {
        let text = "You must supply the configuration file of the controller you are adding when using add-controller.";
        return Err(said(text));
    }
    Err(said(
        "add-controller is not supported: controllers of Barnabas are those of controller.quorum.voters; start the new \
         node with a changed file. For a cluster of Apache Kafka use its own kafka-metadata-quorum.",
    ))
}

fn remove(context: &mut Context<'_>, parsed: &Parsed) -> Result<(), Failure> {
    let id_text = parsed.one("--controller-id").unwrap_or_default();
    let id: i32 = id_text.parse().map_err(|_| {
        let text = format!("could not convert '{id_text}' to Integer (For input string: \"{id_text}\")");
        said(format!("usage: {}\n{}: error: argument --controller-id/-i: {text}", REMOVE.usage, TOOL.name))
    })?;
    if id < 0 {
        return Err(said(format!("Invalid negative --controller-id: {id}")));
    }
    let directory_text = parsed.one("--controller-directory-id").unwrap_or_default();
    let directory: Uuid = directory_text
        .parse()
        .map_err(|error| said(format!("Failed to parse --controller-directory-id: {directory_text}: {error}")))?;
    let is_dry = parsed.has("--dry-run");
    if !is_dry {
        let request = RemoveRaftVoterRequest { cluster_id: None, voter_id: id, voter_directory_id: directory };
        let response = open(parsed)?.ask(&request)?;
        ClientError::check(response.error_code, response.error_message)?;
    }
    let what = if is_dry { "DRY RUN of removing " } else { "Removed " };
    Ok(context.out(format!("{what} KRaft controller {id} with directory id {directory}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_status() {
        let state = |id, end| ReplicaState {
            replica_id: id,
            log_end_offset: end,
            last_fetch_timestamp: 1000,
            last_caught_up_timestamp: if id == 1 { 1000 } else { 900 },
            ..Default::default()
        };
        let quorum = PartitionData {
            leader_id: 1,
            current_voters: vec![state(2, 90), state(1, 100)],
            observers: vec![state(3, 80)],
            ..Default::default()
        };
        let lines = replication_lines(&quorum, Some(1500));
        assert!(lines[1].starts_with("1     \tAAAAAAAAAAAAAAAAAAAAAA\t100         \t0  \t500 ms ago"), "{}", lines[1]);
        assert!(lines[2].trim_end().ends_with("Follower") && lines[3].trim_end().ends_with("Observer"));
        let status = status_lines("x", &quorum, &[]);
        assert_eq!(
            (status[4].as_str(), status[5].as_str()),
            ("MaxFollowerLag:         10", "MaxFollowerLagTimeMs:   100")
        );
        assert_eq!(status[7], r#"CurrentObservers:       [{"id": 3}]"#);
    }
}
