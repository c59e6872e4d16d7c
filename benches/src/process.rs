//! What the kernel says about a process: CPU time, memory, threads.

use std::fs;

use anyhow::{Context, Result};

/// The kernel counts CPU time for user space in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;
const NANOS_PER_SECOND: f64 = 1e9;

/// User and system time of a process so far, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    ticks(&stat).map(|ticks| ticks as f64 / TICKS_PER_SECOND).context("unknown format of /proc/PID/stat")
}

/// Fields 14 and 15; the name in field 2 may hold spaces.
fn ticks(stat: &str) -> Option<u64> {
    let after_name = stat.get(stat.rfind(')')? + 1..)?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// CPU time of the threads that exist now, to the nanosecond. Time of threads that ended is missing, so this is
/// for idle processes only.
pub(crate) fn fine_cpu_seconds(pid: u32) -> Result<f64> {
    let mut nanos = 0_u64;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the process is gone")? {
        let path = task?.path().join("schedstat");
        let Ok(text) = fs::read_to_string(path) else { continue };
        nanos += text.split_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or(0);
    }
    Ok(nanos as f64 / NANOS_PER_SECOND)
}

/// Resident memory in MiB.
pub(crate) fn rss_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    let kib = kib_of(&status, "VmRSS:").context("unknown format of /proc/PID/status")?;
    Ok(kib as f64 / 1024.0)
}

/// A line such as `VmRSS:  1234 kB`.
pub(crate) fn kib_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{kib_of, ticks};

    #[test]
    fn names_with_spaces_do_not_shift_the_fields() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 4 0 100 1000 10";
        assert_eq!(ticks(stat), Some(12));
    }

    #[test]
    fn memory_lines_are_found_by_name() {
        assert_eq!(kib_of("VmPeak: 9 kB\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
    }
}
