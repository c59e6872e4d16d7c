//! Where `--zookeeper host:2181` leads now that tools ask brokers: command lines of the ZooKeeper era go on working.

use std::env;

/// An address list for a command line that names only ZooKeeper: `BARNABAS_BOOTSTRAP_SERVER`, else the broker in this
/// container by what its environment says it listens on, else this machine's port 9092.
pub fn bootstrap_of_zookeeper(_zookeeper: &str) -> String {
    let variable = |name| env::var(name).ok().filter(|text| !text.trim().is_empty());
    if let Some(given) = variable("BARNABAS_BOOTSTRAP_SERVER") {
        return given;
    }
    let listeners =
        ["KAFKA_LISTENERS", "KAFKA_CFG_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_CFG_ADVERTISED_LISTENERS"];
    let port = listeners.into_iter().find_map(variable).and_then(|list| first_client_port(&list));
    format!("127.0.0.1:{}", port.unwrap_or(9092))
}

fn first_client_port(listeners: &str) -> Option<u16> {
    let clients = listeners.split(',').filter(|entry| !entry.trim_start().to_uppercase().starts_with("CONTROLLER"));
    clients.filter_map(|entry| entry.rsplit_once(':')?.1.trim().parse().ok()).next()
}

#[cfg(test)]
mod tests {
    use super::first_client_port;

    #[test]
    fn the_port_of_the_first_listener_for_clients() {
        assert_eq!(first_client_port("CONTROLLER://:9093,PLAINTEXT://kafka:29092,HOST://localhost:9092"), Some(29092));
        assert_eq!(first_client_port("PLAINTEXT://:9092"), Some(9092));
        assert_eq!(first_client_port(""), None);
    }
}
