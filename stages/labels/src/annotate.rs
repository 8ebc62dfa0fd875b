//! Stage `annotate`, second pass: annotation files into the tables `annotations`, `reviews` and `labels`.
//!
//! Every line of every annotation file becomes a row of `annotations`, used or not and why. Lines without a recording are filed under
//! their site with no date. A recording of which an annotation file speaks, be it to say nothing, was reviewed: its windows are 0 or 1 for
//! each class; those of a recording that nobody looked at are null.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chorus_engine::{Console, Exact, External, Scan, ScanContext, Unit, UnitContext, Work, WorkError, hash_bytes};
use serde::Deserialize;

use crate::codes::CodeTable;
use crate::digest;
use crate::event::Event;
use crate::files;
use crate::formats::{Contents, Format, Reading, label_of_folder};
use crate::judge::{Judge, Line, Recording, Review, account};
use crate::overlap::Rule;
use crate::pairing::{Part, parts_of};
use crate::tell::Tally;
use crate::windows;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    annotate: AnnotateParams,
}

#[derive(Debug, Deserialize)]
struct AnnotateParams {
    #[serde(flatten)]
    reading: Reading,
    code_table: Option<String>,
    review_sheets: Option<String>,
    reviewed: Reviewed,
    qualities: Vec<String>,
    rule: RuleName,
    min_overlap_s: Option<f64>,
    min_overlap_fraction: Option<f64>,
}

/// Which recordings count as listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reviewed {
    Mentioned,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RuleName {
    Overlap,
    Anuraset,
}

impl AnnotateParams {
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

/// The pass.
#[derive(Default)]
pub struct Annotate {
    found: Mutex<Found>,
    /// The annotation file that was read last, of those that speak of several units: they would be read once for each.
    last: Mutex<Option<(String, Arc<Contents>)>>,
    tally: Mutex<Tally>,
}

/// What the scan found, for the units' work.
#[derive(Default)]
struct Found {
    /// Parts of annotation files by unit, in the order of the files.
    parts: BTreeMap<Unit, Vec<Part>>,
    /// In how many units each file is read.
    units_of: BTreeMap<String, usize>,
}

impl Work for Annotate {
    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let Params { annotate } = cx.params()?;
        let archive = cx.archive_folder()?;
        let mut unit_of = BTreeMap::new();
        let paths = cx.column::<String>("recordings", "path")?;
        let lengths = cx.column::<Exact>("recordings", "duration_s")?;
        for ((unit, paths), (_, lengths)) in paths.into_iter().zip(lengths) {
            let known = paths.into_iter().zip(lengths.into_iter().map(|length| length.map(|s| s.0)));
            unit_of.extend(known.filter_map(|(path, length)| Some((path?, (unit.clone(), length)))));
        }
        let lengths = unit_of.iter().map(|(path, (_, length))| (path.as_str(), *length)).collect();
        let sheets = digest::of_sheets(cx, &archive, annotate.review_sheets.as_deref())?;
        let mut parts = match annotate.reading.format {
            Format::Folders => Vec::new(),
            format => {
                let mut digests = digest::all(cx, &archive, &annotate.reading)?;
                // A sheet may look like a table of events, and lie among them.
                digests.retain(|path, _| !sheets.contains_key(path));
                parts_of(format, &digests, &lengths)
            }
        };
        parts.extend(parts_of(Format::Review, &sheets, &lengths));
        let mut found = Found::default();
        for part in parts {
            let unit = match &part.recording {
                Ok(recording) => unit_of[recording].0.clone(),
                Err(_) => Unit::SiteDay { site: part.site(), date: None, part: 0 },
            };
            found.add(unit, part);
        }
        let units = found.parts.iter().map(|(unit, parts)| (unit.clone(), external(parts))).collect();
        let mut scan = Scan { units, ..Scan::default() };
        if let Some(table) = &annotate.code_table {
            scan.all.insert(table.clone(), hash_bytes(&files::read(&archive.join(table))?));
        }
        *locked(&self.found) = found;
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { annotate } = cx.params()?;
        let archive = cx.archive_folder()?;
        let judge = judge(cx, &archive, &annotate)?;
        let recordings = read_recordings(cx)?;
        let by_path: BTreeMap<&str, &Recording> = recordings.iter().map(|r| (r.path.as_str(), r)).collect();
        let mut reviews = BTreeMap::new();
        let mut lines = Vec::new();
        for Said { file, recording, events, of_whole } in self.said(cx, &archive, &annotate.reading, &recordings)? {
            let recording = match &recording {
                Ok(path) => Ok(*by_path.get(path.as_str()).ok_or("a file's recording is not in its unit")?),
                Err(reason) => Err(reason.as_str()),
            };
            lines.extend(account(&judge, &file, events, recording, &mut reviews, of_whole));
        }
        lines.sort_by(|a, b| (&a.file, a.event.line, a.event.item).cmp(&(&b.file, b.event.line, b.event.item)));
        if annotate.reviewed == Reviewed::All {
            for recording in recordings.iter().filter(|recording| recording.duration_s.is_some()) {
                reviews.entry(recording.id.clone()).or_default().is_whole = true;
            }
        }
        locked(&self.tally).add(&lines);
        write_annotations(cx, &lines, &judge.classes)?;
        write_reviews(cx, &recordings, &reviews)?;
        windows::write(cx, &recordings, &reviews, &judge.classes, annotate.rule())
    }

    fn tell(&self, console: &Console) {
        *locked(&self.last) = None;
        if let Some(sentence) = std::mem::take(&mut *locked(&self.tally)).sentence() {
            console.warn(&sentence);
        }
    }
}

/// What one file says of one recording.
struct Said {
    file: String,
    /// The recording's path, or why there is none.
    recording: Result<String, String>,
    events: Vec<Event>,
    /// Whether the file tells all that was heard.
    of_whole: bool,
}

impl Annotate {
    /// What is said of a unit's recordings, by file.
    fn said(
        &self,
        cx: &UnitContext<'_>,
        archive: &Path,
        reading: &Reading,
        recordings: &[Recording],
    ) -> Result<Vec<Said>, WorkError> {
        let of_folder = |r: &Recording| Said {
            file: r.path.clone(),
            recording: Ok(r.path.clone()),
            events: vec![label_of_folder(&r.path)],
            of_whole: true,
        };
        let folders = recordings.iter().filter(|_| reading.format == Format::Folders);
        let mut said: Vec<Said> = folders.map(of_folder).collect();
        let parts = locked(&self.found).parts.get(cx.unit()).cloned().unwrap_or_default();
        let sheets = Reading::usual(Format::Review);
        for own in parts.chunk_by(|a, b| a.file == b.file) {
            let contents = self.contents(archive, &own[0].file, if own[0].is_sheet { &sheets } else { reading })?;
            for part in own {
                let events = contents.by_recording.get(&part.name).cloned().unwrap_or_default();
                said.push(Said {
                    file: part.file.clone(),
                    recording: part.recording.clone(),
                    events: events.into_iter().map(|event| event.in_recording(&part.begins_s)).collect(),
                    of_whole: !part.is_sheet,
                });
            }
        }
        Ok(said)
    }

    /// What an annotation file says.
    fn contents(&self, archive: &Path, file: &str, reading: &Reading) -> Result<Arc<Contents>, WorkError> {
        let read = || Ok::<_, WorkError>(Arc::new(reading.read(&files::read(&archive.join(file))?)));
        let is_shared = locked(&self.found).units_of.get(file).is_some_and(|units| *units > 1);
        if !is_shared {
            return read();
        }
        let mut last = locked(&self.last);
        if let Some((_, contents)) = last.as_ref().filter(|(name, _)| name == file) {
            return Ok(Arc::clone(contents));
        }
        let contents = read()?;
        *last = Some((file.to_owned(), Arc::clone(&contents)));
        Ok(contents)
    }
}

impl Found {
    fn add(&mut self, unit: Unit, part: Part) {
        let parts = self.parts.entry(unit).or_default();
        if parts.last().is_none_or(|last| last.file != part.file) {
            *self.units_of.entry(part.file.clone()).or_default() += 1;
        }
        parts.push(part);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a unit depends on: of each file, what it says of the unit's recordings, and which those are.
fn external(parts: &[Part]) -> External {
    let by_file = parts.chunk_by(|a, b| a.file == b.file);
    let line = |p: &Part| format!("{:?} {:?} {:?} {}\n", p.name, p.recording, p.begins_s, p.hash);
    let said = |own: &[Part]| -> String { own.iter().map(line).collect() };
    by_file.map(|own| (own[0].file.clone(), hash_bytes(said(own).as_bytes()))).collect()
}

fn judge(cx: &UnitContext<'_>, archive: &Path, params: &AnnotateParams) -> Result<Judge, WorkError> {
    let classes = cx.read("classes", &["class"])?.ok_or("there are no classes")?;
    let table = |table: &String| {
        let path = archive.join(table);
        CodeTable::read(&path, &files::read(&path)?)
    };
    Ok(Judge {
        label_text: params.reading.label_text(),
        codes: params.code_table.as_ref().map(table).transpose()?,
        classes: classes.texts("class")?.into_iter().flatten().collect(),
        qualities: params.qualities.clone(),
    })
}

fn read_recordings(cx: &UnitContext<'_>) -> Result<Vec<Recording>, WorkError> {
    let Some(batch) = cx.read("recordings", &["recording_id", "path", "duration_s"])? else { return Ok(Vec::new()) };
    let columns = batch.utf8("recording_id")?.iter().zip(batch.utf8("path")?).zip(batch.f64("duration_s")?);
    let of = |((id, path), duration_s): ((Option<&str>, Option<&str>), Option<f64>)| Recording {
        id: id.unwrap_or_default().to_owned(),
        path: path.unwrap_or_default().to_owned(),
        duration_s,
    };
    Ok(columns.map(of).collect())
}

fn write_annotations(cx: &UnitContext<'_>, lines: &[Line], classes: &[String]) -> Result<(), WorkError> {
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

fn write_reviews(cx: &UnitContext<'_>, recordings: &[Recording], reviews: &BTreeMap<String, Review>) -> Result<(), WorkError> {
    let review = || recordings.iter().map(|r| reviews.get(&r.id));
    cx.write("reviews", |batch| {
        batch
            .column("recording_id", recordings.iter().map(|r| &r.id))
            .column("reviewed", review().map(|r| r.is_some_and(Review::tells)))
            .column("file", review().map(|r| r.and_then(|r| r.files.first())))
            .column("lines", review().map(|r| r.map_or(0, |r| r.lines)))
            .column("lines_used", review().map(|r| r.map_or(0, |r| r.used)))
    })?;
    Ok(())
}
