//! What tells that a file was changed, without reading it.

use std::fs::Metadata;
use std::path::Path;

/// What a file system writes down when a file is changed or replaced, and nobody can set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The device that the file lies on.
    pub device: u64,
    /// The number of the file.
    pub inode: u64,
    /// When it was changed, nanoseconds since 1970.
    pub changed_ns: i64,
}

/// The last change of a file; `None` on Windows, where it cannot be asked for.
pub fn change(meta: &Metadata) -> Option<Change> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some(Change { device: meta.dev(), inode: meta.ino(), changed_ns: ns(meta.ctime(), meta.ctime_nsec()) })
    }
    #[cfg(windows)]
    {
        let _ = meta;
        None
    }
}

/// When the content of a file was modified, nanoseconds since 1970; anybody can set it.
pub fn modified_ns(meta: &Metadata) -> i64 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        ns(meta.mtime(), meta.mtime_nsec())
    }
    #[cfg(windows)]
    {
        // Windows counts in steps of 100 ns since 1601.
        const STEPS_BEFORE_1970: i64 = 116_444_736_000_000_000;
        use std::os::windows::fs::MetadataExt;
        let steps = i64::try_from(meta.last_write_time()).unwrap_or(i64::MAX).saturating_sub(STEPS_BEFORE_1970);
        steps.saturating_mul(100)
    }
}

#[cfg(unix)]
fn ns(s: i64, ns: i64) -> i64 {
    s.saturating_mul(1_000_000_000).saturating_add(ns)
}

/// Whether the file system at a path keeps numbers of files and times of change by itself. Network shares of Windows, FUSE (rclone, s3fs,
/// sshfs), FAT and others make numbers up when they are mounted, and have no time of change of their own.
pub fn keeps_changes(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        // The kernel's numbers have 32 bits; the field's type differs between processors.
        rustix::fs::statfs(path).is_ok_and(|system| KEEPING.contains(&(system.f_type as u32)))
    }
    #[cfg(target_os = "macos")]
    {
        rustix::fs::statfs(path).is_ok_and(|system| {
            let name: Vec<u8> = system.f_fstypename.iter().map(|&c| c as u8).take_while(|&byte| byte != 0).collect();
            KEEPING.iter().any(|known| known.as_bytes() == name)
        })
    }
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "macos"))))]
    {
        // The usual file systems of other Unixes (UFS, ZFS) do.
        let _ = path;
        true
    }
    #[cfg(windows)]
    {
        let _ = path;
        false
    }
}

/// The types of such file systems, by the magic numbers of `statfs(2)`: ext2 to ext4, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs, overlayfs
/// and NFS, whose server keeps them.
#[cfg(target_os = "linux")]
const KEEPING: [u32; 9] =
    [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0xCA45_1A4E, 0x0102_1994, 0x794C_7630, 0x6969];

/// The types of such file systems, by the names that `mount` shows.
#[cfg(target_os = "macos")]
const KEEPING: [&str; 4] = ["apfs", "hfs", "zfs", "nfs"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_time_of_modification_can_be_set_and_one_of_change_cannot() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        std::fs::write(&path, b"x").unwrap();
        let before = std::fs::metadata(&path).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_700)).unwrap();
        let after = std::fs::metadata(&path).unwrap();
        assert_eq!(modified_ns(&after), 1_700_000_000_123_456_700);
        if let (Some(before), Some(after)) = (change(&before), change(&after)) {
            assert!(after.changed_ns >= before.changed_ns && (after.device, after.inode) == (before.device, before.inode));
        }
        file.set_modified(SystemTime::UNIX_EPOCH - Duration::from_secs(1)).unwrap();
        assert_eq!(modified_ns(&std::fs::metadata(&path).unwrap()), -1_000_000_000);
        assert!(!keeps_changes(&dir.path().join("none")) || cfg!(not(target_os = "linux")));
    }
}
