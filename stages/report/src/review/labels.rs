//! The labels of a unit's windows, beside the rows of another table.

use arrow::array::{Array, Int32Array, StringArray};
use chorus_engine::Partition;
use chorus_tables::{Batch, TableError};

use crate::export::ExportError;
use crate::facts::cells::cell;

/// The labels of one unit. They are asked for in the order of the table `predictions`, which is that of `labels`.
pub(super) struct Labels {
    batches: Box<dyn Iterator<Item = Result<Batch, TableError>>>,
    open: Option<Rows>,
}

/// Rows of `labels`, and where the next is.
struct Rows {
    segments: StringArray,
    classes: StringArray,
    values: Int32Array,
    at: usize,
}

impl Labels {
    /// The columns of `labels` that are read.
    const COLUMNS: [&str; 3] = ["segment_id", "class", "value"];

    /// Those of a file of the table; none without one.
    ///
    /// # Errors
    /// Those of opening it.
    pub(super) fn of(part: Option<&Partition>) -> Result<Self, ExportError> {
        Ok(match part {
            Some(part) => Self::new(part.open()?.batches(&Self::COLUMNS)?),
            None => Self::new(std::iter::empty()),
        })
    }

    /// Those of these batches.
    pub(super) fn new(batches: impl Iterator<Item = Result<Batch, TableError>> + 'static) -> Self {
        Self { batches: Box::new(batches), open: None }
    }

    /// Whether the class calls in a window; `None` where nobody knows.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn value(&mut self, segment: &str, class: &str) -> Result<Option<bool>, ExportError> {
        loop {
            if let Some(rows) = &mut self.open {
                while rows.at < rows.segments.len() {
                    let here = (rows.segments.value(rows.at), rows.classes.value(rows.at));
                    if here >= (segment, class) {
                        let value = if here == (segment, class) { cell(&rows.values, rows.at) } else { None };
                        return Ok(value.map(|value| value > 0));
                    }
                    rows.at += 1;
                }
            }
            let Some(batch) = self.batches.next().transpose()? else { return Ok(None) };
            self.open = Some(Rows {
                segments: batch.utf8("segment_id")?.clone(),
                classes: batch.utf8("class")?.clone(),
                values: batch.i32("value")?.clone(),
                at: 0,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::rows::{i32, read_back, text};

    #[test]
    fn a_label_is_present_absent_or_not_known() {
        let first = read_back(
            "labels",
            [text("segment_id", ["r-0", "r-0", "r-1"]), text("class", ["A", "B", "A"]), i32("value", [Some(1), None, Some(0)])],
        );
        let second = read_back("labels", [text("segment_id", ["r-2"]), text("class", ["B"]), i32("value", [Some(0)])]);
        let mut labels = Labels::new([Ok(first), Ok(second)].into_iter());
        let mut of = |segment: &str, class: &str| labels.value(segment, class).unwrap();
        assert_eq!([of("r-0", "A"), of("r-0", "B"), of("r-0", "C"), of("r-1", "A")], [Some(true), None, None, Some(false)]);
        assert_eq!([of("r-2", "A"), of("r-2", "B"), of("r-3", "B")], [None, Some(false), None]);
    }
}
