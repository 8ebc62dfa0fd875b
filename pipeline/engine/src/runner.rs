//! Makes stages fresh: unit by unit, in parallel, each committed by itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::atomic;
use crate::config::keys::KEYS;
use crate::console::{bytes, duration};
use crate::context::{ScanContext, UnitContext};
use crate::graph::{Output, Pass, Per, Program, passes, stages};
use crate::plan::{PassPlan, Planner, States, Status, UnitPlan, load_states};
use crate::state::UnitState;
use crate::{Config, Console, EngineError, Registry, RunDir, Unit, given_model, manifest};

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
}

/// What a run did, per pass: units made and units that were fresh already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary(pub Vec<(&'static str, usize, usize)>);

impl Summary {
    /// How many units were made.
    pub fn made(&self) -> usize {
        self.0.iter().map(|(_, made, _)| made).sum()
    }
}

/// Runs the stages of one configuration.
pub struct Runner {
    config: Config,
    run: RunDir,
    passes: Vec<Pass>,
    registry: Registry,
    console: Console,
    program: Program,
    runtime: BTreeMap<String, String>,
    stop: Arc<AtomicBool>,
}

impl Runner {
    /// A runner within `chorus`: passes of other programs are handed to the worker.
    pub fn new(config: Config, registry: Registry, console: Console) -> Self {
        let run = RunDir::new(config.run_path());
        let passes = passes(&config);
        Self { config, run, passes, registry, console, program: Program::Chorus, runtime: BTreeMap::new(), stop: Arc::default() }
    }

    /// A runner within the worker: it executes only the worker's passes, within a run that `chorus` holds. `runtime` is what the
    /// worker's passes depend on besides: libtorch's version and the kind of device.
    #[must_use]
    pub fn as_worker(mut self, runtime: BTreeMap<String, String>) -> Self {
        self.program = Program::Torch;
        self.runtime = runtime;
        self
    }

    /// Stops after the units in work when the process is asked to end (SIGINT, SIGTERM); at once when it is asked twice.
    ///
    /// # Errors
    /// What the system says when handlers cannot be set.
    pub fn stop_on_signals(&self) -> std::io::Result<()> {
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&self.stop))?;
            signal_hook::flag::register(signal, Arc::clone(&self.stop))?;
        }
        Ok(())
    }

    /// The run's folder.
    pub fn run_dir(&self) -> &RunDir {
        &self.run
    }

    /// The stages of this run, in order.
    pub fn stages(&self) -> Vec<&'static str> {
        stages(&self.passes)
    }

    fn planner(&self, verify: bool) -> Planner<'_> {
        let Self { config, run, passes, registry, console, stop, runtime, .. } = self;
        Planner { config, run, passes, registry, console, stop, runtime, verify }
    }

    /// What is fresh and what is not, without executing anything. `verify` reads every output and compares its hash.
    ///
    /// # Errors
    /// [`EngineError`] where the archive or the states cannot be read.
    pub fn plan(&self, verify: bool) -> Result<Vec<PassPlan>, EngineError> {
        self.planner(verify).all()
    }

    /// What [`Runner::run`] would make, with about how many bytes it needs per stage.
    ///
    /// # Errors
    /// As [`Runner::plan`], and for a selection that does not exist.
    pub fn dry_run(&self, options: &RunOptions) -> Result<Vec<(PassPlan, u64)>, EngineError> {
        let selected = self.selected(&options.selection)?;
        let states = load_states(&self.run, &self.passes);
        let mut planned = Vec::new();
        for mut plan in self.plan(false)?.into_iter().filter(|p| selected.contains(&p.pass)) {
            plan.units.retain(|u| (options.force || u.status != Status::Fresh) && is_wanted(&u.unit, &options.units));
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
        self.check_sources(&selected)?;
        if !self.run.path().exists() {
            self.look_first(&selected)?;
        }
        let _lock = self.open()?;
        let planner = self.planner(options.verify);
        let mut states = load_states(&self.run, &self.passes);
        let mut plans: Vec<PassPlan> = Vec::new();
        let mut summary = Summary::default();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.jobs.max(1))
            .build()
            .map_err(|e| EngineError::io(self.run.path(), "threads cannot be started")(std::io::Error::other(e.to_string())))?;
        let mut handed_over: Vec<&str> = Vec::new();
        for (i, pass) in self.passes.iter().enumerate() {
            let whole_run_is_left_out = pass.per == Per::Run && !options.units.is_empty();
            let chosen = selected.contains(&pass.name) && !whole_run_is_left_out;
            if self.program == Program::Torch && !chosen {
                // `chorus` looked at the others before it started the worker, which does not hold them and could not tell.
                continue;
            }
            let scan = pool.install(|| planner.scan(pass, &states, !chosen))?;
            let mut plan = planner.pass(pass, &states, &scan, &plans)?;
            if !chosen {
                plans.push(plan);
                continue;
            }
            if pass.program != self.program {
                // Consecutive passes of the worker go to one process: it takes a while to start.
                handed_over.push(pass.name);
                let last =
                    self.passes.get(i + 1).is_none_or(|next| next.program == self.program || !selected.contains(&next.name));
                if last {
                    self.hand_over(&handed_over, &plans, &plan, options)?;
                    for &name in &handed_over {
                        states.extend(load_states(&self.run, &[self.pass(name).clone()]));
                    }
                    handed_over.clear();
                }
                plans.push(PassPlan { units: Vec::new(), gone: Vec::new(), pending: None, ..plan });
                continue;
            }
            self.refuse_stale_inputs(pass, &plan, options)?;
            self.retire(pass, &mut plan, &mut states, options)?;
            let done = self.execute(pass, &plan, &mut states, options, &pool)?;
            let kept = plan.units.len() - done;
            summary.0.push((pass.name, done, kept));
            for unit in plan.units.iter_mut().filter(|u| is_wanted(&u.unit, &options.units)) {
                unit.status = Status::Fresh;
            }
            plan.pending = None;
            plans.push(plan);
        }
        if self.program == Program::Chorus {
            self.record_config()?;
            manifest::write(&self.run, &self.config, &self.passes, &load_states(&self.run, &self.passes))?;
        }
        Ok(summary)
    }

    fn pass(&self, name: &str) -> &Pass {
        self.passes.iter().find(|p| p.name == name).expect("names of passes come from the list of passes")
    }

    /// The passes that a selection stands for.
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
        for pass in self.passes.iter().rev() {
            let needed = |s: &&'static str| self.pass(s).upstream(&self.passes).iter().any(|p| p.stage == pass.stage);
            let upstream = matches!(selection, Selection::WithUpstream(_)) && selected.iter().any(needed);
            if named.contains(&pass.stage) || upstream {
                selected.push(pass.name);
            }
        }
        Ok(selected)
    }

    /// Checks what the run reads from outside: the archive, and the model where one is given.
    ///
    /// # Errors
    /// [`EngineError::Archive`], [`EngineError::Model`].
    pub fn check(&self) -> Result<(), EngineError> {
        self.check_sources(&self.passes.iter().map(|p| p.name).collect::<Vec<_>>())
    }

    /// A missing archive, and a model that cannot be used, are told before anything is made.
    fn check_sources(&self, selected: &[&'static str]) -> Result<(), EngineError> {
        let states = States::new();
        let planner = self.planner(false);
        for name in selected {
            let pass = self.pass(name);
            if pass.reads(crate::graph::Input::Archive) {
                planner.access(pass, &states).archive()?;
            }
        }
        self.check_run_folder()?;
        match self.config.text("model.path") {
            Some(model) => given_model::check(&self.config, Path::new(model)),
            None => Ok(()),
        }
    }

    /// A run lies outside of the archive, and stays of one mode: tables that its configuration does not know would still be answered from.
    fn check_run_folder(&self) -> Result<(), EngineError> {
        let run = std::path::absolute(self.run.path()).map_err(EngineError::io(self.run.path(), "cannot be found"))?;
        let existing = run.ancestors().find_map(|p| Some((p.canonicalize().ok()?, run.strip_prefix(p).ok()?)));
        let real = existing.map_or_else(|| run.clone(), |(base, rest)| base.join(rest));
        let archive = self.config.text("archive.path").and_then(|archive| Path::new(archive).canonicalize().ok());
        let refuse = |found: &str, next: &str| {
            Err(EngineError::Archive { path: self.run.path().to_owned(), found: found.into(), next: next.into() })
        };
        if archive.is_some_and(|archive| real.starts_with(archive)) {
            return refuse(
                "the run would lie within the archive, which is never written to",
                "name a folder outside of it in run.path",
            );
        }
        if self.config.text("model.path").is_some() && self.run.states("train").exists() {
            let next =
                "name another folder in run.path, so that its labels and metrics are not taken for those of the other model";
            return refuse("this run trained a model of its own, and model.path names another", next);
        }
        Ok(())
    }

    /// A first look, before a new run's folder is made: an archive without recordings or a full disk leave nothing behind.
    fn look_first(&self, selected: &[&'static str]) -> Result<(), EngineError> {
        let Some(first) = self.passes.iter().find(|pass| selected.contains(&pass.name)) else { return Ok(()) };
        self.planner(false).scan(first, &States::new(), true)?;
        self.require_disk(first.stage, 0)
    }

    /// Takes the run for this process. The worker runs within a run that is taken already.
    fn open(&self) -> Result<Option<std::fs::File>, EngineError> {
        if self.program != Program::Chorus {
            return Ok(None);
        }
        let lock = self.run.lock()?;
        atomic::clear(&self.run.tmp())?;
        Ok(Some(lock))
    }

    /// Writes down the configuration: when something is about to be made with it, and at the end of a run.
    fn record_config(&self) -> Result<(), EngineError> {
        let (path, yaml) = (self.run.resolved_config(), self.config.with_absolute_paths().to_yaml());
        if self.program == Program::Chorus && std::fs::read(&path).ok().as_deref() != Some(yaml.as_bytes()) {
            atomic::write(&self.run.tmp(), &path, yaml.as_bytes())?;
        }
        Ok(())
    }

    fn refuse_stale_inputs(&self, pass: &Pass, plan: &PassPlan, options: &RunOptions) -> Result<(), EngineError> {
        if !options.units.is_empty() && !plan.units.iter().any(|u| is_wanted(&u.unit, &options.units)) {
            return Err(EngineError::UnknownUnit { filter: options.units.join(", ") });
        }
        let waiting = plan.units.iter().filter(|u| is_wanted(&u.unit, &options.units)).find_map(|u| match u.status {
            Status::Waiting(stage) => Some(stage),
            _ => None,
        });
        let Some(input) = waiting else { return Ok(()) };
        let reason = self.plan(false)?.iter().filter(|p| p.stage == input).find_map(PassPlan::reason);
        Err(EngineError::StaleInputs {
            stage: pass.stage.into(),
            input: input.into(),
            reason: reason.unwrap_or_else(|| "not made yet".into()),
            command: format!("chorus run {} --with-upstream", pass.stage),
        })
    }

    /// Removes what was made from recordings that are no longer there.
    fn retire(&self, pass: &Pass, plan: &mut PassPlan, states: &mut States, options: &RunOptions) -> Result<(), EngineError> {
        if !options.units.is_empty() {
            return Ok(());
        }
        self.remove_strays(pass, plan, states)?;
        for unit in std::mem::take(&mut plan.gone) {
            if let Some(state) = states.get_mut(pass.name).and_then(|s| s.remove(&unit)) {
                atomic::remove(&self.run.states(pass.name), &self.run.state(pass.name, &unit))?;
                for path in state.outputs.keys() {
                    atomic::remove(&self.run.tables(), &self.run.path().join(path))?;
                }
                self.console.say(&format!("{:17} {unit} removed: nothing in the archive stands for it any more", pass.name));
            }
        }
        Ok(())
    }

    /// Removes parts of a pass's tables that no state tells of and no unit will write: a query would count them.
    fn remove_strays(&self, pass: &Pass, plan: &PassPlan, states: &States) -> Result<(), EngineError> {
        let known: BTreeSet<&Unit> =
            plan.units.iter().map(|u| &u.unit).chain(states.get(pass.name).into_iter().flat_map(|s| s.keys())).collect();
        for table in table_outputs(pass) {
            let root = self.run.tables().join(table);
            for path in files_below(&root) {
                let relative = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
                if !Unit::parse(&relative).is_some_and(|unit| known.contains(&unit)) {
                    atomic::remove(&self.run.tables(), &path)?;
                    self.console.say(&format!(
                        "{:17} {} removed: nothing in the archive stands for it",
                        pass.name,
                        path.display()
                    ));
                }
            }
        }
        Ok(())
    }

    /// Makes the units of a pass that are not fresh; tells how many that were.
    fn execute(
        &self,
        pass: &Pass,
        plan: &PassPlan,
        states: &mut States,
        options: &RunOptions,
        pool: &rayon::ThreadPool,
    ) -> Result<usize, EngineError> {
        let wanted = |u: &&UnitPlan| (options.force || u.status != Status::Fresh) && is_wanted(&u.unit, &options.units);
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
                        match pool.install(|| self.make(pass, unit, shared)) {
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
    fn make(&self, pass: &Pass, plan: &UnitPlan, states: &States) -> Result<UnitState, EngineError> {
        let start = Instant::now();
        let unit = &plan.unit;
        let fail = |source| EngineError::Work { pass: pass.name.into(), unit: unit.to_string(), source };
        let work = self.registry.get(pass.name).ok_or_else(|| fail("this program does not hold the stage".into()))?;
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

    fn bytes_needed(&self, pass: &str, states: &States, units: &[&UnitPlan]) -> Result<u64, EngineError> {
        let (planner, pass) = (self.planner(false), self.pass(pass));
        let Some(work) = self.registry.get(pass.name) else { return Ok(0) };
        let cx = ScanContext { access: planner.access(pass, states), look_only: true };
        let units: Vec<&Unit> = units.iter().map(|u| &u.unit).collect();
        let fail = |source| EngineError::Work { pass: pass.name.into(), unit: "estimate".into(), source };
        work.bytes_needed(&cx, &units).map_err(fail)
    }

    fn check_disk(&self, pass: &Pass, states: &States, units: &[&UnitPlan]) -> Result<(), EngineError> {
        self.require_disk(pass.stage, self.bytes_needed(pass.name, states, units)?)
    }

    fn require_disk(&self, stage: &str, needed: u64) -> Result<(), EngineError> {
        let reserve = (self.config.number("units.keep_free_gib") * (1u64 << 30) as f64) as u64;
        let free = self.run.free_bytes()?;
        if needed.saturating_add(reserve) <= free {
            return Ok(());
        }
        Err(EngineError::Disk {
            path: self.run.path().to_owned(),
            stage: stage.into(),
            needed: bytes(needed),
            free: bytes(free),
            reserve: bytes(reserve),
        })
    }

    /// Lets the worker make some passes, with this run's resolved configuration.
    fn hand_over(&self, names: &[&str], plans: &[PassPlan], last: &PassPlan, options: &RunOptions) -> Result<(), EngineError> {
        let handed: Vec<&PassPlan> = plans.iter().chain([last]).filter(|p| names.contains(&p.pass)).collect();
        for plan in &handed {
            // Within the group, one may wait for the other.
            let waits_outside = plan.units.iter().any(|u| matches!(u.status, Status::Waiting(s) if !names.contains(&s)));
            if waits_outside {
                self.refuse_stale_inputs(self.pass(plan.pass), plan, options)?;
            }
        }
        let fresh = handed.iter().all(|p| p.is_fresh()) && !options.force;
        let Some(program) = worker_program() else {
            if fresh {
                return Ok(());
            }
            let detail = "is not beside chorus; build it with `make build` (it needs libtorch, which `make setup` gets)".into();
            return Err(EngineError::Worker { stage: names.join(", "), detail });
        };
        self.record_config()?;
        let failed = |detail: String| EngineError::Worker { stage: names.join(", "), detail };
        let mut command = Command::new(&program);
        command.arg("run").arg("--run").arg(self.run.path()).args(["--jobs", &options.jobs.to_string()]).stdin(Stdio::piped());
        command.args(names.iter().map(|n| self.pass(n).stage));
        command.args(options.units.iter().flat_map(|u| ["--unit", u]));
        if options.force {
            command.arg("--force");
        }
        if options.verify {
            command.arg("--verify");
        }
        if std::env::var_os("OMP_WAIT_POLICY").is_none() {
            // libtorch's threads otherwise spin while they wait, and on a machine that does anything else besides an epoch takes ten times as long.
            command.env("OMP_WAIT_POLICY", "PASSIVE");
        }
        let mut child = command.spawn().map_err(|e| failed(format!("cannot be started: {}: {e}", program.display())))?;
        // The worker ends when its stdin does: also when this process is killed.
        let _lifeline = child.stdin.take();
        let mut told = false;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| failed(e.to_string()))? {
                break status;
            }
            if self.stop.load(Ordering::Relaxed) && !told {
                told = true;
                if let Some(pid) = rustix::process::Pid::from_raw(child.id() as i32) {
                    // It may have ended by itself in between.
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        match status.success() {
            true => Ok(()),
            false if self.stop.load(Ordering::Relaxed) => Err(EngineError::Stopped),
            false => Err(failed(format!("ended with {status}; what it said stands above"))),
        }
    }
}

/// The worker: named by `CHORUS_TORCH`, or beside this program.
pub fn worker_program() -> Option<PathBuf> {
    let named = std::env::var_os("CHORUS_TORCH").map(PathBuf::from);
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("chorus-torch")));
    named.or(beside).filter(|p| p.is_file())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

fn is_wanted(unit: &Unit, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|f| unit.matches(f))
}

fn count_units(n: usize) -> String {
    if n == 1 { "1 unit".into() } else { format!("{n} units") }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The seeds among the configuration's keys, for the manifest.
pub(crate) fn seeds(config: &Config) -> BTreeMap<&'static str, serde_json::Value> {
    let value = |name: &'static str| (name, serde_json::to_value(config.get(name)).unwrap_or_default());
    KEYS.iter().filter(|k| k.name.ends_with(".seed")).map(|k| value(k.name)).collect()
}

/// The table outputs of a pass, for the manifest.
pub(crate) fn table_outputs(pass: &Pass) -> impl Iterator<Item = &'static str> + '_ {
    pass.outputs.iter().filter_map(|o| if let Output::Table(t) = o { Some(*t) } else { None })
}
