//! Files in the usual shapes: what changes, what does not, what is said.

use std::path::{Path, PathBuf};

use super::{Migrated, Wishes, migrate};

const IMAGE: &str = "barnabas:dev";

fn plain(text: &str) -> Migrated {
    migrate(text, Wishes { image: IMAGE, drop_zookeeper: false }).unwrap()
}

fn dropping(text: &str) -> Migrated {
    migrate(text, Wishes { image: IMAGE, drop_zookeeper: true }).unwrap()
}

/// Changed lines as `number: new text`, with `-` for those that are gone.
fn changes(migrated: &Migrated) -> Vec<String> {
    let shown =
        |change: &super::LineChange| format!("{}: {}", change.line, change.after.as_deref().map_or("-", str::trim));
    migrated.changes.iter().map(shown).collect()
}

fn remarks(migrated: &Migrated) -> String {
    migrated.remarks.iter().map(|remark| format!("{remark}\n")).collect()
}

#[track_caller]
fn assert_said(migrated: &Migrated, parts: &[&str]) {
    let said = remarks(migrated);
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

const CONFLUENT_ZOOKEEPER: &str = r#"version: '3'   # old
services:
  # coordination
  zookeeper:
    image: confluentinc/cp-zookeeper:latest
    environment:
      ZOOKEEPER_CLIENT_PORT: 2181
      ZOOKEEPER_TICK_TIME: 2000
    ports:
      - 22181:2181

  kafka:
    image: confluentinc/cp-kafka:latest   # floating
    depends_on:
      - zookeeper
    ports:
      - 29092:29092
    environment:
      KAFKA_BROKER_ID: 1
      KAFKA_ZOOKEEPER_CONNECT: zookeeper:2181
      KAFKA_ADVERTISED_LISTENERS: PLAINTEXT://kafka:9092,PLAINTEXT_HOST://localhost:29092
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT
      KAFKA_HEAP_OPTS: -Xmx512m
"#;

#[test]
fn confluent_with_zookeeper_gets_the_image_twice() {
    let migrated = plain(CONFLUENT_ZOOKEEPER);
    assert_eq!(changes(&migrated), ["5: image: barnabas:dev", "13: image: barnabas:dev   # floating"]);
    assert_said(&migrated, &["zookeeper: runs the small ZooKeeper", "kafka: KAFKA_HEAP_OPTS ignored: there is no JVM"]);
}

#[test]
fn zookeeper_goes_with_its_comment_and_with_the_dependency_on_it() {
    let migrated = dropping(CONFLUENT_ZOOKEEPER);
    assert!(
        migrated.text.starts_with(
            "version: '3'   # old\nservices:\n\n  kafka:\n    image: barnabas:dev   # floating\n    ports:\n"
        ),
        "{}",
        migrated.text
    );
    assert!(!migrated.text.contains("depends_on") && !migrated.text.contains("coordination"));
    assert_said(&migrated, &["zookeeper: removed"]);
}

#[test]
fn a_zookeeper_that_others_use_stays() {
    let text =
        format!("{CONFLUENT_ZOOKEEPER}  solr:\n    image: solr:9\n    environment:\n      ZK_HOST: zookeeper:2181\n");
    let migrated = dropping(&text);
    assert_eq!(migrated.changes.len(), 1);
    assert_said(&migrated, &["zookeeper: stays as it is, because solr uses it"]);
}

#[test]
fn shared_parts_count_for_those_who_use_them() {
    let user = |image: &str| {
        format!(
            "x-env: &env\n  ZK: zoo:2181\nservices:\n  zoo:\n    image: zookeeper\n    environment: [ZOO_MY_ID=1]\n    \
             healthcheck: {{test: zkServer.sh status}}\n  k:\n    image: {image}\n    environment:\n      <<: *env\n"
        )
    };
    assert_said(&dropping(&user("solr")), &["zoo: stays as it is, because k uses it"]);
    assert_said(&dropping(&user("wurstmeister/kafka")), &["zoo: removed"]);
    assert_said(&plain(&user("wurstmeister/kafka")), &["zoo: stays as it is; the broker does not need it"]);
}

#[test]
fn dependencies_in_all_their_forms() {
    let text = r#"services:
  zoo:
    image: zookeeper:3.8
  a:
    image: wurstmeister/kafka
    depends_on: [zoo, db]
  b:
    image: apache/kafka:3.9.0
    command: kafka-topics --list
    depends_on:
      zoo:
        condition: service_started
      db:
        condition: service_healthy
  c:
    image: bitnami/kafka
    entrypoint: ["sleep infinity"]
    links:
    - "zoo:zookeeper"
    - db
  d:
    image: bitnamilegacy/kafka:3.9
    command: tail -f /dev/null
    depends_on:
      zoo: { condition: service_started }
  db:
    image: postgres
"#;
    let migrated = dropping(text);
    let expected = r#"services:
  a:
    image: barnabas:dev
    depends_on: [db]
  b:
    image: barnabas:dev
    command: kafka-topics --list
    depends_on:
      db:
        condition: service_healthy
  c:
    image: barnabas:dev
    entrypoint: ["sleep infinity"]
    links:
    - db
  d:
    image: barnabas:dev
    command: tail -f /dev/null
  db:
    image: postgres
"#;
    assert_eq!(migrated.text, expected);
    assert!(super::tree::Tree::parse(&migrated.text).is_ok());
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let text = r#"x-image: &kafka-image "confluentinc/cp-server:${TAG:-7.6.0}"
x-kafka: &kafka
  image: *kafka-image
  environment: &env
    KAFKA_JMX_PORT: 9101
    CLUSTER_ID: x
services:
  kafka-1:
    <<: *kafka
    environment:
      <<: *env
      KAFKA_NODE_ID: 1
  kafka-2:
    <<: [*kafka]
"#;
    let migrated = plain(text);
    assert_eq!(changes(&migrated), ["1: x-image: &kafka-image \"barnabas:dev\""]);
    assert_said(
        &migrated,
        &["2 Kafka nodes (kafka-1, kafka-2)", "kafka-1: there is no JMX", "http://kafka-2:9404/metrics"],
    );
}

#[test]
fn security_is_told_by_the_listeners_that_use_it() {
    let text = r#"services:
  kafka:
    image: 'bitnami/kafka:3.6'
    environment:
      - KAFKA_CFG_LISTENERS=CLIENT://:9092,CONTROLLER://:9093,EXTERNAL://:9094
      - KAFKA_CFG_LISTENER_SECURITY_PROTOCOL_MAP=CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:SASL_SSL,SSL:SSL
      - KAFKA_CFG_AUTHORIZER_CLASS_NAME=org.apache.kafka.metadata.authorizer.StandardAuthorizer
    volumes:
      - "kafka_data:/bitnami/kafka"
    healthcheck:
      test: kafka-topics.sh --bootstrap-server localhost:9092 --list
volumes:
  kafka_data:
"#;
    let migrated = plain(text);
    assert_eq!(changes(&migrated), ["3: image: 'barnabas:dev'"]);
    assert_said(
        &migrated,
        &[
            "refused because of CLIENT (SASL_PLAINTEXT), EXTERNAL (SASL_SSL)",
            "the volume at /bitnami/kafka is used as before",
            "the health check works",
            "KAFKA_CFG_AUTHORIZER_CLASS_NAME has no effect yet",
        ],
    );
}

#[test]
fn kraft_of_apache_needs_nothing_else() {
    let text = "services:\r\n  broker:\r\n    image: apache/kafka:4.1.0\r\n    ports: [\"9092:9092\"]\r\n";
    let migrated = plain(text);
    assert_eq!(migrated.text, text.replace("apache/kafka:4.1.0", IMAGE));
    assert!(migrated.remarks.is_empty(), "{}", remarks(&migrated));
}

#[test]
fn topic_creators_are_tools_and_not_brokers() {
    let text = r#"services:
  kafka:
    image: confluentinc/cp-kafka:7.4.0
    environment: {KAFKA_PROCESS_ROLES: 'broker,controller', KAFKA_NODE_ID: 1, KAFKA_METRIC_REPORTERS: io.confluent.X}
  init:
    image: confluentinc/cp-kafka:7.4.0
    entrypoint: ["/bin/sh", "-c"]
    command: |
      "cub kafka-ready -b kafka:9092 1 30
      kafka-topics --create --if-not-exists --topic a --bootstrap-server kafka:9092"
"#;
    let migrated = plain(text);
    assert_eq!(changes(&migrated), ["3: image: barnabas:dev", "6: image: barnabas:dev"]);
    assert_said(&migrated, &["init: runs tools", "kafka: KAFKA_METRIC_REPORTERS ignored"]);
    assert!(!remarks(&migrated).contains("nodes"));
}

#[test]
fn what_is_not_known_is_said_and_left() {
    let text =
        "services:\n  a:\n    image: ${KAFKA_IMAGE}\n  b:\n    image: quay.io/strimzi/kafka:0.40\n  c:\n    build: .\n";
    let migrated = plain(text);
    assert_eq!(migrated.text, text);
    assert_said(
        &migrated,
        &["no Kafka image was found", "a: its image is set by a variable", "b: its image is not one that"],
    );
}

#[test]
fn what_is_no_compose_file_is_refused() {
    for (text, problem) in [
        ("a: [", "this is no YAML"),
        ("", "empty"),
        ("x: 1", "no services"),
        ("services: 3", "no services"),
        ("- a", "no services"),
    ] {
        let error = migrate(text, Wishes { image: IMAGE, drop_zookeeper: false }).unwrap_err();
        assert!(error.contains(problem), "{text:?}: {error}");
    }
    let deep = format!("services: {}", "[".repeat(5000));
    assert!(migrate(&deep, Wishes { image: IMAGE, drop_zookeeper: false }).is_err());
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn the_files_of_the_image_tests_lose_nothing_but_images() {
    let mut files = Vec::new();
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/docker/compose"), &mut files);
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let migrated = plain(&text);
        assert_eq!(text.lines().count(), migrated.text.lines().count(), "{}", file.display());
        for change in &migrated.changes {
            assert!(change.before.contains("image") || change.before.contains('&'), "{}: {change:?}", file.display());
        }
        let dropped = dropping(&text);
        assert!(super::tree::Tree::parse(&dropped.text).is_ok(), "{}\n{}", file.display(), dropped.text);
    }
}
