//! What is checked before anything is made: the archive, the model, the run's folder, the disk.

use std::collections::BTreeSet;
use std::path::Path;

use super::base::{Base, require_runs};
use super::context::ScanContext;
use super::runner::Runner;
use super::work::Fault;
use crate::config::{ConfigError, Problem};
use crate::console::bytes;
use crate::graph::{ENSEMBLE, Input, Pass, WEIGHTS};
use crate::plan::UnitPlan;
use crate::state::states::States;
use crate::{EngineError, Unit, given_model};

impl Runner {
    /// Checks what the run reads from outside: the archive, the files that the configuration names, and the model where
    /// one is given.
    ///
    /// # Errors
    /// [`EngineError::Config`], [`EngineError::Archive`], [`EngineError::Model`].
    pub fn check(&self) -> Result<(), EngineError> {
        self.check_sources(&self.passes().iter().map(|p| p.name).collect::<Vec<_>>())
    }

    /// A missing archive, and files and a model that cannot be used, are reported before anything is made.
    pub(super) fn check_sources(&self, selected: &[&'static str]) -> Result<(), EngineError> {
        let selected: Vec<&Pass> = selected.iter().map(|name| self.pass(name)).collect();
        if !selected.iter().all(|pass| pass.exploratory) {
            self.config.require_purpose()?;
        }
        let states = States::new();
        for pass in selected.iter().filter(|pass| pass.reads(Input::Archive)) {
            self.access(pass, &states).archive()?;
        }
        self.check_run_folder()?;
        Base::checked(&self.config, &self.run)?;
        for input in selected.iter().flat_map(|pass| &pass.inputs) {
            if let Input::Run { key, .. } = input {
                require_runs(&self.config, &self.run, key)?;
            }
        }
        self.check_named_files(&selected)?;
        let keys: BTreeSet<String> = selected.iter().flat_map(|pass| self.config.expand(&pass.keys)).collect();
        for problem in self.config.warnings().iter().filter(|problem| keys.contains(&problem.key)) {
            self.console.warn(&problem.to_string());
        }
        let reads = |is_read: fn(&Input) -> bool| selected.iter().any(|pass| pass.inputs.iter().any(is_read));
        match self.config.text("model.path") {
            Some(model) if reads(|input| *input == Input::Model(WEIGHTS)) => {
                given_model::check(&self.config, Path::new(model))?;
            }
            None if reads(|input| matches!(input, Input::Models { key: ENSEMBLE, .. })) => {
                given_model::check_others(&self.config)?;
            }
            _ => {}
        }
        selected.iter().filter_map(|pass| self.registry.check(pass.name)).try_for_each(|check| check(&self.config))
    }

    /// What is wrong with files that the configuration names, all at once, each with the line that names it.
    fn check_named_files(&self, selected: &[&Pass]) -> Result<(), EngineError> {
        let states = States::new();
        let mut problems = Vec::new();
        for pass in selected {
            let Some(work) = self.registry.get(pass.name) else { continue };
            let cx = ScanContext { access: self.access(pass, &states), look_only: true, only: None };
            let fail = |source| EngineError::Work { pass: pass.name.into(), unit: "check".into(), source };
            problems.extend(work.faults(&cx).map_err(fail)?.into_iter().map(|Fault { key, found, allowed }| Problem {
                place: self.config.place(key),
                key: key.to_owned(),
                found,
                allowed,
            }));
        }
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::Invalid { problems }.into()) }
    }

    /// A run lies outside of the archive, and either trains a model or applies one: tables of its other mode would stay
    /// behind and be queried.
    pub(super) fn check_run_folder(&self) -> Result<(), EngineError> {
        let run = std::path::absolute(self.run.path()).map_err(EngineError::io(self.run.path(), "cannot be found"))?;
        let existing = run.ancestors().find_map(|p| Some((p.canonicalize().ok()?, run.strip_prefix(p).ok()?)));
        let real = existing.map_or_else(|| run.clone(), |(base, rest)| base.join(rest));
        let archive = self.config.text("archive.path").and_then(|archive| Path::new(archive).canonicalize().ok());
        let refuse = |found: &str, next: &str| {
            Err(EngineError::Archive { path: self.run.path().to_owned(), found: found.into(), next: next.into() })
        };
        if archive.is_some_and(|archive| real.starts_with(archive)) {
            return refuse(
                "the run would lie within the archive, which is never written to",
                "name a folder outside of it in run.path",
            );
        }
        if self.config.text("model.path").is_some() && self.run.disk().find(&self.run.model().join(WEIGHTS))?.is_some() {
            let next =
                "name another folder in run.path, so that its labels and metrics are not taken for those of the other model";
            return refuse("this run trained a model of its own, and model.path names another", next);
        }
        Ok(())
    }

    /// A first look, before a new run's folder is made: an archive without recordings or a full disk leave nothing behind.
    pub(super) fn look_first(&self, selected: &[&'static str]) -> Result<(), EngineError> {
        let Some(first) = self.passes().iter().find(|pass| selected.contains(&pass.name)) else { return Ok(()) };
        self.scan(first, &States::new(), true, None)?;
        self.require_disk(first.stage, 0)
    }

    pub(super) fn bytes_needed(&self, pass: &str, states: &States, units: &[&UnitPlan]) -> Result<u64, EngineError> {
        let pass = self.pass(pass);
        let Some(work) = self.registry.get(pass.name) else { return Ok(0) };
        let cx = ScanContext { access: self.access(pass, states), look_only: true, only: None };
        let units: Vec<&Unit> = units.iter().map(|u| &u.unit).collect();
        let fail = |source| EngineError::Work { pass: pass.name.into(), unit: "estimate".into(), source };
        work.bytes_needed(&cx, &units).map_err(fail)
    }

    pub(super) fn check_disk(&self, pass: &Pass, states: &States, units: &[&UnitPlan]) -> Result<(), EngineError> {
        self.require_disk(pass.stage, self.bytes_needed(pass.name, states, units)?)
    }

    pub(super) fn require_disk(&self, stage: &str, needed: u64) -> Result<(), EngineError> {
        let reserve = (self.config.number("units.keep_free_gib") * (1u64 << 30) as f64) as u64;
        let free = self.run.free_bytes()?;
        if needed.saturating_add(reserve) <= free {
            return Ok(());
        }
        Err(EngineError::Disk {
            path: self.run.path().to_owned(),
            stage: stage.into(),
            needed: bytes(needed),
            free: bytes(free),
            reserve: bytes(reserve),
        })
    }
}
