//! What a run begins with: its locks, and what was made before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::runner::{Execution, RunOptions, Runner};
use crate::files::atomic;
use crate::files::claim::Claim;
use crate::files::run_dir::{CHECKPOINT, RunLock};
use crate::files::scratch::clear_tmp;
use crate::graph::{Pass, Program};
use crate::state::journal;
use crate::state::unit_state::UnitState;
use crate::{EngineError, Unit};

impl Runner {
    /// Locks the run, or its share, for this process. The worker runs within a run that `chorus` has locked.
    pub(super) fn open(&self) -> Result<Option<(RunLock, Option<Claim>)>, EngineError> {
        if self.program != Program::Chorus {
            return Ok(None);
        }
        let lock = self.run.lock()?;
        let share = self.run.share().map(|share| self.run.take_share(share)).transpose()?;
        clear_tmp(&self.run)?;
        if share.is_none() {
            // No other process has the run, so processes that were killed left these.
            atomic::clear(self.run.disk(), &self.run.claims())?;
        }
        Ok(Some((lock, share)))
    }

    /// Writes down the configuration: when something is about to be made with it, and at the end of a run.
    pub(super) fn record_config(&self) -> Result<(), EngineError> {
        let (path, yaml) = (self.run.resolved_config(), self.config.with_absolute_paths().to_yaml());
        if self.program == Program::Chorus && self.run.disk().read_if_there(&path)?.as_deref() != Some(yaml.as_bytes()) {
            self.run.write(&path, yaml.as_bytes())?;
        }
        Ok(())
    }

    /// Reads what is recorded. A process that has the run for itself writes long journals anew.
    pub(super) fn begin(&self, needed: &BTreeSet<&'static str>, options: &RunOptions) -> Result<Execution, EngineError> {
        let has_all = self.run.share().is_none();
        let mut execution = Execution::default();
        // The manifest of a whole run tells of all passes.
        for pass in self.passes().iter().filter(|pass| has_all || needed.contains(pass.name)) {
            let recorded = self.recorded(pass)?;
            if has_all && self.program == Program::Chorus {
                if !options.force {
                    self.remove_left_checkpoints(pass, &recorded.made)?;
                }
                if recorded.has_unit_files {
                    execution.unlisted.insert(pass.name);
                }
                journal::compact(&self.run, pass.name, &recorded)?;
            }
            execution.states.insert(pass.name, recorded.made);
            execution.interrupted.insert(pass.name, recorded.interrupted);
        }
        Ok(execution)
    }

    /// Removes checkpoints of units that are made: a process that was killed right behind a commit left them, and nobody would look for
    /// them again. While units are forced, one may be of a unit that is being made.
    fn remove_left_checkpoints(&self, pass: &Pass, made: &BTreeMap<Unit, UnitState>) -> Result<(), EngineError> {
        let cache = self.run.cache(pass.name, "");
        let is_checkpoint = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(CHECKPOINT));
        let entries = self.run.disk().entries(&cache)?;
        let left: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path).filter(is_checkpoint).collect();
        if left.is_empty() {
            return Ok(());
        }
        let made: BTreeSet<PathBuf> =
            made.values().map(|state| self.run.checkpoint(pass.name, &state.fingerprint.digest())).collect();
        atomic::remove(self.run.disk(), &cache, left.into_iter().filter(|path| made.contains(path)))
    }
}
