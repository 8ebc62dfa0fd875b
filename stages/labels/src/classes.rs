//! Stage `annotate`, first pass: the classes of the run, the table `classes`, and what the code table says of them, the table `taxa`.
//! A run that trains puts that into the model's folder, too, and one with a given model takes from there what its code table leaves open.
//!
//! They come from `annotate.classes`, or from the code table, or else from all annotations. They are sorted by name, so that the
//! order of the network's outputs does not depend on the order of files or lines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_archive::{Archive, compatible};
use chorus_card::{Card, MODEL_CARD, TAXA, Taxa};
use chorus_engine::graph::{Input, Output, Pass, Per, has_labels, judges_given_model};
use chorus_engine::{Access, Config, Console, Fault, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};
use chorus_keys::Keys;

use crate::annotate::HeldOutSettings;
use crate::codes::{CodeTable, near};
use crate::error::LabelsError;
use crate::joined::{self, SEPARATOR_KEY};
use crate::layouts;
use crate::reading::Reading;
use crate::settings::{ClassSettings, FileSettings};
use crate::taxon::{self, Taxon};
use crate::text::some_of;
use crate::{digest, files};

/// The file of what is known of the classes, in a run that trains.
const TAXA_FILE: &str = "model/taxa.yaml";
/// Name of the cache with the classes of the last run.
const LAST_CLASSES: &str = "classes.txt";

/// The settings of the pass.
struct Settings {
    reading: Reading,
    files: Arc<FileSettings>,
    /// The chosen classes, empty where none are chosen.
    chosen: Vec<String>,
    held_out: Vec<String>,
}

impl Settings {
    fn of(cx: &Access<'_>) -> Result<Self, WorkError> {
        let (classes, held_out) = (cx.settings::<ClassSettings>()?, cx.settings::<HeldOutSettings>()?);
        Ok(Self { reading: Reading::of(cx)?, files: cx.settings()?, chosen: classes.composed(), held_out: held_out.composed() })
    }

    /// Whether the classes are all codes of the annotations.
    fn looks_for_codes(&self) -> bool {
        self.chosen.is_empty() && self.files.code_table.is_none()
    }
}

/// The pass that makes the table `classes`.
pub struct AnnotateClasses;

impl AnnotateClasses {
    /// What the pass declares of itself; a run that only applies a model has no labels.
    pub fn declare(config: &Config) -> Option<Pass> {
        let mut inputs = vec![Input::Archive];
        let mut outputs = vec![Output::Table("classes"), Output::Table("taxa")];
        if judges_given_model(config) {
            inputs.extend([Input::Model(MODEL_CARD), Input::Model(TAXA)]);
        } else {
            outputs.push(Output::File(TAXA_FILE));
        }
        // A layout without files reads the paths of the recordings.
        let layout = config.text("annotate.format").and_then(layouts::find);
        if layout.is_some_and(|layout| layout.files().is_none()) {
            inputs.push(Input::Table("recordings"));
        }
        has_labels(config).then(|| Pass {
            name: "annotate-classes",
            code_version: 10,
            inputs,
            outputs,
            keys: [Reading::keys(), HeldOutSettings::names()].concat(),
            ..Pass::new("annotate", Per::Run)
        })
    }
}

impl Work for AnnotateClasses {
    /// The codes that the scan found, where the configuration names no classes.
    type Found = BTreeSet<String>;

    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        let (annotate, archive) = (Settings::of(cx)?, cx.archive()?);
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
        if let Some(sheets) = &annotate.files.review_sheets
            && archive.kind_of(sheets)?.is_none()
        {
            let found = format!("`{sheets}`, and the archive has no such folder or file");
            let allowed = "name the folder or file of the filled-in sheets".to_owned();
            faults.push(Fault { key: "annotate.review_sheets", found, allowed });
        }
        if let Some(Err(e)) = annotate.files.code_table.as_ref().map(|table| named(archive, table, &annotate.chosen)) {
            let key = if matches!(e, LabelsError::UnknownClass { .. }) { "annotate.classes" } else { "annotate.code_table" };
            let found = format!("a value that does not fit the code table ({e})");
            faults.push(Fault { key, found, allowed: "correct the table or the configuration".to_owned() });
        }
        Ok(faults)
    }

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<BTreeSet<String>>, WorkError> {
        let annotate = Settings::of(cx)?;
        let archive = cx.archive()?;
        let mut scan = Scan::default();
        if let Some(table) = &annotate.files.code_table {
            scan.all.insert(table.clone(), hash_bytes(&files::read(archive, table)?));
        }
        if annotate.looks_for_codes() {
            let codes = codes(cx, archive, &annotate)?;
            scan.all.insert("codes in the annotations".to_owned(), hash_bytes(format!("{codes:?}").as_bytes()));
            scan.found = codes;
        } else if !annotate.chosen.is_empty() && !cx.look_only {
            // What has no label changes no table, so that nothing depends on it; who mistypes a class hears of it all the same.
            let codes = codes(cx, archive, &annotate)?;
            let table = annotate.files.code_table.as_ref().map(|table| named(archive, table, &annotate.chosen)).transpose()?;
            idle(&annotate.chosen, &labelled(codes, table.as_ref()))?.iter().for_each(|remark| cx.console().warn(remark));
        }
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>, found: &BTreeSet<String>) -> Result<(), WorkError> {
        let annotate = Settings::of(cx)?;
        let archive = cx.archive()?;
        let table = annotate.files.code_table.as_ref().map(|table| named(archive, table, &annotate.chosen)).transpose()?;
        let table = table.unwrap_or_default();
        table.doubts().iter().for_each(|doubt| cx.console().warn(&format!("annotate: {doubt}")));
        let known = table.classes();
        let mut classes: BTreeSet<String> = if annotate.looks_for_codes() {
            found.clone()
        } else if annotate.chosen.is_empty() {
            known.keys().cloned().collect()
        } else {
            annotate.chosen.iter().cloned().collect()
        };
        for class in &annotate.held_out {
            if !classes.remove(class) {
                let known = classes.iter().cloned().collect::<Vec<_>>().join(", ");
                return Err(format!("split.held_out_classes: found {class}, expected classes among {known}").into());
            }
        }
        if classes.is_empty() {
            return Err(LabelsError::NoClasses { folder: archive.location(annotate.reading.place()) }.into());
        }
        let mut brought = BTreeMap::new();
        let has_given_model = cx.reads_model(MODEL_CARD);
        if has_given_model {
            let card = Card::read(&cx.model_file(MODEL_CARD)?.ok_or("the folder of model.path has no model.yaml")?)?;
            // A model of a version that did not write the file knows what its card says.
            let taxa = cx.model_file(TAXA)?.map(|path| Taxa::read(&path)).transpose()?.unwrap_or_default();
            classes = matched(cx.console(), classes, &card.classes.iter().cloned().collect())?;
            brought = taxon::of_model(card, taxa);
        }
        if annotate.looks_for_codes() {
            let is_separable = annotate.reading.layout().keys().uses(SEPARATOR_KEY);
            joined::remarks(&classes, is_separable).iter().for_each(|remark| cx.console().warn(remark));
            alike(&classes).iter().for_each(|remark| cx.console().warn(remark));
        }
        tell_changes(cx, &classes)?;
        let own = |class: &String| known.get(class).cloned().unwrap_or_default();
        let taxa: Vec<Taxon> = classes.iter().map(|class| own(class).or(brought.get(class))).collect();
        cx.write("classes", |batch| {
            batch
                .column("class", &classes)
                .column("index", 0..classes.len())
                .column("scientific_name", taxa.iter().map(|taxon| taxon.scientific_name.as_ref()))
                .column("english", taxa.iter().map(|taxon| taxon.english.as_ref()))
        })?;
        cx.write("taxa", |batch| {
            batch
                .column("class", &classes)
                .column("gbif_key", taxa.iter().map(|taxon| taxon.gbif_key))
                .column("ebird_code", taxa.iter().map(|taxon| taxon.ebird_code.as_ref()))
                .column("synonyms", taxa.iter().map(synonyms))
                .column("names", taxa.iter().map(names_by_language))
        })?;
        if !has_given_model {
            cx.write_file(TAXA_FILE, taxon::for_model(classes.iter().zip(&taxa)).to_yaml().as_bytes())?;
        }
        Ok(())
    }
}

/// The synonyms of a class as one text; `None` without any.
fn synonyms(taxon: &Taxon) -> Option<String> {
    let synonyms: Vec<&str> = taxon.synonyms.iter().map(String::as_str).collect();
    (!synonyms.is_empty()).then(|| synonyms.join("|"))
}

/// The names of a class in other languages as a JSON object; `None` without any.
fn names_by_language(taxon: &Taxon) -> Option<String> {
    let names: serde_json::Map<String, serde_json::Value> =
        taxon.names.iter().map(|(language, name)| (language.clone(), name.as_str().into())).collect();
    (!names.is_empty()).then(|| serde_json::Value::Object(names).to_string())
}

/// The classes that both the labels and a given model know, by their names. Of the model's other classes nobody can say how good it is, and
/// it can find nothing of those that it does not know: both are told.
///
/// # Errors
/// [`LabelsError::NoCommonClass`].
fn matched(console: &Console, labelled: BTreeSet<String>, model: &BTreeSet<String>) -> Result<BTreeSet<String>, LabelsError> {
    let common: BTreeSet<String> = labelled.intersection(model).cloned().collect();
    let list = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
    let (unknown, unlabelled) = (list(&labelled, model), list(model, &labelled));
    if common.is_empty() {
        return Err(LabelsError::NoCommonClass { labelled: unknown, model: unlabelled });
    }
    if !unknown.is_empty() {
        console.warn(&format!(
            "annotate: the model does not know these classes of the labels: {unknown}; if it has other names for them, map them in \
             annotate.code_table (column class)"
        ));
    }
    if !unlabelled.is_empty() {
        console.warn(&format!(
            "annotate: the labels do not know these classes of the model, so it cannot be judged by them: {unlabelled}; if annotators looked \
             for them, add them to annotate.code_table or annotate.classes"
        ));
    }
    Ok(common)
}

/// A remark for classes that differ in nothing but case, or in forms of characters that look alike, such as ligatures, wide letters, dashes
/// and apostrophes.
fn alike(classes: &BTreeSet<String>) -> Vec<String> {
    let mut by_form: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for class in classes {
        by_form.entry(form(class)).or_default().push(format!("`{class}`"));
    }
    let remark = |names: Vec<String>| {
        format!(
            "annotate: the classes {} differ only in case or in the form of characters; if they are one, correct the labels, or give them \
             one class in annotate.code_table",
            some_of(&names)
        )
    };
    by_form.into_values().filter(|names| names.len() > 1).map(remark).collect()
}

/// A text in the form in which such classes are one.
fn form(class: &str) -> String {
    let plain = |c: char| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | '\u{2bc}' | '\u{b4}' | '`' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' => '"',
        c => c,
    };
    // Marks first: the compatible form of an acute accent is a space with one.
    let marks: String = class.chars().map(plain).collect();
    compatible(&marks).chars().map(plain).collect::<String>().to_lowercase()
}

/// The code table, which has to know the chosen classes.
///
/// # Errors
/// The table cannot be read, or lacks a class that the configuration chooses.
fn named(archive: &dyn Archive, table: &str, chosen: &[String]) -> Result<CodeTable, LabelsError> {
    let path = archive.location(table);
    let codes = CodeTable::read(&path, &files::read(archive, table)?)?;
    match chosen.iter().find(|class| !codes.classes().contains_key(*class)) {
        None => Ok(codes),
        Some(class) => Err(LabelsError::UnknownClass { class: class.clone(), path, near: near(class, codes.classes().keys()) }),
    }
}

/// The classes of codes. A review sheet names classes, also beside a code table.
fn labelled(codes: BTreeSet<String>, table: Option<&CodeTable>) -> BTreeSet<String> {
    let Some(table) = table else { return codes };
    let class = |code: &String| table.classes().contains_key(code).then(|| code.clone());
    let of_code = |code: &String| table.class(code).ok().map(str::to_owned);
    codes.iter().flat_map(|code| [of_code(code), class(code)]).flatten().collect()
}

/// A remark on chosen classes that no label has. One list of classes may serve several archives, so that a species that one of them lacks
/// is no mistake: it is told, and is in the table `classes` without a window in `split_classes`.
///
/// # Errors
/// [`LabelsError::IdleClass`] where it can only be a mistake: a label has the same name in another case, or no chosen class has a label.
fn idle(chosen: &[String], labelled: &BTreeSet<String>) -> Result<Option<String>, LabelsError> {
    let idle: Vec<&String> = chosen.iter().filter(|class| !labelled.contains(*class)).collect();
    let in_another_case = |class: &&&String| labelled.iter().any(|label| label.to_lowercase() == class.to_lowercase());
    let none_has = idle.len() == chosen.len() && !labelled.is_empty();
    if let Some(class) = idle.iter().find(in_another_case).or(idle.first().filter(|_| none_has)) {
        let near = near(class, labelled.iter());
        let labels = some_of(&labelled.iter().cloned().collect::<Vec<_>>());
        return Err(LabelsError::IdleClass { class: (*class).clone(), near, labels });
    }
    let list: Vec<String> = idle
        .iter()
        .map(|class| match near(class, labelled.iter()).strip_prefix("; ") {
            Some(near) => format!("{class} ({near})"),
            None => (*class).clone(),
        })
        .collect();
    Ok((!list.is_empty()).then(|| {
        format!(
            "annotate.classes: no label has {}; nothing can be learnt of such a class. The table split_classes has a row for each class; \
             correct the name, or leave it where other archives have it",
            list.join(", ")
        )
    }))
}

/// Every code of the annotations and every class of the review sheets.
fn codes(cx: &ScanContext<'_>, archive: &dyn Archive, settings: &Settings) -> Result<BTreeSet<String>, WorkError> {
    let (reading, sheets) = (&settings.reading, digest::of_sheets(cx, archive, settings.files.review_sheets.as_deref())?);
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
    fn classes_of_labels_and_of_a_given_model_are_matched_by_name() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let of = |labelled: &[&str], model: &[&str]| matched(&Console::new(), set(labelled), &set(model));
        assert_eq!(of(&["FROG", "TOAD"], &["FROG", "OWL"]).unwrap(), set(&["FROG"]));
        let refused = of(&["frog"], &["FROG"]).unwrap_err().to_string();
        assert!(refused.contains("labels: frog") && refused.contains("model: FROG"), "{refused}");
    }

    #[test]
    fn chosen_classes_without_a_label_are_told_or_refused() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let chosen = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let idle = |classes: &[&str], labelled: &[&str]| idle(&chosen(classes), &set(labelled)).map_err(|e| e.to_string());
        assert_eq!(idle(&["FROG"], &["FROG", "TOAD"]), Ok(None));
        // One list of classes serves several archives, and not each of them has every species.
        let told = idle(&["FROG", "NEWT", "SCIFUS"], &["FROG", "SCIFUV"]).unwrap().unwrap();
        assert!(told.contains("NEWT, SCIFUS (did you mean SCIFUV?)") && told.contains("annotate.classes"), "{told}");
        let refused = idle(&["FROG", "toad"], &["FROG", "TOAD"]).unwrap_err();
        assert!(refused.contains("names toad") && refused.contains("did you mean TOAD?"), "{refused}");
        let none = idle(&["NEWT"], &["FROG", "TOAD"]).unwrap_err();
        assert!(none.contains("NEWT") && none.contains("FROG, TOAD"), "{none}");
        assert!(idle(&["NEWT"], &[]).unwrap().is_some(), "of an archive without a label nothing can be said");
    }

    #[test]
    fn codes_and_sheets_say_which_classes_have_labels() {
        let table = CodeTable::read("codes.csv", b"code,class\na,FROG\nb,TOAD\nx,\n").unwrap();
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let codes = set(&["a", "TOAD", "x", "y"]);
        assert_eq!(labelled(codes.clone(), Some(&table)), set(&["FROG", "TOAD"]));
        assert_eq!(labelled(codes.clone(), None), codes);
    }

    #[test]
    fn classes_that_look_alike_are_told_by_name() {
        let told = |names: &[&str]| alike(&names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(told(&["BOAFAB", "DENMIN", "Boa"]), [""; 0]);
        let remarks = told(&["BOAFAB", "boafab", "\u{fb01}n", "fin", "x"]);
        assert_eq!(remarks.len(), 2);
        assert!(remarks[0].contains("`BOAFAB`, `boafab`") && remarks[0].contains("annotate.code_table"), "{remarks:?}");
        assert!(remarks[1].contains("`fin`, `\u{fb01}n`"), "{remarks:?}");
        for (a, b) in
            [("a-b", "a\u{2010}b"), ("a\u{2011}b", "a\u{2013}b"), ("O'Neill", "O\u{2019}Neill"), ("O\u{b4}Neill", "O'neill")]
        {
            assert_eq!(told(&[a, b, "x"]).len(), 1, "{a} and {b}");
        }
    }

    #[test]
    fn a_class_that_no_code_counts_for_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("codes.csv"), "code,class\na,FROG\nb,TOAD\n").unwrap();
        let archive = chorus_archive::Local::new(dir.path());
        let chosen =
            |classes: &[&str]| named(&archive, "codes.csv", &classes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        assert_eq!(chosen(&["TOAD"]).unwrap().classes().len(), 2);
        let refused = chosen(&["FROGS"]).unwrap_err().to_string();
        assert!(refused.contains("names FROGS") && refused.contains("did you mean FROG?"), "{refused}");
    }
}
