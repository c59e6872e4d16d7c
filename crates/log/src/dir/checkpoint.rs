//! The files that hold one offset per partition of a log directory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use barnabas_common::vfs::Vfs;
use barnabas_common::{Offset, TopicPartition};

/// Which of the checkpoint files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Up to where each log is known to be on disk.
    RecoveryPoint,
    /// Log start offsets that are beyond the first segment.
    LogStartOffset,
    /// High watermarks.
    Replication,
    /// Up to where each compacted log has been cleaned.
    Cleaner,
}

impl Checkpoint {
    pub fn file_name(self) -> &'static str {
        match self {
            Self::RecoveryPoint => "recovery-point-offset-checkpoint",
            Self::LogStartOffset => "log-start-offset-checkpoint",
            Self::Replication => "replication-offset-checkpoint",
            Self::Cleaner => "cleaner-offset-checkpoint",
        }
    }

    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.file_name())
    }
}

/// The offsets of one checkpoint file.
pub type OffsetCheckpoint = BTreeMap<TopicPartition, Offset>;

/// Offsets of the file; none if it is missing or damaged, as each of them can be found again from the logs.
pub(crate) fn read(vfs: &dyn Vfs, path: &Path) -> OffsetCheckpoint {
    let bytes = match vfs.read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return OffsetCheckpoint::new(),
        Err(error) => {
            tracing::warn!("could not read {}: {error}; going on without it", path.display());
            return OffsetCheckpoint::new();
        }
    };
    if bytes.is_empty() {
        return OffsetCheckpoint::new();
    }
    parse(&bytes).unwrap_or_else(|| {
        tracing::warn!("{} is damaged; going on without it", path.display());
        OffsetCheckpoint::new()
    })
}

pub(crate) fn render(offsets: &OffsetCheckpoint) -> String {
    let mut text = format!("0\n{}\n", offsets.len());
    for (partition, offset) in offsets {
        text.push_str(&format!("{} {} {offset}\n", partition.topic, partition.partition));
    }
    text
}

fn parse(bytes: &[u8]) -> Option<OffsetCheckpoint> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    if lines.next()? != "0" {
        return None;
    }
    let count: usize = lines.next()?.parse().ok()?;
    let mut offsets = OffsetCheckpoint::new();
    for line in lines {
        let mut fields = line.split(' ');
        let (topic, partition, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let partition = TopicPartition::new(topic, partition.parse().ok().filter(|p| *p >= 0)?);
        offsets.insert(partition, offset.parse().ok().filter(|o| *o >= 0)?);
        if fields.next().is_some() {
            return None;
        }
    }
    (offsets.len() == count).then_some(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_that_of_kafka() {
        let text = "0\n2\ngolden 0 302\ngolden-compact 0 3\n";
        let offsets = parse(text.as_bytes()).unwrap();
        assert_eq!(offsets[&TopicPartition::new("golden", 0)], 302);
        assert_eq!(render(&offsets), text);
    }

    #[test]
    fn damage_is_noticed() {
        for bad in
            ["0\n", "0\n2\na 0 1\n", "1\n0\n", "0\n1\na 0\n", "0\n1\na -1 5\n", "0\n1\na 0 5 6\n", "0\n1\na 0 -5\n"]
        {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
