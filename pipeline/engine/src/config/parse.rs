//! From YAML text to entries with their places. serde_yaml supplies the values; it carries no lines and stops at its first error,
//! so saphyr, a parser with marks, supplies the lines. Before either, saphyr's events are looked at: a few lines of aliases within
//! lists make serde_yaml take gigabytes, and brackets within brackets hours.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use saphyr_parser::{Event, Parser};
use serde_yaml::Value;

use super::Problem;
use super::evolution::{Known, REMOVED, Removed, is_same};
use super::keys::{KEYS, Key, Kind, find, nearest};

/// Mappings and lists within each other: sections, keys, a list as a value, and some to spare for a message that tells more.
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
pub(super) fn file(text: &str, place: &str, problems: &mut Vec<Problem>) -> Vec<Entry> {
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
            Value::Mapping(keys) if find(&name).is_none() => {
                for (key, value) in keys {
                    let key = format!("{name}.{}", plain(&key));
                    entries.push(Entry { place: at(&key), key, value });
                }
            }
            // An empty section, every line of it commented out.
            Value::Null if is_section(&name) => {}
            value if is_section(&name) => problem(
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
        problems.push(Problem { place: SET.into(), key: text.into(), found, allowed: "write --set section.key=value".into() });
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
    look_through(text)?;
    serde_yaml::from_str(text).map_err(|e| Unread {
        line: e.location().map_or(1, |l| l.line()),
        found: e.to_string(),
        allowed: "it has to be YAML",
    })
}

/// Refuses what costs more than it says.
fn look_through(text: &str) -> Result<(), Unread> {
    let mut depth = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|e| Unread { line: e.marker().line(), found: e.to_string(), allowed: "it has to be YAML" })?;
        let refused = |found: &str, allowed| Err(Unread { line: span.start.line(), found: found.to_owned(), allowed });
        match event {
            Event::Alias(_) => return refused("an alias (`*name`)", "write out the value that it stands for"),
            Event::MappingStart(..) | Event::SequenceStart(..) if depth == DEEPEST => {
                return refused(&format!("more than {DEEPEST} levels"), "sections hold keys, and keys hold values or lists");
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// What is wrong with an entry taken by itself.
pub(super) fn check(entry: &Entry) -> Option<Problem> {
    let problem =
        |found: String, allowed: String| Some(Problem { place: entry.place.clone(), key: entry.key.clone(), found, allowed });
    let key = match Known::of(&entry.key, REMOVED) {
        Known::Key(key) => key,
        Known::Removed(removed) => {
            let found = format!("`{}` for a key that no longer exists", plain(&entry.value));
            return if is_as_today(&removed, &entry.value) { None } else { problem(found, only(&removed)) };
        }
        Known::Nothing => {
            let hint = nearest(&entry.key).map_or_else(|| "there is none like it".into(), |n| format!("did you mean {n}?"));
            return problem("a key that is not known".into(), hint);
        }
    };
    if fits(key, &entry.value) {
        None
    } else {
        problem(format!("`{}`", plain(&entry.value)), format!("allowed: {}", key.allowed()))
    }
}

/// Whether a removed key had today's behaviour with this value. Files of older runs hold such keys.
fn is_as_today(removed: &Removed, value: &Value) -> bool {
    serde_json::to_value(value).is_ok_and(|value| is_same(&value, &removed.fixed()))
}

/// What is left of a removed key.
fn only(removed: &Removed) -> String {
    format!("its behaviour is always that of `{}` now: leave it out", removed.value)
}

/// Whether a key takes a value.
fn fits(key: &Key, value: &Value) -> bool {
    let number_in = |v: &Value, min: f64, max: f64| v.as_f64().is_some_and(|x| x >= min && x <= max);
    match key.kind {
        _ if value.is_null() => key.nullable,
        Kind::Bool => value.is_bool(),
        Kind::Int(min, max) => value.as_i64().is_some_and(|x| x >= min && x <= max),
        Kind::Float(min, max) => number_in(value, min, max),
        Kind::Text => value.as_str().is_some_and(|t| !t.trim().is_empty()),
        Kind::Choice(words) => value.as_str().is_some_and(|t| words.contains(&t)),
        Kind::WordOrInt(word, min, max) => value.as_str() == Some(word) || value.as_i64().is_some_and(|x| x >= min && x <= max),
        Kind::Texts => is_texts(value),
        Kind::Names => match value.as_sequence() {
            Some(names) => !names.is_empty() && names.iter().all(is_name),
            None => is_name(value),
        },
        Kind::Floats(n, min, max) => {
            value.as_sequence().is_some_and(|s| s.len() == n && s.iter().all(|v| number_in(v, min, max)))
        }
        Kind::Groups => {
            value.as_mapping().is_some_and(|groups| groups.iter().all(|(name, group)| is_word(name) && is_texts(group)))
        }
    }
}

fn is_texts(value: &Value) -> bool {
    value.as_sequence().is_some_and(|s| s.iter().all(|v| v.as_str().is_some()))
}

fn is_word(value: &Value) -> bool {
    value.as_str().is_some_and(|name| !name.trim().is_empty())
}

fn is_name(value: &Value) -> bool {
    value.as_u64().is_some() || is_word(value)
}

fn is_section(name: &str) -> bool {
    KEYS.iter().any(|k| k.name.split_once('.').is_some_and(|(section, _)| section == name))
}

/// A value on one line, as a person would write it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string(other).unwrap_or_else(|_| format!("{other:?}")),
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
