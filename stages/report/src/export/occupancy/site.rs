//! What is counted of one site, by visit and class.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_labels::layouts::review::Verdict;
use chorus_labels::verdicts::{Heard, Opinion, decided, opinion};
use chorus_tables::Batch;
use jiff::tz::TimeZone;

use super::super::clock::Start;
use super::super::detection::{Detection, Recording};
use super::super::error::ExportError;
use super::super::filter::Filter;
use super::super::scores::{Scores, Window};
use super::super::visits::{Grid, Visit};
use crate::facts::cells::cell;
use crate::facts::sounds::{Energy, Mean};

/// The columns of the table `soundscape` that are read.
pub(super) const SOUNDS: [&str; 6] = ["recording_id", "start_s", "seconds", "level_dbfs", "rain", "wind"];

/// A visit: how long was listened, and what it sounded like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Effort {
    pub(super) recordings: u64,
    pub(super) seconds: f64,
    /// Windows with scores that begin in it.
    pub(super) windows: u64,
    pub(super) level: Energy,
    pub(super) temperature: Mean,
    /// Share of the minutes with rain, and with wind.
    pub(super) rain: Mean,
    pub(super) wind: Mean,
}

/// A class in a visit.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Found {
    /// Detections that reach into it.
    pub(super) events: u64,
    /// Those that are withheld because somebody speaks there; they are not among the events.
    pub(super) withheld: u64,
    /// Those of which a listener said no.
    pub(super) events_refuted: u64,
    pub(super) max_logit: Option<f32>,
    pub(super) max_probability: Option<f64>,
    /// What a listener said of the window with the highest score.
    pub(super) top: Option<bool>,
    /// Spans in which a listener heard the class, and in which it was not.
    pub(super) confirmed: u64,
    pub(super) refuted: u64,
}

/// What is counted of one site.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) name: String,
    /// The zone of its clock, where it is known, and its place.
    pub(super) zone: Option<TimeZone>,
    pub(super) place: Option<(f64, f64)>,
    pub(super) visits: BTreeMap<Visit, Effort>,
    pub(super) classes: BTreeMap<Arc<str>, BTreeMap<Visit, Found>>,
}

impl Site {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), zone: None, place: None, visits: BTreeMap::new(), classes: BTreeMap::new() }
    }

    fn found(&mut self, class: &Arc<str>, visit: Visit) -> &mut Found {
        self.classes.entry(Arc::clone(class)).or_default().entry(visit).or_default()
    }

    /// Adds a recording with its detections and what was said of it; whether it is of any visit.
    ///
    /// # Errors
    /// [`ExportError::Time`] outside of the calendar.
    pub(super) fn add(
        &mut self,
        grid: &Grid,
        recording: &Recording,
        detections: &[Detection],
        heard: &[Heard],
    ) -> Result<bool, ExportError> {
        if let Start::Known { zone, .. } = &recording.start {
            self.zone = Some(zone.clone());
        }
        self.place = self.place.or(recording.place);
        let parts = grid.parts(recording, 0.0, recording.duration_s)?;
        let is_in_a_visit = !parts.is_empty();
        for (visit, seconds) in parts {
            let effort = self.visits.entry(visit).or_default();
            effort.recordings += 1;
            effort.seconds += seconds;
            effort.level.add(recording.level_dbfs, seconds);
            effort.temperature.add(recording.temperature_c);
        }
        for detection in detections {
            let is_refuted = opinion(heard, &detection.class, &(detection.start_s..detection.end_s)).0 == Opinion::Refuted;
            for visit in grid.parts(recording, detection.start_s, detection.end_s)?.into_keys() {
                let found = self.found(&detection.class, visit);
                found.events += 1;
                found.events_refuted += u64::from(is_refuted);
            }
        }
        for one in heard.iter().filter(|one| one.verdict != Verdict::Unsure) {
            if let Some(visit) = grid.at(recording, one.start_s)? {
                let found = self.found(&one.class.as_str().into(), visit);
                *(if one.verdict == Verdict::Yes { &mut found.confirmed } else { &mut found.refuted }) += 1;
            }
        }
        Ok(is_in_a_visit)
    }

    /// Adds a detection that is withheld.
    ///
    /// # Errors
    /// [`ExportError::Time`] outside of the calendar.
    pub(super) fn withhold(&mut self, grid: &Grid, recording: &Recording, detection: &Detection) -> Result<(), ExportError> {
        for visit in grid.parts(recording, detection.start_s, detection.end_s.min(recording.duration_s))?.into_keys() {
            self.found(&detection.class, visit).withheld += 1;
        }
        Ok(())
    }

    /// Adds the scores of a unit, of classes that are wanted. `heard` has what was said, by recording.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn add_scores(
        &mut self,
        grid: &Grid,
        scores: &Scores<'_>,
        is_wanted: impl Fn(&str) -> bool,
        heard: &BTreeMap<String, Vec<Heard>>,
    ) -> Result<(), ExportError> {
        // All classes of a window follow each other.
        let (mut segment, mut visit) = (String::new(), None);
        scores.each(&Filter::default(), |window| {
            if segment != window.segment {
                window.segment.clone_into(&mut segment);
                visit = grid.at(window.recording, window.start_s)?;
                if let Some(visit) = &visit {
                    self.visits.entry(visit.clone()).or_default().windows += 1;
                }
            }
            let Some(visit) = visit.as_ref().filter(|_| is_wanted(&window.class)) else { return Ok(()) };
            let said = heard.get(&window.recording.id).map(Vec::as_slice).unwrap_or_default();
            self.add_score(visit, window, said);
            Ok(())
        })
    }

    fn add_score(&mut self, visit: &Visit, window: &Window<'_>, said: &[Heard]) {
        let found = self.found(&window.class, visit.clone());
        if found.max_logit.is_none_or(|max| window.logit > max) {
            let end_s = window.end_s.min(window.recording.duration_s);
            found.max_logit = Some(window.logit);
            // A verdict beside it says nothing of a single window.
            found.top = decided(said, &window.class, &(window.start_s..end_s)).map(|one| one.verdict == Verdict::Yes);
        }
        let probability = window.probability();
        found.max_probability = [found.max_probability, probability].into_iter().flatten().reduce(f64::max);
    }

    /// Adds minutes of the table `soundscape`; they tell levels better than whole recordings do.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn add_sounds(
        &mut self,
        grid: &Grid,
        minutes: &Batch,
        recordings: &BTreeMap<String, Arc<Recording>>,
    ) -> Result<(), ExportError> {
        let (ids, starts, seconds) = (minutes.utf8("recording_id")?, minutes.f64("start_s")?, minutes.f64("seconds")?);
        let (levels, rain, wind) = (minutes.f64("level_dbfs")?, minutes.bool("rain")?, minutes.bool("wind")?);
        let share = |is: bool| f64::from(u8::from(is));
        for row in 0..minutes.rows() {
            let Some(recording) = recordings.get(ids.value(row)) else { continue };
            let Some(visit) = grid.at(recording, starts.value(row))? else { continue };
            let effort = self.visits.entry(visit).or_default();
            effort.level.add(cell(levels, row), seconds.value(row));
            effort.rain.add(cell(rain, row).map(share));
            effort.wind.add(cell(wind, row).map(share));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::detection::tests::{detection_at, recording};
    use super::super::super::visits::{Length, Primary, recorded};
    use super::*;

    #[test]
    fn an_event_counts_where_it_reaches_and_a_verdict_where_it_begins() {
        // A minute that begins half a minute before noon.
        let noon = Recording { start: Start::Local((12 * 3600 - 30) * 1_000_000), ..recording("r") };
        let hours: BTreeSet<_> = recorded(&noon, 0.0, 60.0).unwrap().into_iter().map(|(at, _)| at).collect();
        let grid = Grid::new(Length::Nights(1), Primary::All, &hours);
        let mut site = Site::new("A");
        let said = |start_s: f64, verdict| Heard {
            recording: "r".into(),
            class: "FROG".into(),
            start_s,
            end_s: start_s + 3.0,
            verdict,
            listener: None,
        };
        let heard = [said(3.0, Verdict::No), said(29.0, Verdict::Yes), said(45.0, Verdict::No), said(50.0, Verdict::Unsure)];
        let detections = [3.0, 29.0, 50.0].map(|start_s| detection_at("FROG", start_s, 0.5));
        assert!(site.add(&grid, &noon, &detections, &heard).unwrap());
        let found: Vec<&Found> = site.classes["FROG"].values().collect();
        let of = |found: &Found| [found.events, found.events_refuted, found.confirmed, found.refuted];
        assert_eq!((of(found[0]), of(found[1])), ([2, 1, 1, 1], [2, 0, 0, 1]));
        let seconds: Vec<f64> = site.visits.values().map(|effort| effort.seconds).collect();
        assert_eq!(seconds, [30.0, 30.0]);
        assert!(!site.add(&grid, &recording("timeless"), &[], &[]).unwrap());
    }
}
