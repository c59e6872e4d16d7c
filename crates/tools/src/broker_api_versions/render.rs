//! What `kafka-broker-api-versions` prints.

use std::collections::BTreeMap;

use barnabas_protocol::messages::ApiVersionsResponse;
use barnabas_protocol::messages::api_versions_response::ApiVersion;
use barnabas_protocol::{KAFKA_APIS, KafkaApi, Offered};
use serde_json::{Value, json};

use crate::output::json_error;

use super::{Asked, address};

/// A node as Java's client prints it.
pub(super) fn node(id: i32, address: &str, rack: Option<&str>) -> String {
    format!("{address} (id: {id} rack: {} isFenced: false)", rack.unwrap_or("null"))
}

/// The block of one broker.
pub(super) fn text(asked: &Asked) -> Vec<String> {
    let broker = &asked.broker;
    let node = node(broker.node_id, &address(broker).to_string(), broker.rack.as_deref());
    let response = match &asked.answer {
        Ok(response) => response,
        Err(error) => return vec![format!("{node} -> ERROR: {error}")],
    };
    let rows: Vec<String> = rows(response).into_iter().map(|row| format!("\t{row}")).collect();
    vec![format!("{node} -> ("), rows.join(",\n"), ")".into()]
}

fn known(key: i16) -> Option<&'static KafkaApi> {
    KAFKA_APIS.iter().find(|api| api.key == key)
}

/// One row for every API that the broker serves or that clients of 4.3.1 know.
fn rows(response: &ApiVersionsResponse) -> Vec<String> {
    let expected = KAFKA_APIS.iter().filter(|api| api.offered != Offered::ToNodes);
    let mut rows: BTreeMap<i16, String> =
        expected.map(|api| (api.key, format!("{}({}): UNSUPPORTED", api.name, api.key))).collect();
    rows.extend(response.api_keys.iter().map(|row| (row.api_key, served(row))));
    rows.into_values().collect()
}

fn served(row: &ApiVersion) -> String {
    let (first, last) = (row.min_version, row.max_version);
    let range = if first == last { first.to_string() } else { format!("{first} to {last}") };
    match known(row.api_key) {
        None => format!("UNKNOWN({}): {range}", row.api_key),
        Some(api) => format!("{}({}): {range} [{}]", api.name, api.key, usable(api, row)),
    }
}

fn usable(api: &KafkaApi, row: &ApiVersion) -> String {
    if api.last < row.min_version {
        "unusable: node too new".into()
    } else if row.max_version < api.first {
        "unusable: node too old".into()
    } else {
        format!("usable: {}", api.last.min(row.max_version))
    }
}

/// The document of `--output json`.
pub(super) fn json(asked: &[Asked]) -> Value {
    let broker = |one: &Asked| {
        let mut entry = json!({
            "id": one.broker.node_id, "host": one.broker.host, "port": one.broker.port, "rack": one.broker.rack,
        });
        match &one.answer {
            Ok(response) => entry["apis"] = response.api_keys.iter().map(api_json).collect(),
            Err(error) => entry["error"] = json_error(error.code_name(), &error.to_string()),
        }
        entry
    };
    json!({ "brokers": asked.iter().map(broker).collect::<Vec<_>>() })
}

fn api_json(row: &ApiVersion) -> Value {
    let name = known(row.api_key).map(|api| api.name);
    json!({ "key": row.api_key, "name": name, "minVersion": row.min_version, "maxVersion": row.max_version })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(api_key: i16, min_version: i16, max_version: i16) -> ApiVersion {
        ApiVersion { api_key, min_version, max_version }
    }

    #[test]
    fn rows_are_those_of_kafka() {
        assert_eq!(served(&row(1, 4, 17)), "Fetch(1): 4 to 17 [usable: 17]");
        assert_eq!(served(&row(46, 0, 0)), "ListPartitionReassignments(46): 0 [usable: 0]");
        assert_eq!(served(&row(1, 0, 3)), "Fetch(1): 0 to 3 [unusable: node too old]");
        assert_eq!(served(&row(1, 90, 99)), "Fetch(1): 90 to 99 [unusable: node too new]");
        assert_eq!(served(&row(4, 0, 7)), "LeaderAndIsr(4): 0 to 7 [unusable: node too new]");
        assert_eq!(served(&row(1000, 0, 1)), "UNKNOWN(1000): 0 to 1");
    }

    #[test]
    fn what_is_missing_is_named() {
        let response = ApiVersionsResponse { api_keys: vec![row(0, 0, 13)], ..Default::default() };
        let rows = rows(&response);
        assert_eq!((rows[0].as_str(), rows[1].as_str()), ("Produce(0): 0 to 13 [usable: 13]", "Fetch(1): UNSUPPORTED"));
        assert!(!rows.iter().any(|row| row.starts_with("Vote")));
    }
}
