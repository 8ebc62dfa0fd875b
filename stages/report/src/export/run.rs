//! The tables of a run as an export reads them: recordings one after the other, each with its detections.
//!
//! Recordings come by site, local date and path ([`passes`]); a unit's tables are in memory at a time and no more.

mod looked_for;
mod names;
mod passes;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chorus_archive::{Archive, ArchiveError};
use chorus_audio::container::channels::Choice;
use chorus_card::{Card, DECISIONS, Decisions, MODEL_CARD, Names, Taxon};
use chorus_engine::{Partition, RunTables, Unit, model_file};
use chorus_score::{Classes, Told};
use chorus_tables::schema;

use super::error::ExportError;
use super::filter::{self, Filter};
use crate::speech::{self, Speech};

/// The tables that every export reads. A run that only applies a model has neither `classes` nor `taxa`.
pub(crate) const READ: [&str; 4] = ["recordings", "detections", "classes", TAXA];
/// The table of what the code table says of the classes.
const TAXA: &str = "taxa";
/// The table of how far detections are to be expected, which a run makes on request.
pub(crate) const PLAUSIBILITY: &str = "plausibility";
/// The key that asks for it.
pub(crate) const EXPECTED: &str = "plausibility.table";
/// The table that names the classes of a run without `classes`, and says at which sites each was looked for.
const ACTIVITY: &str = "activity";

/// A run.
pub struct Run {
    tables: RunTables,
    /// The tables that may be read: whether these are fresh was looked at.
    declared: Vec<&'static str>,
    /// Names by class: those of the table `classes`, or else of the model's card.
    names: BTreeMap<Arc<str>, Names>,
    /// What else the code table says of classes: the table `taxa`, or else the file in the model's folder.
    taxa: BTreeMap<Arc<str>, Taxon>,
    /// Where somebody speaks, if that is withheld.
    speech: Option<Speech>,
    /// Detections that the last pass over recordings withheld for speech.
    withheld: AtomicU64,
}

/// The tables that are read with this filter by whoever reads these.
pub(crate) fn tables(run: &RunTables, filter: &Filter, read: &[&'static str]) -> Vec<&'static str> {
    let mut tables = read.to_vec();
    // Where no table names the classes, the activity does, once it is made.
    let has = |name: &str| run.present().iter().any(|table| table.name == name);
    let asks_for_classes = !filter.classes.is_empty() || (read.contains(&"classes") && has(ACTIVITY));
    if asks_for_classes && !has("classes") && !tables.contains(&ACTIVITY) {
        tables.push(ACTIVITY);
    }
    let is_asked = run.config().is_some_and(|config| config.values().text(EXPECTED).is_some());
    if is_asked && tables.contains(&"detections") && !tables.contains(&PLAUSIBILITY) {
        tables.push(PLAUSIBILITY);
    }
    if withholds(run) && !tables.contains(&speech::TABLE) {
        tables.push(speech::TABLE);
    }
    tables
}

/// Whether a run looks for speech and withholds it.
fn withholds(run: &RunTables) -> bool {
    let text = |key: &str| run.config().and_then(|config| config.values().text(key));
    text("privacy.backbone").is_some() && text("privacy.speech") == Some("withhold")
}

impl Run {
    /// A run of which these tables may be read.
    ///
    /// # Errors
    /// Those of reading the table `classes`, where the run has one.
    pub(crate) fn open(tables: &RunTables, declared: Vec<&'static str>) -> Result<Self, ExportError> {
        let withheld = AtomicU64::new(0);
        let mut run =
            Self { tables: tables.clone(), declared, names: BTreeMap::new(), taxa: BTreeMap::new(), speech: None, withheld };
        if withholds(tables) {
            run.speech = Some(run.read_speech()?);
        }
        run.read_names()?;
        Ok(run)
    }

    fn read_speech(&self) -> Result<Speech, ExportError> {
        let number = |key| self.configured(key).and_then(serde_yaml::Value::as_f64).unwrap_or_default();
        let (threshold, margin_s) = (number("privacy.threshold"), number("privacy.margin_s"));
        let mut found = Speech::default();
        for part in self.made_parts(speech::TABLE)? {
            for batch in part.open()?.batches(speech::COLUMNS)? {
                found.add(&batch?, threshold, margin_s)?;
            }
        }
        Ok(found)
    }

    /// Whether a span of a recording is withheld, in seconds, since somebody speaks there.
    pub(crate) fn withholds(&self, recording: &str, span: &Range<f64>) -> bool {
        self.speech.as_ref().is_some_and(|speech| speech.overlaps(recording, span))
    }

    /// How many detections the last pass over recordings withheld, in a sentence; `None` where it was none.
    pub(crate) fn withheld(&self) -> Option<String> {
        let n = self.withheld.load(Ordering::Relaxed);
        (n > 0).then(|| {
            format!(
                "{n} detections are withheld, since somebody speaks there, or it was not looked at (privacy.speech: withhold)"
            )
        })
    }

    /// Refuses names in a filter that the run does not have.
    ///
    /// # Errors
    /// [`ExportError::Unknown`], and those of reading the names.
    pub(crate) fn check(&self, filter: &Filter) -> Result<(), ExportError> {
        if !filter.sites.is_empty() {
            filter::known("site", &filter.sites, &self.sites()?)?;
        }
        if !filter.classes.is_empty() {
            filter::known("class", &filter.classes, &self.classes()?.iter().map(|class| class.to_string()).collect())?;
        }
        Ok(())
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.tables.path()
    }

    /// The file of the model's decisions; `None` where the run has no readable configuration.
    pub(crate) fn decisions(&self) -> Option<PathBuf> {
        Some(model_file(self.tables.config()?, self.tables.run_dir(), DECISIONS))
    }

    /// The classes that were left out of the detections, in lines ([`Told::lines`]); none where it was none, or the model's decisions cannot be
    /// read any more.
    ///
    /// # Errors
    /// Those of [`Run::sites`].
    pub(crate) fn left_out(&self) -> Result<Vec<String>, ExportError> {
        let config = self.tables.config().filter(|config| config.values().has("detect.classes"));
        let Some(config) = config else { return Ok(Vec::new()) };
        let decisions = self.decisions().and_then(|path| Decisions::read(&path).ok());
        let classes = config.value("detect.classes").unwrap_or(Classes::All);
        let told = Told::of(decisions.as_ref(), classes, config.get("detect.threshold").as_f64());
        Ok(told.lines(&self.sites()?))
    }

    /// The value of a configuration key with which the run was last made.
    pub(crate) fn configured(&self, key: &str) -> Option<&serde_yaml::Value> {
        Some(self.tables.config()?.get(key))
    }

    /// The channels that the model heard.
    pub(crate) fn channels(&self) -> Choice {
        let named = self.configured("archive.channel").and_then(|channel| serde_yaml::from_value(channel.clone()).ok());
        named.unwrap_or_default()
    }

    /// The channel that a table for another program names, from 1: the one that the model heard, or the first where it heard the mean.
    pub(crate) fn channel(&self) -> u16 {
        match self.channels() {
            Choice::Channel(number) => number,
            Choice::Mix => 1,
        }
    }

    /// The value of a key that holds text; `None` for null, and where the run is older than the key.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.tables.config()?.values().text(key)
    }

    /// The frequencies that the model hears, Hz; `None` for a head on a backbone, whose own features nobody states, and where the model's
    /// card cannot be read any more.
    pub(crate) fn band_hz(&self) -> Option<(f64, f64)> {
        let card = Card::read(&model_file(self.tables.config()?, self.tables.run_dir(), MODEL_CARD)).ok()?;
        let number = |key| card.setting(key).and_then(serde_yaml::Value::as_f64);
        let high = number("featurize.f_max_hz").or_else(|| Some(number("featurize.sample_rate_hz")? / 2.0))?;
        card.backbone.is_none().then(|| (number("featurize.f_min_hz").unwrap_or(0.0), high))
    }

    /// Whether a stage of the run makes a table; also where its stages are not known.
    pub(crate) fn makes(&self, table: &str) -> bool {
        self.tables.makes(table)
    }

    /// The command that runs a stage of the run, and before it what of earlier stages is stale.
    pub(crate) fn stage_command(&self, stage: &str) -> String {
        self.tables.stage_command(stage)
    }

    /// The folder of the recordings, as the run's configuration names it.
    pub fn archive(&self) -> Option<PathBuf> {
        self.tables.config()?.text("archive.path").map(PathBuf::from)
    }

    /// The archive of the recordings; `None` where the configuration names none.
    ///
    /// # Errors
    /// A URL that cannot be an archive.
    pub(crate) fn sound(&self) -> Result<Option<Arc<dyn Archive>>, ArchiveError> {
        self.tables.config().map_or(Ok(None), |config| chorus_store::named(config.values()))
    }

    /// The files of a table, in the order of their units; none of a table that the run does not make.
    pub(crate) fn parts(&self, table: &'static str) -> Result<Vec<Partition>, ExportError> {
        self.may_read(table)?;
        Ok(self.tables.partitions(table)?)
    }

    /// The same of a table that has to be there.
    pub(crate) fn made_parts(&self, table: &'static str) -> Result<Vec<Partition>, ExportError> {
        self.may_read(table)?;
        Ok(self.tables.made_partitions(table)?)
    }

    fn may_read(&self, table: &'static str) -> Result<(), ExportError> {
        if self.declared.contains(&table) { Ok(()) } else { Err(ExportError::Undeclared { table }) }
    }

    /// The sites with recordings.
    ///
    /// # Errors
    /// [`ExportError::Run`].
    pub fn sites(&self) -> Result<BTreeSet<String>, ExportError> {
        Ok(self.made_parts("recordings")?.iter().map(|part| part.unit.site().to_owned()).collect())
    }

    /// All recordings, also those that cannot be read: `recording_id`, path, and the recording that each is a copy of.
    ///
    /// # Errors
    /// Those of reading the table `recordings`.
    pub(crate) fn all_recordings(&self) -> Result<Vec<(String, String, Option<String>)>, ExportError> {
        let mut found = Vec::new();
        for part in self.made_parts("recordings")? {
            let batch = part.read(&["recording_id", "path", "copy_of"])?;
            let rows = batch.texts("recording_id")?.into_iter().zip(batch.texts("path")?).zip(batch.texts("copy_of")?);
            found.extend(rows.filter_map(|((id, path), copy_of)| Some((id?, path?, copy_of))));
        }
        Ok(found)
    }

    /// The error of a unit that lacks a table.
    pub(crate) fn part_missing(&self, table: &'static str, unit: &Unit) -> ExportError {
        match schema(table) {
            Ok(schema) => ExportError::PartMissing {
                run: self.path().to_owned(),
                table,
                command: self.tables.command(schema),
                unit: unit.to_string(),
            },
            Err(error) => error.into(),
        }
    }
}
