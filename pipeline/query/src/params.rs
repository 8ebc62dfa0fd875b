//! Values from the command line, so that one query file works for any class, site or date: `$name` in a query, and the one-row table
//! `params`.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::sql::sqlparser::ast::{self, DataType, Expr, TypedString, VisitorMut};
use jiff::civil::{Date, date};

use crate::QueryError;
use crate::walk::{Break, outcome, walk_mut};

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
    Date(Date),
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
        let no_date = || bad("a valid date, such as 2020-03-01; write NAME:text=VALUE for text in the form of a date");
        let value = if is_text { Value::Text(value.to_owned()) } else { Value::of(value).ok_or_else(no_date)? };
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
    /// The value of a text; `None` where it has the form of a date and is none.
    fn of(text: &str) -> Option<Self> {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let is_date = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        Some(match text {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ if is_date => Self::Date(text.parse().ok()?),
            _ if is_number => text
                .parse()
                .map(Self::Whole)
                .or_else(|_| text.parse().map(Self::Number))
                .unwrap_or_else(|_| Self::Text(text.to_owned())),
            _ => Self::Text(text.to_owned()),
        })
    }

    /// A column of this one value.
    fn column(&self) -> ArrayRef {
        match self {
            Self::Bool(value) => Arc::new(BooleanArray::from(vec![*value])),
            Self::Whole(value) => Arc::new(Int64Array::from(vec![*value])),
            Self::Number(value) => Arc::new(Float64Array::from(vec![*value])),
            Self::Date(value) => Arc::new(Date32Array::from(vec![days(*value)])),
            Self::Text(value) => Arc::new(StringArray::from(vec![value.as_str()])),
        }
    }

    /// The value as it stands in a query.
    fn literal(&self) -> Expr {
        let value = |value: ast::Value| Expr::Value(value.with_empty_span());
        let number = |text: String| match text.strip_prefix('-') {
            Some(text) => Expr::Nested(Box::new(Expr::UnaryOp {
                op: ast::UnaryOperator::Minus,
                expr: Box::new(value(ast::Value::Number(text.to_owned(), false))),
            })),
            None => value(ast::Value::Number(text, false)),
        };
        match self {
            Self::Bool(truth) => value(ast::Value::Boolean(*truth)),
            Self::Whole(_) | Self::Number(_) => number(self.to_string()),
            Self::Text(text) => value(ast::Value::SingleQuotedString(text.clone())),
            Self::Date(_) => Expr::TypedString(TypedString {
                data_type: DataType::Date,
                value: ast::Value::SingleQuotedString(self.to_string()).with_empty_span(),
                uses_odbc_syntax: false,
            }),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Whole(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Date(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Days since 1970-01-01.
pub(crate) fn days(day: Date) -> i32 {
    day.since(date(1970, 1, 1)).map_or(0, |span| span.get_days())
}

/// The table.
///
/// # Errors
/// [`QueryError::Param`] where there is no parameter.
pub(crate) fn table(params: &[Param]) -> Result<RecordBatch, QueryError> {
    let expected = "at least one value; give --param NAME=VALUE, or a line `-- param NAME = VALUE` in the query";
    let none = || QueryError::Param { found: PARAMS.into(), expected };
    RecordBatch::try_from_iter(params.iter().map(|param| (&param.name, param.value.column()))).map_err(|_| none())
}

/// Puts the values of parameters into a query, where it has `$name`.
///
/// # Errors
/// [`QueryError::Param`] where a parameter has no value.
pub(crate) fn fill_in(query: &mut ast::Query, params: &[Param]) -> Result<(), QueryError> {
    outcome(walk_mut(query, &mut Filler(params)))
}

struct Filler<'a>(&'a [Param]);

impl VisitorMut for Filler<'_> {
    type Break = Break;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Break> {
        match expr {
            Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(found), .. }) => match self.value(found) {
                Ok(value) => *expr = value.literal(),
                Err(error) => return ControlFlow::Break(Some(Box::new(error))),
            },
            // `DATE $day`.
            Expr::TypedString(TypedString { value: ast::ValueWithSpan { value, .. }, .. }) => {
                if let ast::Value::Placeholder(found) = value {
                    match self.value(found) {
                        Ok(filled) => *value = ast::Value::SingleQuotedString(filled.to_string()),
                        Err(error) => return ControlFlow::Break(Some(Box::new(error))),
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Filler<'_> {
    fn value(&self, found: &str) -> Result<&Value, QueryError> {
        let error = |expected| QueryError::Param { found: found.to_owned(), expected };
        let name = found.strip_prefix('$').filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()));
        let name = name.ok_or_else(|| error("`$` and a name; parameters are written `$name`"))?.to_lowercase();
        let expected = "a value of this name; give --param NAME=VALUE, or a line `-- param NAME = VALUE` in the query";
        self.0.iter().find(|param| param.name == name).map(|param| &param.value).ok_or_else(|| error(expected))
    }
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
            ("since=2020-03-01", "since", Value::Date(date(2020, 3, 1))),
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

    #[test]
    fn values_take_the_place_of_their_names() {
        use datafusion::sql::sqlparser::parser::Parser;
        let params = [Param::parse("d=2025-01-31").unwrap(), Param::parse("n=-2").unwrap(), Param::parse("s=it's").unwrap()];
        let filled = |sql: &str| {
            let mut query = Parser::new(&crate::dialect::Grammar).try_with_sql(sql).unwrap().parse_query().unwrap();
            fill_in(&mut query, &params).map(|()| query.to_string()).map_err(|e| e.to_string())
        };
        assert_eq!(filled("SELECT $d, DATE $d, $N, $s").unwrap(), "SELECT DATE '2025-01-31', DATE '2025-01-31', (-2), 'it''s'");
        assert_eq!(filled("SELECT INTERVAL $n DAY").unwrap(), "SELECT INTERVAL (-2) DAY");
        assert!(filled("SELECT DATE $e").unwrap_err().contains("--param"));
        for other in ["?", "$1", ":x"] {
            assert!(filled(&format!("SELECT {other}")).unwrap_err().contains("`$name`"), "{other}");
        }
    }
}
