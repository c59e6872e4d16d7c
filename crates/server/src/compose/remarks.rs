//! What will differ once the images are replaced. Words only; nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::images::{Kind, is_left_open};
use super::services::{Service, Services};

/// One thing to know, of one service or of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub service: Option<String>,
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{service}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

const DATA_PATHS: [&str; 7] = [
    "/var/lib/kafka",
    "/bitnami/kafka",
    "/tmp/kraft-combined-logs",
    "/tmp/kafka-logs",
    "/kafka",
    "/var/lib/kafka/data",
    "/opt/kafka/logs",
];

pub(super) fn about(services: &Services, image: &str) -> Vec<Remark> {
    let kafka: Vec<&Service> = services.of_kind(Kind::Kafka).collect();
    let brokers: Vec<&Service> = kafka.iter().copied().filter(|service| !service.is_tool()).collect();
    let mut remarks = Vec::new();
    let of_file = |text: String| Remark { service: None, text };
    if kafka.is_empty() {
        remarks.push(of_file("no Kafka image was found, so none is replaced".to_owned()));
    }
    remarks.extend(several(&brokers).map(of_file));
    for service in services.all() {
        let texts = match service.kind {
            Kind::Kafka if service.is_tool() => {
                vec!["runs tools: they have the same names, also with .sh, and start in milliseconds".to_owned()]
            }
            Kind::Kafka => about_broker(service),
            Kind::OtherKafka => vec![format!("its image is not one that {image} stands in for, and stays as it is")],
            _ => about_other(service),
        };
        remarks.extend(texts.into_iter().map(|text| Remark { service: Some(service.name.clone()), text }));
    }
    remarks
}

fn several(brokers: &[&Service]) -> Option<String> {
    let count: u32 = brokers.iter().map(|service| service.replicas.unwrap_or(1)).sum();
    (count > 1).then(|| {
        let names: Vec<&str> = brokers.iter().map(|service| service.name.as_str()).collect();
        format!(
            "{count} Kafka nodes ({}): clusters of several nodes are not served yet, and each of them will refuse to start \
             rather than run alone; keep one broker until then",
            names.join(", ")
        )
    })
}

fn about_broker(service: &Service) -> Vec<String> {
    let mut texts = Vec::new();
    texts.extend(security(service));
    texts.extend(metrics(service));
    texts.extend(ignored(service));
    if let Some(path) = service
        .volumes
        .iter()
        .find(|path| DATA_PATHS.iter().any(|known| *path == known || path.starts_with(&format!("{known}/"))))
    {
        texts.push(format!(
            "the volume at {path} is used as before, but data that Kafka itself wrote there is not adopted: the start is refused \
             over it; begin with an empty volume, and copy topics with a producer and a consumer if you need them"
        ));
    }
    if service.volumes.iter().any(|path| path.ends_with("docker.sock")) {
        texts.push("the Docker socket is not needed any more; you may remove that volume".to_owned());
    }
    if service.has_healthcheck {
        texts.push("the health check works as it is".to_owned());
    }
    if service.has_env_file {
        texts.push("env_file was not looked into; what it sets counts as in the old image".to_owned());
    }
    texts
}

/// A variable of any image, without its prefix.
fn variable<'a>(service: &'a Service, name: &str) -> Option<&'a str> {
    ["KAFKA_", "KAFKA_CFG_"].iter().find_map(|prefix| service.env.get(&format!("{prefix}{name}"))).map(String::as_str)
}

fn security(service: &Service) -> Option<String> {
    let map: BTreeMap<String, String> = variable(service, "LISTENER_SECURITY_PROTOCOL_MAP")
        .unwrap_or_default()
        .split(',')
        .filter_map(|pair| pair.split_once(':'))
        .map(|(name, protocol)| (name.trim().to_uppercase(), protocol.trim().to_uppercase()))
        .collect();
    let listeners = ["LISTENERS", "ADVERTISED_LISTENERS"].iter().filter_map(|key| variable(service, key));
    let secured: BTreeSet<String> = listeners
        .flat_map(|text| text.split(','))
        .filter_map(|text| text.split_once("://"))
        .map(|(name, _)| name.trim().to_uppercase())
        .filter_map(|name| {
            let protocol = map.get(&name).unwrap_or(&name).clone();
            (protocol.starts_with("SASL") || protocol.starts_with("SSL")).then(|| format!("{name} ({protocol})"))
        })
        .collect();
    let list = secured.into_iter().collect::<Vec<_>>().join(", ");
    (!list.is_empty()).then(|| {
        format!(
            "SASL and TLS are not served yet: the start is refused because of {list}; give these listeners PLAINTEXT until then, or \
             keep the old image"
        )
    })
}

fn metrics(service: &Service) -> Option<String> {
    let wants_jmx = service.env.keys().any(|key| key.contains("JMX"));
    wants_jmx.then(|| {
        format!(
            "there is no JMX; metrics in Prometheus's format are at http://{}:9404/metrics, by the names of the JMX exporter \
             (in Kafka UI set KAFKA_CLUSTERS_0_METRICS_TYPE=PROMETHEUS and KAFKA_CLUSTERS_0_METRICS_PORT=9404)",
            service.name
        )
    })
}

fn ignored(service: &Service) -> Vec<String> {
    let named = |fits: &dyn Fn(&str) -> bool| {
        service.env.keys().filter(|key| fits(key)).map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let groups = [
        (
            named(&|key| key.contains("HEAP_OPTS") || key.contains("JVM_PERFORMANCE") || key.contains("GC_LOG_OPTS")),
            "ignored: there is no JVM",
        ),
        (
            named(&|key| {
                key.contains("METRIC_REPORTERS")
                    || key.contains("CONFLUENT_METRICS")
                    || key.contains("METRICS_REPORTERS")
            }),
            "ignored: reporter classes are not loaded; metrics are at :9404/metrics",
        ),
        (named(&|key| key.contains("LOG4J")), "ignored: log levels are set by RUST_LOG"),
        (named(&|key| key.ends_with("AUTHORIZER_CLASS_NAME")), "has no effect yet: access rules are not enforced"),
    ];
    groups.into_iter().filter(|(keys, _)| !keys.is_empty()).map(|(keys, text)| format!("{keys} {text}")).collect()
}

fn about_other(service: &Service) -> Vec<String> {
    let Some((image, _)) = &service.image else { return Vec::new() };
    if is_left_open(image) {
        return vec![format!("its image is set by a variable ({image}); if that is Kafka's, set the variable")];
    }
    if image.contains("cp-enterprise-control-center") {
        return vec![
            "Control Center needs Confluent's own metrics reporter and shows little without; the metrics are at :9404"
                .to_owned(),
        ];
    }
    if image.contains("kafka-exporter") || image.contains("kafka_exporter") {
        return vec!["not needed any more: the broker's own :9404/metrics has the same names".to_owned()];
    }
    Vec::new()
}
