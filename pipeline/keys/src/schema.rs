//! The JSON Schema of configuration files, for editors.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use crate::{Declarations, Key, Kind, Range};

/// The schema (draft 7, which editors know best) of a file with these keys. Combinations of values are not in it.
pub fn schema(declarations: &Declarations, title: &str) -> Value {
    let mut properties = Map::new();
    for key in declarations.keys() {
        let (section, schema) = (key.section(), key_schema(key));
        if section.is_empty() {
            properties.insert(key.name.to_owned(), schema);
            continue;
        }
        // A section whose every line is commented out is null.
        let section = properties
            .entry(section)
            .or_insert_with(|| json!({ "type": ["object", "null"], "additionalProperties": false, "properties": {} }));
        section["properties"][key.short()] = schema;
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn key_schema(key: &Key) -> Value {
    let mut schema = kind_schema(&key.kind);
    if key.nullable {
        schema = nullable(schema);
    }
    let unit = if key.unit.is_empty() { String::new() } else { format!(" [{}]", key.unit) };
    schema["description"] = format!("{}{unit}", key.about).into();
    schema["default"] = as_json(key.name, key.default);
    if let Some(example) = key.example {
        schema["examples"] = json!([as_json(key.name, example)]);
    }
    schema
}

fn as_json(name: &str, yaml: &str) -> Value {
    serde_json::to_value(crate::key::parsed(name, yaml)).expect("a declared value is JSON too")
}

fn nullable(mut schema: Value) -> Value {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
        if let Some(descriptions) = schema.get_mut("enumDescriptions").and_then(Value::as_array_mut) {
            descriptions.push("no value".into());
        }
        return schema;
    }
    match schema.get_mut("type") {
        Some(kind) => {
            *kind = json!([kind, "null"]);
            schema
        }
        None => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

fn kind_schema(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(range) => number("integer", range),
        Kind::Number(range) => number("number", range),
        Kind::Text => text(),
        Kind::Choice(words) => json!({
            "enum": words.iter().map(|word| word.name).collect::<Vec<_>>(),
            "enumDescriptions": words.iter().map(|word| word.about).collect::<Vec<_>>(),
        }),
        Kind::WordOrInteger(word, range) => json!({ "anyOf": [{ "const": word.name }, number("integer", range)] }),
        Kind::Names => {
            let name = json!({ "anyOf": [text(), { "type": "integer", "minimum": 0 }] });
            json!({ "anyOf": [text(), { "type": "integer", "minimum": 0 }, { "type": "array", "items": name, "minItems": 1 }] })
        }
        Kind::List(of, length) => {
            let items = if **of == Kind::Text { json!({ "type": "string" }) } else { kind_schema(of) };
            let mut list = json!({ "type": "array", "items": items });
            if let Some(length) = length {
                list["minItems"] = (*length).into();
                list["maxItems"] = (*length).into();
            }
            list
        }
        Kind::Mapping(to) => json!({ "type": "object", "additionalProperties": kind_schema(to) }),
    }
}

fn text() -> Value {
    json!({ "type": "string", "pattern": "\\S" })
}

fn number(kind: &str, range: &Range) -> Value {
    // Whole limits are written as whole numbers.
    let limit = |x: f64| if x.fract() == 0.0 && x.abs() < 1e15 { json!(x as i64) } else { json!(x) };
    let mut schema = json!({ "type": kind });
    match range.min {
        Bound::Included(min) => schema["minimum"] = limit(min),
        Bound::Excluded(min) => schema["exclusiveMinimum"] = limit(min),
        Bound::Unbounded => {}
    }
    match range.max {
        Bound::Included(max) => schema["maximum"] = limit(max),
        Bound::Excluded(max) => schema["exclusiveMaximum"] = limit(max),
        Bound::Unbounded => {}
    }
    schema
}
