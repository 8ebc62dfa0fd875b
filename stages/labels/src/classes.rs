//! Stage `annotate`, first pass: the classes of the run, the table `classes`.
//!
//! They come from `annotate.classes`, or from the code table, or else from a look at every annotation. Their order, which is that of
//! the network's outputs, is the order of their codes, so that no order of files or lines has a say in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chorus_engine::{Fault, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};
use serde::Deserialize;

use crate::codes::{CodeTable, Names, near};
use crate::error::LabelsError;
use crate::formats::{Format, Reading, label_of_folder};
use crate::{digest, files};

/// Name of the memory of the last classes.
const MEMORY: &str = "classes.txt";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    annotate: AnnotateParams,
}

#[derive(Debug, Deserialize)]
struct AnnotateParams {
    #[serde(flatten)]
    reading: Reading,
    code_table: Option<String>,
    review_sheets: Option<String>,
    classes: Vec<String>,
}

impl AnnotateParams {
    /// Whether classes are whatever the annotations name.
    fn looks_for_codes(&self) -> bool {
        self.classes.is_empty() && self.code_table.is_none()
    }
}

/// The pass.
#[derive(Default)]
pub struct AnnotateClasses {
    /// The codes that the scan found.
    codes: Mutex<BTreeSet<String>>,
}

impl Work for AnnotateClasses {
    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        let (Params { annotate }, archive) = (cx.params()?, cx.archive_folder()?);
        let mut faults = Vec::new();
        let place = annotate.reading.place();
        if annotate.reading.format != Format::Folders && !archive.join(place).exists() {
            let found = format!("`{place}`, and the archive has no such folder or file");
            faults.push(Fault {
                key: "annotate.folder",
                found,
                allowed: "name the folder or file of the annotations".to_owned(),
            });
        }
        if let Some(sheets) = annotate.review_sheets.as_ref().filter(|sheets| !archive.join(sheets).exists()) {
            let found = format!("`{sheets}`, and the archive has no such folder or file");
            let allowed = "name the folder or file of the filled-in sheets".to_owned();
            faults.push(Fault { key: "annotate.review_sheets", found, allowed });
        }
        if let Some(Err(e)) = annotate.code_table.as_ref().map(|table| named(&archive.join(table), &annotate.classes)) {
            let key = if matches!(e, LabelsError::UnknownClass { .. }) { "annotate.classes" } else { "annotate.code_table" };
            let found = format!("what cannot be used with the code table ({e})");
            faults.push(Fault { key, found, allowed: "correct the table or the configuration".to_owned() });
        }
        Ok(faults)
    }

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let Params { annotate } = cx.params()?;
        let archive = cx.archive_folder()?;
        let mut scan = Scan::default();
        if let Some(table) = &annotate.code_table {
            scan.all.insert(table.clone(), hash_bytes(&files::read(&archive.join(table))?));
        }
        if annotate.looks_for_codes() {
            let codes = codes(cx, &archive, &annotate)?;
            scan.all.insert("codes in the annotations".to_owned(), hash_bytes(format!("{codes:?}").as_bytes()));
            *self.codes.lock().unwrap_or_else(PoisonError::into_inner) = codes;
        }
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { annotate } = cx.params()?;
        let archive = cx.archive_folder()?;
        let known =
            annotate.code_table.as_ref().map_or(Ok(BTreeMap::new()), |table| named(&archive.join(table), &annotate.classes))?;
        let classes: BTreeSet<String> = if annotate.looks_for_codes() {
            self.codes.lock().unwrap_or_else(PoisonError::into_inner).clone()
        } else if annotate.classes.is_empty() {
            known.keys().cloned().collect()
        } else {
            annotate.classes.iter().cloned().collect()
        };
        if classes.is_empty() {
            return Err(LabelsError::NoClasses { folder: archive.join(annotate.reading.place()) }.into());
        }
        tell_changes(cx, &classes)?;
        let names = || classes.iter().map(|class| known.get(class));
        cx.write("classes", |batch| {
            batch
                .column("class", &classes)
                .column("index", 0..classes.len() as u32)
                .column("scientific_name", names().map(|names| names?.scientific_name.as_ref()))
                .column("english", names().map(|names| names?.english.as_ref()))
        })?;
        Ok(())
    }
}

/// The classes of the code table with their names; those that the configuration chooses have to be among them.
fn named(path: &Path, chosen: &[String]) -> Result<BTreeMap<String, Names>, LabelsError> {
    let known = CodeTable::read(path, &files::read(path)?)?.classes().clone();
    match chosen.iter().find(|class| !known.contains_key(*class)) {
        None => Ok(known),
        Some(class) => {
            Err(LabelsError::UnknownClass { class: class.clone(), path: path.to_owned(), near: near(class, known.keys()) })
        }
    }
}

/// Every code that the annotations hold, and every class that review sheets do.
fn codes(cx: &ScanContext<'_>, archive: &Path, params: &AnnotateParams) -> Result<BTreeSet<String>, WorkError> {
    let (reading, sheets) = (&params.reading, digest::of_sheets(cx, archive, params.review_sheets.as_deref())?);
    let mut codes: BTreeSet<String> = sheets.values().flat_map(|digest| digest.codes.iter().cloned()).collect();
    if reading.format != Format::Folders {
        let files = digest::all(cx, archive, reading)?.into_iter().filter(|(path, _)| !sheets.contains_key(path));
        codes.extend(files.flat_map(|(_, digest)| digest.codes));
        return Ok(codes);
    }
    for (_, paths) in cx.column::<String>("recordings", "path")? {
        let labels = paths.into_iter().flatten().map(|path| label_of_folder(&path));
        let labels = labels.filter(|event| event.problem.is_none());
        codes.extend(labels.map(|event| reading.label_text().parse(&event.label).code));
    }
    Ok(codes)
}

/// Says that other classes change every label partition, before they do.
fn tell_changes(cx: &UnitContext<'_>, classes: &BTreeSet<String>) -> Result<(), WorkError> {
    let before: Option<BTreeSet<String>> =
        cx.cached(MEMORY).map(|bytes| String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect());
    if let Some(before) = before.filter(|before| before != classes) {
        let list = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
        let (new, gone) = (list(classes, &before), list(&before, classes));
        let mut changes = Vec::new();
        if !new.is_empty() {
            changes.push(format!("new: {new}"));
        }
        if !gone.is_empty() {
            changes.push(format!("gone: {gone}"));
        }
        cx.console().warn(&format!("the classes changed ({}): all labels and the model are made again", changes.join("; ")));
    }
    let text: String = classes.iter().map(|class| format!("{class}\n")).collect();
    Ok(cx.cache(MEMORY, text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_no_code_counts_for_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("codes.csv");
        std::fs::write(&path, "code,class\na,FROG\nb,TOAD\n").unwrap();
        let chosen = |classes: &[&str]| named(&path, &classes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        assert_eq!(chosen(&["TOAD"]).unwrap().len(), 2);
        let refused = chosen(&["FROGS"]).unwrap_err().to_string();
        assert!(refused.contains("names FROGS") && refused.contains("did you mean FROG?"), "{refused}");
    }
}
