//! Stage `annotate`, second pass: annotation files into the tables `annotations`, `reviews` and `labels`.
//!
//! Every line of every annotation file becomes a row of `annotations`, used or not and why. Files without a recording are filed under
//! their site with no date. A recording with an annotation file, be it empty, was reviewed: its windows are 0 or 1 for each class;
//! those of a recording that nobody looked at are null.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chorus_engine::{External, Scan, ScanContext, Unit, UnitContext, Work, WorkError};
use serde::Deserialize;

use crate::anuraset::{self, pair};
use crate::audacity::{self, Event};
use crate::error::LabelsError;
use crate::files;
use crate::overlap::{Interval, Rule, label_windows};

/// Windows whose labels are written at once; with 42 classes, 170,000 rows.
const WINDOWS_PER_BATCH: usize = 4096;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    annotate: AnnotateParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnnotateParams {
    folder: String,
    qualities: Vec<String>,
    rule: RuleName,
    min_overlap_s: f64,
    min_overlap_fraction: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RuleName {
    Overlap,
    Anuraset,
}

impl AnnotateParams {
    fn rule(&self) -> Rule {
        match self.rule {
            RuleName::Overlap => Rule::Overlap { min_s: self.min_overlap_s, min_fraction: self.min_overlap_fraction },
            RuleName::Anuraset => Rule::AnuraSet,
        }
    }
}

/// The annotation files of one unit: each with its recording's path, or with why it has none.
type UnitFiles = BTreeMap<String, Result<String, String>>;

/// The pass.
#[derive(Default)]
pub struct Annotate {
    /// The files of each unit, between the scan and the units' work.
    files: Mutex<BTreeMap<Unit, UnitFiles>>,
}

impl Work for Annotate {
    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let Params { annotate } = cx.params()?;
        let files = files::list(&cx.archive()?, &annotate.folder)?;
        let mut unit_of = BTreeMap::new();
        for (unit, recordings) in cx.read_all("recordings", &["path"])? {
            unit_of.extend(recordings.texts("path")?.into_iter().flatten().map(|path| (path, unit.clone())));
        }
        let recordings: Vec<&str> = unit_of.keys().map(String::as_str).collect();
        let paths: Vec<&str> = files.keys().map(String::as_str).collect();
        let pairing = pair(&recordings, &paths);
        let mut by_unit: BTreeMap<Unit, UnitFiles> = BTreeMap::new();
        for (recording, file) in pairing.labels {
            by_unit.entry(unit_of[&recording].clone()).or_default().insert(file.path, Ok(recording));
        }
        for (file, reason) in pairing.unmatched {
            let unit = Unit::SiteDay { site: site(&file), date: None, part: 0 };
            by_unit.entry(unit).or_default().insert(file, Err(reason));
        }
        let external = |own: &UnitFiles| own.keys().map(|path| (path.clone(), files[path].clone())).collect::<External>();
        let units = by_unit.iter().map(|(unit, own)| (unit.clone(), external(own))).collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = by_unit;
        Ok(Scan { units, ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { annotate } = cx.params()?;
        let classes: Vec<String> =
            cx.read("classes", &["class"])?.ok_or("there are no classes")?.texts("class")?.into_iter().flatten().collect();
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(cx.unit()).cloned().unwrap_or_default();
        let mut recordings = Recording::read(cx)?;
        let mut lines = Vec::new();
        let archive = cx.archive()?;
        for (path, recording) in files {
            let events = audacity::parse(&files::read(&archive.join(&path))?);
            let recording = match recording {
                Ok(name) => Ok(recordings.iter_mut().find(|r| r.path == name).ok_or("a file's recording is not in its unit")?),
                Err(reason) => Err(reason),
            };
            lines.extend(account(&path, events, recording, &classes, &annotate.qualities));
        }
        write_annotations(cx, &lines)?;
        write_reviews(cx, &recordings)?;
        write_labels(cx, &recordings, &classes, annotate.rule())
    }
}

/// The site of a file that belongs to no recording: the folder it lies in.
fn site(path: &str) -> String {
    path.rsplit('/').nth(1).unwrap_or("site").to_owned()
}

/// A recording and what is known of its annotation.
#[derive(Debug, Clone, PartialEq, Default)]
struct Recording {
    id: String,
    path: String,
    /// `None` when it cannot be read.
    duration_s: Option<f64>,
    review: Option<Review>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Review {
    file: String,
    lines: u32,
    /// Whether the file holds lines and none of them can be read: such a file does not say that nothing calls.
    unreadable: bool,
    /// Class (by position) and time of the lines that count.
    events: Vec<(usize, Interval)>,
}

impl Recording {
    fn read(cx: &UnitContext<'_>) -> Result<Vec<Self>, WorkError> {
        let Some(batch) = cx.read("recordings", &["recording_id", "path", "duration_s"])? else { return Ok(Vec::new()) };
        let columns = batch.utf8("recording_id")?.iter().zip(batch.utf8("path")?).zip(batch.f64("duration_s")?);
        let of = |((id, path), duration_s): ((Option<&str>, Option<&str>), Option<f64>)| Self {
            id: id.unwrap_or_default().to_owned(),
            path: path.unwrap_or_default().to_owned(),
            duration_s,
            review: None,
        };
        Ok(columns.map(of).collect())
    }
}

/// A row of `annotations`.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    file: String,
    recording_id: Option<String>,
    event: Event,
    code: Option<String>,
    class: Option<String>,
    quality: Option<String>,
    unused: Option<String>,
}

/// Judges every event of a file, and enters those that count into the recording's review.
fn account(
    path: &str,
    events: Vec<Event>,
    recording: Result<&mut Recording, String>,
    classes: &[String],
    qualities: &[String],
) -> Vec<Line> {
    let unreadable = !events.is_empty() && events.iter().all(|event| event.problem.is_some());
    let mut review = Review { file: path.to_owned(), unreadable, ..Review::default() };
    let (recording, orphan) = match recording {
        Ok(recording) => (Some(recording), None),
        Err(reason) => (None, Some(reason)),
    };
    let mut lines = Vec::new();
    for event in events {
        let label = anuraset::parse_label(&event.label);
        let class = classes.binary_search(&label.code).ok();
        let duration_s = recording.as_ref().map(|r| r.duration_s);
        let unused = event.problem.clone().or(label.unused).or_else(|| orphan.clone()).or_else(|| {
            let quality = label.quality.as_deref().unwrap_or_default();
            match (class, duration_s.flatten(), event.start_s) {
                (None, _, _) => Some(format!("{} is not among the classes", label.code)),
                (_, None, _) => Some("the recording cannot be read".to_owned()),
                (_, Some(end_s), Some(start_s)) if start_s >= end_s => {
                    Some(format!("begins at {start_s} s, after the recording's end at {end_s} s"))
                }
                _ if !qualities.is_empty() && !qualities.iter().any(|q| q == quality) => {
                    Some(format!("quality `{quality}` is not in annotate.qualities"))
                }
                _ => None,
            }
        });
        review.lines += 1;
        if let (None, Some(class), Some(start_s), Some(end_s)) = (&unused, class, event.start_s, event.end_s) {
            review.events.push((class, Interval { start_s, end_s }));
        }
        // The code of a broken line would be a guess.
        let code = (event.problem.is_none() && !label.code.is_empty()).then_some(label.code);
        lines.push(Line {
            file: path.to_owned(),
            recording_id: recording.as_ref().map(|r| r.id.clone()),
            class: class.filter(|_| code.is_some()).map(|i| classes[i].clone()),
            code,
            quality: label.quality.filter(|_| event.problem.is_none()),
            event,
            unused,
        });
    }
    if let Some(recording) = recording {
        recording.review = Some(review);
    }
    lines
}

fn write_annotations(cx: &UnitContext<'_>, lines: &[Line]) -> Result<(), WorkError> {
    cx.write("annotations", |batch| {
        batch
            .utf8(lines.iter().map(|l| &l.file))
            .u32(lines.iter().map(|l| l.event.line))
            .utf8(lines.iter().map(|l| l.recording_id.as_ref()))
            .utf8(lines.iter().map(|l| &l.event.label))
            .utf8(lines.iter().map(|l| l.code.as_ref()))
            .utf8(lines.iter().map(|l| l.class.as_ref()))
            .utf8(lines.iter().map(|l| l.quality.as_ref()))
            .f64(lines.iter().map(|l| l.event.start_s))
            .f64(lines.iter().map(|l| l.event.end_s))
            .f64(lines.iter().map(|l| l.event.low_hz))
            .f64(lines.iter().map(|l| l.event.high_hz))
            .bool(lines.iter().map(|l| l.unused.is_none()))
            .utf8(lines.iter().map(|l| l.unused.as_ref()))
    })?;
    Ok(())
}

fn write_reviews(cx: &UnitContext<'_>, recordings: &[Recording]) -> Result<(), WorkError> {
    let review = || recordings.iter().map(|r| r.review.as_ref());
    cx.write("reviews", |batch| {
        batch
            .utf8(recordings.iter().map(|r| &r.id))
            .bool(review().map(|r| r.is_some_and(|r| !r.unreadable)))
            .utf8(review().map(|r| r.map(|r| &r.file)))
            .u32(review().map(|r| r.map_or(0, |r| r.lines)))
            .u32(review().map(|r| r.map_or(0, |r| r.events.len() as u32)))
    })?;
    Ok(())
}

fn write_labels(cx: &UnitContext<'_>, recordings: &[Recording], classes: &[String], rule: Rule) -> Result<(), WorkError> {
    let by_id: BTreeMap<&str, &Recording> = recordings.iter().map(|r| (r.id.as_str(), r)).collect();
    let mut sink = cx.sink("labels", &[])?;
    let Some(segments) = cx.read("segments", &["segment_id", "recording_id", "start_s", "end_s"])? else {
        return Ok(sink.finish()?);
    };
    let (ids, of) = (segments.utf8("segment_id")?, segments.utf8("recording_id")?);
    let (starts, ends) = (segments.f64("start_s")?, segments.f64("end_s")?);
    let mut first = 0;
    while first < segments.rows() {
        let same = |row: &usize| of.value(*row) == of.value(first);
        let end = (first..segments.rows()).take_while(same).last().map_or(first + 1, |last| last + 1);
        let windows: Vec<Interval> =
            (first..end).map(|row| Interval { start_s: starts.value(row), end_s: ends.value(row) }).collect();
        let recording = by_id.get(of.value(first)).ok_or("segments name a recording that recordings lacks")?;
        let labels = window_labels(&windows, recording.review.as_ref().filter(|r| !r.unreadable), classes.len(), rule)
            .map_err(|e| format!("{}: {e}", recording.review.as_ref().map_or("", |r| r.file.as_str())))?;
        for from in (first..end).step_by(WINDOWS_PER_BATCH) {
            let rows = from..end.min(from + WINDOWS_PER_BATCH);
            let own = &labels[(rows.start - first) * classes.len()..(rows.end - first) * classes.len()];
            let pairs = || rows.clone().flat_map(|row| classes.iter().map(move |class| (row, class)));
            let batch = sink
                .builder()
                .utf8(pairs().map(|(row, _)| ids.value(row)))
                .utf8(pairs().map(|(row, _)| of.value(row)))
                .utf8(pairs().map(|(_, class)| class))
                .i32(own.iter().map(|label| label.map(|(positive, _)| i32::from(positive))))
                .f64(own.iter().map(|label| label.map(|(_, overlap_s)| overlap_s)))
                .build()?;
            sink.write(&batch)?;
        }
        first = end;
    }
    Ok(sink.finish()?)
}

/// Labels `[window, class]` of one recording: whether positive, and the seconds of overlap; `None` where nobody looked.
fn window_labels(
    windows: &[Interval],
    review: Option<&Review>,
    classes: usize,
    rule: Rule,
) -> Result<Vec<Option<(bool, f64)>>, LabelsError> {
    let Some(review) = review else { return Ok(vec![None; windows.len() * classes]) };
    let mut labels = vec![Some((false, 0.0)); windows.len() * classes];
    for label in label_windows(windows, &review.events, rule)? {
        labels[label.window * classes + label.class] = Some((label.positive, label.overlap_s));
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Vec<String> {
        ["BOAFAB", "DENMIN"].map(str::to_owned).to_vec()
    }

    fn recording(duration_s: Option<f64>) -> Recording {
        Recording { id: "r".into(), path: "raw_data/S/n.wav".into(), duration_s, review: None }
    }

    /// Why each line is not used.
    fn reasons(track: &str, recording: Result<&mut Recording, String>, qualities: &[&str]) -> Vec<Option<String>> {
        let qualities: Vec<String> = qualities.iter().map(|q| (*q).to_owned()).collect();
        account("f.txt", audacity::parse(track.as_bytes()), recording, &classes(), &qualities)
            .into_iter()
            .map(|l| l.unused)
            .collect()
    }

    #[test]
    fn every_line_is_used_or_says_why_not() {
        let mut own = recording(Some(60.0));
        let track = "0\t1\tBOAFAB_M\n1\t2\tBOAFAB_L\n1\t2\tUND\n61\t62\tDENMIN_M\n3\t2\tDENMIN_M\n1\t2\tDENMIN_FALSE\nrubbish\n";
        let found = reasons(track, Ok(&mut own), &["M"]);
        let wanted = [
            None,
            Some("quality `L`"),
            Some("UND is not among"),
            Some("after the recording's end"),
            Some("after its end"),
            Some("FALSE"),
            Some("1 field"),
        ];
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.as_deref().map_or(wanted.is_none(), |f| wanted.is_some_and(|w| f.contains(w))), "{found:?} {wanted:?}");
        }
        let review = own.review.unwrap();
        assert_eq!((review.lines, review.events), (7, vec![(0, Interval { start_s: 0.0, end_s: 1.0 })]));
    }

    #[test]
    fn lines_of_an_unreadable_or_missing_recording_are_kept_and_not_used() {
        let mut broken = recording(None);
        assert!(reasons("0\t1\tBOAFAB_M\n", Ok(&mut broken), &[])[0].as_deref().unwrap().contains("cannot be read"));
        assert_eq!(broken.review.unwrap().lines, 1);
        assert_eq!(reasons("0\t1\tBOAFAB_M\n", Err("no recording".into()), &[]), [Some("no recording".into())]);
    }

    #[test]
    fn a_file_without_a_line_that_can_be_read_is_no_review() {
        for (track, unreadable) in [("", false), ("\u{fffd}1\n", true), ("x\ty\tz\nw\n", true), ("rubbish\n0\t1\tUND\n", false)] {
            let mut own = recording(Some(60.0));
            reasons(track, Ok(&mut own), &[]);
            assert_eq!(own.review.unwrap().unreadable, unreadable, "{track:?}");
        }
    }

    #[test]
    fn nothing_heard_and_nobody_looked_are_not_the_same() {
        let windows = [Interval { start_s: 0.0, end_s: 3.0 }, Interval { start_s: 3.0, end_s: 6.0 }];
        let rule = Rule::Overlap { min_s: 0.5, min_fraction: 0.5 };
        assert_eq!(window_labels(&windows, None, 2, rule).unwrap(), [None; 4]);
        assert_eq!(window_labels(&windows, Some(&Review::default()), 2, rule).unwrap(), [Some((false, 0.0)); 4]);
        let review = Review { events: vec![(1, Interval { start_s: 2.9, end_s: 5.0 })], ..Review::default() };
        let labels = window_labels(&windows, Some(&review), 2, rule).unwrap();
        assert_eq!(labels.iter().map(|l| l.unwrap().0).collect::<Vec<_>>(), [false, false, false, true]);
        assert!((labels[1].unwrap().1 - 0.1).abs() < 1e-9);
    }
}
