//! What a person says of the package: entries of `datapackage.json`, held to the rules that the standard has for them.
//!
//! Sources: `camtrap-dp-profile.json` of Camtrap DP 1.0.2, and `data-package.json` of Data Package 1, which it includes. Of lists of words
//! those are here that a person is likely to choose from; `relatedIdentifiers` has its own, of DataCite 4.4.

use std::path::Path;

use chorus_text::{look_through, shown};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::form::Form;
use crate::export::error::ExportError;

/// Entries that the tables decide, and no person.
const OURS: [&str; 5] = ["resources", "profile", "spatial", "temporal", "taxonomic"];

/// An entry, in which `[]` stands for each item of a list; what the standard wants it to be, in words and as a check.
type Rule = (&'static str, &'static str, fn(&Value) -> bool);

const TEXT: &str = "text; a number or a date needs quotation marks";
const ADDRESS: &str = "an address with its scheme, such as https://example.org";
const MAIL: &str = "an address such as a.person@example.org";
const PATH: &str = "an address, or a path that does not begin with `.`, `/` or `~` and holds no `..`";

/// From the whole to its parts, so that what is told first is what has to be mended first.
const RULES: &[Rule] = &[
    ("name", "small letters, digits, `.`, `_`, `-` and `/`, such as frogs-2026", |value| is_spelt(value, is_of_name)),
    ("id", TEXT, Value::is_string),
    ("title", "text", Value::is_string),
    ("description", "text", Value::is_string),
    ("version", "text in quotation marks, such as \"1.0\"", Value::is_string),
    ("homepage", ADDRESS, is_address),
    ("image", TEXT, Value::is_string),
    ("created", "a date and time with its zone, such as 2026-05-01T12:00:00Z", is_instant),
    ("bibliographicCitation", TEXT, Value::is_string),
    ("coordinatePrecision", "a number of degrees, such as 0.001", Value::is_number),
    ("keywords", "a list of words", |value| is_list_of(value, 1, Value::is_string)),
    ("references", "a list of texts", |value| is_list_of(value, 0, Value::is_string)),
    ("contributors", "a list with a title for each", |value| is_list_with(value, 1, &["title"])),
    ("contributors[].path", PATH, is_path),
    ("contributors[].email", MAIL, is_mail),
    ("contributors[].organization", TEXT, Value::is_string),
    ("sources", "a list with a title for each", |value| is_list_with(value, 0, &["title"])),
    ("sources[].path", PATH, is_path),
    ("sources[].email", MAIL, is_mail),
    ("sources[].version", "text in quotation marks, such as \"1.0\"", Value::is_string),
    ("licenses", "a list of at least two: each with name or path, and scope data or media", is_licenses),
    ("licenses[].name", "letters, digits, `.`, `_` and `-`, such as CC-BY-4.0", |value| is_spelt(value, is_of_licence)),
    ("licenses[].path", PATH, is_path),
    ("licenses[].title", TEXT, Value::is_string),
    ("project", "entries such as title and samplingDesign", Value::is_object),
    ("project.id", TEXT, Value::is_string),
    ("project.title", TEXT, Value::is_string),
    ("project.acronym", TEXT, Value::is_string),
    ("project.description", TEXT, Value::is_string),
    ("project.path", ADDRESS, is_address),
    ("project.individualAnimals", "true or false", Value::is_boolean),
    ("relatedIdentifiers", "a list with relationType, relatedIdentifier and relatedIdentifierType for each", |value| {
        is_list_with(value, 0, &["relationType", "relatedIdentifier", "relatedIdentifierType"])
    }),
];

/// What a contributor may be.
const ROLES: &[&str] = &["contact", "principalInvestigator", "rightsHolder", "publisher", "contributor"];
/// How places may have been chosen.
const DESIGNS: &[&str] = &["simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic"];
/// How something else may be related to the package.
const RELATIONS: &[&str] = &[
    "IsCitedBy",
    "Cites",
    "IsSupplementTo",
    "IsSupplementedBy",
    "IsContinuedBy",
    "Continues",
    "IsNewVersionOf",
    "IsPreviousVersionOf",
    "IsPartOf",
    "HasPart",
    "IsPublishedIn",
    "IsReferencedBy",
    "References",
    "IsDocumentedBy",
    "Documents",
    "IsCompiledBy",
    "Compiles",
    "IsVariantFormOf",
    "IsOriginalFormOf",
    "IsIdenticalTo",
    "HasMetadata",
    "IsMetadataFor",
    "Reviews",
    "IsReviewedBy",
    "IsDerivedFrom",
    "IsSourceOf",
    "Describes",
    "IsDescribedBy",
    "HasVersion",
    "IsVersionOf",
    "Requires",
    "IsRequiredBy",
    "Obsoletes",
    "IsObsoletedBy",
];
/// Kinds of identifiers.
const IDENTIFIERS: &[&str] = &[
    "ARK", "arXiv", "bibcode", "DOI", "EAN13", "EISSN", "Handle", "IGSN", "ISBN", "ISSN", "ISTC", "LISSN", "LSID", "PMID",
    "PURL", "UPC", "URL", "URN", "w3id",
];
/// Kinds of what is identified.
const RESOURCES: &[&str] = &[
    "Audiovisual",
    "Book",
    "BookChapter",
    "Collection",
    "ComputationalNotebook",
    "ConferencePaper",
    "ConferenceProceeding",
    "DataPaper",
    "Dataset",
    "Dissertation",
    "Event",
    "Image",
    "InteractiveResource",
    "Journal",
    "JournalArticle",
    "Model",
    "OutputManagementPlan",
    "PeerReview",
    "PhysicalObject",
    "Preprint",
    "Report",
    "Service",
    "Software",
    "Sound",
    "Standard",
    "Text",
    "Workflow",
    "Other",
];

/// Entries that are one of some words.
const WORDS: [(&str, &[&str]); 5] = [
    ("contributors[].role", ROLES),
    ("project.samplingDesign", DESIGNS),
    ("relatedIdentifiers[].relationType", RELATIONS),
    ("relatedIdentifiers[].relatedIdentifierType", IDENTIFIERS),
    ("relatedIdentifiers[].resourceTypeGeneral", RESOURCES),
];

/// Mappings and lists that may lie within each other in what a person says.
const DEEPEST: usize = 16;

/// What a person has to say of the package.
pub(super) struct Metadata(pub(super) Map<String, Value>);

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
        check(&entries, form).map_err(wrong)?;
        match OURS.iter().find(|entry| entries.contains_key(**entry)) {
            Some(entry) => Err(wrong(format!("it has {entry}, which follows from the tables"))),
            None => Ok(Self(entries)),
        }
    }
}

/// Refuses, in words, what the standard would refuse.
fn check(entries: &Map<String, Value>, form: Form) -> Result<(), String> {
    for &(entry, expected, is) in RULES {
        if let Some((place, value)) = found(entries, entry).into_iter().find(|(_, value)| !is(value)) {
            return Err(format!("{place} is `{}`, expected {expected}", told(value)));
        }
    }
    for (entry, allowed) in WORDS {
        found(entries, entry).into_iter().try_for_each(|(place, value)| check_word(&place, value, allowed))?;
    }
    for (entry, allowed) in [("project.captureMethod", form.methods()), ("project.observationLevel", form.levels())] {
        for (place, given) in found(entries, entry) {
            let words = given.as_array().filter(|words| !words.is_empty());
            let words =
                words.ok_or_else(|| format!("{place} is `{}`, expected a list of {}", told(given), allowed.join(", ")))?;
            words.iter().try_for_each(|word| check_word(&place, word, allowed))?;
            if let Some(twice) = words.iter().enumerate().find(|(i, word)| words[..*i].contains(word)) {
                return Err(format!("{place} has {} twice, expected each word once", told(twice.1)));
            }
        }
    }
    Ok(())
}

fn check_word(place: &str, found: &Value, allowed: &[&str]) -> Result<(), String> {
    match found.as_str() {
        Some(word) if allowed.contains(&word) => Ok(()),
        _ => Err(format!("{place} is `{}`, expected one of {}", told(found), allowed.join(", "))),
    }
}

/// A value as a message has it, on one line that does nothing: a text without quotation marks.
fn told(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    shown(&text).into_owned()
}

/// The values at an entry, each with its place, such as `contributors[1].role`.
fn found<'a>(entries: &'a Map<String, Value>, entry: &str) -> Vec<(String, &'a Value)> {
    let (first, rest) = entry.split_once('.').map_or((entry, None), |(first, rest)| (first, Some(rest)));
    let (name, is_list) = first.strip_suffix("[]").map_or((first, false), |name| (name, true));
    let Some(value) = entries.get(name) else { return Vec::new() };
    let here: Vec<(String, &Value)> = if is_list {
        let items = value.as_array().into_iter().flatten().enumerate();
        items.map(|(i, item)| (format!("{name}[{i}]"), item)).collect()
    } else {
        vec![(name.to_owned(), value)]
    };
    let Some(rest) = rest else { return here };
    let within = here.into_iter().filter_map(|(place, value)| Some((place, value.as_object()?)));
    let below = |(place, entries): (String, &'a Map<String, Value>)| {
        found(entries, rest).into_iter().map(move |(name, value)| (format!("{place}.{name}"), value))
    };
    within.flat_map(below).collect()
}

fn is_list_of(value: &Value, least: usize, is: fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|list| list.len() >= least && list.iter().all(is))
}

/// Whether it is a list of objects, each with these entries as texts.
fn is_list_with(value: &Value, least: usize, entries: &[&str]) -> bool {
    let has = |item: &Value| entries.iter().all(|entry| item[*entry].is_string());
    value.as_array().is_some_and(|list| list.len() >= least && list.iter().all(has))
}

fn is_licenses(value: &Value) -> bool {
    let is_scope = |item: &Value| matches!(item["scope"].as_str(), Some("data" | "media"));
    let is_named = |item: &Value| item["name"].is_string() || item["path"].is_string();
    value.as_array().is_some_and(|list| list.len() > 1 && list.iter().all(|item| is_scope(item) && is_named(item)))
}

fn is_spelt(value: &Value, is: fn(char) -> bool) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.chars().all(is))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c)
}

fn is_of_licence(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

/// Whether it is an address as RFC 3986 has it, as far as a slip would show.
fn is_address(value: &Value) -> bool {
    let Some((scheme, rest)) = value.as_str().and_then(|text| text.split_once(':')) else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme && !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c))
}

fn is_mail(value: &Value) -> bool {
    let Some((name, host)) = value.as_str().and_then(|text| text.split_once('@')) else { return false };
    let is_host = host.contains('.') && host.split('.').all(|part| !part.is_empty());
    !name.is_empty() && is_host && !host.contains('@') && !name.chars().chain(host.chars()).any(char::is_whitespace)
}

/// Whether it is an address, or a path that leads nowhere else. The standard has no path over a line's end.
fn is_path(value: &Value) -> bool {
    let is = |text: &str| !text.is_empty() && !text.starts_with(['.', '/', '~']) && !text.contains("..") && !text.contains('\n');
    value.as_str().is_some_and(is)
}

/// Whether it is an instant as RFC 3339 has it: to the second, with a zone.
fn is_instant(value: &Value) -> bool {
    let is_whole = |text: &str| text.get(10..11) == Some("T") && text.get(16..17) == Some(":");
    value.as_str().is_some_and(|text| is_whole(text) && text.parse::<Timestamp>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let told = read("name: \"frogs\\nerror: \\u001b[2J\"\n").unwrap_err();
        assert!(told.contains("name is `frogs\\nerror: \\u{1b}[2J`, expected small letters") && !told.contains('\n'), "{told}");
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
            ("project: {captureMethod: timeLapse}", standard, "project.captureMethod is `timeLapse`, expected a list of"),
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

    #[test]
    fn what_the_standards_profile_would_refuse_is_told_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.yaml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Metadata::read(&path, Form::Standard).map(drop).map_err(|e| e.to_string())
        };
        let related = |entry: &str, word: &str| {
            let all = [("relationType", "Cites"), ("relatedIdentifier", "10.1/x"), ("relatedIdentifierType", "DOI")];
            let all = all.map(|(name, usual)| format!("{name}: {}", if name == entry { word } else { usual }));
            format!("relatedIdentifiers: [{{{}}}]", all.join(", "))
        };
        for (text, place) in [
            ("name: Ponds", "name is `Ponds`"),
            ("id: 12", "id is `12`"),
            ("homepage: example.org", "homepage is `example.org`"),
            ("created: 2026-05-01", "created is `2026-05-01`"),
            ("created: 2026-05-01T12Z", "created is"),
            ("created: 2026-05-01 12:00:00Z", "created is"),
            ("coordinatePrecision: fine", "coordinatePrecision is `fine`"),
            ("keywords: []", "keywords is `[]`"),
            ("references: [1]", "references is `[1]`"),
            ("contributors: []", "contributors is `[]`"),
            ("contributors: [{title: A, email: a}]", "contributors[0].email is `a`"),
            ("contributors: [{title: A}, {title: B, path: /b}]", "contributors[1].path is `/b`"),
            ("sources: [{title: A, version: 2}]", "sources[0].version is `2`"),
            ("sources: [{title: A, path: a/../b}]", "sources[0].path"),
            ("licenses: [{name: CC BY, scope: data}, {name: CC0-1.0, scope: media}]", "licenses[0].name is `CC BY`"),
            ("licenses: [{path: ./l, scope: data}, {name: CC0-1.0, scope: media}]", "licenses[0].path"),
            ("project: {title: 7}", "project.title is `7`"),
            ("project: {path: ponds}", "project.path is `ponds`"),
            ("project: {individualAnimals: 'no'}", "project.individualAnimals is `no`, expected true or false"),
            ("project: {captureMethod: [timeLapse, timeLapse]}", "project.captureMethod has timeLapse twice"),
            ("relatedIdentifiers: [{relationType: Cites}]", "relatedIdentifiers is"),
            (
                related("relationType", "Quotes").as_str(),
                "relatedIdentifiers[0].relationType is `Quotes`, expected one of IsCitedBy,",
            ),
            (related("relatedIdentifierType", "doi").as_str(), "relatedIdentifiers[0].relatedIdentifierType is `doi`"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains("m.yaml: ") && said.contains(place) && said.contains("expected"), "{text}: {said}");
        }
        let good = "{name: ponds-2026, id: '12', homepage: 'https://example.org/a?b=c#d', created: '2026-05-01T12:00:00.5+09:30', \
                    coordinatePrecision: 0.01, keywords: [frogs], references: [], contributors: [{title: A, email: a.b@c.org, \
                    path: 'https://c.org', organization: C}], sources: [{title: S, version: '2', path: s/t.csv}], image: a.png, \
                    project: {path: 'https://c.org', individualAnimals: false, acronym: P}}";
        read(good).unwrap();
        read(&related("", "")).unwrap();
    }
}
