//! `chorus plan`: jobs for a cluster.

use std::collections::BTreeMap;
use std::process::ExitCode;

use chorus_engine::Config;
use chorus_engine::graph::{Pass, Per, Program};
use chorus_engine::pace::{Pace, paces};
use serde_json::json;

use super::estimate::{hours, seconds_an_hour};
use crate::args::{PlanArgs, UsageError};
use crate::output::{self, aligned};
use crate::stages::passes;

/// Memory of a job where nothing was measured, MiB: of the process, and more for each thread.
const TYPICAL_MIB: (u64, u64) = (1024, 512);
/// Memory is asked for with so much more than was measured: a share may hold longer recordings than those that were made.
const SPARE: f64 = 1.5;
/// The least memory to ask for, MiB.
const LEAST_MIB: u64 = 1024;

/// One phase: jobs that may run at the same time.
struct Phase {
    name: &'static str,
    stages: Vec<&'static str>,
    /// The passes that take the time.
    passes: Vec<Pass>,
    /// Whether it is cut in shares.
    is_shared: bool,
}

/// What is asked for a phase.
struct Job {
    phase: &'static str,
    stages: Vec<&'static str>,
    jobs: u64,
    threads: usize,
    memory_mib: u64,
    gpu: bool,
    /// Hours of one job; `None` where they are not known.
    hours: Option<f64>,
}

pub(crate) fn run(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let (hours, source) = hours(&config)?;
    let measured = measured(&config, args)?;
    let passes = passes(&config);
    let jobs: Vec<Job> = phases(&passes).iter().map(|phase| job(phase, hours, &measured, args)).collect();
    let made: Vec<&str> = passes.iter().filter(|pass| measured.contains_key(pass.name)).map(|pass| pass.name).collect();
    if args.json {
        let rows: Vec<_> = jobs.iter().map(json).collect();
        output::json(&json!({"recorded_hours": hours, "measured": made, "phases": rows}).to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let digits = if hours < 10.0 { 2 } else { 0 };
    output::line(&format!("recorded hours: {hours:.digits$} ({source})\n"))?;
    let mut rows = vec![["phase", "jobs", "threads", "memory", "GPU", "time of a job", "stages"].map(str::to_owned)];
    rows.extend(jobs.iter().map(row));
    output::line(aligned(&rows).trim_end())?;
    let speed = if made.is_empty() {
        "typical figures, since no log of a run tells of these stages; --speed-from FOLDER takes them from a run on a part of the archive"
            .to_owned()
    } else if made.len() == passes.len() {
        "the log of a run".to_owned()
    } else {
        format!("the log of a run for {}; typical figures for the others", made.join(", "))
    };
    output::line(&format!("\nspeed from: {speed}"))?;
    let shares = |name: &str| jobs.iter().find(|job| job.phase == name).map_or(1, |job| job.jobs);
    output::line(&format!(
        "next: snakemake -s workflow/Snakefile --profile PROFILE --config settings={} shares={} predict_shares={}",
        args.config.file()?.display(),
        // The Snakefile cuts both in as many shares.
        shares("read").max(shares("features")),
        shares("predict")
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The pace of the passes that were measured: in the run that is named, else in this one.
fn measured(config: &Config, args: &PlanArgs) -> anyhow::Result<BTreeMap<String, Pace>> {
    let Some(named) = &args.speed_from else { return Ok(paces(&config.run_path())) };
    let found = paces(named);
    if found.is_empty() {
        return Err(UsageError(format!("--speed-from {}: this folder has no log of a run", named.display())).into());
    }
    Ok(found)
}

/// The phases of `workflow/Snakefile`.
fn phases(passes: &[Pass]) -> Vec<Phase> {
    let is = |names: &[&str], pass: &Pass| names.contains(&pass.stage);
    let of_features = ["segment", "featurize", "soundscape", "embed", "speech"];
    let learning = passes.iter().position(|pass| pass.stage == "train");
    let phase = |name, is_shared, wanted: &dyn Fn(usize, &Pass) -> bool| {
        let own: Vec<Pass> =
            passes.iter().enumerate().filter(|(i, pass)| wanted(*i, pass)).map(|(_, pass)| pass.clone()).collect();
        let mut stages: Vec<&'static str> = own.iter().map(|pass| pass.stage).collect();
        stages.dedup();
        Phase { name, stages, passes: own, is_shared }
    };
    let of_read = |pass: &Pass| pass.stage == "ingest";
    let mut phases =
        vec![phase("read", true, &|_, pass| of_read(pass)), phase("features", true, &|_, pass| is(&of_features, pass))];
    if let Some(learning) = learning {
        phases.push(phase("train", false, &|i, pass| i <= learning && !of_read(pass) && !is(&of_features, pass)));
    }
    phases.push(phase("predict", true, &|_, pass| pass.stage == "predict"));
    let predicting = passes.iter().position(|pass| pass.stage == "predict").unwrap_or(0);
    phases.push(phase("rest", false, &|i, _| i > predicting));
    phases
}

fn job(phase: &Phase, recorded: f64, measured: &BTreeMap<String, Pace>, args: &PlanArgs) -> Job {
    // Seconds of one thread for all recorded hours. A pass on the whole run is known only from a run, and takes longer on more.
    let by_site_day = phase.passes.iter().filter(|pass| pass.per == Per::SiteDay);
    let seconds: f64 = by_site_day.map(|pass| recorded * seconds_an_hour(pass, measured)).sum();
    let whole: Vec<&Pass> = phase.passes.iter().filter(|pass| pass.per == Per::Run).collect();
    let known = whole.iter().filter_map(|pass| measured.get(pass.name));
    let of_whole: f64 = known.clone().map(|pace| pace.seconds).sum();
    let is_known = known.count() == whole.len();
    let threads = if phase.is_shared { args.threads } else { args.threads * 4 };
    let jobs = if phase.is_shared { ((seconds / threads as f64 / (args.minutes as f64 * 60.0)) as u64).max(1) } else { 1 };
    let peak = phase.passes.iter().filter_map(|pass| measured.get(pass.name)).map(|pace| pace.peak_mib).max().unwrap_or(0);
    let (process, thread) = TYPICAL_MIB;
    let memory_mib = if peak > 0 { (peak as f64 * SPARE) as u64 } else { process + thread * threads as u64 };
    let seconds = seconds / jobs as f64 / threads as f64 + of_whole;
    Job {
        phase: phase.name,
        stages: phase.stages.clone(),
        jobs,
        threads,
        memory_mib: memory_mib.max(LEAST_MIB).next_multiple_of(512),
        gpu: phase.passes.iter().any(|pass| pass.program != Program::Chorus),
        hours: is_known.then_some(seconds / 3600.0),
    }
}

fn json(job: &Job) -> serde_json::Value {
    json!({
        "phase": job.phase, "stages": job.stages, "jobs": job.jobs, "threads": job.threads, "memory_mib": job.memory_mib,
        "gpu": job.gpu, "hours": job.hours,
    })
}

fn row(job: &Job) -> [String; 7] {
    let time = match job.hours {
        None => "not known before it ran".to_owned(),
        Some(hours) if hours < 1.0 => format!("{:.0} min", (hours * 60.0).max(1.0)),
        Some(hours) => format!("{hours:.1} h"),
    };
    let gpu = if job.gpu { "of use" } else { "no" };
    [
        job.phase.to_owned(),
        job.jobs.to_string(),
        job.threads.to_string(),
        format!("{:.1} GiB", job.memory_mib as f64 / 1024.0),
        gpu.to_owned(),
        time,
        job.stages.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarations::declarations;

    fn passes_of(sets: &[&str]) -> Vec<Pass> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        passes(&Config::from_text("", "c", "c", &sets, declarations()).unwrap())
    }

    fn args(threads: usize, minutes: usize) -> PlanArgs {
        let config = crate::args::ConfigArgs { config: None, run: None, set: Vec::new() };
        PlanArgs { config, threads, minutes, speed_from: None, json: false, jobs: false }
    }

    #[test]
    fn every_stage_is_in_one_phase() {
        for sets in
            [&["annotate.format=anuraset_raw"][..], &["annotate.format=folders", "backbone.path=b.onnx"], &["model.path=m"]]
        {
            let passes = passes_of(sets);
            let planned: Vec<&str> = phases(&passes).iter().flat_map(|phase| phase.passes.iter().map(|pass| pass.name)).collect();
            let mut sorted = planned.clone();
            sorted.sort_unstable();
            let mut all: Vec<&str> = passes.iter().map(|pass| pass.name).collect();
            all.sort_unstable();
            assert_eq!(sorted, all, "{sets:?}");
        }
    }

    #[test]
    fn jobs_last_as_long_as_is_asked_for_and_take_what_was_measured() {
        let passes = passes_of(&["annotate.format=anuraset_raw"]);
        let of = |name: &str, measured: &BTreeMap<String, Pace>| {
            let phase = phases(&passes).into_iter().find(|phase| phase.name == name).unwrap();
            job(&phase, 10_000.0, measured, &args(2, 30))
        };
        // 10,000 hours at 100 times real time are 100 hours of one thread: 50 of two, or 100 jobs of half an hour.
        let pace = Pace { hours: 5.0, seconds: 180.0, peak_mib: 2000 };
        let measured = BTreeMap::from([("ingest".to_owned(), pace), ("train".to_owned(), Pace { seconds: 7200.0, ..pace })]);
        let read = of("read", &measured);
        assert_eq!((read.jobs, read.threads, read.memory_mib, read.gpu), (100, 2, 3072, false));
        assert!((read.hours.unwrap() - 0.5).abs() < 1e-9);
        // A phase on the whole run is one job. Its time is not known as long as one of its passes was not measured.
        let train = of("train", &measured);
        assert_eq!((train.jobs, train.gpu, train.hours), (1, true, None));
        // Typical figures where nothing was measured: 3,000 times real time.
        assert_eq!(of("read", &BTreeMap::new()).jobs, 3);
    }
}
