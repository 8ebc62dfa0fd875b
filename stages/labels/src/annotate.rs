//! Stage `annotate`, second pass: annotation files into the tables `annotations`, `reviews` and `labels`.
//!
//! Every line of every annotation file becomes a row of `annotations`, with the reason where it is not used. Lines without a
//! recording are filed under their site with no date. A recording with an annotation file was reviewed, also where the file is
//! empty: its windows are 0 or 1 for each class. Windows of a recording without an annotation file are null.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chorus_archive::Archive;
use chorus_clock::Clock;
use chorus_engine::graph::{CHOSEN_LABELS, Input, Output, Pass, Per, has_labels, reads_review_sheets};
use chorus_engine::{
    Access, Config, Console, Exact, External, Scan, ScanContext, Unit, UnitContext, Work, WorkError, hash_bytes, locked,
};
use chorus_keys::{Choices, Finding, Keys, Values};
use serde::Deserialize;
use serde_yaml::Value;

use crate::codes::CodeTable;
use crate::contents::Contents;
use crate::digest;
use crate::event::Event;
use crate::file_events::{FileEvents, join_channels, settle};
use crate::files;
use crate::judge::{AnnotatedRecording, AnnotationRow, Judge, Review, account};
use crate::layouts;
use crate::overlap::Rule;
use crate::pairing::{self, Copies, Part, parts_of};
use crate::reading::Reading;
use crate::settings::FileSettings;
use crate::tell::UnusedCounts;
use crate::text::cleaned;
use crate::windows;

/// How events become labels of windows.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "annotate")]
pub(crate) struct LabelSettings {
    /// Which recordings count as reviewed. Windows of a reviewed recording without an event are negative; those of other
    /// recordings stay unknown.
    #[key(default = "mentioned")]
    reviewed: Reviewed,
    /// Quality marks that count; events with other marks are not used. []: all.
    #[key(default = "[]", example = "[H, M]")]
    qualities: Vec<String>,
    /// When an event makes a window positive.
    #[key(default = "overlap")]
    rule: RuleName,
    /// With rule: overlap, a window is positive when events of the class cover at least this much of it; null: only
    /// min_overlap_fraction counts.
    #[key(unit = "s", default = "0.5", range = 0.0..=600.0)]
    min_overlap_s: Option<f64>,
    /// With rule: overlap, a window is positive too when it contains at least this share of one event; null: only min_overlap_s
    /// counts.
    #[key(default = "0.5", range = 0.0..=1.0)]
    min_overlap_fraction: Option<f64>,
}

/// Classes that nothing is learnt of.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "split")]
pub(crate) struct HeldOutSettings {
    /// Classes that are taken out, to see how a model meets sounds that it never learnt (stage unknown). They are no classes of the run,
    /// and no window with one of them is learnt from or counts in the metrics.
    #[key(default = "[]", example = "[BOAFAB]")]
    held_out_classes: Vec<String>,
}

impl HeldOutSettings {
    /// The classes, with letters with accents as labels have them.
    pub(crate) fn composed(&self) -> Vec<String> {
        self.held_out_classes.iter().map(|class| cleaned(class)).collect()
    }
}

/// Which recordings count as reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
enum Reviewed {
    /// Recordings with an annotation file or a row in one.
    Mentioned,
    /// All recordings: without a label, nothing was heard.
    All,
}

/// When an event makes a window positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
enum RuleName {
    /// When they overlap by min_overlap_s or min_overlap_fraction.
    Overlap,
    /// AnuraSet's own rule: the event, widened to whole seconds, touches the window.
    Anuraset,
}

impl LabelSettings {
    fn rule(&self) -> Rule {
        match self.rule {
            RuleName::Overlap => Rule::Overlap {
                min_s: self.min_overlap_s.unwrap_or(f64::INFINITY),
                min_fraction: self.min_overlap_fraction.unwrap_or(f64::INFINITY),
            },
            RuleName::Anuraset => Rule::AnuraSet,
        }
    }
}

/// Refuses settings of the overlap with which no window could be positive.
pub(crate) fn unreachable_overlap(values: &Values) -> Vec<Finding> {
    if values.text("annotate.format") == Some(layouts::NONE) || values.text("annotate.rule") != Some("overlap") {
        return Vec::new();
    }
    let (overlap_s, window_s) = (values.number("annotate.min_overlap_s"), values.number("segment.window_s"));
    let mut findings = Vec::new();
    if overlap_s > window_s {
        let allowed = format!(
            "no window can be positive: allowed: up to segment.window_s, {window_s} s, or null to use annotate.min_overlap_fraction alone"
        );
        findings.push(Finding::new("annotate.min_overlap_s", format!("{overlap_s} s"), allowed));
    }
    if overlap_s.is_nan() && values.number("annotate.min_overlap_fraction").is_nan() {
        let allowed = "no window can be positive: give one of the two a value, or set annotate.rule to anuraset";
        findings.push(Finding::new("annotate.min_overlap_s", "null, and annotate.min_overlap_fraction null too", allowed));
    }
    findings
}

/// Whether a configuration holds classes out.
pub(crate) fn holds_out(config: &Config) -> bool {
    config.get("split.held_out_classes").as_sequence().is_some_and(|classes| !classes.is_empty())
}

/// The key of the channel that is listened to.
const CHANNEL: &str = "archive.channel";

/// The settings of the pass.
struct AnnotateSettings {
    reading: Reading,
    files: Arc<FileSettings>,
    labels: Arc<LabelSettings>,
    held_out: Arc<HeldOutSettings>,
    /// The channel that is listened to, from 1; `None` where channels are mixed.
    channel: Option<u32>,
}

impl AnnotateSettings {
    fn of(cx: &Access<'_>) -> Result<Self, WorkError> {
        let channel: Value = cx.value(CHANNEL)?;
        // The number may be written as a text.
        let number = channel.as_u64().or_else(|| channel.as_str()?.parse().ok());
        Ok(Self {
            reading: Reading::of(cx)?,
            files: cx.settings()?,
            labels: cx.settings()?,
            held_out: cx.settings()?,
            channel: number.and_then(|number| u32::try_from(number).ok()),
        })
    }
}

/// The pass that makes the tables `annotations`, `reviews` and `labels`.
pub struct Annotate;

/// Which parts of annotation files belong to which unit.
#[derive(Default)]
pub struct UnitParts {
    /// By unit, in the order of the files.
    parts: BTreeMap<Unit, Vec<Part>>,
    /// In how many units each file is read.
    units_of: BTreeMap<String, usize>,
    /// The last annotation file with events of several units, which would be read once for each of them.
    last_read: Mutex<Option<(String, Arc<Contents>)>>,
    /// Lines that were not used, of all units together.
    unused: Mutex<UnusedCounts>,
}

impl Annotate {
    /// What the pass declares of itself; a run that only applies a model has no labels.
    pub fn declare(config: &Config) -> Option<Pass> {
        use Input::{Archive, Table};
        let mut outputs = vec![Output::Table("annotations"), Output::Table("reviews"), Output::Table("labels")];
        if holds_out(config) {
            outputs.push(Output::Table(windows::HELD_OUT));
        }
        if reads_review_sheets(config) {
            outputs.push(Output::Table(CHOSEN_LABELS));
        }
        has_labels(config).then(|| Pass {
            code_version: 12,
            inputs: vec![Archive, Table("recordings"), Table("segments"), Table("classes")],
            // A file without a recording is filed under its site, which only a look at all recordings shows.
            scanned: vec!["recordings"],
            outputs,
            keys: [Reading::keys(), LabelSettings::names(), HeldOutSettings::names(), vec![CHANNEL]].concat(),
            ..Pass::new("annotate", Per::SiteDay)
        })
    }
}

impl Work for Annotate {
    type Found = UnitParts;

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<UnitParts>, WorkError> {
        let AnnotateSettings { reading, files, .. } = AnnotateSettings::of(cx)?;
        let archive = cx.archive()?;
        let mut unit_of = BTreeMap::new();
        let paths = cx.column::<String>("recordings", "path")?;
        let lengths = cx.column::<Exact>("recordings", "duration_s")?;
        for ((unit, paths), (_, lengths)) in paths.into_iter().zip(lengths) {
            let known = paths.into_iter().zip(lengths.into_iter().map(|length| length.map(|s| s.0)));
            unit_of.extend(known.filter_map(|(path, length)| Some((path?, (unit.clone(), length)))));
        }
        let copies = copies(cx)?;
        let lengths = unit_of.iter().map(|(path, (_, length))| (path.as_str(), *length)).collect();
        let sheets = digest::of_sheets(cx, archive, files.review_sheets.as_deref())?;
        let mut digests = digest::all(cx, archive, &reading)?;
        // Review sheets look like tables of events and may lie among them.
        digests.retain(|path, _| !sheets.contains_key(path));
        if !cx.look_only {
            [&digests, &sheets].into_iter().flat_map(digest::remarks).for_each(|remark| cx.console().warn(&remark));
        }
        let mut parts = parts_of(reading.layout(), &digests, &lengths, &copies);
        let sheets = parts_of(&layouts::review::ReviewSheets, &sheets, &lengths, &copies);
        parts.extend(sheets.into_iter().map(|part| Part { is_sheet: true, ..part }));
        let mut found = UnitParts::default();
        for part in parts {
            let unit = match &part.recording {
                Ok(recording) => unit_of[recording].0.clone(),
                Err(_) => Unit::SiteDay { site: part.site(), date: None, part: 0 },
            };
            found.add(unit, part);
        }
        let units = found.parts.iter().map(|(unit, parts)| (unit.clone(), external(parts))).collect();
        let mut scan = Scan { units, found, ..Scan::default() };
        if let Some(table) = &files.code_table {
            scan.all.insert(table.clone(), hash_bytes(&files::read(archive, table)?));
        }
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>, found: &UnitParts) -> Result<(), WorkError> {
        let settings = AnnotateSettings::of(cx)?;
        let archive = cx.archive()?;
        let judge = judge(cx, archive, &settings)?;
        let recordings = read_recordings(cx)?;
        let by_path: BTreeMap<&str, &AnnotatedRecording> = recordings.iter().map(|r| (r.path.as_str(), r)).collect();
        let mut reviews = BTreeMap::new();
        let mut lines = Vec::new();
        let mut files = found.events(cx, archive, &settings.reading, &recordings)?;
        settle(&mut files, |path, event| {
            // An unsure verdict has that as its problem, and takes others back all the same.
            let event = Event { problem: None, verdict: Some(event.verdict.unwrap_or_default()), ..event.clone() };
            by_path.get(path).is_none_or(|&recording| judge.row("", event, Ok(recording)).unused.is_none())
        });
        for FileEvents { file, recording, mut events, is_complete } in files {
            let recording = match &recording {
                Ok(path) => Ok(*by_path.get(path.as_str()).ok_or("a file's recording is not in its unit")?),
                Err(reason) => Err(reason.as_str()),
            };
            if judge.channel.is_none() && recording.is_ok_and(AnnotatedRecording::has_several_channels) {
                join_channels(&mut events);
            }
            lines.extend(account(&judge, &file, events, recording, &mut reviews, is_complete));
        }
        lines.sort_by(|a, b| (&a.file, a.event.line, a.event.item).cmp(&(&b.file, b.event.line, b.event.item)));
        if settings.labels.reviewed == Reviewed::All {
            for recording in recordings.iter().filter(|recording| recording.duration_s.is_some()) {
                reviews.entry(recording.id.clone()).or_default().is_complete = true;
            }
        }
        locked(&found.unused).add(&lines, &judge.classes);
        write_annotations(cx, &lines, &judge.classes)?;
        write_reviews(cx, &recordings, &reviews)?;
        let held_out = settings.held_out.composed();
        let lost = windows::write(cx, &recordings, &reviews, &judge.classes, &held_out, settings.labels.rule())?;
        locked(&found.unused).add_lost(lost);
        Ok(())
    }

    fn summarise(&self, console: &Console, found: &UnitParts) {
        let counts = locked(&found.unused);
        [counts.sentence(), counts.elsewhere_sentence(), counts.lost_sentence()]
            .iter()
            .flatten()
            .for_each(|sentence| console.warn(sentence));
    }
}

/// The copies of recordings.
fn copies(cx: &ScanContext<'_>) -> Result<Copies, WorkError> {
    let texts = |column: &'static str| -> Result<Vec<Option<String>>, WorkError> {
        Ok(cx.column::<String>("recordings", column)?.into_iter().flat_map(|(_, texts)| texts).collect())
    };
    let copies = texts("copy_of")?;
    if copies.iter().all(Option::is_none) {
        return Ok(Copies::new());
    }
    let named = texts("recording_id")?.into_iter().zip(texts("path")?).zip(copies);
    let recordings: Vec<_> = named.filter_map(|((id, path), copy_of)| Some((id?, path?, copy_of))).collect();
    Ok(pairing::copies(&recordings))
}

impl UnitParts {
    /// The events of a unit's recordings, by file.
    fn events(
        &self,
        cx: &UnitContext<'_>,
        archive: &dyn Archive,
        reading: &Reading,
        recordings: &[AnnotatedRecording],
    ) -> Result<Vec<FileEvents>, WorkError> {
        let of_path = |r: &AnnotatedRecording| {
            Some(FileEvents {
                file: r.path.clone(),
                recording: Ok(r.path.clone()),
                events: vec![reading.label_of_path(&r.path)?],
                is_complete: true,
            })
        };
        let mut found: Vec<FileEvents> = recordings.iter().filter_map(of_path).collect();
        let by_path: BTreeMap<&str, &AnnotatedRecording> = recordings.iter().map(|r| (r.path.as_str(), r)).collect();
        let parts = self.parts.get(cx.unit()).map(Vec::as_slice).unwrap_or_default();
        let sheets = Reading::of_sheets(".")?;
        for own in parts.chunk_by(|a, b| a.file == b.file) {
            let reading = if own[0].is_sheet { &sheets } else { reading };
            let contents = self.contents(archive, &own[0].file, reading)?;
            for part in own {
                let events = contents.by_recording.get(&part.name).cloned().unwrap_or_default();
                let recording = part.recording.as_deref().ok().and_then(|path| by_path.get(path).copied());
                let placed = |event: Event| match recording {
                    Some(recording) => {
                        event.in_recording(&part.begins_s).by_clock(recording.clock.as_ref(), recording.duration_s)
                    }
                    None => event.in_recording(&part.begins_s),
                };
                found.push(FileEvents {
                    file: part.file.clone(),
                    recording: part.recording.clone(),
                    events: events.into_iter().map(placed).collect(),
                    is_complete: part.is_complete,
                });
            }
        }
        Ok(found)
    }

    /// The content of an annotation file.
    fn contents(&self, archive: &dyn Archive, file: &str, reading: &Reading) -> Result<Arc<Contents>, WorkError> {
        let read = || Ok::<_, WorkError>(Arc::new(reading.read(&files::read(archive, file)?)));
        let is_shared = self.units_of.get(file).is_some_and(|units| *units > 1);
        if !is_shared {
            return read();
        }
        let mut last = locked(&self.last_read);
        if let Some((_, contents)) = last.as_ref().filter(|(name, _)| name == file) {
            return Ok(Arc::clone(contents));
        }
        let contents = read()?;
        *last = Some((file.to_owned(), Arc::clone(&contents)));
        Ok(contents)
    }

    fn add(&mut self, unit: Unit, part: Part) {
        let parts = self.parts.entry(unit).or_default();
        if parts.last().is_none_or(|last| last.file != part.file) {
            *self.units_of.entry(part.file.clone()).or_default() += 1;
        }
        parts.push(part);
    }
}

/// What a unit depends on outside of the run: for each file, a hash of the events of the unit's recordings and of their paths.
fn external(parts: &[Part]) -> External {
    let by_file = parts.chunk_by(|a, b| a.file == b.file);
    let line = |p: &Part| format!("{:?} {:?} {:?} {}\n", p.name, p.recording, p.begins_s, p.hash);
    let text = |own: &[Part]| -> String { own.iter().map(line).collect() };
    by_file.map(|own| (own[0].file.clone(), hash_bytes(text(own).as_bytes()))).collect()
}

fn judge(cx: &UnitContext<'_>, archive: &dyn Archive, settings: &AnnotateSettings) -> Result<Judge, WorkError> {
    let classes = cx.read("classes", &["class"])?.ok_or("there are no classes")?;
    let table = |table: &String| CodeTable::read(&archive.location(table), &files::read(archive, table)?);
    let mut classes: Vec<String> = classes.texts("class")?.into_iter().flatten().collect();
    // What is held out is looked for all the same.
    classes.extend(settings.held_out.composed());
    classes.sort();
    classes.dedup();
    Ok(Judge {
        label_text: settings.reading.label_text(),
        codes: settings.files.code_table.as_ref().map(table).transpose()?,
        classes,
        qualities: settings.labels.qualities.clone(),
        channel: settings.channel,
    })
}

fn read_recordings(cx: &UnitContext<'_>) -> Result<Vec<AnnotatedRecording>, WorkError> {
    let read = [&["recording_id", "path", "duration_s", "channels"][..], &Clock::COLUMNS].concat();
    let Some(batch) = cx.read("recordings", &read)? else { return Ok(Vec::new()) };
    let channels = batch.u32("channels")?;
    let names = batch.utf8("recording_id")?.iter().zip(batch.utf8("path")?);
    let sound = batch.f64("duration_s")?.iter().zip(&channels);
    let columns = names.zip(sound).zip(Clock::of(&batch)?);
    let recordings = columns.map(|(((id, path), (duration_s, channels)), clock)| AnnotatedRecording {
        id: id.unwrap_or_default().to_owned(),
        path: path.unwrap_or_default().to_owned(),
        duration_s,
        channels,
        clock,
    });
    Ok(recordings.collect())
}

fn write_annotations(cx: &UnitContext<'_>, lines: &[AnnotationRow], classes: &[String]) -> Result<(), WorkError> {
    cx.write("annotations", |batch| {
        batch
            .column("file", lines.iter().map(|l| &l.file))
            .column("line", lines.iter().map(|l| l.event.line))
            .column("item", lines.iter().map(|l| l.event.item))
            .column("recording_id", lines.iter().map(|l| l.recording_id.as_ref()))
            .column("label", lines.iter().map(|l| &l.event.label))
            .column("code", lines.iter().map(|l| l.code.as_ref()))
            .column("class", lines.iter().map(|l| l.class.map(|class| &classes[class])))
            .column("quality", lines.iter().map(|l| l.quality.as_ref()))
            .column("start_s", lines.iter().map(|l| l.event.start_s))
            .column("end_s", lines.iter().map(|l| l.event.end_s))
            .column("low_hz", lines.iter().map(|l| l.event.low_hz))
            .column("high_hz", lines.iter().map(|l| l.event.high_hz))
            .column("used", lines.iter().map(|l| l.unused.is_none()))
            .column("reason", lines.iter().map(|l| l.unused.as_ref().map(|unused| &unused.reason)))
    })?;
    Ok(())
}

fn write_reviews(
    cx: &UnitContext<'_>,
    recordings: &[AnnotatedRecording],
    reviews: &BTreeMap<String, Review>,
) -> Result<(), WorkError> {
    let review = || recordings.iter().map(|r| reviews.get(&r.id));
    cx.write("reviews", |batch| {
        batch
            .column("recording_id", recordings.iter().map(|r| &r.id))
            .column("reviewed", review().map(|r| r.is_some_and(Review::is_reviewed)))
            .column("file", review().map(|r| r.and_then(|r| r.files.first())))
            .column("lines", review().map(|r| r.map_or(0, |r| r.lines)))
            .column("lines_used", review().map(|r| r.map_or(0, |r| r.used)))
    })?;
    Ok(())
}
