//! Takes units over from the run's base before the rest of a pass is made.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::json;

use super::base::{Base, Match};
use super::runner::{RunOptions, Runner};
use crate::console::counted;
use crate::files::atomic;
use crate::files::claim::Claim;
use crate::graph::Pass;
use crate::plan::scan::{Found, Scan};
use crate::plan::{PassPlan, Status};
use crate::state::states::States;
use crate::state::unit_state::UnitState;
use crate::{EngineError, Unit};

/// Units that are synced to disk together: one wait instead of several for each unit. In a shared run each unit is
/// locked by an open file, and a process may have about a thousand of these.
const AT_ONCE: usize = 256;

impl Runner {
    /// Takes over what the passes of the base have cached.
    pub(super) fn take_cache(&self, selected: &[&'static str]) -> Result<(), EngineError> {
        let Some(base) = Base::of(&self.config) else { return Ok(()) };
        selected.iter().try_for_each(|pass| base.link_cache(&self.run, pass))
    }

    /// Takes over the units of a pass that are not fresh and that the base has; gives their number.
    pub(super) fn take_over(
        &self,
        pass: &Pass,
        plan: &mut PassPlan,
        scan: &Scan<Found>,
        states: &mut States,
        options: &RunOptions,
        pool: &rayon::ThreadPool,
    ) -> Result<usize, EngineError> {
        let Some(base) = Base::of(&self.config).filter(|_| !options.force) else { return Ok(0) };
        let start = Instant::now();
        let open = plan.units.iter().filter(|u| u.status.is_to_be_made() && self.wants(&u.unit, options));
        let open: BTreeSet<&Unit> = open.map(|u| &u.unit).collect();
        let matches = pool.install(|| base.matches(&self.planner(false), pass, scan, states, &open))?;
        if matches.is_empty() {
            return Ok(0);
        }
        self.check_room_for_copies(pass, &base, &matches)?;
        self.record_config()?;
        let mut taken: Vec<(Unit, UnitState)> = Vec::with_capacity(matches.len());
        for some in matches.chunks(AT_ONCE) {
            if self.stop.load(Ordering::Relaxed) {
                return Err(EngineError::Stopped);
            }
            taken.extend(pool.install(|| self.take_some(pass, &base, some, options))?);
        }
        let units: BTreeSet<&Unit> = taken.iter().map(|(unit, _)| unit).collect();
        for unit in plan.units.iter_mut().filter(|u| units.contains(&u.unit)) {
            unit.status = Status::Fresh;
        }
        let number = taken.len();
        states.entry(pass.name).or_default().extend(taken);
        self.console.say(&format!("{:17} taken from {}: {}", pass.name, base.name(), counted(number, "unit")));
        let event = json!({
            "at": jiff::Timestamp::now().to_string(), "pass": pass.name, "taken": number, "base": base.path(),
            "seconds": start.elapsed().as_secs_f64(),
        });
        atomic::append_line(&self.run.log(), &event.to_string())?;
        Ok(number)
    }

    /// Takes over some units: all their outputs, then their states, and the disk in between.
    fn take_some<'a>(
        &self,
        pass: &Pass,
        base: &Base,
        some: &'a [Match],
        options: &RunOptions,
    ) -> Result<Vec<(Unit, UnitState)>, EngineError> {
        let link = |found: &'a Match| {
            let claim = self.run.wait_for_claim(pass.name, &found.unit.to_string())?;
            let linked = base.link_outputs(&self.run, pass.name, found, options.verify)?;
            found.state.remove_strays(pass, &self.run)?;
            Ok(linked.then_some((claim, found)))
        };
        let handed: Vec<Option<(Claim, &Match)>> = some.par_iter().map(link).collect::<Result<_, EngineError>>()?;
        let handed: Vec<_> = handed.into_iter().flatten().collect();
        atomic::sync_file_system(self.run.path())?;
        let commit = |(_, found): &(Claim, &Match)| {
            let state = UnitState { fingerprint: found.fingerprint.clone(), ..found.state.clone() };
            state.save_unsynced(&self.run, pass.name, &found.unit)?;
            Ok((found.unit.clone(), state))
        };
        handed.par_iter().map(commit).collect()
    }

    /// Where the base lies on another file system, taking over is copying.
    fn check_room_for_copies(&self, pass: &Pass, base: &Base, matches: &[Match]) -> Result<(), EngineError> {
        if atomic::share_file_system(base.path(), self.run.path()) {
            return Ok(());
        }
        let bytes = matches.iter().flat_map(|m| m.state.outputs.values()).map(|output| output.bytes).sum();
        self.require_disk(pass.stage, bytes)
    }
}
