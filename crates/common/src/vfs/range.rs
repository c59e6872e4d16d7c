//! A range of bytes of an open file, to be sent or read later. It stays good when the file is deleted or replaced: the
//! file is held open.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::VfsFile;

/// Bytes that stand in a file.
#[derive(Clone)]
pub struct FileRange {
    file: Arc<dyn VfsFile>,
    position: u64,
    len: usize,
}

impl FileRange {
    pub fn new(file: Arc<dyn VfsFile>, position: u64, len: usize) -> Self {
        Self { file, position, len }
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

    /// Takes up to `max_bytes` off the front and reads them. A file that ends before is an error.
    pub fn read_front(&mut self, max_bytes: usize) -> io::Result<Bytes> {
        let wanted = self.len.min(max_bytes);
        let bytes = read_up_to(&*self.file, self.position, wanted)?;
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

    use super::*;
    use crate::vfs::{MemVfs, OpenMode, OsVfs, Vfs};

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
}
