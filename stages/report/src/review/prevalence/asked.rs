//! What sheets say of single windows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_labels::layouts::review::{SheetRow, Verdict};

use super::counted::Bins;
use crate::export::scores::Window;
use crate::export::{ExportError, Filter};
use crate::review::sample::{step, steps};

/// A sheet, and how messages name it.
pub type Sheet = (String, Vec<SheetRow>);

/// The windows that sheets ask about, and the bins that they stand for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Bins by class.
    pub(super) bins: BTreeMap<Arc<str>, Bins>,
    /// Windows with yes or no, by recording.
    windows: BTreeMap<String, Vec<Judged>>,
    /// Clips of which a listener was unsure.
    pub(super) unsure: u64,
}

#[derive(Debug)]
struct Judged {
    class: String,
    start_ms: i64,
    /// Position of its bin.
    bin: usize,
    is_yes: bool,
    /// Where the verdict stands.
    place: String,
    /// Whether the run has the window.
    is_met: bool,
}

/// Sheets have seconds in decimals, which a spreadsheet may round.
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

fn wrong(what: String) -> ExportError {
    ExportError::Nothing { what }
}

impl Asked {
    /// What the clips of windows say of the classes that the filter takes. Where two sheets judge the same window, the later one counts.
    ///
    /// # Errors
    /// [`ExportError::Nothing`]: no clip stands for windows, or the bins of a class do not fit together.
    pub(super) fn of(sheets: &[Sheet], filter: &Filter) -> Result<Self, ExportError> {
        let rows = || sheets.iter().flat_map(|(name, rows)| rows.iter().map(move |row| (name, row)));
        let sampled = || rows().filter(|(_, row)| row.is_window() && filter.takes_class(&row.class));
        if sampled().next().is_none() {
            let names: Vec<&str> = sheets.iter().map(|(name, _)| name.as_str()).collect();
            let next = "make a sheet with `chorus clips --windows`, whose clips stand for all windows";
            return Err(wrong(format!("{}: no clip of these classes is of the sample of windows; {next}", names.join(", "))));
        }
        let mut bins: BTreeMap<&str, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for (name, row) in sampled() {
            let found = || {
                wrong(format!("{name}, line {}: score_bin is `{}`, expected two scores such as 0.250-0.613", row.line, row.bin))
            };
            let steps = steps(&row.bin).ok_or_else(found)?;
            bins.entry(&row.class).or_default().insert((steps.start, steps.end));
        }
        let mut asked = Self::default();
        for (class, bins) in bins {
            let bins: Bins = bins.into_iter().map(|(start, end)| start..end).collect();
            if bins.array_windows().any(|[one, next]| next.start < one.end) {
                let what = "its clips have score bins that overlap, so they are of several draws";
                return Err(wrong(format!(
                    "{class}: {what}; give sheets of one draw alone (--seed may differ, the run may not)"
                )));
            }
            asked.bins.insert(class.into(), bins);
        }
        for (name, row) in sampled() {
            let is_yes = match row.verdict {
                Ok(Some(Verdict::Yes)) => Some(true),
                Ok(Some(Verdict::No)) => Some(false),
                Ok(Some(Verdict::Unsure)) => None,
                Ok(None) | Err(_) => continue,
            };
            let place = format!("{name}, line {}", row.line);
            let start_s = row.start_s.ok_or_else(|| wrong(format!("{place}: start_s is no number")))?;
            let start_ms = milliseconds(start_s);
            let of_recording = asked.windows.entry(row.recording.clone()).or_default();
            of_recording.retain(|other| (&other.class, other.start_ms) != (&row.class, start_ms));
            // Whoever is unsure takes an earlier verdict back.
            let Some(is_yes) = is_yes else {
                asked.unsure += 1;
                continue;
            };
            let from = steps(&row.bin).map(|steps| steps.start);
            let bin = asked.bins.get(row.class.as_str()).and_then(|bins| bins.iter().position(|bin| Some(bin.start) == from));
            of_recording.push(Judged {
                class: row.class.clone(),
                start_ms,
                bin: bin.unwrap_or_default(),
                is_yes,
                place,
                is_met: false,
            });
        }
        Ok(asked)
    }

    /// What was said of a window; `None` where nobody was asked.
    ///
    /// # Errors
    /// [`ExportError::Nothing`]: its score is another one now.
    pub(super) fn verdict(&mut self, window: &Window<'_>) -> Result<Option<bool>, ExportError> {
        let Some(of_recording) = self.windows.get_mut(&window.recording.path) else { return Ok(None) };
        let start_ms = milliseconds(window.start_s);
        let is_it = |judged: &&mut Judged| judged.start_ms == start_ms && *judged.class == *window.class;
        let Some(judged) = of_recording.iter_mut().find(is_it) else { return Ok(None) };
        let bins = self.bins.get(&window.class);
        if !bins.and_then(|bins| bins.get(judged.bin)).is_some_and(|bin| bin.contains(&step(window.score))) {
            let found =
                format!("the score of {} in this window is {} now, which is not in score_bin", window.class, window.score);
            let next =
                "the sheet is of another run, or the run was made again since; make a new sheet with `chorus clips --windows`";
            return Err(wrong(format!("{}: {found}: {next}", judged.place)));
        }
        judged.is_met = true;
        Ok(Some(judged.is_yes))
    }

    /// Refuses windows that the run does not have.
    ///
    /// # Errors
    /// [`ExportError::Nothing`].
    pub(super) fn check(&self) -> Result<(), ExportError> {
        let all = || self.windows.iter().flat_map(|(path, judged)| judged.iter().map(move |judged| (path, judged)));
        let mut strangers = all().filter(|(_, judged)| !judged.is_met);
        let Some((path, first)) = strangers.next() else { return Ok(()) };
        let (others, of, start_s) = (strangers.count(), all().count(), first.start_ms as f64 / 1000.0);
        Err(wrong(format!(
            "{}: the run has no window of {} at {start_s} s of {path} ({} of {of} judged windows are missing); \
             name the run that the sheet was made from",
            first.place,
            first.class,
            others + 1
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u32, class: &str, bin: &str, verdict: Option<Verdict>) -> SheetRow {
        SheetRow {
            line,
            recording: "A/r.wav".into(),
            class: class.into(),
            start_s: Some(f64::from(line) * 3.0),
            end_s: Some(f64::from(line) * 3.0 + 3.0),
            verdict: Ok(verdict),
            strata: "window".into(),
            bin: bin.into(),
            bin_detections: 9,
            score: Some(0.4),
            threshold: None,
        }
    }

    fn asked(rows: Vec<SheetRow>) -> Result<Asked, String> {
        Asked::of(&[("sheet.csv".into(), rows)], &Filter::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn bins_come_from_all_clips_and_answers_from_those_with_a_verdict() {
        let rows = vec![
            row(2, "FROG", "0.500-1.000", Some(Verdict::Yes)),
            row(3, "FROG", "0.000-0.500", None),
            row(4, "FROG", "0.000-0.500", Some(Verdict::Unsure)),
            row(5, "FROG", "0.500-1.000", Some(Verdict::Yes)),
            row(2, "FROG", "0.500-1.000", Some(Verdict::No)),
            row(5, "FROG", "0.500-1.000", Some(Verdict::Unsure)),
        ];
        let found = asked(rows).unwrap();
        assert_eq!(found.bins["FROG"], [0..500, 500..1000]);
        let own = &found.windows["A/r.wav"];
        assert_eq!((own.len(), own[0].bin, own[0].is_yes, found.unsure), (1, 1, false, 2), "the later verdict counts");
        let error = found.check().unwrap_err().to_string();
        assert!(error.contains("sheet.csv, line 2") && error.contains("6 s of A/r.wav") && error.contains("1 of 1"), "{error}");
    }

    #[test]
    fn sheets_that_do_not_stand_for_windows_are_refused() {
        let detections = SheetRow { strata: "random+top".into(), ..row(2, "FROG", "0.5-1.0", Some(Verdict::Yes)) };
        assert!(asked(vec![detections]).unwrap_err().contains("chorus clips --windows"));
        let two = vec![row(2, "FROG", "0.5-1.0", None), row(3, "FROG", "0.4-0.6", None)];
        assert!(asked(two).unwrap_err().contains("FROG: its clips have score bins that overlap"));
        assert!(asked(vec![row(2, "FROG", "high", None)]).unwrap_err().contains("line 2: score_bin is `high`"));
    }
}
