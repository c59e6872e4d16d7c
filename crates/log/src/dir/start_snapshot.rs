//! `barnabas-start-snapshot`: all logs of a directory as they were closed, in one file, so that a start reads that instead
//! of every folder. It is of use only together with the mark of the clean stop that it was written for, and only once.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use barnabas_common::TopicPartition;
use barnabas_common::vfs::Vfs;
use bytes::{Buf, BufMut, Bytes, BytesMut};

const FILE_NAME: &str = "barnabas-start-snapshot";
const MAGIC: &[u8; 8] = b"BNBSTART";
const VERSION: u16 = 1;
/// Magic, and the CRC-32C of what follows.
const HEADER_SIZE: usize = 12;

/// What [`crate::Log::describe_closed`] said of each log. Logs that are not in it are opened by looking at them.
pub type ClosedLogs = HashMap<TopicPartition, Bytes>;

/// Writes the file durably. To be called before the mark of the clean stop is set.
pub(crate) fn write(vfs: &dyn Vfs, dir: &Path, broker_epoch: i64, logs: &ClosedLogs) -> io::Result<()> {
    vfs.write_atomically(&dir.join(FILE_NAME), &encode(broker_epoch, logs))
}

/// Reads and removes the file; nothing if it is missing, damaged, or of another stop.
pub(crate) fn take(vfs: &dyn Vfs, dir: &Path, broker_epoch: i64) -> ClosedLogs {
    let path = dir.join(FILE_NAME);
    let bytes = match vfs.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return ClosedLogs::new(),
        Err(error) => {
            tracing::warn!("could not read {}: {error}; looking at every log", path.display());
            return ClosedLogs::new();
        }
    };
    let _ = vfs.remove_file(&path);
    decode(Bytes::from(bytes), broker_epoch).unwrap_or_else(|| {
        tracing::warn!("{} is damaged or of an earlier stop; looking at every log", path.display());
        ClosedLogs::new()
    })
}

fn encode(broker_epoch: i64, logs: &ClosedLogs) -> BytesMut {
    let mut by_topic: HashMap<&str, Vec<(i32, &Bytes)>> = HashMap::new();
    for (partition, log) in logs {
        by_topic.entry(&partition.topic).or_default().push((partition.partition, log));
    }
    let mut content = BytesMut::new();
    content.put_u16(VERSION);
    content.put_i64(broker_epoch);
    for (topic, logs) in by_topic {
        content.put_u16(u16::try_from(topic.len()).unwrap_or(u16::MAX));
        content.put_slice(topic.as_bytes());
        content.put_u32(u32::try_from(logs.len()).unwrap_or(u32::MAX));
        for (index, log) in logs {
            content.put_i32(index);
            content.put_u32(u32::try_from(log.len()).unwrap_or(u32::MAX));
            content.put_slice(log);
        }
    }
    let mut file = BytesMut::with_capacity(HEADER_SIZE + content.len());
    file.put_slice(MAGIC);
    file.put_u32(crc32c::crc32c(&content));
    file.extend_from_slice(&content);
    file
}

fn decode(file: Bytes, broker_epoch: i64) -> Option<ClosedLogs> {
    let crc = file.strip_prefix(MAGIC)?.first_chunk::<4>().map(|crc| u32::from_be_bytes(*crc))?;
    let mut content = file.slice(HEADER_SIZE..);
    if crc32c::crc32c(&content) != crc || content.try_get_u16().ok()? != VERSION {
        return None;
    }
    if content.try_get_i64().ok()? != broker_epoch {
        return None;
    }
    let mut logs = ClosedLogs::new();
    while !content.is_empty() {
        let len = usize::from(content.try_get_u16().ok()?);
        let topic = split(&mut content, len)?;
        let first = TopicPartition::new(std::str::from_utf8(&topic).ok()?, 0);
        for _ in 0..content.try_get_u32().ok()? {
            let partition = TopicPartition { topic: first.topic.clone(), partition: content.try_get_i32().ok()? };
            let len = usize::try_from(content.try_get_u32().ok()?).ok()?;
            logs.insert(partition, split(&mut content, len)?);
        }
    }
    Some(logs)
}

fn split(from: &mut Bytes, len: usize) -> Option<Bytes> {
    (len <= from.len()).then(|| from.split_to(len))
}

#[cfg(test)]
mod tests {
    use barnabas_common::vfs::MemVfs;

    use super::*;

    fn logs() -> ClosedLogs {
        let log = |topic: &str, index, content: &'static [u8]| {
            (TopicPartition::new(topic, index), Bytes::from_static(content))
        };
        ClosedLogs::from([log("a", 0, b"first"), log("a", 7, b""), log("b-c.d", 1, b"third")])
    }

    #[test]
    fn it_is_taken_once_and_only_for_the_stop_it_was_written_for() {
        let (vfs, dir) = (MemVfs::new(), Path::new("/d"));
        vfs.create_dir_all(dir).unwrap();
        assert!(take(&vfs, dir, 3).is_empty());
        write(&vfs, dir, 3, &logs()).unwrap();
        assert_eq!(take(&vfs.crash_clone(1), dir, 3), logs());
        assert_eq!(take(&vfs.kill_clone(), dir, 4), ClosedLogs::new());
        assert_eq!(take(&vfs, dir, 3), logs());
        assert!(take(&vfs, dir, 3).is_empty());
    }

    #[test]
    fn any_damage_is_noticed() {
        let file = encode(3, &logs()).freeze();
        assert_eq!(decode(file.clone(), 3), Some(logs()));
        for byte in 0..file.len() {
            let mut bad = file.to_vec();
            bad[byte] ^= 1 << (byte % 8);
            assert_eq!(decode(bad.into(), 3), None, "byte {byte}");
            assert_eq!(decode(file.slice(..byte), 3), None, "cut at {byte}");
        }
    }
}
