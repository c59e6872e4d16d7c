//! Which crate may use which: a crate imports only crates of lower layers, and some libraries have one user.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{repo, shell};

/// Every crate of the workspace, from the ground up. docs/ARCHITECTURE.md says what each one holds.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["barnabas-common", "base2histogram"]),
    (1, &["barnabas-protocol", "barnabas-config", "barnabas-zookeeper"]),
    (2, &["barnabas-log", "barnabas-metadata"]),
    (3, &["barnabas-coordinator"]),
    (4, &["barnabas-quorum", "barnabas-replica"]),
    (5, &["barnabas-broker", "barnabas-console"]),
    (6, &["barnabas-tools"]),
    (7, &["barnabas-server"]),
    (9, &["bench", "xtask"]),
];

/// Libraries that stay behind one wall.
const ONLY_USERS: &[(&str, &[&str])] = &[
    ("openraft", &["barnabas-quorum"]),
    ("memmap2", &["barnabas-log"]),
    ("axum", &["barnabas-console"]),
    ("toml", &["barnabas-config"]),
    ("saphyr-parser", &["barnabas-server"]),
    ("tracing-subscriber", &["barnabas-server"]),
    ("clap", &["barnabas-server", "barnabas-tools", "bench", "xtask"]),
    ("lz4_flex", &["barnabas-protocol"]),
    ("snap", &["barnabas-protocol"]),
    ("zstd", &["barnabas-protocol"]),
    ("flate2", &["barnabas-protocol"]),
];

/// A crate and the names of its dependencies, tests aside.
type Dependencies = BTreeMap<String, Vec<String>>;

pub(super) fn check() -> Result<()> {
    let wrong = violations(&workspace()?);
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

fn workspace() -> Result<Dependencies> {
    let text = shell::quiet(repo::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    Ok(packages.iter().map(|package| (name(package), used_by(package))).collect())
}

fn name(of: &Value) -> String {
    of["name"].as_str().unwrap_or_default().to_owned()
}

fn used_by(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|dependency| dependency["kind"].as_str() != Some("dev")).map(name).collect()
}

fn layer(of: &str) -> Option<u8> {
    LAYERS.iter().find(|(_, crates)| crates.contains(&of)).map(|(layer, _)| *layer)
}

fn violations(workspace: &Dependencies) -> Vec<String> {
    let mut wrong = Vec::new();
    for (user, used) in workspace {
        let Some(own) = layer(user) else {
            wrong.push(format!("{user} has no layer; give it one in xtask/src/check/layers.rs"));
            continue;
        };
        for dependency in used {
            if layer(dependency).is_some_and(|theirs| theirs >= own) {
                wrong.push(format!("{user} (layer {own}) must not use {dependency}"));
            }
            let only = ONLY_USERS.iter().find(|(library, _)| library == dependency);
            if only.is_some_and(|(_, users)| !users.contains(&user.as_str())) {
                wrong.push(format!("{user} must not use {dependency} directly"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::{Dependencies, violations};

    fn uses(user: &str, used: &str) -> Dependencies {
        [(user.to_owned(), vec![used.to_owned()])].into()
    }

    #[test]
    fn upward_and_sideways_are_refused() {
        assert_eq!(1, violations(&uses("barnabas-log", "barnabas-replica")).len());
        assert_eq!(1, violations(&uses("barnabas-log", "barnabas-metadata")).len());
        assert_eq!(0, violations(&uses("barnabas-replica", "barnabas-log")).len());
    }

    #[test]
    fn walls_hold() {
        assert_eq!(1, violations(&uses("barnabas-broker", "openraft")).len());
        assert_eq!(0, violations(&uses("barnabas-quorum", "openraft")).len());
    }

    #[test]
    fn a_crate_without_a_layer_is_noticed() {
        assert_eq!(1, violations(&uses("barnabas-new", "bytes")).len());
    }
}
