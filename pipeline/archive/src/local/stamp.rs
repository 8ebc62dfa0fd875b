//! Versions of files, by what the file system reports of them.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

const NS_PER_S: i64 = 1_000_000_000;

/// The types of file systems whose inodes and times of change are kept, by the magic numbers of `statfs(2)`: ext2 to
/// ext4, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs, overlayfs and NFS, whose server keeps them.
#[cfg(target_os = "linux")]
const STABLE: [u32; 9] =
    [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0xCA45_1A4E, 0x0102_1994, 0x794C_7630, 0x6969];

/// Gives files their versions. Knows of each file system whether its inodes and times of change last.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// By the number of the device.
    stable: Mutex<BTreeMap<u64, bool>>,
}

impl Stamps {
    /// The version of the file at `path`.
    pub(super) fn version(&self, path: &Path, meta: &Metadata) -> String {
        if self.is_stable(path, meta.dev()) {
            version_by_change(meta.ino(), ns(meta.ctime(), meta.ctime_nsec()))
        } else {
            format!("m{:x}", ns(meta.mtime(), meta.mtime_nsec()))
        }
    }

    fn is_stable(&self, path: &Path, device: u64) -> bool {
        let mut stable = self.stable.lock().unwrap_or_else(PoisonError::into_inner);
        *stable.entry(device).or_insert_with(|| keeps_inodes(path))
    }
}

/// The version of a file by its inode and its time of change, nanoseconds since 1970. Public for callers that
/// remembered both apart.
#[must_use]
pub fn version_by_change(inode: u64, changed_ns: i64) -> String {
    format!("c{inode:x}-{changed_ns:x}")
}

fn ns(s: i64, ns: i64) -> i64 {
    s.saturating_mul(NS_PER_S).saturating_add(ns)
}

#[cfg(target_os = "linux")]
fn keeps_inodes(path: &Path) -> bool {
    // The kernel's numbers have 32 bits; the field's type differs between processors.
    rustix::fs::statfs(path).is_ok_and(|system| STABLE.contains(&(system.f_type as u32)))
}

/// The usual file systems of other Unixes (APFS, UFS, ZFS) keep them.
#[cfg(not(target_os = "linux"))]
fn keeps_inodes(_: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_lasting_inodes_is_judged_by_size_and_modification_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        std::fs::write(&path, b"x").unwrap();
        let meta = std::fs::metadata(&path).unwrap();
        let lasting = Stamps::default();
        assert!(lasting.version(&path, &meta).starts_with('c'), "temporary folders lie on ext4, tmpfs or overlayfs");
        let mounted = Stamps { stable: Mutex::new([(meta.dev(), false)].into()) };
        let before = mounted.version(&path, &meta);
        // Another inode and another time of change, as after the next mount.
        std::fs::copy(&path, dir.path().join("b.wav")).unwrap();
        let copy = std::fs::File::options().write(true).open(dir.path().join("b.wav")).unwrap();
        copy.set_modified(meta.modified().unwrap()).unwrap();
        assert_eq!(mounted.version(&path, &copy.metadata().unwrap()), before);
        copy.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_ne!(mounted.version(&path, &copy.metadata().unwrap()), before);
    }
}
