//! Whether a log dir is still the folder that was opened at the start. Files that are open can be written although their folder
//! was removed or its volume unmounted: what is acknowledged then is lost without any error. What follows is in
//! `dir_failure.rs`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use barnabas_common::vfs::{FileId, OpenMode, Vfs, VfsFile};

const IDENTITY_FILE: &str = "meta.properties";
/// Editors and tools may put another file in its place; the folder itself nobody replaces for a moment.
const LOOKS_WITHOUT_IDENTITY: u32 = 2;

/// What one log dir was when it was opened.
pub(crate) struct Presence {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
    seen: OnceLock<Seen>,
    looks_without_identity: AtomicU32,
}

struct Seen {
    folder: FileId,
    /// As long as it is open, no other folder can get the same id.
    _handle: Option<Arc<dyn VfsFile>>,
    has_identity: bool,
}

impl Presence {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, path: PathBuf) -> Self {
        Self { vfs, path, seen: OnceLock::new(), looks_without_identity: AtomicU32::new(0) }
    }

    /// From here on this folder is expected.
    pub(crate) fn expect(&self) -> io::Result<()> {
        let handle = self.vfs.open(&self.path, OpenMode::READ).ok();
        let folder = self.vfs.file_id(&self.path)?;
        let has_identity = self.vfs.file_id(&self.path.join(IDENTITY_FILE)).is_ok();
        let _ = self.seen.set(Seen { folder, _handle: handle, has_identity });
        Ok(())
    }

    /// Why the folder is not there any more, if it is not. Nothing was expected before the first [`Self::expect`].
    pub(crate) fn why_gone(&self) -> io::Result<Option<&'static str>> {
        let Some(seen) = self.seen.get() else { return Ok(None) };
        match self.vfs.file_id(&self.path) {
            Ok(found) if found == seen.folder => Ok(None),
            Ok(_) => {
                Ok(Some("another folder is in its place: it was replaced, or a volume was mounted or unmounted there"))
            }
            Err(error) if is_missing(&error) => {
                Ok(Some("the folder was removed or renamed, or its volume was unmounted"))
            }
            Err(error) => Err(error),
        }
    }

    /// The same from time to time: also notices a folder that was emptied.
    pub(crate) fn why_gone_or_emptied(&self) -> io::Result<Option<&'static str>> {
        if let Some(reason) = self.why_gone()? {
            return Ok(Some(reason));
        }
        let is_emptied = |path: &Path| self.vfs.file_id(path).is_err_and(|error| is_missing(&error));
        if !self.seen.get().is_some_and(|seen| seen.has_identity) || !is_emptied(&self.path.join(IDENTITY_FILE)) {
            self.looks_without_identity.store(0, Ordering::Relaxed);
            return Ok(None);
        }
        let looks = self.looks_without_identity.fetch_add(1, Ordering::Relaxed) + 1;
        Ok((looks >= LOOKS_WITHOUT_IDENTITY)
            .then_some("its meta.properties was removed, and so perhaps all that it held"))
    }
}

/// An error that a folder that is not there leads to, among other reasons.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use barnabas_common::vfs::OsVfs;
    use tempfile::TempDir;

    use super::*;

    fn expected(path: &Path) -> Presence {
        fs::create_dir(path).unwrap();
        fs::write(path.join(IDENTITY_FILE), "x").unwrap();
        let presence = Presence::new(Arc::new(OsVfs), path.to_owned());
        assert_eq!(presence.why_gone().unwrap(), None, "nothing is expected yet");
        presence.expect().unwrap();
        assert_eq!(presence.why_gone_or_emptied().unwrap(), None);
        presence
    }

    #[test]
    fn a_folder_that_was_removed_is_gone_and_one_that_was_made_anew_is_another() {
        let all = TempDir::new().unwrap();
        let path = all.path().join("data");
        let presence = expected(&path);
        fs::remove_dir_all(&path).unwrap();
        assert!(presence.why_gone().unwrap().unwrap().contains("removed"));
        fs::create_dir(&path).unwrap();
        assert!(presence.why_gone().unwrap().unwrap().contains("another folder"));
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "a file").unwrap();
        assert!(presence.why_gone().unwrap().is_some());
    }

    #[test]
    fn a_folder_whose_parent_became_a_file_is_gone() {
        let all = TempDir::new().unwrap();
        let parent = all.path().join("volume");
        fs::create_dir(&parent).unwrap();
        let presence = expected(&parent.join("data"));
        fs::remove_dir_all(&parent).unwrap();
        fs::write(&parent, "a file").unwrap();
        assert!(presence.why_gone().unwrap().is_some());
    }

    #[test]
    fn a_folder_that_was_renamed_and_came_back_is_the_same() {
        let all = TempDir::new().unwrap();
        let path = all.path().join("data");
        let presence = expected(&path);
        fs::rename(&path, all.path().join("elsewhere")).unwrap();
        assert!(presence.why_gone().unwrap().is_some());
        std::os::unix::fs::symlink(all.path().join("elsewhere"), &path).unwrap();
        assert_eq!(presence.why_gone_or_emptied().unwrap(), None);
    }

    #[test]
    fn a_folder_is_emptied_when_its_identity_stays_away() {
        let all = TempDir::new().unwrap();
        let path = all.path().join("data");
        let presence = expected(&path);
        let identity = path.join(IDENTITY_FILE);
        fs::remove_file(&identity).unwrap();
        assert_eq!(presence.why_gone_or_emptied().unwrap(), None, "perhaps it is being replaced");
        fs::write(&identity, "y").unwrap();
        assert_eq!(presence.why_gone_or_emptied().unwrap(), None);
        fs::remove_file(&identity).unwrap();
        assert_eq!(presence.why_gone_or_emptied().unwrap(), None);
        assert!(presence.why_gone_or_emptied().unwrap().is_some());
    }
}
