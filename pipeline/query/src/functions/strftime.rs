//! Times to text and back, by the format of C.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;
use jiff::civil::Time;
use jiff::fmt::strtime;

use super::moment::{civil, micros, walls};
use super::scalar::{Kind, Scalar};
use crate::times::TIMESTAMP;

/// The functions of formats.
pub(super) fn functions() -> Vec<ScalarUDF> {
    const PARSE: &[&[Kind]] = &[&[Kind::Text, Kind::Text]];
    vec![
        // Both orders of the arguments are in use. Two texts are read as a time and its format.
        Scalar::new("strftime", &[&[Kind::Moment, Kind::Text], &[Kind::Text, Kind::Moment]], DataType::Utf8, format).named([]),
        Scalar::new("strptime", PARSE, TIMESTAMP, |args| {
            parse(args, |text, format, why| {
                exec_err!("strptime: '{text}' does not match the format '{format}': {why}; try_strptime gives null instead")
            })
        })
        .named([]),
        Scalar::new("try_strptime", PARSE, TIMESTAMP, |args| parse(args, |_, _, _| Ok(None))).named([]),
    ]
}

/// A format in the words of jiff, remembered for the rows that follow.
#[derive(Default)]
struct Format {
    from: String,
    to: String,
}

impl Format {
    /// The fields of DuckDB that jiff has under another name; `digits` fixes the digits of fractions of a second.
    fn translate(&mut self, from: &str, digits: bool) -> Result<&str> {
        if self.from == from {
            return Ok(&self.to);
        }
        let mut to = String::new();
        let mut rest = from.chars();
        while let Some(letter) = rest.next() {
            if letter != '%' {
                to.push(letter);
                continue;
            }
            let mut field = rest.next();
            let plain = if field == Some('-') { "-" } else { "" };
            if !plain.is_empty() {
                field = rest.next();
            }
            match field {
                Some('f') => to.push_str(if digits { "%6f" } else { "%f" }),
                Some('g') => to.push_str(if digits { "%3f" } else { "%f" }),
                Some('c') => to.push_str("%Y-%m-%d %H:%M:%S"),
                Some('x') => to.push_str("%Y-%m-%d"),
                Some('X') => to.push_str("%H:%M:%S"),
                Some(same) if "aAwdbBmyYHIpMSjUWGVuzTFDRe%".contains(same) && !(digits && same == 'z') => {
                    to.extend(["%", plain, same.encode_utf8(&mut [0; 4])]);
                }
                other => {
                    let zone = if digits { "" } else { "%z, " };
                    let field = other.map(String::from).unwrap_or_default();
                    return exec_err!(
                        "'%{plain}{field}' in the format '{from}' is not a field: use %Y %m %d %H %M %S, %y, %b and %B (month), %a and \
                         %A (day), %j (day of the year), %I and %p (12 hours), %f and %g (micro- and milliseconds), %U, %W, %G, \
                         %V, %u, %w, {zone}%c, %x, %X or %% (%-d and the like write no leading zero)"
                    );
                }
            }
        }
        *self = Self { from: from.to_owned(), to };
        Ok(&self.to)
    }
}

fn format(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (times, formats) = if args[0].data_type().is_string() { (&args[1], &args[0]) } else { (&args[0], &args[1]) };
    let mut known = Format::default();
    let row = |(wall, format): (Option<i64>, Option<&str>)| {
        let (Some(wall), Some(format)) = (wall, format) else { return Ok(None) };
        let text = strtime::format(known.translate(format, true)?, civil(wall)?);
        text.map(Some).map_err(|e| exec_datafusion_err!("strftime with the format '{format}': {e}"))
    };
    let texts = walls(times)?.into_iter().zip(formats.as_string::<i32>()).map(row);
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

fn parse(args: &[ArrayRef], failed: fn(&str, &str, String) -> Result<Option<i64>>) -> Result<ArrayRef> {
    let mut known = Format::default();
    let row = |(text, format): (Option<&str>, Option<&str>)| {
        let (Some(text), Some(format)) = (text, format) else { return Ok(None) };
        let parsed = strtime::parse(known.translate(format, false)?, text).and_then(|fields| {
            // A format without hours is a date at midnight.
            let time = if fields.hour().is_some() { fields.to_time()? } else { Time::midnight() };
            let offset = fields.offset().map_or(0, |offset| offset.seconds());
            Ok((fields.to_date()?.to_datetime(time), offset))
        });
        match parsed {
            Ok((time, offset_s)) => Ok(Some(micros(time)? - i64::from(offset_s) * 1_000_000)),
            Err(e) => failed(text, format, e.to_string()),
        }
    };
    let times = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()).map(row);
    Ok(Arc::new(times.collect::<Result<TimestampMicrosecondArray>>()?))
}
