//! `chorus sweep`: one run for each combination of some settings, and a table with the metrics of all runs.
//!
//! What does not depend on a varied key is made once, in the run of the configuration. The runs of the combinations take it over.
//! They are in a folder beside that run, whose name ends in `-sweep`. They run one after the other, because training uses all
//! threads. On a cluster the runs can be made in parts, by several processes at once.

mod gather;
mod vary;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use chorus_engine::graph::{Pass, stages};
use chorus_engine::plan::PassPlan;
use chorus_engine::{Config, Console, EngineError, RunDir, RunOptions, Runner, Selection, message, shared_passes};

use crate::args::{SweepArgs, UsageError};
use crate::declarations::declarations;
use crate::output::{self, aligned};
use crate::stages::{passes, runner};
use gather::{About, Made, Summary, gather};
use vary::{Combination, Varied, combinations};

/// The stage that a sweep leaves out: a sweep compares metrics.
const REPORT: &str = "report";
/// The metrics of the table on stdout.
const SHOWN: [&str; 3] = ["average_precision", "f1_fixed", "f1_tuned"];

/// A run to make.
struct Planned {
    combination: Combination,
    name: String,
    config: Config,
    /// Whether it is made by this process, which may be asked for a part of the runs.
    is_own: bool,
}

/// All runs of a sweep.
struct Sweep {
    /// The configuration of the run that makes what all runs share.
    base: Config,
    folder: PathBuf,
    runs: Vec<Planned>,
}

pub(crate) fn run(args: &SweepArgs) -> anyhow::Result<ExitCode> {
    let sweep = Sweep::plan(args)?;
    if args.dry_run {
        return sweep.dry_run();
    }
    let console = Console::new();
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let base = runner(sweep.base.clone())?;
    base.stop_on_signals().context("signals cannot be handled")?;
    if args.part.is_none() {
        sweep.make_base(&base, jobs, &console)?;
    } else {
        sweep.require_base(&base)?;
    }
    if args.shared {
        return Ok(ExitCode::SUCCESS);
    }
    let (made, failed) = sweep.make_runs(&base, jobs, &console)?;
    for (name, why) in &failed {
        console.warn(&format!("{name} failed: {why}"));
    }
    // The tables hold all runs, so a part makes none.
    if !made.is_empty() && args.part.is_none() {
        let summary = gather(&sweep.folder, &made)?;
        output::line(comparison(&made, &summary).trim_end())?;
        console.say(&format!("tables: {}", RunDir::new(&sweep.folder).tables().display()));
        console.say(&format!("query them: chorus query --run {} \"SELECT * FROM sweep_summary\"", sweep.folder.display()));
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs that were made, and those that failed with the reason.
type Outcome = (Vec<Made>, Vec<(String, String)>);

impl Sweep {
    fn plan(args: &SweepArgs) -> anyhow::Result<Self> {
        let combinations = combinations(&varied(args)?)?;
        let with = |combination: &Combination| {
            let mut config = args.config.clone();
            config.set.extend(combination.sets());
            config.load()
        };
        let configs = combinations.iter().map(with).collect::<anyhow::Result<Vec<Config>>>()?;
        // A configuration may lack a key that is varied, such as the site to leave out.
        let base = args.config.load().ok().or_else(|| configs.first().cloned()).ok_or_else(nothing_varied)?;
        let mut folder = base.run_path().into_os_string();
        folder.push("-sweep");
        let folder = PathBuf::from(folder);
        let own = args.part.map(|part| part.own(combinations.iter().map(|combination| (combination.name(), 1))));
        let mut runs: Vec<Planned> = Vec::new();
        for (combination, config) in combinations.into_iter().zip(configs) {
            let name = combination.name();
            let is_own = own.as_ref().is_none_or(|own| own.contains(&name));
            // Another process may be making the runs of other parts right now.
            let from = nearest(&base, runs.iter().filter(|run| run.is_own), &config);
            let config = config.for_run(&folder.join(&name), Some(&from));
            runs.push(Planned { combination, name, config, is_own });
        }
        let sweep = Self { base, folder, runs };
        sweep.refuse_runs_without_metrics()?;
        Ok(sweep)
    }

    fn refuse_runs_without_metrics(&self) -> Result<(), UsageError> {
        let without = self.runs.iter().find(|run| !stages(&passes(&run.config)).contains(&"evaluate"));
        match without {
            None => Ok(()),
            Some(_) => Err(UsageError(
                "model.path: a sweep compares metrics, and a run with model.path has none; remove model.path and set \
                 annotate.format"
                    .into(),
            )),
        }
    }

    /// The stages whose outputs are the same in all runs.
    fn shared_stages(&self) -> Vec<String> {
        let runs: Vec<(&Config, Vec<Pass>)> = self.runs.iter().map(|run| (&run.config, passes(&run.config))).collect();
        let passes = passes(&self.base);
        let shared = shared_passes((&self.base, &passes), &runs);
        let whole = |stage: &&str| passes.iter().filter(|pass| pass.stage == *stage).all(|pass| shared.contains(pass.name));
        let stages = stages(&passes);
        stages.into_iter().filter(|stage| *stage != REPORT && whole(stage)).map(str::to_owned).collect()
    }

    fn make_base(&self, base: &Runner, jobs: usize, console: &Console) -> anyhow::Result<()> {
        let stages = self.shared_stages();
        if stages.is_empty() {
            console.say("sweep: the runs have no stage in common");
            return Ok(());
        }
        console.say(&format!("sweep: {} once for all runs, in {}", stages.join(", "), self.base.run_path().display()));
        base.run(&options(stages, jobs))?;
        Ok(())
    }

    /// Refuses to make a part before what all runs have in common is there: every part would make it.
    fn require_base(&self, base: &Runner) -> anyhow::Result<()> {
        let shared = self.shared_stages();
        let plans = base.plan(false)?;
        match plans.iter().find(|plan| shared.iter().any(|stage| stage == plan.stage) && !is_there(plan)) {
            None => Ok(()),
            Some(plan) => Err(UsageError(format!(
                "--part: the stage {} of {} is not made yet, and all parts need it; make it first with the same command and \
                 --shared in place of --part",
                plan.stage,
                self.base.run_path().display()
            ))
            .into()),
        }
    }

    fn make_runs(&self, base: &Runner, jobs: usize, console: &Console) -> anyhow::Result<Outcome> {
        let (mut made, mut failed) = (Vec::new(), Vec::new());
        for (number, planned) in self.runs.iter().enumerate().filter(|(_, run)| run.is_own) {
            console.say(&format!("sweep: run {} of {}, {}", number + 1, self.runs.len(), planned.combination.describe()));
            let runner = runner(planned.reachable())?.stopping_with(base);
            match runner.run(&options(stages_of(&runner), jobs)) {
                Ok(_) => made.push(Made::new(planned.name.clone(), planned.combination.variant(), &planned.config)),
                Err(EngineError::Stopped) => return Err(EngineError::Stopped.into()),
                Err(error) => {
                    let why = message(&error);
                    console.warn(&format!("{} failed; the sweep continues with the other runs: {why}", planned.name));
                    failed.push((planned.name.clone(), why));
                }
            }
        }
        Ok((made, failed))
    }

    fn dry_run(&self) -> anyhow::Result<ExitCode> {
        let mut rows = vec![["run", "settings", "state"].map(str::to_owned)];
        let base = self.base.run_path().display().to_string();
        rows.push([base, String::new(), format!("once for all runs: {}", self.shared_stages().join(", "))]);
        for run in self.runs.iter().filter(|run| run.is_own) {
            rows.push([run.name.clone(), run.combination.describe(), run.state()?]);
        }
        output::line(aligned(&rows).trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Planned {
    /// Its configuration. It has no base when the base was never made, because no stage is shared.
    fn reachable(&self) -> Config {
        let made = self.config.paths("run.base").into_iter().find(|base| base.join("state").is_dir());
        self.config.clone().for_run(&self.config.run_path(), made.as_deref())
    }

    /// What remains to be made, for people to read.
    fn state(&self) -> anyhow::Result<String> {
        let config = self.reachable();
        if config.paths("run.base").is_empty() && !config.run_path().exists() {
            return Ok("to be made".into());
        }
        let runner = runner(config)?;
        let plans = runner.plan(false)?;
        let open: Vec<&str> = plans.iter().filter(|plan| plan.stage != REPORT && !is_there(plan)).map(|plan| plan.pass).collect();
        Ok(if open.is_empty() { "made".into() } else { format!("to be made: {}", open.join(", ")) })
    }
}

/// Whether all units of a pass are fresh, or taken over from the base.
fn is_there(plan: &PassPlan) -> bool {
    plan.pending.is_none() && plan.gone.is_empty() && plan.fresh() + plan.in_base == plan.units.len()
}

/// The varied keys: those of the command line, else those of the configuration.
fn varied(args: &SweepArgs) -> anyhow::Result<Vec<Varied>> {
    let mut texts = args.vary.clone();
    if texts.is_empty() {
        let given = Config::given(&args.config.file()?, &args.config.set, "sweep.vary", declarations())?;
        let listed = given.as_ref().and_then(serde_yaml::Value::as_sequence);
        texts.extend(listed.into_iter().flatten().filter_map(serde_yaml::Value::as_str).map(str::to_owned));
    }
    if texts.is_empty() {
        return Err(nothing_varied().into());
    }
    Ok(texts.iter().map(|text| Varied::parse(text)).collect::<Result<_, _>>()?)
}

fn nothing_varied() -> UsageError {
    UsageError("nothing is varied: give a key and its values, such as --vary train.seed=0,1,2, or set sweep.vary".into())
}

/// The run to take units over from: the one with most passes in common, and the base if several have equally many.
fn nearest<'a>(base: &Config, earlier: impl Iterator<Item = &'a Planned>, config: &Config) -> PathBuf {
    let own = passes(config);
    let in_common = |other: &Config| shared_passes((config, &own), &[(other, passes(other))]).len();
    let mut best = (in_common(base), base.run_path());
    for run in earlier {
        let number = in_common(&run.config);
        if number > best.0 {
            best = (number, run.config.run_path());
        }
    }
    best.1
}

fn stages_of(runner: &Runner) -> Vec<String> {
    runner.stages().into_iter().filter(|stage| *stage != REPORT).map(str::to_owned).collect()
}

fn options(stages: Vec<String>, jobs: usize) -> RunOptions {
    RunOptions::new(Selection::Only(stages), jobs)
}

/// The variants with mean and standard deviation of macro-averaged test metrics, in the order of the command line.
fn comparison(made: &[Made], summary: &Summary) -> String {
    let mut rows = vec![["variant", "runs", SHOWN[0], SHOWN[1], SHOWN[2]].map(str::to_owned)];
    let mut variants: Vec<&String> = Vec::new();
    for run in made {
        if !variants.contains(&&run.variant) {
            variants.push(&run.variant);
        }
    }
    for variant in variants {
        let runs = made.iter().filter(|run| run.variant == *variant).count();
        let [ap, fixed, tuned] = SHOWN.map(|metric| cell(variant, metric, summary));
        rows.push([variant.clone(), runs.to_string(), ap, fixed, tuned]);
    }
    aligned(&rows)
}

fn cell(variant: &str, metric: &str, summary: &Summary) -> String {
    let about = About { subset: "test".into(), metric: metric.into(), ..About::default() };
    let spread = summary.get(&(variant.to_owned(), about));
    match spread.map(|spread| (spread.mean, spread.sd)) {
        Some((Some(mean), Some(sd))) => format!("{mean:.3} ± {sd:.3}"),
        Some((Some(mean), None)) => format!("{mean:.3}"),
        _ => "-".into(),
    }
}
