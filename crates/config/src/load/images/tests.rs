//! Each rule of the image families as a table: variables in, settings, notes and actions out.

use crate::load::{
    ContainerFacts, DataFolder, FolderFact, LoadInput, choose_data_folder, commands_wanted, files_wanted,
};
use crate::{BrokerConfig, ConfigError, Loaded};

/// The environment of a container, as in a compose file.
fn env(lines: &str) -> Vec<(String, String)> {
    let pair =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    lines.lines().filter_map(pair).collect()
}

fn facts() -> ContainerFacts {
    ContainerFacts {
        hostname: "c0ffee".into(),
        data_folder: Some(DataFolder { path: "/var/lib/kafka/data".into(), mounted: true }),
        ..ContainerFacts::default()
    }
}

fn try_load(lines: &str, facts: ContainerFacts) -> Result<Loaded, ConfigError> {
    BrokerConfig::load(LoadInput { env: env(lines), container: Some(facts), ..LoadInput::default() })
}

fn load(lines: &str) -> Loaded {
    try_load(lines, facts()).unwrap_or_else(|error| panic!("{lines}\n{error}"))
}

/// Listeners and what is advertised, in one line.
fn addresses(loaded: &Loaded) -> String {
    let bound = loaded.config.listeners().iter().map(|l| format!("{}={}:{}", l.name, l.host, l.port));
    let told = loaded.config.advertised_listeners().iter();
    let told = told.map(|l| format!("{}={}:{}", l.name, l.host.as_deref().unwrap_or("HOST"), l.port));
    format!("{} -> {}", bound.collect::<Vec<_>>().join(" "), told.collect::<Vec<_>>().join(" "))
}

#[test]
fn addresses_of_every_family() {
    let cases = [
        ("nothing", "", "PLAINTEXT=0.0.0.0:9092 -> PLAINTEXT=localhost:9092"),
        ("an unrelated setting", "KAFKA_NUM_PARTITIONS: 3", "PLAINTEXT=0.0.0.0:9092 -> PLAINTEXT=localhost:9092"),
        (
            "confluent: what is advertised is listened on",
            "KAFKA_ADVERTISED_LISTENERS: PLAINTEXT://kafka:29092,PLAINTEXT_HOST://localhost:9092\n\
             KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT",
            "PLAINTEXT=0.0.0.0:29092 PLAINTEXT_HOST=0.0.0.0:9092 -> PLAINTEXT=kafka:29092 PLAINTEXT_HOST=localhost:9092",
        ),
        (
            "bitnami: the default listener, whatever is advertised",
            "KAFKA_CFG_ADVERTISED_LISTENERS: PLAINTEXT://127.0.0.1:29092",
            "PLAINTEXT=0.0.0.0:9092 -> PLAINTEXT=127.0.0.1:29092",
        ),
        (
            "bitnami: own names need their listeners",
            "KAFKA_CFG_ADVERTISED_LISTENERS: CLIENT://kafka:9092,EXTERNAL://localhost:9093\n\
             KAFKA_CFG_LISTENER_SECURITY_PROTOCOL_MAP: CLIENT:PLAINTEXT,EXTERNAL:PLAINTEXT",
            "CLIENT=0.0.0.0:9092 EXTERNAL=0.0.0.0:9093 -> CLIENT=kafka:9092 EXTERNAL=localhost:9093",
        ),
        ("listeners alone", "KAFKA_LISTENERS: PLAINTEXT://:9095", "PLAINTEXT=:9095 -> PLAINTEXT=HOST:9095"),
        ("wurstmeister", "KAFKA_ADVERTISED_HOST_NAME: 10.1.1.1", "PLAINTEXT=:9092 -> PLAINTEXT=10.1.1.1:9092"),
        (
            "wurstmeister with ports",
            "KAFKA_ADVERTISED_HOST_NAME: me\nKAFKA_ADVERTISED_PORT: 19092\nKAFKA_PORT: 9094",
            "PLAINTEXT=:9094 -> PLAINTEXT=me:19092",
        ),
        (
            "wurstmeister with listeners beside",
            "KAFKA_ADVERTISED_HOST_NAME: me\nKAFKA_LISTENERS: PLAINTEXT://0.0.0.0:9093",
            "PLAINTEXT=0.0.0.0:9093 -> PLAINTEXT=me:9093",
        ),
        (
            "new addresses win over old ones",
            "KAFKA_ADVERTISED_HOST_NAME: old\nKAFKA_ADVERTISED_LISTENERS: PLAINTEXT://new:9092",
            "PLAINTEXT=:9092 -> PLAINTEXT=new:9092",
        ),
        (
            "wurstmeister with protocol names",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT\nKAFKA_PROTOCOL_NAME: INSIDE\n\
             KAFKA_ADVERTISED_PROTOCOL_NAME: OUTSIDE\nKAFKA_ADVERTISED_HOST_NAME: me\nKAFKA_ADVERTISED_PORT: 9094",
            "OUTSIDE=:9094 INSIDE=:9092 -> OUTSIDE=me:9094 INSIDE=HOST:9092",
        ),
        (
            "a link of kubernetes",
            "KAFKA_PORT: tcp://10.0.0.1:9092",
            "PLAINTEXT=0.0.0.0:9092 -> PLAINTEXT=localhost:9092",
        ),
    ];
    for (what, lines, expected) in cases {
        assert_eq!(addresses(&load(lines)), expected, "{what}");
    }
}

#[test]
fn settings_keep_their_meaning() {
    let cases = [
        ("KAFKA_MIN_INSYNC_REPLICAS: 1", "min.insync.replicas", "1"),
        ("KAFKA_DEFAULT_REPLICATION_FACTOR: 1", "default.replication.factor", "1"),
        ("KAFKA_CFG_AUTO_CREATE_TOPICS_ENABLE: true", "auto.create.topics.enable", "true"),
        ("KAFKA_AUTO_CREATE_TOPICS_ENABLE: false", "auto.create.topics.enable", "false"),
        ("KAFKA_LOG_RETENTION_HOURS: 24", "log.retention.hours", "24"),
        ("KAFKA_LOGS_DIRS: /bitnami/x", "log.dirs", "/bitnami/x"),
        ("KAFKA_SEGMENT_BYTES: 2000000", "log.segment.bytes", "2000000"),
        ("KAFKA_MAX_MESSAGE_BYTES: 20000", "message.max.bytes", "20000"),
        ("KAFKA_CFG_NUM_PARTITIONS: 2\nKAFKA_NUM_PARTITIONS: 5", "num.partitions", "5"),
        ("KAFKA_NUM_PARTITIONS: 5\nKAFKA_CFG_NUM_PARTITIONS: 2", "num.partitions", "5"),
        ("KAFKA_BROKER_ID: 7", "node.id", "7"),
        ("KAFKA_BROKER_ID: ignored", "node.id", "1"),
        ("KAFKA_BROKER_ID: ignored\nKAFKA_NODE_ID: 4", "node.id", "4"),
        ("KAFKA_BROKER_ID: -1", "node.id", "1"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS: 3@kafka:9093", "node.id", "3"),
        ("KAFKA_NUM_PARTITIONS: ", "num.partitions", "1"),
        ("KAFKA_ZOOKEEPER_CONNECT: zoo:2181", "process.roles", "broker,controller"),
        ("KAFKA_NODE_ID: 1", "log.dirs", "/var/lib/kafka/data"),
        ("KAFKA_LOG_DIRS: /x", "log.dirs", "/x"),
        ("KAFKA_NODE_ID: 2", "barnabas.http.listener", "0.0.0.0:9404"),
    ];
    for (lines, key, expected) in cases {
        let loaded = load(lines);
        assert_eq!(loaded.config.get(key).to_text().as_deref(), Some(expected), "{lines}");
        assert!(loaded.warnings.is_empty(), "{lines}: {:?}", loaded.warnings);
    }
}

#[test]
fn what_has_no_effect_is_one_note_per_kind_and_no_warning() {
    let cases = [
        ("KAFKA_HEAP_OPTS: -Xmx1G\nKAFKA_GC_LOG_OPTS: x\nKAFKA_JVM_PERFORMANCE_OPTS: y", "there is no Java here"),
        ("KAFKA_JMX_PORT: 9101\nKAFKA_JMX_HOSTNAME: localhost\nKAFKA_JMX_OPTS: z", "http://c0ffee:9404/metrics"),
        ("KAFKA_LOG4J_LOGGERS: a=INFO\nKAFKA_LOG4J_ROOT_LOGLEVEL: WARN\nKAFKA_TOOLS_LOG4J_LOGLEVEL: ERROR", "RUST_LOG"),
        ("KAFKA_METRIC_REPORTERS: io.confluent.Reporter", "metrics are at http://c0ffee:9404/metrics"),
        (
            "KAFKA_CONFLUENT_METRICS_REPORTER_BOOTSTRAP_SERVERS: b:1\nKAFKA_CONFLUENT_LICENSE_TOPIC_REPLICATION_FACTOR: 1\n\
             KAFKA_CONFLUENT_SUPPORT_METRICS_ENABLE: false",
            "of a plugin that is not loaded",
        ),
        ("KAFKA_PORT: tcp://1.2.3.4:9092\nKAFKA_SERVICE_HOST: 1.2.3.4\nKAFKA_PORT_9092_TCP: tcp://x:1", "service link"),
        (
            "KAFKA_INTER_BROKER_PROTOCOL_VERSION: 2.8\nKAFKA_LOG_MESSAGE_FORMAT_VERSION: 2.8",
            "Kafka 4 no longer has this",
        ),
        ("KAFKA_ZOOKEEPER_CONNECT: z:2181\nKAFKA_ZOOKEEPER_CONNECTION_TIMEOUT_MS: 6000", "kept by the broker itself"),
        (
            "KAFKA_CLIENT_USERS: user\nKAFKA_CLIENT_PASSWORDS: secret\nKAFKA_TLS_TYPE: JKS",
            "TLS and SASL are not served yet",
        ),
        (
            "KAFKA_OPTS: -Djava.security.auth.login.config=/etc/kafka/secrets/jaas.conf",
            "TLS and SASL are not served yet",
        ),
        ("KAFKA_SSL_KEYSTORE_FILENAME: k.jks\nKAFKA_SSL_KEY_CREDENTIALS: creds", "TLS and SASL are not served yet"),
        ("KAFKA_BROKER_ID: ignored", "is \"ignored\", not a number"),
        ("KAFKA_LOG_RETENTION_HOURS: ", "is empty"),
        ("KAFKA_LISTENERS: ", "is empty"),
        ("KAFKA_ADVERTISED_LISTENERS: ", "is empty"),
        ("KAFKA_LOG_DIRS: ", "is empty"),
        ("KAFKA_PROCESS_ROLES: ", "is empty"),
    ];
    for (lines, expected) in cases {
        let loaded = load(&format!("KAFKA_NODE_ID: 1\n{lines}"));
        let told: Vec<&String> = loaded.notes.iter().filter(|note| note.contains(expected)).collect();
        assert_eq!(told.len(), 1, "{lines}\n{:?}", loaded.notes);
        assert_eq!(loaded.notes.len(), 1, "{lines}\n{:?}", loaded.notes);
        assert!(loaded.warnings.is_empty(), "{lines}\n{:?}", loaded.warnings);
        assert!(!loaded.notes[0].contains("secret"));
    }
    let silent = "KAFKA_HOME: /opt/kafka\nKAFKA_ENABLE_KRAFT: yes\nKAFKA_KRAFT_CLUSTER_ID: x\nALLOW_PLAINTEXT_LISTENER: yes\n\
                  BITNAMI_DEBUG: true\nCONFLUENT_SUPPORT_CUSTOMER_ID: anonymous\nKAFKA_REST_BOOTSTRAP_SERVERS: x:1";
    let loaded = load(&format!("KAFKA_NODE_ID: 1\n{silent}"));
    assert!(loaded.notes.is_empty() && loaded.warnings.is_empty(), "{:?} {:?}", loaded.notes, loaded.warnings);
}

#[test]
fn an_authorizer_is_warned_of_and_a_misspelt_name_is_told() {
    let loaded = load("KAFKA_AUTHORIZER_CLASS_NAME: kafka.security.authorizer.AclAuthorizer");
    assert!(loaded.warnings[0].message.contains("ACLs are not checked yet"));
    let loaded = load("KAFKA_INTER_BROKER_LISTENER_VERSION: 1");
    assert!(loaded.warnings[0].message.contains("no such key"));
}

#[test]
fn contradictions_are_refused_with_the_fix() {
    let cases = [
        ("KAFKA_NODE_ID: 1\nKAFKA_BROKER_ID: 2", "remove broker.id, or make them the same"),
        ("KAFKA_LISTENERS: PLAINTEXT://:9092,OTHER://:9093", "add OTHER:PLAINTEXT"),
        ("KAFKA_ADVERTISED_LISTENERS: PLAINTEXT://0.0.0.0:9092", "nobody can connect to 0.0.0.0"),
        ("KAFKA_LISTENERS: PLAINTEXT://:9092\nKAFKA_ADVERTISED_LISTENERS: SSL://h:9093", "add it there"),
        ("KAFKA_NODE_ID: 1\nKAFKA_CONTROLLER_QUORUM_VOTERS: 2@b:9093", "add 1@host:port or change node.id"),
        ("KAFKA_LOG_RETENTION_HOURS: many", "change it, or remove it"),
    ];
    for (lines, expected) in cases {
        let error = try_load(lines, facts()).map(|_| ()).expect_err(lines).to_string();
        assert!(error.contains(expected), "{lines}\n{error}");
    }
}

#[test]
fn what_the_security_issue_needs_is_understood() {
    let loaded = load("KAFKA_LISTENERS: SASL_PLAINTEXT://:9092\nKAFKA_SASL_ENABLED_MECHANISMS: PLAIN");
    assert_eq!(loaded.config.listeners()[0].protocol.name(), "SASL_PLAINTEXT");
    let loaded = load(
        "KAFKA_CFG_LISTENERS: CLIENT://:9092\nKAFKA_CFG_LISTENER_SECURITY_PROTOCOL_MAP: CLIENT:SASL_SSL\n\
         KAFKA_CFG_LISTENER_NAME_CLIENT_PLAIN_SASL_JAAS_CONFIG: x",
    );
    assert_eq!(loaded.config.listeners()[0].protocol.name(), "SASL_SSL");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn values_come_from_files() {
    let lines = "KAFKA_CFG_NUM_PARTITIONS_FILE: /run/secrets/n\nKAFKA_CLIENT_PASSWORDS_FILE: /gone\nKAFKA_NUM_PARTITIONS_FILE: word";
    let wanted = files_wanted(&env(lines));
    assert_eq!(wanted, ["/run/secrets/n", "/gone"].map(std::path::PathBuf::from));
    let mut facts = facts();
    facts.files.insert("/run/secrets/n".into(), Ok("9\n".into()));
    facts.files.insert("/gone".into(), Err("No such file".into()));
    let loaded =
        try_load("KAFKA_CFG_NUM_PARTITIONS_FILE: /run/secrets/n\nKAFKA_CLIENT_PASSWORDS_FILE: /gone", facts).unwrap();
    assert_eq!(loaded.config.int("num.partitions"), 9);
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].message.contains("KAFKA_CLIENT_PASSWORDS_FILE = /gone: No such file"));
    assert!(files_wanted(&env("KAFKA_TLS_TRUSTSTORE_FILE: /x.jks\nOTHER_FILE: /y")).is_empty());
}

#[test]
fn values_come_from_commands() {
    let answered = |lines: &str, answers: &[(&str, Result<&str, &str>)]| {
        let mut facts = facts();
        for (name, answer) in answers {
            facts.commands.insert((*name).into(), answer.map(str::to_owned).map_err(str::to_owned));
        }
        try_load(lines, facts).unwrap()
    };
    let lines = "HOSTNAME_COMMAND: hostname -i\nBROKER_ID_COMMAND: echo 5\nRACK_COMMAND: echo r1\nPATH: /bin";
    let names: Vec<String> = commands_wanted(&env(lines)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["HOSTNAME_COMMAND", "BROKER_ID_COMMAND", "RACK_COMMAND"]);
    let all = [("HOSTNAME_COMMAND", Ok("10.0.0.9\n")), ("BROKER_ID_COMMAND", Ok("5")), ("RACK_COMMAND", Ok("r1"))];
    let loaded = answered(lines, &all);
    assert_eq!(addresses(&loaded), "PLAINTEXT=:9092 -> PLAINTEXT=10.0.0.9:9092");
    assert_eq!((loaded.config.node_id(), loaded.config.text("broker.rack")), (5, Some("r1")));

    let placed = "HOSTNAME_COMMAND: x\nKAFKA_LISTENER_SECURITY_PROTOCOL_MAP: INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT\n\
                  KAFKA_LISTENERS: INSIDE://:9092,OUTSIDE://:9094\n\
                  KAFKA_ADVERTISED_LISTENERS: INSIDE://:9092,OUTSIDE://_{HOSTNAME_COMMAND}:9094";
    let loaded = answered(placed, &[("HOSTNAME_COMMAND", Ok("node-3"))]);
    assert_eq!(addresses(&loaded), "INSIDE=:9092 OUTSIDE=:9094 -> INSIDE=HOST:9092 OUTSIDE=node-3:9094");

    let set = "BROKER_ID_COMMAND: x\nKAFKA_BROKER_ID: 3\nRACK_COMMAND: false";
    let loaded = answered(set, &[("BROKER_ID_COMMAND", Ok("8")), ("RACK_COMMAND", Err("exit status: 1"))]);
    assert_eq!(loaded.config.node_id(), 3);
    assert!(loaded.warnings[0].message.contains("RACK_COMMAND (false) failed: exit status: 1"));
}

#[test]
fn topics_to_create() {
    let topics = |value: &str, separators: Option<&str>| {
        let mut env = vec![("KAFKA_CREATE_TOPICS".to_owned(), value.to_owned())];
        env.extend(separators.map(|text| ("KAFKA_CREATE_TOPICS_SEPARATOR".to_owned(), text.to_owned())));
        let input = LoadInput { env, container: Some(facts()), ..LoadInput::default() };
        let loaded = BrokerConfig::load(input).unwrap();
        let topic =
            |t: &super::TopicToCreate| format!("{}/{}/{}{:?}", t.name, t.partitions, t.replication_factor, t.configs);
        let topics: Vec<String> = loaded.start.topics.iter().map(topic).collect();
        (topics.join(" "), loaded.warnings.len())
    };
    let compact = "[(\"cleanup.policy\", \"compact\")]";
    assert_eq!(topics("a:1:1,b:3:2:compact", None), (format!("a/1/1[] b/3/2{compact}"), 0));
    assert_eq!(topics("\n a:1:1\n b:2:1\n", Some("$'\n'")), ("a/1/1[] b/2/1[]".into(), 0));
    assert_eq!(topics("a:1:1;b", Some(";")), ("a/1/1[] b/-1/-1[]".into(), 0));
    assert_eq!(topics("a:x:1,b:0:1,c:1:1", None), ("c/1/1[]".into(), 2));
    assert_eq!(topics("", None), (String::new(), 0));
}

#[test]
fn names_without_a_prefix_count_for_who_shows_to_use_them() {
    let loaded = load("ZOOKEEPER_CONNECT: zoo:2181\nBROKER_ID: 4\nADVERTISED_HOST_NAME: me\nCREATE_TOPICS: t:1:1");
    assert_eq!((loaded.config.node_id(), loaded.config.zookeeper_connect()), (4, Some("zoo:2181")));
    assert_eq!(addresses(&loaded), "PLAINTEXT=:9092 -> PLAINTEXT=me:9092");
    assert_eq!(loaded.start.topics.len(), 1);
    let loaded = load("NODE_ROLE: combined\nNODE_ID: 3\nKAFKA_NODE_ID: 2");
    assert_eq!((loaded.config.node_id(), loaded.config.process_roles().len()), (2, 2));
    assert_eq!(load("BROKER_ID: 4\nADVERTISED_PORT: 1").config.node_id(), 1);
}

#[test]
fn cluster_ids_are_any_text() {
    let id = |lines: &str| load(lines).start.cluster_id;
    assert_eq!(id("CLUSTER_ID: atlas-local-cluster-001").as_deref(), Some("atlas-local-cluster-001"));
    assert_eq!(id("KAFKA_KRAFT_CLUSTER_ID: a b").as_deref(), Some("a b"));
    assert_eq!(id("KAFKA_CLUSTER_ID: x\nCLUSTER_ID: y").as_deref(), Some("y"));
    assert_eq!(id("CLUSTER_ID: "), None);
}

#[test]
fn files_below_the_environment_and_one_that_speaks_alone() {
    let shared =
        || ("/mnt/shared/config/server.properties".into(), "num.partitions=4\nnode.id=6\nzookeeper.connect=z:1".into());
    let base = ContainerFacts { base: vec![shared()], ..facts() };
    let loaded = try_load("KAFKA_NUM_PARTITIONS: 2", base).unwrap();
    assert_eq!((loaded.config.int("num.partitions"), loaded.config.node_id()), (2, 6));
    assert_eq!(loaded.config.zookeeper_connect(), Some("z:1"));

    let alone = ContainerFacts { base: vec![], alone: Some(shared()), ..facts() };
    let loaded = try_load("KAFKA_CFG_NUM_PARTITIONS: 2\nBARNABAS_HTTP_LISTENER: 0.0.0.0:1", alone).unwrap();
    assert_eq!(loaded.config.int("num.partitions"), 4);
    assert_eq!(loaded.config.http_listener().map(|http| http.port), Some(1));
    assert!(loaded.notes.iter().any(|note| note.starts_with("KAFKA_CFG_NUM_PARTITIONS: no effect")));
}

#[test]
fn the_mounted_folder_is_used() {
    let choose = |mounted: &[&str], data: &[&str]| {
        let chosen = choose_data_folder(|mount, folder| FolderFact {
            mounted: mounted.iter().any(|path| mount.to_str() == Some(path)),
            holds_data: data.iter().any(|path| folder.to_str() == Some(path)),
        });
        format!("{} {}", chosen.path.display(), chosen.mounted)
    };
    assert_eq!(choose(&[], &[]), "/var/lib/kafka/data false");
    assert_eq!(choose(&["/bitnami/kafka"], &[]), "/bitnami/kafka/data true");
    assert_eq!(choose(&["/kafka"], &[]), "/kafka/kafka-logs true");
    assert_eq!(choose(&["/tmp/kraft-combined-logs"], &["/var/lib/kafka/data"]), "/tmp/kraft-combined-logs true");
    assert_eq!(choose(&["/var/lib/kafka/data", "/bitnami"], &["/bitnami/kafka/data"]), "/bitnami/kafka/data true");
    assert_eq!(choose(&[], &["/opt/kafka/data"]), "/opt/kafka/data false");
}
