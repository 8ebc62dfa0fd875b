//! Stage `annotate`, first pass: the classes of the run, the table `classes`.
//!
//! They come from `annotate.classes`, or from the code table, or else from a look at every annotation. Their order, which is that of
//! the network's outputs, is the order of their codes, so that no order of files or lines has a say in it.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::{External, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};
use serde::Deserialize;

use crate::error::LabelsError;
use crate::{anuraset, audacity, files, species};

/// Name of the memory of the last classes.
const MEMORY: &str = "classes.txt";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    annotate: AnnotateParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnnotateParams {
    folder: String,
    code_table: Option<String>,
    classes: Vec<String>,
}

impl AnnotateParams {
    /// Whether classes are whatever the annotations name.
    fn looks_for_codes(&self) -> bool {
        self.classes.is_empty() && self.code_table.is_none()
    }
}

/// The pass.
pub struct AnnotateClasses;

impl Work for AnnotateClasses {
    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan, WorkError> {
        let Params { annotate } = cx.params()?;
        let archive = cx.archive()?;
        let mut all = External::new();
        if let Some(table) = &annotate.code_table {
            all.insert(table.clone(), hash_bytes(&files::read(&archive.join(table))?));
        }
        if annotate.looks_for_codes() {
            let listing: String =
                files::list(&archive, &annotate.folder)?.iter().map(|(path, hash)| format!("{path} {hash}\n")).collect();
            all.insert("annotation files".to_owned(), hash_bytes(listing.as_bytes()));
        }
        Ok(Scan { all, ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { annotate } = cx.params()?;
        let archive = cx.archive()?;
        let mut names = BTreeMap::new();
        if let Some(table) = &annotate.code_table {
            let path = archive.join(table);
            names = species::species(&path, &files::read(&path)?)?.into_iter().map(|s| (s.code, s.scientific_name)).collect();
        }
        let classes: BTreeSet<String> = if annotate.looks_for_codes() {
            let mut found = BTreeSet::new();
            for path in files::list(&archive, &annotate.folder)?.into_keys() {
                found.extend(codes(&files::read(&archive.join(&path))?));
            }
            found
        } else if annotate.classes.is_empty() {
            names.keys().cloned().collect()
        } else {
            annotate.classes.iter().cloned().collect()
        };
        if classes.is_empty() {
            return Err(LabelsError::NoClasses { folder: archive.join(&annotate.folder) }.into());
        }
        tell_changes(cx, &classes)?;
        cx.write("classes", |batch| {
            batch.utf8(&classes).u32(0..classes.len() as u32).utf8(classes.iter().map(|class| names.get(class)))
        })?;
        Ok(())
    }
}

/// The codes of a label track's usable lines.
fn codes(bytes: &[u8]) -> impl Iterator<Item = String> {
    let events = audacity::parse(bytes).into_iter().filter(|event| event.problem.is_none());
    events.map(|event| anuraset::parse_label(&event.label)).filter(|label| label.unused.is_none()).map(|label| label.code)
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
    fn codes_come_from_usable_lines_only() {
        let track = b"0\t1\tBOAFAB_M\n2\t1\tBACK\n1\t2\tDENMIN_FALSE\n1\t2\tUND\nrubbish\n";
        assert_eq!(codes(track).collect::<Vec<_>>(), ["BOAFAB", "UND"]);
    }
}
