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
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chorus_platform::identity::Identity;
use chorus_platform::names::is_circle;

use super::stamp::{LastDevice, Stamps};
use crate::archive::{Entries, Entry, EntryState, Selection};
use crate::error::{ArchiveError, Cause};
use crate::path::{is_passed_over, joined};
use crate::version::Version;

/// In front of the two digits of a byte that is not UTF-8.
const ESCAPE: &str = "\\x";

/// Lists the wanted files below the folder `root`, whose plain path is `plain`.
pub(super) fn entries<'a>(
    root: &Path,
    plain: String,
    selection: Selection<'a>,
    stamps: &Stamps,
) -> Result<Entries<'a>, ArchiveError> {
    let meta = fs::metadata(root).map_err(|e| fail(root, e))?;
    if !meta.is_dir() {
        let version = stamps.version(&mut None, &meta, || root.to_owned());
        return Ok(Box::new(iter::once(Ok(Entry { path: plain, size: meta.len(), version, state: EntryState::File }))));
    }
    // It holds for the time of one listing, which is enough to notice loops.
    let identity = Identity::of_known(root, &meta).map_err(|e| fail(root, e))?;
    let search = Search { selection, stamps, folders: Mutex::default(), seen: Mutex::new([identity].into()) };
    let top = Place { path: root.to_owned(), plain };
    rayon::scope(|scope| search.read_below(scope, top.clone(), identity));
    let mut folders = search.in_order(top, identity)?;
    search.refuse_unknown(&mut folders)?;
    let lost: Vec<Entry> = folders.iter_mut().flat_map(|(place, folder)| lost_entries(place, folder, selection)).collect();
    if folders.iter().all(|(place, folder)| place.is_text() && folder.unnamed.is_empty()) {
        // Paths are made one by one, and what a folder held goes with its last file: an archive has millions of them.
        return Ok(Box::new(
            folders.into_iter().flat_map(move |(place, folder)| folder.entries(place, selection)).chain(lost).map(Ok),
        ));
    }
    let (mut found, mut unnamed) = (Vec::new(), Vec::new());
    for (place, mut folder) in folders {
        let own = unnamed_entries(std::mem::take(&mut folder.unnamed), &place, selection);
        let state = |entry: &Entry| entry.state == EntryState::NotUtf8;
        let (nameless, named): (Vec<Entry>, Vec<Entry>) = folder.entries(place, selection).chain(own).partition(state);
        found.extend(named);
        unnamed.extend(nameless);
    }
    let unnamed = told_apart(unnamed, &found);
    Ok(Box::new(found.into_iter().chain(unnamed).chain(lost).map(Ok)))
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

    /// Whether its files can be opened by a text.
    fn is_text(&self) -> bool {
        self.path.to_str().is_some()
    }
}

/// What a folder holds that matters here. Each file takes some 40 bytes besides its name.
#[derive(Default)]
struct Folder {
    /// The names of the files, one after the other.
    names: String,
    /// The files, each with the length of its name.
    files: Vec<(u32, Facts)>,
    /// Files whose names are not UTF-8, sorted by name.
    unnamed: Vec<(OsString, Facts)>,
    /// Folders, sorted by name.
    folders: Vec<(OsString, Identity)>,
    /// Links that lead nowhere and are no wanted files, each with where it leads, sorted by name.
    lost: Vec<(OsString, String)>,
    /// What cannot be looked at, sorted by name.
    unknown: Vec<(OsString, io::Error)>,
}

/// What is known of a file.
struct Facts {
    size: u64,
    /// `None` for a link to a file that is not there.
    version: Option<Version>,
}

/// What an entry of a folder is.
enum Kind {
    Folder(Identity),
    File(Facts),
    /// A link that leads nowhere and is no wanted file, with where it leads.
    Lost(String),
    /// What cannot be looked at.
    Unknown(io::Error),
}

impl Facts {
    fn entry(self, path: String, is_text: bool) -> Entry {
        let state = match &self.version {
            _ if !is_text => EntryState::NotUtf8,
            Some(_) => EntryState::File,
            None => EntryState::DanglingLink,
        };
        Entry { path, size: self.size, version: self.version.unwrap_or_else(|| "".into()), state }
    }
}

impl Folder {
    fn push(&mut self, name: OsString, kind: Kind) {
        match kind {
            Kind::Folder(identity) => self.folders.push((name, identity)),
            Kind::Lost(target) => self.lost.push((name, target)),
            Kind::Unknown(error) => self.unknown.push((name, error)),
            Kind::File(facts) => match (name.to_str(), name.to_str().and_then(|text| u32::try_from(text.len()).ok())) {
                (Some(text), Some(length)) => {
                    self.names.push_str(text);
                    self.files.push((length, facts));
                }
                _ => self.unnamed.push((name, facts)),
            },
        }
    }

    /// Sorts what is looked at in an order, since the order of a listing is the file system's.
    fn sort(&mut self) {
        self.unnamed.sort_by(|a, b| a.0.cmp(&b.0));
        self.folders.sort_by(|a, b| a.0.cmp(&b.0));
        self.lost.sort();
        self.unknown.sort_by(|a, b| a.0.cmp(&b.0));
        self.names.shrink_to_fit();
        self.files.shrink_to_fit();
    }

    /// Its files whose names are UTF-8, without those that are excluded.
    fn entries<'a>(self, place: Place, selection: Selection<'a>) -> impl Iterator<Item = Entry> + Send + use<'a> {
        let (Self { names, files, .. }, is_text) = (self, place.is_text());
        let mut start = 0;
        files.into_iter().filter_map(move |(length, facts)| {
            let end = start + length as usize;
            let path = joined(&place.plain, &names[start..end]);
            start = end;
            (!(selection.is_excluded)(&path)).then(|| facts.entry(path, is_text))
        })
    }
}

/// Files of a folder whose names are not UTF-8, without those that are excluded.
fn unnamed_entries(files: Vec<(OsString, Facts)>, place: &Place, selection: Selection<'_>) -> Vec<Entry> {
    let with_paths = files.into_iter().map(|(name, facts)| (joined(&place.plain, &shown(&name)), facts));
    with_paths.filter(|(path, _)| !(selection.is_excluded)(path)).map(|(path, facts)| facts.entry(path, false)).collect()
}

/// Links of a folder that lead nowhere, without those that are excluded.
fn lost_entries(place: &Place, folder: &mut Folder, selection: Selection<'_>) -> Vec<Entry> {
    let links = std::mem::take(&mut folder.lost).into_iter().map(|(name, target)| (joined(&place.plain, &shown(&name)), target));
    let entry = |(path, target): (String, String)| Entry { path, size: 0, version: target.into(), state: EntryState::LostLink };
    links.filter(|(path, _)| !(selection.is_excluded)(path)).map(entry).collect()
}

struct Search<'a> {
    selection: Selection<'a>,
    stamps: &'a Stamps,
    /// What was read of each folder.
    folders: Mutex<BTreeMap<Identity, io::Result<Folder>>>,
    /// Folders that are read or being read.
    seen: Mutex<BTreeSet<Identity>>,
}

impl Search<'_> {
    /// Reads a folder and, at the same time as others, all below it. A link may lead back up, or to a folder that is
    /// read already.
    fn read_below<'scope>(&'scope self, scope: &rayon::Scope<'scope>, place: Place, identity: Identity) {
        let folder = self.read(&place.path);
        for (name, identity) in folder.iter().flat_map(|folder| &folder.folders) {
            let (below, identity) = (place.below(name), *identity);
            if !(self.selection.is_excluded)(&below.plain) && locked(&self.seen).insert(identity) {
                scope.spawn(move |scope| self.read_below(scope, below, identity));
            }
        }
        locked(&self.folders).insert(identity, folder);
    }

    /// The folders with the paths by which they count: the same each time, whatever was read first.
    fn in_order(&self, top: Place, identity: Identity) -> Result<Vec<(Place, Folder)>, ArchiveError> {
        let mut read_before = std::mem::take(&mut *locked(&self.folders));
        let mut in_order = Vec::with_capacity(read_before.len());
        let mut seen = BTreeSet::from([identity]);
        let mut waiting = vec![(top, identity)];
        while let Some((place, identity)) = waiting.pop() {
            let folder = read_before.remove(&identity).unwrap_or_else(|| self.read(&place.path));
            let folder = folder.map_err(|e| fail(&place.path, e))?;
            for (name, identity) in &folder.folders {
                let below = place.below(name);
                if !(self.selection.is_excluded)(&below.plain) && seen.insert(*identity) {
                    waiting.push((below, *identity));
                }
            }
            in_order.push((place, folder));
        }
        Ok(in_order)
    }

    /// Refuses what cannot be looked at, unless it is excluded.
    fn refuse_unknown(&self, folders: &mut [(Place, Folder)]) -> Result<(), ArchiveError> {
        for (place, folder) in folders {
            for (name, error) in folder.unknown.drain(..) {
                if !(self.selection.is_excluded)(&joined(&place.plain, &shown(&name))) {
                    return Err(fail(&place.path.join(&name), error));
                }
            }
        }
        Ok(())
    }

    /// Reads a folder.
    fn read(&self, path: &Path) -> io::Result<Folder> {
        let (mut folder, mut last) = (Folder::default(), None);
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let kind = if is_passed_over(&text) { None } else { self.kind(&entry, &text, &mut last) };
            if let Some(kind) = kind {
                folder.push(name, kind);
            }
        }
        folder.sort();
        Ok(folder)
    }

    /// What an entry of a folder is; `None` for what is neither a folder nor a wanted file.
    fn kind(&self, entry: &DirEntry, name: &str, last: &mut LastDevice) -> Option<Kind> {
        let is_wanted = || (self.selection.is_wanted)(name);
        let is_link = match entry.file_type() {
            Ok(kind) if kind.is_file() && !is_wanted() => return None,
            Ok(kind) => kind.is_symlink(),
            Err(source) if source.kind() == ErrorKind::NotFound => return None,
            Err(source) => return Some(Kind::Unknown(source)),
        };
        // An entry's own metadata are cheaper than those of a path, but they are a link's where it is one.
        match if is_link { fs::metadata(entry.path()) } else { entry.metadata() } {
            Ok(meta) if meta.is_dir() => {
                let identity = Identity::of_known(&entry.path(), &meta);
                Some(identity.map_or_else(Kind::Unknown, Kind::Folder))
            }
            Ok(meta) if meta.is_file() && is_wanted() => {
                let version = self.stamps.version(last, &meta, || entry.path());
                Some(Kind::File(Facts { size: meta.len(), version: Some(version) }))
            }
            Ok(_) => None,
            // A link that leads nowhere, as where a disk is missing or content was not fetched, is told and not passed over.
            Err(e) if is_link && (e.kind() == ErrorKind::NotFound || is_circle(&e)) => Some(if is_wanted() {
                Kind::File(Facts { size: 0, version: None })
            } else {
                Kind::Lost(fs::read_link(entry.path()).map(|target| shown(target.as_os_str())).unwrap_or_default())
            }),
            // A file that went away meanwhile.
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(source) => Some(Kind::Unknown(source)),
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
