//! `cargo xtask app`: brings what tests/app needs and runs it. What it proves is said there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{repo, shell, toolbox};

/// A short run without disturbance, for the gate.
pub(crate) const UNDISTURBED: &[&str] = &["--count", "40000", "--kills", "0"];
/// A short run with kills, for the gate.
pub(crate) const KILLED: &[&str] = &["--count", "100000", "--kills", "4"];

fn folder() -> PathBuf {
    repo::root().join("tests/app")
}

/// Brings the client libraries; returns the Python that runs it all.
pub(crate) fn install() -> Result<PathBuf> {
    toolbox::npm(&folder().join("node"))?;
    toolbox::maven(&folder().join("java"))?;
    let requirements = [folder().join("requirements.txt"), folder().join("python/requirements.txt")];
    toolbox::python(&folder().join(".venvs/app"), &requirements)
}

/// `arguments` go to tests/app/run.py.
pub(crate) fn run<S: AsRef<str>>(binary: &Path, arguments: &[S]) -> Result<()> {
    let python = install()?;
    let out = repo::fresh_logs("app")?;
    let mut command = Command::new(python);
    command.arg(folder().join("run.py")).arg("--binary").arg(binary).arg("--out").arg(&out);
    println!("\napplication: {}", arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" "));
    shell::shown(command.args(arguments.iter().map(AsRef::as_ref)))
}
