//! What is to be changed: `--add-config`, `--add-config-file` and `--delete-config` as keys and values.

use barnabas_config::parse_properties;

use super::{Options, Trouble};

const QUOTAS: [&str; 4] =
    ["producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"];

pub(super) fn is_quota(key: &str) -> bool {
    QUOTAS.contains(&key)
}

pub(super) fn is_scram(key: &str) -> bool {
    matches!(key, "SCRAM-SHA-256" | "SCRAM-SHA-512")
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<(String, String)>,
    pub(super) deleted: Vec<String>,
}

impl Changes {
    pub(super) fn of(options: &Options) -> Result<Self, Trouble> {
        let mut added = Vec::new();
        if let Some(path) = &options.add_config_file {
            added = file(path)?;
        }
        if let Some(text) = &options.add_config {
            for (key, value) in pairs(text)? {
                added.retain(|(known, _)| *known != key);
                added.push((key, value));
            }
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some((key, _)) = added.iter().find(|(key, _)| !key.chars().all(is_plain)) {
            return Err(Trouble::argument(format!("Invalid character found for config key: {key}")));
        }
        let deleted = options.delete_config.iter().map(|key| key.trim().to_owned()).collect();
        Ok(Self { added, deleted })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.added.iter().map(|(key, _)| key).chain(&self.deleted)
    }

    pub(super) fn have_quotas(&self) -> bool {
        self.keys().any(|key| is_quota(key))
    }
}

fn file(path: &str) -> Result<Vec<(String, String)>, Trouble> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Trouble::ThrownText(format!("java.nio.file.NoSuchFileException: {path}")),
        _ => Trouble::ThrownText(format!("cannot read {path}: {error}; give the path of a properties file")),
    })?;
    let lines = parse_properties(&text)
        .map_err(|error| Trouble::ThrownText(format!("{path}, line {}: {}", error.line, error.problem)))?;
    Ok(lines.into_iter().map(|(_, key, value)| (key, value)).collect())
}

/// `k1=v1,k2=[v1,v2]`: commas and equals signs inside square brackets belong to the value, the brackets do not.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, Trouble> {
    let mut entries = split_outside_brackets(text, ',');
    while entries.len() > 1 && entries.last().is_some_and(|last| last.is_empty()) {
        entries.pop();
    }
    let pair = |entry: &str| match split_outside_brackets(entry, '=')[..] {
        [key, value] => Some((key.trim().to_owned(), value.replace(['[', ']'], "").trim().to_owned())),
        _ => None,
    };
    entries.into_iter().map(pair).collect::<Option<_>>().ok_or_else(|| {
        Trouble::argument(
            "requirement failed: Invalid entity config: all configs to be added must be in the format \"key=val\" or \
             \"key=[val1,val2]\" to group values which contain commas.",
        )
    })
}

/// A separator counts unless the next bracket after it closes one.
fn split_outside_brackets(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for (at, _) in text.match_indices(separator) {
        let rest = &text[at..];
        if rest.find(['[', ']']).is_some_and(|next| rest[next..].starts_with(']')) {
            continue;
        }
        parts.push(&text[start..at]);
        start = at + separator.len_utf8();
    }
    parts.push(&text[start..]);
    parts
}
