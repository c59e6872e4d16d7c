//! A small ZooKeeper server that keeps everything in memory. The state is pure (`state.rs` with `tree.rs` below it,
//! `four_letter.rs` beside it); `shell.rs` owns the sockets.

mod four_letter;
mod shell;
mod state;
mod tree;

pub use shell::serve;
pub use state::{Answer, SessionEnd, State, Time};

/// How a server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Port for clients; only told by `conf`.
    pub client_port: u16,
    /// ZooKeeper's unit of time: session timeouts are between 2 and 20 of it.
    pub tick_time_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { client_port: crate::connect_string::DEFAULT_PORT, tick_time_ms: 2000 }
    }
}
