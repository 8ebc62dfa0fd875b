//! Columns of one table that hold the same under several usual names, and what to do where they contradict each other.
//!
//! A table may have `Begin Time (s)` and `start`, or `Species` and `Label`. The first of the usual names counts, and the others have
//! to say the same: nobody can tell which of two is right. A column that holds something else is no rival: the time of day in `start_time`,
//! samples in `start` beside seconds in `start_s`, or English names beside codes.

use std::collections::BTreeSet;

use crate::delimited::{Delimited, DelimitedRow};
use crate::moment::{Moment, Time};
use crate::text::{cleaned, column_name, is_missing, number, seconds};

/// Seconds by which two equal times may differ in any case, since tables round: half of the last digit of tenths.
pub(super) const SECONDS_APART: f64 = 0.05 + 1e-9;
/// Times that differ by this share of one in the last digit of the coarser one are different.
const LAST_DIGIT: f64 = 1.0 - 1e-6;
/// Hertz by which two equal frequencies may differ, or this share where that is more.
const HERTZ_APART: f64 = 1.0;
const SHARE_APART: f64 = 0.001;
/// What people write where they have no label.
const UNNAMED: [&str; 6] = ["unknown", "unidentified", "undetermined", "?", "-", "n.a."];

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
    /// Seconds by which equal times may differ as the two columns write them.
    apart_s: f64,
    /// Labels that both columns use. Where this is empty the columns have different words for the same things.
    shared: BTreeSet<String>,
    /// Labels that some row has in both columns. Others may still have different words, as where programs call noises and birds.
    same: BTreeSet<String>,
    /// Whether the other column says in its words what the first one says, so that it counts where that is empty.
    can_replace: bool,
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
        let usual: BTreeSet<String> = usual.iter().map(|name| column_name(name)).collect();
        let is_usual = |column: usize| usual.contains(&column_name(&table.header[column]));
        for other in (0..table.header.len()).filter(|other| *other != first && !taken.contains(other) && is_usual(*other)) {
            self.0.extend(Rival::of(table, first, other, key, sense(other)));
        }
    }

    /// Refuses a table in which two columns contradict each other in every row that fills one of them.
    ///
    /// # Errors
    /// Both columns, and what they say in the first row.
    pub(super) fn refuse_throughout(&self, table: &Delimited) -> Result<(), String> {
        for rival in &self.0 {
            // A row that fills one of the two can be used.
            throughout(
                table,
                |row| rival.says(row, rival.first) || rival.says(row, rival.other),
                |row| rival.contradiction(row),
            )?;
        }
        Ok(())
    }

    /// What a row says in the column `first`, or where that is empty in the first of its rivals that is filled.
    pub(super) fn text<'a>(&self, row: &'a DelimitedRow, first: usize) -> &'a str {
        let own = row.text(Some(first));
        if !is_missing(own) {
            return own;
        }
        let others = self.0.iter().filter(|rival| rival.first == first && rival.can_replace);
        others.map(|rival| row.text(Some(rival.other))).find(|text| !is_missing(text)).unwrap_or(own)
    }

    /// Why a row cannot be used: two columns contradict each other.
    pub(super) fn contradiction(&self, row: &DelimitedRow) -> Option<String> {
        self.0.iter().find_map(|rival| rival.contradiction(row))
    }
}

impl Rival {
    /// `None` where the other column holds something else.
    fn of(table: &Delimited, first: usize, other: usize, key: &'static str, sense: Sense) -> Option<Self> {
        let texts = |column: usize| table.rows.iter().map(move |row| row.text(Some(column))).filter(|text| !is_missing(text));
        // A date beside seconds may be that of the recording.
        let is_of_moments = matches!(sense, Sense::Seconds) && texts(first).any(|text| Moment::read(text).is_some());
        let is_readable = |text: &str| match sense {
            Sense::Seconds => seconds(text).is_some() || is_of_moments && Moment::read(text).is_some(),
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
            apart_s: [first, other].into_iter().map(|column| last_digit(texts(column))).fold(SECONDS_APART, f64::max),
            shared: BTreeSet::new(),
            same: BTreeSet::new(),
            can_replace: true,
        };
        let filled: Vec<&DelimitedRow> = table.rows.iter().filter(|row| rival.is_filled(row)).collect();
        if matches!(rival.sense, Sense::Labels) {
            let labels = |column: usize| texts(column).map(cleaned).collect::<BTreeSet<String>>();
            rival.shared = labels(first).intersection(&labels(other)).cloned().collect();
            let of = |row: &DelimitedRow, column: usize| cleaned(row.text(Some(column)));
            rival.same = filled.iter().filter(|row| of(row, first) == of(row, other)).map(|row| of(row, first)).collect();
            // Codes and English names of the same species would become two classes.
            rival.can_replace = filled.is_empty() || !rival.shared.is_empty();
            return Some(rival);
        }
        let agree = filled.iter().filter(|row| rival.contradiction(row).is_none()).count();
        let is_clock = |column: usize| texts(column).next().is_some() && texts(column).all(|text| text.contains(':'));
        let is_time_of_day = is_clock(other) && !texts(first).any(|text| text.contains(':')) && 2 * agree < filled.len();
        let [own_unit, other_unit] = [first, other].map(|column| says_unit(&table.header[column]));
        let is_another_unit = own_unit && !other_unit && agree == 0;
        (!is_time_of_day && !is_another_unit).then_some(rival)
    }

    fn is_filled(&self, row: &DelimitedRow) -> bool {
        self.says(row, self.first) && self.says(row, self.other)
    }

    /// Whether a row says something in one of the columns.
    fn says(&self, row: &DelimitedRow, column: usize) -> bool {
        let text = row.text(Some(column));
        let is_named = || !UNNAMED.contains(&text.to_lowercase().as_str());
        !is_missing(text) && (!matches!(self.sense, Sense::Labels) || is_named())
    }

    fn contradiction(&self, row: &DelimitedRow) -> Option<String> {
        let (one, other) = (row.text(Some(self.first)), row.text(Some(self.other)));
        let differs = match self.sense {
            Sense::Seconds => {
                let apart_s = Time::read(one).zip(Time::read(other)).and_then(|(one, other)| one.until_s(other));
                apart_s.is_some_and(|apart_s| apart_s.abs() > self.apart_s)
            }
            Sense::Hertz(hz, other_hz) => number(one).zip(number(other)).is_some_and(|(a, b)| {
                let (a, b) = (a * hz, b * other_hz);
                (a - b).abs() > HERTZ_APART.max(SHARE_APART * a.abs())
            }),
            Sense::Labels => {
                let (one, other) = (cleaned(one), cleaned(other));
                one != other && (self.same.contains(&one) || self.shared.contains(&other))
            }
        };
        (differs && self.is_filled(row)).then(|| contradict(&self.names, [one, other], self.key))
    }
}

/// Seconds by which a column's times may be off, as they are written: some programs round the last digit, and others cut off what follows.
pub(super) fn last_digit<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    let digits = |text: &str| {
        let fraction = text.rsplit_once(['.', ',']).map_or("", |(_, after)| after);
        fraction.bytes().take_while(u8::is_ascii_digit).count()
    };
    texts.map(digits).max().map_or(0.0, |digits| LAST_DIGIT * 0.1_f64.powi(i32::try_from(digits).unwrap_or(i32::MAX)))
}

/// Whether the name of a column says that its unit is seconds, Hz or kHz.
fn says_unit(name: &str) -> bool {
    let name = column_name(name);
    let last = name.rsplit(' ').next().unwrap_or_default().trim_matches(['(', ')']);
    ["s", "seconds", "hz", "khz"].contains(&last)
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
        assert_eq!(told("a,b\n4,19:00:04\n65,19:01:05\n", Sense::Seconds), [false, false], "a time of day");
        assert_eq!(told("a,b\n4,0:04\n65,1:05\n70,1:30\n", Sense::Seconds), [false, false, true], "minutes and seconds");
        assert_eq!(told("a,b\n4.53,4\n5.71,6\n7.20,9\n", Sense::Seconds), [false, false, true], "cut or rounded to seconds");
        assert_eq!(told("a,b\n4.5,4.53\n4.5,4.7\n", Sense::Seconds), [false, true]);
        assert_eq!(told("a,b\n4,NA\n5,5\n6,7\n", Sense::Seconds), [false, false, true], "as R writes what is missing");
        let reason = of("a,b\n4,4\n4,5\n", Sense::Seconds).unwrap()[1].clone().unwrap();
        assert!(reason.starts_with("the columns a and b contradict each other: `4` and `5`"), "{reason}");
        assert!(reason.contains("annotate.a_column"), "{reason}");
        let refused = of("a,b\n4,5\n6,7\n", Sense::Seconds).unwrap_err();
        assert!(refused.starts_with("line 2 and all rows like it: the columns a and b"), "{refused}");
        assert_eq!(told("a,b\n4,5\n6,\n,7\n", Sense::Seconds), [true, false, false], "rows that fill one can be used");
    }

    #[test]
    fn labels_contradict_where_two_columns_use_the_same_words() {
        let told = |text: &str| told(text, Sense::Labels);
        assert_eq!(told("a,b\nFROG,FROG\nTOAD,TOAD\nFROG,NEWT\n"), [false, false, true]);
        assert_eq!(told("a,b\nFROG,Boana\nTOAD,Bufo\nFROG,TOAD\n"), [false, false, true], "a word of the other column");
        assert_eq!(told("a,b\nWood Thrush,Hylocichla\nEngine,Engine\nBlue Jay,Cyanocitta\n"), [false; 3], "English and Latin");
        let city = "a,b\nEngine,Engine\nDog,Dog\nEngine,Engine\nWood Thrush,Hylocichla\nBlue Jay,Cyanocitta\n";
        assert_eq!(told(city), [false; 5], "most rows are of noises, which have one name");
        assert_eq!(told("a,b\nUnknown,Unknown\nMyotis,Unknown\nMyotis,NA\n"), [false; 3], "no label");
        assert_eq!(told("a,b\nR\u{e3},Ra\u{303}\nWood Thrush,Wood\u{a0}Thrush\n"), [false; 2], "they look the same");
    }

    #[test]
    fn the_other_column_counts_where_the_first_is_empty() {
        let texts = |text: &str, sense: Sense| -> Vec<String> {
            let table = Delimited::read(text.as_bytes(), Dialect::Detect);
            let mut rivals = Rivals::default();
            rivals.add(&table, (0, &["a", "b"][..], "annotate.a_column"), &[], |_| sense.clone());
            table.rows.iter().map(|row| rivals.text(row, 0).to_owned()).collect()
        };
        assert_eq!(texts("a,b,c\n1,1,x\n,2,x\nNA,3,x\n,,x\n", Sense::Seconds), ["1", "2", "3", ""]);
        assert_eq!(texts("a,b\nA,\n,B\n", Sense::Labels), ["A", "B"]);
        assert_eq!(texts("a,b\nBOAFAB,Smith frog\n,Toad\n", Sense::Labels), ["BOAFAB", ""], "other words");
    }

    #[test]
    fn a_column_that_names_its_unit_is_not_contradicted_by_one_in_another() {
        let of = |text: &str| {
            let table = Delimited::read(text.as_bytes(), Dialect::Detect);
            let mut rivals = Rivals::default();
            rivals.add(&table, (0, &["start_s", "start", "onset (s)"][..], "annotate.start_column"), &[], |_| Sense::Seconds);
            rivals.refuse_throughout(&table)
        };
        assert_eq!(of("start_s,start\n1.5,66150\n2,88200\n"), Ok(()));
        assert!(of("start,onset (s)\n66150,1.5\n").is_err(), "the one that counts may be in anything");
        assert!(of("start_s,onset (s)\n1.5,3\n").is_err());
    }
}
