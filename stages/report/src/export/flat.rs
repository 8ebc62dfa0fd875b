//! One flat table, `detections.csv`: a row per detection with all that is known of it, for spreadsheets, R and QGIS.

use super::destination::Destination;
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, Options, Summary};
use super::run::Run;

const HEADER: [&str; 25] = [
    "detection_id",
    "site",
    "night",
    "start_local",
    "utc_offset",
    "start_utc",
    "path",
    "recording_id",
    "start_s",
    "end_s",
    "class",
    "scientific_name",
    "common_name",
    "gbif_key",
    "ebird_code",
    "peak_score",
    "mean_score",
    "probability",
    "threshold",
    "windows",
    "expected",
    "plausible",
    "latitude",
    "longitude",
    "model_id",
];

/// One flat table.
pub struct Csv;

impl Export for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "one table, for spreadsheets, R, Python and QGIS"
    }

    fn write(&self, run: &Run, filter: &Filter, _: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let mut table = destination.file("detections.csv")?.csv(&HEADER)?;
        let mut summary = Summary::default();
        run.each_recording(filter, |recording, detections| {
            summary.recordings += 1;
            summary.detections += detections.len() as u64;
            let (latitude, longitude) = recording.place.unzip();
            for detection in detections {
                let instant = recording.start.instant(detection.start_s)?;
                let class = &detection.class;
                table.row(&[
                    detection.id(recording),
                    recording.site.clone(),
                    text(recording.start.night(detection.start_s)?),
                    text(recording.start.local(detection.start_s)?.map(|local| local.strftime("%Y-%m-%dT%H:%M:%S%.6f"))),
                    text(instant.as_ref().map(|instant| instant.strftime("%:z"))),
                    text(instant.map(|instant| instant.timestamp().strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))),
                    recording.path.clone(),
                    recording.id.clone(),
                    detection.start_s.to_string(),
                    detection.end_s.to_string(),
                    class.to_string(),
                    run.scientific(class).to_owned(),
                    run.english(class).to_owned(),
                    text(run.gbif_key(class)),
                    text(run.ebird_code(class)),
                    detection.peak_score.to_string(),
                    detection.mean_score.to_string(),
                    text(detection.probability),
                    detection.threshold.to_string(),
                    detection.windows.to_string(),
                    text(detection.expectation.map(|of| of.expected)),
                    text(detection.expectation.map(|of| of.is_plausible)),
                    text(latitude),
                    text(longitude),
                    detection.model_id.to_string(),
                ])?;
            }
            Ok(())
        })?;
        table.finish()?;
        Ok(summary)
    }
}

/// A value as text; empty where there is none.
fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
