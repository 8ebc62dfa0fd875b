//! From YAML text to entries with their places. serde_yaml supplies the values; it carries no lines and stops at its first error,
//! so saphyr, a parser with marks, supplies the lines. Before either, the text is looked through for what costs more than it says.

use std::collections::BTreeMap;

use chorus_archive::composed;
use chorus_keys::Declarations;
use chorus_text::{Refused, look_through};
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_yaml::Value;

use super::evolution::{REMOVED, Removed, is_same};
use super::problem::Problem;

/// Levels of mappings and lists: sections, keys and a list as a value need 3. The rest is spare, so that messages can be specific.
const DEEPEST: usize = 8;

/// The place of what `--set` gives.
pub(super) const SET: &str = "--set";

/// One `key: value` of a file or of `--set`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) place: String,
    pub(super) key: String,
    pub(super) value: Value,
}

/// The entries of a file. What is not YAML, or not sections of keys, becomes a problem.
pub(super) fn file(text: &str, place: &str, declarations: &Declarations, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let mut problem = |place: String, key: &str, found: String, allowed: &str| {
        problems.push(Problem { place, key: key.to_owned(), found, allowed: allowed.to_owned() });
    };
    let value = match value(text) {
        Ok(value) => value,
        Err(Unread { line, found, allowed }) => {
            problem(format!("{place}:{line}"), "(file)", found, allowed);
            return Vec::new();
        }
    };
    let lines = lines(text);
    let at = |key: &str| format!("{place}:{}", lines.get(key).copied().unwrap_or(1));
    let sections = match value {
        Value::Null => return Vec::new(),
        Value::Mapping(sections) => sections,
        _ => {
            problem(
                format!("{place}:1"),
                "(file)",
                "no mapping".into(),
                "the file holds sections, and they hold keys: `segment:`, then `  window_s: 3`",
            );
            return Vec::new();
        }
    };
    let mut entries = Vec::new();
    for (name, value) in sections {
        let name = plain(&name);
        match value {
            Value::Mapping(keys) if declarations.find(&name).is_none() => {
                for (key, value) in keys {
                    let key = format!("{name}.{}", plain(&key));
                    entries.push(Entry { place: at(&key), key, value });
                }
            }
            // An empty section, every line of it commented out.
            Value::Null if declarations.is_section(&name) => {}
            value if declarations.is_section(&name) => problem(
                at(&name),
                &name,
                format!("`{}`", plain(&value)),
                "a section holds keys, each on a line of its own, indented",
            ),
            value => entries.push(Entry { place: at(&name), key: name, value }),
        }
    }
    entries
}

/// The entry of one `--set key=value`.
pub(super) fn set(text: &str, problems: &mut Vec<Problem>) -> Option<Entry> {
    let mut problem = |found: String| {
        let allowed = r#"write --set section.key=value; a value with braces or other signs needs quotes within quotes: --set 'section.key="value"'"#;
        problems.push(Problem { place: SET.into(), key: text.into(), found, allowed: allowed.into() });
    };
    let Some((key, value)) = text.split_once('=') else {
        problem("no `=`".into());
        return None;
    };
    match self::value(value) {
        Ok(value) => Some(Entry { place: SET.into(), key: key.trim().to_owned(), value }),
        Err(unread) => {
            problem(unread.found);
            None
        }
    }
}

/// Why a text gives no value.
struct Unread {
    /// From 1.
    line: usize,
    found: String,
    allowed: &'static str,
}

/// The value of a YAML text whose size is bounded by that of the text.
fn value(text: &str) -> Result<Value, Unread> {
    look_through(text, DEEPEST).map_err(|Refused { line, found, next }| Unread { line, found, allowed: next })?;
    serde_yaml::from_str(text).map_err(|e| not_yaml(e.location().map_or(1, |l| l.line()), &e))
}

fn not_yaml(line: usize, error: &impl std::fmt::Display) -> Unread {
    Unread { line, found: format!("text that is not YAML ({error})"), allowed: "correct the line" }
}

/// What is wrong with an entry taken by itself.
pub(super) fn check(entry: &Entry, declarations: &Declarations) -> Option<Problem> {
    let problem =
        |found: String, allowed: String| Some(Problem { place: entry.place.clone(), key: entry.key.clone(), found, allowed });
    let Some(key) = declarations.find(&entry.key) else {
        if let Some(removed) = REMOVED.iter().find(|removed| removed.name == entry.key) {
            let found = format!("`{}` for a key that no longer exists", plain(&entry.value));
            return if is_as_today(removed, &entry.value) { None } else { problem(found, only(removed)) };
        }
        if declarations.is_section(&entry.key) {
            let allowed = format!("it is a section: give a value to one of its keys, as in {}.KEY=VALUE", entry.key);
            return problem(format!("`{}`", plain(&entry.value)), allowed);
        }
        let near = declarations.nearest(&entry.key);
        let hint = near.map_or_else(|| "`chorus config` lists all keys".into(), |near| format!("did you mean {near}?"));
        return problem("an unknown key".into(), hint);
    };
    if key.allows(&entry.value) {
        return None;
    }
    problem(format!("`{}`", plain(&entry.value)), format!("allowed: {}", key.allowed()))
}

/// Whether a removed key had today's behaviour with this value. Files of older runs hold such keys.
fn is_as_today(removed: &Removed, value: &Value) -> bool {
    serde_json::to_value(value).is_ok_and(|value| is_same(&value, &removed.fixed()))
}

/// What is left of a removed key.
fn only(removed: &Removed) -> String {
    format!("its behaviour is always that of `{}` now: leave it out", removed.value)
}

/// A value on one line, as a person would write it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // JSON has no text for infinities and for what is not a number.
        Value::Number(number) => number.to_string(),
        Value::Sequence(items) if items.iter().any(Value::is_number) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(","))
        }
        other => serde_json::to_string(other).unwrap_or_else(|_| format!("{other:?}")),
    }
}

/// A value as it is typed behind `--set KEY=`.
pub(super) fn typed(value: &Value) -> String {
    match value {
        // Such as "12", which is a number where it is written without quotes.
        Value::String(text) if self::value(text).ok().as_ref() != Some(value) => {
            serde_json::to_string(text).unwrap_or_else(|_| text.clone())
        }
        other => plain(other),
    }
}

/// The value with all its texts in the form in which names are compared: a name that somebody types has to meet those of tables.
pub(super) fn composed_texts(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(composed(&text).into_owned()),
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(composed_texts).collect()),
        Value::Mapping(pairs) => {
            let pairs = pairs.into_iter().map(|(key, value)| (composed_texts(key), composed_texts(value)));
            Value::Mapping(pairs.collect())
        }
        other => other,
    }
}

/// The line of each `section` and `section.key`.
fn lines(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    let Ok(documents) = MarkedYaml::load_from_str(text) else { return lines };
    let Some(YamlData::Mapping(sections)) = documents.first().map(|d| &d.data) else { return lines };
    for (name, value) in sections {
        let Some(section) = scalar(name) else { continue };
        lines.insert(section.clone(), name.span.start.line());
        if let YamlData::Mapping(keys) = &value.data {
            for key in keys.keys() {
                if let Some(text) = scalar(key) {
                    lines.insert(format!("{section}.{text}"), key.span.start.line());
                }
            }
        }
    }
    lines
}

fn scalar(node: &MarkedYaml<'_>) -> Option<String> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(Scalar::Integer(n)) => Some(n.to_string()),
        YamlData::Value(Scalar::Boolean(b)) => Some(b.to_string()),
        _ => None,
    }
}
