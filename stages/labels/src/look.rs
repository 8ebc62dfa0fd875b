//! A first look at an archive, from which layouts are recognised.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use chorus_archive::{Archive, EntryState, Kind, Selection};

use crate::delimited::{Delimited, Dialect};
use crate::files;
use crate::layouts::columns::{LABEL, has_times};
use crate::layouts::recording_columns::RECORDING;
use crate::text::number;

/// Files of one kind that are opened, spread over the archive: enough to meet an annotation file among others.
const OPENED: usize = 20;

/// The list for Raven in a folder that `chorus clips` wrote.
const CLIPS_FOR_RAVEN: &str = "clips.selections.txt";
/// The list for Audacity beside it.
const CLIPS_FOR_AUDACITY: &str = "clips.txt";
/// The folder of the clips beside both.
const CLIPS: &str = "clips";

/// Columns that hold the score of a detection, 0 to 1, as programs that detect calls name them.
const SCORE: &[&str] = &["score", "peak_score", "mean_score", "probability", "confidence"];
const LATITUDE: &[&str] = &["latitude", "lat", "decimal_latitude"];
const LONGITUDE: &[&str] = &["longitude", "lon", "lng", "long", "decimal_longitude"];

/// What is known of the recordings of an archive before they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingsSeen {
    /// Number of folders that hold recordings.
    pub folders: usize,
    /// Whether any file name holds a time.
    pub have_times: bool,
}

/// An archive without a configuration.
pub struct ArchiveLook<'a> {
    archive: &'a dyn Archive,
    recordings: Option<RecordingsSeen>,
    /// Samples that were drawn, by extensions: listing an archive may take long.
    samples: RefCell<BTreeMap<Vec<String>, Vec<String>>>,
    clip_folders: OnceCell<Vec<String>>,
}

impl<'a> ArchiveLook<'a> {
    /// A look at an archive whose recordings were not listed yet.
    pub fn new(archive: &'a dyn Archive) -> Self {
        Self { archive, recordings: None, samples: RefCell::default(), clip_folders: OnceCell::new() }
    }

    /// The same after the recordings were listed.
    #[must_use]
    pub fn with_recordings(self, recordings: RecordingsSeen) -> Self {
        Self { recordings: Some(recordings), ..self }
    }

    /// What is known of the recordings.
    pub fn recordings(&self) -> Option<RecordingsSeen> {
        self.recordings
    }

    /// Whether the archive has this folder.
    pub fn has_folder(&self, path: &str) -> bool {
        matches!(self.archive.kind_of(path), Ok(Some(Kind::Folder)))
    }

    /// Whether the archive has this file.
    pub fn has_file(&self, path: &str) -> bool {
        matches!(self.archive.kind_of(path), Ok(Some(Kind::File)))
    }

    /// Folders of clips that `chorus clips` cut and somebody put into the archive, by path. Clips are no recordings of a
    /// survey, and the lists beside them hold detections.
    pub fn clip_folders(&self) -> &[String] {
        let find = || {
            let is_wanted = |name: &str| name == CLIPS_FOR_RAVEN;
            let lists = self.archive.sorted(Selection { folder: ".", is_excluded: &|_| false, is_wanted: &is_wanted });
            let folders = lists.unwrap_or_default().into_iter().filter(|list| list.state == EntryState::File);
            let folders = folders.map(|list| beside(&list.path, CLIPS));
            folders.filter(|folder| self.has_folder(folder)).collect()
        };
        self.clip_folders.get_or_init(find)
    }

    /// Some files with these extensions that may hold labels, by path.
    pub fn sample(&self, extensions: &[&str]) -> Vec<String> {
        let draw = || {
            let lists_clips = |path: &str| {
                let lists = |folder: &String| [CLIPS_FOR_RAVEN, CLIPS_FOR_AUDACITY].map(|list| beside(folder, list));
                self.clip_folders().iter().flat_map(lists).any(|list| list == path)
            };
            let files = files::list(self.archive, ".", extensions).unwrap_or_default();
            let files: Vec<String> = files.into_iter().map(|file| file.path).filter(|path| !lists_clips(path)).collect();
            let step = files.len().div_ceil(OPENED).max(1);
            files.into_iter().step_by(step).collect()
        };
        let key = extensions.iter().map(|extension| (*extension).to_owned()).collect();
        self.samples.borrow_mut().entry(key).or_insert_with(draw).clone()
    }

    /// The content of a file; `None` where it cannot be read.
    pub fn bytes(&self, file: &str) -> Option<Vec<u8>> {
        files::read(self.archive, file).ok()
    }

    /// Whether a table may hold labels of recordings: it has a column that names them, no verdicts, and no scores. A row of a
    /// review sheet can say that a class is absent.
    pub(crate) fn may_label_recordings(&self, file: &str) -> bool {
        self.table(file).is_some_and(|table| has(&table, RECORDING) && !has(&table, &["verdict"]) && !has_scores(&table))
    }

    /// Whether a table holds detections of a program: it has a column of scores.
    pub(crate) fn holds_detections(&self, file: &str) -> bool {
        self.table(file).is_some_and(|table| has_scores(&table))
    }

    /// Whether a table says where recordings were made: it has positions, and sites or no labels as text.
    pub(crate) fn lists_places(&self, file: &str) -> bool {
        let has_places = |table: &Delimited| has(table, LATITUDE) && has(table, LONGITUDE);
        self.table(file).is_some_and(|table| has_places(&table) && (has(&table, &["site"]) || !has(&table, LABEL)))
    }

    /// Whether a table is a review sheet: it has verdicts.
    pub(crate) fn holds_verdicts(&self, file: &str) -> bool {
        self.table(file).is_some_and(|table| has(&table, &["verdict"]))
    }

    /// Whether a table has times within recordings.
    pub(crate) fn has_times(&self, file: &str) -> bool {
        self.table(file).is_some_and(|table| has_times(&table))
    }

    /// A file as a table.
    pub(crate) fn table(&self, file: &str) -> Option<Delimited> {
        Some(Delimited::read(&self.bytes(file)?, Dialect::Detect))
    }
}

/// Whether a table has a column with one of these names.
fn has(table: &Delimited, names: &[&str]) -> bool {
    table.find(None, names).is_ok_and(|column| column.is_some())
}

/// Whether a table has a column of scores. People also note how certain they are, in words or from 1 to 5.
fn has_scores(table: &Delimited) -> bool {
    let Ok(Some(column)) = table.find(None, SCORE) else { return false };
    let mut cells = table.rows.iter().map(|row| row.text(Some(column))).filter(|cell| !cell.is_empty()).peekable();
    let is_score = |cell: &str| number(cell).is_some_and(|score| (0.0..=1.0).contains(&score));
    table.rows.is_empty() || (cells.peek().is_some() && cells.all(is_score))
}

/// The path of a file in the same folder as another.
fn beside(path: &str, name: &str) -> String {
    path.rsplit_once('/').map_or_else(|| name.to_owned(), |(folder, _)| format!("{folder}/{name}"))
}

/// The place of these files for `annotate.folder`: the file, or the folder that several share. Of files in several folders the
/// first file.
pub(crate) fn place_of<'a>(mut files: impl Iterator<Item = &'a String>) -> Option<String> {
    let first = files.next()?;
    let folder = |file: &'a String| file.rsplit_once('/').map(|(folder, _)| folder);
    let others: Vec<_> = files.map(folder).collect();
    let common = folder(first).filter(|own| !others.is_empty() && others.iter().all(|other| *other == Some(own)));
    Some(common.unwrap_or(first).to_owned())
}
