//! The threads that serve connections: one single-threaded runtime each, so that everything a connection does stays
//! on one core. Work stealing costs more than it brings here: requests are short and connections many.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// Running threads; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Workers {
    runtimes: Vec<Handle>,
    next: AtomicUsize,
    /// Dropping it ends the threads.
    _stop: watch::Sender<bool>,
}

impl Workers {
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut workers = Self { runtimes: Vec::new(), next: AtomicUsize::new(0), _stop: stop };
        for index in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let mut stopped = stopped.clone();
            workers.runtimes.push(runtime.handle().clone());
            let thread = std::thread::Builder::new().name(format!("network-{index}"));
            thread.spawn(move || {
                runtime.block_on(super::stopped(&mut stopped));
                runtime.shutdown_background();
            })?;
        }
        Ok(workers)
    }

    /// The runtimes, one per thread.
    pub(crate) fn runtimes(&self) -> &[Handle] {
        &self.runtimes
    }

    /// Runs a task on the next thread in turn.
    pub(crate) fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.runtimes[turn % self.runtimes.len()].spawn(task);
    }
}
