//! A first look at an archive, from which layouts are recognised.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chorus_archive::{Archive, Kind};

use crate::delimited::{Delimited, Dialect};
use crate::files;
use crate::layouts::columns::RECORDING;

/// Files of one kind that are opened, spread over the archive: enough to meet an annotation file among others.
const OPENED: usize = 20;

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
}

impl<'a> ArchiveLook<'a> {
    /// A look at an archive; `recordings` where the recordings were listed before.
    pub fn new(archive: &'a dyn Archive, recordings: Option<RecordingsSeen>) -> Self {
        Self { archive, recordings, samples: RefCell::default() }
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

    /// Some files with these extensions, by path.
    pub fn sample(&self, extensions: &[&str]) -> Vec<String> {
        let draw = || {
            let files = files::list(self.archive, ".", extensions).unwrap_or_default();
            let step = files.len().div_ceil(OPENED).max(1);
            files.into_iter().step_by(step).map(|file| file.path).collect()
        };
        let key = extensions.iter().map(|extension| (*extension).to_owned()).collect();
        self.samples.borrow_mut().entry(key).or_insert_with(draw).clone()
    }

    /// The content of a file; `None` where it cannot be read.
    pub fn bytes(&self, file: &str) -> Option<Vec<u8>> {
        files::read(self.archive, file).ok()
    }

    /// Whether a table has a column that names recordings, and no verdicts. Lists of species or sites name no recordings. A review
    /// sheet names them, but its rows can say that a class is absent.
    pub(crate) fn names_recordings(&self, file: &str) -> bool {
        let Some(bytes) = self.bytes(file) else { return false };
        let table = Delimited::read(&bytes, Dialect::Detect);
        let has = |names: &'static [&'static str]| table.find(None, names).is_ok_and(|column| column.is_some());
        has(RECORDING) && !has(&["verdict"])
    }
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
