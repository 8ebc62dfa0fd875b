//! The annotation files of an archive: listing and reading them.

use chorus_archive::{Archive, Entry, EntryState, Selection};
use serde::{Deserialize, Serialize};

use crate::error::LabelsError;
use crate::text::{self, file_name};

/// The settings that an AudioMoth leaves on its card beside the recordings. They are no annotations.
const RECORDER_SETTINGS: &str = "config.txt";

/// AnuraSet's `metadata.csv` has 15 MB. A file above this limit is no list, and reading it would take too much memory.
const MAX_BYTES: u64 = 512 << 20;

/// A file of a listing. Equal values mean the same content, as far as that can be known without reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedFile {
    /// Path relative to the archive, with forward slashes.
    pub(crate) path: String,
    size: u64,
    version: String,
}

impl From<Entry> for ListedFile {
    fn from(Entry { path, size, version, .. }: Entry) -> Self {
        Self { path, size, version: version.to_string() }
    }
}

/// What there is of annotation files.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The files, sorted by path.
    pub(crate) files: Vec<ListedFile>,
    /// Links with the names of such files, or of folders, that lead nowhere: what somebody wrote of recordings may be behind them.
    pub(crate) missing: Vec<String>,
}

/// The files with one of these extensions below `place`, or the file at `place`, sorted by path.
///
/// # Errors
/// There is nothing at `place`, or it cannot be listed.
pub(crate) fn list(archive: &dyn Archive, place: &str, extensions: &[&str]) -> Result<Vec<ListedFile>, LabelsError> {
    Ok(list_all(archive, place, extensions)?.files)
}

/// The same, with the links that lead nowhere.
///
/// # Errors
/// Those of [`list`].
pub(crate) fn list_all(archive: &dyn Archive, place: &str, extensions: &[&str]) -> Result<Listing, LabelsError> {
    let is_wanted = |name: &str| is_annotation(name, extensions);
    let entries =
        archive.sorted(Selection { folder: place, is_excluded: &|_| false, is_wanted: &is_wanted }).map_err(|error| {
            if error.is_not_found() { LabelsError::NoFolder { path: error.location } } else { LabelsError::Archive(error) }
        })?;
    let mut listing = Listing::default();
    for entry in entries {
        match entry.state {
            EntryState::File | EntryState::NotUtf8 => listing.files.push(entry.into()),
            EntryState::DanglingLink => listing.missing.push(entry.path),
            // A name with a dot is that of a file, and of another kind.
            EntryState::LostLink if !file_name(&entry.path).contains('.') => listing.missing.push(entry.path),
            EntryState::LostLink => {}
        }
    }
    Ok(listing)
}

fn is_annotation(name: &str, extensions: &[&str]) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    extension.is_some_and(|e| extensions.contains(&e.as_str())) && !name.eq_ignore_ascii_case(RECORDER_SETTINGS)
}

/// The content of a file; UTF-16 becomes UTF-8. Every annotation file and every list is read by this function.
///
/// # Errors
/// The file cannot be read, or is larger than any list.
pub(crate) fn read(archive: &dyn Archive, path: &str) -> Result<Vec<u8>, LabelsError> {
    Ok(text::utf8(archive.read(path, MAX_BYTES)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_archive::Local;
    use std::fs;

    #[test]
    fn a_table_in_utf16_is_read_like_any_other() {
        let dir = tempfile::tempdir().unwrap();
        let text = "code\tclass\nrã\tFROG\n";
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        fs::write(dir.path().join("codes.txt"), [0xFF, 0xFE].into_iter().chain(units).collect::<Vec<u8>>()).unwrap();
        let bytes = read(&Local::new(dir.path()), "codes.txt").unwrap();
        assert_eq!(bytes, text.as_bytes());
        let table = crate::codes::CodeTable::read("codes.txt", &bytes).unwrap();
        assert_eq!(table.class("rã"), Ok("FROG"));
    }

    #[cfg(unix)]
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
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, dir.path().join(at)).unwrap();
        link("..", "strong_labels/A/loop");
        link("gone.txt", "strong_labels/A/6.txt");
        let archive = Local::new(dir.path());
        let paths =
            |place: &str| -> Vec<String> { list(&archive, place, &["txt"]).unwrap().into_iter().map(|file| file.path).collect() };
        assert_eq!(paths("./strong_labels"), ["strong_labels/A/1.txt", "strong_labels/strong_labels/B/2.TXT"]);
        assert_eq!(paths("strong_labels/A/4.csv"), ["strong_labels/A/4.csv"]);
        link("/nowhere/disk", "strong_labels/disk");
        link("gone.pdf", "strong_labels/A/notes.pdf");
        let missing = list_all(&archive, "strong_labels", &["txt"]).unwrap().missing;
        assert_eq!(
            missing.into_iter().collect::<std::collections::BTreeSet<_>>(),
            ["strong_labels/A/6.txt", "strong_labels/disk"].map(str::to_owned).into()
        );
        fs::File::create(dir.path().join("large.txt")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(read(&archive, "large.txt").unwrap_err().to_string().contains("large.txt: the file has 536870913 bytes"));
        let missing = list(&archive, "labels", &["txt"]).unwrap_err().to_string();
        assert!(missing.contains("labels") && missing.contains("annotate.folder"), "{missing}");
    }
}
