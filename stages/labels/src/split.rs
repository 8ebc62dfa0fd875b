//! Stage `split`: which recordings the classifier learns from, is tuned on and is tested on, the tables `splits` and
//! `training_sets`.
//!
//! Only recordings that somebody reviewed and that can be read take part; the others are `unused`. Subsets come from a file, whose
//! train recordings give up a share for validation where it has none of its own, or from [`stratify`] over whole groups.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chorus_engine::{Scan, ScanContext, Unit, UnitContext, Work, WorkError, hash_bytes};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Deserialize;

use crate::error::LabelsError;
use crate::files;
use crate::species::{self, SubsetRow};
use crate::stratify::{self, Fractions, Group};
use crate::subset::Subset;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    split: SplitParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitParams {
    source: Source,
    file: Option<String>,
    group: GroupBy,
    test_fraction: f64,
    validation_fraction: f64,
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Grouped,
    File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GroupBy {
    Recording,
    Site,
    Night,
}

/// The stage.
pub struct Split;

impl Work for Split {
    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let Params { split } = cx.params()?;
        let mut scan = Scan::default();
        if let Some(file) = split.file.filter(|_| split.source == Source::File) {
            let hash = hash_bytes(&files::read(&cx.archive()?.join(&file))?);
            scan.all.insert(file, hash);
        }
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { split } = cx.params()?;
        let recordings = read(cx, split.group)?;
        if !recordings.iter().any(|r| r.excuse.is_none()) {
            return Err(LabelsError::NothingReviewed.into());
        }
        let (mut rows, absent) = match (&split.file, split.source) {
            (Some(file), Source::File) => {
                let path = cx.archive()?.join(file);
                from_file(&path, &species::subsets(&path, &files::read(&path)?)?, &recordings, &split)?
            }
            _ => grouped(&recordings, &split)?,
        };
        tell(cx, &rows, &absent);
        rows.sort_by(|a, b| a.recording_id.cmp(&b.recording_id));
        cx.write("splits", |batch| {
            batch
                .utf8(rows.iter().map(|r| &r.recording_id))
                .utf8(rows.iter().map(|r| &r.group_id))
                .utf8(rows.iter().map(|r| r.subset.as_str()))
                .utf8(rows.iter().map(|r| &r.reason))
        })?;
        rows.retain(|r| matches!(r.subset, Subset::Train | Subset::Validation));
        cx.write("training_sets", |batch| {
            batch
                .utf8(rows.iter().map(|r| &r.recording_id))
                .utf8(rows.iter().map(|r| r.subset.as_str()))
                .utf8(rows.iter().map(|r| &r.unit))
        })?;
        Ok(())
    }
}

/// A recording, as far as a split is concerned.
#[derive(Debug, Clone, PartialEq, Default)]
struct Recording {
    id: String,
    stem: String,
    site: String,
    /// The part of the partitioned tables that holds it.
    unit: String,
    group: String,
    /// Why it takes no part.
    excuse: Option<&'static str>,
    /// Positive windows by class.
    positives: BTreeMap<String, u64>,
}

/// A row of `splits`.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    recording_id: String,
    group_id: String,
    unit: String,
    subset: Subset,
    reason: String,
}

impl Row {
    fn new(recording: &Recording, subset: Subset, reason: impl Into<String>) -> Self {
        Self {
            recording_id: recording.id.clone(),
            group_id: recording.group.clone(),
            unit: recording.unit.clone(),
            subset,
            reason: reason.into(),
        }
    }
}

fn read(cx: &UnitContext<'_>, group: GroupBy) -> Result<Vec<Recording>, WorkError> {
    let mut reviewed = BTreeSet::new();
    for (_, batch) in cx.read_all("reviews", &["recording_id", "reviewed"])? {
        let of = batch.utf8("recording_id")?.iter().zip(batch.bool("reviewed")?);
        reviewed.extend(of.filter(|(_, is)| *is == Some(true)).filter_map(|(id, _)| Some(id?.to_owned())));
    }
    let mut positives: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for partition in cx.partitions("labels")? {
        let batch = cx.read_partition("labels", &partition, &["recording_id", "class", "value"])?;
        for ((id, class), value) in batch.utf8("recording_id")?.iter().zip(batch.utf8("class")?).zip(batch.i32("value")?) {
            if let (Some(id), Some(class), Some(1)) = (id, class, value) {
                *positives.entry(id.to_owned()).or_default().entry(class.to_owned()).or_default() += 1;
            }
        }
    }
    let mut recordings = Vec::new();
    for (unit, batch) in cx.read_all("recordings", &["recording_id", "path", "start_local", "duration_s"])? {
        let columns = batch
            .utf8("recording_id")?
            .iter()
            .zip(batch.utf8("path")?)
            .zip(batch.micros("start_local")?)
            .zip(batch.f64("duration_s")?);
        for (((id, path), local_us), duration_s) in columns {
            let (Some(id), Some(path)) = (id, path) else { continue };
            let name = path.rsplit('/').next().unwrap_or(path);
            recordings.push(Recording {
                id: id.to_owned(),
                stem: name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned(),
                site: unit.site().to_owned(),
                unit: unit.to_string(),
                group: group_of(group, id, &unit, local_us),
                excuse: match (duration_s, reviewed.contains(id)) {
                    (None, _) => Some("cannot be read"),
                    (_, false) => Some("not reviewed"),
                    _ => None,
                },
                positives: positives.remove(id).unwrap_or_default(),
            });
        }
    }
    recordings.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(recordings)
}

/// The group of a recording; without a trustworthy time a recording is a night by itself.
fn group_of(group: GroupBy, id: &str, unit: &Unit, local_us: Option<i64>) -> String {
    let night = || {
        let local = Offset::UTC.to_datetime(Timestamp::from_microsecond(local_us?).ok()?);
        if local.hour() < 12 { local.date().yesterday().ok() } else { Some(local.date()) }
    };
    match group {
        GroupBy::Recording => id.to_owned(),
        GroupBy::Site => unit.site().to_owned(),
        GroupBy::Night => night().map_or_else(|| id.to_owned(), |night| format!("{} {night}", unit.site())),
    }
}

/// Recordings gathered into groups.
fn groups<'a>(recordings: impl Iterator<Item = &'a Recording>) -> Vec<Group> {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for recording in recordings {
        let new = || Group { id: recording.group.clone(), recordings: 0, positives: BTreeMap::new() };
        let group = groups.entry(&recording.group).or_insert_with(new);
        group.recordings += 1;
        for (class, count) in &recording.positives {
            *group.positives.entry(class.clone()).or_default() += count;
        }
    }
    groups.into_values().collect()
}

type Rows = (Vec<Row>, Vec<stratify::Absence>);

fn grouped(recordings: &[Recording], params: &SplitParams) -> Result<Rows, LabelsError> {
    let SplitParams { test_fraction: test, validation_fraction, seed, .. } = *params;
    let validation = (1.0 - test) * validation_fraction;
    let fractions = Fractions { train: 1.0 - test - validation, validation, test };
    let groups = groups(recordings.iter().filter(|r| r.excuse.is_none()));
    let split = stratify::split(&groups, fractions, seed)?;
    let place: BTreeMap<&str, &stratify::Assignment> = groups.iter().map(|g| g.id.as_str()).zip(&split.assignments).collect();
    let row = |r: &Recording| match r.excuse {
        Some(excuse) => Row::new(r, Subset::Unused, excuse),
        None => Row::new(r, place[r.group.as_str()].subset, place[r.group.as_str()].reason.clone()),
    };
    Ok((recordings.iter().map(row).collect(), split.absent))
}

fn from_file(path: &Path, rows: &[SubsetRow], recordings: &[Recording], params: &SplitParams) -> Result<Rows, LabelsError> {
    let stem = |name: &str| {
        name.rsplit_once('.').filter(|(_, e)| e.len() <= 4 && !e.contains('/')).map_or(name, |(stem, _)| stem).to_owned()
    };
    let listed: BTreeMap<(Option<&str>, String), Subset> =
        rows.iter().map(|row| ((row.site.as_deref(), stem(&row.recording)), row.subset)).collect();
    let find = |r: &Recording| {
        listed.get(&(Some(r.site.as_str()), r.stem.clone())).or_else(|| listed.get(&(None, r.stem.clone()))).copied()
    };
    if !recordings.iter().any(|r| find(r).is_some()) {
        let first = rows.first().map(|row| row.recording.clone()).unwrap_or_default();
        return Err(LabelsError::NoMatch { path: path.to_owned(), rows: rows.len(), first });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut split: Vec<Row> = recordings
        .iter()
        .map(|r| match (r.excuse, find(r)) {
            (Some(excuse), _) => Row::new(r, Subset::Unused, excuse),
            (None, Some(subset)) => Row::new(r, subset, format!("{} in {name}", subset.as_str())),
            (None, None) => Row::new(r, Subset::Unused, format!("not in {name}")),
        })
        .collect();
    if split.iter().any(|row| row.subset == Subset::Validation) {
        return Ok((split, Vec::new()));
    }
    let train = groups(recordings.iter().zip(&split).filter(|(_, row)| row.subset == Subset::Train).map(|(r, _)| r));
    let carved = stratify::carve_validation(&train, params.validation_fraction, params.seed)?;
    let validation: BTreeSet<&str> = train
        .iter()
        .zip(&carved.assignments)
        .filter(|(_, a)| a.subset == Subset::Validation)
        .map(|(g, _)| g.id.as_str())
        .collect();
    for row in split.iter_mut().filter(|row| row.subset == Subset::Train && validation.contains(row.group_id.as_str())) {
        row.subset = Subset::Validation;
        row.reason = format!("taken from train in {name}");
    }
    Ok((split, carved.absent))
}

/// Says how many recordings there are on each side, and which classes a side lacks.
fn tell(cx: &UnitContext<'_>, rows: &[Row], absent: &[stratify::Absence]) {
    let count = |subset: Subset| rows.iter().filter(|row| row.subset == subset).count();
    let sides = [Subset::Train, Subset::Validation, Subset::Test, Subset::Unused];
    let counts: Vec<String> = sides.iter().map(|&s| format!("{} {}", count(s), s.as_str())).collect();
    cx.console().say(&format!("{:17} {} recordings", "split", counts.join(", ")));
    for side in &sides[..3] {
        let classes: Vec<&str> = absent.iter().filter(|a| a.subset == *side).map(|a| a.class.as_str()).collect();
        if !classes.is_empty() {
            cx.console().warn(&format!("split: no recording in {} with {}", side.as_str(), classes.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(id: &str, site: &str, class: &str) -> Recording {
        Recording {
            id: id.into(),
            stem: format!("{site}_{id}"),
            site: site.into(),
            group: id.into(),
            positives: [(class.to_owned(), 2)].into(),
            ..Recording::default()
        }
    }

    fn params(source: Source) -> SplitParams {
        SplitParams { source, file: None, group: GroupBy::Recording, test_fraction: 0.25, validation_fraction: 0.25, seed: 0 }
    }

    fn subsets(rows: &[Row]) -> Vec<&'static str> {
        rows.iter().map(|row| row.subset.as_str()).collect()
    }

    #[test]
    fn recordings_that_nobody_reviewed_or_that_cannot_be_read_are_unused() {
        let mut recordings: Vec<Recording> = (0..8).map(|i| recording(&format!("r{i}"), "A", "X")).collect();
        recordings[3].excuse = Some("not reviewed");
        let (rows, absent) = grouped(&recordings, &params(Source::Grouped)).unwrap();
        assert_eq!((rows[3].subset, rows[3].reason.as_str()), (Subset::Unused, "not reviewed"));
        assert_eq!(rows.iter().filter(|r| r.subset == Subset::Unused).count(), 1);
        assert!(absent.is_empty());
        let others: BTreeSet<_> = subsets(&rows).into_iter().collect();
        assert_eq!(others.len(), 4, "{others:?}");
    }

    #[test]
    fn a_file_decides_by_site_and_stem_and_validation_is_taken_from_its_train_recordings() {
        let mut recordings: Vec<Recording> = (0..10).map(|i| recording(&format!("r{i}"), "A", "X")).collect();
        recordings.push(Recording { stem: "A_r0".into(), ..recording("s0", "B", "X") });
        let row = |stem: String, site: Option<&str>, subset| SubsetRow { recording: stem, site: site.map(str::to_owned), subset };
        let mut file: Vec<SubsetRow> = (0..8).map(|i| row(format!("A_r{i}.wav"), Some("A"), Subset::Train)).collect();
        file.push(row("A_r8".into(), None, Subset::Test));
        let (rows, _) = from_file(Path::new("x/subset.csv"), &file, &recordings, &params(Source::File)).unwrap();
        let found = subsets(&rows);
        assert_eq!(found.iter().filter(|s| **s == "validation").count(), 2);
        assert_eq!(found.iter().filter(|s| **s == "train").count(), 6);
        assert_eq!((found[8], found[9], found[10]), ("test", "unused", "unused"));
        assert_eq!(rows[9].reason, "not in subset.csv");
        file.push(row("A_r9".into(), None, Subset::Validation));
        let (rows, _) = from_file(Path::new("x/subset.csv"), &file, &recordings, &params(Source::File)).unwrap();
        assert_eq!(subsets(&rows).iter().filter(|s| **s == "validation").count(), 1, "the file has one of its own");
        let strange = [row("other".into(), None, Subset::Test)];
        let error = from_file(Path::new("x/subset.csv"), &strange, &recordings, &params(Source::File)).unwrap_err().to_string();
        assert!(error.contains("x/subset.csv") && error.contains("`other`"), "{error}");
    }

    #[test]
    fn a_night_goes_from_noon_to_noon() {
        let unit = Unit::SiteDay { site: "A".into(), date: None, part: 0 };
        let at = |text: &str| {
            let local: jiff::civil::DateTime = text.parse().unwrap();
            Some(Offset::UTC.to_timestamp(local).unwrap().as_microsecond())
        };
        assert_eq!(group_of(GroupBy::Night, "r", &unit, at("2020-03-02T05:00:00")), "A 2020-03-01");
        assert_eq!(group_of(GroupBy::Night, "r", &unit, at("2020-03-01T12:00:00")), "A 2020-03-01");
        assert_eq!(group_of(GroupBy::Night, "r", &unit, None), "r");
        assert_eq!(group_of(GroupBy::Site, "r", &unit, None), "A");
    }
}
