//! How much memory this process and its machine have, in bytes; `None` where the system does not tell.

/// The most memory that this process has held.
pub fn peak() -> Option<u64> {
    system::peak()
}

/// The same, with that of the process that started it. On systems other than Linux without it.
pub fn peak_with_parent() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        Some(peak()? + system::peak_of_parent().unwrap_or(0))
    }
    #[cfg(not(target_os = "linux"))]
    {
        peak()
    }
}

/// The memory that this process holds.
pub fn resident() -> Option<u64> {
    system::resident()
}

/// The memory that the machine has, or that its container or batch job may use.
pub fn machine() -> Option<u64> {
    [system::installed(), container()].into_iter().flatten().min()
}

/// The memory that the container or the batch job of this process may use; `None` where nothing limits it. On systems other than Linux, no
/// limit is known.
pub fn container() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        system::container()
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}

/// Bounds the memory of this process. A limit that cannot be set leaves the process as it was; the system's own still holds.
///
/// On macOS the limit is known not to hold for large pieces of memory, which the system gives out in another way.
pub fn limit(bytes: u64) {
    system::limit(bytes);
}

#[cfg(unix)]
fn limit_data(bytes: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Data);
    let _ = setrlimit(Resource::Data, Rlimit { current: Some(maximum.map_or(bytes, |most| most.min(bytes))), maximum });
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::path::Path;

    pub(super) use super::limit_data as limit;

    pub(super) fn peak() -> Option<u64> {
        line_of("/proc/self/status", "VmHWM:")
    }

    pub(super) fn peak_of_parent() -> Option<u64> {
        line_of(&format!("/proc/{}/status", std::os::unix::process::parent_id()), "VmHWM:")
    }

    pub(super) fn resident() -> Option<u64> {
        line_of("/proc/self/status", "VmRSS:")
    }

    pub(super) fn installed() -> Option<u64> {
        line_of("/proc/meminfo", "MemTotal:")
    }

    pub(super) fn container() -> Option<u64> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        limit_of(&own, Path::new("/sys/fs/cgroup"))
    }

    /// The limit of the control groups in lines of `/proc/self/cgroup`, whose folders are below `groups`. Version 2 has one tree of groups,
    /// version 1 one for each thing that it limits; both may be there.
    pub(super) fn limit_of(own: &str, groups: &Path) -> Option<u64> {
        let new = least_limit(groups, group(own, str::is_empty), "memory.max");
        let is_memory = |limited: &str| limited.split(',').any(|one| one == "memory");
        let old = least_limit(&groups.join("memory"), group(own, is_memory), "memory.limit_in_bytes");
        new.into_iter().chain(old).min()
    }

    /// The group in the line whose list of what is limited passes a test.
    fn group(lines: &str, is_it: impl Fn(&str) -> bool) -> &str {
        let mut lines = lines.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
        lines.find(|(limited, _)| is_it(limited)).map_or("", |(_, group)| group.trim_start_matches('/'))
    }

    /// The least limit of a control group and of all groups that it is in. A group may not use more than those above it.
    fn least_limit(groups: &Path, own: &str, file: &str) -> Option<u64> {
        /// Version 1 has no word for the lack of a limit, but a number that no machine reaches.
        const NONE: u64 = 1 << 60;
        let limit =
            |folder: &Path| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok().filter(|bytes| *bytes < NONE);
        groups.join(own).ancestors().take_while(|folder| folder.starts_with(groups)).filter_map(limit).min()
    }

    /// The size in a line of a file of the kernel, which counts in KiB; in bytes.
    fn line_of(path: &str, name: &str) -> Option<u64> {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
    }
}

#[cfg(target_os = "macos")]
#[allow(unsafe_code, reason = "calls into C")]
mod system {
    use std::ffi::c_int;
    use std::{mem, ptr};

    pub(super) use super::limit_data as limit;

    pub(super) fn peak() -> Option<u64> {
        // SAFETY: numbers may all be zero.
        let mut usage: libc::rusage = unsafe { mem::zeroed() };
        // SAFETY: the call fills the struct, which outlives it.
        let status = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
        // macOS counts in bytes, other systems in KiB.
        if status == 0 { u64::try_from(usage.ru_maxrss).ok() } else { None }
    }

    pub(super) fn resident() -> Option<u64> {
        // SAFETY: numbers may all be zero.
        let mut task: libc::proc_taskinfo = unsafe { mem::zeroed() };
        let size = c_int::try_from(size_of::<libc::proc_taskinfo>()).ok()?;
        let own = c_int::try_from(std::process::id()).ok()?;
        // SAFETY: the call writes at most so many bytes to the struct, which outlives it.
        let written = unsafe { libc::proc_pidinfo(own, libc::PROC_PIDTASKINFO, 0, (&raw mut task).cast(), size) };
        (written == size).then_some(task.pti_resident_size)
    }

    pub(super) fn installed() -> Option<u64> {
        let (mut bytes, mut size) = (0_u64, size_of::<u64>());
        // SAFETY: the name ends with a zero; the call writes at most `size` bytes to the number, and both outlive it.
        let status =
            unsafe { libc::sysctlbyname(c"hw.memsize".as_ptr(), (&raw mut bytes).cast(), &raw mut size, ptr::null_mut(), 0) };
        (status == 0).then_some(bytes)
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "macos"))))]
mod system {
    pub(super) use super::limit_data as limit;

    pub(super) fn peak() -> Option<u64> {
        None
    }

    pub(super) fn resident() -> Option<u64> {
        None
    }

    pub(super) fn installed() -> Option<u64> {
        None
    }
}

#[cfg(windows)]
#[allow(unsafe_code, reason = "calls into C")]
mod system {
    use windows_sys::Win32::System::JobObjects::{JOB_OBJECT_LIMIT_PROCESS_MEMORY, JOBOBJECT_EXTENDED_LIMIT_INFORMATION};
    use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
    use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};
    use windows_sys::Win32::System::Threading::GetCurrentProcess;

    use crate::job::Job;

    fn counters() -> Option<PROCESS_MEMORY_COUNTERS> {
        let size = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS>()).ok()?;
        let mut counters = PROCESS_MEMORY_COUNTERS { cb: size, ..PROCESS_MEMORY_COUNTERS::default() };
        // SAFETY: the handle of the own process is always valid, and the call fills the struct, which outlives it.
        let done = unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &raw mut counters, size) };
        (done != 0).then_some(counters)
    }

    pub(super) fn peak() -> Option<u64> {
        counters().map(|counters| counters.PeakWorkingSetSize as u64)
    }

    pub(super) fn resident() -> Option<u64> {
        counters().map(|counters| counters.WorkingSetSize as u64)
    }

    pub(super) fn installed() -> Option<u64> {
        let size = u32::try_from(size_of::<MEMORYSTATUSEX>()).ok()?;
        let mut status = MEMORYSTATUSEX { dwLength: size, ..MEMORYSTATUSEX::default() };
        // SAFETY: the call fills the struct, whose size it is told and which outlives it.
        let done = unsafe { GlobalMemoryStatusEx(&raw mut status) };
        (done != 0).then_some(status.ullTotalPhys)
    }

    pub(super) fn limit(bytes: u64) {
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_MEMORY;
        limits.ProcessMemoryLimit = usize::try_from(bytes).unwrap_or(usize::MAX);
        // SAFETY: the handle of the own process needs no closing. The limit lasts when the job's own handle is closed.
        let _ = Job::new(&limits).and_then(|job| job.add(unsafe { GetCurrentProcess() }));
    }
}

#[cfg(test)]
mod tests {
    #[cfg(any(target_os = "linux", target_os = "macos", windows))]
    #[test]
    fn a_process_knows_its_memory_and_its_machine_s() {
        let (resident, peak, machine) = (super::resident().unwrap(), super::peak().unwrap(), super::machine().unwrap());
        assert!(resident > 1 << 16 && peak > 1 << 16 && machine > 64 << 20, "{resident} {peak} {machine}");
        assert!(peak <= machine.max(1 << 40), "{peak}");
        let kept = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(super::peak().unwrap() >= 64 << 20, "{} bytes are held", kept.len());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_machine_s_memory_is_within_all_limits_and_the_parent_holds_some() {
        let own = super::peak().unwrap();
        assert!(super::peak_with_parent().unwrap() > own + (1 << 18), "no program is as small as that");
        assert!(super::container().is_none_or(|limit| limit >= super::machine().unwrap()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn groups_above_limit_a_group_too() {
        let dir = tempfile::tempdir().unwrap();
        let groups = dir.path().join("groups");
        std::fs::create_dir_all(groups.join("job/step")).unwrap();
        let set = |group: &str, limit: &str| std::fs::write(groups.join(group).join("memory.max"), limit).unwrap();
        let least = |own: &str| super::system::limit_of(&format!("0::/{own}\n"), &groups);
        assert_eq!(least("job/step"), None);
        // What lies above the groups is none of them.
        set("..", "1");
        set("job/step", "max\n");
        assert_eq!(least("job/step"), None);
        set("job", "5000\n");
        assert_eq!((least("job/step"), least("job"), least("")), (Some(5000), Some(5000), None));
        set("job/step", "4000\n");
        assert_eq!((least("job/step"), least("job")), (Some(4000), Some(5000)));
        set("", "3000\n");
        assert_eq!(least("job/step"), Some(3000));
        // A group that cannot be seen from here is limited at least like the root.
        assert_eq!(least("none/of/these"), Some(3000));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn groups_of_the_first_version_limit_too() {
        let dir = tempfile::tempdir().unwrap();
        let memory = dir.path().join("memory");
        std::fs::create_dir_all(memory.join("slurm/job_1")).unwrap();
        let set = |group: &str, limit: &str| std::fs::write(memory.join(group).join("memory.limit_in_bytes"), limit).unwrap();
        let own = "5:cpuset:/other\n4:hugetlb,memory:/slurm/job_1\n0::/\n";
        let limit = || super::system::limit_of(own, dir.path());
        assert_eq!(limit(), None);
        set("", "9223372036854771712\n");
        assert_eq!(limit(), None);
        set("slurm/job_1", "5000\n");
        assert_eq!(limit(), Some(5000));
        // Of both versions, the lower limit holds.
        std::fs::write(dir.path().join("memory.max"), "4000\n").unwrap();
        assert_eq!(limit(), Some(4000));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_limit_above_what_is_used_is_set_and_changes_nothing_else() {
        use rustix::process::{Resource, getrlimit};
        super::limit(1 << 40);
        let most = getrlimit(Resource::Data).current.unwrap();
        assert!(most <= 1 << 40 && most > 1 << 20, "{most}");
    }
}
