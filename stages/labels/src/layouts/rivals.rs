//! Columns of one table that hold the same under several usual names, and what to do where they contradict each other.
//!
//! A table may have `Begin Time (s)` and `start`, or `Species` and `Label`. The first of the usual names counts, and the others have
//! to say the same: nobody can tell which of two is right. A column that holds something else, such as the time of day in `start_time` or
//! English names beside codes, is no rival.

use std::collections::BTreeSet;

use crate::delimited::{Delimited, DelimitedRow, plain};
use crate::text::{composed, number, seconds};

/// Seconds by which two equal times may differ, since tables round: half of the last digit of tenths.
const SECONDS_APART: f64 = 0.05 + 1e-9;
/// The same of frequencies: a hertz, or this share where that is more.
const HERTZ_APART: f64 = 1.0;
const SHARE_APART: f64 = 0.001;

/// What the fields of two columns are compared as.
#[derive(Debug, Clone)]
pub(super) enum Sense {
    /// Times or lengths in any notation.
    Seconds,
    /// Frequencies, with the hertz in a unit of both columns.
    Hertz(f64, f64),
    /// Labels.
    Labels,
}

/// The columns that may contradict those that count.
#[derive(Debug, Clone, Default)]
pub(super) struct Rivals(Vec<Rival>);

#[derive(Debug, Clone)]
struct Rival {
    first: usize,
    other: usize,
    names: [String; 2],
    /// The key that names the right one.
    key: &'static str,
    sense: Sense,
    /// Labels that both columns use. Where this is empty the columns have different words for the same things.
    shared: BTreeSet<String>,
    /// Whether both columns mostly say the same, so that any difference is a contradiction.
    is_alike: bool,
}

impl Rivals {
    /// Adds the columns with a usual name beside the `first`, which counts, unless they are `taken` for something else. `sense` makes of
    /// another column what the two are compared as.
    pub(super) fn add(
        &mut self,
        table: &Delimited,
        (first, usual, key): (usize, &[&str], &'static str),
        taken: &[usize],
        sense: impl Fn(usize) -> Sense,
    ) {
        let is_usual = |column: usize| usual.iter().any(|name| plain(name) == plain(&table.header[column]));
        for other in (0..table.header.len()).filter(|other| *other != first && !taken.contains(other) && is_usual(*other)) {
            self.0.extend(Rival::of(table, first, other, key, sense(other)));
        }
    }

    /// Refuses a table in which two columns contradict each other in every row that fills both.
    ///
    /// # Errors
    /// Both columns, and what they say in the first row.
    pub(super) fn refuse_throughout(&self, table: &Delimited) -> Result<(), String> {
        for rival in &self.0 {
            throughout(table, |row| rival.is_filled(row), |row| rival.contradiction(row))?;
        }
        Ok(())
    }

    /// Why a row cannot be used: two columns contradict each other.
    pub(super) fn contradiction(&self, row: &DelimitedRow) -> Option<String> {
        self.0.iter().find_map(|rival| rival.contradiction(row))
    }
}

impl Rival {
    /// `None` where the other column holds something else.
    fn of(table: &Delimited, first: usize, other: usize, key: &'static str, sense: Sense) -> Option<Self> {
        let texts = |column: usize| table.rows.iter().map(move |row| row.text(Some(column))).filter(|text| !text.is_empty());
        let is_readable = |text: &str| match sense {
            Sense::Seconds => seconds(text).is_some(),
            Sense::Hertz(..) => number(text).is_some(),
            Sense::Labels => true,
        };
        if !texts(other).all(is_readable) {
            return None;
        }
        let mut rival = Self {
            first,
            other,
            names: [first, other].map(|column| table.header[column].clone()),
            key,
            sense,
            shared: BTreeSet::new(),
            is_alike: false,
        };
        let labels = |column: usize| texts(column).map(label).collect::<BTreeSet<String>>();
        rival.shared = labels(first).intersection(&labels(other)).cloned().collect();
        let filled: Vec<&DelimitedRow> = table.rows.iter().filter(|row| rival.is_filled(row)).collect();
        let equal = filled.iter().filter(|row| label(row.text(Some(first))) == label(row.text(Some(other)))).count();
        rival.is_alike = equal > 0 && 2 * equal >= filled.len();
        Some(rival)
    }

    fn is_filled(&self, row: &DelimitedRow) -> bool {
        [self.first, self.other].iter().all(|column| !row.text(Some(*column)).is_empty())
    }

    fn contradiction(&self, row: &DelimitedRow) -> Option<String> {
        let (one, other) = (row.text(Some(self.first)), row.text(Some(self.other)));
        let differs = match self.sense {
            Sense::Seconds => seconds(one).zip(seconds(other)).is_some_and(|(a, b)| (a - b).abs() > SECONDS_APART),
            Sense::Hertz(hz, other_hz) => number(one).zip(number(other)).is_some_and(|(a, b)| {
                let (a, b) = (a * hz, b * other_hz);
                (a - b).abs() > HERTZ_APART.max(SHARE_APART * a.abs())
            }),
            Sense::Labels => {
                let (one, other) = (label(one), label(other));
                one != other && (self.is_alike || self.shared.contains(&other))
            }
        };
        (differs && self.is_filled(row)).then(|| contradict(&self.names, [one, other], self.key))
    }
}

/// The form in which labels of two columns are compared.
fn label(text: &str) -> String {
    composed(text.trim()).into_owned()
}

/// Why a row cannot be used whose columns say different things. What they say stands in backticks, by which messages of one kind are
/// counted together.
pub(super) fn contradict(names: &[String; 2], said: [&str; 2], key: &str) -> String {
    format!(
        "the columns {} and {} contradict each other: `{}` and `{}`; correct the row, or name the right column in {key}",
        names[0], names[1], said[0], said[1]
    )
}

/// Refuses a table in which every row that `is_filled` has a contradiction.
///
/// # Errors
/// That of the first row, with its line.
pub(super) fn throughout(
    table: &Delimited,
    is_filled: impl Fn(&DelimitedRow) -> bool,
    contradiction: impl Fn(&DelimitedRow) -> Option<String>,
) -> Result<(), String> {
    let mut filled = table.rows.iter().filter(|row| is_filled(row)).peekable();
    let Some(first) = filled.peek().copied() else { return Ok(()) };
    match contradiction(first) {
        Some(reason) if filled.all(|row| contradiction(row).is_some()) => {
            Err(format!("line {} and all rows like it: {reason}", first.line))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delimited::Dialect;

    /// The contradiction of each row, or why the table is refused.
    fn of(text: &str, sense: Sense) -> Result<Vec<Option<String>>, String> {
        let table = Delimited::read(text.as_bytes(), Dialect::Detect);
        let mut rivals = Rivals::default();
        rivals.add(&table, (0, &["a", "b"][..], "annotate.a_column"), &[], |_| sense.clone());
        rivals.refuse_throughout(&table)?;
        Ok(table.rows.iter().map(|row| rivals.contradiction(row)).collect())
    }

    fn told(text: &str, sense: Sense) -> Vec<bool> {
        of(text, sense).unwrap().iter().map(Option::is_some).collect()
    }

    #[test]
    fn times_and_frequencies_are_compared_as_numbers() {
        assert_eq!(told("a;b\n1,50;1.5\n62;1:02\n3;\n4;5\n", Sense::Seconds), [false, false, false, true]);
        assert_eq!(told("a,b\n1500,1.5\n2000,2.5\n", Sense::Hertz(1.0, 1000.0)), [false, true]);
        assert_eq!(told("a,b\n4,19:00:04 h\n5,19:00:05 h\n", Sense::Seconds), [false, false], "a clock, and no seconds");
        let reason = of("a,b\n4,4\n4,5\n", Sense::Seconds).unwrap()[1].clone().unwrap();
        assert!(reason.starts_with("the columns a and b contradict each other: `4` and `5`"), "{reason}");
        assert!(reason.contains("annotate.a_column"), "{reason}");
        let refused = of("a,b\n4,5\n6,7\n", Sense::Seconds).unwrap_err();
        assert!(refused.starts_with("line 2 and all rows like it: the columns a and b"), "{refused}");
    }

    #[test]
    fn labels_contradict_where_two_columns_use_the_same_words() {
        let told = |text: &str| told(text, Sense::Labels);
        assert_eq!(told("a,b\nFROG,FROG\nTOAD,TOAD\nFROG,NEWT\n"), [false, false, true]);
        assert_eq!(told("a,b\nFROG,Boana\nTOAD,Bufo\nFROG,TOAD\n"), [false, false, true], "a word of the other column");
        assert_eq!(told("a,b\nWood Thrush,Hylocichla\nEngine,Engine\nBlue Jay,Cyanocitta\n"), [false; 3], "English and Latin");
        assert_eq!(told("a,b\nR\u{e3},Ra\u{303}\n"), [false], "letters in two forms");
    }
}
