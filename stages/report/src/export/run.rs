//! The tables of a run as an export reads them: recordings one after the other, each with its detections.
//!
//! Recordings come by site, local date and path; a unit's tables are in memory at a time and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chorus_archive::{Archive, ArchiveError};
use chorus_card::{Card, DECISIONS, Decisions, MODEL_CARD, Names, TAXA as TAXA_OF_MODEL, Taxa, Taxon};
use chorus_engine::{Partition, RunTables, Unit, model_file, model_folder};
use chorus_score::clock::Clock;
use chorus_score::{Classes, Told};
use chorus_tables::{Batch, schema};
use jiff::civil::Date;

use super::clock::Start;
use super::detection::{Detection, Expectation, Recording};
use super::error::ExportError;
use super::filter::{self, Filter};
use crate::facts::cells::cell;
use crate::facts::day::Day;
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
/// The table of recorded hours by site and night.
const NIGHTS: &str = "nights";

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
    let text = |key: &str| run.config().and_then(|config| config.values().has(key).then(|| config.text(key)).flatten());
    text("privacy.backbone").is_some() && text("privacy.speech") == Some("withhold")
}

const RECORDINGS: [&str; 16] = [
    "recording_id",
    "path",
    "duration_s",
    "sample_rate_hz",
    "make",
    "model",
    "serial",
    "latitude",
    "longitude",
    "dead_channels",
    "bits_per_sample",
    "gain",
    "level_dbfs",
    "temperature_c",
    "status",
    "copy_of",
];
const DETECTIONS: [&str; 10] =
    ["recording_id", "class", "start_s", "end_s", "windows", "peak_score", "mean_score", "probability", "threshold", "model_id"];

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
        for part in run.parts("classes")? {
            let batch = part.read(&["class", "scientific_name", "english"])?;
            let columns = batch.utf8("class")?.iter().zip(batch.texts("scientific_name")?).zip(batch.texts("english")?);
            let names = columns.map(|((class, scientific_name), english)| {
                (class.unwrap_or_default().into(), Names { scientific_name, english })
            });
            run.names.extend(names);
        }
        for part in if run.declared.contains(&TAXA) { run.parts(TAXA)? } else { Vec::new() } {
            run.read_taxa(&part)?;
        }
        if run.names.is_empty() {
            let folder = match tables.config() {
                Some(config) => model_folder(config, tables.run_dir()),
                None => tables.run_dir().model(),
            };
            // Exports do without names when the model has been moved away.
            let names = Card::read(&folder.join(MODEL_CARD)).map(|card| card.names).unwrap_or_default();
            run.names.extend(names.into_iter().map(|(class, names)| (class.into(), names)));
            let taxa = Taxa::read(&folder.join(TAXA_OF_MODEL)).unwrap_or_default();
            run.taxa.extend(taxa.classes.into_iter().map(|(class, taxon)| (class.into(), taxon)));
        }
        Ok(run)
    }

    fn read_taxa(&mut self, part: &Partition) -> Result<(), ExportError> {
        let batch = part.read(&["class", "gbif_key", "ebird_code", "names"])?;
        let (classes, keys, codes) = (batch.utf8("class")?, batch.u64("gbif_key")?, batch.texts("ebird_code")?);
        for (row, (ebird_code, names)) in codes.into_iter().zip(batch.texts("names")?).enumerate() {
            // The pass annotate-classes wrote the object.
            let names = names.and_then(|names| serde_json::from_str(&names).ok()).unwrap_or_default();
            self.taxa.insert(classes.value(row).into(), Taxon { gbif_key: cell(&keys, row), ebird_code, names });
        }
        Ok(())
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

    /// The classes that were left out of the detections, in a sentence; `None` where it was none, or the model's decisions cannot be read
    /// any more.
    ///
    /// # Errors
    /// Those of [`Run::sites`].
    pub(crate) fn left_out(&self) -> Result<Option<String>, ExportError> {
        let Some(config) = self.tables.config().filter(|config| config.values().has("detect.classes")) else { return Ok(None) };
        let decisions = self.decisions().and_then(|path| Decisions::read(&path).ok());
        let classes = config.value("detect.classes").unwrap_or(Classes::All);
        let told = Told::of(decisions.as_ref(), classes, config.get("detect.threshold").as_f64());
        Ok(told.sentence(&self.sites()?))
    }

    /// The value of a configuration key with which the run was last made.
    pub(crate) fn configured(&self, key: &str) -> Option<&serde_yaml::Value> {
        Some(self.tables.config()?.get(key))
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

    /// The scientific name of a class, or else its code.
    pub fn scientific<'a>(&'a self, class: &'a str) -> &'a str {
        self.names.get(class).and_then(|names| names.scientific_name.as_deref()).unwrap_or(class)
    }

    /// Whether a class has a scientific name.
    pub(crate) fn has_scientific_name(&self, class: &str) -> bool {
        self.names.get(class).is_some_and(|names| names.scientific_name.is_some())
    }

    /// The common name of a class; empty where none is known.
    pub fn english(&self, class: &str) -> &str {
        self.names.get(class).and_then(|names| names.english.as_deref()).unwrap_or_default()
    }

    /// The key of a class in GBIF's backbone.
    pub fn gbif_key(&self, class: &str) -> Option<u64> {
        self.taxa.get(class)?.gbif_key
    }

    /// The address of a class in GBIF's backbone, which identifies the taxon; empty where none is known.
    pub(crate) fn taxon_id(&self, class: &str) -> String {
        self.gbif_key(class).map(|key| format!("https://www.gbif.org/species/{key}")).unwrap_or_default()
    }

    /// The species code of eBird.
    pub fn ebird_code(&self, class: &str) -> Option<&str> {
        self.taxa.get(class)?.ebird_code.as_deref()
    }

    /// Common names of a class by language (ISO 639-3), with the English one.
    pub(crate) fn vernacular(&self, class: &str) -> BTreeMap<&str, &str> {
        let english = Some(self.english(class)).filter(|name| !name.is_empty()).map(|name| ("eng", name));
        let names = self.taxa.get(class).into_iter().flat_map(|taxon| &taxon.names);
        names.map(|(language, name)| (language.as_str(), name.as_str())).chain(english).collect()
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

    /// The classes that the run looked for, found or not.
    ///
    /// # Errors
    /// Those of reading `activity`, where the run has no table of classes.
    pub fn classes(&self) -> Result<BTreeSet<Arc<str>>, ExportError> {
        let mut classes: BTreeSet<Arc<str>> = self.names.keys().cloned().collect();
        // A model names those classes only that have names.
        let has_activity = self.declared.contains(&ACTIVITY) && !self.parts(ACTIVITY)?.is_empty();
        if self.parts("classes")?.is_empty() && has_activity {
            self.each_activity(&["class"], |batch| {
                for class in batch.utf8("class")?.iter().flatten() {
                    if !classes.contains(class) {
                        classes.insert(class.into());
                    }
                }
                Ok(())
            })?;
        }
        Ok(classes)
    }

    /// The classes that the run has: those that it looked for, and all others of its model and of its labels.
    ///
    /// # Errors
    /// Those of [`Run::classes`].
    pub(crate) fn known_classes(&self) -> Result<BTreeSet<Arc<str>>, ExportError> {
        let mut classes = self.classes()?;
        // A model that has been moved away names nothing, and what the run looked for stays.
        let card =
            self.tables.config().and_then(|config| Card::read(&model_file(config, self.tables.run_dir(), MODEL_CARD)).ok());
        classes.extend(card.into_iter().flat_map(|card| card.classes).map(Arc::<str>::from));
        Ok(classes)
    }

    /// The sites with recordings.
    ///
    /// # Errors
    /// [`ExportError::Run`].
    pub fn sites(&self) -> Result<BTreeSet<String>, ExportError> {
        Ok(self.made_parts("recordings")?.iter().map(|part| part.unit.site().to_owned()).collect())
    }

    /// Hands over the table `activity` in batches.
    fn each_activity(
        &self,
        columns: &[&str],
        mut take: impl FnMut(&Batch) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for part in self.made_parts(ACTIVITY)? {
            for batch in part.open()?.batches(columns)? {
                take(&batch?)?;
            }
        }
        Ok(())
    }

    /// The sites at which each class was looked for, found or not.
    ///
    /// # Errors
    /// Those of reading `activity`.
    pub fn looked_for(&self) -> Result<BTreeMap<Arc<str>, BTreeSet<String>>, ExportError> {
        let mut found: BTreeMap<Arc<str>, BTreeSet<String>> = BTreeMap::new();
        self.each_activity(&["site", "class"], |batch| {
            for (site, class) in batch.utf8("site")?.iter().flatten().zip(batch.utf8("class")?.iter().flatten()) {
                // Millions of rows pass here, so names are copied only when they are new.
                if !found.contains_key(class) {
                    found.insert(class.into(), BTreeSet::new());
                }
                if let Some(sites) = found.get_mut(class).filter(|sites| !sites.contains(site)) {
                    sites.insert(site.to_owned());
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands over each night and class that the model looked for at a site that the filter takes, and whether an event of the class reaches
    /// into the night. A night may come in several parts. What is of no known night is left out.
    ///
    /// # Errors
    /// Those of reading `activity`.
    pub(crate) fn each_night(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&str, Date, &Arc<str>, bool),
    ) -> Result<(), ExportError> {
        let mut texts = Texts::default();
        self.each_activity(&["site", "night", "class", "windows_detected"], |batch| {
            let (sites, nights, classes) = (batch.utf8("site")?, batch.date("night")?, batch.utf8("class")?);
            let detected = batch.u64("windows_detected")?;
            for row in (0..batch.rows()).filter(|&row| filter.takes_site(sites.value(row))) {
                if let Some(night) = cell(nights, row).and_then(|night| Day(night).date()) {
                    take(sites.value(row), night, &texts.shared(classes.value(row)), detected.value(row) > 0);
                }
            }
            Ok(())
        })
    }

    /// Recorded hours by site and night (local noon to noon), of the sites that the filter takes. Recordings without a known time are
    /// in no night, and a night of which no window was scored is left out: nobody listened to it.
    ///
    /// # Errors
    /// Those of reading `nights`.
    pub fn effort_h(&self, filter: &Filter) -> Result<BTreeMap<(String, Date), f64>, ExportError> {
        let mut effort: BTreeMap<(String, Date), f64> = BTreeMap::new();
        for part in self.made_parts(NIGHTS)? {
            let batch = part.read(&["site", "night", "effort_s", "windows"])?;
            let (sites, nights) = (batch.utf8("site")?, batch.date("night")?);
            let (seconds, windows) = (batch.f64("effort_s")?, batch.u64("windows")?);
            for row in (0..batch.rows()).filter(|&row| windows.value(row) > 0 && filter.takes_site(sites.value(row))) {
                if let Some(date) = Day(nights.value(row)).date() {
                    effort.insert((sites.value(row).to_owned(), date), seconds.value(row) / 3600.0);
                }
            }
        }
        Ok(effort)
    }

    /// Hands over each readable recording of the sites that the filter takes, with those of its detections that the filter takes, by start
    /// and class. A detection ends with its recording, also where its last window was filled up behind that.
    ///
    /// # Errors
    /// [`ExportError::Run`], [`ExportError::PartMissing`], [`ExportError::Stranger`], [`ExportError::NoProbability`], those of reading, and what `take` gives.
    pub fn each_recording(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Recording, &[Detection]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.each_unit(filter, |_, recordings| {
            recordings.into_iter().try_for_each(|(recording, detections)| take(&recording, &detections))
        })
    }

    /// The same by unit.
    ///
    /// # Errors
    /// Those of [`Run::each_recording`].
    pub(crate) fn each_unit(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Unit, Vec<(Recording, Vec<Detection>)>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.withheld.store(0, Ordering::Relaxed);
        let found = self.made_parts("detections")?;
        let found: BTreeMap<&Unit, &Partition> = found.iter().map(|part| (&part.unit, part)).collect();
        let expected = if self.declared.contains(&PLAUSIBILITY) { self.made_parts(PLAUSIBILITY)? } else { Vec::new() };
        let expected: BTreeMap<&Unit, &Partition> = expected.iter().map(|part| (&part.unit, part)).collect();
        for part in self.made_parts("recordings")? {
            let unit = &part.unit;
            if !filter.takes_site(unit.site()) {
                continue;
            }
            // A unit without detections has a file without rows.
            let found = *found.get(unit).ok_or_else(|| self.part_missing("detections", unit))?;
            let mut detections = detections(found, filter)?;
            if self.declared.contains(&PLAUSIBILITY) {
                let part = expected.get(unit).ok_or_else(|| self.part_missing(PLAUSIBILITY, unit))?;
                expect(part, &mut detections)?;
            }
            let mut all = Vec::new();
            for recording in recordings(&part)? {
                let own = detections.remove(&recording.id).unwrap_or_default();
                let own = self.presentable(&recording, own);
                all.push((recording, own));
            }
            if let Some(recording_id) = detections.into_keys().next() {
                return Err(ExportError::Stranger { path: found.path.clone(), recording_id });
            }
            take(unit, all)?;
        }
        Ok(())
    }

    /// Hands over each readable recording of the sites that the filter takes, in the order of [`Run::each_recording`].
    ///
    /// # Errors
    /// Those of reading, and what `take` gives.
    pub(crate) fn only_recordings(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Recording) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for part in self.made_parts("recordings")?.iter().filter(|part| filter.takes_site(part.unit.site())) {
            recordings(part)?.iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    /// The detections of a recording as they are handed over: they end with it, and those in which somebody speaks are withheld and counted.
    fn presentable(&self, recording: &Recording, mut own: Vec<Detection>) -> Vec<Detection> {
        for detection in &mut own {
            detection.end_s = detection.end_s.min(recording.duration_s);
        }
        let all = own.len();
        own.retain(|detection| !self.withholds(&recording.id, &(detection.start_s..detection.end_s)));
        self.withheld.fetch_add((all - own.len()) as u64, Ordering::Relaxed);
        own.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then_with(|| a.class.cmp(&b.class)));
        own
    }

    /// Hands over each detection that the filter takes and that is withheld, since somebody speaks there: where it is, nobody may say that
    /// nothing was found.
    ///
    /// # Errors
    /// Those of [`Run::each_recording`].
    pub(crate) fn each_withheld(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Recording, &Detection) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        if self.speech.is_none() {
            return Ok(());
        }
        let found: BTreeMap<Unit, Partition> =
            self.made_parts("detections")?.into_iter().map(|part| (part.unit.clone(), part)).collect();
        for part in self.made_parts("recordings")?.iter().filter(|part| filter.takes_site(part.unit.site())) {
            let found = found.get(&part.unit).ok_or_else(|| self.part_missing("detections", &part.unit))?;
            let mut detections = detections(found, filter)?;
            for recording in recordings(part)? {
                let own = detections.remove(&recording.id).unwrap_or_default();
                let is_withheld =
                    |one: &&Detection| self.withholds(&recording.id, &(one.start_s..one.end_s.min(recording.duration_s)));
                own.iter().filter(is_withheld).try_for_each(|one| take(&recording, one))?;
            }
        }
        Ok(())
    }

    /// The readable recordings of one unit; none where the run does not have the unit.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn recordings_of(&self, unit: &Unit) -> Result<Vec<Recording>, ExportError> {
        let part = self.made_parts("recordings")?.into_iter().find(|part| part.unit == *unit);
        part.as_ref().map_or_else(|| Ok(Vec::new()), recordings)
    }

    /// The error of a unit that lacks a table.
    pub(crate) fn part_missing(&self, table: &'static str, unit: &Unit) -> ExportError {
        match schema(table) {
            Ok(schema) => {
                let command = format!("{} --with-upstream", schema.command());
                ExportError::PartMissing { run: self.path().to_owned(), table, command, unit: unit.to_string() }
            }
            Err(error) => error.into(),
        }
    }
}

/// The detections of a unit that the filter takes, by recording.
fn detections(part: &Partition, filter: &Filter) -> Result<BTreeMap<String, Vec<Detection>>, ExportError> {
    let mut found: BTreeMap<String, Vec<Detection>> = BTreeMap::new();
    let mut texts = Texts::default();
    for batch in part.open()?.batches(&DETECTIONS)? {
        let batch = batch?;
        let (ids, classes, models) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.utf8("model_id")?);
        let (starts, ends, windows) = (batch.f64("start_s")?, batch.f64("end_s")?, batch.u32("windows")?);
        let (peaks, means) = (batch.f32("peak_score")?, batch.f32("mean_score")?);
        let (probabilities, thresholds) = (batch.f64("probability")?, batch.f64("threshold")?);
        for row in 0..batch.rows() {
            let detection = Detection {
                class: texts.shared(classes.value(row)),
                start_s: starts.value(row),
                end_s: ends.value(row),
                windows: windows.value(row),
                peak_score: peaks.value(row),
                mean_score: means.value(row),
                probability: cell(probabilities, row),
                threshold: thresholds.value(row),
                model_id: texts.shared(models.value(row)),
                expectation: None,
            };
            if filter.takes(&detection)? {
                match found.get_mut(ids.value(row)) {
                    Some(own) => own.push(detection),
                    None => drop(found.insert(ids.value(row).to_owned(), vec![detection])),
                }
            }
        }
    }
    Ok(found)
}

/// Tells detections how far they are to be expected.
fn expect(part: &Partition, detections: &mut BTreeMap<String, Vec<Detection>>) -> Result<(), ExportError> {
    for batch in part.open()?.batches(&["recording_id", "class", "start_s", "expected", "plausible"])? {
        let batch = batch?;
        let (ids, classes, starts) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.f64("start_s")?);
        let (expected, plausible) = (batch.f64("expected")?, batch.bool("plausible")?);
        for row in 0..batch.rows() {
            let Some((expected, is_plausible)) = cell(expected, row).zip(cell(plausible, row)) else { continue };
            let of_recording = detections.get_mut(ids.value(row)).into_iter().flatten();
            let own = of_recording.filter(|one| one.start_s == starts.value(row) && *one.class == *classes.value(row));
            own.for_each(|one| one.expectation = Some(Expectation { expected, is_plausible }));
        }
    }
    Ok(())
}

/// Texts that occur again and again, each once in memory.
#[derive(Default)]
pub(crate) struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    /// The one that is equal to this text.
    pub(crate) fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// The readable recordings of one file of the table, by path. A copy is not among them: what it holds is that of another.
pub(crate) fn recordings(part: &Partition) -> Result<Vec<Recording>, ExportError> {
    let columns = [&RECORDINGS[..], &Clock::COLUMNS].concat();
    let (batch, site) = (part.read(&columns)?, part.unit.site());
    let (ids, paths, status) = (batch.utf8("recording_id")?, batch.utf8("path")?, batch.utf8("status")?);
    let (durations, rates) = (batch.f64("duration_s")?, batch.u32("sample_rate_hz")?);
    let (makes, models, serials) = (batch.utf8("make")?, batch.utf8("model")?, batch.utf8("serial")?);
    let (latitudes, longitudes) = (batch.f64("latitude")?, batch.f64("longitude")?);
    let (levels, temperatures) = (batch.f64("level_dbfs")?, batch.f64("temperature_c")?);
    let (dead, copies) = (batch.utf8("dead_channels")?, batch.utf8("copy_of")?);
    let (bits, gains) = (batch.u32("bits_per_sample")?, batch.utf8("gain")?);
    let recording = |(row, start): (usize, Start)| {
        let recorder: Vec<&str> = [cell(makes, row), cell(models, row)].into_iter().flatten().collect();
        (status.value(row) != "rejected" && cell(copies, row).is_none()).then(|| Recording {
            id: ids.value(row).to_owned(),
            site: site.to_owned(),
            path: paths.value(row).to_owned(),
            start,
            duration_s: cell(durations, row).unwrap_or(0.0),
            sample_rate_hz: cell(&rates, row).unwrap_or(0),
            place: cell(latitudes, row).zip(cell(longitudes, row)),
            recorder: (!recorder.is_empty()).then(|| recorder.join("-")),
            serial: cell(serials, row).map(str::to_owned),
            dead_channels: cell(dead, row).map(str::to_owned),
            bits_per_sample: cell(&bits, row),
            gain: cell(gains, row).map(str::to_owned),
            level_dbfs: cell(levels, row),
            temperature_c: cell(temperatures, row),
        })
    };
    let mut found: Vec<Recording> = Start::of(&batch)?.into_iter().enumerate().filter_map(recording).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
