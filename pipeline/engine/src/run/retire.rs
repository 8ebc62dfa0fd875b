//! Removes outputs whose recordings are no longer in the archive.

use std::collections::BTreeSet;

use super::runner::{RunOptions, Runner};
use crate::files::atomic;
use crate::files::tree::files_below;
use crate::graph::Pass;
use crate::plan::PassPlan;
use crate::state::states::States;
use crate::{EngineError, Unit};

impl Runner {
    /// Removes what was made from recordings that are no longer there.
    pub(super) fn retire(
        &self,
        pass: &Pass,
        plan: &mut PassPlan,
        states: &mut States,
        options: &RunOptions,
    ) -> Result<(), EngineError> {
        if !options.units.is_empty() {
            return Ok(());
        }
        if self.run.share().is_none() {
            self.remove_strays(pass, plan, states)?;
        }
        let gone = std::mem::take(&mut plan.gone);
        let (own, others): (Vec<Unit>, Vec<Unit>) = gone.into_iter().partition(|unit| self.wants(unit, options));
        plan.gone = others;
        for unit in own {
            if let Some(state) = states.get_mut(pass.name).and_then(|s| s.remove(&unit)) {
                atomic::remove(&self.run.states(pass.name), &self.run.state(pass.name, &unit))?;
                for path in state.outputs.keys() {
                    atomic::remove(&self.run.tables(), &self.run.path().join(path))?;
                }
                self.console.say(&format!("{:17} {unit} removed: its recordings are no longer in the archive", pass.name));
            }
        }
        Ok(())
    }

    /// Removes parts of a pass's tables that belong to no known unit and that no unit will replace, because a query
    /// would count them.
    pub(super) fn remove_strays(&self, pass: &Pass, plan: &PassPlan, states: &States) -> Result<(), EngineError> {
        let known: BTreeSet<&Unit> =
            plan.units.iter().map(|u| &u.unit).chain(states.get(pass.name).into_iter().flat_map(|s| s.keys())).collect();
        for table in pass.tables() {
            let root = self.run.tables().join(table);
            for path in files_below(&root) {
                let relative = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
                if !Unit::parse(&relative).is_some_and(|unit| known.contains(&unit)) {
                    atomic::remove(&self.run.tables(), &path)?;
                    self.console.say(&format!(
                        "{:17} {} removed: no recordings in the archive belong to it",
                        pass.name,
                        path.display()
                    ));
                }
            }
        }
        Ok(())
    }
}
