//! The annotation files of an archive: which there are, and the hash of what each holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::LabelsError;
use chorus_engine::hash_bytes;

const EXTENSION: &str = "txt";

/// Label tracks below `archive`/`folder` by path relative to the archive, with the hash of their content.
pub(crate) fn list(archive: &Path, folder: &str) -> Result<BTreeMap<String, String>, LabelsError> {
    let root = archive.join(folder);
    if !root.is_dir() {
        return Err(LabelsError::NoFolder { path: root });
    }
    let mut files = BTreeMap::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        let failed = |source| LabelsError::Read { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file()
                && name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case(EXTENSION))
            {
                let below = path.strip_prefix(archive).unwrap_or(&path).components();
                let normal = below.filter(|part| matches!(part, std::path::Component::Normal(_)));
                let relative: Vec<_> = normal.map(|part| part.as_os_str().to_string_lossy()).collect();
                files.insert(relative.join("/"), hash_bytes(&read(&path)?));
            }
        }
    }
    Ok(files)
}

/// The content of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LabelsError> {
    fs::read(path).map_err(|source| LabelsError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_found_in_nested_folders_and_other_files_are_not() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "strong_labels/A/1.txt",
            "strong_labels/strong_labels/B/2.TXT",
            "strong_labels/A/.3.txt",
            "strong_labels/A/4.csv",
            "x/5.txt",
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let found = list(dir.path(), "./strong_labels").unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["strong_labels/A/1.txt", "strong_labels/strong_labels/B/2.TXT"]);
        assert_eq!(found["strong_labels/A/1.txt"], hash_bytes(b"strong_labels/A/1.txt"));
        let missing = list(dir.path(), "labels").unwrap_err().to_string();
        assert!(missing.contains("labels") && missing.contains("annotate.folder"), "{missing}");
    }
}
