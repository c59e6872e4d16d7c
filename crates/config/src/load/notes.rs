//! What users are told about names that set nothing: one note per kind, never one per name.

use std::collections::BTreeMap;

use super::env::For;
use super::images::Variable;
use super::names::{self, Verdict};
use super::{Gathered, Warning};

/// Variables that are meant for something else, by what that is.
#[derive(Default)]
pub(super) struct Skipped(BTreeMap<For, Vec<String>>);

impl Skipped {
    pub(super) fn add(&mut self, kind: For, variable: &Variable) {
        let is_jaas = variable.meaning == "KAFKA_OPTS" && variable.value.contains("java.security.auth.login.config");
        // A default of an image that is empty is nobody's wish.
        if !variable.value.trim().is_empty() {
            self.0.entry(if is_jaas { For::Security } else { kind }).or_default().push(variable.name.clone());
        }
    }

    pub(super) fn into_notes(self, host: &str) -> impl Iterator<Item = String> {
        self.0.into_iter().filter_map(move |(kind, names)| kind.note(&names.join(", "), host))
    }
}

impl Gathered {
    /// Looks at every key that was set: unknown ones are warned of, the others make one note per kind.
    pub(super) fn check_names(&mut self, host: &str) {
        let (mut foreign, mut retired, mut zookeeper) = (Vec::new(), Vec::new(), Vec::new());
        for setting in self.settings.values() {
            match names::judge(&setting.key) {
                Verdict::Known => {}
                Verdict::Foreign => foreign.push(setting.key.clone()),
                Verdict::Retired("") => retired.push(setting.key.clone()),
                Verdict::Retired(instead) => retired.push(format!("{} (use {instead})", setting.key)),
                Verdict::ZooKeeper => zookeeper.push(setting.key.clone()),
                Verdict::Warn(text) => {
                    let message = format!("{} ({}): {text}", setting.key, setting.origin);
                    self.warnings.push(Warning { key: setting.key.clone(), message });
                }
            }
        }
        let mut note = |names: Vec<String>, text: &str| {
            if !names.is_empty() {
                self.notes.push(format!("{}: {text}", names.join(", ")));
            }
        };
        note(zookeeper, "metadata is kept by the broker itself; nothing is stored in ZooKeeper");
        note(retired, "Kafka 4 no longer has this; no effect");
        note(foreign, "of a plugin that is not loaded here; no effect");
        self.check_plugins(host);
    }

    /// Known keys that name classes, which are not loaded.
    fn check_plugins(&mut self, host: &str) {
        let named = |key: &str| self.settings.get(key).filter(|setting| !setting.value.trim().is_empty());
        if let Some(authorizer) = named("authorizer.class.name") {
            self.warnings.push(Warning {
                key: authorizer.key.clone(),
                message: format!(
                    "authorizer.class.name ({}): ACLs are not checked yet: everybody who can connect may do everything",
                    authorizer.origin
                ),
            });
        }
        if let Some(reporters) = named("metric.reporters") {
            let origin = &reporters.origin;
            self.notes.push(format!(
                "metric.reporters ({origin}): no classes are loaded; metrics are at http://{host}:9404/metrics for Prometheus"
            ));
        }
    }
}
