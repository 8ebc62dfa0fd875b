//! Visits of sites: the nights, hours or recordings that models of occupancy take for repeated looks at a site.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_score::effort::{NightHour, end_utc_us, hours, night_hour};
use jiff::Span;
use jiff::civil::{Date, DateTime};

use super::detection::Recording;
use super::error::ExportError;

/// The hour of the local clock at which nights begin and end.
const NOON: i8 = 12;

/// How long a visit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many nights, from noon to noon of the local clock.
    Nights(i32),
    /// So many hours of the local clock, counted from midnight.
    Hours(i8),
    /// A recording.
    Recording,
}

impl Length {
    /// That of a text such as `1night`, `3nights`, `1h` or `recording`.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("--visit: found `{text}`, expected recording, nights such as 1night or 3nights, or 1h, 2h, 3h, 4h, 6h or 12h")
        };
        let number = |suffix: &str| text.strip_suffix(suffix).and_then(|n| n.trim().parse::<i32>().ok()).filter(|n| *n > 0);
        if text == "recording" {
            return Ok(Self::Recording);
        }
        if let Some(nights) = number("nights").or_else(|| number("night")).filter(|nights| *nights <= 366) {
            return Ok(Self::Nights(nights));
        }
        // Only such hours divide the half-days between noon and midnight, so that no visit is of two nights.
        let hours = number("h").filter(|hours| *hours <= 12 && 12 % hours == 0);
        hours.and_then(|hours| i8::try_from(hours).ok()).map(Self::Hours).ok_or_else(wrong)
    }
}

/// What visits are grouped by: within a primary period a site is taken to be occupied all the time, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primary {
    /// All are of one period.
    All,
    /// Calendar months.
    Month,
    /// Years that begin on the first of this month.
    Year(i8),
}

impl Primary {
    /// That of a text such as `year`, `year:07` or `month`.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let wrong = || format!("--primary: found `{text}`, expected year, month, or year:07 for years that begin in July");
        match text.split_once(':') {
            None if text == "year" => Ok(Self::Year(1)),
            None if text == "month" => Ok(Self::Month),
            Some(("year", month)) => {
                month.parse().ok().filter(|month| (1..=12).contains(month)).map(Self::Year).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }

    /// The name of the period of a night.
    fn name(self, night: Date) -> String {
        match self {
            Self::All => "1".to_owned(),
            Self::Month => night.strftime("%Y-%m").to_string(),
            Self::Year(month) => (i32::from(night.year()) - i32::from(night.month() < month)).to_string(),
        }
    }
}

/// A visit, of whichever site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Visit {
    /// Its primary period.
    pub(super) primary: Arc<str>,
    /// When it begins by the local clock; `None` for a recording whose time is not known.
    pub(super) start: Option<DateTime>,
    /// When it ends.
    pub(super) end: Option<DateTime>,
    /// The recording, where it is one.
    pub(super) recording: Option<Arc<str>>,
}

/// All visits that there may be.
#[derive(Debug)]
pub(super) struct Grid {
    length: Length,
    primary: Primary,
    /// The first night of each primary period, from which visits of several nights are counted.
    first: BTreeMap<String, Date>,
}

impl Grid {
    /// The visits of a survey with recordings in these hours.
    pub(super) fn new(length: Length, primary: Primary, recorded: &BTreeSet<NightHour>) -> Self {
        let mut first = BTreeMap::new();
        for at in recorded {
            first.entry(primary.name(at.night)).or_insert(at.night);
        }
        Self { length, primary, first }
    }

    /// Whether visits are the same at all sites.
    pub(super) fn is_shared(&self) -> bool {
        self.length != Length::Recording
    }

    /// The visit that an hour of a night is of; `None` where visits are recordings, and beyond the calendar.
    pub(super) fn of_hour(&self, at: NightHour) -> Option<Visit> {
        let primary = self.primary.name(at.night);
        let (start, length) = match self.length {
            Length::Nights(nights) => {
                let first = *self.first.get(&primary)?;
                let since = at.night.since(first).ok()?.get_days();
                let start = first.checked_add(Span::new().try_days(since.div_euclid(nights) * nights).ok()?).ok()?;
                (start.at(NOON, 0, 0, 0), Span::new().try_days(nights).ok()?)
            }
            Length::Hours(hours) => {
                let date = if at.hour < NOON { at.night.tomorrow().ok()? } else { at.night };
                (date.at(at.hour / hours * hours, 0, 0, 0), Span::new().try_hours(hours).ok()?)
            }
            Length::Recording => return None,
        };
        Some(Visit { primary: primary.into(), start: Some(start), end: start.checked_add(length).ok(), recording: None })
    }

    /// The visit of a recording as a whole; `None` where its time is not known and primary periods are told apart.
    fn of_recording(&self, recording: &Recording) -> Result<Option<Visit>, ExportError> {
        let (start, end) = (recording.start.local(0.0)?, recording.start.local(recording.duration_s)?);
        let primary = match recording.start.night(0.0)? {
            Some(night) => self.primary.name(night),
            None if self.primary == Primary::All => "1".to_owned(),
            None => return Ok(None),
        };
        let path = Some(recording.path.as_str().into());
        Ok(Some(Visit { primary: primary.into(), start, end, recording: path }))
    }

    /// The visit in which a second of a recording lies; `None` where that is not known.
    ///
    /// # Errors
    /// [`ExportError::Time`] outside of the calendar.
    pub(super) fn at(&self, recording: &Recording, seconds: f64) -> Result<Option<Visit>, ExportError> {
        if !self.is_shared() {
            return self.of_recording(recording);
        }
        let Some((start_us, zone)) = recording.start.clock() else { return Ok(None) };
        Ok(self.of_hour(night_hour(end_utc_us(start_us, seconds)?, zone)?))
    }

    /// The visits that a span of a recording reaches into, with the seconds in each.
    ///
    /// # Errors
    /// As [`Grid::at`].
    pub(super) fn parts(&self, recording: &Recording, from_s: f64, until_s: f64) -> Result<BTreeMap<Visit, f64>, ExportError> {
        let mut parts = BTreeMap::new();
        if !self.is_shared() {
            parts.extend(self.of_recording(recording)?.map(|visit| (visit, until_s - from_s)));
            return Ok(parts);
        }
        for (at, seconds) in recorded(recording, from_s, until_s)? {
            if let Some(visit) = self.of_hour(at) {
                *parts.entry(visit).or_default() += seconds;
            }
        }
        Ok(parts)
    }
}

/// The local hours that a span of a recording reaches into, with the seconds in each; none where its time is not known.
///
/// # Errors
/// [`ExportError::Time`] outside of the calendar.
pub(super) fn recorded(recording: &Recording, from_s: f64, until_s: f64) -> Result<Vec<(NightHour, f64)>, ExportError> {
    let Some((start_us, zone)) = recording.start.clock() else { return Ok(Vec::new()) };
    let parts = hours(end_utc_us(start_us, from_s)?, end_utc_us(start_us, until_s)?, zone)?;
    Ok(parts.into_iter().map(|(at, us)| (at, us as f64 / 1e6)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::clock::Start;
    use super::super::detection::tests::recording;
    use super::*;
    use jiff::civil::date;

    const HOUR_US: i64 = 3_600_000_000;

    fn at(night: Date, hour: i8) -> NightHour {
        NightHour { night, hour }
    }

    #[test]
    fn lengths_and_periods_are_read_or_refused() {
        assert_eq!(Length::of("1night"), Ok(Length::Nights(1)));
        assert_eq!(Length::of("3nights"), Ok(Length::Nights(3)));
        assert_eq!((Length::of("2h"), Length::of("recording")), (Ok(Length::Hours(2)), Ok(Length::Recording)));
        for text in ["", "night", "0nights", "5h", "24h", "1day", "-1night"] {
            assert!(Length::of(text).unwrap_err().contains(&format!("`{text}`, expected recording")), "{text}");
        }
        assert_eq!((Primary::of("year"), Primary::of("year:07")), (Ok(Primary::Year(1)), Ok(Primary::Year(7))));
        assert!(Primary::of("month").is_ok() && Primary::of("year:13").is_err() && Primary::of("week").is_err());
        let name = |primary: Primary, month| primary.name(date(2025, month, 1));
        assert_eq!((name(Primary::Year(7), 6), name(Primary::Year(7), 7)), ("2024".into(), "2025".into()));
        assert_eq!((name(Primary::Month, 3), name(Primary::All, 3)), ("2025-03".into(), "1".into()));
    }

    #[test]
    fn nights_are_counted_from_the_first_of_their_period() {
        let nights = [date(2024, 12, 30), date(2025, 1, 4), date(2025, 1, 6), date(2025, 1, 7)];
        let hours = nights.map(|night| at(night, 21)).into();
        let starts = |length, primary| {
            let grid = Grid::new(length, primary, &hours);
            nights.map(|night| grid.of_hour(at(night, 2)).unwrap().start.unwrap().to_string()[..10].to_owned())
        };
        let wanted = |days: [&str; 4]| days.map(str::to_owned);
        assert_eq!(starts(Length::Nights(3), Primary::Year(1)), wanted(["2024-12-30", "2025-01-04", "2025-01-04", "2025-01-07"]));
        assert_eq!(starts(Length::Nights(3), Primary::All), wanted(["2024-12-30", "2025-01-02", "2025-01-05", "2025-01-05"]));
        let grid = Grid::new(Length::Nights(3), Primary::Year(1), &hours);
        let visit = grid.of_hour(at(nights[2], 13)).unwrap();
        assert_eq!((&*visit.primary, visit.end.unwrap().to_string()), ("2025", "2025-01-07T12:00:00".to_owned()));
    }

    #[test]
    fn hours_of_the_morning_are_of_the_next_date() {
        let grid = Grid::new(Length::Hours(2), Primary::Year(1), &BTreeSet::new());
        let visit = grid.of_hour(at(date(2024, 12, 31), 3)).unwrap();
        let shown = |time: Option<DateTime>| time.unwrap().to_string();
        assert_eq!((shown(visit.start), shown(visit.end)), ("2025-01-01T02:00:00".into(), "2025-01-01T04:00:00".into()));
        assert_eq!(&*visit.primary, "2024", "a night has one period");
    }

    #[test]
    fn a_span_is_shared_among_its_visits() {
        // From 11:59:50 to 12:00:50 on 1970-01-01.
        let noon = Recording { start: Start::Local(12 * HOUR_US - 10_000_000), ..recording("r") };
        let recorded: BTreeSet<NightHour> = recorded(&noon, 0.0, 60.0).unwrap().into_iter().map(|(at, _)| at).collect();
        let of = |length| {
            let parts = Grid::new(length, Primary::All, &recorded).parts(&noon, 0.0, 60.0).unwrap();
            parts.into_iter().map(|(visit, seconds)| (visit.start.unwrap().to_string(), seconds)).collect::<Vec<_>>()
        };
        let wanted = |parts: &[(&str, f64)]| parts.iter().map(|(start, s)| ((*start).to_owned(), *s)).collect::<Vec<_>>();
        assert_eq!(of(Length::Nights(1)), wanted(&[("1969-12-31T12:00:00", 10.0), ("1970-01-01T12:00:00", 50.0)]));
        assert_eq!(of(Length::Nights(2)), wanted(&[("1969-12-31T12:00:00", 60.0)]));
        assert_eq!(of(Length::Hours(1)), wanted(&[("1970-01-01T11:00:00", 10.0), ("1970-01-01T12:00:00", 50.0)]));
        assert_eq!(of(Length::Recording), wanted(&[("1970-01-01T11:59:50", 60.0)]));
        // Without a time only a recording can be a visit, of a survey without periods.
        let timeless = |length, primary| Grid::new(length, primary, &recorded).at(&recording("r"), 0.0).unwrap();
        assert_eq!(timeless(Length::Nights(1), Primary::All), None);
        assert_eq!(timeless(Length::Recording, Primary::Month), None);
        assert_eq!(timeless(Length::Recording, Primary::All).unwrap().start, None);
    }
}
