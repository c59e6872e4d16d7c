//! Names of the files in a partition's folder.

use std::path::{Path, PathBuf};

use barnabas_common::Offset;

pub(crate) const LOG: &str = "log";
pub(crate) const INDEX: &str = "index";
pub(crate) const TIME_INDEX: &str = "timeindex";
pub(crate) const TXN_INDEX: &str = "txnindex";
pub(crate) const SNAPSHOT: &str = "snapshot";
/// Appended to the name of a file that is waiting to be removed.
pub(crate) const DELETED_SUFFIX: &str = ".deleted";
/// Appended to files that follow a tear in the log after a power loss; nobody removes them but people.
pub(crate) const TORN_SUFFIX: &str = ".torn";
/// Appended by a cleaner to files that are not complete yet.
pub(crate) const CLEANED_SUFFIX: &str = ".cleaned";
/// Appended by a cleaner to files that are complete and take the place of others.
pub(crate) const SWAP_SUFFIX: &str = ".swap";

/// `00000000000000000042.log`
pub(crate) fn file_path(dir: &Path, base_offset: Offset, extension: &str) -> PathBuf {
    dir.join(format!("{base_offset:020}.{extension}"))
}

/// Base offset and extension of a file of a segment, if the name is one.
pub(crate) fn parse(name: &str) -> Option<(Offset, &str)> {
    let (digits, extension) = name.split_once('.')?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    let offset = digits.parse().ok().filter(|_| well_formed)?;
    Some((offset, extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_ignored() {
        let path = file_path(Path::new("t-0"), 42, LOG);
        assert_eq!(path, Path::new("t-0/00000000000000000042.log"));
        assert_eq!(parse("00000000000000000042.log"), Some((42, LOG)));
        assert_eq!(parse("00000000000000000042.log.deleted"), Some((42, "log.deleted")));
        for other in ["42.log", "leader-epoch-checkpoint", "0000000000000000004x.log", "99999999999999999999.log"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
