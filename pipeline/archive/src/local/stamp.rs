//! Versions of files, by what the file system reports of them.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chorus_platform::stamp::{Change, change, keeps_changes, modified_ns};

/// Gives files their versions. Knows of each file system whether its inodes and times of change last.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// By the number of the device.
    stable: Mutex<BTreeMap<u64, bool>>,
}

impl Stamps {
    /// The version of the file at `path`.
    pub(super) fn version(&self, path: &Path, meta: &Metadata) -> String {
        match change(meta) {
            Some(Change { device, inode, changed_ns }) if self.is_stable(path, device) => version_by_change(inode, changed_ns),
            _ => format!("m{:x}", modified_ns(meta)),
        }
    }

    fn is_stable(&self, path: &Path, device: u64) -> bool {
        let mut stable = self.stable.lock().unwrap_or_else(PoisonError::into_inner);
        *stable.entry(device).or_insert_with(|| keeps_changes(path))
    }
}

/// The version of a file by its inode and its time of change, nanoseconds since 1970. Public for callers that
/// remembered both apart.
#[must_use]
pub fn version_by_change(inode: u64, changed_ns: i64) -> String {
    format!("c{inode:x}-{changed_ns:x}")
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
        #[cfg(target_os = "linux")]
        assert!(lasting.version(&path, &meta).starts_with('c'), "temporary folders lie on ext4, tmpfs or overlayfs");
        let mounted = Stamps { stable: Mutex::new(change(&meta).map(|change| (change.device, false)).into_iter().collect()) };
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
