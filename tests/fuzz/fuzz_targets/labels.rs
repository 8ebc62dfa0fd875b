//! Annotation files in every layout. The first two bytes choose the layout and its options.
#![no_main]

use std::collections::BTreeSet;

use chorus_fuzz::{TEXT, bounded};
use chorus_labels::contents::Contents;
use chorus_labels::event::Extent;
use chorus_labels::label::LabelText;
use chorus_labels::layouts::LAYOUTS;
use chorus_labels::reading::Reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [format, options, bytes @ ..] = input else { return };
    let layout = LAYOUTS[usize::from(*format) % LAYOUTS.len()].name();
    let choose = |bit: u8, key: &str, value: &str| if options & bit == 0 { String::new() } else { format!(", {key}: {value}") };
    let keys = [
        choose(1, "label_separator", "null"),
        choose(2, "frequency_unit", "khz"),
        choose(4, "label_column", "x"),
        choose(8, "quality_column", "q"),
    ];
    let reading = Reading::from_yaml(&format!("{{format: {layout}{}}}", keys.concat())).expect("these keys are sound");
    let contents = bounded(bytes.len(), TEXT, || reading.read(bytes));
    check(&contents);
    if layout == "raven" && !bytes.trim_ascii().is_empty() {
        every_line_is_there(&contents, bytes);
    }
});

/// Each event counts or says why not, and holds nothing that a table cannot.
fn check(contents: &Contents) {
    let mut places = BTreeSet::new();
    for event in contents.events() {
        assert!(event.line > 0 && event.item > 0 && places.insert((event.line, event.item)), "{event:?}");
        let numbers = [event.start_s, event.end_s, event.low_hz, event.high_hz];
        assert!(numbers.into_iter().flatten().all(f64::is_finite), "{event:?}");
        if event.problem.is_none() {
            let is_span = event.start_s.zip(event.end_s).is_some_and(|(start, end)| start <= end) || event.moments.is_some();
            assert_eq!(event.extent == Extent::Span, is_span, "{event:?}");
        }
        for how in [LabelText::Plain, LabelText::CodeQuality] {
            let label = how.parse(&event.label);
            assert!(label.quality.is_none_or(|quality| !quality.is_empty()));
        }
    }
}

/// In a selection table, where nothing is quoted, each line but blank ones and the header is an event.
fn every_line_is_there(contents: &Contents, bytes: &[u8]) {
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let end = if body.contains(&b'\n') { b'\n' } else { b'\r' };
    let is_blank = |line: &[u8]| match std::str::from_utf8(line) {
        Ok(text) => text.trim().is_empty(),
        Err(_) => line.iter().all(|&byte| char::from(byte).is_whitespace()),
    };
    let filled = body.split(|&byte| byte == end).filter(|line| !is_blank(line)).count();
    let lines: BTreeSet<u32> = contents.events().map(|event| event.line).collect();
    let header_alone = contents.fault.is_some() && filled <= 1;
    assert_eq!(lines.len(), if header_alone { 1 } else { filled.saturating_sub(1) }, "{contents:?}");
}
