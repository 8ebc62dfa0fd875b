//! What was recorded: the calendar of effort, the sites with their map and sound levels, and the files that are damaged.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::parts::{first, head, row_head, table, tables};
use super::{places, sounds};
use crate::facts::{Damaged, Day, Facts, Recorded, Site};
use crate::plot::calendar::{self, Column};
use crate::plot::heat::{Cell, Heat};
use crate::words::{NONE, Words};

/// The question that names all damaged files.
const DAMAGED: &str = "chorus query \"SELECT site, path, status, reason FROM recordings WHERE status <> 'ok'\"";

pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    let recorded = &facts.recorded;
    html! {
        @if recorded.sites.is_empty() {
            p { (w.word("recorded.nothing")) }
        } @else {
            (effort(w, recorded))
            (places::section(w, facts))
            (sites(w, recorded))
            (sounds::section(w, facts))
            (damaged(w, recorded))
            (tables(w, if facts.sounds.is_empty() { &["recordings"] } else { &["recordings", "soundscape"] }))
        }
    }
}

/// The columns of the page's calendars.
pub(super) fn columns(recorded: &Recorded) -> Vec<Column> {
    let nights: BTreeSet<Day> = recorded.sites.values().flat_map(|s| s.nights.keys().copied()).collect();
    calendar::columns(&nights, recorded.sites.len())
}

/// What a column of a calendar stands for, in words.
pub(super) fn column_words(w: &Words, columns: &[Column]) -> String {
    w.count("calendar.column", u64::from(calendar::nights_per_column(columns).unsigned_abs()))
}

fn effort(w: &Words, recorded: &Recorded) -> Markup {
    let columns = columns(recorded);
    let by_night = calendar::nights_per_column(&columns) == 1;
    let rows = recorded.sites.iter().map(|(name, site)| (name.as_str(), columns.iter().map(|c| effort_in(site, c)).collect()));
    let heat = Heat {
        words: w,
        label: w.word("effort.label"),
        corner: w.word("col.site"),
        cell: if by_night { "effort.cell" } else { "effort.cell_mean" },
        scale: w.word(if by_night { "effort.scale" } else { "effort.scale_mean" }),
        columns: &columns,
        rows: rows.collect(),
        text: |w, h| w.hours(h * 3600.0),
        zero: None,
    };
    let untimed = recorded.total(|s| s.untimed);
    html! {
        figure {
            figcaption { strong { (w.word("effort.title")) } " " (w.text("effort.about", &[("columns", &column_words(w, &columns))])) }
            @if columns.is_empty() { p { (w.word("calendar.none")) } } @else { (heat.draw()) }
            @if untimed > 0 && !columns.is_empty() { p.note { (w.count("calendar.untimed", untimed)) } }
        }
    }
}

fn effort_in(site: &Site, column: &Column) -> Cell {
    let nights = || site.nights.range(column.first..=column.last()).map(|(_, night)| night);
    let recorded_s: f64 = nights().map(|n| n.recorded_s).sum();
    match nights().map(|n| n.rejected).sum::<u64>() {
        _ if recorded_s > 0.0 => Cell::Value(recorded_s / 3600.0 / f64::from(column.nights)),
        0 => Cell::Nothing,
        _ => Cell::Unreadable,
    }
}

/// Nights with readable recordings.
fn nights(site: &Site) -> u64 {
    site.nights.values().filter(|n| n.recorded_s > 0.0).count() as u64
}

fn sites(w: &Words, recorded: &Recorded) -> Markup {
    let heads = html! {
        (first(w, "col.site")) (head(w, "site.recordings", true)) (head(w, "site.hours", true)) (head(w, "site.nights", true))
        (head(w, "site.first", false)) (head(w, "site.last", false)) (head(w, "site.place", false))
        (head(w, "site.repaired", true)) (head(w, "site.rejected", true))
    };
    let rows = html! {
        @for (name, site) in &recorded.sites {
            tr {
                (row_head(name))
                td.n { (w.number(site.recordings)) }
                td.n { (w.hours(site.recorded_s)) }
                td.n { (w.number(nights(site))) }
                td.d { (date(w, site.first)) }
                td.d { (date(w, site.last)) }
                td.d { (place(w, site)) }
                td.n { (w.number(site.repaired)) }
                td.n { (w.number(site.rejected)) }
            }
        }
        @if recorded.sites.len() > 1 {
            tr.sum {
                (row_head(w.word("all")))
                td.n { (w.number(recorded.total(|s| s.recordings))) }
                td.n { (w.hours(recorded.recorded_s())) }
                td.n { (w.number(recorded.total(nights))) }
                td.d { (date(w, recorded.span().map(|s| s.0))) }
                td.d { (date(w, recorded.span().map(|s| s.1))) }
                td {}
                td.n { (w.number(recorded.total(|s| s.repaired))) }
                td.n { (w.number(recorded.total(|s| s.rejected))) }
            }
        }
    };
    html! {
        h3 { (w.word("sites")) }
        (table(w.word("sites"), heads, rows))
        @if recorded.duplicates > 0 {
            p.note { (w.say_n("site.duplicates", recorded.duplicates, &[("copies", &w.number(recorded.copies))])) }
        }
        @if recorded.doubtful > 0 {
            p.note { (w.say_n("site.doubtful", recorded.doubtful, &[])) }
        }
    }
}

fn date(w: &Words, day: Option<Day>) -> String {
    day.map_or_else(|| NONE.into(), |d| w.day(d))
}

fn place(w: &Words, site: &Site) -> String {
    let Some(place) = site.place else { return NONE.to_owned() };
    let place = w.degrees(place);
    if site.moved { w.text("site.moved", &[("place", &place)]) } else { place }
}

fn damaged(w: &Words, recorded: &Recorded) -> Markup {
    let (rejected, repaired) = (recorded.total(|s| s.rejected), recorded.total(|s| s.repaired));
    let listed = (recorded.rejected.len() + recorded.repaired.len()) as u64;
    let heads = html! {
        (first(w, "damage.file")) (head(w, "col.site", false)) (head(w, "damage.status", false)) (head(w, "damage.lost", true))
        (head(w, "damage.why", false))
    };
    let rows = html! {
        @for file in &recorded.rejected { (row(w, file, "status.rejected")) }
        @for file in &recorded.repaired { (row(w, file, "status.repaired")) }
    };
    let kinds = html! {
        @for (i, (code, files)) in recorded.damage.iter().enumerate() {
            @if i > 0 { "; " } (w.named("damage_of", code)) " (" code { (code) } "): " (w.number(*files))
        }
    };
    html! {
        h3 { (w.word("damage.title")) }
        @if rejected + repaired == 0 {
            p { (w.word("damage.none")) }
        } @else {
            p { (w.damage(rejected, repaired)) " " (w.say("damage.kinds", &[("kinds", &kinds)])) }
            (table(w.word("damage.title"), heads, rows))
            @if listed < rejected + repaired {
                p.note {
                    (w.say("damage.listed", &[("listed", &w.number(listed)), ("all", &w.number(rejected + repaired)), ("query", &html! { code { (DAMAGED) } })]))
                }
            }
        }
    }
}

fn row(w: &Words, file: &Damaged, status: &str) -> Markup {
    html! {
        tr {
            th.first.path scope="row" { bdi { (file.path) } }
            td.name { bdi { (file.site) } }
            td { (w.word(status)) }
            td.n { (file.lost_s.map_or_else(|| NONE.into(), |s| w.decimal(s, 1))) }
            td.text lang=[w.english()] { bdi { (file.reason) } }
        }
    }
}
