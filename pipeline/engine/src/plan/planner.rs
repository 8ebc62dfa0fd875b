//! Plans passes. A unit is fresh when its outputs are there with the recorded size and its recorded fingerprint equals that of
//! today's inputs, keys, code and schemas. Times of files decide nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use rayon::prelude::*;

use super::part::Part;
use super::scan::{Found, Scan};
use super::status::{PassPlan, Status, UnitPlan};
use crate::files::hash::{hash_bytes, hash_on};
use crate::graph::{Input, Output, Pass, Per};
use crate::state::fingerprint::{ABSENT, Fingerprint};
use crate::state::hashes::Hashes;
use crate::state::inputs;
use crate::state::states::{States, chosen, model_file, of_other_run};
use crate::{Config, EngineError, RunDir, Unit};

/// All that planning needs.
pub(crate) struct Planner<'a> {
    pub(crate) config: &'a Config,
    pub(crate) run: &'a RunDir,
    pub(crate) passes: &'a [Pass],
    pub(crate) runtime: &'a BTreeMap<String, String>,
    pub(crate) verify: bool,
    /// The part of the run that this process makes; `None` for all of it.
    pub(crate) part: Option<&'a Part>,
}

/// Whether something of the executing program counts for a pass. An entry that has the name of a key says what the key's value amounts to on
/// this machine, and counts for the passes that read the key.
fn counts(pass: &Pass, name: &str) -> bool {
    !name.contains('.') || pass.declares_key(name)
}

impl Planner<'_> {
    /// Plans one pass. `earlier` are the plans of the passes before it, where these have not been executed since.
    pub(crate) fn pass(
        &self,
        pass: &Pass,
        states: &States,
        scan: &Scan<Found>,
        earlier: &[PassPlan],
    ) -> Result<PassPlan, EngineError> {
        let none = BTreeMap::new();
        let recorded = states.get(pass.name).unwrap_or(&none);
        let common = self.common(pass, states, scan)?;
        let blockers = self.blockers(pass, states, earlier)?;
        let lost = self.lost_model(pass);
        let status = |unit: &Unit| -> Result<Status, EngineError> {
            if let Some(blocker) = blockers.iter().find(|blocker| blocker.blocks(unit)) {
                return Ok(Status::Waiting(blocker.stage));
            }
            let Some(state) = recorded.get(unit) else { return Ok(Status::Missing) };
            if let Some(lost) = &lost {
                return Ok(Status::Stale(lost.clone()));
            }
            let fingerprint = self.fingerprint(&common, pass, unit, states, scan);
            let reason = match fingerprint.difference(&state.fingerprint, self.config.known()) {
                // Whether the files of another share are there is that share's business.
                None if self.is_own(unit) => state.check_outputs(self.run, self.verify)?,
                difference => difference,
            };
            Ok(reason.map_or(Status::Fresh, Status::Stale))
        };
        let units: Vec<Unit> = self.units(pass, states, scan).into_iter().collect();
        let plan = |unit: Unit| Ok(UnitPlan { status: status(&unit)?, unit });
        let plans: Vec<UnitPlan> = units.into_par_iter().map(plan).collect::<Result<_, EngineError>>()?;
        let known: BTreeSet<&Unit> = plans.iter().map(|p| &p.unit).collect();
        let gone = recorded.keys().filter(|u| !known.contains(u) && self.is_own(u)).cloned().collect();
        let (pending, awaits) = (scan.pending.clone(), self.awaits(pass, &known, earlier));
        Ok(PassPlan { units: plans, gone, pending, awaits, ..PassPlan::empty(pass) })
    }

    /// The stage behind which a pass by site-day cannot know all of its units: it has not looked at all files, or has units to make that
    /// are not among the `known` ones. The one unit of a pass on the whole run waits by itself.
    fn awaits(&self, pass: &Pass, known: &BTreeSet<&Unit>, earlier: &[PassPlan]) -> Option<&'static str> {
        let is_by_site_day = |pass: &Pass| pass.per == Per::SiteDay;
        let makers = pass.upstream(self.passes).into_iter().filter(|maker| is_by_site_day(maker) && is_by_site_day(pass));
        makers.filter_map(|maker| Some((maker, earlier.iter().find(|plan| plan.pass == maker.name)?))).find_map(
            |(maker, plan)| {
                let is_read_whole = maker.tables().any(|table| pass.scanned.contains(&table));
                // What other shares of the run have to make counts only where the pass reads all of it.
                let is_missing =
                    |made: &UnitPlan| if self.is_own(&made.unit) { !known.contains(&made.unit) } else { is_read_whole };
                let awaits =
                    plan.pending.is_some() || plan.units.iter().any(|made| !made.status.is_settled() && is_missing(made));
                if awaits { Some(plan.stage) } else { plan.awaits }
            },
        )
    }

    /// In words, that the folder of `model.path` is missing, where a pass reads the model or takes a setting from its card.
    fn lost_model(&self, pass: &Pass) -> Option<String> {
        let folder = self.config.text("model.path").filter(|folder| !Path::new(folder).is_dir())?;
        let reads_model = pass.inputs.iter().any(|input| matches!(input, Input::Model(_)));
        let lacks_setting = || pass.counting_keys(self.config).iter().any(|key| self.config.lacks_from_model(key));
        (reads_model || lacks_setting()).then(|| format!("the model's folder {folder} is missing"))
    }

    /// What the fingerprints of all units of a pass have in common.
    pub(crate) fn common(&self, pass: &Pass, states: &States, scan: &Scan<Found>) -> Result<Fingerprint, EngineError> {
        let runtime = self.runtime.iter().filter(|(name, _)| counts(pass, name)).map(|(n, v)| (n.as_str(), v.as_str()));
        Ok(Fingerprint {
            code_version: pass.code_version,
            keys: self.keys(pass).into(),
            inputs: self.whole_inputs(pass, states)?.into_iter().collect(),
            external: scan.all.clone(),
            schemas: inputs::schemas(pass).into(),
            runtime: runtime.collect::<Hashes>().into(),
        })
    }

    /// What a unit depends on today.
    pub(crate) fn fingerprint(
        &self,
        common: &Fingerprint,
        pass: &Pass,
        unit: &Unit,
        states: &States,
        scan: &Scan<Found>,
    ) -> Fingerprint {
        let external = match scan.units.get(unit) {
            Some(own) if common.external.is_empty() => own.clone(),
            Some(own) => common.external.with(own.iter()),
            None => common.external.clone(),
        };
        Fingerprint {
            code_version: common.code_version,
            keys: common.keys.clone(),
            inputs: common.inputs.with(inputs::own(pass, self.passes, unit, states)),
            external,
            schemas: common.schemas.clone(),
            runtime: common.runtime.clone(),
        }
    }

    fn keys(&self, pass: &Pass) -> BTreeMap<String, serde_json::Value> {
        let value = |k: &str| serde_json::to_value(self.config.get(k)).unwrap_or_default();
        pass.counting_keys(self.config).into_iter().map(|key| (key.clone(), value(&key))).collect()
    }

    fn units(&self, pass: &Pass, states: &States, scan: &Scan<Found>) -> BTreeSet<Unit> {
        if pass.per == Per::Run {
            return [Unit::Run].into();
        }
        let mut units: BTreeSet<Unit> = scan.units.keys().cloned().collect();
        units.extend(inputs::units(pass, self.passes, states));
        if self.part.is_some_and(|part| !part.whole.contains(pass.name)) {
            units.retain(|unit| self.is_own(unit));
        }
        units
    }

    /// Whether this process makes a unit, or would if it made the whole run.
    fn is_own(&self, unit: &Unit) -> bool {
        *unit == Unit::Run || self.part.is_none_or(|part| part.own.has(unit))
    }

    /// Hashes of the inputs that every unit of a pass has in common.
    fn whole_inputs(&self, pass: &Pass, states: &States) -> Result<BTreeMap<String, String>, EngineError> {
        let mut inputs = inputs::common(self.run, pass, self.passes, states)?;
        for &input in &pass.inputs {
            if let Input::File(key) = input
                && let Some(path) = self.config.text(key)
            {
                inputs.insert(key.to_owned(), hash_on(self.run.disk(), Path::new(path))?);
            }
            if let Input::Run { key, table } = input {
                for (i, path) in self.config.paths(key).into_iter().enumerate() {
                    inputs.insert(format!("{key} {} {table}", i + 1), recorded_hash(&self.run.other(path), table)?);
                }
            }
            if let Input::Models { key, file } = input {
                for (i, folder) in self.config.paths(key).iter().enumerate() {
                    inputs.insert(format!("{key} {} {file}", i + 1), self.hash_or_absent(&folder.join(file))?);
                }
            }
            // A file of a model that another run trained.
            if let Input::Model(name) = input
                && !self.passes.iter().any(|maker| maker.makes(input))
            {
                inputs.insert(format!("model/{name}"), self.hash_or_absent(&model_file(self.config, self.run, name))?);
            }
        }
        Ok(inputs)
    }

    fn hash_or_absent(&self, path: &Path) -> Result<String, EngineError> {
        let is_there = self.run.disk().find(path)?.is_some();
        if is_there { hash_on(self.run.disk(), path) } else { Ok(ABSENT.into()) }
    }

    /// The earlier stages that are not fresh, as far as units of a pass cannot be planned before they are.
    fn blockers<'b>(&self, pass: &Pass, states: &States, earlier: &'b [PassPlan]) -> Result<Vec<Blocker<'b>>, EngineError> {
        let mut blockers = Vec::new();
        for maker in pass.upstream(self.passes) {
            let Some(plan) = earlier.iter().find(|p| p.pass == maker.name) else { continue };
            let mut stale = plan.units.iter().filter(|u| !u.status.is_settled()).map(|u| &u.unit);
            let blocked = if pass.per == Per::SiteDay && maker.per == Per::SiteDay {
                Blocked::Only(stale.collect())
            } else {
                let parts = pass.inputs.iter().filter(|&&i| maker.makes(i)).all(|i| matches!(i, Input::Parts { .. }));
                let table = pass.inputs.iter().find(|&&i| maker.makes(i)).and_then(|i| i.table());
                match table.filter(|_| parts).map(|table| chosen(self.run, pass, table, states)).transpose()?.flatten() {
                    Some(chosen) if stale.any(|unit| chosen.contains(unit)) => Blocked::All,
                    None if !plan.is_settled() => Blocked::All,
                    _ => Blocked::Only(BTreeSet::new()),
                }
            };
            blockers.push(Blocker { stage: maker.stage, blocked });
        }
        Ok(blockers)
    }
}

/// A hash of what another run recorded of a table.
fn recorded_hash(other: &RunDir, table: &'static str) -> Result<String, EngineError> {
    let mut all = String::new();
    for (unit, state) in of_other_run(other, table)? {
        if let Some(output) = state.outputs.get(&RunDir::output(Output::Table(table), &unit)) {
            let _ = writeln!(all, "{unit} {}", output.hash);
        }
    }
    Ok(hash_bytes(all.as_bytes()))
}

/// An earlier stage that is not fresh, and the units that have to wait for it.
struct Blocker<'a> {
    stage: &'static str,
    blocked: Blocked<'a>,
}

enum Blocked<'a> {
    All,
    Only(BTreeSet<&'a Unit>),
}

impl Blocker<'_> {
    fn blocks(&self, unit: &Unit) -> bool {
        match &self.blocked {
            Blocked::All => true,
            Blocked::Only(units) => units.contains(unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_amounts_to_counts_for_the_passes_that_read_it() {
        let pass = |keys: Vec<&'static str>| Pass { keys, ..Pass::new("train", Per::Run) };
        assert!(counts(&pass(vec![]), "libtorch") && counts(&pass(vec![]), "device"));
        assert!(counts(&pass(vec!["train.*"]), "train.precision"));
        assert!(!counts(&pass(vec!["train.*"]), "predict.precision"));
    }
}
