//! Who waits for new data in a partition. An append takes the waiters out and wakes them; a fetch that ends
//! otherwise takes itself out.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The fetches that wait on one partition.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Mutex<Vec<Arc<Notify>>>,
}

impl Waiters {
    pub(crate) fn add(&self, waiter: &Arc<Notify>) {
        self.waiting.lock().push(Arc::clone(waiter));
    }

    pub(crate) fn remove(&self, waiter: &Arc<Notify>) {
        self.waiting.lock().retain(|waiting| !Arc::ptr_eq(waiting, waiter));
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    pub(crate) fn wake_all(&self) {
        let woken = std::mem::take(&mut *self.waiting.lock());
        for waiter in woken {
            waiter.notify_one();
        }
    }
}
