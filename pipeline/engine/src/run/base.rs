//! The base of a run (`run.base`): another run, whose units are taken over where making them again would give the same.
//!
//! A unit of the base equals one of this run when both have the same fingerprint. Fingerprints compare inputs by
//! content, so a unit that was taken over makes units of later passes equal too. Outputs are hard links to the base's
//! files rather than copies: files of a run are never changed in place, only replaced. So a derived run is complete in
//! itself, and stays complete when its base is removed.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use rayon::prelude::*;

use crate::files::atomic;
use crate::files::run_dir::CHECKPOINT;
use crate::files::tree::files_below;
use crate::graph::Pass;
use crate::plan::planner::Planner;
use crate::plan::scan::{Found, Scan};
use crate::state::fingerprint::Fingerprint;
use crate::state::states::{States, load};
use crate::state::unit_state::UnitState;
use crate::{Config, EngineError, RunDir, Unit};

/// The run that another one takes units from.
#[derive(Debug)]
pub(crate) struct Base {
    run: RunDir,
}

/// A unit of the base that equals one of this run.
pub(crate) struct Match {
    pub(crate) unit: Unit,
    /// The fingerprint that this run's unit has.
    pub(crate) fingerprint: Fingerprint,
    /// The base's state of it.
    pub(crate) state: UnitState,
}

impl Base {
    /// The base that a configuration names.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        config.text("run.base").map(|path| Self { run: RunDir::new(path) })
    }

    /// The base that a configuration names, once it is known to be a run, and another one.
    pub(crate) fn checked(config: &Config, run: &RunDir) -> Result<Option<Self>, EngineError> {
        let Some(base) = Self::of(config) else { return Ok(None) };
        let refuse = |found: &str| Err(EngineError::Base { path: base.path().to_owned(), found: found.to_owned() });
        if !base.run.path().join("state").is_dir() {
            return refuse("this folder is no run");
        }
        let real = |path: &Path| path.canonicalize().ok();
        if real(base.path()) == real(run.path()) {
            return refuse("a run cannot be its own base");
        }
        Ok(Some(base))
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.run.path()
    }

    /// Its folder as a person would name it here: the worker knows absolute paths only.
    pub(crate) fn name(&self) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        self.path().strip_prefix(here).unwrap_or(self.path()).display().to_string()
    }

    /// The units of a pass, among these, for which the base has what this run would make; its outputs are there with their sizes.
    pub(crate) fn matches(
        &self,
        planner: &Planner<'_>,
        pass: &Pass,
        scan: &Scan<Found>,
        states: &States,
        units: &BTreeSet<&Unit>,
    ) -> Result<Vec<Match>, EngineError> {
        if units.is_empty() {
            return Ok(Vec::new());
        }
        let common = planner.common(pass, states, scan)?;
        let fits = |(unit, state): (Unit, UnitState)| {
            let fingerprint = planner.fingerprint(&common, pass, &unit, states, scan);
            let same = fingerprint.difference(&state.fingerprint, planner.config.known()).is_none()
                && state.check_outputs(&self.run, false).is_none();
            same.then_some(Match { unit, fingerprint, state })
        };
        let recorded: Vec<_> = load(&self.run, pass.name).into_iter().filter(|(unit, _)| units.contains(unit)).collect();
        Ok(recorded.into_par_iter().filter_map(fits).collect())
    }

    /// Links the outputs of a unit into `run`. False when the base's unit was made again meanwhile, or `verify` finds
    /// damage: then the unit has no state in `run`, and is made there.
    pub(crate) fn link_outputs(&self, run: &RunDir, pass: &str, found: &Match, verify: bool) -> Result<bool, EngineError> {
        let before = UnitState::read(&run.state(pass, &found.unit));
        atomic::drop_file(&run.state(pass, &found.unit))?;
        found.state.remove_superseded(before, run)?;
        for path in found.state.outputs.keys() {
            match atomic::take(&run.tmp(), &self.path().join(path), &run.path().join(path)) {
                Ok(()) => {}
                Err(EngineError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        // Making a unit removes its state first and writes it last. So when the state is the same before and after, so
        // were the files.
        let unchanged = UnitState::read(&self.run.state(pass, &found.unit)).is_some_and(|now| now == found.state);
        Ok(unchanged && found.state.check_outputs(run, verify).is_none())
    }

    /// Whether the base has a unit just as this run has it.
    pub(crate) fn has(&self, pass: &str, unit: &Unit, state: &UnitState) -> bool {
        UnitState::read(&self.run.state(pass, unit)).is_some_and(|base| base == *state)
    }

    /// Takes over what a pass of the base has cached and this run has not, so that the archive is not read again.
    pub(crate) fn link_cache(&self, run: &RunDir, pass: &str) -> Result<(), EngineError> {
        let (theirs, own) = (self.run.cache(pass, ""), run.cache(pass, ""));
        for path in files_below(&theirs) {
            let relative = path.strip_prefix(&theirs).unwrap_or(&path);
            let is_checkpoint = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(CHECKPOINT));
            if is_checkpoint || own.join(relative).exists() {
                continue;
            }
            match atomic::take(&run.tmp(), &path, &own.join(relative)) {
                // The base removed it meanwhile.
                Err(EngineError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                taken => taken?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::atomic::OutputState;

    const OUTPUT: &str = "tables/segments/part-000.parquet";

    /// A base with one unit, and that unit as it was found.
    fn base(folder: &Path) -> (Base, Match) {
        let base = Base { run: RunDir::new(folder.join("base")) };
        let bytes = b"rows";
        let output = OutputState { bytes: 4, hash: crate::hash_bytes(bytes), rows: None };
        atomic::write(&base.run.tmp(), &base.path().join(OUTPUT), bytes).unwrap();
        let state = UnitState {
            fingerprint: Fingerprint { code_version: 1, ..Fingerprint::default() },
            outputs: [(OUTPUT.to_owned(), output)].into(),
            place: None,
        };
        state.save(&base.run, "segment", &Unit::Run).unwrap();
        let found = Match { unit: Unit::Run, fingerprint: state.fingerprint.clone(), state };
        (base, found)
    }

    #[test]
    fn a_unit_that_the_base_makes_again_meanwhile_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        let (base, found) = base(dir.path());
        assert!(base.link_outputs(&run, "segment", &found, false).unwrap());
        // While it is made again its state is gone; then there is another one.
        let state = base.run.state("segment", &Unit::Run);
        atomic::drop_file(&state).unwrap();
        assert!(!base.link_outputs(&run, "segment", &found, false).unwrap());
        let fingerprint = Fingerprint { code_version: 2, ..Fingerprint::default() };
        UnitState { fingerprint, ..found.state.clone() }.save(&base.run, "segment", &Unit::Run).unwrap();
        assert!(!base.link_outputs(&run, "segment", &found, false).unwrap());
        found.state.save(&base.run, "segment", &Unit::Run).unwrap();
        assert!(base.link_outputs(&run, "segment", &found, true).unwrap());
        // A file of the right size and the wrong content shows to those who look.
        atomic::write(&base.run.tmp(), &base.path().join(OUTPUT), b"rots").unwrap();
        assert!(base.link_outputs(&run, "segment", &found, false).unwrap());
        assert!(!base.link_outputs(&run, "segment", &found, true).unwrap());
        std::fs::remove_file(base.path().join(OUTPUT)).unwrap();
        assert!(!base.link_outputs(&run, "segment", &found, false).unwrap());
    }

    #[test]
    fn an_old_state_is_dropped_before_its_outputs_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        let (base, found) = base(dir.path());
        found.state.save(&run, "segment", &Unit::Run).unwrap();
        assert!(base.link_outputs(&run, "segment", &found, false).unwrap());
        assert!(!run.state("segment", &Unit::Run).exists());
    }

    #[test]
    fn what_the_unit_made_before_and_the_base_did_not_goes() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        let (base, found) = base(dir.path());
        let other = "tables/embeddings/part-000.parquet";
        atomic::write(&run.tmp(), &run.path().join(other), b"old").unwrap();
        let mut before = found.state.clone();
        before.outputs.insert(other.to_owned(), found.state.outputs[OUTPUT].clone());
        before.save(&run, "segment", &Unit::Run).unwrap();
        assert!(base.link_outputs(&run, "segment", &found, false).unwrap());
        assert!(run.path().join(OUTPUT).exists() && !run.path().join(other).exists());
    }

    #[test]
    fn memory_is_taken_over_where_there_is_none_and_checkpoints_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        let (base, _) = base(dir.path());
        let remember = |run: &RunDir, name: &str, what: &str| {
            atomic::write(&run.tmp(), &run.cache("ingest", name), what.as_bytes()).unwrap();
        };
        remember(&base.run, "files/aa/piece", "theirs");
        remember(&base.run, "files/aa/other", "theirs");
        remember(&base.run, "checkpoint-1", "theirs");
        remember(&run, "files/aa/other", "own");
        base.link_cache(&run, "ingest").unwrap();
        let own = |name: &str| std::fs::read_to_string(run.cache("ingest", name)).ok();
        assert_eq!(own("files/aa/piece").as_deref(), Some("theirs"));
        assert_eq!(own("files/aa/other").as_deref(), Some("own"));
        assert_eq!(own("checkpoint-1"), None);
    }
}
