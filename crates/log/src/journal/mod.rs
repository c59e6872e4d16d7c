//! The journal of one log directory: what was appended to all partitions in it, written in groups and synced once for all of
//! them, so that an acknowledgement costs one disk operation for many. Who waits for it, and on which thread it is
//! written, is not known here.
//!
//! Files of a fixed size are filled with zeros once and then used again and again: overwriting blocks that exist
//! needs no work of the file system beyond the write itself. Each use of a file is a *generation*. Its header says which
//! generations are still needed; what follows are entries, in groups:
//!
//! ```text
//! file   magic 8 | version 4 | generation 8 | oldest live generation 8 | first group 8 | end of the previous 8 | crc 4 | up to 512
//! entry  crc 4 | length 4 | group 8 | topic id 16 | partition 4 | base offset 8 | record batches
//! ```
//!
//! **Invariant:** a group is written only after the one before is on disk, so what a crash tears is the last group alone.
//!
//! **Invariant:** a file is used again only when everything in it is on disk in the segments, and the recovery
//! points that say so are on disk, too.
//!
//! **Invariant:** a file is written to only after the directory was told that it needs it (`roster.rs`), as far as the disk had room to.

mod damage;
mod entry;
mod files;
mod replay;
mod roster;
mod writer;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod tests;

pub use damage::{Damage, DamagedEntry};
pub use entry::JournalEntry;
pub use files::{JournalFile, JournalFiles, NewFile, journal_exists};
pub use replay::{ReplaySummary, replay, skip};
pub use roster::LostJournal;
pub(crate) use roster::{forget as forget_journal, lost as lost_journal};
pub use writer::{ClosedFile, JournalWriter};
