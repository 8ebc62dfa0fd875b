//! What people said of detections: the verdicts of review sheets, for formats that tell a person's word from a model's.
//!
//! A verdict belongs to the detections of its class that its span overlaps. One yes confirms a detection. It takes a no on all of a
//! detection to refute it, since a sheet may have had only a part of it. Where a yes and a no are about the same time, people disagree,
//! and the detection stays the model's. A yes that overlaps no detection is an observation of its own; a no that does is none.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use chorus_archive::{Archive, Local};
use chorus_labels::error::LabelsError;
use chorus_labels::layouts::review::{Heard, NAME, PLACE, Verdict, sheets};

use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::ExportOption;
use super::run::Run;

/// The option of formats that hold verdicts.
pub(super) const SHEET: ExportOption = ExportOption {
    name: "sheet",
    value: "PATH",
    about: "a filled-in sheet of `chorus clips` or `chorus next`, or a folder of them, in place of those that the run's \
            annotate.review_sheets names",
};

/// Seconds by which the spans of a sheet may miss the ends of a detection: sheets have rounded times.
const TOLERANCE_S: f64 = 0.05;
/// What is counted of observations by people alone.
const ALONE: &str = "alone";
/// Faults of sheets that a note lists one by one.
const LISTED: usize = 3;

/// What people said of a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opinion {
    /// Nothing.
    Open,
    /// The class calls there.
    Confirmed,
    /// The class does not call in any of it.
    Refuted,
    /// Nobody could tell, or a part of it was refuted.
    Unsure,
    /// Somebody said yes and somebody no.
    Disputed,
}

/// What people said of a detection, and who confirmed or refuted it, where the sheet says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) opinion: Opinion,
    pub(super) listener: Option<String>,
}

/// What people said of a recording.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Judged {
    /// Of each of its detections, in their order.
    pub(super) said: Vec<Said>,
    /// What was heard where the model detected nothing, by start and class.
    pub(super) alone: Vec<Heard>,
}

/// The verdicts that no recording has claimed yet, and what became of the others.
#[derive(Default)]
pub(super) struct Verdicts {
    waiting: BTreeMap<String, Vec<Heard>>,
    faults: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
}

impl Verdicts {
    /// Reads the sheets at `sheet`, or else those of the run.
    ///
    /// # Errors
    /// [`ExportError::NoSheet`], [`ExportError::Sheet`].
    pub(super) fn read(run: &Run, sheet: Option<&Path>) -> Result<Self, ExportError> {
        let mut verdicts = Self::default();
        if let Some(path) = sheet {
            let path = std::path::absolute(path).map_err(ExportError::io(path, "cannot be found"))?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let folder = Local::new(path.parent().unwrap_or(&path));
            verdicts.add(&folder, &name, "--sheet")?;
            return Ok(verdicts);
        }
        let own = run.text("annotate.review_sheets");
        let is_layout = run.text("annotate.format") == Some(NAME);
        let as_labels = is_layout.then(|| run.text("annotate.folder").unwrap_or(PLACE));
        let places: Vec<&str> = own.into_iter().chain(as_labels.filter(|place| own != Some(*place))).collect();
        if places.is_empty() {
            return Ok(verdicts);
        }
        let Some(archive): Option<Arc<dyn Archive>> = run.sound().map_err(LabelsError::from)? else { return Ok(verdicts) };
        for place in places {
            verdicts.add(&*archive, place, "annotate.review_sheets, or name a copy of the sheets with --sheet")?;
        }
        Ok(verdicts)
    }

    fn add(&mut self, archive: &dyn Archive, place: &str, named: &'static str) -> Result<(), ExportError> {
        if archive.kind_of(place).map_err(LabelsError::from)?.is_none() {
            return Err(ExportError::NoSheet { path: archive.location(place), named });
        }
        for (file, read) in sheets(archive, place)? {
            match read {
                Ok(found) => {
                    self.faults.extend(found.unusable.iter().map(|fault| format!("{file}: {fault}")));
                    for heard in found.heard {
                        self.waiting.entry(heard.recording.clone()).or_default().push(heard);
                    }
                }
                Err(fault) => self.faults.push(format!("{file}: {fault}")),
            }
        }
        Ok(())
    }

    /// What people said of a recording, which is asked about once. What is withheld for speech, or not of the filter, is left out.
    pub(super) fn of(&mut self, run: &Run, filter: &Filter, recording: &Recording, detections: &[Detection]) -> Judged {
        let Some(mut heard) = self.waiting.remove(&recording.path) else {
            let open = Said { opinion: Opinion::Open, listener: None };
            return Judged { said: vec![open; detections.len()], alone: Vec::new() };
        };
        for one in &mut heard {
            one.end_s = one.end_s.min(recording.duration_s);
        }
        for one in heard.iter().filter(|one| one.start_s >= one.end_s) {
            let (path, end_s) = (&recording.path, recording.duration_s);
            self.faults.push(format!(
                "{path}: a verdict on {} from {} s is behind the recording's end at {end_s} s",
                one.class, one.start_s
            ));
        }
        heard.retain(|one| filter.takes_class(&one.class) && !run.withholds(&recording.id, &(one.start_s..one.end_s)));
        let judged = judge(detections, &heard);
        for said in &judged.said {
            let what = match said.opinion {
                Opinion::Open => continue,
                Opinion::Confirmed => "confirmed",
                Opinion::Refuted => "refuted",
                Opinion::Unsure => "left open, since nobody could tell or only a part of it was refuted",
                Opinion::Disputed => "left open, since people disagree",
            };
            *self.counts.entry(what).or_default() += 1;
        }
        *self.counts.entry(ALONE).or_default() += judged.alone.len() as u64;
        judged
    }

    /// What became of the verdicts, in sentences.
    pub(super) fn notes(self) -> Vec<String> {
        let mut notes = Vec::new();
        let of = |(what, n): (&&str, &u64)| format!("{n} {what}");
        let judged: Vec<String> = self.counts.iter().filter(|(what, n)| **what != ALONE && **n > 0).map(of).collect();
        if !judged.is_empty() {
            notes.push(format!("detections judged by people: {}", judged.join(", ")));
        }
        if let Some(n) = self.counts.get(ALONE).filter(|n| **n > 0) {
            notes.push(format!("{n} observations by people alone, where the model detected nothing"));
        }
        let waiting: usize = self.waiting.values().map(Vec::len).sum();
        if let Some(first) = self.waiting.keys().next() {
            notes.push(format!(
                "{waiting} verdicts are about recordings that are not in this export; the first is `{first}`, expected the path of a \
                 recording in the archive"
            ));
        }
        if !self.faults.is_empty() {
            let listed = self.faults.iter().take(LISTED).cloned().collect::<Vec<_>>().join("; ");
            let others = if self.faults.len() > LISTED { "; …" } else { "" };
            notes.push(format!("{} sheets or rows of sheets were not used: {listed}{others}", self.faults.len()));
        }
        notes
    }
}

fn judge(detections: &[Detection], heard: &[Heard]) -> Judged {
    let said = detections.iter().map(|detection| opinion(detection, heard)).collect();
    let is_detected = |one: &Heard| detections.iter().any(|d| *d.class == one.class && overlap(&(d.start_s..d.end_s), one));
    let is_disputed = |one: &Heard| {
        heard.iter().any(|other| other.verdict == Verdict::No && other.class == one.class && overlap(&span(one), other))
    };
    let is_alone = |one: &&Heard| {
        let one: &Heard = one;
        one.verdict == Verdict::Yes && one.start_s < one.end_s && !is_detected(one) && !is_disputed(one)
    };
    let mut alone: Vec<Heard> = heard.iter().filter(is_alone).cloned().collect();
    alone.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.end_s.total_cmp(&b.end_s)).then_with(|| a.class.cmp(&b.class)));
    // Several people may have heard the same clip.
    alone.dedup_by(|a, b| (&a.class, a.start_s, a.end_s) == (&b.class, b.start_s, b.end_s));
    Judged { said, alone }
}

fn span(heard: &Heard) -> Range<f64> {
    heard.start_s..heard.end_s
}

fn overlap(span: &Range<f64>, heard: &Heard) -> bool {
    heard.start_s < span.end && span.start < heard.end_s
}

fn opinion(detection: &Detection, heard: &[Heard]) -> Said {
    let own = detection.start_s..detection.end_s;
    let about = |verdict| -> Vec<&Heard> {
        let is = |one: &&Heard| one.verdict == verdict && *one.class == *detection.class && overlap(&own, one);
        heard.iter().filter(is).collect()
    };
    let (yes, no, unsure) = (about(Verdict::Yes), about(Verdict::No), about(Verdict::Unsure));
    let listener = |of: &[&Heard]| of.iter().find_map(|one| one.listener.clone());
    let said = |opinion, listener| Said { opinion, listener };
    if yes.iter().any(|one| no.iter().any(|other| overlap(&span(one), other))) {
        said(Opinion::Disputed, None)
    } else if !yes.is_empty() {
        said(Opinion::Confirmed, listener(&yes))
    } else if !no.is_empty() && covers(&no, &own) {
        said(Opinion::Refuted, listener(&no))
    } else if !no.is_empty() || !unsure.is_empty() {
        said(Opinion::Unsure, None)
    } else {
        said(Opinion::Open, None)
    }
}

/// Whether spans together cover all of another.
fn covers(parts: &[&Heard], whole: &Range<f64>) -> bool {
    let mut parts: Vec<Range<f64>> = parts.iter().map(|one| span(one)).collect();
    parts.sort_by(|a, b| a.start.total_cmp(&b.start));
    let reached = parts.iter().fold(whole.start, |at, part| if part.start <= at + TOLERANCE_S { at.max(part.end) } else { at });
    reached >= whole.end - TOLERANCE_S
}

#[cfg(test)]
mod tests {
    use super::super::detection::tests::detection_at;
    use super::*;

    fn heard(class: &str, start_s: f64, end_s: f64, verdict: Verdict) -> Heard {
        Heard { recording: "A/r.wav".into(), class: class.into(), start_s, end_s, verdict, listener: Some("Ada".into()) }
    }

    #[test]
    fn one_yes_confirms_and_only_a_no_on_all_of_it_refutes() {
        use Verdict::{No, Unsure, Yes};
        // From 3 to 6 s.
        let found = [detection_at("FROG", 3.0, 0.9)];
        let opinion = |of: &[(f64, f64, Verdict)]| {
            let of: Vec<Heard> = of.iter().map(|(start_s, end_s, verdict)| heard("FROG", *start_s, *end_s, *verdict)).collect();
            judge(&found, &of).said[0].clone()
        };
        assert_eq!(opinion(&[]), Said { opinion: Opinion::Open, listener: None });
        assert_eq!(opinion(&[(5.0, 8.0, Yes)]), Said { opinion: Opinion::Confirmed, listener: Some("Ada".into()) });
        assert_eq!(opinion(&[(3.0, 4.0, Yes), (4.0, 6.0, No)]).opinion, Opinion::Confirmed);
        assert_eq!(opinion(&[(3.0, 6.0, Yes), (4.0, 5.0, No)]).opinion, Opinion::Disputed);
        assert_eq!(opinion(&[(3.0, 6.0, No)]).opinion, Opinion::Refuted);
        assert_eq!(opinion(&[(4.5, 7.0, No), (0.0, 4.5, No)]).opinion, Opinion::Refuted);
        assert_eq!(opinion(&[(3.0, 5.0, No)]).opinion, Opinion::Unsure);
        assert_eq!(opinion(&[(3.0, 6.0, Unsure)]).opinion, Opinion::Unsure);
        assert_eq!(opinion(&[(6.0, 9.0, No), (0.0, 3.0, Yes)]).opinion, Opinion::Open, "beside it");
        let other = judge(&found, &[heard("TOAD", 3.0, 6.0, No)]);
        assert_eq!((other.said[0].opinion, other.alone.len()), (Opinion::Open, 0));
    }

    #[test]
    fn what_only_people_heard_is_an_observation_once() {
        use Verdict::{No, Yes};
        let found = [detection_at("FROG", 3.0, 0.9)];
        let of = [
            heard("TOAD", 3.0, 6.0, Yes),
            heard("TOAD", 3.0, 6.0, Yes),
            heard("FROG", 4.0, 7.0, Yes),
            heard("FROG", 9.0, 12.0, Yes),
            heard("NEWT", 0.0, 3.0, Yes),
            heard("NEWT", 1.0, 2.0, No),
        ];
        let alone: Vec<_> = judge(&found, &of).alone.into_iter().map(|one| (one.class, one.start_s)).collect();
        assert_eq!(alone, [("TOAD".to_owned(), 3.0), ("FROG".to_owned(), 9.0)]);
    }
}
