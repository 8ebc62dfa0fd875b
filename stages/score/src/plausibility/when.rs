//! Months and weeks of the year.

use jiff::civil::Date;

const MONTHS: u32 = 12;
/// Some years have so many weeks by ISO 8601.
const WEEKS: u32 = 53;

/// Times of the year: months, weeks, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When {
    /// A bit for each month, from bit 1; `None` for any month.
    months: Option<u64>,
    /// A bit for each week, from bit 1; `None` for any week.
    weeks: Option<u64>,
}

impl When {
    /// From the two fields of a row; `None` where both are empty: always.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(super) fn read(months: &str, weeks: &str) -> Result<Option<Self>, String> {
        let (months, weeks) = (numbers("months", months, MONTHS)?, numbers("weeks", weeks, WEEKS)?);
        Ok((months.is_some() || weeks.is_some()).then_some(Self { months, weeks }))
    }

    /// Whether a date is in it.
    pub(super) fn holds(self, date: Date) -> bool {
        let month = u32::from(date.month().unsigned_abs());
        let week = u32::from(date.iso_week_date().week().unsigned_abs());
        let has = |bits: Option<u64>, number: u32| bits.is_none_or(|bits| bits & (1 << number) != 0);
        has(self.months, month) && has(self.weeks, week)
    }
}

/// Numbers and ranges such as `3-6 9`, as bits; `None` without any. A range may go over the end of the year: `11-2`.
fn numbers(what: &str, text: &str, most: u32) -> Result<Option<u64>, String> {
    let wrong = || format!("{what} is `{text}`, expected numbers from 1 to {most} and ranges, such as 3-6 or 11-2 or 3 5");
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| (1..=most).contains(number)).ok_or_else(wrong);
    let mut bits = 0;
    for part in text.split([',', ';', ' ']).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        let mut at = first;
        bits |= 1u64 << at;
        while at != last {
            at = at % most + 1;
            bits |= 1 << at;
        }
    }
    Ok((bits != 0).then_some(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_weeks_go_over_the_end_of_the_year() {
        let holds =
            |months: &str, weeks: &str, date: &str| When::read(months, weeks).unwrap().unwrap().holds(date.parse().unwrap());
        assert!(holds("11-2", "", "2021-01-31") && holds("11-2", "", "2021-11-01"));
        assert!(!holds("11-2", "", "2021-03-01") && !holds("11-2", "", "2021-10-31"));
        assert!(holds("3-4, 6", "", "2021-06-30") && !holds("3-4 6", "", "2021-05-01"));
        // 2021-01-03 is the last day of week 53 of 2020.
        assert!(holds("", "53-1", "2021-01-03") && holds("", "53-1", "2021-01-04") && !holds("", "53-1", "2021-01-11"));
        assert!(holds("1", "1", "2021-01-04") && !holds("2", "1", "2021-01-04"));
        assert_eq!(When::read("", " "), Ok(None));
        for wrong in ["0", "13", "3-", "March", "1-2-3"] {
            assert!(When::read(wrong, "").unwrap_err().contains("numbers from 1 to 12"), "{wrong}");
        }
        assert!(When::read("", "54").unwrap_err().starts_with("weeks is `54`"));
    }
}
