//! Numbers of a table that can be read in two ways.
//!
//! A decimal comma and a comma between thousands look alike: `1,200` may be 1.2 or 1200. Where other numbers of the table show the other
//! mark, nobody can tell, and the row is not used.

use crate::delimited::{Delimited, DelimitedRow};
use crate::text::number;

/// Whether the numbers of some columns have decimal points, and whether they have commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    has_points: bool,
    has_commas: bool,
}

impl Marks {
    /// The marks in these columns of a table.
    pub(super) fn of(table: &Delimited, columns: &[usize]) -> Self {
        let mut marks = Self::default();
        for text in table.rows.iter().flat_map(|row| columns.iter().map(move |column| row.text(Some(*column)))) {
            let (has_point, has_comma) = (text.contains('.'), text.contains(','));
            if (has_point || has_comma) && number(text).is_some() {
                marks.has_points |= has_point;
                marks.has_commas |= has_comma;
            }
        }
        marks
    }

    /// Why a row cannot be used: one of its numbers can be read in two ways.
    pub(super) fn doubt(self, row: &DelimitedRow, columns: &[usize]) -> Option<String> {
        if !(self.has_points && self.has_commas) {
            return None;
        }
        let text = columns.iter().map(|column| row.text(Some(*column))).find(|text| may_be_thousands(text))?;
        let (decimal, whole) = (text.replace(',', "."), text.replace(['.', ','], ""));
        Some(format!(
            "`{text}` may be {decimal} or {whole}, since the table has numbers with points and with commas; write all of them in one way"
        ))
    }
}

/// Whether the mark of a number may stand between thousands: three digits behind it, and one to three before it, the first of which is not 0.
fn may_be_thousands(text: &str) -> bool {
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once(['.', ',']).is_some_and(|(before, after)| {
        (1..=3).contains(&before.len()) && after.len() == 3 && is_digits(before) && is_digits(after) && !before.starts_with('0')
    })
}

/// The unit that the name of a column of times states, where it is another one than seconds. `min` alone may be a minimum, as in `t_min`.
pub(super) fn other_unit(column: &str) -> Option<&'static str> {
    let name = column.to_lowercase();
    if name.contains("(min)") || name.contains("[min]") {
        return Some("minutes");
    }
    name.split(|c: char| !c.is_alphanumeric()).find_map(|word| match word {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => Some("milliseconds"),
        "mins" | "minute" | "minutes" => Some("minutes"),
        "sample" | "samples" => Some("samples"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delimited::Dialect;

    /// Whether each row of a table of two numbers is in doubt.
    fn doubts(rows: &[&str]) -> Vec<bool> {
        let table = Delimited::read(format!("a;b\n{}\n", rows.join("\n")).as_bytes(), Dialect::Detect);
        let marks = Marks::of(&table, &[0, 1]);
        table.rows.iter().map(|row| marks.doubt(row, &[0, 1]).is_some()).collect()
    }

    #[test]
    fn a_comma_between_thousands_is_no_decimal_comma() {
        assert_eq!(doubts(&["950.5;951.5", "1,200;1,201"]), [false, true]);
        assert_eq!(doubts(&["2,5;3,25", "1.200;1.201", "0.250;7"]), [false, true, false]);
        assert_eq!(doubts(&["950;1,200", "2,5;3"]), [false, false], "commas alone are decimal ones");
        assert_eq!(doubts(&["950.500;1.200", "2.5;3"]), [false, false]);
        assert_eq!(doubts(&["9.5;1,2", "1:02.250;0:03"]), [false, false], "what cannot be thousands");
        let table = Delimited::read(b"a;b\n950.5;951.5\n1,200;7\n", Dialect::Detect);
        let reason = Marks::of(&table, &[0, 1]).doubt(&table.rows[1], &[0, 1]).unwrap();
        assert!(reason.starts_with("`1,200` may be 1.200 or 1200"), "{reason}");
    }

    #[test]
    fn units_of_times_are_read_from_names() {
        for (name, unit) in [
            ("start_ms", Some("milliseconds")),
            ("Start Time (ms)", Some("milliseconds")),
            ("start (min)", Some("minutes")),
            ("End [Min]", Some("minutes")),
            ("begin_sample", Some("samples")),
            ("t_min", None),
            ("min_t", None),
            ("Begin Time (s)", None),
            ("start_seconds", None),
            ("items", None),
        ] {
            assert_eq!(other_unit(name), unit, "{name}");
        }
    }
}
