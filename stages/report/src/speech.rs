//! Speech in recordings. What people listen to or read leaves out detections that overlap with it, unless `privacy.speech` is `tell`.

use std::collections::BTreeMap;
use std::ops::Range;

use chorus_tables::{Batch, TableError};

/// The table.
pub(crate) const TABLE: &str = "speech";
/// The columns that are read.
pub(crate) const COLUMNS: &[&str] = &["recording_id", "second", "probability"];

/// Where somebody speaks.
#[derive(Debug, Default)]
pub(crate) struct Speech {
    /// Spans in seconds, in order, by recording. A recording without speech has none, and one that is missing was not looked at.
    spans: BTreeMap<String, Vec<Range<f64>>>,
}

impl Speech {
    /// Adds rows of the table: the seconds from `threshold` on, each with so many seconds before and after.
    pub(crate) fn add(&mut self, batch: &Batch, threshold: f64, margin_s: f64) -> Result<(), TableError> {
        let (ids, seconds, probabilities) = (batch.utf8("recording_id")?, batch.u64("second")?, batch.f32("probability")?);
        for ((id, second), probability) in ids.iter().flatten().zip(seconds.iter().flatten()).zip(probabilities.iter().flatten())
        {
            self.note(id, second, f64::from(probability) >= threshold, margin_s);
        }
        Ok(())
    }

    /// Notes a second of a recording that was looked at; those of a recording come in order.
    fn note(&mut self, recording: &str, second: u64, spoken: bool, margin_s: f64) {
        let own = match self.spans.get_mut(recording) {
            Some(own) => own,
            None => self.spans.entry(recording.to_owned()).or_default(),
        };
        if !spoken {
            return;
        }
        let span = second as f64 - margin_s..(second + 1) as f64 + margin_s;
        match own.last_mut() {
            Some(last) if last.end >= span.start => last.end = span.end,
            _ => own.push(span),
        }
    }

    /// Whether somebody speaks, or may speak, within a span of a recording, in seconds: a recording that was not looked at may hold speech
    /// anywhere.
    pub(crate) fn overlaps(&self, recording: &str, span: &Range<f64>) -> bool {
        self.spans.get(recording).is_none_or(|own| own.iter().any(|speech| speech.start < span.end && span.start < speech.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_has_a_margin_and_a_recording_that_was_not_looked_at_may_hold_some() {
        let mut speech = Speech::default();
        for (recording, second, spoken) in [("a", 4, true), ("a", 5, true), ("a", 6, false), ("a", 9, true), ("b", 0, false)] {
            speech.note(recording, second, spoken, 1.0);
        }
        let spoken = |recording, start, end| speech.overlaps(recording, &(start..end));
        assert!(spoken("a", 3.1, 3.2) && spoken("a", 6.9, 7.0) && spoken("a", 0.0, 20.0) && spoken("a", 8.5, 8.6));
        assert!(!spoken("a", 0.0, 3.0) && !spoken("a", 7.0, 8.0) && !spoken("a", 11.0, 12.0));
        assert!(!spoken("b", 0.0, 60.0) && spoken("c", 0.0, 1.0));
    }
}
