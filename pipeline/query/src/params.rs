//! The one-row table `params`. It holds values from the command line, so that one query file works for any class, site or date.

use polars::prelude::{Column, DataFrame, DataType, IntoColumn, IntoLazy, LazyFrame, NamedFrom, Series, col};

use crate::QueryError;

/// The name of the table.
pub(crate) const PARAMS: &str = "params";

/// The beginning of a line that gives a default value in the text of a query: `-- param wanted = FICPRI`.
const DEFAULT: &str = "-- param ";

/// A named value.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    name: String,
    value: Value,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Bool(bool),
    Whole(i64),
    Number(f64),
    /// A date as text; polars converts it.
    Date(String),
    Text(String),
}

impl Param {
    /// Reads `name=value`. The form of the value gives its type: whole number, number, `true` or `false`, date such as
    /// 2020-03-01, else text. `name:text=007` is always text.
    ///
    /// # Errors
    /// [`QueryError::Param`].
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let bad = |expected| QueryError::Param { found: text.to_owned(), expected };
        let (name, value) = text.split_once('=').ok_or_else(|| bad("NAME=VALUE"))?;
        let (name, value) = (name.trim(), value.trim());
        let (name, is_text) = name.strip_suffix(":text").map_or((name, false), |name| (name, true));
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_name {
            return Err(bad("a name of lower-case letters, digits and _ before the ="));
        }
        let value = if is_text { Value::Text(value.to_owned()) } else { Value::of(value) };
        if matches!(&value, Value::Date(date) if !is_in_calendar(date)) {
            return Err(bad("a valid date, such as 2020-03-01; write NAME:text=VALUE for text in the form of a date"));
        }
        Ok(Self { name: name.to_owned(), value })
    }

    /// The default values in the text of a query, overridden by those of the caller.
    ///
    /// # Errors
    /// [`QueryError::Param`]; also where one name is given twice.
    pub(crate) fn all(sql: &str, given: &[Self]) -> Result<Vec<Self>, QueryError> {
        for (i, param) in given.iter().enumerate() {
            if given[..i].iter().any(|other| other.name == param.name) {
                return Err(QueryError::Param { found: param.name.clone(), expected: "each name once" });
            }
        }
        let mut all = given.to_vec();
        for line in sql.lines().filter_map(|line| line.strip_prefix(DEFAULT)) {
            let own = Self::parse(line)?;
            if !all.iter().any(|param| param.name == own.name) {
                all.push(own);
            }
        }
        Ok(all)
    }
}

impl Value {
    fn of(text: &str) -> Self {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let is_date = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        match text {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ if is_date => Self::Date(text.to_owned()),
            _ if is_number => text
                .parse()
                .map(Self::Whole)
                .or_else(|_| text.parse().map(Self::Number))
                .unwrap_or_else(|_| Self::Text(text.to_owned())),
            _ => Self::Text(text.to_owned()),
        }
    }
}

/// Whether a date such as 2020-03-01 exists in the calendar.
fn is_in_calendar(date: &str) -> bool {
    let mut parts = date.split('-').map(|part| part.parse::<u32>().unwrap_or(0));
    let [year, month, day] = [(); 3].map(|()| parts.next().unwrap_or(0));
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// The table.
pub(crate) fn frame(params: &[Param]) -> LazyFrame {
    let column = |param: &Param| -> Column {
        let name = param.name.as_str().into();
        match &param.value {
            Value::Bool(value) => Series::new(name, [*value]),
            Value::Whole(value) => Series::new(name, [*value]),
            Value::Number(value) => Series::new(name, [*value]),
            Value::Date(value) | Value::Text(value) => Series::new(name, [value.as_str()]),
        }
        .into_column()
    };
    let frame = DataFrame::new(1, params.iter().map(column).collect()).expect("columns of one row and of different names");
    let dates = params.iter().filter(|param| matches!(param.value, Value::Date(_)));
    dates.fold(frame.lazy(), |frame, param| frame.with_column(col(param.name.as_str()).strict_cast(DataType::Date)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_value_gives_its_type() {
        for (text, name, value) in [
            ("n=3", "n", Value::Whole(3)),
            ("min_score = -0.5", "min_score", Value::Number(-0.5)),
            ("x=1e-3", "x", Value::Number(0.001)),
            ("all=true", "all", Value::Bool(true)),
            ("since=2020-03-01", "since", Value::Date("2020-03-01".into())),
            ("wanted=FICPRI", "wanted", Value::Text("FICPRI".into())),
            ("site:text=007", "site", Value::Text("007".into())),
            ("path=a=b", "path", Value::Text("a=b".into())),
            ("inf=inf", "inf", Value::Text("inf".into())),
            ("version=1.2.3", "version", Value::Text("1.2.3".into())),
        ] {
            assert_eq!(Param::parse(text).unwrap(), Param { name: name.into(), value }, "{text}");
        }
        for good in ["d=2020-02-29", "d=2025-12-31", "d:text=2025-02-29"] {
            assert!(Param::parse(good).is_ok(), "{good}");
        }
        for bad in ["n", "=3", "N=3", "a b=3", "1a=2", "d=2025-02-29", "d=2020-13-01", "d=2020-04-31", "d=2020-04-00"] {
            assert!(Param::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_text_of_a_query_gives_default_values() {
        let sql = "-- A question.\n-- param n = 3\n-- param m = 4\nSELECT 1 -- param o = 5";
        let all = Param::all(sql, &[Param::parse("m=7").unwrap()]).unwrap();
        assert_eq!(all, [Param::parse("m=7").unwrap(), Param::parse("n=3").unwrap()]);
        let twice = [Param::parse("m=7").unwrap(), Param::parse("m=8").unwrap()];
        assert!(Param::all(sql, &twice).unwrap_err().to_string().contains("each name once"));
    }
}
