//! A first look at an archive's annotations, for whoever writes a configuration for it.

use std::path::Path;

use crate::delimited::{Delimited, Dialect};
use crate::files;
use crate::formats::{Format, Reading};

/// Files of one kind that are looked into, spread over the archive.
const LOOKED_INTO: usize = 20;

/// How an archive seems to be annotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Value of `annotate.format`.
    pub format: &'static str,
    /// Value of `annotate.folder`, where it is not the layout's usual one.
    pub folder: Option<String>,
}

/// Looks for annotation files below `archive`; `None` where there are none that are known. Folders of classes look like those of sites:
/// they are left to the caller.
pub fn glance(archive: &Path) -> Option<Layout> {
    let layout = |format, folder| Some(Layout { format, folder });
    if archive.join("strong_labels").is_dir() {
        return layout("anuraset_raw", None);
    }
    let metadata = archive.join("metadata.csv");
    if metadata.is_file() && fits(archive, "metadata.csv", Format::AnurasetProcessed) {
        return layout("anuraset_processed", None);
    }
    let texts = sample(archive, &["txt", "tsv"]);
    if texts.iter().any(|file| fits(archive, file, Format::Raven)) {
        return layout("raven", None);
    }
    if texts.iter().any(|file| fits(archive, file, Format::Audacity)) {
        return layout("audacity", None);
    }
    let tables = sample(archive, &["csv"]);
    let of = |format| place(tables.iter().filter(|file| names_recordings(archive, file) && fits(archive, file, format)));
    let named = |(name, format)| of(format).map(|place| Layout { format: name, folder: Some(place) });
    [("csv", Format::Csv), ("clips", Format::Clips)].into_iter().find_map(named)
}

/// The file, or the folder that several have in common; of files in several folders the first.
fn place<'a>(mut files: impl Iterator<Item = &'a String>) -> Option<String> {
    let first = files.next()?;
    let folder = |file: &'a String| file.rsplit_once('/').map(|(folder, _)| folder);
    let others: Vec<_> = files.map(folder).collect();
    let common = folder(first).filter(|own| !others.is_empty() && others.iter().all(|other| *other == Some(own)));
    Some(common.unwrap_or(first).to_owned())
}

/// Some files with these extensions.
fn sample(archive: &Path, extensions: &[&str]) -> Vec<String> {
    let files = files::list(archive, ".", extensions).unwrap_or_default();
    let step = files.len().div_ceil(LOOKED_INTO).max(1);
    files.into_iter().step_by(step).map(|file| file.path).collect()
}

/// Whether a file can be read in a layout, and holds labels.
fn fits(archive: &Path, file: &str, format: Format) -> bool {
    let Ok(bytes) = files::read(&archive.join(file)) else { return false };
    let contents = Reading::usual(format).read(&bytes);
    let is_label = |event: &crate::event::Event| event.problem.is_none() && !event.label.is_empty();
    let labelled = contents.events().any(is_label) || !contents.declared.is_empty();
    // An empty selection table is one all the same; of an empty track nothing can be told.
    contents.fault.is_none() && (labelled || format == Format::Raven)
}

/// Whether a table has a column for the recording: lists of species or sites have none.
fn names_recordings(archive: &Path, file: &str) -> bool {
    let Ok(bytes) = files::read(&archive.join(file)) else { return false };
    let table = Delimited::read(&bytes, Dialect::Found);
    table.find(None, crate::formats::RECORDING).is_ok_and(|column| column.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn layouts_are_told_by_what_files_hold() {
        let seen = |files: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            for (file, text) in files {
                let path = dir.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            glance(dir.path()).map(|layout| (layout.format, layout.folder))
        };
        let raven = "Begin Time (s)\tEnd Time (s)\tSpecies\n";
        let species = ("species.csv", "code,scientific_name\nA,b\n");
        assert_eq!(seen(&[("strong_labels/A/1.txt", "")]), Some(("anuraset_raw", None)));
        assert_eq!(seen(&[("metadata.csv", "sample_name,site,A\nx,S,1\n")]), Some(("anuraset_processed", None)));
        assert_eq!(seen(&[("a/1.txt", "read me\n"), ("a/2.txt", raven)]), Some(("raven", None)));
        assert_eq!(seen(&[("a/1.txt", "1\t2\tfrog\n"), species]), Some(("audacity", None)));
        assert_eq!(seen(&[("events.csv", "file,start,end,label\na,1,2,x\n"), species]), Some(("csv", Some("events.csv".into()))));
        let events = "file,start,end,label\na,1,2,x\n";
        assert_eq!(seen(&[("e/1.csv", events), ("e/2.csv", events), species]), Some(("csv", Some("e".into()))));
        assert_eq!(seen(&[("meta/esc.csv", "filename,category\na,x\n")]), Some(("clips", Some("meta/esc.csv".into()))));
        assert_eq!(seen(&[("read.txt", "1\t2\n"), species, ("subset.csv", "recording,site,subset\na,b,test\n")]), None);
    }
}
