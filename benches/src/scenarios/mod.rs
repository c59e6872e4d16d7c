//! What is measured: one file per report.

pub(crate) mod fetch;
pub(crate) mod footprint;
pub(crate) mod openloop;
pub(crate) mod produce;
pub(crate) mod requests;

use anyhow::Result;

use crate::args::Common;
use crate::peer::Peer;
use crate::report::Phase;
use crate::warm::WarmMemory;

const BYTES_PER_GB: f64 = 1e9;
const MICROS_PER_SECOND: f64 = 1e6;
/// For `wait_for_leaders` and the like, where it is not waiting that is measured.
const TOPIC: &str = "bench";

/// Runs every peer once per round, so that a disturbance of the machine meets all of them. Rounds start with
/// another peer each.
fn interleave(common: &Common, peers: &[Peer], mut run: impl FnMut(&Peer, Phase) -> Result<()>) -> Result<()> {
    let mut memory = WarmMemory::new(!common.leave_memory_cold)?;
    for round in 0..common.warm_rounds + common.rounds {
        let phase = match round {
            0 if common.warm_rounds > 0 => Phase::Cold,
            _ if round < common.warm_rounds => Phase::Warming,
            _ => Phase::Measured,
        };
        for turn in 0..peers.len() {
            let peer = &peers[(round + turn) % peers.len()];
            eprintln!("round {}: {}", round + 1, peer.kind.label());
            memory.top_up()?;
            run(peer, phase)?;
        }
    }
    Ok(())
}
