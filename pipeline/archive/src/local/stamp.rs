//! Versions of files, by what the file system reports of them.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chorus_platform::stamp::{Change, change, keeps_changes, modified_ns};

use crate::version::Version;

/// Gives files their versions. Knows of each file system whether its inodes and times of change last.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// By the number of the device.
    stable: Mutex<BTreeMap<u64, bool>>,
}

/// The device that was asked for last, and whether its inodes and times of change last: the files of a folder mostly have the same.
pub(super) type LastDevice = Option<(u64, bool)>;

impl Stamps {
    /// The version of a file. `path` is asked for once for each device.
    pub(super) fn version(&self, last: &mut LastDevice, meta: &Metadata, path: impl FnOnce() -> PathBuf) -> Version {
        if let Some(Change { device, inode, changed_ns }) = change(meta)
            && self.is_stable(last, device, path)
        {
            return Version::by_change(inode, changed_ns);
        }
        Version::by_modification(modified_ns(meta))
    }

    fn is_stable(&self, last: &mut LastDevice, device: u64, path: impl FnOnce() -> PathBuf) -> bool {
        if let Some((_, is_stable)) = last.filter(|(known, _)| *known == device) {
            return is_stable;
        }
        let mut stable = self.stable.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stable = *stable.entry(device).or_insert_with(|| keeps_changes(&path()));
        *last = Some((device, is_stable));
        is_stable
    }
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
        let version = |stamps: &Stamps, meta: &Metadata| stamps.version(&mut None, meta, || path.clone());
        #[cfg(target_os = "linux")]
        assert!(
            version(&Stamps::default(), &meta).to_string().starts_with('c'),
            "temporary folders lie on ext4, tmpfs or overlayfs"
        );
        let mounted = Stamps { stable: Mutex::new(change(&meta).map(|change| (change.device, false)).into_iter().collect()) };
        let before = version(&mounted, &meta);
        // Another inode and another time of change, as after the next mount.
        std::fs::copy(&path, dir.path().join("b.wav")).unwrap();
        let copy = std::fs::File::options().write(true).open(dir.path().join("b.wav")).unwrap();
        copy.set_modified(meta.modified().unwrap()).unwrap();
        assert_eq!(version(&mounted, &copy.metadata().unwrap()), before);
        copy.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_ne!(version(&mounted, &copy.metadata().unwrap()), before);
    }

    #[test]
    fn a_device_is_looked_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let meta = std::fs::metadata(dir.path()).unwrap();
        let (stamps, mut last) = (Stamps::default(), None);
        let first = stamps.version(&mut last, &meta, || dir.path().to_owned());
        let never = || -> PathBuf { panic!("the device is known") };
        assert_eq!(stamps.version(&mut last, &meta, never), first);
        assert_eq!(stamps.version(&mut None, &meta, never), first);
    }
}
