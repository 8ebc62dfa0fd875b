//! `datapackage.json`: what the tables are, and what a person has to say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chorus_text::look_through;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::deployment::{Deployment, Deployments};
use super::fields::{ACOUSTIC_LEVELS, ACOUSTIC_METHODS, DEPLOYMENTS, Fields, MEDIA, OBSERVATIONS, present};
use crate::export::error::ExportError;
use crate::export::run::Run;

/// The form of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Version 1.0.2 of the standard.
    Standard,
    /// With the terms for sound that are proposed for a later version.
    Acoustic,
}

impl Form {
    pub(super) fn is_acoustic(self) -> bool {
        self == Self::Acoustic
    }

    /// The word for how a deployment's media came about. Version 1.0.2 has none for recorders that run without pauses.
    pub(super) fn capture_method(self, deployment: &Deployment) -> &'static str {
        match self {
            Self::Standard => "timeLapse",
            Self::Acoustic if deployment.is_continuous() => "continuous",
            Self::Acoustic => "recordingSchedule",
        }
    }

    /// The words that the metadata may have for it.
    fn methods(self) -> &'static [&'static str] {
        if self.is_acoustic() { ACOUSTIC_METHODS } else { &["activityDetection", "timeLapse"] }
    }

    /// The words that the metadata may have for levels of observations.
    fn levels(self) -> &'static [&'static str] {
        if self.is_acoustic() { ACOUSTIC_LEVELS } else { &["media", "event"] }
    }

    /// The word for observations of a part of a recording. Version 1.0.2 knows whole media only.
    pub(super) fn level(self) -> &'static str {
        if self.is_acoustic() { "interval" } else { "media" }
    }
}

/// Where the standard keeps its schemas.
const STANDARD: &str = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2";

/// Entries that the tables decide, and no person.
const OURS: [&str; 5] = ["resources", "profile", "spatial", "temporal", "taxonomic"];

/// What the standard wants to be of a kind, in words and as a check.
type Kind = (&'static str, &'static str, fn(&Value) -> bool);
const KINDS: [Kind; 8] = [
    ("title", "text", Value::is_string),
    ("description", "text", Value::is_string),
    ("version", "text in quotation marks, such as \"1.0\"", Value::is_string),
    ("keywords", "a list of words", |value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string))),
    ("contributors", "a list with a title for each", |value| is_list_with(value, "title")),
    ("sources", "a list with a title for each", |value| is_list_with(value, "title")),
    ("licenses", "a list of at least two: each with name or path, and scope data or media", is_licenses),
    ("project", "entries such as title and samplingDesign", Value::is_object),
];

fn is_licenses(value: &Value) -> bool {
    let is_scope = |item: &Value| matches!(item["scope"].as_str(), Some("data" | "media"));
    let is_named = |item: &Value| item["name"].is_string() || item["path"].is_string();
    value.as_array().is_some_and(|list| list.len() > 1 && list.iter().all(|item| is_scope(item) && is_named(item)))
}

fn is_list_with(value: &Value, entry: &str) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(|item| item.get(entry).is_some_and(Value::is_string)))
}

/// What a contributor may be, by the standard.
const ROLES: &[&str] = &["contact", "principalInvestigator", "rightsHolder", "publisher", "contributor"];
/// How places may have been chosen, by the standard.
const DESIGNS: &[&str] = &["simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic"];

/// Refuses words where the standard gives others, in words.
fn check_words(entries: &Map<String, Value>, form: Form) -> Result<(), String> {
    let contributors = entries.get("contributors").and_then(Value::as_array).into_iter().flatten();
    for (i, contributor) in contributors.enumerate() {
        if let Some(role) = contributor.get("role") {
            check_word(&format!("contributors[{i}].role"), role, ROLES)?;
        }
    }
    let of_project = |entry: &str| entries.get("project").and_then(|project| project.get(entry));
    if let Some(design) = of_project("samplingDesign") {
        check_word("project.samplingDesign", design, DESIGNS)?;
    }
    for (entry, allowed) in [("captureMethod", form.methods()), ("observationLevel", form.levels())] {
        let Some(given) = of_project(entry) else { continue };
        let name = format!("project.{entry}");
        let words = given.as_array().filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| format!("{name} is `{given}`, expected a list of {}", allowed.join(", ")))?;
        words.iter().try_for_each(|word| check_word(&name, word, allowed))?;
    }
    Ok(())
}

fn check_word(name: &str, found: &Value, allowed: &[&str]) -> Result<(), String> {
    let word = found.as_str();
    if word.is_some_and(|word| allowed.contains(&word)) {
        return Ok(());
    }
    let found = word.map_or_else(|| found.to_string(), str::to_owned);
    Err(format!("{name} is `{found}`, expected one of {}", allowed.join(", ")))
}

/// Mappings and lists that may lie within each other in what a person says.
const DEEPEST: usize = 16;

/// What a person has to say of the package.
pub(super) struct Metadata(Map<String, Value>);

impl Metadata {
    /// Reads entries of `datapackage.json` from a file of YAML or JSON.
    ///
    /// # Errors
    /// [`ExportError::Io`], [`ExportError::Metadata`].
    pub(super) fn read(path: &Path, form: Form) -> Result<Self, ExportError> {
        let text = std::fs::read_to_string(path).map_err(ExportError::io(path, "cannot be read"))?;
        let wrong = |detail: String| ExportError::Metadata { path: path.to_owned(), detail };
        look_through(&text, DEEPEST).map_err(|refused| wrong(refused.to_string()))?;
        let entries: Map<String, Value> = serde_yaml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        for (entry, expected, is) in KINDS {
            if entries.get(entry).is_some_and(|value| !is(value)) {
                return Err(wrong(format!("{entry} is `{}`, expected {expected}", entries[entry])));
            }
        }
        check_words(&entries, form).map_err(wrong)?;
        match OURS.iter().find(|entry| entries.contains_key(**entry)) {
            Some(entry) => Err(wrong(format!("it has {entry}, which follows from the tables"))),
            None => Ok(Self(entries)),
        }
    }
}

/// The text of `datapackage.json`.
///
/// # Errors
/// [`ExportError::Nothing`] when a person's entries are not of a kind that JSON holds.
pub(super) fn describe(
    run: &Run,
    deployments: &Deployments,
    classes: &BTreeSet<String>,
    form: Form,
    metadata: Option<Metadata>,
) -> Result<String, ExportError> {
    let title = "Detections in an acoustic survey";
    let methods: BTreeSet<&str> = deployments.iter().map(|(_, deployment)| form.capture_method(deployment)).collect();
    let mut package = json!({
        "resources": ([&DEPLOYMENTS, &MEDIA, &OBSERVATIONS].map(|fields| resource(fields, form))),
        "profile": if form.is_acoustic() { "tabular-data-package".to_owned() } else { format!("{STANDARD}/camtrap-dp-profile.json") },
        "created": created(Timestamp::now()),
        "title": title,
        "contributors": [{"title": "not named", "role": "contributor"}],
        "description": "Sounds that a classifier detected in recordings; media are recordings, and a detection is an observation of one. Where classificationMethod is machine, no person confirmed it.",
        "version": "1.0",
        "sources": [{"title": "Chorus", "version": env!("CARGO_PKG_VERSION")}],
        "project": {
            "title": title,
            "samplingDesign": "opportunistic",
            "captureMethod": methods,
            "individualAnimals": false,
            "observationLevel": [form.level()],
        },
    });
    if form.is_acoustic() {
        package["project"]["protocolType"] = json!(["acoustic"]);
    }
    let of_tables = json!({
        "spatial": {"type": "MultiPoint", "coordinates": points(deployments)},
        "temporal": span(deployments),
        "taxonomic": taxa(run, classes),
    });
    merge(&mut package, Value::Object(metadata.map(|metadata| metadata.0).unwrap_or_default()));
    merge(&mut package, of_tables);
    let text = serde_json::to_string_pretty(&package);
    text.map(|text| text + "\n").map_err(|e| ExportError::Nothing { what: format!("the metadata are no JSON: {e}") })
}

fn resource(fields: &Fields, form: Form) -> Value {
    let name = fields.name;
    let published = || Value::from(format!("{STANDARD}/{name}-table-schema.json"));
    json!({
        "name": name,
        "path": format!("{name}.csv"),
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": if form.is_acoustic() { fields.schema() } else { published() },
    })
}

fn created(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Puts entries into an object; those of objects within are put into these.
fn merge(into: &mut Value, entries: Value) {
    match (into, entries) {
        (Value::Object(into), Value::Object(entries)) => {
            for (name, entry) in entries {
                merge(into.entry(name).or_insert(Value::Null), entry);
            }
        }
        (into, entry) => *into = entry,
    }
}

/// Longitude and latitude of each deployment, as GeoJSON has them.
fn points(deployments: &Deployments) -> Vec<[f64; 2]> {
    deployments.iter().filter_map(|(_, d)| d.place).map(|(latitude, longitude)| [longitude, latitude]).collect()
}

fn span(deployments: &Deployments) -> Value {
    let first = deployments.iter().map(|(_, d)| d.start().date()).min();
    let last = deployments.iter().map(|(_, d)| d.end().date()).max();
    json!({"start": first.map(|date| date.to_string()), "end": last.map(|date| date.to_string())})
}

/// The taxa of the observations, each once. Several classes may be of one taxon, and any of them may know its key and its names.
fn taxa(run: &Run, classes: &BTreeSet<String>) -> Vec<Value> {
    let mut taxa: BTreeMap<&str, Value> = BTreeMap::new();
    for class in classes {
        // As the observations have it.
        let name = run.scientific(class);
        let taxon = taxa.entry(name).or_insert_with(|| json!({"scientificName": present(name)}));
        let id = run.taxon_id(class);
        if !id.is_empty() && taxon.get("taxonID").is_none() {
            taxon["taxonID"] = id.into();
        }
        for (language, name) in run.vernacular(class) {
            if taxon["vernacularNames"].get(language).is_none() {
                taxon["vernacularNames"][language] = name.into();
            }
        }
    }
    taxa.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_entries_stand_over_the_usual_ones() {
        let mut package = json!({"title": "t", "project": {"title": "t", "individualAnimals": false}});
        merge(&mut package, json!({"project": {"title": "Ponds"}, "licenses": [{"name": "CC0-1.0"}]}));
        assert_eq!(
            package,
            json!({"title": "t", "project": {"title": "Ponds", "individualAnimals": false}, "licenses": [{"name": "CC0-1.0"}]})
        );
    }

    #[test]
    fn metadata_are_entries_that_a_person_decides() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.yaml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Metadata::read(&path, Form::Standard).map(|metadata| metadata.0).map_err(|e| e.to_string())
        };
        assert_eq!(read("title: Ponds\n").unwrap()["title"], "Ponds");
        assert_eq!(read("{\"title\": \"Ponds\"}").unwrap()["title"], "Ponds");
        assert!(read("profile: x\n").unwrap_err().contains("profile, which follows from the tables"));
        assert!(read("- a\n").unwrap_err().contains("m.yaml"));
        for (text, entry) in [
            ("project: ~\n", "project"),
            ("contributors: bob\n", "contributors"),
            ("licenses: [{name: CC0-1.0, scope: data}]\n", "licenses"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(entry) && said.contains("expected"), "{said}");
        }
        assert!(read("licenses: [{name: CC0-1.0, scope: data}, {path: 'http://a.b/c', scope: media}]\n").is_ok());
    }

    #[test]
    fn words_that_the_standard_gives_are_told_with_their_entry() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.yaml");
        let read = |text: &str, form: Form| {
            std::fs::write(&path, text).unwrap();
            Metadata::read(&path, form).map(drop).map_err(|e| e.to_string())
        };
        let (standard, acoustic) = (Form::Standard, Form::Acoustic);
        for (text, form, wanted) in [
            (
                "contributors: [{title: A, role: contact}, {title: B, role: boss}]",
                standard,
                "contributors[1].role is `boss`, expected one of contact, principalInvestigator,",
            ),
            ("project: {samplingDesign: random}", standard, "project.samplingDesign is `random`, expected one of simpleRandom,"),
            ("project: {samplingDesign: ~}", standard, "project.samplingDesign is `null`"),
            ("project: {captureMethod: timeLapse}", standard, "project.captureMethod is `\"timeLapse\"`, expected a list of"),
            (
                "project: {captureMethod: []}",
                standard,
                "project.captureMethod is `[]`, expected a list of activityDetection, timeLapse",
            ),
            ("project: {captureMethod: [timeLapse]}", acoustic, "`timeLapse`, expected one of activityDetection, continuous,"),
            (
                "project: {observationLevel: [interval]}",
                standard,
                "project.observationLevel is `interval`, expected one of media, event",
            ),
        ] {
            let said = read(text, form).unwrap_err();
            assert!(said.contains("m.yaml: ") && said.contains(wanted), "{said}");
        }
        let good = "project: {samplingDesign: targeted, captureMethod: [activityDetection], observationLevel: [media, event]}";
        assert!([standard, acoustic].into_iter().all(|form| read(good, form).is_ok()));
        assert!(read("project: {observationLevel: [interval]}", acoustic).is_ok());
        assert!(read("contributors: [{title: A}]", standard).is_ok(), "a role is not needed");
    }
}
