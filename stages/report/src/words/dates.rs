//! Dates and times as a language writes them.

use super::Words;
use crate::facts::Day;

impl Words {
    /// A date in a sentence: `1 March 2020`.
    pub(crate) fn date(&self, day: Day) -> String {
        self.dated("date.long", "date.months", day)
    }

    /// A date in a table: `2020-03-01`.
    pub(crate) fn day(&self, day: Day) -> String {
        self.dated("date.short", "date.months_short", day)
    }

    /// A date without its year, where there is little room: `1 Mar`.
    pub(crate) fn day_of_month(&self, day: Day) -> String {
        self.dated("date.day_of_month", "date.months_short", day)
    }

    /// The month of a date: `Mar 2020`.
    pub(crate) fn month(&self, day: Day) -> String {
        self.dated("date.month", "date.months_short", day)
    }

    /// The month of a date without its year: `Mar`.
    pub(crate) fn month_alone(&self, day: Day) -> &str {
        let month = day.date().map_or(0, |date| date.month() as usize);
        self.list("date.months_short").get(month.wrapping_sub(1)).map_or("", String::as_str)
    }

    fn dated(&self, key: &str, months: &str, day: Day) -> String {
        let Some(date) = day.date() else { return self.text("date.beyond", &[("n", &day.0.to_string())]) };
        let month = self.list(months).get(date.month() as usize - 1).map_or("", String::as_str);
        let number = if date.day() == 1 { self.word("date.first").to_owned() } else { date.day().to_string() };
        let (dd, mm) = (format!("{:02}", date.day()), format!("{:02}", date.month()));
        // As ISO 8601 writes years.
        let year = format!("{:04}", date.year());
        self.text(key, &[("day", &number), ("month", month), ("dd", &dd), ("mm", &mm), ("year", &year)])
    }

    /// What a clock at a site showed, from a text such as `2020-03-01 20:00:03`.
    pub(crate) fn moment(&self, local: &str) -> String {
        let day = local.get(..10).and_then(|date| date.parse().ok()).and_then(Day::on);
        match (day, local.get(10..)) {
            (Some(day), Some(time)) => format!("{}{time}", self.day(day)),
            _ => local.to_owned(),
        }
    }

    /// An hour of a clock: `21:00`.
    pub(crate) fn hour(&self, hour: usize) -> String {
        self.text("date.hour", &[("n", &hour.to_string())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_language_has_them() {
        let (first, other) = (Day(18_322), Day(18_333));
        let written = |code: &str| {
            let w = Words::of(code);
            [w.date(first), w.date(other), w.day(first), w.month(first), w.hour(9)]
        };
        assert_eq!(written("en"), ["1 March 2020", "12 March 2020", "2020-03-01", "Mar 2020", "9:00"]);
        assert_eq!(written("de"), ["1. März 2020", "12. März 2020", "01.03.2020", "März 2020", "9 Uhr"]);
        assert_eq!(written("es"), ["1 de marzo de 2020", "12 de marzo de 2020", "01/03/2020", "mar. 2020", "9:00"]);
        assert_eq!(written("pt"), ["1º de março de 2020", "12 de março de 2020", "01/03/2020", "mar. 2020", "9h"]);
        assert_eq!(written("fr"), ["1er mars 2020", "12 mars 2020", "01/03/2020", "mars 2020", "9\u{a0}h"]);
    }

    #[test]
    fn moments_keep_their_time_and_what_is_no_date_stays() {
        let w = Words::of("de");
        assert_eq!(w.moment("2020-03-01 20:00:03"), "01.03.2020 20:00:03");
        assert_eq!((w.moment("soon"), w.moment("ünbekannt und lang")), ("soon".into(), "ünbekannt und lang".into()));
        assert_eq!(w.date(Day(i32::MAX)), "Tag 2147483647");
        assert_eq!((w.month_alone(Day(i32::MAX)), w.month_alone(Day(0))), ("", "Jan."));
    }
}
