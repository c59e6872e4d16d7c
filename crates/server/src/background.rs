//! Servers that run in the background: started with their output in a file, and found again to be stopped, as Kafka's
//! scripts do it. What a server is, its own file knows.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Starts this program with other words, its output in a file of the folder `LOG_DIR`.
pub(crate) fn start(words: impl IntoIterator<Item = impl AsRef<OsStr>>, output: &str) -> Result<(), String> {
    let folder = std::env::var_os("LOG_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let output = folder.join(output);
    let failed =
        |error: io::Error| format!("cannot start in the background with output in {}: {error}", output.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let log = std::fs::File::options().create(true).append(true).open(&output).map_err(failed)?;
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(words);
    command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log).process_group(0);
    command.spawn().map(drop).map_err(failed)
}

/// SIGTERM to every process of this machine or container whose command line is one of theirs; whether there was any.
pub(crate) fn stop(is_one: impl Fn(&[String]) -> bool) -> Result<bool, String> {
    let own = std::process::id();
    let processes = std::fs::read_dir("/proc").map_err(|error| format!("cannot list processes: {error}"))?;
    let ids = processes.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found: Vec<u32> = ids.filter(|id| *id != own && is_one(&command_line(*id))).collect();
    for id in &found {
        let pid = i32::try_from(*id).ok().and_then(Pid::from_raw).ok_or("a process id out of range")?;
        kill_process(pid, Signal::TERM).map_err(|error| format!("cannot stop process {id}: {error}"))?;
    }
    Ok(!found.is_empty())
}

fn command_line(id: u32) -> Vec<String> {
    let words = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
