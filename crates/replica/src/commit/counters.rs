//! What a journal tells of itself. Counted by its own thread, once per group: appends pay nothing for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    written_bytes: AtomicU64,
    appends: AtomicU64,
    bypassing: AtomicU64,
}

/// A journal at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalFigures {
    /// Bytes of groups that are on disk in the journal.
    pub written_bytes: u64,
    /// Appends in them.
    pub appends: u64,
    /// Appends that were made durable by a sync of their segment instead.
    pub bypassing_appends: u64,
    /// Files that are ready to be written, and files whose records are not known to be in the segments on disk. None while
    /// that is changing.
    pub free_and_full_files: Option<(usize, usize)>,
}

impl Counters {
    pub(super) fn wrote(&self, appends: usize, bytes: u64) {
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.appends.fetch_add(appends as u64, Ordering::Relaxed);
    }

    pub(super) fn bypassed(&self, appends: usize) {
        self.bypassing.fetch_add(appends as u64, Ordering::Relaxed);
    }

    pub(super) fn figures(&self, free_and_full_files: Option<(usize, usize)>) -> JournalFigures {
        JournalFigures {
            written_bytes: self.written_bytes.load(Ordering::Relaxed),
            appends: self.appends.load(Ordering::Relaxed),
            bypassing_appends: self.bypassing.load(Ordering::Relaxed),
            free_and_full_files,
        }
    }
}
