//! Stage `detect`, first pass: neighbouring windows over a class's threshold become events, the table `detections`.

use chorus_card::{DECISIONS, Decisions};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_tables::UtcMicros;

use crate::error::ScoreError;
use crate::events::{Event, merge};
use crate::predicted::{Predicted, each_recording};
use crate::rule::Params;

/// The pass.
pub struct Detect;

impl Detect {
    /// What the pass declares of itself.
    pub fn declare(_: &Config) -> Option<Pass> {
        Some(Pass {
            code_version: 3,
            inputs: vec![Input::Table("predictions"), Input::Model(DECISIONS)],
            outputs: vec![Output::Table("detections")],
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
        let probability = |class: &str, score| decisions.as_ref().and_then(|d| d.probability(class, score));
        let mut sink = cx.sink("detections", &[])?;
        if let Some(reader) = cx.reader("predictions")? {
            each_recording(reader.batches(&Predicted::COLUMNS)?, |recording| {
                let events = events(&recording, cx.unit().site(), &params, decisions.as_ref())?;
                let batch = sink
                    .builder()
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
                    .column("model_id", events.iter().map(|_| &recording.model_id))
                    .build()?;
                Ok(sink.write(&batch)?)
            })?;
        }
        Ok(sink.finish()?)
    }
}

/// The events of a recording by class and time, with the thresholds that made them.
fn events<'a>(
    recording: &'a Predicted,
    site: &str,
    params: &Params,
    decisions: Option<&Decisions>,
) -> Result<Vec<(&'a str, f64, Event)>, ScoreError> {
    let mut all = Vec::new();
    for (class, windows) in &recording.windows {
        let rule = params.rule(site, class, decisions)?;
        all.extend(merge(windows, &rule)?.into_iter().map(|event| (class.as_str(), rule.threshold, event)));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Window;
    use crate::rule::DetectSettings;

    #[test]
    fn events_come_by_class_and_time_with_their_thresholds() {
        let window = |start_s: f64, score| Window { start_s, end_s: start_s + 3.0, score, start_utc_us: None };
        let windows = [("B", vec![window(0.0, 0.9)]), ("A", vec![window(0.0, 0.6), window(3.0, 0.1), window(6.0, 0.5)])];
        let recording = Predicted { windows: windows.map(|(class, w)| (class.to_owned(), w)).into(), ..Predicted::default() };
        let params = DetectSettings { threshold: Some(0.5), max_gap_s: 0.0, min_event_s: 0.0, hysteresis: 0.0 };
        let of = |detect: DetectSettings| {
            let params = Params { detect, min_score: 0.0 };
            events(&recording, "A", &params, None)
                .map(|all| all.into_iter().map(|(c, t, e)| (c, t, e.start_s)).collect::<Vec<_>>())
        };
        assert_eq!(of(params).unwrap(), [("A", 0.5, 0.0), ("A", 0.5, 6.0), ("B", 0.5, 0.0)]);
        assert_eq!(of(DetectSettings { min_event_s: 4.0, ..params }).unwrap(), []);
        assert!(of(DetectSettings { threshold: None, ..params }).is_err());
    }
}
