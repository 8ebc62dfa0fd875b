//! The folder of a run: where everything in it lives.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::graph::Output;
use crate::{EngineError, Unit, atomic};

/// A run's folder. Making one touches nothing.
#[derive(Debug, Clone)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// The run in this folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of the tables.
    pub fn tables(&self) -> PathBuf {
        self.0.join("tables")
    }

    /// The folder of the model that this run trains.
    pub fn model(&self) -> PathBuf {
        self.0.join("model")
    }

    /// The configuration that the run was last made with, every key with its value.
    pub fn resolved_config(&self) -> PathBuf {
        self.0.join("config.resolved.yaml")
    }

    /// Versions, host, device, seeds and hashes.
    pub fn manifest(&self) -> PathBuf {
        self.0.join("manifest.json")
    }

    /// One JSON object per line: what was done when, and how long it took.
    pub fn log(&self) -> PathBuf {
        self.0.join("log.jsonl")
    }

    /// Where files are written before they get their name.
    pub fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// The states of a pass's units.
    pub fn states(&self, pass: &str) -> PathBuf {
        self.0.join("state").join(pass)
    }

    /// The state of one unit.
    pub fn state(&self, pass: &str, unit: &Unit) -> PathBuf {
        match unit {
            Unit::Run => self.states(pass).join("run.json"),
            unit => self.states(pass).join(format!("{unit}.json")),
        }
    }

    /// What a pass remembers from one execution to the next; nothing depends on it but speed.
    pub fn cache(&self, pass: &str, name: &str) -> PathBuf {
        self.0.join("state").join("cache").join(pass).join(name)
    }

    /// The path of a unit's output, relative to the run.
    pub fn output(output: Output, unit: &Unit) -> String {
        match (output, unit) {
            (Output::File(path), _) => path.to_owned(),
            (Output::Table(table), Unit::Run) => format!("tables/{table}/part-000.parquet"),
            (Output::Table(table), unit) => format!("tables/{table}/{unit}.parquet"),
        }
    }

    /// Takes the run for this process and those that it starts, until the lock is dropped and all of them have ended.
    ///
    /// The worker of a process that was killed ends a moment later, so a lock that is held is asked for again for a while.
    ///
    /// # Errors
    /// [`EngineError::Locked`] when another process has it.
    pub fn lock(&self) -> Result<File, EngineError> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let path = self.0.join("state").join("lock");
        let file = atomic::open_lock(&path)?;
        let start = Instant::now();
        while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            if start.elapsed() > PATIENCE {
                return Err(EngineError::Locked { path: self.0.clone() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // A lock belongs to the open file: the worker inherits it, and a run whose `chorus` was killed stays taken until it ends too.
        fcntl_setfd(&file, FdFlags::empty()).map_err(|e| EngineError::io(&path, "cannot be handed to the worker")(e.into()))?;
        Ok(file)
    }

    /// Bytes that are free where the run lives (or will live).
    ///
    /// # Errors
    /// [`EngineError::Io`] when the file system does not tell.
    pub fn free_bytes(&self) -> Result<u64, EngineError> {
        let absolute = std::path::absolute(&self.0).map_err(EngineError::io(&self.0, "cannot be found"))?;
        let existing = absolute.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
        let stat = rustix::fs::statvfs(existing).map_err(|e| EngineError::io(existing, "free space cannot be told")(e.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
