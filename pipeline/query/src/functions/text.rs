//! Texts of a row: regular expressions and lengths.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::compute::kernels::length::length;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;
use regex::Regex;

use super::scalar::{Kind, Scalar, list_of};

/// The functions of texts.
pub(super) fn functions() -> Vec<ScalarUDF> {
    use Kind::{Integer, List, Text};
    vec![
        Scalar::new("regexp_extract", &[&[Text, Text], &[Text, Text, Integer]], DataType::Utf8, extract).named([]),
        Scalar::new("regexp_extract_all", &[&[Text, Text]], list_of(DataType::Utf8), extract_all).named([]),
        Scalar::new("regexp_split_to_array", &[&[Text, Text]], list_of(DataType::Utf8), split_by_pattern)
            .named(["string_split_regex"]),
        Scalar::new("string_split", &[&[Text, Text]], list_of(DataType::Utf8), split).named(["str_split", "split"]),
        Scalar::new("regexp_full_match", &[&[Text, Text]], DataType::Boolean, full_match).named([]),
        Scalar::new("len", &[&[Text], &[List]], DataType::Int64, len).named([]),
    ]
}

/// A pattern, compiled once for the rows that have it.
#[derive(Default)]
struct Pattern {
    text: String,
    compiled: Option<Regex>,
}

impl Pattern {
    fn compile(&mut self, text: &str) -> Result<&Regex> {
        if self.text != text {
            *self = Self { text: text.to_owned(), compiled: None };
        }
        if self.compiled.is_none() {
            let made = Regex::new(text);
            self.compiled = Some(made.map_err(|e| exec_datafusion_err!("'{text}' is not a regular expression: {e}"))?);
        }
        self.compiled.as_ref().ok_or_else(|| exec_datafusion_err!("'{text}' is not compiled"))
    }
}

/// The first match, or one of its groups; empty where there is none.
fn extract(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, patterns) = (args[0].as_string::<i32>(), args[1].as_string::<i32>());
    let groups = args.get(2).map(|groups| groups.as_primitive::<Int64Type>());
    let mut known = Pattern::default();
    let rows = texts.iter().zip(patterns).enumerate().map(|(row, (text, pattern))| {
        let (Some(text), Some(pattern)) = (text, pattern) else { return Ok(None) };
        let regex = known.compile(pattern)?;
        let group = groups.map_or(0, |groups| groups.value(row));
        let Some(group) = usize::try_from(group).ok().filter(|group| *group < regex.captures_len()) else {
            return exec_err!("regexp_extract: '{pattern}' has groups 0 to {}, and not {group}", regex.captures_len() - 1);
        };
        let found = regex.captures(text).and_then(|captures| captures.get(group));
        Ok(Some(found.map_or("", |found| found.as_str())))
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

fn lists(args: &[ArrayRef], parts: for<'a> fn(&Regex, &'a str) -> Vec<&'a str>) -> Result<ArrayRef> {
    let mut known = Pattern::default();
    let mut lists = ListBuilder::new(StringBuilder::new());
    for (text, pattern) in args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()) {
        match (text, pattern) {
            (Some(text), Some(pattern)) => lists.append_value(parts(known.compile(pattern)?, text).into_iter().map(Some)),
            _ => lists.append_null(),
        }
    }
    Ok(Arc::new(lists.finish()))
}

fn extract_all(args: &[ArrayRef]) -> Result<ArrayRef> {
    lists(args, |regex, text| regex.find_iter(text).map(|found| found.as_str()).collect())
}

fn split_by_pattern(args: &[ArrayRef]) -> Result<ArrayRef> {
    lists(args, |regex, text| regex.split(text).collect())
}

/// Without a separator, the characters of a text. A null separator is in no text.
fn split(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for (text, separator) in args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()) {
        let Some(text) = text else {
            lists.append_null();
            continue;
        };
        match separator {
            Some("") if !text.is_empty() => {
                lists.append_value(text.char_indices().map(|(at, c)| Some(&text[at..at + c.len_utf8()])))
            }
            Some(separator) if !separator.is_empty() => lists.append_value(text.split(separator).map(Some)),
            _ => lists.append_value([Some(text)]),
        }
    }
    Ok(Arc::new(lists.finish()))
}

fn full_match(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut known = Pattern::default();
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()).map(|(text, pattern)| {
        let (Some(text), Some(pattern)) = (text, pattern) else { return Ok(None) };
        Ok(Some(known.compile(&format!("^(?:{pattern})$"))?.is_match(text)))
    });
    Ok(Arc::new(rows.collect::<Result<BooleanArray>>()?))
}

/// How many characters a text or how many elements a list has.
fn len(args: &[ArrayRef]) -> Result<ArrayRef> {
    if args[0].data_type().is_list() {
        return Ok(cast(&length(&args[0])?, &DataType::Int64)?);
    }
    let characters = |text: &str| text.chars().count() as i64;
    Ok(Arc::new(args[0].as_string::<i32>().iter().map(|text| text.map(characters)).collect::<Int64Array>()))
}
