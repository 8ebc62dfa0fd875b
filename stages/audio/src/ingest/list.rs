//! The files of an archive that may be recordings.
//!
//! Folders are read in parallel, in whatever order they are found; which of them count, and under which path a folder counts that links
//! lead to, is then decided in one fixed order.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, DirEntry, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use chorus_engine::locked;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::IngestError;

/// Extensions that recordings carry, those of kinds that are refused by name among them; what a file really holds is decided by its
/// content.
const EXTENSIONS: [&str; 32] = [
    "wav", "wave", "w64", "rf64", "bwf", "bw64", "flac", "mp3", "mp2", "ogg", "oga", "opus", "m4a", "mp4", "aac", "aif", "aiff",
    "aifc", "caf", "wv", "wma", "wac", "au", "snd", "amr", "ape", "tta", "mka", "spx", "m4b", "mpga", "webm",
];

/// In place of the inode of a file whose path cannot be told in text.
const NAMELESS: u64 = 0;

/// What stands before the two digits of a byte that is no UTF-8.
const ESCAPE: &str = "\\x";

/// `ELOOP` of Linux.
const TOO_MANY_LINKS: i32 = 40;

/// A file as the listing shows it. Equal values mean, for all that can be told without reading, the same content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    /// Path relative to the archive, with forward slashes. Bytes that are no UTF-8 are shown as `\x` and two digits.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) modified_ns: i64,
    /// When anything of the file was last changed, its times included: those who set a time back cannot set this one.
    pub(super) changed_ns: i64,
    /// 0 where `path` opens no file: that of a link to nothing, or of a name that is not UTF-8.
    pub(super) inode: u64,
}

/// A folder or file of the file system: device and inode.
type Identity = (u64, u64);

/// A folder of the archive as the file system has it.
#[derive(Default)]
struct Folder {
    entries: Vec<Entry>,
}

/// What a folder holds that matters here.
struct Entry {
    name: OsString,
    kind: EntryKind,
}

enum EntryKind {
    Folder(Identity),
    File(Stamp),
    /// What cannot be looked at.
    Unknown(io::Error),
}

/// What the file system says of a file, see [`Listed`].
#[derive(Default)]
struct Stamp {
    bytes: u64,
    modified_ns: i64,
    changed_ns: i64,
    inode: u64,
}

impl Listed {
    /// Whether the path is the file's own, and not one that only shows it.
    pub(super) fn is_named_in_utf8(&self) -> bool {
        self.has_inode() || !self.path.contains(ESCAPE)
    }

    /// Whether it is a file that can be opened by its path, or a link to nothing, which has no times.
    fn has_inode(&self) -> bool {
        self.inode != NAMELESS || self.changed_ns == 0
    }
}

/// Lists the recordings below `archive`/`audio`, sorted by path. `exclude` are folders and files relative to the archive.
pub(super) fn files(archive: &Path, audio: &str, exclude: &[String]) -> Result<Vec<Listed>, IngestError> {
    let root = archive.join(audio);
    let Some(identity) = fs::metadata(&root).ok().filter(Metadata::is_dir).map(|meta| identity(&meta)) else {
        return Err(IngestError::NoAudioFolder { path: root });
    };
    let search = Search { archive, exclude, folders: Mutex::default(), seen: Mutex::new([identity].into()) };
    rayon::scope(|scope| search.read_below(scope, root.clone(), identity));
    let folders = search.in_order(&root, identity)?;
    let listed = folders.into_par_iter().map(|(path, folder)| search.listed(&path, folder)).collect::<Result<Vec<_>, _>>()?;
    let (mut found, nameless): (Vec<Listed>, Vec<Listed>) = listed.into_iter().flatten().partition(Listed::has_inode);
    let nameless = told_apart(nameless, &found);
    found.extend(nameless);
    if found.is_empty() {
        return Err(IngestError::NoRecordings { path: root });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The search of an archive.
struct Search<'a> {
    archive: &'a Path,
    exclude: &'a [String],
    /// What was read of each folder.
    folders: Mutex<BTreeMap<Identity, io::Result<Folder>>>,
    /// Folders that are read or being read.
    seen: Mutex<BTreeSet<Identity>>,
}

impl Search<'_> {
    /// Reads a folder and, at the same time as others, all below it. A link may lead back up, or to a folder that is read already.
    fn read_below<'scope>(&'scope self, scope: &rayon::Scope<'scope>, path: PathBuf, identity: Identity) {
        let folder = read(&path);
        for entry in folder.iter().flat_map(|folder| &folder.entries) {
            if let EntryKind::Folder(below) = entry.kind
                && !self.is_excluded(&path, entry)
                && locked(&self.seen).insert(below)
            {
                let path = path.join(&entry.name);
                scope.spawn(move |scope| self.read_below(scope, path, below));
            }
        }
        locked(&self.folders).insert(identity, folder);
    }

    /// The folders with the paths under which they count: the order of the search decides where links lead to a folder that was found
    /// already, and it is the same each time, whatever was read first.
    fn in_order(&self, root: &Path, identity: Identity) -> Result<Vec<(PathBuf, Folder)>, IngestError> {
        let mut read_before = std::mem::take(&mut *locked(&self.folders));
        let mut in_order = Vec::with_capacity(read_before.len());
        let mut seen = BTreeSet::from([identity]);
        let mut waiting = vec![(root.to_owned(), identity)];
        while let Some((path, identity)) = waiting.pop() {
            let folder = read_before.remove(&identity).unwrap_or_else(|| read(&path));
            let folder = folder.map_err(|source| IngestError::List { path: path.clone(), source })?;
            for entry in &folder.entries {
                if let EntryKind::Folder(below) = entry.kind
                    && !self.is_excluded(&path, entry)
                    && seen.insert(below)
                {
                    waiting.push((path.join(&entry.name), below));
                }
            }
            in_order.push((path, folder));
        }
        Ok(in_order)
    }

    /// The recordings of a folder.
    fn listed(&self, path: &Path, folder: Folder) -> Result<Vec<Listed>, IngestError> {
        let below = relative(self.archive, path);
        let mut found = Vec::with_capacity(folder.entries.len());
        for Entry { name, kind } in folder.entries {
            let relative = joined(&below, &shown(&name));
            match kind {
                EntryKind::Folder(_) => {}
                _ if self.exclude.iter().any(|excluded| is_within(&relative, excluded)) => {}
                EntryKind::File(Stamp { bytes, modified_ns, changed_ns, inode }) => {
                    let inode = if path.join(&name).to_str().is_some() { inode } else { NAMELESS };
                    found.push(Listed { path: relative, bytes, modified_ns, changed_ns, inode });
                }
                EntryKind::Unknown(source) => return Err(IngestError::List { path: path.join(name), source }),
            }
        }
        Ok(found)
    }

    fn is_excluded(&self, folder: &Path, entry: &Entry) -> bool {
        let relative = || joined(&relative(self.archive, folder), &shown(&entry.name));
        !self.exclude.is_empty() && self.exclude.iter().any(|excluded| is_within(&relative(), excluded))
    }
}

/// Reads a folder: what may be a recording and what may be a folder, sorted by name, since the order of a listing is the file system's.
fn read(path: &Path) -> io::Result<Folder> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = if name.as_encoded_bytes().starts_with(b".") { None } else { kind(&entry, &name.to_string_lossy()) };
        entries.extend(kind.map(|kind| Entry { name, kind }));
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Folder { entries })
}

/// What an entry of a folder is; `None` for what is neither a folder nor a recording.
fn kind(entry: &DirEntry, name: &str) -> Option<EntryKind> {
    let is_link = match entry.file_type() {
        Ok(kind) if kind.is_file() && !is_audio_name(name) => return None,
        Ok(kind) => kind.is_symlink(),
        Err(source) if source.kind() == ErrorKind::NotFound => return None,
        Err(source) => return Some(EntryKind::Unknown(source)),
    };
    // An entry's own metadata are cheaper than those of a path, but they are a link's where it is one.
    match if is_link { fs::metadata(entry.path()) } else { entry.metadata() } {
        Ok(meta) if meta.is_dir() => Some(EntryKind::Folder(identity(&meta))),
        Ok(meta) => (meta.is_file() && is_audio_name(name)).then(|| EntryKind::File(Stamp::of(&meta))),
        // The link of a recording that is not there, as where a disk is missing or content was not fetched: a row, not silence.
        Err(e) if e.kind() == ErrorKind::NotFound && is_link && is_audio_name(name) => Some(EntryKind::File(Stamp::default())),
        // Another dangling link, a link to itself, or a file that went away meanwhile.
        Err(e) if e.kind() == ErrorKind::NotFound || e.raw_os_error() == Some(TOO_MANY_LINKS) => None,
        Err(source) => Some(EntryKind::Unknown(source)),
    }
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        let ns = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            bytes: meta.len(),
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
        }
    }
}

fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

/// The path of a folder relative to the archive, with forward slashes; empty for the archive itself.
fn relative(archive: &Path, path: &Path) -> String {
    let below = path.strip_prefix(archive).unwrap_or(path);
    let parts = below.components().filter(|part| matches!(part, Component::Normal(_)));
    parts.map(|part| shown(part.as_os_str())).collect::<Vec<_>>().join("/")
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A name as text, with escapes for bytes that are no UTF-8.
fn shown(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(text, "{ESCAPE}{byte:02X}");
        }
    }
    text
}

/// Files whose paths hold escapes, with paths that no other file has: a file may really be called like an escape.
fn told_apart(nameless: Vec<Listed>, others: &[Listed]) -> Vec<Listed> {
    if nameless.is_empty() {
        return nameless;
    }
    let mut taken: BTreeSet<String> = others.iter().map(|file| file.path.clone()).collect();
    let free = |mut file: Listed| {
        while !taken.insert(file.path.clone()) {
            file.path.push('\\');
        }
        file
    };
    nameless.into_iter().map(free).collect()
}

fn is_within(path: &str, excluded: &str) -> bool {
    let excluded = excluded.trim_start_matches("./").trim_end_matches('/');
    path.strip_prefix(excluded).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_audio_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_found_wherever_they_lie_and_excluded_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["raw/A/1.wav", "raw/A/2.FLAC", "raw/B/x.txt", "raw/B/.hidden.wav", "raw/old/3.wav", "raw/older/4.wav"] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let paths = |audio: &str, exclude: &[&str]| -> Vec<String> {
            let exclude: Vec<String> = exclude.iter().map(|s| (*s).to_owned()).collect();
            files(dir.path(), audio, &exclude).unwrap().into_iter().map(|f| f.path).collect()
        };
        assert_eq!(paths(".", &["raw/old"]), ["raw/A/1.wav", "raw/A/2.FLAC", "raw/older/4.wav"]);
        assert_eq!(paths("raw/old", &[]), ["raw/old/3.wav"]);
        assert!(matches!(files(dir.path(), "raw/B", &[]), Err(IngestError::NoRecordings { .. })));
        assert!(matches!(files(dir.path(), "none", &[]), Err(IngestError::NoAudioFolder { .. })));
    }

    #[test]
    fn a_folder_that_links_lead_to_is_found_once_and_always_by_the_same_path() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["a/1.wav", "b/2.wav", "b/c/3.wav", "z/hidden/4.wav"] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, dir.path().join(at)).unwrap();
        link("../b", "a/link");
        link("..", "b/c/up");
        link("z/hidden", "shown");
        let paths = |exclude: &[&str]| -> Vec<String> {
            let exclude: Vec<String> = exclude.iter().map(|s| (*s).to_owned()).collect();
            files(dir.path(), ".", &exclude).unwrap().into_iter().map(|f| f.path).collect()
        };
        for _ in 0..50 {
            assert_eq!(paths(&[]), ["a/1.wav", "b/2.wav", "b/c/3.wav", "shown/4.wav"]);
            // What is excluded by one path is found by another.
            assert_eq!(paths(&["b", "shown"]), ["a/1.wav", "a/link/2.wav", "a/link/c/3.wav", "z/hidden/4.wav"]);
        }
    }

    #[test]
    fn names_that_are_not_utf8_are_shown_with_escapes_and_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        for name in [&b"a\xE9.wav"[..], b"a\xEA.wav", b"a\\xE9.wav", "é.wav".as_bytes()] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), b"x").unwrap();
        }
        fs::create_dir(dir.path().join(OsStr::from_bytes(b"\xFF"))).unwrap();
        fs::write(dir.path().join(OsStr::from_bytes(b"\xFF")).join("b.wav"), b"x").unwrap();
        let found: Vec<(String, bool)> =
            files(dir.path(), ".", &[]).unwrap().into_iter().map(|file| (file.path.clone(), file.is_named_in_utf8())).collect();
        let named = |name: &str, is: bool| (name.to_owned(), is);
        assert_eq!(
            found,
            [
                named(r"\xFF/b.wav", false),
                named(r"a\xE9.wav", true),
                named(r"a\xE9.wav\", false),
                named(r"a\xEA.wav", false),
                named("é.wav", true)
            ]
        );
    }

    #[test]
    fn a_link_to_a_recording_that_is_not_there_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.wav"), b"x").unwrap();
        std::os::unix::fs::symlink("gone.wav", dir.path().join("b.wav")).unwrap();
        std::os::unix::fs::symlink("c.wav", dir.path().join("c.wav")).unwrap();
        let paths: Vec<String> = files(dir.path(), ".", &[]).unwrap().into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["a.wav", "b.wav"]);
    }
}
