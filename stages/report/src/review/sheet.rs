//! The list of clips: a CSV to fill in, and the same for Raven and Audacity, whose times run through all clips.

use crate::export::ExportError;
use crate::export::clock::Start;
use crate::export::destination::{Destination, Output, Table};
use crate::export::detection::{Detection, Recording};
use crate::export::format::unquoted;
use crate::export::raven::HEADER;
use crate::export::run::Run;

use super::sample::Choice;

/// The columns of `sheet.csv`. The last two are the person's.
const COLUMNS: [&str; 18] = [
    "clip",
    "class",
    "scientific_name",
    "strata",
    "score",
    "score_bin",
    "bin_detections",
    "threshold",
    "probability",
    "site",
    "night",
    "start_local",
    "recording",
    "start_s",
    "end_s",
    "clip_start_s",
    "verdict",
    "notes",
];

/// A clip as it is listed.
pub(super) struct Clip<'a> {
    /// Its file, relative to the sheet.
    pub(super) file: &'a str,
    pub(super) recording: &'a Recording,
    pub(super) detection: &'a Detection,
    pub(super) choice: &'a Choice,
    /// Where in the recording the span ends that is heard, seconds.
    pub(super) heard_until_s: f64,
    /// Where in the recording the clip begins, seconds.
    pub(super) begins_s: f64,
    /// Its length, seconds.
    pub(super) length_s: f64,
    /// Its rate, Hz.
    pub(super) rate_hz: u32,
}

/// The lists on their way.
pub(super) struct Lists {
    sheet: Table,
    raven: Output,
    audacity: Output,
    number: u64,
    /// Seconds of all clips before the next.
    before_s: f64,
}

impl Lists {
    pub(super) fn new(destination: &Destination) -> Result<Self, ExportError> {
        let mut raven = destination.file("clips.selections.txt")?;
        raven.text(HEADER)?;
        let (sheet, audacity) = (destination.file("sheet.csv")?.csv(&COLUMNS)?, destination.file("clips.txt")?);
        Ok(Self { sheet, raven, audacity, number: 0, before_s: 0.0 })
    }

    pub(super) fn add(&mut self, run: &Run, clip: &Clip<'_>) -> Result<(), ExportError> {
        self.sheet.row(&row(run, clip)?)?;
        let (class, within) = (unquoted(&clip.detection.class), clip.detection.start_s - clip.begins_s);
        let (start_s, end_s) = (self.before_s + within, self.before_s + clip.heard_until_s - clip.begins_s);
        self.number += 1;
        let name = clip.file.rsplit('/').next().unwrap_or(clip.file);
        self.raven.text(&format!(
            "{}\tSpectrogram 1\t1\t{start_s:.6}\t{end_s:.6}\t0\t{}\t{}\t{name}\t{within:.6}\t{class}\t{}\t{}\t{}\t{}\n",
            self.number,
            f64::from(clip.rate_hz) / 2.0,
            clip.file,
            unquoted(run.scientific(&clip.detection.class)),
            unquoted(run.english(&clip.detection.class)),
            clip.detection.peak_score,
            clip.detection.probability.map(|p| format!("{p:.6}")).unwrap_or_default(),
        ))?;
        self.audacity.text(&format!("{start_s:.6}\t{end_s:.6}\t{class}\n"))?;
        self.before_s += clip.length_s;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), ExportError> {
        self.sheet.finish()?;
        self.raven.finish()?;
        self.audacity.finish()
    }
}

fn row(run: &Run, clip: &Clip<'_>) -> Result<Vec<String>, ExportError> {
    let Clip { recording, detection, choice, .. } = clip;
    let start: &Start = &recording.start;
    let strata: Vec<&str> = choice.strata.iter().map(|stratum| stratum.name()).collect();
    Ok(vec![
        clip.file.to_owned(),
        detection.class.to_string(),
        run.scientific(&detection.class).to_owned(),
        strata.join("+"),
        detection.peak_score.to_string(),
        choice.bin.name(),
        choice.bin.detections.to_string(),
        detection.threshold.to_string(),
        detection.probability.map(|p| p.to_string()).unwrap_or_default(),
        recording.site.clone(),
        start.night(detection.start_s)?.map(|night| night.to_string()).unwrap_or_default(),
        start.local(detection.start_s)?.map(|local| local.to_string()).unwrap_or_default(),
        recording.path.clone(),
        detection.start_s.to_string(),
        clip.heard_until_s.to_string(),
        format!("{:.6}", detection.start_s - clip.begins_s),
        String::new(),
        String::new(),
    ])
}
