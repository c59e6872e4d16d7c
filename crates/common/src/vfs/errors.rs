//! Which errors say nothing about what is on the disk and pass by themselves. What is done about them is not known here.

use std::io;

const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// Whether the process, or the machine, has no file handle left.
pub fn is_of_handles(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// Whether there is no room on the disk, or none for this user.
pub fn is_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// An error that says what to do when file handles have run out; any other as it was.
pub fn explained(error: io::Error) -> io::Error {
    if !is_of_handles(&error) {
        return error;
    }
    let what = format!(
        "{error}: all file handles of the process are in use; allow it more (ulimit -n, LimitNOFILE of systemd, ulimits in a \
         compose file) or let fewer clients connect"
    );
    io::Error::new(io::ErrorKind::ResourceBusy, what)
}

/// Whether the error says nothing about the file, because there was no handle to get at it: the same will work later. What
/// the kernel itself calls busy (EBUSY) is none of these.
pub fn is_passing(error: &io::Error) -> bool {
    is_of_handles(error) || (error.raw_os_error().is_none() && error.kind() == io::ErrorKind::ResourceBusy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for (errno, room, passing) in [(24, false, true), (23, false, true), (28, true, false), (122, true, false)] {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!((is_of_room(&error), is_passing(&error)), (room, passing), "{error}");
            assert_eq!(is_passing(&explained(error)), passing, "also with an explanation");
        }
        for errno in [5, 13, 16] {
            let error = io::Error::from_raw_os_error(errno);
            assert!(!is_of_room(&error) && !is_passing(&error), "{error}");
        }
    }
}
