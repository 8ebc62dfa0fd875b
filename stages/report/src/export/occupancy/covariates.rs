//! What a visit was like: `visit_covariates.csv`.

use chorus_sun::{Place, events, illuminated};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::sites::MISSING;
use super::super::visits::Visit;
use super::site::{Effort, Site};

/// The columns beside those that name the visit.
pub(super) const COLUMNS: [&str; 11] =
    ["recordings", "minutes", "level", "temperature", "rain", "wind", "date", "day", "moon", "minutes_from_sunset", "recording"];

/// Sunset is looked for as far before and after a visit.
const DAY_US: i64 = 86_400_000_000;

/// The values of a visit. `of_hours` says whether it is so short that its time from sunset says something.
pub(super) fn values(site: &Site, visit: &Visit, of_hours: bool) -> [String; COLUMNS.len()] {
    let none = Effort::default();
    let effort = site.visits.get(visit).unwrap_or(&none);
    let number =
        |value: Option<f64>, digits: usize| value.map_or_else(|| MISSING.to_owned(), |value| format!("{value:.digits$}"));
    let date = |of: fn(DateTime) -> String| visit.start.map_or_else(|| MISSING.to_owned(), of);
    let middle = site.zone.as_ref().and_then(|zone| Some((middle_us(visit, zone)?, visit.start?)));
    let sunset = middle.filter(|_| of_hours).and_then(|(us, start)| from_sunset(us, start, site.place?));
    [
        effort.recordings.to_string(),
        format!("{:.3}", effort.seconds / 60.0),
        number(effort.level.db(), 2),
        number(effort.temperature.value(), 2),
        number(effort.rain.value(), 3),
        number(effort.wind.value(), 3),
        date(|start| start.date().to_string()),
        date(|start| start.day_of_year().to_string()),
        number(middle.map(|(us, _)| illuminated(us)), 3),
        number(sunset, 1),
        visit.recording.as_deref().unwrap_or(MISSING).to_owned(),
    ]
}

/// The middle of a visit, microseconds since 1970-01-01 UTC.
fn middle_us(visit: &Visit, zone: &TimeZone) -> Option<i64> {
    let (start, end) = (visit.start?, visit.end?);
    let middle = start.checked_add(end.duration_since(start) / 2).ok()?;
    Some(zone.to_timestamp(middle).ok()?.as_microsecond())
}

/// Minutes since the nearest sunset, negative before it; `None` where the sun does not set within a day.
fn from_sunset(us: i64, start: DateTime, (latitude, longitude): (f64, f64)) -> Option<f64> {
    let year = f64::from(start.year()) + f64::from(start.day_of_year()) / 366.0;
    let found = events(us - DAY_US, us + DAY_US, year, Place { latitude, longitude }).ok()?;
    let since = |set: &i64| (us - set) as f64 / 60e6;
    found.sets.iter().map(since).min_by(|a, b| a.abs().total_cmp(&b.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn visit(start: DateTime, end: DateTime) -> Visit {
        Visit { primary: "1".into(), start: Some(start), end: Some(end), recording: None }
    }

    #[test]
    fn a_visit_has_a_moon_and_a_time_from_sunset() {
        // Full moon on 2025-01-13 at 22:27 UTC.
        let night = visit(date(2025, 1, 13).at(12, 0, 0, 0), date(2025, 1, 14).at(12, 0, 0, 0));
        let mut site = Site::new("A");
        let value = |site: &Site, visit: &Visit, name: &str, of_hours| {
            values(site, visit, of_hours)[COLUMNS.iter().position(|column| *column == name).unwrap()].clone()
        };
        assert_eq!(value(&site, &night, "moon", false), "NA", "no zone is known");
        site.zone = Some(TimeZone::UTC);
        assert_eq!(value(&site, &night, "moon", false), "1.000");
        assert_eq!((value(&site, &night, "date", false), value(&site, &night, "day", false)), ("2025-01-13".into(), "13".into()));
        assert_eq!((value(&site, &night, "level", false), value(&site, &night, "minutes", false)), ("NA".into(), "0.000".into()));
        // At the equator the sun sets at about six, where clocks show the sun's time.
        let hour = visit(date(2025, 3, 20).at(20, 0, 0, 0), date(2025, 3, 20).at(21, 0, 0, 0));
        assert_eq!(value(&site, &hour, "minutes_from_sunset", true), "NA", "no place is known");
        site.place = Some((0.0, 0.0));
        let minutes: f64 = value(&site, &hour, "minutes_from_sunset", true).parse().unwrap();
        // The equation of time is 7.5 minutes, refraction and the disk 3.4.
        assert!((minutes - 139.0).abs() < 3.0, "{minutes}");
        assert_eq!(value(&site, &hour, "minutes_from_sunset", false), "NA");
    }
}
