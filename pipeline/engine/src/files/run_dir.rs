//! The folder of a run: where everything in it lives.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::atomic::{self, OutputState, Staged};
use super::claim::{self, Claim};
use super::disk::Disk;
use super::file_system::{LockFile, Mode};
use super::hash::hash_bytes;
use super::share::Share;
use crate::config::RESOLVED;
use crate::graph::Output;
use crate::{EngineError, Unit};

/// How long to retry before a lock counts as held: the process that holds it may be about to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the names of checkpoints begin, among what passes remember.
pub(crate) const CHECKPOINT: &str = "checkpoint-";

/// The lock of a run, which this process holds until it is dropped.
#[derive(Debug)]
pub struct RunLock {
    _file: Box<dyn LockFile>,
}

/// A run's folder. Making one touches nothing.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    /// What the folder lies on.
    disk: Disk,
    /// The share of the run that this process makes; `None` when the whole run is its own.
    share: Option<Share>,
    /// Whether processes keep each other off by locks.
    has_locks: bool,
}

impl RunDir {
    /// The run in this folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), disk: Disk::local(), share: None, has_locks: true }
    }

    /// The same run on another disk.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn on(self, disk: Disk) -> Self {
        Self { disk, ..self }
    }

    /// Another run on the same disk.
    pub(crate) fn other(&self, path: impl Into<PathBuf>) -> Self {
        Self { disk: self.disk.clone(), ..Self::new(path) }
    }

    /// What the folder lies on.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The same run with the locks that the key `run.lock` names.
    #[must_use]
    pub(crate) fn locked_by(self, lock: Option<&str>) -> Self {
        Self { has_locks: lock != Some("none"), ..self }
    }

    /// The same run, of which other processes make other shares at the same time.
    #[must_use]
    pub(crate) fn shared(self, share: Option<Share>) -> Self {
        Self { share, ..self }
    }

    /// The share of the run that this process makes.
    pub(crate) fn share(&self) -> Option<Share> {
        self.share
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the tables.
    pub fn tables(&self) -> PathBuf {
        self.path.join("tables")
    }

    /// The folder of the model that this run trains.
    pub fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    /// The configuration that the run was last made with, every key with its value.
    pub fn resolved_config(&self) -> PathBuf {
        self.path.join(RESOLVED)
    }

    /// Versions, host, device, seeds and hashes.
    pub fn manifest(&self) -> PathBuf {
        self.path.join("manifest.json")
    }

    /// One JSON object per line: what was done when, and how long it took.
    pub fn log(&self) -> PathBuf {
        self.path.join("log.jsonl")
    }

    /// A log that was put aside, by its number from 1; see [`super::log`]. Number 0 is the one that is written.
    pub(crate) fn older_log(&self, number: u32) -> PathBuf {
        if number == 0 { self.log() } else { self.path.join(format!("log.{number}.jsonl")) }
    }

    /// Whether anything was made in this folder.
    pub fn has_log(&self) -> bool {
        self.newest_log().is_some()
    }

    /// The log that was written last; `None` where nothing was made in this folder. A process that ended between two names has put a log
    /// aside and begun no other one.
    pub fn newest_log(&self) -> Option<PathBuf> {
        [0, 1].into_iter().map(|number| self.older_log(number)).find(|log| self.disk.facts(log).is_ok())
    }

    /// Where files are written before they get their name; each share has a place of its own.
    pub fn tmp(&self) -> PathBuf {
        self.path.join("tmp").join(self.share.map_or_else(String::new, Share::name))
    }

    /// Where processes have folders of their own for as long as they run; see [`super::scratch`].
    pub(crate) fn scratch(&self) -> PathBuf {
        self.path.join("tmp").join("scratch")
    }

    /// A new file under [`RunDir::tmp`].
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn stage(&self) -> Result<Staged, EngineError> {
        Staged::create(&self.disk, &self.tmp())
    }

    /// Writes a whole file of the run.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<OutputState, EngineError> {
        atomic::write(&self.disk, &self.path, &self.tmp(), path, bytes)
    }

    /// The folder of a pass's journal, which holds the states of its units.
    pub fn states(&self, pass: &str) -> PathBuf {
        self.path.join("state").join(pass)
    }

    /// Which units the last look at the archive found, with their recorded hours.
    pub(crate) fn roster(&self) -> PathBuf {
        self.path.join("state").join("units.txt")
    }

    /// What a pass caches from one execution to the next. Results do not depend on it.
    pub fn cache(&self, pass: &str, name: &str) -> PathBuf {
        self.path.join("state").join("cache").join(pass).join(name)
    }

    /// The checkpoint of the unit of a pass whose fingerprint has this digest.
    pub(crate) fn checkpoint(&self, pass: &str, digest: &str) -> PathBuf {
        self.cache(pass, &format!("{CHECKPOINT}{digest}"))
    }

    /// The path of a unit's output, relative to the run: a file's, or that of the folder of its files.
    pub fn output(output: Output, unit: &Unit) -> String {
        match (output, unit) {
            (Output::File(path) | Output::Folder(path), _) => path.to_owned(),
            (Output::Table(table), Unit::Run) => format!("tables/{table}/part-000.parquet"),
            (Output::Table(table), unit) => format!("tables/{table}/{unit}.parquet"),
        }
    }

    /// Locks the run for this process and those that it starts, until the lock is dropped and all of them have ended.
    /// Processes that make shares of the run hold the lock together.
    ///
    /// The worker of a process that was killed ends a moment later, so taking the lock is retried for a while.
    ///
    /// # Errors
    /// [`EngineError::Locked`] when another process has it; [`EngineError::NoLocks`] where the file system has none.
    pub fn lock(&self) -> Result<RunLock, EngineError> {
        let path = self.path.join("state").join("lock");
        let file = atomic::open_lock(&self.disk, &path)?;
        let start = Instant::now();
        let mode = if self.share.is_some() { Mode::Shared } else { Mode::Exclusive };
        while self.has_locks && !claim::locked(&*file, &path, mode)? {
            if start.elapsed() > PATIENCE {
                return Err(EngineError::Locked { path: self.path.clone() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // A lock belongs to the open file, which the worker inherits: when `chorus` is killed, the run stays locked
        // until its worker ended.
        file.hand_on().map_err(EngineError::io(&path, "cannot be handed to the worker"))?;
        self.settle()?;
        Ok(RunLock { _file: file })
    }

    /// Waits until the run's folder itself is on the disk: files in it are lost with it.
    fn settle(&self) -> Result<(), EngineError> {
        let absolute = std::path::absolute(&self.path).map_err(EngineError::io(&self.path, "cannot be found"))?;
        for (above, folder) in absolute.ancestors().enumerate() {
            match self.disk.sync_folder(folder) {
                // In a folder that this process may not open somebody else made the run's, and folders further above were there before.
                Err(e) if above > 1 || above == 1 && e.kind() == ErrorKind::PermissionDenied => {}
                synced => synced.map_err(EngineError::io(folder, "cannot be synced"))?,
            }
        }
        Ok(())
    }

    fn share_path(&self, share: Share) -> PathBuf {
        self.path.join("state").join("shares").join(format!("{}.lock", share.name()))
    }

    /// Locks a share for this process and those that it starts. The worker of a process that was killed ends a moment later, so this is
    /// retried for a while.
    ///
    /// # Errors
    /// [`EngineError::ShareTaken`] when another process has it.
    pub(crate) fn take_share(&self, share: Share) -> Result<Claim, EngineError> {
        let (path, start) = (self.share_path(share), Instant::now());
        if !self.has_locks {
            return Ok(Claim::undisputed());
        }
        loop {
            if let Some(claim) = Claim::take(&self.disk, &path)? {
                return claim.inherited();
            }
            if start.elapsed() > PATIENCE {
                return Err(EngineError::ShareTaken { path: self.path.clone(), share: share.to_string() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Claims a part of a pass's scan of the archive for this process. `None` while another process has it. A process without a share
    /// has the whole run and needs no claims; without locks, several may do the same part, to the same end.
    pub(crate) fn claim(&self, pass: &str, work: &str) -> Result<Option<Claim>, EngineError> {
        if self.is_undisputed() { Ok(Some(Claim::undisputed())) } else { Claim::take(&self.disk, &self.claim_path(pass, work)) }
    }

    /// As [`RunDir::claim`], but waits for the other process.
    pub(crate) fn wait_for_claim(&self, pass: &str, work: &str) -> Result<Claim, EngineError> {
        if self.is_undisputed() { Ok(Claim::undisputed()) } else { Claim::wait(&self.disk, &self.claim_path(pass, work)) }
    }

    fn is_undisputed(&self) -> bool {
        self.share.is_none() || !self.has_locks
    }

    /// Locks of what processes with a share are working on.
    pub(crate) fn claims(&self) -> PathBuf {
        self.path.join("state").join("claims")
    }

    fn claim_path(&self, pass: &str, work: &str) -> PathBuf {
        self.claims().join(pass).join(format!("{}.lock", hash_bytes(work.as_bytes())))
    }

    /// Bytes that are free where the run lives (or will live).
    ///
    /// # Errors
    /// [`EngineError::Io`] when the file system does not report it.
    pub fn free_bytes(&self) -> Result<u64, EngineError> {
        let absolute = std::path::absolute(&self.path).map_err(EngineError::io(&self.path, "cannot be found"))?;
        let mut existing = absolute.as_path();
        while let (None, Some(above)) = (self.disk.find(existing)?, existing.parent()) {
            existing = above;
        }
        self.disk.free_bytes(existing).map_err(EngineError::io(existing, "free space cannot be read"))
    }
}
