//! Readers on this machine. `sendfile` hands them the pages of the file one by one, which they then have to walk; that pays
//! off for one of them, which has a core of its own. Several compete with this thread for its core, and there it is cheaper
//! for both sides if this thread copies large answers through memory that stays in the core's cache
//! (docs/adr/0013-copies-for-local-readers.md).

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use barnabas_common::vfs::FileRange;

use crate::advertised::{Link, Network};

/// Two readers compete if their large answers are no further apart.
const TOGETHER: Duration = Duration::from_millis(10);
/// Copied at once: an answer of one partition, by the clients' defaults.
const COPY_BYTES: usize = 1 << 20;

thread_local! {
    /// To whom this thread sent the last large answer, and when. A connection stays on its thread.
    static LAST: Cell<Option<(u64, Instant)>> = const { Cell::new(None) };
    /// Given back as soon as a reader is alone.
    static COPY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A connection whose other end is on this machine.
pub(crate) struct LocalReader {
    id: u64,
}

impl LocalReader {
    /// `None` if the other end is elsewhere.
    pub(crate) fn new(network: &Network, link: Link) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        network.is_on_this_machine(link).then(|| Self { id: NEXT.fetch_add(1, Ordering::Relaxed) })
    }

    /// Whether another one was sent a large answer just now. To be asked once per large answer.
    pub(super) fn competes(&self, now: Instant) -> bool {
        let last = LAST.replace(Some((self.id, now)));
        let competes = last.is_some_and(|(id, at)| id != self.id && now.saturating_duration_since(at) < TOGETHER);
        if !competes {
            COPY.take();
        }
        competes
    }
}

/// Reads the front of the range and has it sent; says how much there was, and what became of it.
pub(super) fn send_copy(
    range: &FileRange,
    max_bytes: usize,
    send: impl FnOnce(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    COPY.with_borrow_mut(|copy| {
        copy.resize(COPY_BYTES, 0);
        let wanted = range.len().min(max_bytes).min(COPY_BYTES);
        let read = range.file().read_at(&mut copy[..wanted], range.position())?;
        if read == 0 { Ok(0) } else { send(&copy[..read]) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> LocalReader {
        let here = "127.0.0.1:9092".parse().unwrap();
        LocalReader::new(&Network::default(), Link { local: here, peer: here }).unwrap()
    }

    #[test]
    fn readers_compete_while_their_answers_alternate() {
        let [one, other] = [(); 2].map(|()| reader());
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        assert!(!one.competes(start), "nobody was there before");
        assert!(!one.competes(after(1)), "nobody competes with itself");
        assert!(other.competes(after(2)));
        assert!(one.competes(after(3)));
        assert!(!one.competes(after(4)), "the other one has had enough");
        assert!(!other.competes(after(100)), "that was long ago");
    }
}
