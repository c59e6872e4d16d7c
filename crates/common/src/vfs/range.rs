//! A range of bytes of an open file, to be sent or read later. It stays good when the file is deleted or replaced: the
//! file is held open.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::VfsFile;

/// Is told when bytes of its file could not be read.
pub trait ReadTrouble: Send + Sync {
    fn could_not_read(&self, error: &io::Error);
}

/// Bytes that stand in a file.
#[derive(Clone)]
pub struct FileRange {
    file: Arc<dyn VfsFile>,
    position: u64,
    len: usize,
    owner: Option<Arc<dyn ReadTrouble>>,
}

impl FileRange {
    pub fn new(file: Arc<dyn VfsFile>, position: u64, len: usize) -> Self {
        Self { file, position, len, owner: None }
    }

    /// The same range, whose owner wants to know of trouble.
    #[must_use]
    pub fn owned_by(self, owner: Arc<dyn ReadTrouble>) -> Self {
        Self { owner: Some(owner), ..self }
    }

    pub fn file(&self) -> &dyn VfsFile {
        &*self.file
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes off bytes at the front, at most those that are there.
    pub fn advance(&mut self, bytes: usize) {
        let bytes = bytes.min(self.len);
        self.position += bytes as u64;
        self.len -= bytes;
    }

    /// Tells the owner, if the trouble is the file's.
    pub fn could_not_read(&self, error: &io::Error) {
        if let Some(owner) = &self.owner {
            owner.could_not_read(error);
        }
    }

    /// Takes up to `max_bytes` off the front and reads them. A file that ends before is an error.
    pub fn read_front(&mut self, max_bytes: usize) -> io::Result<Bytes> {
        let wanted = self.len.min(max_bytes);
        let bytes = read_up_to(&*self.file, self.position, wanted).inspect_err(|error| self.could_not_read(error))?;
        if bytes.len() < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.advance(wanted);
        Ok(bytes)
    }
}

impl fmt::Debug for FileRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileRange").field("position", &self.position).field("len", &self.len).finish_non_exhaustive()
    }
}

/// The same bytes of the same open file.
impl PartialEq for FileRange {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && (self.position, self.len) == (other.position, other.len)
    }
}

/// Up to `len` bytes from `position`; fewer only at the end of the file.
pub fn read_up_to(file: &dyn VfsFile, position: u64, len: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let at = position + bytes.len() as u64;
        match file.append_to(&mut bytes, at) {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    // The allocation may be larger than asked for, and is filled.
    bytes.truncate(len);
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::vfs::{Fault, FaultOp, MemVfs, OpenMode, OsVfs, Vfs};

    struct Count(AtomicU32);

    impl ReadTrouble for Count {
        fn could_not_read(&self, _: &io::Error) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_range_is_read_piece_by_piece_and_ends_where_its_file_does() {
        let dir = tempfile::tempdir().unwrap();
        let vfs: [(&dyn Vfs, &Path); 2] = [(&OsVfs, dir.path()), (&MemVfs::new(), Path::new("/"))];
        for (vfs, dir) in vfs {
            vfs.create_dir_all(dir).unwrap();
            let file = vfs.open(&dir.join("f"), OpenMode::TRUNCATE).unwrap();
            file.write_all_at(b"0123456789", 0).unwrap();
            let mut range = FileRange::new(Arc::clone(&file), 2, 7);
            assert_eq!(&range.read_front(3).unwrap()[..], b"234");
            assert_eq!(&range.read_front(100).unwrap()[..], b"5678");
            assert!(range.is_empty());
            let mut beyond = FileRange::new(Arc::clone(&file), 8, 7);
            assert_eq!(beyond.read_front(100).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            assert_eq!(&read_up_to(&*file, 8, 7).unwrap()[..], b"89");
        }
    }

    #[test]
    fn the_owner_hears_of_errors() {
        let vfs = MemVfs::new();
        vfs.create_dir_all(Path::new("/")).unwrap();
        let file = vfs.open(Path::new("/f"), OpenMode::TRUNCATE).unwrap();
        file.write_all_at(&[7; 10], 0).unwrap();
        vfs.inject(Fault { op: FaultOp::Read, skip: 0, times: 1, errno: 5 });
        let owner = Arc::new(Count(AtomicU32::new(0)));
        let mut range = FileRange::new(file, 0, 10).owned_by(owner.clone());
        assert!(range.read_front(10).is_err());
        assert_eq!((owner.0.load(Ordering::Relaxed), range.len()), (1, 10));
    }
}
