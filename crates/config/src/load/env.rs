//! Environment variables as Kafka's images read them: `KAFKA_LOG_DIRS` is `log.dirs`, `__` is `_`, `___` is `-`.
//! `BARNABAS_X_Y` is `barnabas.x.y`. Variables for Java, for other programs or for start scripts are told apart here.

pub(super) enum Outcome {
    /// It sets this key.
    Setting(String),
    /// It is meant for something else; what it is for decides on the note.
    Skipped(For),
    /// It is none of our business.
    NotOurs,
}

/// What a variable is meant for that sets nothing here. All variables of one kind make one note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum For {
    /// The Java machine.
    Java,
    /// Remote management of it.
    Jmx,
    /// Java's logging.
    Logging,
    /// TLS or SASL, which wait for listeners that use them.
    Security,
    /// Nobody: Kubernetes and Docker describe services like this.
    ServiceLink,
    /// Start scripts and other programs; nothing worth telling.
    Scripts,
}

impl For {
    /// What to tell; `None` if nothing. `host` is the name of this machine.
    pub(super) fn note(self, names: &str, host: &str) -> Option<String> {
        Some(match self {
            Self::Java => format!("{names}: there is no Java here, and memory is bounded without it; no effect"),
            Self::Jmx => format!(
                "{names}: JMX is not served. Metrics are at http://{host}:9404/metrics for Prometheus; for Kafka UI set \
                 KAFKA_CLUSTERS_0_METRICS_TYPE=PROMETHEUS and KAFKA_CLUSTERS_0_METRICS_PORT=9404"
            ),
            Self::Logging => format!("{names}: set RUST_LOG instead, such as RUST_LOG=debug; no effect"),
            Self::Security => {
                format!("{names}: TLS and SASL are not served yet; no effect, as no listener asks for them")
            }
            Self::ServiceLink => format!("{names}: looks like a service link that Kubernetes or Docker set; skipped"),
            Self::Scripts => return None,
        })
    }
}

/// Variables that steer Java, logging, other programs or the start scripts of images.
const SKIPPED: &[(&str, For)] = &[
    ("KAFKA_HEAP_OPTS", For::Java),
    ("KAFKA_OPTS", For::Java),
    ("KAFKA_GC_LOG_OPTS", For::Java),
    ("KAFKA_JVM_PERFORMANCE_OPTS", For::Java),
    ("KAFKA_JAVA_HOME", For::Java),
    ("KAFKA_JMX_", For::Jmx),
    ("JMX_PORT", For::Jmx),
    ("KAFKA_LOG4J", For::Logging),
    ("KAFKA_TOOLS_LOG4J_LOGLEVEL", For::Logging),
    ("KAFKA_SSL_KEYSTORE_FILENAME", For::Security),
    ("KAFKA_SSL_KEYSTORE_CREDENTIALS", For::Security),
    ("KAFKA_SSL_KEY_CREDENTIALS", For::Security),
    ("KAFKA_SSL_TRUSTSTORE_FILENAME", For::Security),
    ("KAFKA_SSL_TRUSTSTORE_CREDENTIALS", For::Security),
    ("KAFKA_TLS_", For::Security),
    ("KAFKA_CERTIFICATE_PASSWORD", For::Security),
    ("KAFKA_CLIENT_USERS", For::Security),
    ("KAFKA_CLIENT_PASSWORDS", For::Security),
    ("KAFKA_CLIENT_LISTENER_NAME", For::Security),
    ("KAFKA_CLIENT_SASL_MECHANISM", For::Security),
    ("KAFKA_INTER_BROKER_USER", For::Security),
    ("KAFKA_INTER_BROKER_PASSWORD", For::Security),
    ("KAFKA_CONTROLLER_USER", For::Security),
    ("KAFKA_CONTROLLER_PASSWORD", For::Security),
    ("KAFKA_ZOOKEEPER_USER", For::Security),
    ("KAFKA_ZOOKEEPER_PASSWORD", For::Security),
    ("KAFKA_ZOOKEEPER_PROTOCOL", For::Security),
    ("KAFKA_ZOOKEEPER_TLS_", For::Security),
    ("KAFKA_VERSION", For::Scripts),
    ("KAFKA_HOME", For::Scripts),
    ("KAFKA_DEBUG", For::Scripts),
    ("KAFKA_USER", For::Scripts),
    ("KAFKA_BASE_DIR", For::Scripts),
    ("KAFKA_VOLUME_DIR", For::Scripts),
    ("KAFKA_DATA_DIR", For::Scripts),
    ("KAFKA_CONF_DIR", For::Scripts),
    ("KAFKA_CONF_FILE", For::Scripts),
    ("KAFKA_CERTS_DIR", For::Scripts),
    ("KAFKA_DAEMON_", For::Scripts),
    ("KAFKA_INITSCRIPTS_DIR", For::Scripts),
    ("KAFKA_MOUNTED_CONF_DIR", For::Scripts),
    ("KAFKA_CLUSTER_ID", For::Scripts),
    ("KAFKA_KRAFT_CLUSTER_ID", For::Scripts),
    ("KAFKA_KRAFT_BOOTSTRAP_SCRAM_USERS", For::Scripts),
    ("KAFKA_SKIP_KRAFT_STORAGE_INIT", For::Scripts),
    ("KAFKA_INITIAL_CONTROLLERS", For::Scripts),
    ("KAFKA_ENABLE_KRAFT", For::Scripts),
    ("KAFKA_CREATE_TOPICS", For::Scripts),
    ("KAFKA_CLUSTERS_", For::Scripts),
    ("KAFKA_REST_", For::Scripts),
    ("KAFKA_PROPERTIES", For::Scripts),
    ("BARNABAS_STRICT_EXIT", For::Scripts),
    ("BARNABAS_OUTPUT", For::Scripts),
];

pub(super) fn read(name: &str, value: &str) -> Outcome {
    if let Some(kind) = skipped(name) {
        return Outcome::Skipped(kind);
    }
    if let Some(rest) = name.strip_prefix("BARNABAS_").filter(|rest| !rest.is_empty()) {
        return Outcome::Setting(format!("barnabas.{}", to_key(rest)));
    }
    let Some(rest) = name.strip_prefix("KAFKA_").filter(|rest| !rest.is_empty()) else {
        return Outcome::NotOurs;
    };
    if is_service_link(rest, value) {
        return Outcome::Skipped(For::ServiceLink);
    }
    match rest.strip_prefix("CFG_") {
        Some("ZOOKEEPER_CLIENTCNXNSOCKET") => Outcome::Setting("zookeeper.clientCnxnSocket".to_owned()),
        // Bitnami's scripts turn every _ into a dot and repair the two names that have one.
        Some(rest) => {
            Outcome::Setting(to_key(rest).replace("sasl.ssl", "sasl_ssl").replace("sasl.plaintext", "sasl_plaintext"))
        }
        None => Outcome::Setting(to_key(rest)),
    }
}

/// Names that end with `_` stand for all that begin so.
fn skipped(name: &str) -> Option<For> {
    let is_prefix = |known: &str| known.ends_with('_') || known == "KAFKA_LOG4J" || known == "KAFKA_CREATE_TOPICS";
    let found = SKIPPED.iter().find(|(known, _)| *known == name || (is_prefix(known) && name.starts_with(known)));
    found.map(|(_, kind)| *kind)
}

/// Kubernetes describes a service called `kafka` by variables that look like ours.
fn is_service_link(rest: &str, value: &str) -> bool {
    let link_value = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let port_form = rest == "PORT" || rest.starts_with("PORT_") || rest.contains("_PORT_") || rest.ends_with("_PORT");
    let service_form = rest.contains("SERVICE_HOST") || rest.contains("SERVICE_PORT");
    service_form || (port_form && link_value) || is_port_detail(rest)
}

/// `PORT_9092_TCP_ADDR` and its like.
fn is_port_detail(rest: &str) -> bool {
    let Some((_, detail)) = rest.split_once("PORT_") else {
        return false;
    };
    let digits = detail.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && detail.get(digits..).is_some_and(|tail| tail.starts_with("_TCP") || tail.starts_with("_UDP"))
}

/// `FOO_BAR__BAZ___QUX` to `foo.bar_baz-qux`.
fn to_key(rest: &str) -> String {
    let mut key = String::with_capacity(rest.len());
    let mut underscores = 0_usize;
    for ch in rest.chars() {
        if ch == '_' {
            underscores += 1;
        } else {
            push_separators(&mut key, underscores);
            underscores = 0;
            key.push(ch.to_ascii_lowercase());
        }
    }
    push_separators(&mut key, underscores);
    key
}

fn push_separators(key: &mut String, underscores: usize) {
    for _ in 0..underscores / 3 {
        key.push('-');
    }
    match underscores % 3 {
        1 => key.push('.'),
        2 => key.push('_'),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Option<String> {
        match read(name, "x") {
            Outcome::Setting(key) => Some(key),
            _ => None,
        }
    }

    #[test]
    fn names_map_as_in_kafkas_images() {
        let cases = [
            ("KAFKA_LOG_DIRS", "log.dirs"),
            (
                "KAFKA_LISTENER_NAME_SASL__PLAINTEXT_SCRAM___SHA___256_SASL_JAAS_CONFIG",
                "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config",
            ),
            ("KAFKA_CFG_NODE_ID", "node.id"),
            (
                "KAFKA_CFG_LISTENER_NAME_SASL_SSL_SCRAM-SHA-256_SASL_JAAS_CONFIG",
                "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config",
            ),
            ("BARNABAS_HTTP_LISTENER", "barnabas.http.listener"),
        ];
        for (name, expected) in cases {
            assert_eq!(key(name).as_deref(), Some(expected));
        }
    }

    #[test]
    fn variables_of_others_set_nothing() {
        for name in ["KAFKA_HEAP_OPTS", "KAFKA_JMX_PORT", "KAFKA_LOG4J_ROOT_LOGLEVEL", "CLUSTER_ID", "PATH", "KAFKA_"] {
            assert_eq!(key(name), None, "{name}");
        }
    }

    #[test]
    fn service_links_set_nothing() {
        let links = [
            ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
            ("KAFKA_SERVICE_HOST", "10.0.0.1"),
            ("KAFKA_SERVICE_PORT_CLIENT", "9092"),
            ("KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"),
            ("KAFKA_HEADLESS_PORT", "tcp://10.0.0.1:9092"),
        ];
        for (name, value) in links {
            assert!(matches!(read(name, value), Outcome::Skipped(For::ServiceLink)), "{name}");
        }
        assert_eq!(key("KAFKA_ADVERTISED_PORT").as_deref(), Some("advertised.port"));
    }
}
