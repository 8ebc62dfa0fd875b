//! Visits of sites for models of occupancy: one long table that unmarked, spOccupancy and models of false positives take their matrices
//! from.
//!
//! - `visits.csv`: a row for each class, site and visit. Where nothing was listened to, the class was not looked for, or all that was found
//!   is withheld because somebody speaks there, `detected` is NA.
//! - `visit_covariates.csv`: what each visit was like. `sites.csv`: what is known of each site, with the columns of the site sheet.
//! - `read.R`: functions that make the objects of these packages from the files.
//!
//! Sites are written one after the other: memory grows with the visits and classes of one site.

mod covariates;
mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use chorus_engine::{Partition, Unit};
use chorus_labels::verdicts::Heard;
use serde::Deserialize;

use super::destination::{Destination, Table};
use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, ExportOption, Options, Summary, left_out};
use super::run::Run;
use super::scores::{self, AllScores};
use super::sites::{MISSING, Sites};
use super::unit_rows::recordings;
use super::verdicts::{SHEET, Verdicts};
use super::visits::{Grid, Length, Primary, Visit, recorded};
use crate::facts::sounds;

use site::{Effort, Found, SOUNDS, Site};

/// The columns of `visits.csv`.
const COLUMNS: [&str; 17] = [
    "class",
    "site",
    "visit",
    "primary",
    "start",
    "end",
    "effort_h",
    "windows",
    "events",
    "events_refuted",
    "max_logit",
    "max_probability",
    "detected",
    "listened",
    "confirmed",
    "refuted",
    "annotation",
];

/// Visits of sites.
pub struct Occupancy;

#[derive(Deserialize)]
struct OccupancyOptions {
    visit: Option<String>,
    primary: Option<String>,
    sheet: Option<PathBuf>,
}

impl Export for Occupancy {
    fn name(&self) -> &'static str {
        "occupancy"
    }

    fn about(&self) -> &'static str {
        "visits of sites with detections, scores, verdicts and covariates, for occupancy models with and without false positives"
    }

    fn options(&self) -> &'static [ExportOption] {
        &[
            ExportOption {
                name: "visit",
                value: "LENGTH",
                about: "what a visit is: 1night, 3nights, 1h, 6h, recording [default: 1night]",
            },
            ExportOption {
                name: "primary",
                value: "PERIOD",
                about: "primary periods: year, year:07 for years that begin in July, or month [default: all is one period]",
            },
            SHEET,
        ]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["activity", scores::TABLE, sounds::TABLE]
    }

    fn write(&self, run: &Run, filter: &Filter, options: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let OccupancyOptions { visit, primary, sheet } = options.read()?;
        let refused = |detail| ExportError::OptionValue { detail };
        let length = visit.as_deref().map_or(Ok(Length::Nights(1)), Length::of).map_err(refused)?;
        let primary = primary.as_deref().map_or(Ok(Primary::All), Primary::of).map_err(refused)?;
        let mut verdicts = Verdicts::read(run, sheet.as_deref())?;
        let classes = run.looked_for()?;
        let classes: BTreeMap<&str, &BTreeSet<String>> =
            classes.iter().filter(|(class, _)| filter.takes_class(class)).map(|(class, at)| (&**class, at)).collect();
        let (grid, shared) = grid(run, filter, length, primary)?;
        let mut files = Files::new(destination, &grid, shared, classes, length)?;
        let scores = AllScores::of(run)?;
        let sounds: BTreeMap<Unit, Partition> =
            run.parts(sounds::TABLE)?.into_iter().map(|part| (part.unit.clone(), part)).collect();
        let (mut sites, mut timeless, mut summary) = (Sites::default(), (0, 0), Summary::default());
        let mut withheld: BTreeMap<String, Site> = BTreeMap::new();
        run.each_withheld(filter, |recording, detection| {
            let site = withheld.entry(recording.site.clone()).or_insert_with(|| Site::new(&recording.site));
            site.withhold(&grid, recording, detection)
        })?;
        let mut open: Option<Site> = None;
        run.each_unit(filter, |unit, recordings| {
            if let Some(done) = open.take_if(|site| site.name != unit.site()) {
                files.add(&done)?;
            }
            let site = open.get_or_insert_with(|| withheld.remove(unit.site()).unwrap_or_else(|| Site::new(unit.site())));
            let minutes = sounds.get(unit);
            let mut said: BTreeMap<String, Vec<Heard>> = BTreeMap::new();
            for (recording, detections) in &recordings {
                sites.add(recording);
                summary.recordings += 1;
                let heard = verdicts.take(run, filter, recording);
                // Minutes tell the level, where there are some.
                let whole = Recording { level_dbfs: recording.level_dbfs.filter(|_| minutes.is_none()), ..recording.clone() };
                let detections: Vec<Detection> =
                    detections.iter().filter(|detection| files.classes.contains_key(&*detection.class)).cloned().collect();
                if site.add(&grid, &whole, &detections, &heard)? {
                    summary.detections += detections.len() as u64;
                } else {
                    timeless = (timeless.0 + detections.len() as u64, timeless.1 + 1);
                }
                if !heard.is_empty() {
                    said.insert(recording.id.clone(), heard);
                }
            }
            let scores = scores.unit(unit, recordings.into_iter().map(|(recording, _)| recording))?;
            site.add_scores(&grid, &scores, |class| files.classes.contains_key(class), &said)?;
            if let Some(minutes) = minutes {
                for batch in minutes.open()?.batches(&SOUNDS)? {
                    site.add_sounds(&grid, &batch?, &scores.recordings)?;
                }
            }
            Ok(())
        })?;
        if let Some(done) = open {
            files.add(&done)?;
        }
        files.finish()?;
        summary.notes.extend(sites.write(run, destination)?);
        let mut script = destination.file("read.R")?;
        script.text(include_str!("occupancy/read.R"))?;
        script.finish()?;
        summary.notes.extend(left_out(timeless.0, timeless.1, "their time is not known, so they belong to no visit"));
        summary.notes.extend(unscored(run));
        summary.notes.extend(verdicts.notes());
        Ok(summary)
    }
}

/// What a person should know of visits without a score.
fn unscored(run: &Run) -> Option<String> {
    let least = run.configured("predict.min_score").and_then(serde_yaml::Value::as_f64).filter(|least| *least > 0.0)?;
    Some(format!("max_logit and max_probability are {MISSING} where no window scores {least} or more (predict.min_score)"))
}

/// All visits that there may be, and those that sites have in common with their numbers: those in which at least one site recorded.
fn grid(run: &Run, filter: &Filter, length: Length, primary: Primary) -> Result<(Grid, Vec<(Visit, usize)>), ExportError> {
    let mut hours = BTreeSet::new();
    for part in run.made_parts("recordings")?.iter().filter(|part| filter.takes_site(part.unit.site())) {
        for recording in recordings(part)? {
            hours.extend(recorded(&recording, 0.0, recording.duration_s)?.into_iter().map(|(at, _)| at));
        }
    }
    let grid = Grid::new(length, primary, &hours);
    if !grid.is_shared() {
        return Ok((grid, Vec::new()));
    }
    if hours.is_empty() {
        let what = "no recording has a known time, and without one there are no nights or hours; take recordings for visits \
                    (--visit recording), or see `SELECT time_source, COUNT(*) AS n FROM recordings GROUP BY time_source`";
        return Err(ExportError::Nothing { what: what.to_owned() });
    }
    let visits: BTreeSet<Visit> = hours.into_iter().filter_map(|at| grid.of_hour(at)).collect();
    let visits = numbered(visits.iter());
    Ok((grid, visits))
}

/// Visits with their numbers within their primary periods, from 1.
fn numbered<'a>(visits: impl Iterator<Item = &'a Visit>) -> Vec<(Visit, usize)> {
    let mut last: Option<(Arc<str>, usize)> = None;
    let mut number = |visit: &Visit| {
        let number = last.as_ref().filter(|(primary, _)| *primary == visit.primary).map_or(1, |(_, number)| number + 1);
        last = Some((Arc::clone(&visit.primary), number));
        number
    };
    visits.map(|visit| (visit.clone(), number(visit))).collect()
}

/// The tables on their way.
struct Files<'a> {
    visits: Table,
    covariates: Table,
    is_shared: bool,
    /// The visits that all sites have in common.
    shared: Vec<(Visit, usize)>,
    /// The classes, and at which sites each was looked for.
    classes: BTreeMap<&'a str, &'a BTreeSet<String>>,
    of_hours: bool,
}

impl<'a> Files<'a> {
    fn new(
        destination: &Destination,
        grid: &Grid,
        shared: Vec<(Visit, usize)>,
        classes: BTreeMap<&'a str, &'a BTreeSet<String>>,
        length: Length,
    ) -> Result<Self, ExportError> {
        let header = [&["site", "visit", "primary", "start", "end"][..], &covariates::COLUMNS].concat();
        Ok(Self {
            visits: destination.file("visits.csv")?.csv(&COLUMNS)?,
            covariates: destination.file("visit_covariates.csv")?.csv(&header)?,
            is_shared: grid.is_shared(),
            shared,
            classes,
            of_hours: !matches!(length, Length::Nights(_)),
        })
    }

    /// Writes a site.
    fn add(&mut self, site: &Site) -> Result<(), ExportError> {
        let own = if self.is_shared { Vec::new() } else { numbered(site.visits.keys()) };
        let visits = if self.is_shared { &self.shared } else { &own };
        for (visit, number) in visits {
            let row = [&named(site, visit, *number)[..], &covariates::values(site, visit, self.of_hours)].concat();
            self.covariates.row(&row)?;
        }
        let (no_effort, nothing) = (Effort::default(), Found::default());
        for (class, looked_for) in &self.classes {
            let of_class = site.classes.get(*class);
            for (visit, number) in visits {
                let effort = site.visits.get(visit).unwrap_or(&no_effort);
                let found = of_class.and_then(|visits| visits.get(visit)).unwrap_or(&nothing);
                let is_known = effort.windows > 0 && looked_for.contains(&site.name);
                let row = [&[(*class).to_owned()][..], &named(site, visit, *number), &counted(effort, found, is_known)].concat();
                self.visits.row(&row)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), ExportError> {
        self.visits.finish()?;
        self.covariates.finish()
    }
}

/// The columns that name a visit of a site.
fn named(site: &Site, visit: &Visit, number: usize) -> [String; 5] {
    let time = |time: Option<jiff::civil::DateTime>| {
        time.map_or_else(|| MISSING.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%S").to_string())
    };
    [site.name.clone(), number.to_string(), visit.primary.to_string(), time(visit.start), time(visit.end)]
}

/// The columns of a class in a visit that name nothing. `is_known` says whether scores were looked at for the class.
fn counted(effort: &Effort, found: &Found, is_known: bool) -> [String; COLUMNS.len() - 6] {
    // Where all that was found is withheld, nobody may say that nothing was.
    let is_told = is_known && (found.events > 0 || found.withheld == 0);
    let known = |n: u64| if is_told { n.to_string() } else { MISSING.to_owned() };
    let or_missing = |text: Option<String>| text.unwrap_or_else(|| MISSING.to_owned());
    // A visit without the class is no fact that a listener of some of it knows; its highest score is right or wrong.
    let annotation = if found.confirmed > 0 { Some(true) } else { found.top };
    [
        format!("{:.6}", effort.seconds / 3600.0),
        effort.windows.to_string(),
        known(found.events),
        known(found.events_refuted),
        or_missing(found.max_logit.map(|logit| logit.to_string())),
        or_missing(found.max_probability.map(|p| format!("{p:.6}"))),
        known(u64::from(found.events > 0)),
        (found.confirmed + found.refuted).to_string(),
        found.confirmed.to_string(),
        found.refuted.to_string(),
        or_missing(annotation.map(|is| u8::from(is).to_string())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_are_numbered_within_their_periods() {
        let visit =
            |primary: &str, path: &str| Visit { primary: primary.into(), start: None, end: None, recording: Some(path.into()) };
        let visits = [visit("2024", "a"), visit("2024", "b"), visit("2025", "a")];
        let numbers: Vec<usize> = numbered(visits.iter()).into_iter().map(|(_, number)| number).collect();
        assert_eq!(numbers, [1, 2, 1]);
    }

    #[test]
    fn a_visit_without_effort_is_missing_and_never_0() {
        let found = Found { max_logit: Some(-1.5), ..Found::default() };
        let effort = Effort { seconds: 1800.0, windows: 600, ..Effort::default() };
        let of = |effort: &Effort, found: &Found, is_known| counted(effort, found, is_known).join(",");
        assert_eq!(of(&Effort::default(), &Found::default(), false), "0.000000,0,NA,NA,NA,NA,NA,0,0,0,NA");
        assert_eq!(of(&effort, &found, true), "0.500000,600,0,0,-1.5,NA,0,0,0,0,NA");
        let heard = Found { events: 3, events_refuted: 1, top: Some(false), refuted: 2, max_probability: Some(0.25), ..found };
        assert_eq!(of(&effort, &heard, true), "0.500000,600,3,1,-1.5,0.250000,1,2,0,2,0");
        let withheld = Found { withheld: 2, events: 0, ..heard.clone() };
        assert!(of(&effort, &withheld, true).starts_with("0.500000,600,NA,NA,-1.5,0.250000,NA,"));
        let confirmed = Found { confirmed: 1, ..heard };
        assert!(of(&effort, &confirmed, true).ends_with(",1,3,1,2,1"));
    }
}
