//! docs/API_SUPPORT.md: every API of Apache Kafka's brokers, what is served of it, and what its handler leaves out.
//! Made from the table in `protocol` and the head comments of the handlers.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use barnabas_protocol::{ApiKey, KAFKA_APIS, KafkaApi, Offered, SERVED_APIS};

pub(super) const HANDLERS: &str = "crates/broker/src/handlers";

const INTRODUCTION: &str = "\
# API support

Made from the table of APIs in `crates/protocol` and the head comments of the handlers; do not edit by hand.

Compared with Apache Kafka 4.3.1, as one of its brokers answers ApiVersions. What is not served is not advertised either,
so clients see it before they use it.
";

/// What the head comment of a handler says.
struct Head {
    file: String,
    text: String,
}

pub(super) fn render(handlers: &Path) -> Result<String> {
    let heads = heads(handlers)?;
    let mut missing = Vec::new();
    let mut rows = String::new();
    let mut gaps = BTreeMap::new();
    let offered: Vec<_> = KAFKA_APIS.iter().filter(|api| api.offered == Offered::Always).collect();
    for api in &offered {
        let Some(served) = ApiKey::from_code(api.key) else {
            let _ = writeln!(rows, "| {} | {} | not yet | {} | |", api.key, api.name, range(api.first, api.last));
            continue;
        };
        let Some(head) = heads.iter().find(|head| head.text.contains(&format!("{} ({})", served.name(), api.key)))
        else {
            missing.push(format!("{} ({})", served.name(), api.key));
            continue;
        };
        gaps.entry(head.file.clone()).or_insert_with(|| not_yet(&head.text));
        let _ = writeln!(rows, "{}", served_row(served, api, head));
    }
    if !missing.is_empty() {
        bail!("no head comment in {HANDLERS} names {}", missing.join(", "));
    }
    let served = SERVED_APIS.len();
    let mut page = format!("{INTRODUCTION}\n{served} of {} APIs are served.\n\n", offered.len());
    page.push_str("| Key | API | Served | Kafka 4.3 | Handler |\n|---|---|---|---|---|\n");
    page.push_str(&rows);
    page.push_str("\n## What served APIs leave out\n\n");
    for (file, text) in gaps.iter().flat_map(|(file, texts)| texts.iter().map(move |text| (file, text))) {
        let _ = writeln!(page, "- `{file}`: {text}");
    }
    Ok(page)
}

fn served_row(api: ApiKey, kafka: &KafkaApi, head: &Head) -> String {
    let versions = api.versions();
    let (ours, theirs) = (range(versions.first, versions.last), range(kafka.first, kafka.last));
    format!("| {} | {} | {ours} | {theirs} | `{}` |", kafka.key, kafka.name, head.file)
}

fn range(first: i16, last: i16) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn heads(handlers: &Path) -> Result<Vec<Head>> {
    let entries = std::fs::read_dir(handlers).with_context(|| format!("cannot list {}", handlers.display()))?;
    let mut heads = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path)?;
            let lines: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            heads.push(Head { file, text: lines.join("\n") });
        }
    }
    heads.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(heads)
}

/// The texts of the bullets that begin with "Not yet:", each on one line.
fn not_yet(head: &str) -> Vec<String> {
    let mut bullets: Vec<String> = Vec::new();
    for line in head.lines() {
        if let Some(bullet) = line.strip_prefix("- ") {
            bullets.push(bullet.to_owned());
        } else if let Some(last) = bullets.last_mut() {
            last.push(' ');
            last.push_str(line);
        }
    }
    bullets.iter().filter_map(|bullet| bullet.strip_prefix("Not yet:")).map(|text| text.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{ApiKey, KAFKA_APIS, SERVED_APIS, not_yet};

    #[test]
    fn bullets_may_span_lines() {
        let head = "Fetch (1).\n\n- Sessions.\n- Not yet: followers,\naborted transactions.\n- Other.";
        assert_eq!(["followers, aborted transactions."], not_yet(head).as_slice());
    }

    #[test]
    fn served_versions_are_versions_of_kafka() {
        for api in KAFKA_APIS {
            let Some(served) = ApiKey::from_code(api.key) else { continue };
            let versions = served.versions();
            assert_eq!(api.name, served.name());
            assert!(api.first <= versions.first && versions.last <= api.last, "{} goes beyond Kafka's", api.name);
        }
        assert!(SERVED_APIS.iter().all(|api| KAFKA_APIS.iter().any(|kafka| kafka.key == api.code())));
    }
}
