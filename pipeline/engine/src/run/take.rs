//! Takes units over from the run's bases before the rest of a pass is made.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use chorus_text::shown_json;
use rayon::prelude::*;
use serde_json::json;

use super::base::{Base, Match};
use super::commit::{TOGETHER, Touched};
use super::runner::{Means, Runner};
use crate::console::counted;
use crate::files::atomic::{self, Waiting};
use crate::files::log;
use crate::files::publisher::Publisher;
use crate::graph::Pass;
use crate::plan::scan::{Found, Scan};
use crate::plan::{PassPlan, Status};
use crate::state::journal::{Interrupted, Journal};
use crate::state::states::States;
use crate::state::unit_state::UnitState;
use crate::{EngineError, Unit};

impl Runner {
    /// Takes over what the passes of the bases have cached.
    pub(super) fn take_cache(&self, selected: &[&'static str]) -> Result<(), EngineError> {
        let bases = Base::all(&self.config, &self.run);
        selected.iter().try_for_each(|pass| bases.iter().try_for_each(|base| base.link_cache(&self.run, pass)))
    }

    /// Takes over the units of a pass that are not fresh and that a base has; gives their number.
    pub(super) fn take_over(
        &self,
        pass: &Pass,
        plan: &mut PassPlan,
        scan: &Scan<Found>,
        states: &mut States,
        interrupted: &Interrupted,
        means: Means<'_>,
    ) -> Result<usize, EngineError> {
        let bases = if means.options.force { Vec::new() } else { Base::all(&self.config, &self.run) };
        let mut number = 0;
        for base in &bases {
            number += self.take_from(base, (pass, scan), plan, states, interrupted, means)?;
        }
        Ok(number)
    }

    fn take_from(
        &self,
        base: &Base,
        (pass, scan): (&Pass, &Scan<Found>),
        plan: &mut PassPlan,
        states: &mut States,
        interrupted: &Interrupted,
        Means { options, pool }: Means<'_>,
    ) -> Result<usize, EngineError> {
        let start = Instant::now();
        let open = plan.units.iter().filter(|u| u.status.is_to_be_made() && self.wants(&u.unit, options));
        let open: BTreeSet<&Unit> = open.map(|u| &u.unit).collect();
        let matches = pool.install(|| base.matches(&self.planner(false), pass, scan, states, &open))?;
        if matches.units.is_empty() {
            return Ok(0);
        }
        self.check_room_for_copies(pass, base, &matches.units)?;
        self.record_config()?;
        let publisher = Publisher::new(self.run.disk(), self.run.path())?;
        let mut journal = Journal::new(&self.run, pass.name);
        let before = states.get(pass.name);
        let mut taken: Vec<(Unit, UnitState)> = Vec::with_capacity(matches.units.len());
        for some in matches.units.chunks(TOGETHER) {
            if self.stop.load(Ordering::Relaxed) {
                return Err(EngineError::Stopped);
            }
            let recorded = |unit| before.and_then(|states| states.get(unit));
            let touched: Vec<Touched<'_>> = some
                .iter()
                .map(|found| Touched::new(recorded(&found.unit), interrupted.get(&found.unit), &found.state.outputs))
                .collect();
            journal.making(some.iter().map(|found| &found.unit).zip(touched.iter().map(Touched::files)))?;
            let take = |found| Ok(base.take_outputs(&self.run, found)?.map(|files| (found, files)));
            let linked: Vec<Option<(&Match, Vec<(Waiting, &str)>)>> =
                pool.install(|| some.par_iter().map(take).collect::<Result<_, EngineError>>())?;
            let files = linked.iter().flatten().flat_map(|(_, files)| files).map(|(file, path)| (file, *path));
            pool.install(|| publisher.publish(files))?;
            touched.iter().try_for_each(|touched| touched.remove_superseded(&self.run))?;
            some.iter().try_for_each(|found| found.state.remove_strays(pass, &self.run))?;
            let whole = base.unchanged(pass.name, linked.iter().flatten().map(|(found, _)| *found).collect(), &matches.stamp)?;
            let mut states: Vec<(Unit, UnitState)> = Vec::with_capacity(whole.len());
            for found in whole {
                if found.state.check_outputs(&self.run, options.verify)?.is_none() {
                    let state = UnitState { fingerprint: found.fingerprint.clone(), ..found.state.clone() };
                    states.push((found.unit.clone(), state));
                }
            }
            journal.made(states.iter().map(|(unit, state)| (unit, state)))?;
            taken.extend(states);
        }
        let units: BTreeSet<&Unit> = taken.iter().map(|(unit, _)| unit).collect();
        for unit in plan.units.iter_mut().filter(|u| units.contains(&u.unit)) {
            unit.status = Status::Fresh;
        }
        let number = taken.len();
        states.entry(pass.name).or_default().extend(taken);
        self.console.say(&format!("{:17} taken from {}: {}", pass.name, base.name(), counted(number, "unit")));
        let event = json!({
            "at": self.run.disk().now().to_string(), "pass": pass.name, "taken": number, "base": base.path(),
            "seconds": start.elapsed().as_secs_f64(),
        });
        log::append(&self.run, &shown_json(&format!("{event}\n")))?;
        Ok(number)
    }

    /// Where the base lies on another file system, taking over is copying.
    fn check_room_for_copies(&self, pass: &Pass, base: &Base, matches: &[Match]) -> Result<(), EngineError> {
        if atomic::share_file_system(self.run.disk(), base.path(), self.run.path()) {
            return Ok(());
        }
        let bytes = matches.iter().flat_map(|m| m.state.outputs.values()).map(|output| output.bytes).sum();
        self.require_disk(pass.stage, bytes)
    }
}
