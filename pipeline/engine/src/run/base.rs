//! The bases of a run (`run.base`): other runs, whose units are taken over where making them again would give the same.
//!
//! A unit of the base equals one of this run when both have the same fingerprint. Fingerprints compare inputs by
//! content, so a unit that was taken over makes units of later passes equal too. Outputs are hard links to the base's
//! files rather than copies: files of a run are never changed in place, only replaced. So a derived run is complete in
//! itself, and stays complete when its bases are removed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use rayon::prelude::*;

use crate::files::atomic::{self, Waiting};
use crate::files::run_dir::CHECKPOINT;
use crate::graph::Pass;
use crate::plan::planner::Planner;
use crate::plan::scan::{Found, Scan};
use crate::state::fingerprint::Fingerprint;
use crate::state::journal::{self, Extent, Stamp};
use crate::state::states::States;
use crate::state::unit_state::UnitState;
use crate::{Config, EngineError, RunDir, Unit};

/// The key that names the bases.
const BASE: &str = "run.base";

/// Refuses a key that names a folder that is no run, or this run itself.
pub(crate) fn require_runs(config: &Config, run: &RunDir, key: &'static str) -> Result<(), EngineError> {
    let own = run.disk().identify(run.path())?;
    for path in config.paths(key) {
        let refuse = |found: &str| Err(EngineError::OtherRun { key, path: path.clone(), found: found.to_owned() });
        if !run.disk().find(&path.join("state"))?.is_some_and(|state| state.is_folder) {
            return refuse("this folder is no run");
        }
        if own.is_some() && run.disk().identify(&path)? == own {
            return refuse("this is the folder of the run itself");
        }
    }
    Ok(())
}

/// The run that another one takes units from.
#[derive(Debug)]
pub(crate) struct Base {
    run: RunDir,
}

/// The units of a base that equal those of this run.
#[derive(Default)]
pub(crate) struct Matches {
    pub(crate) units: Vec<Match>,
    /// The base's journal when they were found.
    pub(crate) stamp: Option<Stamp>,
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
    /// The bases that the configuration of a run names.
    pub(crate) fn all(config: &Config, run: &RunDir) -> Vec<Self> {
        config.paths(BASE).into_iter().map(|path| Self { run: run.other(path) }).collect()
    }

    /// The bases that a configuration names, once they are known to be runs, and others than this one.
    pub(crate) fn checked(config: &Config, run: &RunDir) -> Result<Vec<Self>, EngineError> {
        require_runs(config, run, BASE)?;
        Ok(Self::all(config, run))
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

    /// What the base records of a pass, with the state of its journal at that time.
    fn recorded(&self, pass: &str, units: &BTreeSet<&Unit>) -> Result<(BTreeMap<Unit, UnitState>, Option<Stamp>), EngineError> {
        let stamp = journal::stamp(&self.run, pass)?;
        let extent = |unit: &Unit| if units.contains(unit) { Extent::All } else { Extent::Nothing };
        Ok((journal::read(&self.run, pass, extent)?.made, stamp))
    }

    /// The units of a pass, among these, for which the base has what this run would make; its outputs are there with their sizes.
    pub(crate) fn matches(
        &self,
        planner: &Planner<'_>,
        pass: &Pass,
        scan: &Scan<Found>,
        states: &States,
        units: &BTreeSet<&Unit>,
    ) -> Result<Matches, EngineError> {
        if units.is_empty() {
            return Ok(Matches::default());
        }
        let common = planner.common(pass, states, scan)?;
        let fits = |(unit, state): (Unit, UnitState)| {
            let fingerprint = planner.fingerprint(&common, pass, &unit, states, scan);
            let same = fingerprint.difference(&state.fingerprint, planner.config.known()).is_none()
                && state.check_outputs(&self.run, false)?.is_none();
            Ok(same.then_some(Match { unit, fingerprint, state }))
        };
        let (recorded, stamp) = self.recorded(pass.name, units)?;
        let units: Vec<Option<Match>> = recorded.into_par_iter().map(fits).collect::<Result<_, EngineError>>()?;
        Ok(Matches { units: units.into_iter().flatten().collect(), stamp })
    }

    /// Takes the outputs of a unit into `tmp/` of `run`, each with its path in the run. `None` when one of them is gone meanwhile.
    pub(crate) fn take_outputs<'f>(
        &self,
        run: &RunDir,
        found: &'f Match,
    ) -> Result<Option<Vec<(Waiting, &'f str)>>, EngineError> {
        let mut taken = Vec::new();
        for path in found.state.outputs.paths() {
            match atomic::take(run.disk(), &run.tmp(), &self.path().join(path)) {
                Ok(file) => taken.push((file, path)),
                Err(EngineError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(taken))
    }

    /// Of these units, those that the base did not make again since they were found. Making a unit is written down before its files are
    /// replaced. So when the record is the same before and after linking, so were the files.
    pub(crate) fn unchanged<'a>(
        &self,
        pass: &str,
        found: Vec<&'a Match>,
        stamp: &Option<Stamp>,
    ) -> Result<Vec<&'a Match>, EngineError> {
        if stamp.is_some() && journal::stamp(&self.run, pass)? == *stamp {
            return Ok(found);
        }
        let now = self.recorded(pass, &found.iter().map(|found| &found.unit).collect())?.0;
        Ok(found.into_iter().filter(|found| now.get(&found.unit) == Some(&found.state)).collect())
    }

    /// How many of these units the base has just as this run has them.
    pub(crate) fn count(&self, pass: &str, units: &BTreeMap<&Unit, &UnitState>) -> Result<usize, EngineError> {
        let recorded = self.recorded(pass, &units.keys().copied().collect())?.0;
        Ok(units.iter().filter(|(unit, state)| recorded.get(**unit) == Some(**state)).count())
    }

    /// Takes over what a pass of the base has cached and this run has not, so that the archive is not read again.
    pub(crate) fn link_cache(&self, run: &RunDir, pass: &str) -> Result<(), EngineError> {
        let (theirs, own) = (self.run.cache(pass, ""), run.cache(pass, ""));
        for path in run.disk().files_below(&theirs)? {
            let place = own.join(path.strip_prefix(&theirs).unwrap_or(&path));
            let is_checkpoint = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(CHECKPOINT));
            if is_checkpoint || run.disk().find(&place)?.is_some() {
                continue;
            }
            match atomic::take(run.disk(), &run.tmp(), &path) {
                // The base removed it meanwhile.
                Err(EngineError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                taken => taken?.put(&place)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::journal::Journal;

    const OUTPUT: &str = "tables/segments/part-000.parquet";

    /// A base with one unit, and that unit as it was found.
    fn base(folder: &Path) -> (Base, Match) {
        let base = Base { run: RunDir::new(folder.join("base")) };
        let output = base.run.write(&base.path().join(OUTPUT), b"rows").unwrap();
        let state = UnitState {
            fingerprint: Fingerprint { code_version: 1, ..Fingerprint::default() },
            outputs: [(OUTPUT, output)].into_iter().collect(),
            place: None,
        };
        record(&base, &state);
        let found = Match { unit: Unit::Run, fingerprint: state.fingerprint.clone(), state };
        (base, found)
    }

    fn record(base: &Base, state: &UnitState) {
        Journal::new(&base.run, "segment").made([(&Unit::Run, state)]).unwrap();
    }

    #[test]
    fn a_unit_that_the_base_makes_again_meanwhile_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (base, found) = base(dir.path());
        let stamp = journal::stamp(&base.run, "segment").unwrap();
        let is_taken = || base.unchanged("segment", vec![&found], &stamp).unwrap().len() == 1;
        assert!(is_taken());
        // What happens to other units does not matter.
        let other = Unit::SiteDay { site: "A".into(), date: None, part: 0 };
        Journal::new(&base.run, "segment").making([(&other, vec![OUTPUT])]).unwrap();
        assert!(is_taken());
        // While it is made again it counts as not made; then there is another one.
        Journal::new(&base.run, "segment").making([(&Unit::Run, vec![OUTPUT])]).unwrap();
        assert!(!is_taken());
        let fingerprint = Fingerprint { code_version: 2, ..Fingerprint::default() };
        record(&base, &UnitState { fingerprint, ..found.state.clone() });
        assert!(!is_taken());
        record(&base, &found.state);
        assert!(is_taken());
    }

    #[test]
    fn a_file_that_is_gone_meanwhile_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        let (base, found) = base(dir.path());
        let taken = base.take_outputs(&run, &found).unwrap().unwrap();
        taken.iter().for_each(|(file, path)| file.put(&run.path().join(path)).unwrap());
        assert_eq!(std::fs::read(run.path().join(OUTPUT)).unwrap(), b"rows");
        std::fs::remove_file(base.path().join(OUTPUT)).unwrap();
        assert!(base.take_outputs(&run, &found).unwrap().is_none());
    }

    #[test]
    fn memory_is_taken_over_where_there_is_none_and_checkpoints_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        let (base, _) = base(dir.path());
        let remember = |run: &RunDir, name: &str, what: &str| {
            run.write(&run.cache("ingest", name), what.as_bytes()).unwrap();
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
