//! What the figures were measured on, without names.

use std::fs;

use crate::process::kib_of;

/// Cores, memory and kernel.
pub(super) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory_kib = fs::read_to_string("/proc/meminfo").ok().and_then(|text| kib_of(&text, "MemTotal:")).unwrap_or(0);
    let gib = memory_kib as f64 / f64::from(1 << 20);
    format!("{cores} cores, {gib:.0} GiB of memory, Linux {}, clients on the same machine over loopback", kernel())
}

/// The numbers of the kernel's release, without what a distributor adds.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect()
}

/// Tasks that want to run, averaged over a minute.
pub(super) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}
