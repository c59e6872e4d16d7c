//! `meta.properties`: which cluster and node a log directory belongs to.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use barnabas_common::vfs::Vfs;
use barnabas_common::{NodeId, Uuid};

const FILE_NAME: &str = "meta.properties";

/// Content of the file. Keys that are not known are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    pub cluster_id: String,
    pub node_id: NodeId,
    /// Absent in directories formatted before Kafka 3.7.
    pub directory_id: Option<Uuid>,
    pub others: BTreeMap<String, String>,
}

impl MetaProperties {
    /// The identity of a folder, without locking it; `None` if it has none yet.
    pub fn read(vfs: &dyn Vfs, dir: &Path) -> io::Result<Option<Self>> {
        let path = dir.join(FILE_NAME);
        match vfs.read(&path) {
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes))
                .map(Some)
                .map_err(|what| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn write(&self, vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
        vfs.write_atomically(&dir.join(FILE_NAME), self.render().as_bytes())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut keys: BTreeMap<String, String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with(['#', '!']))
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect();
        let mut take = |key: &str| keys.remove(key);
        match take("version").as_deref() {
            Some("1") => {}
            Some("0") => {
                return Err("version 0 is of a ZooKeeper cluster; migrate it to KRaft with Kafka 3.9 first".into());
            }
            Some(other) => return Err(format!("version {other} is not known")),
            None => return Err("version is missing".into()),
        }
        let cluster_id = take("cluster.id").ok_or("cluster.id is missing")?;
        let node_id = take("node.id").ok_or("node.id is missing")?;
        let node_id = node_id.parse().map_err(|_| format!("node.id '{node_id}' is not a number"))?;
        let directory_id = take("directory.id").map(|id| id.parse()).transpose()?;
        Ok(Self { cluster_id, node_id, directory_id, others: keys })
    }

    fn render(&self) -> String {
        let mut keys = self.others.clone();
        keys.insert("version".into(), "1".into());
        keys.insert("cluster.id".into(), self.cluster_id.clone());
        keys.insert("node.id".into(), self.node_id.to_string());
        if let Some(id) = self.directory_id {
            keys.insert("directory.id".into(), id.to_string());
        }
        keys.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use barnabas_common::vfs::MemVfs;

    use super::*;

    #[test]
    fn files_of_kafka_are_read_and_ours_round_trip() {
        let text = "#\n#Sat Nov 21 13:37:43 UTC 2026\nnode.id=1\ndirectory.id=y4zFGAM35hS8uwFH2eu-0A\nversion=1\n\
                    cluster.id=MkU3OEVBNTcwNTJENDM2Qk\nextra=kept\n";
        let properties = MetaProperties::parse(text).unwrap();
        assert_eq!((properties.node_id, properties.cluster_id.as_str()), (1, "MkU3OEVBNTcwNTJENDM2Qk"));
        let (vfs, dir) = (MemVfs::new(), Path::new("/d"));
        vfs.create_dir_all(dir).unwrap();
        assert_eq!(MetaProperties::read(&vfs, dir).unwrap(), None);
        properties.write(&vfs, dir).unwrap();
        assert_eq!(MetaProperties::read(&vfs, dir).unwrap(), Some(properties));
    }

    #[test]
    fn incomplete_files_are_refused() {
        for bad in ["", "version=0\nbroker.id=1", "version=1\ncluster.id=x", "version=1\ncluster.id=x\nnode.id=one"] {
            assert!(MetaProperties::parse(bad).is_err(), "{bad:?}");
        }
    }
}
