//! Where things are, and building the broker.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::args::Common;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where reports go unless somebody says otherwise.
pub(crate) fn reports() -> PathBuf {
    root().join("docs/bench")
}

/// What is downloaded or written while measuring; beside the executables, so never in the repository.
pub(crate) fn scratch() -> Result<PathBuf> {
    let dir = executables()?.parent().context("the executable has no folder")?.join("bench");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// Bytes on the disk that anybody may still write.
pub(crate) fn free_bytes() -> Result<u64> {
    let stat = rustix::fs::statvfs(&scratch()?)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
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

/// Does `work` unless it was done before with the same content of `files`; `stamp` remembers.
pub(crate) fn once(stamp: &Path, files: &[PathBuf], work: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut wanted = String::new();
    for file in files {
        wanted += &std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    if std::fs::read_to_string(stamp).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    work()?;
    std::fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
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

#[cfg(test)]
mod tests {
    use super::once;

    #[test]
    fn work_is_repeated_when_its_files_change() {
        let dir = tempfile::tempdir().unwrap();
        let (stamp, file) = (dir.path().join("stamp"), dir.path().join("file"));
        let mut times = 0;
        for content in ["a", "a", "b"] {
            std::fs::write(&file, content).unwrap();
            once(&stamp, std::slice::from_ref(&file), || {
                times += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(times, 2);
    }
}
