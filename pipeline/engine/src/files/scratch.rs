//! Folders for what a process needs only while it runs, such as what a query puts aside. They lie below a run's `tmp`, one for each use, and
//! each has a lock file that says whether somebody still uses it. So processes do not remove what others need, and what a killed one left is
//! removed by the next.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::atomic;
use super::claim::Claim;
use super::disk::Disk;
use super::file_system::Entry;
use super::run_dir::RunDir;
use crate::EngineError;

/// Names that are tried for a new folder.
const ATTEMPTS: u32 = 100;
/// How the name of a folder's lock file ends.
const LOCK: &str = ".lock";

/// A folder of this process. It goes with this value, or with the first process that finds it after a crash.
#[derive(Debug)]
pub struct Scratch {
    disk: Disk,
    path: PathBuf,
    claim: Option<Claim>,
}

impl Scratch {
    /// A new folder below the run's `tmp`.
    ///
    /// # Errors
    /// [`EngineError::Io`]; [`EngineError::NoLocks`] where nobody could tell whether the folder is still in use.
    pub fn claim(run: &RunDir) -> Result<Self, EngineError> {
        let (disk, root) = (run.disk(), run.scratch());
        sweep(disk, &root);
        for _ in 0..ATTEMPTS {
            let name = disk.unique();
            let claim = match Claim::take(disk, &lock_of(&root, &name)) {
                Ok(Some(claim)) => claim,
                // Another machine has a process of that number.
                Ok(None) => continue,
                // Whoever used it last removed the empty folder around it at that moment.
                Err(EngineError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let path = root.join(name);
            atomic::clear(disk, &path)?;
            disk.make_folders(&path)?;
            return Ok(Self { disk: disk.clone(), path, claim: Some(claim) });
        }
        Err(EngineError::io(&root, "has no free name for a folder")(ErrorKind::AlreadyExists.into()))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The lock goes last, so that nobody finds a folder without one. What cannot be removed, the next process removes.
        let _ = self.disk.remove_all(&self.path);
        drop(self.claim.take());
        let _ = self.path.parent().map(|root| self.disk.remove_folder(root));
    }
}

/// Removes what earlier processes left in the run's `tmp`, and nothing that another one uses.
///
/// # Errors
/// [`EngineError::Io`].
pub fn clear_tmp(run: &RunDir) -> Result<(), EngineError> {
    let (disk, tmp, root) = (run.disk(), run.tmp(), run.scratch());
    for Entry { path, is_folder } in disk.entries(&tmp)? {
        if path == root {
            sweep(disk, &root);
        } else if is_folder {
            atomic::clear(disk, &path)?;
        } else {
            disk.remove_if_there(&path)?;
        }
    }
    // It stays where somebody needs it, and is made again where it is needed.
    let _ = disk.remove_folder(&tmp);
    Ok(())
}

/// Removes folders whose processes are gone. Those of somebody else stay.
fn sweep(disk: &Disk, root: &Path) {
    let names = disk.entries(root).unwrap_or_default().into_iter().filter_map(|entry| {
        let name = entry.path.file_name()?.to_string_lossy().into_owned();
        Some(name.strip_suffix(LOCK).map_or(name.clone(), str::to_owned))
    });
    for name in names.collect::<BTreeSet<String>>() {
        if let Ok(Some(_claim)) = Claim::take(disk, &lock_of(root, &name)) {
            let _ = atomic::clear(disk, &root.join(name));
        }
    }
    let _ = disk.remove_folder(root);
}

fn lock_of(root: &Path, name: &str) -> PathBuf {
    root.join(format!("{name}{LOCK}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn entries(folder: &Path) -> Vec<PathBuf> {
        Disk::local().entries(folder).unwrap().into_iter().map(|entry| entry.path).collect()
    }

    #[test]
    fn processes_do_not_remove_what_others_use_and_leave_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for turn in 0..40 {
                        let scratch = Scratch::claim(&run).unwrap();
                        fs::write(scratch.path().join("spilled"), b"rows").unwrap();
                        if turn % 10 == 0 {
                            clear_tmp(&run).unwrap();
                        }
                        assert_eq!(fs::read(scratch.path().join("spilled")).unwrap(), b"rows");
                    }
                });
            }
        });
        assert_eq!(entries(&run.tmp()), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_used_stays() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        let used = Scratch::claim(&run).unwrap();
        let left = run.scratch().join("1-0");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("spilled"), b"rows").unwrap();
        fs::write(run.scratch().join("2-0.lock"), b"").unwrap();
        fs::write(run.tmp().join("7-3"), b"half a file").unwrap();
        fs::create_dir_all(run.tmp().join("1-of-2")).unwrap();
        clear_tmp(&run).unwrap();
        let found: Vec<String> =
            entries(&run.scratch()).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        let own = used.path().file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), [own.clone(), format!("{own}.lock")].into());
        assert_eq!(entries(&run.tmp()), [run.scratch()]);
        drop(used);
        assert!(!run.scratch().exists());
        clear_tmp(&RunDir::new(dir.path().join("nowhere"))).unwrap();
    }
}
