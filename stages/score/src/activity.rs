//! Stage `detect`, second pass: how long was listened to and how often each class was heard, by site, night and local hour: the
//! table `activity`.
//!
//! An hour with effort and no detection is a row with zero; an hour without effort is no row. The local hour comes from the site's
//! zone, so that it is right across a change of daylight saving; where only the clock's reading is known, from that.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::{UnitContext, Work, WorkError};
use jiff::civil::Date;
use serde::Deserialize;

use crate::clock::Clock;
use crate::decisions::{Decisions, threshold};
use crate::effort::{EffortByHour, NightHour, add_recorded, add_window};
use crate::error::ScoreError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    detect: DetectParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DetectParams {
    threshold: Option<f64>,
}

/// The pass.
pub struct Activity;

impl Work for Activity {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { detect } = cx.params()?;
        let decisions = cx.model_file("decisions.yaml")?.map(|path| Decisions::read(&path)).transpose()?;
        let mut tally = Tally::default();
        let clocks = read_recordings(cx, &mut tally)?;
        for partition in cx.partitions("predictions")? {
            let site = partition.unit.site();
            let mut thresholds = BTreeMap::new();
            for batch in cx.read_batches(
                "predictions",
                &partition,
                &["segment_id", "recording_id", "start_s", "class", "score", "model_id"],
            )? {
                let batch = batch?;
                let (segments, recordings, classes) =
                    (batch.utf8("segment_id")?, batch.utf8("recording_id")?, batch.utf8("class")?);
                let (starts, scores) = (batch.f64("start_s")?, batch.f32("score")?);
                for row in 0..batch.rows() {
                    let class = classes.value(row);
                    if !thresholds.contains_key(class) {
                        thresholds.insert(class.to_owned(), threshold(site, class, detect.threshold, decisions.as_ref())?);
                        tally.classes.insert(class.to_owned());
                        tally.model_id = batch.utf8("model_id")?.value(row).to_owned();
                    }
                    let is_detected = f64::from(scores.value(row)) >= thresholds[class];
                    let clock = clocks.get(recordings.value(row)).ok_or("predictions name a recording that recordings lacks")?;
                    tally.count(site, segments.value(row), clock, starts.value(row), class, is_detected)?;
                }
            }
        }
        let rows = tally.rows();
        cx.write("activity", |batch| {
            batch
                .utf8(rows.iter().map(|r| r.site))
                .date(rows.iter().map(|r| r.at.map(|at| days(at.night))))
                .i32(rows.iter().map(|r| r.at.map(|at| i32::from(at.hour))))
                .utf8(rows.iter().map(|r| r.class))
                .f64(rows.iter().map(|r| r.effort_s))
                .u64(rows.iter().map(|r| r.windows))
                .u64(rows.iter().map(|r| r.detected))
                .utf8(rows.iter().map(|_| &tally.model_id))
        })?;
        Ok(())
    }
}

fn days(date: Date) -> i32 {
    (date - jiff::civil::date(1970, 1, 1)).get_days()
}

/// Reads the clocks of all recordings by id, and adds their effort.
fn read_recordings(cx: &UnitContext<'_>, tally: &mut Tally) -> Result<BTreeMap<String, Option<Clock>>, WorkError> {
    let mut clocks = BTreeMap::new();
    let columns = [&["recording_id", "duration_s"][..], &Clock::COLUMNS].concat();
    for (unit, batch) in cx.read_all("recordings", &columns)? {
        let (ids, durations) = (batch.utf8("recording_id")?, batch.f64("duration_s")?);
        for ((id, duration_s), clock) in ids.iter().zip(durations).zip(Clock::of(&batch)?) {
            tally.record(unit.site(), &clock, duration_s.unwrap_or(0.0))?;
            clocks.insert(id.unwrap_or_default().to_owned(), clock);
        }
    }
    Ok(clocks)
}

/// Effort and detections so far.
#[derive(Default)]
struct Tally {
    model_id: String,
    classes: BTreeSet<String>,
    effort: BTreeMap<String, EffortByHour>,
    /// Seconds and windows of recordings without a time, by site.
    timeless: BTreeMap<String, (f64, u64)>,
    detected: BTreeMap<(String, Option<NightHour>), BTreeMap<String, u64>>,
    /// The last window and its hour: its classes come one after the other.
    window: Option<(String, Option<NightHour>)>,
}

/// A row of `activity`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row<'a> {
    site: &'a str,
    at: Option<NightHour>,
    class: &'a str,
    effort_s: f64,
    windows: u64,
    detected: u64,
}

impl Tally {
    fn record(&mut self, site: &str, clock: &Option<Clock>, duration_s: f64) -> Result<(), ScoreError> {
        match clock {
            Some(clock) => {
                let effort = self.effort.entry(site.to_owned()).or_default();
                add_recorded(effort, clock.start_us, clock.at(duration_s)?, &clock.zone)
            }
            None => {
                self.timeless.entry(site.to_owned()).or_default().0 += duration_s;
                Ok(())
            }
        }
    }

    fn count(
        &mut self,
        site: &str,
        segment: &str,
        clock: &Option<Clock>,
        start_s: f64,
        class: &str,
        is_detected: bool,
    ) -> Result<(), ScoreError> {
        let at = match &self.window {
            Some((last, at)) if last == segment => *at,
            _ => {
                let at = self.open_window(site, clock, start_s)?;
                self.window = Some((segment.to_owned(), at));
                at
            }
        };
        if is_detected {
            *self.detected.entry((site.to_owned(), at)).or_default().entry(class.to_owned()).or_default() += 1;
        }
        Ok(())
    }

    fn open_window(&mut self, site: &str, clock: &Option<Clock>, start_s: f64) -> Result<Option<NightHour>, ScoreError> {
        let Some(clock) = clock else {
            self.timeless.entry(site.to_owned()).or_default().1 += 1;
            return Ok(None);
        };
        add_window(self.effort.entry(site.to_owned()).or_default(), clock.at(start_s)?, &clock.zone)?;
        clock.night_hour(start_s).map(Some)
    }

    /// A row for each hour with effort and each class, sorted by site, time and class.
    fn rows(&self) -> Vec<Row<'_>> {
        let sites: BTreeSet<&str> = self.effort.keys().chain(self.timeless.keys()).map(String::as_str).collect();
        let mut rows = Vec::new();
        for site in sites {
            let timeless = self.timeless.get(site).filter(|(seconds, windows)| *seconds > 0.0 || *windows > 0);
            let timed = self.effort.get(site).into_iter().flatten().map(|(at, e)| (Some(*at), e.recorded_s(), e.windows));
            for (at, effort_s, windows) in timeless.map(|&(seconds, windows)| (None, seconds, windows)).into_iter().chain(timed) {
                let detected = self.detected.get(&(site.to_owned(), at));
                rows.extend(self.classes.iter().map(|class| {
                    let detected = detected.and_then(|d| d.get(class)).copied().unwrap_or(0);
                    Row { site, at, class, effort_s, windows, detected }
                }));
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn no_detection_is_a_zero_and_no_effort_is_no_row() {
        let mut tally = Tally { classes: ["X", "Y"].map(str::to_owned).into(), ..Tally::default() };
        let start = "2020-03-01T22:59:57Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let moving = Clock::new(Some(start), None, None, Some("America/Sao_Paulo"));
        tally.record("A", &moving, 6.0).unwrap();
        tally.record("B", &None, 3.0).unwrap();
        for (segment, start_s, class, is_detected) in
            [("0", 0.0, "X", true), ("0", 0.0, "Y", false), ("1", 3.0, "X", true), ("1", 3.0, "Y", false)]
        {
            tally.count("A", segment, &moving, start_s, class, is_detected).unwrap();
        }
        tally.count("B", "2", &None, 0.0, "Y", true).unwrap();
        let rows: Vec<_> =
            tally.rows().iter().map(|r| (r.site, r.at.map(|at| at.hour), r.class, r.effort_s, r.windows, r.detected)).collect();
        assert_eq!(
            rows,
            [
                ("A", Some(19), "X", 3.0, 1, 1),
                ("A", Some(19), "Y", 3.0, 1, 0),
                ("A", Some(20), "X", 3.0, 1, 1),
                ("A", Some(20), "Y", 3.0, 1, 0),
                ("B", None, "X", 3.0, 1, 0),
                ("B", None, "Y", 3.0, 1, 1),
            ]
        );
        assert_eq!(tally.rows()[0].at.unwrap().night, date(2020, 3, 1));
    }

    #[test]
    fn days_count_from_1970() {
        assert_eq!((days(date(1970, 1, 2)), days(date(2020, 3, 1))), (1, 18_322));
    }
}
