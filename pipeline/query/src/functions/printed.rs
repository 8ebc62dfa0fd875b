//! Texts with values in them: `format('{} at {}', a, b)` and `printf('%s at %.1f', a, b)`.

use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::FormatOptions;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::layout::{Layout, Value};
use super::scalar::{Kind, Scalar};

/// The widest that a value may be written, and its most digits.
const WIDEST: usize = 1_000;

/// The functions.
pub(super) fn functions() -> Vec<ScalarUDF> {
    const FORM: &[&[Kind]] = &[&[Kind::Text, Kind::Rest]];
    vec![
        Scalar::new("format", FORM, DataType::Utf8, |args| written(args, "format", braces)).named([]),
        Scalar::new("printf", FORM, DataType::Utf8, |args| written(args, "printf", percents)).named([]),
    ]
}

/// A part of a text.
#[derive(Debug)]
enum Piece {
    Text(char),
    /// An argument by its number, from 0.
    Value(usize, Layout),
}

/// The parts of a format; none where it is not one.
type Parse = fn(&mut Peekable<Chars>) -> Option<Vec<Piece>>;

fn written<'a>(args: &'a [ArrayRef], name: &str, parse: Parse) -> Result<ArrayRef> {
    let columns = args[1..].iter().map(plain).collect::<Result<Vec<_>>>()?;
    let mut known: (&'a str, Vec<Piece>) = ("", Vec::new());
    let row = |(row, format): (usize, Option<&'a str>)| {
        let Some(format) = format.filter(|_| columns.iter().all(|column| column.is_valid(row))) else {
            return Ok(None);
        };
        if known.0 != format {
            let pieces = parse(&mut format.chars().peekable());
            known = (format, pieces.ok_or_else(|| not_a_format(name, format))?);
        }
        let mut text = String::new();
        for piece in &known.1 {
            match piece {
                Piece::Text(letter) => text.push(*letter),
                Piece::Value(number, layout) => match columns.get(*number) {
                    Some(column) => text.push_str(&layout.write(value(column, row))?),
                    None => return exec_err!("{name}: '{format}' has a place for value {}, of {}", number + 1, columns.len()),
                },
            }
        }
        Ok(Some(text))
    };
    Ok(Arc::new(args[0].as_string::<i32>().iter().enumerate().map(row).collect::<Result<StringArray>>()?))
}

fn not_a_format(name: &str, format: &str) -> datafusion::error::DataFusionError {
    let how = if name == "format" { "{}, {:.2f} or {:>8}; {{ for a brace" } else { "%s, %d or %.2f; %% for a percent sign" };
    exec_datafusion_err!("{name}: '{format}' is not a format: write a place for a value as {how}")
}

/// Integers, numbers and texts, each in one type.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let to = match array.data_type() {
        integer if integer.is_integer() => DataType::Int64,
        number if number.is_numeric() => DataType::Float64,
        _ => DataType::Utf8,
    };
    let times = FormatOptions::new()
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
    Ok(cast_with_options(array, &to, &CastOptions { safe: false, format_options: times })?)
}

fn value(column: &ArrayRef, row: usize) -> Value<'_> {
    if let Some(integers) = column.as_primitive_opt::<Int64Type>() {
        return Value::Integer(integers.value(row));
    }
    match column.as_primitive_opt::<Float64Type>() {
        Some(numbers) => Value::Number(numbers.value(row)),
        None => Value::Text(column.as_string::<i32>().value(row)),
    }
}

/// The number that comes next; none where there is no digit.
fn count(rest: &mut Peekable<Chars>) -> Option<usize> {
    let mut count = None;
    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
        rest.next();
        count = Some((count.unwrap_or(0) * 10 + digit as usize).min(WIDEST));
    }
    count
}

/// The precision that comes next, where there is a point; none where no digit follows the point.
fn precision(rest: &mut Peekable<Chars>) -> Option<Option<usize>> {
    if rest.next_if_eq(&'.').is_none() { Some(None) } else { count(rest).map(Some) }
}

/// By the rules of Python and of the library fmt.
fn braces(rest: &mut Peekable<Chars>) -> Option<Vec<Piece>> {
    let (mut pieces, mut next) = (Vec::new(), 0);
    while let Some(letter) = rest.next() {
        pieces.push(match letter {
            '{' | '}' if rest.next_if_eq(&letter).is_some() => Piece::Text(letter),
            '{' => {
                let number = count(rest).unwrap_or(next);
                next = number + 1;
                let layout = if rest.next_if_eq(&':').is_some() { brace_layout(rest)? } else { Layout::default() };
                rest.next_if_eq(&'}')?;
                Piece::Value(number, layout)
            }
            '}' => return None,
            other => Piece::Text(other),
        });
    }
    Some(pieces)
}

fn brace_layout(rest: &mut Peekable<Chars>) -> Option<Layout> {
    let mut layout = Layout::default();
    let mut ahead = rest.clone();
    let fill = ahead.next();
    if ahead.next_if(|c| "<>^".contains(*c)).is_some() {
        layout.fill = fill;
        rest.next();
    }
    layout.align = rest.next_if(|c| "<>^".contains(*c));
    layout.plus = rest.next_if(|c| "+- ".contains(*c)).filter(|sign| *sign != '-');
    layout.zeros = rest.next_if_eq(&'0').is_some();
    layout.width = count(rest).unwrap_or(0);
    layout.thousands = rest.next_if_eq(&',').is_some();
    layout.precision = precision(rest)?;
    layout.form = rest.next_if(|c| "sdxXobfFeEgG".contains(*c));
    Some(layout)
}

/// By the rules of C.
fn percents(rest: &mut Peekable<Chars>) -> Option<Vec<Piece>> {
    let (mut pieces, mut next) = (Vec::new(), 0);
    while let Some(letter) = rest.next() {
        pieces.push(if letter != '%' || rest.next_if_eq(&'%').is_some() {
            Piece::Text(letter)
        } else {
            next += 1;
            Piece::Value(next - 1, percent_layout(rest)?)
        });
    }
    Some(pieces)
}

fn percent_layout(rest: &mut Peekable<Chars>) -> Option<Layout> {
    let mut layout = Layout { align: Some('>'), ..Layout::default() };
    while let Some(flag) = rest.next_if(|c| "-+ 0,".contains(*c)) {
        match flag {
            '-' => layout.align = Some('<'),
            '0' => layout.zeros = true,
            ',' => layout.thousands = true,
            sign => layout.plus = Some(sign),
        }
    }
    layout.width = count(rest).unwrap_or(0);
    layout.precision = precision(rest)?;
    // The size of an integer in C.
    while rest.next_if(|c| "hlqjzt".contains(*c)).is_some() {}
    let form = rest.next_if(|c| "sdiuxXofFeEgG".contains(*c))?;
    layout.form = Some(if "iu".contains(form) { 'd' } else { form });
    Some(layout)
}
