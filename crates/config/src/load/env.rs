//! Environment variables as Kafka's images read them: `KAFKA_LOG_DIRS` is `log.dirs`, `__` is `_`, `___` is `-`.
//! `BARNABAS_X_Y` is `barnabas.x.y`. Variables for Java or for start scripts are named and skipped.

pub(super) enum Outcome {
    /// It sets this key.
    Setting(String),
    /// It is meant for something else; the user may want to know.
    Note(String),
    /// It is none of our business.
    NotOurs,
}

/// Variables that steer Java, logging or the start scripts of images.
const NOT_CONFIG: &[&str] = &[
    "KAFKA_HEAP_OPTS",
    "KAFKA_OPTS",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_VERSION",
    "KAFKA_HOME",
    "KAFKA_DEBUG",
    "KAFKA_JAVA_HOME",
    "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    "KAFKA_CLUSTER_ID",
    "KAFKA_KRAFT_CLUSTER_ID",
    "KAFKA_ENABLE_KRAFT",
    "KAFKA_USER",
    "KAFKA_BASE_DIR",
    "KAFKA_CREATE_TOPICS",
    "KAFKA_CREATE_TOPICS_SEPARATOR",
];
const NOT_CONFIG_PREFIXES: &[&str] = &["KAFKA_JMX_", "KAFKA_LOG4J_", "KAFKA_LOG4J2_"];

pub(super) fn read(name: &str, value: &str) -> Outcome {
    if let Some(rest) = name.strip_prefix("BARNABAS_").filter(|rest| !rest.is_empty()) {
        return Outcome::Setting(format!("barnabas.{}", to_key(rest)));
    }
    let Some(rest) = name.strip_prefix("KAFKA_").filter(|rest| !rest.is_empty()) else {
        return Outcome::NotOurs;
    };
    if NOT_CONFIG.contains(&name) || NOT_CONFIG_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Outcome::Note(format!("{name} is not a broker setting and has no effect here"));
    }
    if is_service_link(rest, value) {
        return Outcome::Note(format!("{name} looks like a service link that Kubernetes or Docker set; skipped"));
    }
    Outcome::Setting(to_key(rest.strip_prefix("CFG_").unwrap_or(rest)))
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
            assert!(matches!(read(name, value), Outcome::Note(_)), "{name}");
        }
        assert_eq!(key("KAFKA_ADVERTISED_PORT").as_deref(), Some("advertised.port"));
    }
}
