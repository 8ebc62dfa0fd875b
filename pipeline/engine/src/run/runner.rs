//! Makes stages fresh: unit by unit, in parallel, each committed by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use chorus_archive::{Archive, Local};
use chorus_platform::signals::stop_on_signals;

use super::base::Base;
use super::manifest;
use super::work::Registry;
use crate::console::counted;
#[cfg(test)]
use crate::files::disk::Disk;
use crate::files::scratch::clear_tmp;
use crate::files::share::Share;
use crate::files::{alike, roster};
use crate::graph::{Pass, Per, Program, stages};
use crate::plan::part::Part;
use crate::plan::scan::{Found, Scan};
use crate::plan::{PassPlan, Status, UnitPlan};
use crate::state::journal::Interrupted;
use crate::state::states::States;
use crate::state::unit_state::UnitState;
use crate::{Config, Console, EngineError, RunDir, Unit};

/// Which stages to make fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// Exactly these; their inputs have to be fresh.
    Only(Vec<String>),
    /// These and all that they depend on.
    WithUpstream(Vec<String>),
    /// This one and all later ones.
    From(String),
}

/// How to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Which stages.
    pub selection: Selection,
    /// Make units again though they are fresh.
    pub force: bool,
    /// Threads; units in work at once, and recordings within a unit.
    pub jobs: usize,
    /// Only units that match one of these filters; empty for all.
    pub units: Vec<String>,
    /// Read every output and compare its hash, so that damaged ones are made again.
    pub verify: bool,
    /// Make nothing: every unit has to be fresh, or to be had from a base.
    pub take_only: bool,
    /// Remove what was made from recordings that are gone, even where most of the archive is.
    pub remove_missing: bool,
}

impl RunOptions {
    /// These stages on so many threads: what is not fresh, and all of it.
    pub fn new(selection: Selection, jobs: usize) -> Self {
        Self { selection, force: false, jobs, units: Vec::new(), verify: false, take_only: false, remove_missing: false }
    }
}

/// With what units are made.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) options: &'a RunOptions,
    pub(super) pool: &'a rayon::ThreadPool,
}

/// What a run did, pass by pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary(pub Vec<Done>);

/// What a run did of one pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The pass.
    pub pass: &'static str,
    /// Units that were made.
    pub made: usize,
    /// Units that were taken over from a base.
    pub taken: usize,
    /// Whether other shares have to look into their parts of the archive before units can be made.
    pub awaits_shares: bool,
}

impl Summary {
    /// How many units were made.
    pub fn made(&self) -> usize {
        self.0.iter().map(|done| done.made).sum()
    }

    /// Whether other shares have to look into their parts of the archive before units can be made.
    pub fn awaits_shares(&self) -> bool {
        self.0.iter().any(|done| done.awaits_shares)
    }

    /// How many units were taken over from bases.
    pub fn taken(&self) -> usize {
        self.0.iter().map(|done| done.taken).sum()
    }
}

/// The progress of an execution.
#[derive(Default)]
pub(super) struct Execution {
    pub(super) states: States,
    /// Units whose making did not come to its end, with the files that were touched.
    pub(super) interrupted: BTreeMap<&'static str, Interrupted>,
    /// Passes of which version 0.1 did not write down which files it touched.
    pub(super) unlisted: BTreeSet<&'static str>,
    /// What each pass saw outside of the run, and its plan; in the order of the passes.
    pub(super) scans: Vec<Scan<Found>>,
    pub(super) plans: Vec<PassPlan>,
    pub(super) summary: Summary,
}

impl Execution {
    /// Skips a pass that no selected pass depends on.
    fn pass_over(&mut self, pass: &Pass) {
        self.scans.push(Scan::none());
        self.plans.push(PassPlan::empty(pass));
    }
}

/// Runs the stages of one configuration.
pub struct Runner {
    pub(super) config: Config,
    pub(super) archive: Option<Arc<dyn Archive>>,
    pub(super) run: RunDir,
    pub(super) registry: Registry,
    pub(super) console: Console,
    pub(super) program: Program,
    pub(super) runtime: BTreeMap<String, String>,
    pub(super) stop: Arc<AtomicBool>,
    /// The part of the run that this process makes, once it is known; where it has the whole run, never.
    pub(super) part: OnceLock<Part>,
    /// Whether units are made by this thread alone, so many before they are committed. Tests need each thing in the same order each time.
    pub(super) turns: Option<usize>,
}

impl Runner {
    /// A runner within `chorus`: passes that another program executes are handed to the worker. The archive is a local folder.
    pub fn new(config: Config, registry: Registry, console: Console) -> Self {
        let run = RunDir::new(config.run_path()).locked_by(config.values().text("run.lock"));
        let archive = config.text("archive.path").map(|path| Arc::new(Local::new(path)) as Arc<dyn Archive>);
        let (program, runtime) = (Program::Chorus, BTreeMap::new());
        let (stop, part, turns) = (Arc::default(), OnceLock::new(), None);
        Self { config, archive, run, registry, console, program, runtime, stop, part, turns }
    }

    /// Works on another disk, in one thread, and commits so many units at a time.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn in_turns_on(mut self, disk: Disk, turns: usize) -> Self {
        self.run = self.run.on(disk);
        self.turns = Some(turns);
        self
    }

    /// Reads another archive than the local folder that the configuration names.
    #[must_use]
    pub fn with_archive(mut self, archive: Option<Arc<dyn Archive>>) -> Self {
        self.archive = archive;
        self
    }

    /// Makes only this share of the run's units; other processes make the others, perhaps at the same time.
    #[must_use]
    pub fn with_share(mut self, share: Option<Share>) -> Self {
        self.run = self.run.shared(share);
        self
    }

    /// A runner within the worker: it executes only the worker's passes, within a run that `chorus` holds. `runtime` is what the
    /// worker's passes depend on besides: the version of libtorch or ONNX Runtime, the kind of device, and, under the names of keys, what
    /// their values amount to on this machine.
    #[must_use]
    pub fn as_worker(mut self, program: Program, runtime: BTreeMap<String, String>) -> Self {
        self.program = program;
        self.runtime = runtime;
        self
    }

    /// Stops after the units in work when the process is asked to end (SIGINT, SIGTERM); at once when it is asked twice.
    ///
    /// # Errors
    /// What the system says when handlers cannot be set.
    pub fn stop_on_signals(&self) -> std::io::Result<()> {
        stop_on_signals(&self.stop)
    }

    /// Stops when another runner of this process is asked to.
    #[must_use]
    pub fn stopping_with(mut self, other: &Self) -> Self {
        self.stop = Arc::clone(&other.stop);
        self
    }

    /// The run's folder.
    pub fn run_dir(&self) -> &RunDir {
        &self.run
    }

    /// The passes of this run, in order.
    pub fn passes(&self) -> &[Pass] {
        self.registry.passes()
    }

    /// The stages of this run, in order.
    pub fn stages(&self) -> Vec<&'static str> {
        stages(self.passes())
    }

    /// What is fresh and what is not, without executing anything. `verify` reads every output and compares its hash.
    ///
    /// # Errors
    /// [`EngineError`] where the archive or the states cannot be read.
    pub fn plan(&self, verify: bool) -> Result<Vec<PassPlan>, EngineError> {
        self.config.require_purpose()?;
        Ok(self.look(None, verify, None, |_, _, _| ())?.0)
    }

    /// The plans of these passes and of all that they depend on.
    pub(super) fn plan_for(&self, selected: &[&'static str]) -> Result<(Vec<PassPlan>, States), EngineError> {
        self.look(Some(&self.needed(selected)), false, None, |_, _, _| ())
    }

    /// These passes and all that they depend on.
    pub(super) fn needed(&self, selected: &[&'static str]) -> BTreeSet<&'static str> {
        let mut needed: BTreeSet<&'static str> = selected.iter().copied().collect();
        for pass in self.passes().iter().rev() {
            if needed.contains(pass.name) {
                needed.extend(pass.upstream(self.passes()).iter().map(|maker| maker.name));
            }
        }
        needed
    }

    /// What [`Runner::run`] would make, with about how many bytes it needs per stage.
    ///
    /// # Errors
    /// As [`Runner::plan`], and for a selection that does not exist.
    pub fn dry_run(&self, options: &RunOptions) -> Result<Vec<(PassPlan, u64)>, EngineError> {
        let selected = self.selected(&options.selection)?;
        self.check_sources(&selected)?;
        let needed = self.needed(&selected);
        // Where the share is found by a look at the archive, that look serves.
        let first_look = self.cut(&needed, |pass| selected.contains(&pass.name), true)?;
        let tell_refusal = |pass: &Pass, scan: &Scan<Found>, states: &States| {
            let is_chosen = selected.contains(&pass.name) && !scan.hours.is_empty();
            if is_chosen && let Err(error) = self.refuse_few(pass, scan, states, options) {
                // Recordings that are new may be those that are gone, with other names.
                let refuses = if scan.pending.is_some() { "may refuse" } else { "refuses" };
                self.console.warn(&format!("without --dry-run, this command {refuses} to go on: {error}"));
            }
        };
        let (plans, states) = self.look(Some(&needed), false, first_look, tell_refusal)?;
        let mut planned = Vec::new();
        for mut plan in plans.into_iter().filter(|p| selected.contains(&p.pass)) {
            plan.units.retain(|u| (options.force || !u.status.is_settled()) && self.wants(&u.unit, options));
            let needed = self.bytes_needed(plan.pass, &states, &plan.units.iter().collect::<Vec<_>>())?;
            planned.push((plan, needed));
        }
        Ok(planned)
    }

    /// Makes the selected stages fresh.
    ///
    /// # Errors
    /// [`EngineError`]; units that were committed before stay.
    pub fn run(&self, options: &RunOptions) -> Result<Summary, EngineError> {
        let selected = self.selected(&options.selection)?;
        self.refuse_units_of_whole_runs(options)?;
        self.check_sources(&selected)?;
        if self.run.disk().find(self.run.path())?.is_none() {
            self.look_first(&selected)?;
        }
        let _taken = self.open()?;
        let done = self.make_fresh(&selected, options);
        if done.is_err() && self.program == Program::Chorus {
            // Where the disk is full, the next thing that is tried needs this room. The error is told in any case.
            let _ = clear_tmp(&self.run);
        }
        done
    }

    /// Makes passes fresh, within a run that is open.
    fn make_fresh(&self, selected: &[&'static str], options: &RunOptions) -> Result<Summary, EngineError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.jobs.max(1))
            .build()
            .map_err(|e| EngineError::io(self.run.path(), "threads cannot be started")(std::io::Error::other(e.to_string())))?;
        self.take_cache(selected)?;
        let needed = self.needed(selected);
        let is_chosen =
            |pass: &Pass| selected.contains(&pass.name) && (pass.per == Per::SiteDay || self.makes_whole_runs(options));
        let mut first_look = pool.install(|| self.cut(&needed, is_chosen, false))?;
        let mut execution = self.begin(&needed, options)?;
        let mut handed_over: Vec<&str> = Vec::new();
        for (i, pass) in self.passes().iter().enumerate() {
            let chosen = is_chosen(pass);
            if self.program != Program::Chorus && !chosen {
                // `chorus` planned the other passes before it started the worker, which does not hold their code.
                continue;
            }
            if !needed.contains(pass.name) {
                execution.pass_over(pass);
                continue;
            }
            let looked = first_look.take_if(|_| chosen && self.is_first_by_site_day(pass));
            let scan = looked.map_or_else(|| pool.install(|| self.scan_for(pass, &execution.states, chosen)), Ok)?;
            if chosen && !scan.hours.is_empty() {
                self.refuse_few(pass, &scan, &execution.states, options)?;
                alike::refuse(&self.run, scan.hours.keys())?;
                roster::write(&self.run, &scan.hours)?;
            }
            execution.scans.push(scan);
            let scan = &execution.scans[execution.plans.len()];
            let mut plan = self.planner(options.verify).pass(pass, &execution.states, scan, &execution.plans)?;
            let handed = chosen && pass.program != self.program;
            if handed {
                handed_over.push(pass.name);
            } else if let Some(pending) = plan.pending.as_ref().filter(|_| chosen) {
                // Before all shares have looked into their parts, nobody knows what the units are.
                self.console.say(&format!("{:17} {pending}", pass.name));
                execution.summary.0.push(Done { pass: pass.name, made: 0, taken: 0, awaits_shares: true });
            } else if chosen {
                self.refuse_stale_inputs(pass, &plan, options)?;
                self.retire(pass, &mut plan, &mut execution, options)?;
                let scan = &execution.scans[execution.plans.len()];
                let means = Means { options, pool: &pool };
                let interrupted = execution.interrupted.remove(pass.name).unwrap_or_default();
                let taken = self.take_over(pass, &mut plan, scan, &mut execution.states, &interrupted, means)?;
                // The line about units that were taken over is enough: no other one has to say that all are fresh.
                let done = taken > 0 && plan.fresh() == plan.units.len();
                self.refuse_to_make(pass, &plan, options)?;
                let made = if done { 0 } else { self.execute(pass, &plan, scan, &mut execution.states, &interrupted, means)? };
                execution.summary.0.push(Done { pass: pass.name, made, taken, awaits_shares: false });
                for unit in plan.units.iter_mut().filter(|u| self.wants(&u.unit, options)) {
                    unit.status = Status::Fresh;
                }
                plan.pending = None;
            }
            execution.plans.push(plan);
            // Consecutive passes of a worker go to one process, because starting it takes a while.
            let next = self.passes().get(i + 1).filter(|next| next.program == pass.program && selected.contains(&next.name));
            if !handed_over.is_empty() && next.is_none() {
                self.hand_over(&handed_over, &execution.plans, options)?;
                for name in handed_over.drain(..) {
                    self.take_back(name, &mut execution, options)?;
                }
            }
        }
        if self.program == Program::Chorus {
            self.record_config()?;
            // A share does not know what the others made.
            if self.run.share().is_none() {
                manifest::write(&self.run, &self.config, self.passes(), &execution.states)?;
            }
        }
        Ok(execution.summary)
    }

    /// Reads what the worker made of a pass, and plans the pass again.
    fn take_back(&self, name: &str, execution: &mut Execution, options: &RunOptions) -> Result<(), EngineError> {
        let at = self.passes().iter().position(|p| p.name == name).expect("names of passes come from the list of passes");
        let pass = &self.passes()[at];
        let before = execution.states.insert(pass.name, self.recorded(pass)?.made).unwrap_or_default();
        let is_new = |(unit, state): &(&Unit, &UnitState)| before.get(*unit) != Some(*state) && self.is_own(unit);
        let new: BTreeMap<&Unit, &UnitState> = execution.states[pass.name].iter().filter(is_new).collect();
        let bases = if options.force { Vec::new() } else { Base::all(&self.config, &self.run) };
        let taken = bases.iter().map(|base| base.count(pass.name, &new)).sum::<Result<usize, _>>()?.min(new.len());
        execution.summary.0.push(Done { pass: pass.name, made: new.len() - taken, taken, awaits_shares: false });
        let planner = self.planner(options.verify);
        execution.plans[at] = planner.pass(pass, &execution.states, &execution.scans[at], &execution.plans[..at])?;
        Ok(())
    }

    /// Whether a unit is among those that this process was asked to make.
    pub(super) fn wants(&self, unit: &Unit, options: &RunOptions) -> bool {
        let named = options.units.is_empty() || options.units.iter().any(|filter| unit.matches(filter));
        named && self.is_own(unit)
    }

    /// Whether this process makes the passes on the whole run.
    pub(super) fn makes_whole_runs(&self, options: &RunOptions) -> bool {
        options.units.is_empty() && self.run.share().is_none()
    }

    /// Refuses `--unit` and `--units` with a stage that has no units, since it would do nothing without a message.
    fn refuse_units_of_whole_runs(&self, options: &RunOptions) -> Result<(), EngineError> {
        let Selection::Only(stages) = &options.selection else { return Ok(()) };
        let has_units = |stage: &String| self.passes().iter().any(|pass| pass.stage == stage && pass.per == Per::SiteDay);
        match stages.iter().find(|stage| !self.makes_whole_runs(options) && !has_units(stage)) {
            Some(stage) => Err(EngineError::WholeRun { stage: stage.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn pass(&self, name: &str) -> &Pass {
        self.passes().iter().find(|p| p.name == name).expect("names of passes come from the list of passes")
    }

    /// The passes of a selection.
    fn selected(&self, selection: &Selection) -> Result<Vec<&'static str>, EngineError> {
        let known = self.stages();
        let check = |name: &String| match known.iter().find(|s| *s == name) {
            Some(stage) => Ok(*stage),
            None => Err(EngineError::UnknownStage { name: name.clone(), known: known.join(", ") }),
        };
        let named = match selection {
            Selection::All => known.clone(),
            Selection::Only(names) | Selection::WithUpstream(names) => names.iter().map(check).collect::<Result<_, _>>()?,
            Selection::From(name) => {
                let first = check(name)?;
                known.iter().copied().skip_while(|s| *s != first).collect()
            }
        };
        let mut selected: Vec<&'static str> = Vec::new();
        for pass in self.passes().iter().rev() {
            let needed = |s: &&'static str| self.pass(s).upstream(self.passes()).iter().any(|p| p.stage == pass.stage);
            let upstream = matches!(selection, Selection::WithUpstream(_)) && selected.iter().any(needed);
            if named.contains(&pass.stage) || upstream {
                selected.push(pass.name);
            }
        }
        Ok(selected)
    }

    /// Refuses units that no base has, where nothing is to be made.
    fn refuse_to_make(&self, pass: &Pass, plan: &PassPlan, options: &RunOptions) -> Result<(), EngineError> {
        let is_missing = |unit: &&UnitPlan| unit.status != Status::Fresh && self.wants(&unit.unit, options);
        let missing: Vec<&UnitPlan> = plan.units.iter().filter(is_missing).collect();
        match missing.first().filter(|_| options.take_only) {
            None => Ok(()),
            Some(first) => Err(EngineError::NotInBase {
                pass: pass.name.into(),
                units: counted(missing.len(), "unit"),
                first: first.unit.to_string(),
            }),
        }
    }

    /// Refuses a pass whose inputs are not fresh, and a `--unit` that it does not have.
    pub(super) fn refuse_stale_inputs(&self, pass: &Pass, plan: &PassPlan, options: &RunOptions) -> Result<(), EngineError> {
        let mut wanted = plan.units.iter().filter(|u| self.wants(&u.unit, options)).peekable();
        let is_unknown = !options.units.is_empty() && wanted.peek().is_none();
        let waiting = wanted.find_map(|u| if let Status::Waiting(stage) = u.status { Some(stage) } else { None });
        let Some(input) = waiting.or(plan.awaits) else {
            return if is_unknown {
                Err(EngineError::UnknownUnit { filter: options.units.join(", "), config: self.config.typed() })
            } else {
                Ok(())
            };
        };
        // A stage can begin with a pass on the whole run, which a share does not make.
        if input == pass.stage && self.run.share().is_some() {
            return Err(EngineError::WholeRun { stage: pass.stage.into() });
        }
        let reason = self.plan_for(&[pass.name])?.0.iter().filter(|p| p.stage == input).find_map(PassPlan::reason);
        Err(EngineError::StaleInputs {
            stage: pass.stage.into(),
            input: input.into(),
            reason: reason.unwrap_or_else(|| "not made yet".into()),
            command: format!("chorus run {} --with-upstream {}", pass.stage, self.config.typed()),
        })
    }
}
