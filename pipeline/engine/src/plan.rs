//! What is fresh, and what is not and why. A unit is fresh when its outputs are there with the recorded size and its recorded
//! fingerprint equals that of today's inputs, keys, code and schemas. Times of files decide nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::base::Base;
use crate::context::{Access, ScanContext, model_folder};
use crate::graph::{Input, Output, Pass, Per, UNIT_COLUMN};
use crate::run_tables::inputs;
use crate::state::{Fingerprint, UnitState, hash_file, load};
use crate::work::{Registry, Scan};
use crate::{Config, Console, EngineError, RunDir, Unit};

/// The recorded states of all passes.
pub type States = BTreeMap<&'static str, BTreeMap<Unit, UnitState>>;

/// Whether a unit has to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing to do.
    Fresh,
    /// It was never made, or not to the end.
    Missing,
    /// It has to be made again, for this reason.
    Stale(String),
    /// Whether it has to be made shows once this stage is fresh.
    Waiting(&'static str),
    /// It is not there, and the run's base has it: a run takes it over.
    InBase,
}

impl Status {
    /// Whether nothing has to be made before others can be made from it.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self, Self::Fresh | Self::InBase)
    }

    /// Whether it is known that it has to be made.
    pub(crate) fn is_to_be_made(&self) -> bool {
        matches!(self, Self::Missing | Self::Stale(_))
    }
}

/// The plan of one unit.
#[derive(Debug, Clone)]
pub struct UnitPlan {
    /// The unit.
    pub unit: Unit,
    /// Whether it has to be made.
    pub status: Status,
}

/// The plan of one pass.
#[derive(Debug, Clone)]
pub struct PassPlan {
    /// The stage.
    pub stage: &'static str,
    /// The pass.
    pub pass: &'static str,
    /// Whether its one unit is the whole run.
    pub whole_run: bool,
    /// Its units.
    pub units: Vec<UnitPlan>,
    /// Units that were made and that nothing in the archive stands for any more.
    pub gone: Vec<Unit>,
    /// What was seen outside and not yet looked into.
    pub pending: Option<String>,
    /// How many units the run's base has to give.
    pub in_base: usize,
}

impl PassPlan {
    /// The plan of a pass that was not looked at.
    pub(crate) fn empty(pass: &Pass) -> Self {
        let whole_run = pass.per == Per::Run;
        Self { stage: pass.stage, pass: pass.name, whole_run, units: Vec::new(), gone: Vec::new(), pending: None, in_base: 0 }
    }

    /// How many units are fresh.
    pub fn fresh(&self) -> usize {
        self.units.iter().filter(|u| u.status == Status::Fresh).count()
    }

    /// Whether nothing is to be done.
    pub fn is_fresh(&self) -> bool {
        self.fresh() == self.units.len() && self.gone.is_empty() && self.pending.is_none()
    }

    /// Whether nothing is to be made, be it that units are taken over from the base.
    fn is_settled(&self) -> bool {
        self.units.iter().all(|u| u.status.is_settled()) && self.gone.is_empty() && self.pending.is_none()
    }

    /// In words, why it is not fresh.
    pub fn reason(&self) -> Option<String> {
        if let Some(pending) = &self.pending {
            return Some(pending.clone());
        }
        let units = |n: usize| if n == 1 { "1 unit".to_owned() } else { format!("{n} units") };
        let of = |n: usize| format!("{n} of {} units", self.units.len());
        let stale: Vec<&str> =
            self.units.iter().filter_map(|u| if let Status::Stale(r) = &u.status { Some(r.as_str()) } else { None }).collect();
        let missing = self.units.iter().filter(|u| u.status == Status::Missing).count();
        let waiting = self.units.iter().find_map(|u| if let Status::Waiting(s) = u.status { Some(s) } else { None });
        let first = stale.first().map(|reason| {
            let others = stale.iter().collect::<BTreeSet<_>>().len() - 1;
            let others = if others > 0 { format!(" (and {others} other reasons)") } else { String::new() };
            format!("stale, {}: {reason}{others}", of(stale.len()))
        });
        first
            .or_else(|| (missing > 0).then(|| format!("missing, {}", of(missing))))
            .or_else(|| waiting.map(|stage| format!("waits for {stage}")))
            .or_else(|| (self.in_base > 0).then(|| format!("the base gives {}", units(self.in_base))))
            .or_else(|| (!self.gone.is_empty()).then(|| format!("stale: {} units are no longer in the archive", self.gone.len())))
    }
}

/// Reads the states of all passes.
pub(crate) fn load_states(run: &RunDir, passes: &[Pass]) -> States {
    passes.iter().map(|p| (p.name, load(run, p.name))).collect()
}

/// All that planning needs.
pub(crate) struct Planner<'a> {
    pub(crate) config: &'a Config,
    pub(crate) run: &'a RunDir,
    pub(crate) passes: &'a [Pass],
    pub(crate) registry: &'a Registry,
    pub(crate) console: &'a Console,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) runtime: &'a BTreeMap<String, String>,
    pub(crate) verify: bool,
}

impl<'a> Planner<'a> {
    pub(crate) fn access<'b>(&'b self, pass: &'b Pass, states: &'b States) -> Access<'b> {
        let Self { config, run, passes, console, stop, .. } = self;
        Access { config, run, passes, pass, states, console, stop }
    }

    /// Lets a pass look outside of the run.
    pub(crate) fn scan(&self, pass: &Pass, states: &States, look_only: bool) -> Result<Scan, EngineError> {
        let Some(work) = self.registry.get(pass.name) else { return Ok(Scan::default()) };
        let cx = ScanContext { access: self.access(pass, states), look_only };
        work.scan(&cx).map_err(|source| match source.downcast::<EngineError>() {
            Ok(error) => *error,
            Err(source) => EngineError::Work { pass: pass.name.into(), unit: "scan".into(), source },
        })
    }

    /// Plans one pass. `earlier` are the plans of the passes before it, where these have not been executed since.
    pub(crate) fn pass(&self, pass: &Pass, states: &States, scan: &Scan, earlier: &[PassPlan]) -> Result<PassPlan, EngineError> {
        let none = BTreeMap::new();
        let recorded = states.get(pass.name).unwrap_or(&none);
        let common = self.common(pass, states, scan)?;
        let gates = self.gates(pass, states, earlier)?;
        let status = |unit: &Unit| {
            if let Some(gate) = gates.iter().find(|gate| gate.holds_back(unit)) {
                return Status::Waiting(gate.stage);
            }
            let Some(state) = recorded.get(unit) else { return Status::Missing };
            let outputs = || state.check_outputs(self.run, self.verify);
            let fingerprint = self.fingerprint(&common, pass, unit, states, scan);
            fingerprint.difference(&state.fingerprint).or_else(outputs).map_or(Status::Fresh, Status::Stale)
        };
        let units: Vec<Unit> = self.units(pass, states, scan).into_iter().collect();
        let plan = |unit: Unit| UnitPlan { status: status(&unit), unit };
        let plans: Vec<UnitPlan> = units.into_par_iter().map(plan).collect();
        let known: BTreeSet<&Unit> = plans.iter().map(|p| &p.unit).collect();
        let gone = recorded.keys().filter(|u| !known.contains(u)).cloned().collect();
        Ok(PassPlan { units: plans, gone, pending: scan.pending.clone(), ..PassPlan::empty(pass) })
    }

    /// What the fingerprints of all units of a pass have in common.
    pub(crate) fn common(&self, pass: &Pass, states: &States, scan: &Scan) -> Result<Fingerprint, EngineError> {
        Ok(Fingerprint {
            code_version: pass.code_version,
            keys: self.keys(pass).into(),
            inputs: self.whole_inputs(pass, states)?,
            external: scan.all.clone(),
            schemas: inputs::schemas(pass).into(),
            runtime: self.runtime.clone(),
        })
    }

    /// What a unit depends on today.
    pub(crate) fn fingerprint(
        &self,
        common: &Fingerprint,
        pass: &Pass,
        unit: &Unit,
        states: &States,
        scan: &Scan,
    ) -> Fingerprint {
        let mut fingerprint = common.clone();
        fingerprint.external.extend(scan.units.get(unit).cloned().unwrap_or_default());
        fingerprint.inputs.extend(inputs::own(pass, self.passes, unit, states));
        fingerprint
    }

    /// Plans all passes without executing any. Gives the states too, with those of units that the base has.
    pub(crate) fn all(&self) -> Result<(Vec<PassPlan>, States), EngineError> {
        let base = Base::checked(self.config, self.run)?;
        let mut states = load_states(self.run, self.passes);
        let mut plans: Vec<PassPlan> = Vec::new();
        for pass in self.passes {
            let scan = self.scan(pass, &states, true)?;
            let mut plan = self.pass(pass, &states, &scan, &plans)?;
            if let Some(base) = &base {
                base.lend(self, pass, &scan, &mut plan, &mut states)?;
            }
            plans.push(plan);
        }
        Ok((plans, states))
    }

    fn keys(&self, pass: &Pass) -> BTreeMap<String, serde_json::Value> {
        let value = |k: &str| serde_json::to_value(self.config.get(k)).unwrap_or_default();
        pass.counting_keys().map(|k| (k.name.to_owned(), value(k.name))).collect()
    }

    fn units(&self, pass: &Pass, states: &States, scan: &Scan) -> BTreeSet<Unit> {
        if pass.per == Per::Run {
            return [Unit::Run].into();
        }
        let mut units: BTreeSet<Unit> = scan.units.keys().cloned().collect();
        units.extend(inputs::units(pass, self.passes, states));
        units
    }

    /// Hashes of the inputs that every unit of a pass has in common.
    fn whole_inputs(&self, pass: &Pass, states: &States) -> Result<BTreeMap<String, String>, EngineError> {
        let mut inputs = inputs::common(self.run, pass, self.passes, states)?;
        for &input in &pass.inputs {
            if let Input::File(key) = input
                && let Some(path) = self.config.text(key)
            {
                inputs.insert(key.to_owned(), hash_file(Path::new(path))?);
            }
            if let Input::Models { key, file } = input {
                for (i, folder) in self.config.paths(key).iter().enumerate() {
                    inputs.insert(format!("{key} {} {file}", i + 1), hash_file(&folder.join(file))?);
                }
            }
            // A file of a model that comes from elsewhere.
            if let Input::Model(name) = input
                && !self.passes.iter().any(|maker| maker.makes(input))
            {
                let path = model_folder(self.config, self.run).join(name);
                let hash = path.exists().then(|| hash_file(&path)).transpose()?;
                inputs.insert(format!("model/{name}"), hash.unwrap_or_else(|| "absent".into()));
            }
        }
        Ok(inputs)
    }

    /// What has to be fresh before it shows whether the units of a pass are.
    fn gates<'b>(&self, pass: &Pass, states: &States, earlier: &'b [PassPlan]) -> Result<Vec<Gate<'b>>, EngineError> {
        let mut gates = Vec::new();
        for maker in pass.upstream(self.passes) {
            let Some(plan) = earlier.iter().find(|p| p.pass == maker.name) else { continue };
            let mut stale = plan.units.iter().filter(|u| !u.status.is_settled()).map(|u| &u.unit);
            let shut = if pass.per == Per::SiteDay && maker.per == Per::SiteDay {
                Shut::For(stale.collect())
            } else {
                let parts = pass.inputs.iter().filter(|&&i| maker.makes(i)).all(|i| matches!(i, Input::Parts { .. }));
                let table = pass.inputs.iter().find(|&&i| maker.makes(i)).and_then(|i| i.table());
                match table.filter(|_| parts).map(|table| chosen(self.run, pass, table, states)).transpose()?.flatten() {
                    Some(chosen) if stale.any(|unit| chosen.contains(unit)) => Shut::ForAll,
                    None if !plan.is_settled() => Shut::ForAll,
                    _ => Shut::For(BTreeSet::new()),
                }
            };
            gates.push(Gate { stage: maker.stage, shut });
        }
        Ok(gates)
    }
}

/// An earlier stage, and the units that it holds back.
struct Gate<'a> {
    stage: &'static str,
    shut: Shut<'a>,
}

enum Shut<'a> {
    ForAll,
    For(BTreeSet<&'a Unit>),
}

impl Gate<'_> {
    fn holds_back(&self, unit: &Unit) -> bool {
        match &self.shut {
            Shut::ForAll => true,
            Shut::For(units) => units.contains(unit),
        }
    }
}

/// The parts of a table that a pass reads; `None` for all. None are read as long as the table that names them is not there.
pub(crate) fn chosen(run: &RunDir, pass: &Pass, table: &str, states: &States) -> Result<Option<BTreeSet<Unit>>, EngineError> {
    let by = pass.inputs.iter().find_map(|input| match input {
        Input::Parts { of, by } if *of == table => Some(*by),
        _ => None,
    });
    let Some(by) = by else { return Ok(None) };
    let output = RunDir::output(Output::Table(by), &Unit::Run);
    let lent = states.values().filter_map(|units| units.get(&Unit::Run)).find(|state| state.outputs.contains_key(&output));
    let path = lent.map_or_else(|| run.path().join(&output), |state| state.locate(run, &output));
    if !path.exists() {
        return Ok(Some(BTreeSet::new()));
    }
    let batch = chorus_tables::read_columns(chorus_tables::schema(by)?, &path, &[UNIT_COLUMN])?;
    let named: BTreeSet<&str> = batch.utf8(UNIT_COLUMN)?.iter().flatten().collect();
    Ok(Some(named.into_iter().filter_map(|unit| Unit::parse(&format!("{unit}.parquet"))).collect()))
}
