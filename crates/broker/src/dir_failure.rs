//! What follows when a log dir has failed (architecture decision D5): its partitions go offline with the reason, others go
//! on; if it was the last one, or held the metadata, the broker ends, so that whoever supervises it notices. So it is while
//! the broker runs, and so when it starts. How a failure is noticed is in `watched_vfs.rs`.

use std::path::Path;
use std::sync::Arc;

use barnabas_common::ErrorCode;
use barnabas_replica::Partition;
use tokio::sync::watch;
use tracing::error;

use crate::broker::Broker;
use crate::log_dirs::DataDir;
use crate::watched_dirs::{WatchedDir, WatchedDirs};

impl Broker {
    /// Takes the log dir that holds `path` out of use until a restart: nothing is written there from now on, and its
    /// partitions go offline. For whoever learns of a failure in another way than by an error of the file system, which
    /// is noticed by itself. May be called with any lock held.
    pub(crate) fn fail_log_dir(&self, path: &Path, reason: &str) {
        match self.dirs.of(path) {
            Some(dir) => dir.fail(reason),
            None => error!("{} failed, which is in no log dir: {reason}", path.display()),
        }
    }
}

/// Carries out failures until the task is dropped. `fatal` is told when the broker must end.
pub(crate) async fn run(broker: Arc<Broker>, fatal: watch::Sender<Option<String>>) {
    loop {
        broker.dirs.changed().await;
        let work = Arc::clone(&broker);
        if let Err(error) = tokio::task::spawn_blocking(move || take_out(&work)).await {
            error!(%error, "taking the partitions of a failed log dir out of service failed");
        }
        if let Some(reason) = why_to_end(&broker.dirs) {
            fatal.send_replace(Some(reason));
        }
    }
}

/// Without the quorum no change of metadata is possible any more, and only a restart helps: better an end that somebody
/// notices than a broker that is half there.
pub(crate) async fn end_without_quorum(broker: Arc<Broker>, fatal: watch::Sender<Option<String>>) {
    let failure = broker.quorum.until_failed().await;
    let reason = why_to_end(&broker.dirs).unwrap_or_else(|| {
        format!(
            "the metadata quorum, which is kept in {}, has stopped for good: {failure}; mend what it says, then start again",
            broker.dirs.metadata().path().display()
        )
    });
    fatal.send_replace(Some(reason));
}

/// Takes the partitions of failed dirs out of service.
pub(crate) fn take_out(broker: &Broker) {
    let failed: Vec<_> = broker.log_dirs.iter().filter(|dir| dir.watched.has_failed()).collect();
    if failed.is_empty() {
        return;
    }
    for partition in broker.replicas.all().iter() {
        if let Some(dir) = failed.iter().find(|dir| is_in(broker, partition, dir)) {
            dir.watched.took_out(&partition.topic_partition);
            drop(partition.take_log(ErrorCode::KafkaStorageError, &reason_for_clients(&dir.watched)));
        }
    }
}

fn is_in(broker: &Broker, partition: &Partition, dir: &DataDir) -> bool {
    // One that is offline already may be so for the same failure.
    let of_offline = |_| broker.vfs.exists(&dir.files.partition_dir(&partition.topic_partition));
    partition.with_log(|log| log.dir().starts_with(&dir.path)).unwrap_or_else(of_offline)
}

/// Log dirs that are out of use, and why.
pub(crate) fn out_of_use(dirs: &WatchedDirs) -> impl Iterator<Item = (&Path, &str)> {
    dirs.log_dirs().iter().filter_map(|dir| Some((dir.path(), dir.failure()?)))
}

pub(crate) fn reason_for_clients(dir: &WatchedDir) -> String {
    format!("its log dir {} has failed: {}", dir.path().display(), dir.failure().unwrap_or("for an unknown reason"))
}

/// Why the broker cannot go on, if it cannot: as in Kafka, without the metadata or without any log dir.
pub(crate) fn why_to_end(dirs: &WatchedDirs) -> Option<String> {
    if let Some(reason) = dirs.metadata().failure() {
        let (dir, advice) = (dirs.metadata().path().display(), dirs.metadata().advice());
        return Some(format!("the log dir {dir}, which holds the metadata, has failed: {reason}; {advice}"));
    }
    if dirs.log_dirs().iter().all(|dir| dir.has_failed()) {
        let first = dirs.log_dirs().first();
        let reason = first.and_then(|dir| dir.failure()).unwrap_or_default();
        let advice = first.map_or("", |dir| dir.advice());
        return Some(format!("all log dirs have failed, the first one: {reason}; {advice}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use barnabas_common::vfs::{MemVfs, Vfs};

    use super::*;
    use crate::disk_space::Reserve;

    #[test]
    fn the_broker_ends_without_metadata_or_without_any_log_dir() {
        let vfs: Arc<dyn Vfs> = Arc::new(MemVfs::new());
        let paths = ["/a".into(), "/b".into()];
        let dirs = WatchedDirs::new(&vfs, &paths, Path::new("/a"), Reserve::Automatic);
        assert_eq!(why_to_end(&dirs), None);
        dirs.of(Path::new("/b/t-0")).unwrap().fail("broken");
        assert_eq!(why_to_end(&dirs), None, "one is left");
        dirs.of(Path::new("/a")).unwrap().fail("broken, too");
        assert!(why_to_end(&dirs).unwrap().contains("metadata"));

        let dirs = WatchedDirs::new(&vfs, &paths, Path::new("/m"), Reserve::Automatic);
        dirs.log_dirs().iter().for_each(|dir| dir.fail("broken"));
        assert!(why_to_end(&dirs).unwrap().starts_with("all log dirs"));
    }
}
