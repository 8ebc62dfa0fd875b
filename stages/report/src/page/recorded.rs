//! What was recorded: the calendar of effort, the sites with their sound levels, and the files that are damaged.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::parts::{first, head, row_head, table, tables};
use super::sounds;
use super::words::{NONE, count, damage, hours, number};
use crate::facts::{Damaged, Day, Facts, Recorded, Site};
use crate::plot::calendar::{self, Column};
use crate::plot::heat::{Cell, Heat};

pub(super) fn section(facts: &Facts) -> Markup {
    let recorded = &facts.recorded;
    html! {
        @if recorded.sites.is_empty() {
            p { "The archive holds no recordings." }
        } @else {
            (effort(recorded))
            (sites(recorded))
            (sounds::section(facts))
            (damaged(recorded))
            (tables(if facts.sounds.is_empty() { &["recordings"] } else { &["recordings", "soundscape"] }))
        }
    }
}

/// The columns of the page's calendars.
pub(super) fn columns(recorded: &Recorded) -> Vec<Column> {
    let nights: BTreeSet<Day> = recorded.sites.values().flat_map(|s| s.nights.keys().copied()).collect();
    calendar::columns(&nights, recorded.sites.len())
}

/// What a column of a calendar stands for, in words.
pub(super) fn column_words(columns: &[Column]) -> String {
    match calendar::nights_per_column(columns) {
        1 => "A column is a night".into(),
        n => format!("A column is {n} nights"),
    }
}

fn effort(recorded: &Recorded) -> Markup {
    let columns = columns(recorded);
    let per_column = calendar::nights_per_column(&columns);
    let rows = recorded.sites.iter().map(|(name, site)| (name.as_str(), columns.iter().map(|c| effort_in(site, c)).collect()));
    let heat = Heat {
        label: "Hours recorded by site and night",
        corner: "Site",
        unit: if per_column == 1 { "h recorded" } else { "h recorded a night" },
        scale: if per_column == 1 { "hours a night" } else { "hours a night, on average" },
        columns: &columns,
        rows: rows.collect(),
        text: |h| hours(h * 3600.0),
        zero: None,
    };
    html! {
        figure {
            figcaption {
                strong { "Effort." } " Hours recorded by site and night. " (column_words(&columns)) ". A night runs from noon to noon of the
                local clock and is named by the date on which it begins. Two recorders at one site add up."
            }
            @if columns.is_empty() { p { "No recording has a start that can be trusted, so there is no calendar." } } @else { (heat.draw()) }
            @let untimed = recorded.total(|s| s.untimed);
            @if untimed > 0 && !columns.is_empty() {
                p.note { "Not in the calendar: " (count(untimed, "recording")) " without a start that can be trusted." }
            }
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

fn sites(recorded: &Recorded) -> Markup {
    let heads = html! {
        (first("Site")) (head("Recordings", true, "Audio files, readable or not")) (head("Hours", true, "Hours that can be read"))
        (head("Nights", true, "Nights with readable recordings")) (head("First", false, "Date of the first recording"))
        (head("Last", false, "Date of the last recording")) (head("Latitude, longitude", false, "WGS 84, degrees; north and east are positive"))
        (head("Repaired", true, "Files that could be read in part")) (head("Rejected", true, "Files that could not be read"))
    };
    let rows = html! {
        @for (name, site) in &recorded.sites {
            tr {
                (row_head(name))
                td.n { (number(site.recordings)) }
                td.n { (hours(site.recorded_s)) }
                td.n { (number(site.nights.values().filter(|n| n.recorded_s > 0.0).count() as u64)) }
                td.d { (date(site.first)) }
                td.d { (date(site.last)) }
                td.d { (place(site)) }
                td.n { (number(site.repaired)) }
                td.n { (number(site.rejected)) }
            }
        }
        @if recorded.sites.len() > 1 {
            tr.sum {
                (row_head("All"))
                td.n { (number(recorded.total(|s| s.recordings))) }
                td.n { (hours(recorded.recorded_s())) }
                td.n { (number(recorded.total(|s| s.nights.values().filter(|n| n.recorded_s > 0.0).count() as u64))) }
                td.d { (date(recorded.span().map(|s| s.0))) }
                td.d { (date(recorded.span().map(|s| s.1))) }
                td {}
                td.n { (number(recorded.total(|s| s.repaired))) }
                td.n { (number(recorded.total(|s| s.rejected))) }
            }
        }
    };
    html! {
        h3 { "Sites" }
        (table("Sites", heads, rows))
        @if recorded.duplicates > 0 {
            p.note {
                "Same content as another one: " (count(recorded.duplicates, "recording")) ". "
                (number(recorded.copies)) " of these, of the same site and time, count once with it; the others count for themselves."
            }
        }
        @if recorded.doubtful > 0 {
            p.note { "Doubtful start: " (count(recorded.doubtful, "recording")) "; the column " code { "time_note" } " says why." }
        }
    }
}

fn date(day: Option<Day>) -> String {
    day.map_or_else(|| NONE.into(), |d| d.to_string())
}

fn place(site: &Site) -> Markup {
    html! {
        @match site.place {
            Some((latitude, longitude)) => { (format!("{latitude:.5}, {longitude:.5}")) @if site.moved { " and others" } }
            None => (NONE),
        }
    }
}

fn damaged(recorded: &Recorded) -> Markup {
    let (rejected, repaired) = (recorded.total(|s| s.rejected), recorded.total(|s| s.repaired));
    let listed = recorded.rejected.len() + recorded.repaired.len();
    let heads = html! {
        th.first scope="col" title="Path in the archive" { "File" } (head("Site", false, "")) (head("Status", false, ""))
        (head("Lost, s", true, "Seconds that the header promised and the file does not hold, where that is known")) (head("Why", false, ""))
    };
    let rows = html! {
        @for file in &recorded.rejected { (row(file, "rejected")) }
        @for file in &recorded.repaired { (row(file, "repaired")) }
    };
    html! {
        h3 { "Rejected and repaired files" }
        @if rejected + repaired == 0 {
            p { "Every file could be read as it stands." }
        } @else {
            p {
                (damage(rejected, repaired)) " By kind of damage: "
                @for (i, (code, files)) in recorded.damage.iter().enumerate() { @if i > 0 { ", " } code { (code) } " " (number(*files)) }
                "."
            }
            (table("Rejected and repaired files", heads, rows))
            @if (listed as u64) < rejected + repaired {
                p.note {
                    "The first " (number(listed as u64)) " of " (number(rejected + repaired)) ". All of them: "
                    code { "chorus query \"SELECT site, path, status, reason FROM recordings WHERE status <> 'ok'\"" }
                }
            }
        }
    }
}

fn row(file: &Damaged, status: &str) -> Markup {
    html! {
        tr {
            th.first.path scope="row" { bdi { (file.path) } }
            td.name { bdi { (file.site) } }
            td { (status) }
            td.n { (file.lost_s.map_or_else(|| NONE.into(), |s| format!("{s:.1}"))) }
            td.text { bdi { (file.reason) } }
        }
    }
}
