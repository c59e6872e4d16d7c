//! Room made ready in front of appends to a busy segment: disk space in large pieces, and zeros behind the last batch,
//! so that the kernel makes large pages once where it would make a small one for every few batches. A third of the cost
//! for batches of 4 to 64 KiB. Which bytes are records is decided by the segment's size, never by this.

use std::io;

use barnabas_common::TimestampMs;
use barnabas_common::vfs::VfsFile;

/// Zeros end at multiples of this.
const PAGE_BYTES: u64 = 128 << 10;
/// A segment is busy that takes so much within [`WINDOW_MS`].
const BUSY_BYTES: u64 = PAGE_BYTES;
const WINDOW_MS: TimestampMs = 1000;
/// Without appends for so long, what was made ready is given back.
const QUIET_MS: TimestampMs = 3000;
/// Disk space is taken in steps as large as what the last window brought, within these bounds.
const MIN_STEP_BYTES: u64 = 1 << 20;
const MAX_STEP_BYTES: u64 = 16 << 20;

/// What was made ready for one segment, and how fast it grows.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// The file reaches up to here.
    zeroed_until: u64,
    /// Disk space is taken up to here.
    reserved_until: u64,
    window_began_ms: TimestampMs,
    window_began_at: u64,
    /// Bytes of the last whole window.
    last_window_bytes: u64,
}

impl Ahead {
    pub(crate) fn new(size: u64, now_ms: TimestampMs) -> Self {
        Self { window_began_ms: now_ms, window_began_at: size, ..Self::default() }
    }

    /// Writes at the end of the batches, and makes room for more if there is much to come.
    pub(crate) fn write(&mut self, file: &dyn VfsFile, bytes: &[u8], at: u64, now_ms: TimestampMs) -> io::Result<()> {
        let end = at + bytes.len() as u64;
        self.note(at, now_ms);
        let pace_bytes = self.last_window_bytes.max(end - self.window_began_at);
        if end <= self.zeroed_until || pace_bytes < BUSY_BYTES {
            return file.write_all_at(bytes, at);
        }
        if end > self.reserved_until && pace_bytes >= MIN_STEP_BYTES {
            let step_bytes = pace_bytes.min(MAX_STEP_BYTES).max(bytes.len() as u64);
            let from = self.reserved_until.max(at);
            self.reserved_until = from + step_bytes;
            file.reserve(from, step_bytes);
        }
        // What is larger makes large pages by itself.
        let zeros = if bytes.len() as u64 > PAGE_BYTES { 0 } else { end.next_multiple_of(PAGE_BYTES) - end };
        self.zeroed_until = end + file.write_all_with_zeros_at(bytes, zeros, at)?;
        Ok(())
    }

    fn note(&mut self, at: u64, now_ms: TimestampMs) {
        if (0..WINDOW_MS).contains(&now_ms.saturating_sub(self.window_began_ms)) && at >= self.window_began_at {
            return;
        }
        let is_next = now_ms.saturating_sub(self.window_began_ms) < 2 * WINDOW_MS;
        self.last_window_bytes = if is_next { at.saturating_sub(self.window_began_at) } else { 0 };
        self.window_began_ms = now_ms;
        self.window_began_at = at;
    }

    pub(crate) fn is_quiet(&self, now_ms: TimestampMs) -> bool {
        now_ms.saturating_sub(self.window_began_ms) >= QUIET_MS
    }

    /// Whether the file holds more than its batches.
    pub(crate) fn holds_more_than(&self, size: u64) -> bool {
        self.zeroed_until.max(self.reserved_until) > size
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use barnabas_common::vfs::{OpenMode, OsVfs, Vfs};

    use super::*;

    fn written(batches: usize, batch_bytes: usize, ms_between: i64) -> (Ahead, u64, u64) {
        let dir = tempfile::tempdir().unwrap();
        let file = OsVfs.open(&dir.path().join(Path::new("0.log")), OpenMode::TRUNCATE).unwrap();
        let mut ahead = Ahead::new(0, 0);
        let mut expected = Vec::new();
        for i in 0..batches {
            let batch = vec![u8::try_from(i % 250).unwrap() + 1; batch_bytes];
            ahead.write(&*file, &batch, expected.len() as u64, i as i64 * ms_between).unwrap();
            expected.extend_from_slice(&batch);
        }
        let len = file.len().unwrap();
        let mut found = vec![0; usize::try_from(len).unwrap()];
        file.read_exact_at(&mut found, 0).unwrap();
        assert!(found.starts_with(&expected));
        assert!(found[expected.len()..].iter().all(|byte| *byte == 0));
        (ahead, expected.len() as u64, len)
    }

    #[test]
    fn busy_files_end_in_zeros() {
        for batch_bytes in [100, 1_100, 16_500, 100_000, 131_072] {
            let batches = 3 * PAGE_BYTES as usize / batch_bytes;
            let (ahead, size, len) = written(batches, batch_bytes, 0);
            assert_eq!((len, ahead.holds_more_than(size)), (size.next_multiple_of(PAGE_BYTES), len > size));
        }
    }

    #[test]
    fn slow_files_and_large_batches_are_written_as_they_are() {
        for (batches, batch_bytes, ms_between) in [(300, 1_000, 10), (400, 1_000, 100_000), (5, 1 << 20, 1)] {
            let (_, size, len) = written(batches, batch_bytes, ms_between);
            assert_eq!(len, size, "{batches} x {batch_bytes}, {ms_between} ms between");
        }
    }

    #[test]
    fn what_nobody_appends_to_becomes_quiet() {
        let (ahead, ..) = written(100, 16_500, 1);
        assert!(!ahead.is_quiet(100 + 1_000));
        assert!(ahead.is_quiet(100 + 4_000));
    }
}
