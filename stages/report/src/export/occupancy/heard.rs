//! What people said of spans of recordings: filled-in review sheets.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chorus_labels::layouts::review::{self, Verdict};

use super::super::error::ExportError;

/// Seconds by which a window may stick out of a span, since sheets have times in decimals.
const SLACK_S: f64 = 0.001;

/// A span of a recording of which somebody said whether a class calls.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    /// The class.
    pub(super) class: String,
    /// Seconds of the recording.
    pub(super) span_s: Range<f64>,
    /// Whether it calls.
    pub(super) is_yes: bool,
}

impl Span {
    /// Whether it says something of all of another span, for a class.
    fn covers(&self, class: &str, span_s: &Range<f64>) -> bool {
        self.class == class && self.span_s.start <= span_s.start + SLACK_S && span_s.end <= self.span_s.end + SLACK_S
    }
}

/// All that was said, by recording.
#[derive(Debug, Default)]
pub(super) struct Heard {
    by_recording: BTreeMap<String, Vec<Span>>,
}

impl Heard {
    /// Reads a sheet, or all sheets of a folder in the order of their names. Where two say something of the same span, the later one
    /// counts.
    ///
    /// # Errors
    /// [`ExportError::Io`], and [`ExportError::Nothing`] where a sheet makes no sense.
    pub(super) fn read(path: &Path) -> Result<Self, ExportError> {
        let mut heard = Self::default();
        for sheet in sheets(path)? {
            let bytes = std::fs::read(&sheet).map_err(ExportError::io(&sheet, "cannot be read"))?;
            heard.add(&bytes).map_err(|what| ExportError::Nothing { what: format!("{}: {what}", sheet.display()) })?;
        }
        Ok(heard)
    }

    /// Adds the verdicts of a sheet.
    fn add(&mut self, sheet: &[u8]) -> Result<(), String> {
        for row in review::read(sheet)? {
            let Some(verdict) = row.verdict.map_err(|problem| format!("line {}: {problem}", row.line))? else { continue };
            let span = row.start_s.zip(row.end_s).filter(|(start, end)| start < end);
            let (start_s, end_s) = span.ok_or_else(|| format!("line {}: start_s and end_s are no span of seconds", row.line))?;
            let of_recording = self.by_recording.entry(row.recording).or_default();
            of_recording.retain(|known| known.class != row.class || known.span_s != (start_s..end_s));
            // Whoever is unsure takes an earlier verdict back.
            if verdict != Verdict::Unsure {
                of_recording.push(Span { class: row.class, span_s: start_s..end_s, is_yes: verdict == Verdict::Yes });
            }
        }
        Ok(())
    }

    /// What was said of a recording; it is no longer of those that remain.
    pub(super) fn take(&mut self, path: &str) -> Vec<Span> {
        self.by_recording.remove(path).unwrap_or_default()
    }

    /// Verdicts of recordings that were not asked for.
    pub(super) fn remaining(&self) -> usize {
        self.by_recording.values().map(Vec::len).sum()
    }
}

/// Whether a class calls in a span, by what was said of all of it; `None` where nobody said something. Yes counts where people disagree.
pub(super) fn verdict(heard: &[Span], class: &str, span_s: &Range<f64>) -> Option<bool> {
    heard.iter().filter(|said| said.covers(class, span_s)).map(|said| said.is_yes).max()
}

/// The sheets of a folder, or the sheet itself.
fn sheets(path: &Path) -> Result<Vec<PathBuf>, ExportError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(ExportError::io(path, "cannot be listed"))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut sheets = paths.map_err(ExportError::io(path, "cannot be listed"))?;
    sheets.retain(|path| path.extension().is_some_and(|extension| extension == "csv" || extension == "tsv"));
    sheets.sort();
    if sheets.is_empty() {
        let what = format!("{}: the folder has no .csv or .tsv; name a sheet with verdicts, or a folder of them", path.display());
        return Err(ExportError::Nothing { what });
    }
    Ok(sheets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: &str = "recording,class,start_s,end_s,verdict,strata,score,score_bin,bin_detections\n\
        A/1.wav,FROG,3,9,yes,top,0.9,,0\nA/1.wav,FROG,12,15,no,top,0.8,,0\nA/1.wav,TOAD,3,9,?,top,0.7,,0\nB/1.wav,FROG,0,3,,top,0.6,,0\n";

    #[test]
    fn verdicts_hold_for_what_lies_within_their_span() {
        let mut heard = Heard::default();
        heard.add(SHEET.as_bytes()).unwrap();
        assert_eq!(heard.remaining(), 2);
        let spans = heard.take("A/1.wav");
        let of = |class: &str, start_s: f64, end_s: f64| verdict(&spans, class, &(start_s..end_s));
        assert_eq!(
            [of("FROG", 3.0, 6.0), of("FROG", 6.0, 9.0005), of("FROG", 12.0, 15.0)],
            [Some(true), Some(true), Some(false)]
        );
        assert_eq!([of("FROG", 7.0, 10.0), of("TOAD", 3.0, 6.0), of("FROG", 0.0, 3.0)], [None; 3]);
        assert_eq!((heard.remaining(), heard.take("C/1.wav").len()), (0, 0));
    }

    #[test]
    fn a_later_sheet_counts_and_one_that_makes_no_sense_is_refused() {
        let mut heard = Heard::default();
        heard.add(SHEET.as_bytes()).unwrap();
        heard.add(SHEET.replace(",yes,", ",no,").as_bytes()).unwrap();
        let spans = heard.take("A/1.wav");
        assert_eq!((spans.len(), verdict(&spans, "FROG", &(3.0..9.0))), (2, Some(false)));
        heard.add(SHEET.as_bytes()).unwrap();
        heard.add(SHEET.replace(",yes,", ",?,").as_bytes()).unwrap();
        assert_eq!(heard.take("A/1.wav").len(), 1, "a yes that was taken back");
        assert!(heard.add(SHEET.replace(",3,9,yes", ",9,3,yes").as_bytes()).unwrap_err().contains("line 2"));
        assert!(heard.add(SHEET.replace(",yes,", ",ja,").as_bytes()).unwrap_err().contains("`ja`"));
        let empty = tempfile::tempdir().unwrap();
        assert!(Heard::read(empty.path()).unwrap_err().to_string().contains("no .csv"));
        std::fs::write(empty.path().join("a.csv"), SHEET).unwrap();
        assert_eq!(Heard::read(empty.path()).unwrap().remaining(), 2);
        assert!(Heard::read(&empty.path().join("b.csv")).is_err());
    }
}
