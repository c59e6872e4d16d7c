//! Builds of the broker that tests and developers start.

use std::path::PathBuf;

use anyhow::Result;

use crate::{repo, shell};

pub(crate) fn build_release() -> Result<PathBuf> {
    shell::shown(repo::cargo().args(["build", "--release", "--package", "barnabas-server"]))?;
    Ok(repo::target().join("release/barnabas"))
}

pub(crate) fn build_debug() -> Result<PathBuf> {
    shell::shown(repo::cargo().args(["build", "--package", "barnabas-server"]))?;
    Ok(repo::target().join("debug/barnabas"))
}
