//! The listing of a local folder.
//!
//! Folders are read in parallel, in whatever order they are found. By which path a folder counts that several links
//! lead to is decided afterwards, in one fixed order, so that two listings of the same archive are the same. For this
//! all folders have to be read before the first file can be listed: a local listing is not lazy.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chorus_platform::identity::Identity;
use chorus_platform::names::is_circle;
use rayon::prelude::*;

use super::stamp::Stamps;
use crate::archive::{Entry, EntryState, Selection};
use crate::error::{ArchiveError, Cause};
use crate::path::{is_passed_over, joined};

/// In front of the two digits of a byte that is not UTF-8.
const ESCAPE: &str = "\\x";

/// Lists the wanted files below the folder `root`, whose plain path is `plain`.
pub(super) fn entries(root: &Path, plain: String, selection: Selection<'_>, stamps: &Stamps) -> Result<Vec<Entry>, ArchiveError> {
    let meta = fs::metadata(root).map_err(|e| fail(root, e))?;
    if !meta.is_dir() {
        let version = stamps.version(root, &meta);
        return Ok(vec![Entry { path: plain, size: meta.len(), version, state: EntryState::File }]);
    }
    // It holds for the time of one listing, which is enough to notice loops.
    let identity = Identity::of_known(root, &meta).map_err(|e| fail(root, e))?;
    let search = Search { selection, stamps, folders: Mutex::default(), seen: Mutex::new([identity].into()) };
    let top = Place { path: root.to_owned(), plain };
    rayon::scope(|scope| search.read_below(scope, top.clone(), identity));
    let folders = search.in_order(top, identity)?;
    let listed = folders.into_par_iter().map(|(place, folder)| search.listed(&place, folder)).collect::<Result<Vec<_>, _>>()?;
    let (unnamed, mut found): (Vec<Entry>, Vec<Entry>) =
        listed.into_iter().flatten().partition(|entry| entry.state == EntryState::NotUtf8);
    let unnamed = told_apart(unnamed, &found);
    found.extend(unnamed);
    Ok(found)
}

/// A folder by its path in the file system and its plain path in the archive.
#[derive(Debug, Clone)]
struct Place {
    path: PathBuf,
    plain: String,
}

impl Place {
    fn below(&self, name: &OsStr) -> Self {
        Self { path: self.path.join(name), plain: joined(&self.plain, &shown(name)) }
    }
}

/// What a folder holds that matters here.
struct Found {
    name: OsString,
    kind: FoundKind,
}

enum FoundKind {
    Folder(Identity),
    File {
        size: u64,
        version: String,
    },
    DanglingLink,
    /// What cannot be looked at.
    Unknown(io::Error),
}

struct Search<'a> {
    selection: Selection<'a>,
    stamps: &'a Stamps,
    /// What was read of each folder.
    folders: Mutex<BTreeMap<Identity, io::Result<Vec<Found>>>>,
    /// Folders that are read or being read.
    seen: Mutex<BTreeSet<Identity>>,
}

impl Search<'_> {
    /// Reads a folder and, at the same time as others, all below it. A link may lead back up, or to a folder that is
    /// read already.
    fn read_below<'scope>(&'scope self, scope: &rayon::Scope<'scope>, place: Place, identity: Identity) {
        let folder = self.read(&place.path);
        for Found { name, kind } in folder.iter().flatten() {
            let FoundKind::Folder(identity) = *kind else { continue };
            let below = place.below(name);
            if !(self.selection.is_excluded)(&below.plain) && locked(&self.seen).insert(identity) {
                scope.spawn(move |scope| self.read_below(scope, below, identity));
            }
        }
        locked(&self.folders).insert(identity, folder);
    }

    /// The folders with the paths by which they count: the same each time, whatever was read first.
    fn in_order(&self, top: Place, identity: Identity) -> Result<Vec<(Place, Vec<Found>)>, ArchiveError> {
        let mut read_before = std::mem::take(&mut *locked(&self.folders));
        let mut in_order = Vec::with_capacity(read_before.len());
        let mut seen = BTreeSet::from([identity]);
        let mut waiting = vec![(top, identity)];
        while let Some((place, identity)) = waiting.pop() {
            let folder = read_before.remove(&identity).unwrap_or_else(|| self.read(&place.path));
            let folder = folder.map_err(|e| fail(&place.path, e))?;
            for Found { name, kind } in &folder {
                let FoundKind::Folder(identity) = *kind else { continue };
                let below = place.below(name);
                if !(self.selection.is_excluded)(&below.plain) && seen.insert(identity) {
                    waiting.push((below, identity));
                }
            }
            in_order.push((place, folder));
        }
        Ok(in_order)
    }

    /// The wanted files of a folder.
    fn listed(&self, place: &Place, folder: Vec<Found>) -> Result<Vec<Entry>, ArchiveError> {
        let mut entries = Vec::with_capacity(folder.len());
        for Found { name, kind } in folder {
            let path = joined(&place.plain, &shown(&name));
            let (size, version, state) = match kind {
                FoundKind::Folder(_) => continue,
                _ if (self.selection.is_excluded)(&path) => continue,
                FoundKind::Unknown(source) => return Err(fail(&place.path.join(name), source)),
                FoundKind::DanglingLink => (0, String::new(), EntryState::DanglingLink),
                FoundKind::File { size, version } => (size, version, EntryState::File),
            };
            let is_text = place.path.join(&name).to_str().is_some();
            entries.push(Entry { path, size, version, state: if is_text { state } else { EntryState::NotUtf8 } });
        }
        Ok(entries)
    }

    /// Reads a folder, sorted by name, since the order of a listing is the file system's.
    fn read(&self, path: &Path) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let kind = if is_passed_over(&text) { None } else { self.kind(&entry, &text) };
            found.extend(kind.map(|kind| Found { name, kind }));
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// What an entry of a folder is; `None` for what is neither a folder nor a wanted file.
    fn kind(&self, entry: &DirEntry, name: &str) -> Option<FoundKind> {
        let is_wanted = || (self.selection.is_wanted)(name);
        let is_link = match entry.file_type() {
            Ok(kind) if kind.is_file() && !is_wanted() => return None,
            Ok(kind) => kind.is_symlink(),
            Err(source) if source.kind() == ErrorKind::NotFound => return None,
            Err(source) => return Some(FoundKind::Unknown(source)),
        };
        // An entry's own metadata are cheaper than those of a path, but they are a link's where it is one.
        match if is_link { fs::metadata(entry.path()) } else { entry.metadata() } {
            Ok(meta) if meta.is_dir() => {
                let identity = Identity::of_known(&entry.path(), &meta);
                Some(identity.map_or_else(FoundKind::Unknown, FoundKind::Folder))
            }
            Ok(meta) => (meta.is_file() && is_wanted())
                .then(|| FoundKind::File { size: meta.len(), version: self.stamps.version(&entry.path(), &meta) }),
            // A file that is not there, as where a disk is missing or content was not fetched, is told and not passed over.
            Err(e) if e.kind() == ErrorKind::NotFound && is_link && is_wanted() => Some(FoundKind::DanglingLink),
            // Another dangling link, a link to itself, or a file that went away meanwhile.
            Err(e) if e.kind() == ErrorKind::NotFound || is_circle(&e) => None,
            Err(source) => Some(FoundKind::Unknown(source)),
        }
    }
}

fn fail(path: &Path, error: io::Error) -> ArchiveError {
    ArchiveError::new(path.display().to_string(), Cause::from(error))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name as text, with escapes for bytes that are not UTF-8; on Windows for halves of characters.
fn shown(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(text, "{ESCAPE}{byte:02X}");
        }
    }
    text
}

/// Files whose paths hold escapes, with paths that no other file has: a file may really be called like an escape.
fn told_apart(unnamed: Vec<Entry>, others: &[Entry]) -> Vec<Entry> {
    if unnamed.is_empty() {
        return unnamed;
    }
    let mut taken: BTreeSet<String> = others.iter().map(|entry| entry.path.clone()).collect();
    let free = |mut entry: Entry| {
        while !taken.insert(entry.path.clone()) {
            entry.path.push('\\');
        }
        entry
    };
    unnamed.into_iter().map(free).collect()
}
