//! How fast the stages of a run were, from its log: what it takes to plan the jobs of a larger one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::files::{log, roster};
use crate::{RunDir, Unit};

/// How much work of a pass the log of a run tells of, and how long it took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pace {
    /// Recorded hours of the units that were made; 0 for a pass on the whole run.
    pub hours: f64,
    /// Seconds that one thread takes for them. For a pass on the whole run: the longest time that it took.
    pub seconds: f64,
    /// The most memory that its process has held, MiB; 0 where that was not written down.
    pub peak_mib: u64,
}

/// A line of the log.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    pass: Cow<'a, str>,
    #[serde(borrow)]
    unit: Option<Cow<'a, str>>,
    seconds: f64,
    #[serde(default)]
    peak_mib: u64,
}

/// The pace of each pass that the log of a run in this folder tells of. Empty where the folder holds no run.
pub fn paces(run: &Path) -> BTreeMap<String, Pace> {
    let run = RunDir::new(run);
    let hours = roster::read(&run).ok().flatten().unwrap_or_default();
    let mut paces: BTreeMap<String, Pace> = BTreeMap::new();
    let whole_run = Unit::Run.to_string();
    log::each_line(&run, |line| {
        let Ok(Line { pass, unit: Some(unit), seconds, peak_mib }) = serde_json::from_slice(line) else { return };
        if !paces.contains_key(&*pass) {
            paces.insert(pass.clone().into_owned(), Pace::default());
        }
        let Some(pace) = paces.get_mut(&*pass) else { return };
        pace.peak_mib = pace.peak_mib.max(peak_mib);
        if *unit == *whole_run {
            pace.seconds = pace.seconds.max(seconds);
        } else if let Some(&hours) = Unit::parse(&unit).and_then(|unit| hours.get(&unit)).filter(|hours| **hours > 0.0) {
            pace.hours += hours;
            pace.seconds += seconds;
        }
    });
    paces
}

/// The recorded hours of all units that the last look at the archive found, together; `None` where nobody looked yet.
pub fn recorded_hours(run: &Path) -> Option<f64> {
    roster::read(&RunDir::new(run)).ok()?.map(|hours| hours.values().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_how_fast_a_pass_was() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        assert!(paces(dir.path()).is_empty() && recorded_hours(dir.path()).is_none());
        let unit = |site: &str| Unit::SiteDay { site: site.into(), date: None, part: 0 };
        roster::write(&run, &[(unit("A"), 2.0), (unit("B"), 0.5), (unit("C"), 0.0)].into()).unwrap();
        let line = |pass: &str, unit: &Unit, more: &str| format!(r#"{{"at":"x","pass":"{pass}","unit":"{unit}",{more}}}"#);
        let log = [
            line("featurize", &unit("A"), r#""seconds":4.0,"peak_mib":50"#),
            line("featurize", &unit("B"), r#""seconds":1.0,"peak_mib":70"#),
            // Neither a unit without recorded hours nor one that is gone says anything.
            line("featurize", &unit("C"), r#""seconds":9.0"#),
            line("featurize", &unit("D"), r#""seconds":9.0"#),
            line("train", &Unit::Run, r#""seconds":3.0"#),
            line("train", &Unit::Run, r#""seconds":60.0"#),
            r#"{"pass":"segment","taken":3,"seconds":1.0}"#.to_owned(),
            r#"{"pass":"featurize","uni"#.to_owned(),
        ];
        // What was put aside counts too.
        std::fs::write(run.older_log(2), log[..1].join("\n")).unwrap();
        std::fs::write(run.log(), log[1..].join("\n")).unwrap();
        let expected = [
            ("featurize".to_owned(), Pace { hours: 2.5, seconds: 5.0, peak_mib: 70 }),
            ("train".to_owned(), Pace { hours: 0.0, seconds: 60.0, peak_mib: 0 }),
        ];
        assert_eq!(paces(dir.path()), expected.into());
        assert_eq!(recorded_hours(dir.path()), Some(2.5));
    }
}
