//! `.kafka_cleanshutdown`: its presence says that the logs were closed properly, its content which broker did it.

use std::io;
use std::path::Path;

use barnabas_common::vfs::Vfs;

use crate::journal::forget_journal;

pub(crate) const FILE_NAME: &str = ".kafka_cleanshutdown";

/// What the file said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanShutdown {
    /// Epoch of the broker that shut down; unknown if the file did not tell.
    pub broker_epoch: Option<i64>,
}

pub(crate) fn is_there(vfs: &dyn Vfs, dir: &Path) -> io::Result<bool> {
    match vfs.stat(&dir.join(FILE_NAME)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads and removes the file, so that a crash from now on is seen as one. The removal is made durable. Until there is a new
/// journal none is missed.
pub(crate) fn take(vfs: &dyn Vfs, dir: &Path) -> io::Result<Option<CleanShutdown>> {
    let path = dir.join(FILE_NAME);
    let bytes = match vfs.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    forget_journal(vfs, dir)?;
    vfs.remove_file(&path)?;
    vfs.sync_dir(dir)?;
    let content: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let broker_epoch = content.and_then(|c| c.get("brokerEpoch")?.as_i64());
    Ok(Some(CleanShutdown { broker_epoch }))
}

pub(crate) fn write(vfs: &dyn Vfs, dir: &Path, broker_epoch: i64) -> io::Result<()> {
    let content = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    vfs.write_atomically(&dir.join(FILE_NAME), content.as_bytes())
}

#[cfg(test)]
mod tests {
    use barnabas_common::vfs::MemVfs;

    use super::*;

    #[test]
    fn the_file_is_taken_once() {
        let (vfs, dir) = (MemVfs::new(), Path::new("/d"));
        vfs.create_dir_all(dir).unwrap();
        assert_eq!(take(&vfs, dir).unwrap(), None);
        write(&vfs, dir, 11).unwrap();
        assert_eq!(vfs.read(&dir.join(FILE_NAME)).unwrap(), b"{\"version\":0,\"brokerEpoch\":11}");
        assert_eq!(take(&vfs, dir).unwrap(), Some(CleanShutdown { broker_epoch: Some(11) }));
        assert_eq!(take(&vfs.crash_clone(1), dir).unwrap(), None);
    }

    #[test]
    fn an_old_or_empty_file_counts_as_clean_without_an_epoch() {
        let (vfs, dir) = (MemVfs::new(), Path::new("/d"));
        vfs.create_dir_all(dir).unwrap();
        vfs.write_atomically(&dir.join(FILE_NAME), b"").unwrap();
        assert_eq!(take(&vfs, dir).unwrap(), Some(CleanShutdown { broker_epoch: None }));
    }
}
