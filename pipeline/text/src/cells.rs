//! Fields of tables that a spreadsheet may open.
//!
//! A spreadsheet runs a field that begins like a formula, quoted or not: `=HYPERLINK(…)` sends the table away, `=cmd|…` starts a program.
//! An apostrophe before it makes it a text (OWASP, "CSV Injection"). Text that begins with apostrophes before such a character gets one
//! more, so that [`as_typed`] gives back exactly what was written. Numbers stay numbers.

use std::borrow::Cow;

/// What makes a field a text for spreadsheets.
const MARK: char = '\'';

/// Whether a spreadsheet may take a text that begins with this character for a formula; the wide forms are those of East Asian keyboards.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
}

/// Whether what follows the apostrophes at its beginning, if any, begins like a formula.
fn is_like_formula(text: &str) -> bool {
    text.trim_start_matches(MARK).starts_with(begins_formula)
}

/// A number with a sign, or a difference of clocks such as `-03:00`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_clock = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b':');
    // `inf` and `nan` are numbers to Rust and words to a spreadsheet.
    let is_of_digits = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    is_clock || (is_of_digits && text.parse::<f64>().is_ok())
}

/// A text as a field that no spreadsheet takes for a formula. Numbers stay as they are.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    if is_like_formula(text) && !is_number(text) { Cow::Owned(format!("{MARK}{text}")) } else { Cow::Borrowed(text) }
}

/// The text of a field that [`harmless`] made; any other as it is.
#[must_use]
pub fn as_typed(field: &str) -> &str {
    field.strip_prefix(MARK).filter(|text| is_like_formula(text)).unwrap_or(field)
}

/// How texts become fields of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cells {
    /// Made [`harmless`].
    #[default]
    Harmless,
    /// As they are: for formats whose standard knows no such mark, and for readers that need every byte.
    Raw,
}

impl Cells {
    /// The field of a text.
    #[must_use]
    pub fn field(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Harmless => harmless(text),
            Self::Raw => Cow::Borrowed(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts_and_numbers_stay() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("＝1", "'＝1"),
            ("'=1", "''=1"),
            ("-", "'-"),
            ("-A1", "'-A1"),
            ("-inf", "'-inf"),
            ("+E5", "'+E5"),
            ("-5", "-5"),
            ("+1.5e-3", "+1.5e-3"),
            ("-03:30", "-03:30"),
            ("'-5", "''-5"),
            ("", ""),
            ("'s Gravenhage", "'s Gravenhage"),
            ("FROG=1", "FROG=1"),
        ] {
            assert_eq!(harmless(text), expected);
            assert_eq!(as_typed(expected), text);
            assert_eq!((Cells::Harmless.field(text), Cells::Raw.field(text)), (expected.into(), text.into()));
        }
    }

    /// All texts of up to four of these characters.
    #[test]
    fn every_text_comes_back() {
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer = texts.iter().flat_map(|text| ['\'', '=', '-', '5', ':', 'a'].map(|c| format!("{text}{c}"))).collect();
            for text in std::mem::replace(&mut texts, longer) {
                let field = harmless(&text);
                assert_eq!(as_typed(&field), text);
                assert!(!field.starts_with(begins_formula) || is_number(&field), "{field}");
            }
        }
    }
}
