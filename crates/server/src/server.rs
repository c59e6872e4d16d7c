//! `barnabas server`: from configuration to a running broker and back.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use barnabas_broker::{Broker, RunningBroker, StartOptions};
use barnabas_common::SystemClock;
use barnabas_common::vfs::OsVfs;
use barnabas_config::{BrokerConfig, HostPort, LoadInput, Loaded, StartActions, TopicToCreate};
use barnabas_console::Source;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::args::ServerArgs;
use crate::banner::{self, Banner, print};
use crate::discovery::Discovery;
use crate::logging;

/// How long a stop may take where somebody waits for it with a kill in hand. What was acknowledged is safe without it;
/// the next start then checks the logs.
const STOP_LIMIT: Duration = Duration::from_millis(1700);
/// A signal that comes so soon after the first is the same one: `timeout` sends it to its child and to the child's group, and so
/// do some supervisors.
const SAME_SIGNAL: Duration = Duration::from_secs(2);

/// A start that is ready to go.
pub(crate) struct Start {
    pub loaded: Loaded,
    pub cluster_id: Option<String>,
    pub started: Instant,
    /// Say in Kafka's words that it is up, for programs that wait for them.
    pub announce: bool,
    /// End soon after a signal, come what may.
    pub stop_at_once: bool,
}

/// Runs a broker until SIGTERM or Ctrl-C. The error is one line for people.
pub(crate) fn run(arguments: ServerArgs) -> Result<(), String> {
    let started = Instant::now();
    logging::init();
    let loaded = load(&arguments)?;
    let cluster_id = loaded.start.cluster_id.clone();
    let start = Start { loaded, cluster_id, started, announce: false, stop_at_once: false };
    in_runtime(async move { serve(start, StopSignals::listen()?).await })
}

/// Many systems give a process few file handles unless it asks for those it may have.
fn ask_for_file_handles() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        warn!("cannot raise the limit of open files from {:?} to {:?}: {error}", limit.current, limit.maximum);
    }
}

/// Runs to the end of the work, without waiting for threads that it left behind.
pub(crate) fn in_runtime(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    ask_for_file_handles();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

pub(crate) fn read_settings(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| {
        format!(
            "cannot read the configuration {}: {error}; give the path of a server.properties or TOML file",
            path.display()
        )
    })
}

fn load(arguments: &ServerArgs) -> Result<Loaded, String> {
    let file = match &arguments.file {
        Some(path) => Some((path.clone(), read_settings(path)?)),
        None => None,
    };
    let input = LoadInput { file, env: environment(), overrides: arguments.overrides.clone(), container: None };
    BrokerConfig::load(input).map_err(|error| error.to_string())
}

/// From a start to its end. A signal during the start ends it, too: what it writes survives that as it survives a crash.
pub(crate) async fn serve(start: Start, mut signals: StopSignals) -> Result<(), String> {
    let mut discovery = Discovery::begin(&start.loaded.config);
    let outcome = serve_alone(start, &mut signals, &mut discovery).await;
    discovery.leave().await;
    outcome
}

/// Serves, unless and until other brokers of the same file are found.
async fn serve_alone(start: Start, signals: &mut StopSignals, discovery: &mut Discovery) -> Result<(), String> {
    let Start { loaded, cluster_id, started, announce, stop_at_once } = start;
    let Loaded { config, mut warnings, mut notes, start } = loaded;
    let several = tokio::select! {
        several = discovery.look(&config) => several,
        () = signals.wait() => return Ok(()),
    };
    if let Some(refusal) = several {
        discovery.stay(signals).await;
        return Err(refusal);
    }
    notes.append(&mut discovery.notes);
    warnings.append(&mut discovery.warnings);
    let http = bind_http(config.http_listener()).await?;
    let options = StartOptions {
        config: config.clone(),
        cluster_id,
        vfs: Arc::new(OsVfs),
        clock: Arc::new(SystemClock::default()),
    };
    let running = tokio::select! {
        running = barnabas_broker::start(options) => running.map_err(|error| error.to_string())?,
        () = signals.wait() => return Ok(()),
    };
    notes.extend(running.broker.notes());
    create_topics(&running.broker, &start).await;
    let http_address = http.as_ref().and_then(|http| http.local_addr().ok());
    let http_task = http.map(|listener| spawn_http(listener, &running));
    print(&Banner { config: &config, running: &running, http_address, warnings: &warnings, notes: &notes, started });
    if announce {
        banner::announce(config.node_id());
    }
    let sibling = tokio::select! {
        () = signals.wait() => None,
        refusal = discovery.sibling() => Some(refusal),
        reason = running.failed() => {
            discovery.going();
            stop(running, true, signals).await;
            return Err(reason);
        }
    };
    if sibling.is_none() {
        discovery.going();
    }
    stop(running, stop_at_once, signals).await;
    if let Some(task) = http_task {
        task.abort();
    }
    match sibling {
        Some(refusal) => {
            discovery.stay(signals).await;
            Err(refusal)
        }
        None => Ok(()),
    }
}

/// A second signal, or a limit where there is one, cuts the stop short.
async fn stop(running: RunningBroker, at_once: bool, signals: &mut StopSignals) {
    let limit = async { if at_once { tokio::time::sleep(STOP_LIMIT).await } else { std::future::pending().await } };
    tokio::select! {
        () = running.stop() => info!("stopped"),
        () = signals.wait_for_another() => warn!("stopped at once by a second signal; the next start checks the logs"),
        () = limit => warn!("stopped without closing every log, to be in time; the next start checks them"),
    }
}

async fn create_topics(broker: &Broker, start: &StartActions) {
    for topic in &start.topics {
        let TopicToCreate { name, partitions, replication_factor, configs } = topic;
        match broker.create_topic_at_start(name, *partitions, *replication_factor, configs).await {
            Ok(true) => info!("created topic {name}, as KAFKA_CREATE_TOPICS asks"),
            Ok(false) => {}
            Err(error) => warn!("KAFKA_CREATE_TOPICS: topic {name} was not created: {error}"),
        }
    }
}

async fn bind_http(listener: Option<&HostPort>) -> Result<Option<TcpListener>, String> {
    let Some(HostPort { host, port }) = listener else { return Ok(None) };
    let bound = TcpListener::bind((host.as_str(), *port)).await.map_err(|error| {
        format!(
            "cannot listen on {host}:{port} for HTTP (metrics and health): {error}; set 'barnabas.http.listener' to a free \
             address, or to nothing to switch it off"
        )
    })?;
    Ok(Some(bound))
}

/// The broker as the HTTP pages see it.
struct Observed(Arc<Broker>);

impl Source for Observed {
    fn metrics(&self) -> String {
        barnabas_broker::exposition::render(&self.0)
    }

    fn not_ready(&self) -> Option<String> {
        self.0.not_ready()
    }

    fn remark(&self) -> Option<String> {
        self.0.remark()
    }
}

fn spawn_http(listener: TcpListener, running: &RunningBroker) -> JoinHandle<()> {
    let source = Arc::new(Observed(Arc::clone(&running.broker)));
    tokio::spawn(async move {
        if let Err(error) = barnabas_console::serve(listener, source).await {
            tracing::error!(%error, "the HTTP listener failed; the broker goes on");
        }
    })
}

/// The signals that ask a broker to stop.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From here on the signals no longer kill the process at once. To be called before the broker says that it is ready:
    /// who reads that may stop it the next moment.
    pub(crate) fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for one that was not meant with the first.
    async fn wait_for_another(&mut self) {
        let since = Instant::now();
        while since.elapsed() < SAME_SIGNAL {
            self.wait().await;
        }
    }

    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
