//! `cargo xtask app` and `cargo xtask crash`: bring what tests/app and tests/crash need, and run them. What they prove is
//! said there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{repo, shell, toolbox};

/// A program that drives users' programs against the broker.
#[derive(Clone, Copy)]
pub(crate) enum Drive {
    /// Users' programs in three languages, with some kills.
    Application,
    /// Kill after kill under idempotent load.
    CrashLoop,
}

impl Drive {
    fn name(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::CrashLoop => "crash",
        }
    }

    /// A run short enough for every change.
    fn short(self) -> &'static [&'static str] {
        match self {
            Self::Application => &["--count", "100000", "--kills", "3"],
            Self::CrashLoop => &["--cycles", "15"],
        }
    }
}

fn folder() -> PathBuf {
    repo::root().join("tests/app")
}

/// Brings the client libraries, which both programs share; returns the Python that runs it all.
pub(crate) fn install() -> Result<PathBuf> {
    toolbox::npm(&folder().join("node"))?;
    toolbox::maven(&folder().join("java"))?;
    let requirements = [folder().join("requirements.txt"), folder().join("python/requirements.txt")];
    toolbox::python(&folder().join(".venvs/app"), &requirements)
}

pub(crate) fn run_short(drive: Drive, binary: &Path) -> Result<()> {
    run(drive, binary, &drive.short().iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
}

/// `arguments` go to the program.
pub(crate) fn run(drive: Drive, binary: &Path, arguments: &[String]) -> Result<()> {
    let python = install()?;
    let out = repo::fresh_logs(drive.name())?;
    let mut command = Command::new(python);
    command.arg(repo::root().join("tests").join(drive.name()).join("run.py"));
    command.arg("--binary").arg(binary).arg("--out").arg(&out).args(arguments);
    println!("\n{}: {}", drive.name(), arguments.join(" "));
    shell::shown(&mut command)
}
