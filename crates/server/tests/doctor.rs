//! `barnabas doctor` on real configurations and beside real brokers: what it says and how it exits.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::TcpListener;
use std::process::{Command, Output};

use common::{DataDir, Launch};
use serde_json::Value;

fn doctor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_barnabas"));
    command.arg("doctor").args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn findings(report: &Value, level: &str) -> Vec<String> {
    let all = report["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == level);
    all.map(|finding| format!("{}: {}", finding["about"].as_str().unwrap(), finding["what"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_running_broker_is_found_well() {
    let server = Launch::new().start();
    let address = server.address.to_string();
    let dirs = format!("log.dirs={}", server.data().path().display());
    let listeners = format!("listeners=PLAINTEXT://{address}");
    let output = doctor(&["--override", &dirs, "--override", &listeners, "--output", "json"]);
    let report = json(&output);
    assert!(output.status.success(), "{report:#}");
    assert_eq!(report["listeners"][0]["clients"][0]["told"], address);
    let good = findings(&report, "ok").join("\n");
    assert!(good.contains(&format!("broker at {address}: answers, and tells of node 1 at {address}")), "{good}");
    assert!(doctor(&["--bootstrap-server", &address]).status.success());
}

#[test]
fn a_broker_that_sends_its_clients_astray_is_told() {
    let as_kafka = ("barnabas.advertised.listeners.per.connection", "false");
    let launch = Launch::new().set(as_kafka.0, as_kafka.1).set("advertised.listeners", "PLAINTEXT://astray.invalid:9");
    let server = launch.start();
    let output = doctor(&["--bootstrap-server", &server.address.to_string(), "--output", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let wrong = findings(&json(&output), "wrong").join("\n");
    assert!(
        wrong.contains("is sent on to astray.invalid:9 and cannot connect: the name does not resolve here"),
        "{wrong}"
    );
}

#[test]
fn strangers_and_nobody_are_told_apart() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || while stranger.accept().is_ok_and(|(_, peer)| peer.port() != 0) {});
    let data = DataDir::new();
    let dirs = format!("log.dirs={}", data.path().display());
    let taken =
        doctor(&["--override", &dirs, "--override", &format!("listeners=PLAINTEXT://{address}"), "--output", "json"]);
    assert_eq!(taken.status.code(), Some(1));
    let wrong = findings(&json(&taken), "wrong").join("\n");
    assert!(wrong.contains("does not answer as a broker"), "{wrong}");
    let nobody = doctor(&["--bootstrap-server", "127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stdout).contains("fix: check that the broker runs"));
    drop(answering);
}

#[test]
fn what_keeps_a_broker_from_starting_is_all_told() {
    let settings = ["--override", "num.partitions=0", "--override", "node.id=-3", "--override", "num.partition=1"];
    let output = doctor(&[&settings[..], &["--output", "json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let wrong = findings(&json(&output), "wrong").join("\n");
    assert!(wrong.contains("num.partitions") && wrong.contains("node.id"), "{wrong}");
    let missing = doctor(&["/nowhere/server.properties"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/server.properties"));
}
