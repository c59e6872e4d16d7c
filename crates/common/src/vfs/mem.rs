//! A file system in memory for tests and the simulator. It knows what was synced and what was not, can be cloned
//! as a power loss would leave it, and fails on request. It does not model directories' permissions or links.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{DirEntry, DiskSpace, FileId, FileStat, OpenMode, Vfs, VfsDir, VfsFile};

const SECTOR: u64 = 512;
const ENOSPC: i32 = 28;

/// Which calls a [`Fault`] hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOp {
    Read,
    /// Writes and changes of a file's length.
    Write,
    /// `sync_data`, `sync_all`, `sync_dir`.
    Sync,
    /// Opening or creating a file, opening a folder.
    Open,
    Rename,
    Remove,
    Any,
}

/// A scripted failure: after `skip` calls of the kind, the next `times` of them fail with the errno.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub op: FaultOp,
    pub skip: u64,
    pub times: u64,
    pub errno: i32,
}

/// The file system. Clones share the same state; see [`MemVfs::kill_clone`] and [`MemVfs::crash_clone`] for copies.
#[derive(Clone, Default)]
pub struct MemVfs {
    state: Arc<Mutex<State>>,
}

/// Folders are numbered with the files.
type Inode = u64;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Dir(Inode),
    File(Inode),
}

type Namespace = BTreeMap<PathBuf, Node>;

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, Node),
    Rename(PathBuf, PathBuf),
    RemoveTree(PathBuf),
}

#[derive(Clone)]
enum DataChange {
    Write { offset: u64, bytes: Vec<u8> },
    SetLen(u64),
}

#[derive(Clone, Default)]
struct FileData {
    content: Vec<u8>,
    /// What the disk holds for certain.
    synced: Vec<u8>,
    /// What may or may not have reached the disk since, in order.
    unsynced: Vec<DataChange>,
    modified_ms: i64,
}

#[derive(Clone, Default)]
struct State {
    names: Namespace,
    synced_names: Namespace,
    unsynced_names: Vec<NameChange>,
    files: BTreeMap<Inode, FileData>,
    next_id: Inode,
    faults: Vec<Fault>,
    capacity_bytes: Option<u64>,
    used_bytes: u64,
    now_ms: i64,
    ops: u64,
    syncs_each_folder: bool,
}

impl MemVfs {
    pub fn new() -> Self {
        Self::default()
    }

    /// What `kill -9` of the process leaves: everything written, synced or not. Faults and limits are not copied.
    pub fn kill_clone(&self) -> MemVfs {
        let mut state = self.state.lock().clone();
        state.faults.clear();
        state.capacity_bytes = None;
        MemVfs { state: Arc::new(Mutex::new(state)) }
    }

    /// What a power loss may leave: all that was synced, and of the rest, in a way decided by `seed`: a prefix of the
    /// changes of names; of the changes of content any subset, with writes possibly torn at sectors of 512 bytes.
    pub fn crash_clone(&self, seed: u64) -> MemVfs {
        let state = self.state.lock();
        let mut random = SplitMix(seed);
        let mut names = state.synced_names.clone();
        let kept = random.below(state.unsynced_names.len() as u64 + 1) as usize;
        for change in &state.unsynced_names[..kept] {
            change.apply(&mut names);
        }
        if state.syncs_each_folder {
            forget_lost(&mut names);
        }
        let mut files = BTreeMap::new();
        for node in names.values() {
            if let Node::File(id) = node {
                let content = state.files.get(id).map(|f| f.after_power_loss(&mut random)).unwrap_or_default();
                files.insert(*id, FileData { synced: content.clone(), content, ..FileData::default() });
            }
        }
        let used_bytes = files.values().map(|f| f.content.len() as u64).sum();
        let crashed = State {
            synced_names: names.clone(),
            names,
            files,
            next_id: state.next_id,
            used_bytes,
            now_ms: state.now_ms,
            syncs_each_folder: state.syncs_each_folder,
            ..State::default()
        };
        MemVfs { state: Arc::new(Mutex::new(crashed)) }
    }

    /// From now on `sync_dir` makes durable what happened in that folder and nowhere else, as POSIX has it; what is in a folder
    /// goes with the folder's own name.
    pub fn sync_each_folder(&self) {
        self.state.lock().syncs_each_folder = true;
    }

    /// Adds a failure to the script.
    pub fn inject(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    /// From the `nth` call on (counted from now), everything fails with EIO: the moment of a crash, to be followed
    /// by [`MemVfs::crash_clone`] or [`MemVfs::kill_clone`].
    pub fn halt_after(&self, nth: u64) {
        self.inject(Fault { op: FaultOp::Any, skip: nth, times: u64::MAX, errno: 5 });
    }

    /// How many scripted failures have not come yet.
    pub fn faults_left(&self) -> u64 {
        self.state.lock().faults.iter().map(|fault| fault.times).fold(0, u64::saturating_add)
    }

    /// Like a commit of a journalled file system, this makes all changes of names so far durable; unless
    /// [`MemVfs::sync_each_folder`] says otherwise.
    fn sync_names_in(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Sync)?;
        if !state.is_dir(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let each = state.syncs_each_folder;
        let changes = std::mem::take(&mut state.unsynced_names);
        for change in changes {
            if each && !change.is_in(path) {
                state.unsynced_names.push(change);
                continue;
            }
            change.apply(&mut state.synced_names);
            let earlier = std::mem::take(&mut state.unsynced_names);
            state.unsynced_names = earlier.into_iter().filter_map(|earlier| earlier.after(&change)).collect();
        }
        Ok(())
    }

    /// Removes all scripted failures.
    pub fn clear_faults(&self) {
        self.state.lock().faults.clear();
    }

    /// Limits the bytes of all files together; writes beyond are cut short and fail with ENOSPC.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity_bytes = bytes;
    }

    pub fn used_bytes(&self) -> u64 {
        self.state.lock().used_bytes
    }

    /// The time that changed files carry.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.state.lock().now_ms = now_ms;
    }

    /// How many calls have been made, for enumerating crash points.
    pub fn op_count(&self) -> u64 {
        self.state.lock().ops
    }

    /// Replaces a file's content behind the back of whoever has it open, as a failing disk would. Synced at once.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.state.lock();
        let id = state.node_of_file(path)?;
        let file = state.files.entry(id).or_default();
        let before = file.content.len() as u64;
        change(&mut file.content);
        file.unsynced.clear();
        file.synced = file.content.clone();
        let after = file.content.len() as u64;
        state.used_bytes = (state.used_bytes + after).saturating_sub(before);
        Ok(())
    }
}

impl State {
    fn enter(&mut self, op: FaultOp) -> io::Result<()> {
        self.ops += 1;
        let mut failure = None;
        for fault in self.faults.iter_mut().filter(|f| f.op == op || f.op == FaultOp::Any) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fault.times > 0 && failure.is_none() {
                fault.times -= 1;
                failure = Some(fault.errno);
            }
        }
        match failure {
            Some(errno) => Err(io::Error::from_raw_os_error(errno)),
            None => Ok(()),
        }
    }

    fn node_of_file(&self, path: &Path) -> io::Result<Inode> {
        match self.names.get(path) {
            Some(Node::File(id)) => Ok(*id),
            Some(Node::Dir(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn is_dir(&self, path: &Path) -> bool {
        matches!(self.names.get(path), Some(Node::Dir(_)))
    }

    fn take_id(&mut self) -> Inode {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }

    /// How many of `wanted` more bytes fit.
    fn room_for(&self, wanted: u64) -> u64 {
        self.capacity_bytes.map_or(wanted, |capacity| wanted.min(capacity.saturating_sub(self.used_bytes)))
    }

    fn change_data(&mut self, id: Inode, change: DataChange) {
        let now_ms = self.now_ms;
        let file = self.files.entry(id).or_default();
        let before = file.content.len() as u64;
        change.apply(&mut file.content);
        file.unsynced.push(change);
        file.modified_ms = now_ms;
        let after = file.content.len() as u64;
        self.used_bytes = (self.used_bytes + after).saturating_sub(before);
    }

    fn forget_unnamed(&mut self, path: &Path) {
        // The content of a removed file stays for those who have it open; only the space is given back.
        let freed: u64 = self
            .names
            .iter()
            .filter(|(name, _)| name.starts_with(path))
            .filter_map(|(_, node)| if let Node::File(id) = node { self.files.get(id) } else { None })
            .map(|f| f.content.len() as u64)
            .sum();
        self.used_bytes = self.used_bytes.saturating_sub(freed);
    }
}

/// Removes what is in folders that are not there.
fn forget_lost(names: &mut Namespace) {
    let folders: Vec<PathBuf> =
        names.iter().filter(|(_, node)| matches!(node, Node::Dir(_))).map(|(n, _)| n.clone()).collect();
    let is_there = |folder: &Path| folders.iter().any(|there| there == folder);
    names.retain(|name, _| name.ancestors().skip(1).all(|above| above.as_os_str().is_empty() || is_there(above)));
}

impl NameChange {
    /// Whether syncing the folder makes the change durable. What is at the top is taken to be so with anything.
    fn is_in(&self, folder: &Path) -> bool {
        let is_parent = |path: &Path| path.parent().is_none_or(|parent| parent == folder || parent.parent().is_none());
        match self {
            Self::Set(path, _) | Self::RemoveTree(path) => is_parent(path),
            Self::Rename(from, to) => is_parent(from) || is_parent(to),
        }
    }

    /// The same change in a folder that was renamed meanwhile; none if it was removed.
    fn after(self, later: &NameChange) -> Option<NameChange> {
        let moved = |path: PathBuf| match later {
            Self::Rename(from, to) => path.strip_prefix(from).map_or(path.clone(), |rest| to.join(rest)),
            _ => path,
        };
        match self {
            Self::Set(path, _) if matches!(later, Self::RemoveTree(gone) if path.starts_with(gone)) => None,
            Self::Set(path, node) => Some(Self::Set(moved(path), node)),
            Self::Rename(from, to) => Some(Self::Rename(moved(from), moved(to))),
            Self::RemoveTree(path) => Some(Self::RemoveTree(moved(path))),
        }
    }

    fn apply(&self, names: &mut Namespace) {
        match self {
            Self::Set(path, node) => {
                names.insert(path.clone(), node.clone());
            }
            Self::RemoveTree(path) => names.retain(|name, _| !name.starts_with(path)),
            Self::Rename(from, to) => {
                let moved: Vec<_> =
                    names.iter().filter(|(n, _)| n.starts_with(from)).map(|(n, v)| (n.clone(), v.clone())).collect();
                names.retain(|name, _| !name.starts_with(from) && !name.starts_with(to));
                for (name, node) in moved {
                    let rest = name.strip_prefix(from).unwrap_or(Path::new(""));
                    let name = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
                    names.insert(name, node);
                }
            }
        }
    }
}

impl DataChange {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => content.resize(*len as usize, 0),
            Self::Write { offset, bytes } => {
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(bytes);
            }
        }
    }
}

impl FileData {
    fn after_power_loss(&self, random: &mut SplitMix) -> Vec<u8> {
        let mut content = self.synced.clone();
        for change in &self.unsynced {
            match (random.below(4), change) {
                (0, _) => {}
                // The file has its new length, the data never came: zeros.
                (1, DataChange::Write { offset, bytes }) => {
                    let end = *offset as usize + bytes.len();
                    if content.len() < end {
                        content.resize(end, 0);
                    }
                }
                (2, DataChange::Write { offset, bytes }) => tear(*offset, bytes, random, &mut content),
                _ => change.apply(&mut content),
            }
        }
        content
    }
}

/// Applies each sector of a write or not.
fn tear(offset: u64, bytes: &[u8], random: &mut SplitMix, content: &mut Vec<u8>) {
    let mut at = 0;
    while at < bytes.len() {
        let to_boundary = (SECTOR - (offset + at as u64) % SECTOR) as usize;
        let end = bytes.len().min(at + to_boundary);
        if random.below(2) == 0 {
            DataChange::Write { offset: offset + at as u64, bytes: bytes[at..end].to_vec() }.apply(content);
        }
        at = end;
    }
}

/// A small generator; tests name its seed.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

struct MemDir {
    vfs: MemVfs,
    path: PathBuf,
}

impl VfsDir for MemDir {
    fn sync(&self) -> io::Result<()> {
        self.vfs.sync_names_in(&self.path)
    }
}

impl Vfs for MemVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Open)?;
        let id = match state.node_of_file(path) {
            Ok(id) => id,
            Err(e) if e.kind() == io::ErrorKind::NotFound && mode.create => {
                if path.parent().is_some_and(|p| !p.as_os_str().is_empty() && !state.is_dir(p)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                let id = state.take_id();
                let now_ms = state.now_ms;
                state.files.insert(id, FileData { modified_ms: now_ms, ..FileData::default() });
                state.change_names(NameChange::Set(path.to_owned(), Node::File(id)));
                id
            }
            Err(e) => return Err(e),
        };
        if mode.truncate && state.files.get(&id).is_some_and(|f| !f.content.is_empty()) {
            state.change_data(id, DataChange::SetLen(0));
        }
        Ok(Arc::new(MemFile { state: self.state.clone(), id, writable: mode.write || mode.create }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Open)?;
        let ancestors: Vec<_> = path.ancestors().filter(|a| !a.as_os_str().is_empty()).map(Path::to_owned).collect();
        for dir in ancestors.into_iter().rev() {
            match state.names.get(&dir) {
                Some(Node::Dir(_)) => {}
                Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                None => {
                    let id = state.take_id();
                    state.change_names(NameChange::Set(dir, Node::Dir(id)));
                }
            }
        }
        Ok(())
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Read)?;
        if !state.is_dir(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let entry = |(name, node): (&PathBuf, &Node)| DirEntry {
            name: name.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            is_dir: matches!(node, Node::Dir(_)),
        };
        Ok(state.names.iter().filter(|(name, _)| name.parent() == Some(path)).map(entry).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Rename)?;
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.forget_unnamed(to);
        state.change_names(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Remove)?;
        state.node_of_file(path)?;
        state.forget_unnamed(path);
        state.change_names(NameChange::RemoveTree(path.to_owned()));
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Remove)?;
        if !state.is_dir(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.forget_unnamed(path);
        state.change_names(NameChange::RemoveTree(path.to_owned()));
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.state.lock().names.contains_key(path)
    }

    /// Folders carry no time here but a sum over the names in them.
    fn stat(&self, path: &Path) -> io::Result<FileStat> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Read)?;
        match state.names.get(path) {
            Some(Node::File(id)) => {
                let file = state.files.get(id).ok_or(io::ErrorKind::NotFound)?;
                let modified_ns = file.modified_ms.saturating_mul(1_000_000);
                Ok(FileStat { len: file.content.len() as u64, modified_ns })
            }
            Some(Node::Dir(_)) => {
                let mut hasher = DefaultHasher::new();
                let inside = state.names.iter().filter(|(name, _)| name.parent() == Some(path));
                for (name, node) in inside {
                    name.hash(&mut hasher);
                    if let Node::File(id) = node {
                        id.hash(&mut hasher);
                    }
                }
                Ok(FileStat { len: 0, modified_ns: (hasher.finish() >> 1) as i64 })
            }
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn file_id(&self, path: &Path) -> io::Result<FileId> {
        match self.state.lock().names.get(path) {
            Some(Node::Dir(inode) | Node::File(inode)) => Ok(FileId { device: 0, inode: *inode }),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.state.lock().enter(FaultOp::Open)?;
        self.sync_names_in(path)
    }

    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn VfsDir>> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Open)?;
        match state.names.get(path) {
            Some(Node::Dir(_)) => Ok(Box::new(MemDir { vfs: self.clone(), path: path.to_owned() })),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn disk_space(&self, _path: &Path) -> io::Result<DiskSpace> {
        let state = self.state.lock();
        let total_bytes = state.capacity_bytes.unwrap_or(u64::MAX / 2);
        Ok(DiskSpace { total_bytes, usable_bytes: total_bytes.saturating_sub(state.used_bytes) })
    }
}

struct MemFile {
    state: Arc<Mutex<State>>,
    id: Inode,
    writable: bool,
}

impl MemFile {
    fn enter_write(&self, state: &mut State) -> io::Result<()> {
        state.enter(FaultOp::Write)?;
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Sync)?;
        let file = state.files.entry(self.id).or_default();
        for change in std::mem::take(&mut file.unsynced) {
            change.apply(&mut file.synced);
        }
        Ok(())
    }
}

impl VfsFile for MemFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.lock();
        state.enter(FaultOp::Read)?;
        let content = state.files.get(&self.id).map(|f| f.content.as_slice()).unwrap_or_default();
        let rest = content.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        self.enter_write(&mut state)?;
        let len = state.files.get(&self.id).map_or(0, |f| f.content.len() as u64);
        let growth = (offset + buf.len() as u64).saturating_sub(len);
        let missing = growth - state.room_for(growth);
        let fits = buf.len() - usize::try_from(missing).unwrap_or(usize::MAX).min(buf.len());
        if fits > 0 {
            state.change_data(self.id, DataChange::Write { offset, bytes: buf[..fits].to_vec() });
        }
        if fits < buf.len() { Err(io::Error::from_raw_os_error(ENOSPC)) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().files.get(&self.id).map_or(0, |f| f.content.len() as u64))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        self.enter_write(&mut state)?;
        let growth = len.saturating_sub(state.files.get(&self.id).map_or(0, |f| f.content.len() as u64));
        if state.room_for(growth) < growth {
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        state.change_data(self.id, DataChange::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn modified_ms(&self) -> io::Result<i64> {
        Ok(self.state.lock().files.get(&self.id).map_or(0, |f| f.modified_ms))
    }
}

#[cfg(test)]
#[path = "mem_tests.rs"]
mod tests;
