//! Looks: reads the configuration, resolves names, connects, asks brokers, looks at folders and limits. Judges nothing.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barnabas_broker::advertised::{Surroundings, read_network, resolve};
use barnabas_common::vfs::{OsVfs, Vfs};
use barnabas_config::{BrokerConfig, LoadInput, Loaded};
use barnabas_protocol::messages::{DescribeLogDirsRequest, MetadataRequest, MetadataResponse};
use barnabas_tools::client::{Address, ClientError, Connection, parse_address};
use rustix::fs::Access;

use super::DoctorArgs;
use super::facts::{Asked, ConfigFacts, DirFacts, Facts, ListenerFacts, NoAnswer, Reach, ToldBroker, ToldLogDir};
use crate::{container, server};

const PATIENCE: Duration = Duration::from_secs(3);
/// Files that a running broker writes again and again.
const OFTEN_WRITTEN: [&str; 3] =
    ["meta.properties", "recovery-point-offset-checkpoint", "replication-offset-checkpoint"];

pub(super) fn gather(arguments: &DoctorArgs) -> Result<Facts, String> {
    let mut facts = Facts {
        in_container: is_container(),
        now_ms: millis(SystemTime::now()),
        open_files: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
        is_of_this_machine: arguments.bootstrap_server.is_none() || arguments.file.is_some(),
        user: (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
        ..Facts::default()
    };
    match &arguments.bootstrap_server {
        // The configuration of this machine says nothing about other brokers.
        Some(servers) if arguments.file.is_none() => ask_named(&mut facts, servers)?,
        Some(servers) => {
            look_at_configuration(&mut facts, arguments)?;
            ask_named(&mut facts, servers)?;
        }
        None => {
            look_at_configuration(&mut facts, arguments)?;
            let own: Vec<SocketAddr> = facts.listeners.iter().map(|listener| listener.bound).collect();
            facts.asked =
                own.into_iter().filter(|bound| bound.port() != 0).map(|bound| ask(&inner(bound), false)).collect();
        }
    }
    Ok(facts)
}

fn ask_named(facts: &mut Facts, servers: &str) -> Result<(), String> {
    for server in servers.split(',').map(str::trim).filter(|server| !server.is_empty()) {
        let address = parse_address(server).map_err(|error| format!("--bootstrap-server: {error}"))?;
        facts.asked.push(ask(&address, true));
    }
    if facts.asked.is_empty() {
        return Err("--bootstrap-server names no address; give HOST:PORT".to_owned());
    }
    Ok(())
}

fn look_at_configuration(facts: &mut Facts, arguments: &DoctorArgs) -> Result<(), String> {
    let loaded = load(arguments, &mut facts.config)?;
    let Some(Loaded { config, warnings, notes, .. }) = loaded else { return Ok(()) };
    facts.config.warnings = warnings.iter().map(ToString::to_string).collect();
    facts.config.notes = notes;
    facts.config.problems.extend(barnabas_broker::check_supported(&config).err().map(|error| error.to_string()));
    facts.per_connection = config.boolean("barnabas.advertised.listeners.per.connection");
    let listeners: Vec<ListenerFacts> = config
        .listeners()
        .iter()
        .filter_map(|listener| {
            let host = if listener.host.is_empty() { "0.0.0.0" } else { &listener.host };
            match (host, listener.port).to_socket_addrs().map(|mut all| all.next()) {
                Ok(Some(bound)) => Some(listener_facts(&config, &listener.name, bound)),
                _ => {
                    let problem =
                        format!("listeners: {} cannot be bound, {host} is no address of this machine", listener.name);
                    facts.config.problems.push(problem);
                    None
                }
            }
        })
        .collect();
    let names: BTreeMap<_, _> =
        listeners.iter().map(|listener| (listener.told_host.clone(), listener.told.resolved.clone())).collect();
    facts.surroundings =
        Surroundings { network: read_network(), bound: listeners.iter().map(|l| l.bound).collect(), names };
    facts.listeners = listeners;
    let mut dirs = config.log_dirs();
    dirs.push(config.metadata_log_dir());
    dirs.sort();
    dirs.dedup();
    facts.newest_file_ms =
        dirs.iter().flat_map(|dir| OFTEN_WRITTEN.map(|name| dir.join(name))).filter_map(written_ms).max();
    facts.dirs = dirs.into_iter().map(dir_facts).collect();
    Ok(())
}

/// `None` if a broker could not start with it; the problems are noted.
fn load(arguments: &DoctorArgs, facts: &mut ConfigFacts) -> Result<Option<Loaded>, String> {
    let env = server::environment();
    let overrides = arguments.overrides.clone();
    let input = match &arguments.file {
        Some(path) => {
            facts.source = path.display().to_string();
            let file = Some((path.clone(), server::read_settings(path)?));
            LoadInput { file, env, overrides, container: None }
        }
        None if container::is_here() => {
            facts.source = "the configuration of the container".to_owned();
            let surroundings = container::gather_facts(&env)?;
            LoadInput { file: None, env, overrides, container: Some(surroundings) }
        }
        None => {
            facts.source = "the configuration without a file".to_owned();
            LoadInput { file: None, env, overrides, container: None }
        }
    };
    Ok(BrokerConfig::load(input).map_err(|error| facts.problems = error.problems).ok())
}

fn listener_facts(config: &BrokerConfig, name: &str, bound: SocketAddr) -> ListenerFacts {
    let told = barnabas_broker::advertised_at_start(config, name, bound);
    let reach = reach(&told.advertised_host, told.advertised_port);
    ListenerFacts {
        name: name.to_owned(),
        bound,
        told_host: told.advertised_host,
        told_port: told.advertised_port,
        is_between_brokers: config.inter_broker_listener_name() == name,
        told: reach,
    }
}

fn reach(host: &str, port: u16) -> Reach {
    let resolved = resolve(host);
    let mut connected = None;
    for ip in resolved.iter().filter(|_| port != 0) {
        let address = SocketAddr::new(*ip, port);
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Reach { connected: Some(Ok(address)), resolved },
            Err(error) => connected = Some(Err(format!("{address}: {error}"))),
        }
    }
    Reach { resolved, connected }
}

fn inner(bound: SocketAddr) -> Address {
    let host = match bound {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "::1".to_owned(),
        other => other.ip().to_string(),
    };
    Address { host, port: bound.port() }
}

fn ask(address: &Address, by_user: bool) -> Asked {
    let mut asked = Asked {
        address: address.to_string(),
        by_user,
        said: Ok(Vec::new()),
        without_leader: Vec::new(),
        log_dirs: Ok(Vec::new()),
    };
    let connected = connect(address).and_then(|mut connection| {
        let answer = metadata(&mut connection)?;
        asked.without_leader = without_leader(&answer);
        asked.log_dirs = log_dirs(&mut connection).map_err(|error| error.to_string());
        Ok(told_brokers(answer))
    });
    asked.said = connected;
    asked
}

fn connect(address: &Address) -> Result<Connection, NoAnswer> {
    let tried = reach(&address.host, address.port);
    match tried.connected {
        Some(Ok(_)) => {}
        Some(Err(error)) => return Err(NoAnswer::Refused(error)),
        None => return Err(NoAnswer::Refused(format!("the name {} does not resolve here", address.host))),
    }
    Connection::open(address, "barnabas-doctor", PATIENCE).map_err(|error| NoAnswer::Stranger(error.to_string()))
}

/// Of all topics.
fn metadata(connection: &mut Connection) -> Result<MetadataResponse, NoAnswer> {
    let request = MetadataRequest { topics: None, ..MetadataRequest::default() };
    connection.call(&request, PATIENCE).map_err(|error: ClientError| NoAnswer::Stranger(error.to_string()))
}

fn without_leader(answer: &MetadataResponse) -> Vec<String> {
    let partitions = answer.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |found| (topic, found)));
    let lost = partitions.filter(|(_, found)| found.leader_id < 0);
    lost.map(|(topic, found)| format!("{}-{}", topic.name.as_deref().unwrap_or("?"), found.partition_index)).collect()
}

fn log_dirs(connection: &mut Connection) -> Result<Vec<ToldLogDir>, ClientError> {
    // No partitions: an empty list, so that only the dirs are told of.
    let request = DescribeLogDirsRequest { topics: Some(Vec::new()) };
    let answer = connection.call(&request, PATIENCE)?;
    let dirs = answer.results.into_iter().map(|dir| ToldLogDir {
        path: dir.log_dir,
        error_code: dir.error_code,
        usable_bytes: dir.usable_bytes,
    });
    Ok(dirs.collect())
}

fn told_brokers(answer: MetadataResponse) -> Vec<ToldBroker> {
    let brokers = answer.brokers.into_iter().map(|broker| {
        let port = u16::try_from(broker.port).unwrap_or(0);
        let reach = reach(&broker.host, port);
        ToldBroker { id: broker.node_id, address: Address { host: broker.host, port }.to_string(), reach }
    });
    brokers.collect()
}

fn dir_facts(path: PathBuf) -> DirFacts {
    let exists = path.is_dir();
    // A folder that is not there yet is made in the nearest one that is.
    let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let nearest = absolute.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/")).to_path_buf();
    let access = rustix::fs::access(&nearest, Access::WRITE_OK | Access::EXEC_OK | Access::READ_OK);
    let space = OsVfs.disk_space(&nearest).ok();
    DirFacts {
        path,
        exists,
        unwritable: access.err().map(|error| std::io::Error::from(error).to_string()),
        usable_bytes: space.as_ref().map(|space| space.usable_bytes),
        total_bytes: space.as_ref().map(|space| space.total_bytes),
    }
}

fn written_ms(path: PathBuf) -> Option<i64> {
    Some(millis(std::fs::metadata(path).ok()?.modified().ok()?))
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn is_container() -> bool {
    Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists()
}
