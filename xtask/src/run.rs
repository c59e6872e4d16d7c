//! `cargo xtask run`: a broker to play with. Its data goes away when it stops.

use std::process::Command;

use anyhow::Result;

use crate::{binary, shell};

pub(crate) fn run(arguments: Vec<String>) -> Result<()> {
    let binary = binary::build_debug()?;
    let data = tempfile::tempdir()?;
    let log_dirs = format!("log.dirs={}", data.path().display());
    shell::shown(Command::new(binary).arg("server").args(["--override", &log_dirs]).args(arguments))
}
