//! Starting and stopping a broker. The order matters: lock the folders, open the metadata, bind the listeners,
//! register, open the logs, load the groups; only then accept connections.

use std::sync::Arc;

use barnabas_common::vfs::Vfs;
use barnabas_common::{Clock, Uuid};
use barnabas_config::BrokerConfig;
use barnabas_metadata::{CreateTopicsItem, MetadataDelta, MetadataImage};
use barnabas_quorum::{Quorum, QuorumOptions};
use barnabas_replica::{FetchSessionCache, ReplicaManager};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::advertised::{self, Surroundings};
use crate::broker::Broker;
use crate::checkpoints::Checkpoints;
use crate::cleaner::{self, Cleaner};
use crate::config_rules::KeyTableRules;
use crate::configs::Configs;
use crate::dir_failure;
use crate::disk_space::{self, Reserve};
use crate::error::StartError;
use crate::groups::{self, GroupService};
use crate::journals::{self, Journals};
use crate::known_dirs::KnownDirs;
use crate::log_dirs::{self, DataDir, OpenedDirs};
use crate::lost_journal::GivenUpJournals;
use crate::maintenance;
use crate::metrics::Metrics;
use crate::network::{self, BoundListener, MemoryBudget, Workers};
use crate::partitions::PartitionLife;
use crate::producer_ids::ProducerIds;
use crate::registration::{ListeningOn, Registered, listening_on, register};
use crate::settings::Settings;
use crate::supported::check_supported;
use crate::topics::{CLUSTER_METADATA_TOPIC, CONSUMER_OFFSETS_TOPIC};
use crate::watched_dirs::WatchedDirs;
use crate::watched_vfs::WatchedVfs;

/// Memory that requests on their way in may take together, unless one frame alone may be larger.
const REQUEST_MEMORY_BYTES: usize = 96 << 20;
/// Produced batches that may be decompressed at the same time.
const DECODING_AT_ONCE: usize = 2;

/// What a broker needs besides its configuration.
pub struct StartOptions {
    pub config: BrokerConfig,
    /// The cluster to be in; by default that of the data folder, or a new one.
    pub cluster_id: Option<String>,
    pub vfs: Arc<dyn Vfs>,
    pub clock: Arc<dyn Clock>,
}

/// A broker that serves clients until [`RunningBroker::stop`].
pub struct RunningBroker {
    pub broker: Arc<Broker>,
    pub cluster_id: String,
    pub formatted: bool,
    pub listeners: Vec<ListeningOn>,
    stop: watch::Sender<bool>,
    /// Why the broker must end, once it must.
    failed: watch::Receiver<Option<String>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts a broker. When this returns, clients can produce and groups can form.
pub async fn start(options: StartOptions) -> Result<RunningBroker, StartError> {
    let StartOptions { config, cluster_id, vfs, clock } = options;
    check_supported(&config)?;
    warn_of_what_has_no_effect(&config);
    let metadata_dir = config.metadata_log_dir();
    let reserve = Reserve::from_setting(config.number(disk_space::RESERVE_KEY));
    let watched = Arc::new(WatchedDirs::new(&vfs, &config.log_dirs(), &metadata_dir, reserve));
    let vfs: Arc<dyn Vfs> = Arc::new(WatchedVfs::new(vfs, Arc::clone(&watched)));
    let (known, given_up) = (KnownDirs::new(&config)?, GivenUpJournals::new(&config)?);
    let opened = log_dirs::open(&vfs, &watched, config.node_id(), cluster_id.as_deref(), known, &given_up)?;
    log_dirs::refuse_kafka_metadata(&*vfs, &metadata_dir)?;
    opened.known.check_metadata(&*vfs, &metadata_dir, &opened.dirs)?;
    log_dirs::refuse_lost_metadata(&*vfs, &metadata_dir, &opened.dirs)?;
    let bound = config.listeners().iter().map(network::bind).collect::<Result<Vec<_>, _>>()?;
    let configs = Configs::new(config);
    let quorum = start_quorum(&configs, &opened, &vfs, &clock, metadata_dir).await?;
    watched.expect_folders();
    let before = quorum.image();
    let listeners = listening_on(configs.broker_config(), &quorum.image(), &bound);
    let registered = match register(&quorum, &configs, &opened, listeners).await {
        Ok(registered) => registered,
        Err(error) => return Err(ended(&quorum, error).await),
    };

    let OpenedDirs { dirs, cluster_id, formatted, mut known } = opened;
    let dirs = Arc::new(dirs);
    let node_id = configs.broker_config().node_id();
    before.broker(node_id).iter().for_each(|last| known.registered(&last.directory_ids));
    known.remember(&*vfs, &dirs).into_iter().for_each(|absent| watched.are_absent(absent));
    let both = (Arc::clone(&dirs), Arc::clone(&watched));
    let life = PartitionLife::new(node_id, Arc::clone(&vfs), Arc::clone(&clock), both, configs.clone());
    let life = Arc::new(life);
    let (publish, applied) = watch::channel(quorum.image());
    let broker = assemble(configs, &registered, (dirs, watched), vfs, clock, quorum, applied);
    if let Err(error) = load(&broker, &life).await {
        return Err(ended(&broker.quorum, error).await);
    }
    let (stop, stopped) = watch::channel(false);
    let mut tasks = vec![
        tokio::spawn(follow_metadata(Arc::clone(&broker), Arc::clone(&life), publish)),
        tokio::spawn(maintenance::run(Arc::clone(&broker), life)),
    ];
    let (fatal, failed) = watch::channel(None);
    tasks.push(tokio::spawn(dir_failure::run(Arc::clone(&broker), fatal.clone())));
    tasks.push(tokio::spawn(dir_failure::end_without_quorum(Arc::clone(&broker), fatal)));
    tasks.push(tokio::spawn(disk_space::run(Arc::clone(&broker))));
    let timers = Arc::clone(&broker);
    tasks.push(tokio::spawn(groups::run_timers(timers)));
    tasks.push(tokio::spawn(advertised::watch(Arc::clone(&broker))));
    let cleaners = 0..cleaner_threads(&broker);
    tasks.extend(cleaners.map(|thread| tokio::spawn(cleaner::run(Arc::clone(&broker), thread))));
    let listeners = registered.listeners;
    let mut running = RunningBroker { broker, cluster_id, formatted, listeners, stop, failed, tasks };
    match running.serve(bound, &stopped).await {
        Ok(()) => Ok(running),
        Err(error) => {
            running.stop().await;
            Err(error)
        }
    }
}

/// A start that is refused leaves nothing that would go on writing to the metadata log.
async fn ended(quorum: &Quorum, error: StartError) -> StartError {
    quorum.shutdown().await;
    error
}

/// How many logs may be compacted at the same time.
fn cleaner_threads(broker: &Broker) -> usize {
    let config = broker.configs.broker_config();
    let threads = if config.boolean("log.cleaner.enable") { config.number("log.cleaner.threads") } else { 0 };
    usize::try_from(threads).unwrap_or(0)
}

/// One thread per core: more would only take turns.
fn start_workers() -> Result<Workers, StartError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Workers::start(cores).map_err(StartError::Threads)
}

/// Limits that people rely on and that are not kept yet. Settings of speed are another matter: those are ours to choose.
const WITHOUT_EFFECT: [&str; 4] =
    ["max.connections", "max.connections.per.ip", "max.connections.per.ip.overrides", "max.connection.creation.rate"];

fn warn_of_what_has_no_effect(config: &BrokerConfig) {
    for key in WITHOUT_EFFECT.iter().filter(|key| config.origin(key).is_some()) {
        warn!("{key} is set and has no effect yet in this version");
    }
}

async fn start_quorum(
    configs: &Configs,
    opened: &OpenedDirs,
    vfs: &Arc<dyn Vfs>,
    clock: &Arc<dyn Clock>,
    metadata_dir: std::path::PathBuf,
) -> Result<Quorum, StartError> {
    let config = configs.broker_config();
    let home = opened.dirs.iter().find(|dir| dir.path == metadata_dir).or(opened.dirs.first());
    let home_in_use = home.filter(|dir| !dir.watched.has_failed());
    let directory_id = home_in_use.or_else(|| opened.in_use().next()).map_or(Uuid::ZERO, |dir| dir.directory_id);
    let mut options = QuorumOptions::new(
        metadata_dir.join(format!("{CLUSTER_METADATA_TOPIC}-0")),
        config.node_id(),
        directory_id,
        Arc::clone(vfs),
        Arc::clone(clock),
        Arc::new(KeyTableRules(Arc::clone(config))),
    );
    options.keeps_identity = home_in_use.is_none();
    Quorum::start(options).await.map_err(|error| StartError::of_quorum(&metadata_dir, &error, StartError::Quorum))
}

fn assemble(
    configs: Configs,
    registered: &Registered,
    (log_dirs, dirs): (Arc<Vec<DataDir>>, Arc<WatchedDirs>),
    vfs: Arc<dyn Vfs>,
    clock: Arc<dyn Clock>,
    quorum: Quorum,
    applied: watch::Receiver<Arc<MetadataImage>>,
) -> Arc<Broker> {
    let config = Arc::clone(configs.broker_config());
    let settings = Settings::from_config(&config);
    let around = Surroundings::at_start(registered.listeners.iter().map(|listener| listener.address).collect());
    let metrics = Metrics::with_segment_syncs(Arc::clone(&dirs.segment_syncs));
    let first_session_id = i32::try_from(clock.wall_ms() & 0x3fff_ffff).unwrap_or(1);
    Arc::new(Broker {
        node_id: config.node_id(),
        broker_epoch: registered.epoch,
        settings,
        groups: GroupService::new(configs.group_coordinator(), Arc::clone(&clock), Arc::clone(&dirs), quorum.image()),
        controller_listeners: config.controller_listeners().to_vec(),
        bound: registered.listeners.iter().map(|listener| (listener.name.clone(), listener.address)).collect(),
        surroundings: RwLock::new(Arc::new(around)),
        advertised_changed: Notify::new(),
        configs,
        clock,
        vfs,
        quorum,
        applied,
        replicas: ReplicaManager::default(),
        fetch_sessions: Mutex::new(FetchSessionCache::new(settings.fetch_session_slots, first_session_id)),
        producer_ids: ProducerIds::default(),
        checkpoints: Checkpoints::new(&log_dirs),
        journals: Journals::default(),
        cleaner: Cleaner::new(&log_dirs),
        log_dirs,
        dirs,
        request_memory: MemoryBudget::new(REQUEST_MEMORY_BYTES),
        decoding: tokio::sync::Semaphore::new(DECODING_AT_ONCE),
        metrics,
    })
}

/// Opens all logs, completes them from the journals, then loads all groups.
async fn load(broker: &Arc<Broker>, life: &Arc<PartitionLife>) -> Result<(), StartError> {
    let (broker, life) = (Arc::clone(broker), Arc::clone(life));
    let loading = tokio::task::spawn_blocking(move || {
        let image = broker.image();
        life.load_all(&broker.replicas, &image);
        // A failure was said; a full disk must not keep the broker from starting.
        let _ = broker.checkpoints.forget_strangers(&broker);
        cleaner::forget_gone(&broker);
        life.replace_older(&broker.replicas, &image);
        // What passed meanwhile must not keep a log from what the journal has of it.
        life.open_again(&broker.replicas, &image, |older| broker.checkpoints.forget(&broker, older));
        journals::start(&broker)?;
        // A dir that has failed so far costs its partitions, not the start.
        dir_failure::take_out(&broker);
        if let Some(reason) = dir_failure::why_to_end(&broker.dirs) {
            return Err(StartError::LogDirs(reason));
        }
        load_groups(&broker);
        Ok(())
    });
    // Serving logs that are not complete would give their offsets to other records.
    loading.await.unwrap_or_else(|error| Err(StartError::Loading(error.to_string())))
}

fn load_groups(broker: &Broker) {
    for partition in broker.replicas.of_topic(CONSUMER_OFFSETS_TOPIC) {
        broker.groups.load(partition);
    }
}

/// Carries out each new image, then shows it to clients.
async fn follow_metadata(broker: Arc<Broker>, life: Arc<PartitionLife>, publish: watch::Sender<Arc<MetadataImage>>) {
    let mut images = broker.quorum.subscribe();
    loop {
        let new = Arc::clone(&images.borrow_and_update());
        let old = broker.image();
        if new.offset > old.offset {
            let (work, life, step) = (Arc::clone(&broker), Arc::clone(&life), Arc::clone(&new));
            let applied = tokio::task::spawn_blocking(move || apply(&work, &life, &old, &step));
            if let Err(error) = applied.await {
                error!(%error, "carrying out new metadata failed");
            }
            publish.send_replace(new);
        }
        if images.changed().await.is_err() {
            return;
        }
    }
}

fn apply(broker: &Broker, life: &PartitionLife, old: &MetadataImage, new: &Arc<MetadataImage>) {
    let delta = MetadataDelta::between(old, new);
    broker.metrics.metadata_changed(&delta);
    let _step = life.begin_step();
    let deleted = life.take_deleted(&broker.replicas, &delta);
    broker.groups.metadata_changed(new, &delta);
    for topic in &delta.deleted_topics {
        broker.metrics.topic_deleted(&topic.name);
    }
    if !delta.deleted_topics.is_empty() {
        // Once for all of them, and before their folders go: a new topic of the same name must not be judged by the old one's
        // offsets, after a crash neither. A failure was said, and is remembered by the dir (`outlived`); that a full disk is
        // relieved is worth more.
        let is_forgotten = broker.checkpoints.write(broker).is_ok();
        cleaner::forget_gone(broker);
        if is_forgotten {
            life.delete(&deleted);
        } else {
            life.empty(deleted);
        }
    }
    life.open_new(&broker.replicas, new, &delta);
    journals::sync_new_folders(broker);
    if delta.created_topics.iter().any(|topic| &*topic.name == CONSUMER_OFFSETS_TOPIC) {
        load_groups(broker);
    }
}

/// Groups can form only when their topic is there; the first client should not have to wait for it.
async fn ensure_offsets_topic(broker: &Arc<Broker>) -> Result<(), StartError> {
    if broker.image().topic(CONSUMER_OFFSETS_TOPIC).is_some() {
        return Ok(());
    }
    let item = CreateTopicsItem {
        name: CONSUMER_OFFSETS_TOPIC.to_owned(),
        id: Uuid::random(),
        partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        configs: Vec::new(),
    };
    let failed = |error: String| StartError::Registration(format!("cannot create {CONSUMER_OFFSETS_TOPIC}: {error}"));
    let results = broker.create_topics(vec![item], false).await.map_err(|error| failed(error.to_string()))?;
    match results.into_iter().next() {
        Some(Err(error)) => Err(failed(error.to_string())),
        _ => Ok(()),
    }
}

impl RunningBroker {
    /// The last step of a start.
    async fn serve(&mut self, bound: Vec<BoundListener>, stopped: &watch::Receiver<bool>) -> Result<(), StartError> {
        let broker = &self.broker;
        ensure_offsets_topic(broker).await?;
        let workers = Arc::new(start_workers()?);
        broker.metrics.served_by(workers.runtimes());
        for listener in bound {
            let accepting = listener.accept_until(Arc::clone(broker), Arc::clone(&workers), stopped.clone());
            self.tasks.push(tokio::spawn(accepting));
        }
        Ok(())
    }

    /// Waits until the broker can do nothing any more, if ever, and returns why. What is left to do is to stop it, and to
    /// end with an error, so that a supervisor starts it again.
    pub async fn failed(&self) -> String {
        let mut failed = self.failed.clone();
        let reason = failed.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        match reason {
            Some(reason) => reason,
            // Its task has ended, which it does with the broker.
            None => std::future::pending().await,
        }
    }

    /// Stops accepting, flushes and closes every log, and marks the folders as cleanly stopped.
    pub async fn stop(self) {
        info!("stopping");
        self.stop.send_replace(true);
        self.broker.cleaner.stop();
        for task in &self.tasks {
            task.abort();
        }
        let broker = Arc::clone(&self.broker);
        if let Err(error) = tokio::task::spawn_blocking(move || maintenance::close_all(&broker)).await {
            error!(%error, "closing the logs failed; the next start will check them");
        }
        self.broker.quorum.shutdown().await;
    }
}
