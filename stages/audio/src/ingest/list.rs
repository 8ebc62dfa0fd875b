//! The files of an archive that may be recordings.

use chorus_archive::{Archive, Entry, EntryState, Kind, Selection};

use super::error::IngestError;
use super::exclude::Exclude;
use super::listed::ListedFile;
use super::listing::Listing;

/// Extensions that recordings carry, also those of formats that are refused by name. What a file really holds is decided by its
/// content.
const EXTENSIONS: [&str; 32] = [
    "wav", "wave", "w64", "rf64", "bwf", "bw64", "flac", "mp3", "mp2", "ogg", "oga", "opus", "m4a", "mp4", "aac", "aif", "aiff",
    "aifc", "caf", "wv", "wma", "wac", "au", "snd", "amr", "ape", "tta", "mka", "spx", "m4b", "mpga", "webm",
];

/// Extensions of files that are no recordings: a link with such a name leads to no folder of recordings either, whatever became of its file.
const OTHERS: [&str; 32] = [
    "txt", "md", "log", "csv", "tsv", "json", "xml", "yaml", "yml", "ini", "cfg", "html", "htm", "pdf", "doc", "docx", "odt",
    "xls", "xlsx", "ods", "jpg", "jpeg", "png", "gif", "tif", "tiff", "zip", "gz", "7z", "kml", "gpx", "py",
];

/// What an archive holds of recordings.
pub(super) struct Seen {
    pub(super) listing: Listing,
    /// Links behind which recordings may be, and that lead nowhere now; each with where it leads.
    pub(super) lost: Vec<String>,
}

/// Lists the recordings below the folder `audio` of an archive.
pub(super) fn list(archive: &dyn Archive, audio: &str, exclude: &Exclude) -> Result<Seen, IngestError> {
    if archive.kind_of(audio)? != Some(Kind::Folder) {
        return Err(IngestError::NoAudioFolder { location: archive.location(audio) });
    }
    let is_excluded = |path: &str| exclude.covers(path);
    let found = archive.list(Selection { folder: audio, is_excluded: &is_excluded, is_wanted: &is_audio_name })?;
    let mut lost = Vec::new();
    let listing = Listing::of(found.filter_map(|entry| match entry {
        Ok(Entry { path, version, state: EntryState::LostLink, .. }) => {
            let target = version.to_string();
            if ![&path, &target].iter().any(|name| has_extension(name, &OTHERS)) {
                lost.push(format!("{path} -> {target}"));
            }
            None
        }
        entry => Some(entry.map(ListedFile::from)),
    }))?;
    if listing.is_empty() {
        return Err(IngestError::NoRecordings { location: archive.location(audio) });
    }
    Ok(Seen { listing, lost })
}

/// The same as texts, sorted by path.
pub(super) fn files(archive: &dyn Archive, audio: &str, exclude: &Exclude) -> Result<Vec<ListedFile>, IngestError> {
    Ok(list(archive, audio, exclude)?.listing.listed())
}

/// Whether a file of this name may be a recording, by its extension.
pub fn is_audio_name(name: &str) -> bool {
    has_extension(name, &EXTENSIONS)
}

/// Whether a name has one of these extensions, in any case.
fn has_extension(name: &str, extensions: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extensions.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_archive::Local;
    use std::fs;

    #[test]
    fn recordings_are_known_by_their_extension_in_any_case() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["raw/A/1.wav", "raw/A/2.FLAC", "raw/B/x.txt", "raw/old/3.wav"] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let archive = Local::new(dir.path());
        let all = Exclude::default();
        let found = files(&archive, ".", &Exclude::new(&["raw/old".to_owned()])).unwrap();
        assert_eq!(found.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["raw/A/1.wav", "raw/A/2.FLAC"]);
        assert!(matches!(files(&archive, "raw/B", &all), Err(IngestError::NoRecordings { .. })));
        assert!(matches!(files(&archive, "none", &all), Err(IngestError::NoAudioFolder { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn recordings_may_be_behind_lost_folders_and_not_behind_lost_files_of_other_kinds() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.wav"), b"x").unwrap();
        for (name, target) in [
            ("North", "/nowhere/North"),
            ("site.2", "/nowhere/site.2"),
            ("notes.TXT", "/nowhere/notes"),
            ("map", "/nowhere/map.png"),
        ] {
            std::os::unix::fs::symlink(target, dir.path().join(name)).unwrap();
        }
        let found = list(&Local::new(dir.path()), "", &Exclude::default()).unwrap();
        assert_eq!(found.lost, ["North -> /nowhere/North", "site.2 -> /nowhere/site.2"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_version_0_1_remembered_of_a_file_is_still_that_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.wav"), b"x").unwrap();
        let now = files(&Local::new(dir.path()), "", &Exclude::default()).unwrap().remove(0);
        let meta = fs::metadata(dir.path().join("a.wav")).unwrap();
        let (inode, s, ns) = {
            use std::os::unix::fs::MetadataExt;
            (meta.ino(), meta.ctime(), meta.ctime_nsec())
        };
        let changed_ns = s * 1_000_000_000 + ns;
        let before = format!(r#"{{"path":"a.wav","bytes":1,"modified_ns":5,"changed_ns":{changed_ns},"inode":{inode}}}"#);
        assert_eq!(serde_json::from_str::<ListedFile>(&before).unwrap(), now);
        for state in [EntryState::File, EntryState::DanglingLink, EntryState::NotUtf8] {
            let listed = ListedFile { state, ..now.clone() };
            let written = serde_json::to_string(&listed).unwrap();
            assert_eq!(serde_json::from_str::<ListedFile>(&written).unwrap(), listed);
        }
    }
}
