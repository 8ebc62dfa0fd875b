//! The annotation files of an archive: which there are, as a listing shows them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::LabelsError;
use crate::text;

/// The settings that an AudioMoth leaves on its card, beside the recordings: no annotation.
const RECORDER_SETTINGS: &str = "config.txt";

/// AnuraSet's `metadata.csv` has 15 MB; a file of this size is something else, and memory must not grow with it.
const MAX_BYTES: u64 = 512 << 20;

/// `ELOOP` of Linux.
const TOO_MANY_LINKS: i32 = 40;

/// A file as the listing shows it. Equal values mean, for all that can be told without reading, the same content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    /// Path relative to the archive, with forward slashes.
    pub(crate) path: String,
    bytes: u64,
    modified: (i64, i64),
    /// When anything of the file was last changed, its times included: those who set a time back cannot set this one.
    changed: (i64, i64),
    inode: u64,
}

/// The files with one of these extensions below `archive`/`place`, or the file that `place` is, sorted by path.
pub(crate) fn list(archive: &Path, place: &str, extensions: &[&str]) -> Result<Vec<Listed>, LabelsError> {
    let root = archive.join(place);
    let meta = fs::metadata(&root).map_err(|_| LabelsError::NoFolder { path: root.clone() })?;
    if meta.is_file() {
        return Ok(vec![listed(archive, &root, &meta)]);
    }
    let mut files = Vec::new();
    let mut seen: BTreeSet<(u64, u64)> = [(meta.dev(), meta.ino())].into();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        let failed = |source| LabelsError::Read { path: folder.clone(), source };
        let entries: Result<Vec<_>, _> = fs::read_dir(&folder).map_err(failed)?.map(|entry| entry.map(|e| e.path())).collect();
        let mut entries = entries.map_err(failed)?;
        // The order of a listing is the file system's; that of a search among links must not be.
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let meta = match fs::metadata(&path) {
                Ok(meta) => meta,
                // A dangling link, a link to itself, or a file that went away meanwhile.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound || e.raw_os_error() == Some(TOO_MANY_LINKS) => continue,
                Err(source) => return Err(LabelsError::Read { path, source }),
            };
            if meta.is_dir() {
                // A link may lead back up, or to a folder that was searched already.
                if seen.insert((meta.dev(), meta.ino())) {
                    folders.push(path);
                }
            } else if meta.is_file() && is_annotation(&name, extensions) {
                files.push(listed(archive, &path, &meta));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn is_annotation(name: &str, extensions: &[&str]) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    extension.is_some_and(|e| extensions.contains(&e.as_str())) && !name.eq_ignore_ascii_case(RECORDER_SETTINGS)
}

fn listed(archive: &Path, path: &Path, meta: &fs::Metadata) -> Listed {
    let below = path.strip_prefix(archive).unwrap_or(path).components();
    let normal = below.filter(|part| matches!(part, std::path::Component::Normal(_)));
    let relative: Vec<_> = normal.map(|part| part.as_os_str().to_string_lossy()).collect();
    Listed {
        path: relative.join("/"),
        bytes: meta.len(),
        modified: (meta.mtime(), meta.mtime_nsec()),
        changed: (meta.ctime(), meta.ctime_nsec()),
        inode: meta.ino(),
    }
}

/// The content of a file; of text in UTF-16, as UTF-8. Every file of annotations and every list is read here.
///
/// # Errors
/// It cannot be read, or is too large for any list that people or programs write.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LabelsError> {
    let failed = |source| LabelsError::Read { path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(failed)?.len();
    if bytes > MAX_BYTES {
        return Err(LabelsError::TooLarge { path: path.to_owned(), bytes, limit: MAX_BYTES });
    }
    Ok(text::utf8(fs::read(path).map_err(failed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_utf16_is_read_like_any_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("codes.txt");
        let text = "code\tclass\nrã\tFROG\n";
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        fs::write(&path, [0xFF, 0xFE].into_iter().chain(units).collect::<Vec<u8>>()).unwrap();
        assert_eq!(read(&path).unwrap(), text.as_bytes());
        let table = crate::codes::CodeTable::read(&path, &read(&path).unwrap()).unwrap();
        assert_eq!(table.class("rã"), Ok("FROG"));
    }

    #[test]
    fn files_are_found_in_nested_folders_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "strong_labels/A/1.txt",
            "strong_labels/strong_labels/B/2.TXT",
            "strong_labels/A/.3.txt",
            "strong_labels/A/4.csv",
            "strong_labels/A/CONFIG.TXT",
            "x/5.txt",
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        std::os::unix::fs::symlink("..", dir.path().join("strong_labels/A/loop")).unwrap();
        let paths = |place: &str| -> Vec<String> {
            list(dir.path(), place, &["txt"]).unwrap().into_iter().map(|file| file.path).collect()
        };
        assert_eq!(paths("./strong_labels"), ["strong_labels/A/1.txt", "strong_labels/strong_labels/B/2.TXT"]);
        assert_eq!(paths("strong_labels/A/4.csv"), ["strong_labels/A/4.csv"]);
        let large = dir.path().join("large.txt");
        fs::File::create(&large).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(read(&large).unwrap_err().to_string().contains("large.txt: 536870913 bytes"));
        let missing = list(dir.path(), "labels", &["txt"]).unwrap_err().to_string();
        assert!(missing.contains("labels") && missing.contains("annotate.folder"), "{missing}");
    }
}
