//! Makes units, several at once, and commits each by itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use serde_json::json;

use super::context::UnitContext;
use super::runner::{RunOptions, Runner};
use crate::console::{counted, duration};
use crate::files::atomic;
use crate::graph::{Output, Pass, Per};
use crate::plan::scan::{Found, Scan};
use crate::plan::{PassPlan, Status, UnitPlan};
use crate::state::fingerprint::Fingerprint;
use crate::state::states::States;
use crate::state::unit_state::UnitState;
use crate::sync::locked;
use crate::{EngineError, RunDir, Unit};

/// Units that may wait for the disk while others are worked on. A unit's outputs have to be on disk before its state is written.
const COMMITS: usize = 8;

impl Runner {
    /// Makes the units of a pass that are not fresh; gives their number.
    pub(super) fn execute(
        &self,
        pass: &Pass,
        plan: &PassPlan,
        scan: &Scan<Found>,
        states: &mut States,
        options: &RunOptions,
        pool: &rayon::ThreadPool,
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
        let progress = (pass.per == Per::SiteDay).then(|| self.console.progress(pass.name, todo.len() as u64, "units"));
        let queue: Mutex<VecDeque<&Unit>> = Mutex::new(todo.iter().map(|plan| &plan.unit).collect());
        let done: Mutex<Vec<(Unit, UnitState)>> = Mutex::default();
        let failed: Mutex<Option<EngineError>> = Mutex::default();
        let common = self.planner(false).common(pass, states, scan)?;
        let jobs = options.jobs.max(1);
        let making = Making { runner: self, pass, common, states, scan, pool, slots: Slots::new(jobs) };
        std::thread::scope(|scope| {
            for _ in 0..(jobs + COMMITS).min(todo.len()) {
                scope.spawn(|| {
                    while let Some(unit) = { locked(&queue).pop_front() } {
                        if self.stop.load(Ordering::Relaxed) || locked(&failed).is_some() {
                            return;
                        }
                        match making.make(unit) {
                            Ok(state) => {
                                let mut done = locked(&done);
                                done.push((unit.clone(), state));
                                if let Some(progress) = &progress {
                                    progress.done(done.len() as u64, &unit.to_string());
                                }
                            }
                            Err(error) => {
                                locked(&failed).get_or_insert(error);
                            }
                        }
                    }
                });
            }
        });
        drop(progress);
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
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
    slots: Slots,
}

impl Making<'_> {
    /// Makes and commits one unit: drop its state, make the outputs under `tmp/`, publish them, write the state last.
    fn make(&self, unit: &Unit) -> Result<UnitState, EngineError> {
        let Self { runner: Runner { run, .. }, pass, .. } = *self;
        let start = Instant::now();
        let fingerprint = self.runner.planner(false).fingerprint(&self.common, pass, unit, self.states, self.scan);
        let before = UnitState::read(&run.state(pass.name, unit));
        atomic::drop_file(&run.state(pass.name, unit))?;
        let cx = UnitContext {
            access: self.runner.access(pass, self.states),
            unit,
            digest: fingerprint.digest(),
            inputs: fingerprint.inputs.clone(),
            staged: Mutex::default(),
        };
        {
            let _slot = self.slots.take();
            self.pool.install(|| self.work(&cx))?;
        }
        let staged = std::mem::take(&mut *locked(&cx.staged));
        for &output in &pass.outputs {
            let path = RunDir::output(output, unit);
            // A folder may well be empty.
            if !matches!(output, Output::Folder(_)) && !staged.0.contains_key(&path) {
                return Err(EngineError::MissingOutput { pass: pass.name.into(), output: path });
            }
        }
        let state = UnitState { fingerprint, outputs: staged.publish(run.path())?, place: None };
        state.remove_superseded(before, run)?;
        state.remove_strays(pass, run)?;
        state.save(run, pass.name, unit)?;
        cx.drop_checkpoint()?;
        let rows: BTreeMap<&String, u64> = state.outputs.iter().filter_map(|(p, o)| Some((p, o.rows?))).collect();
        let event = json!({
            "at": jiff::Timestamp::now().to_string(), "pass": pass.name, "unit": unit.to_string(),
            "seconds": start.elapsed().as_secs_f64(), "rows": rows,
        });
        atomic::append_line(&run.log(), &event.to_string())?;
        Ok(state)
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

/// Limits how many units are worked on at once. Units that only wait for the disk hold no slot, so that the processors stay busy.
struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Slots {
    fn new(number: usize) -> Self {
        Self { free: Mutex::new(number), freed: Condvar::new() }
    }

    fn take(&self) -> Slot<'_> {
        let none = |free: &mut usize| *free == 0;
        *self.freed.wait_while(locked(&self.free), none).unwrap_or_else(PoisonError::into_inner) -= 1;
        Slot(self)
    }
}

struct Slot<'a>(&'a Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *locked(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}
