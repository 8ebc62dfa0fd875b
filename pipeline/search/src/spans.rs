//! Spans of recordings, and which of them a window lies in.

use std::collections::BTreeMap;
use std::ops::Range;

/// Spans with something that is known of each, by recording.
#[derive(Debug)]
pub(crate) struct Spans<T> {
    by_recording: BTreeMap<String, Vec<(Range<f64>, T)>>,
}

impl<T> Spans<T> {
    pub(crate) fn new(spans: impl IntoIterator<Item = (String, Range<f64>, T)>) -> Self {
        let mut by_recording: BTreeMap<String, Vec<(Range<f64>, T)>> = BTreeMap::new();
        for (recording_id, span, known) in spans {
            by_recording.entry(recording_id).or_default().push((span, known));
        }
        by_recording.values_mut().for_each(|spans| spans.sort_by(|a, b| a.0.start.total_cmp(&b.0.start)));
        Self { by_recording }
    }

    /// What is known of the spans that a window lies in, by the spans' starts.
    pub(crate) fn of(&self, recording_id: &str, start_s: f64, window_s: Option<f64>) -> impl Iterator<Item = &T> {
        let spans = self.by_recording.get(recording_id).map(Vec::as_slice).unwrap_or_default();
        let window = start_s..start_s + window_s.unwrap_or(0.0);
        let before = spans.partition_point(|(span, _)| span.start <= window.end);
        spans[..before].iter().filter(move |(span, _)| lies_in(&window, span)).map(|(_, known)| known)
    }
}

/// Whether a window counts as one of a span: they have more than half of the shorter of them in common. So a span that is marked closely
/// gives the windows around it, a long span those within it, and a span that is a window of the same grid gives that window alone. Of a
/// window whose length is not known the start decides.
fn lies_in(window: &Range<f64>, span: &Range<f64>) -> bool {
    let shorter = (window.end - window.start).min(span.end - span.start);
    if shorter <= 0.0 {
        return span.contains(&window.start) || window.contains(&span.start);
    }
    window.end.min(span.end) - window.start.max(span.start) > shorter / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lies_in_a_span_when_they_share_more_than_half_of_the_shorter() {
        let spans =
            Spans::new([("a".to_owned(), 10.0..10.4, 'x'), ("a".to_owned(), 3.0..60.0, 'y'), ("b".to_owned(), 3.0..6.0, 'z')]);
        let of = |id: &str, start: f64| spans.of(id, start, Some(3.0)).copied().collect::<String>();
        assert_eq!([of("a", 0.0), of("a", 1.0), of("a", 2.0), of("a", 9.0)], ["", "", "y", "yx"]);
        assert_eq!(of("a", 10.3), "y");
        assert_eq!([of("b", 1.5), of("b", 3.0), of("b", 4.5), of("c", 3.0)], ["", "z", "", ""]);
        assert_eq!(spans.of("b", 5.0, None).count() + spans.of("b", 6.0, None).count(), 1);
    }
}
