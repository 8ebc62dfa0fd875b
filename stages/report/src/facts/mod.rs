//! What the report tells, gathered from the tables of a run.
//!
//! Tables are read a batch at a time with only the columns that count, and summed up on the way: memory grows with sites,
//! nights and classes, not with recordings or detections. A run without labels has fewer tables; what they would tell stays
//! empty.

mod alarms;
mod best;
pub(crate) mod cells;
mod curves;
pub(crate) mod day;
pub(crate) mod expected;
mod found;
mod learned;
mod names;
pub(crate) mod prevalence;
pub(crate) mod rarefaction;
mod recorded;
#[cfg(test)]
pub(crate) mod rows;
mod scores;
pub(crate) mod sounds;
#[cfg(test)]
pub(crate) mod specimen;
mod sun;
mod tally;
mod unlike;

use std::collections::{BTreeMap, BTreeSet};

use chorus_card::{Card, DECISIONS, Decisions, GivenBackbone, MODEL_CARD, TAXA, Taxa};
use chorus_engine::{EngineError, Partition, Unit, UnitContext, WorkError};
use chorus_score::{LeftOut, Told};
use chorus_tables::{Batch, TableError, TableReader, schema};

use crate::class_names;

pub(crate) use alarms::OfClass;
pub(crate) use best::{Heard, Pick, Sound};
pub(crate) use curves::{Bin, Point};
pub(crate) use day::Day;
pub(crate) use found::{Class, Found, HOURS};
#[cfg(test)]
pub(crate) use learned::Held;
pub(crate) use learned::{Epoch, Learned, Subset};
pub(crate) use names::Names;
pub(crate) use recorded::{Damaged, Recorded, Site};
pub(crate) use scores::{BY_SITE, Metrics, Scope, Scores};
pub(crate) use sounds::SoundLevels;
pub(crate) use sun::{Anchor, HalfHour};
pub(crate) use tally::Tally;
pub(crate) use unlike::Group;

/// All that the page is made from.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// What was recorded.
    pub(crate) recorded: Recorded,
    /// How loud it was by site; empty in a run that does not measure it.
    pub(crate) sounds: BTreeMap<String, SoundLevels>,
    /// The windows that recordings were cut into.
    pub(crate) windows: Windows,
    /// What the classifier found.
    pub(crate) found: Found,
    /// Groups of sounds that are unlike everything that was learned, the largest first; `None` in a run that does not look for them.
    pub(crate) unlike: Option<Vec<Group>>,
    /// How plausible detections are, by class; empty in a run without a table that says so.
    pub(crate) expected: BTreeMap<String, expected::BySite>,
    /// How often each class calls, as `chorus prevalence` estimated it; `None` where the configuration names no estimate.
    pub(crate) prevalence: Option<Vec<prevalence::OfNight>>,
    /// The classes that validation does not show to be told, which detect left out.
    pub(crate) left_out: Vec<LeftOut>,
    /// What the classifier learned from; `None` in a run that brings its model along.
    pub(crate) learned: Option<Learned>,
    /// How well it does; `None` where nothing could be measured.
    pub(crate) scores: Option<Scores>,
    /// What classes are called, and their keys in taxonomies, as far as the run knows them.
    pub(crate) names: Names,
    /// Hash of the model's weights.
    pub(crate) model_id: Option<String>,
    /// The backbone on whose embeddings the model is a head, or from which it was distilled.
    pub(crate) backbone: Option<GivenBackbone>,
}

/// The windows that recordings are cut into.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// How many.
    pub(crate) count: u64,
    /// Length of one, seconds; `None` without any.
    pub(crate) length_s: Option<f64>,
}

/// Reads the tables of the run; of each class so many of the highest detections are singled out, and at least the highest. Common names are
/// those of a language, by ISO 639-3.
pub(crate) fn gather(cx: &UnitContext<'_>, per_class: usize, language: &str) -> Result<Facts, WorkError> {
    let mut facts = Facts { windows: windows(cx)?, model_id: model_id(cx)?, ..Facts::default() };
    each(cx, "activity", found::ACTIVITY, |_, batch| facts.found.add_activity(batch))?;
    each(cx, "accumulation", found::ACCUMULATION, |_, batch| facts.found.add_accumulation(batch))?;
    each(cx, "sun_activity", sun::COLUMNS, |_, batch| facts.found.sun.add(batch))?;
    let most = per_class.max(1);
    each(cx, "detections", found::DETECTIONS, |unit, batch| facts.found.add_detections(unit, most, batch))?;
    facts.found.pick(most);
    if cx.has_table("unknown_sounds") {
        let groups = facts.unlike.insert(Vec::new());
        each(cx, "unknown_sounds", unlike::COLUMNS, |_, batch| unlike::add(groups, per_class, batch))?;
    }
    each(cx, "recordings", recorded::COLUMNS, |unit, batch| {
        let site = unit.site();
        // Detections and unknown sounds came first, so that the few recordings that they single out can be named on this one pass.
        facts.found.name_recordings(site, batch)?;
        facts.unlike.iter_mut().flatten().flat_map(|group| &mut group.picks).try_for_each(|pick| pick.meet(site, batch))?;
        facts.recorded.add(site, batch)
    })?;
    each(cx, sounds::TABLE, sounds::COLUMNS, |unit, batch| sounds::add(&mut facts.sounds, unit.site(), batch))?;
    each(cx, expected::TABLE, expected::COLUMNS, |unit, batch| expected::add(&mut facts.expected, unit.site(), batch))?;
    each(cx, "classes", class_names::CLASSES, |_, batch| {
        for (class, names) in class_names::names(batch)? {
            facts.found.know(&class);
            facts.names.add(&class, names, language);
        }
        Ok(())
    })?;
    facts.prevalence = prevalence::read(cx)?;
    each(cx, "taxa", class_names::TAXA, |_, batch| {
        class_names::taxa(batch)?.into_iter().for_each(|(class, taxon)| facts.names.add_taxon(&class, taxon, language));
        Ok(())
    })?;
    facts.left_out = left_out(cx, facts.recorded.sites.keys().cloned().collect())?;
    facts.left_out.iter().for_each(|left| facts.found.know(&left.class));
    // A report does without what the card says when it cannot be read: the passes that need the model say what is wrong with it.
    let card = cx.model_file(MODEL_CARD)?.and_then(|path| Card::read(&path).ok());
    facts.backbone = card.as_ref().and_then(|card| card.backbone.clone().or_else(|| card.distilled_from.clone()));
    if !cx.has_table("classes") {
        let names = card.map(|card| card.names).unwrap_or_default();
        names.into_iter().for_each(|(class, names)| facts.names.add(&class, names, language));
        let taxa = cx.model_file(TAXA)?.and_then(|path| Taxa::read(&path).ok()).unwrap_or_default();
        taxa.classes.into_iter().for_each(|(class, taxon)| facts.names.add_taxon(&class, taxon, language));
    }
    if cx.has_table("splits") {
        let learned = facts.learned.insert(Learned::default());
        each(cx, "splits", learned::SPLITS, |_, batch| learned.add_splits(batch))?;
        each(cx, "split_classes", learned::SPLIT_CLASSES, |_, batch| learned.add_split_classes(batch))?;
        each(cx, "annotations", learned::ANNOTATIONS, |_, batch| learned.add_annotations(batch))?;
        each(cx, "reviews", learned::REVIEWS, |_, batch| learned.add_reviews(batch))?;
        each(cx, "training_log", learned::TRAINING_LOG, |_, batch| learned.add_epochs(batch))?;
    }
    if cx.has_table("metrics") {
        let scores = facts.scores.insert(Scores::default());
        each(cx, "metrics", scores::METRICS, |_, batch| scores.add_metrics(batch))?;
        scores.settle();
        each(cx, "thresholds", scores::THRESHOLDS, |_, batch| scores.add_thresholds(batch))?;
        each(cx, "false_alarms", alarms::COLUMNS, |_, batch| scores.alarms.add(batch))?;
        each(cx, "curves", curves::CURVES, |_, batch| scores.curves.add_curves(batch))?;
        each(cx, "reliability", curves::RELIABILITY, |_, batch| scores.curves.add_reliability(batch))?;
    }
    Ok(facts)
}

/// The classes that detect left out at these sites.
fn left_out(cx: &UnitContext<'_>, sites: BTreeSet<String>) -> Result<Vec<LeftOut>, WorkError> {
    // The pass detect says what is wrong with decisions that cannot be read.
    let decisions = cx.model_file(DECISIONS)?.and_then(|path| Decisions::read(&path).ok());
    let told = Told::of(decisions.as_ref(), cx.value("detect.classes")?, cx.value("detect.threshold")?);
    Ok(told.left_out(&sites))
}

impl Facts {
    /// The classes that were looked for at no site.
    pub(crate) fn untold(&self) -> BTreeSet<&str> {
        self.left_out.iter().filter(|left| left.sites.is_none()).map(|left| left.class.as_str()).collect()
    }

    /// Number of classes that were looked for.
    pub(crate) fn looked_for(&self) -> u64 {
        (self.found.classes.len() - self.untold().len()) as u64
    }
}

/// Hands over a table batch by batch, each with the unit that it is of.
fn each(
    cx: &UnitContext<'_>,
    table: &str,
    columns: &[&str],
    mut take: impl FnMut(&Unit, &Batch) -> Result<(), TableError>,
) -> Result<(), WorkError> {
    for partition in partitions(cx, table)? {
        for batch in open(table, &partition)?.batches(columns)? {
            if cx.stopping() {
                return Err(EngineError::Stopped.into());
            }
            take(&partition.unit, &batch?)?;
        }
    }
    Ok(())
}

/// The files of a table. One that this run does not make has none.
fn partitions(cx: &UnitContext<'_>, table: &str) -> Result<Vec<Partition>, WorkError> {
    Ok(if cx.has_table(table) { cx.partitions(table)? } else { Vec::new() })
}

fn open(table: &str, partition: &Partition) -> Result<TableReader, TableError> {
    TableReader::open(schema(table)?, &partition.path)
}

fn windows(cx: &UnitContext<'_>) -> Result<Windows, WorkError> {
    let mut windows = Windows::default();
    for partition in partitions(cx, "segments")? {
        let reader = open("segments", &partition)?;
        windows.count += reader.rows() as u64;
        if windows.length_s.is_none() && reader.rows() > 0 {
            let first = reader.rows_at(&[0], &["start_s", "end_s"])?;
            windows.length_s = Some(first.f64("end_s")?.value(0) - first.f64("start_s")?.value(0));
        }
    }
    Ok(windows)
}

/// A run applies one model, so the first row that names one will do.
fn model_id(cx: &UnitContext<'_>) -> Result<Option<String>, WorkError> {
    for table in ["activity", "metrics"] {
        for partition in partitions(cx, table)? {
            let reader = open(table, &partition)?;
            if reader.rows() > 0 {
                return Ok(Some(reader.rows_at(&[0], &["model_id"])?.utf8("model_id")?.value(0).to_owned()));
            }
        }
    }
    Ok(None)
}
