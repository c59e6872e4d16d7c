//! `render-properties`: environment variables as a properties file, by the rules of a specification file.

use std::collections::BTreeMap;
use std::env;

use serde_json::Value;

use super::Trouble;
use super::words::Words;
use crate::Context;

pub(super) fn render(context: &mut Context<'_>, words: &Words) -> Result<(), Trouble> {
    let [path] = words.exactly(["path-to-config-spec"])?;
    let text = std::fs::read_to_string(path)
        .map_err(|error| Trouble::Failed(format!("error in loading config from file {path:?}: {error}")))?;
    let spec: Value = serde_json::from_str(&text)
        .map_err(|error| Trouble::Failed(format!("error parsing json file {path:?}: {error}")))?;
    for (key, value) in properties(&spec, env::vars()) {
        context.out(format!("{key}={value}"))?;
    }
    Ok(())
}

/// Defaults, then what the environment says: renamed variables, and those with one of the prefixes.
pub(super) fn properties(
    spec: &Value,
    environment: impl Iterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = |name: &str| spec[name].as_object().into_iter().flatten();
    let excluded_prefix = spec["excludeWithPrefix"].as_str().filter(|prefix| !prefix.is_empty());
    let mut found: BTreeMap<String, String> =
        entries("defaults").map(|(key, value)| (key.clone(), text(value))).collect();
    for (name, value) in environment {
        if let Some(renamed) = spec["renamed"].get(&name).and_then(Value::as_str) {
            found.insert(renamed.to_owned(), value);
            continue;
        }
        let is_listed = spec["excludes"].as_array().is_some_and(|all| all.iter().any(|one| *one == name.as_str()));
        if is_listed || excluded_prefix.is_some_and(|prefix| name.starts_with(prefix)) {
            continue;
        }
        for (prefix, is_kept) in entries("prefixes") {
            let Some(rest) = name.strip_prefix(prefix.as_str()) else { continue };
            let kept = if is_kept.as_bool() == Some(true) { &name } else { rest.get(1..).unwrap_or_default() };
            found.insert(property_name(kept), value.clone());
        }
    }
    found
}

/// `_` is a dot, `__` an underscore, `___` a dash.
pub(super) fn property_name(variable: &str) -> String {
    let marked = variable.replace("___", "\u{1}").replace("__", "\u{2}").replace('_', ".");
    marked.replace('\u{1}', "-").replace('\u{2}', "_").to_lowercase()
}
