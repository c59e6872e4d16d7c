//! The reference page of all keys, made from the table. Where it is written is for the caller.

use std::fmt::Write;

use crate::key::{ConfigKey, Importance, Scope};
use crate::keys::{AUTHORIZER_KEYS, BROKER_AREAS, CLIENT_METRICS_KEYS, GROUP_KEYS, TOPIC_KEYS};
use crate::synonyms::{broker_key_of_group_key, broker_keys_of_topic_key};

const INTRODUCTION: &str = "\
# Configuration

Made from the key table of `crates/config`; do not edit by hand.

Keys, types and defaults are those of Apache Kafka 4.3.1. Sources, the strongest first:

1. command line: `--override key=value`
2. environment: `KAFKA_LOG_DIRS` is `log.dirs`; `__` stands for `_` and `___` for `-`; `KAFKA_CFG_LOG_DIRS` works too;
   `BARNABAS_HTTP_LISTENER` is `barnabas.http.listener`
3. file: `server.properties`, or TOML with the same keys (`log.retention.ms = 5`, or `[log.retention]` and `ms = 5`;
   arrays stand for comma lists)
4. default

Unknown keys are reported with the nearest known name and otherwise ignored. Values out of range stop the start.
`listener.name.<listener>.<key>` sets a key for one listener only.

## Where defaults differ from Kafka's

| Key | Kafka | Here | Why |
|---|---|---|---|
| `log.dir` | `/tmp/kafka-logs` | `./barnabas-data` | `/tmp` does not survive a restart of the machine |
| `node.id` | must be given | 1 | one node needs no number |
| `process.roles` | must be given | `broker,controller` | one node has both |
| `controller.listener.names` | must be given | `CONTROLLER`, if there is such a listener | a single node needs no controller listener |
| `controller.quorum.voters` | must be given | this node alone | the same |
| `listeners`, without a file | `PLAINTEXT://:9092` | `PLAINTEXT://127.0.0.1:9092` | nothing is open to the network unless asked for |
| `listeners`, when only `KAFKA_ADVERTISED_LISTENERS` is set | `PLAINTEXT://:9092` | the advertised ports on every interface | as Kafka's images do |
";

/// The whole page.
pub fn render_markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n# Broker\n\nHow a key can change: only by a restart (read-only), for one broker (per-broker), or for one and for all (cluster-wide).\n");
    for area in BROKER_AREAS {
        section(&mut page, area.title, "Change", area.keys, change_text);
    }
    section(&mut page, "Authorizer", "Change", AUTHORIZER_KEYS, change_text);
    page.push_str("\n# Other resources\n");
    section(&mut page, "Topics", "Default from", TOPIC_KEYS, |row| code_list(broker_keys_of_topic_key(row.name)));
    section(&mut page, "Groups", "Default from", GROUP_KEYS, |row| {
        broker_key_of_group_key(row.name).map_or_else(String::new, |name| format!("`{name}`"))
    });
    section(&mut page, "Client metrics", "Change", CLIENT_METRICS_KEYS, |_| "any time".into());
    page
}

fn section(page: &mut String, title: &str, fourth: &str, keys: &[ConfigKey], column: impl Fn(&ConfigKey) -> String) {
    let mut rows: Vec<&ConfigKey> = keys.iter().filter(|row| !row.internal).collect();
    rows.sort_by_key(|row| row.name);
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "\n## {title}\n\n| Key | Type | Default | Accepted | {fourth} | Meaning |\n|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let name =
            if row.importance == Importance::High { format!("**`{}`**", row.name) } else { format!("`{}`", row.name) };
        let cells = [
            name,
            row.config_type.name().to_lowercase(),
            default_text(row),
            row.allowed_text(),
            column(row),
            row.documentation.replace('<', "&lt;"),
        ];
        let _ = writeln!(page, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

fn change_text(row: &ConfigKey) -> String {
    let limits = if row.dynamic_only { ", not in files" } else { "" };
    match row.scope {
        Scope::ReadOnly => "read-only".into(),
        scope => format!("{}{limits}", scope.name()),
    }
}

fn default_text(row: &ConfigKey) -> String {
    match row.default {
        None => "none".into(),
        Some("") => "empty".into(),
        Some(text) => format!("`{text}`"),
    }
}

fn code_list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", else ")
}

#[cfg(test)]
mod tests {
    use super::render_markdown;

    #[test]
    fn the_page_has_every_visible_key_in_well_formed_tables() {
        let page = render_markdown();
        for key in
            ["log.retention.ms", "retention.ms", "barnabas.http.listener", "consumer.session.timeout.ms", "super.users"]
        {
            assert!(page.contains(&format!("`{key}`")), "{key}");
        }
        assert!(!page.contains("`unstable.api.versions.enable`"));
        for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| `controller.quorum")) {
            let cells = line.replace("\\|", "").matches('|').count();
            assert!(cells == 7 || cells == 5, "{line}");
        }
    }
}
