//! Keeps memory warm. A virtual machine may hand free memory back to its host; the next one to use it pays for
//! getting it again, several times what writing to a file costs. So free memory is kept in use, as page cache that
//! the kernel can take for the files of a broker at any time.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::Result;

use crate::process::kib_of;
use crate::workspace;

/// Free memory that is left alone.
const LEAVE_FREE_MIB: u64 = 512;
const MIB: u64 = 1 << 20;

/// A file of nothing but a hole: reading it takes memory and no disk.
pub(crate) struct WarmMemory {
    hole: File,
    read_mib: u64,
    is_wanted: bool,
}

impl WarmMemory {
    pub(crate) fn new(is_wanted: bool) -> Result<Self> {
        Ok(Self { hole: tempfile::tempfile_in(workspace::scratch()?)?, read_mib: 0, is_wanted })
    }

    /// Takes what has become free.
    pub(crate) fn top_up(&mut self) -> Result<()> {
        if !self.is_wanted {
            return Ok(());
        }
        let mut buffer = vec![0; MIB as usize];
        let to_read_mib = free_mib().saturating_sub(LEAVE_FREE_MIB);
        self.hole.set_len((self.read_mib + to_read_mib) * MIB)?;
        for _ in 0..to_read_mib {
            self.hole.read_exact_at(&mut buffer, self.read_mib * MIB)?;
            self.read_mib += 1;
        }
        Ok(())
    }
}

fn free_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    kib_of(&text, "MemFree:").unwrap_or(0) / 1024
}
