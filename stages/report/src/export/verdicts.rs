//! What people said of detections and of spans: the verdicts of review sheets, for formats that tell a person's word from a model's.
//!
//! [`chorus_labels::verdicts`] has the rule by which they count. Verdicts on classes that the run does not have are told and left out, since
//! nobody knows what they name. A yes that overlaps no detection is an observation of its own; a no that does is none.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use chorus_archive::Archive;
use chorus_engine::counted;
use chorus_labels::error::LabelsError;
use chorus_labels::judge::outside;
use chorus_labels::layouts::review::{self, NAME, PLACE, Sheets, Verdict, sheets};
use chorus_labels::verdicts::{self, Given, Heard, Opinion, copies, find_recording, latest, meets, opinion, standing};

use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::ExportOption;
use super::run::Run;
use crate::sheets::at;

/// The option of formats that hold verdicts.
pub(super) const SHEET: ExportOption = ExportOption {
    name: "sheet",
    value: "PATH",
    about: "a filled-in sheet of `chorus clips` or `chorus next`, or a folder of them, in place of those that the run's \
            annotate.review_sheets names",
};

/// What is counted of observations by people alone.
const ALONE: &str = "alone";
/// Classes that a note names one by one.
const LISTED: usize = 5;

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
    /// By the path of their recording, in the order in which they were given.
    waiting: BTreeMap<String, Vec<Heard>>,
    /// Those of which no recording is found, with the reason.
    unfound: Vec<(Heard, String)>,
    /// Those on classes that the run does not have.
    strange: Vec<Heard>,
    faults: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
}

impl Verdicts {
    /// Reads the sheets at `sheet`, or else those of the run, of the classes that the run has.
    ///
    /// # Errors
    /// [`ExportError::NoSheet`], [`ExportError::Sheet`]; [`ExportError::Nothing`] where `sheet` names no sheet.
    pub(super) fn read(run: &Run, sheet: Option<&Path>) -> Result<Self, ExportError> {
        let given = match sheet {
            Some(path) => named(path)?,
            None => Given::of(own(run)?),
        };
        let all = if given.heard.is_empty() { Vec::new() } else { run.all_recordings()? };
        let (paths, copies): (Vec<&str>, _) = (all.iter().map(|(_, path, _)| path.as_str()).collect(), copies(&all));
        Ok(Self::of(given, &run.known_classes()?, find_recording(&paths, &copies)))
    }

    /// `find` gives the path of the recording that a sheet names, or why there is none.
    fn of(given: Given, known: &BTreeSet<Arc<str>>, find: impl Fn(&str) -> Result<String, String>) -> Self {
        let mut verdicts = Self { faults: given.faults, ..Self::default() };
        for heard in given.heard {
            if !known.contains(heard.class.as_str()) {
                verdicts.strange.push(heard);
                continue;
            }
            match find(&heard.recording) {
                Ok(recording) => {
                    verdicts.waiting.entry(recording.clone()).or_default().push(Heard { recording, ..heard });
                }
                Err(reason) => verdicts.unfound.push((heard, reason)),
            }
        }
        verdicts
    }

    /// The verdicts on a recording in the order in which they were given. It is asked about once. What is withheld for speech, or not of the
    /// filter, is left out.
    pub(super) fn take(&mut self, run: &Run, filter: &Filter, recording: &Recording) -> Vec<Heard> {
        let Some(given) = self.waiting.remove(&recording.path) else { return Vec::new() };
        let (mut heard, faults) = within(given, recording.duration_s);
        self.faults.extend(faults);
        heard.retain(|one| filter.takes_class(&one.class));
        for one in &mut heard {
            one.end_s = one.end_s.min(recording.duration_s);
        }
        heard.retain(|one| !run.withholds(&recording.id, &one.span_s()));
        heard
    }

    /// What people said of a recording, which is asked about once.
    pub(super) fn judge(&mut self, run: &Run, filter: &Filter, recording: &Recording, detections: &[Detection]) -> Judged {
        let judged = judge(detections, &self.take(run, filter, recording));
        for said in &judged.said {
            let what = match said.opinion {
                Opinion::Open => continue,
                Opinion::Confirmed => "confirmed",
                Opinion::Refuted => "refuted",
                Opinion::Unsure => "left open, since nobody could tell or only a part of it was refuted",
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
        // Verdicts that later ones replace count for nothing here either.
        let unfound = latest(self.unfound, |(one, _)| (one.recording.as_str(), one.class.as_str(), one.span_s()));
        if let Some((first, reason)) = unfound.iter().map(|(one, reason)| (&one.recording, reason)).min() {
            notes.push(format!(
                "{} about recordings that are not in this export; the first is `{first}`: {reason}; expected the path of a recording in \
                 the archive",
                these(unfound.len())
            ));
        }
        let waiting: Vec<Heard> = self.waiting.into_values().flat_map(standing).collect();
        if let Some(first) = waiting.first() {
            notes.push(format!(
                "{} about recordings that this export leaves out; the first is `{}`, which is of another site or cannot be read",
                these(waiting.len()),
                first.recording
            ));
        }
        let strange = standing(self.strange);
        if !strange.is_empty() {
            let mut by_class: BTreeMap<&str, u64> = BTreeMap::new();
            strange.iter().for_each(|one| *by_class.entry(&one.class).or_default() += 1);
            let list: Vec<String> = by_class.iter().take(LISTED).map(|(class, n)| format!("{class} ({n})")).collect();
            let others = if by_class.len() > LISTED { ", …" } else { "" };
            notes.push(format!(
                "{} left out, because the run does not have their classes: {}{others}; correct the column class of the \
                 sheet, or add the class to the model with `chorus enroll`",
                these(strange.len()),
                list.join(", ")
            ));
        }
        notes.extend(verdicts::told(&self.faults));
        notes
    }
}

/// The verdicts on a recording of this length, in seconds, that no later one replaces, and what is wrong with those that lie outside of it.
/// These replace none.
fn within(given: Vec<Heard>, duration_s: f64) -> (Vec<Heard>, Vec<String>) {
    let (mut heard, mut faults) = (Vec::new(), Vec::new());
    for one in given {
        match outside(&one.span_s(), duration_s) {
            Some(unused) => faults.push(format!("{}: a verdict on {} {}", one.recording, one.class, unused.reason)),
            None => heard.push(one),
        }
    }
    (standing(heard), faults)
}

/// The sheets that a person names.
fn named(path: &Path) -> Result<Given, ExportError> {
    let missing = || ExportError::NoSheet { path: path.display().to_string(), named: "--sheet" };
    let given = Given::of(at(path, review::verdicts)?.ok_or_else(missing)?);
    if given.sheets == 0 {
        let none = "the folder has no .csv or .tsv; name a sheet with verdicts, or a folder of them";
        let what = given.faults.into_iter().next().unwrap_or_else(|| format!("{}: {none}", path.display()));
        return Err(ExportError::Nothing { what });
    }
    Ok(given)
}

/// The sheets that the run takes as labels, in the order in which it takes them.
fn own(run: &Run) -> Result<Sheets, ExportError> {
    let is_layout = run.text("annotate.format") == Some(NAME);
    let as_labels = is_layout.then(|| run.text("annotate.folder").unwrap_or(PLACE));
    let beside = run.text("annotate.review_sheets");
    let mut found = Sheets::new();
    if as_labels.or(beside).is_none() {
        return Ok(found);
    }
    let Some(archive): Option<Arc<dyn Archive>> = run.sound().map_err(LabelsError::from)? else { return Ok(found) };
    let read = |place: Option<&str>| -> Result<Sheets, ExportError> {
        let Some(place) = place else { return Ok(Sheets::new()) };
        if archive.kind_of(place).map_err(LabelsError::from)?.is_none() {
            let named = "annotate.review_sheets, or name a copy of the sheets with --sheet";
            return Err(ExportError::NoSheet { path: archive.location(place), named });
        }
        Ok(sheets(&*archive, place, review::verdicts)?)
    };
    let beside = read(beside)?;
    // A sheet that both name counts once, as annotate has it.
    let twice: BTreeSet<&String> = beside.iter().map(|(file, _)| file).collect();
    found.extend(read(as_labels)?.into_iter().filter(|(file, _)| !twice.contains(file)));
    found.extend(beside);
    Ok(found)
}

fn judge(detections: &[Detection], heard: &[Heard]) -> Judged {
    let said = |detection: &Detection| {
        let (opinion, by) = opinion(heard, &detection.class, &span_s(detection));
        Said { opinion, listener: by.and_then(|one| one.listener.clone()) }
    };
    let is_detected = |one: &Heard| detections.iter().any(|d| *d.class == *one.class && meets(&span_s(d), &one.span_s()));
    let is_alone = |one: &&Heard| {
        let one: &Heard = one;
        let stands = || opinion(heard, &one.class, &one.span_s()).0 == Opinion::Confirmed;
        one.verdict == Verdict::Yes && !is_detected(one) && stands()
    };
    let mut alone: Vec<Heard> = heard.iter().filter(is_alone).cloned().collect();
    alone.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.end_s.total_cmp(&b.end_s)).then_with(|| a.class.cmp(&b.class)));
    Judged { said: detections.iter().map(said).collect(), alone }
}

fn span_s(detection: &Detection) -> Range<f64> {
    detection.start_s..detection.end_s
}

/// `1 verdict is`, `2 verdicts are`
fn these(n: usize) -> String {
    format!("{} {}", counted(n, "verdict"), if n == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::super::detection::tests::detection_at;
    use super::*;

    fn heard(class: &str, start_s: f64, end_s: f64, verdict: Verdict) -> Heard {
        Heard { recording: "A/r.wav".into(), class: class.into(), start_s, end_s, verdict, listener: Some("Ada".into()) }
    }

    #[test]
    fn a_detection_is_as_a_person_said_last() {
        use Verdict::{No, Unsure, Yes};
        // From 3 to 6 s.
        let found = [detection_at("FROG", 3.0, 0.9)];
        let said = |of: &[(f64, f64, Verdict)]| {
            let of: Vec<Heard> = of.iter().map(|(start_s, end_s, verdict)| heard("FROG", *start_s, *end_s, *verdict)).collect();
            judge(&found, &of).said[0].clone()
        };
        assert_eq!(said(&[]), Said { opinion: Opinion::Open, listener: None });
        assert_eq!(said(&[(5.0, 8.0, Yes)]), Said { opinion: Opinion::Confirmed, listener: Some("Ada".into()) });
        assert_eq!(said(&[(0.0, 60.0, Yes), (3.0, 6.0, No)]), Said { opinion: Opinion::Refuted, listener: Some("Ada".into()) });
        assert_eq!(said(&[(3.0, 6.0, Unsure)]).opinion, Opinion::Unsure);
        let other = judge(&found, &[heard("TOAD", 3.0, 6.0, No)]);
        assert_eq!((other.said[0].opinion, other.alone.len()), (Opinion::Open, 0));
    }

    #[test]
    fn what_only_people_heard_is_an_observation() {
        use Verdict::{No, Yes};
        let found = [detection_at("FROG", 3.0, 0.9)];
        let of = [
            heard("TOAD", 3.0, 6.0, Yes),
            heard("FROG", 4.0, 7.0, Yes),
            heard("FROG", 9.0, 12.0, Yes),
            heard("NEWT", 1.0, 2.0, Yes),
            heard("NEWT", 0.5, 3.0, No),
        ];
        let alone: Vec<_> = judge(&found, &of).alone.into_iter().map(|one| (one.class, one.start_s)).collect();
        assert_eq!(alone, [("TOAD".to_owned(), 3.0), ("FROG".to_owned(), 9.0)]);
    }

    #[test]
    fn verdicts_on_a_copy_are_on_its_original_and_what_is_unknown_is_told() {
        let (yes, no) = (heard("FROG", 0.0, 3.0, Verdict::Yes), heard("FROG", 0.0, 3.0, Verdict::No));
        let named = |name: &str, one: &Heard| Heard { recording: name.into(), ..one.clone() };
        let of = vec![
            named("A/r.wav", &yes),
            named("A/more/r.wav", &no),
            named(r"D:\survey\B\s.wav", &yes),
            named("nowhere.wav", &yes),
            named("nowhere.wav", &no),
        ];
        let row = |id: &str, path: &str, of: Option<&str>| (id.to_owned(), path.to_owned(), of.map(str::to_owned));
        let all = [row("r", "A/r.wav", None), row("c", "A/more/r.wav", Some("r")), row("s", "B/s.wav", None)];
        let (paths, copies): (Vec<&str>, _) = (all.iter().map(|(_, path, _)| path.as_str()).collect(), copies(&all));
        let given = Given { heard: of, faults: Vec::new(), sheets: 1 };
        let mut verdicts = Verdicts::of(given, &["FROG"].map(Arc::<str>::from).into(), find_recording(&paths, &copies));
        let (standing, faults) = within(verdicts.waiting.remove("A/r.wav").unwrap(), 60.0);
        assert_eq!((standing, faults), (vec![named("A/r.wav", &no)], Vec::new()), "the later one, on the copy, counts");
        let notes = verdicts.notes();
        assert!(
            notes[0].starts_with(
                "1 verdict is about recordings that are not in this export; the first is `nowhere.wav`: no recording"
            )
        );
        assert!(
            notes[1].starts_with("1 verdict is about recordings that this export leaves out; the first is `B/s.wav`"),
            "{notes:?}"
        );
    }

    #[test]
    fn a_verdict_behind_the_end_of_its_recording_replaces_none() {
        let of = vec![heard("FROG", 59.98, 62.98, Verdict::Yes), heard("FROG", 60.0, 63.0, Verdict::No)];
        let (standing, faults) = within(of.clone(), 60.0);
        assert_eq!(standing, of[..1]);
        assert_eq!(faults, ["A/r.wav: a verdict on FROG begins at 60 s, after the recording's end at 60 s"]);
        assert_eq!(within(of.clone(), 70.0), (of[1..].to_vec(), Vec::new()));
    }

    #[test]
    fn classes_that_the_run_does_not_have_are_told_and_left_out() {
        let of = vec![
            heard("FROG", 0.0, 3.0, Verdict::Yes),
            heard("FORG", 0.0, 3.0, Verdict::Yes),
            heard("FORG", 3.0, 6.0, Verdict::No),
        ];
        let given = Given { heard: of, faults: vec!["a.csv, line 9: no class is named".into()], sheets: 1 };
        let named = |name: &str| Ok(name.to_owned());
        let verdicts = Verdicts::of(given, &["FROG", "TOAD"].map(Arc::<str>::from).into(), named);
        assert_eq!(verdicts.waiting["A/r.wav"].iter().map(|one| one.class.as_str()).collect::<Vec<_>>(), ["FROG"]);
        let notes = verdicts.notes();
        let has = |part: &str| notes.iter().any(|note| note.contains(part));
        assert!(has("2 verdicts are left out, because the run does not have their classes: FORG (2); correct"), "{notes:?}");
        assert!(has("1 sheet or row of a sheet was not used: a.csv, line 9: no class is named"), "{notes:?}");
    }
}
