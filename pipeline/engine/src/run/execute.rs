//! Makes units, several at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::commit::{Commits, Ready, TOGETHER};
use super::context::UnitContext;
use super::runner::{Means, Runner};
use crate::console::{Measure, counted, duration};
use crate::files::roster;
use crate::graph::{Output, Pass, Per};
use crate::plan::scan::{Found, Scan};
use crate::plan::{PassPlan, Status, UnitPlan};
use crate::state::fingerprint::Fingerprint;
use crate::state::journal::Interrupted;
use crate::state::states::States;
use crate::state::unit_state::UnitState;
use crate::sync::locked;
use crate::{EngineError, RunDir, Unit};

impl Runner {
    /// Makes the units of a pass that are not fresh; gives their number.
    pub(super) fn execute(
        &self,
        pass: &Pass,
        plan: &PassPlan,
        scan: &Scan<Found>,
        states: &mut States,
        interrupted: &Interrupted,
        Means { options, pool }: Means<'_>,
    ) -> Result<usize, EngineError> {
        let wanted = |u: &&UnitPlan| (options.force || u.status != Status::Fresh) && self.wants(&u.unit, options);
        let todo: Vec<&UnitPlan> = plan.units.iter().filter(wanted).collect();
        if todo.is_empty() {
            self.console.say(&format!("{:17} fresh, {}", pass.name, counted(plan.units.len(), "unit")));
            return Ok(0);
        }
        self.check_disk(pass, states, &todo)?;
        self.record_config()?;
        let start = Instant::now();
        let progress = (pass.per == Per::SiteDay).then(|| self.console.progress(pass.name, todo.len() as u64, "unit"));
        // Units differ in size, so what is left is told by their sound, where ingest has found how long it is.
        let hours = if progress.is_some() { roster::read(&self.run).ok().flatten().unwrap_or_default() } else { BTreeMap::new() };
        let sound_s = |unit: &Unit| hours.get(unit).copied().unwrap_or(0.0) * 3600.0;
        let mut left_s: f64 = todo.iter().map(|plan| sound_s(&plan.unit)).sum();
        let queue: Mutex<VecDeque<&Unit>> = Mutex::new(todo.iter().map(|plan| &plan.unit).collect());
        let failed: Mutex<Option<EngineError>> = Mutex::default();
        let common = self.planner(false).common(pass, states, scan)?;
        let making = Making { runner: self, pass, common, states, scan, pool };
        let mut commits = Commits::new(self, pass, states, interrupted)?;
        if let Some(turns) = self.turns {
            let made = self.in_turns(&making, todo.iter().map(|plan| &plan.unit), turns, &mut commits);
            *locked(&failed) = made.err();
            locked(&queue).clear();
        }
        std::thread::scope(|scope| {
            let (ready, to_commit) = sync_channel(TOGETHER);
            for _ in 0..options.jobs.max(1).min(todo.len()) {
                let ready = ready.clone();
                scope.spawn(|| {
                    // Each thread has its own end of the channel, which closes when the last one is gone.
                    let ready = ready;
                    while let Some(unit) = { locked(&queue).pop_front() } {
                        if self.stop.load(Ordering::Relaxed) || locked(&failed).is_some() {
                            return;
                        }
                        match making.make(unit) {
                            // The other end is gone when a commit failed.
                            Ok(made) => drop(ready.send(made)),
                            Err(error) => drop(locked(&failed).get_or_insert(error)),
                        }
                    }
                });
            }
            drop(ready);
            let told = |done: usize, new: &[(Unit, UnitState)]| {
                let Some(progress) = &progress else { return };
                if left_s > 0.0 {
                    let more_s: f64 = new.iter().map(|(unit, _)| sound_s(unit)).sum();
                    left_s -= more_s;
                    progress.count(Measure::Sound, more_s, left_s.max(0.0));
                }
                let last = new.last().map(|(unit, _)| unit.to_string());
                progress.done(done as u64, &last.unwrap_or_default());
            };
            if let Err(error) = commits.all(&to_commit, told) {
                *locked(&failed) = Some(error);
            }
        });
        drop(progress);
        let done = commits.done;
        let (made, rows) = (done.len(), done.iter().flat_map(|(_, s)| s.outputs.values()).filter_map(|o| o.rows).sum::<u64>());
        states.entry(pass.name).or_default().extend(done);
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        if self.stop.load(Ordering::Relaxed) && made < todo.len() {
            return Err(EngineError::Stopped);
        }
        let fresh = plan.units.len() - made;
        let fresh = if fresh > 0 { format!(", {fresh} fresh") } else { String::new() };
        let took = duration(start.elapsed().as_secs_f64());
        self.console.say(&format!("{:17} made {}{fresh}, {rows} rows, {took}", pass.name, counted(made, "unit")));
        if let Some(work) = self.registry.get(pass.name) {
            work.summarise(&self.console, &scan.found);
        }
        Ok(made)
    }

    /// Makes units one by one in this thread, and commits so many together.
    fn in_turns<'u>(
        &self,
        making: &Making<'_>,
        units: impl Iterator<Item = &'u Unit>,
        turns: usize,
        commits: &mut Commits<'_>,
    ) -> Result<(), EngineError> {
        let (mut ready, mut failed) = (Vec::new(), Ok(()));
        for unit in units {
            match making.make(unit) {
                Ok(made) => ready.push(made),
                Err(error) => {
                    failed = Err(error);
                    break;
                }
            }
            if ready.len() >= turns {
                commits.some(std::mem::take(&mut ready))?;
            }
        }
        commits.some(ready)?;
        failed
    }
}

/// The making of a pass's units.
struct Making<'a> {
    runner: &'a Runner,
    pass: &'a Pass,
    /// What the units' fingerprints have in common.
    common: Fingerprint,
    states: &'a States,
    scan: &'a Scan<Found>,
    pool: &'a rayon::ThreadPool,
}

impl<'a> Making<'a> {
    /// Makes the outputs of one unit under `tmp/`.
    fn make<'u>(&self, unit: &'u Unit) -> Result<Ready<'u>, EngineError> {
        let Self { runner, pass, .. } = *self;
        let start = Instant::now();
        let fingerprint = runner.planner(false).fingerprint(&self.common, pass, unit, self.states, self.scan);
        let cx = UnitContext {
            access: runner.access(pass, self.states),
            unit,
            digest: fingerprint.digest(),
            inputs: fingerprint.inputs.to_map(),
            staged: Mutex::default(),
        };
        self.pool.install(|| self.work(&cx))?;
        let staged = std::mem::take(&mut *locked(&cx.staged));
        for &output in &pass.outputs {
            let path = RunDir::output(output, unit);
            // A folder may well be empty.
            if !matches!(output, Output::Folder(_)) && !staged.0.contains_key(&path) {
                return Err(EngineError::MissingOutput { pass: pass.name.into(), output: path });
            }
        }
        Ok(Ready { unit, fingerprint, staged, seconds: start.elapsed().as_secs_f64() })
    }

    fn work(&self, cx: &UnitContext<'_>) -> Result<(), EngineError> {
        let name = self.pass.name;
        let fail = |source| EngineError::Work { pass: name.into(), unit: cx.unit.to_string(), source };
        let work = self.runner.registry.get(name).ok_or_else(|| fail("this program does not hold the stage".into()))?;
        work.run(cx, &self.scan.found).map_err(|source| match source.downcast::<EngineError>() {
            Ok(error) if matches!(*error, EngineError::Stopped) => EngineError::Stopped,
            Ok(error) => fail(error),
            Err(source) => fail(source),
        })
    }
}
