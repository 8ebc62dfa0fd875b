//! The tables `activity_parts` and `night_parts`: the counts of one site-day, written by `detect` and added up for the whole run by
//! `detect-activity`. With them a new night costs its own predictions and a sum, and not all predictions again.

use chorus_engine::{UnitContext, WorkError};
use chorus_tables::{Batch, Day, LocalMicros, TableError, UtcMicros};
use jiff::civil::Date;

use super::bins::{Bin, Scale};
use super::cell::{Cell, Found};
use super::night_sun::NightSun;
use super::tally::{Tally, number};
use crate::sun::{Place, Sun};

pub(super) const ACTIVITY_PARTS: &str = "activity_parts";
pub(super) const NIGHT_PARTS: &str = "night_parts";

/// The day as a `date32` column holds it.
pub(super) fn days(date: Date) -> Day {
    Day((date - jiff::civil::date(1970, 1, 1)).get_days())
}

/// The date of a day of a `date32` column; `None` outside of the calendar.
fn date_of(days: i32) -> Option<Date> {
    jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// A row of `activity_parts`: of a cell, all of it (no class) or what was found of a class.
struct Row<'a> {
    bin: Bin,
    class: Option<&'a str>,
    recorded_us: u64,
    counts: Found,
}

/// Writes the counts of a unit.
///
/// # Errors
/// Those of [`UnitContext::write`].
pub(crate) fn write(cx: &UnitContext<'_>, tally: &Tally) -> Result<(), WorkError> {
    let rows: Vec<Row<'_>> =
        tally.sites.values().flat_map(|site| &site.cells).flat_map(|(bin, cell)| rows(tally, *bin, cell)).collect();
    cx.write(ACTIVITY_PARTS, |batch| {
        batch
            .column("night", rows.iter().map(|row| row.bin.night.map(days)))
            .column("scale", rows.iter().map(|row| row.bin.scale.name()))
            .column("position", rows.iter().map(|row| row.bin.position))
            .column("class", rows.iter().map(|row| row.class))
            .column("recorded_us", rows.iter().map(|row| row.recorded_us))
            .column("windows", rows.iter().map(|row| row.counts.windows))
            .column("minutes", rows.iter().map(|row| row.counts.minutes))
            .column("events", rows.iter().map(|row| row.counts.events))
            .column("model_id", rows.iter().map(|_| &tally.model_id))
    })?;
    let nights = || tally.sites.values().flat_map(|site| &site.suns);
    cx.write(NIGHT_PARTS, |batch| {
        batch
            .column("night", nights().map(|(night, _)| days(*night)))
            .column("start_utc", nights().map(|(_, sun)| UtcMicros(sun.start_us)))
            .column("of_night", nights().map(|(_, sun)| sun.is_of_night))
            .column("latitude", nights().map(|(_, sun)| sun.place.latitude))
            .column("longitude", nights().map(|(_, sun)| sun.place.longitude))
            .column("clock_ahead_h", nights().map(|(_, sun)| sun.clock_ahead_h))
            .column("sun", nights().map(|(_, sun)| sun.sun.name()))
            .column("sunset_utc", nights().map(|(_, sun)| sun.sun.sunset_us().map(UtcMicros)))
            .column("sunrise_utc", nights().map(|(_, sun)| sun.sun.sunrise_us().map(UtcMicros)))
            .column("sunset_local", nights().map(|(_, sun)| sun.sunset_local_us.map(LocalMicros)))
            .column("sunrise_local", nights().map(|(_, sun)| sun.sunrise_local_us.map(LocalMicros)))
    })?;
    Ok(())
}

/// The rows of a cell, by class.
fn rows<'a>(tally: &'a Tally, bin: Bin, cell: &'a Cell) -> impl Iterator<Item = Row<'a>> {
    // Recorded time is never negative.
    let counts = Found { windows: cell.windows, minutes: cell.minutes, events: 0 };
    let whole = Row { bin, class: None, recorded_us: cell.recorded_us.unsigned_abs(), counts };
    let of_class = move |(class, number): (&'a String, &u32)| {
        Some(Row { bin, class: Some(class), recorded_us: 0, counts: *cell.found.get(number)? })
    };
    std::iter::once(whole).chain(tally.classes.iter().filter_map(of_class))
}

/// Adds the counts of a part of a site.
///
/// # Errors
/// [`TableError`] where the batch lacks a column.
pub(super) fn add_counts(tally: &mut Tally, site: &str, batch: &Batch) -> Result<(), TableError> {
    let (nights, scales, positions) = (batch.date("night")?, batch.utf8("scale")?, batch.i32("position")?);
    let (classes, recorded, models) = (batch.utf8("class")?, batch.u64("recorded_us")?, batch.utf8("model_id")?);
    let (windows, minutes, events) = (batch.u64("windows")?, batch.u64("minutes")?, batch.u64("events")?);
    let site = tally.sites.entry(site.to_owned()).or_default();
    for (row, ((night, position), class)) in nights.iter().zip(positions).zip(classes).enumerate() {
        if tally.model_id.is_empty() {
            models.value(row).clone_into(&mut tally.model_id);
        }
        // The schema allows no other scales.
        let scale = Scale::parse(scales.value(row)).unwrap_or(Scale::Hour);
        let cell = site.cells.entry(Bin { night: night.and_then(date_of), scale, position }).or_default();
        let counts = Found { windows: windows.value(row), minutes: minutes.value(row), events: events.value(row) };
        cell.add(&match class {
            None => Cell {
                recorded_us: recorded.value(row).cast_signed(),
                windows: counts.windows,
                minutes: counts.minutes,
                ..Cell::default()
            },
            Some(class) => Cell { found: [(number(&mut tally.classes, class), counts)].into(), ..Cell::default() },
        });
    }
    Ok(())
}

/// Adds the suns of a part of a site.
///
/// # Errors
/// [`TableError`] where the batch lacks a column.
pub(super) fn add_nights(tally: &mut Tally, site: &str, batch: &Batch) -> Result<(), TableError> {
    let site = tally.sites.entry(site.to_owned()).or_default();
    let (nights, starts, own) = (batch.date("night")?, batch.micros("start_utc")?, batch.bool("of_night")?);
    let (latitudes, longitudes) = (batch.f64("latitude")?, batch.f64("longitude")?);
    let (ahead, suns) = (batch.f64("clock_ahead_h")?, batch.utf8("sun")?);
    let times = |name| Ok::<Vec<Option<i64>>, TableError>(batch.micros(name)?.iter().collect());
    let (sunset, sunrise) = (times("sunset_utc")?, times("sunrise_utc")?);
    let (sunset_local, sunrise_local) = (times("sunset_local")?, times("sunrise_local")?);
    for row in 0..batch.rows() {
        let Some(night) = date_of(nights.value(row)) else { continue };
        let sun = match suns.value(row) {
            "up" => Sun::Up,
            "down" => Sun::Down,
            _ => Sun::Crosses { sunset_us: sunset[row], sunrise_us: sunrise[row] },
        };
        site.add_sun(
            night,
            NightSun {
                is_of_night: own.value(row),
                start_us: starts.value(row),
                place: Place { latitude: latitudes.value(row), longitude: longitudes.value(row) },
                clock_ahead_h: ahead.value(row),
                sun,
                sunset_local_us: sunset_local[row],
                sunrise_local_us: sunrise_local[row],
            },
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_count_from_1970() {
        assert_eq!((days(date(1970, 1, 2)), days(date(2020, 3, 1))), (Day(1), Day(18_322)));
        assert_eq!((date_of(18_322), date_of(-1)), (Some(date(2020, 3, 1)), Some(date(1969, 12, 31))));
        assert_eq!(date_of(i32::MAX), None);
    }
}
