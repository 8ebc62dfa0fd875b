//! Stage `annotate`, first pass: the classes of the run, the table `classes`.
//!
//! They come from `annotate.classes`, or from the code table, or else from all annotations. They are sorted by name, so that the
//! order of the network's outputs does not depend on the order of files or lines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chorus_archive::Archive;
use chorus_engine::config::keys;
use chorus_engine::{Fault, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};
use serde::Deserialize;
use serde_yaml::Value;

use crate::codes::{ClassNames, CodeTable, near};
use crate::error::LabelsError;
use crate::layouts;
use crate::reading::Reading;
use crate::{digest, files};

/// Name of the cache with the classes of the last run.
const LAST_CLASSES: &str = "classes.txt";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    annotate: AnnotateParams,
}

#[derive(Deserialize)]
struct AnnotateParams {
    #[serde(flatten)]
    reading: Reading,
    code_table: Option<String>,
    review_sheets: Option<String>,
    classes: Vec<String>,
}

impl AnnotateParams {
    /// Whether the classes are all codes of the annotations.
    fn looks_for_codes(&self) -> bool {
        self.classes.is_empty() && self.code_table.is_none()
    }
}

/// The pass that makes the table `classes`.
#[derive(Default)]
pub struct AnnotateClasses {
    /// The codes that the scan found.
    codes: Mutex<BTreeSet<String>>,
}

/// The section `annotate` before its keys are read by a layout.
#[derive(Debug, Deserialize)]
struct ChosenLayout {
    annotate: BTreeMap<String, Value>,
}

impl ChosenLayout {
    /// Keys that the layout needs and that are not set, and keys that are set and that only other layouts read.
    fn faults(&self) -> Vec<Fault> {
        let Some(layout) = self.annotate.get("format").and_then(|format| layouts::find(format.as_str()?)) else {
            return Vec::new();
        };
        let (name, keys) = (layout.name(), layout.keys());
        let value = |key: &str| self.annotate.get(key.strip_prefix("annotate.").unwrap_or(key));
        let missing = keys.required.iter().filter(|(key, _)| value(key).is_none_or(Value::is_null));
        let missing = missing.map(|(key, next)| Fault {
            key: "annotate.format",
            found: format!("`{name}` without {key}"),
            allowed: format!("{next}, in {key}"),
        });
        let ignored = layouts::keys().into_iter().filter(|key| !keys.uses(key));
        let ignored = ignored.filter(|key| value(key).is_some_and(|value| !is_default(key, value))).map(|key| Fault {
            key,
            found: format!("a value that annotate.format `{name}` does not use"),
            allowed: format!("leave it out; it is read with {}", list(&layouts::users_of(key))),
        });
        missing.chain(ignored).collect()
    }
}

/// Whether a value is the one that a key has when it is not set.
fn is_default(key: &str, value: &Value) -> bool {
    let default = keys::find(key).and_then(|key| serde_yaml::from_str::<Value>(key.default).ok());
    default.as_ref() == Some(value)
}

/// `a, b and c`.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

impl Work for AnnotateClasses {
    fn conflicts(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        Ok(cx.params::<ChosenLayout>()?.faults())
    }

    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        let (Params { annotate }, archive) = (cx.params()?, cx.archive()?);
        let mut faults = Vec::new();
        let (place, has_files) = (annotate.reading.place(), annotate.reading.layout().files().is_some());
        if has_files && archive.kind_of(place)?.is_none() {
            let found = format!("`{place}`, and the archive has no such folder or file");
            faults.push(Fault {
                key: "annotate.folder",
                found,
                allowed: "name the folder or file of the annotations".to_owned(),
            });
        }
        if let Some(sheets) = &annotate.review_sheets
            && archive.kind_of(sheets)?.is_none()
        {
            let found = format!("`{sheets}`, and the archive has no such folder or file");
            let allowed = "name the folder or file of the filled-in sheets".to_owned();
            faults.push(Fault { key: "annotate.review_sheets", found, allowed });
        }
        if let Some(Err(e)) = annotate.code_table.as_ref().map(|table| named(archive, table, &annotate.classes)) {
            let key = if matches!(e, LabelsError::UnknownClass { .. }) { "annotate.classes" } else { "annotate.code_table" };
            let found = format!("a value that does not fit the code table ({e})");
            faults.push(Fault { key, found, allowed: "correct the table or the configuration".to_owned() });
        }
        Ok(faults)
    }

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let Params { annotate } = cx.params()?;
        let archive = cx.archive()?;
        let mut scan = Scan::default();
        if let Some(table) = &annotate.code_table {
            scan.all.insert(table.clone(), hash_bytes(&files::read(archive, table)?));
        }
        if annotate.looks_for_codes() {
            let codes = codes(cx, archive, &annotate)?;
            scan.all.insert("codes in the annotations".to_owned(), hash_bytes(format!("{codes:?}").as_bytes()));
            *self.codes.lock().unwrap_or_else(PoisonError::into_inner) = codes;
        }
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { annotate } = cx.params()?;
        let archive = cx.archive()?;
        let known = annotate.code_table.as_ref().map_or(Ok(BTreeMap::new()), |table| named(archive, table, &annotate.classes))?;
        let classes: BTreeSet<String> = if annotate.looks_for_codes() {
            self.codes.lock().unwrap_or_else(PoisonError::into_inner).clone()
        } else if annotate.classes.is_empty() {
            known.keys().cloned().collect()
        } else {
            annotate.classes.iter().cloned().collect()
        };
        if classes.is_empty() {
            return Err(LabelsError::NoClasses { folder: archive.location(annotate.reading.place()) }.into());
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

/// The classes of the code table with their names.
///
/// # Errors
/// The table cannot be read, or lacks a class that the configuration chooses.
fn named(archive: &dyn Archive, table: &str, chosen: &[String]) -> Result<BTreeMap<String, ClassNames>, LabelsError> {
    let path = PathBuf::from(archive.location(table));
    let known = CodeTable::read(&path, &files::read(archive, table)?)?.classes().clone();
    match chosen.iter().find(|class| !known.contains_key(*class)) {
        None => Ok(known),
        Some(class) => Err(LabelsError::UnknownClass { class: class.clone(), path, near: near(class, known.keys()) }),
    }
}

/// Every code of the annotations and every class of the review sheets.
fn codes(cx: &ScanContext<'_>, archive: &dyn Archive, params: &AnnotateParams) -> Result<BTreeSet<String>, WorkError> {
    let (reading, sheets) = (&params.reading, digest::of_sheets(cx, archive, params.review_sheets.as_deref())?);
    let mut codes: BTreeSet<String> = sheets.values().flat_map(|digest| digest.codes.iter().cloned()).collect();
    let files = digest::all(cx, archive, reading)?.into_iter().filter(|(path, _)| !sheets.contains_key(path));
    codes.extend(files.flat_map(|(_, digest)| digest.codes));
    if reading.layout().files().is_some() {
        return Ok(codes);
    }
    for (_, paths) in cx.column::<String>("recordings", "path")? {
        let labels = paths.into_iter().flatten().filter_map(|path| reading.label_of_path(&path));
        let labels = labels.filter(|event| event.problem.is_none());
        codes.extend(labels.map(|event| reading.label_text().parse(&event.label).code));
    }
    Ok(codes)
}

/// Warns that new or missing classes change every label and the model, before the work starts.
fn tell_changes(cx: &UnitContext<'_>, classes: &BTreeSet<String>) -> Result<(), WorkError> {
    let before: Option<BTreeSet<String>> =
        cx.cached(LAST_CLASSES).map(|bytes| String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect());
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
    Ok(cx.cache(LAST_CLASSES, text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_no_code_counts_for_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("codes.csv"), "code,class\na,FROG\nb,TOAD\n").unwrap();
        let archive = chorus_archive::Local::new(dir.path());
        let chosen =
            |classes: &[&str]| named(&archive, "codes.csv", &classes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        assert_eq!(chosen(&["TOAD"]).unwrap().len(), 2);
        let refused = chosen(&["FROGS"]).unwrap_err().to_string();
        assert!(refused.contains("names FROGS") && refused.contains("did you mean FROG?"), "{refused}");
    }

    #[test]
    fn keys_that_a_layout_needs_and_keys_that_it_does_not_use() {
        let faults = |yaml: &str| -> Vec<(&str, String)> {
            let chosen: ChosenLayout = serde_yaml::from_str(&format!("annotate: {yaml}")).unwrap();
            chosen.faults().into_iter().map(|fault| (fault.key, format!("{}; {}", fault.found, fault.allowed))).collect()
        };
        for unset in ["{format: csv}", "{format: clips, folder: null}"] {
            let found = faults(unset);
            assert_eq!((found.len(), found[0].0), (1, "annotate.format"));
            assert!(found[0].1.contains("without annotate.folder"), "{found:?}");
        }
        let found = faults("{format: audacity, label_column: x, low_column: null, label_separator: ;}");
        assert_eq!((found.len(), found[0].0), (1, "annotate.label_column"));
        assert!(found[0].1.ends_with("it is read with raven, csv and clips"), "{found:?}");
        assert_eq!(faults("{format: folders, folder: x}")[0].0, "annotate.folder");
        for sound in ["{format: none, label_column: x}", "{format: csv, folder: x, start_column: t}", "{format: raven}"] {
            assert_eq!(faults(sound), [], "{sound}");
        }
    }
}
