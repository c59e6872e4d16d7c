//! The running broker as the handlers see it: the rooms below, and the few calls that need several of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use barnabas_common::vfs::Vfs;
use barnabas_common::{Clock, ErrorCode, NodeId};
use barnabas_config::Listener;
use barnabas_metadata::{
    ApiError, CommandResult, CreateTopicsItem, CreatedTopic, ItemResult, MetadataCommand, MetadataImage,
};
use barnabas_quorum::Quorum;
use barnabas_replica::{FetchSessionCache, ReplicaManager};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};

use crate::advertised::Surroundings;
use crate::checkpoints::Checkpoints;
use crate::cleaner::Cleaner;
use crate::configs::Configs;
use crate::dir_failure;
use crate::groups::GroupService;
use crate::journals::{self, Journals};
use crate::log_dirs::DataDir;
use crate::metrics::Metrics;
use crate::network::MemoryBudget;
use crate::producer_ids::ProducerIds;
use crate::settings::Settings;
use crate::watched_dirs::WatchedDirs;

/// The quorum answers each command with a result of its own kind; anything else is a fault of ours.
pub(crate) fn wrong_answer() -> ApiError {
    ApiError::new(ErrorCode::UnknownServerError, "the quorum answered another command")
}

/// Everything a request can reach. Shared by all connections; each part has its own lock.
pub struct Broker {
    pub(crate) node_id: NodeId,
    pub(crate) broker_epoch: i64,
    pub(crate) settings: Settings,
    pub(crate) configs: Configs,
    pub(crate) controller_listeners: Vec<Listener>,
    /// Names and addresses of the listeners for clients.
    pub(crate) bound: Vec<(String, SocketAddr)>,
    pub(crate) surroundings: RwLock<Arc<Surroundings>>,
    /// Told after each change of the addresses that this broker registers.
    pub(crate) advertised_changed: Notify,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) quorum: Quorum,
    /// The newest image whose partitions this broker has opened. Clients are shown nothing newer, so a leader is
    /// never announced before it accepts requests.
    pub(crate) applied: watch::Receiver<Arc<MetadataImage>>,
    pub(crate) replicas: ReplicaManager,
    pub(crate) groups: GroupService,
    pub(crate) fetch_sessions: Mutex<FetchSessionCache>,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) log_dirs: Arc<Vec<DataDir>>,
    /// The same folders as those who watch over them see them, and that of the metadata.
    pub(crate) dirs: Arc<WatchedDirs>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) journals: Journals,
    pub(crate) cleaner: Cleaner,
    pub(crate) request_memory: MemoryBudget,
    /// Permits to decompress produced batches: each may take as much memory as one may expand to.
    pub(crate) decoding: tokio::sync::Semaphore,
    pub(crate) metrics: Metrics,
}

impl Broker {
    /// The metadata as this broker serves it.
    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        Arc::clone(&self.applied.borrow())
    }

    /// The controller as clients are told: the leader of the quorum, which on one node is this broker.
    pub(crate) fn controller_id(&self) -> NodeId {
        self.node_id
    }

    /// Folders that hold this broker's data.
    pub fn data_dirs(&self) -> impl Iterator<Item = &PathBuf> {
        self.log_dirs.iter().map(|dir| &dir.path)
    }

    /// Those of them that are out of use, and why.
    pub fn dirs_out_of_use(&self) -> impl Iterator<Item = (&Path, &str)> {
        dir_failure::out_of_use(&self.dirs)
    }

    /// What is not as operators may think after this start, in words.
    pub fn notes(&self) -> Vec<String> {
        journals::missing(self)
    }

    /// Has the quorum carry out a command and waits until this broker serves its outcome.
    pub(crate) async fn propose(&self, command: MetadataCommand) -> Result<CommandResult, ApiError> {
        let began = Instant::now();
        let result = self.quorum.propose(command).await.map_err(|error| {
            ApiError::new(ErrorCode::KafkaStorageError, format!("the metadata cannot be changed: {error}"))
        })?;
        self.metrics.metadata_commits.record(began.elapsed());
        let wanted = self.quorum.image().offset;
        let mut applied = self.applied.clone();
        let served = applied.wait_for(|image| image.offset >= wanted).await.is_ok();
        if served { Ok(result) } else { Err(ApiError::new(ErrorCode::BrokerNotAvailable, "the broker is stopping")) }
    }

    /// Creates topics and waits until their partitions accept produce requests. One result per item, in order.
    pub(crate) async fn create_topics(
        &self,
        topics: Vec<CreateTopicsItem>,
        validate_only: bool,
    ) -> Result<Vec<ItemResult<CreatedTopic>>, ApiError> {
        if !validate_only {
            self.check_room_for_topics(&topics)?;
        }
        let topics = topics.into_iter().map(|topic| self.configs.complete_new_topic(&self.image(), topic)).collect();
        let defaults = self.configs.topic_defaults();
        match self.propose(MetadataCommand::CreateTopics { topics, defaults, validate_only }).await? {
            CommandResult::CreateTopics(results) => Ok(results),
            _ => Err(wrong_answer()),
        }
    }

    /// A producer id that nobody has, from a fresh block if need be.
    pub(crate) async fn next_producer_id(&self) -> Result<i64, ApiError> {
        loop {
            if let Some(id) = self.producer_ids.take() {
                return Ok(id);
            }
            let command =
                MetadataCommand::AllocateProducerIds { broker_id: self.node_id, broker_epoch: self.broker_epoch };
            match self.propose(command).await? {
                CommandResult::AllocateProducerIds(block) => self.producer_ids.refill(block?),
                _ => return Err(wrong_answer()),
            }
        }
    }

    /// What is wrong although clients can work with it.
    pub fn remark(&self) -> Option<String> {
        let told = |(dir, reason): (&Path, &str)| format!("the log dir {} is out of use: {reason}", dir.display());
        let dirs: Vec<_> = self.dirs_out_of_use().map(told).collect();
        (!dirs.is_empty()).then(|| dirs.join("; "))
    }

    /// Why clients cannot work with this broker yet or any more; `None` means: they can produce, and groups form.
    pub fn not_ready(&self) -> Option<String> {
        if let Some(reason) = self.quorum.failed() {
            return Some(format!("the metadata log has failed: {reason}"));
        }
        if let Some(reason) = dir_failure::why_to_end(&self.dirs) {
            return Some(reason);
        }
        (!self.groups.is_ready()).then(|| "consumer groups are not loaded".to_owned())
    }
}
