//! The columns of a calendar: nights one by one while they are few, in equal groups where they are many, and one narrow break for
//! each long time in which no site recorded, such as the winter between two seasons, or the years back to a recorder whose clock
//! had stopped.

use std::collections::BTreeSet;

use crate::facts::Day;
use crate::words::Words;

/// Nights from which a column is named by its month.
pub(crate) const MONTH: i32 = 28;

/// Nights that one column may stand for.
const NIGHTS: [i32; 5] = [1, 7, MONTH, 91, 364];

/// Columns that a page has room for.
const MOST_COLUMNS: usize = 124;

/// Cells that a page opens fast with.
const MOST_CELLS: usize = 12_000;

/// Empty columns in a row from which they are shown as one break.
const BREAK: i32 = 32;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its first night.
    pub(crate) first: Day,
    /// Its number of nights.
    pub(crate) nights: i32,
    /// Whether it is a break in which no site recorded.
    pub(crate) is_break: bool,
}

impl Column {
    /// Its last night.
    pub(crate) fn last(&self) -> Day {
        self.first.plus(self.nights - 1)
    }

    /// Its nights in words.
    pub(crate) fn name(&self, w: &Words) -> String {
        let first = w.day(self.first);
        if self.nights == 1 { first } else { w.text("calendar.span", &[("first", &first), ("last", &w.day(self.last()))]) }
    }
}

/// Columns for these nights, over `rows` rows.
pub(crate) fn columns(nights: &BTreeSet<Day>, rows: usize) -> Vec<Column> {
    at_most(nights, MOST_COLUMNS.min(MOST_CELLS / rows.max(1)))
}

/// Columns for these nights, as many as there may be at most, as far as that is possible.
pub(crate) fn at_most(nights: &BTreeSet<Day>, most: usize) -> Vec<Column> {
    let mut columns = Vec::new();
    for step in NIGHTS {
        columns = grouped(nights, step);
        if columns.len() <= most {
            break;
        }
    }
    columns
}

/// Nights that a column stands for.
pub(crate) fn nights_per_column(columns: &[Column]) -> i32 {
    columns.iter().find(|c| !c.is_break).map_or(1, |c| c.nights)
}

fn grouped(nights: &BTreeSet<Day>, step: i32) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let Some(&start) = nights.first() else { return columns };
    let mut next = start;
    for &night in nights {
        // Columns between the last one and that of this night.
        let between = night.0.saturating_sub(next.0).div_euclid(step);
        if between >= BREAK {
            columns.push(Column { first: next, nights: between * step, is_break: true });
            next = next.plus(between * step);
        }
        while next <= night {
            columns.push(Column { first: next, nights: step, is_break: false });
            next = next.plus(step);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(nights: impl IntoIterator<Item = i32>, rows: usize) -> Vec<(i32, i32, bool)> {
        let nights = nights.into_iter().map(Day).collect();
        columns(&nights, rows).iter().map(|c| (c.first.0, c.nights, c.is_break)).collect()
    }

    #[test]
    fn few_nights_stand_one_by_one_with_their_gaps() {
        assert_eq!(shape([3, 4, 6], 2), [(3, 1, false), (4, 1, false), (5, 1, false), (6, 1, false)]);
        assert!(shape([], 2).is_empty());
    }

    #[test]
    fn a_long_time_without_recordings_is_a_break() {
        assert_eq!(
            shape([-15_000, 100, 101], 1),
            [(-15_000, 1, false), (-14_999, 15_099, true), (100, 1, false), (101, 1, false)]
        );
    }

    #[test]
    fn many_nights_stand_in_groups_and_each_night_in_one_column() {
        assert_eq!(shape(0..365, 10).len(), 53);
        assert_eq!(shape(0..3650, 10)[0], (0, 91, false));
        assert_eq!(shape(0..100, 1000)[0], (0, 28, false), "many sites leave room for few columns");
        assert_eq!(at_most(&(0..100).map(Day).collect(), 15).len(), 15);
        for nights in [BTreeSet::from([0, 50, 99, 400, 401, 9_000].map(Day)), (0..700).step_by(9).map(Day).collect()] {
            let columns = columns(&nights, 3);
            assert!(columns.windows(2).all(|w| w[0].last().plus(1) == w[1].first), "no night is left out");
            for night in &nights {
                let held = columns.iter().filter(|c| !c.is_break && (c.first..=c.last()).contains(night));
                assert_eq!(held.count(), 1, "{night}");
            }
            assert!(columns.len() <= MOST_COLUMNS);
        }
    }

    #[test]
    fn columns_are_named_by_their_nights() {
        let column = |nights| Column { first: Day(18_322), nights, is_break: false };
        assert_eq!(column(1).name(&Words::of("en")), "2020-03-01");
        assert_eq!(column(7).name(&Words::of("de")), "01.03.2020 bis 07.03.2020");
    }

    #[test]
    fn nights_at_the_ends_of_time_do_no_harm() {
        assert_eq!(shape([-4_371_000, 0, 2_932_000], 1).len(), 5);
    }
}
