//! What is chosen when nobody says so: identity, listeners, and in a container the folder and the addresses. The defaults
//! of single keys are in the table.

use std::collections::BTreeMap;

use super::listeners;
use crate::ConfigMap;
use crate::keys::{AUTHORIZER_KEYS, broker_keys};
use crate::load::{ConfigError, ContainerFacts, Family, Origin};
use crate::value::Value;

/// Node id when nobody gives one.
const DEFAULT_NODE_ID: i32 = 1;
/// Where a broker without any file listens: only this machine can reach it.
const LOOPBACK_LISTENER: &str = "PLAINTEXT://127.0.0.1:9092";
/// Where one in a container does, and what its clients are told: those outside reach it through a published port.
const CONTAINER_LISTENER: &str = "PLAINTEXT://0.0.0.0:9092";
const CONTAINER_ADVERTISED: &str = "PLAINTEXT://localhost:9092";
/// Metrics and health in a container.
const CONTAINER_HTTP: &str = "0.0.0.0:9404";

type Values = BTreeMap<&'static str, Value>;

/// What surrounds the settings.
pub(super) struct Surroundings<'a> {
    pub(super) has_file: bool,
    pub(super) facts: Option<&'a ContainerFacts>,
    pub(super) family: Family,
}

impl Surroundings<'_> {
    /// Whether a file of settings was written by somebody, so that Kafka's own defaults are meant.
    fn has_file(&self) -> bool {
        self.has_file || self.facts.is_some_and(|facts| facts.alone.is_some())
    }
}

pub(super) fn fill(
    values: &mut Values,
    statics: &mut ConfigMap,
    origins: &BTreeMap<String, Origin>,
    surroundings: &Surroundings<'_>,
    notes: &mut Vec<String>,
) -> Result<(), ConfigError> {
    fill_identity(values, statics, surroundings.facts.is_some(), notes)?;
    fill_listeners(values, origins, surroundings, notes);
    if let Some(facts) = surroundings.facts {
        fill_container(values, facts, notes);
    }
    for row in broker_keys().chain(AUTHORIZER_KEYS) {
        values.entry(row.name).or_insert_with(|| Value::default_of(row));
    }
    Ok(())
}

/// `node.id` and `broker.id` stand for each other; without either the node is number 1, in a container also the only
/// voter. Without roles it has both.
fn fill_identity(
    values: &mut Values,
    statics: &mut ConfigMap,
    in_container: bool,
    notes: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let number = |values: &Values, key| values.get(key).and_then(Value::as_number);
    match (number(values, "node.id"), number(values, "broker.id").filter(|id| *id >= 0)) {
        (Some(node), Some(broker)) if node != broker => {
            let problem =
                format!("node.id is {node} and broker.id is {broker}: remove broker.id, or make them the same");
            return Err(ConfigError::one(problem));
        }
        (Some(_), _) => copy(values, statics, "node.id", "broker.id"),
        (None, Some(_)) => copy(values, statics, "broker.id", "node.id"),
        (None, None) => {
            let id = only_voter(values).filter(|_| in_container).unwrap_or(DEFAULT_NODE_ID);
            values.insert("node.id", Value::Int(id));
            notes.push(format!("node.id is not set: {id} is used"));
        }
    }
    values.entry("process.roles").or_insert_with(|| Value::List(vec!["broker".into(), "controller".into()]));
    Ok(())
}

fn only_voter(values: &Values) -> Option<i32> {
    let Some(Value::List(voters)) = values.get("controller.quorum.voters") else { return None };
    let [voter] = voters.as_slice() else { return None };
    voter.split_once('@')?.0.trim().parse().ok()
}

fn copy(values: &mut Values, statics: &mut ConfigMap, from: &str, to: &'static str) {
    if let Some(value) = values.get(from).cloned() {
        statics.insert(to.into(), value.to_text().unwrap_or_default());
        values.insert(to, value);
    }
}

/// Chooses `listeners` when nobody gave them. Advertised addresses from the environment imply listeners on the same
/// ports, as in most of Kafka's images; without a file only this machine gets in; else Kafka's default stands.
fn fill_listeners(
    values: &mut Values,
    origins: &BTreeMap<String, Origin>,
    surroundings: &Surroundings<'_>,
    notes: &mut Vec<String>,
) {
    if values.contains_key("listeners") {
        return;
    }
    let from_env = matches!(origins.get("advertised.listeners"), Some(Origin::Env(_)));
    let advertised = values.get("advertised.listeners").filter(|_| from_env);
    let in_container = surroundings.facts.is_some();
    let chosen = match advertised {
        Some(Value::List(items))
            if in_container && surroundings.family == Family::FixedPort && only_plaintext(items) =>
        {
            vec![CONTAINER_LISTENER.to_owned()]
        }
        Some(Value::List(items)) => items.iter().filter_map(|item| listeners::on_every_interface(item)).collect(),
        _ if surroundings.has_file() || (in_container && values.contains_key("advertised.listeners")) => return,
        _ if in_container => {
            values.insert("advertised.listeners", Value::List(vec![CONTAINER_ADVERTISED.to_owned()]));
            values.insert("listeners", Value::List(vec![CONTAINER_LISTENER.to_owned()]));
            return;
        }
        _ => vec![LOOPBACK_LISTENER.to_owned()],
    };
    notes.push(format!("listeners is not set: {} is used", chosen.join(",")));
    values.insert("listeners", Value::List(chosen));
}

/// Whether Kafka's default listener is the one that is advertised.
fn only_plaintext(advertised: &[String]) -> bool {
    matches!(advertised, [one] if one.to_uppercase().starts_with("PLAINTEXT://"))
}

fn fill_container(values: &mut Values, facts: &ContainerFacts, notes: &mut Vec<String>) {
    if let Some(folder) = &facts.data_folder {
        let path = folder.path.display().to_string();
        let chosen = Value::List(vec![path.clone()]);
        if !values.contains_key("log.dirs") && !values.contains_key("log.dir") {
            values.insert("log.dirs", chosen.clone());
        }
        if !folder.mounted && values.get("log.dirs") == Some(&chosen) {
            notes.push(format!("no data folder is mounted: data is in {path} and goes with the container"));
        }
    }
    values.entry("barnabas.http.listener").or_insert_with(|| Value::Text(CONTAINER_HTTP.to_owned()));
}
