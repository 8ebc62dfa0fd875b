//! Stage `split`: which recordings the classifier learns from, is tuned on and is tested on, the tables `splits`,
//! `split_classes` and `training_sets`.
//!
//! Only recordings that somebody reviewed and that can be read are used; the others are `unused`. The test set is a stratified
//! share, a fold, a site, or comes from a file. Validation is taken from the rest. Whole groups go to one side. Recordings with
//! the same content are one group, since a copy of a training recording is no test.
//!
//! Where a given model is judged, nothing is learnt: all recordings are test, but for those on which new thresholds are chosen
//! (`split.threshold_fraction`).

mod account;
mod groups;
mod params;
mod recordings;
mod rows;
mod sides;

use chorus_archive::Kind;
use chorus_engine::graph::{Input, MODEL_CARD, Output, Pass, Per, has_labels, judges_given_model};
use chorus_engine::{Config, Fault, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};

use crate::error::LabelsError;
use crate::files;
use crate::recording_list::RecordingList;
use crate::subset::Subset;
use account::ClassRow;
use params::Source;
pub(crate) use params::{SplitSettings, missing_keys, without_effect};
use rows::SplitRow;

/// The key that names a given model.
const GIVEN: &str = "model.path";

/// The stage.
pub struct Split;

impl Split {
    /// What the stage declares of itself; a run that only applies a model has nothing to split.
    pub fn declare(config: &Config) -> Option<Pass> {
        use Input::{Archive, Model, Table};
        let mut inputs = vec![Archive, Table("recordings"), Table("reviews"), Table("labels"), Table("classes")];
        if judges_given_model(config) {
            // Stands for the model in the fingerprint: its content counts, and not where it is.
            inputs.push(Model(MODEL_CARD));
        }
        has_labels(config).then(|| Pass {
            code_version: 3,
            inputs,
            outputs: vec![Output::Table("splits"), Output::Table("split_classes"), Output::Table("training_sets")],
            keys: vec!["split.*", GIVEN],
            // The one is read by the stages that learn without labels. Of the other it counts whether there is one.
            hints: vec!["split.judged_groups_teach", GIVEN],
            ..Pass::new("split", Per::Run)
        })
    }
}

impl Work for Split {
    type Found = ();

    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        let (split, archive) = (cx.settings::<SplitSettings>()?, cx.archive()?);
        let lists = [("split.file", split.list()), (split.group_key(), split.group_list())];
        let mut missing = Vec::new();
        for (key, file) in lists.into_iter().filter_map(|(key, file)| Some((key, file?))) {
            if archive.kind_of(file)? != Some(Kind::File) {
                missing.push((key, file));
            }
        }
        let fault = |(key, file): (&'static str, &str)| Fault {
            key,
            found: format!("`{file}`, and the archive has no such file"),
            allowed: "name a CSV file within the archive".to_owned(),
        };
        let mut faults: Vec<Fault> = missing.into_iter().map(fault).collect();
        faults.dedup();
        Ok(faults)
    }

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        let split = cx.settings::<SplitSettings>()?;
        let mut scan = Scan::default();
        for file in [split.list(), split.group_list()].into_iter().flatten() {
            scan.all.insert(file.to_owned(), hash_bytes(&files::read(cx.archive()?, file)?));
        }
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let split = cx.settings::<SplitSettings>()?;
        let split = if cx.value::<Option<String>>(GIVEN)?.is_some() { split.of_given_model() } else { (*split).clone() };
        let (rows, classes) = make(cx, &split)?;
        write(cx, rows, &classes)
    }
}

/// Splits the recordings and says how.
fn make(cx: &UnitContext<'_>, split: &SplitSettings) -> Result<(Vec<SplitRow>, Vec<ClassRow>), WorkError> {
    let mut recordings = recordings::read(cx, split.group)?;
    if !recordings.iter().any(|r| r.excuse.is_none()) {
        return Err(LabelsError::NothingReviewed.into());
    }
    let mut notes = Vec::new();
    if let Some(file) = split.group_list() {
        notes.extend(groups::from_list(&mut recordings, &list(cx, file)?, &split.group_column)?);
    }
    if split.source == Source::LeaveOneSiteOut {
        sides::hold_out(&mut recordings, split)?;
    }
    notes.extend(groups::join_copies(&mut recordings));
    let mut rows = match (split.source, split.list()) {
        (Source::Grouped, _) if split.is_model_given => sides::judged(&recordings, split)?,
        (Source::File, Some(file)) => {
            let (rows, said) = sides::from_file(&list(cx, file)?, &recordings, split)?;
            notes.extend(said);
            rows
        }
        (Source::LeaveOneSiteOut, _) => sides::by_site(&recordings, split)?,
        (Source::Folds, _) => sides::by_fold(&recordings, split)?,
        (Source::Grouped | Source::File, _) => sides::grouped(&recordings, split)?,
    };
    if split.is_model_given {
        sides::leave_untaught(&mut rows);
    }
    let mut classes = Vec::new();
    for (_, batch) in cx.read_all("classes", &["class"])? {
        classes.extend(batch.texts("class")?.into_iter().flatten());
    }
    let classes = account::classes(&classes, &recordings, &rows);
    account::tell(cx.console(), &rows, &classes, &split.wanted_sides(), &notes);
    Ok((rows, classes))
}

fn list(cx: &UnitContext<'_>, file: &str) -> Result<RecordingList, WorkError> {
    let archive = cx.archive()?;
    Ok(RecordingList::read(&archive.location(file), &files::read(archive, file)?)?)
}

fn write(cx: &UnitContext<'_>, mut rows: Vec<SplitRow>, classes: &[ClassRow]) -> Result<(), WorkError> {
    rows.sort_by(|a, b| a.recording_id.cmp(&b.recording_id));
    cx.write("splits", |batch| {
        batch
            .column("recording_id", rows.iter().map(|r| &r.recording_id))
            .column("group_id", rows.iter().map(|r| &r.group_id))
            .column("subset", rows.iter().map(|r| r.subset.as_str()))
            .column("reason", rows.iter().map(|r| &r.reason))
    })?;
    cx.write("split_classes", |batch| {
        batch
            .column("class", classes.iter().map(|c| &c.class))
            .column("subset", classes.iter().map(|c| c.subset.as_str()))
            .column("recordings", classes.iter().map(|c| c.recordings))
            .column("windows_positive", classes.iter().map(|c| c.windows_positive))
    })?;
    rows.retain(|r| matches!(r.subset, Subset::Train | Subset::Validation));
    cx.write("training_sets", |batch| {
        batch
            .column("recording_id", rows.iter().map(|r| &r.recording_id))
            .column("subset", rows.iter().map(|r| r.subset.as_str()))
            .column("unit", rows.iter().map(|r| &r.unit))
    })?;
    Ok(())
}
