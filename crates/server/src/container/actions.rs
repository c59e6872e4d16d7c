//! Scripts that Bitnami's image runs once, before the first start on a volume.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Access, access};

const SCRIPTS: &str = "/docker-entrypoint-initdb.d";
/// Written beside the data when the scripts have run.
const DONE: &str = ".user_scripts_initialized";

/// Runs every `*.sh` in the order of names, unless they ran before. One that fails stops the start.
pub(super) fn run_init_scripts(data_folder: &Path) -> Result<(), String> {
    let done = data_folder.join(DONE);
    let mut scripts = scripts(Path::new(SCRIPTS));
    if scripts.is_empty() || done.exists() {
        return Ok(());
    }
    scripts.sort();
    for script in scripts {
        tracing::info!(script = %script.display(), "running a start script");
        // A script that may not be executed is read by the shell.
        let mut command = match access(&script, Access::EXEC_OK) {
            Ok(()) => Command::new(&script),
            Err(_) => Command::new("bash"),
        };
        if access(&script, Access::EXEC_OK).is_err() {
            command.arg(&script);
        }
        let status = command.status().map_err(|error| format!("cannot run {}: {error}", script.display()))?;
        if !status.success() {
            return Err(format!("the start script {} ended with {status}; repair or remove it", script.display()));
        }
    }
    std::fs::write(&done, "").map_err(|error| format!("cannot write {}: {error}", done.display()))
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "sh") && path.is_file()).collect()
}
