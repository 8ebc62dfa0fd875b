//! `datapackage.json`: what the tables are, and what a person has to say of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::deployment::Deployments;
use super::fields::{DEPLOYMENTS, Fields, MEDIA, OBSERVATIONS, present};
use super::form::Form;
use super::metadata::Metadata;
use crate::export::clock::after;
use crate::export::error::ExportError;
use crate::export::run::Run;

/// Where the standard keeps its schemas.
const STANDARD: &str = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2";

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

/// The dates of the first `deploymentStart` and of the last `deploymentEnd`.
fn span(deployments: &Deployments) -> Value {
    let first = deployments.iter().map(|(_, d)| d.start().date()).min();
    let last = deployments.iter().map(|(_, d)| after(d.end()).date()).max();
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
}
