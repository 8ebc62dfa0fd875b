//! From what was counted to the rows of tables.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::{UnitContext, WorkError};
use chorus_tables::{BatchBuilder, LocalMicros, UtcMicros};
use jiff::civil::Date;

use super::bins::{Bin, Scale};
use super::cell::{Cell, Found};
use super::night_sun::NightSun;
use super::parts::days;
use super::season::{Nights, Season, Step, accumulate, season, together};
use super::tally::Tally;

/// Rows that are made at once.
const ROWS_PER_BATCH: usize = 1 << 16;

/// Numbers of the classes that nobody looked for, by site.
type LeftOut = BTreeMap<String, BTreeSet<u32>>;

/// Writes all tables of the pass. A class has no rows of a site where it is left out.
pub(super) fn write(cx: &UnitContext<'_>, tally: &Tally, left_out: &LeftOut) -> Result<(), WorkError> {
    let model = || std::iter::repeat(&tally.model_id);
    let nights: BTreeMap<&str, Nights> = tally.sites.iter().map(|(site, known)| (site.as_str(), known.nights())).collect();
    let of_hours = of_scales(tally, left_out, &[Scale::Hour]);
    stream(cx, "activity", of_hours, |batch, rows: &[(&str, Bin, Heard<'_>)]| {
        let batch = batch
            .column("site", rows.iter().map(|(site, ..)| site))
            .column("night", rows.iter().map(|(_, bin, _)| bin.night.map(days)))
            .column("hour", rows.iter().map(|(_, bin, _)| bin.position));
        heard(batch, rows.iter().map(|(.., heard)| heard)).column("model_id", model().take(rows.len()))
    })?;
    let from_sun = of_scales(tally, left_out, &[Scale::Sunrise, Scale::Sunset]);
    stream(cx, "sun_activity", from_sun, |batch, rows: &[(&str, Bin, Heard<'_>)]| {
        let batch = batch
            .column("site", rows.iter().map(|(site, ..)| site))
            .column("night", rows.iter().map(|(_, bin, _)| bin.night.map(days)))
            .column("anchor", rows.iter().map(|(_, bin, _)| bin.scale.name()))
            .column("offset_min", rows.iter().map(|(_, bin, _)| bin.position));
        heard(batch, rows.iter().map(|(.., heard)| heard)).column("model_id", model().take(rows.len()))
    })?;
    stream(cx, "nights", each_night(tally, &nights), |batch, rows: &[(&str, Date, &Cell, Option<&NightSun>)]| {
        let suns = || rows.iter().map(|(.., sun)| *sun);
        let sunset = |known: &NightSun| known.sun.sunset_us();
        let sunrise = |known: &NightSun| known.sun.sunrise_us();
        batch
            .column("site", rows.iter().map(|(site, ..)| site))
            .column("night", rows.iter().map(|(_, night, ..)| days(*night)))
            .column("effort_s", rows.iter().map(|(_, _, cell, _)| cell.recorded_s()))
            .column("windows", rows.iter().map(|(_, _, cell, _)| cell.windows))
            .column("minutes", rows.iter().map(|(_, _, cell, _)| cell.minutes))
            .column("classes_detected", rows.iter().map(|(_, _, cell, _)| cell.detected().count() as u32))
            .column("latitude", suns().map(|known| known.map(|k| k.place.latitude)))
            .column("longitude", suns().map(|known| known.map(|k| k.place.longitude)))
            .column("sun", suns().map(|known| known.map(|k| k.sun.name())))
            .column("sunset_utc", suns().map(|known| known.and_then(sunset).map(UtcMicros)))
            .column("sunrise_utc", suns().map(|known| known.and_then(sunrise).map(UtcMicros)))
            .column("sunset_local", suns().map(|known| known.and_then(|k| k.sunset_local_us).map(LocalMicros)))
            .column("sunrise_local", suns().map(|known| known.and_then(|k| k.sunrise_local_us).map(LocalMicros)))
            .column("model_id", model().take(rows.len()))
    })?;
    stream(cx, "phenology", seasons(tally, left_out, &nights).into_iter(), |batch, rows: &[(Option<&str>, &str, Season)]| {
        let spans = || rows.iter().map(|(.., season)| season.span);
        batch
            .column("site", rows.iter().map(|(site, ..)| *site))
            .column("class", rows.iter().map(|(_, class, _)| class))
            .column("nights", rows.iter().map(|(.., season)| season.nights))
            .column("nights_detected", rows.iter().map(|(.., season)| season.nights_detected))
            .column("first_night", spans().map(|span| span.map(|s| days(s.first))))
            .column("last_night", spans().map(|span| span.map(|s| days(s.last))))
            .column("nights_before", spans().map(|span| span.map(|s| s.before.nights)))
            .column("effort_before_s", spans().map(|span| span.map(|s| s.before.effort_s)))
            .column("night_before", spans().map(|span| span.and_then(|s| s.before.nearest).map(days)))
            .column("nights_after", spans().map(|span| span.map(|s| s.after.nights)))
            .column("effort_after_s", spans().map(|span| span.map(|s| s.after.effort_s)))
            .column("night_after", spans().map(|span| span.and_then(|s| s.after.nearest).map(days)))
            .column("model_id", model().take(rows.len()))
    })?;
    stream(cx, "accumulation", steps(&nights).into_iter(), |batch, rows: &[(Option<&str>, Step)]| {
        batch
            .column("site", rows.iter().map(|(site, _)| *site))
            .column("night", rows.iter().map(|(_, step)| days(step.night)))
            .column("nights", rows.iter().map(|(_, step)| step.nights))
            .column("site_nights", rows.iter().map(|(_, step)| step.site_nights))
            .column("effort_s", rows.iter().map(|(_, step)| step.effort_s))
            .column("classes", rows.iter().map(|(_, step)| step.classes))
            .column("new_classes", rows.iter().map(|(_, step)| step.new_classes))
            .column("model_id", model().take(rows.len()))
    })
}

/// Writes rows in batches, so that only some of them are held at once.
fn stream<R>(
    cx: &UnitContext<'_>,
    table: &str,
    mut rows: impl Iterator<Item = R>,
    fill: impl Fn(BatchBuilder, &[R]) -> BatchBuilder,
) -> Result<(), WorkError> {
    let mut sink = cx.sink(table, &[])?;
    loop {
        let some: Vec<R> = rows.by_ref().take(ROWS_PER_BATCH).collect();
        let batch = fill(sink.builder(), &some).build()?;
        sink.write(&batch)?;
        if some.len() < ROWS_PER_BATCH {
            return Ok(sink.finish()?);
        }
    }
}

/// A class in a cell.
struct Heard<'a> {
    class: &'a str,
    cell: &'a Cell,
    found: Found,
}

/// Adds the columns that `activity` and `sun_activity` have in common.
fn heard<'a>(batch: BatchBuilder, rows: impl Iterator<Item = &'a Heard<'a>> + Clone) -> BatchBuilder {
    batch
        .column("class", rows.clone().map(|h| h.class))
        .column("effort_s", rows.clone().map(|h| h.cell.recorded_s()))
        .column("windows", rows.clone().map(|h| h.cell.windows))
        .column("windows_detected", rows.clone().map(|h| h.found.windows))
        .column("minutes", rows.clone().map(|h| h.cell.minutes))
        .column("minutes_detected", rows.clone().map(|h| h.found.minutes))
        .column("events", rows.map(|h| h.found.events))
}

/// Every class that was looked for at the site of a cell, found there or not, by name.
fn each_class<'a>(tally: &'a Tally, left_out: &'a BTreeSet<u32>, cell: &'a Cell) -> impl Iterator<Item = Heard<'a>> {
    let told = tally.classes.iter().filter(|(_, number)| !left_out.contains(number));
    told.map(move |(class, number)| Heard { class, cell, found: cell.found(*number) })
}

/// The cells of some scales, each with every class that was looked for.
fn of_scales<'a>(
    tally: &'a Tally,
    left_out: &'a LeftOut,
    scales: &'a [Scale],
) -> impl Iterator<Item = (&'a str, Bin, Heard<'a>)> {
    tally.sites.iter().flat_map(move |(site, known)| {
        let cells = known.cells.iter().filter(|(bin, _)| scales.contains(&bin.scale));
        let left_out = &left_out[site];
        cells.flat_map(move |(bin, cell)| each_class(tally, left_out, cell).map(move |heard| (site.as_str(), *bin, heard)))
    })
}

fn each_night<'a>(
    tally: &'a Tally,
    nights: &'a BTreeMap<&str, Nights>,
) -> impl Iterator<Item = (&'a str, Date, &'a Cell, Option<&'a NightSun>)> {
    nights.iter().flat_map(move |(site, nights)| {
        nights.iter().map(move |(night, cell)| (*site, *night, cell, tally.sites[*site].suns.get(night)))
    })
}

/// The season of each class over all sites together where it was looked for, and at each of them.
fn seasons<'a>(
    tally: &'a Tally,
    left_out: &LeftOut,
    nights: &BTreeMap<&'a str, Nights>,
) -> Vec<(Option<&'a str>, &'a str, Season)> {
    let is_told = |site: &str, number: u32| !left_out[site].contains(&number);
    let whole = together(nights.values());
    let of_all = tally.classes.iter().filter_map(|(class, &number)| {
        let told = || nights.iter().filter(move |(site, _)| is_told(site, number)).map(|(_, nights)| nights);
        // Mostly a class is looked for at all sites, and their sum is the same for all of these.
        let season = match told().count() {
            0 if !nights.is_empty() => return None,
            n if n == nights.len() => season(&whole, number),
            _ => season(&together(told()), number),
        };
        Some((None, class.as_str(), season))
    });
    let of_each = nights.iter().flat_map(|(site, nights)| {
        let told = tally.classes.iter().filter(move |(_, number)| is_told(site, **number));
        told.map(move |(class, number)| (Some(*site), class.as_str(), season(nights, *number)))
    });
    of_all.chain(of_each).collect()
}

/// The accumulation of classes over all sites together, and at each.
fn steps<'a>(nights: &BTreeMap<&'a str, Nights>) -> Vec<(Option<&'a str>, Step)> {
    let all: Vec<&Nights> = nights.values().collect();
    let together = accumulate(&all).into_iter().map(|step| (None, step));
    let single = nights.iter().flat_map(|(site, nights)| accumulate(&[nights]).into_iter().map(|step| (Some(*site), step)));
    together.chain(single).collect()
}
