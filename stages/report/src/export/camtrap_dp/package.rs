//! `datapackage.json`: what the tables are, and what a person has to say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::deployment::Deployment;
use crate::export::error::ExportError;
use crate::export::run::Run;

/// The standard's word for media that are recorded by a schedule rather than by a trigger.
pub(super) const BY_SCHEDULE: &str = "timeLapse";

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

/// What a person has to say of the package.
pub(super) struct Metadata(Map<String, Value>);

impl Metadata {
    /// Reads entries of `datapackage.json` from a file of YAML or JSON.
    ///
    /// # Errors
    /// [`ExportError::Io`], [`ExportError::Metadata`].
    pub(super) fn read(path: &Path) -> Result<Self, ExportError> {
        let text = std::fs::read_to_string(path).map_err(ExportError::io(path, "cannot be read"))?;
        let wrong = |detail: String| ExportError::Metadata { path: path.to_owned(), detail };
        let entries: Map<String, Value> = serde_yaml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        for (entry, expected, is) in KINDS {
            if entries.get(entry).is_some_and(|value| !is(value)) {
                return Err(wrong(format!("{entry} is `{}`, expected {expected}", entries[entry])));
            }
        }
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
    deployments: &BTreeMap<String, Deployment>,
    classes: &BTreeSet<String>,
    metadata: Option<Metadata>,
) -> Result<String, ExportError> {
    let title = "Detections in an acoustic survey";
    let mut package = json!({
        "resources": (["deployments", "media", "observations"].map(resource)),
        "profile": format!("{STANDARD}/camtrap-dp-profile.json"),
        "created": created(Timestamp::now()),
        "title": title,
        "contributors": [{"title": "not named", "role": "contributor"}],
        "description": "Sounds that a classifier detected in recordings; media are recordings, and a detection is an observation of one. Nobody listened to all of them: classificationMethod is machine.",
        "version": "1.0",
        "sources": [{"title": "Chorus", "version": env!("CARGO_PKG_VERSION")}],
        "project": {
            "title": title,
            "samplingDesign": "opportunistic",
            "captureMethod": [BY_SCHEDULE],
            "individualAnimals": false,
            "observationLevel": ["media"],
        },
    });
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

fn resource(name: &str) -> Value {
    json!({
        "name": name,
        "path": format!("{name}.csv"),
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": format!("{STANDARD}/{name}-table-schema.json"),
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
fn points(deployments: &BTreeMap<String, Deployment>) -> Vec<[f64; 2]> {
    deployments.values().filter_map(|d| d.place).map(|(latitude, longitude)| [longitude, latitude]).collect()
}

fn span(deployments: &BTreeMap<String, Deployment>) -> Value {
    let first = deployments.values().map(|d| d.start.date()).min();
    let last = deployments.values().map(|d| d.end.date()).max();
    json!({"start": first.map(|date| date.to_string()), "end": last.map(|date| date.to_string())})
}

/// The taxa of the observations, each once.
fn taxa(run: &Run, classes: &BTreeSet<String>) -> Vec<Value> {
    let named: BTreeMap<&str, &str> = classes.iter().map(|class| (run.scientific(class), run.english(class))).collect();
    let taxon = |(scientific, english): (&str, &str)| match english {
        "" => json!({"scientificName": scientific}),
        english => json!({"scientificName": scientific, "vernacularNames": {"eng": english}}),
    };
    named.into_iter().map(taxon).collect()
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
            Metadata::read(&path).map(|metadata| metadata.0).map_err(|e| e.to_string())
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
}
