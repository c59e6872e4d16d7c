//! Which images are Kafka's, which are ZooKeeper's. Names only.

/// What an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that can be replaced.
    Kafka,
    ZooKeeper,
    /// Kafka in an image whose ways are not known here.
    OtherKafka,
    Other,
}

const KAFKA: &[&str] = &[
    "confluentinc/cp-kafka",
    "confluentinc/cp-server",
    "confluentinc/cp-enterprise-kafka",
    "confluentinc/confluent-local",
    "apache/kafka",
    "apache/kafka-native",
    "bitnami/kafka",
    "bitnamilegacy/kafka",
    "bitnamisecure/kafka",
    "wurstmeister/kafka",
    "debezium/kafka",
];
/// Last parts of names that mean one thing wherever they are mirrored.
const KAFKA_ANYWHERE: &[&str] = &["cp-kafka", "cp-server", "cp-enterprise-kafka", "confluent-local", "kafka-native"];
const ZOOKEEPER_ANYWHERE: &[&str] = &["zookeeper", "cp-zookeeper"];
const OTHER_KAFKA: &[&str] = &[
    "strimzi/kafka",
    "spotify/kafka",
    "landoop/fast-data-dev",
    "lensesio/fast-data-dev",
    "ubuntu/kafka",
    "fast-data-dev",
];

/// What an image is by its name, with variables replaced by their defaults.
pub(super) fn kind_of(image: &str) -> Kind {
    let name = without_tag(&with_defaults(image)).to_ascii_lowercase();
    let mut parts = name.rsplit('/');
    let last = parts.next().unwrap_or_default().to_owned();
    let two = parts.next().map_or_else(|| last.clone(), |owner| format!("{owner}/{last}"));
    if KAFKA.contains(&two.as_str()) || KAFKA_ANYWHERE.contains(&last.as_str()) {
        Kind::Kafka
    } else if ZOOKEEPER_ANYWHERE.contains(&last.as_str()) {
        Kind::ZooKeeper
    } else if OTHER_KAFKA.contains(&two.as_str()) || last == "kafka" {
        Kind::OtherKafka
    } else {
        Kind::Other
    }
}

/// Whether the name is left to a variable without a default.
pub(super) fn is_left_open(image: &str) -> bool {
    let name = without_tag(&with_defaults(image)).to_owned();
    name.is_empty() || name.ends_with('/')
}

fn without_tag(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let name_starts = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[name_starts..].find(':') {
        Some(colon) => &image[..name_starts + colon],
        None => image,
    }
}

/// `${NAME:-default}` and `${NAME-default}` become their default, other variables nothing.
fn with_defaults(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find('}').unwrap_or(inner.len());
            let default = inner[..end]
                .split_once('-')
                .filter(|(name, _)| name.chars().all(|ch| ch.is_alphanumeric() || "_:".contains(ch)));
            out.push_str(default.map_or("", |(_, default)| default));
            rest = inner.get(end + 1..).unwrap_or_default();
        } else {
            rest = rest.trim_start_matches(|ch: char| ch.is_ascii_alphanumeric() || ch == '_');
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_all_their_forms() {
        for kafka in [
            "confluentinc/cp-kafka",
            "confluentinc/cp-kafka:7.5.0",
            "docker.io/confluentinc/cp-kafka:latest",
            "registry.example:5000/mirror/cp-server:7.0.1",
            "confluentinc/cp-kafka:${CONFLUENT_VERSION:-7.3.2}",
            "${REPOSITORY:-confluentinc}/cp-enterprise-kafka:$TAG",
            "${KAFKA_IMAGE:-bitnami/kafka:3.6}",
            "quay.io/debezium/kafka:2.4",
            "apache/kafka-native@sha256:0123",
            "docker.io/bitnamilegacy/kafka:3.9",
            "wurstmeister/kafka:2.13-2.8.1",
        ] {
            assert_eq!(kind_of(kafka), Kind::Kafka, "{kafka}");
        }
        for zookeeper in ["zookeeper", "zookeeper:3.8", "confluentinc/cp-zookeeper:5.4", "bitnami/zookeeper:latest"] {
            assert_eq!(kind_of(zookeeper), Kind::ZooKeeper, "{zookeeper}");
        }
        for other in [
            "provectuslabs/kafka-ui",
            "confluentinc/cp-schema-registry:7",
            "confluentinc/cp-kafka-connect:7",
            "postgres",
        ] {
            assert_eq!(kind_of(other), Kind::Other, "{other}");
        }
        assert_eq!(kind_of("quay.io/strimzi/kafka:0.40"), Kind::OtherKafka);
        assert!(is_left_open("${KAFKA_IMAGE}") && is_left_open("$IMAGE:$TAG") && !is_left_open("a/b:$TAG"));
    }
}
