//! The fields of the package's tables: those of the standard, and those that its acoustic form adds.

use serde_json::{Value, json};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Time,
    Any,
}

use Kind::{Any, Boolean, Integer, Number, Text, Time};

type Field = (&'static str, Kind);

/// A table of the package.
pub(super) struct Fields {
    /// Its name, without `.csv`.
    pub(super) name: &'static str,
    /// The fields of the standard, in its order. The first identifies a row.
    own: &'static [Field],
    /// The fields of the acoustic form.
    acoustic: &'static [Field],
    /// Fields that are never empty.
    required: &'static [&'static str],
    /// Tables that a row names, each with the field that does.
    names: &'static [(&'static str, &'static str)],
}

/// Where and when recorders stood.
pub(super) const DEPLOYMENTS: Fields = Fields {
    name: "deployments",
    own: &[
        ("deploymentID", Text),
        ("locationID", Text),
        ("locationName", Text),
        ("latitude", Number),
        ("longitude", Number),
        ("coordinateUncertainty", Integer),
        ("deploymentStart", Time),
        ("deploymentEnd", Time),
        ("setupBy", Text),
        ("cameraID", Text),
        ("cameraModel", Text),
        ("cameraDelay", Integer),
        ("cameraHeight", Number),
        ("cameraDepth", Number),
        ("cameraTilt", Integer),
        ("cameraHeading", Integer),
        ("detectionDistance", Number),
        ("timestampIssues", Boolean),
        ("baitUse", Boolean),
        ("featureType", Text),
        ("habitat", Text),
        ("deploymentGroups", Text),
        ("deploymentTags", Text),
        ("deploymentComments", Text),
    ],
    acoustic: &[("recordingSchedule", Text)],
    required: &["deploymentID", "latitude", "longitude", "deploymentStart", "deploymentEnd"],
    names: &[],
};

/// Recordings.
pub(super) const MEDIA: Fields = Fields {
    name: "media",
    own: &[
        ("mediaID", Text),
        ("deploymentID", Text),
        ("captureMethod", Text),
        ("timestamp", Time),
        ("filePath", Text),
        ("filePublic", Boolean),
        ("fileName", Text),
        ("fileMediatype", Text),
        ("exifData", Any),
        ("favorite", Boolean),
        ("mediaComments", Text),
    ],
    acoustic: &[("samplingFrequency", Integer), ("bitDepth", Integer), ("gain", Number)],
    required: &["mediaID", "deploymentID", "timestamp", "filePath", "filePublic", "fileMediatype"],
    names: &[("deployments", "deploymentID")],
};

/// What was detected or heard.
pub(super) const OBSERVATIONS: Fields = Fields {
    name: "observations",
    own: &[
        ("observationID", Text),
        ("deploymentID", Text),
        ("mediaID", Text),
        ("eventID", Text),
        ("eventStart", Time),
        ("eventEnd", Time),
        ("observationLevel", Text),
        ("observationType", Text),
        ("cameraSetupType", Text),
        ("scientificName", Text),
        ("count", Integer),
        ("lifeStage", Text),
        ("sex", Text),
        ("behavior", Text),
        ("individualID", Text),
        ("individualPositionRadius", Number),
        ("individualPositionAngle", Number),
        ("individualSpeed", Number),
        ("bboxX", Number),
        ("bboxY", Number),
        ("bboxWidth", Number),
        ("bboxHeight", Number),
        ("classificationMethod", Text),
        ("classifiedBy", Text),
        ("classificationTimestamp", Time),
        ("classificationProbability", Number),
        ("observationTags", Text),
        ("observationComments", Text),
    ],
    acoustic: &[("frequencyLow", Number), ("frequencyHigh", Number)],
    required: &["observationID", "deploymentID", "eventStart", "eventEnd", "observationLevel", "observationType"],
    names: &[("deployments", "deploymentID"), ("media", "mediaID")],
};

/// How the acoustic form says that media came about.
pub(super) const ACOUSTIC_METHODS: &[&str] = &["activityDetection", "continuous", "recordingSchedule"];
/// What observations of the acoustic form may be of.
pub(super) const ACOUSTIC_LEVELS: &[&str] = &["media", "event", "interval"];

/// What the standard takes for an empty field.
pub(super) const MISSING: [&str; 4] = ["", "NA", "NaN", "nan"];

/// A text as a field holds it: in parentheses where the standard would take it for an empty field.
pub(super) fn present(text: &str) -> String {
    if !text.is_empty() && MISSING.contains(&text) { format!("({text})") } else { text.to_owned() }
}

/// Words that the acoustic form allows in a field.
const WORDS: [(&str, &[&str]); 4] = [
    ("captureMethod", ACOUSTIC_METHODS),
    ("observationLevel", ACOUSTIC_LEVELS),
    ("observationType", &["animal", "human", "vehicle", "blank", "unknown", "unclassified"]),
    ("classificationMethod", &["human", "machine"]),
];

impl Fields {
    fn all(&self, acoustic: bool) -> impl Iterator<Item = &'static Field> {
        self.own.iter().chain(self.acoustic.iter().filter(move |_| acoustic))
    }

    /// The header of the table.
    pub(super) fn header(&self, acoustic: bool) -> Vec<&'static str> {
        self.all(acoustic).map(|(name, _)| *name).collect()
    }

    /// A row with these values. Fields that are not named are empty, and values of the acoustic form have no place in the other one.
    pub(super) fn row(&self, acoustic: bool, values: &[(&str, String)]) -> Vec<String> {
        let value = |(name, kind): &Field| {
            let (_, value) = values.iter().find(|(known, _)| known == name)?;
            Some(if *kind == Text { present(value) } else { value.clone() })
        };
        self.all(acoustic).map(|field| value(field).unwrap_or_default()).collect()
    }

    /// The table schema of the acoustic form, which the standard does not publish yet.
    pub(super) fn schema(&self) -> Value {
        let key = self.own[0].0;
        let fields: Vec<Value> = self.all(true).map(|field| self.described(field)).collect();
        let names = |(table, field): &(&str, &str)| json!({"fields": field, "reference": {"resource": table, "fields": field}});
        let foreign: Vec<Value> = self.names.iter().map(names).collect();
        let mut schema = json!({"fields": fields, "missingValues": MISSING, "primaryKey": key});
        // The profile of tabular data packages has no empty list of them.
        if !foreign.is_empty() {
            schema["foreignKeys"] = foreign.into();
        }
        schema
    }

    fn described(&self, (name, kind): &Field) -> Value {
        let kind = match kind {
            Text => "string",
            Integer => "integer",
            Number => "number",
            Boolean => "boolean",
            Time => "datetime",
            Any => "any",
        };
        let mut constraints = json!({"required": self.required.contains(name)});
        if *name == self.own[0].0 {
            constraints["unique"] = true.into();
        }
        if let Some((_, words)) = WORDS.iter().find(|(field, _)| field == name) {
            constraints["enum"] = (*words).into();
        }
        let mut field = json!({"name": name, "type": kind, "constraints": constraints});
        if kind == "datetime" {
            field["format"] = "%Y-%m-%dT%H:%M:%S%z".into();
        }
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_acoustic_form_adds_fields_behind_those_of_the_standard() {
        for fields in [&DEPLOYMENTS, &MEDIA, &OBSERVATIONS] {
            let (own, all) = (fields.header(false), fields.header(true));
            assert_eq!(own, all[..own.len()], "{}", fields.name);
            assert!(all.len() > own.len() && fields.required.iter().all(|name| own.contains(name)));
            assert!(fields.names.iter().all(|(_, name)| own.contains(name)));
        }
        let value = [("gain", "3".to_owned()), ("mediaID", "m".to_owned())];
        let (own, acoustic) = (MEDIA.row(false, &value), MEDIA.row(true, &value));
        assert_eq!((own.len(), own[0].as_str(), own.contains(&"3".to_owned())), (11, "m", false));
        assert_eq!((acoustic.len(), acoustic[13].as_str()), (14, "3"));
        let schema = MEDIA.schema();
        assert_eq!(schema["fields"][2]["constraints"]["enum"][1], "continuous");
        assert_eq!(schema["fields"][0]["constraints"], json!({"required": true, "unique": true}));
        assert_eq!((&schema["fields"][8]["type"], &schema["missingValues"]), (&json!("any"), &json!(["", "NA", "NaN", "nan"])));
        assert_eq!(schema["foreignKeys"][0]["reference"], json!({"resource": "deployments", "fields": "deploymentID"}));
        assert!(DEPLOYMENTS.schema().get("foreignKeys").is_none());
    }

    #[test]
    fn a_text_is_never_taken_for_an_empty_field() {
        let values = [("locationName", "NA"), ("cameraID", "nan"), ("cameraModel", "Nan"), ("latitude", "1.5"), ("setupBy", "")];
        let values = values.map(|(name, value)| (name, value.to_owned()));
        let row = DEPLOYMENTS.row(false, &values);
        let of = |name: &str| row[DEPLOYMENTS.header(false).iter().position(|own| *own == name).unwrap()].as_str();
        let found = ["locationName", "cameraID", "cameraModel", "latitude", "setupBy"].map(of);
        assert_eq!(found, ["(NA)", "(nan)", "Nan", "1.5", ""]);
    }
}
