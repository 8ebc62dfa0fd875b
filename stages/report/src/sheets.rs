//! Review sheets that a person names by a path of this machine.

use std::path::Path;

use chorus_archive::{Archive, Local};
use chorus_labels::error::LabelsError;
use chorus_labels::layouts::review::{Sheet, Sheets, sheet, sheets};

/// The sheet at a path, or those of the folder there in the order of their names; `None` where there is nothing. They are named by that path,
/// and read by `parse`.
///
/// # Errors
/// A file cannot be read.
pub fn at(path: &Path, parse: impl Fn(&[u8]) -> Result<Sheet, String>) -> Result<Option<Sheets>, LabelsError> {
    if path.is_dir() {
        let shown = |file: &str| path.join(file).display().to_string();
        let found = sheets(&Local::new(path), ".", parse)?;
        return Ok(Some(found.into_iter().map(|(file, read)| (shown(&file), read)).collect()));
    }
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Ok(None) };
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let archive = Local::new(whole.parent().unwrap_or(&whole));
    if archive.kind_of(&name)?.is_none() {
        return Ok(None);
    }
    // A file that a person names is a sheet, whatever its name ends with.
    let found = sheet(&archive, &name, parse)?;
    Ok(Some(found.into_iter().map(|(_, read)| (path.display().to_string(), read)).collect()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chorus_labels::layouts::review::{read, verdicts};

    use super::*;

    const SHEET: &str = "recording,class,start_s,end_s,verdict\nA/1.wav,FROG,3,9,yes\n";

    #[test]
    fn sheets_are_named_by_the_path_that_a_person_gave() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.csv"), SHEET).unwrap();
        std::fs::write(folder.path().join("a.tsv"), SHEET.replace(',', "\t")).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no sheet").unwrap();
        let shown = |name: &str| folder.path().join(name).display().to_string();
        let found = at(folder.path(), verdicts).unwrap().unwrap();
        assert_eq!(found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), ["a.tsv", "b.csv"].map(shown));
        assert!(found.iter().all(|(_, read)| read.as_ref().is_ok_and(|sheet| sheet.rows.len() == 1)), "{found:?}");
        std::fs::write(folder.path().join("sheet.txt"), SHEET).unwrap();
        assert!(at(&folder.path().join("sheet.txt"), verdicts).unwrap().unwrap()[0].1.is_ok(), "what a person names is a sheet");
        let one = at(&folder.path().join("b.csv"), read).unwrap().unwrap();
        assert!(one.len() == 1 && one[0].0 == shown("b.csv"), "{one:?}");
        assert!(one[0].1.as_ref().unwrap_err().contains("no column strata"), "{one:?}");
        assert_eq!(at(&folder.path().join("nowhere.csv"), read).unwrap(), None);
    }
}
