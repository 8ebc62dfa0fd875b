//! What sheets say of single windows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_labels::layouts::review::{SheetRow, Verdict};
use chorus_labels::verdicts::{TOLERANCE_S, latest};

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
    /// Rows that cannot be used, each with its file and line.
    pub(super) faults: Vec<String>,
}

#[derive(Debug)]
struct Judged {
    class: String,
    start_s: f64,
    /// Position of its bin.
    bin: usize,
    is_yes: bool,
    /// Where the verdict stands.
    place: String,
    /// Why the run has no recording of the name in the sheet.
    unfound: Option<String>,
    /// Whether the run has the window.
    is_met: bool,
}

impl Judged {
    /// Seconds between its start and that of a window.
    fn away_s(&self, window: &Window<'_>) -> f64 {
        (self.start_s - window.start_s).abs()
    }
}

fn wrong(what: String) -> ExportError {
    ExportError::Nothing { what }
}

impl Asked {
    /// What the clips of windows say of the classes that the filter takes. Of several verdicts on a window the last one counts, as
    /// [`chorus_labels::verdicts`] has it. `find` gives the path of the recording that a sheet names, or why there is none.
    ///
    /// # Errors
    /// [`ExportError::Nothing`]: no clip stands for windows, or the bins of a class do not fit together.
    pub(super) fn of(
        sheets: &[Sheet],
        filter: &Filter,
        find: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Self, ExportError> {
        let rows = || sheets.iter().flat_map(|(name, rows)| rows.iter().map(move |row| (name, row)));
        let sampled = || rows().filter(|(_, row)| row.is_window() && filter.takes_class(&row.class));
        if sampled().next().is_none() {
            let names: Vec<&str> = sheets.iter().map(|(name, _)| name.as_str()).collect();
            let next = "make a sheet with `chorus clips --windows`, whose clips stand for all windows";
            return Err(wrong(format!("{}: no clip of these classes is of the sample of windows; {next}", names.join(", "))));
        }
        let mut asked = Self::default();
        let mut bins: BTreeMap<&str, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for (name, row) in sampled() {
            match steps(&row.bin) {
                Some(steps) => {
                    bins.entry(&row.class).or_default().insert((steps.start, steps.end));
                }
                None => asked.faults.push(format!(
                    "{name}, line {}: score_bin is `{}`, expected two scores such as 0.250-0.613",
                    row.line, row.bin
                )),
            }
        }
        if let Some(fault) = asked.faults.first().filter(|_| bins.is_empty()) {
            return Err(wrong(fault.clone()));
        }
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
        let found =
            |row: &SheetRow| find(&row.recording).map_or_else(|why| (row.recording.clone(), Some(why)), |path| (path, None));
        let judged: Vec<_> =
            sampled().filter(|(_, row)| row.verdict.is_some()).map(|(name, row)| (name, row, found(row))).collect();
        let judged = latest(judged, |(_, row, (path, _))| (path.as_str(), row.class.as_str(), row.span_s()));
        for (name, row, (path, unfound)) in judged {
            if row.verdict == Some(Verdict::Unsure) {
                asked.unsure += 1;
                continue;
            }
            let Some(from) = steps(&row.bin).map(|steps| steps.start) else { continue };
            let bin = asked.bins.get(row.class.as_str()).and_then(|bins| bins.iter().position(|bin| bin.start == from));
            asked.windows.entry(path).or_default().push(Judged {
                class: row.class.clone(),
                start_s: row.start_s,
                bin: bin.unwrap_or_default(),
                is_yes: row.verdict == Some(Verdict::Yes),
                place: format!("{name}, line {}", row.line),
                unfound,
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
        // Windows overlap, so the one that begins nearest is meant.
        let is_it = |judged: &&mut Judged| judged.away_s(window) <= TOLERANCE_S && *judged.class == *window.class;
        let nearest = of_recording.iter_mut().filter(is_it).min_by(|a, b| a.away_s(window).total_cmp(&b.away_s(window)));
        let Some(judged) = nearest else { return Ok(None) };
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
        let (others, of, start_s) = (strangers.count(), all().count(), first.start_s);
        let why = first.unfound.as_ref().map_or_else(String::new, |why| format!(", {why}"));
        Err(wrong(format!(
            "{}: the run has no window of {} at {start_s} s of {path}{why} ({} of {of} judged windows are missing); \
             name the run that the sheet was made from",
            first.place,
            first.class,
            others + 1
        )))
    }
}

#[cfg(test)]
mod tests {
    use chorus_labels::verdicts::{Copies, find_recording};

    use super::*;

    fn row(line: u32, class: &str, bin: &str, verdict: Option<Verdict>) -> SheetRow {
        SheetRow {
            line,
            recording: "A/r.wav".into(),
            class: class.into(),
            start_s: f64::from(line) * 3.0,
            end_s: f64::from(line) * 3.0 + 3.0,
            verdict,
            listener: None,
            strata: "window".into(),
            bin: bin.into(),
            bin_detections: 9,
            score: Some(0.4),
            threshold: None,
        }
    }

    fn asked(rows: Vec<SheetRow>) -> Result<Asked, String> {
        let copies = Copies::from([("A/more/r.wav".to_owned(), "A/r.wav".to_owned())]);
        let find = find_recording(&["A/r.wav", "A/more/r.wav", "B/r.wav", "B/s.wav"], &copies);
        Asked::of(&[("sheet.csv".into(), rows)], &Filter::default(), find).map_err(|error| error.to_string())
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
    fn recordings_are_found_as_labels_find_them() {
        let named = |recording: &str, line: u32| SheetRow {
            recording: recording.into(),
            ..row(line, "FROG", "0.500-1.000", Some(Verdict::Yes))
        };
        let found =
            asked(vec![named(r"D:\survey\A\r.wav", 2), named("A/more/r.wav", 3), named("s", 4), named("A/r.wav", 2)]).unwrap();
        let paths: Vec<(&str, usize)> = found.windows.iter().map(|(path, judged)| (path.as_str(), judged.len())).collect();
        assert_eq!(paths, [("A/r.wav", 2), ("B/s.wav", 1)], "one window under two names counts once");
        let error = asked(vec![named("C/q.wav", 2)]).unwrap().check().unwrap_err().to_string();
        assert!(error.contains("of C/q.wav, no recording of that name (1 of 1"), "{error}");
    }

    #[test]
    fn sheets_that_do_not_stand_for_windows_are_refused() {
        let detections = SheetRow { strata: "random+top".into(), ..row(2, "FROG", "0.5-1.0", Some(Verdict::Yes)) };
        assert!(asked(vec![detections]).unwrap_err().contains("chorus clips --windows"));
        let two = vec![row(2, "FROG", "0.5-1.0", None), row(3, "FROG", "0.4-0.6", None)];
        assert!(asked(two).unwrap_err().contains("FROG: its clips have score bins that overlap"));
        assert!(asked(vec![row(2, "FROG", "high", None)]).unwrap_err().contains("line 2: score_bin is `high`"));
        let some =
            asked(vec![row(2, "FROG", "high", Some(Verdict::Yes)), row(3, "FROG", "0.5-1.0", Some(Verdict::Yes))]).unwrap();
        assert!(some.faults.len() == 1 && some.windows["A/r.wav"].len() == 1, "{some:?}");
    }
}
