//! The tools for topics, offsets, log directories, elections and reassignments on a real broker, where they are more than
//! Kafka's: JSON, exit codes that tell the truth, options of the ZooKeeper era. The rest is judged beside Kafka's own tools.

#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Command, Output};

use common::{DataDir, Launch, Server};
use serde_json::{Value, json};

fn tool(arguments: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barnabas"));
    command.args(arguments.split_whitespace()).env_clear().envs(environment.iter().copied());
    command.output().unwrap()
}

fn run(server: &Server, name: &str, arguments: &str) -> Output {
    tool(&format!("{name} --bootstrap-server {} {arguments}", server.address), &[])
}

/// Exit code and document.
fn json_of(server: &Server, name: &str, arguments: &str) -> (i32, Value) {
    let output = run(server, name, &format!("{arguments} --output json"));
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().unwrap(), document)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn partitions_whose_log_dir_is_missing_are_unavailable() {
    let (one, other) = (DataDir::new(), DataDir::new());
    let both = format!("{},{}", one.path().display(), other.path().display());
    let groups = ["offsets.topic.num.partitions", "6"];
    let server = Launch::on(&one).set("log.dirs", &both).set(groups[0], groups[1]).start();
    server.connect().create_topic("t", 2, &[]);
    server.stop();

    let server = Launch::on(&one).start();
    assert_eq!(server.wait_for_log(&["cannot load", "consumer groups"]).len(), 1, "one line for one log dir");
    let unavailable = |topic: &str| {
        let (code, described) =
            json_of(&server, "kafka-topics", &format!("--describe --topic {topic} --unavailable-partitions"));
        assert_eq!(code, 0);
        described
    };
    let partition = &unavailable("t")["topics"][0]["partitions"][0];
    assert_eq!((&partition["leader"], &partition["isr"]), (&Value::Null, &json!([])), "{partition}");
    server.wait_for_log(&["missing", other.path().to_str().unwrap(), "barnabas.given.up.log.dirs=", "t-"]);
}

#[test]
fn topics_as_json() {
    let server = Launch::new().start();
    let topics = |arguments: &str| json_of(&server, "kafka-topics", arguments);
    let create = "--create --topic a --partitions 2 --config retention.ms=-1";
    let (code, created) = topics(create);
    assert_eq!((code, &created["topics"][0]["result"]), (0, &json!("created")));
    let (code, error) = topics(create);
    assert_eq!((code, &error["error"]["code"]), (1, &json!("TOPIC_ALREADY_EXISTS")));
    let (code, unchanged) = topics(&format!("{create} --if-not-exists"));
    assert_eq!((code, &unchanged["topics"][0]["result"]), (0, &json!("unchanged")));
    let (_, listed) = topics("--list --exclude-internal");
    assert_eq!(listed["topics"][0]["topic"], "a");
    assert_eq!(listed["topics"][0]["topicId"], created["topics"][0]["topicId"]);
    let (_, described) =
        topics(&format!("--describe --topic-id {}", created["topics"][0]["topicId"].as_str().unwrap()));
    let topic = &described["topics"][0];
    assert_eq!((&topic["partitionCount"], &topic["configs"]["retention.ms"]), (&json!(2), &json!("-1")));
    assert_eq!(topic["partitions"][1]["partition"], 1);
    assert_eq!(topics("--describe --topic a --unavailable-partitions"), (0, json!({ "topics": [] })));
    assert_eq!(topics("--alter --topic a --partitions 3").1["topics"][0]["result"], "altered");
    let (code, refused) = topics("--alter --topic a --partitions 3");
    assert_eq!((code, &refused["topics"][0]["error"]["code"]), (1, &json!("INVALID_PARTITIONS")));
    let (code, usage) = topics("--list --describe");
    assert_eq!((code, &usage["error"]["code"]), (1, &json!("INVALID_ARGUMENT")));
    assert_eq!(topics("--delete --topic a").1, json!({ "topics": [{ "topic": "a", "result": "deleted" }] }));
    assert_eq!(topics("--list --exclude-internal").1, json!({ "topics": [] }));
}

#[test]
fn command_lines_of_the_zookeeper_era_work() {
    let server = Launch::new().start();
    let address = server.address.to_string();
    let bootstrap = [("BARNABAS_BOOTSTRAP_SERVER", address.as_str())];
    let create = "kafka-topics --create --zookeeper zookeeper:2181 --replication-factor 1 --partitions 1 --topic old";
    assert_eq!(text(&tool(create, &bootstrap)), "Created topic old.\n");
    let listeners = format!("PLAINTEXT://kafka:29092,HOST://{address}");
    assert_eq!(
        text(&tool("kafka-topics.sh --list --exclude-internal --zookeeper=zookeeper:2181/chroot", &bootstrap)),
        "old\n"
    );
    assert_eq!(text(&tool(&format!("kafka-topics --list --exclude-internal --broker-list {address}"), &[])), "old\n");
    let first = [("KAFKA_ADVERTISED_LISTENERS", listeners.split(',').next_back().unwrap())];
    assert_eq!(text(&tool("kafka-topics --list --exclude-internal --zookeeper z", &first)), "old\n");
    assert_eq!(text(&tool(&format!("kafka-get-offsets --broker-list {address} --topic old"), &[])), "old:0:0\n");
}

#[test]
fn offsets_directories_and_leaders_as_json() {
    let server = Launch::new().start();
    run(&server, "kafka-topics", "--create --topic a --partitions 2");
    let (code, offsets) = json_of(&server, "kafka-get-offsets", "--topic a --time max-timestamp");
    assert_eq!((code, &offsets["offsets"][1]["partition"]), (0, &json!(1)));
    assert_eq!(offsets["offsets"][1]["offset"], Value::Null);
    let (code, refused) = json_of(&server, "kafka-get-offsets", "--topic a --time -7");
    assert_eq!((code, &refused["offsets"][0]["error"]["code"]), (1, &json!("UNSUPPORTED_VERSION")));
    let (code, dirs) = json_of(&server, "kafka-log-dirs", "--describe --topic-list a");
    assert_eq!((code, &dirs["brokers"][0]["logDirs"][0]["partitions"][0]["partition"]), (0, &json!("a-0")));
    let (code, elected) =
        json_of(&server, "kafka-leader-election", "--election-type preferred --topic a --partition 0");
    assert_eq!((code, &elected["partitions"][0]["result"]), (0, &json!("unchanged")));
    let unknown = "--election-type preferred --topic none --partition 0";
    let (code, elected) = json_of(&server, "kafka-leader-election", unknown);
    assert_eq!((code, &elected["partitions"][0]["error"]["code"]), (1, &json!("UNKNOWN_TOPIC_OR_PARTITION")));
}

#[test]
fn deletions_that_fail_are_told_and_strict_exit_codes_say_so() {
    let server = Launch::new().start();
    run(&server, "kafka-topics", "--create --topic a --partitions 2");
    let file = server.data().beside("offsets.json");
    let row = |topic: &str, offset| json!({ "topic": topic, "partition": 0, "offset": offset });
    std::fs::write(&file, json!({ "partitions": [row("a", 0), row("none", 0)] }).to_string()).unwrap();
    let arguments = format!("--offset-json-file {}", file.display());
    let lax = run(&server, "kafka-delete-records", &arguments);
    assert!(lax.status.success() && text(&lax).contains("partition: none-0\terror: org.apache.kafka"), "{lax:?}");
    let command = format!("kafka-delete-records --bootstrap-server {} {arguments}", server.address);
    assert_eq!(tool(&command, &[("BARNABAS_STRICT_EXIT", "1")]).status.code(), Some(1));
    let (code, deleted) = json_of(&server, "kafka-delete-records", &arguments);
    assert_eq!((code, &deleted["partitions"][0]["lowWatermark"]), (1, &json!(0)));
    assert_eq!(deleted["partitions"][1]["error"]["code"], "UNKNOWN_TOPIC_OR_PARTITION");
}

#[test]
fn reassignments_as_json() {
    let server = Launch::new().start();
    run(&server, "kafka-topics", "--create --topic a --partitions 1");
    let reassign = |arguments: &str| json_of(&server, "kafka-reassign-partitions", arguments);
    assert_eq!(reassign("--list"), (0, json!({ "reassignments": [] })));
    let topics = server.data().beside("topics.json");
    std::fs::write(&topics, "{\"topics\":[{\"topic\":\"a\"}]}").unwrap();
    let (_, described) = json_of(&server, "kafka-topics", "--describe --topic a");
    let node = described["topics"][0]["partitions"][0]["leader"].as_i64().unwrap();
    let (code, generated) =
        reassign(&format!("--generate --topics-to-move-json-file {} --broker-list {node}", topics.display()));
    assert_eq!((code, &generated["proposed"]["partitions"][0]["replicas"]), (0, &json!([node])));
    assert_eq!(generated["current"]["partitions"][0]["log_dirs"], json!([server.data().path()]));
    let plan = server.data().beside("plan.json");
    std::fs::write(&plan, generated["current"].to_string()).unwrap();
    let plan = format!("--reassignment-json-file {}", plan.display());
    let (code, started) = reassign(&format!("--execute {plan} --throttle 1000000"));
    assert_eq!((code, &started["partitions"][0]["result"]), (0, &json!("started")), "{started}");
    let (code, verified) = reassign(&format!("--verify {plan}"));
    assert_eq!((code, &verified["partitions"][0]["result"]), (0, &json!("completed")));
    assert_eq!(verified["logDirs"][0]["result"], "completed");
    assert_eq!(reassign(&format!("--cancel {plan}")), (0, json!({ "partitions": [] })));
    let (_, described) = json_of(&server, "kafka-topics", "--describe --topic a");
    assert!(!described.to_string().contains("throttled"), "{described}");
}
