//! `zookeeper-server-start [-daemon] [FILE]` and `zookeeper-server-stop`, and what the image does when its environment is
//! that of a ZooKeeper. The server itself is in `barnabas-zookeeper`. It keeps nothing on disk: brokers register anew.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use barnabas_config::parse_properties;
use barnabas_zookeeper::server::{Settings, serve};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::server::{self, StopSignals};
use crate::{background, logging};

const USAGE: &str = "USAGE: zookeeper-server-start [-daemon] [zookeeper.properties]";
const START: &str = "zookeeper-server-start";
const TICK_TIMES_MS: std::ops::RangeInclusive<u32> = 10..=60_000;

type Env = [(String, String)];

/// Whether the environment is that of a ZooKeeper image and not that of a broker: `ZOOKEEPER_CLIENT_PORT` and its like are
/// set, and no `KAFKA_` variable but those for Java and logging.
pub(crate) fn zookeeper_role(env: &Env) -> bool {
    env.iter().any(|(name, value)| is_of_zookeeper(name, value))
        && !env.iter().any(|(name, value)| is_of_broker(name, value))
}

fn is_of_zookeeper(name: &str, value: &str) -> bool {
    let prefixed = name.starts_with("ZOOKEEPER_") || name.starts_with("ZOO_");
    // bitnami's images often get this one and no other.
    (prefixed || name == "ALLOW_ANONYMOUS_LOGIN") && !is_service_link(name, value)
}

fn is_of_broker(name: &str, value: &str) -> bool {
    const OF_JAVA: &[&str] = &[
        "KAFKA_OPTS",
        "KAFKA_HEAP_OPTS",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_JMX_OPTS",
        "KAFKA_HOME",
        "KAFKA_VERSION",
        "KAFKA_DEBUG",
    ];
    let of_java = OF_JAVA.contains(&name) || name.starts_with("KAFKA_JMX_") || name.starts_with("KAFKA_LOG4J_");
    name.starts_with("KAFKA_") && !of_java && !is_service_link(name, value)
}

/// Docker and Kubernetes describe other services by variables that look like settings.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_part = ["_SERVICE_HOST", "_SERVICE_PORT", "_TCP_", "_UDP_", "_ENV_"].iter().any(|part| name.contains(part));
    let is_name = name.ends_with("_NAME") && value.starts_with('/');
    is_part || is_name || name.ends_with("_TCP") || value.starts_with("tcp://") || value.starts_with("udp://")
}

/// Runs the server with the settings that the images' variables give, until SIGTERM or Ctrl-C.
pub(crate) fn run_zookeeper(env: &Env) -> Result<(), String> {
    let lookup = |names: &[&str]| {
        let of_name = |name: &&str| env.iter().find(|(key, value)| key == name && !is_service_link(key, value));
        names.iter().find_map(of_name).map(|(_, value)| value.clone())
    };
    let port = lookup(&["ZOOKEEPER_CLIENT_PORT", "ZOO_PORT", "ZOO_PORT_NUMBER"]);
    let tick = lookup(&["ZOOKEEPER_TICK_TIME", "ZOO_TICK_TIME"]);
    let others = lookup(&["ZOOKEEPER_SERVERS", "ZOO_SERVERS"]).unwrap_or_default();
    run(
        settings(port.as_deref(), tick.as_deref())?,
        others.split([';', ' ', ',']).filter(|one| !one.is_empty()).count(),
    )
}

fn settings(port: Option<&str>, tick: Option<&str>) -> Result<Settings, String> {
    let mut settings = Settings::default();
    if let Some(text) = port {
        settings.client_port = text.trim().parse().map_err(|_| {
            format!("the client port of ZooKeeper is {text:?}, which is no port number; set ZOOKEEPER_CLIENT_PORT or clientPort to 2181")
        })?;
    }
    if let Some(text) = tick {
        let millis = text.trim().parse().ok().filter(|millis| TICK_TIMES_MS.contains(millis));
        settings.tick_time_ms = millis.ok_or_else(|| {
            format!(
                "the tick time of ZooKeeper is {text:?}; set ZOOKEEPER_TICK_TIME or tickTime to milliseconds from {} to {}, such as 2000",
                TICK_TIMES_MS.start(),
                TICK_TIMES_MS.end()
            )
        })?;
    }
    Ok(settings)
}

fn run(settings: Settings, ensemble: usize) -> Result<(), String> {
    logging::init();
    server::in_runtime(async move {
        let mut signals = StopSignals::listen()?;
        let port = settings.client_port;
        let listener = TcpListener::bind(("0.0.0.0", port)).await.map_err(|error| {
            format!("cannot listen on port {port} for ZooKeeper's clients: {error}; end what uses it, or set ZOOKEEPER_CLIENT_PORT")
        })?;
        let port = listener.local_addr().map_or(port, |address| address.port());
        // Programs wait for these words of ZooKeeper.
        println!("INFO binding to port 0.0.0.0/0.0.0.0:{port}");
        info!(
            "Barnabas in ZooKeeper's place: brokers find each other here; nothing is kept on disk, topics live with the brokers"
        );
        if ensemble > 1 {
            warn!(
                "of the {ensemble} servers of this ensemble each stands alone; brokers of Barnabas register at all of them"
            );
        }
        tokio::select! {
            () = serve(listener, settings) => {}
            () = signals.wait() => {}
        }
        Ok(())
    })
}

/// `zookeeper-server-start`: what the file says goes before the environment.
pub(crate) fn start(words: &[String]) -> Result<(), String> {
    let mut file = None;
    let mut is_daemon = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-daemon" | "--daemon" => is_daemon = true,
            "-name" => drop(words.next()),
            "-loggc" => {}
            path if file.is_none() && !path.starts_with('-') => file = Some(PathBuf::from(path)),
            _ => return Err(USAGE.to_owned()),
        }
    }
    if is_daemon {
        return start_daemon(file.as_deref());
    }
    let mut env = server::environment();
    if let Some(path) = file {
        let contents = server::read_settings(&path)?;
        let lines = parse_properties(&contents)
            .map_err(|error| format!("{}:{}: {}", path.display(), error.line, error.problem))?;
        env.splice(0..0, lines.into_iter().filter_map(|(_, key, value)| Some((variable(&key)?, value))));
    }
    run_zookeeper(&env)
}

/// The variable that says the same as a key of the file; other keys have no effect here.
fn variable(key: &str) -> Option<String> {
    match key {
        "clientPort" => Some("ZOOKEEPER_CLIENT_PORT".to_owned()),
        "tickTime" => Some("ZOOKEEPER_TICK_TIME".to_owned()),
        _ => None,
    }
}

fn start_daemon(file: Option<&Path>) -> Result<(), String> {
    let words = std::iter::once(OsStr::new(START)).chain(file.map(Path::as_os_str));
    background::start(words, "zookeeper.out")
}

/// `zookeeper-server-stop`: SIGTERM to every such server of this machine or container.
pub(crate) fn stop() -> Result<(), String> {
    if background::stop(is_server)? { Ok(()) } else { Err("No zookeeper server to stop".to_owned()) }
}

/// Whether these are the words of this program, called as the server by link or by command.
fn is_server(words: &[String]) -> bool {
    let base = |word: Option<&String>| word.and_then(|word| word.rsplit('/').next()).unwrap_or_default().to_owned();
    let (program, command) = (base(words.first()), base(words.get(1)));
    let is_start = |word: &str| word.strip_suffix(".sh").unwrap_or(word) == START;
    is_start(&program) || (program == "barnabas" && is_start(&command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(text: &str) -> Vec<(String, String)> {
        text.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    #[test]
    fn the_environment_of_a_zookeeper() {
        let cases = [
            ("ZOOKEEPER_CLIENT_PORT=2181 ZOOKEEPER_TICK_TIME=2000", true),
            ("ZOO_MY_ID=1 ZOO_SERVERS=server.1=zoo1:2888:3888;2181", true),
            ("ALLOW_ANONYMOUS_LOGIN=yes", true),
            ("ZOOKEEPER_CLIENT_PORT=2181 KAFKA_OPTS=-Dx KAFKA_HEAP_OPTS=-Xmx1g KAFKA_JMX_PORT=9", true),
            ("ZOOKEEPER_CLIENT_PORT=2181 KAFKA_BROKER_ID=1", false),
            ("ZOOKEEPER_CLIENT_PORT=2181 KAFKA_ADVERTISED_LISTENERS=x", false),
            ("ZOOKEEPER_CLIENT_PORT=2181 KAFKA_SERVICE_HOST=10.0.0.1 KAFKA_PORT=tcp://10.0.0.1:9092", true),
            ("ZOOKEEPER_PORT=tcp://10.0.0.1:2181 ZOOKEEPER_SERVICE_HOST=10.0.0.1", false),
            ("ZOOKEEPER_PORT_2181_TCP_ADDR=10.0.0.1 ZOOKEEPER_NAME=/kafka/zookeeper", false),
            ("PATH=/bin CLUSTER_ID=x", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(zookeeper_role(&env(text)), expected, "{text}");
        }
    }

    #[test]
    fn settings_are_read_or_refused_with_the_cure() {
        assert_eq!(settings(None, None), Ok(Settings::default()));
        let read = settings(Some("32181"), Some("3000")).unwrap();
        assert_eq!((read.client_port, read.tick_time_ms), (32181, 3000));
        assert!(settings(Some("x"), None).unwrap_err().contains("ZOOKEEPER_CLIENT_PORT"));
        assert!(settings(None, Some("0")).unwrap_err().contains("tickTime"));
    }
}
