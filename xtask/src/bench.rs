//! `cargo xtask bench`: the measurements of benches/, in a release build.

use anyhow::Result;

use crate::{repo, shell};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    shell::shown(repo::cargo().args(["run", "--release", "--quiet", "--package", "bench", "--"]).args(arguments))
}
