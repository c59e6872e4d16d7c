//! `partition.metadata`: the topic id of a partition's folder, which tells a recreated topic from its predecessor.

use std::io;
use std::path::Path;

use barnabas_common::Uuid;
use barnabas_common::vfs::Vfs;

const FILE_NAME: &str = "partition.metadata";

/// The topic id, if the folder has one. A damaged file reads as none: the id is known to the cluster's metadata.
pub fn read_partition_metadata(vfs: &dyn Vfs, partition_dir: &Path) -> io::Result<Option<Uuid>> {
    match vfs.read(&partition_dir.join(FILE_NAME)) {
        Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the topic id.
pub fn write_partition_metadata(vfs: &dyn Vfs, partition_dir: &Path, topic_id: Uuid) -> io::Result<()> {
    super::replace_file(vfs, &partition_dir.join(FILE_NAME), format!("version: 0\ntopic_id: {topic_id}").as_bytes())
}

/// Removes everything from the folder but what tells whose it is.
pub fn empty_partition_dir(vfs: &dyn Vfs, partition_dir: &Path) -> io::Result<()> {
    let rest = vfs.read_dir(partition_dir)?.into_iter().filter(|entry| entry.name != FILE_NAME);
    for entry in rest {
        vfs.remove_file(&partition_dir.join(entry.name))?;
    }
    Ok(())
}

fn parse(text: &str) -> Option<Uuid> {
    let mut lines = text.lines();
    let version = lines.next()?.strip_prefix("version: ")?;
    let topic_id = lines.next()?.strip_prefix("topic_id: ")?;
    (version == "0").then(|| topic_id.trim().parse().ok()).flatten().filter(|id: &Uuid| !id.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_that_of_kafka() {
        let id = "6YDpj_IVRtqSze4SJKXmYQ";
        assert_eq!(parse(&format!("version: 0\ntopic_id: {id}")).unwrap().to_string(), id);
        for bad in ["", "version: 1\ntopic_id: 6YDpj_IVRtqSze4SJKXmYQ", "version: 0\ntopic_id: x", "\0\0\0\0"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
