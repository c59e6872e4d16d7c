//! `cargo xtask bench`: the measurements of benches/, in a release build. `cargo xtask instructions`: the one of them
//! that is a test.

use std::path::Path;

use anyhow::Result;

use crate::{repo, shell, toolbox};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    shell::shown(repo::cargo().args(["run", "--release", "--quiet", "--package", "bench", "--"]).args(arguments))
}

/// Counts the instructions of `binary`, which must be a release build, and compares them with those that are kept, or
/// keeps them.
pub(crate) fn instructions(binary: &Path, write: bool) -> Result<()> {
    toolbox::need("valgrind", "install it (Debian: apt-get install valgrind)")?;
    let mut command = repo::cargo();
    command.args(["run", "--quiet", "--package", "bench", "--", "instructions", "--broker"]).arg(binary);
    if write {
        command.arg("--write");
    }
    shell::shown(&mut command)
}
