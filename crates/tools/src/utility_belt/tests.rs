//! Tests of the pure parts of `cub`, `dub` and `ub`.

use std::net::TcpListener;

use serde_json::json;

use super::*;
use crate::run_in;

/// Exit code, standard output, standard error.
fn call(tool: &Tool, line: &str) -> (u8, String, String) {
    let (mut stdin, mut stdout, mut stderr) = (std::io::empty(), Vec::new(), Vec::new());
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let code = run_in(tool, &arguments, &mut Context::new(&mut stdin, &mut stdout, &mut stderr, false));
    (code, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn waiting_ends_when_something_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(call(&UB, &format!("wait 127.0.0.1 {port} 5")).0, 0);
    drop(listener);
    let (code, _, told) = call(&UB, &format!("wait 127.0.0.1 {port} 0"));
    assert_eq!(code, 1);
    assert!(told.starts_with("error in executing the command: service is unreachable"), "{told}");
}

#[test]
fn each_belt_fails_in_its_own_way() {
    assert_eq!(call(&CUB, "kafka-ready 1").0, 2);
    assert_eq!(call(&CUB, "kafka-ready 1 1").0, 2);
    assert_eq!(call(&CUB, "kafka-ready one 1 -b a:1").0, 2);
    assert_eq!(call(&UB, "kafka-ready 1").0, 1);
    assert_eq!(call(&CUB, "kafka-ready -b 127.0.0.1:1 1 0").0, 1);
    let (code, _, told) = call(&DUB, "ensure NO_SUCH_VARIABLE");
    assert_eq!(
        (code, told.as_str()),
        (1, "NO_SUCH_VARIABLE is required.\nCommand [dub ensure NO_SUCH_VARIABLE] FAILED !\n")
    );
}

#[test]
fn paths_and_listeners() {
    assert_eq!(call(&DUB, "path / exists").0, 0);
    assert_eq!(call(&UB, "path /no/such/file existence").0, 1);
    assert_eq!(call(&DUB, "path / strange").0, 2);
    let advertised = "listeners PLAINTEXT://foo:9999,SSL://bar:9098";
    assert_eq!(call(&CUB, advertised).1, "PLAINTEXT://0.0.0.0:9999,SSL://0.0.0.0:9098\n");
    assert_eq!(call(&UB, advertised).1, "foo:9999,bar:9098\n");
}

#[test]
fn properties_from_the_environment() {
    let spec = json!({
        "prefixes": {"KAFKA": false, "CONFLUENT": true}, "excludes": ["KAFKA_OPTS"],
        "renamed": {"KAFKA_OLD": "new.name"}, "defaults": {"a": "1"},
    });
    let environment = [("KAFKA_OPTS", "x"), ("KAFKA_LOG_DIRS", "/d"), ("CONFLUENT_A__B___C", "2"), ("KAFKA_OLD", "3")];
    let found = properties::properties(&spec, environment.into_iter().map(|(k, v)| (k.into(), v.into())));
    let lines: Vec<String> = found.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(lines, ["a=1", "confluent.a_b-c=2", "log.dirs=/d", "new.name=3"]);
}

#[test]
fn urls() {
    let target = http::Target::of_url("http://sr:8081/subjects?x=1").unwrap();
    assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("sr", 8081, "/subjects?x=1"));
    assert!(http::Target::of_url("https://sr").is_err());
}
