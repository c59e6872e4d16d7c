//! What clients are told to connect to, by where they come from, and when it changes while the broker runs.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use barnabas_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use barnabas_protocol::messages::{FindCoordinatorRequest, IncrementalAlterConfigsRequest};
use common::{Client, Launch, Server};

const EVERYWHERE: &str = "PLAINTEXT://0.0.0.0:0";
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;

/// An address of this machine that is not loopback. Nothing is sent.
fn outer_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.254:9").ok()?;
    Some(socket.local_addr().unwrap().ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

fn advertising(address: &str) -> Launch {
    Launch::new().set("listeners", EVERYWHERE).set("advertised.listeners", &format!("PLAINTEXT://{address}"))
}

/// What Metadata and FindCoordinator say to a client that comes by this address. They must agree.
fn told(server: &Server, by: IpAddr) -> (String, i32) {
    let mut client = Client::connect(SocketAddr::new(by, server.address.port()));
    let broker = client.metadata(None).brokers[0].clone();
    let asked = FindCoordinatorRequest { coordinator_keys: vec!["g".to_owned()], ..Default::default() };
    let found = client.call(4, &asked).coordinators[0].clone();
    assert_eq!((&found.host, found.port), (&broker.host, broker.port));
    (broker.host, broker.port)
}

fn loopback() -> IpAddr {
    "127.0.0.1".parse().unwrap()
}

#[test]
fn what_leads_to_the_broker_is_told_as_it_is_advertised() {
    let server = advertising("localhost:0").start();
    let port = i32::from(server.address.port());
    for by in [Some(loopback()), outer_address()].into_iter().flatten() {
        assert_eq!(told(&server, by), ("localhost".to_owned(), port));
    }
}

#[test]
fn a_process_beside_the_broker_is_not_sent_to_a_published_port() {
    let server = advertising("localhost:1").start();
    for by in [Some(loopback()), outer_address()].into_iter().flatten() {
        assert_eq!(told(&server, by), (by.to_string(), i32::from(server.address.port())));
    }
    let as_kafka = advertising("localhost:1").set("barnabas.advertised.listeners.per.connection", "false").start();
    assert_eq!(told(&as_kafka, loopback()), ("localhost".to_owned(), 1));
}

#[test]
fn a_name_that_is_unknown_here_is_not_told_here() {
    let server = advertising("kafka.invalid:9092").start();
    let deadline = Instant::now() + Duration::from_secs(20);
    // The name is looked up beside the start.
    while told(&server, loopback()).0 != "127.0.0.1" {
        assert!(Instant::now() < deadline, "still told {:?}", told(&server, loopback()));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn alter(server: &Server, operation: i8, value: Option<&str>) -> i16 {
    let config = AlterableConfig {
        name: "advertised.listeners".to_owned(),
        config_operation: operation,
        value: value.map(str::to_owned),
    };
    let node = server.ready["node_id"].to_string();
    let resource = AlterConfigsResource { resource_type: BROKER, resource_name: node, configs: vec![config] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
    server.connect().call(1, &request).responses[0].error_code
}

#[test]
fn advertised_listeners_change_while_the_broker_runs() {
    const INVALID_REQUEST: i16 = 42;
    let launch = advertising("localhost:0").set("barnabas.advertised.listeners.per.connection", "false");
    let server = launch.start();
    let port = i32::from(server.address.port());
    for wrong in ["", "PLAINTEXT", "OTHER://h:1", "PLAINTEXT://0.0.0.0:1"] {
        assert_eq!(alter(&server, SET, Some(wrong)), INVALID_REQUEST, "{wrong:?}");
    }
    assert_eq!(told(&server, loopback()), ("localhost".to_owned(), port));
    assert_eq!(alter(&server, SET, Some("PLAINTEXT://elsewhere:7")), 0);
    assert_eq!(told(&server, loopback()), ("elsewhere".to_owned(), 7));
    server.stop();
    let again = launch.start();
    assert_eq!(told(&again, loopback()), ("elsewhere".to_owned(), 7), "it holds after a restart");
    assert_eq!(alter(&again, DELETE, None), 0);
    assert_eq!(told(&again, loopback()), ("localhost".to_owned(), i32::from(again.address.port())));
}
