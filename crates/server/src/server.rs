//! `barnabas server`: from configuration to a running broker and back.

use std::sync::Arc;
use std::time::Instant;

use barnabas_broker::{Broker, RunningBroker, StartOptions};
use barnabas_common::SystemClock;
use barnabas_common::vfs::OsVfs;
use barnabas_config::{BrokerConfig, HostPort, LoadInput, Loaded};
use barnabas_console::Source;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tracing::info;

use crate::args::ServerArgs;
use crate::banner::{Banner, print};
use crate::logging;

/// Runs a broker until SIGTERM or Ctrl-C. The error is one line for people.
pub(crate) fn run(arguments: ServerArgs) -> Result<(), String> {
    let started = Instant::now();
    logging::init();
    let loaded = load(&arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(serve(loaded, started))
}

fn load(arguments: &ServerArgs) -> Result<Loaded, String> {
    let file = match &arguments.file {
        Some(path) => {
            let contents = std::fs::read_to_string(path).map_err(|error| {
                format!(
                    "cannot read the configuration {}: {error}; give the path of a server.properties or TOML file",
                    path.display()
                )
            })?;
            Some((path.clone(), contents))
        }
        None => None,
    };
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    BrokerConfig::load(LoadInput { file, env, overrides: arguments.overrides.clone() })
        .map_err(|error| error.to_string())
}

async fn serve(loaded: Loaded, started: Instant) -> Result<(), String> {
    let Loaded { config, warnings, notes } = loaded;
    let mut signals = StopSignals::listen()?;
    let http = bind_http(config.http_listener()).await?;
    let cluster_id = std::env::var("CLUSTER_ID").or_else(|_| std::env::var("KAFKA_CLUSTER_ID")).ok();
    let options = StartOptions {
        config: config.clone(),
        cluster_id: cluster_id.filter(|id| !id.trim().is_empty()),
        vfs: Arc::new(OsVfs),
        clock: Arc::new(SystemClock::default()),
    };
    let running = barnabas_broker::start(options).await.map_err(|error| error.to_string())?;
    let http_address = http.as_ref().and_then(|http| http.local_addr().ok());
    let http_task = http.map(|listener| spawn_http(listener, &running));
    print(&Banner { config: &config, running: &running, http_address, warnings: &warnings, notes: &notes, started });
    signals.wait().await;
    running.stop().await;
    if let Some(task) = http_task {
        task.abort();
    }
    info!("stopped");
    Ok(())
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
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From here on the signals no longer kill the process at once. To be called before the broker says that it is ready:
    /// who reads that may stop it the next moment.
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
