//! The log directories of a configuration file: what is in them, and taking them for a cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barnabas_common::Uuid;
use barnabas_common::vfs::OsVfs;
use barnabas_config::parse_properties;
use barnabas_log::{LockError, LogDir, MetaProperties};

/// Where the data of a node lies, by its configuration.
pub(super) struct Folders {
    pub(super) dirs: Vec<PathBuf>,
    pub(super) metadata_dir: PathBuf,
    pub(super) node_id: i32,
    pub(super) has_voters: bool,
}

/// One of them.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) exists: bool,
    pub(super) identity: Option<MetaProperties>,
}

impl Folders {
    pub(super) fn of_properties(text: &str) -> Result<Self, String> {
        let lines = parse_properties(text).map_err(|error| format!("line {}: {}", error.line, error.problem))?;
        let settings: BTreeMap<String, String> = lines.into_iter().map(|(_, key, value)| (key, value)).collect();
        let setting = |key: &str| settings.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
        let listed = setting("log.dirs").or(setting("log.dir")).unwrap_or("/tmp/kafka-logs");
        let mut dirs: Vec<PathBuf> = listed.split(',').map(|dir| PathBuf::from(dir.trim())).collect();
        let metadata_dir = setting("metadata.log.dir").map_or_else(|| dirs[0].clone(), PathBuf::from);
        if !dirs.contains(&metadata_dir) {
            dirs.push(metadata_dir.clone());
        }
        dirs.sort();
        let id = setting("node.id").or(setting("broker.id")).unwrap_or("1");
        let node_id = id.parse().map_err(|_| format!("node.id={id} is not a number"))?;
        Ok(Self { dirs, metadata_dir, node_id, has_voters: setting("controller.quorum.voters").is_some() })
    }

    /// What is there. Nothing is changed.
    pub(super) fn look(&self) -> Result<Vec<Folder>, String> {
        let look = |path: &PathBuf| {
            let exists = path.is_dir();
            let identity = if exists { identity(path)? } else { None };
            Ok(Folder { path: path.clone(), exists, identity })
        };
        self.dirs.iter().map(look).collect()
    }

    /// Makes the folder belong to this node of that cluster, as a first start would.
    pub(super) fn claim(&self, folder: &Folder, cluster_id: &str) -> Result<(), String> {
        let dir = LogDir::open(Arc::new(OsVfs), folder.path.clone()).map_err(|error| match error {
            LockError::InUse(dir) => format!("{} is in use; stop the broker first", dir.display()),
            LockError::Io { dir, source } => {
                format!("cannot use {}: {source}; let this user create and write it (chown)", dir.display())
            }
        })?;
        let identity = MetaProperties {
            cluster_id: cluster_id.to_owned(),
            node_id: self.node_id,
            directory_id: Some(Uuid::random()),
            others: BTreeMap::new(),
        };
        dir.write_meta_properties(&identity)
            .map_err(|error| format!("cannot write {}/meta.properties: {error}", folder.path.display()))
    }
}

/// Without a lock, since a broker may be using the folder.
fn identity(path: &Path) -> Result<Option<MetaProperties>, String> {
    MetaProperties::read(&OsVfs, path).map_err(|error| error.to_string())
}

impl Folder {
    pub(super) fn problem(&self) -> Option<String> {
        let path = self.path.display();
        if !self.exists {
            Some(format!("{path} does not exist"))
        } else if self.identity.is_none() {
            Some(format!("{path} is not formatted."))
        } else {
            None
        }
    }
}

/// As Java prints a map.
pub(super) fn as_map(identity: &MetaProperties) -> String {
    let mut keys: BTreeMap<&str, String> =
        identity.others.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    keys.insert("cluster.id", identity.cluster_id.clone());
    keys.insert("node.id", identity.node_id.to_string());
    keys.insert("version", "1".into());
    if let Some(id) = identity.directory_id {
        keys.insert("directory.id", id.to_string());
    }
    let pairs: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
