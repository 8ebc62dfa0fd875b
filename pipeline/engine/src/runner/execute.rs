//! Makes units, several at once, and commits each by itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::json;

use super::{RunOptions, Runner, count_units, locked};
use crate::console::duration;
use crate::context::UnitContext;
use crate::graph::{Pass, Per};
use crate::plan::{PassPlan, States, Status, UnitPlan};
use crate::state::UnitState;
use crate::{EngineError, RunDir, Unit, atomic};

impl Runner {
    /// Makes the units of a pass that are not fresh; tells how many that were.
    pub(super) fn execute(
        &self,
        pass: &Pass,
        plan: &PassPlan,
        states: &mut States,
        options: &RunOptions,
        pool: &rayon::ThreadPool,
    ) -> Result<usize, EngineError> {
        let wanted = |u: &&UnitPlan| (options.force || u.status != Status::Fresh) && self.wants(&u.unit, options);
        let todo: Vec<&UnitPlan> = plan.units.iter().filter(wanted).collect();
        if todo.is_empty() {
            self.console.say(&format!("{:17} fresh, {}", pass.name, count_units(plan.units.len())));
            return Ok(0);
        }
        self.check_disk(pass, states, &todo)?;
        self.record_config()?;
        let start = Instant::now();
        let progress = (pass.per == Per::SiteDay).then(|| self.console.progress(pass.name, todo.len() as u64, "units"));
        let queue: Mutex<VecDeque<&UnitPlan>> = Mutex::new(todo.iter().copied().collect());
        let done: Mutex<Vec<(Unit, UnitState)>> = Mutex::default();
        let failed: Mutex<Option<EngineError>> = Mutex::default();
        let shared: &States = states;
        std::thread::scope(|scope| {
            for _ in 0..options.jobs.max(1).min(todo.len()) {
                scope.spawn(|| {
                    while let Some(unit) = locked(&queue).pop_front() {
                        if self.stop.load(Ordering::Relaxed) || locked(&failed).is_some() {
                            return;
                        }
                        match pool.install(|| self.make(pass, unit, shared, options)) {
                            Ok(state) => {
                                let mut done = locked(&done);
                                done.push((unit.unit.clone(), state));
                                if let Some(progress) = &progress {
                                    progress.done(done.len() as u64, &unit.unit.to_string());
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
        self.console.say(&format!("{:17} made {}{fresh}, {rows} rows, {took}", pass.name, count_units(made)));
        if let Some(work) = self.registry.get(pass.name) {
            work.tell(&self.console);
        }
        Ok(made)
    }

    /// Makes and commits one unit: drop its state, make the outputs under `tmp/`, publish them, write the state last.
    fn make(&self, pass: &Pass, plan: &UnitPlan, states: &States, options: &RunOptions) -> Result<UnitState, EngineError> {
        let start = Instant::now();
        let unit = &plan.unit;
        let fail = |source| EngineError::Work { pass: pass.name.into(), unit: unit.to_string(), source };
        let work = self.registry.get(pass.name).ok_or_else(|| fail("this program does not hold the stage".into()))?;
        let _claim = self.run.wait_for_claim(pass.name, &unit.to_string())?;
        if let Some(state) = self.made_meanwhile(pass, plan, options) {
            return Ok(state);
        }
        let state_path = self.run.state(pass.name, unit);
        atomic::remove(&self.run.states(pass.name), &state_path)?;
        let planner = self.planner(false);
        let cx = UnitContext {
            access: planner.access(pass, states),
            unit,
            digest: plan.fingerprint.digest(),
            staged: Mutex::default(),
        };
        work.run(&cx).map_err(|source| match source.downcast::<EngineError>() {
            Ok(error) if matches!(*error, EngineError::Stopped) => EngineError::Stopped,
            Ok(error) => fail(error),
            Err(source) => fail(source),
        })?;
        let staged = std::mem::take(&mut *locked(&cx.staged));
        for &output in &pass.outputs {
            let path = RunDir::output(output, unit);
            if !staged.0.contains_key(&path) {
                return Err(EngineError::MissingOutput { pass: pass.name.into(), output: path });
            }
        }
        let state = UnitState { fingerprint: plan.fingerprint.clone(), outputs: staged.publish(self.run.path())? };
        state.save(&self.run, pass.name, unit)?;
        cx.drop_checkpoint()?;
        let rows: BTreeMap<&String, u64> = state.outputs.iter().filter_map(|(p, o)| Some((p, o.rows?))).collect();
        let event = json!({
            "at": jiff::Timestamp::now().to_string(), "pass": pass.name, "unit": unit.to_string(),
            "seconds": start.elapsed().as_secs_f64(), "rows": rows,
        });
        atomic::append_line(&self.run.log(), &event.to_string())?;
        Ok(state)
    }

    /// The state of a unit that another process of a shared run made since this one planned.
    fn made_meanwhile(&self, pass: &Pass, plan: &UnitPlan, options: &RunOptions) -> Option<UnitState> {
        self.run.share().filter(|_| !options.force)?;
        let state = UnitState::read(&self.run.state(pass.name, &plan.unit))?;
        let same = plan.fingerprint.difference(&state.fingerprint).is_none();
        (same && state.check_outputs(&self.run, false).is_none()).then_some(state)
    }
}
