//! Waking many tasks of one thread at the price of one: to wake a task on another thread costs a system call, to wake one's
//! neighbours does not. Every network thread runs a task that wakes the others there.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use tokio::sync::Notify;

thread_local! {
    /// The hub of the thread, if it is one that runs tasks of its own only.
    static HERE: RefCell<Option<Arc<WakeHub>>> = const { RefCell::new(None) };
}

/// Wakes the tasks of one single-threaded runtime.
#[derive(Default)]
pub struct WakeHub {
    due: Mutex<Vec<Waker>>,
    has_due: Notify,
}

impl WakeHub {
    /// Makes this the hub of tasks that wait on the present thread, and serves them until the runtime ends. To be spawned once on
    /// a single-threaded runtime.
    pub async fn serve() {
        let hub = Arc::new(Self::default());
        HERE.set(Some(Arc::clone(&hub)));
        loop {
            hub.has_due.notified().await;
            let due = std::mem::take(&mut *hub.due.lock());
            due.into_iter().for_each(Waker::wake);
        }
    }

    /// The hub of the present thread.
    pub(super) fn here() -> Option<Arc<WakeHub>> {
        HERE.with_borrow(Clone::clone)
    }

    /// Adds wakers; they are woken after [`Self::notify`].
    pub(super) fn add(&self, waker: Waker) {
        self.due.lock().push(waker);
    }

    pub(super) fn notify(&self) {
        self.has_due.notify_one();
    }
}
