//! How long the stages of a run take: by the log of a run, else by typical figures. Shared by plan, init and run.

use std::collections::BTreeMap;

use anyhow::Context;
use chorus_audio::glance;
use chorus_engine::graph::{Pass, Per, Program};
use chorus_engine::pace::{Pace, paces, recorded_hours};
use chorus_engine::{Config, counted, duration};

use crate::args::UsageError;
use crate::stages::passes;

/// Recorded hours that one thread gets through in an hour, by pass, where nothing was measured: from docs/cluster.md, rounded down. A pass
/// that is not listed takes little.
const TYPICAL: &[(&str, f64)] = &[
    ("ingest", 3000.0),
    ("segment", 20_000.0),
    ("featurize", 1500.0),
    ("soundscape", 1000.0),
    ("embed", 100.0),
    ("speech", 100.0),
    ("predict", 150.0),
];

/// The recorded hours of the archive, and how they are known.
pub(super) fn hours(config: &Config) -> anyhow::Result<(f64, String)> {
    if let Some(hours) = recorded_hours(&config.run_path()).filter(|hours| *hours > 0.0) {
        return Ok((hours, "as ingest found them".to_owned()));
    }
    let archive =
        chorus_store::named(config.values())?.ok_or_else(|| UsageError("archive.path: no archive is named".to_owned()))?;
    let audio = config.text("archive.audio").unwrap_or(".");
    let excluded: Vec<String> = config.value("archive.exclude").map_err(|e| UsageError(format!("archive.exclude: {e}")))?;
    let found = glance(&*archive, audio, &excluded)?;
    let hours = found.hours.with_context(|| {
        format!("how long the {} recordings are is not known before they are read: run `chorus run ingest` first", found.files)
    })?;
    Ok((hours, format!("about, by the size of {} files and the headers of some", found.files)))
}

/// Seconds that one thread takes for a recorded hour.
pub(super) fn seconds_an_hour(pass: &Pass, measured: &BTreeMap<String, Pace>) -> f64 {
    match measured.get(pass.name).filter(|pace| pace.hours > 0.0) {
        Some(pace) => pace.seconds / pace.hours,
        None => TYPICAL.iter().find(|(name, _)| *name == pass.name).map_or(0.0, |(_, times)| 3600.0 / times),
    }
}

/// How long a whole run will take on so many threads, for people, with what is not counted.
pub(super) fn told(config: &Config, recorded: f64, threads: usize) -> String {
    let measured = paces(&config.run_path());
    let passes = passes(config);
    let (seconds, unknown) = of_run(&passes, recorded, &measured, threads);
    let source = if measured.is_empty() { "by typical figures" } else { "by the log of this run" };
    let threads = counted(threads, "thread");
    let besides = match unknown.as_slice() {
        [] => String::new(),
        stages => format!("; besides, {}, whose time is known once it has begun", stages.join(" and ")),
    };
    format!("about {} for {} on {threads}, {source}{besides}", duration(seconds.max(1.0)), recorded_time(recorded))
}

/// Hours of sound as a person reads them.
pub(super) fn recorded_time(hours: f64) -> String {
    match (hours * 60.0).round() {
        minutes if minutes <= 1.0 => "1 recorded minute".to_owned(),
        minutes if minutes < 120.0 => format!("{minutes:.0} recorded minutes"),
        _ => format!("{hours:.0} recorded hours"),
    }
}

/// Seconds that the passes take together, and the stages that learn for a time that nobody knows before.
fn of_run(passes: &[Pass], recorded: f64, measured: &BTreeMap<String, Pace>, threads: usize) -> (f64, Vec<&'static str>) {
    let (by_site_day, whole): (Vec<&Pass>, Vec<&Pass>) = passes.iter().partition(|pass| pass.per == Per::SiteDay);
    let seconds: f64 = by_site_day.iter().map(|pass| recorded * seconds_an_hour(pass, measured)).sum();
    let of_whole: f64 = whole.iter().filter_map(|pass| measured.get(pass.name)).map(|pace| pace.seconds).sum();
    let is_unknown = |pass: &&&Pass| pass.program == Program::Torch && !measured.contains_key(pass.name);
    let unknown = whole.iter().filter(is_unknown).map(|pass| pass.stage).collect();
    (seconds / threads.max(1) as f64 + of_whole, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarations::declarations;

    #[test]
    fn a_run_takes_what_its_passes_take() {
        let config = |set: &str| Config::from_text("", "c", "c", &[set.to_owned()], declarations()).unwrap();
        let passes_of = |set: &str| passes(&config(set));
        let trained = passes_of("annotate.format=anuraset_raw");
        let (one, unknown) = of_run(&trained, 100.0, &BTreeMap::new(), 1);
        assert_eq!(unknown, ["train"]);
        let (two, _) = of_run(&trained, 100.0, &BTreeMap::new(), 2);
        assert!((one / two - 2.0).abs() < 1e-9 && one > 60.0, "{one} {two}");
        // What was measured counts in place of typical figures; a training takes what it took.
        let train = Pace { hours: 0.0, seconds: 600.0, peak_mib: 0 };
        let measured = BTreeMap::from([("train".to_owned(), train)]);
        let (again, unknown) = of_run(&trained, 100.0, &measured, 2);
        assert!((again - two - 600.0).abs() < 1e-9 && unknown.is_empty());
        let (_, unknown) = of_run(&passes_of("model.path=m"), 100.0, &BTreeMap::new(), 2);
        assert!(unknown.is_empty(), "a model that is there already is not trained");
    }

    #[test]
    fn short_recordings_are_told_in_minutes() {
        assert_eq!(recorded_time(0.001), "1 recorded minute");
        assert_eq!(recorded_time(1.5), "90 recorded minutes");
        assert_eq!(recorded_time(12.3), "12 recorded hours");
    }
}
