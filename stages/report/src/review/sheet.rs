//! The list of clips: a CSV to fill in, and the same for Raven and Audacity, whose times run through all clips.

use std::ops::Range;

use chorus_engine::hash_bytes;

use crate::export::ExportError;
use crate::export::clock::Start;
use crate::export::destination::{Destination, Output, Table};
use crate::export::detection::{Detection, Recording};
use crate::export::raven::HEADER;
use crate::export::run::Run;

use super::chosen::Drawn;

/// The sheet's file.
pub(super) const FILE: &str = "sheet.csv";

/// The columns of the sheet. The last two are the person's.
pub(super) const COLUMNS: [&str; 18] = [
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
    pub(super) drawn: &'a Drawn,
    /// Where in the recording the span ends that is heard, seconds.
    pub(super) heard_until_s: f64,
    /// Where in the recording the clip begins, seconds.
    pub(super) begins_s: f64,
    /// Its length, seconds.
    pub(super) length_s: f64,
    /// Its rate, Hz.
    pub(super) rate_hz: u32,
}

impl Clip<'_> {
    /// The span to judge, seconds of the clip.
    fn span_s(&self) -> Range<f64> {
        self.detection.start_s - self.begins_s..self.heard_until_s - self.begins_s
    }
}

/// The lists on their way.
pub(super) struct Lists {
    table: Table,
    raven: Output,
    audacity: Output,
    sheet: Sheet,
    /// Seconds of all clips before the next.
    before_s: f64,
}

/// What the sheet says, for the page.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// The clips, in their order.
    pub(super) clips: Vec<ListedClip>,
}

/// A row of the sheet, and what the page has to know of its clip besides.
#[derive(Debug)]
pub(super) struct ListedClip {
    /// Its fields, in the order of [`COLUMNS`].
    pub(super) row: Vec<String>,
    /// Length of the clip, seconds.
    pub(super) length_s: f64,
    /// The span to judge, seconds of the clip.
    pub(super) span_s: Range<f64>,
    /// Frames a second.
    pub(super) rate_hz: u32,
}

impl Sheet {
    /// A hash that no other sheet has.
    pub(super) fn hash(&self) -> String {
        let rows: Vec<String> = self.clips.iter().map(|listed| listed.row.join("\u{1f}")).collect();
        hash_bytes(rows.join("\u{1e}").as_bytes())
    }
}

impl Lists {
    pub(super) fn new(destination: &Destination) -> Result<Self, ExportError> {
        let mut raven = destination.file("clips.selections.txt")?;
        raven.text(HEADER)?;
        let (table, audacity) = (destination.file(FILE)?.csv(&COLUMNS)?, destination.file("clips.txt")?);
        Ok(Self { table, raven, audacity, sheet: Sheet::default(), before_s: 0.0 })
    }

    pub(super) fn add(&mut self, run: &Run, clip: Clip<'_>) -> Result<(), ExportError> {
        let (row, span_s) = (row(run, &clip)?, clip.span_s());
        self.table.row(&row)?;
        self.sheet.clips.push(ListedClip { row, length_s: clip.length_s, span_s: span_s.clone(), rate_hz: clip.rate_hz });
        let class = self.audacity.field(&clip.detection.class);
        let (start_s, end_s) = (self.before_s + span_s.start, self.before_s + span_s.end);
        let named = |name: &str| self.raven.field(name);
        let (scientific, english) = (named(run.scientific(&clip.detection.class)), named(run.english(&clip.detection.class)));
        let name = clip.file.rsplit('/').next().unwrap_or(clip.file);
        self.raven.text(&format!(
            "{}\tSpectrogram 1\t1\t{start_s:.6}\t{end_s:.6}\t0\t{}\t{}\t{name}\t{:.6}\t{class}\t{scientific}\t{english}\t{}\t{}\n",
            self.sheet.clips.len(),
            f64::from(clip.rate_hz) / 2.0,
            clip.file,
            span_s.start,
            clip.detection.peak_score,
            clip.detection.probability.map(|p| format!("{p:.6}")).unwrap_or_default(),
        ))?;
        self.audacity.text(&format!("{start_s:.6}\t{end_s:.6}\t{class}\n"))?;
        self.before_s += clip.length_s;
        Ok(())
    }

    /// Ends the lists.
    pub(super) fn finish(self) -> Result<Sheet, ExportError> {
        self.table.finish()?;
        self.raven.finish()?;
        self.audacity.finish()?;
        Ok(self.sheet)
    }
}

fn row(run: &Run, clip: &Clip<'_>) -> Result<Vec<String>, ExportError> {
    let Clip { recording, detection, drawn, .. } = clip;
    let start: &Start = &recording.start;
    Ok(vec![
        clip.file.to_owned(),
        detection.class.to_string(),
        run.scientific(&detection.class).to_owned(),
        drawn.strata.clone(),
        detection.peak_score.to_string(),
        drawn.bin.clone(),
        drawn.bin_detections.to_string(),
        detection.threshold.to_string(),
        detection.probability.map(|p| p.to_string()).unwrap_or_default(),
        recording.site.clone(),
        start.night(detection.start_s)?.map(|night| night.to_string()).unwrap_or_default(),
        start.local(detection.start_s)?.map(|local| local.to_string()).unwrap_or_default(),
        recording.path.clone(),
        detection.start_s.to_string(),
        clip.heard_until_s.to_string(),
        format!("{:.6}", clip.span_s().start),
        String::new(),
        String::new(),
    ])
}
