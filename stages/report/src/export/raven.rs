//! Selection tables for Raven, a tab between fields.
//!
//! `recordings/` holds a table for each recording with detections, called as Raven calls its own (`NAME.Table.1.selections.txt`), with times
//! from the recording's beginning. `all.selections.txt` is one table for all: its times run through all recordings in the order of
//! `recordings.csv`, as in a Raven session that opens them in that order, and `File Offset (s)` is the time within each.
//!
//! A detection has no bounds of frequency: selections reach from 0 Hz to half the sampling rate.
//!
//! Source: the Raven Pro manual, "Selection tables" and "Working with multiple sound files".

use std::path::Path;

use super::destination::{Destination, Output};
use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, Options, Summary, beside};
use super::run::Run;

/// The columns. Readers take the first that may be a label for the label: the code, which a code table or `annotate.classes` knows.
pub(crate) const HEADER: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tBegin Path\tBegin File\t\
    File Offset (s)\tSpecies\tScientific Name\tCommon Name\tPeak Score\tProbability\n";

/// Behind the name of a recording, as Raven itself would call its first table.
const SUFFIX: &str = ".Table.1.selections.txt";

/// Selection tables of Raven.
pub struct Raven;

impl Export for Raven {
    fn name(&self) -> &'static str {
        "raven"
    }

    fn about(&self) -> &'static str {
        "selection tables, for Raven and opensoundscape"
    }

    fn write(&self, run: &Run, filter: &Filter, _: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let mut all = started(destination.file("all.selections.txt")?)?;
        let mut sequence = destination.file("recordings.csv")?.csv(&["path", "begins_s", "duration_s"])?;
        let (mut summary, mut begins_s) = (Summary::default(), 0.0);
        run.each_recording(filter, |recording, detections| {
            sequence.row(&[recording.path.as_str(), &format!("{begins_s:.6}"), &format!("{:.6}", recording.duration_s)])?;
            for (detection, number) in detections.iter().zip(summary.detections + 1..) {
                let row = row(run, recording, detection, number, begins_s, |text| all.field(text));
                all.text(&row)?;
            }
            if !detections.is_empty() {
                let mut own = started(table_of(destination, recording)?)?;
                for (detection, number) in detections.iter().zip(1..) {
                    let row = row(run, recording, detection, number, 0.0, |text| own.field(text));
                    own.text(&row)?;
                }
                own.finish()?;
            }
            summary.recordings += 1;
            summary.detections += detections.len() as u64;
            begins_s += recording.duration_s;
            Ok(())
        })?;
        all.finish()?;
        sequence.finish()?;
        Ok(summary)
    }
}

fn started(mut table: Output) -> Result<Output, ExportError> {
    table.text(HEADER)?;
    Ok(table)
}

/// The table of a recording; of two recordings that differ in their extensions only, the second keeps its extension in the name.
fn table_of(destination: &Destination, recording: &Recording) -> Result<Output, ExportError> {
    let path = Path::new("recordings").join(&recording.path);
    match destination.try_file(&beside(&path.with_extension(""), SUFFIX))? {
        Some(table) => Ok(table),
        None => destination.file(&beside(&path, SUFFIX)),
    }
}

/// A selection; `begins_s` is where its recording begins in the table's time, and `field` makes a field of a text.
fn row(
    run: &Run,
    recording: &Recording,
    detection: &Detection,
    number: u64,
    begins_s: f64,
    field: impl Fn(&str) -> String,
) -> String {
    let (start_s, end_s) = (detection.start_s, detection.end_s);
    let probability = detection.probability.map(|p| format!("{p:.6}")).unwrap_or_default();
    let nyquist_hz = f64::from(recording.sample_rate_hz) / 2.0;
    format!(
        "{number}\tSpectrogram 1\t{}\t{:.6}\t{:.6}\t0\t{nyquist_hz}\t{}\t{}\t{start_s:.6}\t{}\t{}\t{}\t{}\t{probability}\n",
        run.channel(),
        begins_s + start_s,
        begins_s + end_s,
        field(&recording.path),
        field(recording.name()),
        field(&detection.class),
        field(run.scientific(&detection.class)),
        field(run.english(&detection.class)),
        detection.peak_score,
    )
}
