//! openraft's state machine over the metadata: applies commands, publishes images, takes and installs snapshots.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use barnabas_common::NodeId;
use barnabas_common::vfs::{explained, is_of_room, is_passing};
use barnabas_metadata::{CommandResult, ConfigRules, MetadataImage, MetadataState, decode_image, encode_image};
use futures_core::Stream;
use openraft::entry::EntryPayload;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{OptionalSend, entry::RaftEntry};
use tokio::sync::watch;

use crate::error::QuorumError;
use crate::snapshot_files::SnapshotFiles;
use crate::types::{Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig, VoterId};

/// How often a snapshot is tried again that finds no room or no file handle.
const TRY_AGAIN_EVERY: Duration = Duration::from_secs(1);

/// Where the current image is found: without a lock for those who look, with a wake-up for those who wait.
pub(crate) struct Published {
    current: ArcSwap<MetadataImage>,
    changes: watch::Sender<Arc<MetadataImage>>,
}

impl Published {
    fn new(image: &MetadataImage) -> Self {
        let image = Arc::new(image.clone());
        Self { current: ArcSwap::new(image.clone()), changes: watch::Sender::new(image) }
    }

    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        self.current.load_full()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<MetadataImage>> {
        self.changes.subscribe()
    }

    fn publish(&self, image: &MetadataImage) {
        let image = Arc::new(image.clone());
        self.current.store(image.clone());
        self.changes.send_replace(image);
    }
}

/// The state machine that openraft drives.
pub(crate) struct Machine {
    state: MetadataState,
    rules: Arc<dyn ConfigRules>,
    last_applied: Option<LogId>,
    membership: StoredMembership,
    published: Arc<Published>,
    files: SnapshotFiles,
}

impl Machine {
    /// The state of the newest snapshot, or the empty one. Blocks.
    pub(crate) fn load(files: SnapshotFiles, rules: Arc<dyn ConfigRules>) -> Result<Self, QuorumError> {
        let state = MetadataState::new(rules.clone());
        let published = Arc::new(Published::new(state.image()));
        let mut machine =
            Self { state, rules, last_applied: None, membership: StoredMembership::default(), published, files };
        if let Some(snapshot) = machine.files.load_newest()? {
            machine
                .replace(&snapshot.meta, &snapshot.snapshot)
                .map_err(|e| QuorumError::Corrupt { path: machine.files.dir().to_owned(), reason: e.to_string() })?;
        }
        Ok(machine)
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.clone()
    }

    pub(crate) fn last_applied(&self) -> Option<LogId> {
        self.last_applied
    }

    /// The voter that a node is by the snapshot.
    pub(crate) fn voter_of(&self, node_id: NodeId) -> Option<VoterId> {
        self.membership.nodes().find(|(_, voter)| voter.node_id == node_id).map(|(id, _)| *id)
    }

    pub(crate) fn files(&self) -> &SnapshotFiles {
        &self.files
    }

    fn replace(&mut self, meta: &SnapshotMeta, image: &[u8]) -> io::Result<()> {
        let image = decode_image(image).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        self.state = MetadataState::from_image(image, self.rules.clone());
        self.last_applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.published.publish(self.state.image());
        Ok(())
    }

    fn apply_entry(&mut self, entry: &Entry) -> CommandResult {
        let log_id = entry.log_id();
        let index = i64::try_from(log_id.index()).unwrap_or(i64::MAX);
        self.last_applied = Some(log_id);
        match &entry.payload {
            EntryPayload::Normal(command) => return self.state.apply(index, command),
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(log_id), membership.clone());
            }
            EntryPayload::Blank => {}
        }
        self.state.skip(index);
        CommandResult::Nothing
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.last_applied, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut answers = Vec::new();
        while let Some(item) = poll_fn(|context| Pin::new(&mut entries).poll_next(context)).await {
            let (entry, responder) = item?;
            let result = self.apply_entry(&entry);
            answers.extend(responder.map(|responder| (responder, result)));
        }
        // Whoever gets an answer finds its effect in the image.
        self.published.publish(self.state.image());
        for (responder, result) in answers {
            responder.send(result);
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let meta = SnapshotMeta { last_log_id: self.last_applied, last_membership: self.membership.clone() };
        Builder { meta, image: self.state.image().clone(), files: self.files.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, image: Vec<u8>) -> Result<(), io::Error> {
        // Judged before it is kept: what cannot be read must not become the newest snapshot.
        self.replace(meta, &image)?;
        save(&self.files, meta, &Arc::new(image)).await
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let files = self.files.clone();
        blocking(move || files.load_newest().map_err(io::Error::other)).await
    }
}

/// Writes a snapshot of the image at one moment.
pub(crate) struct Builder {
    meta: SnapshotMeta,
    image: MetadataImage,
    files: SnapshotFiles,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let image = self.image.clone();
        let bytes = Arc::new(blocking(move || encode_image(&image).map_err(io::Error::other)).await?);
        save(&self.files, &self.meta, &bytes).await?;
        Ok(Snapshot { meta: self.meta.clone(), snapshot: Arc::unwrap_or_clone(bytes) })
    }
}

/// Makes a snapshot durable. Waits for room and for file handles: an error would be the end of openraft. The log goes on
/// meanwhile, and nothing of it is purged.
async fn save(files: &SnapshotFiles, meta: &SnapshotMeta, image: &Arc<Vec<u8>>) -> io::Result<()> {
    let mut is_told = false;
    loop {
        let (files, meta, image) = (files.clone(), meta.clone(), image.clone());
        match blocking(move || files.save(&meta, &image)).await {
            Err(error) if is_of_room(&error) || is_passing(&error) => {
                if !std::mem::replace(&mut is_told, true) {
                    let error = explained(error);
                    tracing::warn!(%error, "no snapshot of the metadata can be written; trying again until it can");
                }
                tokio::time::sleep(TRY_AGAIN_EVERY).await;
            }
            saved => return saved,
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
