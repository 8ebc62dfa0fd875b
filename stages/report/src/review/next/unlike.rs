//! Which windows of a unit are loud and unlike everything that was learnt: the table `unknown`.

use std::collections::BTreeMap;

use chorus_engine::Partition;

use crate::export::ExportError;

/// The unknown windows of a unit, by name: how unknown each is, and its highest logit.
#[derive(Debug, Default)]
pub(super) struct Unlike(BTreeMap<String, (f64, f32)>);

impl Unlike {
    /// Those of a part of the table.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn of(part: &Partition) -> Result<Self, ExportError> {
        let mut found = BTreeMap::new();
        for batch in part.open()?.batches(&["segment_id", "max_logit", "unknown", "is_loud"])? {
            let batch = batch?;
            let (ids, is_loud) = (batch.utf8("segment_id")?, batch.bool("is_loud")?);
            let (logits, shares) = (batch.f32("max_logit")?, batch.f32("unknown")?);
            for row in (0..batch.rows()).filter(|&row| is_loud.value(row)) {
                found.insert(ids.value(row).to_owned(), (shares.value(row).into(), logits.value(row)));
            }
        }
        Ok(Self(found))
    }

    /// How unknown a window is, where a class has its highest logit. One window is a candidate of one class only, unless classes score
    /// alike.
    pub(super) fn get(&self, segment: &str, logit: f32) -> Option<f64> {
        self.0.get(segment).filter(|(_, highest)| logit >= *highest).map(|(unknown, _)| *unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_unknown_under_its_highest_class_alone() {
        let unlike = Unlike([("a".to_owned(), (0.97, -1.5))].into());
        assert_eq!((unlike.get("a", -1.5), unlike.get("a", -2.0), unlike.get("b", 3.0)), (Some(0.97), None, None));
    }
}
