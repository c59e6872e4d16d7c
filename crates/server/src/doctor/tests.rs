//! The report for the usual kinds of setups and troubles, from facts alone.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use barnabas_broker::advertised::{Network, Subnet, Surroundings};

use super::super::facts::*;
use super::Report;

fn in_container(bound: &str, told: &str, port: u16) -> Facts {
    let bound: SocketAddr = bound.parse().unwrap();
    let own: IpAddr = "172.18.0.5".parse().unwrap();
    let listener = ListenerFacts {
        name: "PLAINTEXT".into(),
        bound,
        told_host: told.into(),
        told_port: port,
        is_between_brokers: true,
        told: Reach::default(),
    };
    Facts {
        config: ConfigFacts { source: "server.properties".into(), ..ConfigFacts::default() },
        surroundings: Surroundings {
            network: Network {
                own: vec![own],
                gateways: vec!["172.18.0.1".parse().unwrap()],
                subnets: vec![Subnet { address: "172.18.0.0".parse().unwrap(), prefix_len: 16, is_inside: true }],
            },
            bound: vec![bound],
            names: [("kafka".to_owned(), vec![own]), ("nowhere".to_owned(), Vec::new())].into(),
        },
        in_container: true,
        per_connection: true,
        listeners: vec![listener],
        now_ms: 1_800_000_000_000,
        open_files: Some(1_048_576),
        is_of_this_machine: true,
        user: (1000, 1000),
        ..Facts::default()
    }
}

fn told(facts: &Facts) -> Vec<(String, String, String)> {
    let json = Report::of(facts).json();
    let clients = json["listeners"][0]["clients"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    clients.iter().map(|view| (text(&view["client"]), text(&view["told"]), text(&view["level"]))).collect()
}

fn row(client: &str, told: &str, level: &str) -> (String, String, String) {
    (client.to_owned(), told.to_owned(), level.to_owned())
}

#[test]
fn a_published_port_is_good_for_everybody() {
    let facts = in_container("0.0.0.0:9092", "localhost", 29092);
    let expected = [
        row("this container (docker exec)", "127.0.0.1:9092", "ok"),
        row("other containers in 172.18.0.0/16", "172.18.0.5:9092", "ok"),
        row("the container's host", "localhost:29092", "ok"),
    ];
    assert_eq!(told(&facts), expected);
    assert_eq!(Report::of(&facts).wrong(), 0);
    assert!(Report::of(&facts).text().contains("published as 29092:9092"));
}

#[test]
fn as_kafka_does_it_other_containers_are_lost() {
    let facts = Facts { per_connection: false, ..in_container("0.0.0.0:9092", "localhost", 9092) };
    assert_eq!(told(&facts)[1], row("other containers in 172.18.0.0/16", "localhost:9092", "wrong"));
    let text = Report::of(&facts).text();
    assert!(text.contains("fix: set barnabas.advertised.listeners.per.connection=true"), "{text}");
}

#[test]
fn a_name_of_the_network_serves_the_network() {
    let facts = in_container("0.0.0.0:9092", "kafka", 9092);
    let levels: Vec<_> = told(&facts).into_iter().map(|row| row.2).collect();
    assert_eq!(levels, ["ok", "ok", "note"]);
}

#[test]
fn loopback_only_is_said_but_not_wrong() {
    let facts = Facts { in_container: false, ..in_container("127.0.0.1:9092", "127.0.0.1", 9092) };
    let expected = [
        row("this machine", "127.0.0.1:9092", "ok"),
        row("other machines and containers", "-", "note"),
        row("clients behind a router", "-", "note"),
    ];
    assert_eq!(told(&facts), expected);
    assert_eq!(Report::of(&facts).wrong(), 0);
}

#[test]
fn a_name_between_brokers_that_does_not_resolve() {
    let facts = Facts { per_connection: false, ..in_container("0.0.0.0:9092", "nowhere", 9092) };
    assert_eq!(told(&facts)[0], row("this container (docker exec)", "nowhere:9092", "wrong"));
}

fn dir(unwritable: Option<&str>, usable_bytes: u64) -> DirFacts {
    DirFacts {
        path: PathBuf::from("/var/lib/kafka/data"),
        exists: true,
        unwritable: unwritable.map(str::to_owned),
        usable_bytes: Some(usable_bytes),
        total_bytes: Some(100 << 30),
    }
}

#[test]
fn machine_troubles_are_told_with_their_cure() {
    let sound = in_container("0.0.0.0:9092", "localhost", 9092);
    let troubles = [
        (
            Facts { dirs: vec![dir(Some("Permission denied"), 1 << 40)], ..sound_again() },
            "chown -R 1000:1000 /var/lib/kafka/data",
        ),
        (Facts { dirs: vec![dir(None, 1 << 20)], ..sound_again() }, "lower log.retention"),
        (Facts { now_ms: 5, ..sound_again() }, "set the clock"),
        (Facts { newest_file_ms: Some(sound.now_ms + 3_600_000), ..sound_again() }, "3600 s ahead"),
        (Facts { open_files: Some(1024), ..sound_again() }, "ulimit -n 100000"),
    ];
    for (facts, told) in troubles {
        let report = Report::of(&facts);
        assert_eq!(report.wrong(), 1, "{}", report.text());
        assert!(report.text().contains(told), "{}", report.text());
    }
    assert!(Report::of(&Facts { dirs: vec![dir(None, 50 << 30)], ..sound }).text().contains("Nothing is wrong."));
}

fn sound_again() -> Facts {
    in_container("0.0.0.0:9092", "localhost", 9092)
}

#[test]
fn configuration_problems_and_warnings_are_wrong_and_notes_are_not() {
    let mut facts = sound_again();
    facts.config.problems = vec!["node.id is -3".into()];
    facts.config.warnings = vec!["num.partition is unknown".into()];
    facts.config.notes = vec!["node.id is not set".into()];
    assert_eq!(Report::of(&facts).wrong(), 2);
}

#[test]
fn brokers_that_send_clients_astray() {
    let asked = |by_user, said| Asked {
        address: "10.0.0.9:9092".into(),
        by_user,
        said,
        without_leader: Vec::new(),
        log_dirs: Ok(Vec::new()),
    };
    let broker = |connected| ToldBroker {
        id: 1,
        address: "localhost:9092".into(),
        reach: Reach { resolved: vec!["127.0.0.1".parse().unwrap()], connected: Some(connected) },
    };
    let lost = broker(Err("127.0.0.1:9092: connection refused".into()));
    let fine = broker(Ok("127.0.0.1:9092".parse().unwrap()));
    let cases = [
        (asked(true, Ok(vec![fine])), 0, "answers, and tells of node 1 at localhost:9092"),
        (asked(true, Ok(vec![lost])), 1, "is sent on to localhost:9092 and cannot connect"),
        (asked(true, Err(NoAnswer::Refused("refused".into()))), 1, "check that the broker runs"),
        (asked(false, Err(NoAnswer::Refused("refused".into()))), 0, "no broker runs there now"),
        (asked(false, Err(NoAnswer::Stranger("nonsense".into()))), 1, "ss -ltnp"),
    ];
    for (asked, wrong, text) in cases {
        let report = Report::of(&Facts { asked: vec![asked], ..sound_again() });
        assert_eq!(report.wrong(), wrong, "{}", report.text());
        assert!(report.text().contains(text), "{}", report.text());
    }
}

#[test]
fn what_a_running_broker_lacks_is_wrong() {
    let log_dir = |path: &str, error_code, usable_bytes| ToldLogDir { path: path.to_owned(), error_code, usable_bytes };
    let asked = |without_leader: &[&str], log_dirs| Asked {
        address: "10.0.0.9:9092".into(),
        by_user: true,
        said: Ok(Vec::new()),
        without_leader: without_leader.iter().map(|name| (*name).to_owned()).collect(),
        log_dirs,
    };
    let cases = [
        (asked(&[], Ok(vec![log_dir("/d", 0, 50 << 30)])), 0, "answers"),
        (
            asked(&["t-0", "t-3"], Ok(Vec::new())),
            1,
            "2 partitions have no leader and are neither written nor read: t-0, t-3",
        ),
        (asked(&[], Ok(vec![log_dir("/d", 56, -1)])), 1, "its log dir /d is out of use (error 56)"),
        (asked(&[], Ok(vec![log_dir("/d", 0, 3 << 20)])), 1, "its log dir /d has 3 MiB of free space left"),
        (asked(&[], Err("not allowed".into())), 0, "does not tell of its log dirs: not allowed"),
    ];
    for (asked, wrong, text) in cases {
        let facts = Facts { asked: vec![asked], is_of_this_machine: false, open_files: Some(5), ..sound_again() };
        let report = Report::of(&facts);
        assert_eq!(report.wrong(), wrong, "{}", report.text());
        assert!(report.text().contains(text) && !report.text().contains("open files"), "{}", report.text());
    }
}
