//! Which windows of a unit have been judged for a class: those with a label, and those of which a listener was unsure.

use std::collections::BTreeMap;
use std::ops::Range;

use chorus_labels::layouts::review::UNSURE;
use chorus_labels::verdicts::holds;
use chorus_tables::Batch;

use crate::export::ExportError;
use crate::facts::cells::cell;
use crate::review::labels::Labels;

/// What is judged in one unit. It is asked in the order of the table `predictions`, which is that of `labels`.
pub(super) struct Closed {
    labels: Labels,
    /// Spans of which a listener was unsure, seconds, by recording and class.
    unsure: BTreeMap<String, BTreeMap<String, Vec<Range<f64>>>>,
}

impl Closed {
    /// The columns of `annotations` that it reads.
    pub(super) const ANNOTATIONS: [&str; 5] = ["recording_id", "label", "start_s", "end_s", "reason"];

    /// Nothing but these labels.
    pub(super) fn new(labels: Labels) -> Self {
        Self { labels, unsure: BTreeMap::new() }
    }

    /// Adds the spans of which a listener was unsure.
    ///
    /// # Errors
    /// Where the batch lacks a column.
    pub(super) fn add_unsure(&mut self, annotations: &Batch) -> Result<(), ExportError> {
        let (ids, labels) = (annotations.utf8("recording_id")?, annotations.utf8("label")?);
        let (starts, ends, reasons) = (annotations.f64("start_s")?, annotations.f64("end_s")?, annotations.utf8("reason")?);
        for row in (0..annotations.rows()).filter(|&row| cell(reasons, row) == Some(UNSURE)) {
            if let (Some(id), Some(start_s), Some(end_s)) = (cell(ids, row), cell(starts, row), cell(ends, row)) {
                let of_recording = self.unsure.entry(id.to_owned()).or_default();
                of_recording.entry(labels.value(row).to_owned()).or_default().push(start_s..end_s);
            }
        }
        Ok(())
    }

    /// Whether a window was judged for a class.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn has(&mut self, segment: &str, recording: &str, class: &str, span_s: Range<f64>) -> Result<bool, ExportError> {
        if self.labels.value(segment, class)?.is_some() {
            return Ok(true);
        }
        let spans = self.unsure.get(recording).and_then(|classes| classes.get(class));
        Ok(spans.is_some_and(|spans| spans.iter().any(|span| holds(span, &span_s))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::rows::{f64, i32, read_back, text};

    #[test]
    fn labels_and_unsure_spans_close_windows_and_nulls_do_not() {
        let first = read_back(
            "labels",
            [text("segment_id", ["r-0", "r-0", "r-1"]), text("class", ["A", "B", "A"]), i32("value", [Some(1), None, Some(0)])],
        );
        let second = read_back("labels", [text("segment_id", ["r-2"]), text("class", ["B"]), i32("value", [Some(0)])]);
        let mut closed = Closed::new(Labels::new([Ok(first), Ok(second)].into_iter()));
        let annotations = read_back(
            "annotations",
            [
                text("recording_id", [Some("r"), Some("r")]),
                text("label", [Some("B"), Some("A")]),
                f64("start_s", [Some(3.0), Some(6.0)]),
                f64("end_s", [Some(6.0), Some(9.0)]),
                text("reason", [Some(UNSURE), Some("no verdict yet")]),
            ],
        );
        closed.add_unsure(&annotations).unwrap();
        let mut of = |segment: &str, class: &str, start_s: f64| closed.has(segment, "r", class, start_s..start_s + 3.0).unwrap();
        // In the order of the table, with rows that `labels` lacks: the first is labelled, the second null, and so on.
        assert_eq!([of("r-0", "A", 0.0), of("r-0", "B", 0.0), of("r-0", "C", 0.0)], [true, false, false]);
        assert_eq!([of("r-1", "A", 3.0), of("r-1", "B", 3.0)], [true, true], "nobody was sure of B from 3 to 6 s");
        assert_eq!([of("r-2", "A", 6.0), of("r-2", "B", 6.0), of("r-3", "B", 9.0)], [false, true, false]);
        // Overlapping windows stick out of the span.
        assert!(!of("r-4", "B", 4.0));
    }
}
