//! Detection histories for occupancy models, as unmarked and spOccupancy take them: for each class a table of sites by nights.
//!
//! - `histories/CLASS.csv`: 1 where the class was detected in that night, 0 where it was not, NA where nothing was listened to (no window was
//!   scored), where the class was not looked for, or where all of its detections are withheld because somebody speaks. A class that was
//!   looked for nowhere has no file.
//! - `effort_h.csv`: recorded hours, of the same shape.
//! - `sites.csv`: coordinates of the sites and columns of the site sheet, in the same order.
//!
//! Nights run from noon to noon of the local clock and are named by the date on which they begin; columns are the nights in which at least
//! one site recorded. A detection counts for each night that it reaches into. Recordings without a known time are in no night and are told.
//! The export `occupancy` has the same and more in one long table, also for visits of other lengths.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::destination::Destination;
use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, Options, Summary, left_out};
use super::run::Run;
use super::sites::{MISSING, Sites};
use super::visits::recorded;

/// What names of files hold as they are.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Sites by nights for each class, as occupancy models take them.
pub struct DetectionHistories;

impl Export for DetectionHistories {
    fn name(&self) -> &'static str {
        "detection-histories"
    }

    fn about(&self) -> &'static str {
        "sites by nights for each class, for occupancy models"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["activity", "nights"]
    }

    fn write(&self, run: &Run, filter: &Filter, _: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let effort_h = run.effort_h(filter)?;
        let mut found = Found::default();
        let mut summary = Summary::default();
        run.each_recording(filter, |recording, detections| {
            summary.recordings += 1;
            let written = found.add(recording, detections)?;
            summary.detections += written;
            Ok(())
        })?;
        run.each_withheld(filter, |recording, detection| found.withhold(recording, detection))?;
        let nights: BTreeSet<Date> = effort_h.keys().map(|(_, night)| *night).collect();
        if nights.is_empty() {
            let what = "no recording has a known time, and without one there are no nights; see `SELECT time_source, COUNT(*) AS n FROM recordings GROUP BY time_source`";
            return Err(ExportError::Nothing { what: what.to_owned() });
        }
        let sites: Vec<&String> = found.sites.names().collect();
        let shape = Shape { sites: &sites, nights: &nights, effort_h: &effort_h };
        shape.write(destination, "effort_h.csv", |_, _, hours| format!("{hours:.4}"))?;
        for (class, at) in run.looked_for()?.iter().filter(|(class, _)| filter.takes_class(class)) {
            let path = format!("histories/{}.csv", utf8_percent_encode(class, KEPT));
            let value = |site: &str, night: Date| if at.contains(site) { found.value(class, site, night) } else { MISSING };
            shape.write(destination, &path, |site, night, _| value(site, night).to_owned())?;
        }
        summary.notes.extend(found.sites.write(run, destination)?);
        summary.notes.extend(left_out(found.timeless.0, found.timeless.1, "their time is not known, so they belong to no night"));
        Ok(summary)
    }
}

/// Sites and nights by class.
type Nights = BTreeMap<Arc<str>, BTreeSet<(String, Date)>>;

/// What was found by night.
#[derive(Default)]
struct Found {
    /// The sites.
    sites: Sites,
    /// Sites and nights by class.
    nights: Nights,
    /// Those of detections that are withheld.
    withheld: Nights,
    /// Detections and recordings without a known time.
    timeless: (u64, u64),
}

impl Found {
    /// Adds a recording and gives back how many of its detections are in a night.
    fn add(&mut self, recording: &Recording, detections: &[Detection]) -> Result<u64, ExportError> {
        self.sites.add(recording);
        if recording.start.night(0.0)?.is_none() {
            self.timeless = (self.timeless.0 + detections.len() as u64, self.timeless.1 + 1);
            return Ok(0);
        }
        for detection in detections {
            add(&mut self.nights, recording, detection)?;
        }
        Ok(detections.len() as u64)
    }

    /// Adds a detection that is withheld.
    fn withhold(&mut self, recording: &Recording, detection: &Detection) -> Result<(), ExportError> {
        add(&mut self.withheld, recording, detection)
    }

    /// Whether a class was detected at a site in a night. Where only withheld detections are, that may not be told.
    fn value(&self, class: &str, site: &str, night: Date) -> &'static str {
        let is_in = |nights: &Nights| nights.get(class).is_some_and(|nights| nights.contains(&(site.to_owned(), night)));
        if is_in(&self.nights) {
            "1"
        } else if is_in(&self.withheld) {
            MISSING
        } else {
            "0"
        }
    }
}

/// Adds the nights of a detection.
fn add(to: &mut Nights, recording: &Recording, detection: &Detection) -> Result<(), ExportError> {
    let nights = to.entry(Arc::clone(&detection.class)).or_default();
    nights.extend(nights_of(recording, detection)?.into_iter().map(|night| (recording.site.clone(), night)));
    Ok(())
}

/// The nights that a detection reaches into.
fn nights_of(recording: &Recording, detection: &Detection) -> Result<BTreeSet<Date>, ExportError> {
    Ok(recorded(recording, detection.start_s, detection.end_s)?.into_iter().map(|(at, _)| at.night).collect())
}

/// Sites by nights.
struct Shape<'a> {
    sites: &'a [&'a String],
    nights: &'a BTreeSet<Date>,
    effort_h: &'a BTreeMap<(String, Date), f64>,
}

impl Shape<'_> {
    /// Writes a table of this shape; `value` is asked where there was effort.
    fn write(&self, destination: &Destination, path: &str, value: impl Fn(&str, Date, f64) -> String) -> Result<(), ExportError> {
        let dates = self.nights.iter().map(ToString::to_string);
        let header: Vec<String> = std::iter::once("site".to_owned()).chain(dates).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut table = destination.file(path)?.csv(&header)?;
        for site in self.sites {
            let value = |night: &Date| match self.effort_h.get(&((*site).clone(), *night)) {
                Some(hours) => value(site, *night, *hours),
                None => MISSING.to_owned(),
            };
            let row: Vec<String> = std::iter::once((*site).clone()).chain(self.nights.iter().map(value)).collect();
            table.row(&row)?;
        }
        table.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Start;
    use super::super::detection::tests::{detection_at, recording};
    use super::*;

    #[test]
    fn a_night_of_which_all_is_withheld_is_missing_and_never_0() {
        let start = |day: i64| Recording { start: Start::Local((day * 24 + 22) * 3_600_000_000), ..recording("r") };
        let mut found = Found::default();
        found.add(&start(0), &[detection_at("FROG", 3.0, 1.0)]).unwrap();
        found.add(&start(1), &[]).unwrap();
        found.add(&start(2), &[]).unwrap();
        for day in [0, 1] {
            found.withhold(&start(day), &detection_at("FROG", 9.0, 1.0)).unwrap();
        }
        let site = &recording("r").site;
        let of = |class: &str| [1, 2, 3].map(|day| found.value(class, site, jiff::civil::date(1970, 1, day)));
        assert_eq!((of("FROG"), of("TOAD")), (["1", MISSING, "0"], ["0", "0", "0"]));
    }

    #[test]
    fn a_detection_over_noon_is_of_both_nights() {
        let noon_us = 12 * 3_600_000_000;
        let recording = |start_us: i64| Recording { start: Start::Local(start_us), ..recording("r") };
        let nights = |start_us| {
            let found = nights_of(&recording(start_us), &detection_at("FROG", 3.0, 1.0)).unwrap();
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        // The detection is from 3 to 6 s.
        assert_eq!(nights(noon_us - 4_000_000), ["1969-12-31", "1970-01-01"]);
        assert_eq!(nights(noon_us - 3_000_000), ["1970-01-01"]);
        assert_eq!(nights(noon_us - 6_000_000), ["1969-12-31"]);
    }
}
