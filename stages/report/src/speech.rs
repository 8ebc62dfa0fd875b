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
    /// Spans in seconds, by recording, in order.
    spans: BTreeMap<String, Vec<Range<f64>>>,
}

impl Speech {
    /// Adds rows of the table: the seconds from `threshold` on, each with so many seconds before and after.
    pub(crate) fn add(&mut self, batch: &Batch, threshold: f64, margin_s: f64) -> Result<(), TableError> {
        let (ids, seconds, probabilities) = (batch.utf8("recording_id")?, batch.u64("second")?, batch.f32("probability")?);
        for ((id, second), probability) in ids.iter().flatten().zip(seconds.iter().flatten()).zip(probabilities.iter().flatten())
        {
            if f64::from(probability) < threshold {
                continue;
            }
            let span = second as f64 - margin_s..(second + 1) as f64 + margin_s;
            let own = match self.spans.get_mut(id) {
                Some(own) => own,
                None => self.spans.entry(id.to_owned()).or_default(),
            };
            match own.last_mut() {
                Some(last) if last.end >= span.start => last.end = span.end,
                _ => own.push(span),
            }
        }
        Ok(())
    }

    /// Whether somebody speaks within a span of a recording, in seconds.
    pub(crate) fn overlaps(&self, recording: &str, span: &Range<f64>) -> bool {
        self.spans.get(recording).is_some_and(|own| own.iter().any(|speech| speech.start < span.end && span.start < speech.end))
    }
}
