//! From root to the broker's user. Root is needed only to give folders away.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::getuid;

/// The user that the broker runs as, and its group: root's, as every other uid of a container has it, too.
pub(super) const BROKER_UID: u32 = 1000;
pub(super) const BROKER_GID: u32 = 0;

/// Runs this program again with the same words as the broker's user; returns only if we are not root, or may not change.
pub(super) fn drop_root() -> Result<(), String> {
    if !getuid().is_root() {
        return Ok(());
    }
    let own = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut again = Command::new(own);
    again.args(std::env::args_os().skip(1)).uid(BROKER_UID).gid(BROKER_GID);
    let error = again.exec();
    tracing::warn!(%error, "cannot go on as uid {BROKER_UID}; staying root");
    Ok(())
}
