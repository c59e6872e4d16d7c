//! SIGINT and SIGTERM for tools that have something to finish: a consumer says how much it read, a producer sends what
//! it holds. Tools without that die of the signal, as any program. A pipe that nobody reads any more counts as one.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};

/// How long a tool may take to finish after a signal; a second one ends it at once.
const GRACE: Duration = Duration::from_secs(4);

/// Calls back once, on a thread of its own, with the exit code that the signal asks for (130 or 143, as the JVM gives; 0
/// when the reader of standard output has gone). A tool that has not ended then, because it waits for a broker that is not
/// there, is ended. Where signals cannot be caught, nothing changes.
pub(crate) fn on_stop(callback: impl FnOnce(u8) + Send + 'static) {
    let work = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        if let Some(code) = runtime.block_on(next_signal()) {
            callback(code);
            let _ = runtime.block_on(async { tokio::time::timeout(GRACE, another_signal()).await });
            std::process::exit(i32::from(code));
        }
    };
    // Without the thread the signal ends the process, which is its default.
    let _ = thread::Builder::new().name("signals".into()).spawn(work);
}

/// That a signal asked for the end, for loops that look now and then, and the exit code it asked for.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    pub(crate) flag: Arc<AtomicBool>,
    code: Arc<AtomicU8>,
}

impl Stop {
    /// From here on a signal sets it. Until then a signal ends the process.
    pub(crate) fn listen(&self) {
        let Self { flag, code } = self.clone();
        on_stop(move |received| {
            code.store(received, Ordering::Relaxed);
            flag.store(true, Ordering::Relaxed);
        });
    }

    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// 0 while no signal came.
    pub(crate) fn exit_code(&self) -> u8 {
        self.code.load(Ordering::Relaxed)
    }
}

async fn next_signal() -> Option<u8> {
    let mut interrupt = signal(SignalKind::interrupt()).ok()?;
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    tokio::select! {
        received = interrupt.recv() => received.map(|()| 130),
        received = terminate.recv() => received.map(|()| 143),
        () = reader_is_gone() => Some(0),
    }
}

async fn another_signal() -> Option<()> {
    let mut interrupt = signal(SignalKind::interrupt()).ok()?;
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    tokio::select! {
        received = interrupt.recv() => received,
        received = terminate.recv() => received,
    }
}

/// Ends when standard output is a pipe whose reader has closed it, as `head -1` does.
#[expect(deprecated, reason = "the replacement is unsafe; an owned descriptor has what it asks for")]
async fn reader_is_gone() {
    let copy = io::stdout().as_fd().try_clone_to_owned().ok();
    // Files cannot be waited for.
    let pipe = copy.and_then(|copy| AsyncFd::try_with_interest(copy, Interest::ERROR).ok());
    if let Some(pipe) = pipe
        && pipe.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
