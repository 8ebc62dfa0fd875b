//! Stage `detect`, first pass: in each site-day, neighbouring windows over a class's threshold become events (`detections`), and effort
//! and detections are counted by hour and by time from sunset and sunrise (`activity_parts`, `night_parts`).

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chorus_card::{DECISIONS, Decisions};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_tables::{Batch, BatchBuilder, TableError, UtcMicros};

use crate::activity::parts;
use crate::activity::tally::{Recorded, Tally};
use crate::calibration::{Curves, METHODS, curves_at};
use crate::clock::Clock;
use crate::events::{Event, event};
use crate::predicted::{Predicted, each_recording};
use crate::rule::{ClassEvents, Params};
use crate::sun::Place;
use crate::unlike::{self, Unlike};

/// The columns that [`Recorded`] is made of.
const RECORDED: [&str; 5] = ["recording_id", "duration_s", "copy_of", "latitude", "longitude"];

/// The pass.
pub struct Detect;

impl Detect {
    /// What the pass declares of itself.
    pub fn declare(config: &Config) -> Option<Pass> {
        let mut inputs = vec![Input::Table("predictions"), Input::Table("recordings"), Input::Model(DECISIONS)];
        if config.is_on(unlike::ENABLED) {
            inputs.push(Input::Table(unlike::TABLE));
        }
        Some(Pass {
            code_version: 6,
            inputs,
            outputs: ["detections", "activity_parts", "night_parts"].map(Output::Table).to_vec(),
            keys: vec!["detect.*", "predict.min_score"],
            ..Pass::new("detect", Per::SiteDay)
        })
    }
}

impl Work for Detect {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let params = Params::of(cx)?;
        let decisions = cx.model_file(DECISIONS)?.map(|path| Decisions::read(&path)).transpose()?;
        let site = cx.unit().site();
        let curves = decisions.as_ref().map(|decisions| curves_at(decisions, site, METHODS)).transpose()?.unwrap_or_default();
        // A threshold that was given for all classes was chosen nowhere.
        let is_local = decisions.as_ref().filter(|_| params.detect.threshold.is_none()).and_then(|of| of.knows_site(site));
        let judgement = Judgement { curves, is_local, unlike: Unlike::read(cx)? };
        let mut tally = Tally::default();
        let recordings = cx.read("recordings", &[&RECORDED[..], &Clock::COLUMNS].concat())?;
        let (ids, recorded) = recordings.as_ref().map(recorded).transpose()?.unwrap_or_default();
        tally.record(site, &recorded)?;
        let recordings: BTreeMap<&str, &Recorded> = ids.iter().map(String::as_str).zip(&recorded).collect();
        let mut sink = cx.sink("detections", &[])?;
        if let Some(reader) = cx.reader("predictions")? {
            each_recording(reader.batches(&Predicted::COLUMNS)?, |predicted| {
                let events = params.events(site, &predicted, decisions.as_ref())?;
                sink.write(&detections(sink.builder(), &predicted, &rows(&events), &judgement)?)?;
                let recorded = recordings.get(predicted.recording_id.as_str());
                let recorded = recorded.ok_or("predictions name a recording that recordings lacks; run predict again")?;
                Ok(tally.count(site, recorded.clock.as_ref(), &predicted, &events)?)
            })?;
        }
        sink.finish()?;
        parts::write(cx, &tally)
    }
}

/// The recordings of a batch: their ids, and when, how long and where each was.
fn recorded(batch: &Batch) -> Result<(Vec<String>, Vec<Recorded>), TableError> {
    let places = batch.f64("latitude")?.iter().zip(batch.f64("longitude")?);
    let place = |(latitude, longitude): (Option<f64>, Option<f64>)| Some(Place { latitude: latitude?, longitude: longitude? });
    // A copy is no effort of its own.
    let lengths = batch.f64("duration_s")?.iter().zip(batch.utf8("copy_of")?);
    let lengths = lengths.map(|(duration_s, copy_of)| duration_s.filter(|_| copy_of.is_none()).unwrap_or(0.0));
    let rows = Clock::of(batch)?.into_iter().zip(lengths.zip(places.map(place)));
    let recorded = rows.map(|(clock, (duration_s, place))| Recorded { clock, duration_s, place });
    Ok((batch.texts("recording_id")?.into_iter().flatten().collect(), recorded.collect()))
}

/// The rows of a recording's events, by class and time, each with its class and the threshold that was applied.
fn rows<'a>(events: &[ClassEvents<'a>]) -> Vec<(&'a str, f64, Event)> {
    let of = |of: &ClassEvents<'a>| {
        let (class, windows, threshold) = (of.class, of.windows, of.threshold);
        let events: Vec<Event> = of.groups.iter().filter_map(|members| event(windows, members)).collect();
        events.into_iter().map(move |event| (class, threshold, event))
    };
    events.iter().flat_map(of).collect()
}

/// How the scores of a site are taken.
struct Judgement {
    curves: Curves,
    /// Whether that was decided on windows of the site too; `None` where nobody knows.
    is_local: Option<bool>,
    /// How unlike what was learnt windows are.
    unlike: Unlike,
}

fn detections(
    batch: BatchBuilder,
    recording: &Predicted,
    events: &[(&str, f64, Event)],
    judgement: &Judgement,
) -> Result<RecordBatch, TableError> {
    let unlike = |event: &Event| judgement.unlike.at(&recording.recording_id, event.peak_start_s);
    let probability = |class: &str, score| judgement.curves.get(class).map(|curve| curve.probability(score));
    batch
        .column("recording_id", events.iter().map(|_| &recording.recording_id))
        .column("class", events.iter().map(|(class, ..)| class))
        .column("start_s", events.iter().map(|(.., event)| event.start_s))
        .column("end_s", events.iter().map(|(.., event)| event.end_s))
        .column("start_utc", events.iter().map(|(.., event)| event.start_utc_us.map(UtcMicros)))
        .column("windows", events.iter().map(|(.., event)| event.n_windows))
        .column("peak_score", events.iter().map(|(.., event)| event.peak_score as f32))
        .column("mean_score", events.iter().map(|(.., event)| event.mean_score as f32))
        .column("probability", events.iter().map(|(class, _, event)| probability(class, event.peak_score)))
        .column("threshold", events.iter().map(|(_, threshold, _)| *threshold))
        .column("calibrated_here", events.iter().map(|_| judgement.is_local))
        .column("unknown", events.iter().map(|(.., event)| unlike(event).map(|window| window.unknown)))
        .column("unknown_sound", events.iter().map(|(.., event)| unlike(event).map(|window| window.is_loud)))
        .column("model_id", events.iter().map(|_| &recording.model_id))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ScoreError;
    use crate::events::Window;
    use crate::rule::DetectSettings;
    use crate::told::Classes;

    #[test]
    fn events_come_by_class_and_time_with_their_thresholds() {
        let window = |start_s: f64, score| Window { start_s, end_s: start_s + 3.0, score, start_utc_us: None };
        let windows = [("B", vec![window(0.0, 0.9)]), ("A", vec![window(0.0, 0.6), window(3.0, 0.1), window(6.0, 0.5)])];
        let recording = Predicted { windows: windows.map(|(class, w)| (class.to_owned(), w)).into(), ..Predicted::default() };
        let (threshold, classes) = (Some(0.5), Classes::Usable);
        let params = DetectSettings { threshold, classes, max_gap_s: 0.0, min_event_s: 0.0, hysteresis: 0.0 };
        let of = |detect: DetectSettings| {
            let params = Params { detect, min_score: 0.0 };
            let events = params.events("A", &recording, None)?;
            Ok::<Vec<_>, ScoreError>(rows(&events).into_iter().map(|(c, t, e)| (c, t, e.start_s)).collect())
        };
        assert_eq!(of(params).unwrap(), [("A", 0.5, 0.0), ("A", 0.5, 6.0), ("B", 0.5, 0.0)]);
        assert_eq!(of(DetectSettings { min_event_s: 4.0, ..params }).unwrap(), []);
        assert!(of(DetectSettings { threshold: None, ..params }).is_err());
    }

    #[test]
    fn classes_that_are_not_usable_make_no_events() {
        let window = Window { start_s: 0.0, end_s: 3.0, score: 0.9, start_utc_us: None };
        let windows = ["A", "B"].map(|class| (class.to_owned(), vec![window]));
        let recording = Predicted { windows: windows.into(), ..Predicted::default() };
        let text = "model_id: ab\nthresholds:\n  A: {threshold: 0.5, source: own, f1: null, positives: 9, usable: false}\n  \
                    B: {threshold: 0.5, source: own, f1: null, positives: 9}\n";
        let decisions: Decisions = serde_yaml::from_str(text).unwrap();
        let of = |classes, threshold| {
            let detect = DetectSettings { threshold, classes, max_gap_s: 0.0, min_event_s: 0.0, hysteresis: 0.0 };
            let params = Params { detect, min_score: 0.0 };
            let events = params.events("P", &recording, Some(&decisions)).unwrap();
            events.iter().map(|of| of.class).collect::<Vec<_>>()
        };
        assert_eq!(of(Classes::Usable, None), ["B"]);
        assert_eq!((of(Classes::All, None), of(Classes::Usable, Some(0.5))), (vec!["A", "B"], vec!["A", "B"]));
    }
}
