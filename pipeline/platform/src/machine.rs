//! What is known of the machine.

use std::path::Path;

/// Its name in the network.
pub fn host_name() -> String {
    #[cfg(unix)]
    {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }
    #[cfg(windows)]
    {
        std::env::var_os("COMPUTERNAME").map_or_else(|| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
    }
}

/// Whether the driver of an NVIDIA card is installed.
pub fn has_nvidia_driver() -> bool {
    #[cfg(unix)]
    {
        has_driver_below(Path::new("/"))
    }
    #[cfg(windows)]
    {
        std::env::var_os("SystemRoot").is_some_and(|root| Path::new(&root).join("System32").join("nvcuda.dll").exists())
    }
}

/// Files by which the driver is known, below the root. All of one line are there where it is. `pipeline/set.sh` looks for the same.
#[cfg(unix)]
const OF_DRIVER: [&[&str]; 2] = [
    &["proc/driver/nvidia/version"],
    // WSL 2 uses the driver of Windows: a device for cards of all makers, and libraries of NVIDIA.
    &["dev/dxg", "usr/lib/wsl/lib/libcuda.so.1"],
];

#[cfg(unix)]
fn has_driver_below(root: &Path) -> bool {
    OF_DRIVER.iter().any(|files| files.iter().all(|file| root.join(file).exists()))
}

/// Processors that the machine has, whether or not this process may use them. `None` on systems other than Linux.
pub fn processors() -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
        Some(text.lines().filter(|line| line.starts_with("processor")).count()).filter(|number| *number > 0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}

/// Whether Linux tells a feature of the processor by this name, such as `amx_bf16`; for features that std does not tell of. On other systems
/// none is known.
pub fn has_processor_flag(name: &str) -> bool {
    #[cfg(target_os = "linux")]
    {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("flags"));
        let flags = line.and_then(|line| line.split_once(':')).map_or("", |(_, flags)| flags);
        flags.split_whitespace().any(|flag| flag == name)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = name;
        false
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn flags_are_whole_words() {
        use super::*;
        // Each processor of 64 bits has SSE2.
        assert!(has_processor_flag("sse2") && !has_processor_flag("sse2_none") && !has_processor_flag("flags"));
    }

    #[cfg(unix)]
    #[test]
    fn the_driver_is_found_on_linux_and_in_the_linux_of_windows() {
        use super::*;
        let dir = tempfile::tempdir().unwrap();
        let made = |root: &str, files: &[&str]| {
            let root = dir.path().join(root);
            for path in files.iter().map(|file| root.join(file)) {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            has_driver_below(&root)
        };
        assert!(!made("none", &[]));
        assert!(made("linux", &["proc/driver/nvidia/version"]));
        assert!(made("wsl", &["dev/dxg", "usr/lib/wsl/lib/libcuda.so.1"]));
        // The card is of another maker, and libraries alone compute nothing.
        assert!(!made("amd", &["dev/dxg"]));
        assert!(!made("files", &["usr/lib/wsl/lib/libcuda.so.1"]));
        let script = include_str!("../../set.sh");
        assert!(OF_DRIVER.iter().copied().flatten().all(|file| script.contains(&format!("-e /{file}"))), "{script}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_may_use_no_more_processors_than_there_are() {
        let may_use = std::thread::available_parallelism().unwrap().get();
        assert!(super::processors().unwrap() >= may_use);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_host_has_the_name_that_the_kernel_gives_it() {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(super::host_name(), kernel.trim_end());
    }
}
