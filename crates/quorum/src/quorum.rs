//! The handle on the quorum: start, propose, look, stop.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use barnabas_common::NodeId;
use barnabas_common::vfs::Vfs;
use barnabas_metadata::{CommandResult, MetadataCommand, MetadataImage, MetadataState};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, Fatal, RaftError};
use openraft::{Config, Raft, RaftMetrics, ServerState, SnapshotPolicy};
use tokio::sync::watch;

use crate::error::QuorumError;
use crate::log_store::LogStore;
use crate::machine::{Machine, Published};
use crate::network::NoPeers;
use crate::options::QuorumOptions;
use crate::snapshot_files::SnapshotFiles;
use crate::status::{QuorumStatus, VoterStatus};
use crate::types::{TypeConfig, Voter, VoterId};
use crate::wal::{self, Wal};
use crate::wal_writer::FailureCell;

/// Entries that stay in the log after a snapshot, for voters that are a little behind.
const KEPT_ENTRIES: u64 = 100;
/// A disk that takes longer than this to elect the only voter is not one to start on.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running member of the metadata quorum.
pub struct Quorum {
    raft: Raft<TypeConfig, Machine>,
    log: LogStore,
    snapshots: SnapshotFiles,
    published: Arc<Published>,
    failure: FailureCell,
    options: QuorumOptions,
}

impl Quorum {
    /// Forms a quorum of one in an empty folder, or takes up the one that is there. When this returns, this node
    /// leads and the image holds every command that was ever acknowledged. A disk without room for what that takes is not
    /// waited for: [`QuorumError::NoRoom`].
    pub async fn start(mut options: QuorumOptions) -> Result<Self, QuorumError> {
        let failure = FailureCell::default();
        let (log, machine) = {
            let (options, failure) = (options.clone(), failure.clone());
            let opened = tokio::task::spawn_blocking(move || open(&options, failure)).await;
            opened.map_err(|e| QuorumError::Failed { reason: e.to_string() })??
        };
        if options.keeps_identity {
            let known = log.voter_of(options.node_id).or_else(|| machine.voter_of(options.node_id));
            options.directory_id = known.map_or(options.directory_id, |voter| voter.0);
        }
        let (published, snapshots) = (machine.published(), machine.files().clone());
        let voter = VoterId(options.directory_id);
        let config = Arc::new(raft_config(&options));
        let raft = match Raft::new(voter, config, NoPeers, log.clone(), machine).await {
            Ok(raft) => raft,
            Err(e) => return Err(fatal(&failure, e)),
        };
        let quorum = Self { raft, log, snapshots, published, failure, options };
        let mut lacks_room = quorum.log.lacks_room();
        let led = tokio::select! {
            led = quorum.lead() => led,
            Ok(_) = lacks_room.wait_for(|lacks| *lacks) => Err(QuorumError::NoRoom { is_under_way: false }),
        };
        match led {
            Ok(()) => Ok(quorum),
            Err(e) => {
                quorum.shutdown().await;
                Err(e)
            }
        }
    }

    /// Becomes leader without waiting for a timeout, and waits until all of the log is applied.
    async fn lead(&self) -> Result<(), QuorumError> {
        let me = VoterId(self.options.directory_id);
        if self.raft.is_initialized().await.map_err(|e| self.fatal(e))? {
            self.check_membership(me)?;
            self.raft.trigger().elect(false).await.map_err(|e| self.fatal(e))?;
        } else {
            let voters = BTreeMap::from([(me, Voter { node_id: self.options.node_id })]);
            self.raft.initialize(voters).await.map_err(|e| self.stopped(e.to_string()))?;
        }
        let ready = |m: &RaftMetrics<TypeConfig>| {
            let applied = m.last_applied.map(|id| id.index());
            let leads = m.state == ServerState::Leader && m.current_leader == Some(me);
            (leads && applied.is_some() && applied >= m.last_log_index) || m.running_state.is_err()
        };
        let metrics = self.raft.wait(Some(START_TIMEOUT)).metrics(ready, "lead and apply the whole log").await;
        match metrics.map_err(|e| self.stopped(e.to_string()))?.running_state {
            Ok(()) => Ok(()),
            Err(e) => Err(self.fatal(e)),
        }
    }

    fn check_membership(&self, me: VoterId) -> Result<(), QuorumError> {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let wrong = |reason: String| Err(QuorumError::WrongDirectory { dir: self.options.dir.clone(), reason });
        match metrics.membership_config.get_node(&me) {
            Some(voter) if voter.node_id == self.options.node_id => Ok(()),
            Some(voter) => wrong(format!(
                "this folder was made by node {}, and this is node {}: check node.id and log.dirs",
                voter.node_id, self.options.node_id
            )),
            None => wrong(format!(
                "directory {me} is not a voter of the quorum kept here: the folder comes from another log directory"
            )),
        }
    }

    /// Has the quorum agree on a command, makes it durable and applies it. The answer's effect is in `image()`.
    /// A command that only validates is answered from the present image. Where there is no room on the disk, commands are
    /// refused; one that meets it is answered at once and carried out later.
    pub async fn propose(&self, command: MetadataCommand) -> Result<CommandResult, QuorumError> {
        if let Some(reason) = self.failed() {
            return Err(QuorumError::Failed { reason });
        }
        if command.is_validate_only() {
            let image = (*self.image()).clone();
            return Ok(MetadataState::from_image(image, self.options.config_rules.clone()).dry_run(&command));
        }
        let mut lacks_room = self.log.lacks_room();
        if *lacks_room.borrow_and_update() {
            return Err(QuorumError::NoRoom { is_under_way: false });
        }
        let written = tokio::select! {
            written = self.raft.client_write(command) => written,
            Ok(_) = lacks_room.wait_for(|lacks| *lacks) => return Err(QuorumError::NoRoom { is_under_way: true }),
        };
        let response = match written {
            Ok(response) => response,
            Err(RaftError::Fatal(e)) => return Err(self.fatal(e)),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                return Err(QuorumError::NotLeader { leader: forward.leader_node.map(|voter| voter.node_id) });
            }
            Err(RaftError::APIError(_)) => return Err(QuorumError::NotLeader { leader: None }),
        };
        if self.log.has_grown_by(self.options.snapshot_bytes) {
            // Fails only when the quorum has stopped, which the next command will be told.
            let _ = self.raft.trigger().snapshot().await;
        }
        Ok(response.data)
    }

    /// The metadata now. Takes no lock.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.published.image()
    }

    /// Wakes with each new image; images that come while nobody looks are skipped.
    pub fn subscribe(&self) -> watch::Receiver<Arc<MetadataImage>> {
        self.published.subscribe()
    }

    /// Why the quorum takes no more commands, if so. Only a restart helps.
    pub fn failed(&self) -> Option<String> {
        let stopped = || match &self.raft.metrics().borrow_watched().running_state {
            Ok(()) | Err(Fatal::Stopped) => None,
            Err(e) => Some(e.to_string()),
        };
        self.failure.get().cloned().or_else(stopped)
    }

    /// Waits until the quorum has stopped for good, if it ever does, and returns why.
    pub async fn until_failed(&self) -> String {
        let mut metrics = self.raft.metrics();
        loop {
            let told = self.failure.told.notified();
            if let Some(reason) = self.failed() {
                return reason;
            }
            let is_stopped = tokio::select! {
                () = told => false,
                changed = metrics.changed() => changed.is_err(),
            };
            // It may have stopped because it failed.
            if is_stopped && self.failed().is_none() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Leader, progress and voters.
    pub fn status(&self) -> QuorumStatus {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let membership = &metrics.membership_config;
        let node_id = |id: &VoterId| membership.get_node(id).map(|voter| voter.node_id);
        let now = self.options.clock.wall_ms();
        let voters = membership.voter_ids().map(|id| {
            // Only this node's own progress is known while there is no way to others.
            let mine = id.0 == self.options.directory_id;
            VoterStatus {
                node_id: node_id(&id).unwrap_or(-1),
                directory_id: id.0,
                log_end_offset: if mine { next_offset(metrics.last_log_index) } else { -1 },
                last_caught_up_ms: if mine { now } else { -1 },
            }
        });
        QuorumStatus {
            leader_id: metrics.current_leader.as_ref().and_then(node_id).unwrap_or(-1),
            leader_epoch: i32::try_from(metrics.current_term).unwrap_or(i32::MAX),
            high_watermark: next_offset(metrics.last_applied.map(|id| id.index())),
            voters: voters.collect(),
        }
    }

    /// This node's id.
    pub fn node_id(&self) -> NodeId {
        self.options.node_id
    }

    /// Ends after commands under way; what was acknowledged is on disk already. Nothing touches the folder after.
    pub async fn shutdown(&self) {
        self.log.begin_stop();
        // Its error would be a panic of a task that has ended either way.
        let _ = self.raft.shutdown().await;
        let (log, snapshots) = (self.log.clone(), self.snapshots.clone());
        let close = move || {
            snapshots.close();
            log.stop();
        };
        let _ = tokio::task::spawn_blocking(close).await;
    }

    fn fatal(&self, error: Fatal<TypeConfig>) -> QuorumError {
        fatal(&self.failure, error)
    }

    fn stopped(&self, reason: String) -> QuorumError {
        QuorumError::Failed { reason: self.failure.get().cloned().unwrap_or(reason) }
    }
}

fn fatal(failure: &FailureCell, error: Fatal<TypeConfig>) -> QuorumError {
    match (failure.get(), error) {
        (Some(reason), _) => QuorumError::Failed { reason: reason.clone() },
        (None, Fatal::Stopped) => QuorumError::ShutDown,
        (None, error) => QuorumError::Failed { reason: error.to_string() },
    }
}

fn next_offset(index: Option<u64>) -> i64 {
    index.and_then(|index| i64::try_from(index).ok()).map_or(0, |index| index.saturating_add(1))
}

/// Timers are off: the only voter needs no heartbeats, and its elections are started by hand.
fn raft_config(options: &QuorumOptions) -> Config {
    Config {
        cluster_name: "metadata".to_owned(),
        enable_tick: false,
        enable_heartbeat: false,
        enable_elect: false,
        // A restarted leader must win its term anew: its image may lag behind what it acknowledged.
        enable_leader_restore: Some(false),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(options.snapshot_entries.max(1)),
        max_in_snapshot_log_to_keep: KEPT_ENTRIES,
        ..Config::default()
    }
}

/// Everything that touches the disk before openraft runs. Blocks.
fn open(options: &QuorumOptions, failure: FailureCell) -> Result<(LogStore, Machine), QuorumError> {
    let io_error = |source: io::Error| match source.kind() {
        io::ErrorKind::StorageFull => QuorumError::NoRoom { is_under_way: false },
        _ => QuorumError::Io { dir: options.dir.clone(), source },
    };
    prepare_dir(&*options.vfs, &options.dir).map_err(io_error)?;
    let files = SnapshotFiles::new(options.vfs.clone(), &options.dir);
    let machine = Machine::load(files, options.config_rules.clone())?;
    if machine.last_applied().is_some() && !wal::exists(&*options.vfs, &options.dir).map_err(io_error)? {
        let reason = "there is a snapshot of the metadata, but its log is missing".to_owned();
        return Err(QuorumError::Corrupt { path: options.dir.clone(), reason });
    }
    let wal = Wal::open(options.vfs.clone(), &options.dir, options.snapshot_bytes / 4)?;
    let log = LogStore::start(wal, failure).map_err(io_error)?;
    if log.purged() > machine.last_applied() {
        let reason = "the log before its first entry is gone, and no snapshot covers it".to_owned();
        return Err(QuorumError::Corrupt { path: options.dir.clone(), reason });
    }
    Ok((log, machine))
}

/// Makes the folder, and removes what an interrupted write left.
fn prepare_dir(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    if !vfs.exists(dir) {
        vfs.create_dir_all(dir)?;
        if let Some(parent) = dir.parent() {
            vfs.sync_dir(parent)?;
        }
    }
    for entry in vfs.read_dir(dir)? {
        if entry.name.ends_with(".tmp") {
            vfs.remove_file(&dir.join(&entry.name))?;
        }
    }
    Ok(())
}
