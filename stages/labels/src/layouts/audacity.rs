//! Audacity label tracks: `start TAB end TAB label`, in seconds.
//!
//! A label with a frequency range is followed by a second line, `\ TAB low TAB high`, in Hz; Audacity writes a bound that
//! was not drawn as -1. Every line of the file becomes part of an [`Event`]: a frequency line of the label before it, any other
//! line of an event of its own, with a `problem` where the line can't be used. A file of nothing but blank lines has no events:
//! somebody listened and heard nothing.
//!
//! Files are read as people have them: with a byte order mark, CRLF, Windows-1252, decimal commas, blank fields at the end of a line.
//!
//! Source: Audacity's manual, "Importing and Exporting Labels".

use chorus_text::as_typed;

use super::separator::{LabelSeparator, Splitter};
use crate::contents::Contents;
use crate::event::Event;
use crate::layout::{AnnotationFiles, Layout, LayoutKeys, Proposal, Reader, Settings, holds_labels};
use crate::look::ArchiveLook;
use crate::text::{UTF8_BOM, decode, number};

const FREQUENCY_MARK: &str = "\\";

/// The layout `audacity`.
pub(super) struct Audacity;

impl Layout for Audacity {
    fn name(&self) -> &'static str {
        "audacity"
    }

    fn about(&self) -> &'static str {
        "Audacity label tracks."
    }

    fn files(&self) -> Option<AnnotationFiles> {
        Some(AnnotationFiles { place: ".", extensions: &["txt"] })
    }

    fn keys(&self) -> LayoutKeys {
        LayoutKeys { used: &[&["annotate.folder"], LabelSeparator::NAMES], ..LayoutKeys::default() }
    }

    fn reader(&self, settings: &Settings) -> Result<Reader, serde_yaml::Error> {
        let splitter = Splitter::of(settings)?;
        Ok(Reader::of_files(move |bytes| {
            Contents::of_one(parse(bytes).into_iter().flat_map(|event| splitter.split(event)).collect())
        }))
    }

    fn propose(&self, look: &ArchiveLook<'_>) -> Option<Proposal> {
        let tracks = look.sample(&["txt", "tsv"]);
        // A track has no header; a table of Raven without labels has.
        tracks.iter().any(|file| !look.has_times(file) && holds_labels(self, look, file)).then(|| Proposal::of(self))
    }
}

/// Reads a label track.
pub(crate) fn parse(bytes: &[u8]) -> Vec<Event> {
    let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut events: Vec<Event> = Vec::new();
    if bytes.trim_ascii().is_empty() {
        return events;
    }
    for (line, bytes) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        let text = decode(bytes.strip_suffix(b"\r").unwrap_or(bytes));
        let fields = fields(&text);
        if fields.first().map(|field| field.trim()) != Some(FREQUENCY_MARK) {
            events.push(label_line(line, &fields));
            continue;
        }
        let before = events.last_mut().filter(|event| event.line + 1 == line && event.start_s.is_some());
        if let Err(problem) = frequency_line(&fields, before) {
            events.push(Event::unusable(line, &text, problem));
        }
    }
    events
}

/// The fields of a line without the blank ones at its end.
fn fields(text: &str) -> Vec<&str> {
    let mut fields: Vec<&str> = text.split('\t').collect();
    while fields.last().is_some_and(|field| field.trim().is_empty()) {
        fields.pop();
    }
    fields
}

fn label_line(line: u32, fields: &[&str]) -> Event {
    match *fields {
        [] => Event::unusable(line, "", "blank line"),
        [field] => Event::unusable(line, field, "1 field, expected start, end and label"),
        [start, end] => Event { problem: Some("no label".to_owned()), ..Event::timed(line, start, end, "") },
        // An export marks what a spreadsheet would run.
        [start, end, label] => Event::timed(line, start, end, as_typed(label)),
        [start, end, ref label @ ..] => Event {
            problem: Some(format!("{} fields, expected start, end and label", fields.len())),
            ..Event::timed(line, start, end, &label.join("\t"))
        },
    }
}

/// Gives the label `before` its frequency range.
///
/// # Errors
/// Why the line is not one.
fn frequency_line(fields: &[&str], before: Option<&mut Event>) -> Result<(), String> {
    let event = before.ok_or("frequency line without a label before it")?;
    let &[_, low, high] = fields else {
        return Err(format!("frequency line of {} fields, expected \\, low and high", fields.len()));
    };
    let (Some(low), Some(high)) = (number(low), number(high)) else {
        return Err(format!("frequencies are `{low}` and `{high}`, expected Hz"));
    };
    let drawn = |bound: f64| (bound >= 0.0).then_some(bound);
    if drawn(low).zip(drawn(high)).is_some_and(|(low, high)| low > high) {
        return Err(format!("low frequency {low} Hz is above the high one, {high} Hz"));
    }
    (event.low_hz, event.high_hz) = (drawn(low), drawn(high));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Event {
        let mut events = parse(text.as_bytes());
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    fn event(line: u32, start_s: f64, end_s: f64, label: &str) -> Event {
        Event { line, label: label.into(), start_s: Some(start_s), end_s: Some(end_s), ..Event::default() }
    }

    #[test]
    fn labels_with_and_without_frequencies() {
        let track = b"0.5\t1.25\tBOAFAB_M\n\\\t800.5\t2195.4\n2\t3\tDENMIN_F\n4\t5\tX\n\\\t-1.000000\t2390.0\n";
        let mut first = event(1, 0.5, 1.25, "BOAFAB_M");
        (first.low_hz, first.high_hz) = (Some(800.5), Some(2195.4));
        let mut last = event(4, 4.0, 5.0, "X");
        last.high_hz = Some(2390.0);
        assert_eq!(parse(track), [first, event(3, 2.0, 3.0, "DENMIN_F"), last]);
    }

    #[test]
    fn a_label_may_hold_several() {
        let of = |track: &str, settings: &str| -> Vec<(u32, u32, String)> {
            let found = crate::layout::testing::read(&Audacity, track.as_bytes(), settings);
            found.events().map(|event| (event.line, event.item, event.label.clone())).collect()
        };
        let both = vec![(1, 1, "FROG".to_owned()), (1, 2, "TOAD".to_owned())];
        assert_eq!(of("1\t2\tFROG; TOAD\n", ""), both);
        assert_eq!(of("1\t2\tFROG+TOAD\n", "label_separator: +"), both);
        assert_eq!(of("1\t2\tFROG, grey \n", ""), [(1, 1, "FROG, grey ".to_owned())]);
    }

    #[test]
    fn an_empty_file_has_no_events() {
        for bytes in [&b""[..], b"\n", b"\r\n", b"\r\n\r\n", b" \n\t\n", UTF8_BOM] {
            assert_eq!(parse(bytes), []);
        }
    }

    #[test]
    fn encodings_line_ends_and_commas() {
        assert_eq!(parse(b"\xEF\xBB\xBF1\t2\ta\r\n3\t4\tb"), [event(1, 1.0, 2.0, "a"), event(2, 3.0, 4.0, "b")]);
        assert_eq!(parse(b"1\t2\tr\xE3\n"), [event(1, 1.0, 2.0, "rã")]);
        assert_eq!(parse("1\t2\trã\n".as_bytes()), [event(1, 1.0, 2.0, "rã")]);
        assert_eq!(one("0,5\t1,25\ta"), event(1, 0.5, 1.25, "a"));
        assert_eq!(one(" -0.5 \t1e1\ta b "), event(1, -0.5, 10.0, "a b "));
        assert_eq!(one("1\t1\tpoint"), event(1, 1.0, 1.0, "point"));
    }

    #[test]
    fn a_blank_field_at_the_end_is_nothing() {
        assert_eq!(one("7.132521\t7.888285\tBOAALM_M\t"), event(1, 7.132521, 7.888285, "BOAALM_M"));
    }

    #[test]
    fn unusable_lines_say_why() {
        for (text, label, problem) in [
            ("DENMIN_M", "DENMIN_M", "1 field"),
            ("1\t2", "", "no label"),
            ("1\t2\t ", "", "no label"),
            ("1\t2\ta\tb", "a\tb", "4 fields"),
            ("x\t2\ta", "a", "start is `x`"),
            ("1\tnan\ta", "a", "end is `nan`"),
            ("1\t1,000,5\ta", "a", "end is `1,000,5`"),
            ("3\t2\ta", "a", "starts at 3 s, after its end at 2 s"),
            ("\\\t1\t2", "\\\t1\t2", "frequency line without a label"),
        ] {
            let event = one(text);
            assert_eq!(event.label, label, "{text}");
            assert!(event.problem.as_deref().is_some_and(|p| p.contains(problem)), "{text}: {event:?}");
        }
        assert_eq!(one("3\t2\ta").start_s, Some(3.0));
    }

    #[test]
    fn blank_lines_keep_the_count_of_lines() {
        let events = parse(b"1\t2\ta\n\n\\\t5\t6\n3\t4\tb\n");
        let problems: Vec<_> = events.iter().map(|e| (e.line, e.problem.as_deref())).collect();
        assert_eq!(
            problems,
            [(1, None), (2, Some("blank line")), (3, Some("frequency line without a label before it")), (4, None)]
        );
    }

    #[test]
    fn wrong_frequency_lines_leave_their_label_usable() {
        for (frequencies, problem) in [("\\\t5", "2 fields"), ("\\\t9\t5", "above"), ("\\\ta\t5", "expected Hz")] {
            let events = parse(format!("1\t2\ta\n{frequencies}\n").as_bytes());
            assert_eq!(events[0], event(1, 1.0, 2.0, "a"));
            assert!(events[1].problem.as_deref().is_some_and(|p| p.contains(problem)), "{events:?}");
        }
        let twice = parse(b"1\t2\ta\n\\\t5\t6\n\\\t7\t8\n");
        assert_eq!((twice[0].high_hz, twice[1].line), (Some(6.0), 3));
    }

    proptest! {
        #[test]
        fn every_line_of_any_bytes_is_accounted_for(
            lines in prop::collection::vec(r"[0-9a.,\t \\_é-]{0,12}", 0..20),
            noise in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            for bytes in [[lines.join("\n").as_bytes(), b"\n"].concat(), noise] {
                let events = parse(&bytes);
                let body = bytes.strip_prefix(UTF8_BOM).unwrap_or(&bytes);
                let body = body.strip_suffix(b"\n").unwrap_or(body);
                let expected = if body.trim_ascii().is_empty() { 0 } else { body.split(|&b| b == b'\n').count() };
                let frequencies = events.iter().filter(|e| e.low_hz.is_some() || e.high_hz.is_some()).count();
                prop_assert!(events.len() <= expected && events.len() + frequencies <= expected);
                prop_assert!(events.windows(2).all(|pair| pair[0].line < pair[1].line));
                // A line without an event of its own is a frequency line.
                let without = (1..=expected as u32).filter(|line| events.iter().all(|e| e.line != *line));
                for line in without {
                    let text = body.split(|&b| b == b'\n').nth(line as usize - 1).unwrap();
                    prop_assert!(decode(text).trim_start().starts_with(FREQUENCY_MARK));
                }
                for event in events.iter().filter(|e| e.problem.is_none()) {
                    prop_assert!(event.start_s.unwrap() <= event.end_s.unwrap() && !event.label.trim().is_empty());
                }
            }
        }
    }
}
