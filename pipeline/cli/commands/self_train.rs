//! `chorus self-train`: rounds of self-training. Round 0 is the run of the configuration, which learns from labels. In each further round
//! a new run learns from these labels and from what the round before predicts of recordings that nobody labelled. The rounds end when
//! validation no longer gains, and the best one is named.
//!
//! A round is a run like any other, in a folder beside that of the configuration whose name ends in `-self-training`. What a round has
//! in common with the one before is taken over from it. So a command that was stopped or killed goes on where it was.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chorus_engine::graph::{learns_from_embeddings, stages};
use chorus_engine::{Config, Console, RunDir, RunOptions, Selection, clear_tmp};
use chorus_frames::Frames;
use chorus_frames::polars::prelude::{LazyFrame, col, lit};

use crate::args::{SelfTrainArgs, UsageError};
use crate::commands::gathered;
use crate::output::{self, aligned};
use crate::stages::{passes, runner};

/// The stage that only the best round needs.
const REPORT: &str = "report";

/// What came of a round.
#[derive(Debug)]
struct Round {
    run: PathBuf,
    teacher: Option<PathBuf>,
    windows_taught: u64,
    validation: Judged,
    test: Option<f64>,
}

/// A figure on validation.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Judged {
    /// Whether it is a mean over sites.
    by_sites: bool,
    value: Option<f64>,
}

pub(crate) fn run(args: &SelfTrainArgs) -> anyhow::Result<ExitCode> {
    let base = args.config.load()?;
    if !stages(&passes(&base)).contains(&"evaluate") {
        let why = "self-training needs labels to judge by: remove model.path and set annotate.format";
        return Err(UsageError(why.to_owned()).into());
    }
    let console = Console::new();
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let folder = beside(&base.run_path());
    let first = runner(base.clone())?;
    first.stop_on_signals().context("signals cannot be handled")?;
    let mut rounds: Vec<Round> = Vec::new();
    for number in 0..=args.rounds {
        let previous = rounds.last().map(|round| round.run.clone());
        let config = match &previous {
            None => base.clone(),
            Some(teacher) => student(args, teacher)?.for_run(&folder.join(format!("round-{number}")), Some(teacher)),
        };
        console.say(&format!("self-train: round {number}, in {}", config.run_path().display()));
        let runner = runner(config.clone())?.stopping_with(&first);
        let wanted = runner.stages().into_iter().filter(|stage| *stage != REPORT).map(str::to_owned).collect();
        runner.run(&RunOptions::new(Selection::Only(wanted), jobs))?;
        rounds.push(Round::read(&config.run_path(), previous)?);
        let best = best(&rounds);
        console.say(&format!("self-train: round {number}: validation {}", figure(rounds[rounds.len() - 1].validation.value)));
        if best + 1 < rounds.len() {
            console.say(&format!("self-train: validation gained nothing over round {best}, so the rounds end here"));
            break;
        }
    }
    let best = best(&rounds);
    write(&RunDir::new(&folder), &rounds, best)?;
    output::line(table(&rounds, best).trim_end())?;
    let kept = rounds[best].run.display();
    console.say(&format!(
        "the best by validation is round {best}; its model is {kept}/model; `chorus run --run {kept}` makes its report"
    ));
    Ok(ExitCode::SUCCESS)
}

/// The folder of the rounds.
fn beside(run: &Path) -> PathBuf {
    let mut folder = run.as_os_str().to_owned();
    folder.push("-self-training");
    PathBuf::from(folder)
}

/// The configuration of a round with a teacher. A head may teach; what learns from it is a network.
fn student(args: &SelfTrainArgs, teacher: &Path) -> anyhow::Result<Config> {
    let mut config = args.config.clone();
    let on_embeddings = learns_from_embeddings(&args.config.load()?);
    config.set.extend(on_embeddings.then(|| "train.on=features".to_owned()));
    config.set.push(format!("self_training.teacher={}", teacher.display()));
    config.load()
}

impl Round {
    fn read(run: &Path, teacher: Option<PathBuf>) -> anyhow::Result<Self> {
        let frames = Frames::open(run)?;
        let windows_taught = if teacher.is_some() {
            let windows = frames.table("pseudo_labels")?.select([col("segment_id").n_unique()]).collect()?;
            u64::from(windows.column("segment_id")?.u32()?.get(0).unwrap_or(0))
        } else {
            0
        };
        let values = |subset: &str| -> anyhow::Result<(Vec<f64>, Option<f64>)> {
            let rows = macro_averages(frames.table("metrics")?, subset).collect()?;
            let pairs = rows.column("site")?.str()?.iter().zip(rows.column("value")?.f64()?.iter());
            let (mut sites, mut all) = (Vec::new(), None);
            for (site, value) in pairs {
                match site {
                    Some(_) => sites.extend(value),
                    None => all = value,
                }
            }
            Ok((sites, all))
        };
        let (sites, all) = values("validation")?;
        Ok(Self { run: run.to_owned(), teacher, windows_taught, validation: judged(&sites, all), test: values("test")?.1 })
    }
}

/// The macro-averaged average precision of each site and of all.
fn macro_averages(metrics: LazyFrame, subset: &str) -> LazyFrame {
    let is_wanted = col("subset").eq(lit(subset)).and(col("metric").eq(lit("average_precision")));
    metrics.filter(is_wanted.and(col("class").is_null()).and(col("group").is_null())).select([col("site"), col("value")])
}

/// By sites where there are several: a network that gains within one site may lose at others.
fn judged(sites: &[f64], all: Option<f64>) -> Judged {
    if sites.len() > 1 {
        return Judged { by_sites: true, value: Some(sites.iter().sum::<f64>() / sites.len() as f64) };
    }
    Judged { by_sites: false, value: all }
}

/// The first of the best rounds by validation.
fn best(rounds: &[Round]) -> usize {
    let value = |round: &Round| round.validation.value.unwrap_or(f64::NEG_INFINITY);
    (1..rounds.len()).fold(0, |best, round| if value(&rounds[round]) > value(&rounds[best]) { round } else { best })
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "not defined".to_owned(), |value| format!("{value:.3}"))
}

fn table(rounds: &[Round], best: usize) -> String {
    let mut rows = vec![["round", "windows taught", "validation AP", "test AP", "", "run"].map(str::to_owned)];
    for (number, round) in rounds.iter().enumerate() {
        rows.push([
            number.to_string(),
            round.windows_taught.to_string(),
            figure(round.validation.value),
            figure(round.test),
            if number == best { "best" } else { "" }.to_owned(),
            round.run.display().to_string(),
        ]);
    }
    aligned(&rows)
}

fn write(folder: &RunDir, rounds: &[Round], best: usize) -> anyhow::Result<()> {
    gathered::write(folder, "self_training_rounds", |batch| {
        Ok(batch
            .column("round", 0..rounds.len() as u64)
            .column("run", rounds.iter().map(|round| round.run.display().to_string()))
            .column("teacher", rounds.iter().map(|round| round.teacher.as_ref().map(|teacher| teacher.display().to_string())))
            .column("windows_taught", rounds.iter().map(|round| round.windows_taught))
            .column("judged_by", rounds.iter().map(|round| if round.validation.by_sites { "sites" } else { "all" }))
            .column("validation_average_precision", rounds.iter().map(|round| round.validation.value))
            .column("test_average_precision", rounds.iter().map(|round| round.test))
            .column("kept", (0..rounds.len()).map(|number| number == best)))
    })?;
    Ok(clear_tmp(folder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(value: Option<f64>) -> Round {
        Round { run: PathBuf::new(), teacher: None, windows_taught: 0, validation: Judged { by_sites: false, value }, test: None }
    }

    #[test]
    fn the_first_of_the_best_rounds_is_kept() {
        let best_of = |values: &[Option<f64>]| best(&values.iter().copied().map(round).collect::<Vec<_>>());
        assert_eq!(best_of(&[Some(0.4), Some(0.5), Some(0.5)]), 1);
        assert_eq!(best_of(&[Some(0.4), Some(0.3)]), 0);
        assert_eq!(best_of(&[None, Some(0.1)]), 1);
        assert_eq!(best_of(&[None, None]), 0);
    }

    #[test]
    fn several_sites_are_judged_by_their_mean() {
        assert_eq!(judged(&[0.2, 0.6], Some(0.9)), Judged { by_sites: true, value: Some(0.4) });
        assert_eq!(judged(&[0.2], Some(0.9)), Judged { by_sites: false, value: Some(0.9) });
        assert_eq!(judged(&[], None), Judged { by_sites: false, value: None });
    }
}
