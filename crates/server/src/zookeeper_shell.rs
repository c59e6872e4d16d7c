//! `zookeeper-shell HOST:PORT [COMMAND ...]`: a few commands of ZooKeeper's shell, against any ZooKeeper. Without a
//! command they are read from standard input, one per line.

use std::io::BufRead;
use std::time::Duration;

use barnabas_zookeeper::client::{Client, ClientError};
use barnabas_zookeeper::jute::CreateMode;
use barnabas_zookeeper::{ConnectString, HostPort};
use tokio::time::timeout;

use crate::server;

const USAGE: &str = "USAGE: zookeeper-shell host:port[,host:port][/chroot] [ls PATH | get PATH | stat PATH | create PATH [DATA] | \
                     set PATH DATA | delete PATH]";
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Runs the shell. The error is one line for people.
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let [connect, command @ ..] = words else { return Err(USAGE.to_owned()) };
    let connect = ConnectString::parse(connect).map_err(|error| error.to_string())?;
    server::in_runtime(async move {
        println!("Connecting to {}", words[0]);
        let mut client = any_of(&connect).await?;
        println!("\nWATCHER::\n\nWatchedEvent state:SyncConnected type:None path:null");
        let outcome = match command {
            [] => from_input(&mut client).await,
            command => perform(&mut client, &command.iter().map(String::as_str).collect::<Vec<_>>()).await,
        };
        let _ = client.close().await; // the answer is there; a session that does not close expires
        outcome
    })
}

async fn any_of(connect: &ConnectString) -> Result<Client, String> {
    let mut last = String::new();
    for server in &connect.servers {
        match timeout(CONNECT_LIMIT, Client::connect(server, &connect.chroot, SESSION_TIMEOUT)).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => last = unreachable(server, &error.to_string()),
            Err(_) => last = unreachable(server, "no answer"),
        }
    }
    Err(last)
}

fn unreachable(server: &HostPort, why: &str) -> String {
    format!("cannot connect to ZooKeeper {server}: {why}; check that it runs there and that the port is right")
}

/// Commands line by line; what fails is said, and the next one is read.
async fn from_input(client: &mut Client) -> Result<(), String> {
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| format!("cannot read commands: {error}"))?;
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [] => {}
            ["quit" | "close"] => break,
            words => {
                if let Err(problem) = perform(client, words).await {
                    eprintln!("{problem}");
                }
            }
        }
    }
    Ok(())
}

async fn perform(client: &mut Client, words: &[&str]) -> Result<(), String> {
    let missing = |path: &str| Err(format!("Node does not exist: {path}"));
    let failed = |error: ClientError| error.to_string();
    match words {
        ["ls" | "ls2", path] => match client.children(path).await.map_err(failed)? {
            Some(names) => println!("[{}]", names.join(", ")),
            None => return missing(path),
        },
        ["get", path] => match client.get_data(path).await.map_err(failed)? {
            Some((data, _)) if data.is_empty() => println!("null"),
            Some((data, _)) => println!("{}", String::from_utf8_lossy(&data)),
            None => return missing(path),
        },
        ["stat", path] => match client.exists(path).await.map_err(failed)? {
            Some(stat) => println!(
                "cZxid = {:#x}\nmZxid = {:#x}\npZxid = {:#x}\ncversion = {}\ndataVersion = {}\naclVersion = {}\n\
                 ephemeralOwner = {:#x}\ndataLength = {}\nnumChildren = {}",
                stat.czxid,
                stat.mzxid,
                stat.pzxid,
                stat.cversion,
                stat.version,
                stat.aversion,
                stat.ephemeral_owner,
                stat.data_length,
                stat.num_children
            ),
            None => return missing(path),
        },
        ["create", path, data @ ..] => {
            let data = data.join(" ").into_bytes();
            client.create(path, data.into(), CreateMode::PERSISTENT).await.map_err(failed)?;
            println!("Created {path}");
        }
        ["set", path, data @ ..] => client.set_data(path, data.join(" ").into_bytes().into()).await.map_err(failed)?,
        ["delete", path] => client.delete(path).await.map_err(failed)?,
        _ => return Err(USAGE.to_owned()),
    }
    Ok(())
}
