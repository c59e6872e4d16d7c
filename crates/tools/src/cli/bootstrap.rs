//! Where `--zookeeper host:2181` leads now that tools ask brokers: command lines of the ZooKeeper era go on working.

use std::env;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use barnabas_zookeeper::ConnectString;
use barnabas_zookeeper::client::{Client, ClientError};
use barnabas_zookeeper::registration::BROKERS_PATH;
use serde_json::Value;

const LOCAL_LIMIT: Duration = Duration::from_millis(200);
const ZOOKEEPER_LIMIT: Duration = Duration::from_secs(3);
const SESSION: Duration = Duration::from_secs(6);
/// More than any file has.
const MOST_BROKERS: usize = 100;

/// An address list for a command line that names only ZooKeeper: `BARNABAS_BOOTSTRAP_SERVER`, else the broker in this
/// container by what its environment says it listens on, else the brokers that are registered at that ZooKeeper, else this
/// machine's port.
pub fn bootstrap_of_zookeeper(zookeeper: &str) -> String {
    let variable = |name| env::var(name).ok().filter(|text| !text.trim().is_empty());
    if let Some(given) = variable("BARNABAS_BOOTSTRAP_SERVER") {
        return given;
    }
    let listeners =
        ["KAFKA_LISTENERS", "KAFKA_CFG_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_CFG_ADVERTISED_LISTENERS"];
    let port = listeners.into_iter().find_map(variable).and_then(|list| first_client_port(&list)).unwrap_or(9092);
    let here = (Ipv4Addr::LOCALHOST, port);
    if TcpStream::connect_timeout(&here.into(), LOCAL_LIMIT).is_ok() {
        return format!("127.0.0.1:{port}");
    }
    registered_at(zookeeper).unwrap_or_else(|| format!("127.0.0.1:{port}"))
}

/// What the brokers there tell clients, separated by commas; `None` if nobody is there.
fn registered_at(zookeeper: &str) -> Option<String> {
    let connect = ConnectString::parse(zookeeper).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let ask = async {
        for server in &connect.servers {
            let Ok(mut client) = Client::connect(server, &connect.chroot, SESSION).await else { continue };
            let told = read_all(&mut client).await.unwrap_or_default();
            let _ = client.close().await; // it would expire by itself
            return Some(told);
        }
        None
    };
    let told = runtime.block_on(async { tokio::time::timeout(ZOOKEEPER_LIMIT, ask).await }).ok()??;
    let addresses: Vec<String> = told.iter().flat_map(addresses).collect();
    (!addresses.is_empty()).then(|| addresses.join(","))
}

/// What the brokers that are registered there tell of themselves.
async fn read_all(client: &mut Client) -> Result<Vec<Value>, ClientError> {
    let mut told = Vec::new();
    for name in client.children(BROKERS_PATH).await?.unwrap_or_default().into_iter().take(MOST_BROKERS) {
        let text = client.get_data(&format!("{BROKERS_PATH}/{name}")).await?;
        told.extend(text.and_then(|(text, _)| serde_json::from_slice(&text).ok()));
    }
    Ok(told)
}

/// The addresses in what one broker tells, as `NAME://host:port`.
fn addresses(told: &Value) -> Vec<String> {
    let listeners = told["listeners"].as_array().into_iter().flatten().filter_map(|listener| listener.as_str());
    listeners.filter_map(|listener| Some(listener.split_once("://")?.1.to_owned())).collect()
}

fn first_client_port(listeners: &str) -> Option<u16> {
    let clients = listeners.split(',').filter(|entry| !entry.trim_start().to_uppercase().starts_with("CONTROLLER"));
    clients.filter_map(|entry| entry.rsplit_once(':')?.1.trim().parse().ok()).next()
}

#[cfg(test)]
mod tests {
    use super::{addresses, first_client_port, registered_at};

    #[test]
    fn addresses_of_what_a_broker_tells() {
        let told = serde_json::json!({"listeners": ["PLAINTEXT://kafka:9092", "strange", 7, "HOST://localhost:29092"]});
        assert_eq!(addresses(&told), ["kafka:9092", "localhost:29092"]);
        assert_eq!(addresses(&serde_json::json!([])), Vec::<String>::new());
        assert_eq!(registered_at("127.0.0.1:1"), None);
    }

    #[test]
    fn the_port_of_the_first_listener_for_clients() {
        assert_eq!(first_client_port("CONTROLLER://:9093,PLAINTEXT://kafka:29092,HOST://localhost:9092"), Some(29092));
        assert_eq!(first_client_port("PLAINTEXT://:9092"), Some(9092));
        assert_eq!(first_client_port(""), None);
    }
}
