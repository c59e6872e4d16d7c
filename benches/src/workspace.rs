//! Where things are, and building the broker.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::args::Common;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// What is downloaded or written while measuring; beside the executables, so never in the repository.
pub(crate) fn scratch() -> Result<PathBuf> {
    let dir = executables()?.parent().context("the executable has no folder")?.join("bench");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

fn executables() -> Result<PathBuf> {
    let own = std::env::current_exe().context("where am I?")?;
    Ok(own.parent().context("the executable has no folder")?.to_owned())
}

/// The broker's executable, freshly built unless one was named.
pub(crate) fn broker(common: &Common) -> Result<PathBuf> {
    if let Some(path) = &common.broker {
        return Ok(path.clone());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).current_dir(root()).args(["build", "--release", "--quiet", "-p", "barnabas-server"]))?;
    let target = executables()?;
    let target = target.parent().context("the executable has no folder")?;
    Ok(target.join("release").join("barnabas"))
}

/// Runs a command to its end; its output matters only if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{command:?} failed:\n{out}{err}");
    }
    Ok(())
}
