//! What the kernel says about a process: CPU time, memory, threads.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// CPU time of a process so far, in user and system mode, of threads that ended as well: by the scheduler's own accounting,
/// to the nanosecond.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let clock = i32::try_from(pid).context("not a process")?;
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(clock)).context("the process is gone")?;
    Ok(Duration::from(clock_gettime(clock).context("the process is gone")?).as_secs_f64())
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
    use std::io::Read;
    use std::process::{Command, Stdio};

    use nix::time::{ClockId, clock_gettime};

    use super::{Duration, cpu_seconds, kib_of};

    #[test]
    fn time_of_threads_that_ended_counts() {
        const BURNT: Duration = Duration::from_millis(5);
        let own_time = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
        let before = cpu_seconds(std::process::id()).unwrap();
        std::thread::spawn(move || while own_time() < BURNT {}).join().unwrap();
        assert!(cpu_seconds(std::process::id()).unwrap() - before >= BURNT.as_secs_f64());
    }

    #[test]
    fn other_processes_can_be_looked_at_while_they_live() {
        let mut child = Command::new("sh")
            .args(["-c", "echo up; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
        // Less than a hundredth of a second, and not nothing.
        assert!(cpu_seconds(child.id()).unwrap() > 0.0);
        // Which closes its input.
        child.wait().unwrap();
        assert!(cpu_seconds(child.id()).is_err());
    }

    #[test]
    fn memory_lines_are_found_by_name() {
        assert_eq!(kib_of("VmPeak: 9 kB\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
    }
}
