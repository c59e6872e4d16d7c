//! `docs/METRICS.md`, made from the table of families.

use super::families::{ALL, Family, Origin};

const INTRODUCTION: &str = "<!-- Generated from crates/broker/src/exposition/families.rs. Do not edit. -->
# Metrics

`GET /metrics` on the HTTP listener (`barnabas.http.listener`, port 9404) answers in Prometheus's text format. Names and
labels are those that existing dashboards and alerts use. No value is a placeholder: what is not measured is not there.
The families `jvm_*` of dashboards for Apache Kafka stay empty, because there is no JVM.

Topics, partitions and committed offsets are shown one by one up to 10,000 of each; `barnabas_metrics_left_out` tells how
many are not. Series of a deleted topic end with the topic. Client ids are never labels.
";

const ORIGINS: [(Origin, &str, &str); 5] = [
    (
        Origin::Jmx,
        "Broker, by the names of the JMX exporter",
        "As the example rules of jmx_exporter for Kafka name them, in lower case; the dashboards of Strimzi and Grafana read \
         these. Quantiles are gauges with the label `quantile` (0.50, 0.75, 0.95, 0.98, 0.99, 0.999).",
    ),
    (
        Origin::KafkaExporter,
        "Topics and consumer groups, by the names of kafka_exporter",
        "As danielqsj/kafka_exporter names them. Each value comes from one broker only: sums over brokers count nothing twice.",
    ),
    (
        Origin::LagExporter,
        "Time lag",
        "As Kafka Lag Exporter and Grafana's exporter name it; theirs is estimated, this one is read from the log. `cluster_name` \
         is the cluster id.",
    ),
    (Origin::Process, "Process", "As every Prometheus client library names them. On Linux only."),
    (Origin::Own, "Not found elsewhere", ""),
];

/// The whole document.
pub fn render_markdown() -> String {
    let mut out = INTRODUCTION.to_owned();
    for (origin, title, text) in ORIGINS {
        out.extend(["\n## ", title, "\n\n"]);
        if !text.is_empty() {
            out.extend([text, "\n\n"]);
        }
        out.push_str("| Name | Type | Labels | Meaning |\n|---|---|---|---|\n");
        ALL.iter().filter(|family| family.origin == origin).for_each(|family| row(&mut out, family));
    }
    out
}

fn row(out: &mut String, family: &Family) {
    let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
    out.extend(["| `", family.name, "` | ", family.kind.name(), " | "]);
    out.extend([&labels.join(", "), " | ", &family.help.replace('|', "\\|"), " |\n"]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::families::{ALL, Kind};
    use super::render_markdown;

    #[test]
    fn every_family_is_documented_once() {
        let text = render_markdown();
        for family in ALL {
            assert_eq!(text.matches(&format!("| `{}` |", family.name)).count(), 1, "{}", family.name);
        }
    }

    #[test]
    fn names_are_legal_and_different() {
        let names: BTreeSet<_> = ALL.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), ALL.len());
        for family in ALL {
            assert!(family.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
            let counts = family.name.ends_with("_total") || family.name.ends_with("_count");
            assert!(family.kind != Kind::Counter || counts, "{}", family.name);
        }
    }
}
