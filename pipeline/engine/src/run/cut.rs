//! The part of a run that a process with a share makes, and how little it reads for that.

use std::collections::{BTreeMap, BTreeSet};

use super::runner::Runner;
use crate::files::roster;
use crate::graph::{Pass, Per, Program};
use crate::plan::part::Part;
use crate::plan::scan::{External, Found, Scan};
use crate::state::journal::{self, Extent, Recorded};
use crate::state::states::States;
use crate::{EngineError, Unit};

impl Runner {
    /// Finds out which units this process makes, where it has a share of the run: by the roster of the run, or by a look at the archive
    /// where the pass that does so is to be made anyway, or where there is no roster. Gives what the look of that pass found.
    pub(super) fn cut(
        &self,
        needed: &BTreeSet<&'static str>,
        is_chosen: impl Fn(&Pass) -> bool,
        look_only: bool,
    ) -> Result<Option<Scan<Found>>, EngineError> {
        let first = self.passes().iter().find(|pass| self.is_first_by_site_day(pass));
        let (Some(share), Some(first)) = (self.run.share(), first) else { return Ok(None) };
        let known = if is_chosen(first) { None } else { roster::read(&self.run)? };
        let (hours, scan) = match known {
            Some(hours) => (hours, None),
            None => {
                let builds_on_it =
                    |name: &&str| self.pass(name).upstream(self.passes()).iter().any(|pass| pass.name == first.name);
                let only = Some(share).filter(|_| !needed.iter().any(builds_on_it));
                let scan = self.scan(first, &States::new(), look_only || !is_chosen(first), only)?;
                (scan.hours.clone(), Some(scan))
            }
        };
        // Where the pass itself is made, the roster is written with it.
        if scan.is_some() && !is_chosen(first) && !look_only && self.program == Program::Chorus {
            roster::write(&self.run, &hours)?;
        }
        let makers = |tables: &mut dyn Iterator<Item = &'static str>| -> BTreeSet<&'static str> {
            let makes = |table| self.passes().iter().find(|maker| maker.tables().any(|made| made == table));
            tables.filter_map(makes).map(|maker| maker.name).collect()
        };
        let all = || self.passes().iter().filter(|pass| needed.contains(pass.name));
        let whole = makers(&mut all().filter(|pass| is_chosen(pass)).flat_map(|pass| pass.scanned.iter().copied()));
        let of_whole_run = all().filter(|pass| pass.per == Per::Run);
        let read_whole = makers(&mut of_whole_run.flat_map(|pass| pass.inputs.iter().filter_map(|input| input.table())));
        // A runner has one share. Whoever asks twice cuts by the same hours.
        let _ = self.part.set(Part { own: share.among(&hours), whole, read_whole });
        Ok(scan)
    }

    /// Whether this is the pass that finds the units of the run.
    pub(super) fn is_first_by_site_day(&self, pass: &Pass) -> bool {
        self.passes().iter().find(|pass| pass.per == Per::SiteDay).is_some_and(|first| first.name == pass.name)
    }

    /// Whether a unit is in this process's part of the run.
    pub(super) fn is_own(&self, unit: &Unit) -> bool {
        self.part.get().is_none_or(|part| part.own.has(unit))
    }

    /// What is recorded of a pass, as far as this process needs it.
    pub(super) fn recorded(&self, pass: &Pass) -> Result<Recorded, EngineError> {
        let part = self.part.get();
        journal::read(&self.run, pass.name, |unit| part.map_or(Extent::All, |part| part.extent(pass.name, unit)))
    }

    /// Lets a pass look outside of the run. A process with a share does not look for passes that it only builds on: what was recorded of
    /// them counts, unless a pass that it makes reads all of their tables.
    pub(super) fn scan_for(&self, pass: &Pass, states: &States, is_chosen: bool) -> Result<Scan<Found>, EngineError> {
        let Some(part) = self.part.get().filter(|part| !is_chosen && !part.whole.contains(pass.name)) else {
            return self.scan(pass, states, !is_chosen, None);
        };
        let made = states.get(pass.name).into_iter().flatten().filter(|(unit, _)| **unit == Unit::Run || part.own.has(unit));
        let mut units: BTreeMap<Unit, External> =
            made.map(|(unit, state)| (unit.clone(), state.fingerprint.external.clone())).collect();
        if self.is_first_by_site_day(pass) {
            // Those that were not made yet are missing.
            for unit in part.own.units().filter(|unit| !units.contains_key(unit)).collect::<Vec<_>>() {
                units.insert(unit.clone(), External::new());
            }
        }
        Ok(Scan::recorded(units))
    }
}
