//! Start-up from real-looking inputs: what is chosen, what is refused.

use super::*;

fn load_file(contents: &str) -> Result<Loaded, ConfigError> {
    BrokerConfig::load(LoadInput { file: Some(("server.properties".into(), contents.into())), ..LoadInput::default() })
}

fn load_env(env: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    BrokerConfig::load(LoadInput { env, ..LoadInput::default() })
}

fn refusal(contents: &str) -> String {
    load_file(contents).expect_err(contents).to_string()
}

const SINGLE_NODE: &str = "
# one node with both roles
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
offsets.topic.replication.factor=1
log.retention.hours=168
log.segment.bytes=1073741824
";

#[test]
fn a_kraft_single_node_file_works_as_it_is() {
    let Loaded { config, warnings, notes, .. } = load_file(SINGLE_NODE).unwrap();
    assert!(warnings.is_empty() && notes.is_empty(), "{warnings:?} {notes:?}");
    assert_eq!(config.node_id(), 1);
    assert_eq!(config.process_roles(), [ProcessRole::Broker, ProcessRole::Controller]);
    let expected =
        Listener { name: "PLAINTEXT".into(), protocol: SecurityProtocol::Plaintext, host: String::new(), port: 9092 };
    assert_eq!(config.listeners(), [expected]);
    assert_eq!(config.controller_listeners()[0].port, 9093);
    assert_eq!(config.advertised_listeners().len(), 1);
    assert_eq!(config.advertised_listeners()[0].host.as_deref(), Some("localhost"));
    assert_eq!(config.inter_broker_listener_name(), "PLAINTEXT");
    assert_eq!(config.log_dirs(), [PathBuf::from("/tmp/kraft-combined-logs")]);
    assert_eq!(config.quorum_bootstrap_servers()[0].port, 9093);
}

#[test]
fn nothing_at_all_is_a_node_that_only_this_machine_reaches() {
    let Loaded { config, warnings, notes, .. } = BrokerConfig::load(LoadInput::default()).unwrap();
    assert!(warnings.is_empty());
    assert_eq!(notes.len(), 2);
    assert_eq!(
        (config.node_id(), config.listeners()[0].host.as_str(), config.listeners()[0].port),
        (1, "127.0.0.1", 9092)
    );
    assert_eq!(config.log_dirs(), [PathBuf::from("./barnabas-data")]);
    assert_eq!(config.metadata_log_dir(), PathBuf::from("./barnabas-data"));
    assert_eq!(config.http_listener().map(|address| address.port), Some(9404));
    assert!(config.has_role(ProcessRole::Controller) && config.controller_listeners().is_empty());
}

#[test]
fn a_file_without_listeners_keeps_kafkas_default() {
    let config = load_file("node.id=5\nbarnabas.http.listener=").unwrap().config;
    assert!(config.listeners()[0].is_wildcard());
    assert_eq!(config.advertised_listeners()[0].host, None);
    assert_eq!(config.http_listener(), None);
}

#[test]
fn advertised_listeners_from_the_environment_imply_listeners() {
    let env = [
        ("KAFKA_ADVERTISED_LISTENERS", "INTERNAL://broker:29092,EXTERNAL://localhost:9092"),
        ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT"),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "INTERNAL"),
        ("KAFKA_BROKER_ID", "0"),
        ("KAFKA_ZOOKEEPER_CONNECT", "zookeeper:2181"),
    ];
    let Loaded { config, warnings, notes, .. } = load_env(&env).unwrap();
    let bound: Vec<_> = config.listeners().iter().map(|l| (l.name.as_str(), l.host.as_str(), l.port)).collect();
    assert_eq!(bound, [("INTERNAL", "0.0.0.0", 29092), ("EXTERNAL", "0.0.0.0", 9092)]);
    assert_eq!((config.node_id(), config.inter_broker_listener_name()), (0, "INTERNAL"));
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(notes.iter().any(|note| note.contains("ZooKeeper")));
}

#[test]
fn node_id_and_broker_id_stand_for_each_other() {
    let config = load_file("broker.id=7").unwrap().config;
    assert_eq!((config.node_id(), config.int("broker.id")), (7, 7));
    assert_eq!(config.statics().get("node.id").map(String::as_str), Some("7"));
    assert!(refusal("node.id=1\nbroker.id=2").contains("make them the same"));
    assert_eq!(load_file("node.id=0\nbroker.id=-1").unwrap().config.int("broker.id"), 0);
}

#[test]
fn bad_values_name_key_value_place_and_cure() {
    let text =
        refusal("log.segment.bytes=5\nnum.partitions=many\nssl.key.password=x\nlistener.name.a.max.connections=-1");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("log.segment.bytes = \"5\" (server.properties:1): it must be at least 1048576"));
    assert!(text.contains("num.partitions = \"many\" (server.properties:2): it is not a whole number of 32 bits"));
    assert!(text.contains("listener.name.a.max.connections"));
    assert!(text.contains("(default \"1\")"));
}

#[test]
fn listener_rules() {
    let cases = [
        ("listeners=A://:1", "no security protocol is known for A"),
        ("listeners=PLAINTEXT:9092", "not of the form NAME://host:port"),
        ("listeners=PLAINTEXT://:1,plaintext://:2", "two listeners called PLAINTEXT"),
        ("listeners=PLAINTEXT://:1,SSL://:1", "both use port 1"),
        ("listeners=PLAINTEXT://h:99999", "not of the form"),
        ("listeners=PLAINTEXT://:1\nadvertised.listeners=SSL://h:1", "SSL is not among the names of listeners"),
        ("listeners=PLAINTEXT://:1\nadvertised.listeners=PLAINTEXT://0.0.0.0:1", "nobody can connect to 0.0.0.0"),
        ("listeners=CONTROLLER://:1\ncontroller.listener.names=CONTROLLER", "clients could not connect"),
        ("listener.security.protocol.map=A:TLS", "not NAME:PROTOCOL"),
        ("inter.broker.listener.name=X", "X is not among the advertised listeners"),
        ("inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT", "exclude each other"),
        ("controller.quorum.voters=1@h", "not of the form id@host:port"),
        ("controller.quorum.voters=2@h:1", "does not name this controller"),
        ("process.roles=broker", "needs controller.quorum.bootstrap.servers"),
        ("process.roles=broker\nnode.id=2\ncontroller.quorum.voters=2@h:1", "is only a broker"),
        ("process.roles=king", "one of broker, controller"),
        ("barnabas.http.listener=9404", "leave it empty"),
        ("replica.lag.time.max.ms=100", "must not be above replica.lag.time.max.ms"),
        ("log.retention.ms=0", "at least 1, or -1"),
        ("controller.quorum.voters=1@a:1,2@b:1", "must name a listener of this node"),
    ];
    for (contents, expected) in cases {
        let text = refusal(contents);
        assert!(text.contains(expected), "{contents}: {text}");
    }
}

#[test]
fn listeners_that_are_fine() {
    let both =
        load_file("listeners=A://127.0.0.1:9092,B://[::1]:9092\nlistener.security.protocol.map=A:PLAINTEXT,B:SASL_SSL")
            .unwrap()
            .config;
    assert_eq!(both.listeners()[1].host, "::1");
    assert_eq!(both.listeners()[1].protocol, SecurityProtocol::SaslSsl);
    assert_eq!(both.inter_broker_listener_name(), "A");
    let ports = load_file("listeners=PLAINTEXT://:0,SSL://:0").unwrap().config;
    assert_eq!(ports.advertised_listeners()[1].port, 0);
    let implied = load_file("listeners=PLAINTEXT://:1,CONTROLLER://:2").unwrap().config;
    assert_eq!(implied.controller_listener_names(), ["CONTROLLER"]);
}

#[test]
fn three_controllers_and_a_plain_broker() {
    let voters = "controller.quorum.voters=1@a:9093,2@b:9093,3@c:9093\ncontroller.listener.names=CONTROLLER\n";
    let broker =
        load_file(&format!("process.roles=broker\nnode.id=101\nlisteners=PLAINTEXT://:9092\n{voters}")).unwrap().config;
    assert_eq!(broker.quorum_voters()[2].address, HostPort { host: "c".into(), port: 9093 });
    let controller = load_file(&format!("process.roles=controller\nnode.id=2\nlisteners=CONTROLLER://:9093\n{voters}"))
        .unwrap()
        .config;
    assert!(controller.listeners().is_empty() && controller.advertised_listeners().is_empty());
}

#[test]
fn settings_of_a_listener_win_over_plain_ones() {
    let config =
        load_file("sasl.enabled.mechanisms=PLAIN\nlistener.name.internal.sasl.enabled.mechanisms=SCRAM-SHA-256")
            .unwrap()
            .config;
    assert_eq!(config.for_listener("INTERNAL", "sasl.enabled.mechanisms").as_deref(), Some("SCRAM-SHA-256"));
    assert_eq!(config.for_listener("OTHER", "sasl.enabled.mechanisms").as_deref(), Some("PLAIN"));
    assert_eq!(config.for_listener("OTHER", "ssl.client.auth").as_deref(), Some("none"));
}

#[test]
fn secrets_do_not_print() {
    let loaded =
        load_file("ssl.key.password=geheim\nunknown.password=geheim\nlistener.name.a.ssl.key.password=geheim").unwrap();
    assert!(!format!("{loaded:?}").contains("geheim"));
    assert!(format!("{loaded:?}").contains("num.partitions"));
}

#[test]
fn dynamic_configs_go_on_top() {
    let config = load_file("num.io.threads=4\nlog.retention.hours=24").unwrap().config;
    let cluster = ConfigMap::from([("num.io.threads".into(), "5".into()), ("log.retention.ms".into(), "9".into())]);
    let broker = ConfigMap::from([("num.io.threads".into(), "6".into()), ("message.max.bytes".into(), "bad".into())]);
    let changed = config.with_dynamic(&cluster, &broker);
    assert_eq!((changed.int("num.io.threads"), changed.number("log.retention.ms")), (6, 9));
    assert_eq!((changed.int("message.max.bytes"), changed.int("log.retention.hours")), (1_048_588, 168));
}

#[test]
fn every_default_of_the_table_parses_and_names_are_unique() {
    use crate::keys::{AUTHORIZER_KEYS, CLIENT_METRICS_KEYS, GROUP_KEYS, TOPIC_KEYS, broker_keys};
    for row in broker_keys().chain(AUTHORIZER_KEYS).chain(TOPIC_KEYS).chain(GROUP_KEYS).chain(CLIENT_METRICS_KEYS) {
        if let Some(default) = row.default {
            Value::parse(row, default).unwrap_or_else(|problem| panic!("{}: {problem}", row.name));
        }
        assert!(row.documentation.ends_with('.') && !row.documentation.is_empty(), "{}", row.name);
    }
    let mut names: Vec<&str> = broker_keys().map(|row| row.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn what_one_broker_cannot_hold_is_warned_of() {
    let told = |text: &str| {
        let loaded = load_file(text).unwrap();
        loaded.warnings.iter().map(|warning| warning.key.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told("node.id=1"), "");
    assert_eq!(told("offsets.topic.replication.factor=3"), "offsets.topic.replication.factor");
    assert_eq!(
        told("default.replication.factor=3\nmin.insync.replicas=2"),
        "default.replication.factor min.insync.replicas"
    );
    assert_eq!(
        told(
            "controller.quorum.voters=1@a:1,2@b:1\nnode.id=1\nmin.insync.replicas=2\nlisteners=PLAINTEXT://:1,C://:2\n\
                     controller.listener.names=C"
        ),
        ""
    );
}
