//! The process as Linux shows it in `/proc`. Elsewhere these families are missing.

use std::fs;

use super::encoder::Encoder;
use super::families as f;

/// Ticks per second in which Linux tells times to programs, on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time, memory, file descriptors.
pub(super) fn render(out: &mut Encoder) {
    if let Some(times) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(parse_stat) {
        out.single(&f::PROCESS_CPU, times.cpu_seconds);
        if let Some(booted) = fs::read_to_string("/proc/stat").ok().as_deref().and_then(parse_boot_time) {
            out.single(&f::PROCESS_START, booted + times.start_after_boot_seconds);
        }
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let kilobytes = |field| status_number(&status, field).map(|kb| kb.saturating_mul(1024));
        add(out, &f::PROCESS_RESIDENT, kilobytes("VmRSS:"));
        add(out, &f::PROCESS_VIRTUAL, kilobytes("VmSize:"));
        add(out, &f::PROCESS_THREADS, status_number(&status, "Threads:"));
    }
    // One of them is the folder that is being listed.
    add(
        out,
        &f::PROCESS_OPEN_FDS,
        fs::read_dir("/proc/self/fd").ok().map(|fds| (fds.count() as u64).saturating_sub(1)),
    );
    add(out, &f::PROCESS_MAX_FDS, rustix::process::getrlimit(rustix::process::Resource::Nofile).current);
}

fn add(out: &mut Encoder, family: &'static f::Family, value: Option<u64>) {
    if let Some(value) = value {
        out.single(family, value);
    }
}

#[derive(Debug, PartialEq)]
struct Times {
    cpu_seconds: f64,
    start_after_boot_seconds: f64,
}

fn parse_stat(stat: &str) -> Option<Times> {
    // The name of the program comes second, in parentheses, and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let seconds = |field: usize| Some(fields.get(field)?.parse::<u64>().ok()? as f64 / TICKS_PER_SECOND);
    Some(Times { cpu_seconds: seconds(11)? + seconds(12)?, start_after_boot_seconds: seconds(19)? })
}

fn parse_boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn status_number(status: &str, field: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(field))?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Times, parse_boot_time, parse_stat, status_number};

    #[test]
    fn the_programs_name_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 12345 1000000 200";
        assert_eq!(parse_stat(stat), Some(Times { cpu_seconds: 3.0, start_after_boot_seconds: 123.45 }));
        assert_eq!(parse_stat("7 (a) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn numbers_are_found_by_their_field() {
        assert_eq!(status_number("Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t4\n", "VmRSS:"), Some(2048));
        assert_eq!(status_number("Name:\tx\n", "VmRSS:"), None);
        assert_eq!(parse_boot_time("cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_000.0));
    }
}
