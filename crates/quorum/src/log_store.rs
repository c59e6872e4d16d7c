//! openraft's log over the write-ahead log. Everything that was not purged is in memory as well, where it is read.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use barnabas_common::NodeId;
use openraft::OptionalSend;
use openraft::entry::{EntryPayload, RaftEntry};
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::types::{Entry, LogId, TypeConfig, Vote, VoterId, decode, encode};
use crate::wal::{Contents, Record, Wal};
use crate::wal_writer::{FailureCell, WalWriter};

/// A handle on the log; clones share it.
#[derive(Clone)]
pub(crate) struct LogStore {
    inner: Arc<Inner>,
}

struct Inner {
    log: Mutex<Log>,
    writer: WalWriter,
    /// Bytes of entries since somebody last asked.
    new_bytes: AtomicU64,
}

#[derive(Default)]
struct Log {
    vote: Option<Vote>,
    committed: Option<LogId>,
    /// `committed` is not yet on its way to the disk. It need not be durable, only right: it travels with the
    /// next record that must be.
    committed_pending: bool,
    purged: Option<LogId>,
    entries: BTreeMap<u64, Entry>,
}

impl LogStore {
    /// Takes the log over and starts its writing thread.
    pub(crate) fn start(wal: Wal, failure: FailureCell) -> io::Result<Self> {
        let log = Log::from_contents(wal.contents())?;
        let writer = WalWriter::spawn(wal, failure)?;
        Ok(Self { inner: Arc::new(Inner { log: Mutex::new(log), writer, new_bytes: AtomicU64::new(0) }) })
    }

    /// The last entry that was purged; a snapshot must cover it.
    pub(crate) fn purged(&self) -> Option<LogId> {
        self.inner.log.lock().purged
    }

    /// The voter that a node is by the last entry that names voters.
    pub(crate) fn voter_of(&self, node_id: NodeId) -> Option<VoterId> {
        let log = self.inner.log.lock();
        let membership = log.entries.values().rev().find_map(|entry| match &entry.payload {
            EntryPayload::Membership(membership) => Some(membership),
            _ => None,
        })?;
        membership.nodes().find(|(_, voter)| voter.node_id == node_id).map(|(id, _)| *id)
    }

    /// Whether as many bytes of entries were added since this last said yes.
    pub(crate) fn has_grown_by(&self, bytes: u64) -> bool {
        let grown = self.inner.new_bytes.load(Ordering::Relaxed) >= bytes;
        grown && self.inner.new_bytes.swap(0, Ordering::Relaxed) >= bytes
    }

    /// Whether records wait for room on the disk.
    pub(crate) fn lacks_room(&self) -> watch::Receiver<bool> {
        self.inner.writer.lacks_room()
    }

    /// To be called before the end of the state machine is waited for.
    pub(crate) fn begin_stop(&self) {
        self.inner.writer.begin_stop();
    }

    /// Writes what is under way and closes the log. Blocks.
    pub(crate) fn stop(&self) {
        self.inner.writer.stop();
    }

    fn submit(&self, mut records: Vec<Record>, done: impl FnOnce(io::Result<()>) + Send + 'static) -> io::Result<()> {
        // Held until the records are in the lane, so that the lane's order is the order of changes in memory.
        let mut log = self.inner.log.lock();
        if log.committed_pending
            && let Some(committed) = &log.committed
        {
            records.push(Record::Committed(encode(committed)?.into()));
            log.committed_pending = false;
        }
        self.inner.writer.submit(records, done);
        Ok(())
    }

    async fn write(&self, record: Record) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.submit(vec![record], move |result| {
            let _ = sender.send(result);
        })?;
        receiver.await.unwrap_or_else(|_| Err(io::Error::other("the metadata log is closed")))
    }
}

impl Log {
    fn from_contents(contents: &Contents) -> io::Result<Self> {
        let entries = contents.entries.iter().map(|(index, body)| Ok((*index, decode(body)?)));
        Ok(Self {
            vote: contents.vote.as_deref().map(decode).transpose()?,
            committed: contents.committed.as_deref().map(decode).transpose()?,
            committed_pending: false,
            purged: contents.purged.as_ref().map(|(_, body)| decode(body)).transpose()?,
            entries: entries.collect::<io::Result<_>>()?,
        })
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        Ok(self.inner.log.lock().entries.range(range).map(|(_, entry)| entry.clone()).collect())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.inner.log.lock().vote)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let log = self.inner.log.lock();
        let last = log.entries.last_key_value().map(|(_, entry)| entry.log_id());
        Ok(LogState { last_purged_log_id: log.purged, last_log_id: last.or(log.purged) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.write(Record::Vote(encode(vote)?.into())).await?;
        self.inner.log.lock().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let mut log = self.inner.log.lock();
        log.committed_pending = log.committed != committed;
        log.committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.inner.log.lock().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut records = Vec::new();
        let mut in_memory = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            let body = encode(&entry)?;
            bytes += body.len() as u64;
            records.push(Record::Entry(entry.index(), body.into()));
            in_memory.push((entry.index(), entry));
        }
        self.inner.new_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.inner.log.lock().entries.extend(in_memory);
        self.submit(records, move |result| callback.io_completed(result))
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let from = last.map_or(0, |last| last.index() + 1);
        self.inner.log.lock().entries.split_off(&from);
        self.write(Record::Truncated(from)).await
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        {
            let mut log = self.inner.log.lock();
            log.entries = log.entries.split_off(&(upto.index() + 1));
            log.purged = log.purged.max(Some(upto));
        }
        self.write(Record::Purged(upto.index(), encode(&upto)?.into())).await
    }
}
