//! Where things are, building the broker, and bringing the machine into a state worth measuring.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::args::Common;

const GIB: usize = 1 << 30;
const PAGE_BYTES: usize = 4096;

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

/// Touches memory, because a virtual machine may have to ask its host for pages that were never used, which
/// would be charged to whoever runs first.
pub(crate) fn warm_memory(gib: usize) {
    let available = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| crate::process::kib_of(&text, "MemAvailable:"))
        .map_or(0, |kib| usize::try_from(kib).unwrap_or(0) * 1024);
    let mut memory = vec![0_u8; (gib * GIB).min(available / 2)];
    for page in memory.chunks_mut(PAGE_BYTES) {
        page[0] = 1;
    }
    std::hint::black_box(&memory);
}
