//! How `format` and `printf` write one value.

use datafusion::common::{Result, exec_err};

/// A value that is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Integer(i64),
    Number(f64),
}

/// The width, the digits and the form of a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    /// What fills the width; a space where none is given.
    pub(super) fill: Option<char>,
    /// `<`, `>` or `^`. If there is none, numbers end at the width and texts start with it.
    pub(super) align: Option<char>,
    /// What stands before a number that is not negative.
    pub(super) plus: Option<char>,
    /// Whether zeros fill the width of a number.
    pub(super) zeros: bool,
    /// Whether a comma stands between thousands.
    pub(super) thousands: bool,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
    /// The letter of the form, such as `d` or `f`.
    pub(super) form: Option<char>,
}

impl Layout {
    /// The value as text.
    ///
    /// # Errors
    /// Where the form is not one of the value.
    pub(super) fn write(&self, value: Value) -> Result<String> {
        let (negative, body) = match value {
            Value::Text(text) => (false, self.text(text)),
            Value::Integer(n) => (n < 0, self.integer(n)),
            Value::Number(x) => (x.is_sign_negative() && !x.is_nan(), self.number(x.abs())),
        };
        let Some(mut body) = body else {
            let (form, found) = (self.form.unwrap_or_default(), found(value));
            return exec_err!(
                "'{form}' is no form of {found}: use s for any value, d, x or o for integers, f, e or g for numbers"
            );
        };
        if self.thousands {
            body = grouped(&body);
        }
        let sign = match value {
            Value::Text(_) => String::new(),
            _ if negative => String::from("-"),
            _ => self.plus.map(String::from).unwrap_or_default(),
        };
        Ok(self.filled(&sign, &body, matches!(value, Value::Text(_))))
    }

    fn text(&self, text: &str) -> Option<String> {
        let most = self.precision.unwrap_or(usize::MAX);
        matches!(self.form, None | Some('s')).then(|| text.chars().take(most).collect())
    }

    fn integer(&self, n: i64) -> Option<String> {
        let size = n.unsigned_abs();
        Some(match self.form {
            None | Some('s' | 'd') => size.to_string(),
            Some('x') => format!("{size:x}"),
            Some('X') => format!("{size:X}"),
            Some('o') => format!("{size:o}"),
            Some('b') => format!("{size:b}"),
            _ => return self.number(size as f64),
        })
    }

    fn number(&self, x: f64) -> Option<String> {
        let digits = self.precision.unwrap_or(6);
        let text = match self.form {
            _ if !x.is_finite() => format!("{x:?}").to_lowercase(),
            None | Some('s') if self.precision.is_none() => exponent(&format!("{x:?}")),
            None | Some('s' | 'g' | 'G') => general(x, digits.max(1)),
            Some('f' | 'F') => format!("{x:.digits$}"),
            Some('e' | 'E') => exponent(&format!("{x:.digits$e}")),
            _ => return None,
        };
        Some(if self.form.is_some_and(char::is_uppercase) { text.to_uppercase() } else { text })
    }

    fn filled(&self, sign: &str, body: &str, text: bool) -> String {
        let missing = self.width.saturating_sub(sign.len() + body.chars().count());
        let align = self.align.unwrap_or(if text { '<' } else { '>' });
        if self.zeros && !text && align == '>' {
            return [sign, &"0".repeat(missing), body].concat();
        }
        let before = match align {
            '<' => 0,
            '^' => missing / 2,
            _ => missing,
        };
        let fill = |count: usize| self.fill.unwrap_or(' ').to_string().repeat(count);
        [&fill(before), sign, body, &fill(missing - before)].concat()
    }
}

fn found(value: Value) -> String {
    match value {
        Value::Text(text) => format!("the text '{text}'"),
        Value::Integer(n) => format!("the integer {n}"),
        Value::Number(x) => format!("the number {x}"),
    }
}

/// A comma between thousands of the digits before the point.
fn grouped(body: &str) -> String {
    let whole = body.find(|c: char| !c.is_ascii_digit()).unwrap_or(body.len());
    let comma = |(at, digit): (usize, char)| {
        (at > 0 && at < whole && (whole - at).is_multiple_of(3)).then_some(',').into_iter().chain([digit])
    };
    body.char_indices().flat_map(comma).collect()
}

/// So many digits, with an exponent where the number is very large or small, without zeros at the end.
fn general(x: f64, digits: usize) -> String {
    let scientific = format!("{x:.*e}", digits - 1);
    let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let trimmed = |text: &str| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
    };
    let power: i32 = power.parse().unwrap_or(0);
    match usize::try_from(digits as i32 - 1 - power) {
        Ok(after) if power >= -4 => trimmed(&format!("{x:.after$}")),
        _ => exponent(&format!("{}e{power}", trimmed(mantissa))),
    }
}

/// The text of a number with its exponent as C writes it: `e+16` or `e-05`, and not `e16` or `e-5`.
fn exponent(text: &str) -> String {
    let Some((digits, power)) = text.split_once('e') else { return text.to_owned() };
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}
