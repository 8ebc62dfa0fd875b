//! Commits units: their outputs get their names, and the journal says that the units were made.
//!
//! Units that are ready at the same time are committed together, because waiting for the disk costs as much for a hundred of them as for
//! one. Before the commit a unit's former outputs stay as they are, and so does what is recorded of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;

use chorus_platform::memory;
use chorus_text::shown_json;
use serde_json::json;

use super::runner::Runner;
use crate::files::atomic::{self, Batch};
use crate::files::log;
use crate::files::publisher::Publisher;
use crate::graph::Pass;
use crate::state::fingerprint::Fingerprint;
use crate::state::journal::{Interrupted, Journal};
use crate::state::outputs::Outputs;
use crate::state::states::States;
use crate::state::unit_state::UnitState;
use crate::{EngineError, RunDir, Unit};

/// The most units that are committed together.
pub(super) const TOGETHER: usize = 256;

/// A unit whose outputs are whole, and wait for their names.
pub(super) struct Ready<'a> {
    pub(super) unit: &'a Unit,
    pub(super) fingerprint: Fingerprint,
    pub(super) staged: Batch,
    pub(super) seconds: f64,
}

/// The commits of a pass.
pub(super) struct Commits<'a> {
    runner: &'a Runner,
    pass: &'a Pass,
    publisher: Publisher,
    journal: Journal<'a>,
    /// What is recorded of the units now.
    states: &'a States,
    /// Files that were touched when units were made to no end.
    interrupted: &'a Interrupted,
    pub(super) done: Vec<(Unit, UnitState)>,
}

impl<'a> Commits<'a> {
    /// Made before the first unit is, as a [`Publisher`] is.
    pub(super) fn new(
        runner: &'a Runner,
        pass: &'a Pass,
        states: &'a States,
        interrupted: &'a Interrupted,
    ) -> Result<Self, EngineError> {
        let publisher = Publisher::new(runner.run.disk(), runner.run.path())?;
        let journal = Journal::new(&runner.run, pass.name);
        Ok(Self { runner, pass, publisher, journal, states, interrupted, done: Vec::new() })
    }

    /// Commits units as they become ready, until no more come. `told` gets how many were committed in all, and those that were just now.
    pub(super) fn all(
        &mut self,
        ready: &Receiver<Ready<'_>>,
        mut told: impl FnMut(usize, &[(Unit, UnitState)]),
    ) -> Result<(), EngineError> {
        while let Ok(first) = ready.recv() {
            let mut some = vec![first];
            some.extend(ready.try_iter().take(TOGETHER - 1));
            let before = self.done.len();
            self.some(some)?;
            told(self.done.len(), &self.done[before..]);
        }
        Ok(())
    }

    /// Commits some units together.
    pub(super) fn some(&mut self, ready: Vec<Ready<'_>>) -> Result<(), EngineError> {
        let Self { runner: Runner { run, .. }, pass, .. } = *self;
        let outputs: Vec<Outputs> = ready.iter().map(|ready| ready.staged.outputs().collect()).collect();
        let recorded = self.states.get(pass.name);
        let touched: Vec<Touched<'_>> = ready
            .iter()
            .zip(&outputs)
            .map(|(Ready { unit, .. }, outputs)| {
                let before = recorded.and_then(|states| states.get(*unit));
                Touched::new(before, self.interrupted.get(*unit), outputs)
            })
            .collect();
        self.journal.making(ready.iter().map(|ready| ready.unit).zip(touched.iter().map(Touched::files)))?;
        let (batches, made): (Vec<Batch>, Vec<_>) =
            ready.into_iter().map(|Ready { unit, fingerprint, staged, seconds }| (staged, (unit, fingerprint, seconds))).unzip();
        self.publisher.publish(batches.iter().flat_map(Batch::files))?;
        touched.iter().try_for_each(|touched| touched.remove_superseded(run))?;
        let mut committed = Vec::with_capacity(made.len());
        let (mut lines, peak_mib) = (String::new(), memory::peak().map(|bytes| bytes >> 20));
        for ((unit, fingerprint, seconds), outputs) in made.into_iter().zip(outputs) {
            let rows: BTreeMap<&str, u64> = outputs.iter().filter_map(|(path, output)| Some((path, output.rows?))).collect();
            let event = json!({
                "at": run.disk().now().to_string(), "pass": pass.name, "unit": unit.to_string(), "seconds": seconds, "rows": rows,
                "peak_mib": peak_mib,
            });
            lines += &format!("{event}\n");
            let state = UnitState { fingerprint, outputs, place: None };
            state.remove_strays(pass, run)?;
            committed.push((unit.clone(), state));
        }
        self.journal.made(committed.iter().map(|(unit, state)| (unit, state)))?;
        for (_, state) in &committed {
            run.disk().remove_if_there(&run.checkpoint(pass.name, &state.fingerprint.digest()))?;
        }
        log::append(run, &shown_json(&lines))?;
        self.done.extend(committed);
        Ok(())
    }
}

/// The files that the making of a unit touches.
pub(super) struct Touched<'a> {
    all: BTreeSet<&'a str>,
    outputs: &'a Outputs,
}

impl<'a> Touched<'a> {
    /// The files of what is recorded of the unit, those of a making that did not come to its end, and those that it will have.
    pub(super) fn new(before: Option<&'a UnitState>, interrupted: Option<&'a Vec<String>>, outputs: &'a Outputs) -> Self {
        let before = before.into_iter().flat_map(|state| state.outputs.paths());
        let interrupted = interrupted.into_iter().flatten().map(String::as_str);
        Self { all: before.chain(interrupted).chain(outputs.paths()).collect(), outputs }
    }

    /// Their paths.
    pub(super) fn files(&self) -> Vec<&'a str> {
        self.all.iter().copied().collect()
    }

    /// Removes what the unit had before and has no more, such as a table that was switched off.
    pub(super) fn remove_superseded(&self, run: &RunDir) -> Result<(), EngineError> {
        let superseded = self.all.iter().filter(|path| !self.outputs.contains(path));
        atomic::remove(run.disk(), run.path(), superseded.map(|path| run.path().join(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::atomic::OutputState;

    #[test]
    fn what_the_unit_had_before_and_what_a_broken_making_touched_goes() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        let files = ["tables/a/part-000.parquet", "tables/b/part-000.parquet", "tables/c/part-000.parquet"];
        for file in files {
            run.write(&run.path().join(file), b"rows").unwrap();
        }
        let outputs =
            |path: &str| [(path, OutputState { bytes: 4, hash: "ab".into(), rows: None })].into_iter().collect::<Outputs>();
        let before = UnitState { fingerprint: Fingerprint::default(), outputs: outputs(files[0]), place: None };
        let (broken, now) = (vec![files[1].to_owned()], outputs(files[2]));
        let touched = Touched::new(Some(&before), Some(&broken), &now);
        assert_eq!(touched.files(), files);
        touched.remove_superseded(&run).unwrap();
        assert_eq!(files.map(|file| run.path().join(file).exists()), [false, false, true]);
    }
}
