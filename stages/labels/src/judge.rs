//! Which events are used for labels, and why the others are not.

use std::collections::BTreeMap;
use std::ops::Range;

use chorus_clock::Clock;

use crate::codes::{CodeTable, near};
use crate::event::{Event, Extent};
use crate::joined::{SEPARATOR_KEY, separator_in};
use crate::label::{Label, LabelText};
use crate::overlap::Interval;
use crate::text::{cleaned, composed};

/// The recording of an annotation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnnotatedRecording {
    /// `recording_id`.
    pub id: String,
    /// Path relative to the archive.
    pub path: String,
    /// Length in seconds; `None` when the recording cannot be read.
    pub duration_s: Option<f64>,
    /// Number of channels; `None` when the recording cannot be read.
    pub channels: Option<u32>,
    /// When it began; `None` where that is not known.
    pub clock: Option<Clock>,
}

/// Why an event is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// The whole reason.
    pub reason: String,
    /// The reason without times and names of files, so that equal kinds can be counted together.
    pub kind: String,
    /// The channel that the event was marked in, from 1, where it is not used because another one is listened to.
    pub elsewhere: Option<u32>,
}

/// A row of the table `annotations`.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnotationRow {
    /// The annotation file.
    pub file: String,
    /// The recording, where one was found.
    pub recording_id: Option<String>,
    /// The event as the file has it.
    pub event: Event,
    /// The code of its label.
    pub code: Option<String>,
    /// Position of its class among the classes of the run.
    pub class: Option<usize>,
    /// The annotator's quality mark.
    pub quality: Option<String>,
    /// Why it is not used; `None` where it is used.
    pub unused: Option<Unused>,
}

/// The rules by which events are used or not.
#[derive(Debug, Clone)]
pub struct Judge {
    /// How label texts are written.
    pub label_text: LabelText,
    /// The class of each code; without a table each code is its own class.
    pub codes: Option<CodeTable>,
    /// The classes of the run, sorted.
    pub classes: Vec<String>,
    /// Quality marks that are used; empty for all.
    pub qualities: Vec<String>,
    /// The channel that is listened to, from 1; `None` where channels are mixed.
    pub channel: Option<u32>,
}

impl Judge {
    /// Judges one event of a file. `recording` is the event's recording, or why none was found.
    pub fn row(&self, file: &str, event: Event, recording: Result<&AnnotatedRecording, &str>) -> AnnotationRow {
        let event = if event.extent != Extent::Nothing && event.problem.is_none() && cleaned(&event.label).is_empty() {
            // Nothing that anybody can see.
            Event { label: String::new(), ..event }.or_problem(Some("no label".to_owned()))
        } else {
            event
        };
        let label = match (event.extent, event.verdict) {
            (Extent::Nothing, _) => Label::none(),
            // Review sheets name classes, also where the labels of other files are written in another way.
            (_, Some(_)) => LabelText::Plain.parse(&event.label),
            _ => self.label_text.parse(&event.label),
        };
        let quality = event.quality.clone().or(label.quality).filter(|_| event.problem.is_none());
        // The label of a line with a problem may hold anything.
        let code = Some(label.code).filter(|code| event.problem.is_none() && !code.is_empty());
        let class = code.as_deref().map(|code| if event.verdict.is_some() { self.known(code) } else { self.class(code) });
        let unused = broken(&event)
            .or_else(|| label.unused.map(|reason| Unused::same(&reason)))
            .or_else(|| recording.err().map(|reason| Unused::new(reason, "no recording is found")))
            .or_else(|| class.as_ref().and_then(|class| class.as_ref().err()).map(|reason| Unused::same(reason)))
            .or_else(|| self.misplaced(&event, quality.as_deref(), recording.ok()?))
            .or_else(|| self.elsewhere(&event, recording.ok()?));
        AnnotationRow {
            file: file.to_owned(),
            recording_id: recording.ok().map(|recording| recording.id.clone()),
            class: class.and_then(Result::ok),
            code,
            quality,
            event,
            unused,
        }
    }

    /// The class of a code, by position.
    fn class(&self, code: &str) -> Result<usize, String> {
        self.class_of(code).map_err(|reason| {
            // What the table knows is one label, also where it drops it.
            let is_whole = self.codes.as_ref().is_some_and(|codes| codes.has(code));
            match separator_in(code, |part| self.class_of(part).is_ok()).filter(|_| !is_whole) {
                Some(separator) => {
                    format!("{reason}; where the field holds several labels, set {SEPARATOR_KEY} to {separator:?}")
                }
                None => reason,
            }
        })
    }

    /// The same, without a thought for several labels.
    fn class_of(&self, code: &str) -> Result<usize, String> {
        self.known(self.codes.as_ref().map_or(Ok(code), |codes| codes.class(code))?)
    }

    /// The position of a class.
    fn known(&self, class: &str) -> Result<usize, String> {
        let position = self.classes.binary_search_by(|known| known.as_str().cmp(class));
        position.map_err(|_| format!("{class} is not among the classes{}", near(class, self.classes.iter())))
    }

    /// Why an event with a class is not used for its recording.
    fn misplaced(&self, event: &Event, quality: Option<&str>, recording: &AnnotatedRecording) -> Option<Unused> {
        let Some(duration_s) = recording.duration_s else { return Some(Unused::same("the recording cannot be read")) };
        let span_s = event.start_s.zip(event.end_s).map(|(start_s, end_s)| start_s..end_s);
        if let Some(unused) = span_s.and_then(|span_s| outside(&span_s, duration_s)) {
            return Some(unused);
        }
        let quality = quality.unwrap_or_default();
        let is_marked = event.extent != Extent::Nothing && event.verdict.is_none();
        let is_used = !is_marked || self.qualities.is_empty() || self.qualities.iter().any(|q| composed(q) == composed(quality));
        (!is_used).then(|| Unused::same(&format!("quality `{quality}` is not in annotate.qualities")))
    }

    /// Why an event is not used that was marked in another channel than the one that is listened to.
    fn elsewhere(&self, event: &Event, recording: &AnnotatedRecording) -> Option<Unused> {
        let (own, marked) = self.channel.zip(event.channel)?;
        let reason = || format!("marked in channel {marked}, and archive.channel takes channel {own}");
        let is_elsewhere = recording.has_several_channels() && own != marked;
        is_elsewhere.then(|| Unused { elsewhere: Some(marked), ..Unused::same(&reason()) })
    }
}

impl AnnotatedRecording {
    /// Whether its events may be of one channel alone.
    pub(crate) fn has_several_channels(&self) -> bool {
        self.channels.is_some_and(|channels| channels > 1)
    }
}

/// Why a span, in seconds, has no part in a recording of this length; `None` where it has one.
pub fn outside(span_s: &Range<f64>, duration_s: f64) -> Option<Unused> {
    let Range { start: start_s, end: end_s } = *span_s;
    if start_s >= duration_s {
        let reason = format!("begins at {start_s} s, after the recording's end at {duration_s} s");
        return Some(Unused::new(&reason, "begins after the recording's end"));
    }
    let is_before = end_s < 0.0 || end_s == 0.0 && start_s < 0.0;
    let reason = || format!("ends at {end_s} s, before the recording's start");
    is_before.then(|| Unused::new(&reason(), "ends before the recording's start"))
}

/// Why an event cannot be used for any recording.
fn broken(event: &Event) -> Option<Unused> {
    let problem = event.problem.as_deref()?;
    let has_times = event.start_s.is_some() && event.end_s.is_some() || event.moments.is_some();
    let kind = if has_times { without_numbers(problem) } else { "the line cannot be read".to_owned() };
    Some(Unused::new(problem, &kind))
}

/// A sentence with `…` for each number and for what it quotes.
fn without_numbers(text: &str) -> String {
    let is_number = |word: &str| word.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit());
    let unquoted: Vec<&str> = text.split('`').enumerate().map(|(at, part)| if at % 2 == 1 { "…" } else { part }).collect();
    unquoted.join("`").split(' ').map(|word| if is_number(word) { "…" } else { word }).collect::<Vec<_>>().join(" ")
}

impl Unused {
    fn new(reason: &str, kind: &str) -> Self {
        Self { reason: reason.to_owned(), kind: kind.to_owned(), elsewhere: None }
    }

    fn same(reason: &str) -> Self {
        Self::new(reason, reason)
    }
}

/// A verdict of a review sheet on a class in a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanVerdict {
    /// The class, by position.
    pub class: usize,
    /// The span.
    pub span: Interval,
    /// Whether the class is there.
    pub is_there: bool,
    /// Whether the clip was chosen to listen to, and so stands for no others.
    pub is_chosen: bool,
}

/// What annotation files say about a recording: whether somebody listened, and what was heard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Review {
    /// The annotation files of the recording, in order.
    pub files: Vec<String>,
    /// Number of their events of the recording.
    pub lines: u32,
    /// Whether a file holds everything that was heard in the recording. Review sheets hold verdicts on single spans.
    pub is_complete: bool,
    /// Number of events of complete files.
    pub complete_lines: u32,
    /// Number of those events that cannot be read.
    pub broken: u32,
    /// Number of events that are used.
    pub used: u32,
    /// Class (by position) and time of each used event.
    pub events: Vec<(usize, Interval)>,
    /// Class and time of each used event of the whole recording.
    pub whole: Vec<(usize, Interval)>,
    /// Time of each event of a complete file that has no label: something is there, and nobody said what.
    pub unidentified: Vec<Interval>,
    /// Class and time of each event that is only known to be in a channel that nobody listens to.
    pub elsewhere: Vec<(usize, Interval)>,
    /// The verdicts, in the order in which they count.
    pub verdicts: Vec<SpanVerdict>,
}

impl Review {
    /// The review of a recording in which nothing was heard.
    pub fn of_silence() -> Self {
        Self { is_complete: true, ..Self::default() }
    }

    /// Whether everything that was heard is known. A file with lines of which none can be read is no review.
    pub fn is_readable(&self) -> bool {
        self.is_complete && (self.complete_lines == 0 || self.broken < self.complete_lines)
    }

    /// Whether anything is known of the recording.
    pub fn is_reviewed(&self) -> bool {
        self.is_readable() || !self.verdicts.is_empty()
    }

    /// Adds an event of the recording, which is `duration_s` seconds long.
    fn add(&mut self, line: &AnnotationRow, duration_s: Option<f64>, is_complete: bool) {
        self.lines += 1;
        if is_complete {
            self.complete_lines += 1;
            self.broken += u32::from(line.event.problem.is_some());
        }
        let span = line.event.start_s.zip(line.event.end_s);
        if let Some(unused) = &line.unused {
            let marked = line.class.zip(span).filter(|_| unused.elsewhere.is_some());
            self.elsewhere.extend(marked.map(|(class, (start_s, end_s))| (class, Interval { start_s, end_s })));
            let is_unidentified = is_complete && line.event.label.is_empty() && line.event.extent == Extent::Span;
            let span = span.filter(|(start_s, end_s)| is_unidentified && start_s <= end_s);
            self.unidentified.extend(span.map(|(start_s, end_s)| Interval { start_s, end_s }));
            return;
        }
        self.used += 1;
        if let (Some(is_there), Some(class), Some((start_s, end_s))) = (line.event.verdict, line.class, span) {
            let (span, is_chosen) = (Interval { start_s, end_s }, line.event.is_chosen);
            self.verdicts.push(SpanVerdict { class, span, is_there, is_chosen });
            return;
        }
        let (events, span) = match line.event.extent {
            Extent::Span => (&mut self.events, span),
            Extent::Whole => (&mut self.whole, duration_s.map(|end_s| (0.0, end_s))),
            Extent::Nothing => return,
        };
        if let (Some(class), Some((start_s, end_s))) = (line.class, span) {
            // What lies outside of the recording nobody heard: it is no part of the event's length.
            let end_s = duration_s.map_or(end_s, |duration_s| end_s.min(duration_s));
            events.push((class, Interval { start_s: start_s.max(0.0), end_s }));
        }
    }
}

/// Adds the events that one file has of one recording to the recording's review, and returns the rows of `annotations`.
/// `is_complete` is whether the file holds everything that was heard.
pub fn account(
    judge: &Judge,
    file: &str,
    events: Vec<Event>,
    recording: Result<&AnnotatedRecording, &str>,
    reviews: &mut BTreeMap<String, Review>,
    is_complete: bool,
) -> Vec<AnnotationRow> {
    let rows: Vec<AnnotationRow> = events.into_iter().map(|event| judge.row(file, event, recording)).collect();
    if let Ok(recording) = recording {
        let review = reviews.entry(recording.id.clone()).or_default();
        if review.files.last().is_none_or(|last| last != file) {
            review.files.push(file.to_owned());
        }
        review.is_complete |= is_complete;
        for row in &rows {
            review.add(row, recording.duration_s, is_complete);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layouts::audacity;

    fn judge(qualities: &[&str]) -> Judge {
        Judge {
            label_text: LabelText::CodeQuality,
            codes: None,
            classes: ["BOAFAB", "DENMIN"].map(str::to_owned).to_vec(),
            qualities: qualities.iter().map(|q| (*q).to_owned()).collect(),
            channel: None,
        }
    }

    fn recording(duration_s: Option<f64>) -> AnnotatedRecording {
        AnnotatedRecording { id: "r".into(), path: "raw_data/S/n.wav".into(), duration_s, ..Default::default() }
    }

    /// Why each line is not used, and the review.
    fn judged(track: &str, recording: Result<&AnnotatedRecording, &str>, judge: &Judge) -> (Vec<Option<String>>, Review) {
        let mut reviews = BTreeMap::new();
        let lines = account(judge, "f.txt", audacity::parse(track.as_bytes()), recording, &mut reviews, true);
        (lines.into_iter().map(|l| l.unused.map(|u| u.reason)).collect(), reviews.remove("r").unwrap_or_default())
    }

    #[test]
    fn every_line_is_used_or_says_why_not() {
        let track = "0\t1\tBOAFAB_M\n1\t2\tBOAFAB_L\n1\t2\tUND\n61\t62\tDENMIN_M\n3\t2\tDENMIN_M\n1\t2\tDENMIN_FALSE\nrubbish\n1\t2\tDENMYN_M\n";
        let (found, review) = judged(track, Ok(&recording(Some(60.0))), &judge(&["M"]));
        let wanted = [
            None,
            Some("quality `L`"),
            Some("UND is not among"),
            Some("after the recording's end"),
            Some("after its end"),
            Some("FALSE"),
            Some("1 field"),
            Some("did you mean DENMIN?"),
        ];
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.as_deref().map_or(wanted.is_none(), |f| wanted.is_some_and(|w| f.contains(w))), "{found:?} {wanted:?}");
        }
        assert_eq!((review.lines, review.used, review.broken), (8, 1, 2));
        assert_eq!(review.events, [(0, Interval { start_s: 0.0, end_s: 1.0 })]);
    }

    #[test]
    fn an_event_has_to_touch_its_recording() {
        let (found, review) = judged(
            "-3\t-1\tBOAFAB\n-3\t0\tBOAFAB\n-3\t1\tBOAFAB\n0\t0\tBOAFAB\n8\t11\tBOAFAB\n9\t11\tBOAFAB\n",
            Ok(&recording(Some(9.0))),
            &judge(&[]),
        );
        let found: Vec<bool> = found.iter().map(Option::is_none).collect();
        assert_eq!((found, review.used), (vec![false, false, true, true, true, false], 3));
    }

    #[test]
    fn an_event_in_a_channel_that_nobody_listens_to_is_not_used() {
        let marked = |line, channel| Event { channel, ..Event::timed(line, "1", "2", "BOAFAB") };
        let of = |channels, channel| {
            let own = AnnotatedRecording { channels, ..recording(Some(9.0)) };
            let (judge, mut reviews) = (Judge { channel, ..judge(&[]) }, BTreeMap::new());
            let events = vec![marked(2, Some(1)), marked(3, Some(2)), marked(4, None)];
            let rows = account(&judge, "t.csv", events, Ok(&own), &mut reviews, true);
            let elsewhere: Vec<u32> = rows.iter().filter_map(|row| row.unused.as_ref()?.elsewhere).collect();
            let review = reviews.remove("r").unwrap();
            assert_eq!(review.elsewhere.len(), elsewhere.len());
            (elsewhere, review.used, review.is_readable())
        };
        assert_eq!(of(Some(2), Some(1)), (vec![2], 2, true));
        assert_eq!(of(Some(2), Some(2)), (vec![1], 2, true));
        assert_eq!(of(Some(2), None), (vec![], 3, true), "channels are mixed");
        assert_eq!(of(Some(1), Some(1)), (vec![], 3, true), "there is one channel, whatever the table says");
    }

    #[test]
    fn an_event_ends_where_its_recording_does() {
        let (_, review) = judged("-3\t1\tBOAFAB\n8\t11\tBOAFAB\n2\t3\tBOAFAB\n", Ok(&recording(Some(9.0))), &judge(&[]));
        let spans: Vec<_> = review.events.iter().map(|(_, span)| (span.start_s, span.end_s)).collect();
        assert_eq!(spans, [(0.0, 1.0), (8.0, 9.0), (2.0, 3.0)]);
    }

    #[test]
    fn lines_of_an_unreadable_or_missing_recording_are_kept_and_not_used() {
        let (found, review) = judged("0\t1\tBOAFAB_M\n", Ok(&recording(None)), &judge(&[]));
        assert!(found[0].as_deref().unwrap().contains("cannot be read"));
        assert_eq!(review.lines, 1);
        assert_eq!(judged("0\t1\tBOAFAB_M\n", Err("no recording"), &judge(&[])).0, [Some("no recording".into())]);
    }

    #[test]
    fn a_file_without_a_line_that_can_be_read_is_no_review() {
        for (track, readable) in [("", true), ("\u{fffd}1\n", false), ("x\ty\tz\nw\n", false), ("rubbish\n0\t1\tUND\n", true)] {
            let (_, review) = judged(track, Ok(&recording(Some(60.0))), &judge(&[]));
            assert_eq!(review.is_readable(), readable, "{track:?}");
        }
    }

    #[test]
    fn a_span_without_a_label_is_not_identified() {
        let (found, review) = judged("0\t1\tBOAFAB\n4\t5\n5\t4\n", Ok(&recording(Some(9.0))), &judge(&[]));
        assert_eq!(found[..2], [None, Some("no label".to_owned())]);
        assert_eq!(review.unidentified, [Interval { start_s: 4.0, end_s: 5.0 }]);
    }

    #[test]
    fn several_labels_in_one_field_are_told() {
        let table = b"code,class\nBOAFAB,BOAFAB\nDENMIN,DENMIN\n\"FROG, GREY\",DENMIN\n\"FROG, RED\",\n";
        let judge = Judge { codes: Some(CodeTable::read("c.csv", table).unwrap()), label_text: LabelText::Plain, ..judge(&[]) };
        let track = "0\t1\tBOAFAB+DENMIN\n0\t1\tFROG, GREY\n0\t1\tFROG, RED\n0\t1\tBOAFAB DENMIN\n";
        let (found, _) = judged(track, Ok(&recording(Some(9.0))), &judge);
        let is_told = |separator: &str, reason: &Option<String>| {
            reason.as_ref().is_some_and(|reason| reason.ends_with(&format!("set annotate.label_separator to {separator:?}")))
        };
        assert!(is_told("+", &found[0]) && is_told(" ", &found[3]), "{found:?}");
        assert_eq!((found[1].as_deref(), found[2].as_deref()), (None, Some("FROG, RED is dropped by c.csv")));
        let plain = Judge { label_text: LabelText::Plain, ..self::judge(&[]) };
        let (found, _) = judged("0\t1\tBOAFAB/DENMIN\n", Ok(&recording(Some(9.0))), &plain);
        assert!(is_told("/", &found[0]), "{found:?}");
    }

    #[test]
    fn messages_of_one_kind_are_counted_together() {
        let kinds = ["`a b.wav` and `c.wav`: 4 s", "`d.wav` and `e 2.wav`: 17 s"].map(without_numbers);
        assert_eq!(kinds[0], kinds[1]);
    }

    #[test]
    fn a_code_table_maps_and_drops() {
        let table = b"code,class\nBOFAB,BOAFAB\nBOAFAB,BOAFAB\nUND,\nDENMIN,OTHER\n";
        let judge = Judge { codes: Some(CodeTable::read("c.csv", table).unwrap()), ..judge(&[]) };
        let (found, review) = judged("0\t1\tBOFAB_M\n1\t2\tUND\n1\t2\tX\n1\t2\tDENMIN\n", Ok(&recording(Some(9.0))), &judge);
        assert_eq!(review.events, [(0, Interval { start_s: 0.0, end_s: 1.0 })]);
        let found: Vec<&str> = found.iter().flatten().map(String::as_str).collect();
        assert_eq!(found, ["UND is dropped by c.csv", "X is not in c.csv", "OTHER is not among the classes"]);
    }

    #[test]
    fn whole_recordings_and_those_where_nothing_was_heard() {
        let (own, judge) = (recording(Some(5.0)), judge(&["H"]));
        let mut reviews = BTreeMap::new();
        let events =
            vec![Event { quality: Some("H".into()), ..Event::whole(1, "DENMIN") }, Event::whole(2, "DENMIN"), Event::nothing(3)];
        let lines = account(&judge, "f.csv", events, Ok(&own), &mut reviews, true);
        let used: Vec<bool> = lines.iter().map(|line| line.unused.is_none()).collect();
        assert_eq!(used, [true, false, true]);
        assert_eq!(reviews["r"].whole, [(1, Interval { start_s: 0.0, end_s: 5.0 })]);
        assert_eq!((reviews["r"].lines, reviews["r"].used), (3, 2));
    }

    #[test]
    fn like_reasons_are_counted_together() {
        let kinds = |track: &str| -> Vec<String> {
            let mut reviews = BTreeMap::new();
            let lines =
                account(&judge(&[]), "f", audacity::parse(track.as_bytes()), Ok(&recording(Some(9.0))), &mut reviews, true);
            lines.into_iter().filter_map(|line| line.unused).map(|unused| unused.kind).collect()
        };
        assert_eq!(kinds("9\t10\tDENMIN\n11\t12\tBOAFAB\n"), vec!["begins after the recording's end"; 2]);
        let reversed = kinds("3\t2\tDENMIN\n5.5\t4\tBOAFAB\n");
        assert_eq!(reversed, vec!["starts at … s, after its end at … s"; 2]);
    }

    #[test]
    fn a_verdict_is_on_a_class_in_a_span_and_tells_nothing_of_the_rest() {
        let (own, judge) = (recording(Some(9.0)), Judge { label_text: LabelText::CodeQuality, ..judge(&["H"]) });
        let verdict = |class: &str, verdict| Event { verdict: Some(verdict), ..Event::timed(2, "3", "6", class) };
        let mut reviews = BTreeMap::new();
        let events = vec![verdict("DENMIN", false), verdict("BOAFAB", true), verdict("BOF", true)];
        let lines = account(&judge, "s.csv", events, Ok(&own), &mut reviews, false);
        let span = Interval { start_s: 3.0, end_s: 6.0 };
        let review = &reviews["r"];
        let said = |class, is_there| SpanVerdict { class, span, is_there, is_chosen: false };
        assert_eq!(review.verdicts, [said(1, false), said(0, true)]);
        assert_eq!((review.is_readable(), review.is_reviewed(), review.lines, review.used), (false, true, 3, 2));
        // Codes of the table are no classes.
        assert!(lines[2].unused.as_ref().unwrap().reason.contains("BOF is not among the classes"));
        // An empty track beside it says that all was heard.
        account(&judge, "t.txt", Vec::new(), Ok(&own), &mut reviews, true);
        assert!(reviews["r"].is_readable());
        let mut unsure = BTreeMap::new();
        account(&judge, "s.csv", vec![Event::unusable(2, "BOAFAB", "unsure")], Ok(&own), &mut unsure, false);
        assert!(!unsure["r"].is_reviewed());
    }
}
