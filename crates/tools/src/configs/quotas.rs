//! Quotas of users, clients and addresses: DescribeClientQuotas and AlterClientQuotas.

use barnabas_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use barnabas_protocol::messages::describe_client_quotas_request::ComponentData;
use barnabas_protocol::messages::describe_client_quotas_response::EntryData as Found;
use barnabas_protocol::messages::{AlterClientQuotasRequest, DescribeClientQuotasRequest};
use serde_json::json;

use super::changes::{Changes, is_quota, is_scram};
use super::entities::{CLIENTS, Entities, IPS, USERS};
use super::{Described, Trouble};
use crate::client::{Client, ClientError};

const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;
const IP_QUOTA: &str = "connection_creation_rate";

/// What an entity type is called in requests, and how it is printed.
const NAMES: [(&str, &str, &str); 3] =
    [(USERS, "user", "user-principal"), (CLIENTS, "client-id", "client-id"), (IPS, "ip", "ip")];

fn wire_name(kind: &str) -> &'static str {
    NAMES.iter().find(|(known, _, _)| *known == kind).map_or("", |(_, wire, _)| wire)
}

/// Whether the keys fit the entity, before anyone is asked.
pub(super) fn check(entities: &Entities, changes: &Changes) -> Result<(), Trouble> {
    let added: Vec<&str> = changes.added.iter().map(|(key, _)| key.as_str()).collect();
    let deleted: Vec<&str> = changes.deleted.iter().map(String::as_str).collect();
    match entities.first_type() {
        IPS => {
            let wrong: Vec<&str> = added.into_iter().chain(deleted).filter(|key| *key != IP_QUOTA).collect();
            refuse(&wrong, "Only connection quota configs can be added for 'ips'", &wrong.join(","))
        }
        USERS | CLIENTS if entities.has_type(CLIENTS) => {
            let (added, deleted) = (without(&added, is_quota), without(&deleted, is_quota));
            refuse(&added, "Only quota configs can be added for 'clients'", &as_set(&added))?;
            refuse(&deleted, "Only quota configs can be deleted for 'clients'", &as_buffer(&deleted))
        }
        USERS => check_user(entities, changes, &added, &deleted),
        _ => Ok(()),
    }
}

fn check_user(entities: &Entities, changes: &Changes, added: &[&str], deleted: &[&str]) -> Result<(), Trouble> {
    let is_known = |key: &str| is_quota(key) || is_scram(key);
    let (odd_added, odd_deleted) = (without(added, is_known), without(deleted, is_known));
    refuse(&odd_added, "Only quota and SCRAM credential configs can be added for 'users'", &as_set(&odd_added))?;
    let text = "Only quota and SCRAM credential configs can be deleted for 'users'";
    refuse(&odd_deleted, text, &as_buffer(&odd_deleted))?;
    if !changes.keys().any(|key| is_scram(key)) {
        return Ok(());
    }
    if entities.names.iter().any(String::is_empty) {
        return Err(Trouble::argument(
            "The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials using \
             --bootstrap-server.",
        ));
    }
    if changes.have_quotas() {
        return Err(Trouble::argument(
            "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server.",
        ));
    }
    Ok(())
}

fn without<'a>(keys: &[&'a str], is_known: impl Fn(&str) -> bool) -> Vec<&'a str> {
    keys.iter().copied().filter(|key| !is_known(key)).collect()
}

fn refuse(wrong: &[&str], text: &str, listed: &str) -> Result<(), Trouble> {
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Trouble::argument(format!("{text} using --bootstrap-server. Unexpected config names: {listed}")))
}

fn as_set(keys: &[&str]) -> String {
    format!("Set({})", keys.join(", "))
}

fn as_buffer(keys: &[&str]) -> String {
    format!("ArrayBuffer({})", keys.join(", "))
}

fn ask(client: &mut Client, entities: &Entities) -> Result<Vec<Found>, Trouble> {
    if entities.names.len() > entities.types.len() {
        return Err(Trouble::argument("More entity names specified than entity types"));
    }
    let component = |(at, kind): (usize, &String)| {
        let (match_type, match_value) = match entities.names.get(at) {
            None => (ANY, None),
            Some(name) if name.is_empty() => (DEFAULT, None),
            Some(name) => (EXACT, Some(name.clone())),
        };
        ComponentData { entity_type: wire_name(kind).to_owned(), match_type, match_value }
    };
    let components = entities.types.iter().enumerate().map(component).collect();
    let response = client.any(&DescribeClientQuotasRequest { components, strict: true })?;
    ClientError::check(response.error_code, response.error_message)?;
    Ok(response.entries.unwrap_or_default())
}

/// The quotas of the entities.
pub(super) fn describe(client: &mut Client, entities: &Entities) -> Result<Vec<Described>, Trouble> {
    Ok(ask(client, entities)?.iter().map(rendered).collect())
}

fn rendered(entry: &Found) -> Described {
    let mut who = Vec::new();
    let mut document = serde_json::Map::new();
    for (_, wire, shown) in NAMES {
        let Some(entity) = entry.entity.iter().find(|entity| entity.entity_type == wire) else { continue };
        who.push(match &entity.entity_name {
            Some(name) => format!("{shown} '{name}'"),
            None => format!("the default {shown}"),
        });
        document.insert(if wire == "client-id" { "clientId" } else { wire }.to_owned(), json!(entity.entity_name));
    }
    let values: Vec<String> =
        entry.values.iter().map(|value| format!("{}={}", value.key, double(value.value))).collect();
    let quotas: serde_json::Map<String, serde_json::Value> =
        entry.values.iter().map(|value| (value.key.clone(), json!(value.value))).collect();
    document.insert("quotas".into(), quotas.into());
    let line = format!("Quota configs for {} are {}", who.join(", "), values.join(", "));
    Described { lines: vec![line], json: document.into() }
}

/// A number as Java prints a double.
pub(super) fn double(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e7).contains(&value.abs()) {
        let text = format!("{value:E}");
        let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
        let point = if mantissa.contains('.') { "" } else { ".0" };
        return format!("{mantissa}{point}E{exponent}");
    }
    let text = value.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// Sets and removes quotas.
pub(super) fn alter(client: &mut Client, entities: &Entities, changes: &Changes) -> Result<(), Trouble> {
    if !changes.deleted.is_empty() {
        let old = ask(client, entities)?;
        let is_set = |key: &String| old.iter().flat_map(|entry| &entry.values).any(|value| value.key == *key);
        let unset: Vec<&str> = changes.deleted.iter().filter(|key| !is_set(key)).map(String::as_str).collect();
        if !unset.is_empty() {
            return Err(Trouble::argument(format!("Invalid config(s): {}", unset.join(","))));
        }
    }
    let entity = entities.types.iter().zip(&entities.names).map(|(kind, name)| EntityData {
        entity_type: wire_name(kind).to_owned(),
        entity_name: Some(name.clone()).filter(|name| !name.is_empty()),
    });
    let entry = EntryData { entity: entity.collect(), ops: operations(changes)? };
    let response = client.any(&AlterClientQuotasRequest { entries: vec![entry], validate_only: false })?;
    for one in response.entries {
        ClientError::check(one.error_code, one.error_message)?;
    }
    Ok(())
}

fn operations(changes: &Changes) -> Result<Vec<OpData>, Trouble> {
    let mut operations = Vec::new();
    for (key, text) in &changes.added {
        let wrong = || Trouble::argument(format!("Cannot parse quota configuration value for {key}: {text}"));
        let value: f64 = text.parse().map_err(|_| wrong())?;
        operations.push(OpData { key: key.clone(), value, remove: false });
    }
    operations.extend(changes.deleted.iter().map(|key| OpData { key: key.clone(), value: 0.0, remove: true }));
    Ok(operations)
}
