//! The events of a unit's recordings by file, which verdicts among them still count, and which rows are one event.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::event::{Event, Extent};
use crate::layouts::review::UNSURE;
use crate::text::cleaned;
use crate::verdicts;

/// The events that one file has of one recording.
pub(crate) struct FileEvents {
    pub(crate) file: String,
    /// The recording's path, or why none was found.
    pub(crate) recording: Result<String, String>,
    pub(crate) events: Vec<Event>,
    /// Whether the file holds everything that was heard.
    pub(crate) is_complete: bool,
}

/// A verdict of a sheet.
struct SheetVerdict {
    /// The path of its recording.
    recording: String,
    class: String,
    /// Seconds of the recording.
    span_s: Range<f64>,
    /// Its place in the order in which verdicts count: the number of its sheet, its line, and its place in the line.
    order: (usize, u32, u32),
    /// The positions of its file and of its event in the file.
    file: usize,
    event: usize,
}

/// Verdicts that later ones replace are not used. The files are in the order in which their verdicts count. `is_usable` tells of a recording's
/// path and a verdict whether labels can use it, if it is yes or no: what they cannot use replaces nothing.
pub(crate) fn settle(files: &mut [FileEvents], is_usable: impl Fn(&str, &Event) -> bool) {
    let mut given: Vec<SheetVerdict> = Vec::new();
    let mut rank = 0;
    for (at, file) in files.iter().enumerate() {
        // A sheet may name a recording in several ways, and comes once for each of them.
        rank += usize::from(at > 0 && files[at - 1].file != file.file);
        let Ok(recording) = &file.recording else { continue };
        for (number, event) in file.events.iter().enumerate() {
            let is_unsure = event.problem.as_deref() == Some(UNSURE);
            let is_verdict = is_unsure || event.verdict.is_some() && event.problem.is_none();
            let is_given = is_verdict && is_usable(recording, event);
            if let Some((start_s, end_s)) = event.start_s.zip(event.end_s).filter(|_| is_given) {
                given.push(SheetVerdict {
                    recording: recording.clone(),
                    class: cleaned(&event.label),
                    span_s: start_s..end_s,
                    order: (rank, event.line, event.item),
                    file: at,
                    event: number,
                });
            }
        }
    }
    given.sort_by_key(|one| one.order);
    for at in verdicts::replaced(&given, |one| (one.recording.as_str(), one.class.as_str(), one.span_s.clone())) {
        let SheetVerdict { file, event, .. } = given[at];
        files[file].events[event].problem = Some(verdicts::REPLACED.to_owned());
    }
}

/// Events of one recording in one file that differ in their channel only are one event: the first of them is used.
pub(crate) fn join_channels(events: &mut [Event]) {
    let mut first: BTreeMap<_, (u32, u32)> = BTreeMap::new();
    for event in events.iter_mut().filter(|event| event.problem.is_none() && event.extent == Extent::Span) {
        let Some(channel) = event.channel else { continue };
        let numbers = [event.start_s, event.end_s, event.low_hz, event.high_hz].map(|number| number.map(f64::to_bits));
        let (line, of_first) =
            *first.entry((cleaned(&event.label), event.quality.clone(), numbers)).or_insert((event.line, channel));
        if channel != of_first {
            event.problem = Some(format!("the event of line {line} in another channel"));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn file(name: &str, events: &[(u32, f64, Option<bool>)]) -> FileEvents {
        let event = |&(line, start_s, verdict): &(u32, f64, Option<bool>)| Event {
            line,
            label: "FROG".into(),
            start_s: Some(start_s),
            end_s: Some(start_s + 3.0),
            verdict,
            problem: verdict.is_none().then(|| UNSURE.to_owned()),
            ..Event::default()
        };
        let events = events.iter().map(event).collect();
        FileEvents { file: name.into(), recording: Ok("A/1.wav".into()), events, is_complete: false }
    }

    #[test]
    fn a_later_verdict_of_any_sheet_replaces_an_earlier_one() {
        let mut files = [
            file("reviews/a.csv", &[(2, 0.0, Some(true)), (5, 3.0, Some(true)), (6, 9.0, Some(false))]),
            // The same sheet, with another name of the recording.
            file("reviews/a.csv", &[(4, 3.0, Some(false))]),
            file("reviews/b.csv", &[(2, 0.0, None), (3, 9.02, Some(true))]),
        ];
        settle(&mut files, |_, _| true);
        let replaced = |event: &Event| event.problem.as_deref() == Some(verdicts::REPLACED);
        let found: Vec<Vec<bool>> = files.iter().map(|file| file.events.iter().map(replaced).collect()).collect();
        assert_eq!(found, [vec![true, false, true], vec![true], vec![false, false]]);
        assert_eq!(files[2].events[0].problem.as_deref(), Some(UNSURE));
    }

    #[test]
    fn rows_that_differ_in_their_channel_only_are_one_event() {
        let row = |line, channel, start: &str, label: &str| Event { channel, ..Event::timed(line, start, "9", label) };
        let mut events = [
            row(2, Some(1), "1", "FROG"),
            row(3, Some(2), "1", "FROG"),
            row(4, Some(1), "1", "FROG"),
            row(5, Some(2), "1", "TOAD"),
            row(6, Some(1), "1.5", "FROG"),
            row(7, None, "1", "FROG"),
        ];
        join_channels(&mut events);
        let joined: Vec<(u32, &str)> = events.iter().filter_map(|event| Some((event.line, event.problem.as_deref()?))).collect();
        assert_eq!(joined, [(3, "the event of line 2 in another channel")]);
    }

    #[test]
    fn a_verdict_that_cannot_be_used_replaces_none() {
        // The recording ends at 60 s, and spreadsheets round times.
        let mut files = [file("a.csv", &[(2, 59.98, Some(true)), (3, 60.0, Some(false)), (4, 60.0, None)])];
        settle(&mut files, |path, event| path == "A/1.wav" && event.start_s < Some(60.0));
        let problems: Vec<Option<&str>> = files[0].events.iter().map(|event| event.problem.as_deref()).collect();
        assert_eq!(problems, [None, None, Some(UNSURE)]);
        settle(&mut files, |_, _| true);
        assert_eq!(files[0].events[0].problem.as_deref(), Some(verdicts::REPLACED), "else the later one counts");
    }
}
