//! Puts recordings on the sides of a split: one function for each `split.source`.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::counted;

use super::groups::{divided, gather};
use super::params::SplitSettings;
use super::rows::{SplitRecording, SplitRow};
use crate::error::LabelsError;
use crate::recording_list::{ListedValues, RecordingList};
use crate::stratify::{self, Assignment, Fractions};
use crate::subset::Subset;
use crate::text::some_of;

const FOLD: &str = "split.fold";
const SITE: &str = "split.site";

/// A row for each recording: unused with its excuse, or on the side that `place` chooses.
fn rows(recordings: &[SplitRecording], place: impl Fn(usize, &SplitRecording) -> (Subset, String)) -> Vec<SplitRow> {
    let row = |(at, recording): (usize, &SplitRecording)| match &recording.excuse {
        Some(excuse) => SplitRow::new(recording, Subset::Unused, excuse.clone()),
        None => {
            let (subset, reason) = place(at, recording);
            SplitRow::new(recording, subset, reason)
        }
    };
    recordings.iter().enumerate().map(row).collect()
}

fn taking_part(recordings: &[SplitRecording]) -> impl Iterator<Item = &SplitRecording> {
    recordings.iter().filter(|r| r.excuse.is_none())
}

/// A stratified share of whole groups for each subset.
///
/// # Errors
/// Those of [`stratify::split`].
pub(super) fn grouped(recordings: &[SplitRecording], params: &SplitSettings) -> Result<Vec<SplitRow>, LabelsError> {
    let test = params.test_fraction;
    let validation = (1.0 - test) * params.validation_fraction;
    let groups = gather(taking_part(recordings));
    let split = stratify::split(&groups, Fractions { train: 1.0 - test - validation, validation, test }, params.seed)?;
    let place: BTreeMap<&str, &Assignment> = groups.iter().map(|g| g.id.as_str()).zip(&split.assignments).collect();
    Ok(rows(recordings, |_, r| {
        let assignment = place[r.group.as_str()];
        (assignment.subset, assignment.reason.clone())
    }))
}

/// Where the model is given: all are test, but for a stratified share of whole groups for new thresholds.
///
/// # Errors
/// Those of [`stratify::carve_validation`].
pub(super) fn judged(recordings: &[SplitRecording], params: &SplitSettings) -> Result<Vec<SplitRow>, LabelsError> {
    let mut rows = rows(recordings, |_, _| (Subset::Train, "the model is given".to_owned()));
    carve(recordings, &mut rows, params)?;
    for row in rows.iter_mut().filter(|row| row.subset == Subset::Train) {
        row.subset = Subset::Test;
    }
    Ok(rows)
}

/// Where the model is given, no recording teaches.
pub(super) fn leave_untaught(rows: &mut [SplitRow]) {
    for row in rows.iter_mut().filter(|row| row.subset == Subset::Train) {
        row.subset = Subset::Unused;
        row.reason = format!("{}, to learn from, and the model is given", row.reason);
    }
}

/// Stratified folds of whole groups, of which one is test.
///
/// # Errors
/// There is no such fold, nothing is left to learn from, or those of [`stratify::folds`].
pub(super) fn by_fold(recordings: &[SplitRecording], params: &SplitSettings) -> Result<Vec<SplitRow>, LabelsError> {
    let known: Vec<String> = (1..=params.folds).map(|fold| fold.to_string()).collect();
    let chosen = chosen(FOLD, params.test_folds(), &known)?;
    let groups = gather(taking_part(recordings));
    let folds = stratify::folds(&groups, params.folds, params.seed)?;
    let fold_of: BTreeMap<&str, &String> =
        groups.iter().map(|g| g.id.as_str()).zip(folds.iter().map(|&fold| &known[fold])).collect();
    let mut rows = rows(recordings, |_, r| {
        let fold = fold_of[r.group.as_str()];
        (side(&chosen, fold), format!("fold {fold} of {}", params.folds))
    });
    carve(recordings, &mut rows, params)?;
    Ok(rows)
}

/// Excuses recordings of other sites that share their content or their group with a recording of a site that is held out.
///
/// # Errors
/// There is no such site, or nothing is left to learn from.
pub(super) fn hold_out(recordings: &mut [SplitRecording], params: &SplitSettings) -> Result<(), LabelsError> {
    let known: BTreeSet<String> = taking_part(recordings).map(|r| r.site.clone()).collect();
    let known: Vec<String> = known.into_iter().collect();
    let chosen = chosen(SITE, params.test_sites(), &known)?;
    let (mut contents, mut groups): (BTreeMap<String, String>, BTreeSet<String>) = Default::default();
    for recording in taking_part(recordings).filter(|r| chosen.contains(&r.site)) {
        contents.insert(recording.content.clone(), recording.path.clone());
        groups.insert(recording.group.clone());
    }
    contents.remove("");
    for recording in recordings.iter_mut().filter(|r| r.excuse.is_none() && !chosen.contains(&r.site)) {
        if let Some(path) = contents.get(&recording.content) {
            recording.excuse = Some(format!("same content as {path}, which is held out"));
        } else if groups.contains(&recording.group) {
            recording.excuse = Some(format!("its group {} is held out with {}", recording.group, params.test_sites().join(", ")));
        }
    }
    let left = taking_part(recordings).any(|r| !chosen.contains(&r.site));
    if left { Ok(()) } else { Err(LabelsError::NothingLeft { key: SITE }) }
}

/// Whole sites are test. Call [`hold_out`] first.
///
/// # Errors
/// Those of [`stratify::carve_validation`].
pub(super) fn by_site(recordings: &[SplitRecording], params: &SplitSettings) -> Result<Vec<SplitRow>, LabelsError> {
    let chosen: BTreeSet<String> = params.test_sites().into_iter().collect();
    let mut rows = rows(recordings, |_, r| (side(&chosen, &r.site), format!("site {}", r.site)));
    carve(recordings, &mut rows, params)?;
    Ok(rows)
}

/// Subsets of a list, or folds of a list of which one is test. Also returns sentences for the user.
///
/// # Errors
/// Those of [`RecordingList::values`]; a subset is unknown; there is no such fold.
pub(super) fn from_file(
    list: &RecordingList,
    recordings: &[SplitRecording],
    params: &SplitSettings,
) -> Result<(Vec<SplitRow>, Vec<String>), LabelsError> {
    let by_fold = !params.test_folds().is_empty() || (list.has("fold") && !list.has("subset"));
    let values = list.values(if by_fold { "fold" } else { "subset" }, recordings)?;
    let subsets = if by_fold { subsets_of_folds(list, recordings, &values, params)? } else { subsets(list, &values)? };
    let name = list.name();
    let mut rows = rows(recordings, |at, _| match (&subsets[at], &values.by_recording[at]) {
        (Some(subset), Some((_, _))) if !by_fold => (*subset, format!("{} in {name}", subset.as_str())),
        (Some(subset), Some((fold, _))) => (*subset, format!("fold {fold} in {name}")),
        _ => (Subset::Unused, format!("not in {name}")),
    });
    let mut notes: Vec<String> = values.note(&name).into_iter().collect();
    let divided: Vec<String> = divided(&rows).into_iter().map(str::to_owned).collect();
    if !divided.is_empty() {
        notes.push(format!(
            "{name} puts recordings of one group on several sides, so the test is easier than it should be; \
             {} of split.group: {}",
            counted(divided.len(), "group"),
            some_of(&divided)
        ));
    }
    if !rows.iter().any(|row| row.subset == Subset::Validation) {
        carve(recordings, &mut rows, params)?;
    }
    Ok((rows, notes))
}

fn subsets(list: &RecordingList, values: &ListedValues) -> Result<Vec<Option<Subset>>, LabelsError> {
    let parse = |value: &Option<(String, u64)>| match value {
        None => Ok(None),
        Some((name, line)) => name.parse().map(Some).map_err(|expected| list.wrong(*line, format!("subset `{name}`"), expected)),
    };
    values.by_recording.iter().map(parse).collect()
}

fn subsets_of_folds(
    list: &RecordingList,
    recordings: &[SplitRecording],
    values: &ListedValues,
    params: &SplitSettings,
) -> Result<Vec<Option<Subset>>, LabelsError> {
    let reviewed = recordings.iter().zip(&values.by_recording).filter(|(r, _)| r.excuse.is_none());
    let known: BTreeSet<String> = reviewed.filter_map(|(_, value)| Some(value.as_ref()?.0.clone())).collect();
    let mut known: Vec<String> = known.into_iter().collect();
    known.sort_by_key(|name| (name.len(), name.clone()));
    if params.test_folds().is_empty() {
        return Err(LabelsError::NoFold { path: list.path().to_owned(), folds: known });
    }
    let chosen = chosen(FOLD, params.test_folds(), &known)?;
    Ok(values.by_recording.iter().map(|value| value.as_ref().map(|(fold, _)| side(&chosen, fold))).collect())
}

fn side(test: &BTreeSet<String>, name: &str) -> Subset {
    if test.contains(name) { Subset::Test } else { Subset::Train }
}

/// Checks that the names for test exist and leave something to learn from.
fn chosen(key: &'static str, names: Vec<String>, known: &[String]) -> Result<BTreeSet<String>, LabelsError> {
    if let Some(found) = names.iter().find(|name| !known.contains(name)) {
        let hint = nearest(found, known);
        return Err(LabelsError::NotThere { key, found: found.clone(), hint, known: known.to_vec() });
    }
    let chosen: BTreeSet<String> = names.into_iter().collect();
    if chosen.len() == known.len() { Err(LabelsError::NothingLeft { key }) } else { Ok(chosen) }
}

/// The most similar known name, where one is similar enough. A number is never similar to another.
fn nearest(name: &str, known: &[String]) -> Option<String> {
    if name.parse::<u64>().is_ok() {
        return None;
    }
    let distance = |other: &&String| strsim::damerau_levenshtein(&other.to_lowercase(), &name.to_lowercase());
    known.iter().min_by_key(distance).filter(|other| distance(other) <= 1 + name.chars().count() / 4).cloned()
}

/// Moves whole groups from train to validation. Divided groups stay in train, since their other part is test.
fn carve(recordings: &[SplitRecording], rows: &mut [SplitRow], params: &SplitSettings) -> Result<(), LabelsError> {
    if params.validation_fraction <= 0.0 {
        return Ok(());
    }
    let kept: BTreeSet<String> = divided(rows).into_iter().map(str::to_owned).collect();
    let train = recordings.iter().zip(&*rows).filter(|(_, row)| row.subset == Subset::Train && !kept.contains(&row.group_id));
    let groups = gather(train.map(|(recording, _)| recording));
    let carved = stratify::carve_validation(&groups, params.validation_fraction, params.seed)?;
    let taken: BTreeSet<&str> = groups
        .iter()
        .zip(&carved.assignments)
        .filter(|(_, assignment)| assignment.subset == Subset::Validation)
        .map(|(group, _)| group.id.as_str())
        .collect();
    for row in rows.iter_mut().filter(|row| row.subset == Subset::Train && taken.contains(row.group_id.as_str())) {
        row.subset = Subset::Validation;
        row.reason = format!("{}, taken for validation", row.reason);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
