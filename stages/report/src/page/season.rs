//! When in the year, and at which hour: the nights with each class over the season, and the hour of the night over the season.

use maud::{Markup, html};

use super::data;
use super::parts::{class_head, class_name, first, head, most_shown};
use super::recorded::column_words;
use crate::facts::{Class, Facts, HOURS, Tally};
use crate::plot::calendar::{self, Column};
use crate::plot::heat::{Cell, Heat};
use crate::plot::season::{self, OfHours};
use crate::words::{NONE, Words};

/// Columns of the small charts, and of the map above them.
const MOST_COLUMNS: usize = 60;
/// Classes whose charts are drawn, and that have a row of the map; the frequent ones first.
const MOST_CLASSES: usize = 60;

/// Nothing where no night is known.
pub(super) fn section(w: &Words, facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let columns = calendar::at_most(&facts.found.all_nights(), MOST_COLUMNS);
    if columns.is_empty() {
        return html! {};
    }
    let shown = &found[..found.len().min(MOST_CLASSES)];
    html! {
        h3 { (w.word("season.title")) }
        (nights(w, facts, shown, &columns))
        (hours(w, facts, shown, &columns))
        (most_shown(w, shown.len(), found.len()))
    }
}

/// In which share of the nights of each site a class was detected, by columns of the calendar.
fn nights(w: &Words, facts: &Facts, found: &[(&str, &Class)], columns: &[Column]) -> Markup {
    let cell = |class: &Class, column: &Column| match class.site_nights(&facts.found.nights, column.first, column.last()) {
        (0, _) => Cell::Nothing,
        (nights, detected) => Cell::Value(detected as f64 / nights as f64),
    };
    let rows = found.iter().map(|(name, class)| (*name, columns.iter().map(|column| cell(class, column)).collect()));
    let heat = Heat {
        words: w,
        label: w.word("season.label"),
        corner: w.word("col.class"),
        cell: "season.cell",
        scale: w.word("season.scale"),
        columns,
        rows: rows.collect(),
        text: |w, share| w.number((share * 100.0).round() as u64),
        zero: Some(w.word("richness.zero")),
    };
    html! {
        figure {
            figcaption { (w.text("season.about", &[("columns", &column_words(w, columns))])) }
            (heat.draw())
        }
    }
}

fn hours(w: &Words, facts: &Facts, found: &[(&str, &Class)], columns: &[Column]) -> Markup {
    let of = |class: &Class| -> Vec<OfHours> {
        columns.iter().map(|column| class.hours_in(column.first, column.last()).map(Tally::share)).collect()
    };
    let shares: Vec<(&str, Vec<OfHours>)> = found.iter().map(|(name, class)| (*name, of(class))).collect();
    // Where any class was looked for, something was listened to.
    let listened = |column: usize, hour: usize| shares.iter().any(|(_, of)| of[column][hour].is_some());
    if !(0..columns.len()).any(|column| (0..HOURS).any(|hour| listened(column, hour))) {
        return html! {};
    }
    html! {
        h3 { (w.word("season.hours")) }
        p { (w.text("season.hours_about", &[("columns", &column_words(w, columns))])) }
        (season::face(w, columns, listened))
        div.clocks.seasons {
            @for (name, of) in &shares {
                figure {
                    figcaption { (class_name(facts, name)) }
                    (season::chart(w, &w.text("season.chart", &[("class", name)]), &highest(w, columns, of), of))
                }
            }
        }
        (table(w, facts, columns, &shares))
    }
}

/// The highest share of a class, in words.
fn highest(w: &Words, columns: &[Column], shares: &[OfHours]) -> String {
    match season::highest(shares) {
        Some((column, hour, share)) => {
            w.text("season.highest", &[("when", &columns[column].name(w)), ("hour", &w.hour(hour)), ("value", &w.share(share))])
        }
        None => w.word("clock.nothing").to_owned(),
    }
}

fn table(w: &Words, facts: &Facts, columns: &[Column], shares: &[(&str, Vec<OfHours>)]) -> Markup {
    let heads = html! {
        (first(w, "col.class")) (head(w, "season.highest_share", true)) (head(w, "season.highest_when", false)) (head(w, "season.highest_hour", true))
    };
    let rows = html! {
        @for (name, of) in shares {
            tr {
                (class_head(facts, name))
                @match season::highest(of) {
                    Some((column, hour, share)) => {
                        td.n { (w.share(share)) }
                        td.d { (columns[column].name(w)) }
                        td.n { (w.hour(hour)) }
                    }
                    None => {
                        td.n { (NONE) }
                        td.d { (NONE) }
                        td.n { (NONE) }
                    }
                }
            }
        }
    };
    data::behind(w, w.word("season.hours"), heads, rows)
}
