//! Data folders of a container: made, given to the broker's user if we are root, else refused with what repairs them.

use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{getgid, getuid};

use super::facts::Mounts;
use super::identity::{BROKER_GID, BROKER_UID};

/// Makes every folder exist and be writable for the user that the broker runs as.
pub(super) fn make_ready(folders: &[PathBuf]) -> Result<(), String> {
    let root = getuid().is_root();
    for folder in folders {
        let made = std::fs::create_dir_all(folder);
        if root {
            made.and_then(|()| give_away(folder)).map_err(|error| {
                format!("cannot give the data folder {} to uid {BROKER_UID}: {error}", folder.display())
            })?;
        } else if let Some(closed) = made.err().map(|_| folder.clone()).or_else(|| not_writable(folder)) {
            return Err(refusal(folder, &closed));
        }
    }
    Ok(())
}

/// Only what belongs to others is touched, so that a large folder is walked fast.
fn give_away(path: &Path) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    if metadata.uid() != BROKER_UID {
        lchown(path, Some(BROKER_UID), Some(BROKER_GID))?;
    }
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_away(&entry?.path())?;
        }
    }
    Ok(())
}

/// The folder, or the first thing in it, that this user cannot write.
fn not_writable(folder: &Path) -> Option<PathBuf> {
    let all = Access::READ_OK | Access::WRITE_OK;
    if access(folder, all | Access::EXEC_OK).is_err() {
        return Some(folder.to_owned());
    }
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    // The folder that a disk has of its own belongs to root everywhere.
    entries.filter(|path| !path.ends_with("lost+found")).find(|path| access(path, all).is_err())
}

/// Folders that `kafka-storage format` gave an id, and that no broker has used since, may still get the one that was asked
/// for: start scripts format with a random id beside a `CLUSTER_ID`.
pub(super) fn forget_unused_identity(folders: &[PathBuf]) {
    let is_folder = |entry: std::fs::DirEntry| entry.path().is_dir() && entry.file_name() != "lost+found";
    let used = |folder: &PathBuf| match std::fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(Result::ok).any(is_folder),
        Err(_) => true,
    };
    if folders.iter().any(used) {
        return;
    }
    for folder in folders {
        if let Err(error) = std::fs::remove_file(folder.join("meta.properties")) {
            tracing::debug!(folder = %folder.display(), %error, "no unused identity");
        }
    }
}

fn refusal(folder: &Path, closed: &Path) -> String {
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    let existing = closed.ancestors().find_map(|path| Some((path, std::fs::metadata(path).ok()?)));
    let owner = existing.map_or_else(String::new, |(path, found)| {
        let mode = found.mode() & 0o7777;
        format!("{} belongs to uid {}, gid {} (mode {mode:o})", path.display(), found.uid(), found.gid())
    });
    let mounts = Mounts::read();
    let is_read_only = access(closed.parent().unwrap_or(closed), Access::WRITE_OK) == Err(Errno::ROFS);
    if is_read_only || access(closed, Access::WRITE_OK) == Err(Errno::ROFS) {
        return format!(
            "the data folder {0} cannot be written: its file system is read-only; mount a volume there, or with `docker run`: \
             --tmpfs {0}:uid={uid} for data that may go with the container",
            folder.display()
        );
    }
    let fix = match mounts.source_of(folder) {
        Some((_, source)) if source.contains("/volumes/") || source == "/" => String::new(),
        Some((_, source)) => format!("run on the host: sudo chown -R {uid}:0 {source} -- or "),
        None => String::new(),
    };
    let group = match gid {
        0 => String::new(),
        _ => format!("run it with group 0 (`user: \"{uid}:0\"`), or "),
    };
    format!(
        "the data folder {} cannot be written: {owner}, and this container runs as uid {uid}, gid {gid}; {fix}{group}give the \
         service `user: root` (compose) or `--user root` (docker run): the folder is then repaired at the start, and the broker goes on \
         as uid {BROKER_UID}",
        folder.display()
    )
}
