//! Shares of a run: several processes, on one host or on many, make the units of one run at once (`--units 3/64`).
//!
//! Which share a unit belongs to follows from its name alone, so it is the same in every stage and does not change when recordings are
//! added. A process holds the lock of its share as long as it lives, so that the others know whom to wait for; and it claims each unit,
//! so that nothing is made twice even where shares were counted differently. All of these are locks of the operating system: they end
//! with the process that holds them, however it ends.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use crate::run_dir::PATIENCE;
use crate::{EngineError, RunDir, Unit, atomic, hash_bytes};

/// One of so many shares of a run's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// Which, from 1.
    index: u64,
    /// Of how many.
    of: u64,
}

impl Share {
    /// The share that makes what belongs to the run as a whole.
    pub(crate) fn first(self) -> Self {
        Self { index: 1, of: self.of }
    }

    /// Whether this is that share.
    pub(crate) fn is_first(self) -> bool {
        self.index == 1
    }

    /// The share that a unit belongs to.
    pub(crate) fn owner(self, unit: &Unit) -> Self {
        match unit {
            Unit::Run => self.first(),
            unit => {
                let digits = &hash_bytes(unit.to_string().as_bytes())[..16];
                let number = u64::from_str_radix(digits, 16).expect("a hash is written in hexadecimal digits");
                Self { index: number % self.of + 1, of: self.of }
            }
        }
    }

    /// Whether a unit belongs to this share.
    pub fn owns(self, unit: &Unit) -> bool {
        self.owner(unit) == self
    }

    /// Its name among files.
    pub(crate) fn name(self) -> String {
        format!("{}-of-{}", self.index, self.of)
    }

    fn lock_path(self, run: &RunDir) -> PathBuf {
        run.path().join("state").join("shares").join(format!("{}.lock", self.name()))
    }

    /// Takes the share for this process. Those who look whether it is taken hold it for a moment, so it is asked for for a while.
    pub(crate) fn take(self, run: &RunDir) -> Result<Claim, EngineError> {
        let (path, start) = (self.lock_path(run), Instant::now());
        loop {
            if let Some(claim) = Claim::take(&path)? {
                return claim.inherited();
            }
            if start.elapsed() > PATIENCE {
                return Err(EngineError::ShareTaken { path: run.path().to_owned(), share: self.to_string() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether a process works on this share now.
    pub(crate) fn is_alive(self, run: &RunDir) -> Result<bool, EngineError> {
        let path = self.lock_path(run);
        Ok(path.exists() && Claim::take(&path)?.is_none())
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Share {
    type Err = String;

    /// Reads `3/64`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Self { index, of }),
            _ => Err(format!("found `{text}`, expected a share such as 3/64: the third of 64")),
        }
    }
}

/// A lock file that this process holds. It is removed when the claim ends.
#[derive(Debug)]
pub struct Claim(Option<(File, PathBuf)>);

impl Claim {
    /// A claim to what nobody else could claim.
    pub(crate) fn undisputed() -> Self {
        Self(None)
    }

    /// Claims a file, unless another process holds it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, EngineError> {
        Self::lock(path, FlockOperation::NonBlockingLockExclusive)
    }

    /// Claims a file, waiting for a process that holds it.
    pub(crate) fn wait(path: &Path) -> Result<Self, EngineError> {
        Self::lock(path, FlockOperation::LockExclusive)?
            .ok_or_else(|| EngineError::io(path, "cannot be locked")(std::io::ErrorKind::WouldBlock.into()))
    }

    fn lock(path: &Path, operation: FlockOperation) -> Result<Option<Self>, EngineError> {
        loop {
            let file = atomic::open_lock(path)?;
            match flock(&file, operation) {
                Ok(()) => {}
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(EngineError::io(path, "cannot be locked")(error.into())),
            }
            // Whoever held it before may have removed the file in between: then this lock guards nothing.
            let id = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
            let (named, held) = (std::fs::metadata(path).map(id), file.metadata().map(id));
            if matches!((named, held), (Ok(named), Ok(held)) if named == held) {
                return Ok(Some(Self(Some((file, path.to_owned())))));
            }
        }
    }

    /// Lets the programs that this process starts hold the claim too, until the last of them has ended.
    fn inherited(self) -> Result<Self, EngineError> {
        if let Some((file, path)) = &self.0 {
            fcntl_setfd(file, FdFlags::empty()).map_err(|e| EngineError::io(path, "cannot be handed to the worker")(e.into()))?;
        }
        Ok(self)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some((file, path)) = &self.0 {
            // Removed while it is still locked, so that nobody holds a file without a name. A file that cannot be removed only stays.
            let _ = std::fs::remove_file(path);
            let _ = flock(file, FlockOperation::Unlock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(site: &str, day: i8) -> Unit {
        Unit::SiteDay { site: site.into(), date: Some(jiff::civil::date(2020, 3, day)), part: 0 }
    }

    #[test]
    fn every_unit_belongs_to_one_share_and_shares_are_about_alike() {
        let units: Vec<Unit> = (0..50).flat_map(|site| (1..=20).map(move |day| unit(&format!("POND{site:02}"), day))).collect();
        let shares: Vec<Share> = (1..=8).map(|i| format!("{i}/8").parse().unwrap()).collect();
        for unit in &units {
            assert_eq!(shares.iter().filter(|share| share.owns(unit)).count(), 1, "{unit}");
        }
        for share in &shares {
            let own = units.iter().filter(|unit| share.owns(unit)).count();
            assert!((90..160).contains(&own), "{share}: {own} of {}", units.len());
        }
        assert!(shares[0].owns(&Unit::Run) && !shares[1].owns(&Unit::Run));
    }

    #[test]
    fn shares_are_read_as_they_are_written_in_job_arrays() {
        assert_eq!("3/64".parse(), Ok(Share { index: 3, of: 64 }));
        for text in ["0/4", "5/4", "1", "1/", "/4", "-1/4", "a/b", "1/0", ""] {
            assert!(text.parse::<Share>().unwrap_err().contains("3/64"), "{text}");
        }
    }

    #[test]
    fn a_claim_excludes_others_until_it_ends_and_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("claims/a.lock");
        let claim = Claim::take(&path).unwrap().unwrap();
        assert!(Claim::take(&path).unwrap().is_none());
        drop(claim);
        assert!(!path.exists());
        assert!(Claim::take(&path).unwrap().is_some());
    }

    #[test]
    fn one_who_waits_gets_a_file_that_still_has_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _claim = Claim::wait(&path).unwrap();
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
