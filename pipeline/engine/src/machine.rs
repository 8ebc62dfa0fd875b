//! What the machine gives to Chorus: memory, processors, the driver of graphics cards; and what a process has held of memory. The files
//! that are read here are those of Linux; where there are none, nothing is known.

use std::fs;
use std::path::Path;

/// Where control groups are, by which containers and batch systems limit what a process may use.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes of memory that the machine has, or that its container or batch job may use.
pub fn memory() -> Option<u64> {
    [line_of("/proc/meminfo", "MemTotal:"), memory_limit()].into_iter().flatten().min()
}

/// The least of the limits of memory of the control groups that this process is in, bytes; `None` where none limits it.
pub fn memory_limit() -> Option<u64> {
    let groups = Path::new(GROUPS);
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let limit = |folder: &Path| fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse::<u64>().ok();
    groups.join(own).ancestors().take_while(|folder| folder.starts_with(groups)).filter_map(limit).min()
}

/// Processors that the machine has, whether or not this process may use them.
pub fn processors() -> Option<usize> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    Some(text.lines().filter(|line| line.starts_with("processor")).count()).filter(|number| *number > 0)
}

/// Whether the system has the driver of NVIDIA's cards.
pub fn has_nvidia_driver() -> bool {
    Path::new("/proc/driver/nvidia/version").exists()
}

/// Bytes of memory that this process holds.
pub fn resident() -> Option<u64> {
    line_of("/proc/self/status", "VmRSS:")
}

/// The most memory that this process has held, bytes.
pub fn peak() -> Option<u64> {
    line_of("/proc/self/status", "VmHWM:")
}

/// The same, with that of the process that started it.
pub(crate) fn peak_with_parent() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let parent: u32 = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
    Some(peak()? + line_of(&format!("/proc/{parent}/status"), "VmHWM:").unwrap_or(0))
}

/// The size in a line of a file of the kernel, which counts in KiB; in bytes.
fn line_of(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_machine_and_its_memory() {
        let (memory, resident, peak) = (memory().unwrap(), resident().unwrap(), peak().unwrap());
        assert!(resident > 1 << 20 && memory > resident, "{memory} {resident}");
        // The kernel counts both a little late.
        assert!(peak + (1 << 20) >= resident, "{peak} {resident}");
        assert!(peak_with_parent().unwrap() >= peak);
        assert!(processors().unwrap() >= std::thread::available_parallelism().unwrap().get());
        assert!(memory_limit().is_none_or(|limit| limit >= memory));
    }
}
