//! A table for Kaleidoscope's viewer (Wildlife Acoustics), laid out as the `cluster.csv` that Kaleidoscope Pro writes: a row per detection,
//! with the folder of the archive, the recording, offset and length in seconds, the local time and that of 12 hours before (so that a night
//! has one date), the class as best match, and a column for the person's own identification.
//!
//! `TOP1DIST` is a distance there, smaller where the match is better: 1 minus the score. Frequencies are not known. `CHANNEL` counts from 0.

use jiff::civil::DateTime;
use jiff::{SignedDuration, civil};

use super::destination::Destination;
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, Options, Summary};
use super::run::Run;

/// The columns of `cluster.csv`; a star marks the one by which Kaleidoscope groups.
const HEADER: [&str; 23] = [
    "INDIR",
    "FOLDER",
    "IN FILE",
    "CHANNEL",
    "OFFSET",
    "DURATION",
    "Fmin",
    "Fmean",
    "Fmax",
    "DATE",
    "TIME",
    "HOUR",
    "DATE-12",
    "TIME-12",
    "HOUR-12",
    "TOP1MATCH*",
    "TOP1DIST",
    "TOP2MATCH",
    "TOP2DIST",
    "TOP3MATCH",
    "TOP3DIST",
    "VOCALIZATIONS",
    "MANUAL ID",
];

/// By how much the second date and time are earlier.
const HALF_A_DAY: SignedDuration = SignedDuration::from_hours(12);

/// The table of clusters that Kaleidoscope opens.
pub struct Kaleidoscope;

impl Export for Kaleidoscope {
    fn name(&self) -> &'static str {
        "kaleidoscope"
    }

    fn about(&self) -> &'static str {
        "a table of clusters, for the viewer of Kaleidoscope"
    }

    fn write(&self, run: &Run, filter: &Filter, _: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let archive = run.archive().unwrap_or_default();
        let archive = std::path::absolute(&archive).unwrap_or(archive).to_string_lossy().into_owned();
        let mut table = destination.file("cluster.csv")?.csv(&HEADER)?;
        let (mut summary, channel) = (Summary::default(), (run.channel() - 1).to_string());
        run.each_recording(filter, |recording, detections| {
            summary.recordings += 1;
            summary.detections += detections.len() as u64;
            for detection in detections {
                let local = recording.start.local(detection.start_s)?;
                let [date, time, hour] = parts(local);
                let [date_12, time_12, hour_12] = parts(local.and_then(|local| local.checked_sub(HALF_A_DAY).ok()));
                let (offset, length) =
                    (format!("{:.6}", detection.start_s), format!("{:.6}", detection.end_s - detection.start_s));
                let distance = format!("{:.6}", 1.0 - detection.peak_score);
                let windows = detection.windows.to_string();
                table.row(&[
                    archive.as_str(),
                    recording.folder(),
                    recording.name(),
                    &channel,
                    &offset,
                    &length,
                    "",
                    "",
                    "",
                    &date,
                    &time,
                    &hour,
                    &date_12,
                    &time_12,
                    &hour_12,
                    &detection.class,
                    &distance,
                    "",
                    "",
                    "",
                    "",
                    &windows,
                    "",
                ])?;
            }
            Ok(())
        })?;
        table.finish()?;
        Ok(summary)
    }
}

/// Date, time and hour as the table has them; empty where no time is known.
fn parts(local: Option<DateTime>) -> [String; 3] {
    let Some(local) = local else { return Default::default() };
    let whole = civil::time(local.hour(), local.minute(), local.second(), 0);
    [local.date().to_string(), whole.to_string(), format!("{:02}", local.hour())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_has_one_date_twelve_hours_before() {
        let local = civil::date(2020, 3, 2).at(1, 2, 3, 500_000_000);
        assert_eq!(parts(Some(local)), ["2020-03-02", "01:02:03", "01"]);
        assert_eq!(parts(local.checked_sub(HALF_A_DAY).ok()), ["2020-03-01", "13:02:03", "13"]);
        assert_eq!(parts(None), ["", "", ""]);
    }
}
