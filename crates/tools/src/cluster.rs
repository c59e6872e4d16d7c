//! `kafka-cluster`: the id of a cluster, its endpoints, and brokers that will not come back.

use barnabas_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use barnabas_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse, UnregisterBrokerRequest};
use serde_json::json;

use crate::admin_link::AdminLink;
use crate::cli::argparse::{Kind, Opt, Parsed, Parser, Stop};
use crate::client::ClientError;
use crate::{Context, Failure, Tool, output};

pub(crate) const TOOL: Tool = Tool {
    name: "kafka-cluster",
    about: "Show the id of a cluster and its endpoints, unregister a broker.",
    run,
    help: || PARSER.help(),
};

const BROKERS: Opt =
    Opt { names: &["--bootstrap-server", "-b"], kind: Kind::One, help: "host:port of brokers, separated by commas" };
const CONTROLLERS: Opt = Opt {
    names: &["--bootstrap-controller", "-C"],
    kind: Kind::One,
    help: "host:port of controllers, separated by commas",
};
const OLD_CONFIG: Opt = Opt { names: &["--config"], kind: Kind::One, help: "the old name of --command-config" };
const CONFIG: Opt =
    Opt { names: &["--command-config", "-c"], kind: Kind::One, help: "a properties file for the client" };
const WHO: &[&[&str]] = &[&["--bootstrap-server", "--bootstrap-controller"]];

static PARSER: Parser = Parser {
    usage: "kafka-cluster [-h] {cluster-id,unregister,list-endpoints} ...",
    options: &[],
    commands: &[("cluster-id", &CLUSTER_ID), ("unregister", &UNREGISTER), ("list-endpoints", &LIST_ENDPOINTS)],
    required: &[],
    exclusive: &[],
};
static CLUSTER_ID: Parser = Parser {
    usage: "kafka-cluster cluster-id [-h] [--config CONFIG]\n                     \
            [--command-config COMMAND_CONFIG]\n                     \
            (--bootstrap-server BOOTSTRAP_SERVER |\n                     \
            --bootstrap-controller BOOTSTRAP_CONTROLLER)",
    options: &[BROKERS, CONTROLLERS, OLD_CONFIG, CONFIG],
    commands: &[],
    required: WHO,
    exclusive: &[],
};
static UNREGISTER: Parser = Parser {
    usage: "kafka-cluster unregister [-h] [--config CONFIG]\n                     \
            [--command-config COMMAND_CONFIG] --id ID\n                     \
            (--bootstrap-server BOOTSTRAP_SERVER |\n                     \
            --bootstrap-controller BOOTSTRAP_CONTROLLER)",
    options: &[
        BROKERS,
        CONTROLLERS,
        OLD_CONFIG,
        CONFIG,
        Opt { names: &["--id", "-i"], kind: Kind::One, help: "the broker to unregister" },
    ],
    commands: &[],
    required: &[&["--id"], WHO[0]],
    exclusive: &[],
};
static LIST_ENDPOINTS: Parser = Parser {
    usage: "kafka-cluster list-endpoints [-h] [--config CONFIG]\n                     \
            [--command-config COMMAND_CONFIG]\n                     [--include-fenced-brokers]\n                     \
            (--bootstrap-server BOOTSTRAP_SERVER |\n                     \
            --bootstrap-controller BOOTSTRAP_CONTROLLER)",
    options: &[
        BROKERS,
        CONTROLLERS,
        OLD_CONFIG,
        CONFIG,
        Opt { names: &["--include-fenced-brokers"], kind: Kind::Switch, help: "fenced brokers, too" },
    ],
    commands: &[],
    required: WHO,
    exclusive: &[],
};

fn run(context: &mut Context<'_>, arguments: &[String]) -> Result<(), Failure> {
    let parsed = match PARSER.parse(arguments) {
        // Whoever asks this tool for help gets exit code 1.
        Err(Stop::Help(text)) => return Err(Failure::OnStdout(text)),
        other => other.map_err(|stop| stop.into_failure(context, TOOL.name))?,
    };
    let id = parsed.one("--id").map(broker_id).transpose()?;
    let mut link = AdminLink::open(&parsed, parsed.one("--command-config").or(parsed.one("--config")))?;
    match (parsed.command, id) {
        ("unregister", Some(id)) => unregister(context, &mut link, id),
        ("cluster-id", _) => {
            let id = describe(&mut link, false)?.cluster_id;
            if context.is_json() {
                return Ok(context.out(output::json(&json!({ "clusterId": id })))?);
            }
            Ok(context.out(format!("Cluster ID: {id}"))?)
        }
        _ => list_endpoints(context, &mut link, &parsed),
    }
}

fn broker_id(text: &str) -> Result<i32, Failure> {
    text.parse().map_err(|_| {
        let wrong = format!("argument --id/-i: could not convert '{text}' to Integer (For input string: \"{text}\")");
        Failure::Message(format!("usage: {}\n{}: error: {wrong}", UNREGISTER.usage, TOOL.name))
    })
}

fn describe(link: &mut AdminLink, include_fenced_brokers: bool) -> Result<DescribeClusterResponse, ClientError> {
    let endpoint_type = if link.is_controller() { 2 } else { 1 };
    let request =
        DescribeClusterRequest { include_cluster_authorized_operations: false, endpoint_type, include_fenced_brokers };
    let response = link.ask(&request)?;
    ClientError::check(response.error_code, response.error_message.clone()).map(|()| response)
}

fn unregister(context: &mut Context<'_>, link: &mut AdminLink, broker_id: i32) -> Result<(), Failure> {
    let outcome = link.ask(&UnregisterBrokerRequest { broker_id });
    let outcome = outcome.and_then(|response| ClientError::check(response.error_code, response.error_message));
    match outcome {
        Ok(()) if context.is_json() => {
            let done = json!({ "brokers": [{ "id": broker_id, "result": "deleted" }] });
            Ok(context.out(output::json(&done))?)
        }
        Ok(()) => Ok(context.out(format!("Broker {broker_id} is no longer registered."))?),
        Err(ClientError::Unsupported(_)) if !context.is_json() => {
            context.note_reported_error();
            Ok(context.out("The target cluster does not support the broker unregistration API.")?)
        }
        Err(error) => Err(error.into()),
    }
}

fn list_endpoints(context: &mut Context<'_>, link: &mut AdminLink, parsed: &Parsed) -> Result<(), Failure> {
    let mut nodes = describe(link, parsed.has("--include-fenced-brokers"))?.brokers;
    nodes.sort_by_key(|node| node.broker_id);
    let is_controller = link.is_controller();
    if context.is_json() {
        return Ok(context.out(output::json(&document(&nodes, is_controller)))?);
    }
    Ok(table(&nodes, is_controller).iter().try_for_each(|line| context.out(line))?)
}

fn document(nodes: &[DescribeClusterBroker], is_controller: bool) -> serde_json::Value {
    let kind = if is_controller { "controller" } else { "broker" };
    let row = |node: &DescribeClusterBroker| {
        let DescribeClusterBroker { broker_id, host, port, rack, is_fenced } = node;
        let fenced = if is_controller { None } else { Some(*is_fenced) };
        json!({ "id": broker_id, "host": host, "port": port, "rack": rack, "isFenced": fenced, "endpointType": kind })
    };
    json!({ "endpoints": nodes.iter().map(row).collect::<Vec<_>>() })
}

fn table(nodes: &[DescribeClusterBroker], is_controller: bool) -> Vec<String> {
    let host_width = nodes.iter().map(|node| node.host.chars().count()).max().unwrap_or_default().max(4);
    let rack_width = nodes.iter().filter_map(|node| node.rack.as_ref()).map(|rack| rack.chars().count()).max();
    let rack_width = rack_width.unwrap_or_default().max(10);
    let line = |id: &str, host: &str, port: &str, rack: &str, state: &str, kind: &str| {
        let state = if is_controller { String::new() } else { format!("{state:<10} ") };
        format!("{id:<10} {host:<host_width$} {port:<10} {rack:<rack_width$} {state}{kind:<15}")
    };
    let row = |node: &DescribeClusterBroker| {
        let state = if node.is_fenced { "fenced" } else { "unfenced" };
        let kind = if is_controller { "controller" } else { "broker" };
        let rack = node.rack.as_deref().unwrap_or("null");
        line(&node.broker_id.to_string(), &node.host, &node.port.to_string(), rack, state, kind)
    };
    let header = line("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE");
    std::iter::once(header).chain(nodes.iter().map(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_a_table() {
        let node =
            DescribeClusterBroker { broker_id: 1, host: "127.0.0.1".into(), port: 19092, rack: None, is_fenced: false };
        let lines = table(std::slice::from_ref(&node), false);
        assert_eq!(lines[0], "ID         HOST      PORT       RACK       STATE      ENDPOINT_TYPE  ");
        assert_eq!(lines[1], "1          127.0.0.1 19092      null       unfenced   broker         ");
        assert_eq!(table(&[node], true)[1], "1          127.0.0.1 19092      null       controller     ");
    }
}
