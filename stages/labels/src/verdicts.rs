//! The one rule by which verdicts of review sheets count, for labels, prevalence and exports. `docs/review.md` states it for people.
//!
//! Sheets come in the order of their paths, and their rows as they are written. A later verdict on a class replaces each earlier one whose
//! span lies within its own, and one that is unsure takes them back. Of what is left, the last verdict whose span holds all of a window or
//! a detection decides it. Where none holds all of it, a yes on a part confirms it, and it takes a no on all of its parts to refute it.
//! Times may be off by [`TOLERANCE_S`]. A verdict that lies outside of its recording counts for nothing, and so replaces none.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::layouts::review::{ReviewSheets, Sheet, SheetRow, Sheets, Verdict};
use crate::pairing::finder;
pub use crate::pairing::{Copies, copies};

/// Seconds by which times of a sheet may be off, since spreadsheets round them to one decimal.
pub const TOLERANCE_S: f64 = 0.05;

/// The reason that `annotations` has for a verdict that no longer counts.
pub const REPLACED: &str = "a later verdict replaces it";

/// Faults of sheets that a note lists one by one.
const LISTED: usize = 5;

/// A verdict with the span that it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The recording, as the sheet names it: its path in the archive.
    pub recording: String,
    /// The class.
    pub class: String,
    /// Start of the span within the recording, seconds.
    pub start_s: f64,
    /// End of the span within the recording, seconds.
    pub end_s: f64,
    /// What was heard there.
    pub verdict: Verdict,
    /// Who listened, where the sheet has a column for it.
    pub listener: Option<String>,
}

impl Heard {
    /// The span, seconds.
    pub fn span_s(&self) -> Range<f64> {
        self.start_s..self.end_s
    }

    /// The verdict of a row; `None` where nobody has judged it yet.
    fn of(row: SheetRow) -> Option<Self> {
        let SheetRow { recording, class, start_s, end_s, verdict, listener, .. } = row;
        Some(Self { recording, class, start_s, end_s, verdict: verdict?, listener })
    }
}

/// Whether a span holds all of another, seconds.
pub fn holds(span: &Range<f64>, part: &Range<f64>) -> bool {
    let slack = slack(span, part);
    span.start <= part.start + slack && part.end <= span.end + slack
}

/// Whether two spans have time in common, seconds. Spans that end and begin at one time have none.
pub fn meets(one: &Range<f64>, other: &Range<f64>) -> bool {
    one.end.min(other.end) - one.start.max(other.start) > slack(one, other)
}

/// Spans of a few hundredths of a second are not taken for their neighbours.
fn slack(one: &Range<f64>, other: &Range<f64>) -> f64 {
    let shorter = (one.end - one.start).min(other.end - other.start);
    TOLERANCE_S.min(shorter / 4.0).max(0.0)
}

/// What a verdict is about: a recording, a class, and a span of the recording, seconds.
pub type Topic<'a> = (&'a str, &'a str, Range<f64>);

/// The positions of verdicts that later ones replace. `given` are in the order in which they count.
pub fn replaced<T>(given: &[T], topic: impl Fn(&T) -> Topic<'_>) -> BTreeSet<usize> {
    let mut standing: BTreeMap<(&str, &str), Vec<(usize, Range<f64>)>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (at, one) in given.iter().enumerate() {
        let (recording, class, span_s) = topic(one);
        let own = standing.entry((recording, class)).or_default();
        own.retain(|(earlier, part)| {
            let is_replaced = holds(&span_s, part);
            if is_replaced {
                found.insert(*earlier);
            }
            !is_replaced
        });
        own.push((at, span_s));
    }
    found
}

/// The verdicts that no later one replaces, in their order.
pub fn latest<T>(given: Vec<T>, topic: impl Fn(&T) -> Topic<'_>) -> Vec<T> {
    let replaced = replaced(&given, topic);
    given.into_iter().enumerate().filter(|(at, _)| !replaced.contains(at)).map(|(_, one)| one).collect()
}

/// A clip of some sheets, however often somebody judged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// The positions of the rows on it: those of one recording, class and span. There is at least one.
    pub rows: Vec<usize>,
    /// The position of the row whose verdict counts: the last one whose span holds the clip's. `None` where nobody has judged it.
    pub verdict: Option<usize>,
}

/// The clips of rows, each once, in the order of their first rows. `given` are in the order in which they count; an open row replaces no
/// verdict.
pub fn clips<T>(given: &[T], topic: impl Fn(&T) -> Topic<'_>, is_judged: impl Fn(&T) -> bool) -> Vec<Clip> {
    let mut by_class: BTreeMap<(&str, &str), Vec<(usize, Range<f64>)>> = BTreeMap::new();
    for (at, one) in given.iter().enumerate() {
        let (recording, class, span_s) = topic(one);
        by_class.entry((recording, class)).or_default().push((at, span_s));
    }
    let mut all = Vec::new();
    for rows in by_class.into_values() {
        let mut found: Vec<(&Range<f64>, Clip)> = Vec::new();
        for (at, span_s) in &rows {
            match found.iter_mut().find(|(own, _)| holds(own, span_s) && holds(span_s, own)) {
                Some((_, clip)) => clip.rows.push(*at),
                None => found.push((span_s, Clip { rows: vec![*at], verdict: None })),
            }
        }
        for (span_s, clip) in found {
            let decides = |(at, whole): &&(usize, Range<f64>)| is_judged(&given[*at]) && holds(whole, span_s);
            let verdict = rows.iter().rev().find(decides).map(|(at, _)| *at);
            all.push(Clip { verdict, ..clip });
        }
    }
    all.sort_by_key(|clip| clip.rows[0]);
    all
}

/// The same of what was heard.
pub fn standing(heard: Vec<Heard>) -> Vec<Heard> {
    latest(heard, |one| (one.recording.as_str(), one.class.as_str(), one.span_s()))
}

/// Finds the recordings that sheets name, as labels do: by a path or by parts of one. A copy stands for its original. `recordings` are the
/// paths of all recordings; the error says why there is none of a name.
pub fn find_recording<'a>(recordings: &[&'a str], copies: &'a Copies) -> Box<dyn Fn(&str) -> Result<String, String> + 'a> {
    let find = finder(&ReviewSheets, recordings, &[], copies);
    Box::new(move |name| find("", Some(name)))
}

/// The last verdict, yes or no, whose span holds all of a span, seconds; `None` where there is none. `heard` are the verdicts on its
/// recording.
pub fn decided<'a>(heard: &'a [Heard], class: &str, span_s: &Range<f64>) -> Option<&'a Heard> {
    let is_it = |one: &&Heard| one.verdict != Verdict::Unsure && one.class == class && holds(&one.span_s(), span_s);
    heard.iter().rev().find(is_it)
}

/// What people said of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opinion {
    /// Nothing.
    Open,
    /// The class calls there.
    Confirmed,
    /// The class does not call in any of it.
    Refuted,
    /// Nobody could tell, or only a part of it was refuted.
    Unsure,
}

/// What people said of a class in a span, seconds, and the verdict that decides it. `heard` are the verdicts on its recording.
pub fn opinion<'a>(heard: &'a [Heard], class: &str, span_s: &Range<f64>) -> (Opinion, Option<&'a Heard>) {
    if let Some(one) = decided(heard, class, span_s) {
        return (if one.verdict == Verdict::Yes { Opinion::Confirmed } else { Opinion::Refuted }, Some(one));
    }
    let about = |verdict| -> Vec<&'a Heard> {
        let is = |one: &&Heard| one.verdict == verdict && one.class == class && meets(&one.span_s(), span_s);
        heard.iter().filter(is).collect()
    };
    let (yes, no) = (about(Verdict::Yes), about(Verdict::No));
    if let Some(one) = yes.last() {
        (Opinion::Confirmed, Some(*one))
    } else if !no.is_empty() && hold_together(&no, span_s) {
        (Opinion::Refuted, no.last().copied())
    } else if !no.is_empty() || !about(Verdict::Unsure).is_empty() {
        (Opinion::Unsure, None)
    } else {
        (Opinion::Open, None)
    }
}

/// Whether spans together hold all of another.
fn hold_together(parts: &[&Heard], whole: &Range<f64>) -> bool {
    let mut parts: Vec<Range<f64>> = parts.iter().map(|one| one.span_s()).collect();
    parts.sort_by(|a, b| a.start.total_cmp(&b.start));
    let reached = parts.iter().fold(whole.start, |at, part| if part.start <= at + TOLERANCE_S { at.max(part.end) } else { at });
    reached >= whole.end - TOLERANCE_S
}

/// All verdicts of some sheets, and what of the sheets cannot be used.
#[derive(Debug, Default, PartialEq)]
pub struct Given {
    /// The verdicts in the order in which they were given, also those that later ones replace.
    pub heard: Vec<Heard>,
    /// What cannot be used, each with its file, its line and what is wrong.
    pub faults: Vec<String>,
    /// Files that are sheets.
    pub sheets: usize,
}

impl Given {
    /// Those of sheets in the order in which they count.
    pub fn of(sheets: Sheets) -> Self {
        let mut given = Self::default();
        for (file, read) in sheets {
            match read {
                Ok(Sheet { rows, unusable }) => {
                    given.sheets += 1;
                    given.faults.extend(unusable.iter().map(|fault| format!("{file}, {fault}")));
                    given.heard.extend(rows.into_iter().filter_map(Heard::of));
                }
                Err(fault) => given.faults.push(format!("{file}: {fault}")),
            }
        }
        given
    }
}

/// What cannot be used, in a sentence; `None` where there is nothing.
pub fn told(faults: &[String]) -> Option<String> {
    let listed = faults.iter().take(LISTED).cloned().collect::<Vec<_>>().join("; ");
    let others = if faults.len() > LISTED { "; …" } else { "" };
    let (n, rows) =
        (faults.len(), if faults.len() == 1 { "sheet or row of a sheet was" } else { "sheets or rows of sheets were" });
    (n > 0).then(|| format!("{n} {rows} not used: {listed}{others}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::layouts::review::verdicts;
    use Verdict::{No, Unsure, Yes};

    fn heard(class: &str, start_s: f64, end_s: f64, verdict: Verdict) -> Heard {
        Heard { recording: "A/r.wav".into(), class: class.into(), start_s, end_s, verdict, listener: Some("Ada".into()) }
    }

    fn standing(of: &[(f64, f64, Verdict)]) -> Vec<Heard> {
        super::standing(of.iter().map(|(start_s, end_s, verdict)| heard("FROG", *start_s, *end_s, *verdict)).collect())
    }

    #[test]
    fn a_later_verdict_replaces_those_that_lie_within_its_span() {
        let verdicts = |of: &[(f64, f64, Verdict)]| standing(of).iter().map(|one| one.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(&[(3.0, 6.0, Yes), (3.0, 6.0, No)]), [No]);
        assert_eq!(verdicts(&[(3.0, 6.0, Yes), (3.04, 5.96, No)]), [No], "rounded by a spreadsheet");
        assert_eq!(verdicts(&[(3.0, 6.0, Yes), (3.0, 6.0, Unsure)]), [Unsure], "taken back");
        assert_eq!(verdicts(&[(3.0, 6.0, Yes), (0.0, 60.0, No)]), [No]);
        assert_eq!(verdicts(&[(0.0, 60.0, No), (3.0, 6.0, Yes)]), [No, Yes], "of the rest the first still tells");
        assert_eq!(verdicts(&[(3.0, 6.0, Yes), (4.0, 7.0, No)]), [Yes, No], "another window");
        assert_eq!(verdicts(&[(3.0, 3.04, Yes), (3.04, 3.08, No)]), [Yes, No], "short ones are not their neighbours");
        let others = vec![heard("FROG", 3.0, 6.0, Yes), heard("TOAD", 3.0, 6.0, No)];
        assert_eq!(super::standing(others).len(), 2);
    }

    #[test]
    fn a_clip_is_one_however_often_it_was_judged() {
        let of = |given: &[(&str, f64, f64, bool)]| -> Vec<(Vec<usize>, Option<usize>)> {
            let found = clips(given, |(class, start_s, end_s, _)| ("A/r.wav", *class, *start_s..*end_s), |one| one.3);
            found.into_iter().map(|clip| (clip.rows, clip.verdict)).collect()
        };
        assert_eq!(
            of(&[("F", 3.0, 6.0, true), ("F", 9.0, 12.0, true), ("F", 3.04, 6.0, true)]),
            [(vec![0, 2], Some(2)), (vec![1], Some(1))]
        );
        assert_eq!(of(&[("F", 3.0, 6.0, true), ("F", 3.0, 6.0, false)]), [(vec![0, 1], Some(0))], "an open row replaces none");
        assert_eq!(of(&[("F", 3.0, 6.0, true), ("T", 3.0, 6.0, true)]), [(vec![0], Some(0)), (vec![1], Some(1))]);
        assert_eq!(of(&[("F", 3.0, 6.0, true), ("F", 0.0, 60.0, true)]), [(vec![0], Some(1)), (vec![1], Some(1))]);
        assert_eq!(of(&[("F", 0.0, 60.0, true), ("F", 3.0, 6.0, false)]), [(vec![0], Some(0)), (vec![1], Some(0))]);
        assert_eq!(of(&[("F", 3.0, 6.0, false)]), [(vec![0], None)]);
    }

    #[test]
    fn the_last_verdict_on_all_of_a_span_decides_it_and_else_its_parts_do() {
        let of = |of: &[(f64, f64, Verdict)]| opinion(&standing(of), "FROG", &(3.0..6.0)).0;
        assert_eq!(of(&[]), Opinion::Open);
        assert_eq!(of(&[(5.0, 8.0, Yes)]), Opinion::Confirmed, "a yes on a part");
        assert_eq!(of(&[(3.0, 4.0, Yes), (4.0, 6.0, No)]), Opinion::Confirmed);
        assert_eq!(of(&[(0.0, 60.0, Yes), (3.0, 6.0, No)]), Opinion::Refuted, "the later one on all of it");
        assert_eq!(of(&[(0.0, 60.0, No), (3.0, 6.0, Yes)]), Opinion::Confirmed);
        assert_eq!(of(&[(2.0, 5.0, Yes), (3.0, 6.0, No)]), Opinion::Refuted, "what overlaps says less than what holds it");
        assert_eq!(of(&[(3.0, 6.0, No)]), Opinion::Refuted);
        assert_eq!(of(&[(4.5, 7.0, No), (0.0, 4.5, No)]), Opinion::Refuted);
        assert_eq!(of(&[(3.0, 5.0, No)]), Opinion::Unsure);
        assert_eq!(of(&[(3.0, 6.0, Unsure)]), Opinion::Unsure);
        assert_eq!(of(&[(3.0, 6.0, Yes), (3.0, 6.0, Unsure)]), Opinion::Unsure);
        assert_eq!(of(&[(6.0, 9.0, No), (0.0, 3.02, Yes)]), Opinion::Open, "beside it");
        let toad = [heard("TOAD", 3.0, 6.0, No)];
        assert_eq!(opinion(&toad, "FROG", &(3.0..6.0)), (Opinion::Open, None));
        assert_eq!(decided(&toad, "TOAD", &(3.0..6.0)).and_then(|one| one.listener.as_deref()), Some("Ada"));
        assert!(decided(&toad, "TOAD", &(4.0..7.0)).is_none());
    }

    #[test]
    fn recordings_are_found_as_labels_find_them() {
        let copies: Copies = [("A/more/1.wav".to_owned(), "A/1.wav".to_owned())].into();
        let find = find_recording(&["A/1.wav", "A/more/1.wav", "B/2.wav"], &copies);
        for name in ["A/1.wav", "A/more/1.wav", r"D:\survey\A\1.wav", "1.wav"] {
            assert_eq!(find(name).as_deref(), Ok("A/1.wav"), "{name}");
        }
        assert_eq!(find("2").as_deref(), Ok("B/2.wav"));
        assert_eq!(find("C/3.wav").unwrap_err(), "no recording of that name");
    }

    const SHEET: &str = "recording,class,start_s,end_s,verdict\nA/1.wav,FROG,3,9,yes\nA/1.wav,FROG,12,15,no\n\
        A/1.wav,TOAD,3,9,?\nA/1.wav,TOAD,9,3,yes\nA/1.wav,TOAD,0,3,ja\nB/1.wav,FROG,0,3,\n";

    #[test]
    fn later_sheets_count_and_rows_that_cannot_be_used_are_told_with_file_and_line() {
        let other = SHEET.replace(",yes\nA/1.wav,FROG", ",no\nA/1.wav,FROG");
        let files = [("a.csv", SHEET), ("b.csv", other.as_str()), ("c.csv", "x,y\n1,2\n")];
        let given = Given::of(files.iter().map(|(file, text)| ((*file).to_owned(), verdicts(text.as_bytes()))).collect());
        assert_eq!(given.heard.len(), 6);
        let standing = super::standing(given.heard);
        let found: Vec<_> = standing.iter().map(|one| (one.class.as_str(), one.start_s, one.verdict)).collect();
        assert_eq!(found, [("FROG", 3.0, No), ("FROG", 12.0, No), ("TOAD", 3.0, Unsure)]);
        assert_eq!((given.sheets, given.faults.len()), (2, 5));
        assert!(given.faults[0].starts_with("a.csv, line 5: starts at 9 s"), "{:?}", given.faults);
        assert_eq!(given.faults[1], "a.csv, line 6: the verdict is `ja`, expected yes, no or unsure");
        assert!(given.faults[4].starts_with("c.csv: no column recording"), "{:?}", given.faults);
        assert!(told(&given.faults).unwrap().starts_with("5 sheets or rows of sheets were not used: "));
        assert_eq!(told(&[]), None);
    }
}
