//! Where data goes in a container when nobody says so: the folder that people mount for the image they had.

use std::path::{Path, PathBuf};

/// Where each family's users mount their volume, and the data folder below it. The most usual first.
pub const DATA_FOLDERS: &[(&str, &str)] = &[
    ("/var/lib/kafka/data", "/var/lib/kafka/data"),
    ("/var/lib/kafka", "/var/lib/kafka/data"),
    ("/bitnami/kafka/data", "/bitnami/kafka/data"),
    ("/bitnami/kafka", "/bitnami/kafka/data"),
    ("/bitnami", "/bitnami/kafka/data"),
    ("/tmp/kraft-combined-logs", "/tmp/kraft-combined-logs"),
    ("/kafka/data", "/kafka/data"),
    ("/kafka", "/kafka/kafka-logs"),
    ("/opt/kafka/data", "/opt/kafka/data"),
    ("/tmp/kafka-logs", "/tmp/kafka-logs"),
];

/// What the shell sees of one row of [`DATA_FOLDERS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderFact {
    /// Whether the first path is a mount.
    pub mounted: bool,
    /// Whether the second holds data of a broker.
    pub holds_data: bool,
}

/// The folder that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFolder {
    /// Its path.
    pub path: PathBuf,
    /// Whether it outlives the container.
    pub mounted: bool,
}

/// A mounted folder with data before a mounted one, that before one with data, else the most usual one.
pub fn choose_data_folder(see: impl Fn(&Path, &Path) -> FolderFact) -> DataFolder {
    let rank = |fact: FolderFact| 2 * u8::from(fact.mounted) + u8::from(fact.holds_data);
    let mut best = (0, DATA_FOLDERS[0].1);
    for (mount, data) in DATA_FOLDERS {
        let rank = rank(see(Path::new(mount), Path::new(data)));
        if rank > best.0 {
            best = (rank, data);
        }
    }
    DataFolder { path: PathBuf::from(best.1), mounted: best.0 >= 2 }
}
