//! The network shell: sockets in, frames out. What a request means is decided in `dispatch`; nothing here
//! looks past a frame's size.

mod acceptor;
mod budget;
mod connection;
mod frames;
mod outgoing;
mod stream;
mod workers;

pub(crate) use acceptor::{BoundListener, bind};
pub(crate) use budget::MemoryBudget;
pub(crate) use outgoing::Frame;
pub(crate) use workers::Workers;

/// Returns when the broker stops.
async fn stopped(stop: &mut tokio::sync::watch::Receiver<bool>) {
    // An error means that the sender is gone: stopped as well.
    let _ = stop.wait_for(|stop| *stop).await;
}
