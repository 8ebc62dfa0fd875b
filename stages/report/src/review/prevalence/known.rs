//! What labels say of windows that the model did not learn from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_engine::{Partition, Unit};

use super::counted::{Bins, Counted};
use crate::export::run::Run;
use crate::export::{ExportError, Filter, scores};
use crate::review::labels::Labels;
use crate::review::sample::{BINS, STEPS, halves, step};

/// The tables that are read.
pub(super) const READ: [&str; 3] = ["labels", "reviews", "splits"];

/// Counts the windows of a run, with the labels of recordings that somebody heard from end to end and that are not of the training side.
///
/// # Errors
/// [`ExportError::Nothing`] where there are none, and those of reading.
pub(super) fn count(run: &Run, filter: &Filter, by_night: bool) -> Result<Counted, ExportError> {
    let judging = judging(run)?;
    let by_unit = |table| -> Result<BTreeMap<Unit, Partition>, ExportError> {
        Ok(run.parts(table)?.into_iter().map(|part| (part.unit.clone(), part)).collect())
    };
    let (labels, reviews) = (by_unit("labels")?, by_unit("reviews")?);
    if judging.is_empty() || labels.is_empty() {
        let label = if run.makes("splits") {
            format!("label recordings and run `{}`", run.stage_command("split"))
        } else {
            "label recordings and set annotate.format".to_owned()
        };
        let what = format!(
            "nothing is known of windows that the model did not learn from: name a sheet with verdicts (`chorus clips --windows -o FOLDER` \
             makes one), or {label}"
        );
        return Err(ExportError::Nothing { what });
    }
    let mut counted = Counted::new(bins(run, filter)?, by_night);
    scores::each_unit(run, filter, |unit| {
        let heard = match reviews.get(unit.unit) {
            Some(part) => reviewed(part, &judging)?,
            None => BTreeSet::new(),
        };
        let mut labels = Labels::of(labels.get(unit.unit))?;
        unit.each(&Filter::default(), |window| {
            let is_heard = heard.contains(&window.recording.id);
            let verdict = if is_heard { labels.value(window.segment, &window.class)? } else { None };
            counted.add(window, verdict)
        })
    })?;
    Ok(counted)
}

/// The recordings of validation and test.
fn judging(run: &Run) -> Result<BTreeSet<String>, ExportError> {
    let mut found = BTreeSet::new();
    for part in run.parts("splits")? {
        let batch = part.read(&["recording_id", "subset"])?;
        let (ids, subsets) = (batch.utf8("recording_id")?, batch.utf8("subset")?);
        let is_of = |row: &usize| matches!(subsets.value(*row), "validation" | "test");
        found.extend((0..batch.rows()).filter(is_of).map(|row| ids.value(row).to_owned()));
    }
    Ok(found)
}

/// Those of some recordings that somebody heard from end to end.
fn reviewed(part: &Partition, of: &BTreeSet<String>) -> Result<BTreeSet<String>, ExportError> {
    let batch = part.read(&["recording_id", "reviewed"])?;
    let (ids, reviewed) = (batch.utf8("recording_id")?, batch.bool("reviewed")?);
    let rows = (0..batch.rows()).filter(|&row| reviewed.value(row) && of.contains(ids.value(row)));
    Ok(rows.map(|row| ids.value(row).to_owned()).collect())
}

/// The bins of each class, from the scores of all windows.
fn bins(run: &Run, filter: &Filter) -> Result<BTreeMap<Arc<str>, Bins>, ExportError> {
    let mut counts: BTreeMap<Arc<str>, Vec<u64>> = BTreeMap::new();
    scores::each_unit(run, filter, |unit| {
        unit.each(filter, |window| {
            match counts.get_mut(&window.class) {
                Some(counts) => counts[step(window.score)] += 1,
                None => {
                    let mut of_class = vec![0; STEPS];
                    of_class[step(window.score)] = 1;
                    counts.insert(Arc::clone(&window.class), of_class);
                }
            }
            Ok(())
        })
    })?;
    Ok(counts.into_iter().map(|(class, counts)| (class, halves(&counts, BINS))).collect())
}
