//! The small files around the logs: a log directory with its lock, checkpoints and properties, and each partition's
//! metadata file. Formats are Kafka's. The logs themselves are not here.

mod checkpoint;
mod clean_shutdown;
mod lock;
mod log_dir;
mod meta_properties;
mod partition_metadata;
mod start_snapshot;

use std::io;
use std::path::Path;

use barnabas_common::vfs::{OpenMode, Vfs};

pub use checkpoint::{Checkpoint, OffsetCheckpoint};
pub use clean_shutdown::CleanShutdown;
pub use lock::LockError;
pub use log_dir::LogDir;
pub use meta_properties::MetaProperties;
pub use partition_metadata::{empty_partition_dir, read_partition_metadata, write_partition_metadata};
pub use start_snapshot::ClosedLogs;

/// Replaces a small file in one step, without syncing: for content that can be rebuilt after a power loss.
pub(crate) fn replace_file(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_file_name(format!("{}.tmp", path.file_name().unwrap_or_default().to_string_lossy()));
    let written = vfs.open(&temporary, OpenMode::TRUNCATE).and_then(|file| file.write_all_at(bytes, 0));
    if let Err(error) = written {
        let _ = vfs.remove_file(&temporary);
        return Err(error);
    }
    vfs.rename(&temporary, path)
}
