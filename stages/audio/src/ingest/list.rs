//! The files of an archive that may be recordings.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::IngestError;

/// Extensions that recordings carry, those of kinds that are refused by name among them; what a file really holds is decided by its
/// content.
const EXTENSIONS: [&str; 32] = [
    "wav", "wave", "w64", "rf64", "bwf", "bw64", "flac", "mp3", "mp2", "ogg", "oga", "opus", "m4a", "mp4", "aac", "aif", "aiff",
    "aifc", "caf", "wv", "wma", "wac", "au", "snd", "amr", "ape", "tta", "mka", "spx", "m4b", "mpga", "webm",
];

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

impl Listed {
    /// Whether the path is the file's own, and not one that only shows it.
    pub(super) fn is_named_in_utf8(&self) -> bool {
        self.inode != 0 || self.changed_ns == 0 || !self.path.contains(ESCAPE)
    }
}

/// Lists the recordings below `archive`/`audio`, sorted by path. `exclude` are folders and files relative to the archive.
pub(super) fn files(archive: &Path, audio: &str, exclude: &[String]) -> Result<Vec<Listed>, IngestError> {
    let root = archive.join(audio);
    if !root.is_dir() {
        return Err(IngestError::NoAudioFolder { path: root });
    }
    let (mut found, mut nameless) = (Vec::new(), Vec::new());
    let mut folders = vec![root.clone()];
    let mut seen: BTreeSet<(u64, u64)> = fs::metadata(&root).map(|meta| (meta.dev(), meta.ino())).into_iter().collect();
    while let Some(folder) = folders.pop() {
        let failed = |source| IngestError::List { path: folder.clone(), source };
        let entries: Result<Vec<_>, _> = fs::read_dir(&folder).map_err(failed)?.map(|entry| entry.map(|e| e.path())).collect();
        let mut entries = entries.map_err(failed)?;
        // The order of a listing is the file system's; that of a search among links must not be.
        entries.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        for path in entries {
            let relative = relative(archive, &path);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || exclude.iter().any(|e| is_within(&relative, e)) {
                continue;
            }
            let meta = match fs::metadata(&path) {
                Ok(meta) => meta,
                // The link of a recording that is not there, as where a disk is missing or content was not fetched: a row, not silence.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && path.is_symlink() && is_audio_name(&name) => {
                    found.push(Listed { path: relative, bytes: 0, modified_ns: 0, changed_ns: 0, inode: 0 });
                    continue;
                }
                // Another dangling link, a link to itself, or a file that went away meanwhile.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound || e.raw_os_error() == Some(TOO_MANY_LINKS) => continue,
                Err(source) => return Err(IngestError::List { path, source }),
            };
            if meta.is_dir() {
                // A link may lead back up, or to a folder that was searched already.
                if seen.insert((meta.dev(), meta.ino())) {
                    folders.push(path);
                }
            } else if meta.is_file() && is_audio_name(&name) {
                let ns = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
                let modified_ns = ns(meta.mtime(), meta.mtime_nsec());
                let changed_ns = ns(meta.ctime(), meta.ctime_nsec());
                let listed = Listed { path: relative, bytes: meta.len(), modified_ns, changed_ns, inode: meta.ino() };
                match path.to_str() {
                    Some(_) => found.push(listed),
                    None => nameless.push(Listed { inode: 0, ..listed }),
                }
            }
        }
    }
    found.extend(told_apart(nameless, &found));
    if found.is_empty() {
        return Err(IngestError::NoRecordings { path: root });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn relative(archive: &Path, path: &Path) -> String {
    let below = path.strip_prefix(archive).unwrap_or(path);
    let parts = below.components().filter(|c| matches!(c, std::path::Component::Normal(_)));
    parts.map(|c| shown(c.as_os_str())).collect::<Vec<_>>().join("/")
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
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
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
