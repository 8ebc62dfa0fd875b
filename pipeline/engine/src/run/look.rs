//! Looks without making anything: at what lies outside of the run, and at what is fresh.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::base::Base;
use super::context::{Access, ScanContext};
use super::runner::Runner;
use crate::files::share::Share;
use crate::graph::Pass;
use crate::plan::planner::Planner;
use crate::plan::scan::{Found, Scan};
use crate::plan::{PassPlan, Status};
use crate::state::states::{States, load_states};
use crate::state::unit_state::UnitState;
use crate::{EngineError, Unit};

impl Runner {
    pub(super) fn planner(&self, verify: bool) -> Planner<'_> {
        let Self { config, run, registry, runtime, .. } = self;
        Planner { config, run, passes: registry.passes(), runtime, verify, part: self.part.get() }
    }

    pub(super) fn access<'b>(&'b self, pass: &'b Pass, states: &'b States) -> Access<'b> {
        let Self { config, run, registry, console, stop, .. } = self;
        let archive = self.archive.as_deref();
        Access { config, archive, run, passes: registry.passes(), pass, states, console, stop }
    }

    /// Lets a pass look outside of the run; see [`ScanContext::only`].
    pub(super) fn scan(
        &self,
        pass: &Pass,
        states: &States,
        look_only: bool,
        only: Option<Share>,
    ) -> Result<Scan<Found>, EngineError> {
        let Some(work) = self.registry.get(pass.name) else { return Ok(Scan::none()) };
        let cx = ScanContext { access: self.access(pass, states), look_only, only };
        work.scan(&cx).map_err(|source| match source.downcast::<EngineError>() {
            Ok(error) => *error,
            Err(source) => EngineError::Work { pass: pass.name.into(), unit: "scan".into(), source },
        })
    }

    /// Plans all passes, or those of a set, without executing any. Gives the states too, with those of units that the base has. `first_look`
    /// is what the pass that finds the units of the run saw already, where it has looked. `seen` gets what each pass sees, with the states
    /// of the run itself.
    pub(super) fn look(
        &self,
        among: Option<&BTreeSet<&'static str>>,
        verify: bool,
        mut first_look: Option<Scan<Found>>,
        seen: impl Fn(&Pass, &Scan<Found>, &States),
    ) -> Result<(Vec<PassPlan>, States), EngineError> {
        let bases = Base::checked(&self.config, &self.run)?;
        let is_wanted = |pass: &&Pass| among.is_none_or(|among| among.contains(pass.name));
        let mut states = load_states(&self.run, self.passes().iter().filter(is_wanted))?;
        let mut plans: Vec<PassPlan> = Vec::new();
        for pass in self.passes().iter().filter(is_wanted) {
            let looked = first_look.take_if(|_| self.is_first_by_site_day(pass));
            let scan = looked.map_or_else(|| self.scan(pass, &states, true, None), Ok)?;
            seen(pass, &scan, &states);
            let mut plan = self.planner(verify).pass(pass, &states, &scan, &plans)?;
            for base in &bases {
                self.count_on_base(base, pass, &scan, &mut plan, &mut states)?;
            }
            plans.push(plan);
        }
        Ok((plans, states))
    }

    /// Plans with what would be taken over from a base: those units count as made in the plan, and for the passes behind it.
    fn count_on_base(
        &self,
        base: &Base,
        pass: &Pass,
        scan: &Scan<Found>,
        plan: &mut PassPlan,
        states: &mut States,
    ) -> Result<(), EngineError> {
        let place: Arc<Path> = base.path().into();
        let units = plan.units.iter().filter(|u| u.status.is_to_be_made()).map(|u| &u.unit).collect();
        let matches = base.matches(&self.planner(false), pass, scan, states, &units)?.units;
        plan.in_base += matches.len();
        let lent: BTreeSet<Unit> = matches.iter().map(|m| m.unit.clone()).collect();
        for unit in plan.units.iter_mut().filter(|u| lent.contains(&u.unit)) {
            unit.status = Status::InBase;
        }
        let elsewhere = matches.into_iter().map(|m| (m.unit, UnitState { place: Some(Arc::clone(&place)), ..m.state }));
        states.entry(pass.name).or_default().extend(elsewhere);
        Ok(())
    }
}
