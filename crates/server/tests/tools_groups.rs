//! The tools for groups on a real broker, where they are more than Kafka's: JSON, exit codes that tell the truth, options
//! of the ZooKeeper era. What they share with Kafka's own tools is judged beside those.

#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Command, Output};

use common::{Launch, Server};
use serde_json::{Value, json};

const GROUPS: &str = "kafka-consumer-groups";

fn tool(server: &Server, arguments: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barnabas"));
    let address = server.address.to_string();
    command.args(arguments.replace("{B}", &address).split_whitespace());
    command.env_clear().envs(environment.iter().copied()).output().unwrap()
}

fn groups(server: &Server, arguments: &str) -> Output {
    tool(server, &format!("{GROUPS} --bootstrap-server {{B}} {arguments}"), &[])
}

/// Exit code and document.
fn json_of(server: &Server, arguments: &str) -> (i32, Value) {
    let output = groups(server, &format!("{arguments} --output json"));
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().unwrap(), document)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn with_topic() -> Server {
    let server = Launch::new().start();
    let created = tool(&server, "kafka-topics --bootstrap-server {B} --create --topic t --partitions 2", &[]);
    assert!(created.status.success(), "{created:?}");
    server
}

#[test]
fn the_life_of_a_group_as_json() {
    let server = with_topic();
    assert_eq!(json_of(&server, "--list"), (0, json!({ "groups": [] })));
    let reset = "--reset-offsets --group g --topic t --to-earliest";
    let (code, planned) = json_of(&server, &format!("{reset} --dry-run"));
    assert_eq!((code, &planned["offsets"][1]["result"]), (0, &json!("unchanged")));
    let (_, altered) = json_of(&server, &format!("{reset} --execute"));
    let row = json!({ "group": "g", "topic": "t", "partition": 1, "newOffset": 0, "result": "altered" });
    assert_eq!(altered["offsets"][1], row);
    let (_, listed) = json_of(&server, "--list");
    assert_eq!((&listed["groups"][0]["group"], &listed["groups"][0]["state"]), (&json!("g"), &json!("Empty")));
    let (_, described) = json_of(&server, "--describe --group g");
    let offset = &described["groups"][0]["offsets"][0];
    assert_eq!((&offset["currentOffset"], &offset["lag"], &offset["consumerId"]), (&json!(0), &json!(0), &Value::Null));
    assert_eq!(described["groups"][0]["coordinator"]["port"], server.address.port());
    assert_eq!(json_of(&server, "--describe --group g --members").1["groups"][0]["members"], json!([]));
    let (code, forgotten) = json_of(&server, "--delete-offsets --group g --topic t:0 --topic none");
    assert_eq!((code, &forgotten["offsets"][0]["error"]["code"]), (1, &json!("UNKNOWN_TOPIC_OR_PARTITION")));
    assert_eq!(forgotten["offsets"][1]["result"], "deleted");
    let (code, deleted) = json_of(&server, "--delete --group g --group none");
    assert_eq!((code, &deleted["groups"][0]), (1, &json!({ "group": "g", "result": "deleted" })));
    assert_eq!(deleted["groups"][1]["error"]["code"], "GROUP_ID_NOT_FOUND");
}

#[test]
fn each_group_has_its_error() {
    let server = with_topic();
    groups(&server, "--reset-offsets --group g --topic t --to-latest --execute");
    let (code, described) = json_of(&server, "--describe --group none --group g --state");
    assert_eq!((code, &described["groups"][1]["error"]["code"]), (1, &json!("GROUP_ID_NOT_FOUND")));
    assert_eq!(
        (&described["groups"][0]["state"], &described["groups"][0]["memberCount"]),
        (&json!("Empty"), &json!(0))
    );
    let (code, refused) = json_of(&server, "--reset-offsets --group g --topic none --to-latest --execute");
    assert_eq!((code, &refused["error"]["code"]), (1, &json!("UNKNOWN_TOPIC_OR_PARTITION")));
    let (code, usage) = json_of(&server, "--describe --list");
    assert_eq!((code, &usage["error"]["code"]), (1, &json!("INVALID_ARGUMENT")));
}

#[test]
fn exit_codes_are_honest_when_asked_to_be() {
    let server = with_topic();
    let unknown = format!("{GROUPS} --bootstrap-server {{B}} --describe --group none");
    let strict = [("BARNABAS_STRICT_EXIT", "1")];
    assert_eq!(tool(&server, &unknown, &[]).status.code(), Some(0));
    assert_eq!(tool(&server, &unknown, &strict).status.code(), Some(1));
    assert_eq!(tool(&server, &format!("{GROUPS} --bootstrap-server {{B}} --list"), &strict).status.code(), Some(0));
}

#[test]
fn exported_offsets_can_be_imported() {
    let server = with_topic();
    groups(&server, "--reset-offsets --group g --topic t --to-latest --execute");
    let exported = text(&groups(&server, "--reset-offsets --group g --all-topics --to-current --dry-run --export"));
    assert_eq!(exported, "t,0,0\nt,1,0\n\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offsets.csv");
    std::fs::write(&file, exported.trim_end()).unwrap();
    let import = format!("--reset-offsets --group copy --from-file {} --execute", file.display());
    assert!(text(&groups(&server, &import)).contains("copy            t               1          0"));
    assert_eq!(json_of(&server, "--describe --group copy").1["groups"][0]["offsets"].as_array().unwrap().len(), 2);
}

#[test]
fn command_lines_of_the_zookeeper_era_work() {
    let server = with_topic();
    groups(&server, "--reset-offsets --group g --topic t --to-latest --execute");
    let address = server.address.to_string();
    let listed = format!("{GROUPS} --zookeeper zookeeper:2181 --list --new-consumer");
    assert_eq!(text(&tool(&server, &listed, &[("BARNABAS_BOOTSTRAP_SERVER", &address)])), "g\n");
}
