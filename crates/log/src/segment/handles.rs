//! How many files of segments are open: at most as many as the process can spare. A file is opened when it is needed and
//! closed when others need its place: first those that have not been used for a while. What a segment does with its
//! files is in `files.rs`.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use barnabas_common::vfs::{VfsFile, explained, is_of_handles};
use parking_lot::Mutex;

use super::files::{Closing, Files};

/// So many segments are looked at for one that can be closed.
const LOOKS: usize = 256;
/// Closed at once when the process has run out of handles.
const CLOSED_WHEN_OUT: usize = 64;

/// The open files of all logs of a broker.
pub struct Handles {
    limit: usize,
    open: AtomicUsize,
    /// Segments with open files. A hand goes round: who was used since its last visit stays.
    clock: Mutex<VecDeque<Weak<Files>>>,
}

impl Handles {
    /// At most `limit` files stay open that nobody is using.
    pub fn with_limit(limit: usize) -> Arc<Handles> {
        Arc::new(Handles { limit, open: AtomicUsize::new(0), clock: Mutex::default() })
    }

    /// How many files are open.
    pub fn open_count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Opens a file, with room made before if need be. The caller keeps it and tells when it is closed.
    pub(super) fn open(&self, open: impl Fn() -> io::Result<Arc<dyn VfsFile>>) -> io::Result<Arc<dyn VfsFile>> {
        if self.open_count() >= self.limit {
            self.make_room(1);
        }
        let opened = match open() {
            Err(error) if is_of_handles(&error) => {
                self.make_room(CLOSED_WHEN_OUT);
                open().map_err(explained)
            }
            other => other,
        };
        opened.inspect(|_| self.opened())
    }

    pub(super) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn closed(&self, count: usize) {
        self.open.fetch_sub(count, Ordering::Relaxed);
    }

    /// Lets the hand pass by a segment that has open files now.
    pub(super) fn watch(&self, files: Weak<Files>) {
        self.clock.lock().push_back(files);
    }

    /// Closes about `wanted` files. Waits for nobody: the caller holds one segment's lock. Those with unsynced writes come last, and are synced before.
    fn make_room(&self, wanted: usize) {
        let (mut closed, mut unsynced) = (0, Vec::new());
        for _ in 0..LOOKS + wanted {
            let Some(next) = self.clock.lock().pop_front() else { break };
            let Some(files) = next.upgrade() else { continue };
            match files.close_if_idle() {
                Closing::Closed(count) => closed += count,
                Closing::InUse => self.watch(next),
                Closing::Unsynced if unsynced.len() < wanted => unsynced.push(files),
                Closing::Unsynced => self.watch(next),
            }
            if closed >= wanted {
                break;
            }
        }
        for files in unsynced {
            if closed < wanted {
                closed += files.sync_and_close();
            }
            self.watch(Arc::downgrade(&files));
        }
    }
}
