//! The tree of nodes, with bounds on how many there are and how much they hold. Knows no sessions but as owners.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::ErrorCode;
use crate::connect_string::is_valid_path;
use crate::jute::{CreateMode, Stat};

/// Most nodes, and most bytes of paths and data together: brokers need a handful, and a guest must not fill the memory.
const MAX_NODES: usize = 100_000;
const MAX_BYTES: usize = 64 << 20;
/// Nodes that every ZooKeeper has.
const BUILT_IN: &[&str] = &["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"];

#[derive(Debug, Default)]
struct Node {
    data: Bytes,
    stat: Stat,
    children: BTreeSet<String>,
}

/// When and as which change something happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) zxid: i64,
    pub(super) wall_ms: i64,
}

#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
    bytes: usize,
}

impl Tree {
    pub(super) fn new() -> Self {
        let mut tree = Self { nodes: BTreeMap::new(), bytes: 0 };
        for path in BUILT_IN {
            tree.nodes.insert((*path).to_owned(), Node::default());
            if let Some((parent, name)) = split(path) {
                tree.nodes.entry(parent.to_owned()).or_default().children.insert(name.to_owned());
            }
        }
        tree
    }

    /// Makes a node. Answers its path, which differs from the one asked for if it is sequential.
    pub(super) fn create(
        &mut self,
        path: &str,
        data: Bytes,
        mode: CreateMode,
        owner: i64,
        change: Change,
    ) -> Result<String, ErrorCode> {
        let path = self.path_of_new(path, mode)?;
        let (parent_path, name) = split(&path).ok_or(ErrorCode::NodeExists)?;
        if self.nodes.contains_key(&path) {
            return Err(ErrorCode::NodeExists);
        }
        let size = size(&path, &data);
        if self.nodes.len() >= MAX_NODES || self.bytes.saturating_add(size) > MAX_BYTES {
            return Err(ErrorCode::SystemError);
        }
        let parent = self.nodes.get_mut(parent_path).ok_or(ErrorCode::NoNode)?;
        if parent.stat.ephemeral_owner != 0 {
            return Err(ErrorCode::NoChildrenForEphemerals);
        }
        parent.children.insert(name.to_owned());
        parent.stat.cversion = parent.stat.cversion.wrapping_add(1);
        parent.stat.pzxid = change.zxid;
        let stat = Stat {
            czxid: change.zxid,
            mzxid: change.zxid,
            pzxid: change.zxid,
            ctime: change.wall_ms,
            mtime: change.wall_ms,
            ephemeral_owner: if mode.ephemeral { owner } else { 0 },
            ..Stat::default()
        };
        self.bytes += size;
        self.nodes.insert(path.clone(), Node { data, stat, children: BTreeSet::new() });
        Ok(path)
    }

    /// The path asked for, completed by the parent's count of changes if the name is to be sequential.
    fn path_of_new(&self, path: &str, mode: CreateMode) -> Result<String, ErrorCode> {
        if !mode.sequential {
            return if is_valid_path(path) { Ok(path.to_owned()) } else { Err(ErrorCode::BadArguments) };
        }
        // "/a/" is a valid prefix of a sequential name.
        let (parent, _) = path.rsplit_once('/').ok_or(ErrorCode::BadArguments)?;
        let parent = if parent.is_empty() { "/" } else { parent };
        let number = self.nodes.get(parent).ok_or(ErrorCode::NoNode)?.stat.cversion;
        let completed = format!("{path}{number:010}");
        if is_valid_path(&completed) { Ok(completed) } else { Err(ErrorCode::BadArguments) }
    }

    pub(super) fn delete(&mut self, path: &str, version: i32, change: Change) -> Result<(), ErrorCode> {
        let node = self.node(path)?;
        if BUILT_IN.contains(&path) {
            return Err(ErrorCode::BadArguments);
        }
        if version != -1 && version != node.stat.version {
            return Err(ErrorCode::BadVersion);
        }
        if !node.children.is_empty() {
            return Err(ErrorCode::NotEmpty);
        }
        self.bytes = self.bytes.saturating_sub(size(path, &node.data));
        self.nodes.remove(path);
        if let Some((parent_path, name)) = split(path)
            && let Some(parent) = self.nodes.get_mut(parent_path)
        {
            parent.children.remove(name);
            parent.stat.cversion = parent.stat.cversion.wrapping_add(1);
            parent.stat.pzxid = change.zxid;
        }
        Ok(())
    }

    pub(super) fn set_data(
        &mut self,
        path: &str,
        data: Bytes,
        version: i32,
        change: Change,
    ) -> Result<Stat, ErrorCode> {
        let (current, old_size) = self.node(path).map(|node| (node.stat.version, node.data.len()))?;
        if version != -1 && version != current {
            return Err(ErrorCode::BadVersion);
        }
        let bytes = self.bytes.saturating_sub(old_size).saturating_add(data.len());
        if bytes > MAX_BYTES {
            return Err(ErrorCode::SystemError);
        }
        self.bytes = bytes;
        let node = self.nodes.get_mut(path).ok_or(ErrorCode::NoNode)?;
        node.data = data;
        node.stat.version = node.stat.version.wrapping_add(1);
        node.stat.mzxid = change.zxid;
        node.stat.mtime = change.wall_ms;
        self.stat(path)
    }

    pub(super) fn stat(&self, path: &str) -> Result<Stat, ErrorCode> {
        let node = self.node(path)?;
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        Ok(Stat { data_length: count(node.data.len()), num_children: count(node.children.len()), ..node.stat })
    }

    pub(super) fn data(&self, path: &str) -> Result<(Bytes, Stat), ErrorCode> {
        Ok((self.node(path)?.data.clone(), self.stat(path)?))
    }

    pub(super) fn children(&self, path: &str) -> Result<(Vec<String>, Stat), ErrorCode> {
        Ok((self.node(path)?.children.iter().cloned().collect(), self.stat(path)?))
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn data_bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn ephemerals(&self) -> usize {
        self.nodes.values().filter(|node| node.stat.ephemeral_owner != 0).count()
    }

    fn node(&self, path: &str) -> Result<&Node, ErrorCode> {
        if !is_valid_path(path) {
            return Err(ErrorCode::BadArguments);
        }
        self.nodes.get(path).ok_or(ErrorCode::NoNode)
    }
}

fn size(path: &str, data: &Bytes) -> usize {
    path.len().saturating_add(data.len())
}

/// Parent and name; `None` for the root.
fn split(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())?;
    Some((if parent.is_empty() { "/" } else { parent }, name))
}
