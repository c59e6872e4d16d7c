//! The configuration of one broker: every key with its value, and typed access for what a broker needs first.
//! Addresses are in `listeners.rs`, rules between keys in `rules.rs`, those of changes in `change.rs`, the sources in `load/`.

mod change;
mod defaults;
mod listeners;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

pub use change::check_broker_change;
pub use listeners::{AdvertisedListener, HostPort, Listener, QuorumVoter, SecurityProtocol};

use crate::ConfigMap;
use crate::key::ConfigKey;
use crate::keys::broker_key;
use crate::load::{ConfigError, Gathered, LoadInput, Origin, Setting, StartActions, Warning, base_key, gather};
use crate::synonyms::broker_synonyms;
use crate::value::Value;

/// A role of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessRole {
    /// Serves clients and holds data.
    Broker,
    /// Takes part in the metadata quorum.
    Controller,
}

/// A configuration and what is worth telling about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: BrokerConfig,
    /// Probable mistakes.
    pub warnings: Vec<Warning>,
    /// What was skipped or chosen without being asked for.
    pub notes: Vec<String>,
    /// What the environment asks for besides settings.
    pub start: StartActions,
}

/// The configuration of a broker. Cheap to read, made once at start and once more per dynamic change.
#[derive(Clone)]
pub struct BrokerConfig {
    values: BTreeMap<&'static str, Value>,
    statics: ConfigMap,
    origins: BTreeMap<String, Origin>,
    addresses: listeners::Addresses,
}

impl fmt::Debug for BrokerConfig {
    /// Only parsed values: the texts they come from may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.values).finish()
    }
}

impl BrokerConfig {
    /// Builds the configuration from its sources, or says everything that is wrong with them.
    pub fn load(input: LoadInput) -> Result<Loaded, ConfigError> {
        let Gathered { settings, mut warnings, mut notes, start, family } = gather(&input)?;
        let (mut values, problems) = parse_settings(&settings);
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        let mut statics: ConfigMap =
            settings.values().map(|setting| (setting.key.clone(), setting.value.clone())).collect();
        let origins = settings.into_iter().map(|(key, setting)| (key, setting.origin)).collect();
        let surroundings =
            defaults::Surroundings { has_file: input.file.is_some(), facts: input.container.as_ref(), family };
        defaults::fill(&mut values, &mut statics, &origins, &surroundings, &mut notes)?;
        let addresses = listeners::resolve(&values, &mut notes)?;
        let config = Self { values, statics, origins, addresses };
        warnings.extend(rules::doubts(&config));
        let problems = config.problems();
        if problems.is_empty() { Ok(Loaded { config, warnings, notes, start }) } else { Err(ConfigError { problems }) }
    }

    /// The same broker with dynamic configs on top, as far as they are valid: those of the broker win over those of
    /// the cluster, and both over the file. Listeners stay as they were at start.
    pub fn with_dynamic(&self, cluster: &ConfigMap, broker: &ConfigMap) -> Self {
        let mut changed = self.clone();
        for (name, text) in cluster.iter().chain(broker) {
            let Some(row) = broker_key(name) else { continue };
            let Ok(value) = Value::parse(row, text) else { continue };
            // A dynamic value also displaces what coarser synonyms said in the file.
            for synonym in broker_synonyms(name) {
                if let Some(row) = broker_key(&synonym) {
                    changed.values.insert(row.name, Value::default_of(row));
                }
            }
            changed.values.insert(row.name, value);
        }
        changed
    }

    /// What is wrong between keys; empty if nothing is.
    pub(crate) fn problems(&self) -> Vec<String> {
        rules::check(self)
    }

    /// The value of a broker key; `Null` also for names that are no keys.
    pub fn get(&self, key: &str) -> &Value {
        const NULL: &Value = &Value::Null;
        let found = self.values.get(key);
        debug_assert!(found.is_some(), "no broker key {key}");
        found.unwrap_or(NULL)
    }

    /// A BOOLEAN key.
    pub fn boolean(&self, key: &str) -> bool {
        matches!(self.get(key), Value::Boolean(true))
    }

    /// A key of any whole number type that has a default; 0 if it is null.
    pub fn number(&self, key: &str) -> i64 {
        self.optional_number(key).unwrap_or(0)
    }

    /// A key of any whole number type.
    pub fn optional_number(&self, key: &str) -> Option<i64> {
        self.get(key).as_number()
    }

    /// An INT or SHORT key that has a default; 0 if it is null.
    pub fn int(&self, key: &str) -> i32 {
        i32::try_from(self.number(key)).unwrap_or(i32::MAX)
    }

    /// A DOUBLE key that has a default; 0 if it is null.
    pub fn double(&self, key: &str) -> f64 {
        if let Value::Double(value) = self.get(key) { *value } else { 0.0 }
    }

    /// A STRING or CLASS key.
    pub fn text(&self, key: &str) -> Option<&str> {
        if let Value::Text(text) = self.get(key) { Some(text) } else { None }
    }

    /// A LIST key; empty if it is null.
    pub fn list(&self, key: &str) -> &[String] {
        if let Value::List(items) = self.get(key) { items } else { &[] }
    }

    /// Settings as they were written, unknown and listener-prefixed ones included.
    pub fn statics(&self) -> &ConfigMap {
        &self.statics
    }

    /// Where a setting was written; `None` for defaults.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }

    /// The text of a key for one listener: its `listener.name.<listener>.` form before the plain one.
    pub fn for_listener(&self, listener: &str, key: &str) -> Option<String> {
        let prefixed = format!("listener.name.{}.{key}", listener.to_lowercase());
        self.statics.get(&prefixed).or_else(|| self.statics.get(key)).cloned().or_else(|| self.get(key).to_text())
    }

    /// `node.id`.
    pub fn node_id(&self) -> i32 {
        self.int("node.id")
    }

    /// `process.roles`.
    pub fn process_roles(&self) -> Vec<ProcessRole> {
        let role = |name: &String| if name == "controller" { ProcessRole::Controller } else { ProcessRole::Broker };
        self.list("process.roles").iter().map(role).collect()
    }

    /// Whether this process has the role.
    pub fn has_role(&self, role: ProcessRole) -> bool {
        self.process_roles().contains(&role)
    }

    /// Listeners for clients and other brokers, without those of the controller.
    pub fn listeners(&self) -> &[Listener] {
        &self.addresses.client_listeners
    }

    /// Listeners of the controller that this node opens.
    pub fn controller_listeners(&self) -> &[Listener] {
        &self.addresses.controller_listeners
    }

    /// What clients are told, one per client listener that is advertised.
    pub fn advertised_listeners(&self) -> &[AdvertisedListener] {
        &self.addresses.advertised
    }

    /// What clients would be told if `advertised.listeners` were this text, or what is wrong with it.
    pub fn advertised_as(&self, text: &str) -> Result<Vec<AdvertisedListener>, String> {
        listeners::advertised_as(&self.values, text)
    }

    /// Names of the controller's listeners, in order of preference.
    pub fn controller_listener_names(&self) -> &[String] {
        &self.addresses.controller_names
    }

    /// Name of the listener that brokers use among themselves.
    pub fn inter_broker_listener_name(&self) -> &str {
        &self.addresses.inter_broker_name
    }

    /// `controller.quorum.voters`; empty if the set is not fixed.
    pub fn quorum_voters(&self) -> &[QuorumVoter] {
        &self.addresses.voters
    }

    /// `controller.quorum.bootstrap.servers`.
    pub fn quorum_bootstrap_servers(&self) -> &[HostPort] {
        &self.addresses.bootstrap_servers
    }

    /// Data folders: `log.dirs`, else `log.dir`.
    pub fn log_dirs(&self) -> Vec<PathBuf> {
        let dirs = self.list("log.dirs");
        let dirs = if dirs.is_empty() { self.list("log.dir") } else { dirs };
        dirs.iter().map(PathBuf::from).collect()
    }

    /// Folder of the metadata log: `metadata.log.dir`, else the first data folder.
    pub fn metadata_log_dir(&self) -> PathBuf {
        let first = || self.log_dirs().into_iter().next().unwrap_or_default();
        self.text("metadata.log.dir").map_or_else(first, PathBuf::from)
    }

    /// `zookeeper.connect` as it was written. Kafka 4 has no such key; files of before name their ensemble by it.
    pub fn zookeeper_connect(&self) -> Option<&str> {
        self.statics.get("zookeeper.connect").map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// `barnabas.http.listener`; `None` if it is switched off.
    pub fn http_listener(&self) -> Option<&HostPort> {
        self.addresses.http.as_ref()
    }
}

/// Parses every setting that is a key; collects what is wrong.
fn parse_settings(settings: &BTreeMap<String, Setting>) -> (BTreeMap<&'static str, Value>, Vec<String>) {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for setting in settings.values() {
        let own_row = broker_key(&setting.key).filter(|row| !row.dynamic_only);
        let Some(row) = own_row.or_else(|| base_key(&setting.key).and_then(broker_key)) else { continue };
        match Value::parse(row, &setting.value) {
            Ok(value) if own_row.is_some() => {
                values.insert(row.name, value);
            }
            Ok(_) => {}
            Err(problem) => problems.push(describe_problem(setting, row, &problem)),
        }
    }
    (values, problems)
}

fn describe_problem(setting: &Setting, row: &ConfigKey, problem: &str) -> String {
    let value = if row.is_sensitive() { "[hidden]" } else { &setting.value };
    let default = row.default.map_or_else(String::new, |text| format!(" (default {text:?})"));
    format!(
        "{} = {value:?} ({}): {problem}; change it, or remove it to get the default{default}",
        setting.key, setting.origin
    )
}

#[cfg(test)]
mod tests;
