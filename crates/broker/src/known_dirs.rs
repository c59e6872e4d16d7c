//! Which log dirs this broker has had: one that is missing at a start must not make its partitions look new and empty. Every
//! log dir remembers all of them in a small file, as soon as there is more than one; one that was given up on purpose is
//! forgotten. What follows for partitions is in `partitions.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use barnabas_common::vfs::Vfs;
use barnabas_common::{TopicPartition, Uuid};
use barnabas_config::BrokerConfig;
use parking_lot::Mutex;
use tracing::{error, warn};

use crate::error::StartError;
use crate::log_dirs::DataDir;
use crate::topics::CLUSTER_METADATA_TOPIC;

/// One line per log dir: its `directory.id`, and after a blank where it was last.
const FILE_NAME: &str = "barnabas-log-dirs";
const GIVEN_UP_KEY: &str = "barnabas.given.up.log.dirs";
/// No more partitions are named in one line.
const NAMED_AT_MOST: usize = 20;

/// The log dirs that this broker has had, without those that were given up.
#[derive(Default)]
pub(crate) struct KnownDirs {
    /// Where each was last; empty if only its id is known.
    paths: BTreeMap<Uuid, PathBuf>,
    given_up: BTreeSet<Uuid>,
}

/// Log dirs that are missing now, and what is missed for that.
pub(crate) struct AbsentDirs {
    /// Their paths and ids.
    names: String,
    ids: String,
    partitions: Mutex<BTreeSet<TopicPartition>>,
}

impl KnownDirs {
    pub(crate) fn new(config: &BrokerConfig) -> Result<Self, StartError> {
        let given_up = given_up_ids(config, GIVEN_UP_KEY, "directory.id")?;
        Ok(Self { paths: BTreeMap::new(), given_up })
    }

    /// Takes over what a log dir remembers.
    pub(crate) fn read(&mut self, vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
        for line in remembered(vfs, dir)?.lines().filter(|line| !line.is_empty()) {
            let (id, path) = line.split_once(' ').unwrap_or((line, ""));
            match id.parse() {
                Ok(id) => self.add(id, PathBuf::from(path)),
                Err(_) => warn!("{} holds a line that is not understood: {line}", dir.join(FILE_NAME).display()),
            }
        }
        Ok(())
    }

    /// Takes over what the last registration of this broker said. That is all there is if the others remember nothing.
    pub(crate) fn registered(&mut self, ids: &[Uuid]) {
        ids.iter().filter(|id| !id.is_zero()).for_each(|id| self.add(*id, PathBuf::new()));
    }

    fn add(&mut self, id: Uuid, path: PathBuf) {
        if !self.given_up.contains(&id) {
            let known = self.paths.entry(id).or_default();
            if known.as_os_str().is_empty() {
                *known = path;
            }
        }
    }

    /// An empty folder is no substitute for the log dir that was there: most likely its disk is not mounted.
    pub(crate) fn check_empty(&self, path: &Path, present: &BTreeSet<Uuid>) -> Result<(), StartError> {
        let is_missed = |(id, was_at): &(&Uuid, &PathBuf)| was_at.as_path() == path && !present.contains(id);
        let Some((id, _)) = self.paths.iter().find(is_missed) else { return Ok(()) };
        Err(StartError::DataDir {
            dir: path.to_owned(),
            error: io::Error::other(format!(
                "it is empty, but this broker's log dir with the directory.id {id} was here: its disk may not be mounted"
            )),
            hint: "mount it and start again, or, to start without what it held, set 'barnabas.given.up.log.dirs' to that id",
        })
    }

    /// Those that cannot be used now.
    fn missing(&self, dirs: &[DataDir]) -> Vec<(Uuid, &Path)> {
        let is_there = |id: &Uuid| dirs.iter().any(|dir| dir.directory_id == *id);
        let missing = self.paths.iter().filter(|(id, _)| !is_there(id));
        missing.map(|(id, path)| (*id, path.as_path())).collect()
    }

    /// Those of them that are not where they were, or it would be known that they are out of use.
    fn absent(&self, dirs: &[DataDir]) -> Vec<(Uuid, &Path)> {
        let is_out_of_use = |path: &Path| dirs.iter().any(|dir| dir.watched.has_failed() && dir.path == path);
        self.missing(dirs).into_iter().filter(|(_, path)| !is_out_of_use(path)).collect()
    }

    /// Refuses to begin new metadata while the log dir that holds it may be among those that are missing.
    pub(crate) fn check_metadata(
        &self,
        vfs: &dyn Vfs,
        metadata_dir: &Path,
        dirs: &[DataDir],
    ) -> Result<(), StartError> {
        let Some(AbsentDirs { names, .. }) = AbsentDirs::of(&self.missing(dirs)) else { return Ok(()) };
        if vfs.exists(&metadata_dir.join(format!("{CLUSTER_METADATA_TOPIC}-0"))) {
            return Ok(());
        }
        Err(StartError::LogDirs(format!(
            "there is no metadata in {}, and log dirs that this broker has used are missing: {names}; mount them, put them back \
             into 'log.dirs', or set 'metadata.log.dir' to where the metadata is",
            metadata_dir.display()
        )))
    }

    /// Has every log dir remember all, and returns those that are missing.
    pub(crate) fn remember(mut self, vfs: &dyn Vfs, dirs: &[DataDir]) -> Option<AbsentDirs> {
        let in_use = || dirs.iter().filter(|dir| !dir.watched.has_failed());
        for dir in in_use() {
            self.paths.insert(dir.directory_id, dir.path.clone());
        }
        let text = self.render();
        for dir in in_use() {
            if let Err(error) = self.remember_in(vfs, &dir.path, &text) {
                error!(dir = %dir.path.display(), %error, "cannot write down which log dirs this broker has");
            }
        }
        AbsentDirs::of(&self.absent(dirs))
    }

    fn remember_in(&self, vfs: &dyn Vfs, dir: &Path, text: &str) -> io::Result<()> {
        let before = remembered(vfs, dir)?;
        // A single one has nobody to remember.
        let is_needed = self.paths.len() > 1 || !before.is_empty();
        if !is_needed || before == text { Ok(()) } else { vfs.write_atomically(&dir.join(FILE_NAME), text.as_bytes()) }
    }

    fn render(&self) -> String {
        let mut text = String::new();
        for (id, path) in &self.paths {
            let path = path.to_string_lossy().replace(['\n', '\r'], "?");
            let _ = writeln!(text, "{id} {path}");
        }
        text
    }
}

/// The ids in a setting that gives something up.
pub(crate) fn given_up_ids(config: &BrokerConfig, key: &str, what: &str) -> Result<BTreeSet<Uuid>, StartError> {
    let parse = |text: &String| {
        text.parse().map_err(|_| {
            let problem = format!("'{key}' names '{text}', which is no {what}");
            StartError::Unsupported(format!("{problem}: name those that the broker says are missing"))
        })
    };
    config.list(key).iter().map(parse).collect()
}

fn remembered(vfs: &dyn Vfs, dir: &Path) -> io::Result<String> {
    match vfs.read(&dir.join(FILE_NAME)) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

impl AbsentDirs {
    fn of(absent: &[(Uuid, &Path)]) -> Option<Self> {
        let name = |(id, path): &(Uuid, &Path)| match path.as_os_str().is_empty() {
            true => format!("directory.id {id}"),
            false => format!("{} (directory.id {id})", path.display()),
        };
        let names = absent.iter().map(name).collect::<Vec<_>>().join(", ");
        let ids = absent.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(",");
        (!absent.is_empty()).then(|| Self { names, ids, partitions: Mutex::default() })
    }

    /// A partition that is in none of the log dirs that are there. Returns what clients are told.
    pub(crate) fn took_out(&self, partition: &TopicPartition) -> String {
        self.partitions.lock().insert(partition.clone());
        format!(
            "it is in no log dir that is there, and these are missing: {}; mount them or put them back into 'log.dirs', and \
             restart the broker",
            self.names
        )
    }

    pub(crate) fn has_taken_out(&self, partition: &TopicPartition) -> bool {
        self.partitions.lock().contains(partition)
    }

    /// To be called when all logs have been looked for.
    pub(crate) fn tell(&self) {
        let partitions = self.partitions.lock();
        let Self { names, ids, .. } = self;
        if partitions.is_empty() {
            warn!(
                "log dirs that this broker has used are missing: {names}. No partition is missed. If they are not to come back, \
                 set '{GIVEN_UP_KEY}={ids}' for a start"
            );
            return;
        }
        let named: Vec<_> = partitions.iter().take(NAMED_AT_MOST).map(ToString::to_string).collect();
        let more = if partitions.len() > named.len() { ", ..." } else { "" };
        error!(
            "log dirs that this broker has used are missing: {names}. {} partitions that are in no other one stay offline, \
             others are served: {}{more}. Mount the log dirs or put them back into 'log.dirs', then restart. Only if what they \
             hold is to be given up for good: set '{GIVEN_UP_KEY}={ids}' and restart, and those partitions begin anew, empty",
            partitions.len(),
            named.join(", ")
        );
    }
}
