//! Stage `detect`, first pass: neighbouring windows over a class's threshold become events, the table `detections`.

use std::collections::BTreeMap;

use chorus_engine::{UnitContext, Work, WorkError};
use serde::Deserialize;

use crate::decisions::{Decisions, threshold};
use crate::error::ScoreError;
use crate::events::{Event, Window, merge};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    detect: DetectParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DetectParams {
    threshold: Option<f64>,
    max_gap_s: f64,
}

/// The pass.
pub struct Detect;

impl Work for Detect {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { detect } = cx.params()?;
        let decisions = cx.model_file("decisions.yaml")?.map(|path| Decisions::read(&path)).transpose()?;
        let mut sink = cx.sink("detections", &[])?;
        let mut recording = Recording::default();
        let mut write = |recording: Recording| -> Result<(), WorkError> {
            let events = recording.events(cx.unit().site(), &detect, decisions.as_ref())?;
            let probability = |class: &str, score| decisions.as_ref().and_then(|d| d.probability(class, score));
            let (id, model_id) = (&recording.id, &recording.model_id);
            let batch = sink
                .builder()
                .utf8(events.iter().map(|_| id))
                .utf8(events.iter().map(|(class, ..)| class))
                .f64(events.iter().map(|(.., event)| event.start_s))
                .f64(events.iter().map(|(.., event)| event.end_s))
                .utc(events.iter().map(|(.., event)| event.start_utc_us))
                .u32(events.iter().map(|(.., event)| event.n_windows))
                .f32(events.iter().map(|(.., event)| event.peak_score as f32))
                .f32(events.iter().map(|(.., event)| event.mean_score as f32))
                .f64(events.iter().map(|(class, _, event)| probability(class, event.peak_score)))
                .f64(events.iter().map(|(_, threshold, _)| *threshold))
                .utf8(events.iter().map(|_| model_id))
                .build()?;
            Ok(sink.write(&batch)?)
        };
        if let Some(reader) = cx.reader("predictions")? {
            for batch in reader.batches(&["recording_id", "start_utc", "start_s", "end_s", "class", "score", "model_id"])? {
                let batch = batch?;
                let (ids, classes, models) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.utf8("model_id")?);
                let (starts, ends, scores) = (batch.f64("start_s")?, batch.f64("end_s")?, batch.f32("score")?);
                for (row, start_utc_us) in batch.micros("start_utc")?.iter().enumerate() {
                    if recording.id != ids.value(row) {
                        let next = Recording {
                            id: ids.value(row).to_owned(),
                            model_id: models.value(row).to_owned(),
                            ..Recording::default()
                        };
                        write(std::mem::replace(&mut recording, next))?;
                    }
                    let window = Window {
                        start_s: starts.value(row),
                        end_s: ends.value(row),
                        score: f64::from(scores.value(row)),
                        start_utc_us,
                    };
                    match recording.windows.get_mut(classes.value(row)) {
                        Some(windows) => windows.push(window),
                        None => drop(recording.windows.insert(classes.value(row).to_owned(), vec![window])),
                    }
                }
            }
        }
        write(recording)?;
        Ok(sink.finish()?)
    }
}

/// The windows of one recording by class, in order of time.
#[derive(Debug, Default)]
struct Recording {
    id: String,
    model_id: String,
    windows: BTreeMap<String, Vec<Window>>,
}

impl Recording {
    /// Its events by class and time, with the thresholds that made them.
    fn events(
        &self,
        site: &str,
        params: &DetectParams,
        decisions: Option<&Decisions>,
    ) -> Result<Vec<(&str, f64, Event)>, ScoreError> {
        let mut all = Vec::new();
        for (class, windows) in &self.windows {
            let threshold = threshold(site, class, params.threshold, decisions)?;
            all.extend(merge(windows, threshold, params.max_gap_s)?.into_iter().map(|event| (class.as_str(), threshold, event)));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_class_and_time_with_their_thresholds() {
        let window = |start_s: f64, score| Window { start_s, end_s: start_s + 3.0, score, start_utc_us: None };
        let windows = [("B", vec![window(0.0, 0.9)]), ("A", vec![window(0.0, 0.6), window(3.0, 0.1), window(6.0, 0.5)])];
        let recording = Recording { windows: windows.map(|(class, w)| (class.to_owned(), w)).into(), ..Recording::default() };
        let params = DetectParams { threshold: Some(0.5), max_gap_s: 0.0 };
        let events: Vec<_> =
            recording.events("A", &params, None).unwrap().iter().map(|(c, t, e)| ((*c).to_owned(), *t, e.start_s)).collect();
        assert_eq!(events, [("A".into(), 0.5, 0.0), ("A".into(), 0.5, 6.0), ("B".into(), 0.5, 0.0)]);
        assert!(recording.events("A", &DetectParams { threshold: None, max_gap_s: 0.0 }, None).is_err());
    }
}
